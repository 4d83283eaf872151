"""One station's profiles on the disk: one save at a time, and a refused one again later."""

from collections.abc import Callable
from dataclasses import replace

from edge.errors import ShelfUnusable
from edge.ocpp.profiles import archive
from edge.ocpp.profiles.store import ProfileStore
from edge.ocpp.shelf import Shelf
from edge.units import Seconds

RETRY_S: Seconds = 30.0  # after a refusal


class KeptStore:
    """Without a shelf nothing has to be kept.

    ``problem`` says what is wrong with the shelf, None while all is well: then profiles that were set before are
    missing, or those that are set now will be after a restart.
    """

    def __init__(self, station: str, shelf: Shelf | None) -> None:
        self._station = station
        self._shelf = shelf
        self.problem: str | None = None
        self.found = self._found()  # at the start
        self.is_saving = False
        self._kept = _lasting(self.found)
        self._refused: ProfileStore | None = None
        self._retry_at: Seconds = 0.0

    def lasts(self, store: ProfileStore, before: ProfileStore) -> bool:
        """Whether the store has something for the disk that the one before hadn't."""
        return self._shelf is not None and _lasting(store) != _lasting(before)

    def lacks(self, store: ProfileStore) -> bool:
        """Whether the store is to be saved: something of it isn't there, and it wasn't refused lately."""
        return self._shelf is not None and _lasting(store) not in (self._kept, self._refused)

    def save(self, store: ProfileStore, then: Callable[[str | None], None]) -> None:
        """Have the store put on the disk; ``then`` hears when that is over, and what went wrong. Only while nothing
        :attr:`is_saving`, and with a shelf."""

        def done(problem: str | None) -> None:
            self.is_saving = False
            if problem is None:
                self.problem, self._kept, self._refused = None, _lasting(store), None
            else:
                self.problem, self._refused = f"charging profiles can't be stored: {problem}", _lasting(store)
            then(problem)

        if self._shelf is not None:
            self.is_saving = True
            self._shelf.save(self._station, archive.to_text(store), done)

    def retries(self, now: Seconds) -> bool:
        """Whether what the disk refused is to be tried again."""
        if self._refused is None or now < self._retry_at:
            return False
        self._refused, self._retry_at = None, now + RETRY_S
        return True

    def _found(self) -> ProfileStore:
        if self._shelf is None:
            return ProfileStore()
        try:
            kept = self._shelf.load(self._station)
            return ProfileStore() if kept is None else archive.from_text(kept)
        except ShelfUnusable as error:
            self.problem = f"the kept charging profiles are lost: {error}"
        try:
            self._shelf.set_aside(self._station)
        except ShelfUnusable as error:
            self.problem += f"; {error}"
        return ProfileStore()


def _lasting(store: ProfileStore) -> ProfileStore:
    """What is worth a write to the disk: transactions, from whose begin a profile may count that is set later, what the
    cloud believes of the site's limits, and how long it is away only where a profile depends on it."""
    if not store.installed and not store.awaited:
        return ProfileStore(running=store.running, site_told=store.site_told)
    if any(each.profile.max_offline_s is not None for each in store.installed):
        return store
    return replace(store, offline_since=None)

"""When this program's garbage is looked for: between two ticks, and never in the midst of one.

Counting references frees nearly all; what is left are cycles. The collector finds them by walking through all that it
minds, which for hundreds of stations takes a tenth of a second, and it would begin with that at any moment. So what
stays is put beyond its reach, and it only walks through what is new.
"""

from typing import Any, Protocol

from edge.units import Seconds

# The generations that are looked through after each tick: what was made since the one before.
YOUNG = 1
ALL = 2
# What outlived the ticks since is looked through this often: some milliseconds.
OLDER_EVERY_S: Seconds = 60.0
# More of it than this is no longer quick to walk through (10 ms on a server, five times that on a small gateway):
# stations have come, or come anew. It is looked through at once, and what stays is put beyond reach.
OLDER_OBJECTS = 50_000
# When so many were put beyond reach, all is looked through, those too: with 500 stations a tenth of a second or two, so
# it must be rare; and garbage that nobody finds is bounded by it, to 50 MB if all of it had become that.
PUT_AWAY_OBJECTS = 500_000
# Of the collector's counters: a generation with this threshold isn't looked through unasked.
NEVER = 2**31 - 1


class Collector(Protocol):
    """What is needed of the module :mod:`gc`."""

    def collect(self, generation: int = ALL, /) -> int: ...
    def freeze(self) -> None: ...
    def unfreeze(self) -> None: ...
    def get_objects(self, generation: int | None = None) -> list[Any]: ...
    def get_threshold(self) -> tuple[int, int, int]: ...
    def set_threshold(self, threshold0: int, threshold1: int = ..., threshold2: int = ..., /) -> None: ...


class Litter:
    """Has the garbage of the whole process collected, from :meth:`begin` to :meth:`end`; from :meth:`build` to
    :meth:`begin` none.

    Garbage among what is beyond reach waits until it is replaced by as much that is new: memory stays bounded.
    """

    def __init__(self, collector: Collector) -> None:
        self._gc = collector
        self._thresholds = collector.get_threshold()  # as it was
        self._older_due: Seconds | None = None
        self._put_away = 0  # objects, since all was looked through

    def build(self) -> None:
        """What is made from now on stays, nearly all: to walk through it again and again as it grows would take a fifth
        of a start with a full journal."""
        _, young, old = self._thresholds
        self._gc.set_threshold(NEVER, young, old)

    def begin(self) -> None:
        """All is built: what was made until now stays."""
        newest, young, _ = self._thresholds
        self._gc.set_threshold(newest, young, NEVER)
        self._settle()

    def after_tick(self, now: Seconds) -> None:
        """A tick is over, and the next is some time ahead."""
        self._gc.collect(YOUNG)
        older = len(self._gc.get_objects(generation=ALL))
        if older > OLDER_OBJECTS:
            self._put_away += older
            if self._put_away > PUT_AWAY_OBJECTS:
                self._gc.unfreeze()
                self._put_away = 0
            self._settle()
        elif self._older_due is None:
            self._older_due = now + OLDER_EVERY_S
        elif now >= self._older_due:
            self._older_due = now + OLDER_EVERY_S
            self._gc.collect(ALL)

    def end(self) -> None:
        """Leave the collector as it was."""
        self._gc.set_threshold(*self._thresholds)
        self._gc.unfreeze()

    def _settle(self) -> None:
        self._gc.collect(ALL)
        self._gc.freeze()

"""The files of a storage folder, and the only code that changes them. Blocking: the writer's thread owns it.

``journal.db`` (FULL)     messages that the cloud hasn't confirmed, transactions and their ids
``registry.db`` (FULL)    what the cloud last said, tokens (``registry.good.db`` is a copy); :mod:`edge.storage.copies`
``history.db`` (NORMAL)   samples and decisions: may be lost, goes first when the disk is full
``reserve``               room for the journal when the disk is full
"""

import contextlib
import sqlite3
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import structlog

from edge.chance import Chance
from edge.domain.journal import Write
from edge.errors import StorageFailed, StorageFull
from edge.storage import copies, history, rows, sums
from edge.storage.batch import Part, apply, grows, is_spare
from edge.storage.condition import Condition, Health, condition
from edge.storage.copies import Copies
from edge.storage.damage import set_aside
from edge.storage.database import Opened, Schema, is_full, open_database, pages, schemas, tidy, transaction
from edge.storage.healing import heal
from edge.storage.history import HISTORY_BYTES, HistoryRow
from edge.storage.proof import prove
from edge.storage.reserve import RESERVE_BYTES, Reserve
from edge.storage.salvage import copy_good

log = structlog.get_logger(__name__)

ROOM_PAGES = 500  # 2 MB free within a file: so much may come in again while the disk itself is full
LAST_PAGES = 250  # of them stay: what takes messages away needs room, and the state isn't to change with each message
_REMEDY = "free some room on its disk, or replace it"
_HISTORY = "history"
_FILES = {rows.JOURNAL: "FULL", rows.REGISTRY: "FULL", _HISTORY: "NORMAL"}


class Store:
    """The open files of ``folder``. ``vfs`` names an SQLite file layer other than the system's; ``chance`` is
    SQLite's own, unless given.

    ``healed``: the names of the files that were found damaged when they were opened.
    """

    def __init__(
        self,
        folder: Path,
        *,
        vfs: str | None = None,
        reserve_bytes: int = RESERVE_BYTES,
        history_bytes: int = HISTORY_BYTES,
        chance: Chance | None = None,
    ) -> None:
        self._folder = folder
        self._vfs = vfs
        self._chance = chance
        self._history_bytes = history_bytes
        self._reserve = Reserve(folder / "reserve", reserve_bytes)
        self._open: dict[str, sqlite3.Connection] = {}
        self._changes_seen: tuple[int, int] | None = None
        self._copies = Copies()
        self._is_behind = False  # they aren't all there, or some of what was delivered are
        self.health = Health.GOOD
        self.healed: tuple[str, ...] = ()

    def open(self) -> None:
        """Open all files, with damaged ones healed.

        :raises StorageError: the folder or a file can't be used.
        """
        try:
            self._open_all()
        except StorageFailed:
            self.close()
            if not (self._reserve.is_needed and self._reserve.give_up()):
                raise
            self._open_all()
            self._enter(Health.RESERVE)
        self._reserve.take()

    def _open_all(self) -> None:
        forms = schemas()
        healed = set()
        for name in (rows.REGISTRY, rows.JOURNAL, _HISTORY):  # a damaged journal is healed out of the registry, too
            opened = self._opened(name, forms[name], _FILES[name])
            self._open[name] = opened.connection
            if opened.damaged is not None:
                healed.add(name)
        self.healed = tuple(name for name in _FILES if name in healed)
        self._copy(at_start=True)
        with contextlib.suppress(sqlite3.Error):
            sums.complete(self._open[rows.JOURNAL], "entry")
            sums.complete(self._open[rows.REGISTRY], copies.ENTRIES)
        self._changes_seen = self._data_versions()
        self._keep_good_copy()

    def close(self) -> None:
        """Close all files. Never raises."""
        for connection in self._open.values():
            with contextlib.suppress(sqlite3.Error):
                connection.close()
        self._open.clear()

    def path(self, name: str) -> Path:
        """Where a file lies."""
        return self._folder / f"{name}.db"

    def connection(self, name: str) -> sqlite3.Connection:
        """The connection to an open file, to read from."""
        return self._open[name]

    def condition(self) -> Condition:
        """How the files are now. Never raises."""
        return condition(self.path(rows.JOURNAL), tuple(_FILES), reserve_held=self._reserve.held)

    def changed_by_others(self) -> bool:
        """Whether another process has written to the journal or the registry since this was last asked."""
        before, self._changes_seen = self._changes_seen, self._data_versions()
        return before != self._changes_seen

    def commit(self, batches: Sequence[Sequence[Write]]) -> list[Exception | None]:
        """Have all batches on the disk: one fsync for each file that they touch. Each batch is whole or not at all in
        each file.

        Returns what became of each: None, or why it was refused: a :class:`edge.errors.StorageError` for the disk's
        reasons, another error for a batch that can't be written whatever the disk does.
        """
        results: list[Exception | None] = [None] * len(batches)
        for name in (rows.JOURNAL, rows.REGISTRY):
            mine: list[list[Part]] = [[write for write in batch if rows.place(write) == name] for batch in batches]
            needed = [bool(part) for part in mine]
            if name == rows.REGISTRY:
                has_room = self.health is Health.GOOD
                self._is_behind |= not has_room
                whole = None if self._is_behind else self._open[rows.JOURNAL]
                for n, batch in enumerate(batches):
                    if results[n] is None:
                        mine[n] += self._copies.follow(batch, has_room=has_room, whole=whole)
            wanted = [n for n, part in enumerate(mine) if part and results[n] is None]
            if wanted:
                for n, result in zip(wanted, self._commit(name, [mine[n] for n in wanted]), strict=True):
                    results[n] = result if needed[n] else None  # a copy is good to have, the original is there
                    self._is_behind |= name == rows.REGISTRY and result is not None
        return results

    def add_history(self, new: Sequence[HistoryRow]) -> None:
        """Add to the history, and cut its oldest off. Never raises: what can't be written is lost, and told."""
        if self.health is not Health.GOOD:
            return
        try:
            history.add(self._open[_HISTORY], new, self._history_bytes)
        except sqlite3.Error as exc:
            if is_full(exc):
                self._enter(Health.RESERVE)
            else:
                log.warning("history is not kept", problem=str(exc), rows=len(new))

    def maintain(self) -> None:
        """To be called now and then: writes the logs back, takes the reserve again when there is room, and history with
        it. Never raises."""
        is_short = self.health in (Health.RESERVE, Health.FULL)
        for name in (rows.JOURNAL, rows.REGISTRY):
            with contextlib.suppress(sqlite3.Error):
                tidy(self._open[name], is_short=is_short)
        if self._reserve.take():
            self._enter(Health.GOOD)
        if self._is_behind and self.health is Health.GOOD:
            self._copy()

    def _opened(self, name: str, form: Schema, synchronous: str) -> Opened:
        def attempt() -> Opened:
            return open_database(
                self.path(name),
                form,
                synchronous=synchronous,
                vfs=self._vfs,
                heal=partial(self._heal, name),
                expected=self._good_copy(name).exists(),
                proof=prove,
                chance=self._chance,
            )

        try:
            return attempt()
        except StorageFailed as exc:
            if name != _HISTORY or not self.path(name).exists():
                raise
            log.warning("the history can't be opened and begins anew", problem=str(exc))
            with contextlib.suppress(OSError):
                set_aside(self.path(name))
            return attempt()

    def _commit(self, name: str, batches: list[list[Part]]) -> list[Exception | None]:
        if not self._has_room(name):
            if _brings_messages(name, batches):
                self._enter(Health.FULL)
            return self._make_room(name, batches, "the disk is full")
        if self.health in (Health.RESERVE, Health.FULL) and not self._reserve.takes_samples:
            others = [n for n, batch in enumerate(batches) if not is_spare(batch)]
            results: list[Exception | None] = [self._full(name, "what is left is kept for sessions")] * len(batches)
            written = self._commit_all(name, [batches[n] for n in others]) if others else []
            for n, result in zip(others, written, strict=True):
                results[n] = result
            return results
        return self._commit_all(name, batches)

    def _commit_all(self, name: str, batches: list[list[Part]]) -> list[Exception | None]:
        try:
            return self._attempt(name, batches)
        except sqlite3.Error as exc:
            problem = exc
        if is_full(problem):
            if self._reserve.give_up():
                self._enter(Health.RESERVE)
                try:
                    return self._attempt(name, batches)
                except sqlite3.Error as exc:
                    problem = exc
            if is_full(problem) and self._reserve.takes_samples and all(map(is_spare, batches)):
                return [self._full(name, str(problem))] * len(batches)
            if is_full(problem) and self._reserve.give_up_without_samples():
                self._enter(Health.RESERVE)
                return self._commit(name, batches)
            if is_full(problem):
                self._enter(Health.FULL)
                return self._make_room(name, batches, str(problem))
        self._enter(Health.FAILED, problem=str(problem))
        return [StorageFailed(f"{self.path(name)} can't be written ({problem})", remedy=_REMEDY)] * len(batches)

    def _make_room(self, name: str, batches: list[list[Part]], why: str) -> list[Exception | None]:
        """The disk is full, and takes no new messages: what takes delivered ones away is written all the same."""
        results: list[Exception | None] = [self._full(name, why)] * len(batches)
        if not (wanted := [n for n, batch in enumerate(batches) if not grows(batch)]):
            return results
        with contextlib.suppress(sqlite3.Error):
            if self._reserve.give_up_last():
                # Written back, the log begins anew, and goes on in the room that it has.
                self._open[name].execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
            for n, result in zip(wanted, self._attempt(name, [batches[n] for n in wanted]), strict=True):
                results[n] = result
        return results

    def _full(self, name: str, why: str) -> StorageFull:
        return StorageFull(f"{self.path(name)} can't be written ({why})", remedy=_REMEDY)

    def _has_room(self, name: str) -> bool:
        """Whether a new message may be written: not into the room that was given up for taking others away."""
        if self.health not in (Health.RESERVE, Health.FULL) or self._reserve.last_held:
            return True
        wanted = ROOM_PAGES if self.health is Health.FULL else LAST_PAGES
        return pages(self._open[name], "freelist_count") >= wanted or self._reserve.fits

    def _attempt(self, name: str, batches: list[list[Part]]) -> list[Exception | None]:
        connection = self._open[name]
        with transaction(connection):
            results = [apply(connection, batch) for batch in batches]
            if name == rows.JOURNAL and self._copies.changed_by(batches):
                connection.execute("UPDATE counter SET commits = commits + 1")
        if self.health is Health.FAILED or (self.health is Health.FULL and self._reserve.held):
            self._enter(Health.GOOD)
        elif self.health is Health.FULL and _brings_messages(name, batches):
            self._enter(Health.RESERVE)  # what was delivered has left room in the file: it takes new ones
        return results

    def _heal(self, name: str, damaged: Path, fresh: sqlite3.Connection) -> None:
        heal(name, damaged, fresh, good=self._good_copy(name), registry=self._open.get(rows.REGISTRY, fresh))

    def _copy(self, *, at_start: bool = False) -> None:
        """Have the copies as a journal that lacks nothing; ``at_start`` it may be made so. Never raises."""
        journal, registry = self._open[rows.JOURNAL], self._open[rows.REGISTRY]
        self._is_behind = True
        try:
            is_whole = not copies.know_more(registry, journal) or (at_start and copies.restore(registry, journal))
            if at_start:
                copies.answered_for(journal)
            if is_whole:
                copies.made_anew(journal, registry)
                self._is_behind = False
        except sqlite3.Error as exc:
            log.warning("the journal's begins and ends aren't copied", problem=str(exc))
        with contextlib.suppress(sqlite3.Error):
            self._copies.load(journal, registry)

    def _keep_good_copy(self) -> None:
        try:
            copy_good(self._open[rows.REGISTRY], self._good_copy(rows.REGISTRY))
        except (sqlite3.Error, OSError) as exc:
            log.warning("no copy of the registry could be kept", problem=str(exc))

    def _good_copy(self, name: str) -> Path:
        return self._folder / f"{name}.good.db"

    def _data_versions(self) -> tuple[int, int]:
        """Of the journal and the registry."""
        journal, registry = (self._open[name].execute("PRAGMA data_version") for name in (rows.JOURNAL, rows.REGISTRY))
        return journal.fetchone()[0], registry.fetchone()[0]

    def _enter(self, health: Health, **details: str) -> None:
        if health is self.health:
            return
        was, self.health = self.health, health
        is_better = health is Health.GOOD or (was, health) == (Health.FULL, Health.RESERVE)
        tell = log.info if is_better else log.error
        tell("storage", was=was.value, state=health.value, **details)


def _brings_messages(name: str, batches: list[list[Part]]) -> bool:
    """Whether there are new ones among what is written to the file of this name."""
    return name == rows.JOURNAL and any(map(grows, batches))

"""The gateway's disk: a folder, a writer that takes virtual time, and what is left of both when the power goes."""

import asyncio
import shutil
from collections.abc import Callable, Sequence
from enum import Enum
from pathlib import Path
from typing import Final, TypeVar

from edge.domain.journal import Entry, Write
from edge.errors import StorageFailed, StorageFull
from edge.storage.history import HistoryRow
from edge.storage.reading import entry
from edge.storage.reserve import RESERVE_BYTES
from edge.storage.rows import JOURNAL, REGISTRY
from edge.storage.store import Store

T = TypeVar("T")

FSYNC_S: Final = 0.008  # of an SD card; what hasn't lasted so long when the gateway is killed was never written
MAINTAIN_S: Final = 60.0
TORN_BYTES: Final = 1000  # of a page of 4 KiB and its heading: what a card had written when the power went
PAGE_BYTES: Final = 4096
MOST_PAGES: Final = 1_073_741_823  # SQLite's own
HISTORY: Final = "history"
FILES: Final = (JOURNAL, REGISTRY, HISTORY)
RESERVE: Final = "reserve"  # room for the journal and nothing else: taken anew at each start


class Condition(Enum):
    """How a disk fares."""

    GOOD = "good"
    FULL = "full"  # other programs have filled it; what the reserve held is left when that is given up
    READ_ONLY = "read-only"


class WorldWriter:
    """The writer of a world, without a thread: what is submitted is written FSYNC_S later, in its order."""

    def __init__(self, store: Store, disk: "Disk") -> None:
        self._store = store
        self._disk = disk
        self._chores: asyncio.Task[None] | None = None
        self._is_closed = False
        for name in (JOURNAL, REGISTRY):  # virtual power fails no real disk: no fsync has to be waited for
            store.connection(name).execute("PRAGMA synchronous=OFF")

    def start(self) -> None:
        self._chores = asyncio.get_running_loop().create_task(self._maintain())

    async def ended(self) -> None:
        self._is_closed = True
        if self._chores is not None:
            self._chores.cancel()
        await asyncio.sleep(FSYNC_S)  # what was handed over before is written

    async def keep(self, writes: Sequence[Write]) -> None:
        if self._is_closed:
            raise StorageFailed("the storage is closed")
        await asyncio.sleep(FSYNC_S)
        held_bytes = self._disk.reserve_bytes
        self._disk.limit(self._store)
        (problem,) = self._store.commit([writes])
        if isinstance(problem, StorageFull) and self._disk.reserve_bytes < held_bytes:
            self._disk.limit(self._store)  # what was given up is free at once; SQLite's limit knows of it now
            (problem,) = self._store.commit([writes])
        if problem is not None:
            raise problem

    async def fetch(self, seq: int) -> Entry | None:
        return await self.ask(lambda store: entry(store, seq))

    async def ask(self, question: Callable[[Store], T]) -> T:
        await asyncio.sleep(FSYNC_S)
        return question(self._store)

    def remember(self, row: HistoryRow) -> None:
        self._disk.limit(self._store)
        self._store.add_history([row])

    async def _maintain(self) -> None:
        while True:
            await asyncio.sleep(MAINTAIN_S)
            if self._disk.condition is Condition.GOOD:  # else there is no room for anything
                self._store.maintain()


class Disk:
    """``folder`` outlives each run of the gateway, as it was at that moment."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._condition = Condition.GOOD
        self._full_pages: int | None = None  # of all files, when the disk was full
        self._has_room_in: Store | None = None  # which was told so
        self._image = folder.with_name(folder.name + ".image")
        folder.mkdir()

    @property
    def condition(self) -> Condition:
        """How it fares now."""
        return self._condition

    @condition.setter
    def condition(self, condition: Condition) -> None:
        self._condition = condition
        self._full_pages = None

    @property
    def reserve_bytes(self) -> int:
        """What the program holds back."""
        reserve = self.folder / RESERVE
        return reserve.stat().st_size if reserve.exists() else 0

    def limit(self, store: Store) -> None:
        """Let the open files grow as far as the disk has room, and be written if it can."""
        if self.condition is Condition.GOOD and self._has_room_in is store:
            return  # nearly always; how much a full disk has left is counted anew
        self._has_room_in = store if self.condition is Condition.GOOD else None
        sizes = {name: store.connection(name).execute("PRAGMA page_count").fetchone()[0] for name in FILES}
        left = self._left_pages(sum(sizes.values())) if self.condition is Condition.FULL else MOST_PAGES
        for name, pages in sizes.items():
            connection = store.connection(name)
            connection.execute(f"PRAGMA query_only={'ON' if self.condition is Condition.READ_ONLY else 'OFF'}")
            most = pages if name == HISTORY and left < MOST_PAGES else min(MOST_PAGES, pages + left)
            connection.execute(f"PRAGMA max_page_count={most}").fetchone()

    def _left_pages(self, now: int) -> int:
        """By how much the files of a full disk, which have `now`, may yet grow: what of the reserve was given up."""
        self._full_pages = now if self._full_pages is None else self._full_pages
        given_up = (RESERVE_BYTES - self.reserve_bytes) // PAGE_BYTES
        return max(0, self._full_pages + given_up - now)

    def damage(self, name: str) -> None:
        """The beginning of a file is overwritten, and its log is gone. Of a program that doesn't run."""
        with (self.folder / f"{name}.db").open("r+b") as stream:
            stream.write(b"\xa5" * PAGE_BYTES)
        (self.folder / f"{name}.db-wal").unlink(missing_ok=True)

    def set_aside(self) -> frozenset[str]:
        """The damaged files that the program has found and kept."""
        return frozenset(path.name for path in self.folder.glob("*.damaged-*"))

    @property
    def is_frozen(self) -> bool:
        """Whether what the program writes is lost: it was killed, or it hangs."""
        return self._image.exists()

    def freeze(self, *, torn: bool) -> None:
        """This is what a kill leaves: nothing of what the program does in its end is kept; frozen once, it stays so.
        ``torn``: the power failed in the midst of a write, so that a part of a page is at the end of each log.
        """
        if self.is_frozen:
            return
        shutil.copytree(self.folder, self._image, ignore=shutil.ignore_patterns(RESERVE, "*-shm"))
        if torn:
            for log in sorted(self._image.glob("*.db-wal")):
                with log.open("ab") as stream:
                    stream.write(bytes(range(256)) * (TORN_BYTES // 256))

    def thaw(self) -> None:
        """The program is gone: what was frozen is what there is."""
        if self._image.exists():
            shutil.rmtree(self.folder)
            self._image.rename(self.folder)

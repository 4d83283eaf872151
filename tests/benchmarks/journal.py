"""How many messages a second are on the disk before they are answered: in groups, and with one fsync each."""

import asyncio
import sqlite3
import tempfile
import time
from pathlib import Path

from edge.storage.store import Store
from edge.storage.writer import Writer
from tests.benchmarks import drain
from tests.benchmarks.figure import Figure, milliseconds
from tests.unit.storage.storage_bench import put

STATIONS = 200  # each waits for its answer before it sends the next
PER_STATION = 25
BARE = 300  # messages


def figures() -> list[Figure]:
    """On the disk of the working folder: the one for temporary files may be no disk at all."""
    with tempfile.TemporaryDirectory(prefix=".bench-", dir=Path.cwd()) as folder:
        grouped, bare = _grouped(Path(folder) / "journal"), _bare(Path(folder) / "bare.db")
        return [*grouped, bare, *drain.figures(Path(folder) / "drain")]


def _grouped(folder: Path) -> list[Figure]:
    store = Store(folder, reserve_bytes=1)
    store.open()
    writer = Writer(store)
    writer.start()
    waits_s: list[float] = []

    async def station(number: int) -> None:
        for turn in range(PER_STATION):
            begun = time.perf_counter()
            await writer.keep([put(number * PER_STATION + turn + 1, size=300)])
            waits_s.append(time.perf_counter() - begun)

    async def all_stations() -> None:
        await asyncio.gather(*(station(number) for number in range(STATIONS)))

    begun = time.perf_counter()
    asyncio.run(all_stations())
    took_s = time.perf_counter() - begun
    commits, batches = writer.commits, writer.batches
    writer.stop()
    store.close()
    return [
        Figure(what=f"journal, {STATIONS} stations at once", value=f"{batches / took_s:,.0f} messages/s"),
        Figure(what="messages in one commit, mean", value=f"{batches / commits:.1f}"),
        *milliseconds("wait for the disk", waits_s),
    ]


def _bare(path: Path) -> Figure:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL").fetchone()
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("CREATE TABLE entry (seq INTEGER PRIMARY KEY, text TEXT)")
    begun = time.perf_counter()
    for number in range(BARE):
        connection.execute("INSERT INTO entry VALUES (?, ?)", (number, put(number, size=300).entry.text))
    took_s = time.perf_counter() - begun
    connection.close()
    return Figure(what="bare SQLite, one fsync each", value=f"{BARE / took_s:,.0f} messages/s")

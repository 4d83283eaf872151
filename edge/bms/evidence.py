"""Proof of each case in which the grid operator dimmed: a CSV file, kept for two years (BK6-22-300, annex 1 no. 7)."""

import asyncio
import contextlib
import csv
import io
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path

import structlog

from edge.units import Watts
from edge.whole_file import write_whole

log = structlog.get_logger(__name__)

KEPT = timedelta(days=2 * 366)  # two years
HEADING = ("time", "clock", "event", "by", "circuit", "limit_w", "charging_w")


class Evidence:
    """Appends a row when dimming begins and ends, in UTC; the file is its own export."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._writer = ThreadPoolExecutor(max_workers=1, thread_name_prefix="evidence")  # one: rows stay in order

    def note(
        self,
        *,
        at: datetime,
        trusted: bool,
        dimmed: bool,
        by: str,
        circuit: str,
        limit_w: Watts,
        charging_w: Watts | None,
    ) -> None:
        """Write a row down, by another thread: a disk that stalls costs no tick. ``charging_w``: drawn at that time."""
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerow(
            (
                at.isoformat(timespec="milliseconds"),
                "set" if trusted else "not set",
                "begin" if dimmed else "end",
                by,
                circuit,
                f"{limit_w:.0f}",
                "" if charging_w is None else f"{charging_w:.0f}",
            )
        )
        self._writer.submit(append, self._file, text.getvalue())

    async def close(self) -> None:
        """Return when all is written."""
        await asyncio.to_thread(self._writer.shutdown)

    def forget_old(self, now: datetime) -> None:
        """Have what is older than it must be kept forgotten, by the same thread."""
        self._writer.submit(prune, self._file, now)


def append(file: Path, line: str) -> None:
    """Add a line; to a new file after a heading."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("a", encoding="utf-8") as stream:
            if stream.tell() == 0:
                stream.write(",".join(HEADING) + "\n")
            stream.write(line)
    except OSError as exc:
        log.warning("the proof of dimming can't be written", file=str(file), problem=str(exc), row=line.strip())


def prune(file: Path, now: datetime) -> None:
    """Forget what is older than it must be kept. A row that can't be read is kept."""
    with contextlib.suppress(OSError):
        lines = file.read_bytes().splitlines(keepends=True)
        kept = [line for line in lines if not _is_old(line, now)]
        if len(kept) < len(lines):
            write_whole(file, b"".join(kept))


def _is_old(line: bytes, now: datetime) -> bool:
    try:
        return now - datetime.fromisoformat(line.partition(b",")[0].decode()) > KEPT
    except (ValueError, TypeError):
        return False

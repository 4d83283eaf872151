"""Proof of each case in which the grid operator dimmed: a CSV file, kept for two years (BK6-22-300, annex 1 no. 7)."""

import asyncio
import contextlib
import csv
import io
import os
from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import BinaryIO

import structlog

from edge.units import Watts
from edge.whole_file import DISK, Files, write_whole

log = structlog.get_logger(__name__)

KEPT = timedelta(days=2 * 366)  # two years
BEGIN = "begin"
UNSET = b"not set"  # of a clock: what it says is no time
HEADING = ("time", "clock", "event", "by", "circuit", "limit_w", "charging_w")


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """A limit without an end yet: by which way, and its power."""

    by: str
    limit_w: Watts


class Evidence:
    """Appends a row when dimming begins and ends, in UTC; the file is its own export."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._writer = ThreadPoolExecutor(max_workers=1, thread_name_prefix="evidence")  # one: rows stay in order

    def begun(self, ways: Collection[str]) -> Begun | None:
        """What was begun by one of these ways and has no end yet; None where nothing is open, or can be read."""
        try:
            rows = self._file.read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            return None
        for row in reversed(rows):
            _, _, event, by, _, limit_w, *_ = (*_columns(row), "", "", "", "", "", "")
            if by in ways:
                return Begun(by=by, limit_w=float(limit_w) if limit_w.isdecimal() else 0.0) if event == BEGIN else None
        return None

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
                "set" if trusted else UNSET.decode(),
                BEGIN if dimmed else "end",
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


def _columns(row: str) -> list[str]:
    """Of one row by itself: one that is damaged spoils no other."""
    try:
        return next(csv.reader([row]), [])
    except csv.Error:
        return []


def append(file: Path, line: str, files: Files = DISK) -> None:
    """Add a line, for good: to a new file after a heading, to one whose last line was cut off on a line of its own."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("a+b") as stream:
            size = stream.seek(0, os.SEEK_END)
            if size == 0:
                stream.write(f"{','.join(HEADING)}\n".encode())
            elif _last_byte(stream) != b"\n":
                stream.write(b"\n")
            stream.write(line.encode())
        files.sync(file)
        if size == 0:
            files.sync(file.parent)
    except OSError as exc:
        log.warning("the proof of dimming can't be written", file=str(file), problem=str(exc), row=line.strip())


def _last_byte(stream: BinaryIO) -> bytes:
    stream.seek(-1, os.SEEK_END)
    return stream.read(1)


def prune(file: Path, now: datetime) -> None:
    """Forget what is older than it must be kept. A row that can't be read is kept, and one of a clock that wasn't set
    as long as the next that was written by one that was.
    """
    with contextlib.suppress(OSError):
        lines = file.read_bytes().splitlines(keepends=True)
        kept: list[bytes] = []
        is_old = False
        for line in reversed(lines):
            at, clock, *_ = (*line.split(b",", 2), b"", b"")
            if clock != UNSET:
                is_old = _is_old(at, now)
            if not is_old:
                kept.append(line)
        if len(kept) < len(lines):
            write_whole(file, b"".join(reversed(kept)))


def _is_old(at: bytes, now: datetime) -> bool:
    try:
        return now - datetime.fromisoformat(at.decode()) > KEPT
    except (ValueError, TypeError):
        return False

"""The segments of a recording in a folder: a new one when one is full, the oldest deleted when the folder is."""

import contextlib
import re
import zlib
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, Protocol

from edge.control.recording import GZIP, Header, SegmentWriter, Tick
from edge.units import Seconds

# What was recorded is handed to the operating system this often: so much at most is lost when the program is killed.
# (A power cut may cost about half a minute, until the system has written its cache: the flash is worth more.)
FLUSH_S = 10.0
# A segment is this part of all that may be kept, so that little is lost when the oldest one goes ...
SEGMENT_SHARE = 16
# ... and no longer than this, so that it is unpacked and read in a few seconds.
MOST_SEGMENT_BYTES = 4_000_000
# zlib's usual compromise between size and work.
_LEVEL = 6

_NAME = re.compile(r"recording-(\d{8})\.jsonl\.gz")


class Disk(Protocol):
    """A folder. Everything may raise OSError."""

    def sizes(self) -> dict[str, int]:
        """The length of each file, in bytes."""

    def create(self, name: str) -> BinaryIO:
        """A new file, to be written to."""

    def remove(self, name: str) -> None:
        """Delete a file."""


class Folder:
    """A folder of the file system; made when first needed."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def sizes(self) -> dict[str, int]:
        self._path.mkdir(parents=True, exist_ok=True)
        return {path.name: path.stat().st_size for path in self._path.iterdir() if path.is_file()}

    def create(self, name: str) -> BinaryIO:
        return (self._path / name).open("xb")

    def remove(self, name: str) -> None:
        (self._path / name).unlink(missing_ok=True)


def segment_number(name: str) -> int | None:
    """The place of a file in the order of segments, by its name; None where it is no segment."""
    match = _NAME.fullmatch(name)
    return int(match[1]) if match is not None else None


def segment_name(number: int) -> str:
    """``recording-00000042.jsonl.gz``. Numbers rise; wall time may have been wrong when a segment began."""
    return f"recording-{number:08d}.jsonl.gz"


class Segments:
    """Writes ticks. All segments of the folder, those of earlier runs too, stay within ``most_bytes`` together.

    Not thread-safe. Every method may raise OSError; then no other may be called but :meth:`abandon`.
    """

    def __init__(self, disk: Disk, *, most_bytes: int, header: Callable[[], Header]) -> None:
        self._disk = disk
        self._header = header
        self._most_bytes = most_bytes
        self._segment_bytes = min(most_bytes // SEGMENT_SHARE, MOST_SEGMENT_BYTES)
        self._closed: deque[tuple[int, int]] = deque()  # number, length; the oldest first
        self._number = 0
        self._open: _Segment | None = None
        self._flushed_at: Seconds = 0.0

    def begin(self) -> None:
        """Open the first segment, after those that are there."""
        found = ((segment_number(name), size) for name, size in self._disk.sizes().items())
        self._closed.extend(sorted((number, size) for number, size in found if number is not None))
        self._number = self._closed[-1][0] if self._closed else 0
        self._begin_segment().flush()

    def write(self, tick: Tick) -> None:
        """Write one tick, to disk within FLUSH_S if others follow."""
        segment = self._open if self._open is not None else self._begin_segment()
        line = segment.writer.tick(tick)
        self._make_room(segment, len(line))
        segment.write(line)
        now = tick.snapshot.now
        if segment.pending_bytes >= self._segment_bytes or not 0 <= now - self._flushed_at < FLUSH_S:
            segment.flush()
            self._flushed_at = now
        if segment.written_bytes >= self._segment_bytes:
            self._end_segment(segment)

    def flush(self) -> None:
        """Hand all that was written to the operating system."""
        if self._open is not None:
            self._open.flush()

    def end(self) -> None:
        """Close the last segment."""
        if self._open is not None:
            self._end_segment(self._open)

    def abandon(self) -> None:
        """Let go of the last segment as it is, after an error."""
        if self._open is not None:
            with contextlib.suppress(OSError):
                self._open.file.close()
            self._open = None

    def _begin_segment(self) -> "_Segment":
        self._number += 1
        segment = self._open = _Segment(self._disk.create(segment_name(self._number)))
        line = segment.writer.header(self._header())
        self._make_room(segment, len(line))
        segment.write(line)
        return segment

    def _end_segment(self, segment: "_Segment") -> None:
        segment.close()
        self._closed.append((self._number, segment.written_bytes))
        self._open = None

    def _make_room(self, segment: "_Segment", more_bytes: int) -> None:
        """Delete the oldest segments until there is room for the open one, however badly it is compressed."""
        grown = segment.written_bytes + segment.pending_bytes + more_bytes
        while self._closed and sum(size for _, size in self._closed) + grown > self._most_bytes:
            number, _ = self._closed.popleft()
            self._disk.remove(segment_name(number))


class _Segment:
    """A file that is being written. ``pending_bytes``, uncompressed, may or may not be among the ``written_bytes``."""

    def __init__(self, file: BinaryIO) -> None:
        self.file = file
        self.writer = SegmentWriter()
        self.written_bytes = 0
        self.pending_bytes = 0
        self._deflate = zlib.compressobj(_LEVEL, zlib.DEFLATED, GZIP)

    def write(self, line: bytes) -> None:
        self.pending_bytes += len(line)
        self._put(self._deflate.compress(line))

    def flush(self) -> None:
        if self.pending_bytes:
            self._put(self._deflate.flush(zlib.Z_SYNC_FLUSH))
            self.file.flush()
            self.pending_bytes = 0

    def close(self) -> None:
        self._put(self._deflate.flush(zlib.Z_FINISH))
        self.file.close()

    def _put(self, data: bytes) -> None:
        self.file.write(data)
        self.written_bytes += len(data)

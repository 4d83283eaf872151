"""The format of a recording: segments of gzipped JSON lines, each segment readable by itself.

A segment's first line is its header. Then one line for each tick, with three members:

``snapshot``  what the decision was made from;
``memory``    what it took from the decision before it; absent where that is the memory of the line before;
``decision``  what was decided.

In the first of these lines they are whole, in the others they are what changed since the line before (see
:mod:`edge.control.codec`); memory, since the memory in the decision of the line before.

A segment may break off anywhere (the program was killed, the power failed): then its whole lines count. What can't be
explained that way is damage.
"""

import json
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from edge.allocation.decision import Outcome
from edge.allocation.memory import Memory
from edge.allocation.snapshot import Snapshot
from edge.control.codec import SAME, Codec, Unfit, at, codec
from edge.errors import RecordingUnusable
from edge.units import Seconds

FORMAT = 1
GZIP = 31  # zlib's way of saying: deflate in the frame of a gzip file

_MARK = "edge_recording"
# Unpacked at once. Small: what is in the same piece before a damage is lost with it.
_PIECE_BYTES = 4096
_GZIP_MAGIC = b"\x1f\x8b"  # RFC 1952 §2.3.1
# A line of 10,000 EVSEs is 10 MB whole. What is longer was never written by us, and is not to fill the memory.
_MOST_LINE_BYTES = 64 << 20
# After a power cut a file may have its length but not its content: zeros. A gzip file ends with four bytes of length
# after four of checksum, so that no sound one ends with more zeros than these.
_ZEROS_AT_AN_END = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """Where a segment comes from. ``wall`` (ISO 8601, UTC) was the time at ``monotonic``."""

    program: str
    site: str
    wall: str
    monotonic: Seconds

    def wall_at(self, monotonic: Seconds) -> datetime | None:
        """The wall time of a monotonic one, in UTC; None where it lies outside the calendar."""
        try:
            wall = datetime.fromisoformat(self.wall) + timedelta(seconds=monotonic - self.monotonic)
            return wall.astimezone(UTC)
        except (ValueError, OverflowError):
            return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """A decision and all that it was made from."""

    snapshot: Snapshot
    memory: Memory
    decision: Outcome


class SegmentWriter:
    """The lines of one segment, as they come."""

    def __init__(self) -> None:
        self._codecs = _codecs()
        self._before: Tick | None = None

    def header(self, header: Header) -> bytes:
        """The segment's first line."""
        return _line({_MARK: FORMAT} | codec(Header).encode(header))

    def tick(self, tick: Tick) -> bytes:
        """The line of the next tick."""
        snapshots, memories, decisions = self._codecs
        before, self._before = self._before, tick
        if before is None:
            return _line(
                {
                    "snapshot": snapshots.encode(tick.snapshot),
                    "memory": memories.encode(tick.memory),
                    "decision": decisions.encode(tick.decision),
                }
            )
        changes = {
            "snapshot": snapshots.delta(before.snapshot, tick.snapshot),
            "memory": memories.delta(before.decision.memory, tick.memory),
            "decision": decisions.delta(before.decision, tick.decision),
        }
        return _line({name: change for name, change in changes.items() if change is not SAME})


class SegmentReader:
    """Iterates over the ticks of one segment; ``name`` is what errors call it.

    ``header`` is there from the first tick on, ``truncated`` holds after the last: the segment broke off.
    """

    def __init__(self, name: str, data: bytes) -> None:
        self._name = name
        self._data = data
        self._codecs = _codecs()
        self._before: Tick | None = None
        self.header: Header | None = None
        self.truncated = False

    def __iter__(self) -> Iterator[Tick]:
        """:raises RecordingUnusable: it is no recording, of another format, or damaged."""
        for number, line in enumerate(self._lines()):
            tree = self._parsed(line, number)
            if self.header is None:
                self.header = self._read_header(tree)
                continue
            try:
                self._before = self._tick(tree)
            except Unfit as unfit:
                raise self._unusable(
                    f"can't be read at tick {number}: {unfit}", f"it was recorded by version {self.header.program}"
                ) from unfit
            yield self._before

    def _tick(self, tree: dict[str, Any]) -> Tick:
        snapshots, memories, decisions = self._codecs
        before = self._before
        if before is None:
            return Tick(
                snapshot=at("snapshot", snapshots.decode, tree.get("snapshot")),
                memory=at("memory", memories.decode, tree.get("memory")),
                decision=at("decision", decisions.decode, tree.get("decision")),
            )
        # Where a member is absent nothing changed.
        return Tick(
            snapshot=at("snapshot", snapshots.patched, before.snapshot, tree.get("snapshot", {})),
            memory=at("memory", memories.patched, before.decision.memory, tree.get("memory", {})),
            decision=at("decision", decisions.patched, before.decision, tree.get("decision", {})),
        )

    def _read_header(self, tree: dict[str, Any]) -> Header:
        mark = tree.pop(_MARK, None)
        if mark is None:
            raise self._foreign()
        if mark != FORMAT:
            raise self._unusable(f"has format {mark}", f"this version reads format {FORMAT}")
        try:
            header: Header = codec(Header).decode(tree)
        except Unfit as unfit:
            raise self._unusable(f"is damaged: in its header {unfit}") from unfit
        return header

    def _parsed(self, line: bytes, number: int) -> dict[str, Any]:
        try:
            tree = json.loads(line)
        except (ValueError, RecursionError):
            tree = None
        if not isinstance(tree, dict):
            raise self._damaged(number) if number else self._foreign()
        return tree

    def _lines(self) -> Iterator[bytes]:
        """The whole lines."""
        data = self._data.rstrip(b"\0")
        if len(self._data) - len(data) <= _ZEROS_AT_AN_END:
            data = self._data
        inflate = zlib.decompressobj(GZIP)
        number, begun = 0, b""
        for start in range(0, len(data), _PIECE_BYTES):
            try:
                text = inflate.decompress(data[start : start + _PIECE_BYTES])
            except zlib.error as exc:
                raise self._damaged(number) from exc
            *whole, begun = (begun + text).split(b"\n")
            for line in whole:
                yield line
                number += 1
            if len(begun) > _MOST_LINE_BYTES or inflate.unused_data:
                raise self._damaged(number)
        if inflate.eof and begun:
            raise self._damaged(number)
        self.truncated = not inflate.eof

    def _damaged(self, number: int) -> RecordingUnusable:
        """``number`` counts the lines before the damage, the header being the first."""
        if not self._data.startswith(_GZIP_MAGIC):
            return self._foreign()
        after = f" after tick {number - 1}" if number > 1 else ""
        return self._unusable(f"is damaged{after}", "move it away to replay what else there is")

    def _foreign(self) -> RecordingUnusable:
        return self._unusable("is no recording", "give a file or a folder that edge run --record has written")

    def _unusable(self, problem: str, remedy: str | None = None) -> RecordingUnusable:
        return RecordingUnusable(f"{self._name} {problem}", remedy=remedy)


def _codecs() -> tuple[Codec, Codec, Codec]:
    return codec(Snapshot), codec(Memory), codec(Outcome)


def _line(tree: dict[str, Any]) -> bytes:
    return json.dumps(tree, separators=(",", ":"), check_circular=False).encode() + b"\n"

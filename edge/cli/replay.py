"""``edge replay FILE|FOLDER``: whether this version would decide again what was recorded."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import orjson
import typer

from edge import __version__
from edge.errors import RecordingUnusable

if TYPE_CHECKING:
    from edge.control.recording import Header, SegmentReader, Tick
    from edge.control.replay import Difference

DIFFERENT = 1  # exit code: the command did its work, and what was asked isn't so
# A segment is a few MB. What is far longer is none, and is not to fill the memory.
_MOST_BYTES = 256_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstDifference:
    """The first decision that differs: its number in the recording, from 1, and its time."""

    segment: str
    number: int
    now_s: float  # monotonic
    at: datetime | None  # wall time
    difference: "Difference"

    @property
    def text(self) -> str:
        moment = f"{self.at:%Y-%m-%d %H:%M:%S} UTC" if self.at is not None else f"{self.now_s:.3f} s"
        return f"first difference: decision {self.number}, {moment}, in {self.segment}:\n  {self.difference.text}"


class Verdict:
    """What replaying has shown so far."""

    def __init__(self) -> None:
        self.decisions = 0
        self.different = 0
        self.first: FirstDifference | None = None
        self.programs: list[str] = []  # versions that recorded, in the order in which they occur
        self.truncated: list[str] = []  # segments that broke off

    def replay(self, segment: str, reader: "SegmentReader") -> None:
        """Decide again what one segment holds.

        :raises RecordingUnusable: it can't be read.
        """
        from edge.control.replay import replay

        for tick in reader:
            self.decisions += 1
            difference = replay(tick)
            if difference is None:
                continue
            self.different += 1
            if self.first is None:
                self.first = self._first(segment, reader.header, tick, difference)
        if reader.header is not None and reader.header.program not in self.programs:
            self.programs.append(reader.header.program)
        if reader.truncated:
            self.truncated.append(segment)

    def _first(self, segment: str, header: "Header | None", tick: "Tick", difference: "Difference") -> FirstDifference:
        now_s = tick.snapshot.now
        at = header.wall_at(now_s) if header is not None else None
        return FirstDifference(segment=segment, number=self.decisions, now_s=now_s, at=at, difference=difference)


def replay(
    path: Annotated[
        Path,
        typer.Argument(
            metavar="FILE|FOLDER", help="A recording, or one segment of it.", show_default=False, readable=False
        ),
    ],
    as_json: Annotated[bool, typer.Option("--json", help="Print the outcome as JSON.")] = False,
) -> None:
    """Decide again what edge run --record wrote, and compare.

    Exit code 0 if all is equal, 1 if not, with the first difference; 2 if the recording can't be read. The program that
    records writes every 10 s: a segment that broke off is replayed up to its last whole line.
    """
    from edge.control.recording import SegmentReader  # here: a check or a status shouldn't wait for the allocation

    verdict = Verdict()
    for file in _segments(path):
        verdict.replay(file.name, SegmentReader(str(file), _content(file)))
    if verdict.decisions == 0:
        raise RecordingUnusable(f"{path} holds no decision yet", remedy="it begins to once edge run --record has run")
    if as_json:
        typer.echo(orjson.dumps(_as_json(verdict)))
    else:
        for line in _lines(verdict):
            typer.echo(line)
    if verdict.different:
        raise typer.Exit(DIFFERENT)


def _segments(path: Path) -> Sequence[Path]:
    """The file itself, or a folder's segments, the oldest first."""
    from edge.control.segments import segment_number

    try:
        if not path.is_dir():
            return [path]
        numbered = [(segment_number(file.name), file) for file in path.iterdir()]
    except OSError as exc:
        raise _unreadable(path, exc) from exc
    found = sorted((number, file) for number, file in numbered if number is not None)
    if not found:
        raise RecordingUnusable(f"{path} holds no recording", remedy="give the folder of edge run --record")
    return [file for _, file in found]


def _content(file: Path) -> bytes:
    try:
        with file.open("rb") as stream:
            content = stream.read(_MOST_BYTES + 1)
    except OSError as exc:
        raise _unreadable(file, exc) from exc
    if len(content) > _MOST_BYTES:
        raise RecordingUnusable(f"{file} is no recording: none is longer than {_MOST_BYTES // 1_000_000} MB")
    return content


def _unreadable(path: Path, error: OSError) -> RecordingUnusable:
    return RecordingUnusable(f"{path} can't be read ({error.strerror or error})")


def _lines(verdict: Verdict) -> list[str]:
    lines = [f"recorded by version {program}; this is {__version__}" for program in _others(verdict)]
    lines += [f"{segment} has no end: replayed up to its last whole line" for segment in verdict.truncated]
    if verdict.first is None:
        return [*lines, f"{_count(verdict.decisions)}, all equal"]
    return [*lines, verdict.first.text, f"{_count(verdict.decisions)}, {verdict.different} not equal"]


def _count(decisions: int) -> str:
    return "1 decision" if decisions == 1 else f"{decisions} decisions"


def _others(verdict: Verdict) -> list[str]:
    return [program for program in verdict.programs if program != __version__]


def _as_json(verdict: Verdict) -> dict[str, Any]:
    first = verdict.first
    return {
        "decisions": verdict.decisions,
        "different": verdict.different,
        "version": __version__,
        "recorded_by": verdict.programs,
        "truncated": verdict.truncated,
        "first_difference": None
        if first is None
        else {
            "segment": first.segment,
            "decision": first.number,
            "now_s": first.now_s,
            "at": first.at.isoformat() if first.at is not None else None,
            "path": first.difference.path,
            "evse": first.difference.about,
            "recorded": first.difference.recorded,
            "now": first.difference.now,
        },
    }

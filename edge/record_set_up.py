"""The recording of decisions, put together from what the command line asks for."""

from dataclasses import dataclass
from pathlib import Path

from edge import __version__
from edge.clock import Clock
from edge.control.recorder import Recorder
from edge.control.recording import Header
from edge.control.segments import Folder, Segments


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordTo:
    """Where every decision is to be recorded, and how much of the disk all that may take."""

    folder: Path
    most_bytes: int


def recorder(record: RecordTo, site: str, clock: Clock) -> Recorder:
    """What writes each decision of the site ``site`` to ``record.folder``, in segments."""

    def header() -> Header:
        return Header(program=__version__, site=site, wall=clock.wall().isoformat(), monotonic=clock.monotonic())

    segments = Segments(Folder(record.folder), most_bytes=record.most_bytes, header=header)
    return Recorder(segments, folder=str(record.folder))

"""The events of OpenADR, kept over a restart: a VEN hands them in when they change, not when a gateway begins anew."""

from pathlib import Path

import orjson
import structlog

from edge.bms.openadr import OpenAdr
from edge.whole_file import Writing

log = structlog.get_logger(__name__)


class EventsFile:
    """A memory on the disk."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._kept: object = []
        self._writing = Writing(file)

    def hand_in(self, openadr: OpenAdr) -> None:
        """Hand in what was kept; nothing where nothing was, or what is there can't be believed."""
        try:
            openadr.accept(orjson.loads(self._file.read_bytes())["events"])
        except FileNotFoundError:
            return
        except (OSError, ValueError, KeyError, TypeError) as exc:
            log.warning("what was remembered of OpenADR can't be read", file=str(self._file), problem=str(exc))
            return
        self._kept = openadr.events

    def keep(self, openadr: OpenAdr) -> None:
        """Write the events down if they are others, or the disk refused the last, by another thread."""
        if openadr.events == self._kept and not self._writing.failed:
            return
        self._kept = openadr.events
        self._writing.begin(orjson.dumps({"events": openadr.events}))

    async def close(self, openadr: OpenAdr) -> None:
        """Return when these are written."""
        self.keep(openadr)
        await self._writing.done()

"""Who asks for dimming by §14a, kept over a restart: the limit has no end, so a restart is none."""

from collections.abc import Iterable
from pathlib import Path

import orjson
import structlog

from edge.bms.grid import DimmedBy
from edge.whole_file import Writing

log = structlog.get_logger(__name__)

REMEMBERED = frozenset(DimmedBy) - {DimmedBy.CONTACT}  # the contact says itself what holds


class DimmingFile:
    """A memory on the disk."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._kept: frozenset[DimmedBy] = frozenset()
        self._writing = Writing(file)

    def read(self) -> frozenset[DimmedBy]:
        """Who asked for it; nobody where nothing was kept, or what is there can't be read."""
        try:
            asked = orjson.loads(self._file.read_bytes())["asked"]
            self._kept = frozenset(map(DimmedBy, asked)) & REMEMBERED
        except FileNotFoundError:
            pass
        except (OSError, ValueError, KeyError, TypeError) as exc:
            log.warning("who asked for dimming can't be read", file=str(self._file), problem=str(exc))
        return self._kept

    def keep(self, asked: Iterable[DimmedBy]) -> None:
        """Write it down if it is another, or the disk refused the last, by another thread."""
        now = frozenset(asked) & REMEMBERED
        if now == self._kept and not self._writing.failed:
            return
        self._kept = now
        self._writing.begin(orjson.dumps({"asked": sorted(each.value for each in now)}))

    async def close(self, asked: Iterable[DimmedBy]) -> None:
        """Return when this is written."""
        self.keep(asked)
        await self._writing.done()

"""Who asks for dimming by §14a, kept over a restart: the limit has no end, so a restart is none."""

import asyncio
import contextlib
from collections.abc import Iterable
from pathlib import Path

import orjson
import structlog

from edge.bms.grid import DimmedBy
from edge.bms.whole_file import write_whole

log = structlog.get_logger(__name__)

REMEMBERED = frozenset(DimmedBy) - {DimmedBy.CONTACT}  # the contact says itself what holds


class DimmingFile:
    """A memory on the disk."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._kept: frozenset[DimmedBy] = frozenset()
        self._writing: asyncio.Future[None] | None = None

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
        """Write it down if it is another, by another thread. While one is being written the next waits for the next
        tick.
        """
        now = frozenset(asked) & REMEMBERED
        if now == self._kept or (self._writing is not None and not self._writing.done()):
            return
        self._kept = now
        body = orjson.dumps({"asked": sorted(each.value for each in now)})
        self._writing = asyncio.get_running_loop().run_in_executor(None, write_whole, self._file, body)

    async def close(self, asked: Iterable[DimmedBy]) -> None:
        """Return when this is written."""
        await self._written()
        self.keep(asked)
        await self._written()

    async def _written(self) -> None:
        if self._writing is not None:
            with contextlib.suppress(OSError):
                await self._writing

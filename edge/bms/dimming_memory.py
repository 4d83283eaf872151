"""Who asks for dimming by §14a, kept over a restart: the limit has no end, so a restart is none.

It is kept twice: a byte that changes on the card lifts no limit.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import TypeAlias

import orjson
import structlog

from edge.bms.grid import DimmedBy
from edge.whole_file import Writing

log = structlog.get_logger(__name__)

REMEMBERED = frozenset(DimmedBy) - {DimmedBy.CONTACT}  # the contact says itself what holds
_COPY = ".copy.json"

_Asked: TypeAlias = frozenset[DimmedBy]


class DimmingFile:
    """A memory on the disk, and its copy beside it."""

    def __init__(self, file: Path) -> None:
        self._files = (file, file.with_suffix(_COPY))
        self._kept: _Asked = frozenset()
        self._is_whole = True  # both files say so
        self._writings = [Writing(each) for each in self._files]

    def read(self) -> _Asked:
        """Who asked for it; of two files the first that can be read says so. Nobody where nothing was kept, or none of
        what is there can be read."""
        if not any(each.exists() for each in self._files):
            return self._kept
        first, second = (_read(each) for each in self._files)
        self._is_whole = first is not None and first == second
        asked = first if first is not None else second
        if asked is None:
            log.error("nobody is taken to ask for dimming: nothing of what was kept can be read")
        self._kept = asked or frozenset()
        return self._kept

    def keep(self, asked: Iterable[DimmedBy]) -> None:
        """Write it down if it is another, or isn't there twice, or the disk refused the last, by another thread."""
        now = frozenset(asked) & REMEMBERED
        if now == self._kept and self._is_whole and not any(each.failed for each in self._writings):
            return
        self._kept, self._is_whole = now, True
        for each in self._writings:
            each.begin(orjson.dumps({"asked": sorted(each.value for each in now)}))

    async def close(self, asked: Iterable[DimmedBy]) -> None:
        """Return when this is written."""
        self.keep(asked)
        for each in self._writings:
            await each.done()


def _read(file: Path) -> _Asked | None:
    """None where it isn't there, or can't be read."""
    try:
        return frozenset(map(DimmedBy, orjson.loads(file.read_bytes())["asked"])) & REMEMBERED
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as exc:
        log.warning("who asked for dimming can't be read", file=str(file), problem=str(exc))
        return None

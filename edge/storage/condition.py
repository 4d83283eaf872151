"""How the files of a storage folder are at one moment: for people who look after them."""

import contextlib
import shutil
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from edge.storage.damage import numbered
from edge.storage.key import KEY_FILE

_PARTS = ("", "-wal")  # a file and its log


class Health(StrEnum):
    """How the storage fares."""

    GOOD = "good"
    RESERVE = "disk full, the reserve is in use, history is off"
    FULL = "disk full, the reserve is used up"
    FAILED = "the disk refuses"


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """``set_aside``: the damaged files that are kept for a person to look at. ``free_bytes``: None where the folder
    can't be asked."""

    journal_bytes: int
    free_bytes: int | None
    reserve_held: bool
    set_aside: tuple[str, ...]


def condition(journal: Path, names: tuple[str, ...], *, reserve_held: bool) -> Condition:
    """Look at the folder of ``journal``; ``names`` are the files in it. Never raises."""
    folder = journal.parent
    damaged: list[str] = []
    with contextlib.suppress(OSError):
        for name in (*(f"{name}.db" for name in names), KEY_FILE):
            damaged += [path.name for _, path in sorted(numbered(folder / name))]
    return Condition(
        journal_bytes=sum(_size(journal.with_name(journal.name + part)) for part in _PARTS),
        free_bytes=_free(folder),
        reserve_held=reserve_held,
        set_aside=tuple(damaged),
    )


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _free(folder: Path) -> int | None:
    try:
        return shutil.disk_usage(folder).free
    except OSError:
        return None

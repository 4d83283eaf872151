"""Registers of meters: numbers that count up, of which a load is what was added from row to row."""

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Final

from simulators.errors import ScenarioError

LONG: Final = 48  # rows: no load rises for so long, a register does
FALLS: Final = 0.05  # of all changes: one that begins anew each day has no more, where there is a row each hour
ADDS: Final = 0.9  # of its steps at least add something, or nothing; in the others it began anew
HOUR_S: Final = 3600.0

Reading = tuple[float, tuple[float, ...]]  # a moment in seconds, and what each column showed


def flowed(file: Path, columns: Sequence[str], readings: Sequence[Reading]) -> list[Reading]:
    """What was added in each step, by the hour, from its beginning on. A step in which a register fell tells nothing:
    it began anew, or is another's.

    Raises ScenarioError where it falls too often.
    """
    found: list[Reading] = []
    for (at, before), (until, after) in pairwise(readings):
        added = tuple(later - earlier for earlier, later in zip(before, after, strict=True))
        if min(added) >= 0.0:
            found.append((at, tuple(each * HOUR_S / (until - at) for each in added)))
    steps = len(readings) - 1
    if not found or len(found) < ADDS * steps:
        raise ScenarioError(
            f"{file}: {' or '.join(map(repr, columns))} falls {steps - len(found)} times in {steps} steps, as no "
            "register does: leave register out"
        )
    return found


def refuse_a_register(file: Path, columns: Sequence[str], readings: Sequence[Reading]) -> None:
    """Raises ScenarioError where a column that was taken for a load counts up."""
    for place, name in enumerate(columns):
        if _counts_up([each[place] for _, each in readings]):
            raise ScenarioError(
                f"{file}: column {name!r} counts up, as a meter's register: with register = true what is added from "
                "row to row is the load (false: it is the load as it stands)"
            )


def _counts_up(values: Sequence[float]) -> bool:
    """Whether it never falls, or but now and then, down to where it began, as what counts a day."""
    changes = [later - earlier for earlier, later in pairwise(values) if later != earlier]
    falls = [later for earlier, later in pairwise(values) if later < earlier]
    if not falls:
        return bool(changes) and len(values) >= LONG
    if len(changes) < LONG or len(falls) > FALLS * len(changes):
        return False
    return max(falls) - min(values) <= max(changes)

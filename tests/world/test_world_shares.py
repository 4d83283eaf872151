"""Who gets how much: each defect of the shares is seen by its oracle, in a sound site beside a restless building."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from edge.allocation import turns
from edge.allocation.columns import Columns
from edge.allocation.fill import FREE, Rows
from edge.allocation.fleet import Fleet
from edge.allocation.layout import Floats, Ints
from simulators.world.scenario import WorldScenario
from tests.world.worlds import PEERS, failed_oracles, of_classes, played


def _columns_of(**fixed: float) -> Callable[..., Columns]:
    """Columns in which these are alike for all rows."""

    def make(**columns: Any) -> Columns:
        return Columns(**(columns | {name: np.full_like(columns[name], value) for name, value in fixed.items()}))

    return make


def _first_come(rows: Rows, room_a: Floats) -> tuple[Floats, Ints]:
    """The first takes all that it can use, and so on."""
    amps, left = rows.lower_a.copy(), room_a.copy()
    np.subtract.at(left, rows.lines, rows.uses * rows.lower_a[:, None])
    for row in range(len(amps)):
        used = rows.uses[row] > 0
        more = max(0.0, min(rows.upper_a[row] - amps[row], float(left[rows.lines[row]][used].min())))
        amps[row] += more
        np.subtract.at(left, rows.lines[row], rows.uses[row] * more)
    return amps, np.full(len(amps), FREE, dtype=np.int64)


def _turned_round(fleet: Fleet) -> Fleet:
    return replace(fleet, rank=-fleet.rank)


DEFECTS: dict[str, tuple[WorldScenario, str, object]] = {
    "a class counts for nothing": (of_classes(), "edge.allocation.share.Columns", _columns_of(rank=0)),
    "a weight counts for nothing": (
        of_classes(classes=PEERS),
        "edge.allocation.share.Columns",
        _columns_of(weight=1.0),
    ),
    "the first takes all": (of_classes(classes=PEERS), "edge.allocation.ranks.fill", _first_come),
    # Room for two minima: the staff's, and one more.
    "the lowest class comes first": (
        of_classes(building_a=16.0),
        "edge.allocation.decide.precedence",
        lambda grid, fleet, *rest: turns.precedence(grid, _turned_round(fleet), *rest),
    ),
}


@pytest.mark.parametrize("defect", DEFECTS)
def test_shares_that_are_not_fair_are_caught(defect: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """By what the cars were offered and drew. Sound, the same site passes."""
    scenario, where, what = DEFECTS[defect]
    assert failed_oracles(played(scenario)) == set()
    monkeypatch.setattr(where, what)
    assert "shares" in failed_oracles(played(scenario))

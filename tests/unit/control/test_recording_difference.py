"""The first difference between two decisions: where it is, and how it is told."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import nan
from typing import Any

import pytest

from edge.control.replay import first_difference
from edge.domain.setpoint import Reason, Setpoint
from edge.units import PhaseAmps
from tests.site_builders import key


@dataclass(frozen=True, kw_only=True)
class Outcome:
    setpoints: tuple[Setpoint, ...] = ()
    room_a: Mapping[Any, Any] | None = None
    stale: frozenset[str] = frozenset()


def setpoint(number: int, limit_a: float | None, reason: Reason = Reason.MAXIMUM) -> Setpoint:
    return Setpoint(key=key(number), limit_a=limit_a, reason=reason)


SAME = (setpoint(1, 6.0),)
CASES = {
    "a number": (
        Outcome(setpoints=(*SAME, setpoint(2, 8.4))),
        Outcome(setpoints=(*SAME, setpoint(2, 8.3, Reason.IDLE))),
        "setpoints[1].limit_a: recorded 8.4, now 8.3 (CP-2/1)",
    ),
    "none": (
        Outcome(setpoints=(setpoint(2, None),)),
        Outcome(setpoints=(setpoint(2, 8.3),)),
        "setpoints[0].limit_a: recorded None, now 8.3 (CP-2/1)",
    ),
    "an enum": (
        Outcome(setpoints=(setpoint(2, 8.4),)),
        Outcome(setpoints=(setpoint(2, 8.4, Reason.IDLE),)),
        "setpoints[0].reason: recorded MAXIMUM, now IDLE (CP-2/1)",
    ),
    "a value in a mapping": (
        Outcome(room_a={"main": PhaseAmps(1.0, 2.0, 3.0)}),
        Outcome(room_a={"main": PhaseAmps(1.0, 2.5, 3.0)}),
        "room_a[main].l2: recorded 2.0, now 2.5",
    ),
    "a key that is gone": (
        Outcome(room_a={key(1): 1.0, key(2): 2.0}),
        Outcome(room_a={key(1): 1.0}),
        "room_a[CP-2/1]: recorded 2.0, now absent",
    ),
    "a key that is new": (
        Outcome(room_a={key(1): 1.0}),
        Outcome(room_a={key(1): 1.0, key(2): 2.0}),
        "room_a[CP-2/1]: recorded absent, now 2.0",
    ),
    "a set": (
        Outcome(stale=frozenset({"main"})),
        Outcome(),
        "stale: recorded frozenset({'main'}), now frozenset()",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_the_first_difference(case: str) -> None:
    """The path as one would write it, both values, and the EVSE where there is one."""
    recorded, now, said = CASES[case]
    found = first_difference(recorded, now)
    assert found is not None
    assert found.text == said


def test_another_number_of_setpoints() -> None:
    """Where the lengths differ both are shown, shortened."""
    found = first_difference(Outcome(setpoints=SAME * 9), Outcome(setpoints=SAME * 8))
    assert found is not None
    assert found.path == "setpoints"
    assert len(found.text) < 300


def test_equal_values() -> None:
    """Equal values differ nowhere; nor do NaN and NaN, or mappings in another order."""
    one = Outcome(setpoints=(setpoint(1, nan),), room_a={"a": 1.0, "b": 2.0})
    other = Outcome(setpoints=(setpoint(1, float("nan")),), room_a={"b": 2.0, "a": 1.0})
    assert first_difference(one, other) is None

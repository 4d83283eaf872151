"""Why a car gets what it gets: each sentence that isn't so is seen by its oracle."""

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from edge.allocation.decision import Decision
from edge.allocation.solution import Solution
from edge.domain.limit import LimitSource
from edge.domain.setpoint import SOURCE_NAMES, Reason
from edge.units import PHASES
from simulators.world.scenario import FaultSpec, WorldScenario
from tests.world.test_world_sun import sunny
from tests.world.worlds import BMS, LOWER, is_caught, limited_twice, of_classes, played

# A guest who is cut off by a restart of the gateway, and leaves without an answer: 6 A are kept free for it on L1.
GUEST = (FaultSpec(number=9, at_s=30.0, for_s=60.0), FaultSpec(number=47, at_s=60.0, for_s=30.0))
PLACE, SETPOINT = Solution.place, Decision.setpoint
BELOW = """
[[circuit]]
id = "yard"
parent = "main"
fuse_a = 63
"""


def below() -> WorldScenario:
    """All three posts are on a circuit of their own, which has room enough; what lies above it hasn't."""
    scenario = of_classes()
    posts = tuple(replace(each, circuit="yard") for each in scenario.posts)
    return replace(scenario, posts=posts, site_head=scenario.site_head + BELOW)


def one_phase() -> WorldScenario:
    """Cars on one phase at posts of one: each is held by its own."""
    scenario = of_classes()
    return replace(scenario, posts=tuple(replace(each, phases=1) for each in scenario.posts))


def limited() -> WorldScenario:
    """A building that allows the three posts less for a while."""
    scenario = of_classes()
    return replace(scenario, site_head=scenario.site_head + BMS, limits=(LOWER,))


def safe(scenario: WorldScenario) -> WorldScenario:
    """Where no session has less than the safe current of its post."""
    return replace(scenario, site_head=scenario.site_head.replace("[control]", '[control]\nidle = "safe"'))


def safe_in_need() -> WorldScenario:
    """The building leaves them their safe current, and nobody else limits them."""
    return safe(of_classes(building_a=11.0))


def safe_under_a_roof() -> WorldScenario:
    """Cars on the sun's surplus, which is more than that until a cloud comes."""
    scenario = replace(sunny(), for_s=540.0)
    return safe(replace(scenario, posts=tuple(replace(each, fallback_a=6.0) for each in scenario.posts)))


def _turned(solution: Solution, line: int) -> dict[str, Any]:
    place = PLACE(solution, line)
    return place | {"phase": PHASES[(PHASES.index(place["phase"]) + 1) % 3]} if "phase" in place else place


def _nearest(solution: Solution, line: int) -> dict[str, Any]:
    return PLACE(solution, line) | {"circuit": "yard"}


def _as(reason: Reason, *, most_a: float = math.inf) -> Callable[[Decision, int], Any]:
    """Who is held by a circuit, a limit or the sun, and has no more, is told this instead."""

    def setpoint(decision: Decision, number: int) -> Any:
        found = SETPOINT(decision, number)
        held = found.reason in (Reason.CIRCUIT_FULL, Reason.LIMITED, Reason.SURPLUS)
        return replace(found, reason=reason) if held and (found.limit_a or 0.0) <= most_a else found

    return setpoint


DEFECTS: dict[str, tuple[Callable[[], WorldScenario], Callable[[pytest.MonkeyPatch], None]]] = {
    "another phase": (one_phase, lambda patch: patch.setattr(Solution, "place", _turned)),
    "another circuit": (below, lambda patch: patch.setattr(Solution, "place", _nearest)),
    "the car has all": (of_classes, lambda patch: patch.setattr(Decision, "setpoint", _as(Reason.DEMAND_MET))),
    "it is ready in time": (of_classes, lambda patch: patch.setattr(Decision, "setpoint", _as(Reason.READY_IN_TIME))),
    "the station doesn't answer": (
        of_classes,
        lambda patch: patch.setattr(Decision, "setpoint", _as(Reason.STATION_SILENT)),
    ),
    "a safe current is kept where none is": (
        of_classes,
        lambda patch: patch.setattr(Decision, "setpoint", _as(Reason.SAFE_KEPT)),
    ),
    "the safe current is kept, and it has more": (
        safe_under_a_roof,
        lambda patch: patch.setattr(Decision, "setpoint", _as(Reason.SAFE_KEPT)),
    ),
    "the safe current is kept, and nobody would leave it less": (
        safe_in_need,
        lambda patch: patch.setattr(Decision, "setpoint", _as(Reason.SAFE_KEPT, most_a=6.0)),
    ),
    "somebody else limits": (
        limited,
        lambda patch: patch.setitem(SOURCE_NAMES, LimitSource.BMS_MODBUS, SOURCE_NAMES[LimitSource.GRID]),
    ),
    "it is no limit but the fuse": (
        limited,
        lambda patch: patch.setattr(Decision, "setpoint", _as(Reason.CIRCUIT_FULL)),
    ),
}


@pytest.mark.parametrize(
    "scenario", [of_classes, below, one_phase, limited, limited_twice, safe_in_need, safe_under_a_roof]
)
def test_the_sentences_are_so(scenario: Callable[[], WorldScenario]) -> None:
    """Of the site in which a defect is seen below."""
    assert played(scenario()).result.verdicts == ()


@pytest.mark.parametrize("defect", DEFECTS)
def test_a_sentence_that_is_not_so_is_caught(defect: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the simulated copper, cars and building."""
    scenario, spoil = DEFECTS[defect]
    spoil(monkeypatch)
    assert is_caught("why", scenario())


def test_what_is_kept_free_for_a_guest_is_no_room() -> None:
    """It has no car whose post would say so."""
    scenario = replace(one_phase(), for_s=780.0)
    assert played(scenario, faults=GUEST, drain_s=20.0).result.verdicts == ()


def test_a_guest_excuses_no_other_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    """The phases on which it isn't wired are as free as they were."""
    monkeypatch.setattr(Solution, "place", _turned)
    scenario = replace(one_phase(), for_s=780.0)
    assert is_caught("why", scenario, faults=GUEST, drain_s=20.0)

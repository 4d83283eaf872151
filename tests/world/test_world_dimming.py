"""The grid operator dims by §14a: it is obeyed, also over a restart, and each defect of it is seen."""

from collections.abc import Callable
from dataclasses import replace
from functools import cache

import pytest

from edge.bms.dimming_memory import DimmingFile
from edge.bms.grid import Dimming
from simulators.errors import ScenarioError
from simulators.world.dimming import DimmingSpec
from simulators.world.scenario import FaultSpec, WorldScenario
from tests.world.worlds import BMS, is_caught, of_classes, played

YARD = """
[[circuit]]
id = "yard"
parent = "main"
fuse_a = 63
[grid]
circuit = "yard"
steering = "ems"
"""
KILLED = FaultSpec(number=47, at_s=200.0, for_s=20.0)


def dimmed(over: str = "modbus") -> WorldScenario:
    """Three posts on a circuit of their own, which is dimmed to 10.5 kW of the 19 that there are."""
    scenario = of_classes()
    posts = tuple(replace(each, circuit="yard", fallback_a=0.0) for each in scenario.posts)
    head = scenario.site_head + YARD + BMS
    dimmings = (DimmingSpec(over=over, from_s=180.0, to_s=800.0),)
    return replace(scenario, posts=posts, site_head=head, dimmings=dimmings, for_s=1000.0)


@pytest.mark.parametrize("over", ["modbus", "mqtt"])
def test_a_site_that_is_dimmed_draws_less_and_then_all_again(over: str) -> None:
    """Whichever way the word comes in; every other oracle holds, too."""
    found = played(dimmed(over)).result
    assert found.verdicts == ()
    assert 0.6 * _undimmed_wh() < found.energy_wh < 0.8 * _undimmed_wh()


@cache
def _undimmed_wh() -> float:
    return played(replace(dimmed(), dimmings=()), drain_s=10.0).result.energy_wh


def test_dimming_outlives_a_restart() -> None:
    """Nobody says it anew."""
    assert played(dimmed(), faults=[KILLED]).result.verdicts == ()


DEFECTS: dict[str, tuple[Callable[[pytest.MonkeyPatch], None], str]] = {
    "each device has the whole": (
        lambda patch: patch.setattr("edge.bms_set_up.dimmed_w", lambda devices, _steering: devices * 4200.0),
        "dimming",
    ),
    "it isn't heard of": (lambda patch: patch.setattr(Dimming, "ask", lambda *_, **__: None), "dimming"),
    "a restart ends it": (lambda patch: patch.setattr(DimmingFile, "read", lambda _: frozenset()), "dimming"),
    "it never ends": (
        lambda patch: patch.setattr(Dimming, "ask", _only_begins(Dimming.ask)),
        "why",
    ),
}


def _only_begins(ask: Callable[..., None]) -> Callable[..., None]:
    def begin(dimming: Dimming, by: object, *, dim: bool, now: float) -> None:
        if dim:
            ask(dimming, by, dim=dim, now=now)

    return begin


@pytest.mark.parametrize("defect", DEFECTS)
def test_dimming_that_is_not_as_it_must_be_is_caught(defect: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """By what flows in the circuit, and by what the cars are told when it is over."""
    spoil, oracle = DEFECTS[defect]
    spoil(monkeypatch)
    faults = [KILLED] if defect == "a restart ends it" else []
    assert is_caught(oracle, dimmed(), faults=faults)


def test_a_site_that_nobody_may_dim_is_told_so() -> None:
    """A scenario whose grid operator talks to nobody is a mistake."""
    scenario = replace(dimmed(), site_head=dimmed().site_head.replace('circuit = "yard"\nsteering = "ems"\n', ""))
    scenario = replace(scenario, site_head=scenario.site_head.replace("[grid]\n", ""))
    with pytest.raises(ScenarioError, match=r"dimming: the scenario's site needs \[grid\]"):
        played(scenario)

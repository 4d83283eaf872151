"""EEBUS LPC, OpenADR and mode eco come and go, over restarts and silence; each defect of them is seen."""

import os
import random
from collections.abc import Callable
from dataclasses import replace

import pytest

from edge.bms.eco import EcoMode
from edge.bms.eebus_lpc import Lpc
from edge.bms.lpc_memory import LpcFile
from simulators.errors import ScenarioError
from simulators.world.building import Recorded
from simulators.world.limits import LimitSpec
from simulators.world.run import run_world, with_random_faults
from simulators.world.scenario import FaultSpec, WorldScenario
from simulators.world.signals import SignalSpec
from tests.world.worlds import BMS, LOWER, is_caught, played, small

GRID = """
[grid]
eebus_lpc = true
failsafe_kw = 9
openadr = true
"""
LIMITED = SignalSpec(kind="lpc", from_s=80.0, to_s=1000.0, max_w=11_000.0)
EVENT = SignalSpec(kind="openadr", from_s=100.0, to_s=150.0, max_w=8_000.0)
SUNNY = SignalSpec(kind="eco", from_s=230.0, to_s=700.0)
SILENT = FaultSpec(number=40, at_s=170.0, for_s=200.0)
CONCERNED = (1, 3, 14, 30, 40, 41, 42, 43, 44, 46, 47, 49, 52, 53)
KILLED = FaultSpec(number=47, at_s=110.0, for_s=20.0)


def signalled(*signals: SignalSpec, minutes: float) -> WorldScenario:
    """Three cars that want all there is."""
    scenario = small(minutes=minutes)
    drivers = tuple(replace(each, energy_wh=(4e4, 5e4)) for each in scenario.drivers)
    return replace(scenario, drivers=drivers, signals=signals, site_head=scenario.site_head + BMS + GRID)


def test_what_comes_and_goes_is_obeyed_over_silence_and_a_restart() -> None:
    """The box's limit, the event's, in the box's silence the failsafe value, and beside it the sun alone."""
    scenario = signalled(LIMITED, EVENT, SUNNY, minutes=6.5)
    assert played(scenario, faults=[SILENT, KILLED], drain_s=5.0).result.verdicts == ()


DEFECTS: dict[str, tuple[Callable[[pytest.MonkeyPatch], None], str]] = {
    "it isn't heard of": (lambda patch: patch.setattr(Lpc, "allowed_w", None), "signals"),
    "a restart ends it": (lambda patch: patch.setattr(LpcFile, "read", lambda *_: None), "signals known"),
    "nobody heeds the building": (lambda patch: patch.setattr(EcoMode, "ask", lambda *_, **__: None), "signals known"),
}


@pytest.mark.parametrize("defect", DEFECTS)
def test_signals_that_are_not_as_they_must_be_are_caught(defect: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """By what flows, by what the report says, and by what the cars are told."""
    spoil, oracle = DEFECTS[defect]
    spoil(monkeypatch)
    scenario = signalled(replace(LIMITED, max_w=5_000.0), replace(SUNNY, from_s=90.0), minutes=3.3)
    faults = [KILLED] if defect == "a restart ends it" else []
    assert is_caught(oracle, scenario, faults=faults, drain_s=5.0)


def test_of_two_masters_the_newest_word_counts() -> None:
    """Each for as long as it says."""
    scenario = replace(signalled(minutes=4.0), limits=(LOWER,))
    masters = FaultSpec(number=41, at_s=90.0, for_s=140.0)
    assert played(scenario, seed=3, faults=[masters], drain_s=5.0).result.verdicts == ()


def test_a_site_that_takes_no_signals_is_told_so() -> None:
    """A box that talks to nobody is a mistake of the scenario."""
    scenario = signalled(LIMITED, minutes=5.0)
    scenario = replace(scenario, site_head=scenario.site_head.replace("eebus_lpc = true\nfailsafe_kw = 9\n", ""))
    with pytest.raises(ScenarioError, match=r"signal: the scenario's site needs \[grid\] with eebus_lpc = true"):
        played(scenario)


def at_random(seed: int) -> WorldScenario:
    """Signals, limits and what the sun gives at random, and thirty faults an hour of those that concern them."""
    rng = random.Random(f"{seed} signals")
    signals, limits = [], []
    for kind in ("lpc", "openadr", "eco"):
        at_s = rng.uniform(60.0, 400.0)
        while at_s < 2000.0:
            to_s = at_s + rng.uniform(40.0, 500.0)
            max_w = None if kind == "eco" else rng.choice((4200.0, 9000.0, 12_000.0, 15_000.0))
            signals.append(SignalSpec(kind=kind, from_s=at_s, to_s=to_s, max_w=max_w))
            at_s = to_s + rng.uniform(30.0, 300.0)
    for over in ("modbus", "mqtt"):
        at_s = rng.uniform(60.0, 300.0)
        while at_s < 2000.0:
            to_s = at_s + rng.uniform(30.0, 300.0)
            limits.append(LimitSpec(over=over, from_s=at_s, to_s=to_s, max_a=rng.choice((8.0, 14.0, 20.0))))
            at_s = to_s + rng.uniform(0.0, 200.0)
    rows = tuple((at_s, (-rng.choice((0.0, 5.0, 12.0, 22.0)),) * 3) for at_s in (0.0, 600.0, 1200.0))
    scenario = signalled(*signals, minutes=40.0)
    loads = (*scenario.loads, Recorded(circuit="main", rows=rows, lasts_s=1e5))
    return with_random_faults(replace(scenario, loads=loads, limits=tuple(limits)), per_h=30.0, numbers=CONCERNED)


@pytest.mark.skipif(not os.environ.get("EDGE_LONG"), reason="`make soak` plays them")
@pytest.mark.parametrize("seed", range(1, 13))
def test_signals_at_random_are_obeyed(seed: int) -> None:
    """Every oracle holds."""
    assert run_world(at_random(seed), seed=seed).result.verdicts == ()

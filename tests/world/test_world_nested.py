"""Two gateways, one above the other: who keeps which share while the link between them is gone, or one of them is."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from edge.ocpp.own_station.station import OwnStation
from simulators.world.run import run_world, with_random_faults
from simulators.world.scenario import FaultSpec, WorldScenario
from simulators.world.scenario_file import load_world
from tests.world.worlds import is_caught, played

NESTED = str(Path(__file__).parent / "nested.toml")
BETWEEN = (10, 13, 14, 15, 43, 44, 47, 53)  # rows that a link between gateways, or the one above, can have


def nested(*, minutes: float) -> WorldScenario:
    """Two to three cars below, and a building above that leaves them little."""
    return replace(load_world(NESTED), for_s=60.0 * minutes)


def test_the_link_is_lost_and_both_gateways_are_killed() -> None:
    """Above, what the site might draw is counted all the while; below, nobody draws more than that."""
    faults = [FaultSpec(number=14, at_s=120.0, for_s=150.0), FaultSpec(number=47, at_s=200.0, for_s=60.0)]
    assert played(nested(minutes=6.5), seed=5, faults=faults, drain_s=5.0).result.verdicts == ()


def test_a_site_that_takes_more_than_it_is_told_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """It minds its own fuse alone."""
    monkeypatch.setattr(OwnStation, "_state_limit", lambda *_: None)
    assert is_caught("below", nested(minutes=4.0), seed=2, drain_s=5.0)


@pytest.mark.parametrize("number", [34, 35])
def test_a_site_whose_meter_is_wired_wrongly_cannot_know_what_it_takes(number: int) -> None:
    """What the meter of its fuse shows isn't what flows: it is the alarm that counts. (Seed 6003 of controllers-2.)"""
    scenario = nested(minutes=7.0)
    scenario = replace(scenario, drivers=tuple(replace(each, phases=(1,)) for each in scenario.drivers))
    fault = FaultSpec(number=number, at_s=150.0, for_s=240.0, target="grid")
    assert played(scenario, faults=[fault], drain_s=5.0).result.verdicts == ()


@pytest.mark.skipif(not os.environ.get("EDGE_LONG"), reason="`make soak` plays them")
@pytest.mark.parametrize("seed", range(100, 112))
def test_a_link_that_comes_and_goes_takes_no_fuse(seed: int) -> None:
    """Twenty faults an hour between the gateways, by either edition that a site speaks to the one above."""
    scenario = nested(minutes=32.0)
    if seed % 2:
        scenario = replace(scenario, site_head=scenario.site_head.replace('"2.0.1"', '"1.6"'))
    scenario = with_random_faults(scenario, per_h=20.0, numbers=BETWEEN)
    assert run_world(scenario, seed=seed).result.verdicts == ()

"""One phase or all: a gateway that doesn't choose, or chooses too often, is seen."""

from dataclasses import replace

import pytest

from edge.allocation import phases
from simulators.world.building import HOURS, LoadSpec
from simulators.world.scenario import WorldScenario
from tests.world.worlds import failed_oracles, played, small


def lopsided() -> WorldScenario:
    """The building takes 27 A of L1, and little of the others: no car can charge on all three phases, and one at the
    post whose first phase is L2 or L3 can on that.
    """
    scenario = small(minutes=26.0)
    load = LoadSpec(circuit="main", hourly_a=(27.0,) * HOURS, shares=(1.0, 0.3, 0.3), noise_a=0.3)
    posts = tuple(replace(each, switches_phases=True, fallback_a=0.0) for each in scenario.posts)
    drivers = tuple(replace(each, stay_h=(0.9, 0.95), energy_wh=(4e4, 5e4)) for each in scenario.drivers)
    head = scenario.site_head.replace("background_reserve_a = 12", "background_reserve_a = 28")
    return replace(scenario, site_head=head, posts=posts, loads=(load,), drivers=drivers)


def test_cars_charge_on_the_phase_that_has_room() -> None:
    """Two of three do, without being switched to and fro."""
    result = played(lopsided()).result
    assert result.verdicts == ()
    assert result.starts_per_session < 1.5
    assert result.energy_wh > 2500.0


def test_a_phase_that_is_never_chosen_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """They would wait for ever beside it."""
    monkeypatch.setattr(phases, "RESCUE_S", 1e9)
    assert failed_oracles(played(lopsided())) == {"phases"}

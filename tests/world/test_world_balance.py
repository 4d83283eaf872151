"""The imbalance limit at the connection: a gateway that does not mind it is seen; what is the building's own is not."""

from dataclasses import replace

import pytest

from edge.allocation.plant import Plant
from edge.domain.site import Site
from simulators.world.building import HOURS, LoadSpec
from simulators.world.scenario import FaultSpec, WorldScenario
from simulators.world.world import World
from tests.world.test_world_oracles import later
from tests.world.worlds import failed_oracles, played, small


def on_one_phase(*, shares: tuple[float, float, float] = (1.0, 1.0, 1.0)) -> WorldScenario:
    """Two cars of one phase each, on two of the grid's; no two of these may differ by more than 10 A."""
    scenario = small(minutes=7.0)
    head = scenario.site_head.replace('id = "small"', 'id = "small"\nimbalance_limit_a = 10', 1)
    load = LoadSpec(circuit="main", hourly_a=(3.0,) * HOURS, shares=shares, noise_a=0.3)
    drivers = tuple(replace(each, per_day=2, phases=(1,), energy_wh=(4e4, 5e4)) for each in scenario.drivers)
    return replace(scenario, site_head=head, loads=(load,), drivers=drivers)


def test_an_imbalance_limit_that_nobody_minds_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each car would draw 28 A, beside 3 A on the third phase."""
    assert failed_oracles(played(on_one_phase())) == set()
    of_site = Plant.of

    def without(site: Site) -> Plant:
        return replace(of_site(site), imbalance_limit_a=None)

    monkeypatch.setattr(Plant, "of", without)
    assert failed_oracles(played(on_one_phase())) == {"balance"}


def test_a_building_that_is_out_of_balance_is_not_the_cars_doing() -> None:
    """It has 15 A on the first phase, and then 24 A, and nothing on the others."""

    def more(world: World) -> None:
        world.load("pump", "main", (9.0, 0.0, 0.0))

    scenario = on_one_phase(shares=(5.0, 0.0, 0.0))
    assert failed_oracles(played(scenario, meddle=later(250.0, more))) == set()


def test_cars_keep_the_limit_after_the_building_alone_was_too_much() -> None:
    """They were stopped for it, and where they draw stays known (row 59)."""
    scenario = on_one_phase()
    scenario = replace(
        scenario, for_s=840.0, drivers=tuple(replace(each, stay_h=(0.9, 0.95)) for each in scenario.drivers)
    )
    assert failed_oracles(played(scenario, seed=1, faults=(FaultSpec(number=59, at_s=200.0, for_s=150.0),))) == set()

"""From the keys of the site file to the site of the domain: what may be told of EVSEs, circuits, classes, pacing."""

from pathlib import Path

import pytest

from edge.config import load
from edge.domain.site import Evse, EvseKey, Site, Supply
from edge.units import Phase
from tests.own_maps import no_map

SITE = """
[site]
id = "x"
imbalance_limit_a = 20
nominal_voltage_v = 230

[control]
turn_s = 600
min_off_s = 30
raises_per_hour = 60

[[circuit]]
id = "main"
fuse_a = 400
limit_w = 250000
background_reserve_a = 20

[[class]]
id = "staff"
rank = 0
guaranteed = true

[[class]]
id = "visitor"
rank = 1

[[station]]
id = "AC"
circuit = "main"
class = "visitor"
[[station.evse]]
id = 1
max_a = 32
step_a = 1
switches_phases = true
[[station.evse]]
id = 2
max_a = 16
never_zero = true

[[station]]
id = "DC"
circuit = "main"
[[station.evse]]
id = 1
supply = "dc"
max_w = 150000
min_w = 6900
fallback_w = 13800
[[station.evse]]
id = 2
supply = "dc"
phases = ["L2"]
max_w = 9200
[[station.evse]]
id = 3
supply = "dc"
max_w = 69000
fallback_w = 0

[ocpp]
upstream = "ws://cloud/{station}"
"""


@pytest.fixture
def site(tmp_path: Path) -> Site:
    file = tmp_path / "site.toml"
    file.write_text(SITE, encoding="utf-8")
    configuration = load(file, meter_models={}, read_map=no_map)
    assert configuration.notes == ()
    return configuration.site


def evse(site: Site, station: str, number: int) -> Evse:
    return site.evse_by_key[EvseKey(station=station, evse=number)]


def test_limits_of_the_site_and_its_pacing(site: Site) -> None:
    """Imbalance, turns, rest and raises reach the site and its control settings, the power limit its circuit."""
    assert site.imbalance_limit_a == 20
    assert (site.control.turn_s, site.control.min_off_s, site.control.raises_per_hour) == (600, 30, 60)
    assert site.circuit_by_id["main"].limit_w == 250_000


def test_what_an_evse_can_be_told(site: Site) -> None:
    """Steps, phase switching and the ban of 0 A are those of their own EVSE; others have the defaults."""
    first, second = evse(site, "AC", 1), evse(site, "AC", 2)
    assert (first.step_a, first.switches_phases, first.never_zero) == (1, True, False)
    assert (second.step_a, second.switches_phases, second.never_zero) == (0.1, False, True)
    assert first.single_phase == (Phase.L1,)


def test_a_guarantee_comes_with_the_class(site: Site) -> None:
    """Stations of a guaranteed class have it, the one without a class by the class of the lowest rank."""
    assert (evse(site, "AC", 1).guaranteed, evse(site, "AC", 1).rank) == (False, 1)
    assert (evse(site, "DC", 1).guaranteed, evse(site, "DC", 1).rank) == (True, 0)


def test_watts_of_a_dc_evse_become_amperes_on_its_phases(site: Site) -> None:
    """Power over voltage, divided by the phases that it draws from; minimum 5 kW and fallback as the minimum."""
    three, one, none = (evse(site, "DC", number) for number in (1, 2, 3))
    assert {unit.supply for unit in (three, one, none)} == {Supply.DC}
    assert (three.max_a, three.min_a, three.fallback_a) == pytest.approx((150_000 / 690, 10.0, 20.0))
    assert (one.max_a, one.min_a, one.fallback_a) == pytest.approx((40.0, 5000 / 230, 5000 / 230))
    assert (none.max_a, none.min_a, none.fallback_a) == pytest.approx((100.0, 5000 / 690, 0.0))


def test_without_the_keys_nothing_is_limited(tmp_path: Path) -> None:
    """A file without them has no limit of imbalance or power, and plans turns of a quarter of an hour."""
    file = tmp_path / "site.toml"
    file.write_text(
        '[site]\nid = "x"\n[[circuit]]\nid = "main"\nfuse_a = 63\nbackground_reserve_a = 0\n'
        '[ocpp]\nupstream = "ws://cloud/{station}"\n',
        encoding="utf-8",
    )
    site = load(file, meter_models={}, read_map=no_map).site
    assert site.imbalance_limit_a is None
    assert site.circuits[0].limit_w is None
    assert (site.control.turn_s, site.control.min_off_s, site.control.raises_per_hour) == (900, 60, 240)

"""DC stations, switching stations and few-phase cars: from the files, and in place of what the files say."""

from pathlib import Path

import pytest

from simulators.charger import Supply
from simulators.cli.options import endpoint
from simulators.errors import ScenarioError
from simulators.events import describe_move
from simulators.fleet import station_specs
from simulators.overrides import with_car_phases, with_dc, with_phase_switching
from simulators.scenario import Scenario, load_scenario
from simulators.traffic import moves_between

SITE = """
[site]
id = "x"
[[circuit]]
id = "main"
fuse_a = 250
[[meter]]
connection = "tcp://127.0.0.1:5020"
[[station]]
id = "DC"
circuit = "main"
[[station.evse]]
id = 1
supply = "dc"
max_w = 69000
[[station]]
id = "AC"
circuit = "main"
[[station.evse]]
id = 1
max_a = 16
switches_phases = true
[ocpp]
listen = "127.0.0.1:9000"
upstream = "ws://127.0.0.1:9100/{station}"
"""

SCENARIO = """
name = "x"
site = "site.toml"
period_s = 60
[building]
circuit = "main"
[[building.step]]
at_s = 0
load_a = [1.0, 1.0, 1.0]
[cloud]
accepted_tags = ["A"]
[[car]]
name = "a limousine"
station = "DC"
arrive_s = 5
leave_s = 50
max_w = 34500
battery_wh = 90000
soc = 0.2
obey_s = 1.0
id_tag = "A"
"""


def written(folder: Path, *, site: str = SITE, scenario: str = SCENARIO) -> Scenario:
    (folder / "site.toml").write_text(site, encoding="utf-8")
    (folder / "x.toml").write_text(scenario, encoding="utf-8")
    return load_scenario(str(folder / "x.toml"))


def test_stations_are_what_the_site_file_says(tmp_path: Path) -> None:
    """A DC EVSE's power on each of three phases, 5 kW as its least; and whether an EVSE obeys numberPhases."""
    fast, post = (spec.connectors[0] for spec in station_specs(written(tmp_path).site))
    assert (fast.supply, fast.switches_phases) == (Supply.DC, False)
    assert (fast.max_a, fast.min_a) == pytest.approx((100.0, 5000 / 690))
    assert (post.supply, post.switches_phases, post.max_a, post.min_a) == (Supply.AC, True, 16.0, 6.0)


def test_a_car_at_a_dc_station_has_a_power(tmp_path: Path) -> None:
    """It is told in kW, and drawn from three phases."""
    (car,) = (scenario := written(tmp_path)).cars
    assert (car.max_w, car.phases) == (34_500.0, 3)
    assert car.max_a == pytest.approx(50.0)
    arrival, *_ = moves_between(scenario, 0.0, 10.0)
    assert describe_move(arrival) == "a limousine arrives at DC (DC, up to 34.5 kW, card A)"


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("max_w = 69000", 'max_w = 69000\nphases = ["L1"]', "evse 1: phases: must be all three of a simulated DC EVSE"),
        ('supply = "dc"', 'supply = "solar"', 'evse 1: supply: must be "ac" or "dc", not \'solar\''),
        ("max_w = 69000", "max_a = 100", "evse 1: max_w: is missing"),
        ("switches_phases = true", "switches_phases = 1", "evse 1: switches_phases: must be true or false, not 1"),
        ("max_w = 34500", "max_a = 50\nphases = 3", "car 1: max_a: unknown key; known here are"),
    ],
)
def test_a_bad_file_gets_one_clear_sentence(tmp_path: Path, old: str, new: str, says: str) -> None:
    """The sentence names the place, what is wrong and what would be right."""
    with pytest.raises(ScenarioError) as caught:
        written(tmp_path, site=SITE.replace(old, new), scenario=SCENARIO.replace(old, new))
    assert says in str(caught.value)


@pytest.mark.parametrize("phases", [1, 2, 3])
def test_all_cars_on_so_many_phases(phases: int) -> None:
    """Those of the demo, whose EVSEs have three; nothing else of them changes."""
    demo = load_scenario("demo")
    changed = with_car_phases(demo, phases)
    assert {car.phases for car in changed.cars} == {phases}
    assert [(car.name, car.max_a) for car in changed.cars] == [(car.name, car.max_a) for car in demo.cars]


def test_a_dc_car_stays_on_three_phases(tmp_path: Path) -> None:
    """The number of phases is for AC cars."""
    assert [car.phases for car in with_car_phases(written(tmp_path), 1).cars] == [3]


def test_all_stations_switch_but_dc_ones(tmp_path: Path) -> None:
    """Every AC EVSE obeys numberPhases, in the demo all eight."""
    assert all(evse.switches_phases for evse in with_phase_switching(load_scenario("demo")).site.evses)
    changed = with_phase_switching(written(tmp_path))
    assert [evse.switches_phases for evse in changed.site.evses] == [False, True]


def test_a_station_becomes_a_dc_one() -> None:
    """With the power that it had on three phases; its cars take theirs, and the others stay as they are."""
    changed = with_dc(load_scenario("demo"), ["CP-07"])
    specs = {spec.identity: spec.connectors[0] for spec in station_specs(changed.site)}
    assert (specs["CP-07"].supply, specs["CP-07"].max_a) == (Supply.DC, 32.0)
    assert specs["CP-07"].min_a == pytest.approx(5000 / 690)
    assert specs["CP-08"].supply is Supply.AC
    (carla,) = (car for car in changed.cars if car.station == "CP-07")
    assert (carla.max_w, carla.phases) == (32 * 690, 3)


def test_a_station_that_can_t_be_dc_is_told(tmp_path: Path) -> None:
    """One that isn't there, with those that are; one that lacks phases."""
    with pytest.raises(ScenarioError, match="--dc: there is no station 'CP-99'; there are CP-01, CP-02"):
        with_dc(load_scenario("demo"), ["CP-99"])
    one_phase = written(tmp_path, site=SITE.replace("max_a = 16\nswitches", 'phases = ["L2"]\nmax_a = 16\nswitches'))
    with pytest.raises(ScenarioError, match="--dc: AC has an EVSE with fewer than three phases"):
        with_dc(one_phase, ["AC"])


def test_chargers_of_a_site_without_a_cloud_are_played(tmp_path: Path) -> None:
    """Who wants its cloud has to say where that would be."""
    alone = written(tmp_path, site=SITE.replace('upstream = "ws://127.0.0.1:9100/{station}"', ""))
    assert len(station_specs(alone.site)) == 2
    with pytest.raises(ScenarioError, match="the scenario's site has no cloud"):
        endpoint("--listen", None, alone.site.cloud)
    assert str(endpoint("--listen", "127.0.0.1:9100", alone.site.cloud)) == "127.0.0.1:9100"

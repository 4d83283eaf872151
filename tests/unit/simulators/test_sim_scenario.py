"""Scenario and site files: the ready one is what the demo needs, and a bad one gets one clear sentence."""

import shutil
from itertools import pairwise
from pathlib import Path

import pytest
import tomlkit

from simulators.errors import ScenarioError
from simulators.scenario import CHANGE_OF_CARS_S, READY_MADE, Scenario, load_scenario, ready_scenarios, varied
from simulators.site import load_site, parse_endpoint
from simulators.traffic import MoveKind, moves_between

DEMO_RUN_S = 60.0
LAST_ARRIVAL_S = 55.0


@pytest.fixture
def demo() -> Scenario:
    """The ready demo."""
    return load_scenario("demo")


def altered(folder: Path, file: str, old: str, new: str) -> str:
    """Copies of the demo's two files with one piece of text replaced; the path of the scenario."""
    for path in READY_MADE.glob("demo*.toml"):
        shutil.copy(path, folder)
    target = folder / file
    text = target.read_text(encoding="utf-8")
    assert old in text
    target.write_text(text.replace(old, new, 1), encoding="utf-8")
    return str(folder / "demo.toml")


def test_demo_is_ready_made() -> None:
    """It is found by name; the site file beside it is no scenario."""
    assert "demo" in ready_scenarios()
    assert "demo-site" not in ready_scenarios()


def test_a_minute_of_the_demo_shows_what_it_should(demo: Scenario) -> None:
    """In 60 s: a load step up, an outage in which cars come and go, six visits with known cards, 1- to 3-phase cars."""
    steps = [step for step in demo.building.steps if step.at_s < DEMO_RUN_S]
    assert any(sum(later.load_a) > sum(earlier.load_a) + 10 for earlier, later in pairwise(steps))
    (outage,) = (each for each in demo.cloud.outages if each.from_s + each.for_s < DEMO_RUN_S)
    moves = moves_between(demo, 0.0, LAST_ARRIVAL_S)
    during = {move.kind for move in moves if outage.from_s + 1 < move.at_s < outage.from_s + outage.for_s - 1}
    assert during == {MoveKind.ARRIVES, MoveKind.LEAVES}
    arrivals = [move for move in moves if move.kind is MoveKind.ARRIVES]
    assert len([move for move in arrivals if move.car.id_tag in demo.cloud.accepted_tags]) >= 6
    assert {move.car.phases for move in arrivals} == {1, 2, 3}


def test_a_card_first_shown_while_the_cloud_is_away_was_known_before(demo: Scenario) -> None:
    """Nobody could tell whether a card never seen is good, so the demo doesn't ask for it."""
    for move in moves_between(demo, 0.0, demo.period_s):
        if move.kind is MoveKind.ARRIVES and demo.cloud_away(move.at_s):
            assert any(
                car.id_tag == move.car.id_tag and car.arrive_s < demo.cloud.outages[0].from_s for car in demo.cars
            )


def test_the_building_stays_within_its_reserve(demo: Scenario) -> None:
    """The load never exceeds the 12 A that the site file reserves for it, so its safe currents' proof is true."""
    document = tomlkit.parse(demo.site_file.read_text(encoding="utf-8")).unwrap()
    reserve_a = next(each["background_reserve_a"] for each in document["circuit"] if "background_reserve_a" in each)
    peak_a = max(max(demo.building.current_a(tenth / 10)) for tenth in range(round(demo.period_s * 10)))
    assert peak_a <= reserve_a


def test_the_safe_currents_fit_under_every_fuse(demo: Scenario) -> None:
    """The sum of the EVSEs' fallbacks fits under each fuse less margin and reserve, as the gateway will check."""
    document = tomlkit.parse(demo.site_file.read_text(encoding="utf-8")).unwrap()
    fallback_a = {each["id"]: each["evse"][0]["fallback_a"] for each in document["station"]}
    for circuit in document["circuit"]:
        below = {
            evse.station for evse in demo.site.evses if circuit["id"] in {c.id for c in demo.site.path_of(evse.circuit)}
        }
        room_a = circuit["fuse_a"] - circuit["margin_a"] - circuit.get("background_reserve_a", 0)
        assert sum(fallback_a[station] for station in below) <= room_a


def test_the_scenario_repeats(demo: Scenario) -> None:
    """The second period has the first one's moves, a period later."""
    first = moves_between(demo, 0.0, demo.period_s)
    second = moves_between(demo, demo.period_s, 2 * demo.period_s)
    assert [(move.at_s + demo.period_s, move.car, move.kind) for move in first] == [
        (move.at_s, move.car, move.kind) for move in second
    ]


def test_moves_are_the_same_however_the_time_is_cut(demo: Scenario) -> None:
    """Asking step by step finds each move once, as asking for the whole time does."""
    cut = [move for step in range(3000) for move in moves_between(demo, step / 10, (step + 1) / 10)]
    assert cut == list(moves_between(demo, 0.0, 300.0))


@pytest.mark.parametrize("seed", range(20))
def test_a_seed_varies_the_scenario_a_little(demo: Scenario, seed: int) -> None:
    """The same seed gives the same scenario; cars still never meet at an EVSE, and the outage still sees traffic."""
    other = varied(demo, seed)
    assert other == varied(demo, seed)
    assert other != demo
    stays = sorted((car.station, car.arrive_s, car.leave_s) for car in other.cars)
    for (station, _, left_s), (next_station, arrives_s, _) in pairwise(stays):
        assert station != next_station or arrives_s - left_s >= CHANGE_OF_CARS_S / 2
    kinds = {move.kind for move in moves_between(other, 28.0, 38.0)}
    assert kinds == {MoveKind.ARRIVES, MoveKind.LEAVES}


@pytest.mark.parametrize(
    ("file", "old", "new", "says"),
    [
        ("demo.toml", "period_s = 120", "period_s = 0", "period_s: must be more than 0, not 0"),
        ("demo.toml", "period_s = 120", "perod_s = 120", "perod_s: unknown key; known here are building"),
        ("demo.toml", "period_s = 120", "period_s = ", "isn't valid TOML: Invalid value (at line 6"),
        ("demo.toml", 'site = "demo-site.toml"', 'site = "other.toml"', "other.toml: can't be read: No such file"),
        ("demo.toml", 'station = "CP-01"', 'station = "CP-99"', "car 1: station: CP-99 evse 1 isn't in the site file"),
        ("demo.toml", "leave_s = 33", "leave_s = 1", "car 1: leave_s: must be more than 2, not 1"),
        ("demo.toml", "phases = 3", "phases = 4", "car 1: phases: must be at most 3, not 4"),
        ("demo.toml", "phases = 3", 'phases = "3"', "car 1: phases: must be a whole number, not '3'"),
        ("demo.toml", "soc = 0.30", "soc = nan", "car 1: soc: must be a number, not nan"),
        ("demo.toml", 'id_tag = "ANNA"\n', "", "car 1: id_tag: is missing; it must be a text in quotes"),
        ("demo.toml", "arrive_s = 62", "arrive_s = 34", "car: 'a lost card' must come to CP-01 at least 2 s after"),
        ("demo.toml", "at_s = 46", "at_s = 12", "building: step: at_s must rise from step to step"),
        ("demo.toml", "at_s = 0", "at_s = 1", "building: step: the first step must be at_s = 0"),
        ("demo.toml", 'circuit = "main"', 'circuit = "attic"', "building: circuit: 'attic' isn't in the site file"),
        ("demo.toml", "for_s = 10", "for_s = 100", "cloud: outage 1: for_s: must be at most 92, not 100"),
        ("demo.toml", "load_a = [3.0, 4.0, 2.5]", "load_a = [3.0]", "load_a: must be a list of 3 numbers, not [3.0]"),
        ("demo-site.toml", "fuse_a = 63", "fuse_a = 0", "circuit 1: fuse_a: must be more than 0, not 0"),
        (
            "demo-site.toml",
            'parent = "main"',
            'parent = "cellar"',
            "'garage' hangs below 'cellar', which doesn't",
        ),
        ("demo-site.toml", 'parent = "main"', 'parent = "garage"', "'garage' is below itself"),
        ("demo-site.toml", 'circuit = "garage"', 'circuit = "barn"', "station 1: circuit: 'barn' doesn't exist"),
        ("demo-site.toml", '["L1", "L2", "L3"]', '["L1", "L1"]', "station 1: evse 1: phases: must name one to three"),
        ("demo-site.toml", "tcp://127.0.0.1:5020", "rtu:///dev/x", "meter 1: connection: must be tcp://host:port here"),
        ("demo-site.toml", '"127.0.0.1:9000"', '"127.0.0.1"', "ocpp: listen: must be host:port"),
    ],
)
def test_a_bad_file_gets_one_clear_sentence(tmp_path: Path, file: str, old: str, new: str, says: str) -> None:
    """The sentence names the file, the place, what is wrong and what would be right."""
    with pytest.raises(ScenarioError) as caught:
        load_scenario(altered(tmp_path, file, old, new))
    sentence = str(caught.value)
    assert says in sentence
    assert str(tmp_path) in sentence
    assert "\n" not in sentence


def test_an_unknown_name_lists_the_ready_scenarios() -> None:
    """A name is not taken for a path."""
    with pytest.raises(ScenarioError, match="'demmo' doesn't exist; ready ones are demo"):
        load_scenario("demmo")


def test_a_circuit_cycle_is_named(tmp_path: Path) -> None:
    """Two circuits below each other leave no grid connection, which is said."""
    altered(tmp_path, "demo-site.toml", 'id = "main"', 'id = "main"\nparent = "garage"')
    with pytest.raises(ScenarioError, match="exactly one must have no parent, not 0"):
        load_site(tmp_path / "demo-site.toml")


@pytest.mark.parametrize("text", ["", "host", "host:", "host:0", "host:70000", "host:1/x", "u@host:1", ":5"])
def test_an_address_is_host_and_port(text: str) -> None:
    """Anything else is refused with the name of what it was for."""
    with pytest.raises(ScenarioError, match=r"--feeder: must be host:port"):
        parse_endpoint(text, what="--feeder")

"""The parts of the demo that need no sockets: site file, status, screen, result."""

from pathlib import Path

import pytest
import tomlkit

from simulators.building import BuildingLoad, LoadStep
from simulators.demo.gateway import Addresses, rewrite_site
from simulators.demo.result import DemoResult
from simulators.demo.screen import PlainScreen, SilentScreen
from simulators.demo.status import GatewayStatus, parse_status
from simulators.errors import PeerError
from simulators.events import Event, EventLog, describe_load_step, describe_move
from simulators.scenario import Scenario, load_scenario
from simulators.site import Endpoint, load_site
from simulators.traffic import moves_between
from tests.unit.simulators.sim_demo_picture import picture, status_json


@pytest.fixture
def scenario() -> Scenario:
    """The ready demo."""
    return load_scenario("demo")


def test_the_site_file_is_rewritten_to_the_runs_addresses(scenario: Scenario, tmp_path: Path) -> None:
    """Addresses change; everything else, comments included, stays."""
    gateway, cloud, meter, api = (Endpoint(host="127.0.0.1", port=port) for port in (21001, 21002, 21003, 21004))
    target = tmp_path / "site.toml"
    rewrite_site(
        scenario.site_file,
        target,
        addresses=Addresses(gateway=gateway, cloud=cloud, meter=meter, api=api),
    )
    site = load_site(target)
    assert (site.gateway, site.cloud, site.meter) == (gateway, cloud, meter)
    assert (site.circuits, site.evses) == (scenario.site.circuits, scenario.site.evses)
    document = tomlkit.parse(target.read_text(encoding="utf-8")).unwrap()
    assert document["ocpp"]["upstream"] == "ws://127.0.0.1:21002/{station}"
    assert document["api"]["listen"] == "127.0.0.1:21004"
    assert "background_reserve_a = 12 # the building's worst load" in target.read_text(encoding="utf-8")


def test_the_status_is_read_with_unknown_keys_let_be() -> None:
    """Counts, state and the reason of each EVSE."""
    assert parse_status(status_json()) == GatewayStatus(
        state="CONTROLLING",
        ticks=17,
        missed_ticks=1,
        reasons={("CP-01", 1): "8.0 A: garage L2 is full [39.0 of 39 A]"},
        few_phases={},
        cloud_connected=1,
        stations=2,
        observes=False,
        lost_meters=(),
    )


def test_a_status_without_what_was_agreed_is_an_error() -> None:
    """The sentence names the key."""
    status = status_json()
    del status["control"]["missed_ticks"]
    with pytest.raises(PeerError, match="status isn't as agreed: KeyError 'missed_ticks'"):
        parse_status(status)


def test_plain_lines_say_the_same_in_a_line(scenario: Scenario, capsys: pytest.CaptureFixture[str]) -> None:
    """For a pipe: circuits against ratings, cars, cloud; events with their time."""
    screen = PlainScreen()
    screen.event(Event(at_s=3.0, text="a car comes"))
    screen.show(picture(scenario))
    events, line = capsys.readouterr().out.splitlines()
    assert events == "   3.0 s  a car comes"
    assert line == (
        "  12.3 s  main 65.0 / 34.0 / 22.5 of 63 A; garage 8.0 / 8.0 / 8.0 of 40 A; "
        "1 cars draw current; the cloud is there"
    )


def test_json_runs_are_silent(scenario: Scenario, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing but the result object may come to stdout."""
    with SilentScreen() as screen:
        screen.note("starting")
        screen.event(Event(at_s=3.0, text="a car comes"))
        screen.show(picture(scenario))
    assert capsys.readouterr().out == ""


def test_events_are_numbered_by_time_and_kept_for_the_screen() -> None:
    """Each is echoed as it comes; the latest are kept, the newest last."""
    heard: list[str] = []
    now = [1.0]
    log = EventLog(lambda: now[0], lambda event: heard.append(str(event)))
    log.add("one")
    now[0] = 62.25
    log.add("two")
    assert heard == ["   1.0 s  one", "  62.2 s  two"]
    assert [event.text for event in log.latest(1)] == ["two"]


def test_moves_and_load_steps_are_told_in_words(scenario: Scenario) -> None:
    """Who comes with what and where; which way the load goes; nothing where nothing changes."""
    arrival, *_ = moves_between(scenario, 0.0, 2.0)
    assert describe_move(arrival) == "Anna's hatchback arrives at CP-01 (3 phases, up to 16 A, card ANNA)"
    load = BuildingLoad(
        circuit="main",
        ripple_a=0.0,
        steps=(LoadStep(at_s=0.0, load_a=(1.0, 1.0, 1.0)), LoadStep(at_s=9.0, load_a=(4.0, 5.0, 6.0))),
        period_s=20.0,
    )
    assert describe_load_step(load, 8.9, 9.0) == "the building's load steps up to 4 / 5 / 6 A"
    assert describe_load_step(load, 19.9, 20.0) == "the building's load steps down to 1 / 1 / 1 A"
    assert describe_load_step(load, 9.0, 9.1) is None


def test_the_result_object_has_exactly_the_agreed_keys() -> None:
    """Rounded, with circuits as lists; unknown utilisation is null."""
    result = DemoResult(
        ticks=60,
        missed_ticks=0,
        max_current_a={"main": (61.239, 50.0, 40.0)},
        seconds_over_rating=1.23456,
        breaker_tripped=False,
        energy_wh=1234.56,
        profiles_sent=99,
        transactions_started=8,
        transactions_confirmed_by_cloud=8,
        utilisation=None,
    )
    assert result.as_json() == {
        "ticks": 60,
        "missed_ticks": 0,
        "max_current_a": {"main": [61.24, 50.0, 40.0]},
        "seconds_over_rating": 1.23,
        "breaker_tripped": False,
        "energy_wh": 1234.6,
        "profiles_sent": 99,
        "transactions_started": 8,
        "transactions_confirmed_by_cloud": 8,
        "utilisation": None,
    }

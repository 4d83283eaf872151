"""The parts of the demo that need no sockets: site file, status, screen, result."""

from pathlib import Path
from typing import Any

import pytest
import tomlkit
from rich.console import Console

from simulators.building import BuildingLoad, LoadStep
from simulators.demo.gateway import Addresses, rewrite_site
from simulators.demo.picture import Picture
from simulators.demo.result import DemoResult
from simulators.demo.screen import PlainScreen, SilentScreen, bar, render
from simulators.demo.status import GatewayStatus, parse_status
from simulators.errors import PeerError
from simulators.events import Event, EventLog, describe_load_step, describe_move
from simulators.feeder import CircuitCurrent, EvseDraw
from simulators.fleet import EvseState
from simulators.scenario import Scenario, load_scenario
from simulators.site import Endpoint, load_site
from simulators.traffic import moves_between


@pytest.fixture
def scenario() -> Scenario:
    """The ready demo."""
    return load_scenario("demo")


def status_json() -> dict[str, Any]:
    """A status as the gateway gives it, with keys that the demo doesn't know."""
    return {
        "site": "demo",
        "mode": "control",
        "version": "0.1",
        "control": {"ticks": 17, "missed_ticks": 1, "period_s": 1.0, "state": "CONTROLLING", "since": "today"},
        "circuits": [{"id": "main", "fuse_a": 63, "measured_a": None, "headroom_a": [1, 2, 3]}],
        "stations": [
            {
                "id": "CP-01",
                "connected": True,
                "cloud_connected": True,
                "evses": [
                    {
                        "id": 1,
                        "status": "Charging",
                        "limit_a": 8.0,
                        "reason": "CIRCUIT_FULL",
                        "text": "8.0 A: garage L2 is full [39.0 of 39 A]",
                        "draw_a": None,
                    }
                ],
            },
            {"id": "CP-02", "connected": False, "cloud_connected": False, "evses": []},
        ],
    }


def picture(scenario: Scenario, **changes: Any) -> Picture:
    """A moment in which CP-01 charges at 8 A."""
    values: dict[str, Any] = {
        "site": scenario.site,
        "time_s": 12.3,
        "currents": {
            "main": CircuitCurrent(ev_a=(40.0, 30.0, 20.0), building_a=(25.0, 4.0, 2.5)),
            "garage": CircuitCurrent(ev_a=(8.0, 8.0, 8.0), building_a=(0.0, 0.0, 0.0)),
        },
        "tripped": {"main": False, "garage": False},
        "evses": tuple(
            EvseState(
                evse=evse,
                status="Charging" if evse.station == "CP-01" else "Available",
                draw=EvseDraw(
                    station=evse.station,
                    evse_id=1,
                    draw_a=(8.0, 8.0, 8.0) if evse.station == "CP-01" else (0.0, 0.0, 0.0),
                    wanted_a=(16.0, 16.0, 16.0),
                    offered_a=8.0,
                ),
            )
            for evse in scenario.site.evses
        ),
        "gateway": parse_status(status_json()),
        "cloud_away": False,
        "seconds_over_rating": 0.4,
        "energy_wh": 1234.0,
        "events": (Event(at_s=11.0, text="the kettle is on"),),
    }
    return Picture(**(values | changes))


def shown(moment: Picture, *, width: int = 120) -> str:
    """The picture as text on a terminal so many columns wide."""
    console = Console(width=width, force_terminal=False)
    with console.capture() as capture:
        console.print(render(moment))
    return capture.get()


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
        cloud_connected=1,
        stations=2,
    )


def test_a_status_without_what_was_agreed_is_an_error() -> None:
    """The sentence names the key."""
    status = status_json()
    del status["control"]["missed_ticks"]
    with pytest.raises(PeerError, match="status isn't as agreed: KeyError 'missed_ticks'"):
        parse_status(status)


def test_the_picture_shows_bars_states_and_reasons(scenario: Scenario) -> None:
    """Each circuit's three phases against its rating; each EVSE with state, limit, draw and reason; the events."""
    text = shown(picture(scenario))
    assert "65.0/63 A" in text
    assert "8.0/40 A" in text
    assert "Charging" in text
    assert "8.0 A: garage L2 is full [39.0 of 39 A]" in text
    assert "cloud there" in text
    assert "17 ticks, 1 missed" in text
    assert "the kettle is on" in text
    assert "TRIPPED" not in text


def test_the_picture_fits_a_small_terminal(scenario: Scenario) -> None:
    """80 columns and 24 rows: what is too long ends in an ellipsis, the bars are whole."""
    events = tuple(Event(at_s=11.0, text="something long to tell " * 6) for _ in range(9))
    status = status_json()
    status["stations"][0]["evses"][0]["text"] = "8.0 A: waits until others have obeyed their cut on main L2"
    lines = shown(picture(scenario, events=events, gateway=parse_status(status)), width=80).splitlines()
    assert max(len(line) for line in lines) <= 80
    assert len(lines) <= 24
    assert any(line.count("/63 A") == 3 for line in lines)
    assert sum("something long" in line for line in lines) == 5
    (row,) = (line.split() for line in lines if "CP-01" in line)
    assert row[:9] == ["CP-01", "Charging", "8.0", "A", "8.0", "/", "8.0", "/", "8.0"]


def test_the_picture_shows_trouble(scenario: Scenario) -> None:
    """A tripped breaker, an absent cloud, a gateway that doesn't answer."""
    text = shown(picture(scenario, gateway=None, cloud_away=True, tripped={"main": True, "garage": False}))
    assert "TRIPPED" in text
    assert "cloud away" in text
    assert "gateway doesn't answer" in text


@pytest.mark.parametrize(
    ("amps", "filled", "style"), [(0.0, 0, "green"), (20.0, 4, "green"), (38.0, 8, "yellow"), (60.0, 8, "bold red")]
)
def test_a_bar_is_full_at_the_rating_and_red_above(amps: float, filled: int, style: str) -> None:
    """Eight cells for the rating; never longer."""
    drawn = bar(amps, 40.0)
    assert drawn.plain.count("█") == filled
    assert drawn.plain.count("█") + drawn.plain.count("░") == 8
    assert str(drawn.spans[0].style) == style or filled == 0


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

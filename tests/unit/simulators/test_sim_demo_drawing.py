"""The demo's picture on terminals of all sizes."""

import re

import pytest
from rich.console import Console

from simulators.demo.drawing import bar, draw
from simulators.demo.status import LostMeter, parse_status
from simulators.events import Event
from simulators.scenario import Scenario, load_scenario
from tests.unit.simulators.sim_demo_picture import picture, saying, shown, status_json


@pytest.fixture
def scenario() -> Scenario:
    """The ready demo."""
    return load_scenario("demo")


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


@pytest.mark.parametrize("size", [(80, 20), (80, 24), (100, 30), (150, 20)])
def test_the_picture_fits_the_terminal(scenario: Scenario, size: tuple[int, int]) -> None:
    """Down to 80 columns and 20 rows the bars and every reason of usual length are whole, the newest event is there."""
    width, height = size
    events = tuple(Event(at_s=float(n), text=f"event {n} " + "with much to tell " * 9) for n in range(5))
    gateway = saying("8.0 A: waits until others have obeyed their cut on main L2")
    lines = shown(picture(scenario, events=events, gateway=gateway), width=width, height=height).splitlines()
    assert max(len(line) for line in lines) <= width
    assert len(lines) <= height
    assert any(line.count("/63 A") == 3 for line in lines)
    (row,) = (line for line in lines if "CP-01" in line)
    assert row.rstrip().endswith("waits until others have obeyed their cut on main L2")
    assert "CP-08" in "".join(lines)
    told = [line.split()[3] for line in lines if "event" in line]
    assert len(told) >= 4
    assert told == [str(n) for n in range(5)][-len(told) :]


@pytest.mark.parametrize(("height", "is_there"), [(40, True), (19, False)])
def test_where_there_is_room_it_says_where_the_page_is(scenario: Scenario, height: int, *, is_there: bool) -> None:
    lines = shown(picture(scenario), height=height).splitlines()
    assert len(lines) <= height
    assert (lines[-1].strip() == "in a browser: http://127.0.0.1:40123/") is is_there


def test_a_narrow_terminal_shortens_the_columns_before_the_reason(scenario: Scenario) -> None:
    """Draw and limit in one column, the state in a word, the setpoint not twice."""
    lines = shown(picture(scenario), width=80).splitlines()
    (row,) = (line.split() for line in lines if "CP-01" in line)
    assert row == ["CP-01", "charging", "8.0/", "8.0", "garage", "L2", "is", "full", "[39.0", "of", "39", "A]"]
    (free,) = (line.split() for line in lines if "CP-02" in line)
    assert free == ["CP-02", "free", "0.0/", "8.0"]


def test_a_low_terminal_drops_evses_before_the_newest_events(scenario: Scenario) -> None:
    """Where not even the EVSEs fit, the last of them go; two events stay, the newest last."""
    events = tuple(Event(at_s=float(n), text=f"event {n}") for n in range(5))
    lines = shown(picture(scenario, events=events), width=80, height=12).splitlines()
    assert len(lines) == 12
    assert [line.split()[-1] for line in lines[-2:]] == ["3", "4"]
    assert "CP-01" in "".join(lines)


def test_what_the_gateway_saw_last_is_marked_as_old(scenario: Scenario) -> None:
    """A meter that it lost is told with the age of its last reading, or that there never was one."""
    lost = {"id": "grid", "ok": False, "age_s": 42.4, "current_a": [20.0, 19.5, 21.0], "problem": "no answer"}
    never = {"id": "sub", "ok": False, "age_s": None, "current_a": None, "problem": "no answer"}
    gateway = saying("6.0 A: meter grid gives no reading: safe current", meters=[lost, never])
    assert gateway.lost_meters[1] == LostMeter(id="sub", age_s=None, current_a=None)
    for width in (80, 120):
        text = shown(picture(scenario, gateway=gateway), width=width)
        assert "the gateway has no reading of meter grid; 42 s ago: 20.0 / 19.5 / 21.0 A\n" in text
        assert "the gateway has no reading of meter sub\n" in text


def test_observing_says_what_would_be(scenario: Scenario) -> None:
    """Nothing looks commanded: the setpoint stays in the sentence, whose heading says would."""
    for width in (80, 120):
        text = shown(picture(scenario, gateway=saying("8.0 A: all the car can use", mode="observe")), width=width)
        assert "what the gateway would do" in text
        assert "observes only" in text
        assert "8.0 A: all the car can use" in text


def test_the_phases_in_use_are_told_where_they_are_fewer(scenario: Scenario) -> None:
    """Beside the state, on a narrow terminal after the reason; not of EVSEs that are counted on all their wires."""
    status = status_json()
    status["stations"][0]["evses"][0]["phases_in_use"] = ["L2", "L3"]
    gateway = parse_status(status)
    assert gateway.few_phases == {("CP-01", 1): ("L2", "L3")}
    assert re.search(r"CP-01 +Charging L2\+L3 +8.0 A", shown(picture(scenario, gateway=gateway)))
    assert "garage L2 is full [39.0 of 39 A] (on L2+L3)" in shown(picture(scenario, gateway=gateway), width=80)
    assert re.search(r"CP-01 +Charging  +8.0 A", shown(picture(scenario)))


@pytest.mark.parametrize("state", ["NORMAL", "METER_LATE", "METER_STALE", "RECOVERING"])
def test_the_gateway_s_state_is_in_the_headline(scenario: Scenario, state: str) -> None:
    """In words; yellow unless all is well."""
    gateway = parse_status(status_json() | {"control": status_json()["control"] | {"state": state}})
    console = Console(width=120, force_terminal=True, color_system="standard")
    with console.capture() as capture:
        console.print(draw(picture(scenario, gateway=gateway), width=120, height=40))
    headline = capture.get().splitlines()[0]
    assert state.lower().replace("_", " ") in headline
    assert ("\x1b[33m" in headline) == (state != "NORMAL")


def test_the_picture_shows_trouble(scenario: Scenario) -> None:
    """A tripped breaker, a circuit over its fuse, an absent cloud, a gateway that doesn't answer."""
    assert "main OVER" in shown(picture(scenario))
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

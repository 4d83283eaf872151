"""A moment of the demo: the gateway's status, and the picture that it is in."""

from typing import Any

from rich.console import Console

from simulators.demo.drawing import draw
from simulators.demo.picture import Picture
from simulators.demo.status import GatewayStatus, parse_status
from simulators.events import Event
from simulators.feeder import CircuitCurrent, EvseDraw
from simulators.fleet import EvseState
from simulators.scenario import Scenario


def status_json() -> dict[str, Any]:
    """A status as the gateway gives it, with keys that the demo doesn't know."""
    return {
        "site": "demo",
        "mode": "control",
        "version": "0.1",
        "control": {"ticks": 17, "missed_ticks": 1, "period_s": 1.0, "state": "CONTROLLING", "since": "today"},
        "meters": [{"id": "grid", "ok": True, "age_s": 0.2, "current_a": [1.0, 2.0, 3.0], "problem": None}],
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
                        "phases": ["L1", "L2", "L3"],
                        "phases_in_use": ["L1", "L2", "L3"],
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
        "page_url": "http://127.0.0.1:40123/",
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


def shown(moment: Picture, *, width: int = 120, height: int = 40) -> str:
    """The picture as text on a terminal so many columns wide and rows high."""
    console = Console(width=width, force_terminal=False)
    with console.capture() as capture:
        console.print(draw(moment, width=width, height=height))
    return capture.get()


def saying(text: str, **more: Any) -> GatewayStatus:
    """A status in which CP-01's reason is this one."""
    status = status_json() | more
    status["stations"][0]["evses"][0]["text"] = text
    return parse_status(status)

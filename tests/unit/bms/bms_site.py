"""A site, the status report of one of its ticks, and what the building's interface needs of the world around it."""

from datetime import UTC, datetime, timedelta
from typing import Any

from edge.domain.limit import LimitStated
from edge.domain.site import Circuit, ControlSettings, Evse, EvseKey, Meter, Site, Station
from edge.units import PHASES, Amps, Seconds

NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


class Hands:
    """A clock whose hands are set by hand; trusted unless said otherwise."""

    def __init__(self, *, wall: datetime = NOON) -> None:
        self.now: Seconds = 1000.0
        self.at = wall
        self.trusted = True

    def monotonic(self) -> Seconds:
        return self.now

    def wall(self) -> datetime:
        return self.at

    def wall_is_trusted(self) -> bool:
        return self.trusted

    def pass_s(self, seconds: Seconds) -> None:
        """Both clocks go on."""
        self.now += seconds
        self.at += timedelta(seconds=seconds)


class Taken:
    """Keeps the limits that it is given."""

    def __init__(self) -> None:
        self.limits: list[LimitStated] = []

    def take(self, fact: LimitStated) -> None:
        self.limits.append(fact)


def evse(station: str, *, rank: int = 0) -> Evse:
    return Evse(
        key=EvseKey(station=station, evse=1),
        circuit="garage",
        phases=PHASES,
        min_a=6.0,
        max_a=32.0,
        fallback_a=6.0,
        rank=rank,
    )


def site(*, fuse_a: Amps = 63.0) -> Site:
    """A grid connection with a meter, a garage below it, two stations there."""
    return Site(
        id="harbour-3",
        timezone="Europe/Copenhagen",
        nominal_voltage_v=230.0,
        control=ControlSettings(),
        circuits=(
            Circuit(id="main", parent=None, fuse_a=fuse_a, margin_a=2.0, meter="grid"),
            Circuit(id="garage", parent="main", fuse_a=40.0),
        ),
        meters=(Meter(id="grid", model="eastron_sdm630", connection="tcp://127.0.0.1:1"),),
        stations=(
            Station(id="CP-01", evses=(evse("CP-01"),)),
            Station(id="hall/2", evses=(evse("hall/2", rank=1),)),
        ),
    )


def report(*, ticks: int = 42, **changes: Any) -> dict[str, Any]:
    """What ``edge status --json`` shows of :func:`site`; ``changes`` replace parts at the top."""
    return {
        "site": "harbour-3",
        "mode": "control",
        "control": {"ticks": ticks, "missed_ticks": 0, "period_s": 1.0, "last_tick_s": 0.004, "state": "NORMAL"},
        "meters": [
            {
                "id": "grid",
                "age_s": 0.12,
                "ok": True,
                "problem": None,
                "current_a": [20.04, 21.0, -3.5],
                "voltage_v": [231.0, 229.5, 230.0],
                "power_w": 8650.4,
                "frequency_hz": 49.98,
                "import_wh": 123456789.0,
                "export_wh": 42.0,
            }
        ],
        "circuits": [
            circuit_report("main", 61.0, [20.04, 21.0, -3.5]),
            circuit_report("garage", 40.0, None),
        ],
        "stations": [
            {
                "id": "CP-01",
                "connected": True,
                "cloud_connected": True,
                "evses": [
                    {
                        "id": 1,
                        "status": "Charging",
                        "limit_a": 16.0,
                        "draw_a": [15.9, 15.8, 0.0],
                        "text": "16.0 A: all the car can use",
                    }
                ],
            },
            {
                "id": "hall/2",
                "connected": False,
                "cloud_connected": False,
                "evses": [{"id": 1, "status": "Unknown", "limit_a": None, "draw_a": None, "text": "gone"}],
            },
        ],
        "limits": {
            "effective": [
                {
                    "circuit": "main",
                    "limit_a": 20.0,
                    "limit_w": 13800.0,
                    "reason": "bms",
                    "source": "bms_modbus",
                    "remaining_s": 41.0,
                },
                {
                    "circuit": "garage",
                    "limit_a": 40.0,
                    "limit_w": 27600.0,
                    "reason": "fuse",
                    "source": None,
                    "remaining_s": None,
                },
            ],
            "stated": [],
        },
        "bms": {
            "mode": "auto",
            "modbus": {"write_enabled": True, "bms_limit_a": 20.0, "bms_mode": "auto", "bms_result": "accepted"},
        },
    } | changes


def circuit_report(identity: str, rating_a: Amps, measured_a: list[float] | None) -> dict[str, Any]:
    return {
        "id": identity,
        "rating_a": rating_a,
        "measured_a": measured_a,
        "draw_a": [15.9, 15.8, 0.0],
        "headroom_a": [10.0, 11.0, 12.0],
    }

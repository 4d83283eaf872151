"""From a status report to values and registers."""

import math
from typing import Any

import pytest

from edge.bms.image import image
from edge.bms.point import SHAPES, Bank, Kind, Point
from edge.bms.points import CIRCUIT_BASE, EVSE_BASE, EVSE_STRIDE, MAGIC, SITE_POINTS, STATUS_CODES
from edge.bms.registers import GAP, Telemetry, encode, number_of
from edge.bms.view import SiteView, Value
from edge.domain.site import EvseKey
from tests.unit.bms.bms_site import report, site


def test_the_image_says_what_the_report_says() -> None:
    """Site, circuits and EVSEs, in the points' units; what the report doesn't know is None."""
    seen = image(report(), site())
    assert seen.tick == 42
    assert seen.site["power_w"] == 8650.4
    assert seen.site["current_l3_a"] == -3.5
    assert seen.site["power_l1_w"] == pytest.approx(20.04 * 231.0)
    assert seen.site["charging_current_l1_a"] == 15.9
    assert seen.site["charging_power_w"] == pytest.approx(31.7 * 230.0)
    assert seen.site["limit_reason"] == "bms"
    assert seen.circuits["garage"]["current_l1_a"] is None
    assert seen.circuits["garage"]["limit_a"] == 40.0
    charging, gone = seen.evses.values()
    assert (charging["state"], charging["vehicle_connected"], charging["allocated_a"]) == ("Charging", True, 16.0)
    assert (gone["state"], gone["vehicle_connected"], gone["power_w"], gone["priority"]) == ("Unknown", None, None, 1)
    assert seen.reasons[EvseKey(station="CP-01", evse=1)] == "16.0 A: all the car can use"


def test_no_more_is_shown_as_allowed_than_the_station_has_accepted() -> None:
    """Some can't be told as much as they are to have; and a raise counts when it was taken. Without a limit there is
    none to be shown."""
    told = report()
    shown = told["stations"][0]["evses"][0]
    for limit_a, accepted_a, allocated_a in ((8.0, 6.0, 6.0), (6.0, 8.0, 6.0), (8.0, None, 8.0), (None, 8.0, None)):
        shown |= {"limit_a": limit_a, "accepted_a": accepted_a}
        charging = next(iter(image(told, site()).evses.values()))
        assert charging["allocated_a"] == allocated_a


def test_what_was_told_long_ago_is_not_charging() -> None:
    """The sum over all EVSEs is that of the samples that count: a station that fell silent adds nothing to it, nor to
    the grid operator's evidence."""
    told = report()
    for circuit in told["circuits"]:
        circuit["draw_a"] = [0.0, 0.0, 0.0]
    seen = image(told, site())
    assert (seen.site["charging_current_l1_a"], seen.site["charging_power_w"]) == (0.0, 0.0)
    before = image({}, site())
    assert before.site["charging_power_w"] == 0.0


def test_what_a_lost_meter_showed_is_not_available() -> None:
    """A building that goes by the site's current would go by one of before the cable broke. Its age stays."""
    told = report()
    told["meters"][0] |= {"age_s": 7200.0, "ok": False}
    told["circuits"][0] |= {"measured_age_s": 7200.0, "measured_stale": True}
    seen = image(told, site())
    names = [point.name for point in SITE_POINTS if point.register in range(10, 34)]
    assert {seen.site[name] for name in names} == {None}
    assert seen.site["meter_age_s"] == 7200.0
    assert seen.circuits["main"]["current_l1_a"] is None
    assert seen.circuits["main"]["headroom_l1_a"] == 10.0


def test_what_an_evse_drew_long_ago_is_not_available() -> None:
    """Its currents and its power are gaps once its last sample is too old, as its part of the sums is: 16 A of a car
    that has left hours ago are no measurement."""
    told = report()
    told["stations"][0]["evses"][0] |= {"draw_age_s": 7200.0, "draw_stale": True}
    seen = image(told, site())
    charging = next(iter(seen.evses.values()))
    assert [charging[f"current_l{n}_a"] for n in (1, 2, 3)] == [None, None, None]
    assert charging["power_w"] is None
    assert charging["allocated_a"] == 16.0
    first = Telemetry.of(seen).blocks[0][EVSE_BASE : EVSE_BASE + EVSE_STRIDE]
    assert first[2:7] == (0x8000, 0x8000, 0x8000, 0x8000, 0)


def test_the_power_of_a_phase_is_the_meters() -> None:
    """Where the meter tells it; where it tells none of a phase, or no voltage, current times the voltage there is."""
    told = report()
    told["meters"][0] |= {"phase_power_w": [4500.0, None, None], "voltage_v": [231.0, 229.5, None]}
    seen = image(told, site())
    assert seen.site["power_l1_w"] == 4500.0
    assert seen.site["power_l2_w"] == pytest.approx(21.0 * 229.5)
    assert seen.site["power_l3_w"] == pytest.approx(-3.5 * 230.0)
    assert seen.site["voltage_l3_v"] is None


def test_before_the_first_tick_all_is_there_and_nothing_known() -> None:
    """Every point has a value from the start: not available."""
    starting = {"control": {"ticks": 0, "state": "STARTING"}, "meters": [], "circuits": [], "stations": []}
    seen = image(starting, site())
    assert seen.site["power_w"] is None
    assert seen.site["status_bits"] == 0
    assert len(seen.evses) == 2
    words = Telemetry.of(seen).words(10, 2)
    assert words is not None
    assert number_of(Kind.INT32, words) is None


@pytest.mark.parametrize(
    ("changes", "bit"),
    [
        ({"control": {"ticks": 1, "state": "METER_STALE"}}, 0),
        ({"limits": {"effective": [], "stated": [{"source": "bms_mqtt", "is_fallback": True}]}}, 1),
        (
            {"limits": {"effective": [], "stated": [{"source": "grid", "limit_a": None, "limit_w": 0.0}]}},
            2,
        ),
        ({"limits": {"effective": [{"circuit": "main", "reason": "fallback"}], "stated": []}}, 3),
        ({"certificates": [{"state": "GOOD"}, {"state": "EXPIRING"}]}, 5),
    ],
)
def test_each_status_bit_has_its_cause(changes: dict[str, Any], bit: int) -> None:
    """Bit 4, a station out of reach, is set in this report; the other one comes from the change."""
    bits = image(report(**changes), site()).site["status_bits"]
    assert bits == 1 << 4 | 1 << bit


def test_registers_hold_the_image() -> None:
    """High word first, scaled, signed as two's complement, gaps as not available."""
    telemetry = Telemetry.of(image(report(), site()))
    lower = telemetry.blocks[0]
    assert lower[0] == MAGIC
    assert lower[2] == 42
    assert lower[4:6] == (2, 1)
    assert lower[6] == GAP
    assert lower[10:12] == (0, 8650)
    assert lower[20] == 0x10000 - 35
    assert lower[26:30] == (0, 0, 123456789 >> 16, 123456789 & 0xFFFF)
    assert lower[51:53] == (2, 41)
    first = lower[EVSE_BASE : EVSE_BASE + EVSE_STRIDE]
    assert first[:5] == (STATUS_CODES["Charging"], 1, 159, 158, 0)
    assert first[9:11] == (160, 0)
    assert len(lower) == EVSE_BASE + 2 * EVSE_STRIDE
    assert telemetry.words(CIRCUIT_BASE + 3, 1) == (610,)


def test_a_read_never_crosses_the_end_of_a_block() -> None:
    """Where there is nothing, nothing is made up."""
    telemetry = Telemetry.of(image(report(), site()))
    end = EVSE_BASE + 2 * EVSE_STRIDE
    assert telemetry.words(end - 1, 1) is not None
    assert telemetry.words(end - 1, 2) is None
    assert telemetry.words(CIRCUIT_BASE - 1, 2) is None


def point(kind: Kind, scale: float = 1.0) -> Point[SiteView]:
    return Point(
        name="x",
        unit="",
        bank=Bank.INPUT,
        register=0,
        kind=kind,
        topic="x",
        meaning="",
        read=lambda _: None,
        scale=scale,
    )


@pytest.mark.parametrize(
    ("kind", "scale", "value", "words"),
    [
        (Kind.UINT16, 1.0, -5, (0,)),
        (Kind.UINT16, 1.0, 70000, (0xFFFE,)),
        (Kind.INT16, 0.1, -12.34, (0x10000 - 123,)),
        (Kind.INT16, 1.0, -40000, (0x8001,)),
        (Kind.INT32, 1.0, -1, (0xFFFF, 0xFFFF)),
        (Kind.UINT32, 1.0, 1e12, (0xFFFF, 0xFFFE)),
        (Kind.UINT16, 1.0, None, (0xFFFF,)),
        (Kind.INT16, 1.0, math.nan, (0x8000,)),
        (Kind.INT32, 1.0, math.inf, (0x8000, 0)),
        (Kind.UINT64, 1.0, None, (0xFFFF,) * 4),
        (Kind.UINT16, 1.0, "text without a code", (0xFFFF,)),
        (Kind.UINT16, 1.0, True, (1,)),
    ],
)
def test_what_does_not_fit_is_held_at_bounds(kind: Kind, scale: float, value: Value, words: tuple[int, ...]) -> None:
    """A number never wraps round, and never looks like "not available"."""
    assert encode(point(kind, scale), value) == words


def test_every_site_point_reads_back() -> None:
    """Decoding the registers gives the image's values, to the resolution of each point."""
    seen = image(report(), site())
    telemetry = Telemetry.of(seen)
    for each in SITE_POINTS:
        words = telemetry.words(each.register, SHAPES[each.kind].words)
        assert words is not None
        number, value = number_of(each.kind, words), seen.site[each.name]
        if each.codes is not None and isinstance(value, str):
            assert number == each.codes[value]
        elif value is None:
            assert number is None
        else:
            assert number is not None
            assert number * each.scale == pytest.approx(float(value), abs=each.scale / 2 + 1e-9)

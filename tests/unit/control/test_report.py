"""The status report: what it tells of readings and draws, and that it has the shape that the API describes."""

from dataclasses import replace
from typing import Any

import pytest

from edge.control import report
from edge.domain.reading import MeterFailed, MeterReading
from edge.domain.station import DrawSampled
from edge.units import PhaseAmps
from edge.web.report import CircuitReport
from tests.site_builders import key
from tests.unit.control.loop_rig import Rig, in_virtual_time


def circuit(rig: Rig) -> dict[str, Any]:
    """The grid connection in the report of the last tick; it fits the API's description."""
    told: dict[str, Any] = report.status(rig.board, *rig.published[-1], rig.vitals.pulse)["circuits"][0]
    CircuitReport.model_validate(told)
    return told


@in_virtual_time
async def test_a_lost_meter_s_reading_has_its_age() -> None:
    """The last currents stay in the report, told as stale and with their age; a fresh reading is neither."""
    rig = Rig()
    rig.meter_takes_s = lambda number: 100.0 if number == 10 else 0.0
    rig.on_publish = lambda number: fresh.update(circuit(rig)) if number == 9 else None
    fresh: dict[str, Any] = {}
    await rig.run_for(40.5)
    assert (fresh["measured_a"], fresh["measured_stale"]) == ([5.0, 5.0, 5.0], False)
    assert fresh["measured_age_s"] == pytest.approx(0.0)
    old = circuit(rig)
    assert (old["measured_a"], old["measured_stale"]) == ([5.0, 5.0, 5.0], True)
    assert old["measured_age_s"] > 25


@in_virtual_time
async def test_a_reading_that_came_since_the_tick_is_of_now() -> None:
    """A P1 port or an MQTT topic tells when it likes: no age is below 0."""
    rig = Rig()
    await rig.run_for(1.5)
    rig.board.take(MeterReading(meter="grid", at=rig.clock.monotonic(), current_a=PhaseAmps.same(6.0)))
    (meter,) = report.status(rig.board, *rig.published[-1], rig.vitals.pulse)["meters"]
    assert (meter["current_a"], meter["age_s"]) == ([6.0, 6.0, 6.0], 0.0)


@in_virtual_time
async def test_a_failed_poll_loses_no_meter() -> None:
    """Whoever is called when a meter isn't ok isn't called for a broken frame: it is for as long as control goes by
    what it told."""
    rig = Rig()
    await rig.run_for(1.5)
    told = []
    stale_s = rig.board.site.control.meter_stale_s
    snapshot, decision = rig.published[-1]
    rig.board.take(MeterFailed(meter="grid", at=rig.clock.monotonic(), problem="no answer"))
    read_at = snapshot.circuits[0].measured_at
    assert read_at is not None
    for age_s in (1.0, stale_s, stale_s + 0.1):
        later = replace(snapshot, now=read_at + age_s)
        (meter,) = report.status(rig.board, later, decision, rig.vitals.pulse)["meters"]
        told.append((meter["ok"], meter["problem"]))
    assert told == [(True, "no answer"), (True, "no answer"), (False, "no answer")]


@in_virtual_time
async def test_the_chargers_own_account_is_summed() -> None:
    """What the EVSEs below a circuit report to draw, as long as that says something about now."""
    rig = Rig()
    rig.car_arrives()
    rig.board.take(DrawSampled(key=key(1), at=rig.clock.monotonic(), current_a=PhaseAmps(l1=16.0, l2=0.0, l3=1.25)))
    await rig.run_for(1.5)
    assert circuit(rig)["draw_a"] == [16.0, 0.0, 1.25]
    await rig.run_for(120)
    assert circuit(rig)["draw_a"] == [0.0, 0.0, 0.0]

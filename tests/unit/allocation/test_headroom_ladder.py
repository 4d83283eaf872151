"""Headroom: what becomes of it while a meter is late, stale, and back."""

import pytest

from edge.allocation.background import Background
from edge.allocation.cadence import LATE_PERIODS
from edge.allocation.headroom import RECOVERY_S, Headroom
from edge.allocation.state import EvseState
from edge.domain.site import ControlSettings
from edge.units import PhaseAmps
from tests.site_builders import NOW, charging, circuit, evse, idle, snapshot
from tests.unit.allocation.headroom_bench import Metered, background_a, estimated


def car(draw_a: float, *, drawn_at: float, told_a: float = 16.0, told_at: float = NOW - 60.0) -> EvseState:
    """A car that was told 16 A long ago and was sampled then."""
    return charging(told_a=told_a, told_at=told_at, draw_a=draw_a, drawn_at=drawn_at)


@pytest.mark.parametrize(
    ("age_s", "late", "stale"),
    [(0.0, False, False), (2.5, False, False), (2.6, True, False), (5.0, True, False), (5.1, False, True)],
)
def test_a_reading_goes_late_then_stale(age_s: float, late: bool, stale: bool) -> None:
    """After two and a half periods, and after meter_stale_s, 5 s by default."""
    headroom, _ = estimated(snapshot(circuit(63, measured_a=20.0, measured_at=NOW - age_s)))
    assert (headroom.late.tolist(), headroom.stale.tolist()) == ([late], [stale])


def test_how_late_is_late_goes_by_the_period() -> None:
    """A slow loop polls seldom."""
    settings = ControlSettings(period_s=4.0, meter_stale_s=20.0)
    for age_s, late in ((4.0 * LATE_PERIODS, False), (4.0 * LATE_PERIODS + 0.1, True)):
        state = circuit(63, measured_a=20.0, measured_at=NOW - age_s)
        assert estimated(snapshot(state, settings=settings))[0].late.tolist() == [late]


def test_a_meter_that_never_answered_is_stale() -> None:
    """From the first moment on."""
    headroom, memory = estimated(snapshot(circuit(63, meter="grid")))
    assert headroom.stale.tolist() == [True]
    assert memory["main"].stale_at == NOW


def test_a_meter_that_is_back_is_recovering_for_a_while() -> None:
    """Counted from when it was last found stale."""
    meter = Metered()
    meter.read(20)
    lost_at = meter.now + 30
    lost, meter.memory = estimated(
        snapshot(circuit(63, measured_a=20.0, measured_at=meter.now), now=lost_at), meter.memory
    )
    assert (lost.stale.tolist(), lost.recovering.tolist()) == ([True], [False])
    for after_s, recovering in ((1.0, True), (RECOVERY_S - 0.1, True), (RECOVERY_S, False)):
        back = snapshot(circuit(63, measured_a=20.0, measured_at=lost_at + after_s), now=lost_at + after_s)
        headroom, meter.memory = estimated(back, meter.memory)
        assert (headroom.stale.tolist(), headroom.recovering.tolist()) == ([False], [recovering])


def test_a_meter_that_was_only_late_is_not_recovering() -> None:
    """Nothing was lowered for it."""
    meter = Metered()
    meter.read(20)
    _, meter.memory = estimated(snapshot(circuit(63, measured_a=20.0, measured_at=NOW), now=NOW + 4), meter.memory)
    headroom, _ = estimated(snapshot(circuit(63, measured_a=20.0, measured_at=NOW + 5), now=NOW + 5), meter.memory)
    assert headroom.recovering.tolist() == [False]


def test_a_first_reading_after_a_start_without_a_meter_is_recovery() -> None:
    """It may fail again at once."""
    _, memory = estimated(snapshot(circuit(63, meter="grid")))
    site = snapshot(circuit(63, measured_a=20.0, measured_at=NOW + 1), now=NOW + 1)
    headroom, _ = estimated(site, memory)
    assert headroom.recovering.tolist() == [True]
    assert background_a(site, headroom) == {"main": PhaseAmps.same(20)}


def stale(known_a: float | None, reserve_a: float | None) -> Headroom:
    memory = {} if known_a is None else {"main": Background(estimate_a=PhaseAmps.same(known_a), reading_at=NOW - 60)}
    state = circuit(63, margin_a=3, measured_a=0.0, measured_at=NOW - 60, reserve_a=reserve_a)
    return estimated(snapshot(state), memory)[0]


@pytest.mark.parametrize(
    ("known_a", "reserve_a", "worst_a"),
    [(10, 20, 20), (30, 20, 30), (10, None, 10), (None, 20, 20), (None, None, 0)],
)
def test_without_a_meter_the_worst_that_is_known_counts(
    known_a: float | None, reserve_a: float | None, worst_a: float
) -> None:
    """The installer's reserve or the last estimate, whichever is more."""
    headroom = stale(known_a, reserve_a)
    assert headroom.background_a.tolist() == [[worst_a] * 3]
    assert headroom.left_a[:3].tolist() == [60 - worst_a] * 3


def test_the_estimate_outlives_a_gap_of_the_meter() -> None:
    """After the gap it goes on from where it was."""
    meter, still = Metered(), car(16, drawn_at=NOW + 29)
    meter.read(20, car(16, drawn_at=NOW))
    before = meter.memory["main"]
    gap = snapshot(circuit(63, measured_a=20.0, measured_at=NOW + 1), still, now=NOW + 30)
    headroom, meter.memory = estimated(gap, meter.memory)
    assert background_a(gap, headroom)["main"].l1 == 4
    assert meter.memory == {"main": meter.memory["main"]}
    assert (meter.memory["main"].estimate_a, meter.memory["main"].reading_at) == (before.estimate_a, before.reading_at)
    assert meter.read(12, still, after_s=29.5) == 4, "a fall is believed as slowly as ever"
    assert meter.read(29, still) == 13


def test_each_circuit_has_its_own_meters_ladder() -> None:
    """The order in which the site names them plays no part."""
    circuits = (
        circuit(20, "b", parent="main", meter="b", measured_a=1.0, measured_at=NOW - 4),
        circuit(63, measured_a=3.0),
        circuit(20, "a", parent="main", meter="a", measured_a=1.0, measured_at=NOW - 60),
    )
    headroom, _ = estimated(snapshot(circuits, idle(evse(1, circuit="a"))))
    places = [circuits[number].circuit.id for number in snapshot(circuits, idle()).plant.grid.layout.circuits.tolist()]
    assert places == ["a", "b", "main"]
    assert headroom.stale.tolist() == [True, False, False]
    assert headroom.late.tolist() == [False, True, False]

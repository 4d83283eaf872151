"""A submeter that shows more than the meter above it."""

from dataclasses import replace

import pytest
from structlog.testing import capture_logs

from edge.control.board import Board
from edge.control.submeters import LASTING_S, Submeters
from edge.domain.reading import MeterReading
from edge.domain.site import Circuit, ControlSettings, Meter, Site
from edge.units import PhaseAmps


def site(*more_meters: str) -> Site:
    """Main over deck (no meter) over garage, and yard beside it."""
    return Site(
        id="s",
        timezone="UTC",
        nominal_voltage_v=230.0,
        control=ControlSettings(),
        circuits=(
            Circuit(id="main", parent=None, fuse_a=63.0, meter="m"),
            Circuit(id="deck", parent="main", fuse_a=50.0),
            Circuit(id="garage", parent="deck", fuse_a=40.0, meter="g"),
            Circuit(id="yard", parent="main", fuse_a=32.0, meter="y"),
        ),
        meters=tuple(Meter(id=name, model="x", connection="tcp://h") for name in ("m", "g", "y", *more_meters)),
    )


def readings(now: float, main_a: float, garage_a: float, yard_a: float) -> dict[str, MeterReading | None]:
    """The same current on L1 of each, nothing on the others."""
    return {
        name: MeterReading(meter=name, at=now, current_a=PhaseAmps(amps, 0.0, 0.0))
        for name, amps in (("m", main_a), ("g", garage_a), ("y", yard_a))
    }


def test_what_fits_is_left_alone() -> None:
    """Branches that come to a little more than the meter above them, read a second apart, are in order."""
    found = Submeters(site()).currents(readings(0.0, 30.0, 20.0, 14.0), 0.0)
    assert {name: amps.l1 for name, amps in found.items()} == {"main": 30.0, "garage": 20.0, "yard": 14.0}


def test_branches_that_come_to_more_are_believed() -> None:
    """The metered circuits below are added up, over an unmetered one between; told when it lasts, and when it ends."""
    each = Submeters(site())
    with capture_logs() as logs:
        for second in range(int(LASTING_S) + 1):
            found = each.currents(readings(float(second), 20.0, 20.0, 14.0), float(second))
            assert found["main"].l1 == pytest.approx(34.0)
        assert each.findings("m")[0].startswith("meter 'm' shows 20.0 A where the meters below it show 34.0 A on L1")
        each.currents(readings(60.0, 35.0, 20.0, 14.0), 60.0)
    assert each.findings("m") == ()
    assert [line["log_level"] for line in logs] == ["warning", "info"]


def test_a_source_that_feeds_in_explains_it() -> None:
    """A site with a meter on a source: the upper meter truly shows less."""
    found = Submeters(site("pv")).currents(readings(0.0, 5.0, 20.0, 14.0), 0.0)
    assert found["main"].l1 == 5.0


def test_an_old_reading_concludes_nothing() -> None:
    """Only what both meters lately said is compared."""
    each = readings(0.0, 5.0, 20.0, 14.0) | {"m": MeterReading(meter="m", at=100.0, current_a=PhaseAmps(5.0, 0.0, 0.0))}
    assert {name: amps.l1 for name, amps in Submeters(site()).currents(each, 100.0).items()} == {"main": 5.0}


def test_a_telegram_is_news_where_it_is_what_is_believed() -> None:
    """Of a P1 port alone; and not where other meters' currents stand in for it, which may show what flowed before."""
    plain = site()
    board = Board(
        replace(
            plain,
            meters=tuple(
                replace(meter, connection="p1:///dev/ttyUSB0" if meter.id == "m" else "tcp://h")
                for meter in plain.meters
            ),
        ),
        started_at=0.0,
    )
    for main_a, is_news in ((35.0, True), (20.0, False)):
        for reading in readings(1.0, main_a, 20.0, 14.0).values():
            assert reading is not None
            board.take(reading)
        told = {state.circuit.id: state.is_news for state in board.snapshot(1.0).circuits}
        assert told == {"main": is_news, "deck": False, "garage": False, "yard": False}

"""The voltage at which limits in watts count."""

from edge.control.board import Board
from edge.control.mains import Mains
from edge.domain.reading import MeterReading
from edge.units import PhaseAmps, Volts
from tests.site_builders import evse, site

SITE = site(evse())


def shown(*voltage_v: Volts | None, at: float = 0.0, meter: str = "grid") -> dict[str, MeterReading | None]:
    """A reading with these voltages."""
    l1, l2, l3 = voltage_v
    return {meter: MeterReading(meter=meter, at=at, current_a=PhaseAmps.same(1), voltage_v=(l1, l2, l3))}


def test_the_highest_phase_counts_where_it_is_above_the_nominal() -> None:
    """In whole steps of 2 V, upward; nobody is raised for a voltage that is low."""
    assert Mains(SITE).voltage_v(shown(231.0, 238.3, 229.0), 0.0) == 240.0
    assert Mains(SITE).voltage_v(shown(None, 252.0, None), 0.0) == 252.0
    assert Mains(SITE).voltage_v(shown(221.0, 229.0, 230.0), 0.0) is None
    assert Mains(SITE).voltage_v({"grid": None}, 0.0) is None


def test_it_wanders_without_consequence() -> None:
    """Up at once; down only when it has fallen by two steps, at the nominal voltage, too."""
    mains = Mains(SITE)
    steps = [mains.voltage_v(shown(volts, 220.0, None), 0.0) for volts in (231.9, 230.0, 228.5, 232.1, 230.1, 229.0)]
    assert steps == [232.0, 232.0, 232.0, 234.0, 234.0, None]


def test_only_fresh_meters_of_circuits_count() -> None:
    """An inverter's terminals are higher than the mains."""
    assert Mains(SITE).voltage_v(shown(250.0, 250.0, 250.0, meter="pv"), 0.0) is None
    assert Mains(SITE).voltage_v(shown(250.0, 250.0, 250.0), SITE.control.meter_stale_s + 1) is None


def test_the_snapshot_has_it() -> None:
    """From the first reading on."""
    board = Board(SITE, started_at=0.0)
    assert board.snapshot(0.0).watts_voltage_v == 230.0
    (reading,) = shown(239.0, 239.0, 239.0).values()
    assert reading is not None
    board.take(reading)
    assert board.snapshot(0.5).watts_voltage_v == 240.0

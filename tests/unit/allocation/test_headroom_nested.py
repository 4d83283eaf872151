"""Headroom of circuits that nothing measures, above circuits that are measured."""

from edge.allocation.state import CircuitState
from edge.units import PhaseAmps
from tests.site_builders import NOW, charging, circuit, evse, snapshot
from tests.unit.allocation.headroom_bench import background_a, estimated


def backgrounds_a(*circuits: CircuitState) -> dict[str, PhaseAmps]:
    """By circuit, without any EVSE."""
    site = snapshot(circuits)
    return background_a(site, estimated(site)[0])


def test_a_circuit_without_a_meter_carries_what_is_measured_below_it() -> None:
    """Between two metered circuits, through any number of unmetered ones, less what the EVSEs below draw."""
    circuits = (
        circuit(63, measured_a=40.0),
        circuit(32, "panel", parent="main"),
        circuit(32, "row", parent="panel"),
        circuit(25, "garage", parent="row", meter="garage", measured_a=PhaseAmps(20.0, 18.0, 16.0)),
        circuit(25, "kitchen", parent="panel", meter="kitchen", measured_a=3.0),
    )
    site = snapshot(circuits, charging(evse(1, circuit="garage"), told_a=8.0))
    found = background_a(site, estimated(site)[0])
    assert found["row"] == PhaseAmps(12.0, 10.0, 8.0)
    assert found["panel"] == PhaseAmps(15.0, 13.0, 11.0)
    assert found["main"] == PhaseAmps.same(32.0), "its own meter's word"


def test_the_reserve_of_an_unmetered_circuit_is_the_least_that_it_carries() -> None:
    """Of the installer's worst and what is measured below, whichever is more."""
    below = circuit(25, "garage", parent="main", meter="garage", measured_a=PhaseAmps(12.0, 2.0, 0.0))
    assert backgrounds_a(circuit(32, reserve_a=5.0), below)["main"] == PhaseAmps(12.0, 5.0, 5.0)


def test_what_feeds_in_below_an_unmetered_circuit_makes_no_room_there() -> None:
    """The sun of one branch isn't lent to another through a fuse that nobody looks at."""
    roof = circuit(25, "roof", parent="main", meter="roof", measured_a=-10.0)
    hall = circuit(25, "hall", parent="main", meter="hall", measured_a=6.0)
    assert backgrounds_a(circuit(32), roof, hall)["main"] == PhaseAmps.same(6.0)


def test_a_stale_meter_is_not_believed_below_what_its_branches_show() -> None:
    """The last that it said is old; what flows below it is new. So for a meter that never answered."""
    circuits = (
        circuit(63),
        circuit(40, "panel", parent="main", meter="panel"),
        circuit(32, "garage", parent="panel", meter="garage", measured_a=21.0, measured_at=NOW),
    )
    found = backgrounds_a(*circuits)
    assert found["panel"] == PhaseAmps.same(21.0)
    assert found["main"] == PhaseAmps.same(21.0)

"""Sums and phase rotations of the simulated copper, and the account that is kept of a run."""

import pytest

from simulators.building import BuildingLoad, LoadStep
from simulators.feeder import EvseDraw, Feeder
from simulators.phases import Amps3, on_grid_phases
from simulators.site import CircuitSpec, Endpoint, EvseSpec, SiteSpec
from simulators.tally import Tally

NOWHERE = Endpoint(host="127.0.0.1", port=1)
CIRCUITS = (
    CircuitSpec(id="main", parent=None, fuse_a=63.0, margin_a=2.0, meter="grid"),
    CircuitSpec(id="garage", parent="main", fuse_a=40.0, margin_a=1.0, meter=None),
)
EVSES = (
    EvseSpec(station="A", evse_id=1, circuit="garage", rotation=(0, 1, 2), max_a=32.0),
    EvseSpec(station="B", evse_id=1, circuit="garage", rotation=(1, 2, 0), max_a=32.0),
    EvseSpec(station="C", evse_id=1, circuit="main", rotation=(2,), max_a=16.0),
)
SITE = SiteSpec(
    id="s",
    nominal_voltage_v=230.0,
    circuits=CIRCUITS,
    evses=EVSES,
    gateway=NOWHERE,
    cloud=NOWHERE,
    meter=NOWHERE,
    meter_unit=1,
)


def building(*load_a: float) -> BuildingLoad:
    """A constant load on the main circuit."""
    l1, l2, l3 = load_a or (0.0, 0.0, 0.0)
    return BuildingLoad(circuit="main", ripple_a=0.0, steps=(LoadStep(at_s=0.0, load_a=(l1, l2, l3)),), period_s=60.0)


def draw(
    station: str, draw_a: Amps3, *, wanted_a: Amps3 | None = None, offered_a: float | None = None, evse_id: int = 1
) -> EvseDraw:
    """One EVSE's draw; a car that wants just what it draws unless told otherwise."""
    return EvseDraw(station=station, evse_id=evse_id, draw_a=draw_a, wanted_a=wanted_a or draw_a, offered_a=offered_a)


def tally_of(*draws: EvseDraw, load_a: tuple[float, ...] = ()) -> Tally:
    """A tally over constant draws."""
    return Tally(Feeder(SITE, building(*load_a), lambda: draws))


@pytest.mark.parametrize(
    ("rotation", "expected"),
    [
        ((0, 1, 2), (1.0, 2.0, 3.0)),
        ((1, 2, 0), (3.0, 1.0, 2.0)),
        ((2, 0, 1), (2.0, 3.0, 1.0)),
        ((2, 1, 0), (3.0, 2.0, 1.0)),
        ((1,), (0.0, 1.0, 0.0)),
    ],
)
def test_own_phases_land_on_the_wired_grid_phases(rotation: tuple[int, ...], expected: Amps3) -> None:
    """`rotation[k]` names the grid phase on the EVSE's own phase k; unwired phases carry nothing."""
    assert on_grid_phases((1.0, 2.0, 3.0), rotation) == expected


def test_currents_add_up_along_the_tree() -> None:
    """A sub-circuit's EVSEs load it and its parent; the building loads only its own circuit's path."""
    draws = (draw("A", (10.0, 10.0, 10.0)), draw("B", (16.0, 0.0, 0.0)), draw("C", (6.0, 0.0, 0.0)))
    currents = Feeder(SITE, building(1.0, 2.0, 3.0), lambda: draws).currents(0.0)
    assert currents["garage"].total_a == (10.0, 26.0, 10.0)
    assert currents["main"].total_a == (11.0, 28.0, 19.0)
    assert currents["main"].ev_a == (10.0, 26.0, 16.0)


def test_an_unknown_evse_is_left_out() -> None:
    """A draw from a station or an EVSE that isn't on the site loads nothing."""
    draws = (draw("Z", (10.0, 10.0, 10.0)), draw("A", (10.0, 10.0, 10.0), evse_id=2))
    assert Feeder(SITE, building(), lambda: draws).currents(0.0)["main"].total_a == (0.0, 0.0, 0.0)


def test_seconds_over_rating_count_once_for_all_circuits_and_phases() -> None:
    """Time counts while any phase of any circuit is above its fuse, and only once."""
    tally = tally_of(draw("A", (41.0, 41.0, 0.0)), load_a=(30.0, 0.0, 0.0))
    tally.step(0.1, 0.1)
    tally.step(0.3, 0.2)
    assert tally.seconds_over_rating == pytest.approx(0.3)
    assert tally.max_current_a == {"main": (71.0, 41.0, 0.0), "garage": (41.0, 41.0, 0.0)}


def test_at_its_rating_a_fuse_is_not_over() -> None:
    """Exactly the rating is within it, and never trips the breaker."""
    tally = tally_of(draw("A", (40.0, 40.0, 40.0)))
    tally.step(3600.0, 3600.0)
    assert tally.seconds_over_rating == 0.0
    assert not tally.breaker_tripped


def test_the_breaker_of_the_overloaded_circuit_trips() -> None:
    """Each circuit has its own breaker at its own rating."""
    tally = tally_of(draw("A", (58.0, 0.0, 0.0)))
    tally.step(20.0, 20.0)
    assert tally.breaker_tripped
    assert tally.breakers["garage"].tripped
    assert not tally.breakers["main"].tripped


def test_import_is_what_flows_through_the_grid_connection() -> None:
    """10 A on three phases at 230 V for an hour are 6.9 kWh, counted once."""
    tally = tally_of(draw("A", (10.0, 10.0, 10.0)))
    tally.step(3600.0, 3600.0)
    assert tally.import_wh == pytest.approx(6900.0)


def test_utilisation_is_unknown_while_nobody_is_hungry() -> None:
    """Cars that get all they want don't count, nor do unlimited ones."""
    tally = tally_of(draw("A", (16.0, 16.0, 16.0), offered_a=32.0), draw("C", (6.0, 0.0, 0.0)))
    tally.step(1.0, 1.0)
    assert tally.utilisation is None


def test_utilisation_takes_the_tightest_circuit_and_phase() -> None:
    """For a hungry car the fullest place on its way counts: garage L1 at 19.5 of 39 A, though main L1 is emptier."""
    hungry = draw("A", (19.5, 0.0, 0.0), wanted_a=(32.0, 0.0, 0.0), offered_a=19.5)
    tally = tally_of(hungry)
    tally.step(1.0, 1.0)
    assert tally.utilisation == pytest.approx(0.5)


def test_utilisation_ignores_phases_that_the_car_does_not_load() -> None:
    """A one-phase car on L1 isn't held back by a full L2."""
    hungry = draw("A", (19.5, 0.0, 0.0), wanted_a=(32.0, 0.0, 0.0), offered_a=19.5)
    tally = tally_of(hungry, draw("B", (39.0, 0.0, 0.0), offered_a=39.0))
    tally.step(1.0, 1.0)
    assert tally.utilisation == pytest.approx(0.5)


def test_utilisation_is_the_mean_over_hungry_cars_and_capped() -> None:
    """One car at half of its room, one behind an overfull L3: (0.5 + 1) / 2."""
    half = draw("A", (19.5, 0.0, 0.0), wanted_a=(32.0, 0.0, 0.0), offered_a=19.5)
    full = draw("C", (6.0, 0.0, 0.0), wanted_a=(16.0, 0.0, 0.0), offered_a=6.0)
    tally = tally_of(half, full, load_a=(0.0, 0.0, 58.0))
    tally.step(1.0, 1.0)
    assert tally.utilisation == pytest.approx(0.75)


def test_utilisation_with_no_room_left_is_full() -> None:
    """Where the building alone takes the whole fuse nothing was wasted."""
    paused = draw("C", (0.0, 0.0, 0.0), wanted_a=(16.0, 0.0, 0.0), offered_a=0.0)
    tally = tally_of(paused, load_a=(0.0, 0.0, 62.0))
    tally.step(1.0, 1.0)
    assert tally.utilisation == 1.0


def test_utilisation_is_weighted_by_time() -> None:
    """Three seconds at half and one at nothing make 0.375."""
    offered = [19.5]
    tally = Tally(
        Feeder(
            SITE,
            building(),
            lambda: (draw("A", (offered[0], 0.0, 0.0), wanted_a=(32.0, 0.0, 0.0), offered_a=offered[0]),),
        )
    )
    tally.step(3.0, 3.0)
    offered[0] = 0.0
    tally.step(4.0, 1.0)
    assert tally.utilisation == pytest.approx(0.375)


def test_building_steps_repeat_each_period_and_ripple_stays_small() -> None:
    """The step in force follows the time within the period; the ripple never exceeds its amplitude."""
    load = BuildingLoad(
        circuit="main",
        ripple_a=0.3,
        steps=(LoadStep(at_s=0.0, load_a=(3.0, 0.0, 2.0)), LoadStep(at_s=20.0, load_a=(9.0, 0.0, 8.0))),
        period_s=60.0,
    )
    assert load.step_at(19.99).load_a == (3.0, 0.0, 2.0)
    assert load.step_at(20.0).load_a == (9.0, 0.0, 8.0)
    assert load.step_at(60.5).load_a == (3.0, 0.0, 2.0)
    for tenth in range(600):
        l1, l2, l3 = load.current_a(tenth / 10)
        base = load.step_at(tenth / 10).load_a
        assert abs(l1 - base[0]) <= 0.3
        assert l2 == 0.0
        assert abs(l3 - base[2]) <= 0.3

"""Stations that are odd, but exist: their cars get what all others get, and no fuse bears more."""

from collections.abc import Callable
from functools import partial

import pytest

from simulators.world.scenario import FaultSpec
from simulators.world.station import WorldStation
from simulators.world.world import World
from tests.world.worlds import failed_oracles, played

ODD: dict[str, Callable[[WorldStation], None]] = {
    "takes one period": WorldStation.take_one_period,
    "takes one period and doesn't say so": partial(WorldStation.take_one_period, tells=False),
    "counts from 1970": WorldStation.count_from_1970,
}


def all_are(odd: Callable[[WorldStation], None]) -> Callable[[World], None]:
    """Every station of the world is so from its beginning."""

    def meddle(world: World) -> None:
        for station in world.stations.values():
            odd(station)

    return meddle


@pytest.mark.parametrize("odd", ODD)
def test_their_cars_get_what_others_get(odd: str) -> None:
    """Beside a restless building, in twelve minutes; what doesn't say how it is has to be found out in these. Each of
    their limits ends by itself."""
    sound, found = (played(meddle=meddle).result for meddle in (None, all_are(ODD[odd])))
    assert found.verdicts == ()
    assert found.energy_wh >= sound.energy_wh * (0.9 if "doesn't say" in odd else 0.99)


@pytest.mark.parametrize("number", [19, 26])
@pytest.mark.parametrize("odd", ODD)
def test_they_stay_bound_when_the_gateway_or_the_station_starts_anew(odd: str, number: int) -> None:
    """A limit that is written before anything is heard of their clocks replaces one that binds. A TxProfile of rung 1
    may go on binding the session of one that was found on rung 2: it is counted, and the report shows the newest limit.
    """
    outcome = played(seed=3, meddle=all_are(ODD[odd]), faults=[FaultSpec(number=number, at_s=240.0, for_s=180.0)])
    shown = {"beliefs"} if "doesn't say" in odd else set()
    assert failed_oracles(outcome) <= shown


@pytest.mark.parametrize("odd", ODD)
def test_they_step_down_when_they_are_cut_off(odd: str) -> None:
    """For longer than two leases, beside others that the gateway goes on to tell."""
    outcome = played(seed=2, meddle=all_are(ODD[odd]), faults=[FaultSpec(number=14, at_s=240.0, for_s=360.0)])
    assert outcome.result.verdicts == ()

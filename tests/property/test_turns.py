"""Turns over hours: everybody gets his share of the time, and nobody is stopped and started more often than that."""

import math
from itertools import pairwise
from random import Random

import pytest

from edge.domain.site import ControlSettings
from edge.units import Seconds
from tests.property.obedient_site import ObedientSite
from tests.site_builders import circuit, evse

TICK_S: Seconds = 2.0
TURN_S: Seconds = 80.0
TURNS = 25
# A place changes hands when the cut has been obeyed: 10 s, and a tick on each side.
HANDOVER_S: Seconds = 10.0 + 2 * TICK_S


def watched(site: ObedientSite, seconds: Seconds) -> list[list[tuple[Seconds, bool]]]:
    """For each EVSE when it was started and stopped: (time, whether it charges from then on)."""
    found: list[list[tuple[Seconds, bool]]] = [[] for _ in site.stations]
    while site.now < seconds:
        at = site.now
        site.tick(TICK_S)
        for spells, amps in zip(found, site.told_a, strict=True):
            if not spells or spells[-1][1] != (amps > 0):
                spells.append((at, amps > 0))
    return found


def crowd(rng: Random) -> tuple[ObedientSite, int, int]:
    """A circuit with room for some of the cars that come; how many cars, and for how many there is room."""
    cars = rng.randint(2, 7)
    places = rng.randint(1, cars - 1)
    phases = rng.choice([("L1",), ("L1", "L2", "L3")])
    fuse_a = 6.0 * places + rng.choice([0.0, 2.5, 5.9])
    wired = [phase for phase in evse().phases if phase in phases]
    site = ObedientSite(
        [evse(number, phases=tuple(wired), weight=rng.choice([1.0, 2.0])) for number in range(cars)],
        [circuit(fuse_a)],
        settings=ControlSettings(turn_s=TURN_S, min_off_s=rng.choice([0.0, 30.0])),
        arrivals=[rng.choice([0.0, 0.0, 7.0, 100.0, 300.0]) for _ in range(cars)],
    )
    return site, cars, places


@pytest.mark.parametrize("seed", range(6))
def test_everybody_has_turns(seed: int) -> None:
    """Nobody waits for longer than the others' turns, nor has less of the time than his share less the handovers; and
    each spell of charging, or of waiting after a stop, lasts for a turn at least."""
    site, cars, places = crowd(Random(seed))
    found = watched(site, TURNS * TURN_S)
    longest_s = math.ceil((cars - places) / places) * (TURN_S + HANDOVER_S) + TURN_S
    for arrival, spells in zip(site.arrivals, found, strict=True):
        ends = [at for at, _ in spells[1:]] + [site.now]
        assert max(end - max(at, arrival) for (at, on), end in zip(spells, ends, strict=True) if not on) <= longest_s
        charged_s = sum(end - at for (at, on), end in zip(spells, ends, strict=True) if on)
        share = places / cars * TURN_S / (TURN_S + HANDOVER_S)
        assert charged_s >= share * (site.now - arrival) - 2 * TURN_S
        changes = spells[1:] if not spells[0][1] else spells  # the wait of a new one may be short
        assert all(end - at >= TURN_S for (at, _), (end, _) in pairwise(changes))


@pytest.mark.parametrize("seed", range(3))
def test_nothing_is_told_in_excess_while_places_change_hands(seed: int) -> None:
    """What all may be drawing, by the limits they hold, is never more than the rating."""
    site, _, _ = crowd(Random(seed))
    rating_a = site.circuits[0].circuit.rating_a
    while site.now < 6 * TURN_S:
        decision = site.tick(TICK_S)
        assert max(decision.exposure_a["main"]) <= rating_a + 1e-9


def test_a_car_that_is_away_has_its_turn_when_it_is_back() -> None:
    """Its station falls out in the middle of its turn: it isn't stopped for that, and goes on where it was."""
    site = ObedientSite(
        [evse(1), evse(2)], [circuit(11)], settings=ControlSettings(turn_s=TURN_S), arrivals=[0.0, 5.0]
    ).run(60)
    assert [amps > 0 for amps in site.told_a] == [True, False]
    site.stations[0].online = False
    site.run(10)
    site.stations[0].online = True
    site.run(TURN_S - 72)
    assert [amps > 0 for amps in site.told_a] == [True, False]
    site.run(40)
    assert [amps > 0 for amps in site.told_a] == [False, True]

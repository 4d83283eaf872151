"""The people: when they come, what their cars need, and when they leave."""

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

HOUR_S: Final = 3600.0
DAY_S: Final = 86_400.0


@dataclass(frozen=True, slots=True, kw_only=True)
class DriverSpec:
    """Drivers of one kind: `per_day` of them come between two hours, stay some hours, and want some energy.

    `posts` are the stations where they park (all, if none is named). `phases` and `max_a` are drawn from what is
    listed; at a DC post `max_w` counts instead. `blocked` is the share whose card the cloud refuses. Cars
    that nap begin to in the first half of their stay. `tells` is the share of drivers who tell the gateway what the car
    needs, and when it leaves.
    """

    name: str
    per_day: int
    arrive_h: tuple[float, float]
    stay_h: tuple[float, float]
    energy_wh: tuple[float, float]
    posts: frozenset[str] = frozenset()
    phases: tuple[int, ...] = (3,)
    max_a: tuple[float, ...] = (16.0,)
    obey_s: tuple[float, float] = (0.5, 5.0)
    naps: float = 0.0  # the share of cars that stop by themselves for a while, and then would go on
    nap_h: tuple[float, float] = (0.2, 0.5)
    tells: float = 0.0
    sleeps: float = 0.0  # the share of cars that don't wake from 0 A before they are unplugged
    blocked: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """One driver's coming: `at_s` from the beginning of the world. Which post is free decides where the car stands."""

    at_s: float
    leave_s: float
    number: int
    kind: DriverSpec
    phases: int
    max_a: float
    energy_wh: float
    obey_s: float
    sleeps: bool
    id_tag: str
    nap_s: tuple[float, float] | None = None  # when it stops by itself, and when it would go on
    tells: bool = False  # what the car needs, and when it leaves


ACCEPTED_TAG: Final = "DRIVER"
BLOCKED_TAG: Final = "LOST-CARD"


def visits(kinds: tuple[DriverSpec, ...], *, seed: int, begins_s: float, for_s: float) -> tuple[Visit, ...]:
    """Everybody who comes, in the order of their coming. `begins_s`: the time of day at the beginning."""
    coming: list[Visit] = []
    for kind in kinds:
        rng = random.Random(f"{seed} drivers {kind.name}")
        naps = random.Random(f"{seed} naps {kind.name}")
        tells = random.Random(f"{seed} tells {kind.name}")
        coming.extend(
            replace(_with_nap(each, naps), tells=tells.random() < kind.tells)
            for each in _of(kind, rng, begins_s=begins_s, for_s=for_s)
        )
    return tuple(sorted(coming, key=lambda visit: (visit.at_s, visit.kind.name, visit.number)))


def _with_nap(visit: Visit, rng: random.Random) -> Visit:
    """The same visit, and whether its car naps: chance of its own, as most kinds never do."""
    kind = visit.kind
    if rng.random() >= kind.naps:
        return visit
    begins_s = visit.at_s + rng.uniform(0.0, 0.5) * (visit.leave_s - visit.at_s)
    return replace(visit, nap_s=(round(begins_s, 3), round(begins_s + rng.uniform(*kind.nap_h) * HOUR_S, 3)))


def _of(kind: DriverSpec, rng: random.Random, *, begins_s: float, for_s: float) -> Iterator[Visit]:
    days = int((begins_s + for_s) // DAY_S) + 1
    for day in range(days):
        for number in range(kind.per_day):
            at_s = day * DAY_S + rng.uniform(*kind.arrive_h) * HOUR_S - begins_s
            stay_s = rng.uniform(*kind.stay_h) * HOUR_S
            visit = Visit(
                at_s=round(at_s, 3),
                leave_s=round(at_s + stay_s, 3),
                number=day * kind.per_day + number,
                kind=kind,
                phases=rng.choice(kind.phases),
                max_a=rng.choice(kind.max_a),
                energy_wh=rng.uniform(*kind.energy_wh),
                obey_s=round(rng.uniform(*kind.obey_s), 2),
                sleeps=rng.random() < kind.sleeps,
                id_tag=BLOCKED_TAG if rng.random() < kind.blocked else f"{ACCEPTED_TAG}-{rng.randrange(40):02}",
            )
            if 0 <= visit.at_s < for_s:
                yield visit

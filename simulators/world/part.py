"""A part of a scenario's day: the same site, people and limits, from some hour on."""

import random
from dataclasses import replace
from datetime import timedelta

from simulators.world.building import HOURS, Recorded
from simulators.world.scenario import WorldScenario, begins_s


def part_of(scenario: WorldScenario, *, from_s: float, for_s: float) -> WorldScenario:
    """`for_s` of it, from second `from_s` on. Cars that would be there by then aren't; what the building allows then,
    it allows from the beginning; of its faults those are played that begin in it. Its
    expectations know that they are of more.
    """
    if for_s < scenario.for_s:
        scenario = replace(scenario, expect=replace(scenario.expect, of_h=scenario.for_s / 3600.0))
    if from_s == 0.0:
        return replace(scenario, for_s=for_s)
    return replace(
        scenario,
        begins_at=scenario.begins_at + timedelta(seconds=from_s),
        for_s=for_s,
        loads=tuple(each.turned(from_s) if isinstance(each, Recorded) else each for each in scenario.loads),
        limits=tuple(replace(each, from_s=each.from_s - from_s, to_s=each.to_s - from_s) for each in scenario.limits),
        dimmings=tuple(
            replace(each, from_s=each.from_s - from_s, to_s=each.to_s - from_s)
            for each in scenario.dimmings
            if each.to_s > from_s
        ),
        signals=tuple(replace(each, from_s=each.from_s - from_s, to_s=each.to_s - from_s) for each in scenario.signals),
        cloud_away=tuple(
            (max(0.0, at_s - from_s), lasts_s - max(0.0, from_s - at_s))
            for at_s, lasts_s in scenario.cloud_away
            if at_s + lasts_s > from_s
        ),
        faults=tuple(replace(each, at_s=each.at_s - from_s) for each in scenario.faults if each.at_s >= from_s),
    )


def any_part_h(scenario: WorldScenario, *, seed: int, hours: float) -> float:
    """The hour from which on that seed plays so many: a whole one in whose first half people come, so that seeds
    together play all of the day.
    """
    spare_h = int(scenario.for_s / 3600.0 - hours)
    begins_h = begins_s(scenario) / 3600.0
    busy = [hour for hour in range(spare_h + 1) if _who_comes(scenario, begins_h + hour, begins_h + hour + hours / 2.0)]
    return float(random.Random(f"{seed} {scenario.name} part").choice(busy or [0]))


def _who_comes(scenario: WorldScenario, from_h: float, to_h: float) -> bool:
    """Whether for an hour of it, or as long as any of a kind come, they do; hours count on after midnight."""
    days = range(int(to_h // HOURS) + 1)
    windows = [
        (each.arrive_h[0] + HOURS * day, each.arrive_h[1] + HOURS * day) for each in scenario.drivers for day in days
    ]
    return any(min(to_h, last) - max(from_h, first) >= min(1.0, to_h - from_h, last - first) for first, last in windows)

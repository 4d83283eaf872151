"""Who comes and goes when: the scenario's visits as a stream of moves. Pure; the caller brings the time."""

import enum
import math
from dataclasses import dataclass

from simulators.scenario import CarSpec, Scenario


class MoveKind(enum.Enum):
    """What happens to a car."""

    ARRIVES = "arrives"
    LEAVES = "leaves"


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """One car arrives or leaves at scenario time `at_s`; `visit` numbers the period it belongs to."""

    at_s: float
    kind: MoveKind
    car: CarSpec
    visit: int


def moves_between(scenario: Scenario, after_s: float, until_s: float) -> tuple[Move, ...]:
    """Every move with after_s < at_s <= until_s, in order; of two at once, the leaving comes first."""
    first = max(0, math.floor(after_s / scenario.period_s) - 1)
    last = math.floor(until_s / scenario.period_s)
    found = [
        Move(at_s=visit * scenario.period_s + at_s, kind=kind, car=car, visit=visit)
        for visit in range(first, last + 1)
        for car in scenario.cars
        for kind, at_s in ((MoveKind.ARRIVES, car.arrive_s), (MoveKind.LEAVES, car.leave_s))
    ]
    due = (move for move in found if after_s < move.at_s <= until_s)
    return tuple(sorted(due, key=lambda move: (move.at_s, move.kind is MoveKind.ARRIVES)))

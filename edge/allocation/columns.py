"""A problem's numbers as arrays, in the rows of its layout."""

from dataclasses import dataclass

import numpy as np

from edge.allocation.layout import LINES_PER_CIRCUIT, PAIRS, POWER, Bools, Floats, Ints, Layout
from edge.allocation.problem import Capacity, Claim, Problem
from edge.units import Amps, Volts, phase_amps

# Two amounts closer than this are the same amount: far below what any charger resolves, far above rounding of floats.
EPSILON_A = 1e-9
# By how much of a step a quotient may miss a whole number and still be it: rounding of floats, nothing else.
EPSILON_STEPS = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Columns:
    """One entry a row. ``lower_a`` and ``upper_a`` are the least and the most that the EVSE can be given above 0, in
    whole steps; where ``able`` is False nothing lies between them. ``order`` lists the rows in order of precedence.

    ``room_a`` has one entry a line: the limit less the background, infinite without a limit; of the six lines of
    balance, what balance allows while nobody counters. ``base_a`` is the background on each line.
    """

    lower_a: Floats
    upper_a: Floats
    step_a: Floats
    weight: Floats
    rank: Ints
    able: Bools
    order: Ints
    room_a: Floats
    base_a: Floats
    has_need: Bools
    energy_wh: Floats  # 0 without a need
    time_left_s: Floats

    @classmethod
    def of(cls, problem: Problem, layout: Layout) -> "Columns":
        """:raises ValueError: where there isn't one claim for each outlet and one capacity for each branch."""
        if len(problem.claims) != len(layout.rows) or len(problem.capacities) != len(layout.circuits):
            raise ValueError("a problem has one claim for each outlet and one capacity for each branch of its wiring")
        claims = [problem.claims[index] for index in layout.rows.tolist()]
        step = np.array([claim.step_a for claim in claims], dtype=np.float64)
        least = np.array([claim.min_a for claim in claims], dtype=np.float64)
        most = np.minimum([claim.max_a for claim in claims], [claim.demand_a for claim in claims])
        lower, upper = in_steps(least, most, step)
        rank = np.array([claim.rank for claim in claims], dtype=np.int64)
        able = is_able(lower, upper)
        base, room = _lines(problem, layout)
        energy, time_left = np.zeros(len(claims)), np.zeros(len(claims))
        has_need = np.zeros(len(claims), dtype=np.bool_)
        for row, claim in enumerate(claims):
            if claim.need is not None:
                has_need[row] = True
                energy[row], time_left[row] = claim.need.energy_wanted_wh, claim.need.time_left_s
        return cls(
            lower_a=lower,
            upper_a=np.where(able, np.maximum(upper, lower), lower),
            step_a=step,
            weight=np.array([claim.weight for claim in claims], dtype=np.float64),
            rank=rank,
            able=able,
            order=_precedence(claims, rank),
            room_a=room,
            base_a=base,
            has_need=has_need,
            energy_wh=energy,
            time_left_s=time_left,
        )


def in_steps(least_a: Floats, most_a: Floats, step_a: Floats) -> tuple[Floats, Floats]:
    """The least and the most in whole steps between these bounds; continuous ones (0) as they are."""
    stepped = step_a > 0
    step = np.where(stepped, step_a, 1.0)
    lower = np.where(stepped, np.ceil(least_a / step - EPSILON_STEPS) * step, least_a)
    upper = np.where(stepped, np.floor(most_a / step + EPSILON_STEPS) * step, most_a)
    return lower, upper


def is_able(lower_a: Floats, upper_a: Floats) -> Bools:
    """Whether anything above 0 lies between these bounds."""
    return np.asarray((upper_a >= lower_a - EPSILON_A) & (upper_a > 0))


def _precedence(claims: list[Claim], rank: Ints) -> Ints:
    """Rank, then who charges before who waits, then the longest wait; the rows are sorted by id already."""
    waiting = np.array(
        [np.inf if claim.waiting_since_s is None else claim.waiting_since_s for claim in claims], dtype=np.float64
    )
    idle = np.array([not claim.charging for claim in claims], dtype=np.bool_)
    return np.lexsort((waiting, idle, rank)).astype(np.int64)


def _lines(problem: Problem, layout: Layout) -> tuple[Floats, Floats]:
    """Background and room of each line."""
    base = np.zeros(layout.size)
    room = np.full(layout.size, np.inf)
    for place, index in enumerate(layout.circuits.tolist()):
        first = place * LINES_PER_CIRCUIT
        capacity = problem.capacities[index]
        background = (capacity.background_a.l1, capacity.background_a.l2, capacity.background_a.l3)
        base[first : first + POWER] = background
        base[first + POWER] = sum(background)
        room[first : first + LINES_PER_CIRCUIT] = _room(capacity, background, problem.nominal_voltage_v)
    if problem.imbalance_limit_a is not None:
        # What the background makes of the six lines of balance: by how much it is ahead, and what that leaves.
        root = layout.root * LINES_PER_CIRCUIT
        ahead = np.array([base[root + high] - base[root + low] for high, low in PAIRS])
        base[layout.balance] = ahead
        room[layout.balance] = np.maximum(problem.imbalance_limit_a - ahead, 0.0)
    return base, room


def _room(capacity: Capacity, background: tuple[Amps, Amps, Amps], voltage_v: Volts) -> list[Amps]:
    room = [
        float("inf") if limit is None else limit - taken
        for limit, taken in zip(capacity.limit_a, background, strict=True)
    ]
    total = float("inf") if capacity.limit_w is None else phase_amps(capacity.limit_w, voltage_v) - sum(background)
    return [*room, total]

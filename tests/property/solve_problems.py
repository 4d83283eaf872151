"""Random allocation problems: trees of up to six levels, with everything that a problem may have.

Each is made from a seed. The limits are scaled to what the EVSEs want, from too little for the minima to enough for
all, so that something binds in most problems, and in a different place in each.
"""

from dataclasses import replace
from itertools import permutations
from random import Random

from edge.allocation.problem import Branch, Capacity, Claim, Need, Outlet, Problem, Wiring
from edge.units import PHASES, Amps, Phase, PhaseAmps, watts

LEVELS = 6
SINGLE = tuple((phase,) for phase in PHASES)
ROTATIONS = tuple(permutations(PHASES))
MIXED = (*SINGLE, *SINGLE, *SINGLE, *ROTATIONS, *permutations(PHASES, 2))
CHAIN = 0.5  # of the sites are a chain of circuits in the main: only so they become deep
STEPS_A = (0.0, 0.1, 0.1, 0.5, 1.0, 1.0, 4.0)
VOLTS = 230.0


def problem(
    rng: Random,
    *,
    evses: int = 10,
    circuits: int = 8,
    steps_a: tuple[Amps, ...] = STEPS_A,
    phases: tuple[tuple[Phase, ...], ...] = MIXED,
    powers: bool = True,
    needs: bool = True,
    imbalance: bool = False,
) -> Problem:
    """A problem with up to so many EVSEs and circuits."""
    branches = _tree(rng, circuits)
    outlets = [
        Outlet(id=f"cp-{number}", circuit=rng.choice(branches).id, phases=rng.choice(phases))
        for number in range(rng.randint(1, evses))
    ]
    claims = [_claim(rng, steps_a=steps_a, needs=needs) for _ in outlets]
    wiring = Wiring(branches=tuple(branches), outlets=tuple(outlets))
    plenty = rng.choice((0.2, 0.4, 0.7, 1.0))
    return Problem(
        wiring=wiring,
        capacities=tuple(
            _capacity(rng, _wanted(wiring, claims, branch.id), plenty=plenty, powers=powers) for branch in branches
        ),
        claims=tuple(claims),
        nominal_voltage_v=VOLTS,
        imbalance_limit_a=rng.choice((0.0, 4.0, 10.0, 16.0, 20.0)) if imbalance else None,
    )


def _tree(rng: Random, circuits: int) -> list[Branch]:
    branches, level = [Branch(id="main", parent=None)], {"main": 1}
    straight = 0.9 if rng.random() < CHAIN else 0.0
    for number in range(1, rng.randint(1, circuits)):
        open_ends = [branch.id for branch in branches if level[branch.id] < LEVELS]
        above = open_ends[-1] if rng.random() < straight else rng.choice(open_ends)
        branches.append(Branch(id=f"sub-{number}", parent=above))
        level[f"sub-{number}"] = level[above] + 1
    return branches


def levels(problem: Problem) -> int:
    """How many circuits lie on the longest way to the grid connection."""
    parent = {branch.id: branch.parent for branch in problem.wiring.branches}

    def depth(circuit: str | None) -> int:
        return 0 if circuit is None else 1 + depth(parent[circuit])

    return max(depth(branch.id) for branch in problem.wiring.branches)


def _wanted(wiring: Wiring, claims: list[Claim], circuit: str) -> PhaseAmps:
    parent = {branch.id: branch.parent for branch in wiring.branches}
    total = PhaseAmps.same(0.0)
    for outlet, claim in zip(wiring.outlets, claims, strict=True):
        step: str | None = outlet.circuit
        while step is not None:
            if step == circuit:
                total = total + PhaseAmps.on(outlet.phases, min(claim.max_a, claim.demand_a))
            step = parent[step]
    return total


def _capacity(rng: Random, wanted_a: PhaseAmps, *, plenty: float, powers: bool) -> Capacity:
    background_a = PhaseAmps.same(0.0)
    if rng.random() < 0.5:
        background_a = PhaseAmps(*(rng.choice((0.0, 1.7, 5.0, 12.0, rng.uniform(-5.0, 30.0))) for _ in PHASES))
    scale = plenty * rng.uniform(0.3, 1.3)
    limits = [round(max(wanted_a) * scale, rng.choice((0, 3)))] * 3
    match rng.choice(("same", "same", "same", "differ", "some", "none")):
        case "differ":
            limits = [max(wanted_a) * plenty * rng.uniform(0.3, 1.3) for _ in PHASES]
        case "none":
            limits = []
        case "some":
            limits = limits[:2]
    given: list[Amps | None] = [limit + max(taken, 0.0) for limit, taken in zip(limits, background_a, strict=False)]
    if given and rng.random() < 0.1:
        given[0] = max(background_a) - rng.choice((0.0, 1.0, 10.0))  # a background at its limit, or above it
    l1, l2, l3 = [*given, None, None, None][:3]
    limit_w = None
    if powers and rng.random() < 0.3:
        limit_w = watts(wanted_a, VOLTS) * plenty * rng.uniform(0.3, 1.3) + watts(background_a, VOLTS)
    return Capacity(limit_a=(l1, l2, l3), limit_w=limit_w, background_a=background_a)


def _claim(rng: Random, *, steps_a: tuple[Amps, ...], needs: bool) -> Claim:
    need = None
    if needs and rng.random() < 0.3:
        need = Need(
            energy_wanted_wh=rng.choice((0.0, 3000.0, 10_000.0, 40_000.0)),
            time_left_s=rng.choice((-60.0, 1800.0, 7200.0, 20_000.0)),
        )
    max_a = rng.choice((16.0, 32.0, 32.0, rng.uniform(10.0, 80.0)))
    return Claim(
        min_a=rng.choice((6.0, 6.0, 6.0, 8.0, 10.0, 1.5, 0.0)),
        max_a=max_a,
        demand_a=rng.choice((max_a, max_a, max_a, 100.0, 13.4, rng.uniform(5.0, 32.0), 3.0, 0.0)),
        step_a=rng.choice(steps_a),
        rank=rng.choice((0, 0, 0, 1, 2)),
        weight=rng.choice((1.0, 1.0, 1.0, 2.0, 0.3, rng.uniform(0.1, 10.0))),
        charging=rng.random() < 0.5,
        waiting_since_s=rng.choice((None, 10.0, 20.0, 20.0, 30.0)),
        need=need,
    )


def shuffled(rng: Random, problem: Problem) -> tuple[Problem, list[int]]:
    """The same problem with EVSEs and circuits named in another order, and where each EVSE of it was before."""
    outlets = rng.sample(range(len(problem.claims)), len(problem.claims))
    branches = rng.sample(range(len(problem.capacities)), len(problem.capacities))
    other = replace(
        problem,
        wiring=Wiring(
            branches=tuple(problem.wiring.branches[index] for index in branches),
            outlets=tuple(problem.wiring.outlets[index] for index in outlets),
        ),
        capacities=tuple(problem.capacities[index] for index in branches),
        claims=tuple(problem.claims[index] for index in outlets),
    )
    return other, outlets

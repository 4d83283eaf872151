"""One phase or all: for EVSEs that can be told, whichever serves the order of precedence better.

A change interrupts the charging and wears contactors: so it must serve clearly better, for a while, not soon after the
one before, and only so often.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np

from edge.allocation.cars import Cars, refilled
from edge.allocation.layout import POWER, Bools, Floats, Ints
from edge.allocation.plant import Grid
from edge.allocation.share import Shares
from edge.units import Amps, Seconds

# For how long the other number of phases must serve better: cars and loads come and go within a minute.
BETTER_S = 60.0
# ... and where it would let a car charge that can't at all.
RESCUE_S = 15.0
# Between two changes of one EVSE: a quarter of the time that contactors and cars are commonly spared.
REST_S = 300.0
# Changes of one EVSE: so many at once, and so many an hour.
SWITCHES_AT_ONCE = 4.0
SWITCHES_PER_HOUR = 4.0
# What it must bring at least, summed over the phases: 1.4 kW at 230 V, the least a car charges with.
GAIN_A: Amps = 6.0
# How many are tried in one decision; each costs a solution. The first in precedence that could gain.
TRIALS = 3

Score: TypeAlias = list[tuple[int, float]]  # for each rank: how many charge, and their current over all phases


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """The shares, and the cars that remember how many phases each is to use."""

    shares: Shares
    cars: Cars


def choose(
    grid: Grid,
    cars: Cars,
    shares: Shares,
    candidates: Bools,
    order: Ints,
    now: Seconds,
    elapsed_s: Seconds,
    share_with: Callable[[Cars], Shares],
) -> Choice:
    """Try the other number of phases where it could help; change at most one EVSE. ``candidates`` are those that charge
    and are ours. ``share_with`` shares out for cars with another ``single``.
    """
    if not grid.switches.any():
        return Choice(shares=shares, cars=cars)
    budget = refilled(cars.switches, at_once=SWITCHES_AT_ONCE, per_hour=SWITCHES_PER_HOUR, elapsed_s=elapsed_s)
    cars = replace(cars, switches=budget)
    rested = np.isnan(cars.switched_at) | (now - cars.switched_at >= REST_S)
    could = grid.switches & candidates & rested & (cars.switches >= 1) & _could_gain(grid, cars, shares)
    could &= ~cars.strays & (cars.deaf == 0)
    tried = order[could[order]][:TRIALS].tolist()
    better = np.full(len(cars.single), np.nan)
    now_score = _score(shares)
    for row in tried:
        single = cars.single.copy()
        single[row] = 1.0 - single[row]
        changed = replace(cars, single=single)
        trial = share_with(changed)
        if not _serves_better(_score(trial), now_score):
            continue
        better[row] = since = now if np.isnan(cars.better_since[row]) else cars.better_since[row]
        rescue = bool(trial.admitted[row] and not shares.admitted[row])
        if now - since >= (RESCUE_S if rescue else BETTER_S):
            switched_at, switches = changed.switched_at.copy(), changed.switches.copy()
            switched_at[row], switches[row] = now, switches[row] - 1
            better[row] = np.nan
            changed = replace(changed, switched_at=switched_at, switches=switches, better_since=better)
            return Choice(shares=trial, cars=changed)
    return Choice(shares=shares, cars=replace(cars, better_since=better))


def _could_gain(grid: Grid, cars: Cars, shares: Shares) -> Bools:
    """On all phases: one that waits, or gets less in all than one phase could give it, or could leave more to an
    earlier rank. On one: one that has all that a phase gives. Nothing for a car that uses one phase anyhow.
    """
    single = cars.single > 0
    count = grid.wired.sum(axis=1)
    most = grid.max_a
    columns = shares.solution.case.columns
    short = columns.able & (~shares.admitted | (shares.amps < columns.upper_a - GAIN_A / POWER))
    first_short = columns.rank[short].min(initial=np.iinfo(np.int64).max)
    gains = ~shares.admitted | (shares.amps * count < most) | (columns.rank > first_short)
    on_all = ~single & (shares.in_use.sum(axis=1) > 1) & gains
    on_one = single & ((shares.amps >= most - GAIN_A / 2) | (shares.amps >= shares.demand_a - GAIN_A / 2))
    return np.asarray(on_all | on_one)


def _score(shares: Shares) -> Score:
    in_all: Floats = shares.amps * shares.in_use.sum(axis=1)
    ranks = shares.solution.case.columns.rank
    return [
        (int(shares.admitted[ranks == rank].sum()), float(in_all[ranks == rank].sum()))
        for rank in np.unique(ranks).tolist()
    ]


def _serves_better(trial: Score, now: Score) -> bool:
    """The first rank in which they clearly differ decides."""
    for (charging, amps), (charging_now, amps_now) in zip(trial, now, strict=True):
        if charging != charging_now:
            return charging > charging_now
        if abs(amps - amps_now) >= GAIN_A:
            return amps > amps_now
    return False

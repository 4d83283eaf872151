"""What is left for the EVSEs on each circuit and phase: its rating less what :mod:`edge.allocation.background` says.

A meter that fails goes down a ladder: late, nothing rises; stale, every EVSE below falls back to its safe current, and
the worst that is known of the building is kept free; back, what is given rises step by step for a while.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from edge.allocation.background import OVERLOAD_AT_ONCE_A, Background, updated
from edge.allocation.cadence import delay_s, late_after_s
from edge.allocation.confirmation import borne_out
from edge.allocation.draws import Draws, SiteDraws
from edge.allocation.entitlement import Entitlement
from edge.allocation.exposure import OBEY_TOLERANCE_A
from edge.allocation.layout import PAIRS, POWER, Bools, Floats
from edge.allocation.noise import OUTLIER_SIGMAS
from edge.allocation.snapshot import Snapshot
from edge.allocation.state import CircuitState
from edge.allocation.uneven import evened, where_seen
from edge.units import NO_CURRENT, PhaseAmps, Seconds

# How long what is given rises in small steps only, after a meter is back: half a minute brings most cars back to
# where they were, and a meter that fails again at once does so within it.
RECOVERY_S = 30.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Headroom:
    """Per circuit (place in the layout): what the background takes ``[place, phase]``, and how its meter does; ``over``
    ``[place, phase]``: whether it shows more than the rating.

    ``left_a`` has one entry a line of the layout: what is left for EVSEs, may be below 0; infinite without a limit.
    So have ``limit_a``, ``taken_a`` and ``sudden``: what the line may carry and what the background takes of it; or,
    where more feeds in than may be lent on (``sudden``), what it bears of the EVSEs alone, and nothing.
    ``untaken``, one entry a row: a site below that hasn't taken up what it was given last. As much of the building may
    have risen unseen; so it is given no more before that has come to light. ``guessed_a[row, phase]``: what each whose
    phases are in doubt was reckoned with (:class:`edge.allocation.guess.Guess`). As much may be the building's,
    and comes to light only after it came down; so it is nobody else's before. ``unsure_a``, one entry a line: by how
    much more would be left without what one reading alone has shown; nobody is stopped for it.
    """

    background_a: Floats
    left_a: Floats
    limit_a: Floats
    taken_a: Floats
    sudden: Bools
    late: Bools
    stale: Bools
    recovering: Bools
    over: Bools
    untaken: Bools
    guessed_a: Floats
    unsure_a: Floats


def estimate(
    snapshot: Snapshot,
    entitlement: Entitlement,
    memory: Mapping[str, Background],
    slow: Bools | None = None,
    learned: Bools | None = None,
    unbalancing: Bools | None = None,
) -> tuple[Headroom, dict[str, Background]]:
    """The headroom of every circuit now, and what to remember for the next estimate.

    ``slow``: whose car has been seen to come down late. ``learned``: of whose car it is known which phases it uses.
    ``unbalancing[row, phase]``: those with which it may unbalance, None where that has no limit.
    """
    grid = snapshot.plant.grid
    background = np.repeat(grid.reserve_a[:, None], 3, axis=1)
    unsure = np.zeros_like(background)
    late, stale, recovering = (np.zeros(len(background), dtype=np.bool_) for _ in range(3))
    over = np.zeros_like(background, dtype=np.bool_)
    draws = SiteDraws.of(snapshot, entitlement, slow, learned)
    elsewhere = entitlement.doubted[:, None] & grid.wired & ~(unbalancing if unbalancing is not None else grid.wired)
    remembered: dict[str, Background] = {}
    untaken, guessed = np.zeros(len(grid.min_a), dtype=np.bool_), np.zeros_like(entitlement.high_a)
    for place, state in enumerate(map(snapshot.circuits.__getitem__, grid.layout.circuits.tolist())):
        if state.circuit.meter is None:
            continue
        known = memory.get(state.circuit.id)
        if is_fresh(state, snapshot):
            below = np.flatnonzero(grid.below[place])
            known = _followed(known, snapshot, place, draws.below(below), unbalancing, elsewhere)
            background[place] = tuple(known.estimate_a or ())
            unsure[place] = background[place] - tuple(known.sure_a or ())
            late_s = late_after_s(known.intervals_s, snapshot.settings.period_s)
            late[place] = snapshot.now - known_at(state) > late_s
            over[place] = known.is_over(state.circuit.rating_a)
            if known.guess is not None:
                guessed[below] = np.maximum(guessed[below], known.guess.amps)
            if grid.whole_site.any():
                untaken[below] |= _untaken_a(known, snapshot.fleet.draw_a[below]) > OBEY_TOLERANCE_A
            recovering[place] = known.stale_at is not None and snapshot.now - known.stale_at < RECOVERY_S
        else:
            stale[place] = True
            # How often it tells is learned anew when it is back: it may fail again at once.
            known = replace(known or Background(estimate_a=None), stale_at=snapshot.now, intervals_s=())
            if known.estimate_a is not None:
                # The worst that the installer knows of, or the last that we knew of, whichever is more.
                background[place] = np.maximum(background[place], tuple(known.estimate_a))
        remembered[state.circuit.id] = known
    # Of a circuit that isn't measured itself nobody could see a second time that it carries too much.
    background = grid.with_those_below(background, stale | ~grid.metered)
    balance = _Balance.of(snapshot, stale, remembered, elsewhere)
    found = _Rooms.beside(background, snapshot, balance, entitlement)
    more_a = np.zeros_like(found.left_a)
    if unsure.any():
        more_a = _more_a(_Rooms.beside(background - unsure, snapshot, balance, entitlement), found)
    headroom = Headroom(
        background_a=background,
        left_a=found.left_a,
        limit_a=found.limit_a,
        taken_a=found.taken_a,
        sudden=found.sudden,
        late=late,
        stale=stale,
        recovering=recovering,
        over=over,
        untaken=untaken & grid.whole_site,
        guessed_a=guessed,
        unsure_a=more_a,
    )
    return headroom, remembered


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Rooms:
    """What a background takes of each line, and what it leaves; as in :class:`Headroom`."""

    left_a: Floats
    limit_a: Floats
    taken_a: Floats
    sudden: Bools

    @classmethod
    def beside(
        cls, background_a: Floats, snapshot: Snapshot, balance: "_Balance", entitlement: Entitlement
    ) -> "_Rooms":
        grid, ceilings = snapshot.plant.grid, snapshot.ceilings
        taken = grid.through(background_a)
        sudden = ceilings.limit_a - taken > grid.bears_a
        limit, taken = np.where(sudden, grid.bears_a, ceilings.limit_a), np.where(sudden, 0.0, taken)
        left = _left(snapshot, limit - taken, background_a, balance, entitlement)
        return cls(left_a=left, limit_a=limit, taken_a=taken, sudden=sudden)


def _more_a(sure: _Rooms, found: _Rooms) -> Floats:
    """By how much more one leaves than the other; nothing where both are without a limit."""
    limited = np.isfinite(found.left_a)
    more_a = np.where(limited, sure.left_a, 0.0) - np.where(limited, found.left_a, 0.0)
    return np.asarray(np.maximum(more_a, 0.0))


def _followed(
    known: Background | None,
    snapshot: Snapshot,
    place: int,
    draws: Draws,
    unbalancing: Bools | None,
    elsewhere: Bools,
) -> Background:
    """What a fresh reading tells of a circuit's background."""
    plant, layout = snapshot.plant, snapshot.plant.grid.layout
    state = snapshot.circuits[int(layout.circuits[place])]
    known = known if known is not None else Background(estimate_a=None)
    meter_delay_s = delay_s(known.intervals_by(known_at(state)), snapshot.settings, is_news=state.is_news)
    limits_a = layout.by_circuit(snapshot.ceilings.limit_a)[place].tolist()
    known = updated(
        known,
        state.measured_a or NO_CURRENT,
        known_at(state),
        draws,
        rating_a=state.circuit.rating_a,
        limit_a=min(limits_a[:POWER]),
        limit_sum_a=limits_a[POWER],
        meter_delay_s=meter_delay_s,
        period_s=snapshot.settings.period_s,
        fuse_a=state.circuit.fuse_a,
    )
    imbalance_a = math.inf
    if place == layout.root and plant.imbalance_limit_a is not None and unbalancing is not None:
        imbalance_a, whole_site = plant.imbalance_limit_a, plant.grid.whole_site
        known = evened(
            known,
            unbalancing,
            whole_site,
            imbalance_a=imbalance_a,
            meter_delay_s=meter_delay_s,
            elsewhere=elsewhere,
        )
    return borne_out(
        known,
        snapshot.now,
        fuse_a=state.circuit.fuse_a,
        limit_a=min(limits_a[:POWER]),
        limit_sum_a=limits_a[POWER],
        imbalance_a=imbalance_a,
        period_s=snapshot.settings.period_s,
    )


def _untaken_a(known: Background, draw_a: Floats) -> Floats:
    """By how much more than its newest sample each EVSE may have drawn while the readings that count were taken; 0 for
    one that was never sampled."""
    return np.asarray(np.nan_to_num(known.most_drawn_a() - draw_a).max(axis=1, initial=0.0))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Balance:
    """Of the grid connection, where there is something to balance: ``gone_a`` is what its meter shows to be gone,
    ``back_a`` what the building takes more than by the fuses' count (:func:`edge.allocation.uneven.where_seen`)."""

    gone_a: PhaseAmps = NO_CURRENT
    back_a: PhaseAmps = NO_CURRENT

    @classmethod
    def of(cls, snapshot: Snapshot, stale: Bools, remembered: Mapping[str, Background], elsewhere: Bools) -> "_Balance":
        plant, root = snapshot.plant, snapshot.plant.grid.layout.root
        known = remembered.get(plant.circuits[int(plant.grid.layout.circuits[root])].id)
        if plant.imbalance_limit_a is None or not known or stale[root]:
            return cls()
        seen = where_seen(known, elsewhere)
        back_a = (seen.estimate_a or NO_CURRENT) - (known.estimate_a or NO_CURRENT)
        return cls(gone_a=fallen_a(seen), back_a=back_a)


def fallen_a(known: Background) -> PhaseAmps:
    """By how much the newest reading clearly shows less than the estimate and the cars.

    Whether it is the building that has fallen or a car: they draw together no more; for balance more is not the safe
    side. What is clear is more than a tolerance, and grows from 0 on: else limits would follow each digit of a meter.
    """
    if known.estimate_a is None or known.measured_a is None or not known.bounds:
        return NO_CURRENT
    least_a = np.minimum.reduce([bounds.low_a for bounds in known.bounds]).sum(axis=0)
    less_a = np.array(tuple(known.estimate_a)) - tuple(known.measured_a) + least_a
    clear_a = np.maximum(OVERLOAD_AT_ONCE_A, OUTLIER_SIGMAS * np.array(known.noise_a()))
    return PhaseAmps(*np.maximum(less_a - clear_a, 0.0).tolist())


def _left(
    snapshot: Snapshot, left: Floats, background_a: Floats, balance: _Balance, entitlement: Entitlement
) -> Floats:
    """What is left on each line: ``left``, but of balance the limit less what the building is ahead, and as much more
    as the EVSEs on the other phase draw for sure; what they only may draw, or somewhere, balances nothing, nor does
    what either of them is shown to draw no more there alone. What a site below unbalances counts: it has
    one limit for all its phases.
    """
    plant, layout = snapshot.plant, snapshot.plant.grid.layout
    if plant.imbalance_limit_a is not None:
        root = background_a[layout.root] + tuple(balance.back_a)
        gone = tuple(balance.gone_a)
        low_a = np.where(entitlement.doubted[:, None], 0.0, entitlement.low_a)
        for line, (high, low) in enumerate(PAIRS, layout.balance.start):
            behind = low_a[:, low] - low_a[:, high]
            countered = np.where(plant.grid.whole_site, behind, np.maximum(behind, 0.0)).sum()
            allowed = max(plant.imbalance_limit_a - (root[high] - root[low]), 0.0)
            left[line] = max(allowed + countered - max(gone[low] - gone[high], 0.0), 0.0)
    return left


def is_fresh(state: CircuitState, snapshot: Snapshot) -> bool:
    """Whether the circuit's meter has answered within ``meter_stale_s``."""
    return state.measured_at is not None and snapshot.now - state.measured_at <= snapshot.settings.meter_stale_s


def known_at(state: CircuitState) -> Seconds:
    """When the reading was taken.

    :raises ValueError: there is none.
    """
    if state.measured_at is None or state.measured_a is None:
        raise ValueError(f"circuit {state.circuit.id} has no reading")
    return state.measured_at

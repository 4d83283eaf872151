"""From wishes to shares: what each EVSE could have if all obeyed at once, by the exact solver.

What isn't ours to limit is reserved for first. Then the cars that charge share all there is, and those that paused get
their minimum out of what is left; while they are being woken also what nobody else wants, one after the other: some
cars take nothing below 8 or 10 A.
"""

from dataclasses import dataclass, replace

import numpy as np

from edge.allocation.admission import FITS, grant, raised
from edge.allocation.balance import Admitted
from edge.allocation.cars import Cars
from edge.allocation.columns import EPSILON_A, Columns, in_steps, is_able
from edge.allocation.entitlement import Entitlement
from edge.allocation.headroom import Headroom
from edge.allocation.layout import PAIRS, Bools, Floats, Ints, Layout, used
from edge.allocation.plant import Grid
from edge.allocation.ranks import Case
from edge.allocation.snapshot import Snapshot
from edge.allocation.solution import Solution, Terms
from edge.allocation.solve import solved
from edge.allocation.state import Reach
from edge.allocation.turns import Wishes, is_roused, keeps_held, keeps_safe
from edge.domain.site import IdlePolicy


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Shares:
    """``amps`` for every row: of cars that charge their share, of those that paused their minimum or 0.

    ``admitted`` and ``refused_by`` are those of both. ``demand_a`` is the most that each can use, ``in_use``
    ``[row, phase]`` the phases that its car can draw on, ``counted`` those that have to have room for it, ``layout``
    the wiring with both.
    """

    demand_a: Floats
    in_use: Bools
    counted: Bools
    layout: Layout
    solution: Solution

    @property
    def amps(self) -> Floats:
        return self.solution.amps

    @property
    def admitted(self) -> Bools:
        return self.solution.admitted.rows

    @property
    def refused_by(self) -> Ints:
        return self.solution.admitted.refused_by

    @property
    def spared(self) -> Bools:
        """Who keeps its minimum only because one reading alone has shown that there is no room for it."""
        return np.asarray(self.admitted & (self.refused_by != FITS))


def reserves_a(snapshot: Snapshot, wishes: Wishes, entitlement: Entitlement) -> Floats:
    """What is kept free ``[row, phase]`` for EVSEs that aren't ours to limit, or that a car may begin at by itself.

    A station that has just connected, or is about to after our start, gets its safe current: nobody is raised into what
    it may hold (its exposure), but nobody is cut for it either, in the second or two until it confirms its first limit.
    With ``idle = "safe"`` a session may begin at the safe current in any instant.
    """
    grid, fleet = snapshot.plant.grid, snapshot.fleet
    safe = np.where(grid.wired, grid.fallback_a[:, None], 0.0)
    arriving = np.fmax(safe, fleet.draw_a)
    foreign = np.where(fleet.reaches(Reach.NEW, Reach.EXPECTED)[:, None], arriving, entitlement.exposure_a)
    kept = np.where(wishes.foreign[:, None], foreign, 0.0)
    if snapshot.settings.idle is IdlePolicy.SAFE:
        kept = np.where((wishes.idle | snapshot.fleet.stopped)[:, None], np.fmax(safe, kept), kept)
    return kept


def share_out(
    snapshot: Snapshot, cars: Cars, wishes: Wishes, headroom: Headroom, reserved_a: Floats, order: Ints
) -> Shares:
    """``order`` are all rows, those served first before. ``cars.on_one`` says who is to use one phase only."""
    plant = snapshot.plant
    grid, balances = plant.grid, plant.imbalance_limit_a is not None
    in_use = np.where(cars.on_one[:, None], grid.single, cars.in_use(grid))
    # The next session's car may draw by the same limit, on each phase that is wired.
    counted = np.where(snapshot.fleet.one_limit[:, None], grid.wired, in_use)
    lower, upper, demand = _bounds(snapshot, cars, wishes, headroom)
    if snapshot.settings.idle is IdlePolicy.SAFE:
        # The next session may begin at the safe current on phases that this one's car doesn't use.
        others = (wishes.charge | wishes.wake)[:, None] & grid.wired & ~counted
        reserved_a = np.where(others, grid.fallback_a[:, None], reserved_a)
    base = headroom.taken_a + grid.on_lines(reserved_a)
    columns = _columns(snapshot, wishes, (lower, upper), (headroom.limit_a, base), order)
    unbalancing = cars.unbalancing(grid) if balances else in_use
    if balances:
        # What may be drawn at most on phases that its car isn't known to use balances nothing.
        elsewhere = wishes.foreign[:, None] & ~unbalancing
        columns = _in_balance(grid, columns, headroom, np.where(elsewhere, 0.0, reserved_a))
    layout = grid.layout.with_phases(unbalancing, counted)
    pledged = _pledged(snapshot, wishes, lower)
    asleep = order[(wishes.wake & is_able(lower, upper))[order]]
    asleep = asleep[np.argsort(~pledged[asleep], kind="stable")]  # first whose minimum nobody else can have

    def besides(pledged: Bools) -> Columns:
        """The problem with what is kept free for these."""
        return _less(columns, grid.on_lines(np.where(pledged[:, None] & counted, lower[:, None], 0.0)))

    terms = Terms(
        circuits=tuple(plant.circuits[number].id for number in layout.circuits.tolist()),
        limit_a=headroom.limit_a,
        max_a=grid.max_a,
        demand_a=demand,
        nominal_voltage_v=snapshot.watts_voltage_v,
    )
    # What balances is what the others draw, not what they might be given: so balance is a line with a room here.
    case = Case.on(layout, besides(pledged) if pledged.any() else columns, plant.nominal_voltage_v)
    spared = _spared(snapshot, cars, headroom)
    solution = solved(case, terms, balanced=False, spared=spared)
    if asleep.size:
        left = columns.room_a - grid.on_lines(np.where(counted, solution.amps[:, None], 0.0))
        woken, by = grant(layout.lines[asleep], layout.uses[asleep], lower[asleep], left)
        if spared is not None:
            runs, more_a = spared
            kept, _ = grant(layout.lines[asleep], layout.uses[asleep], lower[asleep], left + more_a)
            woken |= kept & runs[asleep]
        amps = solution.amps.copy()
        rows, refused_by = solution.admitted.rows.copy(), solution.admitted.refused_by.copy()
        amps[asleep], rows[asleep], refused_by[asleep] = np.where(woken, lower[asleep], 0.0), woken, by
        solution = solution.among(amps, Admitted(rows=rows, refused_by=refused_by))
        if pledged.any():  # what was kept free for one that has it now isn't taken twice
            solution = replace(solution, case=replace(case, columns=besides(pledged & ~rows)))
    roused = wishes.charge & is_roused(snapshot.fleet, cars, snapshot.now) & ~grid.on_path(headroom.stale)
    if roused.any():
        solution = _with_roused(snapshot, solution, columns, layout, (roused, pledged), order)
        demand = np.where(roused, grid.max_a, demand)
    return Shares(demand_a=demand, in_use=in_use, counted=counted, layout=layout, solution=solution)


def _spared(snapshot: Snapshot, cars: Cars, headroom: Headroom) -> tuple[Bools, Floats] | None:
    """Who has its minimum already, on as many phases as it is to use, and how much more room each line would have
    without what one reading alone has shown; None where that is nothing."""
    if not headroom.unsure_a.any():
        return None  # nearly always
    grid, fleet = snapshot.plant.grid, snapshot.fleet
    stays = ~grid.switches | ((cars.single > 0) == fleet.told_single)
    return fleet.in_session & stays & (fleet.told_a >= grid.least_a - EPSILON_A), headroom.unsure_a


def _pledged(snapshot: Snapshot, wishes: Wishes, lower_a: Floats) -> Bools:
    """Whose minimum can't be lent to others while its car pauses: a safe current that any session may begin with, and
    what it may hold from before our start to the end of its session."""
    if snapshot.settings.idle is IdlePolicy.SAFE:
        return wishes.wake
    return wishes.wake & keeps_held(snapshot.fleet, lower_a)


def _with_roused(
    snapshot: Snapshot, solution: Solution, columns: Columns, layout: Layout, who: tuple[Bools, Bools], order: Ints
) -> Solution:
    """What nobody else wants is for cars that are being woken, the first of them first. ``who``: these, and those whose
    minimum is pledged."""
    grid = snapshot.plant.grid
    roused, pledged = who
    occupied = np.maximum(solution.amps, np.where(pledged, columns.lower_a, 0.0))
    left = columns.room_a - used(layout.lines, layout.uses, occupied, layout.size)
    most = np.minimum(grid.max_a, snapshot.fleet.own_limit_a)
    rows = order[(roused & solution.admitted.rows & (most > solution.amps))[order]]
    amps = solution.amps.copy()
    amps[rows] += raised(layout.lines[rows], layout.uses[rows], most[rows] - amps[rows], left)
    return solution.among(amps, solution.admitted)


def _bounds(snapshot: Snapshot, cars: Cars, wishes: Wishes, headroom: Headroom) -> tuple[Floats, Floats, Floats]:
    """The least and the most that each can be given, in whole steps, and what its car can use."""
    grid = snapshot.plant.grid
    demand = np.where(np.isnan(cars.trim_a), grid.max_a, cars.trim_a)
    asleep = wishes.wake | (wishes.charge & snapshot.fleet.paused)
    demand = np.where(asleep, np.minimum(grid.least_a, grid.max_a), demand)
    most = np.minimum(demand, snapshot.fleet.own_limit_a)
    if headroom.stale.any():
        most = np.where(grid.on_path(headroom.stale), np.minimum(most, grid.fallback_a), most)
    least = grid.min_a
    if snapshot.settings.idle is IdlePolicy.SAFE:  # less than the safe current saves nothing
        least = np.maximum(least, grid.fallback_a)
    most = np.where(keeps_safe(grid, snapshot.fleet, snapshot.settings), np.maximum(most, least), most)
    return *in_steps(least, most, grid.step_a), demand


def _columns(
    snapshot: Snapshot, wishes: Wishes, bounds: tuple[Floats, Floats], lines_a: tuple[Floats, Floats], order: Ints
) -> Columns:
    """The problem of those that charge; ``lines_a``: what each line may carry, and what flows on it besides them."""
    plant, fleet = snapshot.plant, snapshot.fleet
    grid = plant.grid
    lower, upper = bounds
    limit_a, base_a = lines_a
    has_need = ~np.isnan(fleet.need_wh)
    # A safe current below the minimum can't charge a car.
    able = wishes.charge & is_able(lower, upper)
    return Columns(
        lower_a=lower,
        upper_a=np.where(able, np.maximum(upper, lower), lower),
        step_a=grid.step_a,
        weight=fleet.weight,
        rank=fleet.rank,
        able=able,
        order=order,
        room_a=limit_a - base_a,
        base_a=base_a,
        has_need=has_need,
        energy_wh=np.where(has_need, fleet.need_wh, 0.0),
        time_left_s=np.where(has_need, fleet.need_left_s, 0.0),
    )


def _in_balance(grid: Grid, columns: Columns, headroom: Headroom, reserved_a: Floats) -> Columns:
    """With the rooms on the lines of balance; what is reserved counts against them, and balances nothing."""
    room = columns.room_a.copy()
    for line, (high, low) in enumerate(PAIRS, grid.layout.balance.start):
        ahead = np.maximum(reserved_a[:, high] - reserved_a[:, low], 0.0).sum()
        room[line] = max(float(headroom.left_a[line] - ahead), 0.0)
    return replace(columns, room_a=room)


def _less(columns: Columns, taken_a: Floats) -> Columns:
    """The same problem with less room."""
    return replace(columns, room_a=columns.room_a - taken_a, base_a=columns.base_a + taken_a)

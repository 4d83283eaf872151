"""The decision: from a snapshot of the site to one setpoint with its reason for every EVSE.

Pure and deterministic: the same snapshot and memory give the same decision on any machine.

1. exposure: what each EVSE may be drawing, given all that it was told;
2. headroom: ratings less what the building takes;
3. wishes: who can use current, how much, on which phases, and in which order they are served;
4. what isn't ours to limit is reserved at what it may draw;
5. share: minima in order of precedence, then rank by rank, max-min fair; on one phase or all, where there is a choice;
6. release: cuts at once, raises when they are paid for.
"""

from edge.allocation.cars import Cars
from edge.allocation.decision import Decision
from edge.allocation.entitlement import entitle
from edge.allocation.headroom import estimate
from edge.allocation.memory import Memory
from edge.allocation.overdrawn import stopping
from edge.allocation.phases import choose
from edge.allocation.release import observed, release
from edge.allocation.share import Shares, reserves_a, share_out
from edge.allocation.snapshot import Snapshot
from edge.allocation.turns import Wishes, precedence, taken, woken
from edge.domain.site import Mode

__all__ = ["Decision", "Memory", "decide"]


def decide(snapshot: Snapshot, memory: Memory) -> Decision:
    """Who may draw how much now, and why."""
    grid, fleet, settings, now = snapshot.plant.grid, snapshot.fleet, snapshot.settings, snapshot.now
    elapsed_s = now - memory.decided_at if memory.decided_at is not None else 0.0
    before = memory.cars if memory.cars is not None else Cars.none(len(snapshot.evses))
    cars = woken(before.observed(grid, fleet, now), fleet, grid, settings, now)
    entitlement = entitle(grid, fleet, cars.in_use(grid), now, cars.doubted > 0, cars.strays)
    unbalancing = cars.unbalancing(grid) if snapshot.plant.imbalance_limit_a is not None else None
    headroom, background = estimate(
        snapshot, entitlement, memory.background, cars.slow > 0, cars.learned(grid), unbalancing
    )
    cars = cars.doubting(grid, fleet, headroom.over, now)
    cars = stopping(snapshot, cars, headroom, entitlement)
    wishes = Wishes.of(fleet, cars, settings, now).kept_awake(grid.never_zero)
    reserved_a = reserves_a(snapshot, wishes, entitlement)
    order = precedence(grid, fleet, wishes, cars, settings, now)

    def share_with(cars: Cars) -> Shares:
        return share_out(snapshot, cars, wishes, headroom, reserved_a, order)

    choice = choose(grid, cars, share_with(cars), wishes.charge & ~fleet.paused, order, now, elapsed_s, share_with)
    if settings.mode is Mode.CONTROL:
        released = release(snapshot, choice.shares, headroom, entitlement, choice.cars, order, elapsed_s)
    else:
        released = observed(grid, choice.shares, choice.cars)
    return Decision(
        snapshot=snapshot,
        made_with=memory,
        wishes=wishes,
        entitlement=entitlement,
        headroom=headroom,
        reserved_a=reserved_a,
        shares=choice.shares,
        released=released,
        order=order,
        stopped=cars.stopped > 0,
        memory=Memory(
            background=background,
            cars=taken(released.cars, fleet, grid, wishes, choice.shares.admitted, now),
            decided_at=now,
        ),
    )

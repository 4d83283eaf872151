"""Cars that draw more than they were allowed, where that doesn't fit: others are cut, and then they are stopped.

A car that disobeys is asked for its safe current, and all that it may draw is kept free. Others have obeyed their cuts
after ``OBEY_S``; what is still too much then only its end can mend, and nearly every station opens its contactor at 0 A
even where a car ignores what it is offered.
"""

from dataclasses import replace

import numpy as np

from edge.allocation.cars import Cars
from edge.allocation.entitlement import Entitlement, is_known
from edge.allocation.exposure import OBEY_S, OBEY_TOLERANCE_A
from edge.allocation.headroom import Headroom, is_fresh
from edge.allocation.layout import POWER, Bools
from edge.allocation.snapshot import Snapshot
from edge.allocation.state import Reach
from edge.units import NO_CURRENT


def stopping(snapshot: Snapshot, cars: Cars, headroom: Headroom, entitlement: Entitlement) -> Cars:
    """``cars`` with who is to be stopped now: who disobeys on a line that has carried too much for ``OBEY_S``, until it
    obeys."""
    fleet = snapshot.fleet
    disobeys = fleet.in_session & fleet.reaches(Reach.DISOBEYING)
    if not disobeys.any() and np.isnan(cars.overdrawn_since).all():
        return cars  # nearly always
    layout = snapshot.plant.grid.layout
    too_much = _overloaded(snapshot, headroom, entitlement)
    overdrawn = disobeys & (too_much[layout.lines] & (layout.uses > 0)).any(axis=1)
    stopped = disobeys & ((cars.stopped > 0) | (overdrawn & (snapshot.now - cars.overdrawn_since >= OBEY_S)))
    since = np.where(overdrawn, np.fmin(cars.overdrawn_since, snapshot.now), np.nan)
    return replace(cars, overdrawn_since=since, stopped=np.where(stopped, 1.0, 0.0))


def _overloaded(snapshot: Snapshot, headroom: Headroom, entitlement: Entitlement) -> Bools:
    """Which lines carry more than they may, by their meter; without one that answers, by what their EVSEs report and
    what the building takes at most."""
    grid, fleet = snapshot.plant.grid, snapshot.fleet
    known = np.where(is_known(fleet, snapshot.now)[:, None], np.nan_to_num(fleet.draw_a), entitlement.exposure_a)
    flows = headroom.background_a + grid.flows(np.minimum(known, entitlement.exposure_a))
    for place, number in enumerate(grid.layout.circuits.tolist()):
        state = snapshot.circuits[number]
        if state.circuit.meter is not None and is_fresh(state, snapshot):
            flows[place] = tuple(state.measured_a or NO_CURRENT)
    through, limit_a = grid.through(flows), snapshot.ceilings.limit_a
    # A meter that disagrees a little with what it limits, as stations do; on the line of the power once for each phase.
    slack_a = np.full_like(limit_a, OBEY_TOLERANCE_A)
    grid.layout.by_circuit(slack_a)[:, POWER] *= POWER
    return np.asarray(through > limit_a + slack_a)

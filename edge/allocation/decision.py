"""What was decided. The currents are at hand as arrays; whatever is shown of them is made when it is asked for."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from edge.allocation.cars import PRESENT_A
from edge.allocation.columns import EPSILON_A
from edge.allocation.entitlement import Entitlement, asked_a, is_known, rounded_down
from edge.allocation.exposure import OBEY_TOLERANCE_A
from edge.allocation.headroom import Headroom
from edge.allocation.layout import POWER, Bools, Floats, Ints
from edge.allocation.memory import Memory
from edge.allocation.plant import Grid
from edge.allocation.release import Held, Released
from edge.allocation.share import Shares
from edge.allocation.snapshot import Snapshot
from edge.allocation.state import EvseState, Reach
from edge.allocation.turns import Wishes, keeps_safe, waits_for_turn
from edge.domain.setpoint import Reason, Setpoint
from edge.domain.site import EvseKey, IdlePolicy
from edge.units import PHASES, Amps, Phase, PhaseAmps

_FOREIGN = {
    Reach.NEW: Reason.STATION_NEW,
    Reach.UNCONFIRMED: Reason.STATION_NEW,
    Reach.OFFLINE: Reason.STATION_OFFLINE,
    Reach.EXPECTED: Reason.STATION_OFFLINE,
    Reach.SILENT: Reason.STATION_SILENT,
    Reach.REFUSING: Reason.STATION_REFUSES,
    Reach.DISOBEYING: Reason.STATION_DISOBEYS,
}
_HELD = {
    Held.FOR_CUT: Reason.WAITING_FOR_CUT,
    Held.STEADY: Reason.STEADYING,
    Held.STARTING: Reason.STARTING,
    Held.RESTING: Reason.RESTING,
    Held.WRITES: Reason.WRITES_SPENT,
    Held.METER_LATE: Reason.METER_LATE,
    Held.RECOVERING: Reason.RECOVERING,
    Held.SWITCHING: Reason.SWITCHING_PHASES,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """A decision spelled out: one setpoint per EVSE in the plant's order, what they stand on, and what to remember.

    ``background_a``, ``headroom_a`` and ``exposure_a`` are by circuit; ``precedence`` names the EVSEs that take part in
    the order in which they are served. It is what is recorded.
    """

    setpoints: tuple[Setpoint, ...]
    background_a: Mapping[str, PhaseAmps]
    headroom_a: Mapping[str, PhaseAmps]
    exposure_a: Mapping[str, PhaseAmps]
    precedence: tuple[EvseKey, ...]
    memory: Memory


@dataclass(frozen=True, kw_only=True, eq=False)
class Decision:
    """The decision as arrays, in the rows of the plant's layout; :attr:`outcome` spells it out.

    ``setpoints``, ``background_a`` and the others that go by name follow the plant's order. It was made of ``snapshot``
    and ``made_with``; ``memory`` is for the next. ``stopped``: who disobeys and is told 0 A.
    """

    snapshot: Snapshot
    made_with: Memory
    wishes: Wishes
    entitlement: Entitlement
    headroom: Headroom
    reserved_a: Floats
    shares: Shares
    released: Released
    order: Ints
    stopped: Bools
    memory: Memory

    @property
    def outcome(self) -> Outcome:
        return Outcome(
            setpoints=self.setpoints,
            background_a=self.background_a,
            headroom_a=self.headroom_a,
            exposure_a=self.exposure_a,
            precedence=self.precedence,
            memory=self.memory,
        )

    @cached_property
    def told_a(self) -> tuple[Amps, ...]:
        """What each EVSE is told, in the plant's order; one that isn't ours to limit is asked for it."""
        return tuple(self._told_a[self._grid.layout.row_of].tolist())

    @cached_property
    def _told_a(self) -> Floats:
        """:attr:`told_a` in the rows of the layout."""
        idle_a = self._grid.fallback_a if self.snapshot.settings.idle is IdlePolicy.SAFE else 0.0
        served = self.wishes.charge | self.wishes.wake
        amps: Floats = np.where(served, self.released.amps, idle_a)
        for row in np.flatnonzero(self.wishes.foreign).tolist():
            amps[row] = 0.0 if self.stopped[row] else self._asked_a(row)
        return amps

    @cached_property
    def told_single(self) -> tuple[bool, ...]:
        """Whether each is told to use one phase only, in the plant's order.

        So is one that isn't known to hold a limit of ours, if it isn't seen to use more: else it might be a raise.
        """
        fleet = self.snapshot.fleet
        one = (fleet.draw_a >= PRESENT_A).sum(axis=1) <= 1
        single = self.released.single | (self.wishes.foreign & self._grid.switches & ~fleet.governed & one)
        return tuple(single[self._grid.layout.row_of].tolist())

    @cached_property
    def signature(self) -> Floats:
        """Per EVSE in the plant's order, what a setpoint says of it as numbers: equal where the setpoints are alike but
        for what flows elsewhere."""
        solution = self.shares.solution
        columns = (
            self._told_a,
            self.released.why,
            np.where(self.released.why == Held.FOR_CUT, self.released.line, 0),
            np.where(self.shares.admitted, solution.shared.held_by, self.shares.refused_by),
            self.shares.admitted,
            self.shares.spared,
            self.snapshot.fleet.reach,
            self.wishes.charge + 2.0 * self.wishes.wake + 3.0 * self.wishes.idle,
            self._blind,
            self.snapshot.fleet.paused,
            self._waits_for_turn,
            solution.case.columns.able,
            solution.overloaded,
            solution.full_lines,
        )
        table = np.empty((len(columns), len(self._told_a)))
        for place, column in enumerate(columns):
            table[place] = column
        return table.T[self._grid.layout.row_of]

    @cached_property
    def setpoints(self) -> tuple[Setpoint, ...]:
        return tuple(self.setpoint(number) for number in range(len(self.snapshot.evses)))

    def setpoint(self, number: int) -> Setpoint:
        """Of one EVSE, by its number in the plant's order, with the constraint that binds it."""
        row = int(self._grid.layout.row_of[number])
        state = self.snapshot.evses[number]
        if self.wishes.foreign[row]:
            kept = float(self.reserved_a[row].max())
            reason = Reason.STOPPED_DISOBEYING if self.stopped[row] else _FOREIGN[state.reach]
            return Setpoint(key=state.key, limit_a=None, reserved_a=kept, reason=reason)
        amps = self.told_a[number]
        if self.wishes.idle[row]:
            return Setpoint(key=state.key, limit_a=amps, reason=Reason.IDLE)
        return self._served(row, state, amps)

    @cached_property
    def precedence(self) -> tuple[EvseKey, ...]:
        served = self.wishes.charge | self.wishes.wake
        return tuple(self.snapshot.fleet.states[row].key for row in self.order[served[self.order]].tolist())

    @cached_property
    def background_a(self) -> dict[str, PhaseAmps]:
        """What the background takes of each circuit."""
        return self._by_circuit(self.headroom.background_a)

    @cached_property
    def headroom_a(self) -> dict[str, PhaseAmps]:
        """What the background leaves of each circuit's rating."""
        return self._by_circuit(self._grid.layout.by_circuit(self.headroom.left_a)[:, :POWER])

    @cached_property
    def exposure_a(self) -> dict[str, PhaseAmps]:
        """What the EVSEs below each circuit may be drawing."""
        return self._by_circuit(self._grid.flows(self.entitlement.exposure_a))

    @cached_property
    def draw_a(self) -> dict[str, PhaseAmps]:
        """What the EVSEs below each circuit report to draw; those that report nothing count as 0."""
        fleet = self.snapshot.fleet
        known = np.where(is_known(fleet, self.snapshot.now)[:, None], np.nan_to_num(fleet.draw_a), 0.0)
        return self._by_circuit(self._grid.flows(known))

    @property
    def stale(self) -> frozenset[str]:
        """The circuits whose meter gives no fresh reading."""
        places = np.flatnonzero(self.headroom.stale).tolist()
        return frozenset(self._circuit(place) for place in places)

    def exposure_of(self, number: int) -> Amps:
        """The exposure of one EVSE by its number in the plant's order, on whichever phase it is largest."""
        return float(self.entitlement.exposure_a[self._grid.layout.row_of[number]].max())

    def phases_in_use(self, number: int) -> tuple[Phase, ...]:
        """The grid phases on which one EVSE is counted, by its number in the plant's order; in the order in which they
        are on its own L1, L2, L3."""
        used = self.shares.in_use[self._grid.layout.row_of[number]]
        return tuple(phase for phase in self.snapshot.evses[number].evse.phases if used[PHASES.index(phase)])

    @property
    def _grid(self) -> Grid:
        return self.snapshot.plant.grid

    def _circuit(self, place: int) -> str:
        return self.snapshot.plant.circuits[int(self._grid.layout.circuits[place])].id

    def _by_circuit(self, values: Floats) -> dict[str, PhaseAmps]:
        named = {self._circuit(place): PhaseAmps(*row) for place, row in enumerate(values.tolist())}
        return {circuit.id: named[circuit.id] for circuit in self.snapshot.plant.circuits}

    def _asked_a(self, row: int) -> Amps:
        fleet, grid = self.snapshot.fleet, self._grid
        draw = float(np.nan_to_num(fleet.draw_a[row]).max())
        return asked_a(
            float(grid.min_a[row]),
            float(grid.fallback_a[row]),
            float(self.entitlement.held_a[row]),
            float(rounded_down(np.array(draw), np.array(0.1))) if draw > OBEY_TOLERANCE_A else None,
            governed=bool(fleet.governed[row]),
        )

    def _served(self, row: int, state: EvseState, amps: Amps) -> Setpoint:
        phases = None
        if self._grid.switches[row]:
            phases = 1 if self.released.single[row] else int(self._grid.wired[row].sum())
        why = Held(int(self.released.why[row]))
        solution = self.shares.solution
        where: dict[str, object] = {}
        reason: Reason | None = _HELD.get(why)
        line: int | None = None
        if why is Held.FOR_CUT:
            line = int(self.released.line[row])
        elif why in (Held.METER_LATE, Held.RECOVERING):
            where["meter"] = self._meter(row, self.headroom.late | self.headroom.recovering)
        elif reason is None:
            reason, line = self._binding(row)
            if reason is Reason.METER_STALE:
                where["meter"] = self._meter(row, self.headroom.stale)
            if reason in (Reason.CLOUD_LIMIT, Reason.SURPLUS, Reason.ECO):
                where["rating_a"] = float(self.snapshot.fleet.own_limit_a[row])
            if reason in (Reason.LIMITED, Reason.LIMIT_ENDED) and line is not None:
                where["source"] = self.snapshot.ceilings.sources[line]
            if reason in (Reason.WAITING_FOR_ROOM, Reason.BELOW_MINIMUM):
                where["min_a"] = float(self._grid.min_a[row])
        if line is not None:
            where |= solution.place(line)
        return Setpoint(key=state.key, limit_a=amps, reason=reason, phases=phases, **where)  # type: ignore[arg-type]

    def _binding(self, row: int) -> tuple[Reason, int | None]:
        """What binds a served EVSE that is told all of its share."""
        shares = self.shares
        if self.snapshot.fleet.states[row].barred:
            return Reason.TOKEN_REFUSED, None
        if shares.spared[row]:
            return Reason.SHOWN_ONCE, int(shares.refused_by[row])
        if self.snapshot.fleet.paused[row] and shares.admitted[row]:
            return Reason.NOT_LET_IN if self.snapshot.fleet.states[row].not_let_in else Reason.CAR_PAUSED, None
        if self.wishes.wake[row] and shares.refused_by[row] >= 0:
            return Reason.WAITING_FOR_ROOM, int(shares.refused_by[row])
        reason, line = shares.solution.binding(row)
        own_a = self.snapshot.fleet.own_limit_a[row]
        if self._is_kept_safe(row, float(own_a)):
            return Reason.SAFE_KEPT, None
        if line is None and rounded_down(own_a, self._grid.step_a[row]) <= shares.amps[row] + EPSILON_A:
            return self.snapshot.fleet.states[row].own_limit_reason, None
        if reason in (Reason.BELOW_MINIMUM, Reason.NO_WHOLE_STEP) and own_a < self._grid.least_a[row]:
            return self.snapshot.fleet.states[row].own_limit_reason, None
        if self._blind[row] and line is None:
            return Reason.METER_STALE, None
        if reason is Reason.MAXIMUM or (reason in (Reason.DEMAND_MET, Reason.WHOLE_STEPS) and self._all_given(row)):
            return Reason.MAXIMUM, None
        if reason is Reason.WAITING_FOR_ROOM and bool(self._waits_for_turn[row]):
            return Reason.WAITING_FOR_TURN, line
        if reason is Reason.CIRCUIT_FULL and self.headroom.sudden[line]:
            return Reason.SUN_MAY_GO, line
        if reason in (Reason.CIRCUIT_FULL, Reason.CIRCUIT_POWER_FULL) and line in self.snapshot.ceilings.sources:
            return (Reason.LIMIT_ENDED if line in self.snapshot.ceilings.ended else Reason.LIMITED), line
        return reason, line

    def _is_kept_safe(self, row: int, own_a: Amps) -> bool:
        """Whether it has its safe current, and whoever limits it in particular would leave it less; of the sun nobody
        can tell: its surplus gives no session less than that."""
        safe_a = float(self.shares.solution.case.columns.lower_a[row])
        if not self._keeps_safe[row] or self.shares.amps[row] > safe_a + EPSILON_A:
            return False
        by_sun = self.snapshot.fleet.states[row].own_limit_reason in (Reason.SURPLUS, Reason.ECO, Reason.ECO_WAITS)
        return own_a <= safe_a + EPSILON_A if by_sun else own_a < safe_a - EPSILON_A

    @cached_property
    def _keeps_safe(self) -> Bools:
        return keeps_safe(self._grid, self.snapshot.fleet, self.snapshot.settings)

    def _all_given(self, row: int) -> bool:
        return bool(self.shares.demand_a[row] >= self._grid.max_a[row] - EPSILON_A)

    @cached_property
    def _blind(self) -> Bools:
        """Who is below a circuit whose meter is stale."""
        return self._grid.on_path(self.headroom.stale)

    @cached_property
    def _waits_for_turn(self) -> Bools:
        return waits_for_turn(self.snapshot.fleet, self.shares.admitted & self.wishes.charge)

    def _meter(self, row: int, places: Bools) -> str | None:
        """The meter of the nearest of these circuits above the EVSE."""
        evse = self.snapshot.fleet.states[row].evse
        parents = {circuit.id: circuit for circuit in self.snapshot.plant.circuits}
        wanted = {self._circuit(place) for place in np.flatnonzero(places).tolist()}
        step: str | None = evse.circuit
        while step is not None:
            if step in wanted:
                return parents[step].meter
            step = parents[step].parent
        return None

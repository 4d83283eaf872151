"""A site whose stations obey at once, decided upon tick by tick: what the decision makes of itself in the long run."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from edge.allocation.decide import Decision, Memory, decide
from edge.allocation.exposure import Holdings
from edge.allocation.snapshot import Snapshot
from edge.allocation.state import CircuitState, EvseState, Reach
from edge.domain.setpoint import LimitCommand, Purpose
from edge.domain.site import ControlSettings, Evse
from edge.domain.station import EvseStatus
from edge.units import Amps, PhaseAmps, Seconds
from tests.site_builders import idle_grant, snapshot

LEASE_S = 1e9  # leases play no part here


@dataclass(slots=True)
class Station:
    """One EVSE, and what it holds."""

    evse: Evse
    began_at: Seconds | None
    holdings: Holdings
    online: bool = True
    told_a: Amps = 0.0
    told_at: Seconds | None = None
    raised_at: Seconds | None = None
    single: bool = False

    def state(self, now: Seconds) -> EvseState:
        """Its car draws what it is told."""
        self.holdings = self.holdings.settled(now)
        charges = self.told_a > 0
        on = self.evse.single_phase if self.single else self.evse.phases
        return EvseState(
            evse=self.evse,
            reach=Reach.OBEYING if self.online else Reach.OFFLINE,
            status=EvseStatus.CHARGING if charges else EvseStatus.SUSPENDED_EVSE,
            in_session=self.began_at is not None,
            holdings=self.holdings,
            waiting_since=self.began_at,
            told_a=self.told_a,
            told_at=self.told_at,
            raised_at=self.raised_at,
            draw_a=PhaseAmps.on(on, self.told_a),
            drawn_at=now,
            told_phases=1 if self.single else None,
        )

    def obey(self, amps: Amps, at: Seconds, identity: int, *, single: bool) -> None:
        if not self.online or self.began_at is None or (amps, single) == (self.told_a, self.single):
            return
        command = LimitCommand(
            id=identity,
            key=self.evse.key,
            purpose=Purpose.SESSION,
            limit_a=amps,
            safe_a=self.evse.fallback_a,
            lease_s=LEASE_S,
            phases=1 if single else None,
        )
        self.holdings = self.holdings.issued(command, at).accepted(Purpose.SESSION, identity, at)
        self.raised_at = at if amps > self.told_a else self.raised_at
        self.told_a, self.told_at, self.single = amps, at, single


class ObedientSite:
    """``decided`` holds the newest decision; a test may change ``circuits`` and ``stations`` between two ticks."""

    def __init__(
        self,
        evses: Sequence[Evse],
        circuits: Sequence[CircuitState],
        *,
        settings: ControlSettings,
        arrivals: Sequence[Seconds] | None = None,
    ) -> None:
        self.now: Seconds = 0.0
        self.circuits = tuple(circuits)
        self.arrivals = list(arrivals or [0.0] * len(evses))
        held = [Holdings(baseline_a=None, idle=(replace(idle_grant(), lease_s=LEASE_S),)) for _ in evses]
        self.stations = [Station(unit, None, holdings) for unit, holdings in zip(evses, held, strict=True)]
        self.decided: Decision | None = None
        self._settings = settings
        self._memory = Memory()
        self._last_id = 0

    @property
    def told_a(self) -> list[Amps]:
        return [station.told_a for station in self.stations]

    def tick(self, period_s: Seconds = 1.0) -> Decision:
        for station, arrival in zip(self.stations, self.arrivals, strict=True):
            if station.began_at is None and arrival <= self.now:
                station.began_at = self.now
        decision = decide(self._snapshot(), self._memory)
        self._memory = decision.memory
        for station, amps, single in zip(self.stations, decision.told_a, decision.told_single, strict=True):
            self._last_id += 1
            station.obey(amps, self.now, self._last_id, single=single)
        self.decided = decision
        self.now += period_s
        return decision

    def run(self, seconds: Seconds) -> "ObedientSite":
        until = self.now + seconds
        while self.now < until:
            self.tick()
        return self

    def _snapshot(self) -> Snapshot:
        states = [station.state(self.now) for station in self.stations]
        before = self.decided.snapshot.fleet if self.decided is not None else None
        made = snapshot(self.circuits, *states, now=self.now, settings=self._settings)
        if self.decided is None or self.decided.snapshot.circuits != self.circuits:
            return made
        return replace(made, plant=self.decided.snapshot.plant, before=before)

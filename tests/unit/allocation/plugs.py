"""An EVSE with its station, which obeys perfectly, and its car."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from edge.domain.setpoint import LimitCommand, Purpose
from edge.domain.site import Evse, Supply
from edge.domain.station import EvseStatus
from edge.units import NO_CURRENT, Amps, Phase, PhaseAmps, Seconds, phase_amps

OBEYS_S = 3.0  # from the acceptance of a limit to the current
SAMPLES_S = 5.0
VOLTS = 230.0


@dataclass(kw_only=True)
class Plug:
    """An EVSE, its station and its car."""

    evse: Evse
    wants_a: Amps
    uses: Sequence[Phase]  # the grid phases on which the car can charge
    arrives_s: Seconds
    asleep: bool = False  # the car takes nothing, though it is offered enough
    obeys_s: Seconds = OBEYS_S
    samples_s: Seconds = SAMPLES_S
    starts_at_a: Amps = 0.0  # the car takes nothing below this, though it may be offered less
    tells_on: Sequence[Phase] | None = None  # its station tells the draw on these grid phases instead
    tells_power: bool = False  # its station tells the total power alone
    one_limit: bool = False  # its station is told one limit, which binds it with a session and without
    ignores_phases: bool = False  # its station accepts numberPhases, and goes on with all
    wakes_after_s: Seconds | None = None  # ... and goes on when it was offered enough for so long without a break
    session: str | None = None
    status: EvseStatus = EvseStatus.AVAILABLE
    energy_wh: float = 0.0
    limit_a: Amps = 0.0  # in force
    single: bool = False
    offered_since: Seconds | None = None
    _accepted: deque[tuple[Seconds, LimitCommand]] = field(default_factory=deque)

    def accept(self, command: LimitCommand, at: Seconds) -> None:
        if command.purpose is (Purpose.IDLE if self.one_limit else Purpose.SESSION):
            self._accepted.append((at + self.obeys_s, command))

    def obey(self, now: Seconds) -> None:
        """Follow what was accepted long enough ago."""
        while self._accepted and self._accepted[0][0] <= now:
            command = self._accepted.popleft()[1]
            if self.one_limit or command.transaction_id == self.session:
                self.limit_a, self.single = self._amps(command), command.phases == 1
        if self.limit_a < self.evse.min_a:
            self.offered_since = None
        elif self.offered_since is None:
            self.offered_since = now
        elif self.asleep and self.wakes_after_s is not None and now - self.offered_since >= self.wakes_after_s:
            self.asleep = False

    def _amps(self, command: LimitCommand) -> Amps:
        """A DC station knows its limit in W alone."""
        if self.evse.supply is Supply.DC:
            assert command.limit_w is not None
            return phase_amps(command.limit_w, VOLTS) / len(self.evse.phases)
        assert command.limit_w is None
        return command.limit_a

    @property
    def draw_a(self) -> PhaseAmps:
        if self.session is None or self.asleep or self.limit_a < max(self.evse.min_a, self.starts_at_a):
            return NO_CURRENT
        on = self.evse.single_phase if self.single and not self.ignores_phases else self.uses
        return PhaseAmps.on(on, min(self.limit_a, self.wants_a))

    @property
    def sample(self) -> tuple[PhaseAmps, bool]:
        """What its station tells of the draw, and whether only the sum of it is known."""
        if self.tells_on is not None:
            return PhaseAmps.on(self.tells_on, max(self.draw_a)), False
        if not self.tells_power:
            return self.draw_a, False
        return PhaseAmps.on(self.evse.phases, sum(self.draw_a) / len(self.evse.phases)), True

    @property
    def shows(self) -> EvseStatus:
        if self.session is None:
            return EvseStatus.AVAILABLE
        if self.limit_a < self.evse.min_a:
            return EvseStatus.SUSPENDED_EVSE
        return EvseStatus.CHARGING if max(self.draw_a) > 0 else EvseStatus.SUSPENDED_EV

"""What is known of each circuit and each EVSE at one moment."""

from dataclasses import dataclass
from enum import StrEnum

from edge.allocation.exposure import Holdings
from edge.allocation.problem import Need
from edge.domain.setpoint import Reason
from edge.domain.site import Circuit, Evse, EvseKey, Priority
from edge.domain.station import EvseStatus
from edge.units import Amps, PhaseAmps, Seconds


class Reach(StrEnum):
    """How far an EVSE is ours to limit."""

    OBEYING = "obeying"
    NEW = "new"  # just connected: its first limit is on the way
    UNCONFIRMED = "unconfirmed"  # connected for a while, and still under no limit that it has confirmed
    OFFLINE = "offline"
    EXPECTED = "expected"  # not heard of since our start, a moment ago: it holds what it was told before
    SILENT = "silent"  # connected, but limits go unanswered
    REFUSING = "refusing"
    DISOBEYING = "disobeying"  # draws more than it accepted

    @property
    def renewable(self) -> bool:
        """Whether the leases it holds can be counted on to be renewed."""
        return self not in (Reach.OFFLINE, Reach.EXPECTED, Reach.SILENT, Reach.REFUSING)


@dataclass(frozen=True, slots=True, kw_only=True)
class CircuitState:
    """A circuit and the newest reading of its meter.

    ``measured_a`` and ``measured_at`` are None where there is no meter, or none has ever answered. ``is_news``: it
    shows nothing that flowed before the reading before it was taken, as a smart meter's telegrams do.
    """

    circuit: Circuit
    measured_a: PhaseAmps | None = None
    measured_at: Seconds | None = None
    is_news: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class EvseState:
    """An EVSE, what is known of its car, and what it may be enforcing."""

    evse: Evse
    reach: Reach
    status: EvseStatus
    in_session: bool
    holdings: Holdings
    paused: bool = False  # the car has stopped drawing by itself, though it was offered its minimum
    not_let_in: bool = False  # it counts as paused because its session waits for a token
    waiting_since: Seconds | None = None  # when the session began
    told_a: Amps = 0.0  # the newest limit that it was told for this session; before the first, its idle limit
    told_at: Seconds | None = None  # when that last changed
    raised_at: Seconds | None = None  # when that last rose
    draw_a: PhaseAmps | None = None  # the newest sample, on grid phases
    drawn_at: Seconds | None = None
    draw_spread: bool = False  # only its sum is known: the car may draw it all on one phase
    told_phases: int | None = None  # how many phases it was told to use; None for all
    one_limit: bool = False  # what it is told binds it with a session and without, so the next session's car too
    need: Need | None = None  # what its car still wants before it leaves
    cloud_a: Amps | None = None  # what the cloud's charging profiles allow it; None for as much as there is
    priority: Priority | None = None  # that of the token that began its session; None for the EVSE's own
    barred: bool = False  # its session's token is no longer good: it gets no current
    surplus_a: Amps | None = None  # what the sun's surplus leaves it; None where it doesn't live on that
    eco: bool = False  # it lives on the surplus because the building's mode asks for it
    hours_a: Amps | None = None  # what the opening hours of its class leave it; None while they set no limit
    unruly_a: Amps | None = None  # what its car is given at most for a turn because it drew more than it may

    @property
    def own_limit_a(self) -> Amps | None:
        """The lowest of what cloud, surplus, hours and its own conduct allow it, None where none does; 0 where it is to
        have none."""
        if self.barred:
            return 0.0
        lowest = self.cloud_a  # a loop: thousands a tick, most of them without any
        for each in (self.surplus_a, self.hours_a, self.unruly_a):
            if each is not None and (lowest is None or each < lowest):
                lowest = each
        return lowest

    @property
    def own_limit_reason(self) -> Reason:
        """Whose :attr:`own_limit_a` is; of equals its conduct's, then the hours', then the surplus's."""
        if self.own_limit_a == self.unruly_a:
            return Reason.CAR_DISOBEYED
        if self.own_limit_a == self.hours_a:
            return Reason.CLOSED if self.hours_a == 0.0 else Reason.CLOSING
        if self.own_limit_a != self.surplus_a:
            return Reason.CLOUD_LIMIT
        if not self.eco:
            return Reason.SURPLUS
        return Reason.ECO if self.surplus_a else Reason.ECO_WAITS

    @property
    def key(self) -> EvseKey:
        return self.evse.key

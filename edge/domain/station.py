"""What a station tells us, as facts that carry the monotonic time at which they reached the gateway."""

from dataclasses import dataclass
from enum import StrEnum

from edge.domain.site import EvseKey, Priority
from edge.units import Amps, PhaseAmps, Seconds, WattHours, Watts

# What draws this much is charging, whatever its status says: chargers and cars take less in standby.
CHARGES_A: Amps = 2.0


class EvseStatus(StrEnum):
    """Status of an EVSE; the values are those of OCPP 1.6 §7.7 ChargePointStatus."""

    AVAILABLE = "Available"
    PREPARING = "Preparing"
    CHARGING = "Charging"
    SUSPENDED_EV = "SuspendedEV"
    SUSPENDED_EVSE = "SuspendedEVSE"
    FINISHING = "Finishing"
    RESERVED = "Reserved"
    UNAVAILABLE = "Unavailable"
    FAULTED = "Faulted"
    OCCUPIED = "Occupied"  # OCPP 2.x part 2 §3.12: a car is plugged in, and nothing is said of a transaction
    UNKNOWN = "Unknown"  # ours: nothing was heard yet


class LimitOutcome(StrEnum):
    """What became of a limit that was to be written to a station."""

    ACCEPTED = "accepted"
    REFUSED = "refused"  # the station answered, and holds what it held before
    SILENT = "silent"  # no answer in time, or the link broke: the station may hold it or not
    NOT_SENT = "not sent"  # it never left the gateway: the station can't hold it


@dataclass(frozen=True, slots=True, kw_only=True)
class StationOnline:
    """The station's socket is up and the handshake is done. ``vendor`` and ``model``: what it said that it is, if that
    is known from before."""

    station: str
    at: Seconds
    vendor: str | None = None
    model: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StationOffline:
    """The station's socket is gone."""

    station: str
    at: Seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class StationDescribed:
    """A BootNotification went by: the station has just started."""

    station: str
    at: Seconds
    vendor: str
    model: str
    serial: str | None = None
    firmware: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitsTaken:
    """How the station takes its limits from now on.

    ``one_limit``: one for each EVSE, which binds it with a session and without, and is told as
    :attr:`edge.domain.setpoint.Purpose.IDLE`. Else one for the idle EVSE and one for each session.
    """

    station: str
    at: Seconds
    one_limit: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CloudLink:
    """The station's own connection to its cloud came up or went down."""

    station: str
    at: Seconds
    connected: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusReported:
    """The state of one EVSE. ``waits``: its session's car can't charge yet, or any more, until somebody is let in."""

    key: EvseKey
    at: Seconds
    status: EvseStatus
    error_code: str | None = None
    waits: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionBegan:
    """A transaction is known to run on the EVSE.

    ``observed_start`` is False when it was already running when we first heard of it (after a restart of the gateway):
    then what the station holds from before is unknown. ``register_wh`` is its register at the begin, where it told it.
    """

    key: EvseKey
    at: Seconds
    transaction_id: str
    observed_start: bool = True
    register_wh: WattHours | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionJudged:
    """What the token that began a transaction is worth on site. May come before the transaction is known to run.

    ``priority``: None for that of its station. ``barred``: it is to get no current. ``energy_wanted_wh``: what its car
    wants, from the session's begin on, within ``departs_in_s`` from ``at``; None: the token says nothing of that.
    """

    station: str
    transaction_id: str
    at: Seconds
    priority: Priority | None = None
    barred: bool = False
    energy_wanted_wh: WattHours = 0.0
    departs_in_s: Seconds | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionEnded:
    """The EVSE's transaction is over; profiles for it are gone with it (OCPP 1.6 §3.13.1)."""

    key: EvseKey
    at: Seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawSampled:
    """A sample of what the EVSE draws, on grid phases; ``energy_wh`` is the register.

    ``at`` is when the station took it, as far as its clock is known; else when it reached us. Never later than that.
    ``spread``: only the total power was told, and is taken as even on all phases; a car may draw it all on one.
    """

    key: EvseKey
    at: Seconds
    current_a: PhaseAmps
    power_w: Watts | None = None
    energy_wh: WattHours | None = None
    spread: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class EnergySampled:
    """The register of an EVSE, of whose draw the same sample says nothing. ``at``: as of :class:`DrawSampled`."""

    key: EvseKey
    at: Seconds
    energy_wh: WattHours


@dataclass(frozen=True, slots=True, kw_only=True)
class NeedStated:
    """What the session's car wants before it leaves: energy from now on, and the time until its departure.

    ``departs_in_s`` counts from ``at``; None: no departure is known (any more), and with it no need. Told by the car
    (OCPP 2.x K15 to K18) or by a person. ``register_wh`` is the register from which on the energy counts; None: as it
    is now. ``departure_s``: the departure as it was told, in seconds since 1970; None where no time of day was.
    """

    key: EvseKey
    at: Seconds
    energy_wanted_wh: WattHours
    departs_in_s: Seconds | None = None
    register_wh: WattHours | None = None
    departure_s: Seconds | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CloudLimit:
    """What the cloud's charging profiles allow from now on, in A per phase; None: as much as there is.

    EVSE 0 stands for the station: what all its EVSEs may take together.
    """

    key: EvseKey
    at: Seconds
    limit_a: Amps | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitSent:
    """The limit's frame was handed to the station's socket: from now on the station may hold it.

    ``limit_a``: what it says, where its station can't be told as much as the command has; None: the command's.
    """

    key: EvseKey
    at: Seconds
    command: int
    limit_a: Amps | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitAnswered:
    """The outcome of a limit; ``command`` is :attr:`edge.domain.setpoint.LimitCommand.id`."""

    key: EvseKey
    at: Seconds
    command: int
    outcome: LimitOutcome
    detail: str = ""


StationFact = (
    StationOnline
    | StationOffline
    | StationDescribed
    | LimitsTaken
    | CloudLink
    | StatusReported
    | SessionBegan
    | SessionJudged
    | SessionEnded
    | DrawSampled
    | EnergySampled
    | NeedStated
    | CloudLimit
    | LimitSent
    | LimitAnswered
)

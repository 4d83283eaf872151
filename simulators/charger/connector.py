"""One connector: the car, the card, the transaction and the meter behind it."""

from dataclasses import dataclass, field
from enum import Enum, auto

from simulators.charger.ev import ElectricVehicle
from simulators.charger.metering import Reading
from simulators.charger.profile import ChargingProfile
from simulators.charger.profiles import RunningTransaction
from simulators.charger.spec import ConnectorSpec
from simulators.charger.status import Status
from simulators.charger.transaction import Transaction


class Card(Enum):
    """How far the card of a start has got."""

    PRESENTED = auto()  # the CSMS has not accepted the station yet, so nobody could be asked
    ASKED = auto()  # Authorize.req is on its way
    AUTHORISED = auto()


@dataclass(slots=True, kw_only=True)
class PendingStart:
    """Somebody wants to charge, by card or from afar; a TxProfile may come with a RemoteStartTransaction.req."""

    id_tag: str
    card: Card = Card.PRESENTED
    profile: ChargingProfile | None = None


@dataclass(slots=True, kw_only=True)
class Connector:
    """The state of one connector; its status follows from the other fields. `closed` is how many of its phases the
    contactor closes."""

    spec: ConnectorSpec
    ev: ElectricVehicle | None = None
    pending: PendingStart | None = None
    transaction: Transaction | None = None
    operative: bool = True
    finished: bool = False  # the car is still plugged in after its session, or after nobody showed a card
    fault: str | None = None  # ChargePointErrorCode
    register_wh: float = 0.0
    status: Status = Status.AVAILABLE
    reported: Status | None = None  # the last status that the CSMS has been told since the boot
    preparing_since_s: float | None = None
    closed: int = field(init=False)

    def __post_init__(self) -> None:
        self.closed = self.spec.phases

    @property
    def id(self) -> int:
        """OCPP's connectorId."""
        return self.spec.connector_id

    @property
    def running(self) -> RunningTransaction | None:
        """What a TxProfile has to match."""
        if self.transaction is None:
            return None
        return RunningTransaction(transaction_id=self.transaction.transaction_id)

    @property
    def energised(self) -> bool:
        """Whether current may flow at all: a transaction that the CSMS allows energy, and no fault."""
        transaction = self.transaction
        return transaction is not None and transaction.energy_allowed and self.fault is None

    @property
    def wanted_a(self) -> float:
        """What the car would draw per phase if nothing but the hardware limited it; 0 without a session."""
        if self.ev is None or not self.energised:
            return 0.0
        return min(self.ev.wanted_a, self.spec.max_a)

    @property
    def draw_a(self) -> tuple[float, float, float]:
        """On the EVSE's own L1, L2, L3."""
        return (0.0, 0.0, 0.0) if self.ev is None else self.ev.phase_draw_a(self.closed)

    def step(self, dt_s: float, *, offered_a: float, phases: int, voltage_v: float) -> None:
        """Let the car draw for `dt_s` under this offer on so many phases, and the register count it.

        With another number of phases than before the contactor opens first, and the car begins anew.
        """
        changes, self.closed = phases != self.closed, phases
        if self.ev is None:
            return
        if changes:
            self.ev.cut_off()
        if not self.energised:
            self.ev.cut_off()
            return
        self.register_wh += self.ev.step(dt_s, offered_a=offered_a, phases=phases, voltage_v=voltage_v)

    def reading(self, now_s: float, voltage_v: float) -> Reading:
        """A look at the meter."""
        return Reading(
            taken_s=now_s,
            currents_a=self.draw_a[: self.spec.phases],
            voltage_v=voltage_v,
            register_wh=self.register_wh,
        )

    def derived_status(self, offered_a: float) -> Status:
        """The status that the other fields amount to, under this offer (§4.9, §7.7)."""
        if self.fault is not None:
            return Status.FAULTED
        if self.transaction is not None:
            if not self.transaction.energy_allowed or offered_a < self.spec.min_a:
                return Status.SUSPENDED_EVSE
            drawing = self.ev is not None and self.ev.draw_a > 0
            return Status.CHARGING if drawing else Status.SUSPENDED_EV
        if not self.operative:
            return Status.UNAVAILABLE
        if self.finished:
            return Status.FINISHING
        if self.pending is not None or self.ev is not None:
            return Status.PREPARING
        return Status.AVAILABLE

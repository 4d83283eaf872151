"""Whether the CSMS has accepted the station (OCPP 1.6 §4.2). Pure; every `now` is in the station's own clock."""

from enum import StrEnum

from simulators.charger.frames import Payload
from simulators.charger.outbound import Message

BOOT_RETRY_S = 10.0  # own choice for an unanswered boot and for an interval of 0 (§4.2), and no flood


class State(StrEnum):
    """BOOTING: nothing heard since power-on; the others are RegistrationStatus (§7.38)."""

    BOOTING = "Booting"
    ACCEPTED = "Accepted"
    PENDING = "Pending"
    REJECTED = "Rejected"


class Registration:
    """The state, and when the next BootNotification.req is due."""

    def __init__(self) -> None:
        self.state = State.BOOTING
        self._boot_at: float | None = 0.0  # None: under way, or not needed any more
        self._settled = False  # accepted on this very connection

    @property
    def accepted(self) -> bool:
        """Whether the station may talk freely."""
        return self.state is State.ACCEPTED

    def may_send(self, message: Message) -> bool:
        """Before it is accepted, a station sends its boot, and while Pending what it was asked for, nothing else."""
        if self.accepted or message.action == "BootNotification":
            return True
        return self.state is State.PENDING and message.triggered

    def may_be_triggered(self) -> bool:
        """Whether TriggerMessage may ask for a boot: not again on a connection that has accepted one (errata 3.35)."""
        return not (self.accepted and self._settled)

    def reconnected(self) -> None:
        """A new connection; the state stays what it was."""
        self._settled = False

    def may_answer(self) -> bool:
        """A rejected station is deaf until it boots again."""
        return self.state is not State.REJECTED

    def restart(self, at: float) -> None:
        """The station loses its power now, and boots at the moment given."""
        self.state = State.BOOTING
        self._boot_at = at

    def boot_soon(self, at: float) -> None:
        """Boot again at the moment given: the last one went unanswered, or the CSMS asked for one."""
        self._boot_at = at

    def due_s(self) -> float | None:
        """When the next boot is due; None: none is."""
        return self._boot_at

    def boot_made(self) -> None:
        """The BootNotification.req is on its way."""
        self._boot_at = None

    def answered(self, payload: Payload, now: float) -> int | None:
        """BootNotification.conf; the heartbeat interval if it accepts and names one.

        Raises ValueError, KeyError or TypeError if it isn't one.
        """
        state = State(payload["status"])
        interval_s = int(payload["interval"])
        self.state = state
        if state is State.ACCEPTED:
            self._boot_at = None
            self._settled = True
            return interval_s or None
        self._boot_at = now + (interval_s or BOOT_RETRY_S)
        return None

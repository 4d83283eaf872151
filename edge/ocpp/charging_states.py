"""What the events of a 2.x station's transactions say of its EVSEs' state, and whose session can't charge yet."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from edge.domain.site import EvseKey
from edge.domain.station import EvseStatus, StatusReported
from edge.ocpp.fields import fields, text
from edge.units import Seconds

# ChargingStateEnumType (OCPP 2.x part 2 §3.9); Idle is a session whose car isn't there.
_STATUSES = {
    "Charging": EvseStatus.CHARGING,
    "EVConnected": EvseStatus.PREPARING,
    "SuspendedEV": EvseStatus.SUSPENDED_EV,
    "SuspendedEVSE": EvseStatus.SUSPENDED_EVSE,
    "Idle": EvseStatus.PREPARING,
}
# TriggerReasonEnumType: somebody was let in (any event that has an idToken tells so, too), or who was has stopped.
_LETS_IN = frozenset({"Authorized", "RemoteStart"})
_STOPS = frozenset({"StopAuthorized", "RemoteStop", "Deauthorized"})


@dataclass(slots=True)
class _Session:
    transaction: str
    let_in: bool
    status: EvseStatus | None = None


class ChargingStates:
    """Those of one station's sessions.

    A transaction may begin with the cable and end with it (TxStartPoint and TxStopPoint, OCPP 2.x part 2 §2.6.6).
    Before somebody is let in, and after who was has stopped, its car can't charge. Of one whose begin wasn't heard
    ``was_let_in`` says whether somebody was (see :meth:`edge.ocpp.stand_in.StandIn.was_let_in`); where that isn't
    known, it may charge.
    """

    def __init__(self, was_let_in: Callable[[str], bool | None]) -> None:
        self._was_let_in = was_let_in
        self._sessions: dict[EvseKey, _Session] = {}

    def hears(self, key: EvseKey, transaction: str, event: Mapping[str, Any], now: Seconds) -> list[StatusReported]:
        """An event of the transaction that runs on the EVSE, in the order in which they come."""
        session = self._sessions.get(key)
        if session is None or session.transaction != transaction:
            let_in = event.get("eventType") != "Started" and self._was_let_in(transaction) is not False
            session = self._sessions[key] = _Session(transaction=transaction, let_in=let_in)
        before = self._waits(session)
        told = _STATUSES.get(text(fields(event.get("transactionInfo")).get("chargingState")) or "")
        session.status = told or session.status
        reason = text(event.get("triggerReason"))
        if reason in _STOPS:
            session.let_in = False
        elif reason in _LETS_IN or event.get("idToken") is not None or told not in (EvseStatus.PREPARING, None):
            session.let_in = True
        waits = self._waits(session)
        if session.status is None or (told is None and waits is before):
            return []
        return [StatusReported(key=key, at=now, status=session.status, waits=waits)]

    @staticmethod
    def _waits(session: _Session) -> bool:
        return session.status is EvseStatus.PREPARING and not session.let_in

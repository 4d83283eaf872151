"""What a station is answered in the cloud's place. Pure: payloads from what is known."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from edge.domain.journal import Boot
from edge.domain.token import Verdict
from edge.offline.conduct import Conduct, Row
from edge.offline.edition import Edition
from edge.offline.message import Request, refusal, result, stamp
from edge.offline.token_info import CONTRACT_KEY, ShownToken, contract_status, info_key, info_out

# Where the cloud never said how often it wants to hear of the station: five minutes, as most clouds do.
HEARTBEAT_INTERVAL_S = 300
_STATUSES = frozenset({"Accepted", "Pending", "Rejected"})
_ERROR = "GenericError"  # OCPP-J 1.6 §4.2.3, 2.x part 4 §4.3: nothing more particular is true


def boot(kept: Boot | None, wall: datetime) -> dict[str, Any]:
    """BootNotification: as the cloud last had it; a station of the site that it never saw is accepted."""
    status = kept.status if kept is not None else None
    interval_s = kept.interval_s if kept is not None else None
    return {
        "status": status if status in _STATUSES else "Accepted",
        "currentTime": stamp(wall),
        "interval": interval_s if interval_s is not None and interval_s > 0 else HEARTBEAT_INTERVAL_S,
    }


def heartbeat(wall: datetime) -> dict[str, Any]:
    """Heartbeat."""
    return {"currentTime": stamp(wall)}


def authorize(edition: Edition, verdict: Verdict, shown: ShownToken) -> dict[str, Any]:
    """Authorize."""
    answer: dict[str, Any] = {info_key(edition): info_out(edition, verdict.info)}
    contract = contract_status(shown, verdict.info.status)
    return answer if contract is None else answer | {CONTRACT_KEY: contract}


def start(transaction_id: int, verdict: Verdict) -> dict[str, Any]:
    """StartTransaction: one that is refused has its id, too (OCPP 1.6 §4.8)."""
    return {"transactionId": transaction_id, "idTagInfo": info_out(Edition.V16, verdict.info)}


def stop(verdict: Verdict | None) -> dict[str, Any]:
    """StopTransaction; the token that ended it is judged where there is one."""
    return {"idTagInfo": info_out(Edition.V16, verdict.info)} if verdict is not None else {}


def event(edition: Edition, verdict: Verdict | None) -> dict[str, Any]:
    """TransactionEvent; 2.1 lets an energy limit be told (E16)."""
    if verdict is None:
        return {}
    answer: dict[str, Any] = {info_key(edition): info_out(edition, verdict.info)}
    if edition is Edition.V21 and verdict.accepted and verdict.energy_limit_wh is not None:
        answer["transactionLimit"] = {"maxEnergy": verdict.energy_limit_wh}
    return answer


def fixed(row: Row, request: Request) -> str | None:
    """The frame that answers an action whose answer depends on nothing; None for what wants none.

    :raises ValueError: the action isn't one of these.
    """
    match row.conduct:
        case Conduct.NOTICE | Conduct.DECLINE:
            return result(request.answer_id, row.answer)
        case Conduct.REFUSE:
            return refusal(request.answer_id, _ERROR, f"only a cloud can answer {request.action}, and none is there")
        case Conduct.SILENT:
            return None
        case _:
            raise ValueError(f"{row.action} has no fixed answer")


def frame(request: Request, payload: Mapping[str, Any]) -> str:
    """A CALLRESULT to a request."""
    return result(request.answer_id, payload)

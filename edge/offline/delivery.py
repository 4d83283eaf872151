"""Delivering what was kept: which message is next, in what words, and what follows from the cloud's answer.

One at a time, and the next only when it is on the disk that the last one arrived. So a crash leaves one message at most
of which it isn't known whether the cloud has it; that one is sent again, under the same message id, with the same
content.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import orjson

from edge.domain.journal import DropEntry, Entry, EntryKind, EntryState, PutEntry, PutTransaction, Write
from edge.domain.token import TokenInfo, TokenStatus
from edge.offline import cost_messages
from edge.offline.backlog import Failed, Outcome
from edge.offline.charges import int_or_none
from edge.offline.conduct import is_of_another
from edge.offline.edition import Edition
from edge.offline.message import Request, mapping, whole
from edge.offline.message import text as text_in
from edge.offline.splice import NotFound, replace_value, set_member
from edge.offline.station import StationBook
from edge.offline.steps import Immediate, Resume
from edge.offline.token_info import ShownToken, info_in, token_in
from edge.units import Seconds

_SIGNED = "-Signed"
# What a cloud answers that can't answer just now (OCPP-J 1.6 §4.2.3, 2.x part 4 §4.3): it says nothing of the message.
CLOUDS_FAULT = frozenset({"InternalError", "GenericError"})
# What a cloud of 2.x answers whom it hasn't taken in (part 2 B01.FR.10, B02.FR.09, B03.FR.07): it has forgotten the
# station, or changed its mind since that has booted.
NOT_TAKEN_IN = "SecurityError"
NO_NUMBER = "without a transactionId"
_PAYLOAD = 3  # the place of the payload in a CALL


@dataclass(frozen=True, slots=True)
class Sendable:
    """The frame to send."""

    text: str


@dataclass(frozen=True, slots=True)
class Unsendable:
    """The message can't be sent, and why."""

    reason: str


def is_clouds_fault(edition: Edition, code: str) -> bool:
    """Whether this error says nothing of the message that it answers."""
    return code in CLOUDS_FAULT or (edition.is_v2 and code == NOT_TAKEN_IN)


class Delivery:
    """The messages of one station on their way to the cloud."""

    def __init__(self, book: StationBook) -> None:
        self._book = book

    def frame(self, entry: Entry) -> Sendable | Unsendable:
        """The frame of a message, with what the cloud calls the transaction (1.6), or with ``offline`` set (2.x).

        One of a station that was replaced or updated since, and speaks another edition now, would hold up all behind
        it: the cloud understands it on no connection of this one.
        """
        if is_of_another(self._book.edition, entry.action, entry.text):
            spoken = f"it is of another edition of OCPP than its station speaks now, {self._book.edition}"
            return Unsendable(f"{spoken}: no resending helps; what a session took is in edge report sessions")
        if entry.action.endswith(_SIGNED):
            return Sendable(entry.text)
        if entry.action == "TransactionEvent":
            try:
                # The station thought itself online: only we know that it wasn't (E04.FR.03). Signed ones stay as is.
                return Sendable(set_member(entry.text, (_PAYLOAD,), "offline", "true"))
            except NotFound:
                return Sendable(entry.text)
        record = self._book.charges.get(entry.transaction)
        if record is None or entry.kind is EntryKind.BEGIN or entry.order is not None:
            return Sendable(entry.text)
        if record.cloud_id is None:
            if record.began is None:
                return Sendable(entry.text)  # its begin was never ours: the id is the cloud's
            return Unsendable("the cloud has no id for its transaction, whose begin it never took")
        try:
            payload = payload_of(orjson.loads(entry.text)) if entry.action == cost_messages.ACTION else {}
            return Sendable(_with_transaction(entry.text, entry.action, payload, record.cloud_id))
        except NotFound as exc:  # under a number of ours it would be the end of another, or of nothing
            return Unsendable(f"the cloud's number can't be put into it: {exc}")

    def delivered(self, entry: Entry, answer: Mapping[str, Any], payload: Mapping[str, Any], wall: datetime) -> None:
        """The cloud has it. ``answer`` is its payload, ``payload`` that of the message."""
        was_deferred = self._book.backlog.is_deferred(entry.seq)
        self._book.backlog.remove(entry.seq)
        if entry.kind.bounds_transaction or entry.order is not None:
            self._book.backlog.taken()
        if was_deferred:
            self._book.steps.note(
                "info", "the cloud has taken a deferred message", station=self._book.id, **_named(entry)
            )
        writes: list[Write] = [DropEntry(seq=entry.seq)]
        then: list[Immediate] = []
        if entry.action == "StartTransaction":
            writes += self._begun(entry, whole(answer.get("transactionId")), wall)
        info = info_in(self._book.edition, answer)
        shown = token_in(self._book.edition, payload)
        if info is not None and shown is not None:
            writes += self._book.tokens.learn(self._book.id, shown, info, wall)
            then += self._refused_session(entry, info, shown, wall)
            if info.status is TokenStatus.ACCEPTED and entry.transaction is not None:
                writes += self._book.accounts.limited(entry.transaction, None)
        self._book.steps.pass_on(writes, *then, Resume())

    def refused(self, entry: Entry, code: str, description: str, now: Seconds) -> None:
        """The cloud answered with an error."""
        clouds_fault = is_clouds_fault(self._book.edition, code) or code == NO_NUMBER
        failed = self._book.backlog.refused(entry.seq, now, clouds_fault=clouds_fault)
        self._failed(entry, failed, f"the cloud answered {code}: {description}" if description else f"answered {code}")

    def unanswered(self, entry: Entry, now: Seconds) -> None:
        """The cloud left it without an answer."""
        failed = self._book.backlog.timed_out(entry.seq, now)
        self._failed(entry, failed, "the cloud answers others, and not this one")

    def broke(self, entry: Entry, sent_at: Seconds) -> None:
        """The connection broke while the cloud's answer was waited for."""
        failed = self._book.backlog.broke(entry.seq, sent_at)
        if failed.outcome is not Outcome.AGAIN:
            self._failed(entry, failed, "the connection to the cloud broke each time that it was sent")

    def set_aside(self, entry: Entry, reason: str) -> None:
        """It can't be delivered: a person has to see it. Those behind it go on."""
        self._book.backlog.set_aside(entry.seq)
        aside = replace(entry, state=EntryState.SET_ASIDE, reason=reason)
        self._book.steps.note("error", "a message is set aside", action=entry.action, number=entry.seq, reason=reason)
        self._book.steps.pass_on([PutEntry(entry=aside)], Resume())

    def _failed(self, entry: Entry, failed: Failed, reason: str) -> None:
        entry = replace(entry, attempts=failed.attempts)
        if failed.outcome is Outcome.SET_ASIDE:
            self.set_aside(entry, reason)
            return
        if failed.is_new:
            told = {"station": self._book.id, **_named(entry), "reason": reason}
            self._book.steps.note("warning", "the cloud fails to take a message: it is deferred, others go on", **told)
        entry = replace(entry, reason=reason if failed.outcome is Outcome.DEFERRED else None)
        self._book.steps.pass_on([PutEntry(entry=entry)], Resume())

    def _begun(self, entry: Entry, cloud_id: int | None, wall: datetime) -> list[Write]:
        record = self._book.charges.get(entry.transaction)
        if record is None or cloud_id is None:
            return []
        record = self._book.charges.put(replace(record, cloud_id=cloud_id, touched_at=wall))
        return [PutTransaction(transaction=record)]

    def _refused_session(self, entry: Entry, info: TokenInfo, shown: ShownToken, wall: datetime) -> list[Immediate]:
        """A session that was let in, and that the cloud refuses afterwards (fault 12; 2.x C15)."""
        verdict = self._book.tokens.judge(self._book.id, shown, wall, cloud=info).verdict
        record = self._book.charges.get(entry.transaction)
        running = record is not None and record.ended is None
        told_now = info.status is not TokenStatus.CONCURRENT  # it is the very session that runs
        if verdict.accepted or not running or not told_now or entry.kind is EntryKind.END or record is None:
            return []
        return self._book.bar(record, verdict.reason)


def _named(entry: Entry) -> dict[str, object]:
    """A message for the log."""
    return {"action": entry.action, "number": entry.seq}


def is_taken(entry: Entry, answer: Mapping[str, Any]) -> bool:
    """Whether an answer says that the cloud has the message: a StartTransaction's without an id doesn't (1.6 §4.8)."""
    return entry.action != "StartTransaction" or whole(answer.get("transactionId")) is not None


def payload_of(frame: object) -> Mapping[str, Any]:
    """The payload of a parsed CALL; empty when there is none."""
    return mapping(frame[_PAYLOAD]) if isinstance(frame, list) and len(frame) > _PAYLOAD else {}


def transaction_status(book: StationBook, asked: Request, answer: object) -> Mapping[str, Any] | None:
    """The station's answer to GetTransactionStatus (2.x E14) with what it can't know: that its messages wait here. None
    where none do."""
    transaction = text_in(asked.fields.get("transactionId"))
    waits = bool(book.backlog.transactions if transaction is None else book.backlog.of(transaction))
    return {**answer, "messagesInQueue": True} if waits and isinstance(answer, dict) else None


def to_station(book: StationBook, action: str, text: str, payload: Mapping[str, Any]) -> str:
    """The cloud's CALL with the id by which the station knows the transaction (1.6)."""
    path: tuple[str | int, ...]
    match action:
        case "RemoteStopTransaction":
            path, found = (_PAYLOAD, "transactionId"), payload.get("transactionId")
        case "SetChargingProfile":
            path = (_PAYLOAD, "csChargingProfiles", "transactionId")
            found = mapping(payload.get("csChargingProfiles")).get("transactionId")
        case cost_messages.ACTION if cost_messages.is_one(action, payload):
            path, found = (), cost_messages.transaction(payload)
        case _:
            return text
    cloud_id = whole(found)
    record = book.charges.of_cloud(cloud_id) if cloud_id is not None else None
    number = int_or_none(record.key) if record is not None else None
    if number is None or number == cloud_id:
        return text
    try:
        return replace_value(text, path, str(number)) if path else cost_messages.with_transaction(text, payload, number)
    except NotFound:
        return text


def to_cloud(book: StationBook, request: Request, transaction: str | None, named: str | None) -> str:
    """The station's CALL with the id by which the cloud knows the transaction (1.6). ``named``: the id in it, which is
    another where the station never learned the transaction's own.
    """
    record = book.charges.get(transaction)
    if record is None or record.cloud_id is None or str(record.cloud_id) == named:
        return request.text
    try:
        return _with_transaction(request.text, request.action, request.fields, record.cloud_id)
    except NotFound:
        return request.text


def _with_transaction(text: str, action: str, payload: Mapping[str, Any], number: int) -> str:
    """The frame with this number.

    :raises NotFound: there is none in it.
    """
    if action == cost_messages.ACTION:
        return cost_messages.with_transaction(text, payload, number)
    return replace_value(text, (_PAYLOAD, "transactionId"), str(number))

"""What the CSMS answers to a station's CALL (OCPP 1.6 chapter 4), without any socket."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any, Final

from ocpp.messages import MessageType, get_validator  # type: ignore[import-untyped] # ocpp 2.1 ships no types

from simulators.csms.record import Record, StartKey
from simulators.schema import Check, sound

Payload = dict[str, Any]

# Which part of the schema was broken decides the error code of OCPP-J 1.6 section 4.2.3 (with its spelling).
SCHEMA_ERROR_CODES: Final[Mapping[str, str]] = {
    "required": "OccurenceConstraintViolation",
    "type": "TypeConstraintViolation",
    "enum": "PropertyConstraintViolation",
    "maxLength": "PropertyConstraintViolation",
}
OTHER_SCHEMA_ERROR: Final = "FormationViolation"


class CallRefusedError(Exception):
    """The CSMS answers with a CALLERROR."""

    def __init__(self, code: str, description: str) -> None:
        super().__init__(f"{code}: {description}")
        self.code = code
        self.description = description


@dataclass(frozen=True, slots=True, kw_only=True)
class TagList:
    """Whom the cloud lets charge; a tag on neither list is Invalid. Tags compare without case (1.6 §7.28)."""

    accepted: frozenset[str]
    blocked: frozenset[str] = frozenset()

    def status_of(self, id_tag: str) -> str:
        """The AuthorizationStatus of a tag."""
        folded = id_tag.casefold()
        if folded in {tag.casefold() for tag in self.blocked}:
            return "Blocked"
        return "Accepted" if folded in {tag.casefold() for tag in self.accepted} else "Invalid"


@cache
def _is_sound(action: str) -> Check:
    return sound(get_validator(MessageType.Call, action, "1.6").schema)


def timestamp(at: datetime) -> str:
    """An OCPP dateTime in UTC with milliseconds."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Answerer:
    """Answers CALLs from the tag list and keeps the record's transactions.

    `checks` is how many CALLs of each action from each station are held against the schema; None: all.
    """

    def __init__(
        self,
        *,
        tags: TagList,
        record: Record,
        boot_interval_s: int,
        wall: Callable[[], datetime],
        checks: int | None = None,
    ) -> None:
        self._tags = tags
        self._checks = checks
        self._checked: Counter[tuple[str, str]] = Counter()
        self._record = record
        self._boot_interval_s = boot_interval_s
        self._wall = wall
        self._routes: Mapping[str, Callable[[str, Payload], Payload]] = {
            "Authorize": self._authorize,
            "BootNotification": self._boot,
            "DataTransfer": lambda _identity, _payload: {"status": "UnknownVendorId"},
            "DiagnosticsStatusNotification": self._acknowledge,
            "FirmwareStatusNotification": self._acknowledge,
            "Heartbeat": lambda _identity, _payload: {"currentTime": timestamp(self._wall())},
            "MeterValues": self._acknowledge,
            "StartTransaction": self._start,
            "StatusNotification": self._acknowledge,
            "StopTransaction": self._stop,
        }

    def answer(self, identity: str, action: str, payload: Payload) -> Payload:
        """The payload of the CALLRESULT.

        Raises CallRefusedError.
        """
        route = self._routes.get(action)
        if route is None:
            raise CallRefusedError("NotImplemented", f"this CSMS has no action {action!r}")
        problem = self._problem(identity, action, payload)
        if problem is not None:
            code = SCHEMA_ERROR_CODES.get(str(problem.validator), OTHER_SCHEMA_ERROR)
            raise CallRefusedError(code, problem.message[:255])
        return route(identity, payload)

    def _problem(self, identity: str, action: str, payload: Payload) -> Any:
        """What the schema has against it; None: nothing, or it wasn't looked at."""
        if self._checks is not None:
            self._checked[identity, action] += 1
            if self._checked[identity, action] > self._checks:
                return None
        if _is_sound(action)(payload):
            return None
        return next(get_validator(MessageType.Call, action, "1.6").iter_errors(payload), None)

    def _acknowledge(self, _identity: str, _payload: Payload) -> Payload:
        return {}

    def _boot(self, _identity: str, _payload: Payload) -> Payload:
        return {
            "status": "Accepted",
            "currentTime": timestamp(self._wall()),
            "interval": self._boot_interval_s,
        }

    def _authorize(self, _identity: str, payload: Payload) -> Payload:
        return {"idTagInfo": {"status": self._tags.status_of(payload["idTag"])}}

    def _start(self, identity: str, payload: Payload) -> Payload:
        transaction = self._record.started(StartKey.of(identity, payload))
        return {
            "transactionId": transaction.transaction_id,
            "idTagInfo": {"status": self._tags.status_of(payload["idTag"])},
        }

    def _stop(self, identity: str, payload: Payload) -> Payload:
        """Answered as if valid whatever the id is (1.6 errata 3.18)."""
        self._record.stopped(
            identity,
            payload["transactionId"],
            meter_stop_wh=payload["meterStop"],
            stopped_at=payload["timestamp"],
            reason=payload.get("reason", "Local"),
        )
        if "idTag" in payload:
            return {"idTagInfo": {"status": self._tags.status_of(payload["idTag"])}}
        return {}

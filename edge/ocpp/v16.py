"""The OCPP 1.6 dialect: facts out of the frames that pass, and the frames that are our own.

Nothing here refuses a frame: what a station got wrong is left out of the facts, and its frame is forwarded all the
same.
"""

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from edge.domain.site import Evse, EvseKey, Station
from edge.domain.station import (
    DrawSampled,
    EvseStatus,
    LimitOutcome,
    SessionBegan,
    SessionEnded,
    StationDescribed,
    StationFact,
    StatusReported,
)
from edge.ocpp.arbiter import OwnCall
from edge.ocpp.meter_values import newest_draw, stamps
from edge.ocpp.station_clock import StationClock, parse_timestamp
from edge.ocpp.transactions import Transactions
from edge.ocpp.wire import Call, CallError, CallResult
from edge.units import Seconds, Volts

SUBPROTOCOL = "ocpp1.6"

STACK_LEVEL_KEY = "ChargeProfileMaxStackLevel"

# A sample older than this was stored by the station; MeterValueSampleInterval is 10 to 60 s in the field.
FRESH_S = 120.0

# What the gateway answers where it owns the profiles. GetCompositeSchedule can only tell what the cloud set: nothing.
OWN_ANSWERS: Mapping[str, Mapping[str, str]] = {
    "SetChargingProfile": {"status": "Rejected"},
    "ClearChargingProfile": {"status": "Unknown"},
    "GetCompositeSchedule": {"status": "Rejected"},
    "RemoteStartTransaction": {"status": "Rejected"},
}

_WHOLE_NUMBER = re.compile(r"\s*-?[0-9]{1,15}\s*", re.ASCII)

_STATUSES = {status.value: status for status in EvseStatus}


def fields(payload: object) -> Mapping[str, Any]:
    """The payload as an object; empty when it is none."""
    return payload if isinstance(payload, dict) else {}


def whole_number(value: object) -> int | None:
    """An integer of at most 15 digits, also one in quotes; None when it is none.

    JSON carries no more digits from hand to hand unharmed; OCPP's own integers have 32 bits.
    """
    if isinstance(value, bool):
        return None
    if isinstance(value, str):
        value = int(value) if _WHOLE_NUMBER.fullmatch(value) else None
    return value if isinstance(value, int) and abs(value) < 10**15 else None


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def carries_profile(call: Call) -> bool:
    """Whether a RemoteStartTransaction would set a charging profile (OCPP 1.6 §5.11)."""
    return fields(call.payload).get("chargingProfile") is not None


def setup_calls(station: Station) -> list[OwnCall]:
    """What we ask a station that has connected: its stack level, then the state of each EVSE."""
    calls = [OwnCall(action="GetConfiguration", payload={"key": [STACK_LEVEL_KEY]})]
    for evse in station.evses:
        for message in ("StatusNotification", "MeterValues"):
            payload = {"requestedMessage": message, "connectorId": evse.key.evse}
            calls.append(OwnCall(action="TriggerMessage", payload=payload))
    return calls


def limit_outcome(answer: CallResult | CallError) -> tuple[LimitOutcome, str]:
    """What the station's answer to a SetChargingProfile means, and the detail for people."""
    if isinstance(answer, CallError):
        return LimitOutcome.REFUSED, f"{answer.code} {answer.description}".strip()
    status = _text(fields(answer.payload).get("status"))
    if status is None:
        return LimitOutcome.SILENT, "answered without a status"
    if status.lower() == "accepted":
        return LimitOutcome.ACCEPTED, ""
    return LimitOutcome.REFUSED, status


class DialectV16:
    """Copies facts out of one station's frames, and remembers what later frames need to be understood."""

    def __init__(self, station: Station, nominal_voltage_v: Volts) -> None:
        self._station = station
        self._evses = {evse.key.evse: evse for evse in station.evses}
        self._nominal_voltage_v = nominal_voltage_v
        self.clock = StationClock()
        self.transactions = Transactions()
        self.stack_level: int | None = None

    def request(self, call: Call, now: Seconds, wall: datetime) -> list[StationFact]:
        """The facts in a CALL of the station."""
        reader = REQUEST_READERS.get(call.action)
        return reader(self, fields(call.payload), now, wall) if reader else []

    def answer(self, request: Call, answer: CallResult | CallError, now: Seconds) -> list[StationFact]:
        """The facts in the cloud's answer to a CALL of the station."""
        if request.action != "StartTransaction" or isinstance(answer, CallError):
            return []
        evse = self._evse(fields(request.payload))
        transaction = whole_number(fields(answer.payload).get("transactionId"))
        status = fields(fields(answer.payload).get("idTagInfo")).get("status")
        # A station may go on charging an idTag that was refused (StopTransactionOnInvalidId, OCPP 1.6 §4.8), but an id
        # of 0 or less then only says that there is no transaction.
        if evse is None or transaction is None or (transaction <= 0 and status != "Accepted"):
            return []
        self.transactions.begin(evse.key, str(transaction))
        return [SessionBegan(key=evse.key, at=now, transaction_id=str(transaction), observed_start=True)]

    def configuration(self, answer: CallResult | CallError) -> None:
        """Learn from the station's answer to our GetConfiguration; a refusal teaches nothing."""
        if isinstance(answer, CallError):
            return
        keys = fields(answer.payload).get("configurationKey")
        for entry in keys if isinstance(keys, list) else []:
            if fields(entry).get("key") == STACK_LEVEL_KEY:
                level = whole_number(fields(entry).get("value"))
                if level is not None and level >= 0:
                    self.stack_level = level

    def _evse(self, payload: Mapping[str, Any]) -> Evse | None:
        number = whole_number(payload.get("connectorId"))
        return self._evses.get(number) if number is not None else None

    def _boot(self, payload: Mapping[str, Any], now: Seconds, _wall: datetime) -> list[StationFact]:
        self.clock.forget()
        serial = _text(payload.get("chargePointSerialNumber")) or _text(payload.get("chargeBoxSerialNumber"))
        described = StationDescribed(
            station=self._station.id,
            at=now,
            vendor=_text(payload.get("chargePointVendor")) or "",
            model=_text(payload.get("chargePointModel")) or "",
            serial=serial,
            firmware=_text(payload.get("firmwareVersion")),
        )
        return [described]

    def _status(self, payload: Mapping[str, Any], now: Seconds, wall: datetime) -> list[StationFact]:
        self._learn_time(payload, now, wall)
        evse = self._evse(payload)
        if evse is None:
            return []
        status = _STATUSES.get(_text(payload.get("status")) or "", EvseStatus.UNKNOWN)
        error = _text(payload.get("errorCode"))
        error = None if error == "NoError" else error
        found: list[StationFact] = [StatusReported(key=evse.key, at=now, status=status, error_code=error)]
        if status is EvseStatus.AVAILABLE and self.transactions.end(evse.key):
            found.append(SessionEnded(key=evse.key, at=now))
        return found

    def _start(self, payload: Mapping[str, Any], now: Seconds, wall: datetime) -> list[StationFact]:
        self._learn_time(payload, now, wall)
        return []  # the transaction has its id only from the cloud's answer

    def _stop(self, payload: Mapping[str, Any], now: Seconds, _wall: datetime) -> list[StationFact]:
        transaction = whole_number(payload.get("transactionId"))
        key = self.transactions.stop(str(transaction)) if transaction is not None else None
        return [SessionEnded(key=key, at=now)] if key is not None else []

    def _meter_values(self, payload: Mapping[str, Any], now: Seconds, wall: datetime) -> list[StationFact]:
        values = payload.get("meterValue")
        found_stamps = stamps(values)
        if found_stamps:
            self.clock.learn(max(found_stamps), now, wall)
        evse = self._evse(payload)
        if evse is None or self._is_stored(found_stamps, now, wall):
            return []
        found = self._session_of(evse.key, whole_number(payload.get("transactionId")), now)
        draw = newest_draw(values, evse, self._nominal_voltage_v)
        if draw is not None:
            sampled = DrawSampled(
                key=evse.key,
                at=now,
                current_a=draw.current_a,
                power_w=draw.power_w,
                energy_wh=draw.energy_wh,
            )
            found.append(sampled)
        return found

    def _session_of(self, key: EvseKey, transaction: int | None, now: Seconds) -> list[StationFact]:
        """The session that meter values speak of, where it isn't the one that is known."""
        if transaction is None or transaction <= 0:
            return []
        if self.transactions.on(key) == str(transaction) or self.transactions.has_stopped(str(transaction)):
            return []
        found: list[StationFact] = []
        if self.transactions.end(key):
            found.append(SessionEnded(key=key, at=now))
        self.transactions.begin(key, str(transaction))
        found.append(SessionBegan(key=key, at=now, transaction_id=str(transaction), observed_start=False))
        return found

    def _is_stored(self, found_stamps: list[datetime], now: Seconds, wall: datetime) -> bool:
        """Whether these meter values were stored while the station was cut off: not what is drawn now."""
        age_s = self.clock.age_s(max(found_stamps), now, wall) if found_stamps else None
        return age_s is not None and age_s > FRESH_S

    def _learn_time(self, payload: Mapping[str, Any], now: Seconds, wall: datetime) -> None:
        stamp = parse_timestamp(payload.get("timestamp"))
        if stamp is not None:
            self.clock.learn(stamp, now, wall)


Reader = Callable[[DialectV16, Mapping[str, Any], Seconds, datetime], list[StationFact]]

# The requests that carry facts: the same actions that the routing table says OBSERVE.
REQUEST_READERS: Mapping[str, Reader] = {
    "BootNotification": DialectV16._boot,
    "MeterValues": DialectV16._meter_values,
    "StartTransaction": DialectV16._start,
    "StatusNotification": DialectV16._status,
    "StopTransaction": DialectV16._stop,
}

"""The OCPP 1.6 dialect: facts out of the frames that pass, and the frames that are our own.

Nothing here refuses a frame: what a station got wrong is left out of the facts, and its frame is forwarded all the
same.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from edge.domain.setpoint import LimitCommand
from edge.domain.site import Evse, EvseKey, Station
from edge.domain.station import (
    CHARGES_A,
    DrawSampled,
    EvseStatus,
    SessionBegan,
    SessionEnded,
    StationDescribed,
    StationFact,
    StatusReported,
)
from edge.ocpp import controllers, local_rules
from edge.ocpp.arbiter import OwnCall
from edge.ocpp.courses import RUNNING, Courses
from edge.ocpp.fields import fields, text, whole_number
from edge.ocpp.guard import Guard
from edge.ocpp.meter_values import stamps
from edge.ocpp.piecemeal import one_by_one
from edge.ocpp.profiles import writer
from edge.ocpp.profiles.model import RateUnit
from edge.ocpp.profiles.units import in_watts
from edge.ocpp.samples import Samples
from edge.ocpp.station_clock import parse_timestamp
from edge.ocpp.station_memory import StationMemory
from edge.ocpp.transactions import LOST
from edge.ocpp.versions import Version
from edge.ocpp.wire import Call, CallError, CallResult
from edge.units import Seconds, Volts

STACK_LEVEL_KEY = "ChargeProfileMaxStackLevel"
RATE_UNIT_KEY = "ChargingScheduleAllowedChargingRateUnit"
MAX_PERIODS_KEY = "ChargingScheduleMaxPeriods"

_STATUSES = {status.value: status for status in EvseStatus}


def carries_profile(call: Call) -> bool:
    """Whether a RemoteStartTransaction would set a charging profile (OCPP 1.6 §5.11)."""
    return fields(call.payload).get("chargingProfile") is not None


class DialectV16:
    """Copies facts out of one station's frames, and remembers what later frames need to be understood."""

    version = Version.V16
    answers_read = frozenset({"BootNotification", "StartTransaction"})

    def __init__(self, station: Station, memory: StationMemory, nominal_voltage_v: Volts) -> None:
        self._station = station
        self._evses = {evse.key.evse: evse for evse in station.evses}
        self._samples = Samples(memory.clock, memory.sums, nominal_voltage_v)
        self._clock = memory.clock
        self._transactions = memory.transactions
        self._memory = memory
        self._courses = Courses()
        self._asks = False  # whether we may: a controller that only observes never does
        self._before_boot: set[EvseKey] = set()  # whose transaction may not have outlived the station's restart
        self._running: set[EvseKey] = set()  # where a session runs by the status
        self._refused: set[EvseKey] = set()  # whose start the cloud has refused, with an id that is none
        self._nominal_voltage_v = nominal_voltage_v
        self.guard = Guard(self.version, memory.dossier, key_is_checked=memory.key_is_checked)

    def carries_profile(self, call: Call) -> bool:
        """See :class:`edge.ocpp.dialect.Dialect`."""
        return fields(call.payload).get("chargingProfile") is not None  # OCPP 1.6 §5.11

    def setup_calls(self, *, of_cards: bool = False) -> list[OwnCall]:
        """Ask how limits are told and for what is guarded, then for the state of each EVSE."""
        self._asks = True
        keys = [STACK_LEVEL_KEY, RATE_UNIT_KEY, MAX_PERIODS_KEY, *(name for _, name in self.guard.asks)]
        calls = [OwnCall(action="GetConfiguration", payload={"key": keys})]
        if self._station.is_controller:
            return [*calls, OwnCall(action="TriggerMessage", payload={"requestedMessage": "MeterValues"})]
        for evse in self._station.evses:
            calls += [self._trigger(message, evse.key) for message in ("StatusNotification", "MeterValues")]
        if of_cards:
            keys = [name for _, name in local_rules.VARIABLES[False]]
            calls.append(OwnCall(action="GetConfiguration", payload={"key": keys}))
        return calls

    def overdue(self, _now: Seconds) -> list[OwnCall]:
        """None: 1.6 has no question for it."""
        return []

    @staticmethod
    def _trigger(message: str, key: EvseKey) -> OwnCall:
        return OwnCall(action="TriggerMessage", payload={"requestedMessage": message, "connectorId": key.evse})

    def stop_call(self, transaction: str) -> OwnCall | None:
        """See :class:`edge.ocpp.dialect.Dialect`."""
        number = whole_number(transaction)
        if number is None:
            return None
        return OwnCall(action="RemoteStopTransaction", payload={"transactionId": number})  # OCPP 1.6 §5.12

    def clear_call(self, profile: int) -> OwnCall:
        """See :class:`edge.ocpp.dialect.Dialect`."""
        return OwnCall(action="ClearChargingProfile", payload={"id": profile})  # OCPP 1.6 §5.5

    def limit_payload(self, command: LimitCommand, start: datetime | None) -> dict[str, Any]:
        """See :class:`edge.ocpp.dialect.Dialect`."""
        level = self._memory.level.number
        try:
            payload = writer.request(command, start=start, stack_level=level, form=self._memory.form(command.key))
        except ValueError as exc:
            problem = f"transaction {command.transaction_id!r} is no number, as OCPP 1.6 has them"
            raise ValueError(problem) from exc
        if command.limit_w is not None or self._memory.units.unit is RateUnit.AMPERES:
            return payload  # a DC station's limit is in watts already
        return in_watts(payload, self.version, self._nominal_voltage_v)

    def request(self, call: Call, now: Seconds, wall: datetime) -> list[StationFact]:
        """The facts in a CALL of the station."""
        if self._station.is_controller and call.action not in controllers.TELLS:
            return []
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
        if evse is None or transaction is None:
            return []
        if transaction <= 0 and status != "Accepted":
            self._refused.add(evse.key)
            return []
        self._refused.discard(evse.key)
        self._before_boot.discard(evse.key)
        self._transactions.begin(evse.key, str(transaction))
        self._courses.begins(evse.key)
        register_wh = whole_number(fields(request.payload).get("meterStart"))
        return [SessionBegan(key=evse.key, at=now, transaction_id=str(transaction), register_wh=register_wh)]

    def concluded(self, _work: OwnCall, _answer: CallResult | CallError, _now: Seconds) -> list[StationFact]:
        """None: what a station of 1.6 is asked for it sends."""
        return []

    def learn(self, work: OwnCall, answer: CallResult | CallError) -> list[OwnCall]:
        """Learn from the station's answer to one of our questions. A refusal teaches nothing; where it may be that of a
        station that tells fewer keys at once, it is asked for each."""
        if isinstance(answer, CallError):
            return one_by_one(work, answer)
        if work.action == "ChangeConfiguration":
            return self.guard.written(work.payload, fields(answer.payload))
        if work.action != "GetConfiguration":
            return []
        keys = fields(answer.payload).get("configurationKey")
        for entry in keys if isinstance(keys, list) else []:
            key, value = fields(entry).get("key"), fields(entry).get("value")
            if key == STACK_LEVEL_KEY:
                self._memory.level.allows(whole_number(value))
            elif key == RATE_UNIT_KEY and isinstance(value, str):
                self._memory.units.allows(value)
            elif key == MAX_PERIODS_KEY:
                self._memory.length.allows(value)
        return self.guard.learn(fields(answer.payload))

    def _evse(self, payload: Mapping[str, Any]) -> Evse | None:
        number = whole_number(payload.get("connectorId"))
        if number == 0 and self._station.is_controller:
            return self._station.evses[0]
        return self._evses.get(number) if number is not None else None

    def _boot(self, payload: Mapping[str, Any], now: Seconds, _wall: datetime) -> list[StationFact]:
        self._clock.forget()
        self._before_boot = {each.key for each in self._station.evses if self._transactions.on(each.key) is not None}
        serial = text(payload.get("chargePointSerialNumber")) or text(payload.get("chargeBoxSerialNumber"))
        described = StationDescribed(
            station=self._station.id,
            at=now,
            vendor=text(payload.get("chargePointVendor")) or "",
            model=text(payload.get("chargePointModel")) or "",
            serial=serial,
            firmware=text(payload.get("firmwareVersion")),
        )
        return [described]

    def _status(self, payload: Mapping[str, Any], now: Seconds, wall: datetime) -> list[StationFact]:
        self._learn_time(payload, now, wall)
        evse = self._evse(payload)
        if evse is None:
            return []
        status = _STATUSES.get(text(payload.get("status")) or "", EvseStatus.UNKNOWN)
        if status in RUNNING:
            self._running.add(evse.key)
        else:
            self._running.discard(evse.key)
            self._refused.discard(evse.key)
        error = text(payload.get("errorCode"))
        error = None if error == "NoError" else error
        found: list[StationFact] = [StatusReported(key=evse.key, at=now, status=status, error_code=error)]
        # Of a transaction from before the station's restart Preparing says that there is none any more (OCPP 1.6 §4.9).
        over = status is EvseStatus.PREPARING and evse.key in self._before_boot
        if status in RUNNING:
            found += self._session_of(evse.key, self._kept(evse.key), now)
        if self._courses.reports(evse.key, status) or over:
            found += self._over(evse.key, now)
        elif self._asks and self._transactions.on(evse.key) is not None and self._courses.is_doubtful(evse.key):
            self._memory.questions.append(self._trigger("MeterValues", evse.key))
        return found

    def _over(self, key: EvseKey, now: Seconds) -> list[StationFact]:
        return [SessionEnded(key=key, at=now)] if self._transactions.end(key) else []

    def _start(self, payload: Mapping[str, Any], now: Seconds, wall: datetime) -> list[StationFact]:
        self._learn_time(payload, now, wall)
        return []  # the transaction has its id only from the cloud's answer

    def _stop(self, payload: Mapping[str, Any], now: Seconds, _wall: datetime) -> list[StationFact]:
        transaction = whole_number(payload.get("transactionId"))
        if transaction is None:
            return []
        key = self._transactions.stop(str(transaction))
        if key is None and transaction <= 0:
            # A station that never had its number says -1 or 0 (errata 3.18). Should it go on, its samples say so.
            running = [self._transactions.where(each) for each in self._transactions.running()]
            nameless = [each for each in running if each is not None and not self._courses.was_named(each)]
            return self._over(nameless[0], now) if len(running) == len(nameless) == 1 else []
        return [SessionEnded(key=key, at=now)] if key is not None else []

    def _meter_values(self, payload: Mapping[str, Any], now: Seconds, wall: datetime) -> list[StationFact]:
        values = payload.get("meterValue")
        found_stamps = stamps(values)
        if found_stamps:
            self._clock.learn(max(found_stamps), now, wall)
        evse = self._evse(payload)
        if evse is None or self._samples.are_stored(found_stamps, now, wall):
            return []
        transaction = whole_number(payload.get("transactionId"))
        sampled = self._samples.told(values, evse, now, wall)
        draws = any(isinstance(each, DrawSampled) and max(each.current_a) >= CHARGES_A for each in sampled)
        if transaction is None and draws:
            transaction = self._kept(evse.key)
        elif not draws and self._transactions.on(evse.key) != str(transaction):
            # Some name the last transaction in all samples until the next begins (lbbrhzn/ocpp issue 511).
            transaction = None if self._memory.has_ended(str(transaction)) else transaction
        found = self._session_of(evse.key, transaction, now)
        if transaction is not None and self._transactions.on(evse.key) == str(transaction):
            self._courses.is_named(evse.key)
        elif transaction is None and not draws and self._courses.is_doubtful(evse.key):
            found += self._over(evse.key, now)
        return [*found, *sampled]

    def _kept(self, key: EvseKey) -> int | None:
        """The transaction that ran there before our start, where none is known now: not every station names it in its
        meter values."""
        return whole_number(self._memory.running_on(key.evse)) if self._transactions.on(key) is None else None

    def _session_of(self, key: EvseKey, transaction: int | None, now: Seconds) -> list[StationFact]:
        """The session that meter values speak of, where it isn't the one that is known.

        A station that gave up telling its begin calls it -1 (errata 3.18): that is one where its status says so, too.
        """
        unnumbered = transaction == LOST and key in self._running and self._transactions.on(key) is None
        if transaction is None or (transaction <= 0 and (not unnumbered or key in self._refused)):
            return []
        self._before_boot.discard(key)
        if self._transactions.on(key) == str(transaction) or self._transactions.has_stopped(str(transaction)):
            return []
        found: list[StationFact] = []
        if self._transactions.end(key):
            found.append(SessionEnded(key=key, at=now))
        session = str(transaction)
        self._transactions.begin(key, session)
        self._courses.begins(key)
        began_at_wh = self._memory.began_at_wh(session)
        found.append(
            SessionBegan(key=key, at=now, transaction_id=session, observed_start=False, register_wh=began_at_wh)
        )
        return found

    def _learn_time(self, payload: Mapping[str, Any], now: Seconds, wall: datetime) -> None:
        stamp = parse_timestamp(payload.get("timestamp"))
        if stamp is not None:
            self._clock.learn(stamp, now, wall)


Reader = Callable[[DialectV16, Mapping[str, Any], Seconds, datetime], list[StationFact]]

# The requests that carry facts: the same actions that the routing table says OBSERVE.
REQUEST_READERS: Mapping[str, Reader] = {
    "BootNotification": DialectV16._boot,
    "MeterValues": DialectV16._meter_values,
    "StartTransaction": DialectV16._start,
    "StatusNotification": DialectV16._status,
    "StopTransaction": DialectV16._stop,
}

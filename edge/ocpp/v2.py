"""The dialect of OCPP 2.0.1 and 2.1, which agree in all that control needs: facts out, limits in.

Nothing here refuses a frame: what a station got wrong is left out of the facts, and its frame is forwarded all the
same.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from edge.domain.setpoint import LimitCommand
from edge.domain.site import Evse, EvseKey, Station
from edge.domain.station import (
    EvseStatus,
    SessionBegan,
    SessionEnded,
    StationDescribed,
    StationFact,
    StatusReported,
)
from edge.ocpp import controllers, limit_v2
from edge.ocpp.arbiter import OwnCall
from edge.ocpp.charging_states import ChargingStates
from edge.ocpp.connectors import Connectors, availabilities
from edge.ocpp.fields import elements, fields, key, text, whole_number
from edge.ocpp.guard import Guard
from edge.ocpp.meter_values import energy_at_begin, stamps
from edge.ocpp.needs import stated
from edge.ocpp.piecemeal import one_by_one
from edge.ocpp.profiles.model import RateUnit
from edge.ocpp.profiles.units import in_watts
from edge.ocpp.questions_v2 import MAX_PERIODS, RATE_UNIT, STACK_LEVEL, over_by, questions
from edge.ocpp.samples import Samples
from edge.ocpp.sessionless import Sessionless
from edge.ocpp.silence import Silence
from edge.ocpp.station_clock import parse_timestamp
from edge.ocpp.station_memory import StationMemory
from edge.ocpp.triggered import Triggered
from edge.ocpp.versions import Version
from edge.ocpp.wire import Call, CallError, CallResult
from edge.units import Seconds, Volts


class DialectV2:
    """Copies facts out of one station's frames, and remembers what later frames need to be understood."""

    answers_read = frozenset({"BootNotification"})

    def __init__(self, version: Version, station: Station, memory: StationMemory, nominal_voltage_v: Volts) -> None:
        self.version = version
        self._station = station
        self._evses = {evse.key.evse: evse for evse in station.evses}
        self._samples = Samples(memory.clock, memory.sums, nominal_voltage_v)
        self._clock = memory.clock
        self._transactions = memory.transactions
        self._memory = memory
        self._connectors = Connectors()
        self._states = ChargingStates(memory.was_let_in)
        self._silence = Silence()
        self._sessionless = Sessionless(self._transactions, self._connectors)
        self._nominal_voltage_v = nominal_voltage_v
        self.guard = Guard(version, memory.dossier, key_is_checked=memory.key_is_checked)
        self._triggered = Triggered(self._transactions)

    def request(self, call: Call, now: Seconds, wall: datetime) -> list[StationFact]:
        """The facts in a CALL of the station."""
        if self._station.is_controller and call.action not in controllers.TELLS:
            return []
        reader = REQUEST_READERS.get(call.action)
        return reader(self, fields(call.payload), now, wall) if reader else []

    def answer(self, _request: Call, _answer: CallResult | CallError, _now: Seconds) -> list[StationFact]:
        """None: a 2.x station names its transactions itself."""
        return []

    def carries_profile(self, call: Call) -> bool:
        """See :class:`edge.ocpp.dialect.Dialect`."""
        return fields(call.payload).get("chargingProfile") is not None  # OCPP 2.x part 2 F01.FR.08

    def setup_calls(self, *, of_cards: bool = False) -> list[OwnCall]:
        """See :class:`edge.ocpp.dialect.Dialect`."""
        return questions(self._station, self.guard.asks, self._transactions.running(), of_cards=of_cards)

    def overdue(self, now: Seconds) -> list[OwnCall]:
        """See :class:`edge.ocpp.dialect.Dialect`."""
        return self._silence.overdue(self._transactions.running(), now)

    def concluded(self, work: OwnCall, answer: CallResult | CallError, now: Seconds) -> list[StationFact]:
        """See :class:`edge.ocpp.dialect.Dialect`."""
        asked = self._evse(work.payload.get("evse")) if work.action == "TriggerMessage" else None
        if asked is not None:
            self._sessionless.answered(asked.key, work, answer)
        key = self._transactions.where(over_by(work, answer) or "")
        if key is None or not self._transactions.end(key):
            return []
        return self._session_over(key, now)

    def stop_call(self, transaction: str) -> OwnCall:
        """See :class:`edge.ocpp.dialect.Dialect`."""
        return OwnCall(action="RequestStopTransaction", payload={"transactionId": transaction})  # part 2 F03

    def clear_call(self, profile: int) -> OwnCall:
        """See :class:`edge.ocpp.dialect.Dialect`."""
        return OwnCall(action="ClearChargingProfile", payload={"chargingProfileId": profile})  # part 2 K10

    def learn(self, work: OwnCall, answer: CallResult | CallError) -> list[OwnCall]:
        """Learn from the station's answer to one of our questions. A refusal teaches nothing; where it may be that of a
        station that tells fewer variables at once, it is asked for each."""
        if isinstance(answer, CallError):
            return one_by_one(work, answer)
        payload = fields(answer.payload)
        if work.action == "GetVariables":
            for entry in map(fields, elements(payload.get("getVariableResult"))):
                name, value = fields(entry.get("variable")).get("name"), entry.get("attributeValue")
                if name == STACK_LEVEL:
                    self._memory.level.allows(whole_number(value))
                elif name == RATE_UNIT and isinstance(value, str):
                    self._memory.units.allows(value)
                elif name == MAX_PERIODS:
                    self._memory.length.allows(value)
            return self.guard.learn(payload)
        if work.action == "SetVariables":
            return self.guard.written(work.payload, payload)
        if work.payload.get("requestedMessage") == "TransactionEvent" and payload.get("status") == "Accepted":
            evse = self._evse(work.payload.get("evse"))
            if evse is not None:
                self._triggered.add(evse.key)
        return []

    def limit_payload(self, command: LimitCommand, start: datetime | None) -> dict[str, Any]:
        """See :class:`edge.ocpp.dialect.Dialect`."""
        level = self._memory.level.number
        payload = limit_v2.request(command, start=start, stack_level=level, form=self._memory.form(command.key))
        if command.limit_w is not None or self._memory.units.unit is RateUnit.AMPERES:
            return payload  # a DC station's limit is in watts already
        return in_watts(payload, self.version, self._nominal_voltage_v)

    def _evse(self, place: object) -> Evse | None:
        """The EVSE of an EVSEType, or of its number."""
        number = whole_number(fields(place).get("id") if isinstance(place, dict) else place)
        if number == 0 and self._station.is_controller:
            return self._station.evses[0]
        return self._evses.get(number) if number is not None else None

    def _boot(self, payload: Mapping[str, Any], now: Seconds, _wall: datetime) -> list[StationFact]:
        self._clock.forget()
        unit = fields(payload.get("chargingStation"))
        described = StationDescribed(
            station=self._station.id,
            at=now,
            vendor=text(unit.get("vendorName")) or "",
            model=text(unit.get("model")) or "",
            serial=text(unit.get("serialNumber")),
            firmware=text(unit.get("firmwareVersion")),
        )
        return [described]

    def _status(self, payload: Mapping[str, Any], now: Seconds, wall: datetime) -> list[StationFact]:
        self._learn_time(payload, now, wall)
        evse = self._evse(payload.get("evseId"))
        word = text(payload.get("connectorStatus"))
        return self._connector_says(evse, whole_number(payload.get("connectorId")), word, now)

    def _event(self, payload: Mapping[str, Any], now: Seconds, _wall: datetime) -> list[StationFact]:
        """NotifyEvent may stand for StatusNotification (OCPP 2.1 part 2 G01)."""
        found: list[StationFact] = []
        for place, word in availabilities(payload):
            found += self._connector_says(self._evse(place), whole_number(place.get("connectorId")), word, now)
        return found

    def _connector_says(
        self, evse: Evse | None, connector: int | None, word: str | None, now: Seconds
    ) -> list[StationFact]:
        if evse is None:
            return []
        status = self._connectors.report(evse.key, connector or 1, word or "")
        running = self._transactions.on(evse.key) is not None
        if running and (status is EvseStatus.OCCUPIED or self._connectors.car_may_be_elsewhere(evse.key)):
            return []  # the transaction's own events tell more
        error = "Faulted" if status is EvseStatus.FAULTED else None
        found: list[StationFact] = [StatusReported(key=evse.key, at=now, status=status, error_code=error)]
        if self._connectors.car_has_left(evse.key) and self._transactions.end(evse.key):
            found.append(SessionEnded(key=evse.key, at=now))
        return found

    def _transaction(self, payload: Mapping[str, Any], now: Seconds, wall: datetime) -> list[StationFact]:
        """TransactionEvent (OCPP 2.x part 2 E01 to E12); one that was stored tells of the session, not of its draw.

        Some stations deliver what they stored behind what happens now: then it may be of a session before.
        """
        stored, stamp = payload.get("offline") is True, parse_timestamp(payload.get("timestamp"))
        if not stored:
            self._learn_time(payload, now, wall)
        info = fields(payload.get("transactionInfo"))
        transaction = key(info.get("transactionId"))
        evse = self._evse_of(transaction, payload)
        kind = payload.get("eventType")
        if transaction is None or evse is None:
            if transaction is not None and kind == "Started":
                self._transactions.begins_somewhere(transaction)
            return []
        if kind == "Ended":
            return self._transaction_ends(transaction, stamp, now)
        is_history = stored and self._transactions.is_history(evse.key, transaction, stamp)
        if is_history or self._transactions.has_stopped(transaction, stamp if kind == "Started" else None):
            return []  # an event that was repeated, or came late
        began = kind == "Started" or self._transactions.has_begun_somewhere(transaction)
        found = self._transaction_runs(evse, transaction, payload, now, observed_start=began)
        self._transactions.told(evse.key, stamp)
        self._silence.heard(transaction, now)
        found += self._states.hears(evse.key, transaction, payload, now)
        if stored:
            return found
        return [*found, *self._samples.told(payload.get("meterValue"), evse, now, wall)]

    def _evse_of(self, transaction: str | None, payload: Mapping[str, Any]) -> Evse | None:
        """Where a transaction runs: only its first event must say so (OCPP 2.x part 2 §1.60).

        Of one that began before we listened: what was kept of it, what was asked for, or the only EVSE.
        """
        said = self._evse(payload.get("evse"))
        key = said.key if said is not None else None
        if key is None and transaction is not None:
            key = self._transactions.where(transaction) or self._before(transaction)
        if payload.get("triggerReason") == "Trigger":
            key = self._triggered.place(key)
        if key is None and transaction is not None and len(self._evses) == 1:
            return self._station.evses[0]
        return self._evses.get(key.evse) if key is not None else None

    def _before(self, transaction: str) -> EvseKey | None:
        """Where it ran before our last start."""
        evse = self._evses.get(self._memory.evse_of(transaction) or 0)
        return evse.key if evse is not None else None

    def _transaction_runs(
        self, evse: Evse, transaction: str, payload: Mapping[str, Any], now: Seconds, *, observed_start: bool
    ) -> list[StationFact]:
        """By any of its events; the first one tells its register at the begin, however late that comes."""
        if self._transactions.on(evse.key) == transaction:
            return []
        found: list[StationFact] = []
        over = (evse.key, self._transactions.where(transaction))
        found += [SessionEnded(key=key, at=now) for key in over if key is not None and self._transactions.end(key)]
        found += self._sessionless.begins(evse.key, now, observed_start=observed_start)
        self._transactions.begin(evse.key, transaction)
        state = text(fields(payload.get("transactionInfo")).get("chargingState"))
        plug = whole_number(fields(payload.get("evse")).get("connectorId"))
        plugged = state in ("Charging", "EVConnected", "SuspendedEV")
        self._connectors.session_begins(evse.key, plugged=plugged, connector=plug)
        is_first = payload.get("eventType") == "Started"
        register_wh = energy_at_begin(payload.get("meterValue")) if is_first else None
        found.append(
            SessionBegan(
                key=evse.key,
                at=now,
                transaction_id=transaction,
                observed_start=observed_start,
                register_wh=register_wh if observed_start else self._memory.began_at_wh(transaction),
            )
        )
        return found

    def _transaction_ends(self, transaction: str, stamp: datetime | None, now: Seconds) -> list[StationFact]:
        key = self._transactions.stop(transaction, stamp)
        return self._session_over(key, now) if key is not None else []

    def _session_over(self, key: EvseKey, now: Seconds) -> list[StationFact]:
        plugged = self._connectors.status(key) is EvseStatus.OCCUPIED
        status = EvseStatus.FINISHING if plugged else self._connectors.status(key)
        return [SessionEnded(key=key, at=now), StatusReported(key=key, at=now, status=status)]

    def _meter_values(self, payload: Mapping[str, Any], now: Seconds, wall: datetime) -> list[StationFact]:
        values = payload.get("meterValue")
        found_stamps = stamps(values)
        if found_stamps:
            self._clock.learn(max(found_stamps), now, wall)
        evse = self._evse(payload.get("evseId"))
        if evse is None:
            return []
        self._silence.heard(self._transactions.on(evse.key), now)
        return self._sessionless.sampled(evse.key, self._samples.told(values, evse, now, wall), now)

    def _needs(self, payload: Mapping[str, Any], now: Seconds, wall: datetime) -> list[StationFact]:
        evse = self._evse(payload.get("evseId"))
        need = stated(evse.key, payload, self._clock, now, wall) if evse is not None else None
        return [need] if need is not None else []

    def _learn_time(self, payload: Mapping[str, Any], now: Seconds, wall: datetime) -> None:
        stamp = parse_timestamp(payload.get("timestamp"))
        if stamp is not None:
            self._clock.learn(stamp, now, wall)


Reader = Callable[[DialectV2, Mapping[str, Any], Seconds, datetime], list[StationFact]]

# The requests that carry facts: the same actions that the routing table says OBSERVE.
REQUEST_READERS: Mapping[str, Reader] = {
    "BootNotification": DialectV2._boot,
    "MeterValues": DialectV2._meter_values,
    "NotifyEVChargingNeeds": DialectV2._needs,
    "NotifyEvent": DialectV2._event,
    "NotifyPriorityCharging": lambda *_: [],  # is for the profiles (2.1 K22)
    "StatusNotification": DialectV2._status,
    "TransactionEvent": DialectV2._transaction,
}

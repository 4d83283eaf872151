"""A bench for the station core: a scripted CSMS at the other end of the socket, and virtual time."""

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from simulators.charger.ev import ElectricVehicle
from simulators.charger.frames import check_payload
from simulators.charger.profile import ChargingProfile, Purpose, RateUnit, SchedulePeriod
from simulators.charger.profiles import ProfileStore, RunningTransaction, StoreSize
from simulators.charger.spec import ConnectorSpec, Obedience, StationSpec
from simulators.charger.station import Action, Disconnect, Send, StationCore
from simulators.charger.timestamp import format_time

NOON_S = 1_795_262_400.0  # 2026-11-21T12:00:00Z, a Saturday
TWO_CONNECTORS = (
    ConnectorSpec(connector_id=1, max_a=32.0),
    ConnectorSpec(connector_id=2, max_a=16.0, phases=1),
)
Answer = dict[str, Any] | Callable[[dict[str, Any]], dict[str, Any]]


def spec(**changes: Any) -> StationSpec:
    """A station with one 32 A connector, and what the test changes of it."""
    values: dict[str, Any] = {
        "identity": "CP-01",
        "connectors": (ConnectorSpec(connector_id=1, max_a=32.0),),
        "vendor": "Sim",
        "model": "One",
        "firmware": "1.0",
        "serial": "0001",
        "obedience": Obedience.OBEYS,
    }
    return StationSpec(**{**values, **changes})


def car(**changes: Any) -> ElectricVehicle:
    """A three-phase 16 A car that obeys at once, half full, and what the test changes of it."""
    values: dict[str, Any] = {"phases": 3, "max_a": 16.0, "battery_wh": 60_000.0, "soc": 0.5, "obey_s": 0.0}
    return ElectricVehicle(**{**values, **changes})


class Bench:
    """The station, and a CSMS that answers each CALL from `answers` at once; None there: it stays silent.

    Every CALL and CALLRESULT of the station is held against the official JSON schema.
    """

    def __init__(self, **changes: Any) -> None:
        self.core = StationCore(spec(**changes))
        self.now = NOON_S
        self.calls: list[tuple[str, dict[str, Any]]] = []  # (action, payload) of the station, in order
        self.replies: list[list[Any]] = []  # its CALLRESULTs and CALLERRORs, in order
        self.disconnects = 0
        self.unanswered: list[str] = []  # message ids
        self.next_transaction_id = 1000
        self._asked: list[str] = []
        self._online = False
        self.answers: dict[str, Answer | None] = {
            "BootNotification": lambda _: {
                "status": "Accepted",
                "currentTime": format_time(self.now),
                "interval": 300,
            },
            "Authorize": {"idTagInfo": {"status": "Accepted"}},
            "StartTransaction": self._start,
            "StopTransaction": {},
            "MeterValues": {},
            "StatusNotification": {},
            "Heartbeat": {"currentTime": format_time(NOON_S)},
            "FirmwareStatusNotification": {},
        }

    def _start(self, _: dict[str, Any]) -> dict[str, Any]:
        self.next_transaction_id += 1
        return {"transactionId": self.next_transaction_id, "idTagInfo": {"status": "Accepted"}}

    def connect(self) -> "Bench":
        """The socket opens."""
        self._online = True
        self._do(self.core.connected(self.now))
        return self

    def drop(self) -> None:
        """The socket is lost."""
        self._online = False
        self._do(self.core.disconnected(self.now))

    def plug_in(self, connector_id: int = 1, id_tag: str = "CARD", **changes: Any) -> ElectricVehicle:
        """A car arrives."""
        ev = car(**changes)
        self._do(self.core.plug_in(connector_id, ev, id_tag, self.now))
        return ev

    def unplug(self, connector_id: int = 1) -> None:
        """The car leaves."""
        self._do(self.core.unplug(connector_id, self.now))

    def fault(self, error_code: str | None, connector_id: int = 1) -> None:
        """A fault comes or goes."""
        self._do(self.core.fault(connector_id, error_code, self.now))

    def advance(self, seconds: float, dt_s: float = 0.5) -> None:
        """Let time pass: physics and timers."""
        for _ in range(round(seconds / dt_s)):
            self.now += dt_s
            self._do(self.core.step(dt_s, self.now))
            self._do(self.core.tick(self.now))

    def send(self, text: str | bytes) -> None:
        """Any message to the station."""
        self._do(self.core.receive(text, self.now))

    def ask(self, action: str, payload: dict[str, Any]) -> None:
        """A CALL to the station, answered whenever it likes."""
        self._asked.append(action)
        self.send(json.dumps([2, f"csms-{len(self._asked)}", action, payload]))

    def call(self, action: str, payload: dict[str, Any]) -> dict[str, Any]:
        """A CALL to the station that it answers at once; the CALLRESULT's payload."""
        before = len(self.replies)
        self.ask(action, payload)
        reply = self.replies[before]
        assert reply[0] == 3, f"{action} got {reply}"
        assert isinstance(reply[2], dict)
        return reply[2]

    def refusal(self, action: str, payload: dict[str, Any]) -> str:
        """A CALL to the station that it answers with a CALLERROR; the error code."""
        before = len(self.replies)
        self.ask(action, payload)
        reply = self.replies[before]
        assert reply[0] == 4, f"{action} got {reply}"
        return str(reply[2])

    def set_profile(self, connector_id: int, profile: dict[str, Any]) -> str:
        """SetChargingProfile; the status."""
        asked = {"connectorId": connector_id, "csChargingProfiles": profile}
        return str(self.call("SetChargingProfile", asked)["status"])

    def answer(self, payload: dict[str, Any]) -> None:
        """A late answer to the oldest CALL that was left unanswered."""
        self.send(json.dumps([3, self.unanswered.pop(0), payload]))

    def refuse(self) -> None:
        """A CALLERROR to the oldest CALL that was left unanswered."""
        self.send(json.dumps([4, self.unanswered.pop(0), "InternalError", "", {}]))

    def made(self, action: str) -> list[dict[str, Any]]:
        """The payloads of this action's CALLs so far."""
        return [payload for each, payload in self.calls if each == action]

    def actions(self) -> list[str]:
        """The actions of the station's CALLs so far, in order."""
        return [action for action, _ in self.calls]

    def statuses(self, connector_id: int = 1) -> list[str]:
        """The statuses told of this connector so far, in order."""
        return [each["status"] for each in self.made("StatusNotification") if each["connectorId"] == connector_id]

    def offered_a(self, connector_id: int = 1) -> float:
        """What the connector offers now."""
        return self.core.sessions.offers.all_a(self.now + self.core.spec.clock_offset_s)[connector_id]

    def _do(self, actions: list[Action]) -> None:
        for action in actions:
            match action:
                case Send(text=text):
                    assert self._online, f"sent while offline: {text}"
                    self._sent(text)
                case Disconnect():
                    self.disconnects += 1
                    self.drop()

    def _sent(self, text: str) -> None:
        frame = json.loads(text)
        exact = json.loads(text, parse_float=Decimal)
        if frame[0] != 2:
            self.replies.append(frame)
            if frame[0] == 3:
                asked = self._asked[int(frame[1].removeprefix("csms-")) - 1]
                check_payload(f"{asked}Response", exact[2])
            return
        _, message_id, action, payload = frame
        check_payload(action, exact[3])
        self.calls.append((action, payload))
        answer = self.answers[action]
        if answer is None:
            self.unanswered.append(message_id)
            return
        reply = answer(payload) if callable(answer) else answer
        self.send(json.dumps([3, message_id, reply]))


def limit_profile(limit: float, **changes: Any) -> dict[str, Any]:
    """A TxDefaultProfile of one limit in A without an end, and what the test changes of it."""
    schedule: dict[str, Any] = {
        "chargingRateUnit": "A",
        "chargingSchedulePeriod": [{"startPeriod": 0, "limit": limit}],
    }
    schedule.update(changes.pop("schedule", {}))
    return {
        "chargingProfileId": 1,
        "stackLevel": 0,
        "chargingProfilePurpose": "TxDefaultProfile",
        "chargingProfileKind": "Relative",
        "chargingSchedule": schedule,
        **changes,
    }


RUNNING = RunningTransaction(transaction_id=7)


def store(**size: int) -> ProfileStore:
    """An empty store at 230 V."""
    return ProfileStore(size=StoreSize(**size), nominal_voltage_v=230.0)


def profile(limit: float, **changes: Any) -> ChargingProfile:
    """A TxDefaultProfile of one limit in A, without an end, from the epoch on."""
    values: dict[str, Any] = {
        "profile_id": 1,
        "stack_level": 0,
        "purpose": Purpose.TX_DEFAULT,
        "unit": RateUnit.AMPERES,
        "periods": (SchedulePeriod(start_s=0, limit=limit),),
        "start_s": 0.0,
    }
    return ChargingProfile(**{**values, **changes})


def install(into: ProfileStore, connector_id: int, *profiles: ChargingProfile, now_s: float = NOON_S) -> None:
    """Install each, with a transaction running."""
    for each in profiles:
        into.install(connector_id, each, transaction=RUNNING, now_s=now_s)

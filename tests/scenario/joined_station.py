"""One station's relay, the board and the control loop, joined as the daemon joins them; frames in, setpoints out."""

import json
from collections.abc import Iterable
from typing import Any

from edge.allocation.decide import Decision
from edge.control.board import Board
from edge.control.bounds import Bounds
from edge.control.loop import ControlLoop
from edge.control.vitals import Vitals
from edge.domain.reading import MeterReading
from edge.domain.setpoint import LimitCommand, Setpoint
from edge.domain.site import Circuit, ControlSettings, Evse, Meter, Site, Station
from edge.ocpp.actions import Action, Report, ToCloud, ToStation
from edge.ocpp.versions import Version
from edge.units import PhaseAmps
from tests.unit.ocpp.ocpp_bench import ID, NOON, START, Bench, call, evse, result, stamp

FUSE_A = 63.0  # of the main circuit, unless a test wants another
TRANSACTION = "7"


class _Watchdog:
    def ready(self) -> None: ...
    def feed(self) -> None: ...
    def stopping(self) -> None: ...


class Joined:
    """A station that accepts all that it is told (unless ``refuses``), below a main fuse with a meter that shows
    ``building_a``: its car draws nothing."""

    def __init__(
        self, version: Version, unit: Evse | None = None, refuses: Iterable[str] = (), fuse_a: float = FUSE_A
    ) -> None:
        unit = unit if unit is not None else evse()
        self.version = version
        self.key = unit.key
        self.bench = Bench(unit, version=version)
        site = Site(
            id="joined",
            timezone="UTC",
            nominal_voltage_v=230.0,
            control=ControlSettings(),
            circuits=(Circuit(id="main", parent=None, fuse_a=fuse_a, meter="grid"),),
            meters=(Meter(id="grid", model="sdm630", connection="tcp://127.0.0.1:1"),),
            stations=(Station(id=ID, evses=(unit,)),),
        )
        self.board = Board(site, started_at=START)
        self.refuses = frozenset(refuses)
        self.told: list[tuple[str, dict[str, Any]]] = []  # the gateway's CALLs to the station
        self.up: list[list[Any]] = []  # what the cloud heard
        self.decision: Decision | None = None
        self.building_a = 0.0
        self._loop = ControlLoop(
            board=self.board,
            meters=self,
            limits=self,
            clock=self,
            vitals=Vitals(_Watchdog(), 1.0),
            publish=Bounds(self.bench.site_limits).tell,
        )
        self._perform(self.bench.connect(settled=False).actions)

    # The ports.

    def monotonic(self) -> float:
        return self.bench.now

    def wall(self) -> Any:
        return self.bench.wall

    def wall_is_trusted(self) -> bool:
        return True

    async def sample(self) -> None: ...

    def write_limit(self, command: LimitCommand) -> None:
        self._perform(self.bench.write(command).actions)

    # The world.

    def station_says(self, action: str, payload: dict[str, Any]) -> None:
        self._perform(self.bench.station_says(call("s", action, payload)).actions)

    def cloud_says(self, action: str, payload: dict[str, Any]) -> None:
        self._perform(self.bench.cloud_says(call("c", action, payload)).actions)

    def plug(self) -> None:
        """A session begins; its car draws what it may."""
        at = stamp(NOON)
        number = self.key.evse
        if self.version is Version.V16:
            status = {"connectorId": number, "errorCode": "NoError", "status": "Charging", "timestamp": at}
            start = {"connectorId": number, "idTag": "X", "meterStart": 0, "timestamp": at}
            self.station_says("StartTransaction", start)
            answer = result("s", {"transactionId": int(TRANSACTION), "idTagInfo": {"status": "Accepted"}})
            self._perform(self.bench.cloud_says(answer).actions)
            self.station_says("StatusNotification", status)
        else:
            info = {"transactionId": TRANSACTION, "chargingState": "Charging"}
            event = {"eventType": "Started", "timestamp": at, "triggerReason": "Authorized", "seqNo": 0}
            place = {"id": number, "connectorId": 1}
            self.station_says("TransactionEvent", {**event, "transactionInfo": info, "evse": place})
            self._perform(self.bench.cloud_says(result("s")).actions)

    @property
    def decided_a(self) -> float:
        """What the EVSE was allowed last; 0 before anything was."""
        return (self.decision.setpoint(0).limit_a if self.decision is not None else None) or 0.0

    def draw(self, current_a: float) -> None:
        """The station's sample: its car draws so much on each phase."""
        at = self.bench.wall.isoformat()
        values = [
            {"value": str(current_a) if self.version is Version.V16 else current_a, "measurand": "Current.Import"}
            | {"phase": phase}
            for phase in ("L1", "L2", "L3")
        ]
        meter_value = [{"timestamp": at, "sampledValue": values}]
        if self.version is Version.V16:
            place: dict[str, Any] = {"connectorId": self.key.evse, "transactionId": int(TRANSACTION)}
            self.station_says("MeterValues", {**place, "meterValue": meter_value})
        else:
            self.station_says("MeterValues", {"evseId": self.key.evse, "meterValue": meter_value})
        self._perform(self.bench.cloud_says(result("s")).actions)

    def run(self, seconds: int) -> Setpoint:
        """Tick once a second, the meter sampling each time; the last setpoint."""
        for _ in range(seconds):
            self._perform(self.bench.wait(1.0).actions)
            shown = PhaseAmps.same(self.building_a)
            self.board.take(MeterReading(meter="grid", at=self.bench.now, current_a=shown))
            self.decision = self._loop.tick()
        assert self.decision is not None
        return self.decision.setpoint(0)

    def _perform(self, actions: Iterable[Action]) -> None:
        for action in actions:
            match action:
                case Report():
                    self.board.take(action.fact)
                case ToStation():
                    self._station_hears(json.loads(action.text))
                case ToCloud():
                    message = json.loads(action.text)
                    self.up.append(message)
                    if message[0] == 2 and message[1].startswith("edge-"):
                        self._perform(self.bench.cloud_says(result(message[1])).actions)
                case _:
                    pass

    def _station_hears(self, message: list[Any]) -> None:
        if message[0] != 2:
            return
        _, identifier, action, payload = message
        self.told.append((action, payload))
        answer = self.answer_to(action, payload)
        self._perform(self.bench.station_says(result(identifier, answer)).actions)

    def answer_to(self, action: str, payload: dict[str, Any]) -> dict[str, Any]:
        """What the station answers to a CALL of the gateway."""
        if action != "SetChargingProfile":
            return {}
        profile = payload.get("csChargingProfiles") or payload["chargingProfile"]
        return {"status": "Rejected" if profile["chargingProfilePurpose"] in self.refuses else "Accepted"}

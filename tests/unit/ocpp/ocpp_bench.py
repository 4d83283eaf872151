"""A relay on the bench: frames go in, what comes out is sorted by where it goes."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from ocpp.messages import get_validator  # type: ignore[import-untyped]

from edge.domain.setpoint import LimitCommand, Purpose
from edge.domain.site import Circuit, ControlSettings, Evse, EvseKey, Mode, Site, Station
from edge.domain.station import LimitAnswered, StationFact
from edge.ocpp.actions import Action, CloseStation, Note, Report, ToCloud, ToStation
from edge.ocpp.asked_samples import AskedSamples
from edge.ocpp.dossier import Dossier
from edge.ocpp.figures import Figures
from edge.ocpp.hearsay import Hearsay
from edge.ocpp.relay import Relay
from edge.ocpp.settings import CloudLoss, Samples
from edge.ocpp.shelf import Shelf
from edge.ocpp.site_limits import SiteLimits
from edge.ocpp.stand_in import StandIn
from edge.ocpp.versions import Version
from edge.units import Phase

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
START = 1000.0  # monotonic at NOON
ID = "CP-01"
THREE_PHASES = (Phase.L1, Phase.L2, Phase.L3)


def evse(number: int = 1, phases: tuple[Phase, ...] = THREE_PHASES, station: str = ID) -> Evse:
    """An EVSE of the bench's station."""
    return Evse(
        key=EvseKey(station=station, evse=number), circuit="main", phases=phases, min_a=6, max_a=32, fallback_a=6
    )


def station(*evses: Evse) -> Station:
    """The bench's station."""
    return Station(id=ID, evses=evses or (evse(),))


def site(*ids: str, mode: Mode = Mode.CONTROL) -> Site:
    """A site with one single-EVSE station for each id."""
    return Site(
        id="bench",
        timezone="UTC",
        nominal_voltage_v=230.0,
        control=ControlSettings(mode=mode),
        circuits=(Circuit(id="main", parent=None, fuse_a=63),),
        stations=tuple(Station(id=name, evses=(evse(station=name),)) for name in ids),
    )


def limit(
    number: int = 1,
    *,
    limit_a: float = 10.0,
    purpose: Purpose = Purpose.IDLE,
    connector: int = 1,
    transaction_id: str | None = None,
    safe_a: float = 6.0,
    lease_s: float = 120.0,
    phases: int | None = None,
    limit_w: float | None = None,
    safe_w: float | None = None,
) -> LimitCommand:
    """A limit for one of the bench's EVSEs."""
    return LimitCommand(
        id=number,
        key=EvseKey(station=ID, evse=connector),
        purpose=purpose,
        limit_a=limit_a,
        safe_a=safe_a,
        lease_s=lease_s,
        transaction_id=transaction_id,
        phases=phases,
        limit_w=limit_w,
        safe_w=safe_w,
    )


def call(identifier: str, action: str, payload: object = None) -> str:
    """A CALL as a peer writes it: with blanks that our own frames haven't, so that a rewritten frame is found out."""
    return json.dumps([2, identifier, action, {} if payload is None else payload], indent=1)


def result(identifier: str, payload: object = None) -> str:
    """A CALLRESULT as a peer writes it."""
    return json.dumps([3, identifier, {} if payload is None else payload], indent=1)


def error(identifier: str, code: str = "InternalError", description: str = "no") -> str:
    """A CALLERROR as a peer writes it."""
    return json.dumps([4, identifier, code, description, {}], indent=1)


def meter_values(*samples: dict[str, Any], at: datetime | None = None, **fields: Any) -> dict[str, Any]:
    """MeterValues.req for connector 1 with one set of samples."""
    element: dict[str, Any] = {"sampledValue": list(samples)}
    if at is not None:
        element["timestamp"] = stamp(at)
    return {"connectorId": 1, "meterValue": [element], **fields}


def stamp(moment: datetime) -> str:
    """A time as stations write it."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def is_valid(action: str, payload: dict[str, Any], version: Version = Version.V16, *, answer: bool = False) -> bool:
    """Whether the payload of a CALL, or of its answer, fits the schema of its edition."""
    exact = json.loads(json.dumps(payload), parse_float=Decimal)
    edition = version.value.removeprefix("ocpp")
    return bool(get_validator(3 if answer else 2, action, edition, parse_float=Decimal).is_valid(exact))


@dataclass(frozen=True)
class Step:
    """What one step of the relay brought about."""

    actions: Sequence[Action]

    @property
    def down(self) -> list[str]:
        """Texts to the station."""
        return [action.text for action in self.actions if isinstance(action, ToStation)]

    @property
    def up(self) -> list[str]:
        """Texts to the cloud."""
        return [action.text for action in self.actions if isinstance(action, ToCloud)]

    @property
    def facts(self) -> list[StationFact]:
        """Facts for the control."""
        return [action.fact for action in self.actions if isinstance(action, Report)]

    @property
    def notes(self) -> list[str]:
        """Sentences for the log."""
        return [action.event for action in self.actions if isinstance(action, Note)]

    @property
    def closes(self) -> list[int]:
        """Codes with which the station is closed."""
        return [action.code for action in self.actions if isinstance(action, CloseStation)]

    @property
    def outcomes(self) -> list[tuple[int, str]]:
        """Outcomes of limits."""
        return [(fact.command, fact.outcome.value) for fact in self.facts if isinstance(fact, LimitAnswered)]

    @property
    def own_call(self) -> tuple[str, str, dict[str, Any]]:
        """Id, action and payload of the one CALL to the station."""
        (text,) = self.down
        kind, identifier, action, payload = json.loads(text)
        assert kind == 2
        return identifier, action, payload


class Bench:
    """One relay, and time that passes only when told to."""

    def __init__(
        self,
        *evses: Evse,
        mode: Mode = Mode.CONTROL,
        cloud_loss: CloudLoss = CloudLoss.AUTONOMOUS,
        version: Version = Version.V16,
        dossier: Dossier | None = None,
        key_is_checked: bool = True,
        stand_in: StandIn | None = None,
        witness: bool = True,
        shelf: Shelf | None = None,
        samples: Samples = Samples.ALL,
        has_cloud: bool = True,
    ) -> None:
        """``witness``: a cloud has said that it is noon."""
        self.now = START
        hearsay = Hearsay()
        if witness:
            hearsay.says("a cloud", NOON, START)
        self.stepped = timedelta(0)  # by so much our wall clock was set
        self.version = version
        self.figures = Figures()
        self.site_limits = SiteLimits()
        self.relay = Relay(
            station=station(*evses),
            nominal_voltage_v=230.0,
            mode=mode,
            cloud_loss=cloud_loss,
            nonce="0123456789ab",
            shelf=shelf,
            has_cloud=has_cloud,
            figures=self.figures,
            dossier=dossier,
            site_limits=self.site_limits,
            key_is_checked=key_is_checked,
            stand_in=stand_in,
            hearsay=hearsay,
            asked=AskedSamples(station(*evses)) if samples is Samples.ASKED else None,
        )

    @property
    def wall(self) -> datetime:
        """Our wall clock."""
        return NOON + timedelta(seconds=self.now - START) + self.stepped

    def connect(self, *, cloud: bool = True, settled: bool = True) -> Step:
        """Connect the station, and its cloud. ``settled``: our questions after the connect are answered already."""
        actions = list(self.relay.station_connected(self.now, self.version))
        if cloud:
            actions += self.relay.cloud_connected(self.now)
        if settled:
            step = self.wait(1.0)
            while step.down:
                identifier, _, _ = step.own_call
                step = self.station_says(result(identifier))
        return Step(actions)

    def wait(self, seconds: float) -> Step:
        """Let time pass, then tick."""
        self.now += seconds
        return Step(self.relay.tick(self.now, self.wall))

    def station_says(self, text: str | bytes) -> Step:
        """A message of the station."""
        return Step(self.relay.receive_from_station(text, self.now, self.wall))

    def cloud_says(self, text: str | bytes) -> Step:
        """A message of the cloud."""
        return Step(self.relay.receive_from_cloud(text, self.now, self.wall))

    def write(self, command: LimitCommand) -> Step:
        """A limit of the control."""
        return Step(self.relay.write_limit(command, self.now, self.wall))

    def lose_cloud(self) -> Step:
        """The upstream connection breaks."""
        return Step(self.relay.cloud_disconnected(self.now))

    def find_cloud(self) -> Step:
        """The upstream connection is back."""
        return Step(self.relay.cloud_connected(self.now))

    def lose_station(self) -> Step:
        """The station's connection breaks."""
        return Step(self.relay.station_gone(self.now))

"""All charging stations of a site in one process, with the cars that come and go."""

import asyncio
import logging
import ssl
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final, Protocol

from simulators.charger import (
    ChargingStation,
    ConnectorSpec,
    Counters,
    ElectricVehicle,
    StationSpec,
    TransactionAccount,
)
from simulators.charger.quirks import with_quirks
from simulators.charger.spec import EDITION_16, Quirk
from simulators.charger_v2 import DrivenStationV2
from simulators.feeder import EvseDraw
from simulators.phases import Amps3
from simulators.scenario import CarSpec, Scenario
from simulators.site import Endpoint, EvseSpec, SiteSpec
from simulators.traffic import Move, MoveKind, moves_between

SAMPLE_INTERVAL_S: Final = 5  # MeterValueSampleInterval: lively enough for a demo of a minute
NO_MORE_ARRIVALS_S: Final = 5.0  # a session that begins later would still be on its way when the run is counted

logger = logging.getLogger(__name__)


class Station(Protocol):
    """What the fleet needs of a charging station."""

    connected: bool

    @property
    def counters(self) -> Counters: ...
    def transactions(self) -> Sequence[TransactionAccount]: ...
    async def run(self) -> None: ...
    def plug_in(self, connector_id: int, ev: ElectricVehicle, id_tag: str) -> None: ...
    def unplug(self, connector_id: int) -> None: ...
    def step(self, dt_s: float) -> None: ...
    def draw_a(self, connector_id: int) -> Amps3: ...
    def offered_a(self, connector_id: int) -> float: ...
    def wanted_a(self, connector_id: int) -> float: ...
    def status(self, connector_id: int) -> str: ...
    def energy_wh(self) -> float: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class EvseState:
    """One EVSE as it really is."""

    evse: EvseSpec
    status: str
    draw: EvseDraw


def station_specs(
    site: SiteSpec, *, sample_interval_s: int = SAMPLE_INTERVAL_S, editions: Mapping[str, str] = MappingProxyType({})
) -> tuple[StationSpec, ...]:
    """A perfect charging station for each one of the site file; `editions` has those of other OCPP than 1.6."""
    by_station: dict[str, list[EvseSpec]] = {}
    for evse in site.evses:
        by_station.setdefault(evse.station, []).append(evse)
    return tuple(
        StationSpec(
            identity=identity,
            connectors=tuple(
                ConnectorSpec(
                    connector_id=evse.evse_id,
                    max_a=evse.max_a,
                    phases=len(evse.rotation),
                    min_a=evse.min_a,
                    supply=evse.supply,
                    switches_phases=evse.switches_phases,
                )
                for evse in sorted(evses, key=lambda each: each.evse_id)
            ),
            vendor="Simulated",
            model="Post",
            firmware="1.0",
            serial=f"SN-{identity}",
            sample_interval_s=sample_interval_s,
            nominal_voltage_v=site.nominal_voltage_v,
            edition=editions.get(identity, EDITION_16),
        )
        for identity, evses in by_station.items()
    )


class Fleet:
    """The stations of a scenario's site, dialling the gateway; `step` lets cars come and go."""

    def __init__(
        self,
        scenario: Scenario,
        gateway_url: str,
        *,
        make_station: Callable[[StationSpec, str], Station] | None = None,
        quirks: Sequence[Quirk] = (),
        editions: Sequence[str] = ("1.6",),
        password: str | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """``editions`` of OCPP are spoken by the stations in turn. ``password`` and ``tls`` are what they show."""
        self._tls = tls
        self._scenario = scenario
        self._gateway_url = gateway_url
        self._evses = {(evse.station, evse.evse_id): evse for evse in scenario.site.evses}
        self._told: set[str] = set()  # why there is no connection
        specs = [replace(with_quirks(spec, quirks), password=password) for spec in station_specs(scenario.site)]
        edition_of = {spec.identity: editions[number % len(editions)] for number, spec in enumerate(specs)}
        make_station = make_station or (lambda spec, url: self._charging_station(spec, url, edition_of[spec.identity]))
        self.stations: Mapping[str, Station] = {
            spec.identity: make_station(spec, f"{gateway_url}/{spec.identity}") for spec in specs
        }
        self._plugged: dict[tuple[str, int], CarSpec] = {}

    @property
    def all_connected(self) -> bool:
        """Whether every station has its socket to the gateway."""
        return all(station.connected for station in self.stations.values())

    async def run(self) -> None:
        """Run every station until cancelled."""
        async with asyncio.TaskGroup() as group:
            for station in self.stations.values():
                group.create_task(station.run())

    def step(self, time_s: float, dt_s: float, *, ends_s: float | None) -> Sequence[Move]:
        """Go on by the `dt_s` seconds that end at scenario time `time_s`; the moves that happened in them.

        In the last NO_MORE_ARRIVALS_S before `ends_s` and after it nobody arrives.
        """
        happened = [
            move
            for move in moves_between(self._scenario, time_s - dt_s, time_s)
            if self._make(move, doors_open=ends_s is None or move.at_s < ends_s - NO_MORE_ARRIVALS_S)
        ]
        for station in self.stations.values():
            station.step(dt_s)
        if self.all_connected:
            self._told.clear()
        return happened

    def draws(self) -> tuple[EvseDraw, ...]:
        """What each EVSE's car does now."""
        return tuple(state.draw for state in self.states())

    def states(self) -> tuple[EvseState, ...]:
        """Each EVSE of the site as it is now, in the site file's order."""
        return tuple(self._state(evse) for evse in self._scenario.site.evses)

    def profiles_received(self) -> int:
        """How many SetChargingProfile.req have come to the stations."""
        return sum(station.counters.profiles_received for station in self.stations.values())

    def transactions(self) -> tuple[TransactionAccount, ...]:
        """Every transaction, as its station tells it."""
        return tuple(account for station in self.stations.values() for account in station.transactions())

    def settled(self) -> bool:
        """Whether every start and every stop has been confirmed to its station."""
        return all(
            station.counters.transactions_confirmed == station.counters.transactions_started
            and station.counters.stops_confirmed == station.counters.transactions_stopped
            for station in self.stations.values()
        )

    def transactions_confirmed(self) -> int:
        """How many starts have been confirmed to the stations."""
        return sum(station.counters.transactions_confirmed for station in self.stations.values())

    def energy_wh(self) -> float:
        """What all the cars have drawn, by the stations' own meters."""
        return sum(station.energy_wh() for station in self.stations.values())

    def _charging_station(self, spec: StationSpec, url: str, edition: str) -> Station:
        if edition == "1.6":
            return ChargingStation(spec, url, complain=self._complain, tls=self._tls)
        return DrivenStationV2(spec, url, edition, complain=self._complain, tls=self._tls)

    def _complain(self, trouble: str) -> None:
        """What keeps one station from the gateway keeps them all: each trouble is told once until all are connected."""
        if trouble not in self._told:
            self._told.add(trouble)
            logger.warning("no connection to the gateway at %s: %s", self._gateway_url, trouble)

    def _make(self, move: Move, *, doors_open: bool) -> bool:
        """Perform a move; False if it doesn't happen."""
        car = move.car
        station, place = self.stations[car.station], (car.station, car.evse_id)
        match move.kind:
            case MoveKind.ARRIVES if doors_open:
                ev = ElectricVehicle(
                    phases=car.phases,
                    max_a=car.max_a,
                    battery_wh=car.battery_wh,
                    soc=car.soc,
                    obey_s=car.obey_s,
                    min_a=self._evses[place].min_a,
                )
                station.plug_in(car.evse_id, ev, car.id_tag)
                self._plugged[place] = car
                return True
            case MoveKind.LEAVES if place in self._plugged:
                station.unplug(car.evse_id)
                del self._plugged[place]
                return True
            case _:
                return False

    def _state(self, evse: EvseSpec) -> EvseState:
        station = self.stations[evse.station]
        status = station.status(evse.evse_id)
        car = self._plugged.get((evse.station, evse.evse_id))
        amps = station.wanted_a(evse.evse_id)
        used = 0 if car is None else min(car.phases, len(evse.rotation))
        wanted_a = (amps if used >= 1 else 0.0, amps if used >= 2 else 0.0, amps if used >= 3 else 0.0)
        draw = EvseDraw(
            station=evse.station,
            evse_id=evse.evse_id,
            draw_a=station.draw_a(evse.evse_id),
            wanted_a=wanted_a,
            offered_a=station.offered_a(evse.evse_id),
        )
        return EvseState(evse=evse, status=status, draw=draw)


def gateway_url(gateway: Endpoint) -> str:
    """Where stations dial, without the identity."""
    return f"ws://{gateway}"

"""A simulated site to be set up: a grid meter, two stations with cars, a cloud; nothing of it is configured yet."""

import asyncio
import math
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from simulators.charger import ChargingStation, ConnectorSpec, ElectricVehicle, StationSpec
from simulators.csms import Csms, TagList
from simulators.meter import ModbusTcpServer, circuit_meter
from simulators.ports import free_endpoints

STEP_S = 0.1
BASE_A = (4.0, 5.0, 6.0)


def spec(identity: str, *, serial: str | None = None) -> StationSpec:
    """A three-phase station of 16 A."""
    return StationSpec(
        identity=identity,
        connectors=(ConnectorSpec(connector_id=1, max_a=16.0, phases=3),),
        vendor="Simulated",
        model="Post",
        firmware="1.4.2",
        serial=serial or f"SN-{identity}",
        sample_interval_s=2,
        nominal_voltage_v=230.0,
    )


@dataclass
class Building:
    """What is truly there. ``rotations[station][k]`` is the grid phase (0 to 2) on the station's own phase k."""

    rotations: dict[str, Sequence[int]] = field(default_factory=dict)
    load_on: tuple[str, int] | None = None  # the installer's test load: at which station, on its own phase
    stations: dict[str, ChargingStation] = field(default_factory=dict)
    base_a: tuple[float, float, float] = BASE_A
    swings_a: float = 0.0  # by so much the building's load moves, as any real one's does; 0 for figures that are exact
    server: ModbusTcpServer | None = None

    def __post_init__(self) -> None:
        self.gateway, self.api, self.meter_at, self.cloud_at = free_endpoints(4)
        self.meter = circuit_meter(current_a=self.currents, import_wh=lambda: 1500.0, nominal_voltage_v=230.0)
        self.cloud = Csms(self.cloud_at, tags=TagList(accepted=frozenset({"ANNA"}), blocked=frozenset()))
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._lived_s = 0.0

    def currents(self) -> tuple[float, float, float]:
        """What flows through the grid connection."""
        amps = [each + self.swings_a * math.sin(self._lived_s) for each in self.base_a]
        for identity, station in self.stations.items():
            for own, draw_a in enumerate(station.draw_a(1)):
                amps[self.rotations[identity][own]] += draw_a
        if self.load_on is not None:
            identity, own = self.load_on
            amps[self.rotations[identity][own]] += 8.7
        return (amps[0], amps[1], amps[2])

    def add(self, identity: str, rotation: Sequence[int] = (0, 1, 2), *, path: str = "") -> ChargingStation:
        """A station is mounted and switched on."""
        station = ChargingStation(
            spec(identity), f"ws://{self.gateway}{path}/{identity}", complain=lambda _trouble: None
        )
        self.rotations[identity] = rotation
        self.stations[identity] = station
        self._tasks[identity] = asyncio.create_task(station.run())
        return station

    async def restart(self, identity: str) -> None:
        """The station's supply is switched off and on: it boots anew."""
        await self._off(identity)
        self.add(identity, self.rotations[identity])

    def plug_in(self, identity: str, *, phases: int = 3, max_a: float = 16.0) -> None:
        """A car comes, its driver shows a card."""
        ev = ElectricVehicle(phases=phases, max_a=max_a, battery_wh=60_000.0, soc=0.2, obey_s=0.5)
        self.stations[identity].plug_in(1, ev, "ANNA")

    async def _off(self, identity: str) -> None:
        task = self._tasks.pop(identity)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    async def lose_meter(self) -> None:
        """Its data cable is pulled."""
        if self.server is not None:
            await self.server.close()
            self.server = None

    async def return_meter(self) -> None:
        """The cable is back."""
        self.server = ModbusTcpServer({1: self.meter})
        await self.server.open(self.meter_at)

    async def live(self) -> None:
        """Physics, for ever."""
        while True:
            await asyncio.sleep(STEP_S)
            self._lived_s += STEP_S
            for station in self.stations.values():
                station.step(STEP_S)

    async def end(self) -> None:
        """Switch all stations off."""
        for identity in list(self._tasks):
            await self._off(identity)


@asynccontextmanager
async def building() -> AsyncIterator[Building]:
    """A building with its meter and its cloud up, and no station yet."""
    site = Building()
    await site.return_meter()
    await site.cloud.open()
    physics = asyncio.create_task(site.live())
    try:
        yield site
    finally:
        await site.end()
        physics.cancel()
        await asyncio.gather(physics, return_exceptions=True)
        await site.cloud.close()
        await site.lose_meter()

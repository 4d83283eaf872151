"""One world: everything of a site on one virtual network, with the real gateway in the middle."""

import asyncio
import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from edge.config import Configuration
from simulators.charger import TransactionAccount
from simulators.csms import StartKey
from simulators.fleet import station_specs
from simulators.phases import Amps3
from simulators.site import EvseSpec
from simulators.world.above import ABOVE, Above
from simulators.world.active_fault import ActiveFault
from simulators.world.broker import WorldBroker
from simulators.world.building import Load
from simulators.world.cloud import CLOUD, WorldCsms
from simulators.world.conditions import UPLINK, Topology
from simulators.world.dimming import GridOperator
from simulators.world.gateway import GATEWAY, Gateway
from simulators.world.history import History
from simulators.world.laying import laid
from simulators.world.limits import Limits
from simulators.world.loop import running
from simulators.world.meters import WorldMeters
from simulators.world.network import Network
from simulators.world.node import start_on
from simulators.world.outside import WorldClock
from simulators.world.parking import Parking
from simulators.world.people import People
from simulators.world.scenario import WorldScenario, begins_s
from simulators.world.shown import Shown
from simulators.world.signals import Signals
from simulators.world.site import cloud_of, meter_spots, peers_view, read_site, site_text
from simulators.world.station import WorldStation
from simulators.world.watch import Frames

HOUSEKEEPING_S: Final = 5.0  # how often dead connections are looked for


class World:
    """Build it inside a running :class:`simulators.world.loop.WorldLoop`; `folder` is for the site file and the
    gateway's disk.
    """

    def __init__(self, scenario: WorldScenario, *, seed: int, folder: Path, keeps_history: bool = False) -> None:
        self._loop = loop = running()
        self.scenario = scenario
        self.seed = seed
        self.begins_at = scenario.begins_at.astimezone(UTC)
        self._begins_at_s = self.begins_at.timestamp()
        self._folder = str(folder)
        self.history = History(loop.time, keeps_all=keeps_history)
        self.network = Network(Topology(by_node={CLOUD: UPLINK}), seed=seed)
        loop.fabric = self.network
        file = folder / "site.toml"
        file.write_text(site_text(scenario.site_head, scenario.posts), encoding="utf-8")
        self.configuration = read_site(file, scenario.site_source)
        self.above = None
        if scenario.above is not None and scenario.above_source is not None:
            self.above = Above.of(scenario.above, scenario.above_source, folder=folder / ABOVE)
        view = peers_view(self.configuration)
        spots, guests = meter_spots(self.configuration), scenario.guests
        if self.above is not None:
            view = self.above.around(view)
            spots, guests = (*self.above.spots, *spots), guests | {self.above.identity}
        self.site = replace(view, evses=tuple(each for each in view.evses if each.station not in scenario.guests))
        self.copper = laid(scenario, self.site, self.now)
        self.meters = WorldMeters(spots, self.copper, volts=self.site.nominal_voltage_v)
        self.frames = Frames(self.history)
        self.cloud = WorldCsms(
            cloud_of(self.configuration),
            stations=guests.union(view.station_ids()),
            guests=guests,
            editions=scenario.editions,
            wall=self.wall,
            ear=self.frames,
        )
        self.gateway = self._gateway(self.configuration, folder, GATEWAY)
        self.upper = None if self.above is None else self._gateway(self.above.configuration, folder / ABOVE, ABOVE)
        mqtt = self.configuration.bms.mqtt
        self.broker = None if mqtt is None else WorldBroker(mqtt.broker)
        self.limits = Limits(
            scenario.limits, configuration=self.configuration, broker=self.broker, now=self.now, wall=self.wall
        )
        self.grid_operator = GridOperator(
            scenario.dimmings, configuration=self.configuration, broker=self.broker, now=self.now, wall=self.wall
        )
        self.signals = Signals(
            scenario.signals, configuration=self.configuration, broker=self.broker, gateway=self.gateway, wall=self.wall
        )
        self.shown = Shown(self.configuration, self.broker)
        self.stations = self._stations()
        self.parking = Parking(self.site, self.stations, seed=seed)
        self.people = People(self)
        self.frames.drawn = self._drew
        self.loads_stand_still = False
        self.faults: list[ActiveFault] = []
        self.made_anew: set[StartKey] = set()  # the starts that the gateway has made, as nobody had kept the station's
        self.forgotten: set[StartKey] = set()  # whose number nobody but the cloud can know any more
        self.unsure: set[StartKey] = set()  # begins that were never written, or only in a journal that was destroyed
        self.unlearned: set[int] = set()  # the cloud's numbers of those whose cards the gateway may not know by them
        self.log_lines: list[tuple[float, str, str]] = []  # of the gateway, from warnings upwards
        self._building_over: dict[str, float] = {}
        self._safe_a = {(evse.key.station, evse.key.evse): evse.fallback_a for evse in self.configuration.site.evses}
        self._tasks: list[asyncio.Task[None]] = []

    def now(self) -> float:
        """Seconds since the world began."""
        return self._loop.time()

    def wall(self) -> datetime:
        """True time."""
        return self.begins_at + timedelta(seconds=self.now())

    def wall_s(self) -> float:
        """True time on the scale of the epoch."""
        return self._begins_at_s + self._loop.time()

    @property
    def period_s(self) -> float:
        """Of the gateway's control loop."""
        return self.configuration.site.control.period_s

    @property
    def root(self) -> str:
        """The circuit at the top of the gateway's own site."""
        return next(circuit.id for circuit in self.configuration.site.circuits if circuit.parent is None)

    @property
    def own_tasks(self) -> int:
        """How many tasks are the world's own: each car that is there has one."""
        return len(self._tasks)

    def safe_a(self, evse: EvseSpec) -> float:
        """The EVSE's safe current, as the installer set it."""
        return self._safe_a[evse.station, evse.evse_id]

    def accounts(self) -> tuple[TransactionAccount, ...]:
        """Every transaction, as its station tells it."""
        return tuple(account for station in self.stations.values() for account in station.transactions())

    def grace_s(self, oracle: str) -> float:
        """By how much the faults that are under way, or were a moment ago, stretch that oracle's patience."""
        now = self.now()
        return max((each.grace_s(oracle) for each in self.faults if each.matters(now)), default=0.0)

    def hides_limit(self, station: str) -> bool:
        """Whether by a fault that is under way, or was a moment ago, nobody knows which limit the station holds."""
        now = self.now()
        return any(each.matters(now) and each.hides_limit(station) for each in self.faults)

    def is_unbound(self, station: str) -> bool:
        """Whether by a fault that is under way, or was a moment ago, no limit binds the station."""
        now = self.now()
        return any(each.matters(now) and each.unbinds(station) for each in self.faults)

    @property
    def is_sound(self) -> bool:
        """Whether nothing is wrong with the site now, nor was a moment ago."""
        now = self.now()
        return not any(each.matters(now) for each in self.faults)

    def is_due(self, line: str) -> bool:
        """Whether a fault of now, or of a moment ago, is what the gateway's log has to complain of."""
        now = self.now()
        return any(line.startswith(each.says) for each in self.faults if each.says and each.may_say(now))

    def building_over_until(self, circuit: str) -> float:
        """Until when the building alone was last above the circuit's rating."""
        return self._building_over.get(circuit, 0.0)

    def hear_log(self, level: str, line: str) -> None:
        """The gateway has logged something worth a warning. Where its disk lies is another place in each run."""
        line = line.replace(self._folder, "")
        self.log_lines.append((self.now(), level, line))
        self.history.add("gateway", f"{level} {line}")

    def rng(self, what: str) -> random.Random:
        """Chance for one purpose, of this world's seed."""
        return random.Random(f"{self.seed} {what}")

    async def begin(self) -> None:
        """Meters, cloud, gateway, stations: in the order in which they are switched on."""
        await self.meters.begin()
        await self.cloud.begin()
        if self.broker is not None:
            await self.broker.begin()
        if self.upper is not None:
            self.upper.start()
        self.gateway.start()
        for identity, station in self.stations.items():
            self._tasks.append(start_on(identity, station.run()))
        for number, load in enumerate(self.scenario.loads):
            self.start(self._follow(f"load {number}", load))
        self.start(self.people.drive())
        self.start(self._keep_house())
        for talk in (*self.limits.talks(), *self.grid_operator.talks(), *self.signals.talks()):
            self.start(talk)
        if self.shown.is_read:
            self.start(self.shown.read_on())
        for from_s, for_s in self.scenario.cloud_away:
            self.start(self._cloud_away(from_s, for_s))

    def start(self, work: Any) -> None:
        """Run something beside the rest until the world ends; an error in it is the run's."""
        self._tasks.append(self._loop.create_task(work))

    def check(self) -> None:
        """Raise what has failed."""
        for gateway in (self.gateway, self.upper):
            if gateway is not None:
                gateway.check()
        for task in self._tasks:
            if task.done():
                task.result()

    async def end(self) -> None:
        """Everybody goes: stations, gateway, cloud, meters."""
        self.copper.advance()
        for stay in self.parking.all():
            self.parking.count(stay)
        for station in self.stations.values():
            station.stop()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.gateway.stop()
        if self.upper is not None:
            await self.upper.stop()
        await self.cloud.end()
        if self.broker is not None:
            await self.broker.leave()
        await self.meters.end()

    # --- what happens in it -----------------------------------------------------------------------------------------

    async def until(self, at_s: float) -> None:
        """Sleep to that second of the world."""
        while (wait_s := at_s - self.now()) > 0:  # noqa: ASYNC110 - time is what is waited for
            await asyncio.sleep(wait_s)

    async def _follow(self, name: str, load: Load) -> None:
        for at_s, amps in load.steps(self.rng(name), begins_s=begins_s(self.scenario), for_s=self.scenario.for_s):
            await self.until(at_s)
            if self.loads_stand_still:
                continue
            self.load(name, load.circuit, amps)

    def load(self, name: str, circuit: str, amps: Amps3) -> None:
        """From now on that load takes so much of its circuit."""
        self._note_building()
        self.copper.load(name, circuit, amps)
        self._note_building()

    def _note_building(self) -> None:
        for run in self.copper.runs.values():
            if run.is_over_without_cars:
                self._building_over[run.id] = self.now()

    async def _cloud_away(self, from_s: float, for_s: float) -> None:
        """With the end of the scenario it is back at the latest: its books are judged then."""
        await self.until(from_s)
        await self.cloud.leave()
        await self.until(min(from_s + for_s, self.scenario.for_s))
        await self.cloud.come_again()

    async def _keep_house(self) -> None:
        while True:
            await asyncio.sleep(HOUSEKEEPING_S)
            self.network.give_up()
            self._tasks = [task for task in self._tasks if not task.done() or task.exception() is not None]

    def _drew(self, evse: EvseSpec, before_a: Amps3, grid_a: Amps3) -> None:
        stay = self.parking.here.get((evse.station, evse.evse_id))
        if stay is None:
            return
        if max(before_a) == 0.0 < max(grid_a):
            stay.starts += 1
            stay.served_at = self.now() if stay.served_at is None else stay.served_at
        elif max(grid_a) == 0.0 < max(before_a) and self.stations[evse.station].holds_back(evse.evse_id):
            stay.stops += 1

    # --- how it is made ---------------------------------------------------------------------------------------------

    def _gateway(self, configuration: Configuration, folder: Path, node: str) -> Gateway:
        clock = WorldClock(self.begins_at, self._loop.time)
        return Gateway(configuration, folder=folder, clock=clock, network=self.network, seed=self.seed, node=node)

    def _stations(self) -> dict[str, WorldStation]:
        gateway = self.site.gateway
        return {
            spec.identity: WorldStation(
                spec,
                f"ws://{gateway}/{spec.identity}",
                evses=[evse for evse in self.site.evses if evse.station == spec.identity],
                wall_s=self.wall_s,
                copper=self.copper,
                watcher=self.frames,
                complain=lambda _trouble: None,
            )
            for spec in station_specs(
                self.site, sample_interval_s=self.scenario.sample_interval_s, editions=self.scenario.editions
            )
        }

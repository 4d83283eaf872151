"""One run of the demo: everything of the site in this process, the gateway beside it."""

import asyncio
import tempfile
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from simulators.background import Background
from simulators.confirmation import confirmed
from simulators.csms import Csms, TagList
from simulators.demo.drawing import EVENTS_SHOWN
from simulators.demo.gateway import Addresses, Gateway, rewrite_site
from simulators.demo.picture import Picture
from simulators.demo.result import DemoResult
from simulators.demo.screen import Screen
from simulators.demo.status import GatewayStatus, parse_status
from simulators.errors import PeerError
from simulators.events import EventLog, describe_load_step, describe_move
from simulators.feeder import Feeder
from simulators.fleet import Fleet, gateway_url
from simulators.meter import ModbusTcpServer, circuit_meter
from simulators.outages import follow_outages
from simulators.pace import STEP_S, ScenarioClock
from simulators.ports import free_endpoints
from simulators.scenario import Scenario
from simulators.tally import Tally

CONNECT_TIMEOUT_S: Final = 15.0  # stations, gateway and cloud find each other on one machine in about a second
DRAIN_S: Final = 5.0  # after the end: for what is still on its way to the cloud
STATUS_EVERY_S: Final = 0.5


async def run_demo(
    scenario: Scenario, *, for_s: float | None, screen: Screen, stop: asyncio.Event
) -> DemoResult | None:
    """Run until `for_s` of scenario time have passed and the queues are drained, or `stop` is set.

    None if `stop` came before the site was up. Raises PeerError if the gateway doesn't come up or dies.
    """
    with tempfile.TemporaryDirectory(prefix="edge-demo-") as folder:
        async with AsyncExitStack() as stack:
            demo = Demo(scenario, for_s=for_s, folder=Path(folder), screen=screen, stop=stop)
            return await demo.run(stack)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stage:
    """What stands once the site is up."""

    background: Background
    gateway: Gateway


class Demo:
    """The parts of one run and their order of coming and going."""

    def __init__(
        self, scenario: Scenario, *, for_s: float | None, folder: Path, screen: Screen, stop: asyncio.Event
    ) -> None:
        gateway, cloud, meter, api = free_endpoints(4)
        self._addresses = Addresses(gateway=gateway, cloud=cloud, meter=meter, api=api)
        self._page_url = f"http://{api}/"
        self._scenario = scenario
        self._ends_s = for_s
        self._folder = folder
        self._screen = screen
        self._stop = stop
        self._clock = ScenarioClock()
        self._events = EventLog(self._clock.now_s, screen.event)
        self._fleet = Fleet(scenario, gateway_url(gateway))
        self._feeder = Feeder(scenario.site, scenario.building, self._fleet.draws)
        self._tally = Tally(self._feeder)
        self._csms = Csms(
            cloud,
            tags=TagList(accepted=scenario.cloud.accepted_tags, blocked=scenario.cloud.blocked_tags),
            stations=frozenset(scenario.site.station_ids()),
            boot_interval_s=scenario.cloud.boot_interval_s,
        )
        self._status: GatewayStatus | None = None
        self._next_picture_s = 0.0

    async def run(self, stack: AsyncExitStack) -> DemoResult | None:
        """Build up, run, drain, count; `stack` takes it all down again in reverse order."""
        stage = await self._build_up(stack)
        if not await self._everybody_there(stage):
            return None
        self._clock.start()
        stage.background.start(
            follow_outages(self._csms, self._scenario, self._clock, self._events.add, ends_s=self._ends_s)
        )
        stage.background.start(self._poll_status(stage.gateway))
        await self._go_on(stage, until_s=self._ends_s)
        if self._ends_s is not None:
            await self._go_on(stage, until_s=self._ends_s + DRAIN_S, until_drained=True)
        final = await stage.gateway.status()
        if final is None:
            raise PeerError("the gateway doesn't answer any more")
        return self._result(parse_status(final))

    async def _build_up(self, stack: AsyncExitStack) -> _Stage:
        """Meter, cloud and gateway, in this order; the stations dial once the gateway listens."""
        circuit = next(circuit for circuit in self._scenario.site.circuits if circuit.parent is None)
        meter = ModbusTcpServer(
            {
                self._scenario.site.meter_unit: circuit_meter(
                    current_a=lambda: self._feeder.currents(self._clock.now_s())[circuit.id].total_a,
                    import_wh=lambda: self._tally.import_wh,
                    nominal_voltage_v=self._scenario.site.nominal_voltage_v,
                )
            }
        )
        await meter.open(self._addresses.meter)
        stack.push_async_callback(meter.close)
        await self._csms.open()
        stack.push_async_callback(self._csms.close)
        site_file = self._folder / "site.toml"
        rewrite_site(self._scenario.site_file, site_file, addresses=self._addresses)
        gateway = Gateway(folder=self._folder, site_file=site_file, api=self._addresses.api)
        self._screen.note("starting the gateway")
        stack.push_async_callback(gateway.stop)
        await gateway.start()
        await gateway.ready(self._stop)
        self._screen.note(f"the gateway's page is at {self._page_url}")
        background = await stack.enter_async_context(Background())  # ends before the gateway does
        background.start(self._fleet.run())
        return _Stage(background=background, gateway=gateway)

    async def _everybody_there(self, stage: _Stage) -> bool:
        """Wait until every station has reached the gateway and, through it, the cloud; False if stopped."""
        loop = asyncio.get_running_loop()
        give_up_s = loop.time() + CONNECT_TIMEOUT_S
        everybody = frozenset(self._fleet.stations)
        while not (self._fleet.all_connected and self._csms.connected == everybody):
            if self._stop.is_set():
                return False
            stage.gateway.check()
            stage.background.check()
            if loop.time() > give_up_s:
                missing = ", ".join(sorted(everybody - self._csms.connected))
                raise stage.gateway.error(f"after {CONNECT_TIMEOUT_S:g} s the cloud still misses {missing}")
            await asyncio.sleep(STEP_S)
        return not self._stop.is_set()

    async def _go_on(self, stage: _Stage, *, until_s: float | None, until_drained: bool = False) -> None:
        """Step the world until `until_s`, the stop, or (on demand) until the cloud has every transaction."""
        async for time_s, dt_s in self._clock.steps(until_s=until_s, stop=self._stop):
            for move in self._fleet.step(time_s, dt_s, ends_s=self._ends_s):
                self._events.add(describe_move(move))
            load_step = describe_load_step(self._scenario.building, time_s - dt_s, time_s)
            if load_step is not None:
                self._events.add(load_step)
            self._tally.step(time_s, dt_s)
            stage.gateway.check()
            stage.background.check()
            self._show(time_s)
            if until_drained and self._drained():
                return

    def _drained(self) -> bool:
        accounts = self._fleet.transactions()
        return confirmed(accounts, self._csms.record) == len(accounts)

    def _show(self, time_s: float) -> None:
        every_s = self._screen.every_s
        if every_s is None or time_s < self._next_picture_s:
            return
        self._next_picture_s = time_s + every_s
        self._screen.show(
            Picture(
                site=self._scenario.site,
                page_url=self._page_url,
                time_s=time_s,
                currents=self._feeder.currents(time_s),
                tripped={name: breaker.tripped for name, breaker in self._tally.breakers.items()},
                evses=self._fleet.states(),
                gateway=self._status,
                cloud_away=self._csms.away,
                seconds_over_rating=self._tally.seconds_over_rating,
                energy_wh=self._fleet.energy_wh(),
                events=self._events.latest(EVENTS_SHOWN),
            )
        )

    async def _poll_status(self, gateway: Gateway) -> None:
        """Keep the gateway's own account fresh for the screen, until cancelled."""
        while True:
            answer = await gateway.status()
            self._status = None if answer is None else parse_status(answer)
            await asyncio.sleep(STATUS_EVERY_S)

    def _result(self, status: GatewayStatus) -> DemoResult:
        accounts = self._fleet.transactions()
        return DemoResult(
            ticks=status.ticks,
            missed_ticks=status.missed_ticks,
            max_current_a=self._tally.max_current_a,
            seconds_over_rating=self._tally.seconds_over_rating,
            breaker_tripped=self._tally.breaker_tripped,
            energy_wh=self._fleet.energy_wh(),
            profiles_sent=self._fleet.profiles_received(),
            transactions_started=len(accounts),
            transactions_confirmed_by_cloud=confirmed(accounts, self._csms.record),
            utilisation=self._tally.utilisation,
        )

"""A site on a good day: eight EVSEs, cars that follow their limits after a while, a building whose load can step.

The real loop runs in virtual time, with its own timing; meter and stations answer at once and tell the truth, late only
where real ones are.
"""

import asyncio
import contextlib
from collections import deque
from random import Random

from edge.control.board import Board
from edge.control.loop import ControlLoop
from edge.control.vitals import Vitals
from edge.domain.reading import MeterFailed, MeterReading
from edge.domain.setpoint import LimitCommand, Purpose
from edge.domain.site import Circuit, ControlSettings, Evse, EvseKey, Meter, Site, Station
from edge.domain.station import (
    DrawSampled,
    EvseStatus,
    LimitAnswered,
    LimitOutcome,
    LimitSent,
    SessionBegan,
    StationOnline,
    StatusReported,
)
from edge.units import PHASES, Amps, Phase, PhaseAmps, Seconds
from tests.scenario.hostile_gateway import NoWatchdog
from tests.virtual_time import VirtualClock

ANSWER_S = 0.1  # a station's answer to a limit
RESERVE_A = 10.0


class Car:
    """A car at an EVSE: it follows its limit ``lag_s`` later, takes ``wish_a`` at most, and pauses below 6 A."""

    def __init__(self, evse: Evse, *, lag_s: Seconds, wish_a: Amps, sample_every_s: Seconds) -> None:
        self.evse = evse
        self.lag_s = lag_s
        self.wish_a = wish_a
        self.sample_every_s = sample_every_s
        self._limits: deque[tuple[Seconds, Amps]] = deque([(0.0, 0.0)])

    def told(self, at: Seconds, limit_a: Amps) -> None:
        self._limits.append((at, limit_a))

    def draw_a(self, now: Seconds) -> Amps:
        while len(self._limits) > 1 and self._limits[1][0] <= now - self.lag_s:
            self._limits.popleft()
        amps = min(self._limits[0][1], self.wish_a)
        return amps if amps >= self.evse.min_a else 0.0


class LivelySite:
    """63 A, a sub-circuit of 40 A, 8 EVSEs. It is the meter port and the limit port of its loop."""

    def __init__(self, seed: int = 0, *, wish_a: Amps = 32.0) -> None:
        rng = Random(seed)
        evses = [
            Evse(
                key=EvseKey(station=f"CP-{number}", evse=1),
                circuit="garage" if number < 5 else "main",
                phases=PHASES if number != 3 else (Phase.L2,),
                min_a=6.0,
                max_a=32.0 if number % 2 else 16.0,
                fallback_a=6.0,
            )
            for number in range(8)
        ]
        self.site = Site(
            id="lively",
            timezone="UTC",
            nominal_voltage_v=230.0,
            control=ControlSettings(),
            circuits=(
                Circuit(
                    id="main", parent=None, fuse_a=63.0, margin_a=2.0, meter="grid", background_reserve_a=RESERVE_A
                ),
                Circuit(id="garage", parent="main", fuse_a=40.0, margin_a=1.0),
            ),
            meters=(Meter(id="grid", model="sdm630", connection="tcp://127.0.0.1:1"),),
            stations=tuple(Station(id=evse.key.station, evses=(evse,)) for evse in evses),
        )
        self.cars = [
            Car(evse, lag_s=rng.uniform(0.5, 5.0), wish_a=wish_a, sample_every_s=rng.uniform(5.0, 10.0))
            for evse in evses
        ]
        self.background_a = 8.0
        self.meter_fails = False
        self.written: list[tuple[Seconds, LimitCommand]] = []
        self.clock = VirtualClock()
        self.board = Board(self.site, started_at=self.clock.monotonic())
        self.loop = ControlLoop(
            board=self.board,
            meters=self,
            limits=self,
            clock=self.clock,
            vitals=Vitals(NoWatchdog(), 1.0),
            publish=lambda _snapshot, _decision: None,
        )
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self, *, cars: int = 8) -> None:
        """So many of the cars are there, first those in the garage, and the loop runs."""
        now = self.clock.monotonic()
        for car in self.cars:
            self.board.take(StationOnline(station=car.evse.key.station, at=now))
            self.board.take(StatusReported(key=car.evse.key, at=now, status=EvseStatus.AVAILABLE))
        for number, car in enumerate(self.cars[:cars]):
            key = car.evse.key
            self.board.take(SessionBegan(key=key, at=now, transaction_id=str(number)))
            self.board.take(StatusReported(key=key, at=now, status=EvseStatus.CHARGING))
            self._tasks.append(asyncio.create_task(self._sampling(car)))
        self._tasks.append(asyncio.create_task(self.loop.run()))

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        for task in self._tasks:
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def _sampling(self, car: Car) -> None:
        while True:
            await asyncio.sleep(car.sample_every_s)
            now = self.clock.monotonic()
            current_a = PhaseAmps.on(car.evse.phases, car.draw_a(now))
            self.board.take(DrawSampled(key=car.evse.key, at=now, current_a=current_a))

    # The ports.

    async def sample(self) -> None:
        now = self.clock.monotonic()
        if self.meter_fails:
            self.board.take(MeterFailed(meter="grid", at=now, problem="no answer"))
        else:
            self.board.take(MeterReading(meter="grid", at=now, current_a=self.measured_a()))

    def write_limit(self, command: LimitCommand) -> None:
        now = self.clock.monotonic()
        self.written.append((now, command))
        self.board.take(LimitSent(key=command.key, at=now, command=command.id))
        asyncio.get_running_loop().call_later(ANSWER_S, self._accept, command)

    def _accept(self, command: LimitCommand) -> None:
        now = self.clock.monotonic()
        if command.purpose is Purpose.SESSION:
            next(car for car in self.cars if car.evse.key == command.key).told(now, command.limit_a)
        self.board.take(LimitAnswered(key=command.key, at=now, command=command.id, outcome=LimitOutcome.ACCEPTED))

    # What is true.

    def measured_a(self, circuit_id: str = "main") -> PhaseAmps:
        """What flows through the circuit now."""
        now = self.clock.monotonic()
        total = PhaseAmps.same(self.background_a if circuit_id == "main" else 0.0)
        for car in self.cars:
            if circuit_id in (circuit.id for circuit in self.site.path(car.evse.circuit)):
                total = total + PhaseAmps.on(car.evse.phases, car.draw_a(now))
        return total

    def overload_a(self) -> Amps:
        """How far the worst phase of any circuit is above its rating; below 0: how far below."""
        return max(max(self.measured_a(circuit.id)) - circuit.rating_a for circuit in self.site.circuits)

    def used(self, circuit_id: str) -> float:
        """The share of the circuit's rating that is used on its fullest phase."""
        return max(self.measured_a(circuit_id)) / self.site.circuit_by_id[circuit_id].rating_a

"""A site for the sweep of stability: one metered fuse, hungry cars that follow late, a meter that is late and noisy.

The real board and the real tick run second by second; everything else is as simple as can be, so that whatever swings
does so because of the controller.
"""

import math
from collections import deque
from dataclasses import dataclass
from enum import StrEnum
from random import Random

from edge.control.board import Board
from edge.control.loop import ControlLoop
from edge.control.vitals import Vitals
from edge.domain.reading import MeterReading
from edge.domain.setpoint import LimitCommand, Purpose
from edge.domain.site import Circuit, ControlSettings, Evse, EvseKey, Meter, Site, Station
from edge.domain.station import (
    DrawSampled,
    EvseStatus,
    LimitAnswered,
    LimitOutcome,
    LimitSent,
    SessionBegan,
    SessionEnded,
    StationOnline,
    StatusReported,
)
from edge.units import PHASES, Amps, PhaseAmps, Seconds
from tests.scenario.agenda import Agenda
from tests.scenario.hostile_gateway import NoMeters, NoWatchdog

RATING_A = 80.0
EVSES = 5
START_S = 1000.0


class Lag(StrEnum):
    """How a car gets to its limit."""

    STEP = "step"  # not at all, and then at once
    GRADUAL = "gradual"  # first order: by so much of what is missing in each second


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditions:
    """One point of the sweep. ``meter_noise`` is the largest error, as a share of the reading, new for each reading."""

    meter_delay_s: Seconds = 0.0
    meter_noise: float = 0.0
    lag_s: Seconds = 5.0
    lag: Lag = Lag.STEP
    step_a: Amps = 0.1
    sample_every_s: Seconds = 10.0


class LateCar:
    """An EVSE and its car: hungry, and late to follow; ``takes_a`` is the most that it can."""

    def __init__(self, evse: Evse, conditions: Conditions) -> None:
        self.evse = evse
        self.draws_a: Amps = 0.0
        self.there = False
        self.takes_a: Amps = evse.max_a
        self._conditions = conditions
        self._limits: deque[tuple[Seconds, Amps]] = deque([(0.0, 0.0)])

    def told(self, at: Seconds, limit_a: Amps) -> None:
        self._limits.append((at, limit_a))

    def follow(self, now: Seconds) -> None:
        """One second passes."""
        gradual = self._conditions.lag is Lag.GRADUAL
        late_s = 0.0 if gradual else self._conditions.lag_s
        while len(self._limits) > 1 and self._limits[1][0] <= now - late_s:
            self._limits.popleft()
        limit_a = min(self._limits[0][1], self.takes_a)
        wanted_a = limit_a if self.there and limit_a >= self.evse.min_a else 0.0
        if not self.there or not gradual or self._conditions.lag_s == 0 or wanted_a == 0:
            self.draws_a = wanted_a
        else:
            self.draws_a = max(self.draws_a, self.evse.min_a)
            self.draws_a += (wanted_a - self.draws_a) * (1.0 - math.exp(-1.0 / self._conditions.lag_s))


class SteadySite:
    """It is the limit port of its loop; ``written`` are the session limits that changed: when, whose, how much."""

    def __init__(self, conditions: Conditions, seed: int = 0) -> None:
        self._conditions = conditions
        self._rng = Random(seed)
        evses = [
            Evse(
                key=EvseKey(station=f"CP-{number}", evse=1),
                circuit="main",
                phases=PHASES,
                min_a=6.0,
                max_a=32.0,
                fallback_a=6.0,
                step_a=conditions.step_a,
            )
            for number in range(EVSES)
        ]
        self.site = Site(
            id="steady",
            timezone="UTC",
            nominal_voltage_v=230.0,
            # A reading is as good as its meter is quick: one that is 10 s late is no failure here.
            control=ControlSettings(meter_stale_s=max(5.0, conditions.meter_delay_s + 4.0)),
            circuits=(Circuit(id="main", parent=None, fuse_a=RATING_A, meter="grid", background_reserve_a=50.0),),
            meters=(Meter(id="grid", model="sdm630", connection="tcp://127.0.0.1:1"),),
            stations=tuple(Station(id=evse.key.station, evses=(evse,)) for evse in evses),
        )
        self.cars = [LateCar(evse, conditions) for evse in evses]
        self._by_key = {car.evse.key: car for car in self.cars}
        self._sampled_at = [self._rng.uniform(0.0, conditions.sample_every_s) for _ in self.cars]
        self.background_a: Amps = 20.4  # so that whole steps never fit to a hair
        self._flows: deque[tuple[Seconds, PhaseAmps]] = deque()
        self.written: list[tuple[Seconds, EvseKey, Amps]] = []
        self.limit_a: dict[EvseKey, Amps] = {}
        self._answers: list[LimitCommand] = []
        self._sessions = 0
        self.clock = Agenda(START_S)
        self.board = Board(self.site, started_at=START_S)
        self.loop = ControlLoop(
            board=self.board,
            meters=NoMeters(),
            limits=self,
            clock=self.clock,
            vitals=Vitals(NoWatchdog(), 1.0),
            publish=lambda _snapshot, _decision: None,
        )
        for car in self.cars:
            self.board.take(StationOnline(station=car.evse.key.station, at=START_S))
            self.board.take(StatusReported(key=car.evse.key, at=START_S, status=EvseStatus.AVAILABLE))

    def arrive(self, *numbers: int) -> None:
        now = self.clock.now
        for number in numbers:
            car = self.cars[number]
            car.there = True
            self._sessions += 1
            self.limit_a.pop(car.evse.key, None)
            self.board.take(SessionBegan(key=car.evse.key, at=now, transaction_id=str(self._sessions)))
            self.board.take(StatusReported(key=car.evse.key, at=now, status=EvseStatus.CHARGING))

    def leave(self, number: int) -> None:
        car, now = self.cars[number], self.clock.now
        car.there, car.draws_a = False, 0.0
        self.board.take(SessionEnded(key=car.evse.key, at=now))
        self.board.take(StatusReported(key=car.evse.key, at=now, status=EvseStatus.AVAILABLE))

    def second(self) -> None:
        """Cars move, stations sample, the meter is read, and the tick decides on that."""
        self.clock.now += 1.0
        now = self.clock.now
        for command in self._answers:
            self.board.take(LimitAnswered(key=command.key, at=now, command=command.id, outcome=LimitOutcome.ACCEPTED))
        self._answers.clear()
        for number, car in enumerate(self.cars):
            car.follow(now)
            if (now - START_S - self._sampled_at[number]) % self._conditions.sample_every_s < 1.0 and car.there:
                self.board.take(DrawSampled(key=car.evse.key, at=now, current_a=PhaseAmps.same(car.draws_a)))
        self._flows.append((now, PhaseAmps.same(self.flow_a)))
        while len(self._flows) > 1 and self._flows[1][0] <= now - self._conditions.meter_delay_s:
            self._flows.popleft()
        noise = self._conditions.meter_noise
        shown = PhaseAmps(*(amps * (1.0 + self._rng.uniform(-noise, noise)) for amps in self._flows[0][1]))
        self.board.take(MeterReading(meter="grid", at=now, current_a=shown))
        self.loop.tick()

    def write_limit(self, command: LimitCommand) -> None:
        now = self.clock.now
        self.board.take(LimitSent(key=command.key, at=now, command=command.id))
        self._answers.append(command)
        if command.purpose is Purpose.SESSION:
            self._by_key[command.key].told(now, command.limit_a)
            if self.limit_a.get(command.key) != command.limit_a:
                self.limit_a[command.key] = command.limit_a
                self.written.append((now, command.key, command.limit_a))

    # What is true.

    @property
    def drawn_a(self) -> Amps:
        return sum(car.draws_a for car in self.cars)

    @property
    def flow_a(self) -> Amps:
        return self.background_a + self.drawn_a

    @property
    def usable_a(self) -> Amps:
        """What the cars that are there could draw at most without an overload, in whole steps of their chargers."""
        count = sum(car.there for car in self.cars)
        room_a = min(RATING_A - self.background_a, sum(car.evse.max_a for car in self.cars if car.there))
        return math.floor(room_a / self._conditions.step_a + 1e-6) * self._conditions.step_a if count else 0.0

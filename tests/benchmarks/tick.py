"""How long one whole tick of the control loop takes: board to snapshot, decision, commands, log.

What comes between two ticks isn't in it: the stations' answers, and clearing away what the ticks have left.
"""

import gc
import logging
from datetime import UTC, datetime, timedelta

import structlog

from edge.control.board import Board
from edge.control.litter import YOUNG
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
    StationOnline,
    StatusReported,
)
from edge.units import PHASES, PhaseAmps, Seconds
from tests.benchmarks.figure import Figure, Stopwatch

STATIONS = 500
CIRCUITS = 50
WARM_UP_TICKS = 60
TICKS = 300
SAMPLES_EVERY_S = 10  # MeterValues of each station


class _Clock:
    """Time that passes when it is told to."""

    def __init__(self) -> None:
        self._now: Seconds = 0.0

    def advance(self, seconds: Seconds) -> None:
        self._now += seconds

    def monotonic(self) -> Seconds:
        return self._now

    def wall(self) -> datetime:
        return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=self._now)

    def wall_is_trusted(self) -> bool:
        return True


class _Stations:
    """Accept every limit as soon as the tick is over, draw it from the next on, and report that every ten seconds."""

    def __init__(self, board: Board, clock: _Clock) -> None:
        self._board = board
        self._clock = clock
        self._told: list[LimitCommand] = []
        self.limit_a: dict[EvseKey, float] = {}

    def write_limit(self, command: LimitCommand) -> None:
        self._told.append(command)

    def answer(self) -> None:
        now = self._clock.monotonic()
        for command in self._told:
            self._board.take(LimitSent(key=command.key, at=now, command=command.id))
            self._board.take(LimitAnswered(key=command.key, at=now, command=command.id, outcome=LimitOutcome.ACCEPTED))
            if command.purpose is Purpose.SESSION:
                self.limit_a[command.key] = command.limit_a
        self._told.clear()

    def report(self, site: Site, tick: int) -> None:
        now = self._clock.monotonic()
        total = PhaseAmps.same(200.0 + 40.0 * (tick // 60 % 2))
        for number, evse in enumerate(site.evses):
            draw = PhaseAmps.on(evse.phases, self.limit_a.get(evse.key, 0.0))
            total = total + draw
            if (number + tick) % SAMPLES_EVERY_S == 0:
                self._board.take(DrawSampled(key=evse.key, at=now, current_a=draw))
        self._board.take(MeterReading(meter="grid", at=now, current_a=total))


class _NoWatchdog:
    def ready(self) -> None: ...
    def feed(self) -> None: ...
    def stopping(self) -> None: ...


class _NoMeters:
    async def sample(self) -> None:
        """The readings are given to the board directly."""


def figures() -> list[Figure]:
    """Median and p99 of a tick with a building load that steps once a minute, all cars charging."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    try:
        return _measured().figures(f"tick, {STATIONS} stations in {CIRCUITS} circuits")
    finally:
        structlog.reset_defaults()


def _measured() -> Stopwatch:
    site, clock = _site(), _Clock()
    board = Board(site, started_at=clock.monotonic())
    stations = _Stations(board, clock)
    loop = ControlLoop(
        board=board,
        meters=_NoMeters(),
        limits=stations,
        clock=clock,
        vitals=Vitals(_NoWatchdog(), 1.0),
        publish=lambda _snapshot, _decision: None,
    )
    for evse in site.evses:
        now = clock.monotonic()
        board.take(StationOnline(station=evse.key.station, at=now))
        board.take(StatusReported(key=evse.key, at=now, status=EvseStatus.PREPARING))
        board.take(SessionBegan(key=evse.key, at=now, transaction_id=evse.key.station))
        board.take(StatusReported(key=evse.key, at=now, status=EvseStatus.CHARGING))
    stopwatch = Stopwatch()
    for tick in range(WARM_UP_TICKS + TICKS):
        if tick == WARM_UP_TICKS:
            stopwatch = Stopwatch()
            gc.collect()
            gc.freeze()  # as the daemon does when it is up
        clock.advance(1.0)
        stations.report(site, tick)
        gc.collect(YOUNG)
        with stopwatch.running():
            loop.tick()
        stations.answer()
    return stopwatch


def _site() -> Site:
    subs = [f"sub-{number}" for number in range(CIRCUITS - 1)]
    rotations = (PHASES, (PHASES[1], PHASES[2], PHASES[0]), (PHASES[2], PHASES[0], PHASES[1]))
    return Site(
        id="bench",
        timezone="UTC",
        nominal_voltage_v=230.0,
        control=ControlSettings(),
        circuits=(
            Circuit(id="main", parent=None, fuse_a=14.0 * STATIONS, meter="grid"),
            *(Circuit(id=name, parent="main", fuse_a=160.0) for name in subs),
        ),
        meters=(Meter(id="grid", model="sdm630", connection="tcp://127.0.0.1:1"),),
        stations=tuple(
            Station(
                id=f"CP-{number:03}",
                evses=(
                    Evse(
                        key=EvseKey(station=f"CP-{number:03}", evse=1),
                        circuit=subs[number % len(subs)],
                        phases=rotations[number % 3],
                        min_a=6.0,
                        max_a=32.0,
                        fallback_a=6.0,
                        rank=number % 3,
                    ),
                ),
            )
            for number in range(STATIONS)
        ),
    )

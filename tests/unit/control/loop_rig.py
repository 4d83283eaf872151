"""A control loop in virtual time, on a site of one EVSE."""

import asyncio
import contextlib
from collections.abc import Callable, Coroutine
from typing import Any

from edge.allocation.decide import Decision
from edge.allocation.snapshot import Snapshot
from edge.control.board import Board
from edge.control.litter import Litter
from edge.control.loop import ControlLoop
from edge.control.vitals import Vitals
from edge.domain.reading import MeterReading
from edge.domain.setpoint import LimitCommand
from edge.domain.site import ControlSettings, Mode
from edge.domain.station import (
    EvseStatus,
    LimitAnswered,
    LimitOutcome,
    LimitSent,
    SessionBegan,
    StationOnline,
    StatusReported,
)
from edge.units import PhaseAmps, Seconds
from tests import virtual_time
from tests.site_builders import evse, key, site
from tests.virtual_time import VirtualClock


class Dog:
    """A watchdog that remembers when it was spoken to."""

    def __init__(self, clock: VirtualClock) -> None:
        self._clock = clock
        self.ready_at: list[Seconds] = []
        self.fed_at: list[Seconds] = []

    def ready(self) -> None:
        self.ready_at.append(self._clock.monotonic())

    def feed(self) -> None:
        self.fed_at.append(self._clock.monotonic())

    def stopping(self) -> None: ...


class Rig:
    """A loop on a site of one EVSE, with a meter that takes as long as it is told to."""

    def __init__(self, *, period_s: Seconds = 1.0, mode: Mode = Mode.CONTROL, litter: Litter | None = None) -> None:
        self.clock = VirtualClock()
        self.board = Board(
            site(evse(), settings=ControlSettings(period_s=period_s, mode=mode)), started_at=self.clock.monotonic()
        )
        self.dog = Dog(self.clock)
        self.vitals = Vitals(self.dog, period_s)
        self.loop = ControlLoop(
            board=self.board,
            meters=self,
            limits=self,
            clock=self.clock,
            vitals=self.vitals,
            publish=self._publish,
            litter=litter,
        )
        self.meter_takes_s: Callable[[int], Seconds] = lambda _number: 0.0
        self.meter_shows_a = 5.0
        self.asked_at: list[Seconds] = []
        self.told: list[LimitCommand] = []
        self.published: list[tuple[Snapshot, Decision]] = []
        self.on_publish: Callable[[int], None] = lambda _number: None

    # The ports.

    async def sample(self) -> None:
        number = len(self.asked_at)
        self.asked_at.append(self.clock.monotonic())
        await asyncio.sleep(self.meter_takes_s(number))
        # No two readings of a meter that measures are alike to the last digit.
        shown_a = self.meter_shows_a - (number % 2) * 1e-6
        self.board.take(MeterReading(meter="grid", at=self.clock.monotonic(), current_a=PhaseAmps.same(shown_a)))

    def write_limit(self, command: LimitCommand) -> None:
        """A station that accepts everything at once."""
        self.told.append(command)
        now = self.clock.monotonic()
        self.board.take(LimitSent(key=command.key, at=now, command=command.id))
        self.board.take(LimitAnswered(key=command.key, at=now, command=command.id, outcome=LimitOutcome.ACCEPTED))

    def _publish(self, snapshot: Snapshot, decision: Decision) -> None:
        self.published.append((snapshot, decision))
        self.on_publish(len(self.published))

    # The world.

    def car_arrives(self) -> None:
        now = self.clock.monotonic()
        self.board.take(StationOnline(station="CP-1", at=now))
        self.board.take(StatusReported(key=key(1), at=now, status=EvseStatus.AVAILABLE))
        self.board.take(SessionBegan(key=key(1), at=now, transaction_id="7"))

    async def run_for(self, seconds: Seconds) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.loop.run(), seconds)

    @property
    def ticks_at(self) -> list[Seconds]:
        return [snapshot.now for snapshot, _ in self.published]


def in_virtual_time(test: Callable[[], Coroutine[Any, Any, None]]) -> Callable[[], None]:
    """Run the test on a loop whose time jumps."""

    def run() -> None:
        virtual_time.run(test())

    run.__name__, run.__doc__ = test.__name__, test.__doc__
    return run

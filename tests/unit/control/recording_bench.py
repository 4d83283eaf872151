"""A site that is controlled by the real loop, second by second, with stations that do as they are told."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from io import BytesIO
from random import Random
from typing import BinaryIO

from edge.allocation.decide import Decision
from edge.allocation.snapshot import Snapshot
from edge.control.board import Board
from edge.control.loop import ControlLoop
from edge.control.recording import Header, Tick
from edge.control.replay import first_difference
from edge.control.vitals import Vitals
from edge.domain.reading import MeterReading
from edge.domain.setpoint import LimitCommand
from edge.domain.site import Circuit, EvseKey
from edge.domain.station import (
    DrawSampled,
    EvseStatus,
    LimitAnswered,
    LimitOutcome,
    LimitSent,
    SessionBegan,
    SessionEnded,
    StationOffline,
    StationOnline,
    StatusReported,
)
from edge.units import NO_CURRENT, Amps, PhaseAmps, Seconds
from tests import site_builders as build

EVSES_PER_GARAGE = 10
HEADER = Header(program="1.2.3", site="test", wall="2026-11-21T07:00:00+00:00", monotonic=0.0)


def tick_of(decision: Decision) -> Tick:
    """What is recorded of it."""
    return Tick(snapshot=decision.snapshot, memory=decision.made_with, decision=decision.outcome)


def alike(ticks: Sequence[Tick], others: Sequence[Tick]) -> bool:
    """Whether they are the same, value for value."""
    return len(ticks) == len(others) and first_difference(tuple(ticks), tuple(others)) is None


class HandClock:
    """Shows what it is set to."""

    def __init__(self) -> None:
        self.now: Seconds = 0.0

    def monotonic(self) -> Seconds:
        return self.now

    def wall(self) -> datetime:
        return datetime(2026, 11, 21, 7, tzinfo=UTC) + timedelta(seconds=self.now)

    def wall_is_trusted(self) -> bool:
        return True


class NoWatchdog:
    def ready(self) -> None: ...
    def feed(self) -> None: ...
    def stopping(self) -> None: ...


class ControlledSite:
    """``evses`` EVSEs in garages of ten; sessions come and go, one station falls out for a while.

    ``published`` collects what the loop publishes.
    """

    def __init__(self, evses: int, *, seed: int = 1) -> None:
        self._rng = Random(seed)
        self._clock = HandClock()
        units = [
            build.evse(n, circuit=f"garage-{n // EVSES_PER_GARAGE}", rank=n % 3 // 2, weight=1.0 + n % 2)
            for n in range(evses)
        ]
        garages = [Circuit(id=f"garage-{n}", parent="main", fuse_a=80.0) for n in range(-(-evses // EVSES_PER_GARAGE))]
        self._fuse_a = 8.0 * evses + 60.0
        main = Circuit(id="main", parent=None, fuse_a=self._fuse_a, margin_a=2.0, meter="grid")
        self._board = Board(build.site(*units, circuits=[main, *garages]), started_at=0.0)
        self._commands: list[LimitCommand] = []
        self._limits: dict[EvseKey, Amps] = {}
        self._sessions: dict[EvseKey, Amps] = {}  # the most that the car takes
        self.published: list[tuple[Snapshot, Decision]] = []
        self._loop = ControlLoop(
            board=self._board,
            meters=self,
            limits=self,
            clock=self._clock,
            vitals=Vitals(NoWatchdog(), 1.0),
            publish=lambda snapshot, decision: self.published.append((snapshot, decision)),
        )

    async def sample(self) -> None:
        raise AssertionError("the loop isn't run here, only its tick")

    def write_limit(self, command: LimitCommand) -> None:
        self._commands.append(command)

    def run(self, ticks: int) -> list[Tick]:
        """Every tick with the memory that its decision was made from."""
        for _ in range(ticks):
            self._second()
            self._loop.tick()
            self._clock.now += 1.0
        return [tick_of(decision) for _, decision in self.published]

    def _second(self) -> None:
        now = self._clock.now
        self._obey()
        for number, key in enumerate(self._board.evses):
            if now == number % 5:
                self._board.take(StationOnline(station=key.station, at=now))
                self._board.take(StatusReported(key=key, at=now, status=EvseStatus.AVAILABLE))
            if number == 1 and now in (60.0, 75.0):
                link = StationOffline if now == 60.0 else StationOnline
                self._board.take(link(station=key.station, at=now))
            if now >= 5 and (now + 7 * number + 100) % 120 == 0:
                self._change_session(key)
            if (now + number) % 10 == 0:
                self._board.take(DrawSampled(key=key, at=now, current_a=self._draw(key)))
        if now not in (40.0, 41.0):
            building = PhaseAmps.same(30.0 + 5.0 * self._rng.random())
            flowing = sum((self._draw(key) for key in self._board.evses), building)
            self._board.take(MeterReading(meter="grid", at=now, current_a=flowing))

    def _obey(self) -> None:
        commands, self._commands = self._commands, []
        for command in commands:
            self._board.take(LimitSent(key=command.key, at=self._clock.now, command=command.id))
            answer = LimitOutcome.REFUSED if command.id % 50 == 49 else LimitOutcome.ACCEPTED
            self._board.take(LimitAnswered(key=command.key, at=self._clock.now, command=command.id, outcome=answer))
            if answer is LimitOutcome.ACCEPTED and command.transaction_id is not None:
                self._limits[command.key] = command.limit_a

    def _change_session(self, key: EvseKey) -> None:
        now = self._clock.now
        if key in self._sessions:
            del self._sessions[key]
            self._limits.pop(key, None)
            self._board.take(SessionEnded(key=key, at=now))
            self._board.take(StatusReported(key=key, at=now, status=EvseStatus.AVAILABLE))
        else:
            self._sessions[key] = self._rng.choice([8.0, 16.0, 32.0])
            self._board.take(SessionBegan(key=key, at=now, transaction_id=f"{key}-{now:g}"))
            self._board.take(StatusReported(key=key, at=now, status=EvseStatus.CHARGING))

    def _draw(self, key: EvseKey) -> PhaseAmps:
        if key not in self._sessions:
            return NO_CURRENT
        noise = 1.0 - 0.02 * self._rng.random()
        return PhaseAmps.same(min(self._limits.get(key, 0.0), self._sessions[key]) * noise)


class FullDisk(OSError):
    def __init__(self) -> None:
        super().__init__(28, "No space left on device")


class _File(BytesIO):
    """Shows its content after it was closed; fails once the disk is full."""

    def __init__(self, disk: "MemoryDisk", name: str) -> None:
        super().__init__()
        self._disk, self._name = disk, name

    def write(self, data: object) -> int:
        self._disk.spend(len(bytes(data)))  # type: ignore[call-overload]
        self._disk.files[self._name] += bytes(data)  # type: ignore[call-overload]
        return len(bytes(data))  # type: ignore[call-overload]


class MemoryDisk:
    """A folder in memory, with ``room_bytes`` left. ``most_bytes`` is the most that ever was in it."""

    def __init__(self, *, room_bytes: int | None = None) -> None:
        self.files: dict[str, bytes] = {}
        self.room_bytes = room_bytes
        self.most_bytes = 0

    def sizes(self) -> dict[str, int]:
        return {name: len(content) for name, content in self.files.items()}

    def create(self, name: str) -> BinaryIO:
        if name in self.files:
            raise FileExistsError(17, "File exists")
        self.files[name] = b""
        return _File(self, name)

    def remove(self, name: str) -> None:
        del self.files[name]

    def spend(self, count: int) -> None:
        if self.room_bytes is not None:
            if count > self.room_bytes:
                raise FullDisk
            self.room_bytes -= count
        self.most_bytes = max(self.most_bytes, count + sum(self.sizes().values()))

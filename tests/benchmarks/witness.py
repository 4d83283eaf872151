"""What sees a tick from outside: the meter that it begins with, and the service manager that hears of its end.

Both are one process of their own, so that neither waits behind the frames of hundreds of simulated stations. Times are
those of ``perf_counter``, which on Linux is one for all processes.

Run as ``python -m tests.benchmarks.witness SOCKET``.
"""

import asyncio
import contextlib
import gc
import socket
import sys
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Self

import uvloop

from simulators.meter import ModbusTcpServer, SimulatedMeter
from simulators.meter.maps import MAPS
from simulators.meter.state import LineState
from simulators.site import Endpoint

MODEL = "eastron_sdm630"
VOLTS = 230.0
LOOK_S = 0.05  # between two looks at what the cars draw
START_S = 60.0  # of the process, on a busy machine


class Witness:
    """The process, as the benchmark knows it. ``ticks``: when the meter was first asked in each; ``fed``: when each was
    complete; ``answered_s``: when the meter last answered."""

    def __init__(self, process: asyncio.subprocess.Process, notify: Path) -> None:
        self._process = process
        self._loaded = asyncio.Event()
        self._shown = (0.0, 0.0)
        self.notify = notify
        self.port = 0
        self.began = asyncio.Event()  # it listens
        self.ready = asyncio.Event()  # the gateway is
        self.ticks: list[float] = []
        self.fed: list[float] = []
        self.answered_s = 0.0

    @classmethod
    @contextlib.asynccontextmanager
    async def of(cls, notify: Path, drawn_a: Callable[[], float]) -> AsyncIterator[Self]:
        """Listening. The meter shows what ``drawn_a`` is now, and the building's load. Raises TimeoutError."""
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.benchmarks.witness", str(notify), stdin=pipe, stdout=pipe
        )
        witness = cls(process, notify)
        hears = asyncio.create_task(witness._hear())
        follows = asyncio.create_task(witness._follow(drawn_a))
        try:
            async with asyncio.timeout(START_S):
                await witness.began.wait()
            yield witness
        finally:
            for task in (hears, follows):
                task.cancel()
            await asyncio.gather(hears, follows, return_exceptions=True)
            process.terminate()
            await process.wait()

    async def show(self, *, building_a: float) -> None:
        """Return when the meter shows this load of the building."""
        self._tell(self._shown[0], building_a)
        await self._loaded.wait()

    async def _follow(self, drawn_a: Callable[[], float]) -> None:
        while True:
            if (now_a := drawn_a()) != self._shown[0]:
                self._tell(now_a, self._shown[1])
            await asyncio.sleep(LOOK_S)

    def _tell(self, drawn_a: float, building_a: float) -> None:
        self._shown = drawn_a, building_a
        self._loaded.clear()
        assert self._process.stdin is not None
        self._process.stdin.write(f"{drawn_a} {building_a}\n".encode("ascii"))

    async def _hear(self) -> None:
        assert self._process.stdout is not None
        while line := await self._process.stdout.readline():
            match line.decode("ascii").split():
                case ["port", port]:
                    self.port = int(port)
                    self.began.set()
                case ["loaded", drawn_a, building_a]:
                    if (float(drawn_a), float(building_a)) == self._shown:
                        self._loaded.set()
                case ["asked", at]:
                    self.ticks.append(float(at))
                case ["answered", at]:
                    self.answered_s = float(at)
                case ["fed", at]:
                    self.fed.append(float(at))
                case ["ready"]:
                    self.ready.set()


class _Meter(SimulatedMeter):
    """Tells when it was asked. A tick begins with the read that any gateway begins with."""

    def __init__(self) -> None:
        super().__init__(MAPS[MODEL], self._state)
        self.amps = 0.0
        self._first: tuple[int, int, int] | None = None

    def read(self, function: int, start: int, count: int) -> bytes:
        now, asked = time.perf_counter(), (function, start, count)
        self._first = self._first or asked
        answer = super().read(*asked)
        if asked == self._first:
            _say("asked", str(now))
        _say("answered", str(time.perf_counter()))
        return answer

    def _state(self) -> LineState:
        return LineState(
            current_a=(self.amps,) * 3,
            voltage_v=(VOLTS,) * 3,
            power_w=(self.amps * VOLTS,) * 3,
            total_w=3 * self.amps * VOLTS,
            frequency_hz=50.0,
            import_wh=0.0,
            export_wh=0.0,
        )


def _say(*words: str) -> None:
    sys.stdout.write(" ".join(words) + "\n")
    sys.stdout.flush()


async def _run(notify: str) -> None:
    meter, loop = _Meter(), asyncio.get_running_loop()
    server = await ModbusTcpServer({1: meter}).open(Endpoint(host="127.0.0.1", port=0))
    ears = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    ears.setblocking(False)
    ears.bind(notify)

    def hear() -> None:
        with contextlib.suppress(BlockingIOError):
            while True:
                message = ears.recv(256)
                if message.startswith(b"WATCHDOG"):
                    _say("fed", str(time.perf_counter()))
                elif message.startswith(b"READY"):
                    _say("ready")

    loop.add_reader(ears.fileno(), hear)
    lines = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    _say("port", str(server.port))
    gc.collect()
    gc.freeze()
    while line := await lines.readline():
        drawn_a, building_a = line.decode("ascii").split()
        meter.amps = float(drawn_a) + float(building_a)
        _say("loaded", drawn_a, building_a)
    ears.close()
    await server.close()


if __name__ == "__main__":
    uvloop.run(_run(sys.argv[1]))

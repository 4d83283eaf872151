"""The gateway as a process of its own, and what the system says of it."""

import asyncio
import os
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks.one_core import Quota
from tests.benchmarks.witness import Witness

READY_S = 120.0  # of a gateway that starts on a busy machine


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """As the gateway saw it: when it began, how long it took from the meters' answer on, and of processor time."""

    at: float
    took_s: float
    processor_s: float


class GatewayProcess:
    """``edge run`` on a site file, watched by ``witness`` as by a service manager; slowed down by ``quota``, if any."""

    def __init__(self, file: Path, witness: Witness, quota: Quota | None = None) -> None:
        self._file = file
        self._witness = witness
        self._launch = quota.launch if quota is not None else ()
        self._process: asyncio.subprocess.Process | None = None

    @property
    def pid(self) -> int:
        if self._process is None:
            raise RuntimeError("the gateway isn't started")
        return self._process.pid

    @property
    def ticks(self) -> list[Tick]:
        """All of them, once it has ended."""
        lines = self._stopwatch.read_text("ascii").splitlines()
        rows = [map(float, line.split()) for line in lines]
        return [Tick(at=at, took_s=took_s, processor_s=processor_s) for at, took_s, processor_s in rows]

    async def start(self) -> None:
        """Start it; it isn't ready yet."""
        self._witness.ready.clear()
        environment = {key: value for key, value in os.environ.items() if key != "EDGE_SOCKET"}
        environment |= {"NOTIFY_SOCKET": str(self._witness.notify), "WATCHDOG_USEC": "15000000"}
        environment.pop("WATCHDOG_PID", None)
        run = ("run", "--config", str(self._file), "--log-level", "error")
        control = ("--socket", str(self._file.with_name("edge.sock")))
        program = (sys.executable, "-m", "tests.benchmarks.timed_gateway", str(self._stopwatch))
        self._process = await asyncio.create_subprocess_exec(*self._launch, *program, *run, *control, env=environment)

    async def ready(self) -> None:
        """Wait until its first tick is complete. Raises TimeoutError."""
        async with asyncio.timeout(READY_S):
            await self._witness.ready.wait()

    async def kill(self) -> None:
        """SIGKILL."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()

    async def end(self) -> None:
        """Stop it."""
        if self._process is not None and self._process.returncode is None:
            self._process.terminate()
            await self._process.wait()

    def processor_s(self) -> float:
        """Processor time that all its threads have had (Linux, proc(5))."""
        tasks = Path(f"/proc/{self.pid}/task").iterdir()
        return sum(int((task / "schedstat").read_text("ascii").split()[0]) for task in tasks) * 1e-9

    def memory_mb(self) -> float:
        """Its resident memory in MB."""
        pages = int(Path(f"/proc/{self.pid}/statm").read_text("ascii").split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 1e6

    @property
    def _stopwatch(self) -> Path:
        return self._file.with_name("ticks.txt")

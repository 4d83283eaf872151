"""Somebody at a terminal: reads what a program shows on a pseudo-terminal, and types."""

import asyncio
import contextlib
import os
import pty
import re
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

PATIENCE_S = 120.0  # on a machine that does much else
ROOT = Path(__file__).parents[2]


class Typist:
    """One program on a terminal of its own."""

    def __init__(self, process: asyncio.subprocess.Process, master: int) -> None:
        self.process = process
        self._master = master
        self.shown = ""
        self._read_to = 0
        self._more = asyncio.Event()
        asyncio.get_running_loop().add_reader(master, self._take)

    def _take(self) -> None:
        try:
            data = os.read(self._master, 65536)
        except OSError:  # the program has closed its side
            data = b""
        if not data:
            asyncio.get_running_loop().remove_reader(self._master)
        self.shown += data.decode(errors="replace")
        self._more.set()

    async def sees(self, pattern: str) -> str:
        """Wait until it shows what the pattern matches after what was seen last; all that came until then."""
        try:
            async with asyncio.timeout(PATIENCE_S):
                found = await self._shows(pattern)
        except TimeoutError:
            raise AssertionError(f"never shown: {pattern!r}; the end was:\n{self.shown[-3000:]}") from None
        text = self.shown[self._read_to : self._read_to + found.end()]
        self._read_to += found.end()
        return text

    async def _shows(self, pattern: str) -> re.Match[str]:
        while (found := re.search(pattern, self.shown[self._read_to :])) is None:
            if self.process.returncode is not None:
                raise AssertionError(f"it ended and never showed {pattern!r}:\n{self.shown[-3000:]}")
            self._more.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._more.wait(), 0.5)
        return found

    def types(self, line: str, *, encoding: str = "utf-8") -> None:
        """A line and Enter, as a terminal of that encoding sends it."""
        os.write(self._master, line.encode(encoding) + b"\n")

    async def answers(self, pattern: str, line: str) -> str:
        """Wait for the question, then answer it."""
        seen = await self.sees(pattern)
        self.types(line)
        return seen

    async def interrupts(
        self, by: signal.Signals = signal.SIGINT, *, every_s: float = 1.0, leaves: str | None = None
    ) -> int:
        """Ctrl-C, and again as people do: one that comes just before the terminal is read waits for the next key.

        ``by``: another signal in its place. ``leaves``: with these words it goes, and is let go; Python's own end hears
        no handler, and one more would change the exit code. The exit code.
        """
        ends = asyncio.ensure_future(self.ends())
        while not ends.done():
            if leaves is None or leaves not in self.shown:
                self.process.send_signal(by)
            await asyncio.wait([ends], timeout=every_s)
        return ends.result()

    async def hammers_until(self, pattern: str) -> str:
        """Ctrl-C as a key, twenty times a second, for whatever has the terminal, until it shows the pattern."""
        seen = asyncio.ensure_future(self.sees(pattern))
        while not seen.done():
            self.presses_ctrl_c()
            await asyncio.wait([seen], timeout=0.05)
        return seen.result()

    def presses_ctrl_c(self) -> None:
        """The key itself, for whatever has the terminal at this moment."""
        os.write(self._master, b"\x03")

    def hangs_up(self) -> None:
        """Ctrl-D: the end of what is typed."""
        os.write(self._master, b"\x04")

    async def ends(self) -> int:
        """Wait for its exit code."""
        async with asyncio.timeout(PATIENCE_S):
            code = await self.process.wait()
        await asyncio.sleep(0)  # what it showed last
        self._take_rest()
        return code

    def _take_rest(self) -> None:
        with contextlib.suppress(OSError):
            os.set_blocking(self._master, False)
            while data := os.read(self._master, 65536):
                self.shown += data.decode(errors="replace")


@asynccontextmanager
async def at_terminal(*arguments: str, environment: Mapping[str, str] | None = None) -> AsyncIterator[Typist]:
    """`edge` with these arguments on a pseudo-terminal; killed at the end if it still runs."""
    master, slave = pty.openpty()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "edge", *arguments),
        cwd=ROOT,
        stdin=slave,
        stdout=slave,
        stderr=slave,
        start_new_session=True,
        env={**os.environ, "TERM": "dumb", **(environment or {})},
    )
    os.close(slave)
    typist = Typist(process, master)
    try:
        yield typist
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
        asyncio.get_running_loop().remove_reader(master)
        os.close(master)

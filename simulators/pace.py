"""The scenario's time, and the steps in which the world goes on."""

import asyncio
from collections.abc import AsyncIterator
from typing import Final

STEP_S: Final = 0.1  # a tenth of the controller's tick: fine enough to see what happens inside one


class ScenarioClock:
    """Seconds since the scenario began; 0 until `start`."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._started_s: float | None = None

    def start(self) -> None:
        """Now is 0."""
        self._started_s = self._loop.time()

    def now_s(self) -> float:
        return 0.0 if self._started_s is None else self._loop.time() - self._started_s

    async def steps(self, *, until_s: float | None, stop: asyncio.Event) -> AsyncIterator[tuple[float, float]]:
        """(time, seconds since the step before) about every STEP_S, until `until_s` is reached or `stop` is set.

        Steps are due at multiples of STEP_S, so they don't drift; a late one is longer by what it is late.
        """
        before_s = self.now_s()
        while not stop.is_set() and (until_s is None or before_s < until_s):
            due_s = (before_s // STEP_S + 1) * STEP_S
            await asyncio.sleep(max(0.0, due_s - self.now_s()))
            time_s = max(self.now_s(), due_s)  # a timer may fire a hair early
            yield time_s, time_s - before_s
            before_s = time_s

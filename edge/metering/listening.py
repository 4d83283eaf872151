"""What P1 ports and MQTT topics share: a task that listens, and begins again whenever that ends."""

import asyncio
from abc import ABC, abstractmethod
from typing import Final

import structlog

from edge.ending import end
from edge.errors import MeterError
from edge.metering.source import Deliver, Fail
from edge.units import Seconds

RECONNECT_S: Final[Seconds] = 2.0  # network adapters take one client, and need a moment to let the last one go

log = structlog.get_logger(__name__)


class Listening(ABC):
    """Implements :class:`edge.metering.source.TellingSource` over a connection that may end at any time."""

    def __init__(self, described: str) -> None:
        self._described = described
        self._task: asyncio.Task[None] | None = None

    async def start(self, deliver: Deliver, fail: Fail) -> None:
        """See :meth:`edge.metering.source.TellingSource.start`."""
        self._task = asyncio.create_task(self._always(deliver, fail), name=f"listening to {self._described}")

    async def close(self) -> None:
        """See :meth:`edge.metering.source.TellingSource.close`."""
        if self._task is not None:
            await end(self._task)

    @abstractmethod
    async def listen(self, deliver: Deliver, fail: Fail) -> str:
        """Connect and listen until the connection ends; why it ended, in words.

        :raises MeterError: there is no connection.
        """

    async def _always(self, deliver: Deliver, fail: Fail) -> None:
        while True:
            try:
                problem = f"{self._described}: {await self.listen(deliver, fail)}"
            except MeterError as exc:
                problem = str(exc)
            except Exception as exc:
                # A bulkhead: a fault of ours in one meter's path must not end the listening for good.
                log.exception(f"listening to {self._described} ended in a fault of this program")
                problem = f"listening to {self._described} ended in a fault of this program: {type(exc).__name__}"
            fail(problem)
            await asyncio.sleep(RECONNECT_S)

"""The news that the cloud is back: the first station that reaches it tells the others, which wait their pause out."""

import asyncio

from edge.units import Seconds


class Revival:
    """Shared by the upstream connections of all stations."""

    def __init__(self) -> None:
        self._back = asyncio.Event()

    def announce(self) -> None:
        """A station has reached its cloud: wake those that wait now."""
        self._back.set()
        self._back = asyncio.Event()

    async def within(self, pause_s: Seconds) -> bool:
        """Wait; True when the news came before the time was up."""
        try:
            async with asyncio.timeout(pause_s):
                await self._back.wait()
        except TimeoutError:
            return False
        return True

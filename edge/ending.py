"""Ending tasks for good, whatever they wait in."""

import asyncio
from typing import Any, Final

from edge.units import Seconds

AGAIN_S: Final[Seconds] = 0.5  # what is cancelled ends in some milliseconds


async def end(*tasks: "asyncio.Task[Any]", again_s: Seconds = AGAIN_S) -> None:
    """Cancel until it has worked: before Python 3.12, wait_for, which aiomqtt connects, subscribes and publishes with,
    swallows a cancellation that comes together with what it waits for.
    """
    while pending := [task for task in tasks if not task.done()]:
        for task in pending:
            task.cancel()
        await asyncio.wait(pending, timeout=again_s)
    await asyncio.gather(*tasks, return_exceptions=True)

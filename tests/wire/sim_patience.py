"""Waiting for a condition that another task or a peer on a socket brings about."""

import asyncio
from collections.abc import Callable

TIMEOUT_S = 60.0  # on a machine that is busy


async def eventually(condition: Callable[[], bool]) -> None:
    """Wait until the condition holds; TimeoutError if it doesn't within TIMEOUT_S."""
    async with asyncio.timeout(TIMEOUT_S):
        while not condition():  # noqa: ASYNC110 - the condition may hang on a peer's socket, which sets no event
            await asyncio.sleep(0.005)

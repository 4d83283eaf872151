"""Virtual time, on which the tests run."""

import asyncio
from collections.abc import Awaitable

import pytest

from tests import virtual_time


def test_virtual_time_tells_when_nothing_is_due_any_more() -> None:
    """Instead of hanging."""

    async def forever() -> None:
        await asyncio.get_running_loop().create_future()

    with pytest.raises(virtual_time.Standstill):
        virtual_time.run(forever())


def test_virtual_time_takes_no_time() -> None:
    """A day passes, in order."""
    seen: list[tuple[str, float]] = []

    async def sleeper(name: str, seconds: float) -> None:
        await asyncio.sleep(seconds)
        seen.append((name, asyncio.get_running_loop().time()))

    async def main() -> None:
        waiting: list[Awaitable[None]] = [sleeper("late", 86_400.0), sleeper("early", 3600.0)]
        await asyncio.gather(*waiting)

    virtual_time.run(main())
    assert seen == [("early", 3600.0), ("late", 86_400.0)]

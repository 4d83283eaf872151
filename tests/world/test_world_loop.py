"""The event loop in virtual time."""

import asyncio
from typing import Any

import pytest

from simulators.world.loop import Standstill, WorldLoop, running
from simulators.world.node import NODE, start_on, tasks_of


def run(work: Any) -> Any:
    with asyncio.Runner(loop_factory=WorldLoop) as runner:
        return runner.run(work)


def test_a_day_passes_at_once() -> None:
    """Sleep takes no time, and the loop's clock shows all of it."""

    async def day() -> float:
        await asyncio.sleep(86_400.0)
        return running().time()

    assert run(day()) == pytest.approx(86_400.0)


def test_timers_fire_in_their_order() -> None:
    """What is due earlier comes first, whoever was asked first."""
    seen: list[str] = []

    async def both() -> None:
        running().call_later(2.0, seen.append, "later")
        running().call_later(1.0, seen.append, "earlier")
        await asyncio.sleep(3.0)

    run(both())
    assert seen == ["earlier", "later"]


def test_threads_are_run_in_place() -> None:
    """What is handed to a thread has happened when the next line runs, errors included."""

    async def work() -> int:
        with pytest.raises(ZeroDivisionError):
            await asyncio.to_thread(lambda: 1 // 0)
        return await asyncio.to_thread(lambda: 42)

    assert run(work()) == 42


def test_waiting_for_nothing_is_told() -> None:
    """A program that waits for what no timer will bring ends in an error, and doesn't hang."""

    async def never() -> None:
        await asyncio.Event().wait()

    loop = WorldLoop()
    task = loop.create_task(never())
    with pytest.raises(Standstill):
        loop.run_until_complete(task)
    task.cancel()
    loop.run_until_complete(asyncio.gather(task, return_exceptions=True))
    loop.close()


def test_a_stall_lets_time_pass_for_all() -> None:
    """A call that blocks moves the clock, and timers that came due meanwhile fire late."""

    async def stalled() -> float:
        running().stall(5.0)
        await asyncio.sleep(0.0)
        return running().time()

    assert run(stalled()) == pytest.approx(5.0)


def test_tasks_know_their_machine() -> None:
    """A task started on a machine, and all that it starts, is found there, the oldest first."""

    async def child() -> None:
        await asyncio.sleep(10.0)

    async def parent() -> str:
        inner = asyncio.get_running_loop().create_task(child())
        await asyncio.sleep(1.0)
        inner.cancel()
        return NODE.get()

    async def work() -> tuple[str, int]:
        task = start_on("CP-1", parent())
        await asyncio.sleep(0.5)
        found = tasks_of("CP-1")
        assert found[0] is task
        return await task, len(found)

    assert run(work()) == ("CP-1", 2)

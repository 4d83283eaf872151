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


def test_what_is_due_at_one_moment_comes_in_the_order_of_asking() -> None:
    """Timers of one moment, however many, are made in the order in which they were set."""
    seen: list[int] = []

    async def crowd() -> None:
        for number in range(50):
            running().call_at(1.0, seen.append, number)
        await asyncio.sleep(2.0)

    run(crowd())
    assert seen == list(range(50))


def test_cancelled_timers_neither_fire_nor_stay() -> None:
    """A timeout that is set and cancelled again and again, far ahead, costs no memory and moves no clock."""
    seen: list[str] = []

    async def impatient() -> float:
        for _ in range(1000):
            running().call_later(1e9, seen.append, "far").cancel()
            timer = running().call_later(0.5, seen.append, "cancelled when due")
            running().call_at(running().time() + 0.5, timer.cancel)
            running().call_later(0.25, timer.cancel)
            await asyncio.sleep(1.0)
        assert running().timers_waiting < 300
        return running().time()

    assert run(impatient()) == pytest.approx(1000.0)
    assert seen == []


def test_a_callback_that_fails_ends_nobody_else() -> None:
    """An error in one call is the exception handler's; those after it are made all the same."""
    seen: list[object] = []

    async def work() -> None:
        running().set_exception_handler(lambda _loop, context: seen.append(type(context["exception"])))
        running().call_soon(lambda: 1 // 0)
        running().call_soon(seen.append, "next")
        await asyncio.sleep(1.0)

    run(work())
    assert seen == [ZeroDivisionError, "next"]

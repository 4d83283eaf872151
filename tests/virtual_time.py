"""Virtual time: an event loop whose clock jumps to the next timer instead of waiting for it.

    def test_it_gives_up_after_a_minute() -> None:
        assert virtual_time.run(patient_client()) == "gave up"

All that asyncio does with time (sleep, wait_for, timeout, call_later) works as it does on the real loop, and takes no
time. What comes from outside the loop doesn't: sockets, subprocesses, signals and threads (``run_in_executor``,
``call_soon_threadsafe``) have no meaning here, because time would have to stand still while they are waited for. A
program that waits for something that no timer will bring is told so with a :class:`Standstill` instead of hanging.

The loop is deterministic: the same program does the same things in the same order at the same times.
"""

import asyncio
import selectors
from collections.abc import Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from edge.units import Seconds

T = TypeVar("T")

# What VirtualClock says at virtual second 0.
EPOCH = datetime(2026, 11, 21, 7, 0, tzinfo=UTC)


class Standstill(RuntimeError):
    """Everybody waits, and nothing is due any more."""

    def __init__(self) -> None:
        super().__init__("every task waits and no timer is set: virtual time has come to its end")


class _Jump(selectors.SelectSelector):
    """Takes the loop's wait for input as the passing of that much time; there is never any input."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise Standstill
        self.now += max(timeout, 0.0)
        return []


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """An event loop in virtual time, which begins at 0."""

    def __init__(self) -> None:
        self._jump = _Jump()
        super().__init__(self._jump)

    def time(self) -> Seconds:
        return self._jump.now

    def pass_time(self, seconds: Seconds) -> None:
        """Let time pass while the running code does nothing else: a call that blocks, a machine that is suspended."""
        self._jump.now += seconds


class VirtualClock:
    """The clock port (:class:`edge.clock.Clock`) in the time of the running loop. ``wall_offset_s`` may be stepped, and
    ``trusted`` says whether the wall clock is."""

    def __init__(self) -> None:
        self.wall_offset_s: Seconds = 0.0
        self.trusted = True

    def monotonic(self) -> Seconds:
        return asyncio.get_running_loop().time()

    def wall(self) -> datetime:
        return EPOCH + timedelta(seconds=self.monotonic() + self.wall_offset_s)

    def wall_is_trusted(self) -> bool:
        return self.trusted


def run(main: Coroutine[Any, Any, T]) -> T:
    """Run ``main`` to its end on a new loop in virtual time."""
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        return runner.run(main)

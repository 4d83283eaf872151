"""Tasks that run beside the main course of a run; an error in one of them is the run's error."""

import asyncio
from collections.abc import Coroutine
from types import TracebackType
from typing import Any, Self


class Background:
    """An async context: tasks started in it are cancelled and awaited when it ends."""

    def __init__(self) -> None:
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        """Run `work` beside the others."""
        self._tasks.append(asyncio.create_task(work))

    def check(self) -> None:
        """Raise what a task has failed with, if one has."""
        for task in self._tasks:
            if task.done():
                task.result()

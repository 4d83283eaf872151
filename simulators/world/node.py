"""Which machine of the world the running code belongs to: a context variable that tasks and callbacks inherit."""

import asyncio
from collections.abc import Coroutine
from contextvars import ContextVar, copy_context
from typing import Any, Final, TypeVar

T = TypeVar("T")

NOWHERE: Final = "world"
NODE: ContextVar[str] = ContextVar("node", default=NOWHERE)


def start_on(node: str, work: Coroutine[Any, Any, T]) -> "asyncio.Task[T]":
    """Run a task on that machine; all that it starts runs there too."""
    context = copy_context()
    context.run(NODE.set, node)
    return asyncio.get_running_loop().create_task(work, context=context)


def task_name(number: int, node: str, name: object) -> str:
    """The name under which :func:`tasks_of` finds a task; ``number`` is the order of creation."""
    return f"{number}@{node}" if name is None else f"{number}@{node} {name}"


def tasks_of(node: str) -> "list[asyncio.Task[Any]]":
    """Every task of that machine that isn't done, the oldest first."""
    found: list[tuple[int, asyncio.Task[Any]]] = []
    for task in asyncio.all_tasks():
        number, _, place = task.get_name().partition("@")
        if place.partition(" ")[0] == node:
            found.append((int(number), task))
    return [task for _, task in sorted(found, key=lambda pair: pair[0])]

"""An event loop in virtual time: where nothing is ready, the clock jumps to the next timer.

What asyncio does with time (sleep, timeout, call_later) works as on the real loop and takes none. Connections and
servers
are those of the loop's :class:`Network`; threads don't exist: what is handed to an executor runs at once, in place.
"""

import asyncio
import selectors
from collections.abc import Callable, Coroutine, Generator, Mapping
from typing import Any, Final, Protocol, TypeVar, cast

from simulators.world.node import NODE, NOWHERE, task_name

T = TypeVar("T")

# What a turn of the loop takes. asyncio lets timers fire 1 ns early: where no time passed at all, who waits for a
# moment that is less than that away would wait for it again and again, for ever.
TURN_S: Final = 1e-8


class Standstill(RuntimeError):
    """Everybody waits, and nothing is due any more."""

    def __init__(self) -> None:
        super().__init__("every task waits and no timer is set: virtual time has come to its end")


class Fabric(Protocol):
    """What the loop's connections are made of. Implemented by :class:`simulators.world.network.Network`."""

    async def connect(
        self, factory: Callable[[], asyncio.BaseProtocol], host: str, port: int
    ) -> tuple[asyncio.Transport, asyncio.BaseProtocol]: ...
    def listen(
        self, factory: Callable[[], asyncio.BaseProtocol], host: str, port: int, sock: object | None
    ) -> asyncio.AbstractServer: ...


class _Jump(selectors.BaseSelector):
    """Takes the loop's wait for input as the passing of that much time; there is never any input."""

    def __init__(self) -> None:
        self.now = 0.0
        self._keys: dict[int, selectors.SelectorKey] = {}

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        number = fileobj if isinstance(fileobj, int) else fileobj.fileno()
        key = selectors.SelectorKey(fileobj, number, events, data)
        self._keys[number] = key
        return key

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        return self._keys.pop(fileobj if isinstance(fileobj, int) else fileobj.fileno())

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise Standstill
        self.now += max(timeout, TURN_S)
        return []

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        return self._keys


class WorldLoop(asyncio.SelectorEventLoop):
    """Virtual time begins at 0. ``fabric`` has to be set before anything connects."""

    fabric: Fabric

    def __init__(self) -> None:
        self._jump = _Jump()
        super().__init__(self._jump)
        self._tasks_made = 0

    def time(self) -> float:
        return self._jump.now

    def create_task(
        self, coro: Coroutine[Any, Any, T] | Generator[Any, None, T], *, name: object = None, context: Any = None
    ) -> "asyncio.Task[T]":
        """Named for the machine that it belongs to, so that all tasks of one can be found."""
        self._tasks_made += 1
        node = NODE.get() if context is None else context.get(NODE, NOWHERE)
        return asyncio.Task(coro, loop=self, name=task_name(self._tasks_made, node, name), context=context)

    def stall(self, seconds: float) -> None:
        """Let time pass while the running code does nothing else: a call that blocks, a machine that is suspended."""
        self._jump.now += seconds

    # asyncio's own signatures are wider; what nobody asks for isn't there, so that it can't be had by mistake.

    async def create_connection(  # type: ignore[override]
        self, protocol_factory: Callable[[], asyncio.BaseProtocol], host: str, port: int, *, ssl: None = None
    ) -> tuple[asyncio.Transport, asyncio.BaseProtocol]:
        _only_without(ssl)
        return await self.fabric.connect(protocol_factory, host, port)

    async def create_server(  # type: ignore[override]
        self,
        protocol_factory: Callable[[], asyncio.BaseProtocol],
        host: str = "",
        port: int = 0,
        *,
        sock: Any = None,
        ssl: None = None,
        backlog: int = 100,
    ) -> asyncio.AbstractServer:
        """``ssl`` and ``backlog`` are taken because uvicorn gives them: no TLS, and every caller is heard."""
        del backlog
        _only_without(ssl)
        return self.fabric.listen(protocol_factory, host, port, sock)

    def run_in_executor(  # type: ignore[override]
        self, executor: object, func: Callable[..., T], *args: Any
    ) -> "asyncio.Future[T]":
        """Run ``func`` here and now: a thread of virtual time would have to stop it."""
        del executor
        done: asyncio.Future[T] = self.create_future()
        try:
            done.set_result(func(*args))
        except Exception as exc:
            done.set_exception(exc)
        return done


def _only_without(ssl: object) -> None:
    if ssl is not None:
        raise NotImplementedError("the simulated network has no TLS")


def running() -> WorldLoop:
    """The loop that runs now."""
    return cast(WorldLoop, asyncio.get_running_loop())

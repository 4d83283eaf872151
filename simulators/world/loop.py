"""An event loop in virtual time: where nothing is ready, the clock jumps to the next timer.

What asyncio does with time (sleep, timeout, call_later) works as on the real loop and takes none. Connections and
servers
are those of the loop's :class:`Network`; threads don't exist: what is handed to an executor runs at once, in place.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine, Generator
from contextvars import Context, copy_context
from heapq import heapify, heappop, heappush
from typing import Any, Final, Protocol, TypeVar, TypeVarTuple, cast

from simulators.world.node import NODE, NOWHERE, task_name

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

# What a turn of the loop takes. Where no time passed at all, who waits for a moment that rounding has put a little
# ahead of now would wait for it again and again, for ever.
TURN_S: Final = 1e-8
MOST_GONE: Final = 100  # cancelled timers that are carried along, if they aren't most of all


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


class _Call:
    """What :meth:`WorldLoop.call_soon` and its like give back: as much of :class:`asyncio.TimerHandle` as is asked for.

    A day of a site has tens of millions of them, so they know nothing else.
    """

    __slots__ = ("_when", "args", "callback", "context", "gone", "loop")

    def __init__(
        self, loop: "WorldLoop | None", when: float, callback: Callable[..., object], args: Any, context: Context
    ) -> None:
        self.loop = loop  # of a timer
        self._when = when
        self.callback = callback
        self.args = args
        self.context = context
        self.gone = False

    def when(self) -> float:
        return self._when

    def cancelled(self) -> bool:
        return self.gone

    def cancel(self) -> None:
        if not self.gone:
            self.gone = True
            self.callback, self.args = _nothing, ()
            if self.loop is not None:
                self.loop.timers_gone += 1


def _nothing() -> None:
    """What a cancelled call does."""


class WorldLoop(asyncio.BaseEventLoop):
    """Virtual time begins at 0. ``fabric`` has to be set before anything connects.

    Calls that are due at one moment are made in the order in which they were asked for.
    """

    fabric: Fabric

    def __init__(self) -> None:
        super().__init__()
        self._now = 0.0
        self._soon: deque[_Call] = deque()
        self._timers: list[tuple[float, int, _Call]] = []
        self._timers_made = 0
        self._tasks_made = 0
        self.timers_gone = 0  # cancelled, and still among the timers

    def time(self) -> float:
        return self._now

    @property
    def timers_waiting(self) -> int:
        """How many are carried along, cancelled ones included."""
        return len(self._timers)

    def call_soon(
        self, callback: Callable[[*Ts], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.Handle:
        call = _Call(None, 0.0, callback, args, copy_context() if context is None else context)
        self._soon.append(call)
        return cast(asyncio.Handle, call)

    call_soon_threadsafe = call_soon  # there is one thread; a signal's handler runs in it too

    def call_later(
        self, delay: float, callback: Callable[[*Ts], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.TimerHandle:
        return self.call_at(self._now + delay, callback, *args, context=context)

    def call_at(
        self, when: float, callback: Callable[[*Ts], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.TimerHandle:
        call = _Call(self, when, callback, args, copy_context() if context is None else context)
        self._timers_made += 1
        heappush(self._timers, (when, self._timers_made, call))
        return cast(asyncio.TimerHandle, call)

    def _run_once(self) -> None:
        """What :meth:`asyncio.BaseEventLoop.run_forever` calls again and again: here until the loop is stopped.

        One turn: time passes, to the next timer if nothing is to be done before; then all is done that is due.
        """
        soon = self._soon
        while True:
            now = self._now + TURN_S
            timers = self._timers
            if not soon:
                gone = self.timers_gone
                if not timers or timers[0][2].gone or (gone > MOST_GONE and 2 * gone > len(timers)):
                    self._tidy()
                    timers = self._timers
                if timers[0][0] > now:
                    now = timers[0][0]
            self._now = now
            while timers and timers[0][0] <= now:
                call = heappop(timers)[2]
                if call.gone:
                    self.timers_gone -= 1
                else:
                    call.loop = None
                    soon.append(call)
            for _ in range(len(soon)):
                call = soon.popleft()
                try:
                    call.context.run(call.callback, *call.args)
                except (SystemExit, KeyboardInterrupt):
                    raise
                except BaseException as exc:
                    self.call_exception_handler({"message": f"Exception in callback {call.callback}", "exception": exc})
            if self._stopping:  # type: ignore[attr-defined]
                return

    def _tidy(self) -> None:
        """See to it that the first timer is one that wasn't cancelled. Raises Standstill."""
        if self.timers_gone > MOST_GONE and 2 * self.timers_gone > len(self._timers):
            self._timers = [timer for timer in self._timers if not timer[2].gone]
            heapify(self._timers)
            self.timers_gone = 0
        while self._timers and self._timers[0][2].gone:
            heappop(self._timers)
            self.timers_gone -= 1
        if not self._timers:
            raise Standstill

    def create_task(
        self,
        coro: Coroutine[Any, Any, T] | Generator[Any, None, T],
        *,
        name: object = None,
        context: Any = None,
        **options: Any,
    ) -> "asyncio.Task[T]":
        """Named for the machine that it belongs to, so that all tasks of one can be found.

        ``options``: what later versions of Python let a task be made with.
        """
        self._tasks_made += 1
        node = NODE.get() if context is None else context.get(NODE, NOWHERE)
        name = task_name(self._tasks_made, node, name)
        return asyncio.Task(cast(Coroutine[Any, Any, T], coro), loop=self, name=name, context=context, **options)

    def stall(self, seconds: float) -> None:
        """Let time pass while the running code does nothing else: a call that blocks, a machine that is suspended."""
        self._now += seconds

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

"""The course of a verb: an event loop that ends in order on Ctrl-C and SIGTERM, and the result on stdout."""

import asyncio
import signal
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final, TypeVar

import orjson
import typer

from simulators.errors import PeerError
from simulators.pace import STEP_S
from simulators.site import Endpoint

T = TypeVar("T")

GATEWAY_WAIT_S: Final = 60.0  # a run of a given length gives up after it; one without waits for ever
LINGER_S: Final = 7.0  # meter and cloud outlast the chargers, which drain their queues for up to 5 s


def run_until_signal(course: Callable[[asyncio.Event], Coroutine[Any, Any, T]]) -> T:
    """Run `course` with an event that SIGINT and SIGTERM set; it ends soon after."""

    async def main() -> T:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stop.set)
        return await course(stop)

    return asyncio.run(main())


@contextmanager
def ended_in_order() -> Iterator[None]:
    """SIGTERM ends what is done here as Ctrl-C does, so that what it has in memory and on the disk is given back."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


async def wait_for_gateway(
    there: Callable[[], bool], *, stop: asyncio.Event, for_s: float | None, missing: str
) -> bool:
    """Wait until `there`; False if stopped before.

    Raises PeerError with the sentence `missing` if a run of a given length waits for longer than GATEWAY_WAIT_S.
    """
    loop = asyncio.get_running_loop()
    give_up_s = loop.time() + GATEWAY_WAIT_S
    while not there():
        if stop.is_set():
            return False
        if for_s is not None and loop.time() > give_up_s:
            raise PeerError(f"{missing} within {GATEWAY_WAIT_S:g} s")
        await asyncio.sleep(STEP_S)
    return not stop.is_set()


def taken(listen: Endpoint, exc: OSError) -> PeerError:
    """The error for an address that can't be listened on; the caller raises it."""
    return PeerError(f"can't listen on {listen}: {exc.strerror or exc}")


def print_json(result: Mapping[str, Any]) -> None:
    """One object on one line."""
    typer.echo(orjson.dumps(result).decode())


def note(text: str, *, json: bool) -> None:
    """A line for the person who watches; nothing where JSON is wanted."""
    if not json:
        typer.echo(text)

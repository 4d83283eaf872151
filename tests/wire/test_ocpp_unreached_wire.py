"""Why a cloud can't be had, on real sockets and on both loops: in words that say what to look at."""

import asyncio
import re
import socket
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import uvloop
from websockets.asyncio.server import ServerConnection, serve
from websockets.http11 import Request, Response
from websockets.protocol import State

from edge.language import LANGUAGES, Speaker
from tests.wire.ocpp_site import eventually, round_trip, running

LOOPS = pytest.mark.parametrize("run", [asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])
Run = Callable[[Coroutine[Any, Any, None]], None]
CERTIFICATE = "does it ask for a certificate of this gateway's ([ocpp.cloud])"
NOT_A_CLOUD = {
    "hangs up": b"",
    "greets and hangs up": b"SSH-2.0-OpenSSH_9.2\r\n",
}


@contextmanager
def hanging_up(first: bytes) -> Iterator[tuple[int, list[str]]]:
    """A program that is no cloud: it says ``first`` at once, and closes. Its port, and an entry for each who came."""
    came: list[str] = []
    with socket.create_server(("127.0.0.1", 0)) as door:

        def meet() -> None:
            while True:
                try:
                    caller, _ = door.accept()
                    caller.sendall(first)
                    caller.close()
                except OSError:
                    return
                came.append("somebody")

        meets = threading.Thread(target=meet)  # another process, as far as the loop can tell
        meets.start()
        try:
            yield door.getsockname()[1], came
        finally:
            door.shutdown(socket.SHUT_RDWR)
            meets.join()


async def told(upstream: str, said: str) -> None:
    """What the log says of that address."""
    async with running("CP-01", upstream=upstream) as (gateway, _), gateway.station():
        await eventually(lambda: gateway.logged("can't reach the cloud"))
        assert gateway.logged("can't reach the cloud")[0]["problem"] == said
        assert gateway.server.cloud_problem("CP-01") == said


@LOOPS
@pytest.mark.parametrize("first", NOT_A_CLOUD.values(), ids=NOT_A_CLOUD)
def test_what_is_no_cloud_is_dialled_again(run: Run, first: bytes) -> None:
    """And the station stays. What the library makes of one that speaks first (on uvloop an AssertionError) ended it."""

    async def dial() -> None:
        with hanging_up(first) as (port, came):
            upstream = f"ws://127.0.0.1:{port}/{{station}}"
            async with running("CP-01", upstream=upstream) as (gateway, _), gateway.station() as station:
                await eventually(lambda: len(came) >= 5)
                assert station.state is State.OPEN
                assert gateway.logged("station is gone") == []
                (line,) = gateway.logged("can't reach the cloud")
                asked = f"127.0.0.1:{port} answers no WebSocket handshake: is that the cloud's port, and is ws://"
                assert line["problem"] == f"{asked} right for it?"

    run(dial())


@LOOPS
def test_what_is_no_mirror_is_dialled_again(run: Run) -> None:
    """The same of one that only gets copies."""

    async def dial() -> None:
        with hanging_up(NOT_A_CLOUD["greets and hangs up"]) as (port, came):
            mirror = f"ws://127.0.0.1:{port}/{{station}}"
            async with running("CP-01", mirrors=(mirror,)) as (gateway, cloud), gateway.station() as station:
                await eventually(lambda: len(came) >= 5)
                await round_trip(station, cloud)
                (line,) = gateway.logged("can't reach a mirror")
                assert "answers no WebSocket handshake" in line["problem"]

    run(dial())


@LOOPS
@pytest.mark.parametrize(
    ("location", "shown"),
    [
        ("https://portal.example/login", "https://portal.example/login"),
        ("wss://who:secret@x:port/", "wss://***@x:port/"),
        ("http://[::1", "http://[::1"),
        ("/CP-01#top", "/CP-01#top"),
        ("https://" + "x" * 5_000, "https://" + "x" * 192),
    ],
)
def test_a_redirect_that_leads_nowhere(run: Run, location: str, shown: str) -> None:
    """What came, from where, and what to look at: a web server's login page, most of the time."""

    def sends_on(connection: ServerConnection, _request: Request) -> Response:
        answer = connection.respond(301, "moved\n")
        answer.headers["Location"] = location
        return answer

    async def dial() -> None:
        async with serve(lambda connection: connection.wait_closed(), "127.0.0.1", 0, process_request=sends_on) as web:
            port = next(iter(web.sockets)).getsockname()[1]
            sent = f"127.0.0.1:{port} redirects (HTTP 301) to '{shown}', which is no WebSocket's address"
            asked = "(ws:// or wss://): is the cloud's address right, to the end of its path?"
            await told(f"ws://127.0.0.1:{port}/{{station}}", f"{sent} {asked}")

    run(dial())


@LOOPS
def test_a_redirect_in_a_circle(run: Run) -> None:
    """Each attempt ends after some of them."""

    def sends_on(connection: ServerConnection, request: Request) -> Response:
        answer = connection.respond(302, "found\n")
        answer.headers["Location"] = request.path
        return answer

    async def dial() -> None:
        async with serve(lambda connection: connection.wait_closed(), "127.0.0.1", 0, process_request=sends_on) as web:
            port = next(iter(web.sockets)).getsockname()[1]
            asked = "is the cloud's address right, to the end of its path?"
            await told(f"ws://127.0.0.1:{port}/{{station}}", f"127.0.0.1:{port} redirects again and again: {asked}")

    run(dial())


@LOOPS
def test_nobody_is_there(run: Run) -> None:
    """The port is closed; the name has no address."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    run(told(f"ws://127.0.0.1:{port}/{{station}}", f"127.0.0.1:{port} refuses the connection: is the port right?"))
    run(
        told(
            "ws://csms.invalid/{station}",
            "no address is found for csms.invalid: is the name right, and is there a way to the Internet?",
        )
    )


async def test_each_station_has_its_cause() -> None:
    """None while nothing is known to be wrong; of a cloud that has hung up its own words; none when it is back."""
    async with running("CP-01") as (gateway, cloud):
        assert gateway.server.cloud_problem("CP-01") is None
        async with gateway.station() as station:
            await round_trip(station, cloud)
            assert gateway.server.cloud_problem("CP-01") is None
            await cloud.connections[-1].close(1008, "pay your bills")
            ended = "the connection was lost: closed by the peer: 1008 (policy violation) pay your bills"
            await eventually(lambda: gateway.server.cloud_problem("CP-01") == ended)
            await eventually(lambda: gateway.server.cloud_problem("CP-01") is None)
            await cloud.stop()
            refused = f"127.0.0.1:{cloud.port} refuses the connection: is the port right?"
            await eventually(lambda: gateway.server.cloud_problem("CP-01") == refused)
            await cloud.start()
            await eventually(lambda: gateway.server.cloud_problem("CP-01") is None)
            await round_trip(station, cloud, "2")


@pytest.mark.parametrize("language", LANGUAGES)
async def test_the_doctor_leads_to_the_line(language: str) -> None:
    """What it has the log searched for is in the line that says why."""
    found = re.search(r"journalctl -u edge-controller -g '(.+)'", Speaker(language).say("remedy.no_cloud"))
    assert found is not None
    async with running("CP-01", upstream="ws://127.0.0.1:1/{station}") as (gateway, _), gateway.station():
        await eventually(lambda: any(found[1] in line["event"] and line["problem"] for line in gateway.capture.entries))


@LOOPS
def test_tls_where_none_is_spoken(run: Run) -> None:
    """wss:// at a port of ws://, and at one of another program."""

    async def dial() -> None:
        async with serve(lambda connection: connection.wait_closed(), "127.0.0.1", 0) as plain:
            port = next(iter(plain.sockets)).getsockname()[1]
            await told(
                f"wss://127.0.0.1:{port}/{{station}}",
                f"127.0.0.1:{port} hangs up before there is TLS: is it ws://, or another port, or {CERTIFICATE}?",
            )
        with hanging_up(NOT_A_CLOUD["greets and hangs up"]) as (port, _):
            await told(
                f"wss://127.0.0.1:{port}/{{station}}",
                f"127.0.0.1:{port} speaks no TLS (wrong version number): is it ws://, or another port?",
            )

    run(dial())

"""The API's server on real sockets: TCP and the control socket, started and stopped inside a running loop."""

import asyncio
import signal
import socket
import stat
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from structlog.testing import capture_logs

from edge.errors import StartError
from edge.web.app import make_app
from edge.web.connection import MOST_CONNECTIONS
from edge.web.server import ApiServer
from simulators.ports import free_endpoints
from tests.fake_needs import FakeNeeds

NEED = "/api/v1/stations/CP-01/evses/1/need"
STATEMENT = {"energy_wanted_wh": 12000, "departure_at": "2026-11-21T17:00:00Z"}


def app() -> FastAPI:
    return make_app(status=lambda: {"site": "x"}, healthy=lambda: True, needs=FakeNeeds())


def free_port() -> int:
    return free_endpoints(1)[0].port


@asynccontextmanager
async def running(port: int, path: Path, *, host: str = "127.0.0.1") -> AsyncIterator[ApiServer]:
    server = ApiServer(app(), listen=(host, port), socket=path)
    await server.start()
    try:
        yield server
    finally:
        await server.stop()


async def ask(path: Path) -> httpx.Response:
    transport = httpx.AsyncHTTPTransport(uds=str(path))
    async with httpx.AsyncClient(transport=transport, base_url="http://controller") as client:
        return await client.get("/api/v1/status")


def test_a_loop_that_ends_first_leaves_nothing_open(tmp_path: Path) -> None:
    """Its tasks are cancelled, and what they listen on is closed, not left to whoever looks for garbage."""
    port = free_port()
    with asyncio.Runner() as runner:
        server = ApiServer(app(), listen=("127.0.0.1", port), socket=tmp_path / "edge.sock")
        runner.run(server.start())
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), 1.0)


async def test_both_sockets_answer(tmp_path: Path) -> None:
    """The same API on TCP and on the control socket; the socket is its group's, and gone after the end."""
    port, path = free_port(), tmp_path / "edge.sock"
    async with running(port, path), httpx.AsyncClient() as client:
        answer = await client.get(f"http://127.0.0.1:{port}/api/v1/status")
        assert answer.json() == {"site": "x"}
        assert abs(parsedate_to_datetime(answer.headers["date"]) - datetime.now(UTC)) < timedelta(seconds=60)
        assert (await ask(path)).json() == {"site": "x"}
        assert stat.S_IMODE(path.stat().st_mode) == 0o660
    assert not path.exists()
    with pytest.raises(httpx.ConnectError):
        await ask(path)


@pytest.mark.parametrize(
    ("forwarded_for", "code"), [(None, 204), ("127.0.0.1", 204), ("10.0.0.9", 403), ("::1", 204), ("nobody", 403)]
)
async def test_needs_are_taken_from_loopback_only(tmp_path: Path, forwarded_for: str | None, code: int) -> None:
    """Over TCP from this machine, and not what a proxy on it passes on from another."""
    port = free_port()
    headers = {} if forwarded_for is None else {"X-Forwarded-For": forwarded_for}
    async with running(port, tmp_path / "edge.sock"), httpx.AsyncClient(headers=headers) as client:
        assert (await client.put(f"http://127.0.0.1:{port}{NEED}", json=STATEMENT)).status_code == code
        assert (await client.delete(f"http://127.0.0.1:{port}{NEED}")).status_code == code


async def test_needs_are_taken_on_the_control_socket(tmp_path: Path) -> None:
    """Who may open it may state needs."""
    path = tmp_path / "edge.sock"
    transport = httpx.AsyncHTTPTransport(uds=str(path))
    async with (
        running(free_port(), path),
        httpx.AsyncClient(transport=transport, base_url="http://controller") as client,
    ):
        assert (await client.put(NEED, json=STATEMENT)).status_code == 204
        assert (await client.delete(NEED)).status_code == 204


async def test_whoever_only_connects_takes_no_room(tmp_path: Path) -> None:
    """Over TCP there are so many connections at a time; more are cut, and the control socket answers all the same."""
    port, path = free_port(), tmp_path / "edge.sock"
    async with asyncio.timeout(30), running(port, path), AsyncExitStack() as stack:
        idle = []
        for _ in range(MOST_CONNECTIONS):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            stack.callback(writer.close)
            writer.write(b"GET /api/v1/status HTTP/1.1\r\nX-Slow: ")
            idle.append(reader)
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        stack.callback(writer.close)
        with suppress(ConnectionError):
            assert await reader.read() == b""
        assert (await ask(path)).status_code == 200
        assert not any(each.at_eof() for each in idle)


async def test_a_request_that_does_not_come_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor one that never ends, the first on its connection or a later one; the connection is closed."""
    monkeypatch.setattr("edge.web.connection.REQUEST_S", 0.05)
    port, head = free_port(), b"GET /healthz HTTP/1.1\r\nHost: x\r\n"
    async with asyncio.timeout(30), running(port, tmp_path / "edge.sock"):
        for asked, begun in ((b"", b""), (b"", head), (head + b"\r\n", head)):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(asked)
            if asked:
                assert (await reader.readuntil(b"true}")).startswith(b"HTTP/1.1 200 OK")
            writer.write(begun)
            assert await reader.read() == b""
            writer.close()


async def test_signals_stay_the_daemons(tmp_path: Path) -> None:
    """Serving changes no signal handler."""
    before = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)]
    async with running(free_port(), tmp_path / "edge.sock"):
        await ask(tmp_path / "edge.sock")
        assert [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)] == before


async def test_a_stale_socket_is_replaced(tmp_path: Path) -> None:
    """What a killed controller left behind is no obstacle."""
    path = tmp_path / "edge.sock"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    async with running(free_port(), path):
        assert (await ask(path)).status_code == 200


async def test_a_second_controller_is_refused(tmp_path: Path) -> None:
    """Where a controller answers, another one doesn't start, and doesn't take the socket away."""
    path = tmp_path / "edge.sock"
    async with running(free_port(), path):
        with pytest.raises(StartError, match=f"another controller runs: it answers on {path}; stop it"):
            await ApiServer(app(), listen=("127.0.0.1", free_port()), socket=path).start()
        assert (await ask(path)).status_code == 200


async def test_an_address_in_use_is_told(tmp_path: Path) -> None:
    """A taken port is a sentence, and leaves no socket file behind."""
    path = tmp_path / "edge.sock"
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(StartError, match=f"127.0.0.1:{port} is in use by another program; stop that program"):
            await ApiServer(app(), listen=("127.0.0.1", port), socket=path).start()
    assert not path.exists()


async def test_an_address_that_no_network_has_yet_is_waited_for(tmp_path: Path) -> None:
    """The building's router may be back from a power cut long after the gateway (an address of RFC 5737 here)."""
    with capture_logs() as logs:
        async with running(8080, tmp_path / "edge.sock", host="192.0.2.1"):
            assert (await ask(tmp_path / "edge.sock")).status_code == 200
    assert [(line["log_level"], line["host"], line["key"]) for line in logs] == [
        ("warning", "192.0.2.1", "[api] listen")
    ]


@pytest.mark.parametrize("name", ["folder", "x" * 200, "missing/edge.sock"])
async def test_a_socket_that_cannot_be_made_is_told(tmp_path: Path, name: str) -> None:
    """A path that is taken, too long or in no folder is a sentence."""
    (tmp_path / "folder").mkdir()
    with pytest.raises(StartError, match="--socket"):
        await ApiServer(app(), listen=("127.0.0.1", free_port()), socket=tmp_path / name).start()


async def test_stop_waits_for_nobody_for_long(tmp_path: Path) -> None:
    """Clients that keep their connection open, or have sent half a request, don't hold up the end."""
    path = tmp_path / "edge.sock"
    server = ApiServer(app(), listen=("127.0.0.1", free_port()), socket=path)
    await server.start()
    _, idle = await asyncio.open_unix_connection(str(path))
    _, half = await asyncio.open_unix_connection(str(path))
    half.write(b"GET /api/v1/status HTTP/1.1\r\nHost: ")
    await half.drain()
    await ask(path)
    async with asyncio.timeout(10):  # they would stay for ever
        await server.stop()
    for writer in (idle, half):
        writer.close()
    assert not path.exists()


async def test_stop_before_start_is_nothing(tmp_path: Path) -> None:
    """A daemon that ends before its API is up ends without an error."""
    await ApiServer(app(), listen=("127.0.0.1", free_port()), socket=tmp_path / "edge.sock").stop()

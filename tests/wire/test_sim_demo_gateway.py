"""The demo's handling of the gateway process: asked for its status, ended in order, its death told in words."""

import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from simulators.demo.gateway import Gateway
from simulators.errors import PeerError
from simulators.ports import free_endpoints
from simulators.site import Endpoint

# A stand-in for the gateway: what it serves, and how it takes SIGTERM, is filled in.
STAND_IN = """
import http.server, os, signal, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        assert self.path == "/api/v1/status"
        body = ('{"config": "%s", "socket": "%s"}' % (sys.argv[2], os.environ["EDGE_SOCKET"])).encode()
        self.send_response(200)
        self.end_headers()
        self.wfile.write(body)
signal.signal(signal.SIGTERM, HOW)
print("serving", flush=True)
http.server.HTTPServer(("127.0.0.1", PORT), Handler).serve_forever()
"""

Maker = Callable[[str], Gateway]


@pytest.fixture
def api() -> Endpoint:
    """Where the gateway would answer."""
    return free_endpoints(1)[0]


@pytest.fixture
async def make(tmp_path: Path, api: Endpoint) -> AsyncIterator[Maker]:
    """Makes gateways that run a Python text instead; they are stopped at the end."""
    made: list[Gateway] = []

    def build(program: str) -> Gateway:
        gateway = Gateway(
            folder=tmp_path,
            site_file=tmp_path / "site.toml",
            api=api,
            command=(sys.executable, "-c", program),
            start_timeout_s=5.0,
            stop_timeout_s=0.3,
        )
        made.append(gateway)
        return gateway

    yield build
    for gateway in made:
        await gateway.stop()


def serving(api: Endpoint, how: str) -> str:
    """The stand-in's text."""
    return STAND_IN.replace("PORT", str(api.port)).replace("HOW", how)


@pytest.mark.parametrize("how", ["signal.SIG_DFL", "signal.SIG_IGN"])
async def test_it_starts_answers_and_stops(make: Maker, api: Endpoint, tmp_path: Path, how: str) -> None:
    """The status comes from its API; SIGTERM ends it, and SIGKILL does where SIGTERM is ignored."""
    gateway = await make(serving(api, how)).start()
    await gateway.ready(asyncio.Event())
    status = await gateway.status()
    assert status == {"config": str(tmp_path / "site.toml"), "socket": str(tmp_path / "edge.sock")}
    gateway.check()
    await gateway.stop()
    with pytest.raises(PeerError, match="the gateway stopped with exit code -"):
        gateway.check()
    assert await gateway.status() is None


async def test_one_that_dies_is_told_with_the_tail_of_its_log(make: Maker) -> None:
    """The sentence has the exit code, the lines below it are the log's last."""
    gateway = await make("import sys; print('first'); sys.exit('edge: site.toml: line 3: fuse_a is 0')").start()
    with pytest.raises(PeerError) as caught:
        await gateway.ready(asyncio.Event())
    assert "the gateway stopped with exit code 1; the end of its log:" in str(caught.value)
    assert "  edge: site.toml: line 3: fuse_a is 0" in str(caught.value)


async def test_one_that_never_answers_is_given_up(tmp_path: Path, api: Endpoint) -> None:
    """After the start timeout, in words."""
    program = "import time; time.sleep(60)"
    gateway = Gateway(
        folder=tmp_path,
        site_file=tmp_path / "site.toml",
        api=api,
        command=(sys.executable, "-c", program),
        start_timeout_s=0.2,
        stop_timeout_s=1.0,
    )
    await gateway.start()
    with pytest.raises(PeerError, match=r"didn't answer on http://127.0.0.1:\d+ within 0.2 s, and its log is empty"):
        await gateway.ready(asyncio.Event())
    await gateway.stop()


async def test_waiting_for_it_ends_when_the_run_is_stopped(make: Maker) -> None:
    """Ctrl-C while the gateway starts doesn't wait for it."""
    gateway = await make("import time; time.sleep(60)").start()
    stop = asyncio.Event()
    stop.set()
    await gateway.ready(stop)

"""CALL round trips through the gateway beside a bare relay, in the same run: station, relay process, cloud."""

import asyncio
import contextlib
import os
import socket
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import uvloop
from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from tests.benchmarks.figure import Figure

SUBPROTOCOL = Subprotocol("ocpp1.6")
CALLS = {1: 2000, 50: 60}  # stations at once: CALLs of each
ROUNDS = 3  # the two relays take turns, so that what else the machine does hits both
UP_S = 20.0  # to start a relay process


def figures() -> list[Figure]:
    """Median round trip and throughput, bare and through the gateway, and their ratios."""
    return uvloop.run(_figures())


async def _figures() -> list[Figure]:
    rows = []
    async with serve(_answer, "127.0.0.1", 0, subprotocols=[SUBPROTOCOL], compression=None) as cloud:
        upstream = f"ws://127.0.0.1:{next(iter(cloud.sockets)).getsockname()[1]}"
        async with _bare(upstream) as bare, _gateway(upstream, max(CALLS)) as gateway:
            for stations, calls in CALLS.items():
                medians: dict[str, list[float]] = {"bare": [], "gateway": []}
                rates: dict[str, list[float]] = {"bare": [], "gateway": []}
                for _ in range(ROUNDS):
                    for name, port in (("bare", bare), ("gateway", gateway)):
                        median, rate = await _measure(port, stations, calls)
                        medians[name].append(median)
                        rates[name].append(rate)
                rows += _rows(stations, medians, rates)
    return rows


def _rows(stations: int, medians: dict[str, list[float]], rates: dict[str, list[float]]) -> list[Figure]:
    bare_s, gateway_s = min(medians["bare"]), min(medians["gateway"])
    bare_rate, gateway_rate = max(rates["bare"]), max(rates["gateway"])
    who = f"{stations} station{'s' if stations > 1 else ''}"
    return [
        Figure(
            what=f"CALL round trip, {who}, p50 (bare / gateway / ratio)",
            value=f"{bare_s * 1e3:.3f} ms / {gateway_s * 1e3:.3f} ms / {gateway_s / bare_s:.2f}",
        ),
        Figure(
            what=f"throughput, {who} (bare / gateway / ratio)",
            value=f"{bare_rate:.0f} /s / {gateway_rate:.0f} /s / {gateway_rate / bare_rate:.2f}",
        ),
    ]


async def _answer(station: ServerConnection) -> None:
    with contextlib.suppress(ConnectionClosed):
        async for text in station:
            identifier = str(text).split('"', 2)[1]
            await station.send(f'[3,"{identifier}",{{"currentTime":"2026-11-21T07:00:00Z"}}]')


async def _measure(port: int, stations: int, calls: int) -> tuple[float, float]:
    """Median round trip in s and CALLs per second over all stations."""
    durations: list[float] = []
    async with contextlib.AsyncExitStack() as stack:
        links = [
            await stack.enter_async_context(
                connect(
                    f"ws://127.0.0.1:{port}/CP-{number:03}",
                    subprotocols=[SUBPROTOCOL],
                    compression=None,
                    proxy=None,
                )
            )
            for number in range(stations)
        ]
        await asyncio.gather(*(_call(link, 5, []) for link in links))
        begun = time.perf_counter()
        await asyncio.gather(*(_call(link, calls, durations) for link in links))
        took = time.perf_counter() - begun
    durations.sort()
    return durations[len(durations) // 2], stations * calls / took


async def _call(link: ClientConnection, calls: int, durations: list[float]) -> None:
    for number in range(calls):
        identifier = f"call-{number}"
        begun = time.perf_counter()
        await link.send(f'[2,"{identifier}","Heartbeat",{{}}]')
        while identifier not in str(await link.recv()):
            pass  # the gateway's own questions on connecting: not answered here
        durations.append(time.perf_counter() - begun)


@contextlib.asynccontextmanager
async def _bare(upstream: str) -> AsyncIterator[int]:
    port = _free_port()
    async with _process("tests.benchmarks.bare_relay", str(port), upstream, up=lambda: _accepts(port)):
        yield port


@contextlib.asynccontextmanager
async def _gateway(upstream: str, stations: int) -> AsyncIterator[int]:
    port = _free_port()
    with tempfile.TemporaryDirectory() as folder:
        site = Path(folder, "site.toml")
        await asyncio.to_thread(site.write_text, _site(port, upstream, stations))
        arguments = ("run", "--config", str(site), "--log-level", "error", "--socket", str(Path(folder, "edge.sock")))
        async with _process("edge", *arguments, up=lambda: _accepts(port)):
            yield port


def _site(port: int, upstream: str, stations: int) -> str:
    head = f"""
[site]
id = "bench"
[control]
mode = "observe"
[[circuit]]
id = "main"
fuse_a = 1000
background_reserve_a = 0
[ocpp]
listen = "127.0.0.1:{port}"
upstream = "{upstream}/{{station}}"
[api]
listen = "127.0.0.1:{_free_port()}"
"""
    return head + "".join(
        f'[[station]]\nid = "CP-{number:03}"\ncircuit = "main"\n[[station.evse]]\nid = 1\nmax_a = 16\n'
        for number in range(stations)
    )


@contextlib.asynccontextmanager
async def _process(module: str, *arguments: str, up: Callable[[], Awaitable[bool]]) -> AsyncIterator[None]:
    environment = {key: value for key, value in os.environ.items() if key != "EDGE_SOCKET"}
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", module, *arguments, env=environment)
    try:
        async with asyncio.timeout(UP_S):
            while not await up():  # noqa: ASYNC110 - another process's port tells nobody when it opens
                await asyncio.sleep(0.05)
        yield
    finally:
        process.terminate()
        await process.wait()


async def _accepts(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    return True


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port

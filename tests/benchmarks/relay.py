"""CALL round trips through the gateway beside a bare relay, in the same run: station, relay process, cloud."""

import asyncio
import contextlib
import os
import socket
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import uvloop
from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from tests.benchmarks.figure import Figure

SUBPROTOCOL = Subprotocol("ocpp1.6")
CALLS = {1: 800, 50: 20, 200: 8}  # stations at once: CALLs of each
ROUNDS = 9  # the relays take turns; what else the machine does hits a round of both, and ratios are of rounds
UP_S = 20.0  # to start a relay process
BARE = "bare"
GATEWAYS = ("observe", "control")  # modes of the gateway


@dataclass(frozen=True, slots=True, kw_only=True)
class Relay:
    """A relay process: where it listens, and its process id."""

    port: int
    pid: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One measurement: median round trip, CALLs per second of all stations, processor time for one, memory for one."""

    median_s: float
    rate: float
    cpu_s: float
    station_bytes: float


def figures() -> list[Figure]:
    """Round trip, throughput, processor time and memory: bare, through the gateway in either mode, and the ratios."""
    return uvloop.run(_figures())


async def _figures() -> list[Figure]:
    runs: dict[tuple[str, int], list[Run]] = {}
    async with contextlib.AsyncExitStack() as stack:
        cloud = await stack.enter_async_context(
            serve(_answer, "127.0.0.1", 0, subprotocols=[SUBPROTOCOL], compression=None)
        )
        upstream = f"ws://127.0.0.1:{next(iter(cloud.sockets)).getsockname()[1]}"
        relays = {BARE: await stack.enter_async_context(_bare(upstream))}
        for mode in GATEWAYS:
            relays[mode] = await stack.enter_async_context(_gateway(mode, upstream, max(CALLS)))
        for stations, calls in reversed(CALLS.items()):  # memory counts while nothing has been freed yet
            for _ in range(ROUNDS):
                for name, relay in relays.items():
                    runs.setdefault((name, stations), []).append(await _measure(relay, stations, calls))
    return list(_rows(runs))


def _rows(runs: dict[tuple[str, int], list[Run]]) -> Iterator[Figure]:
    for stations in CALLS:
        bare = runs[BARE, stations]
        for mode in GATEWAYS:
            gateway = runs[mode, stations]
            who = f"{stations} station{'s' if stations > 1 else ''}, {mode}"
            yield _compared(f"{who}: CALL round trip, p50", "ms", bare, gateway, lambda run: run.median_s * 1e3)
            yield _compared(f"{who}: throughput", "/s", bare, gateway, lambda run: run.rate)
            yield _compared(f"{who}: processor time of a CALL", "µs", bare, gateway, lambda run: run.cpu_s * 1e6)
    most = max(CALLS)
    for name in (BARE, *GATEWAYS):
        kib = runs[name, most][0].station_bytes / 1024
        yield Figure(what=f"{most} stations, {name}: memory for each", value=f"{kib:.0f} KiB")


def _compared(
    what: str, unit: str, bare: Sequence[Run], gateway: Sequence[Run], measured: Callable[[Run], float]
) -> Figure:
    """Medians of the rounds; the ratio is the median of the rounds' own ratios."""
    ratios = [measured(ours) / measured(yardstick) for yardstick, ours in zip(bare, gateway, strict=True)]
    values = [statistics.median(map(measured, runs)) for runs in (bare, gateway)]
    return Figure(
        what=f"{what} (bare / gateway / ratio)",
        value=f"{values[0]:.4g} {unit} / {values[1]:.4g} {unit} / {statistics.median(ratios):.2f}",
    )


async def _answer(station: ServerConnection) -> None:
    with contextlib.suppress(ConnectionClosed):
        async for text in station:
            identifier = str(text).split('"', 2)[1]
            await station.send(f'[3,"{identifier}",{{"currentTime":"2026-11-21T07:00:00Z"}}]')


async def _measure(relay: Relay, stations: int, calls: int) -> Run:
    """One run of all stations; they come before it and leave after it."""
    durations: list[float] = []
    before = _memory(relay.pid)
    async with contextlib.AsyncExitStack() as stack:
        links = [
            await stack.enter_async_context(
                connect(
                    f"ws://127.0.0.1:{relay.port}/CP-{number:03}",
                    subprotocols=[SUBPROTOCOL],
                    compression=None,
                    proxy=None,
                )
            )
            for number in range(stations)
        ]
        await asyncio.gather(*(_call(link, 5, []) for link in links))
        begun, cpu = time.perf_counter(), _cpu_s(relay.pid)
        await asyncio.gather(*(_call(link, calls, durations) for link in links))
        took, cpu_s = time.perf_counter() - begun, _cpu_s(relay.pid) - cpu
        taken = _memory(relay.pid) - before
    durations.sort()
    return Run(
        median_s=durations[len(durations) // 2],
        rate=stations * calls / took,
        cpu_s=cpu_s / (stations * calls),
        station_bytes=taken / stations,
    )


async def _call(link: ClientConnection, calls: int, durations: list[float]) -> None:
    for number in range(calls):
        identifier = f"call-{number}"
        begun = time.perf_counter()
        await link.send(f'[2,"{identifier}","Heartbeat",{{}}]')
        while not (text := str(await link.recv())).startswith(f'[3,"{identifier}"'):
            asked = text.split('"', 2)[1]  # the gateway's own questions and limits
            await link.send(f'[3,"{asked}",{{"status":"Accepted"}}]')
        durations.append(time.perf_counter() - begun)


def _cpu_s(pid: int) -> float:
    """Processor time that a process has had (Linux, proc(5))."""
    return int(Path(f"/proc/{pid}/schedstat").read_text("ascii").split()[0]) * 1e-9


def _memory(pid: int) -> int:
    """Resident memory of a process in bytes (Linux, proc(5))."""
    return int(Path(f"/proc/{pid}/statm").read_text("ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")


@contextlib.asynccontextmanager
async def _bare(upstream: str) -> AsyncIterator[Relay]:
    port = _free_port()
    async with _process("tests.benchmarks.bare_relay", str(port), upstream, up=lambda: _accepts(port)) as pid:
        yield Relay(port=port, pid=pid)


@contextlib.asynccontextmanager
async def _gateway(mode: str, upstream: str, stations: int) -> AsyncIterator[Relay]:
    port = _free_port()
    with tempfile.TemporaryDirectory() as folder:
        site = Path(folder, "site.toml")
        await asyncio.to_thread(site.write_text, _site(mode, port, upstream, stations, folder))
        arguments = ("run", "--config", str(site), "--log-level", "error", "--socket", str(Path(folder, "edge.sock")))
        async with _process("edge", *arguments, up=lambda: _accepts(port)) as pid:
            yield Relay(port=port, pid=pid)


def _site(mode: str, port: int, upstream: str, stations: int, folder: str) -> str:
    head = f"""
[site]
id = "bench"
[control]
mode = "{mode}"
[[circuit]]
id = "main"
fuse_a = 2000
background_reserve_a = 0
[ocpp]
listen = "127.0.0.1:{port}"
upstream = "{upstream}/{{station}}"
[api]
listen = "127.0.0.1:{_free_port()}"
[storage]
path = "{folder}/storage"
"""
    return head + "".join(
        f'[[station]]\nid = "CP-{number:03}"\ncircuit = "main"\n[[station.evse]]\nid = 1\nmax_a = 16\n'
        for number in range(stations)
    )


@contextlib.asynccontextmanager
async def _process(module: str, *arguments: str, up: Callable[[], Awaitable[bool]]) -> AsyncIterator[int]:
    environment = {key: value for key, value in os.environ.items() if key != "EDGE_SOCKET"}
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", module, *arguments, env=environment)
    try:
        async with asyncio.timeout(UP_S):
            while not await up():  # noqa: ASYNC110 - another process's port tells nobody when it opens
                await asyncio.sleep(0.05)
        yield process.pid
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

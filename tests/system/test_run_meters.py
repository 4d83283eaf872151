"""`edge run` reads its meters: the real process, on the event loop that it has on site."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from simulators.ports import free_endpoints
from tests.wire.meter_lines import CURRENTS, TRANSPORTS, line, simulated

ROOT = Path(__file__).parents[2]
PATIENCE_S = 120.0  # on a machine that does much else: it only ends what hangs

SITE = """\
[site]
id = "harbour-3"
timezone = "UTC"

[ocpp]
listen = "127.0.0.1:{ocpp}"
upstream = "ws://127.0.0.1:{cloud}/{{station}}"

[api]
listen = "127.0.0.1:{api}"

[[circuit]]
id = "main"
fuse_a = 63
background_reserve_a = 30

[[station]]
id = "CP-01"
circuit = "main"
[[station.evse]]
id = 1
max_a = 16
[storage]
path = "{storage}"
"""
METERED = """
[[circuit]]
id = "behind {name}"
parent = "main"
fuse_a = 40
meter = "{name}"

[[meter]]
id = "{name}"
model = "eastron_sdm630"
connection = "{connection}"
unit = 1
"""


@asynccontextmanager
async def running(site: Path, socket: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    """`edge run` on that site file, ended in order."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-W", "error", "-m", "edge", "run", "--config", str(site), "--socket", str(socket)),
        *("--log-format", "json"),
        cwd=ROOT,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        await process.communicate()


async def meter_read(*what: str, socket: Path) -> tuple[int | None, list[dict[str, object]], str]:
    """Exit code, output and errors of `edge meter read`."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "edge", "meter", "read", *what, "--json", "--count", "1", "--period", "0.1"),
        cwd=ROOT,
        env=os.environ | {"EDGE_SOCKET": str(socket)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    output, errors = await process.communicate()
    return process.returncode, json.loads(output), errors.decode()


async def test_a_meter_of_each_transport_is_read(tmp_path: Path) -> None:
    """Modbus TCP, RTU over TCP, a serial port: the log tells no error, and the status shows what each measures; so does
    `edge meter read` beside it, through the gateway, and says so. Nobody else gets at the serial port meanwhile."""
    ports = {name: where.port for name, where in zip(("ocpp", "cloud", "api"), free_endpoints(3), strict=True)}
    text = SITE.format(**ports, storage=tmp_path / "storage")  # one gateway at a time has it
    site, socket = tmp_path / "site.toml", tmp_path / "edge.sock"
    connections: dict[str, str] = {}
    async with AsyncExitStack() as stack, asyncio.timeout(PATIENCE_S):
        for name in TRANSPORTS:
            connection = await stack.enter_async_context(line(name, {1: simulated()}, tmp_path))
            connections[name] = connection
            text += METERED.format(name=name, connection=connection)
        site.write_text(text, encoding="utf-8")
        process = await stack.enter_async_context(running(site, socket))
        log = process.stderr
        assert log is not None
        told = [json.loads(await log.readline())]
        while told[-1]["event"] != "setpoint":  # of the first tick: the socket is there
            told.append(json.loads(await log.readline()))
        meters: list[dict[str, object]] = []
        while not meters or any(meter["current_a"] is None for meter in meters):
            reader, writer = await asyncio.open_unix_connection(socket)
            writer.write(b"GET /api/v1/status HTTP/1.0\r\n\r\n")
            meters = json.loads((await reader.read()).partition(b"\r\n\r\n")[2])["meters"]
            writer.close()
        beside = await meter_read("--config", str(site), socket=socket)
        taken = await meter_read("--connection", connections["rtu"], "--model", "eastron_sdm630", socket=socket)
    assert beside[0] == 0
    assert {str(each["meter"]): each["current_a"] for each in beside[1]} == {key: list(CURRENTS) for key in TRANSPORTS}
    assert beside[2] == "the gateway is running: this is what it reads\n"
    assert taken[0] == 1
    assert "(another program uses it); stop that program; what a running gateway reads" in str(taken[1][0]["problem"])
    assert [each for each in told if each["level"] == "error"] == []
    assert {str(meter["id"]): meter["current_a"] for meter in meters} == {name: list(CURRENTS) for name in TRANSPORTS}

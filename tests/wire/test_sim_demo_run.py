"""`edge-sim` as its user starts it: real processes, real sockets, the real gateway."""

import asyncio
import json
import re
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from pymodbus.client import AsyncModbusTcpClient

from simulators.ports import free_endpoints
from simulators.site import Endpoint, parse_endpoint

ROOT = Path(__file__).parents[2]
TIMEOUT_S = 40.0
RESULT_KEYS = {
    "ticks",
    "missed_ticks",
    "max_current_a",
    "seconds_over_rating",
    "breaker_tripped",
    "energy_wh",
    "profiles_sent",
    "transactions_started",
    "transactions_confirmed_by_cloud",
    "utilisation",
}

Starter = Callable[..., Awaitable[asyncio.subprocess.Process]]


@pytest.fixture
async def start() -> AsyncIterator[Starter]:
    """Starts `python -m simulators` with the given arguments; what still runs at the end is killed."""
    processes: list[asyncio.subprocess.Process] = []

    async def run(*arguments: str) -> asyncio.subprocess.Process:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "simulators", *arguments),
            cwd=ROOT,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        processes.append(process)
        return process

    yield run
    for process in processes:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def test_a_short_demo_prints_one_json_object(start: Starter) -> None:
    """Exactly one object with the agreed keys on stdout, nothing on stderr, exit code 0."""
    process = await start("demo", "--for", "1", "--json", "--seed", "7")
    out, err = await asyncio.wait_for(process.communicate(), TIMEOUT_S)
    assert (process.returncode, err) == (0, b"")
    result = json.loads(out)
    assert set(result) == RESULT_KEYS
    assert set(result["max_current_a"]) == {"main", "garage"}
    assert result["transactions_started"] == 0
    assert not result["breaker_tripped"]


async def api_told(process: asyncio.subprocess.Process, *, until: str) -> Endpoint:
    """Read what the demo tells until this comes; where the gateway's API is."""
    assert process.stdout is not None
    async with asyncio.timeout(TIMEOUT_S):
        told = ""
        while until not in told:
            line = (await process.stdout.readline()).decode()
            assert line, f"it ended after {told!r}"
            told += line
    api = re.search(r"http://([^/\s]+)", told)
    assert api is not None
    return parse_endpoint(api.group(1), what="the API")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_stops_the_demo_and_its_gateway(start: Starter, number: signal.Signals) -> None:
    """Exit code 0, a summary, and nobody listens where the gateway's API was."""
    process = await start("demo")
    endpoint = await api_told(process, until=" of 63 A;")
    process.send_signal(number)
    out, err = await asyncio.wait_for(process.communicate(), TIMEOUT_S)
    assert (process.returncode, err) == (0, b"")
    assert "no breaker tripped" in out.decode()
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection(endpoint.host, endpoint.port)


async def test_a_killed_demo_takes_its_gateway_along(start: Starter) -> None:
    """SIGKILL leaves the demo no time to stop its gateway; the kernel does."""
    process = await start("demo")
    endpoint = await api_told(process, until="http://")
    _, writer = await asyncio.open_connection(endpoint.host, endpoint.port)
    writer.close()
    process.kill()
    await process.wait()
    async with asyncio.timeout(TIMEOUT_S):
        while True:
            try:
                _, writer = await asyncio.open_connection(endpoint.host, endpoint.port)
            except ConnectionRefusedError:
                break
            except ConnectionResetError:  # it ended between taking the connection and serving it
                continue
            writer.close()
            await asyncio.sleep(0.01)  # the end of a process that isn't our child sets no event


async def test_a_command_whose_parent_is_gone_is_not_started() -> None:
    """Between the fork and the kernel's promise the parent may have died: its pid isn't the parent's then."""
    command = (sys.executable, "-m", "simulators.demo.leash", "1", sys.executable, "-c", "print('started')")
    process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdout=asyncio.subprocess.PIPE)
    out, _ = await asyncio.wait_for(process.communicate(), TIMEOUT_S)
    assert (process.returncode, out) == (1, b"")


async def test_chargers_meter_and_cloud_find_each_other_in_any_order(start: Starter) -> None:
    """Three processes without a gateway between: the stations dial the cloud, their draw reaches the meter."""
    cloud, meter, link = free_endpoints(3)
    chargers = await start("charger", "--url", f"ws://{cloud}", "--feeder", str(link), "--json")
    csms = await start("csms", "--listen", str(cloud), "--json")
    metering = await start("meter", "--listen", str(meter), "--feeder", str(link))
    client = AsyncModbusTcpClient(meter.host, port=meter.port, timeout=1, retries=0)
    async with asyncio.timeout(TIMEOUT_S):
        while not await client.connect():  # noqa: ASYNC110 - another process starts to listen, which sets no event
            await asyncio.sleep(0.05)
        amps = 0.0
        while amps < 15.0:  # the building alone draws 4 A; Anna's car adds 16
            answer = await client.read_input_registers(6, count=2, device_id=1)
            value = client.convert_from_registers(answer.registers, client.DATATYPE.FLOAT32)
            assert isinstance(value, float)
            amps = value
            await asyncio.sleep(0.05)
    client.close()
    processes = (chargers, csms, metering)
    for each in processes:
        each.send_signal(signal.SIGTERM)
    told = await asyncio.wait_for(asyncio.gather(*(each.communicate() for each in processes)), TIMEOUT_S)
    assert [each.returncode for each in processes] == [0, 0, 0]
    drove, booked = json.loads(told[0][0]), json.loads(told[1][0])
    assert drove["transactions_started"] == drove["transactions_confirmed"] == 1
    assert [each["started_at"] for each in booked["transactions"]] == [
        each["started_at"] for each in drove["transactions"]
    ]
    assert "no breaker tripped" in told[2][0].decode()


async def test_a_taken_port_is_told_in_a_sentence(start: Starter) -> None:
    """Exit code 1, no traceback."""
    (taken,) = free_endpoints(1)
    server = await asyncio.start_server(lambda _reader, _writer: None, taken.host, taken.port)
    process = await start("csms", "--listen", str(taken))
    _, err = await asyncio.wait_for(process.communicate(), TIMEOUT_S)
    assert process.returncode == 1
    assert re.fullmatch(rf"edge-sim: can't listen on {re.escape(str(taken))}: .*\n", err.decode())
    server.close()
    await server.wait_closed()

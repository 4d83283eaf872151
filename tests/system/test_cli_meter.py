"""`edge meter scan`, `read` and `verify` as processes, against simulated meters."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from simulators.meter import MeterFault, SimulatedMeter, circuit_meter
from simulators.meter.serial_line import LineSettings
from tests.forked import as_text, forked
from tests.system.typist import at_terminal
from tests.wire.meter_lines import line, simulated

INTERRUPTED = 130  # exit code: 128 + SIGINT


class Loads:
    """A meter whose load is switched by what the program asks for."""

    def __init__(self) -> None:
        self.currents = (1.0, 2.0, 3.0)
        self.meter = circuit_meter(current_a=lambda: self.currents, import_wh=lambda: 1500.0, nominal_voltage_v=230.0)

    def switch(self, asked: str) -> None:
        """Do what an installer does who reads that line."""
        on = next((index for index, phase in enumerate(("L1", "L2", "L3")) if f"ON, on {phase}" in asked), None)
        base = (1.0, 2.0, 3.0)
        l1_a, l2_a, l3_a = (amps + (8.7 if index == on else 0.0) for index, amps in enumerate(base))
        self.currents = (l1_a, l2_a, l3_a)


async def edge(*arguments: str) -> tuple[int, str, str]:
    """Exit code, output and errors of `edge meter ...`."""
    ended = as_text(await asyncio.to_thread(forked, "edge", "meter", *arguments))
    return ended.returncode, ended.stdout, ended.stderr


@pytest.fixture
async def gateway(tmp_path: Path) -> AsyncIterator[str]:
    """Three meters behind one TCP address, of three families."""
    meters = {1: simulated("abb_b23_b24"), 2: simulated("eastron_sdm630"), 3: simulated("sunspec_meter")}
    async with line("tcp", meters, tmp_path) as connection:
        yield connection


async def test_scan_names_what_is_on_the_network(gateway: str) -> None:
    """By what a meter says of itself, by its SunSpec models, by its values."""
    port = gateway.rpartition(":")[2]
    code, output, _ = await edge("scan", "--network", "127.0.0.1/32", "--port", port, "--units", "1-4", "--json")
    assert code == 0
    found = {each["unit"]: each["guesses"] for each in json.loads(output)}
    assert {unit: guesses[0]["family"] for unit, guesses in found.items()} == {
        1: "abb_b23_b24",
        2: "eastron_sdm630",
        3: "sunspec_meter",
    }
    assert found[1][0]["evidence"] == "names itself"


async def test_scan_finds_the_meter_behind_an_inverter(tmp_path: Path) -> None:
    """The inverter has unit 1, its meter one of the numbers that makers give (evcc pull request 1073)."""
    meters = {1: simulated("sunspec_inverter"), 200: simulated("sunspec_meter")}
    async with line("tcp", meters, tmp_path) as connection:
        port = connection.rpartition(":")[2]
        code, output, _ = await edge("scan", "--network", "127.0.0.1/32", "--port", port, "--json")
    assert code == 0
    assert {each["unit"]: each["guesses"][0]["family"] for each in json.loads(output)} == {
        1: "sunspec_inverter",
        200: "sunspec_meter",
    }


async def test_scan_asks_a_silent_host_again_with_patience() -> None:
    """A host that took the connection and needs half a second at first is found, not called absent."""
    requests = 0

    async def slow_at_first(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal requests
        while header := await reader.read(8):
            await reader.readexactly(4)
            requests += 1
            await asyncio.sleep(0.5 if requests <= 2 else 0.0)
            writer.write(header[:4] + bytes((0, 3, header[6], header[7] | 0x80, 2)))
        writer.close()

    server = await asyncio.start_server(slow_at_first, "127.0.0.1", 0)
    async with server:
        port = str(server.sockets[0].getsockname()[1])
        code, output, _ = await edge("scan", "--network", "127.0.0.1/32", "--port", port, "--units", "5", "--json")
    assert (code, [each["unit"] for each in json.loads(output)]) == (0, [5])


async def test_scan_finds_what_is_behind_a_serial_server(tmp_path: Path) -> None:
    """One that passes bytes through takes the connection and never answers Modbus TCP: its line is asked as it is."""
    async with line("rtu+tcp", {2: simulated("eastron_sdm630")}, tmp_path) as connection:
        port = connection.rpartition(":")[2]
        code, output, _ = await edge("scan", "--network", "127.0.0.1/32", "--port", port, "--units", "2-3", "--json")
    (found,) = json.loads(output)
    assert (code, found["unit"], found["connection"]) == (0, 2, connection)
    assert "eastron_sdm630" in [guess["family"] for guess in found["guesses"]]


async def test_read_refuses_a_connection_that_the_model_does_not_speak() -> None:
    """As `edge check` does, and before anything is asked."""
    code, _, errors = await edge("read", "--connection", "tcp://127.0.0.1:1", "--model", "dsmr_p1")
    assert code == 2
    assert "--connection is tcp://, which 'dsmr_p1' doesn't speak; give one of p1://, p1+tcp://, or" in errors


async def test_scan_finds_the_speed_of_a_serial_line(tmp_path: Path) -> None:
    """The settings at which a device answers are told as the site file writes them."""
    meters: dict[int, SimulatedMeter] = {3: simulated("schneider_iem3x55")}
    async with line("rtu", meters, tmp_path, settings=LineSettings(baudrate=19200)):
        code, output, _ = await edge("scan", "--serial", str(tmp_path / "usb-line"), "--units", "3", "--json")
    (found,) = json.loads(output)
    assert (code, found["unit"]) == (0, 3)
    assert "usb-line?baudrate=19200&parity=" in found["connection"]  # a pseudo-terminal carries no parity
    assert "schneider_iem3x55" in [guess["family"] for guess in found["guesses"]]


async def test_scan_of_an_empty_place(tmp_path: Path) -> None:
    """Nothing answers: said so, exit code 1. A port that isn't there: one sentence."""
    async with line("rtu", {}, tmp_path):
        code, output, _ = await edge(
            "scan", "--serial", str(tmp_path / "usb-line"), "--units", "1", "--baudrate", "9600", "--parity", "N"
        )
    assert (code, output[:24]) == (1, "no meter answers; check ")
    code, _, errors = await edge("scan", "--serial", str(tmp_path / "none"), "--units", "1")
    assert code == 1
    assert errors.startswith("edge: the serial port ")
    assert len(errors.splitlines()) == 1


async def test_scan_tells_what_is_no_answer(tmp_path: Path) -> None:
    """Two devices with one unit id, say: nothing is found, and the line on which something was heard is named."""
    meter = simulated("eastron_sdm630")
    meter.fault = MeterFault.WRONG_SLAVE
    async with line("rtu", {1: meter}, tmp_path, settings=LineSettings(baudrate=9600)):
        code, output, errors = await edge(
            "scan", "--serial", str(tmp_path / "usb-line"), "--units", "1", "--baudrate", "9600", "--parity", "N"
        )
    assert (code, output[:24]) == (1, "no meter answers; check ")
    assert "usb-line?baudrate=9600&parity=N&stopbits=1 that is no answer: two devices with one unit id" in errors


async def test_a_file_is_no_serial_port(tmp_path: Path) -> None:
    """In words, where the system says ioctl."""
    (tmp_path / "file").write_bytes(b"")
    code, _, errors = await edge("scan", "--serial", str(tmp_path / "file"), "--units", "1")
    assert (code, errors.count("\n")) == (1, 1)
    assert "can't be opened (it is no serial port); check that the adapter is plugged in" in errors


async def test_read_shows_values_with_their_quality(gateway: str) -> None:
    """Once as a table with energies; as JSON, one line for each sample."""
    what = ("--connection", gateway, "--model", "eastron_sdm630", "--unit", "2", "--period", "0.1")
    code, output, errors = await edge("read", *what)
    assert (code, errors) == (0, "")
    assert all(word in output for word in ("10.00", "11.00", "12.00", "230.0", "7590", "50.00", "1.50", "good"))
    code, output, _ = await edge("read", *what, "--watch", "--count", "2", "--json")
    samples = [json.loads(each) for each in output.splitlines()]
    assert (code, len(samples)) == (0, 2)
    assert samples[1][0]["current_a"] == [10.0, 11.0, 12.0]
    assert 0 <= samples[1][0]["age_s"] < 5


async def test_read_of_a_meter_that_is_not_there(gateway: str) -> None:
    """The reason in the table, exit code 1."""
    code, output, _ = await edge(
        "read", "--connection", gateway, "--model", "eastron_sdm630", "--unit", "9", "--period", "0.1", "--json"
    )
    assert code == 1
    assert "the gateway gets no answer from unit 9" in json.loads(output)[0]["problem"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["read"], "give either --config with a site file, or --connection and --model"),
        (["read", "--connection", "tcp://h", "--model", "nope"], "--model 'nope' is not in the meter catalogue"),
        (["read", "--connection", "udp://h", "--model", "x"], "--connection does not begin with one of tcp://"),
        (["scan"], "give either --serial with a port, or --network with a subnet"),
        (["scan", "--network", "10.0.0.0/8"], "has more than 1024 addresses"),
        (["scan", "--network", "x"], "is no subnet"),
        (["scan", "--serial", "x", "--units", "0-3"], "unit ids go from 1 to 255"),
        (["verify", "--connection", "tcp://h", "--model", "eastron_sdm630", "--charger", "L4"], "names no phases"),
    ],
)
async def test_wrong_input_is_refused_in_words(arguments: Sequence[str], words: str) -> None:
    """Exit code 2, and what would be right."""
    code, _, errors = await edge(*arguments)
    assert code == 2
    assert words in " ".join(errors.split())


async def test_verify_says_what_a_meter_that_tells_seldom_needs() -> None:
    """A P1 port that says nothing for as long as readings are taken: not that it is mute, but how it can be proven."""

    async def quiet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    async with await asyncio.start_server(quiet, "127.0.0.1", 0) as server:
        address = f"p1+tcp://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "edge", "meter", "verify", "--connection", address, "--model", "dsmr_p1"),
            *("--period", "0.05"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )
        _, errors = await process.communicate(b"\n")
    assert process.returncode == 1
    assert "too few readings for a proof: 0 in 0.75 s; give as --period" in errors.decode()


@pytest.mark.parametrize(
    ("fault", "code", "words"),
    [
        (MeterFault.NONE, 0, "meter meter: proven"),
        (MeterFault.INVERTED_CT, 1, "L2: counts backwards"),
        (MeterFault.SWAPPED_PHASES, 1, "L2 appears as L3"),
    ],
)
async def test_verify_walks_through_the_proof(fault: MeterFault, code: int, words: str, tmp_path: Path) -> None:
    """The installer does what is asked; the verdict names the wire to move, and refuses."""
    loads = Loads()
    loads.meter.fault = fault
    async with line("tcp", {1: loads.meter}, tmp_path) as connection:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "edge",
            "meter",
            "verify",
            "--connection",
            connection,
            "--model",
            "eastron_sdm630",
            "--period",
            "0.12",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        assert process.stdin is not None
        assert process.stdout is not None
        for _ in range(6):
            loads.switch((await process.stdout.readuntil(b"press Enter: ")).decode())
            process.stdin.write(b"\n")
        rest = (await process.stdout.read()).decode()
        assert await process.wait() == code
    assert words in rest


async def test_a_proof_can_be_left_at_a_question_and_while_the_meter_is_read(tmp_path: Path) -> None:
    """Ctrl-C ends it at once, by itself: it waited for the next Enter. So does the end of the input, in a sentence."""
    async with line("tcp", {1: Loads().meter}, tmp_path) as connection:
        arguments = ("meter", "verify", "--connection", connection, "--model", "eastron_sdm630", "--period", "60")
        async with at_terminal(*arguments) as typist:
            await typist.sees("OFF, then press Enter: $")
            assert await typist.interrupts() == INTERRUPTED
        async with at_terminal(*arguments) as typist:
            await typist.answers("OFF, then press Enter: $", "")
            assert await typist.interrupts() == INTERRUPTED
            assert "Task" not in typist.shown
        async with at_terminal(*arguments) as typist:
            await typist.sees("OFF, then press Enter: $")
            typist.hangs_up()
            assert await typist.ends() == 2
            assert "edge: the proof was left; nothing is proven" in typist.shown

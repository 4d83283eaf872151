"""The poller over its three transports: values, faults by name, cables that come and go."""

import asyncio
from pathlib import Path

import pytest
import uvloop

from edge.domain.reading import MeterFact, MeterFailed, MeterReading, Quality
from edge.units import PhaseAmps
from simulators.meter import MeterFault
from simulators.meter.serial_line import LineSettings, SerialLine
from tests.wire.meter_lines import CURRENTS, QUICK, TRANSPORTS, Site, line, simulated, site

RATED = PhaseAmps(*CURRENTS)
PATIENCE_S = 60.0


def believed(fact: object) -> bool:
    """Whether the fact is a reading with the true currents: nothing else may ever come."""
    return isinstance(fact, MeterReading) and fact.current_a is not None and all(
        abs(found - true) < 1e-3 for found, true in zip(fact.current_a, RATED, strict=True)
    )  # fmt: skip


async def read_of(reader: Site) -> None:
    """Sample until the meter is read. On a busy machine a poll may come to nothing; none tells anything else."""
    async with asyncio.timeout(PATIENCE_S):
        while not believed(fact := await reader.sample()):
            assert isinstance(fact, MeterFailed)


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_two_meters_on_one_line(transport: str, tmp_path: Path) -> None:
    """Each is read with its own currents, and its energies follow."""
    meters = {1: simulated(), 2: simulated(currents=(1.0, 2.0, 3.0))}
    async with line(transport, meters, tmp_path) as connection, site(connection, units=(1, 2)) as reader:
        assert believed(await reader.sample())
        for _ in range(2):
            await reader.sample("m2")
        other = await reader.sample("m2")
        assert isinstance(other, MeterReading)
        assert other.current_a == PhaseAmps(1.0, 2.0, 3.0)
        assert other.import_wh == pytest.approx(1500.0)
        assert other.frequency_hz == 50.0


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("fault", [MeterFault.SILENT, MeterFault.EXCEPTION, MeterFault.NAN])
async def test_a_meter_that_gives_nothing_comes_back(fault: MeterFault, transport: str, tmp_path: Path) -> None:
    """Silence, refusals and "not available" are failed polls in words; afterwards it is read again."""
    meter = simulated()
    async with line(transport, {1: meter}, tmp_path) as connection, site(connection) as reader:
        await read_of(reader)
        meter.fault = fault
        told = [await reader.sample() for _ in range(2)]
        # What is not available is first held against the last good reading.
        assert all(isinstance(each, MeterFailed) or each.quality is Quality.HELD for each in told)
        meter.fault = MeterFault.NONE
        await read_of(reader)


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_a_silent_device_costs_the_others_nothing(transport: str, tmp_path: Path) -> None:
    """The meter beside it is read in every sample."""
    meters = {1: simulated(), 2: simulated()}
    meters[2].fault = MeterFault.SILENT
    async with line(transport, meters, tmp_path) as connection, site(connection, units=(1, 2)) as reader:
        await reader.sample("m2")
        for _ in range(4):
            assert believed(await reader.sample())
        assert all(isinstance(each, MeterFailed) for each in reader.facts.of("m2"))


@pytest.mark.parametrize("transport", ["rtu+tcp", "rtu"])
async def test_noise_on_a_fifth_of_the_frames(transport: str, tmp_path: Path) -> None:
    """Broken frames are asked again within the sample: nearly every sample gives a reading, none a wrong value."""
    meter = simulated()
    async with line(transport, {1: meter}, tmp_path) as connection, site(connection) as reader:
        await read_of(reader)
        meter.fault = MeterFault.CRC
        told = [await reader.sample() for _ in range(20)]
        assert all(believed(each) for each in told if isinstance(each, MeterReading))
        assert sum(believed(each) for each in told) >= 15


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_answers_of_another_unit_are_never_taken(transport: str, tmp_path: Path) -> None:
    """Half of the answers bear another number: those polls fail, the others are right."""
    meter = simulated()
    async with line(transport, {1: meter}, tmp_path) as connection, site(connection) as reader:
        await read_of(reader)
        meter.fault = MeterFault.WRONG_SLAVE
        told = [await reader.sample() for _ in range(6)]
        assert all(believed(each) for each in told if isinstance(each, MeterReading))
        assert any(isinstance(each, MeterFailed) for each in told)


async def test_a_port_that_is_pulled_and_comes_back_under_another_number(tmp_path: Path) -> None:
    """The link in by-id leads to the new device file; no restart is needed."""
    meter, link = simulated(), tmp_path / "by-id"
    cable = await SerialLine({1: meter}, link=link, settings=QUICK, answer_s=0.005).open()
    async with site(f"rtu://{link}?baudrate={QUICK.baudrate}") as reader:
        await read_of(reader)
        await cable.close()
        lost = await reader.sample()
        assert isinstance(lost, MeterFailed)
        cable = await SerialLine({1: meter}, link=link, settings=QUICK, answer_s=0.005).open()
        await read_of(reader)
        await cable.close()


async def test_a_port_that_is_not_there_yet(tmp_path: Path) -> None:
    """The first open fails: told in words, tried again."""
    async with site(f"rtu://{tmp_path}/by-id?baudrate={QUICK.baudrate}") as reader:
        fact = await reader.sample()
        assert isinstance(fact, MeterFailed)
        assert "can't be opened (no such file or directory); check that the adapter is plugged in" in fact.problem
        cable = await SerialLine({1: simulated()}, link=tmp_path / "by-id", settings=QUICK, answer_s=0.005).open()
        await read_of(reader)
        await cable.close()


async def test_a_poll_that_is_given_up_leaves_the_line_in_order(tmp_path: Path) -> None:
    """Whoever asked may be cancelled in the middle of a read: the read runs to its end, the next one is right."""
    meter = simulated()
    async with (
        line("rtu", {1: meter}, tmp_path, settings=LineSettings(), answer_s=0.02) as connection,
        site(connection) as reader,
    ):
        sampling = asyncio.create_task(reader.meters.sample())
        await asyncio.sleep(0)
        sampling.cancel()
        await read_of(reader)


def test_a_line_under_the_loop_of_the_service(tmp_path: Path) -> None:
    """`edge run` runs on uvloop, whose transports are no asyncio ones: a TCP meter must be read there too."""

    async def read() -> MeterFact:
        async with line("tcp", {1: simulated()}, tmp_path) as connection, site(connection) as reader:
            return await reader.sample()

    assert believed(uvloop.run(read()))

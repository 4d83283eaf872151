"""Devices that refuse to be read in the catalogue's blocks: they are read in smaller ones, and told as any other."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import pytest
from structlog.testing import capture_logs

from edge.domain.reading import MeterFact, MeterFailed, MeterReading
from edge.domain.site import Meter
from edge.domain.station import StationFact
from edge.errors import MeterRefused, MeterTimeout, RegistersRefused
from edge.metering.bus import Answered
from edge.metering.catalogue import FAMILIES
from edge.metering.family import Family, Limits, Quantity, Read
from edge.metering.modbus import ReadRequest
from edge.metering.polled import PolledMeter
from edge.metering.requests import pieces
from edge.metering.scan import Evidence, Identifier
from simulators.meter.maps import MAPS, Layout
from tests.meter_families import FAMILY_IDS, FEEDING_ON_L2, told
from tests.register_reads import answer
from tests.virtual_time import VirtualClock

WITH_BLOCKS = [name for name in FAMILY_IDS if FAMILIES[name].discovery is None]


@dataclass
class PickyDevice:
    """Answers reads of the registers that hold something and of no others, and of at most ``most`` at once."""

    layout: Layout
    most: int = 125
    absent: frozenset[int] = frozenset()  # registers that this version hasn't
    error: MeterRefused | MeterTimeout | None = None  # instead of any answer
    asked: list[ReadRequest] = field(default_factory=list)

    async def read(self, request: ReadRequest, *, limits: Limits, fences: Sequence[ReadRequest] = ()) -> Answered:
        assert request.count <= limits.max_registers
        assert fences
        self.asked.append(request)
        if self.error is not None:
            raise self.error
        wanted = range(request.address, request.address + request.count)
        registers = answer(self.layout, FEEDING_ON_L2, Read(request.register_type, request.address, request.count))
        if registers is None or request.count > self.most or self.absent.intersection(wanted):
            raise RegistersRefused("not these")
        return Answered(registers=registers, at=1.0)

    async def close(self) -> None:
        """Nothing to give up."""


class LastFact:
    """Keeps what the meter told last."""

    def __init__(self) -> None:
        self.fact: MeterFact | None = None

    def take(self, fact: StationFact | MeterFact) -> None:
        assert isinstance(fact, MeterReading | MeterFailed)
        self.fact = fact


def picky(name: str, *, most: int = 125, absent: Sequence[int] = ()) -> PickyDevice:
    """A device of the family without a register more than it needs."""
    layout = MAPS[name]
    assert isinstance(layout, Layout)
    return PickyDevice(layout=replace(layout, filled=()), most=most, absent=frozenset(absent))


def polled(name: str, device: PickyDevice, facts: LastFact) -> PolledMeter:
    return PolledMeter(
        meter=Meter(id="grid", model=name, connection="tcp://10.0.0.5:502", unit=1),
        family=FAMILIES[name],
        bus=device,
        clock=VirtualClock(),
        sink=facts,
        rating_a=None,
    )


def read(name: str, device: PickyDevice) -> MeterFact | None:
    """What comes of the meter's values and its energies."""
    facts = LastFact()
    meter = polled(name, device, facts)

    async def twice() -> None:
        await meter.poll()
        await meter.count()
        await meter.poll()

    asyncio.run(twice())
    return facts.fact


@pytest.mark.parametrize("most", [125, 4])
@pytest.mark.parametrize("name", WITH_BLOCKS)
def test_a_device_with_no_register_more_is_read_whole(name: str, most: int) -> None:
    """Whatever stands in the gaps, and however few a read may have: each quantity that the family tells is told."""
    tells = told(name, FEEDING_ON_L2).values
    fact = read(name, picky(name, most=max(most, _largest(FAMILIES[name]))))
    assert isinstance(fact, MeterReading)
    assert (fact.current_a is not None) == ("current_l1_a" in tells)
    for told_by, value in (
        ("voltage_l1_v", fact.voltage_v and fact.voltage_v[0]),
        ("power_l1_w", fact.phase_power_w and fact.phase_power_w[0]),
        ("frequency_hz", fact.frequency_hz),
        ("import_wh", fact.import_wh),
        ("export_wh", fact.export_wh),
    ):
        assert value == (pytest.approx(tells[told_by]) if told_by in tells else None), told_by


def _largest(family: Family) -> int:
    """Registers of the family's largest quantity: no read can have fewer."""
    found = 0
    for block in (*family.fast, *family.slow):
        small = [block]
        while small:
            part = small.pop()
            further = pieces(part)
            small += further
            found = max(found, part.count if not further else 0)
    return found


@pytest.mark.parametrize("name", WITH_BLOCKS)
def test_a_scan_knows_a_device_that_refuses_the_blocks(name: str) -> None:
    """It is found as what it is, or among those whose values are as plausible, though it has no register more."""
    guesses = asyncio.run(Identifier(picky(name), 1).guesses(FAMILIES))
    assert name in [guess.family for guess in guesses]


@pytest.mark.parametrize("code", [331, 332, 335, 336, 340, 341, 345, 346, 1744, 1763])
def test_a_scan_knows_each_meter_of_a_series(code: int) -> None:
    """Each of Carlo Gavazzi's has its own identification code: EM330, ET330, EM340, ET340, EM341, EM530, EM540."""
    device = picky("carlo_gavazzi_em3xx_em5xx")
    device = replace(device, layout=replace(device.layout, fixed={0x000B: code}))
    (guess,) = asyncio.run(Identifier(device, 1).guesses(FAMILIES))
    assert (guess.family, guess.evidence) == ("carlo_gavazzi_em3xx_em5xx", Evidence.NAMED)


def test_a_scan_knows_a_version_without_export() -> None:
    """What no fuse depends on may be missing there, too."""
    device = picky("schneider_iem3x55", absent=range(3207, 3211))
    assert "schneider_iem3x55" in [guess.family for guess in asyncio.run(Identifier(device, 1).guesses(FAMILIES))]


def test_a_version_without_export_is_read_without_it() -> None:
    """The iEM3150 refuses the register of what is fed in: all else is told."""
    fact = read("schneider_iem3x55", picky("schneider_iem3x55", absent=range(3207, 3211)))
    assert isinstance(fact, MeterReading)
    assert fact.import_wh == pytest.approx(1_234_000.0)
    assert fact.export_wh is None


def test_a_device_without_currents_is_no_meter() -> None:
    """What a fuse depends on can't be left out: the refusal is told, and the next poll asks for whole blocks again."""
    device = picky("eastron_sdm630", absent=(8,))
    fact = read("eastron_sdm630", device)
    assert isinstance(fact, MeterFailed)
    assert "not these" in fact.problem
    assert [request.count for request in device.asked].count(18) == 2


def test_what_was_refused_once_is_not_asked_again() -> None:
    """The smaller reads stay, and are told once; other refusals and silence take nothing apart."""
    device, facts = picky("abb_b23_b24"), LastFact()
    meter = polled("abb_b23_b24", device, facts)
    with capture_logs() as logs:
        asyncio.run(meter.poll())
        first = len(device.asked)
        asyncio.run(meter.poll())
    assert len(device.asked) == 2 * first - 1
    assert len([line for line in logs if "refuses to be read in one piece" in line["event"]]) == 1
    busy = picky("abb_b23_b24")
    busy.error = MeterRefused("device busy")
    assert isinstance(read("abb_b23_b24", busy), MeterFailed)
    assert {request.count for request in busy.asked} == {45, 8}


def test_a_device_that_refuses_everything_is_told_of_once() -> None:
    """A wrong model, asked each second for days: smaller reads that are refused, too, are no news."""
    device, facts = picky("eastron_sdm630"), LastFact()
    device.error = RegistersRefused("not these")
    meter = polled("eastron_sdm630", device, facts)
    with capture_logs() as logs:
        for _ in range(3):
            asyncio.run(meter.poll())
        assert [line["event"] for line in logs] == ["meter grid is lost: it gives no reading: not these"]
        device.error = None
        asyncio.run(meter.poll())
    assert [line["event"].partition(" after")[0] for line in logs][1:] == ["meter grid is back"]


@pytest.mark.parametrize("name", WITH_BLOCKS)
def test_pieces_hold_what_their_block_holds(name: str) -> None:
    """Each quantity once, no read beyond the block, no end without one number in it."""
    for block in (*FAMILIES[name].fast, *FAMILIES[name].slow):
        left, ends = [block], []
        while left:
            part = left.pop()
            further = pieces(part)
            assert sorted(each for one in further or (part,) for each in one.quantities) == sorted(part.quantities)
            assert all(one.count < part.count for one in further)
            assert block.address <= part.address
            assert part.address + part.count <= block.address + block.count
            left += further
            ends += [] if further else [part]
        assert all(len(set(end.quantities) - {Quantity.POWER}) <= 1 for end in ends)

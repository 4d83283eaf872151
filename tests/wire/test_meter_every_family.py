"""Every family of the catalogue, read from a simulated device over the three transports."""

from dataclasses import replace
from pathlib import Path

import pytest

from edge.clock import SystemClock
from edge.domain.connection import parse_connection
from edge.metering.bus import Line
from edge.metering.catalogue import FAMILIES
from edge.metering.decode import decode
from edge.metering.family import Family, Quantity
from edge.metering.requests import fences, request
from simulators.meter import SimulatedMeter
from simulators.meter.maps import MAPS
from tests.meter_families import FAMILY_IDS, STATES, told
from tests.register_reads import family_of
from tests.wire.meter_lines import TRANSPORTS, line

TRUTH = STATES["feeding on L2"]


def without_pauses(family: Family) -> Family:
    """The family as a test has time for it, and on a machine that does much else: one poll that is late isn't asked
    again."""
    return replace(family, limits=replace(family.limits, min_gap_s=0.0, answer_s=30.0))


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_every_quantity_over_the_wire(transport: str, tmp_path: Path) -> None:
    """All devices on one line, each with its own unit id: what arrives is what is true at each of them."""
    devices = {unit: SimulatedMeter(MAPS[name], lambda: TRUTH) for unit, name in enumerate(FAMILY_IDS, start=1)}
    async with line(transport, devices, tmp_path, answer_s=0.001) as connection:
        bus = Line(parse_connection(connection), SystemClock())
        for unit, name in enumerate(FAMILY_IDS, start=1):
            family = without_pauses(family_of(FAMILIES[name], MAPS[name], TRUTH))
            values: dict[Quantity, float | None] = {}
            for block in (*family.fast, *family.slow):
                answered = await bus.read(request(unit, block), limits=family.limits, fences=fences(family, unit))
                values |= decode(family, block, answered.registers)
            expected = told(name, TRUTH)
            assert {quantity.value: value for quantity, value in values.items()} == pytest.approx(
                expected.values, rel=expected.relative
            ), name
        await bus.close()

"""The gateway's own event loop is uvloop: what works on asyncio's must work there."""

from collections.abc import Callable
from pathlib import Path

import pytest
import uvloop

from edge.clock import SystemClock
from edge.domain.reading import MeterReading
from edge.domain.site import Meter
from edge.metering.catalogue import FAMILIES
from edge.metering.poller import Meters
from tests.wire.meter_lines import CURRENTS, Facts, line, simulated


@pytest.mark.parametrize("transport", ["tcp", "rtu+tcp"])
def test_a_meter_is_read_on_the_gateway_s_event_loop(transport: str, tmp_path: Path) -> None:
    """Its transports are none of asyncio's classes."""

    async def read() -> Facts:
        facts = Facts()
        async with line(transport, {1: simulated()}, tmp_path) as connection:
            meters = Meters(
                meters=(Meter(id="grid", model="eastron_sdm630", connection=connection),),
                families=FAMILIES,
                clock=SystemClock(),
                sink=facts,
            )
            try:
                while not facts.of("grid"):
                    await meters.sample()
            finally:
                await meters.close()
        return facts

    run: Callable[..., Facts] = uvloop.run
    fact = run(read()).of("grid")[0]
    assert isinstance(fact, MeterReading)
    assert fact.current_a is not None
    assert tuple(fact.current_a) == pytest.approx(CURRENTS)

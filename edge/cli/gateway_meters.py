"""The meters as a running gateway reads them: a line has one owner, and while the gateway runs that is it."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from edge.cli.control_socket import report
from edge.clock import Clock
from edge.control.ports import FactSink
from edge.domain.reading import MeterFact, MeterFailed, MeterReading, Quality
from edge.errors import EdgeError
from edge.units import PhaseAmps, Seconds


def gateway_reads(site: str, meters: Sequence[str]) -> bool:
    """Whether a gateway runs here that is of the ``site``, and has all these meters."""
    try:
        said = report(None)
    except EdgeError:
        return False
    return said.get("site") == site and set(meters) <= {str(each["id"]) for each in said.get("meters", ())}


class GatewayMeters:
    """Implements :class:`edge.control.ports.MeterPort`: each sample is what the gateway's last tick saw."""

    def __init__(self, meters: Sequence[str], clock: Clock, sink: FactSink) -> None:
        self._meters = tuple(meters)
        self._clock = clock
        self._sink = sink

    async def sample(self) -> None:
        now = self._clock.monotonic()
        try:
            said = await asyncio.to_thread(report, None)
        except EdgeError as exc:
            for meter in self._meters:
                self._sink.take(MeterFailed(meter=meter, at=now, problem=str(exc)))
            return
        for part in said.get("meters", ()):
            if part["id"] in self._meters:
                self._sink.take(fact_of(part, now))

    async def close(self) -> None:
        """Nothing is held open."""


def fact_of(part: Mapping[str, Any], now: Seconds) -> MeterFact:
    """What the report says of a meter; a gateway of another version may tell less."""
    current_a, voltage_v, phase_power_w = (part.get(name) for name in ("current_a", "voltage_v", "phase_power_w"))
    if not part.get("ok") or part.get("problem") or (current_a is None and part.get("power_w") is None):
        return MeterFailed(meter=part["id"], at=now, problem=part.get("problem") or "no reading")
    return MeterReading(
        meter=part["id"],
        at=now - part.get("age_s", 0.0),
        current_a=PhaseAmps(*current_a) if current_a is not None else None,
        voltage_v=tuple(voltage_v) if voltage_v is not None else None,
        phase_power_w=tuple(phase_power_w) if phase_power_w is not None else None,
        power_w=part.get("power_w"),
        frequency_hz=part.get("frequency_hz"),
        import_wh=part.get("import_wh"),
        export_wh=part.get("export_wh"),
        quality=Quality(part.get("quality", Quality.GOOD)),
        doubts=(*part.get("doubts", ()), *part.get("wiring", ())),
    )

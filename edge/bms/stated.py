"""The limits that outsiders have stated: handed on to control, and kept to answer at once what holds now."""

from typing import Any

from edge.control.ports import LimitSink
from edge.domain.effective import Effective, effective, limits_report
from edge.domain.limit import LimitSource, LimitStated
from edge.domain.site import Circuit, Site
from edge.units import Seconds


class StatedLimits:
    """The newest limit of each source for each circuit. A sink itself; ``sink`` is who decides by them."""

    def __init__(self, site: Site, sink: LimitSink) -> None:
        self._site = site
        self._sink = sink
        self._limits: dict[tuple[LimitSource, str], LimitStated] = {}

    def take(self, fact: LimitStated) -> None:
        self._limits[fact.source, fact.circuit] = fact
        self._sink.take(fact)

    @property
    def all(self) -> tuple[LimitStated, ...]:
        """The newest of each source for each circuit."""
        return tuple(self._limits.values())

    def newest(self, source: LimitSource, circuit: str) -> LimitStated | None:
        """What the source said last of the circuit; None where it has said nothing."""
        return self._limits.get((source, circuit))

    def effective(self, circuit: Circuit, now: Seconds) -> Effective:
        """What the circuit may carry now, by its own rating and its own limits."""
        return effective(circuit, self._limits.values(), now=now, voltage_v=self._site.nominal_voltage_v)

    def report(self, now: Seconds) -> dict[str, Any]:
        """The ``limits`` of the status report, as they are now: the next tick decides by them."""
        return limits_report(self._site, self._limits.values(), now)

"""The limits that outsiders have stated: kept for the report, and handed on to control."""

from typing import Any, Protocol

from edge.domain.effective import Effective, effective
from edge.domain.limit import LimitSource, LimitStated
from edge.domain.site import Circuit, Site
from edge.units import Seconds

DECIMALS = 2  # of amperes, watts and seconds shown


class LimitSink(Protocol):
    """Takes limits as they are stated. :class:`edge.control.ports.FactSink` is one."""

    def take(self, fact: LimitStated) -> None:
        """Remember the limit in place of the one that its source stated for its circuit before."""


class StatedLimits:
    """The newest limit of each source for each circuit. A sink itself; ``sink`` is who decides by them."""

    def __init__(self, site: Site, sink: LimitSink | None = None) -> None:
        self._site = site
        self._sink = sink
        self._limits: dict[tuple[LimitSource, str], LimitStated] = {}

    def take(self, fact: LimitStated) -> None:
        self._limits[fact.source, fact.circuit] = fact
        if self._sink is not None:
            self._sink.take(fact)

    def effective(self, circuit: Circuit, now: Seconds) -> Effective:
        """What the circuit may carry now, by its own rating and its own limits."""
        return effective(
            circuit.id,
            circuit.rating_a,
            self._limits.values(),
            now=now,
            voltage_v=self._site.nominal_voltage_v,
        )

    def report(self, now: Seconds) -> dict[str, Any]:
        """The ``limits`` of the status report: what holds for each circuit and whose it is, and who said what."""
        return {
            "effective": [_effective(self.effective(circuit, now)) for circuit in self._site.circuits],
            "stated": [_stated(limit, now) for limit in self._limits.values()],
        }


def _effective(found: Effective) -> dict[str, Any]:
    return {
        "circuit": found.circuit,
        "limit_a": round(found.limit_a, DECIMALS),
        "limit_w": round(found.limit_w, DECIMALS),
        "reason": found.binding.value,
        "source": found.source.value if found.source is not None else None,
        "remaining_s": round(found.ends_in_s, DECIMALS) if found.ends_in_s is not None else None,
    }


def _stated(limit: LimitStated, now: Seconds) -> dict[str, Any]:
    over = limit.is_over(now)
    return {
        "source": limit.source.value,
        "circuit": limit.circuit,
        "limit_a": limit.amps(now),
        "limit_w": limit.watts(now),
        "is_fallback": over,
        "remaining_s": round(limit.ends_at - now, DECIMALS) if limit.ends_at is not None and not over else None,
    }

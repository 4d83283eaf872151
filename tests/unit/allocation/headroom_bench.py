"""Headroom estimated from reading to reading."""

from collections.abc import Mapping

from edge.allocation.background import Background
from edge.allocation.headroom import Headroom, estimate
from edge.allocation.snapshot import Snapshot
from edge.allocation.state import EvseState
from edge.units import PhaseAmps
from tests.site_builders import NOW, circuit, entitled, snapshot


def estimated(site: Snapshot, memory: Mapping[str, Background] | None = None) -> tuple[Headroom, dict[str, Background]]:
    return estimate(site, entitled(site), memory or {})


def background_a(site: Snapshot, headroom: Headroom) -> dict[str, PhaseAmps]:
    """By circuit."""
    by_place = headroom.background_a.tolist()
    circuits = site.plant.grid.layout.circuits.tolist()
    return {site.plant.circuits[number].id: PhaseAmps(*by_place[place]) for place, number in enumerate(circuits)}


class Metered:
    """A 63 A circuit whose meter is read each second; remembers from one estimate to the next."""

    def __init__(self) -> None:
        self.now = NOW
        self.memory: dict[str, Background] = {}

    def read(self, measured_a: float, *evses: EvseState, after_s: float = 1.0) -> float:
        """Some time later the meter says so: the estimate of the background on L1."""
        self.now += after_s
        site = snapshot(circuit(63, measured_a=measured_a, measured_at=self.now), *evses, now=self.now)
        headroom, self.memory = estimated(site, self.memory)
        return float(headroom.background_a[0, 0])

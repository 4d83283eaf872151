"""A gateway above the site's own: it has that site as one of its stations, and a circuit that both share."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from edge.config import Configuration
from simulators.errors import ScenarioError
from simulators.site import SiteSpec
from simulators.world.site import MeterSpot, meter_spots, peers_view, read_site
from simulators.world.source import SiteSource

ABOVE: Final = "above"  # its machine


@dataclass(frozen=True, slots=True, kw_only=True)
class Above:
    """`identity` is the lower gateway's own, by which it dials the upper one, and `circuit` what feeds its site."""

    configuration: Configuration
    identity: str
    circuit: str

    @classmethod
    def of(cls, text: str, source: SiteSource, *, folder: Path) -> "Above":
        """From the text of its site file, with one station: the site below it. Raises ScenarioError."""
        folder.mkdir()
        file = folder / "site.toml"
        file.write_text(text, encoding="utf-8")
        return cls.proven(read_site(file, source))

    @classmethod
    def proven(cls, configuration: Configuration) -> "Above":
        """The same of what was read. Raises ScenarioError."""
        evses = configuration.site.evses
        if len(evses) != 1 or not evses[0].whole_site:
            raise ScenarioError("the scenario's gateway above must have one station, with controller = true")
        return cls(configuration=configuration, identity=evses[0].key.station, circuit=evses[0].circuit)

    @property
    def spots(self) -> tuple[MeterSpot, ...]:
        """Its meters."""
        return meter_spots(self.configuration)

    def around(self, site: SiteSpec) -> SiteSpec:
        """The site below it as a part of its own: one tree of circuits. Raises ScenarioError."""
        upper = peers_view(self.configuration).circuits
        twice = {circuit.id for circuit in upper} & {circuit.id for circuit in site.circuits}
        if twice:
            raise ScenarioError(f"circuit {min(twice)!r} is in the scenario's site and in that of the gateway above")
        lower = (replace(each, parent=each.parent or self.circuit) for each in site.circuits)
        return replace(site, circuits=(*upper, *lower))

"""The site file on its way to a site: what the rules look at."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from edge.config.locate import Path
from edge.config.schema import SiteFile
from edge.config.schema_site import CircuitTable, EvseTable, StationTable


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A file that fits its schema, or has been made to: ``replaced`` names the places that were filled in, on which no
    rule may rest a verdict.
    """

    file: SiteFile
    document: Mapping[str, Any]  # as the parser gave it
    replaced: frozenset[Path]
    meter_models: Collection[str]
    lines: Mapping[Path, int]

    def sound(self, *path: str | int) -> bool:
        """Whether the value at ``path``, all that is in it and all that it is in, is the author's own."""
        return not any(place[: len(path)] == path or path[: len(place)] == place for place in self.replaced)

    def ids_sound(self, table: str) -> bool:
        """Whether the ids of all elements of ``table`` are the author's own."""
        return not any(
            place[0] == table and (len(place) < 3 or place[2] == "id")  # the list, an element, or its id
            for place in self.replaced
        )

    def where(self, *path: str | int) -> str:
        """``line 12``, or ``elsewhere`` where the place has no line."""
        line = self.lines.get(path)
        return f"line {line}" if line is not None else "elsewhere"

    @property
    def circuits(self) -> tuple[CircuitTable, ...]:
        return self.file.circuit

    def evses(self) -> Iterator[tuple[Path, StationTable, EvseTable]]:
        """Every EVSE with its path and its station."""
        for index, station in enumerate(self.file.station):
            for position, evse in enumerate(station.evse):
                yield ("station", index, "evse", position), station, evse

    def path_up(self, circuit_id: str) -> tuple[str, ...]:
        """The circuit and those above it, as far as they exist; each once, even on a cycle."""
        parents = {circuit.id: circuit.parent for circuit in self.circuits}
        seen: dict[str, None] = {}
        current: str | None = circuit_id
        while current is not None and current in parents and current not in seen:
            seen[current] = None
            current = parents[current]
        return tuple(seen)

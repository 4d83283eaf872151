"""The site file on its way to a site: what the rules look at."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path as FilePath
from typing import Any

from edge.config.locate import Path
from edge.config.schema import SiteFile
from edge.config.schema_site import CircuitTable
from edge.config.schema_station import EvseTable, StationTable
from edge.domain.connection import MODBUS, Transport
from edge.errors import ConfigurationError
from edge.units import PHASES, Phase


@dataclass(frozen=True, slots=True, kw_only=True)
class MeterModel:
    """What the rules need to know of a family of the meter catalogue."""

    transports: frozenset[Transport] = MODBUS
    guards: frozenset[Phase] = frozenset(PHASES)  # of which it tells the currents: a circuit can be kept by it on these
    doubt: str | None = None  # why it should be checked on site before it is relied on; completes "... of a model that"
    places: frozenset[str] = frozenset()  # the quantities whose places the site file must name: [[meter.value]]
    part: str | None = None  # of a device that may have several under one address, which it is; None: the device


# The model that a map file describes; named as the site file names it. Raises ConfigurationError with what is in it.
ReadMap = Callable[[FilePath, str], MeterModel]


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A file that fits its schema, or has been made to: ``replaced`` names the places that were filled in, on which no
    rule may rest a verdict.
    """

    file: SiteFile
    document: Mapping[str, Any]  # as the parser gave it
    replaced: frozenset[Path]
    meter_models: Mapping[str, MeterModel]  # by name: the catalogue's, and the site's own map files
    unusable_maps: Mapping[str, ConfigurationError]
    lines: Mapping[Path, int]
    _holding_replaced: frozenset[Path] = field(init=False, repr=False)  # each replaced place, and all that it is in
    _parents: Mapping[str, str | None] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        # The rules ask for every element of the file: each time walking all others would be quadratic.
        holding = frozenset(place[:end] for place in self.replaced for end in range(len(place) + 1))
        object.__setattr__(self, "_holding_replaced", holding)
        object.__setattr__(self, "_parents", {circuit.id: circuit.parent for circuit in self.circuits})

    def sound(self, *path: str | int) -> bool:
        """Whether the value at ``path``, all that is in it and all that it is in, is the author's own."""
        if path in self._holding_replaced:
            return False
        return not any(path[:end] in self.replaced for end in range(len(path)))

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

    def phases_below(self, circuit_id: str) -> frozenset[Phase]:
        """The grid phases that the EVSEs below a circuit are wired to."""
        return frozenset(
            phase
            for _, station, evse in self.evses()
            if circuit_id in self.path_up(station.circuit)
            for phase in evse.phases
        )

    def path_up(self, circuit_id: str) -> tuple[str, ...]:
        """The circuit and those above it, as far as they exist; each once, even on a cycle."""
        seen: dict[str, None] = {}
        current: str | None = circuit_id
        while current is not None and current in self._parents and current not in seen:
            seen[current] = None
            current = self._parents[current]
        return tuple(seen)

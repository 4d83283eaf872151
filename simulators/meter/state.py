"""What is true at a meter's place, whatever the meter makes of it.

A register map (:mod:`simulators.meter.maps`) turns this into the registers of one family; a value that is None is one
that the meter has not: the map writes what its family writes then (NaN, all ones, 0x7FFF...).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, Protocol

KIND_OF_FUNCTION: Final[Mapping[int, "Kind"]] = {3: "holding", 4: "input"}
Kind = Literal["holding", "input"]
Word = int  # 0 to 0xFFFF
ALL: Final = range(0x10000)


@dataclass(frozen=True, slots=True, kw_only=True)
class LineState:
    """Currents and powers by phase, positive from the grid into the circuit."""

    current_a: tuple[float | None, float | None, float | None]
    voltage_v: tuple[float | None, float | None, float | None]
    power_w: tuple[float | None, float | None, float | None]
    total_w: float | None
    frequency_hz: float | None
    import_wh: float | None
    export_wh: float | None


class RegisterMap(Protocol):
    """The registers of one family of meters."""

    @property
    def max_registers(self) -> int:
        """The most that one read may have."""

    def words(self, state: LineState, asked: range = ALL) -> Mapping[Kind, Mapping[int, Word]]:
        """Every register that the family has, by its kind and its address on the wire; of those that change, or are
        many, what ``asked`` touches is enough."""

    def may_read(self, kind: Kind, start: int, count: int) -> bool:
        """Whether the family lets this read be: even addresses only, no end inside a number. The rest is checked
        elsewhere: that each register exists, and ``max_registers``."""

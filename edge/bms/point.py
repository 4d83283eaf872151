"""What a point is: a quantity with its name, unit, topic and register."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeVar

from edge.bms.view import CircuitView, EvseView, SiteView, Value
from edge.units import PHASES

V = TypeVar("V", SiteView, CircuitView, EvseView)


class Bank(StrEnum):
    """The Modbus table a register is in."""

    INPUT = "input"  # function 4; mirrored for function 3
    HOLDING = "holding"  # functions 3, 6, 16, 23
    COIL = "coil"  # functions 1, 5, 15


class Kind(StrEnum):
    """How a number lies in registers: high word first. The value that stands for "not available" is the last of each
    row of :data:`SHAPES`.
    """

    UINT16 = "uint16"
    INT16 = "int16"
    UINT32 = "uint32"
    INT32 = "int32"
    UINT64 = "uint64"
    BIT = "bit"


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """Bounds of a kind of number, its width in registers, and its "not available"."""

    words: int
    least: int
    most: int
    absent: int  # as an unsigned number


SHAPES: dict[Kind, Shape] = {
    Kind.UINT16: Shape(words=1, least=0, most=0xFFFE, absent=0xFFFF),
    Kind.INT16: Shape(words=1, least=-0x7FFF, most=0x7FFF, absent=0x8000),
    Kind.UINT32: Shape(words=2, least=0, most=0xFFFFFFFE, absent=0xFFFFFFFF),
    Kind.INT32: Shape(words=2, least=-0x7FFFFFFF, most=0x7FFFFFFF, absent=0x80000000),
    Kind.UINT64: Shape(words=4, least=0, most=0xFFFFFFFFFFFFFFFE, absent=0xFFFFFFFFFFFFFFFF),
    Kind.BIT: Shape(words=1, least=0, most=1, absent=0),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Point(Generic[V]):
    """One quantity. ``scale`` is what one step of the register is worth in ``unit``; ``register`` counts from 0 in its
    bank, for an EVSE from the begin of its block.
    """

    name: str
    unit: str
    bank: Bank
    register: int
    kind: Kind
    topic: str  # below edge/<site id>
    meaning: str
    read: Callable[[V], Value]
    scale: float = 1.0
    codes: Mapping[str, int] | None = None  # what stands in the register for each text
    writable: bool = False

    @property
    def access(self) -> str:
        return "read, write" if self.writable else "read"


@dataclass(frozen=True, slots=True)
class Block(Generic[V]):
    """Makes the points of one part of the map. ``topic`` is what stands before their names."""

    topic: str

    def point(
        self,
        name: str,
        unit: str,
        register: int,
        kind: Kind,
        read: Callable[[V], Value],
        meaning: str,
        scale: float = 1.0,
        *,
        codes: Mapping[str, int] | None = None,
        bank: Bank = Bank.INPUT,
        writable: bool = False,
    ) -> Point[V]:
        return Point(
            name=name,
            unit=unit,
            bank=bank,
            register=register,
            kind=kind,
            topic=f"{self.topic}/{name}",
            meaning=meaning,
            read=read,
            scale=scale,
            codes=codes,
            writable=writable,
        )

    def phases(
        self,
        stem: str,
        unit: str,
        register: int,
        kind: Kind,
        read: Callable[[V, int], Value],
        meaning: str,
        scale: float = 1.0,
    ) -> tuple[Point[V], ...]:
        """One point for each phase, one after the other."""
        step = SHAPES[kind].words

        def of(phase: int) -> Callable[[V], Value]:
            return lambda view: read(view, phase)

        return tuple(
            self.point(
                f"{stem}_l{phase + 1}_{unit.lower()}",
                unit,
                register + phase * step,
                kind,
                of(phase),
                f"{meaning}, L{phase + 1}",
                scale,
            )
            for phase in range(len(PHASES))
        )

"""Points as registers: an image becomes the words that a master reads."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from edge.bms.image import Image
from edge.bms.point import SHAPES, Kind, Point, V
from edge.bms.points import (
    CIRCUIT_BASE,
    CIRCUIT_POINTS,
    CIRCUIT_STRIDE,
    EVSE_BASE,
    EVSE_POINTS,
    EVSE_STRIDE,
    MAX_CIRCUITS,
    MAX_EVSES,
    SITE_POINTS,
)
from edge.bms.view import Value

GAP = 0xFFFF  # a register without a point reads as "not available"
WORD_BITS = 16
HOLDING_SIZE = 50  # control registers 0 to 49


def encode(point: Point[V], value: Value) -> tuple[int, ...]:
    """The point's words for ``value``, high word first. What doesn't fit is held at the kind's bounds; None, a text
    without a code and a number that is none are "not available".
    """
    shape = SHAPES[point.kind]
    number = point.codes.get(value) if point.codes is not None and isinstance(value, str) else value
    if number is None or isinstance(number, str) or not math.isfinite(number):
        return words(shape.absent, shape.words)
    steps = round(number / point.scale)
    return words(min(max(steps, shape.least), shape.most), shape.words)


def words(number: int, count: int) -> tuple[int, ...]:
    """A whole number in ``count`` registers, high word first, negative ones as two's complement."""
    return tuple((number >> (WORD_BITS * index)) & 0xFFFF for index in reversed(range(count)))


def number_of(point_kind: Kind, raw: Sequence[int]) -> int | None:
    """The number in ``raw``, None for "not available"."""
    shape = SHAPES[point_kind]
    unsigned = 0
    for word in raw:
        unsigned = unsigned << WORD_BITS | word
    if unsigned == shape.absent:
        return None
    bits = WORD_BITS * shape.words
    return unsigned - (1 << bits) if shape.least < 0 and unsigned >> (bits - 1) else unsigned


def lay(points: Iterable[Point[V]], values: Mapping[str, Value], into: list[int], base: int = 0) -> None:
    """Write the points' words into ``into``, from ``base`` on."""
    for point in points:
        encoded = encode(point, values.get(point.name))
        into[base + point.register : base + point.register + len(encoded)] = encoded


@dataclass(frozen=True, slots=True, kw_only=True)
class Telemetry:
    """The input registers of one tick, in blocks by their first register. Frozen: a request reads one of these."""

    tick: int
    blocks: Mapping[int, tuple[int, ...]]

    @classmethod
    def of(cls, image: Image) -> "Telemetry":
        evses = list(image.evses.values())[:MAX_EVSES]
        circuits = list(image.circuits.values())[:MAX_CIRCUITS]
        lower = [GAP] * (EVSE_BASE + EVSE_STRIDE * len(evses))
        upper = [GAP] * (CIRCUIT_STRIDE * len(circuits))
        lay(SITE_POINTS, image.site, lower)
        for index, values in enumerate(evses):
            lay(EVSE_POINTS, values, lower, EVSE_BASE + EVSE_STRIDE * index)
        for index, values in enumerate(circuits):
            lay(CIRCUIT_POINTS, values, upper, CIRCUIT_STRIDE * index)
        return cls(tick=image.tick, blocks={0: tuple(lower), CIRCUIT_BASE: tuple(upper)})

    def words(self, start: int, count: int) -> tuple[int, ...] | None:
        """The registers from ``start`` on; None where not all of them are of one block."""
        for base, block in self.blocks.items():
            if base <= start and start + count <= base + len(block):
                return block[start - base : start - base + count]
        return None

"""The picture of a day as SVG, written by hand: every circuit with its limit, every EVSE's draw, and the faults."""

from collections.abc import Callable, Iterator, Sequence
from html import escape
from itertools import groupby
from typing import Final

from simulators.world.result import WorldResult

Scale = Callable[[float], float]  # amperes to a place on the paper

WIDTH, LEFT, RIGHT = 1100, 110, 20
CIRCUIT_HEIGHT, ROW_HEIGHT, GAP, TOP = 130, 16, 26, 54
INK, GRID, CARS, HOUSE, LIMIT, FAULT = "#222222", "#dddddd", "#2b7bba", "#8c6d31", "#c0392b", "#f4d9d6"
STEPS: Final = ((3, 0.5), (8, 1), (26, 2), (80, 6), (400, 24))  # hours of the day: hours between two marks


def svg(result: WorldResult) -> str:
    """The whole picture. Currents are those of each circuit's fullest phase."""
    return "\n".join(_Picture(result).lines()) + "\n"


class _Picture:
    def __init__(self, result: WorldResult) -> None:
        self._result = result
        self._hours = max(result.hours, 1e-6)
        self._rows = list(result.series.draw_a)
        self._evses_top = TOP + len(result.circuits) * (CIRCUIT_HEIGHT + GAP)
        self._height = self._evses_top + len(self._rows) * ROW_HEIGHT + 50

    def lines(self) -> Iterator[str]:
        yield (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{self._height}" '
            f'viewBox="0 0 {WIDTH} {self._height}" font-family="sans-serif" font-size="11" fill="{INK}">'
        )
        yield f'<rect width="{WIDTH}" height="{self._height}" fill="#ffffff"/>'
        yield self._text(LEFT, 22, f"{self._result.scenario}, seed {self._result.seed}", size=15)
        yield self._text(LEFT, 40, self._summary())
        yield from self._faults()
        for number, circuit in enumerate(self._result.circuits):
            yield from self._circuit(TOP + number * (CIRCUIT_HEIGHT + GAP), circuit.id, circuit.fuse_a)
        for number, key in enumerate(self._rows):
            yield from self._evse(self._evses_top + number * ROW_HEIGHT, key)
        yield from self._hours_marks()
        yield "</svg>"

    def _summary(self) -> str:
        result = self._result
        used = (
            "" if result.utilisation is None else f", {result.utilisation:.1%} of the room used while cars wanted more"
        )
        verdict = "passed" if result.passed else f"{len(result.verdicts)} failures"
        return f"{verdict}; {result.energy_wh / 1000:.0f} of {result.energy_wanted_wh / 1000:.0f} kWh{used}"

    def _circuit(self, top: float, name: str, fuse_a: float) -> Iterator[str]:
        series = self._result.series
        total, building = series.total_a.get(name, []), series.building_a.get(name, [])
        most_a = max([fuse_a * 1.15, *total])
        bottom = top + CIRCUIT_HEIGHT

        def y(amps: float) -> float:
            return bottom - CIRCUIT_HEIGHT * max(0.0, amps) / most_a

        width = WIDTH - LEFT - RIGHT
        yield f'<rect x="{LEFT}" y="{top}" width="{width}" height="{CIRCUIT_HEIGHT}" fill="none" stroke="{GRID}"/>'
        yield self._area(total, y, bottom, CARS)
        yield self._area(building, y, bottom, HOUSE)
        yield f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y(fuse_a):.1f}" y2="{y(fuse_a):.1f}" stroke="{LIMIT}"/>'
        yield self._text(8, top + 2, name)  # above the fuse's, which is an eighth below the top at least
        yield self._text(8, y(fuse_a) + 4, f"{fuse_a:g} A", fill=LIMIT)

    def _area(self, values: Sequence[float], y: Scale, bottom: float, fill: str) -> str:
        points = " ".join(f"{self._x(at):.1f},{y(value):.1f}" for at, value in zip(self._times(), values, strict=False))
        times = list(self._times())
        if not points:
            return ""
        first, last = self._x(times[0]), self._x(times[len(values) - 1])
        return f'<polygon points="{first:.1f},{bottom} {points} {last:.1f},{bottom}" fill="{fill}" fill-opacity="0.7"/>'

    def _evse(self, top: float, key: tuple[str, int]) -> Iterator[str]:
        """A bar where a car is; the darker, the more it draws."""
        values = self._result.series.draw_a[key]
        most_a = max((value for value in values if value is not None), default=0.0) or 1.0
        name = key[0] if key[1] == 1 else f"{key[0]}/{key[1]}"
        yield self._text(8, top + 12, name)
        times = list(self._times())
        shades = [None if value is None else round(value / most_a * 10) for value in values]
        for shade, group in groupby(range(len(shades)), key=lambda index: shades[index]):
            indices = list(group)
            if shade is not None:
                from_x, to_x = self._x(times[indices[0]]), self._x(times[indices[-1]] + 60.0)
                yield (
                    f'<rect x="{from_x:.1f}" y="{top + 2}" width="{to_x - from_x:.1f}" height="{ROW_HEIGHT - 4}" '
                    f'fill="{CARS}" fill-opacity="{0.08 + 0.092 * shade:.2f}"/>'
                )

    def _faults(self) -> Iterator[str]:
        for fault in self._result.faults:
            from_x, to_x = self._x(fault.at_s), self._x(fault.at_s + fault.for_s)
            yield (
                f'<rect x="{from_x:.1f}" y="{TOP}" width="{max(1.0, to_x - from_x):.1f}" '
                f'height="{self._height - TOP - 50}" fill="{FAULT}"><title>fault {fault.number}</title></rect>'
            )
            yield self._text(from_x, TOP - 3, str(fault.number), fill=LIMIT, size=9)

    def _hours_marks(self) -> Iterator[str]:
        step = next((step for hours, step in STEPS if self._hours <= hours), 7 * 24)
        bottom = self._height - 44
        number = 0
        while number * step <= self._hours:
            x = self._x(number * step * 3600.0)
            yield f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{bottom}" y2="{bottom + 5}" stroke="{INK}"/>'
            yield self._text(x - 8, bottom + 18, f"{number * step:g} h")
            number += 1
        yield self._text(LEFT, self._height - 8, "blue: cars, brown: the building, red: the fuse and faults", size=10)

    def _times(self) -> Sequence[float]:
        return self._result.series.at_s

    def _x(self, at_s: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * min(1.0, at_s / 3600.0 / self._hours)

    @staticmethod
    def _text(x: float, y: float, text: str, *, fill: str = INK, size: int = 11) -> str:
        return f'<text x="{x:.1f}" y="{y:.1f}" fill="{fill}" font-size="{size}">{escape(text)}</text>'

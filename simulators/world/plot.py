"""The picture of a day as SVG, written by hand: every circuit with its limits, what every EVSE offers and what its car
draws, and the faults."""

import math
from collections.abc import Callable, Iterator, Sequence
from html import escape
from itertools import groupby
from typing import Final

from simulators.world.result import WorldResult

Scale = Callable[[float], float]  # amperes to a place on the paper

WIDTH, LEFT, RIGHT = 1100, 110, 20
CIRCUIT_HEIGHT, ROW_HEIGHT, GAP, TOP = 130, 20, 26, 54
SAMPLE_S: Final = 60.0  # a value holds so long
INK, GRID, FIELD, CARS = "#222222", "#dddddd", "#eeeeee", "#5596c8"
HOUSE, LIMIT, FAULT = "#8c6d31", "#c0392b", "#f4d9d6"
STEPS: Final = ((0.5, 0.1), (3, 0.5), (8, 1), (26, 2), (80, 6), (400, 24))  # hours of the day: hours between two marks
LEGEND: Final = (
    "blue: cars, brown: the building, red: the fuse and faults, dashed: what the building allows; "
    "below, of each EVSE: grey while a car is there, line: what is offered, blue: what it draws"
)


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
        failures = len(result.verdicts)
        verdict = "passed" if result.passed else f"{failures} failure{'s' if failures > 1 else ''}"
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
        yield from self._lower_limits(series.limit_a.get(name, []), fuse_a, y)
        yield self._text(8, top + 2, name)  # above the fuse's, which is an eighth below the top at least
        yield self._text(8, y(fuse_a) + 4, f"{fuse_a:g} A", fill=LIMIT)

    def _area(self, values: Sequence[float], y: Scale, bottom: float, fill: str) -> str:
        points = " ".join(f"{self._x(at):.1f},{y(value):.1f}" for at, value in zip(self._times(), values, strict=False))
        times = list(self._times())
        if not points:
            return ""
        first, last = self._x(times[0]), self._x(times[len(values) - 1])
        return f'<polygon points="{first:.1f},{bottom} {points} {last:.1f},{bottom}" fill="{fill}" fill-opacity="0.7"/>'

    def _lower_limits(self, limits: Sequence[float], fuse_a: float, y: Scale) -> Iterator[str]:
        """Where less than the fuse is allowed."""
        yield from self._steps([limit_a if limit_a < fuse_a else None for limit_a in limits], y, LIMIT, dashed=True)

    def _evse(self, top: float, key: tuple[str, int]) -> Iterator[str]:
        """Grey where a car is, in it what it draws, above that what it is offered; both of the most that there was."""
        drawn, offered = self._result.series.draw_a[key], self._result.series.offered_a[key]
        most_a = max((value for value in (*drawn, *offered) if value is not None), default=0.0) or 1.0
        name = key[0] if key[1] == 1 else f"{key[0]}/{key[1]}"
        bottom, height = top + ROW_HEIGHT - 2, ROW_HEIGHT - 4
        yield self._text(8, bottom - 3, name)
        for from_s, to_s, _ in self._stretches([None if value is None else 0.0 for value in drawn]):
            yield self._bar(from_s, to_s, top + 2, height, FIELD)
        for from_s, to_s, drawn_a in self._stretches(drawn):
            if drawn_a:
                high = height * drawn_a / most_a
                yield self._bar(from_s, to_s, bottom - high, high, CARS)
        yield from self._steps(offered, lambda amps: bottom - height * amps / most_a, INK)

    def _stretches(self, values: Sequence[float | None]) -> Iterator[tuple[float, float, float]]:
        """From when to when which value held, to a tenth; None, where there was none, isn't among them."""
        times = self._times()
        rounded = [None if value is None else round(value, 1) for value in values]
        for value, group in groupby(range(len(rounded)), key=lambda index: rounded[index]):
            indices = list(group)
            if value is not None:
                yield times[indices[0]], times[indices[-1]] + SAMPLE_S, value

    def _bar(self, from_s: float, to_s: float, top: float, height: float, fill: str) -> str:
        left, right = self._x(from_s), self._x(to_s)
        return f'<rect x="{left:.1f}" y="{top:.1f}" width="{right - left:.1f}" height="{height:.1f}" fill="{fill}"/>'

    def _steps(self, values: Sequence[float | None], y: Scale, stroke: str, *, dashed: bool = False) -> Iterator[str]:
        """A line in steps, for as long as there is a value."""
        dashes = ' stroke-dasharray="4 3"' if dashed else ""
        lines: list[list[str]] = []
        ended_s = -SAMPLE_S
        for from_s, to_s, value in self._stretches(values):
            if from_s - ended_s > SAMPLE_S / 2.0:
                lines.append([])
            lines[-1] += (f"{self._x(at_s):.1f},{y(value):.1f}" for at_s in (from_s, to_s))
            ended_s = to_s
        for points in lines:
            yield f'<polyline points="{" ".join(points)}" fill="none" stroke="{stroke}" stroke-width="0.8"{dashes}/>'

    def _faults(self) -> Iterator[str]:
        for fault in self._result.faults:
            from_x, to_x = self._x(fault.at_s), self._x(fault.at_s + fault.for_s)
            yield (
                f'<rect x="{from_x:.1f}" y="{TOP}" width="{max(1.0, to_x - from_x):.1f}" '
                f'height="{self._height - TOP - 50}" fill="{FAULT}"><title>fault {fault.number}</title></rect>'
            )
            yield self._text(from_x, TOP - 3, str(fault.number), fill=LIMIT, size=9)

    def _hours_marks(self) -> Iterator[str]:
        """The site's time of day."""
        begins_h = self._result.begins_h
        step = next((step for hours, step in STEPS if self._hours <= hours), 7 * 24)
        bottom = self._height - 44
        number = math.ceil(round(begins_h / step, 6))
        while (at_h := number * step - begins_h) <= self._hours:
            x = self._x(at_h * 3600.0)
            minutes = round(number * step * 60.0) % (24 * 60)
            yield f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{bottom}" y2="{bottom + 5}" stroke="{INK}"/>'
            yield self._text(x - 14, bottom + 18, f"{minutes // 60:02d}:{minutes % 60:02d}")
            number += 1
        yield self._text(LEFT, self._height - 8, LEGEND, size=10)

    def _times(self) -> Sequence[float]:
        return self._result.series.at_s

    def _x(self, at_s: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * min(1.0, at_s / 3600.0 / self._hours)

    @staticmethod
    def _text(x: float, y: float, text: str, *, fill: str = INK, size: int = 11) -> str:
        return f'<text x="{x:.1f}" y="{y:.1f}" fill="{fill}" font-size="{size}">{escape(text)}</text>'

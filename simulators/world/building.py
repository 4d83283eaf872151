"""What a building takes and its roof gives, as steps that follow each other."""

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from simulators.phases import Amps3

HOURS: Final = 24
HOUR_S: Final = 3600.0
DAY_S: Final = 86_400.0
SUNRISE_H, SUNSET_H = 6.0, 18.0  # an equinox; the scenario's peak is what the roof gives at noon


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadSpec:
    """A load on a circuit: `hourly_a` is the mean per phase for each hour of the day, run through as a line.

    Every `every_s` it changes: by noise of up to `noise_a`, and, `jumps_per_h` times an hour on average, by an
    appliance of up to `jump_a` per phase that runs for a quarter of an hour at most. `most_a` bounds it.
    """

    circuit: str
    hourly_a: tuple[float, ...]
    shares: Amps3 = (1.0, 1.0, 1.0)
    noise_a: float = 0.0
    jumps_per_h: float = 0.0
    jump_a: float = 0.0
    most_a: float = math.inf
    every_s: float = 10.0

    def steps(self, rng: random.Random, *, begins_s: float, for_s: float) -> Iterator[tuple[float, Amps3]]:
        """(seconds from the beginning, amperes), from 0 on. `begins_s`: the time of day at the beginning."""
        at_s, until_s = 0.0, 0.0
        jump_a = (0.0, 0.0, 0.0)
        while at_s < for_s:
            if at_s >= until_s:
                jump_a = (0.0, 0.0, 0.0)
            if self.jumps_per_h and rng.random() < self.jumps_per_h * self.every_s / HOUR_S:
                phases = rng.choice(((1, 1, 1), (1, 0, 0), (0, 1, 0), (0, 0, 1)))
                amps = rng.uniform(0.3, 1.0) * self.jump_a
                jump_a = (amps * phases[0], amps * phases[1], amps * phases[2])
                until_s = at_s + rng.uniform(30.0, 900.0)
            base_a = self._mean_a(begins_s + at_s)
            l1, l2, l3 = (
                min(self.most_a, max(0.0, base_a * share + more_a + self.noise_a * rng.uniform(-1.0, 1.0)))
                for share, more_a in zip(self.shares, jump_a, strict=True)
            )
            yield at_s, (l1, l2, l3)
            at_s += self.every_s

    def _mean_a(self, day_s: float) -> float:
        hour = day_s / HOUR_S % HOURS
        number = int(hour)
        here, after = self.hourly_a[number], self.hourly_a[(number + 1) % HOURS]
        return here + (after - here) * (hour - number)


@dataclass(frozen=True, slots=True, kw_only=True)
class SunSpec:
    """A three-phase photovoltaic plant on a circuit; clouds take up to nine tenths of it for some minutes."""

    circuit: str
    peak_a: float
    clouds_per_h: float = 4.0
    every_s: float = 10.0

    def steps(self, rng: random.Random, *, begins_s: float, for_s: float) -> Iterator[tuple[float, Amps3]]:
        """As a load's, and negative."""
        at_s, until_s, shade = 0.0, 0.0, 1.0
        while at_s < for_s:
            if at_s >= until_s:
                shade = 1.0
            if rng.random() < self.clouds_per_h * self.every_s / HOUR_S:
                shade, until_s = rng.uniform(0.1, 0.7), at_s + rng.uniform(60.0, 600.0)
            hour = (begins_s + at_s) / HOUR_S % HOURS
            height = math.sin(math.pi * (hour - SUNRISE_H) / (SUNSET_H - SUNRISE_H))
            amps = -self.peak_a * max(0.0, height) * shade
            yield at_s, (amps, amps, amps)
            at_s += self.every_s


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """A recorded load on a circuit: what a meter's export said, from the beginning on, over and over. `told` says for a
    person what was read out of which `file`.
    """

    circuit: str
    rows: tuple[tuple[float, Amps3], ...]  # seconds from the first row
    lasts_s: float
    file: Path = Path()
    told: str = ""

    def turned(self, by_s: float) -> "Recorded":
        """The same from so many seconds later on."""
        by_s %= self.lasts_s
        _, begins_a = next(row for row in reversed(self.rows) if row[0] <= by_s)
        later = [(at_s - by_s, amps) for at_s, amps in self.rows if at_s > by_s]
        again = [(at_s - by_s + self.lasts_s, amps) for at_s, amps in self.rows if at_s < by_s]
        return replace(self, rows=((0.0, begins_a), *later, *again))

    def steps(self, rng: random.Random, *, begins_s: float, for_s: float) -> Iterator[tuple[float, Amps3]]:
        """The first row is the world's beginning; after the last one they begin anew."""
        del rng, begins_s
        round_s = 0.0
        while round_s < for_s:
            for at_s, amps in self.rows:
                if round_s + at_s >= for_s:
                    return
                yield round_s + at_s, amps
            round_s += self.lasts_s


Load = LoadSpec | SunSpec | Recorded

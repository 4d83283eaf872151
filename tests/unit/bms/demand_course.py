"""Days of a building whose load nobody knows beforehand, and of cars as they are: they obey after some seconds, charge
at 6 A or not at all, and rest for a minute when they were stopped.

What is drawn is reckoned second by second, and by what truly flows; the predictor sees a sample now and then.
``python -m tests.unit.bms.demand_course`` prints the figures of 200 days for each rate of samples.
"""

import random
import sys
from dataclasses import dataclass, field
from datetime import UTC, datetime

from edge.bms.demand_window import DemandSettings, WindowState, advanced, begun
from edge.units import Seconds, Watts

BEGIN_S = datetime(2026, 11, 21, tzinfo=UTC).timestamp()
DAY_S = 86_400
WINDOWS_A_DAY = 96
POSTS = 5  # of 22 kW: far more than the building leaves
MIN_W, MAX_W = 3 * 230.0 * 6, 3 * 230.0 * 32
OBEY_S = (1, 5)  # IEC 61851-1: five seconds at most
HOLD_S, REST_S = 5, 60  # a limit rises that long after its last change; who was stopped stays off for so long
BASE = (0.15, 0.15, 0.15, 0.2, 0.3, 0.5, 0.55, 0.5, 0.45, 0.5, 0.4, 0.25)  # of the limit, two hours each
MOST = 0.8  # of the limit: what the building takes by itself at the worst


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """What came of some days: the mean of each whole window, and how it stands at the end."""

    means_w: tuple[Watts, ...]
    state: WindowState

    @property
    def highest_w(self) -> Watts:
        return max(self.means_w)

    @property
    def mean_w(self) -> Watts:
        return sum(self.means_w) / len(self.means_w)


class Building:
    """Its load each second: a day's course, noise, machines that run for minutes, lifts that run for seconds."""

    def __init__(self, rng: random.Random, limit_w: Watts) -> None:
        self._rng, self._limit_w = rng, limit_w
        self._machines: list[tuple[int, Watts]] = []  # until when, how much
        self._noise = 0.0

    def load_w(self, second: int) -> Watts:
        rng = self._rng
        if rng.random() < 1 / 300:
            lasts_s = rng.choice((rng.randint(4, 20), rng.randint(30, 1200)))
            self._machines.append((second + lasts_s, rng.uniform(0.05, 0.6) * self._limit_w))
        if self._machines:
            self._machines = [each for each in self._machines if each[0] > second]
        self._noise = 0.98 * self._noise + rng.uniform(-0.01, 0.01)
        hour = second % DAY_S / 7200
        here, after = BASE[int(hour)], BASE[(int(hour) + 1) % len(BASE)]
        base = here + (after - here) * (hour % 1) + self._noise
        load_w = base * self._limit_w + sum(each for _, each in self._machines)
        return min(max(load_w, 0.0), MOST * self._limit_w)


@dataclass(slots=True)
class Post:
    """One car: what it draws, what it was told, and when it does as it was told."""

    draws_w: Watts = 0.0
    told_w: Watts = 0.0
    told_at: int = -REST_S
    obeys: list[tuple[int, Watts]] = field(default_factory=list)

    def tell(self, limit_w: Watts, now: int, rng: random.Random) -> None:
        """Cuts at once, raises after a while; below its least it is stopped."""
        limit_w = min(limit_w, MAX_W) // 69.0 * 69.0 if limit_w >= MIN_W else 0.0  # 0.1 A on three phases
        wait_s = REST_S if self.told_w == 0.0 else HOLD_S
        if limit_w < self.told_w or (limit_w > self.told_w + 690.0 and now - self.told_at >= wait_s):
            self.told_w, self.told_at = limit_w, now
            self.obeys.append((now + rng.randint(*OBEY_S), limit_w))

    def step(self, now: int) -> Watts:
        if self.obeys and self.obeys[0][0] <= now:
            self.draws_w = self.obeys.pop(0)[1]
        return self.draws_w


def share(posts: list[Post], room_w: Watts, now: int, rng: random.Random) -> None:
    """As many as get their least, in equal parts."""
    served = min(int(max(room_w, 0.0) // MIN_W), len(posts))
    for number, post in enumerate(posts):
        post.tell(room_w / served if number < served else 0.0, now, rng)


def run(settings: DemandSettings, *, days: int, seed: int, sample_s: Seconds = 1.0) -> Course:
    """``days`` simulated days with hungry cars. The cars are told by what was allowed at the sample before."""
    rng, posts = random.Random(seed), [Post() for _ in range(POSTS)]
    building = Building(rng, settings.limit_w)
    state = begun(settings, at=0.0, wall_s=BEGIN_S, power_w=building.load_w(0))
    used_j, means_w = 0.0, []
    for now in range(1, days * DAY_S + 1):
        cars_w = sum(post.step(now) for post in posts)
        load_w = building.load_w(now)
        used_j += load_w + cars_w
        if now % sample_s == 0:
            allowed_w = state.allowed_w
            state = advanced(state, settings, at=now, wall_s=BEGIN_S + now, power_w=load_w + cars_w, month="2026-11")
            share(posts, allowed_w - load_w, now, rng)
        if now % settings.window_s == 0:
            means_w.append(used_j / settings.window_s)
            used_j = 0.0
    return Course(means_w=tuple(means_w), state=state)


def main(days: int = 40) -> None:
    """The courses of ``make test-long``, one line each."""
    settings = DemandSettings(circuit="main", limit_w=40_000.0)
    for sample_s in (1.0, 10.0):
        for seed in range(5):
            course = run(settings, days=days, seed=seed, sample_s=sample_s)
            over = sum(mean_w > settings.limit_w for mean_w in course.means_w)
            sys.stdout.write(
                f"samples of {sample_s:2g} s, seed {seed}: {over} of {len(course.means_w)} windows above the limit, "
                f"highest {course.highest_w / settings.limit_w:.2%}, used {course.mean_w / settings.limit_w:.2%}\n"
            )
            sys.stdout.flush()


if __name__ == "__main__":
    main()

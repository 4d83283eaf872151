"""A day of a building whose load nobody knows beforehand, and of cars that take all they are allowed, after a while."""

import random
from dataclasses import dataclass
from datetime import UTC, datetime

from edge.bms.demand_window import DemandSettings, WindowState, advanced, begun
from edge.units import Seconds, Watts

BEGIN_S = datetime(2026, 11, 21, tzinfo=UTC).timestamp()
DAY_S = 86_400
CARS_W: Watts = 60_000.0  # what the cars would take
OBEY_S: Seconds = 5.0  # IEC 61851-1


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """What came of some days: the mean of each whole window, and how it stands at the end."""

    means_w: tuple[Watts, ...]
    state: WindowState


def building_w(rng: random.Random, now_w: Watts, limit_w: Watts) -> Watts:
    """The building's load some seconds on: machines come and go, now and then a big one."""
    if rng.random() < 0.01:
        return rng.uniform(0.05, 0.6) * limit_w
    return min(max(now_w + rng.gauss(0, 0.01) * limit_w, 0.0), 0.7 * limit_w)


def run(settings: DemandSettings, *, days: int, seed: int, step_s: Seconds = 5.0) -> Course:
    """``days`` simulated days. The cars follow what was allowed one step before."""
    rng = random.Random(seed)
    load_w, cars_w, means_w = 0.3 * settings.limit_w, 0.0, []
    state = begun(settings, at=0.0, wall_s=BEGIN_S, power_w=load_w)
    used_j, window = 0.0, 0
    for index in range(1, int(days * DAY_S / step_s) + 1):
        at = index * step_s
        allowed_w = state.allowed_w
        cars_next_w = min(max(allowed_w - load_w, 0.0), CARS_W)
        load_w = building_w(rng, load_w, settings.limit_w)
        power_w = load_w + cars_w
        used_j += power_w * step_s
        state = advanced(state, settings, at=at, wall_s=BEGIN_S + at, power_w=power_w, month="2026-11")
        cars_w = cars_next_w
        if int(at // settings.window_s) != window:
            window = int(at // settings.window_s)
            means_w.append(used_j / settings.window_s)
            used_j = 0.0
    return Course(means_w=tuple(means_w), state=state)

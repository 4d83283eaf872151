"""Charging on the sun's surplus: what a site would give to the grid goes to cars that wait for it. Pure.

Surplus is reckoned at the grid connection: what flows out of the site, and what the cars that live on it draw now. So
producers needn't be measured by themselves; a battery's discharge must be, for it would count as sun.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from edge.domain.site import EvseKey
from edge.units import Amps, Seconds, Watts


@dataclass(frozen=True, slots=True, kw_only=True)
class SurplusSettings:
    """``start_w`` is what must be left over for ``start_s`` before one car more begins, at least its minimum;
    for ``stop_s`` less than the minima of those that charge before one stops.
    """

    start_w: Watts = 0.0
    start_s: Seconds = 60.0
    stop_s: Seconds = 180.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SunCar:
    """An EVSE in a session that lives on surplus. ``per_amp_w`` is the power of one ampere on each phase it uses."""

    key: EvseKey
    min_a: Amps
    max_a: Amps
    per_amp_w: Watts

    @property
    def min_w(self) -> Watts:
        return self.min_a * self.per_amp_w


@dataclass(frozen=True, slots=True, kw_only=True)
class SurplusState:
    """Who charges, in the order in which they began; and since when there is enough for more, or too little."""

    on: tuple[EvseKey, ...] = ()
    more_since: Seconds | None = None
    less_since: Seconds | None = None


def surplus_w(*, grid_w: Watts, cars_w: Watts, battery_w: Watts, battery_counts: bool) -> Watts:
    """What the sun leaves for cars. ``grid_w`` is positive from the grid, ``battery_w`` positive into the battery.

    A battery's discharge is no surplus unless it counts; what it charges is the battery's, before the cars.
    """
    discharge_w = 0.0 if battery_counts else max(-battery_w, 0.0)
    return max(cars_w - grid_w - discharge_w, 0.0)


def advanced(
    state: SurplusState,
    settings: SurplusSettings,
    *,
    now: Seconds,
    available_w: Watts | None,
    cars: Sequence[SunCar],
) -> tuple[SurplusState, Mapping[EvseKey, Amps]]:
    """The state one tick on, and what each of ``cars`` may draw per phase. ``cars`` are in order of precedence.

    ``available_w`` None: it isn't known, and counts as nothing.
    """
    known = {car.key: car for car in cars}
    on = tuple(key for key in state.on if key in known)
    waiting = [car for car in cars if car.key not in on]
    power_w = available_w or 0.0
    needed_w = sum(known[key].min_w for key in on)
    lacks = bool(on) and power_w < needed_w
    # A car that went leaves its room to the next one without a delay: the timers are of the sun, not of the cars.
    extra_w = max(waiting[0].min_w, settings.start_w) if waiting else 0.0
    has_more = bool(waiting) and power_w >= needed_w + extra_w
    less_since = (state.less_since if state.less_since is not None else now) if lacks else None
    more_since = (state.more_since if state.more_since is not None else now) if has_more else None
    if less_since is not None and now - less_since >= settings.stop_s:
        on, less_since = on[:-1], None
    elif more_since is not None and now - more_since >= settings.start_s:
        on, more_since = (*on, waiting[0].key), None
    return (
        SurplusState(on=on, more_since=more_since, less_since=less_since),
        _shares([known[key] for key in on], power_w) | {key: 0.0 for key in known if key not in on},
    )


def _shares(cars: Sequence[SunCar], power_w: Watts) -> dict[EvseKey, Amps]:
    """Each its minimum, and the rest in equal parts of power, as far as each can use it."""
    left_w = max(power_w - sum(car.min_w for car in cars), 0.0)
    shares: dict[EvseKey, Amps] = {}
    hungry = sorted(cars, key=lambda car: (car.max_a - car.min_a) * car.per_amp_w)
    for index, car in enumerate(hungry):
        part_w = min(left_w / (len(hungry) - index), (car.max_a - car.min_a) * car.per_amp_w)
        left_w -= part_w
        shares[car.key] = car.min_a + part_w / car.per_amp_w
    return shares

"""Charging on the sun's surplus: what a site would give to the grid goes to cars that wait for it. Pure.

Surplus is reckoned at the grid connection: what flows out of the site, and what the cars that live on it draw now. So
producers needn't be measured by themselves; a battery's discharge must be, for it would count as sun.
"""

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from edge.domain.site import EvseKey
from edge.units import Amps, Seconds, Watts

WAKE_S: Seconds = 60.0  # as long as a car may take to begin: it is told, obeys within 5 s, and some wake late
TURN_S: Seconds = 900.0  # who takes nothing leaves its place to others that took nothing before: as [control] turn_s


@dataclass(frozen=True, slots=True, kw_only=True)
class SurplusSettings:
    """``start_w`` is what must be left over for ``start_s`` before one car more begins, at least its minimum;
    for ``stop_s`` less than the minima of those that charge before those stop that it doesn't carry.
    """

    start_w: Watts = 0.0
    start_s: Seconds = 60.0
    stop_s: Seconds = 180.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SunCar:
    """An EVSE in a session that lives on surplus. ``per_amp_w`` is the power of one ampere on each phase it uses.

    ``draws``: it takes current now.
    """

    key: EvseKey
    min_a: Amps
    max_a: Amps
    per_amp_w: Watts
    draws: bool = True

    @property
    def min_w(self) -> Watts:
        return self.min_a * self.per_amp_w


@dataclass(frozen=True, slots=True, kw_only=True)
class SurplusState:
    """Who may charge, in the order in which they began; and since when there is enough for more, or too little.

    ``idle_since``: since when one of these takes nothing. ``asleep``: who left its place to others because of that, the
    first first: they are the last to begin anew.
    """

    on: tuple[EvseKey, ...] = ()
    more_since: Seconds | None = None
    less_since: Seconds | None = None
    idle_since: Mapping[EvseKey, Seconds] = field(default_factory=dict)
    asleep: tuple[EvseKey, ...] = ()

    def joined_by(self, running: Iterable[EvseKey]) -> "SurplusState":
        """With these, which charge already: they keep their minima like any other that began."""
        return replace(self, on=tuple(dict.fromkeys((*self.on, *running))))


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
    power_w = available_w or 0.0
    state = _kept(state, known, now)
    waiting = _waiting(state, cars)
    # A car that went leaves its room to the next one without a delay: the timers are of the sun, not of the cars.
    extra_w = max(waiting[0].min_w, settings.start_w) if waiting else 0.0
    if waiting and power_w < _needed_w(state.on, known) + extra_w:
        state = _given_way(state, waiting, now)
        waiting = _waiting(state, cars)
    on, needed_w = state.on, _needed_w(state.on, known)
    lacks = bool(on) and power_w < needed_w
    has_more = bool(waiting) and power_w >= needed_w + extra_w
    less_since = (state.less_since if state.less_since is not None else now) if lacks else None
    more_since = (state.more_since if state.more_since is not None else now) if has_more else None
    if less_since is not None and now - less_since >= settings.stop_s:
        on, less_since = _carried(on, known, power_w), None
    elif more_since is not None and now - more_since >= settings.start_s:
        on, more_since = (*on, waiting[0].key), None
    nothing = dict.fromkeys(known, 0.0)
    return (
        replace(state, on=on, more_since=more_since, less_since=less_since),
        nothing | _shares([known[key] for key in on], power_w),
    )


def _kept(state: SurplusState, known: Mapping[EvseKey, SunCar], now: Seconds) -> SurplusState:
    """Without the cars that have gone, nor the sleep of those that draw."""
    on = tuple(key for key in state.on if key in known)
    return replace(
        state,
        on=on,
        idle_since={key: state.idle_since.get(key, now) for key in on if not known[key].draws},
        asleep=tuple(key for key in state.asleep if key in known and not known[key].draws),
    )


def _waiting(state: SurplusState, cars: Sequence[SunCar]) -> list[SunCar]:
    """Who isn't on, in the order in which they may begin."""
    order = {key: place for place, key in enumerate(state.asleep, start=1)}
    on = frozenset(state.on)
    return sorted((car for car in cars if car.key not in on), key=lambda car: order.get(car.key, 0))


def _given_way(state: SurplusState, waiting: Sequence[SunCar], now: Seconds) -> SurplusState:
    """A full car that stays plugged in holds no place that another could use."""
    patience_s = WAKE_S if waiting[0].key not in state.asleep else TURN_S
    gone = tuple(key for key, since in state.idle_since.items() if now - since >= patience_s)
    return replace(
        state,
        on=tuple(key for key in state.on if key not in gone),
        asleep=(*(key for key in state.asleep if key not in gone), *gone),
    )


def _carried(on: Sequence[EvseKey], known: Mapping[EvseKey, SunCar], power_w: Watts) -> tuple[EvseKey, ...]:
    """Those that began first, as many as there is enough for."""
    upto_w = itertools.accumulate(known[key].min_w for key in on)
    return tuple(key for key, needed_w in zip(on, upto_w, strict=True) if needed_w <= power_w)


def _needed_w(on: Iterable[EvseKey], known: Mapping[EvseKey, SunCar]) -> Watts:
    return sum(known[key].min_w for key in on)


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

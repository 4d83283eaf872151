"""The demand window: a mean of power over each quarter of an hour (or 5, 30, 60 min) that must not pass a limit.

Pure: a state and a sample give the next state, and what may be drawn for the rest of the window. Energy is reckoned in
monotonic time; only where a window begins is taken from the wall clock, as the grid operator's meter does.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from edge.units import Seconds, Watts

Joules = float  # watt seconds

STEP_S: Seconds = 2.0  # wall and monotonic clock drift by microseconds; more than this is a step
GAP_S: Seconds = 15.0  # without a sample for longer, what was drawn isn't known; DSMR 4 meters tell every 10 s
# From the sample that shows a jump of the load until the cars have followed: a frame, 5 s (IEC 61851-1), and as long
# again. The jump itself may have come just after the sample before.
REACT_S: Seconds = 11.0
SWING_FLOOR = 0.1  # of the limit: the least that the load is expected to jump
SWING_UNKNOWN = 0.5  # of the limit: what a building is taken for that wasn't seen yet; with SWING_MORE most machines
SWING_MORE = 1.25  # the next jump may be higher than all that were seen
SWING_HALF_LIFE_S: Seconds = 7 * 86_400.0  # a jump is remembered for a week: a machine that runs on Mondays comes again
DOUBTS = 2.0  # standard deviations of what flowed between the samples; more rest on the reserve for jumps
MOST = 2.0  # times the limit: what is left of a window isn't drawn in its last seconds
TARIFF_MONTHS = 12  # Fluvius, capacity tariff
TARIFF_LEAST_W: Watts = 2500.0  # for each month


@dataclass(frozen=True, slots=True, kw_only=True)
class DemandSettings:
    """``limit_w`` is for the mean of each ``window_s``; of ``circuit``, the building's load included. ``offset_s``: of
    the site's clock over UTC; a window begins when that shows a multiple of its length.
    """

    circuit: str
    limit_w: Watts
    window_s: Seconds = 900.0
    offset_s: Seconds = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowState:
    """A window under way. ``used_j`` was drawn since it began; ``wall_s`` is Unix time at ``at``.

    ``doubt_j2`` is the variance of it, as samples don't show what is between them; of ``guessed_s`` of the window none
    tells. ``swing_w``: how far above what was allowed the power has been of late. ``eased_w``: the most that was
    allowed a moment ago; cars that come down from it are no jump of the load. ``peaks_w``: the highest mean of each
    month that had a whole window, by ``YYYY-MM``.
    """

    at: Seconds
    wall_s: Seconds
    used_j: Joules
    power_w: Watts
    swing_w: Watts
    allowed_w: Watts
    eased_w: Watts = 0.0
    doubt_j2: float = 0.0  # in J²
    guessed_s: Seconds = 0.0
    whole: bool = False  # whether the window was seen from its begin
    peaks_w: Mapping[str, Watts] = field(default_factory=dict)


def begun(
    settings: DemandSettings,
    *,
    at: Seconds,
    wall_s: Seconds,
    power_w: Watts,
    before: WindowState | None = None,
) -> WindowState:
    """The state at the first sample, after a restart, or after a step of the clock.

    What isn't known of the window counts as drawn at the limit. ``before`` may be the state of a run before this one:
    what that knew of the same window counts as it was.
    """
    start_s = _start_s(wall_s, settings)
    used_j, doubt_j2 = (wall_s - start_s) * settings.limit_w, 0.0
    if before is not None and start_s <= before.wall_s <= wall_s:
        used_j = before.used_j + (wall_s - before.wall_s) * max(settings.limit_w, before.power_w)
        doubt_j2 = before.doubt_j2
    swing_w = before.swing_w if before is not None else SWING_UNKNOWN * settings.limit_w
    left_s = _left_s(wall_s, settings)
    return WindowState(
        at=at,
        wall_s=wall_s,
        used_j=used_j,
        doubt_j2=doubt_j2,
        power_w=power_w,
        swing_w=swing_w,
        allowed_w=_allowed_w(
            settings, used_j=used_j, reserve_j=_reserve_j(swing_w, doubt_j2, left_s, GAP_S), left_s=left_s
        ),
        eased_w=before.eased_w if before is not None else MOST * settings.limit_w,
        peaks_w=before.peaks_w if before is not None else {},
    )


def advanced(
    state: WindowState,
    settings: DemandSettings,
    *,
    at: Seconds,
    wall_s: Seconds,
    power_w: Watts | None,
    month: str,
) -> WindowState:
    """The state one sample on. ``power_w`` None: the meter is silent, and counts as the limit or its last word,
    whichever is more. ``month`` is the calendar's at the site (``2026-11``).
    """
    passed_s = at - state.at
    current_w = power_w if power_w is not None else max(state.power_w, settings.limit_w)
    start_s, start_before_s = _start_s(wall_s, settings), _start_s(state.wall_s, settings)
    used_j, whole, peaks_w = state.used_j, state.whole, state.peaks_w
    if abs(wall_s - state.wall_s - passed_s) > STEP_S:
        if start_s != start_before_s:
            return begun(settings, at=at, wall_s=wall_s, power_w=current_w, before=state)
        passed_s = max(passed_s, 0.0)
        # What the clock has leapt over was drawn before this window by the old time, and belongs to it by the new one.
        leapt_s = max(wall_s - state.wall_s - passed_s, 0.0)
        used_j, whole = used_j + leapt_s * max(settings.limit_w, state.power_w), False
    guessed_s = passed_s if power_w is None or passed_s > GAP_S else 0.0
    held_w, doubt_j2 = _held(state.power_w, current_w, passed_s, settings)
    if start_s == start_before_s:
        used_j, doubt_j2 = used_j + held_w * passed_s, doubt_j2 + state.doubt_j2
        guessed_s += state.guessed_s
    else:
        within_s = wall_s - start_s
        if passed_s < within_s:  # windows went by unseen
            return begun(settings, at=at, wall_s=wall_s, power_w=current_w, before=state)
        if whole and state.guessed_s + guessed_s <= GAP_S:  # no peak of what was guessed
            peaks_w = _with_peak(state, (used_j + held_w * (passed_s - within_s)) / settings.window_s, month)
        used_j, whole = held_w * within_s, passed_s <= GAP_S
    swing_w = max(
        current_w - max(state.eased_w, state.allowed_w),
        state.swing_w * 0.5 ** (passed_s / SWING_HALF_LIFE_S),
        SWING_FLOOR * settings.limit_w,
    )
    left_s = _left_s(wall_s, settings)
    return WindowState(
        at=at,
        wall_s=wall_s,
        used_j=used_j,
        doubt_j2=doubt_j2,
        power_w=current_w,
        swing_w=swing_w,
        # What was allowed explains the power for as long as slow cars take to come down.
        eased_w=max(state.allowed_w, state.eased_w - settings.limit_w * passed_s / REACT_S),
        allowed_w=_allowed_w(
            settings, used_j=used_j, reserve_j=_reserve_j(swing_w, doubt_j2, left_s, passed_s), left_s=left_s
        ),
        guessed_s=guessed_s,
        whole=whole,
        peaks_w=peaks_w,
    )


def tariff_w(peaks_w: Mapping[str, Watts]) -> Watts | None:
    """What Fluvius bills: the mean of the last twelve months' peaks, each at least 2.5 kW; None without a month."""
    last = sorted(peaks_w)[-TARIFF_MONTHS:]
    return sum(max(peaks_w[month], TARIFF_LEAST_W) for month in last) / len(last) if last else None


def _held(before_w: Watts, after_w: Watts, passed_s: Seconds, settings: DemandSettings) -> tuple[Watts, float]:
    """The mean of the power between two samples, and the variance of its energy in J²: it may have changed at any
    moment between them. What was given to the grid counts as nothing, as meters keep it in a register of its own.
    """
    before_w, after_w = max(before_w, 0.0), max(after_w, 0.0)
    if passed_s > GAP_S:
        return max(before_w, after_w, settings.limit_w), 0.0
    return (before_w + after_w) / 2, ((after_w - before_w) * passed_s) ** 2 / 12


def _reserve_j(swing_w: Watts, doubt_j2: float, left_s: Seconds, every_s: Seconds) -> Joules:
    """What a jump of the load may take before the cars follow, and what may have been taken unseen; both at their worst
    at once are rarer than either. ``every_s`` is how far samples are apart.
    """
    late_s = min(REACT_S + min(every_s, GAP_S), left_s)
    return math.hypot(SWING_MORE * swing_w * late_s, DOUBTS * math.sqrt(doubt_j2))


def _allowed_w(settings: DemandSettings, *, used_j: Joules, reserve_j: Joules, left_s: Seconds) -> Watts:
    """What the power may be in the rest of the window."""
    left_j = settings.window_s * settings.limit_w - used_j - reserve_j
    return min(max(left_j / left_s, 0.0), MOST * settings.limit_w)


def _left_s(wall_s: Seconds, settings: DemandSettings) -> Seconds:
    """Of the window, at least a second."""
    return max(settings.window_s - (wall_s - _start_s(wall_s, settings)), 1.0)


def _start_s(wall_s: Seconds, settings: DemandSettings) -> Seconds:
    return (wall_s + settings.offset_s) // settings.window_s * settings.window_s - settings.offset_s


def _with_peak(state: WindowState, mean_w: Watts, month: str) -> dict[str, Watts]:
    peaks_w = dict(state.peaks_w)
    peaks_w[month] = max(peaks_w.get(month, 0.0), mean_w)
    # A month to come is of a clock that was ahead, or is behind now: it takes no other's place.
    past, ahead = (sorted(each for each in peaks_w if (each > month) is later) for later in (False, True))
    return {each: peaks_w[each] for each in [*past[-TARIFF_MONTHS:], *ahead[:TARIFF_MONTHS]]}

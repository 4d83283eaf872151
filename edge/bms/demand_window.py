"""The demand window: a mean of power over each quarter of an hour (or 5, 30, 60 min) that must not pass a limit.

Pure: a state and a sample give the next state, and what may be drawn for the rest of the window. Energy is reckoned in
monotonic time; only where a window begins is taken from the wall clock, as the grid operator's meter does.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from edge.units import Seconds, Watts

Joules = float  # watt seconds

STEP_S: Seconds = 2.0  # wall and monotonic clock drift by microseconds; more than this is a step
GAP_S: Seconds = 10.0  # without a sample for longer, what was drawn isn't known
# From a jump of the load until the cars have followed: a tick, a frame, 5 s (IEC 61851-1), and as long again.
REACT_S: Seconds = 12.0
SWING_FLOOR = 0.02  # of the limit: the least that the load is expected to jump
SWING_UNKNOWN = 1.0  # of the limit: what a building is taken for that wasn't seen yet
SWING_HALF_LIFE_S: Seconds = 6 * 3600.0  # a jump is remembered for a working day
MOST = 2.0  # times the limit: what is left of a window isn't drawn in its last seconds
TARIFF_MONTHS = 12  # Fluvius, capacity tariff
TARIFF_LEAST_W: Watts = 2500.0  # for each month


@dataclass(frozen=True, slots=True, kw_only=True)
class DemandSettings:
    """``limit_w`` is for the mean of each ``window_s``; of ``circuit``, the building's load included."""

    circuit: str
    limit_w: Watts
    window_s: Seconds = 900.0


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowState:
    """A window under way. ``used_j`` was drawn since it began; ``wall_s`` is Unix time at ``at``.

    ``swing_w``: how far above what was allowed the power has been of late. ``peaks_w``: the highest mean of each month
    that had a whole window, by ``YYYY-MM``.
    """

    at: Seconds
    wall_s: Seconds
    used_j: Joules
    power_w: Watts
    swing_w: Watts
    allowed_w: Watts
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
    used_j = (wall_s - start_s) * settings.limit_w
    if before is not None and start_s <= before.wall_s <= wall_s:
        used_j = before.used_j + (wall_s - before.wall_s) * max(settings.limit_w, before.power_w)
    state = WindowState(
        at=at,
        wall_s=wall_s,
        used_j=used_j,
        power_w=power_w,
        swing_w=before.swing_w if before is not None else SWING_UNKNOWN * settings.limit_w,
        allowed_w=settings.limit_w,
        peaks_w=before.peaks_w if before is not None else {},
    )
    return replace(state, allowed_w=_allowed_w(state, settings))


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
    if abs(wall_s - state.wall_s - passed_s) > STEP_S:
        if _start_s(wall_s, settings) != _start_s(state.wall_s, settings):
            return begun(settings, at=at, wall_s=wall_s, power_w=_known(power_w, state, settings), before=state)
        passed_s = max(passed_s, 0.0)
    current_w = _known(power_w, state, settings)
    mean_w = (state.power_w + current_w) / 2 if passed_s <= GAP_S else max(state.power_w, current_w, settings.limit_w)
    start_s = _start_s(wall_s, settings)
    within_s = wall_s - start_s
    swing_w = max(
        current_w - state.allowed_w,
        state.swing_w * 0.5 ** (passed_s / SWING_HALF_LIFE_S),
        SWING_FLOOR * settings.limit_w,
    )
    state = replace(state, at=at, power_w=current_w, swing_w=swing_w)
    if start_s == _start_s(state.wall_s, settings):
        state = replace(state, wall_s=wall_s, used_j=state.used_j + mean_w * passed_s)
    else:
        ended_j = state.used_j + mean_w * max(passed_s - within_s, 0.0)
        peaks_w = _with_peak(state, ended_j / settings.window_s, month) if state.whole else state.peaks_w
        state = replace(
            state, wall_s=wall_s, used_j=mean_w * min(within_s, passed_s), whole=passed_s <= GAP_S, peaks_w=peaks_w
        )
        if passed_s < within_s:  # windows went by unseen
            state = begun(settings, at=at, wall_s=wall_s, power_w=current_w, before=state)
    return replace(state, allowed_w=_allowed_w(state, settings))


def tariff_w(peaks_w: Mapping[str, Watts]) -> Watts | None:
    """What Fluvius bills: the mean of the last twelve months' peaks, each at least 2.5 kW; None without a month."""
    last = sorted(peaks_w)[-TARIFF_MONTHS:]
    return sum(max(peaks_w[month], TARIFF_LEAST_W) for month in last) / len(last) if last else None


def _allowed_w(state: WindowState, settings: DemandSettings) -> Watts:
    """What the mean of the rest of the window may be, less what a jump of the load can take before the cars follow."""
    left_s = max(settings.window_s - (state.wall_s - _start_s(state.wall_s, settings)), 1.0)
    left_j = settings.window_s * settings.limit_w - state.used_j
    reserve_j = max(state.swing_w, SWING_FLOOR * settings.limit_w) * min(REACT_S, left_s)
    return min(max((left_j - reserve_j) / left_s, 0.0), MOST * settings.limit_w)


def _known(power_w: Watts | None, state: WindowState, settings: DemandSettings) -> Watts:
    return power_w if power_w is not None else max(state.power_w, settings.limit_w)


def _start_s(wall_s: Seconds, settings: DemandSettings) -> Seconds:
    return wall_s // settings.window_s * settings.window_s


def _with_peak(state: WindowState, mean_w: Watts, month: str) -> dict[str, Watts]:
    peaks_w = dict(state.peaks_w)
    peaks_w[month] = max(peaks_w.get(month, 0.0), mean_w)
    return {each: peaks_w[each] for each in sorted(peaks_w)[-TARIFF_MONTHS:]}

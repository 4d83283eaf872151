"""The composite schedule of the simulated station, held against a naive oracle."""

import math
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulators.charger.profile import (
    ChargingProfile,
    Purpose,
    RateUnit,
    SchedulePeriod,
)
from tests.unit.simulators.sim_charger_bench import (
    NOON_S,
    install,
    profile,
    store,
)

SPAN_S = 120  # all generated schedules play within this, and recur within it


@st.composite
def _profiles(draw: st.DrawFn) -> tuple[int, ChargingProfile]:
    purpose = draw(st.sampled_from(list(Purpose)))
    connector_id = {
        Purpose.CHARGE_POINT_MAX: 0,
        Purpose.TX_DEFAULT: draw(st.sampled_from([0, 1])),
        Purpose.TX: 1,
    }[purpose]
    second = st.integers(min_value=-30, max_value=SPAN_S + 30)
    starts = sorted({0, *draw(st.lists(st.integers(min_value=1, max_value=SPAN_S), max_size=4))})
    periods = tuple(
        SchedulePeriod(start_s=each, limit=draw(st.integers(0, 400)) / 10, phases=draw(st.sampled_from([1, 2, 3])))
        for each in starts
    )
    recurrence_s = draw(st.none() | st.integers(min_value=5, max_value=50))
    start = draw(second) if recurrence_s is not None else draw(st.none() | second)
    moments = [draw(st.none() | second) for _ in range(2)]
    valid_from_s, valid_to_s = (None if each is None else NOON_S + each for each in moments)
    made = ChargingProfile(
        profile_id=draw(st.integers(1, 8)),
        stack_level=draw(st.integers(0, 3)),
        purpose=purpose,
        unit=draw(st.sampled_from(list(RateUnit))),
        periods=periods,
        start_s=None if start is None else NOON_S + start,
        duration_s=draw(st.none() | st.integers(0, SPAN_S)),
        recurrence_s=recurrence_s,
        valid_from_s=valid_from_s,
        valid_to_s=valid_to_s,
    )
    return connector_id, made


def _naive_says(each: ChargingProfile, at_s: float, anchor_s: float) -> float | None:
    """One profile, second by second: play the schedule from its start and see where the moment falls."""
    if not (each.valid_from_s or -math.inf) <= at_s < (each.valid_to_s or math.inf):
        return None
    begin_s = each.start_s if each.start_s is not None else anchor_s
    if at_s < begin_s:
        return None
    while each.recurrence_s is not None and begin_s + each.recurrence_s <= at_s:
        begin_s += each.recurrence_s
    if each.duration_s is not None and at_s >= begin_s + each.duration_s:
        return None
    period = [period for period in each.periods if begin_s + period.start_s <= at_s][-1]
    return period.limit if each.unit == "A" else period.limit / 230.0 / period.phases


def _naive_limit_a(
    installed: list[tuple[int, ChargingProfile]], at_s: float, since_s: float, installed_s: float
) -> float | None:
    """The rules of §3.13 as one reads them: candidates by rank, then the minimum with the station's."""

    def best(purpose: Purpose, connector_id: int, anchor_s: float) -> float | None:
        levels = {
            each.stack_level: said
            for owner, each in installed
            if owner == connector_id and each.purpose == purpose
            if (said := _naive_says(each, at_s, anchor_s)) is not None
        }
        return levels[max(levels)] if levels else None

    session_a = best(Purpose.TX, 1, since_s)
    if session_a is None:
        session_a = best(Purpose.TX_DEFAULT, 1, since_s)
    if session_a is None:
        session_a = best(Purpose.TX_DEFAULT, 0, since_s)
    limits = [each for each in (session_a, best(Purpose.CHARGE_POINT_MAX, 0, installed_s)) if each is not None]
    return min(limits) if limits else None


@settings(max_examples=150)
@given(profiles=st.lists(_profiles(), max_size=8), since=st.integers(-60, 0), installed=st.integers(-60, 0))
def test_composite_agrees_with_a_naive_oracle_each_second(
    profiles: list[tuple[int, ChargingProfile]], since: int, installed: int
) -> None:
    """The composite schedule is, in the middle of every second, what the rules say for that moment alone."""
    into = store()
    believed: list[tuple[int, ChargingProfile]] = []
    for owner, each in profiles:
        install(into, owner, each, now_s=NOON_S + installed)
        slot = (owner, each.purpose, each.stack_level)
        believed = [
            (other_owner, other)
            for other_owner, other in believed
            if other.profile_id != each.profile_id and (other_owner, other.purpose, other.stack_level) != slot
        ]
        believed.append((owner, each))
    segments = into.composite(1, NOON_S, SPAN_S, NOON_S + since)
    assert segments[0].start_s == 0
    assert all(a.limit_a != b.limit_a for a, b in pairwise(segments))
    for second in range(SPAN_S):
        at_s = NOON_S + second + 0.5
        expected = _naive_limit_a(believed, at_s, NOON_S + since, NOON_S + installed)
        found = [segment.limit_a for segment in segments if segment.start_s <= second + 0.5][-1]
        assert found == pytest.approx(expected)


def test_composite_of_fractional_starts_falls_on_the_right_side() -> None:
    """A startSchedule with a fraction of a second moves the edges, and no edge is read on its wrong side."""
    periods = tuple(SchedulePeriod(start_s=10 * n, limit=6.0 + n) for n in range(3))
    into = store()
    install(into, 1, replace(profile(0), periods=periods, start_s=NOON_S + 0.123, duration_s=30))
    segments = into.composite(1, NOON_S + 0.123, 60, NOON_S)
    assert [segment.limit_a for segment in segments] == [6.0, 7.0, 8.0, None]
    assert [segment.start_s for segment in segments] == pytest.approx([0, 10, 20, 30], abs=1e-5)

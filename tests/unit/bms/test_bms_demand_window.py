"""The demand window: what is left of it, what isn't known of it, and days of it with an unruly building."""

import os
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from edge.bms.demand_watch import DemandWatch
from edge.bms.demand_window import MOST, DemandSettings, WindowState, advanced, begun, tariff_w
from edge.domain.limit import LimitSource
from edge.domain.site import Circuit
from tests.unit.bms.bms_site import Hands, report, site
from tests.unit.bms.demand_course import BEGIN_S, WINDOWS_A_DAY, run

SETTINGS = DemandSettings(circuit="main", limit_w=40_000.0)
BEFORE_NOON = datetime(2026, 11, 21, 11, 59, 50, tzinfo=UTC)


def state(*, used_j: float = 0.0, wall_s: float = BEGIN_S, power_w: float = 0.0) -> WindowState:
    return WindowState(
        at=0.0, wall_s=wall_s, used_j=used_j, power_w=power_w, swing_w=0.0, allowed_w=40_000.0, whole=True
    )


def step(before: WindowState, seconds: float, power_w: float | None) -> WindowState:
    return advanced(
        before,
        SETTINGS,
        at=before.at + seconds,
        wall_s=before.wall_s + seconds,
        power_w=power_w,
        month="2026-11",
    )


def fresh(*, age_s: float = 0.0, power_w: float = 8650.4) -> dict[str, Any]:
    """A tick's report with a meter's sample of that age."""
    meter = report()["meters"][0] | {"age_s": age_s, "power_w": power_w}
    return report(meters=[meter])


def test_what_was_not_used_may_be_used_later() -> None:
    """After half a window at half the limit, half as much again is allowed, less a reserve."""
    half = step(state(used_j=449 * 20_000.0, wall_s=BEGIN_S + 449, power_w=20_000.0), 1, 20_000.0)
    assert half.used_j == pytest.approx(450 * 20_000.0)
    assert 0.97 * 60_000 < half.allowed_w < 60_000


def test_what_was_used_too_much_is_given_back() -> None:
    """And never below nothing."""
    over = step(state(used_j=449 * 60_000.0, wall_s=BEGIN_S + 449, power_w=60_000.0), 1, 60_000.0)
    assert over.allowed_w < 20_000
    spent = step(state(used_j=900 * 40_000.0, wall_s=BEGIN_S + 449, power_w=60_000.0), 1, 60_000.0)
    assert spent.allowed_w == 0.0


def test_what_is_left_is_not_drawn_in_the_last_second() -> None:
    """At most twice the limit."""
    assert step(state(wall_s=BEGIN_S + 890), 1, 0.0).allowed_w == MOST * 40_000.0


def test_windows_are_those_of_the_clock() -> None:
    """At the quarter-hour the account begins anew, and the mean of a whole one can be the month's peak."""
    before = state(used_j=899 * 30_000.0, wall_s=BEGIN_S + 899, power_w=30_000.0)
    after = step(before, 2, 30_000.0)
    assert after.used_j == pytest.approx(30_000.0)
    assert after.peaks_w == {"2026-11": pytest.approx(30_000.0)}
    assert step(replace(before, whole=False), 2, 30_000.0).peaks_w == {}


def test_the_first_window_counts_as_drawn_at_the_limit() -> None:
    """What isn't known of it can't be made up for."""
    begin = begun(SETTINGS, at=0.0, wall_s=BEGIN_S + 600, power_w=0.0)
    assert begin.used_j == 600 * 40_000.0
    assert begin.allowed_w < 40_000.0


def test_a_restart_goes_on_where_it_was() -> None:
    """What was counted before stays; the gap counts as drawn at the limit or the last power, whichever is more."""
    before = state(used_j=1e6, wall_s=BEGIN_S + 100, power_w=50_000.0)
    again = begun(SETTINGS, at=7.0, wall_s=BEGIN_S + 130, power_w=0.0, before=before)
    assert again.used_j == pytest.approx(1e6 + 30 * 50_000.0)
    later = begun(SETTINGS, at=7.0, wall_s=BEGIN_S + 1000, power_w=0.0, before=before)
    assert later.used_j == pytest.approx(100 * 40_000.0)


def test_a_silent_meter_counts_as_the_limit() -> None:
    """Or as its last word, where that was more."""
    assert step(state(power_w=10_000.0), 1, None).power_w == 40_000.0
    assert step(state(power_w=70_000.0), 1, None).power_w == 70_000.0


@pytest.mark.parametrize(("silent_s", "peak_w"), [(10, 5_390.0), (200, None), (1800, None)])
def test_a_window_of_a_silent_meter_is_no_peak(silent_s: int, peak_w: float | None) -> None:
    """What counts as drawn at the limit was drawn by nobody: twelve months' tariff would be reckoned from it."""
    clock = Hands(wall=BEFORE_NOON)
    watch = DemandWatch(site(), SETTINGS, folder=None)
    silent = report(meters=[report()["meters"][0] | {"ok": False, "age_s": 99.0}])
    for second in range(10 + 900):
        watch.observe(silent if 300 <= second < 300 + silent_s else fresh(power_w=5_000.0), clock)
        clock.pass_s(1)
    for _ in range(silent_s):
        watch.observe(silent, clock)
        clock.pass_s(1)
    watch.observe(fresh(power_w=5_000.0), clock)
    found = watch.report()["peaks_w"]
    assert found == ({} if peak_w is None else {"2026-11": pytest.approx(peak_w, abs=50.0)})


@pytest.mark.parametrize("jump_s", [86_400.0, -86_400.0, 3600.0, -3600.0, 500.0])
def test_a_step_of_the_clock_gives_nothing_away(jump_s: float) -> None:
    """In the window that it lands in, what isn't known counts as drawn at the limit."""
    before = state(used_j=1e6, wall_s=BEGIN_S + 450, power_w=10_000.0)
    after = advanced(before, SETTINGS, at=1.0, wall_s=BEGIN_S + 451 + jump_s, power_w=10_000.0, month="2026-11")
    assert after.allowed_w <= 40_000.0


def test_the_tariff_is_the_mean_of_twelve_months() -> None:
    """Each at least 2.5 kW."""
    assert tariff_w({}) is None
    assert tariff_w({"2026-01": 1000.0, "2026-02": 4500.0}) == 3500.0


# Ten courses: 200 days with make test-long, 10 without.
DAYS = 20 if os.environ.get("EDGE_LONG") else 1
COURSES = [(seed, sample_s) for sample_s in (1.0, 10.0) for seed in range(5)]


@pytest.mark.parametrize(("seed", "sample_s"), COURSES)
def test_no_window_above_the_limit_and_nearly_all_of_it_used(seed: int, sample_s: float) -> None:
    """Days of a volatile building and hungry cars: 0 windows above the limit, 97 % of what it permits is used."""
    course = run(SETTINGS, days=DAYS, seed=seed, sample_s=sample_s)
    assert len(course.means_w) == DAYS * WINDOWS_A_DAY
    assert course.highest_w <= SETTINGS.limit_w
    assert course.mean_w >= 0.97 * SETTINGS.limit_w


def test_what_is_given_to_the_grid_permits_nothing() -> None:
    """Meters bill what was taken: sun in the first half of a window doesn't pay for the second."""
    before = state(used_j=0.0, wall_s=BEGIN_S + 300, power_w=-40_000.0)
    after = step(before, 10, -40_000.0)
    assert after.used_j == 0.0
    assert after.allowed_w <= 900 * 40_000.0 / 590


def test_what_samples_do_not_show_is_held_back() -> None:
    """The further they are apart and the more the load jumps, the more may have been drawn between them."""
    calm = restless = state(power_w=20_000.0)
    for second in range(10, 310, 10):
        calm = step(calm, 10, 20_000.0)
        restless = step(restless, 10, 10_000.0 if second // 10 % 2 else 30_000.0)
    assert restless.used_j == pytest.approx(calm.used_j, rel=0.02)
    assert restless.allowed_w < calm.allowed_w - 200


def test_a_jump_is_remembered_for_the_next_windows() -> None:
    """And what cars draw because it was allowed a moment ago is none."""
    before = replace(state(), allowed_w=20_000.0, eased_w=20_000.0, swing_w=5_000.0)
    assert step(before, 1, 35_000.0).swing_w == 15_000.0
    eased = replace(before, eased_w=80_000.0)
    assert step(eased, 1, 35_000.0).swing_w == pytest.approx(5_000.0, rel=1e-3)


def test_the_watch_states_a_limit_that_ends() -> None:
    """When nobody renews it, the demand limit itself holds."""
    watch, clock = DemandWatch(site(), SETTINGS, folder=None), Hands()
    limit = watch.observe(report(), clock)
    assert limit is not None
    assert (limit.source, limit.circuit, limit.fallback_w) == (LimitSource.DEMAND_WINDOW, "main", 40_000.0)
    assert limit.ends_at is not None
    assert limit.watts(limit.ends_at) == 40_000.0


def test_a_limit_holds_for_more_than_one_slow_tick() -> None:
    """A tick decides by what the one before it stated: what was used too much is given back at 10 s a tick."""
    slow = replace(site(), control=replace(site().control, period_s=10.0))
    watch, clock = DemandWatch(slow, SETTINGS, folder=None), Hands()
    for _ in range(60):
        limit = watch.observe(fresh(power_w=60_000.0), clock)
        clock.pass_s(10)
    assert limit is not None
    assert limit.watts(clock.monotonic()) == 0.0


def test_a_sample_that_is_told_again_is_counted_once() -> None:
    """A meter that tells its power every ten seconds is reckoned at its samples' times, not at those of the ticks."""
    seldom = replace(site(), control=replace(site().control, meter_stale_s=25.0))
    watch, clock = DemandWatch(seldom, SETTINGS, folder=None), Hands()
    for second in range(31):
        watch.observe(fresh(age_s=second % 10, power_w=10_000.0 if second < 20 else 30_000.0), clock)
        clock.pass_s(1)
    assert watch.state is not None
    assert watch.state.used_j == pytest.approx(10 * 10_000.0 + 10 * 20_000.0 + 10 * 30_000.0)


def test_a_poll_that_fails_is_no_gap() -> None:
    """What the meter showed a moment ago counts on, not the limit in its place; with the next reading it is exact."""
    watch, clock = DemandWatch(site(), SETTINGS, folder=None), Hands()
    for second in range(31):
        missed = {"ok": False, "problem": "no answer", "age_s": 1.0} if second % 10 == 5 else {}
        found = fresh(power_w=10_000.0)
        watch.observe(found | {"meters": [found["meters"][0] | missed]}, clock)
        clock.pass_s(1)
    assert watch.state is not None
    assert watch.state.used_j == pytest.approx(30 * 10_000.0)


def test_a_window_that_ends_at_midnight_is_of_the_month_before() -> None:
    """It was drawn in that month."""
    watch, clock = (
        DemandWatch(site(), SETTINGS, folder=None),
        Hands(wall=datetime(2026, 11, 30, 22, 44, 50, tzinfo=UTC)),
    )
    for _ in range(930):
        watch.observe(fresh(), clock)
        clock.pass_s(1)
    assert watch.state is not None
    assert list(watch.state.peaks_w) == ["2026-11"]
    told = watch.report()
    assert (told["circuit"], told["peaks_w"], told["tariff_w"]) == ("main", {"2026-11": 8650.4}, 8650.4)


def test_without_a_clock_nothing_is_saved_up() -> None:
    """Where a window begins isn't known: the limit holds at every moment."""
    watch, clock = DemandWatch(site(), SETTINGS, folder=None), Hands()
    clock.trusted = False
    limit = watch.observe(report(), clock)
    assert limit is not None
    assert limit.limit_w == 40_000.0


async def test_a_clock_that_is_lost_for_a_while_takes_no_peaks_along(tmp_path: Path) -> None:
    """What was booked before stands, in the memory and on the disk, and so does the window that it comes back in; what
    ran meanwhile counts as drawn at the limit."""
    watch, clock = DemandWatch(site(), SETTINGS, folder=tmp_path), Hands(wall=BEFORE_NOON)
    for _ in range(1000):
        watch.observe(fresh(power_w=5_000.0), clock)
        clock.pass_s(1)
    (peak_w,) = watch.report()["peaks_w"].values()
    assert watch.state is not None
    used_j = watch.state.used_j
    clock.trusted = False
    for _ in range(10):
        watch.observe(fresh(power_w=5_000.0), clock)
        clock.pass_s(1)
    assert watch.report()["peaks_w"] == {"2026-11": peak_w}
    clock.trusted = True
    watch.observe(fresh(power_w=5_000.0), clock)
    assert watch.report()["peaks_w"] == {"2026-11": peak_w}
    assert watch.state.used_j == pytest.approx(used_j + 11 * 40_000.0)
    await watch.close()
    assert DemandWatch(site(), SETTINGS, folder=tmp_path).report()["peaks_w"] == {"2026-11": peak_w}


async def test_peaks_are_kept_of_a_run_that_ends_without_a_clock(tmp_path: Path) -> None:
    """It is stopped while the clock is lost: what was booked since the last writing is written then."""
    watch, clock = DemandWatch(site(), SETTINGS, folder=tmp_path), Hands(wall=BEFORE_NOON)
    for _ in range(10 + 900 + 3):
        watch.observe(fresh(power_w=5_000.0), clock)
        clock.pass_s(1)
    told = watch.report()["peaks_w"]
    assert list(told) == ["2026-11"]
    clock.trusted = False
    watch.observe(fresh(power_w=5_000.0), clock)
    await watch.close()
    assert DemandWatch(site(), SETTINGS, folder=tmp_path).report()["peaks_w"] == told


@pytest.mark.parametrize("content", [b"", b"{}", b"[1]", b'{"wall_s": "x"}', b"\xff"])
async def test_what_was_remembered_and_is_damaged_is_left(content: bytes, tmp_path: Path) -> None:
    """The window is begun as unknown."""
    (tmp_path / "demand-0.json").write_bytes(content)
    watch = DemandWatch(site(), SETTINGS, folder=tmp_path)
    limit = watch.observe(fresh(), Hands())
    assert limit is not None
    assert watch.state is not None
    assert watch.state.used_j == 0.0  # noon is the begin of a window


async def test_what_was_remembered_is_the_circuit_s_wherever_the_file_has_it(tmp_path: Path) -> None:
    """A circuit that is added before it takes no months' peaks from it, nor gets them."""
    before, clock = DemandWatch(site(), SETTINGS, folder=tmp_path), Hands()
    before.observe(fresh(), clock)
    assert before.state is not None
    before.state = replace(before.state, peaks_w={"2026-10": 8000.0})
    await before.close()
    new = Circuit(id="yard", parent="main", fuse_a=16.0, meter="grid")
    grown = replace(site(), circuits=(new, *site().circuits))
    both = [DemandWatch(grown, replace(SETTINGS, circuit=each), folder=tmp_path) for each in ("yard", "main")]
    assert [watch.report()["peaks_w"] for watch in both] == [{}, {"2026-10": 8000.0}]
    clock.pass_s(2)
    for watch in both:
        watch.observe(fresh(power_w=9000.0), clock)
        await watch.close()
    back = DemandWatch(grown, SETTINGS, folder=tmp_path)
    again = DemandWatch(site(), SETTINGS, folder=tmp_path)
    assert back.report()["peaks_w"] == again.report()["peaks_w"] == {"2026-10": 8000.0}


@pytest.mark.parametrize(
    ("zone", "minutes", "begins"),
    [
        ("Asia/Kolkata", 60, "07:30"),  # 13:00 there
        ("Asia/Kathmandu", 30, "07:45"),  # 13:30
        ("Asia/Kathmandu", 15, "07:45"),
        ("Europe/Berlin", 60, "08:00"),
    ],
)
def test_a_window_begins_when_the_site_s_clock_says_so(zone: str, minutes: int, begins: str) -> None:
    """The grid operator's meter has full hours where the country's clock is half an hour off."""
    at = datetime.fromisoformat(f"2026-11-21T{begins}:00+00:00")
    settings = replace(SETTINGS, window_s=minutes * 60.0)
    watch, clock = DemandWatch(replace(site(), timezone=zone), settings, folder=None), Hands(wall=at)
    clock.pass_s(-5)
    used_j = []
    for _ in range(10):
        watch.observe(fresh(), clock)
        assert watch.state is not None
        used_j.append(watch.state.used_j)
        clock.pass_s(1)
    assert used_j[5] < 8651 < used_j[4]

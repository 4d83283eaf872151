"""Charging profiles of the simulated station: how they combine, when they hold, when they end."""

import pytest

from simulators.charger.offers import share_a
from simulators.charger.profile import (
    Purpose,
    RateUnit,
    SchedulePeriod,
    decode_profile,
)
from simulators.charger.timestamp import parse_time
from tests.unit.simulators.sim_charger_bench import NOON_S, install, profile, store


def test_no_profile_is_no_limit() -> None:
    """§3.13.6: without profiles a transaction runs as if no constraints apply."""
    assert store().limit_a(1, NOON_S, NOON_S) is None


def test_the_specifications_daily_example() -> None:
    """§3.13.7: 11 kW at night, 6 kW from 8 to 20 h, every day, as amperes on three phases."""
    raw = {
        "chargingProfileId": 100,
        "stackLevel": 0,
        "chargingProfilePurpose": "TxDefaultProfile",
        "chargingProfileKind": "Recurring",
        "recurrencyKind": "Daily",
        "chargingSchedule": {
            "duration": 86_400,
            "startSchedule": "2013-01-01T00:00:00Z",
            "chargingRateUnit": "W",
            "chargingSchedulePeriod": [
                {"startPeriod": 0, "limit": 11_000, "numberPhases": 3},
                {"startPeriod": 28_800, "limit": 6_000, "numberPhases": 3},
                {"startPeriod": 72_000, "limit": 11_000, "numberPhases": 3},
            ],
        },
    }
    installed = store()
    install(installed, 0, decode_profile(raw))
    midnight = parse_time("2026-11-21T00:00:00Z")
    found = [installed.limit_a(1, midnight + hour * 3600, midnight) for hour in (0, 7.99, 8, 19.99, 20)]
    assert found == pytest.approx([11_000 / 690, 11_000 / 690, 6_000 / 690, 6_000 / 690, 11_000 / 690])


def test_the_highest_stack_level_wins_until_it_ends() -> None:
    """§3.13.2, §5.16.4: the higher level holds while its duration lasts, then the lower one does."""
    installed = store()
    install(
        installed,
        1,
        profile(10.0, profile_id=1, stack_level=0),
        profile(20.0, profile_id=2, stack_level=3, start_s=NOON_S, duration_s=60),
    )
    found = [installed.limit_a(1, NOON_S + offset, NOON_S) for offset in (-1, 0, 59.9, 60)]
    assert found == [10.0, 20.0, 20.0, 10.0]


def test_after_the_last_schedule_nothing_limits() -> None:
    """§5.16.4: when the duration is over and no lower level is there, it is as if no profile were installed."""
    installed = store()
    install(installed, 1, profile(10.0, start_s=NOON_S, duration_s=60))
    assert installed.limit_a(1, NOON_S + 60, NOON_S) is None


def test_the_last_period_holds_until_the_duration_ends() -> None:
    """§5.16.4: periods in turn, the last one until the duration, no remainder beyond it."""
    periods = tuple(SchedulePeriod(start_s=s, limit=a) for s, a in ((0, 16.0), (10, 8.0), (200, 32.0)))
    installed = store()
    install(installed, 1, profile(0, periods=periods, start_s=NOON_S, duration_s=100))
    found = [installed.limit_a(1, NOON_S + offset, NOON_S) for offset in (0, 9, 10, 99, 100, 200)]
    assert found == [16.0, 16.0, 8.0, 8.0, None, None]


def test_tx_profile_replaces_the_default_and_the_charge_point_max_caps_it() -> None:
    """§3.13.1, §3.13.3: TxProfile instead of TxDefault, and the minimum with ChargePointMax."""
    installed = store()
    install(installed, 1, profile(6.0, profile_id=1, stack_level=9))
    install(installed, 1, profile(20.0, profile_id=2, purpose=Purpose.TX))
    assert installed.limit_a(1, NOON_S, NOON_S) == 20.0
    install(installed, 0, profile(13.0, profile_id=3, purpose=Purpose.CHARGE_POINT_MAX))
    assert installed.limit_a(1, NOON_S, NOON_S) == 13.0


def test_a_tx_profile_that_is_over_gives_way_to_the_default() -> None:
    """§5.16.4: a TxProfile that has ended is as if it were not there."""
    installed = store()
    install(installed, 1, profile(6.0, profile_id=1))
    install(installed, 1, profile(20.0, profile_id=2, purpose=Purpose.TX, start_s=NOON_S, duration_s=30))
    assert [installed.limit_a(1, NOON_S + offset, NOON_S) for offset in (29, 30)] == [20.0, 6.0]


def test_the_connectors_default_beats_connector_zeros_whatever_its_level() -> None:
    """§3.13.1: the TxDefaultProfile of connector 0 is replaced for that specific connector only."""
    installed = store()
    install(installed, 0, profile(16.0, profile_id=1, stack_level=9))
    install(installed, 1, profile(8.0, profile_id=2, stack_level=0))
    assert installed.limit_a(1, NOON_S, NOON_S) == 8.0
    assert installed.limit_a(2, NOON_S, NOON_S) == 16.0


def test_relative_schedules_count_from_the_transactions_start() -> None:
    """§7.9: Relative, and a schedule without startSchedule, begin when charging begins."""
    periods = (SchedulePeriod(start_s=0, limit=6.0), SchedulePeriod(start_s=60, limit=12.0))
    installed = store()
    install(installed, 1, profile(0, periods=periods, start_s=None))
    found = [installed.limit_a(1, NOON_S + offset, NOON_S) for offset in (0, 59, 60)]
    assert found == [6.0, 6.0, 12.0]


def test_validity_is_from_inclusive_to_exclusive() -> None:
    """§7.8: the profile counts from validFrom on and no more at validTo."""
    installed = store()
    install(installed, 1, profile(6.0, valid_from_s=NOON_S, valid_to_s=NOON_S + 10))
    found = [installed.limit_a(1, NOON_S + offset, NOON_S) for offset in (-0.1, 0, 9.9, 10)]
    assert found == [None, 6.0, 6.0, None]


def test_a_weekly_schedule_is_cut_at_its_recurrence_and_has_not_begun_before_its_start() -> None:
    """§5.16.4 errata 3.44: what is longer than the recurrence is not executed; before startSchedule nothing is."""
    week_s = 7 * 86_400
    periods = (SchedulePeriod(start_s=0, limit=6.0), SchedulePeriod(start_s=week_s, limit=32.0))
    installed = store()
    weekly = profile(0, periods=periods, start_s=NOON_S, duration_s=2 * week_s, recurrence_s=week_s)
    install(installed, 1, weekly)
    found = [installed.limit_a(1, NOON_S + offset, NOON_S) for offset in (-1, 0, week_s - 1, week_s, 5 * week_s)]
    assert found == [None, 6.0, 6.0, 6.0, 6.0]


@pytest.mark.parametrize(("phases", "expected_a"), [(3, 10.0), (1, 30.0)])
def test_watts_become_amperes_by_the_profiles_own_number_of_phases(phases: int, expected_a: float) -> None:
    """Errata 3.34, 3.69: A = W / (nominal voltage * numberPhases), whatever the car uses."""
    periods = (SchedulePeriod(start_s=0, limit=6900.0, phases=phases),)
    installed = store()
    install(installed, 1, profile(0, unit=RateUnit.WATTS, periods=periods))
    assert installed.limit_a(1, NOON_S, NOON_S) == pytest.approx(expected_a)


def test_tx_profiles_end_with_the_transaction_and_others_stay() -> None:
    """§3.13.1: a TxProfile is dropped when its transaction stops; that of another connector is not."""
    installed = store()
    install(installed, 1, profile(6.0, profile_id=1), profile(20.0, profile_id=2, purpose=Purpose.TX))
    install(installed, 2, profile(9.0, profile_id=3, purpose=Purpose.TX))
    installed.end_transaction(1)
    assert installed.limit_a(1, NOON_S, NOON_S) == 6.0
    assert installed.limit_a(2, NOON_S, NOON_S) == 9.0


def test_the_station_limit_is_shared_fairly_and_never_below_the_pilots_minimum() -> None:
    """§3.13.3: the ChargePointMaxProfile holds for all connectors together; below 6 A each, the last one waits."""
    assert share_a(None, {1: 16.0, 2: 32.0}, 6.0) == {1: 16.0, 2: 32.0}
    assert share_a(30.0, {1: 10.0, 2: 32.0, 3: 32.0}, 6.0) == {1: 10.0, 2: 10.0, 3: 10.0}
    assert share_a(30.0, {1: 6.0, 2: 32.0, 3: 32.0}, 6.0) == {1: 6.0, 2: 12.0, 3: 12.0}
    assert share_a(13.0, {1: 32.0, 2: 32.0, 3: 32.0}, 6.0) == {1: 6.5, 2: 6.5, 3: 0.0}

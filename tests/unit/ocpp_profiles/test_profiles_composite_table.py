"""What profiles allow, worked out by hand from the specification. Each row names the section that it is from."""

from typing import Any

import pytest

from tests.unit.ocpp_profiles import profile_rows_v2, profile_rows_v16
from tests.unit.ocpp_profiles.profile_bench import V21, installed, limit_a, moment, period, profile
from tests.unit.ocpp_profiles.profile_rows import RUNNING, Row, default, tx


@pytest.mark.parametrize("row", [*profile_rows_v16.ROWS, *profile_rows_v2.ROWS], ids=lambda row: row.section)
def test_what_profiles_allow(row: Row) -> None:
    """The limit of the row's section, in A per phase."""
    store = installed(row.version, *row.placed, running=row.running)
    found = limit_a(store, row.version, row.evse, row.at)
    assert found == (None if row.expected_a is None else pytest.approx(row.expected_a, abs=1e-9))


def test_priority_charging_overrules() -> None:
    """2.1 K §3.6: once activated, the PriorityCharging profile comes before TxProfile and TxDefaultProfile."""
    placed = (default(V21, 10), tx(V21, period(0, 12)), (0, profile(V21, "PriorityCharging", period(0, 32), number=7)))
    store = installed(V21, *placed, running=RUNNING)
    assert limit_a(store, V21, 1, "12:00:00") == 12.0
    assert limit_a(store.with_priority(1, True), V21, 1, "12:00:00") == 32.0
    assert limit_a(store.with_priority(1, True).ended(1), V21, 1, "12:00:00") == 10.0


def test_a_profile_is_suspended_while_the_cloud_is_away_for_too_long() -> None:
    """2.1 K01.FR.101 and 102: the lower level holds, until the cloud is back; invalidAfterOfflineDuration ends it."""

    def store(**more: Any) -> Any:
        upper = default(V21, 20, number=2, level=1, maxOfflineDuration=600, **more)
        return installed(V21, default(V21, 10), upper).offline(moment("12:00:00"))

    assert limit_a(store(), V21, 1, "12:09:59") == 20.0
    assert limit_a(store(), V21, 1, "12:10:00") == 10.0
    back = moment("12:20:00")
    assert limit_a(store().online(back), V21, 1, "12:20:00") == 20.0
    assert limit_a(store(invalidAfterOfflineDuration=True).online(back), V21, 1, "12:20:00") == 10.0
    assert limit_a(store(invalidAfterOfflineDuration=True).online(moment("12:09:00")), V21, 1, "12:20:00") == 20.0

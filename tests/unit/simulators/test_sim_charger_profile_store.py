"""What the simulated station installs, replaces, clears and refuses of charging profiles."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulators.charger.frames import CallRefused
from simulators.charger.profile import (
    ChargingProfile,
    Purpose,
    SchedulePeriod,
    UnacceptableProfile,
    decode_profile,
)
from simulators.charger.profiles import Criteria, RunningTransaction
from tests.unit.simulators.sim_charger_bench import NOON_S, RUNNING, install, limit_profile, profile, store


def test_the_same_id_or_the_same_slot_replaces() -> None:
    """§5.16.3: one profile for each id, and one for each purpose, stack level and connector."""
    installed = store()
    install(installed, 1, profile(6.0, profile_id=1, stack_level=1))
    install(installed, 1, profile(7.0, profile_id=2, stack_level=1))
    assert (len(installed), installed.limit_a(1, NOON_S, NOON_S)) == (1, 7.0)
    install(installed, 2, profile(8.0, profile_id=2, stack_level=5))
    assert (len(installed), installed.limit_a(1, NOON_S, NOON_S)) == (1, None)


def test_a_replacement_that_is_valid_only_later_leaves_a_gap() -> None:
    """§3.13.2: a replacement with validFrom in the future reverts to default behaviour until then."""
    installed = store()
    install(installed, 1, profile(6.0))
    install(installed, 1, profile(8.0, valid_from_s=NOON_S + 60))
    assert [installed.limit_a(1, NOON_S + offset, NOON_S) for offset in (0, 60)] == [None, 8.0]


MOMENTS = st.lists(st.integers(-50, 250).map(lambda tenths: NOON_S + tenths / 10), min_size=1, max_size=6)
PROFILES = st.lists(
    st.builds(
        lambda limit, level, begins, lasts, purpose: profile(
            float(limit),
            profile_id=10 * level + len(purpose),
            stack_level=level,
            purpose=purpose,
            start_s=None if begins is None else NOON_S + begins,
            duration_s=lasts,
            periods=(SchedulePeriod(start_s=0, limit=float(limit)), SchedulePeriod(start_s=3, limit=limit / 2)),
        ),
        st.integers(6, 32),
        st.integers(0, 2),
        st.none() | st.integers(-3, 12),
        st.none() | st.integers(4, 9),
        st.sampled_from([Purpose.TX, Purpose.TX_DEFAULT]),
    ),
    max_size=4,
)


@given(PROFILES, MOMENTS)
def test_what_was_looked_up_before_changes_no_answer(profiles: list[ChargingProfile], moments: list[float]) -> None:
    """Asked again and again, at edges and at earlier moments too, a store says what a fresh one says; and it changes
    nothing before the moment that it names."""
    asked = store()
    install(asked, 1, *profiles)
    for at_s in moments:
        fresh = store()
        install(fresh, 1, *profiles)
        limit_a = asked.session_limit_a(1, at_s, NOON_S)
        assert limit_a == fresh.session_limit_a(1, at_s, NOON_S)
        edge_s = asked.next_edge_s(1, at_s, NOON_S)
        assert edge_s > at_s
        assert fresh.session_limit_a(1, at_s + 0.9 * (edge_s - at_s), NOON_S) == limit_a


REFUSED = {
    "max profile on a connector": (1, profile(6.0, purpose=Purpose.CHARGE_POINT_MAX), RUNNING),
    "tx profile on connector 0": (0, profile(6.0, purpose=Purpose.TX), RUNNING),
    "tx profile without a transaction": (1, profile(6.0, purpose=Purpose.TX), None),
    "another transaction's id": (1, profile(6.0, purpose=Purpose.TX, transaction_id=8), RUNNING),
    "an id while none is known": (
        1,
        profile(6.0, purpose=Purpose.TX, transaction_id=7),
        RunningTransaction(transaction_id=None),
    ),
    "stack level too high": (1, profile(6.0, stack_level=10), RUNNING),
    "stack level negative": (1, profile(6.0, stack_level=-1), RUNNING),
    "too many periods": (
        1,
        profile(0, periods=tuple(SchedulePeriod(start_s=s, limit=6.0) for s in range(25))),
        RUNNING,
    ),
}


@pytest.mark.parametrize(("connector_id", "refused", "running"), REFUSED.values(), ids=REFUSED)
def test_what_the_store_refuses(
    connector_id: int, refused: ChargingProfile, running: RunningTransaction | None
) -> None:
    """§3.13.1, §5.16.4, §9.4: wrong places, missing transactions and sizes are refused, and nothing changes."""
    installed = store()
    with pytest.raises(UnacceptableProfile):
        installed.install(connector_id, refused, transaction=running, now_s=NOON_S)
    assert len(installed) == 0


def test_a_full_store_still_takes_a_replacement() -> None:
    """MaxChargingProfilesInstalled counts what would be installed afterwards."""
    installed = store(max_installed=2)
    install(installed, 1, profile(6.0, profile_id=1), profile(7.0, profile_id=2, stack_level=1))
    install(installed, 1, profile(8.0, profile_id=2, stack_level=1))
    with pytest.raises(UnacceptableProfile):
        install(installed, 1, profile(9.0, profile_id=3, stack_level=2))
    assert installed.limit_a(1, NOON_S, NOON_S) == 8.0


CLEARED = {
    "everything": (Criteria(), []),
    "by id, the rest ignored": (Criteria(profile_id=1, connector_id=2, stack_level=7), [2, 3, 4]),
    "by connector": (Criteria(connector_id=1), [1, 4]),
    "connector 0 is itself": (Criteria(connector_id=0), [2, 3]),
    "by purpose": (Criteria(purpose=Purpose.TX_DEFAULT), [3, 4]),
    "by purpose and level": (Criteria(purpose=Purpose.TX_DEFAULT, stack_level=2), [1, 3, 4]),
    "nothing matches": (Criteria(stack_level=9), [1, 2, 3, 4]),
}


@pytest.mark.parametrize(("criteria", "left"), CLEARED.values(), ids=CLEARED)
def test_clear_matches_all_fields_given(criteria: Criteria, left: list[int]) -> None:
    """Errata 3.25, 3.26: logical AND; no field clears all; an id makes the other fields count for nothing."""
    installed = store()
    install(installed, 0, profile(6.0, profile_id=1))
    install(installed, 1, profile(6.0, profile_id=2, stack_level=2))
    install(installed, 1, profile(6.0, profile_id=3, purpose=Purpose.TX, stack_level=2))
    install(installed, 0, profile(6.0, profile_id=4, purpose=Purpose.CHARGE_POINT_MAX))
    assert installed.clear(criteria) is (len(left) < 4)
    remaining = [each for each in (1, 2, 3, 4) if installed.clear(Criteria(profile_id=each))]
    assert remaining == left


CONTRADICTIONS: dict[str, dict[str, Any]] = {
    "recurring without a kind": {"chargingProfileKind": "Recurring"},
    "recurring without a start": {"chargingProfileKind": "Recurring", "recurrencyKind": "Daily"},
    "a recurrence of a relative one": {"recurrencyKind": "Daily"},
    "a transaction id on a default": {"transactionId": 7},
    "no periods": {"schedule": {"chargingSchedulePeriod": []}},
    "first period late": {"schedule": {"chargingSchedulePeriod": [{"startPeriod": 1, "limit": 6}]}},
    "periods out of order": {
        "schedule": {"chargingSchedulePeriod": [{"startPeriod": 0, "limit": 6}, {"startPeriod": 0, "limit": 7}]}
    },
    "negative limit": {"schedule": {"chargingSchedulePeriod": [{"startPeriod": 0, "limit": -1}]}},
    "negative duration": {"schedule": {"duration": -1}},
}


@pytest.mark.parametrize("changes", CONTRADICTIONS.values(), ids=CONTRADICTIONS)
def test_profiles_that_contradict_themselves_are_refused(changes: dict[str, Any]) -> None:
    """§7.8, §7.13 with errata 3.45, 3.56: what can't be executed is not decoded."""
    with pytest.raises(UnacceptableProfile):
        decode_profile(limit_profile(6.0, **changes))


def test_times_are_read_with_any_offset_and_fraction() -> None:
    """§3.15: receivers handle fractional seconds and zone offsets; what is no time is a CALLERROR."""
    changes = {"chargingProfileKind": "Absolute", "schedule": {"startSchedule": "2026-11-21T13:00:00.500+01:00"}}
    assert decode_profile(limit_profile(6.0, **changes)).start_s == NOON_S + 0.5
    with pytest.raises(CallRefused):
        decode_profile(limit_profile(6.0, validFrom="tomorrow"))

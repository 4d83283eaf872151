"""Limits as dead-man profiles."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from edge.allocation.exposure import Grant
from edge.domain.setpoint import Purpose
from edge.ocpp import limit_v2
from edge.ocpp.profiles import writer
from edge.ocpp.profiles.form import Form
from edge.ocpp.profiles.ladder import Rung
from edge.ocpp.versions import Version
from tests.unit.ocpp.ocpp_bench import NOON, is_valid, limit


@pytest.mark.parametrize(
    ("limit_a", "safe_a", "expected"),
    [
        (16.0, 6.0, [(0, 16.0), (120, 6.0)]),  # above safe: steps down once
        (0.0, 6.0, [(0, 0.0), (240, 6.0)]),  # below safe: stays there a lease longer, then rises to safe
        (6.0, 6.0, [(0, 6.0)]),
        (0.0, 0.0, [(0, 0.0)]),
        (10.0, 0.0, [(0, 10.0), (120, 0.0)]),
        (7.39, 6.27, [(0, 7.3), (120, 6.2)]),  # both rounded down
        (6.05, 6.0, [(0, 6.0)]),  # equal after rounding
    ],
)
def test_periods(limit_a: float, safe_a: float, expected: list[tuple[int, float]]) -> None:
    """Limit for the lease, the lower of limit and safe for another, then safe; equal neighbours are one."""
    found = writer.periods(limit_a, safe_a, 120.0)
    assert [(period["startPeriod"], period["limit"]) for period in found] == expected


@pytest.mark.parametrize(
    ("limit_a", "expected"),
    [(8.1, 8.1), (2.3, 2.3), (0.7, 0.7), (31.99, 31.9), (9.99999999, 10.0), (5.9999, 5.9), (0.05, 0.0), (-1.0, 0.0)],
)
def test_limits_are_rounded_down(limit_a: float, expected: float) -> None:
    """To 0.1 A, never up, except for what is only the machine's way of writing the number."""
    assert writer.round_down(limit_a) == expected


def test_a_lease_is_whole_seconds_rounded_down() -> None:
    """A lease never lasts longer than it was given for."""
    assert writer.periods(16.0, 6.0, 90.9)[1]["startPeriod"] == 90


def test_a_session_limit_is_a_tx_profile() -> None:
    """With its transaction, its connector, and a start in UTC that is rounded down to a whole second."""
    command = limit(purpose=Purpose.SESSION, connector=2, transaction_id="4711", limit_a=13.55, safe_a=6.0)
    start = datetime(2026, 6, 1, 14, 0, 0, 999_999, tzinfo=timezone(timedelta(hours=2)))
    payload = writer.request(command, start=start, stack_level=8)
    assert payload == {
        "connectorId": 2,
        "csChargingProfiles": {
            "chargingProfileId": writer.profile_id(2, Purpose.SESSION),
            "transactionId": 4711,
            "stackLevel": 8,
            "chargingProfilePurpose": "TxProfile",
            "chargingProfileKind": "Absolute",
            "chargingSchedule": {
                "startSchedule": "2026-06-01T12:00:00Z",
                "chargingRateUnit": "A",
                "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 13.5}, {"startPeriod": 120, "limit": 6.0}],
            },
        },
    }


def test_an_idle_limit_is_a_tx_default_profile() -> None:
    """It names no transaction, even if the command does."""
    payload = writer.request(limit(transaction_id="4711"), start=NOON, stack_level=0)
    profile: dict[str, Any] = payload["csChargingProfiles"]
    assert profile["chargingProfilePurpose"] == "TxDefaultProfile"
    assert "transactionId" not in profile


@pytest.mark.parametrize("purpose", list(Purpose))
@pytest.mark.parametrize("limit_a", [0.0, 0.1, 6.0, 8.1, 16.3, 31.99, 32.0, 2.3])
def test_what_is_written_is_valid(purpose: Purpose, limit_a: float) -> None:
    """Every profile fits the schema of OCPP 1.6, steps of 0.1 A included."""
    command = limit(purpose=purpose, transaction_id="1", limit_a=limit_a, safe_a=6.4)
    assert is_valid("SetChargingProfile", writer.request(command, start=datetime.now(UTC), stack_level=3))


def test_profile_ids_are_stable_and_apart() -> None:
    """Writing anew replaces: one id for each EVSE and purpose, and no two share one."""
    ids = [writer.profile_id(number, purpose) for number in range(1, 50) for purpose in Purpose]
    assert len(set(ids)) == len(ids)
    first, second = (writer.request(limit(n, limit_a=n), start=NOON, stack_level=0) for n in (1, 2))
    assert first["csChargingProfiles"]["chargingProfileId"] == second["csChargingProfiles"]["chargingProfileId"]


@pytest.mark.parametrize("transaction_id", [None, "", "abc"])
def test_a_session_limit_without_a_numbered_transaction_is_refused(transaction_id: str | None) -> None:
    """OCPP 1.6 knows transactions by whole numbers only."""
    with pytest.raises(ValueError, match="invalid literal"):
        writer.request(limit(purpose=Purpose.SESSION, transaction_id=transaction_id), start=NOON, stack_level=0)


@pytest.mark.parametrize("phases", [1, 2, 3])
def test_every_period_names_the_phases_to_use(phases: int) -> None:
    """numberPhases is in all periods, so that no lease's end brings a phase back; the profile fits the schema."""
    command = limit(purpose=Purpose.SESSION, transaction_id="1", limit_a=16.0, safe_a=6.0, lease_s=120.0, phases=phases)
    payload = writer.request(command, start=NOON, stack_level=0)
    assert payload["csChargingProfiles"]["chargingSchedule"]["chargingSchedulePeriod"] == [
        {"startPeriod": 0, "limit": 16.0, "numberPhases": phases},
        {"startPeriod": 120, "limit": 6.0, "numberPhases": phases},
    ]
    assert is_valid("SetChargingProfile", payload)


def test_an_evse_that_is_not_told_its_phases_gets_no_number_of_them() -> None:
    """Nothing is said of phases to a station that doesn't switch them."""
    assert all("numberPhases" not in period for period in writer.periods(16.0, 6.0, 120.0))


@pytest.mark.parametrize("purpose", list(Purpose))
def test_a_limit_in_watts_is_written_in_watts(purpose: Purpose) -> None:
    """Limit and safe power of all phases together; the amperes beside them are the gateway's own."""
    command = limit(
        purpose=purpose, transaction_id="1", limit_a=40.0, safe_a=7.2, limit_w=27_600.0, safe_w=5_000.0, lease_s=90.0
    )
    payload = writer.request(command, start=NOON, stack_level=0)
    schedule = payload["csChargingProfiles"]["chargingSchedule"]
    assert schedule["chargingRateUnit"] == "W"
    assert schedule["chargingSchedulePeriod"] == [
        {"startPeriod": 0, "limit": 27_600.0},
        {"startPeriod": 90, "limit": 5_000.0},
    ]
    assert is_valid("SetChargingProfile", payload)


@pytest.mark.parametrize("limit_a", [0.0, 3.0, 6.0, 16.0])
@pytest.mark.parametrize("safe_a", [0.0, 6.0])
@pytest.mark.parametrize("may_end", [True, False])
def test_one_period_never_allows_more_than_the_dead_man(limit_a: float, safe_a: float, may_end: bool) -> None:
    """Whatever is left when it has ended, up to the safe current."""
    found_a, ends_s = writer.only_period(limit_a, safe_a, 120.0, may_end=may_end)
    grant = Grant(command=1, limit_a=limit_a, safe_a=safe_a, lease_s=120.0, sent_at=0.0)
    assert ends_s is None or may_end
    for at in range(0, 600, 10):
        allowed_a = safe_a if ends_s is not None and at >= ends_s else found_a
        assert allowed_a <= grant.amps(float(at))


@pytest.mark.parametrize(
    ("form", "start", "limit_a", "told_a"),
    [
        (Form(), NOON, 16.05, None),
        (Form(), None, 16.0, 6.0),
        (Form(), None, 0.0, None),
        (Form(whole=True), NOON, 8.5, 8.0),
        (Form(single=True, has_default=True), NOON, 16.0, None),
        (Form(single=True), NOON, 16.0, 6.0),
        (Form(single=True, has_default=True, rung=Rung.MAXIMUM), NOON, 16.0, 6.0),
    ],
)
def test_what_is_told_instead_of_more_is_known(
    form: Form, start: datetime | None, limit_a: float, told_a: float | None
) -> None:
    """It is what the schedule begins with; tenths of it are rounded as ever, and nothing is told in its place."""
    command = limit(purpose=Purpose.SESSION, transaction_id="1", limit_a=limit_a, safe_a=6.0)
    assert writer.lower_a(command, start=start, form=form) == told_a
    schedule = writer.request(command, start=start, stack_level=0, form=form)["csChargingProfiles"]["chargingSchedule"]
    first_a = schedule["chargingSchedulePeriod"][0]["limit"]
    assert first_a == (writer.round_down(limit_a) if told_a is None else told_a)


@pytest.mark.parametrize(("phases", "told_a"), [(None, 4.8), (3, 4.8), (1, 14.4)])
def test_what_watts_say_is_known(phases: int | None, told_a: float) -> None:
    """At the lowest voltage, and of three phases where none is told; a DC EVSE's are what it is to have."""
    command = limit(limit_a=16.0, safe_a=6.0, phases=phases)
    assert writer.lower_a(command, start=NOON, form=Form(), in_watts=True) == pytest.approx(told_a)
    of_dc = limit(limit_a=16.0, safe_a=6.0, limit_w=11_000.0, safe_w=4_000.0)
    assert writer.lower_a(of_dc, start=NOON, form=Form(), in_watts=True) is None


def test_one_period_that_ends_names_its_end() -> None:
    """Both as its duration and as validTo, in both editions: stations heed the one or the other."""
    form = Form(single=True, has_default=True)
    command = limit(purpose=Purpose.SESSION, transaction_id="1", limit_a=16.0, safe_a=6.0)
    payload = writer.request(command, start=NOON, stack_level=0, form=form)
    profile = payload["csChargingProfiles"]
    of_2 = limit_v2.request(command, start=NOON, stack_level=0, form=form)
    assert is_valid("SetChargingProfile", payload)
    assert is_valid("SetChargingProfile", of_2, Version.V201)
    for found, schedule in (
        (profile, profile["chargingSchedule"]),
        (of_2["chargingProfile"], of_2["chargingProfile"]["chargingSchedule"][0]),
    ):
        assert (found["validTo"], schedule["duration"]) == ("2026-06-01T12:02:00Z", 120)
        assert [(each["startPeriod"], each["limit"]) for each in schedule["chargingSchedulePeriod"]] == [(0, 16.0)]


@pytest.mark.parametrize("form", [Form(), Form(whole=True), Form(single=True, has_default=True)])
@pytest.mark.parametrize(("limit_a", "expected_a"), [(16.0, 6.0), (6.0, 6.0), (3.0, 3.0), (0.0, 0.0)])
def test_what_holds_by_any_clock_has_begun_and_never_ends(form: Form, limit_a: float, expected_a: float) -> None:
    """One period, of no more than the dead-man limit allows at any time; in both editions."""
    command = limit(purpose=Purpose.SESSION, transaction_id="1", limit_a=limit_a, safe_a=6.0)
    of_16 = writer.request(command, start=None, stack_level=0, form=form)
    of_2 = limit_v2.request(command, start=None, stack_level=0, form=form)
    assert is_valid("SetChargingProfile", of_16)
    assert is_valid("SetChargingProfile", of_2, Version.V201)
    profile, profile_of_2 = of_16["csChargingProfiles"], of_2["chargingProfile"]
    assert "validTo" not in {*profile, *profile_of_2}
    (schedule_of_2,) = profile_of_2["chargingSchedule"]
    for schedule in (profile["chargingSchedule"], schedule_of_2):
        assert "duration" not in schedule
        assert schedule["startSchedule"] == "1970-01-01T00:00:00Z"
        assert schedule["chargingSchedulePeriod"] == [{"startPeriod": 0, "limit": expected_a}]

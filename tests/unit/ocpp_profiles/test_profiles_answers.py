"""ClearChargingProfile, GetCompositeSchedule, GetChargingProfiles: what they answer, and that they agree."""

from collections.abc import Mapping
from typing import Any

import pytest

from edge.ocpp.profiles import answers_v2
from edge.ocpp.profiles.answer import CallRefusal, Context
from edge.ocpp.profiles.store import ProfileStore
from edge.ocpp.versions import Version
from tests.unit.ocpp_profiles.profile_bench import (
    V16,
    V21,
    V201,
    WIRING,
    ask,
    assert_valid,
    install,
    installed,
    moment,
    period,
    profile,
)

TEN = period(0, 10)


def three(version: Version) -> ProfileStore:
    """Profile 1: maximum, level 0; 2: default of EVSE 1, level 1; 3: default of EVSE 2, level 2."""
    return installed(
        version,
        (0, profile(version, "max", period(0, 20))),
        (1, profile(version, "default", TEN, number=2, level=1)),
        (2, profile(version, "default", TEN, number=3, level=2)),
    )


CLEARED: list[tuple[str, Mapping[str, Any], list[int]]] = [
    ("errata 3.25: no field, all", {}, [1, 2, 3]),
    ("§5.5: by id", {"id": 2}, [2]),
    ("errata 3.26: an id alone counts", {"id": 2, "stackLevel": 9, "connectorId": 0}, [2]),
    ("§5.5: by connector", {"connectorId": 1}, [2]),
    ("§5.5: connector 0 is the station itself", {"connectorId": 0}, [1]),
    ("§5.5: by purpose", {"chargingProfilePurpose": "TxDefaultProfile"}, [2, 3]),
    ("§5.5: by level", {"stackLevel": 2}, [3]),
    ("errata 3.25: all fields must match", {"chargingProfilePurpose": "TxDefaultProfile", "stackLevel": 1}, [2]),
    ("§5.5: nothing matches", {"chargingProfilePurpose": "ChargePointMaxProfile", "stackLevel": 1}, []),
    ("§5.5: no such id", {"id": 9}, []),
]


@pytest.mark.parametrize(("section", "payload", "gone"), CLEARED, ids=lambda value: str(value)[:40])
def test_clear_in_16(section: str, payload: Mapping[str, Any], gone: list[int]) -> None:
    """What matches goes, and the answer is Accepted; Unknown where nothing does."""
    answer = ask(three(V16), V16, "ClearChargingProfile", payload)
    assert answer.reply == {"status": "Accepted" if gone else "Unknown"}, section
    assert [each.profile.id for each in answer.store.installed] == [each for each in (1, 2, 3) if each not in gone]


CLEARED_2X: list[tuple[str, Mapping[str, Any], list[int]]] = [
    ("K10.FR.03: by id", {"chargingProfileId": 2}, [2]),
    ("K10.FR.04: by EVSE", {"chargingProfileCriteria": {"evseId": 1}}, [2]),
    (
        "K10.FR.04: purpose and level",
        {"chargingProfileCriteria": {"chargingProfilePurpose": "TxDefaultProfile"}},
        [2, 3],
    ),
    ("K10.FR.04: as a logical and", {"chargingProfileCriteria": {"evseId": 1, "stackLevel": 2}}, []),
    (
        "K10.FR.08: external constraints are disregarded",
        {"chargingProfileCriteria": {"chargingProfilePurpose": "ChargingStationExternalConstraints"}},
        [],
    ),
    ("K10.FR.01: nothing matches", {"chargingProfileId": 9}, []),
]


@pytest.mark.parametrize(("section", "payload", "gone"), CLEARED_2X, ids=lambda value: str(value)[:40])
@pytest.mark.parametrize("version", [V201, V21])
def test_clear_in_2x(version: Version, section: str, payload: Mapping[str, Any], gone: list[int]) -> None:
    """Likewise."""
    answer = ask(three(version), version, "ClearChargingProfile", payload)
    assert not isinstance(answer.reply, CallRefusal)
    assert answer.reply["status"] == ("Accepted" if gone else "Unknown"), section
    assert [each.profile.id for each in answer.store.installed] == [each for each in (1, 2, 3) if each not in gone]


def test_local_generation_is_not_cleared() -> None:
    """2.1 K10.FR.04 and 09: whatever the criteria."""
    store = installed(V21, (0, profile(V21, "LocalGeneration", TEN)))
    for payload in ({}, {"chargingProfileId": 1}, {"chargingProfileCriteria": {"evseId": 0}}):
        assert ask(store, V21, "ClearChargingProfile", payload).reply == {"status": "Unknown"}


def composite(
    store: ProfileStore, version: Version, evse: int, duration_s: int, unit: str | None = None, at: str = "12:00:00"
) -> list[tuple[int, float]]:
    """The periods of GetCompositeSchedule."""
    payload: dict[str, Any] = {("connectorId" if version is V16 else "evseId"): evse, "duration": duration_s}
    payload |= {} if unit is None else {"chargingRateUnit": unit}
    reply = ask(store, version, "GetCompositeSchedule", payload, at).reply
    assert not isinstance(reply, CallRefusal)
    schedule = reply["chargingSchedule"] if version is V16 else reply["schedule"]
    assert schedule["duration"] == duration_s
    return [(each["startPeriod"], each["limit"]) for each in schedule["chargingSchedulePeriod"]]


EVENING = profile(
    V16,
    "default",
    period(0, 16),
    period(3600, 8),
    kind="Recurring",
    recurrencyKind="Daily",
    start="2020-01-01T17:00:00Z",
    schedule={"duration": 7200},
)
SCHEDULES = [
    ("§5.7: no profile: what the connector can", (), 1, 60, "A", "12:00:00", [(0, 32.0)]),
    ("§5.7: in W: of all its phases", (), 1, 60, "W", "12:00:00", [(0, 22080.0)]),
    ("§5.7: in W: of its one phase", (), 3, 60, "W", "12:00:00", [(0, 3680.0)]),
    (
        "§5.7: from the moment of the request",
        ((0, EVENING),),
        1,
        7200,
        "A",
        "16:30:00",
        [(0, 32.0), (1800, 16.0), (5400, 8.0)],
    ),
    ("§5.7: up to the duration", ((0, EVENING),), 1, 1800, "A", "16:30:00", [(0, 32.0)]),
    ("§5.7: after the duration of a recurrence", ((0, EVENING),), 1, 7200, "A", "18:30:00", [(0, 8.0), (1800, 32.0)]),
    (
        "§5.7: over midnight and into the next day",
        ((0, EVENING),),
        1,
        86400,
        "A",
        "18:00:00",
        [(0, 8.0), (3600, 32.0), (82800, 16.0)],
    ),
    (
        "§3.13.3: the minimum for each interval",
        ((0, profile(V16, "max", period(0, 12), number=9)), (0, EVENING)),
        1,
        7200,
        "A",
        "16:30:00",
        [(0, 12.0), (5400, 8.0)],
    ),
    (
        "§5.7: connector 0: all together, at most the maximum",
        ((0, profile(V16, "max", period(0, 30), number=9)), (0, EVENING)),
        0,
        7200,
        "A",
        "16:30:00",
        [(0, 30.0), (5400, 24.0)],  # 8 A on each connector: L2 carries all three
    ),
    (
        "§5.7: connector 0 in W",
        ((0, EVENING),),
        0,
        3600,
        "W",
        "17:30:00",
        [(0, 25760.0), (1800, 12880.0)],  # 16 A x 230 V x (3 + 3 + 1 phases)
    ),
    (
        "§7.14: rounded down to 0.1",
        ((0, profile(V16, "default", period(0, 6000), unit="W")),),
        1,
        60,
        "A",
        "12:00:00",
        [(0, 8.6)],
    ),
    (
        "§7.14: W comes back as it went in",
        ((0, profile(V16, "default", period(0, 6000), unit="W")),),
        1,
        60,
        "W",
        "12:00:00",
        [(0, 6000.0)],
    ),
    (
        "§3.15: a change within a second shows in the next",
        ((0, profile(V16, "default", period(0, 10), start="2026-06-01T12:00:09.250Z")),),
        1,
        60,
        "A",
        "12:00:00",
        [(0, 32.0), (10, 10.0)],
    ),
    (
        "§7.9: relative, as if a session began now",
        ((0, profile(V16, "default", period(0, 10), period(30, 6), kind="Relative")),),
        1,
        60,
        "A",
        "12:00:00",
        [(0, 10.0), (30, 6.0)],
    ),
]


@pytest.mark.parametrize(
    ("section", "placed", "evse", "duration_s", "unit", "at", "expected"), SCHEDULES, ids=lambda value: str(value)[:44]
)
def test_composite_schedules(
    section: str,
    placed: tuple[tuple[int, dict[str, Any]], ...],
    evse: int,
    duration_s: int,
    unit: str,
    at: str,
    expected: list[tuple[int, float]],
) -> None:
    """GetCompositeSchedule of OCPP 1.6, worked out by hand."""
    assert composite(installed(V16, *placed), V16, evse, duration_s, unit, at) == expected, section


def test_a_composite_without_a_transaction_is_as_if_one_ran_on_the_default() -> None:
    """2.0.1 K08.FR.06; and with one it is what its TxProfile says."""
    default = (0, profile(V201, "default", TEN))
    assert composite(installed(V201, default), V201, 1, 60) == [(0, 10.0)]
    tx = (1, profile(V201, "tx", period(0, 14), number=2, transactionId="100"))
    store = installed(V201, default, tx, running={1: "10:00:00"})
    assert composite(store, V201, 1, 60) == [(0, 14.0)]
    assert composite(store.ended(1), V201, 1, 60) == [(0, 10.0)]


@pytest.mark.parametrize("payload", [{"evseId": 9, "duration": 60}, {"evseId": 1, "duration": 0}])
def test_a_composite_that_can_not_be_told_is_rejected(payload: Mapping[str, Any]) -> None:
    """2.0.1 K08.FR.05; in 1.6 §5.7 likewise."""
    reply = ask(ProfileStore(), V201, "GetCompositeSchedule", payload).reply
    assert not isinstance(reply, CallRefusal)
    assert reply["status"] == "Rejected"
    of_16 = {"connectorId": payload["evseId"], "duration": payload["duration"]}
    assert ask(ProfileStore(), V16, "GetCompositeSchedule", of_16).reply == {"status": "Rejected"}


def test_a_composite_in_no_unit_is_a_call_error() -> None:
    """1.6 errata 3.24."""
    payload = {"connectorId": 1, "duration": 60, "chargingRateUnit": "VA"}
    reply = ask(ProfileStore(), V16, "GetCompositeSchedule", payload).reply
    assert isinstance(reply, CallRefusal)
    assert reply.code == "PropertyConstraintViolation"


def test_work_without_end_is_refused() -> None:
    """A month of profiles that change every few minutes is no schedule that anyone can be told."""
    busy = [period(index * 100, float(index % 7)) for index in range(500)]
    daily = profile(V201, "default", *busy, kind="Recurring", recurrencyKind="Daily")
    reply = ask(installed(V201, (0, daily)), V201, "GetCompositeSchedule", {"evseId": 1, "duration": 31 * 86400}).reply
    assert not isinstance(reply, CallRefusal)
    assert reply["statusInfo"]["reasonCode"] == "TooManyElements"


def test_what_the_site_allows_is_part_of_the_composite() -> None:
    """2.0.1 SC.01 and K08.FR.04: the lowest of all, on the EVSE and on the station."""
    store = installed(V201, (0, profile(V201, "default", TEN, period(60, 20), start="2026-06-01T12:00:00Z")))
    context = Context(version=V201, wiring=WIRING, now=moment("12:00:00"), site_a={1: 13.0})
    answer = answers_v2.answer(store, "GetCompositeSchedule", {"evseId": 1, "duration": 120}, context)
    assert_valid(V201, "GetCompositeSchedule", answer)
    assert not isinstance(answer.reply, CallRefusal)
    periods = answer.reply["schedule"]["chargingSchedulePeriod"]
    assert [(each["startPeriod"], each["limit"]) for each in periods] == [(0, 10.0), (60, 13.0)]


@pytest.mark.parametrize("version", [V16, V201, V21])
def test_a_schedule_asked_for_in_the_second_that_set_it_tells_it_from_its_begin(version: Version) -> None:
    """A relative schedule has begun within that second, and what held before it is over."""
    store = ProfileStore().began(1, "100", moment("12:00:00.250"))
    relative = profile(version, "tx", TEN, period(60, 20), kind="Relative")
    relative |= {"transactionId": 100 if version is V16 else "100"}
    store = install(store, version, 1, relative, "12:00:00.500").store
    assert composite(store, version, 1, 120, at="12:00:00.750") == [(0, 10.0), (61, 20.0)]


def reported(store: ProfileStore, version: Version, criteria: Mapping[str, Any], evse: int | None = None) -> list[int]:
    """The ids in the reports; GetChargingProfiles answers NoProfiles exactly when there are none."""
    payload: dict[str, Any] = {"requestId": 77, "chargingProfile": criteria}
    payload |= {} if evse is None else {"evseId": evse}
    answer = ask(store, version, "GetChargingProfiles", payload)
    assert answer.reply == {"status": "Accepted" if answer.follow_ups else "NoProfiles"}
    assert all(each.payload["requestId"] == 77 for each in answer.follow_ups)
    assert [each.payload["tbc"] for each in answer.follow_ups] == [True] * (len(answer.follow_ups) - 1) + [
        False
    ] * bool(answer.follow_ups)
    return [told["id"] for each in answer.follow_ups for told in each.payload["chargingProfile"]]


REPORTS: list[tuple[str, Mapping[str, Any], int | None, list[int]]] = [
    ("K09.FR.06: everywhere", {}, None, [1, 2, 3]),
    ("K09.FR.05: of the station itself", {}, 0, [1]),
    ("K09.FR.04: of an EVSE", {}, 2, [3]),
    ("K09.FR.03: by id", {"chargingProfileId": [3, 1, 9]}, None, [1, 3]),
    ("K09.FR.03: by purpose", {"chargingProfilePurpose": "TxDefaultProfile"}, None, [2, 3]),
    ("K09.FR.03: by level", {"stackLevel": 1}, None, [2]),
    ("K09.FR.03: by source", {"chargingLimitSource": ["CSO"]}, None, [1, 2, 3]),
    ("K09.FR.03: by another source", {"chargingLimitSource": ["EMS", "SO"]}, None, []),
    ("K09: no profile", {"stackLevel": 7}, None, []),
]


@pytest.mark.parametrize(("section", "criteria", "evse", "expected"), REPORTS, ids=lambda value: str(value)[:40])
@pytest.mark.parametrize("version", [V201, V21])
def test_reports(
    version: Version, section: str, criteria: Mapping[str, Any], evse: int | None, expected: list[int]
) -> None:
    """GetChargingProfiles is followed by reports of what matches."""
    assert reported(three(version), version, criteria, evse) == expected, section


def test_many_profiles_come_in_several_reports() -> None:
    """K09.FR.02: each says that more follow, but the last."""
    placed = [(1, profile(V201, "default", TEN, number=number, level=number)) for number in range(9)]
    assert reported(installed(V201, *placed), V201, {}) == list(range(9))


def test_a_profile_is_reported_as_it_was_set() -> None:
    """With what the gateway doesn't read, and without what no schema knows."""
    tariff = {"id": 1, "salesTariffEntry": [{"relativeTimeInterval": {"start": 0}, "ePriceLevel": 1}]}
    extra = {"salesTariff": tariff, "minChargingRate": 6.0, "duration": 600}
    raw = profile(V201, "default", TEN, number=5, customData={"vendorId": "acme", "x": [1]}, schedule=extra)
    store = installed(V201, (1, raw | {"nonsense": 1}))
    (report,) = ask(store, V201, "GetChargingProfiles", {"requestId": 1, "chargingProfile": {}}).follow_ups
    assert report.payload["chargingProfile"] == [raw]


def test_profiles_set_in_another_version_are_reported_in_this_one() -> None:
    """A station's new software may speak 2.0.1 where the old spoke 1.6; its profiles are still there."""
    tx = (1, profile(V16, "tx", TEN, number=4, start=None))
    store = installed(V16, (0, profile(V16, "max", period(0, 20))), tx, running={1: "10:00:00"})
    assert reported(store, V201, {}) == [1, 4]
    assert reported(store, V21, {"chargingProfilePurpose": "ChargingStationMaxProfile"}) == [1]


def test_the_site_is_reported_as_external_constraints() -> None:
    """K11.FR.06: of source EMS, with a negative id."""
    context = Context(version=V201, wiring=WIRING, now=moment("12:00:00"), site_a={2: 9.0})
    payload = {"requestId": 1, "chargingProfile": {"chargingLimitSource": ["EMS"]}}
    answer = answers_v2.answer(ProfileStore(), "GetChargingProfiles", payload, context)
    assert_valid(V201, "GetChargingProfiles", answer)
    (report,) = answer.follow_ups
    assert (report.payload["chargingLimitSource"], report.payload["evseId"]) == ("EMS", 2)
    (told,) = report.payload["chargingProfile"]
    assert told["id"] < 0
    assert told["chargingProfilePurpose"] == "ChargingStationExternalConstraints"


def test_priority_charging_is_used_and_given_up() -> None:
    """2.1 K23: Accepted with a profile for it, NoProfile without, Rejected for no transaction."""
    empty = installed(V21, running={1: "10:00:00"})
    payload = {"transactionId": "100", "activate": True}
    assert ask(empty, V21, "UsePriorityCharging", payload).reply == {"status": "NoProfile"}
    store = installed(V21, (0, profile(V21, "PriorityCharging", period(0, 32))), running={1: "10:00:00"})
    used = ask(store, V21, "UsePriorityCharging", payload)
    assert used.reply == {"status": "Accepted"}
    assert [each.priority for each in used.store.running] == [True]
    over = ask(used.store, V21, "UsePriorityCharging", payload | {"activate": False})
    assert over.store == store
    unknown = ask(store, V21, "UsePriorityCharging", payload | {"transactionId": "7"}).reply
    assert not isinstance(unknown, CallRefusal)
    assert unknown["status"] == "Rejected"


def test_dynamic_schedules_are_rejected() -> None:
    """2.1 K28: none is ever installed."""
    payload = {"chargingProfileId": 1, "scheduleUpdate": {"limit": 10}}
    reply = ask(ProfileStore(), V21, "UpdateDynamicSchedule", payload).reply
    assert not isinstance(reply, CallRefusal)
    assert reply["status"] == "Rejected"

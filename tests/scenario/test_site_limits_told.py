"""From a decision to the NotifyChargingLimit that tells the cloud of it."""

from typing import Any

import pytest

from edge.domain.setpoint import Reason
from edge.domain.site import Mode
from edge.ocpp.versions import Version
from tests.scenario.joined_station import Joined
from tests.unit.ocpp.ocpp_bench import Bench, evse, is_valid
from tests.unit.ocpp_profiles.profile_bench import period, profile


def told(site: Joined) -> list[tuple[Any, ...]]:
    """What the cloud was told of the site: the action, and the limit."""
    found = []
    for message in site.up:
        if message[0] == 2 and message[2] in ("NotifyChargingLimit", "ClearedChargingLimit"):
            assert is_valid(message[2], message[3], site.version)
            schedules = message[3].get("chargingSchedule", [])
            limits = [schedule["chargingSchedulePeriod"][0]["limit"] for schedule in schedules]
            found.append((message[2], *limits))
    return found


@pytest.mark.parametrize("version", [Version.V201, Version.V21])
def test_a_fuse_that_binds_is_told_and_cleared(version: Version) -> None:
    """K11 to K13: 20 A of 32 A, then room for all; source EMS, and each once."""
    site = Joined(version, fuse_a=32.0)
    site.building_a = 12.0
    site.plug()
    site.run(120)
    notices = told(site)
    assert notices[-1] == ("NotifyChargingLimit", 20.0)
    assert len(notices) <= 4
    site.building_a = 0.0
    site.run(240)
    assert told(site)[-1] == ("ClearedChargingLimit",)


def test_what_the_cloud_itself_forbids_is_not_told() -> None:
    """Its own 10 A are below the fuse's 20 A: K12 is about what is lower than the cloud's."""
    site = Joined(Version.V201, fuse_a=32.0)
    site.building_a = 12.0
    raw = profile(Version.V201, "default", period(0, 6))
    site.cloud_says("SetChargingProfile", {"evseId": 1, "chargingProfile": raw})
    site.plug()
    site.run(120)
    assert told(site) == []


def test_1_6_has_no_such_message() -> None:
    """Its cloud sees the limit in GetCompositeSchedule."""
    site = Joined(Version.V16, fuse_a=32.0)
    site.building_a = 12.0
    site.plug()
    site.run(120)
    assert told(site) == []
    site.cloud_says("GetCompositeSchedule", {"connectorId": 1, "duration": 60})
    schedule = site.up[-1][2]["chargingSchedule"]
    assert schedule["chargingSchedulePeriod"] == [{"startPeriod": 0, "limit": 20.0, "numberPhases": 3}]


def test_a_gateway_that_observes_says_nothing() -> None:
    """It is a wire."""
    bench = Bench(version=Version.V201, mode=Mode.OBSERVE)
    bench.connect(settled=False)
    bench.site_limits.take(evse().key, 6.0)
    assert [step.up for step in (bench.wait(1.0), bench.wait(60.0))] == [[], []]


@pytest.mark.parametrize("idle_s", range(0, 10, 3))  # each EVSE is looked at in one tick of ten
@pytest.mark.parametrize("version", list(Version))
def test_a_rise_that_is_held_for_a_moment_is_no_limit_of_the_site(version: Version, idle_s: int) -> None:
    """A session begins at its minimum and rises; the cloud stops it, and takes that back. That a car rises some seconds
    later, and rests between, limits no schedule of an hour: where neither cloud nor site limit it, that is 32 A."""
    site = Joined(version)
    whom = "evseId" if version.is_v2 else "connectorId"
    body = "chargingProfile" if version.is_v2 else "csChargingProfiles"
    site.run(3 + idle_s)
    site.plug()
    reasons = []
    for second in range(60):
        if second == 30:
            site.cloud_says("SetChargingProfile", {whom: 0, body: profile(version, "default", period(0, 0))})
        elif second == 35:
            site.cloud_says("ClearChargingProfile", {})
        site.building_a = site.decided_a  # the meter shows what the car draws
        site.draw(site.decided_a)
        reasons.append(site.run(1).reason)
        if not 30 <= second < 35:
            site.cloud_says("GetCompositeSchedule", {whom: 1, "duration": 3600})
            answer = next(message[2] for message in reversed(site.up) if message[0] == 3 and "status" in message[2])
            schedule = answer["schedule" if version.is_v2 else "chargingSchedule"]
            assert schedule["chargingSchedulePeriod"] == [{"startPeriod": 0, "limit": 32.0, "numberPhases": 3}], reasons
    assert {Reason.STEADYING, Reason.RESTING} <= set(reasons)
    assert told(site) == []

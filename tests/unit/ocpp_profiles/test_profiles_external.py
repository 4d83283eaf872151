"""Telling the cloud of 2.x that the site's own limit binds."""

import json

import pytest

from edge.ocpp.profiles.answer import Answer
from edge.ocpp.profiles.external import BETWEEN_NOTICES_S, Told
from edge.ocpp.profiles.store import ProfileStore
from edge.ocpp.versions import Version
from tests.unit.ocpp.ocpp_bench import Bench, call, evse, result
from tests.unit.ocpp.slow_disk import SlowDisk
from tests.unit.ocpp_profiles.profile_bench import V21, V201, assert_valid
from tests.unit.ocpp_profiles.test_profiles_desk import Shelf

CLOUD = {1: 16.0, 2: 32.0}


def test_a_limit_that_binds_is_notified_once() -> None:
    """K11.FR.02 and 05: source EMS; one that isn't below the cloud's is not told."""
    told, calls = Told().update({1: 10.0, 2: 32.0}, CLOUD, 0.0)
    assert [(call.action, call.payload["evseId"]) for call in calls] == [("NotifyChargingLimit", 1)]
    assert calls[0].payload["chargingLimit"]["chargingLimitSource"] == "EMS"
    assert told.update({1: 10.0, 2: 32.0}, CLOUD, 100.0) == (told, ())


def test_only_a_significant_change_is_notified_and_not_too_often() -> None:
    """K11.FR.02: LimitChangeSignificance, in percent."""
    told, _ = Told().update({1: 10.0}, CLOUD, 0.0)
    assert told.update({1: 9.0}, CLOUD, 100.0)[1] == ()
    assert len(told.update({1: 8.9}, CLOUD, 100.0)[1]) == 1
    assert len(told.update({1: 9.5}, CLOUD, 100.0, significance_pct=4.0)[1]) == 1
    assert told.update({1: 6.0}, CLOUD, BETWEEN_NOTICES_S - 1)[1] == ()
    assert len(told.update({1: 6.0}, CLOUD, BETWEEN_NOTICES_S)[1]) == 1


@pytest.mark.parametrize("site", [{}, {1: 16.0}, {1: 20.0}])
def test_a_limit_that_binds_no_longer_is_cleared(site: dict[int, float]) -> None:
    """K13.FR.02, K14.FR.03: it is gone, or no longer below the cloud's."""
    told, _ = Told().update({1: 10.0}, CLOUD, 0.0)
    after, calls = told.update(site, CLOUD, BETWEEN_NOTICES_S)
    assert [(call.action, dict(call.payload)) for call in calls] == [
        ("ClearedChargingLimit", {"chargingLimitSource": "EMS", "evseId": 1})
    ]
    assert after == Told()


def test_who_comes_and_goes_is_told_every_half_minute_at_most() -> None:
    """A limit that binds now and then doesn't flood the cloud."""
    told, count = Told(), 0
    for second in range(300):
        told, calls = told.update({1: 10.0} if second % 2 else {}, CLOUD, float(second))
        count += len(calls)
    assert count <= 2 * 300 / BETWEEN_NOTICES_S


def test_a_cloud_that_was_away_is_told_again() -> None:
    """At once, or that nothing binds any more."""
    told, _ = Told().update({1: 10.0}, CLOUD, 0.0)
    _, (call,) = told.again().update({1: 10.0}, CLOUD, 1.0)
    assert call.action == "NotifyChargingLimit"
    _, (call,) = told.again().update({}, CLOUD, 40.0)
    assert call.action == "ClearedChargingLimit"


def test_schedules_are_told_only_where_wanted() -> None:
    """K11.FR.03: EnableNotifyChargingLimitWithSchedules."""
    _, (call,) = Told().update({1: 10.0}, CLOUD, 0.0, with_schedules=False)
    assert "chargingSchedule" not in call.payload


@pytest.mark.parametrize("version", [V201, V21])
def test_the_messages_are_valid(version: Version) -> None:
    """By the schemas of both versions."""
    told, calls = Told().update({1: 10.05}, CLOUD, 0.5)
    _, more = told.update({}, CLOUD, 60.0)
    assert_valid(
        version,
        "SetChargingProfile",
        Answer(store=ProfileStore(), reply={"status": "Accepted"}, follow_ups=calls + more),
    )


def test_what_was_told_before_a_restart_is_told_anew_or_cleared() -> None:
    """The one that still binds at once, the other when the site's limits had their time to become known."""
    told, calls = Told.before({1, 2}, 1000.0).update({1: 10.0}, CLOUD, 1000.0)
    assert [(call.action, call.payload["evseId"]) for call in calls] == [("NotifyChargingLimit", 1)]
    told, calls = told.update({1: 10.0}, CLOUD, 1000.0 + BETWEEN_NOTICES_S)
    assert [(call.action, call.payload["evseId"]) for call in calls] == [("ClearedChargingLimit", 2)]
    assert told.update({1: 10.0}, CLOUD, 2000.0) == (told, ())


@pytest.mark.parametrize("binds", [True, False])
@pytest.mark.parametrize("version", [V201, V21])
def test_a_restart_of_the_gateway_leaves_no_limit_at_the_cloud(version: Version, binds: bool) -> None:
    """The cloud was told 6 A; the gateway starts anew, once and again, and the limit is there or over."""
    shelf, key = Shelf(), evse().key
    before = Bench(version=version, shelf=shelf)
    before.connect()
    before.site_limits.take(key, 6.0)
    assert told_by(before, 2) == ["NotifyChargingLimit"]
    for start in range(2):
        after = Bench(version=version, shelf=shelf)
        after.connect()
        if binds:
            after.site_limits.take(key, 6.0)
        found = told_by(after, int(BETWEEN_NOTICES_S) + 2)
        assert found == (["NotifyChargingLimit"] if binds else ["ClearedChargingLimit"] if start == 0 else [])


def told_by(bench: Bench, seconds: int) -> list[str]:
    """What the cloud is told of the site's limits, second by second; it answers."""
    found = []
    for _ in range(seconds):
        for _type, identifier, action, _payload in map(json.loads, bench.wait(1.0).up):
            found.append(action)
            bench.cloud_says(result(identifier))
    return found


BOOT = {"reason": "PowerUp", "chargingStation": {"model": "M", "vendorName": "V"}}


class Waited(SlowDisk):
    """Has the station's boot to tell, or was told that it isn't taken in."""

    cloud_listens = False


def limited(stand_in: SlowDisk | None = None) -> Bench:
    """A station of 2.x that has just connected, on a site that holds its session below what its cloud allows."""
    bench = Bench(version=Version.V201, stand_in=stand_in)
    bench.site_limits.take(evse().key, 6.0)
    bench.connect(settled=False)
    return bench


def told_within(bench: Bench, seconds: int) -> list[str]:
    """The cloud's CALLs of ours in that time, from now on; none is answered."""
    texts = [text for _ in range(seconds * 2) for text in bench.wait(0.5).up]
    return [json.loads(text)[2] for text in texts]


def test_a_station_that_isnt_taken_in_says_nothing_of_limits() -> None:
    """Of a station that starts its boot comes first (B01.FR.08), and until its cloud has accepted that nothing else
    does (B02.FR.02, B03.FR.02)."""
    bench = limited()
    assert bench.wait(0.5).up == []
    bench.station_says(call("b1", "BootNotification", BOOT))
    assert told_within(bench, 5) == []
    bench.cloud_says(result("b1", {"status": "Pending", "currentTime": "2026-06-01T12:00:00Z", "interval": 60}))
    assert told_within(bench, 60) == []
    bench.station_says(call("b2", "BootNotification", BOOT))
    bench.cloud_says(result("b2", {"status": "Accepted", "currentTime": "2026-06-01T12:00:00Z", "interval": 60}))
    assert told_within(bench, 1) == ["NotifyChargingLimit"]


def test_one_that_merely_reconnects_does() -> None:
    """It doesn't boot for that."""
    assert told_within(limited(), 3) == ["NotifyChargingLimit"]


def test_nor_does_one_whose_boot_the_cloud_is_yet_to_hear() -> None:
    """It has booted while the cloud was away, and whoever stood in for that tells it now."""
    stand_in = Waited()
    bench = limited(stand_in)
    assert told_within(bench, 30) == []
    stand_in.cloud_listens = True
    assert told_within(bench, 1) == ["NotifyChargingLimit"]

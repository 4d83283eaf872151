"""A cloud of 2.x that has forgotten a station, or lets it in no more: it answers SecurityError to all but a boot (B01,
B02, B03), and nothing is lost by that."""

import pytest

from edge.offline.desk import DeskState
from edge.offline.edition import Edition
from tests.unit.offline.offline_bench import Bench

CODE = "SecurityError"
BOOT = {"reason": "PowerUp", "chargingStation": {"model": "M", "vendorName": "V"}}
TIME = {"currentTime": "2026-06-01T12:00:00Z", "interval": 60}


def booted(edition: Edition = Edition.V201) -> Bench:
    """A station that its cloud has taken in."""
    bench = Bench(edition)
    bench.cloud_comes()
    bench.call("BootNotification", BOOT, "boot")
    bench.cloud_answers({"status": "Accepted", **TIME})
    return bench


@pytest.mark.parametrize("edition", [Edition.V201, Edition.V21])
def test_what_was_kept_for_it_is_taken_when_it_has_had_the_boot(edition: Edition) -> None:
    """The station runs on, and doesn't boot for its cloud's sake: the message would be set aside after three attempts,
    for a person to find."""
    bench = booted(edition)
    bench.cloud_goes()
    began = bench.event("Started", 0, tag="CARD-1")
    bench.cloud_comes()
    assert bench.asked[1] == began
    bench.cloud_refuses(CODE)
    assert bench.asked == [2, "boot", "BootNotification", BOOT]
    bench.cloud_answers({"status": "Accepted", **TIME})
    bench.tick(61.0)
    assert bench.asked[1] == began
    bench.cloud_answers({})
    assert (bench.disk.entries, bench.state()) == ({}, DeskState.ONLINE)


def test_so_is_a_session_of_now() -> None:
    """Its station would give the message up (E13), and with it what was charged."""
    bench = booted()
    ended = bench.event("Ended", 3)
    bench.cloud_refuses(CODE)
    assert bench.answered == [3, ended, {}]
    assert bench.asked[2] == "BootNotification"
    bench.cloud_answers({"status": "Accepted", **TIME})
    bench.tick(61.0)
    assert bench.asked[1] == ended
    bench.cloud_answers({})
    assert not bench.disk.entries


def test_one_that_lets_the_station_in_no_more_is_waited_for() -> None:
    """As where that has booted itself while its cloud was away: it is told again after its interval."""
    bench = booted()
    ended = bench.event("Ended", 3)
    bench.cloud_refuses(CODE)
    bench.cloud_answers({"status": "Pending", **TIME})
    assert bench.state() is DeskState.AWAY
    told = len(bench.to_cloud)
    bench.tick(59.0)
    assert len(bench.to_cloud) == told
    bench.tick(2.0)
    assert bench.asked[2] == "BootNotification"
    bench.cloud_answers({"status": "Accepted", **TIME})
    bench.tick(61.0)
    assert bench.asked[1] == ended


def test_the_boot_is_told_once_on_a_connection() -> None:
    """The error may be for another reason; the message is deferred, and not set aside."""
    bench = booted()
    bench.event("Ended", 3)
    bench.cloud_refuses(CODE)
    bench.cloud_answers({"status": "Accepted", **TIME})
    for _ in range(4):
        bench.tick(400.0)
        assert bench.asked[2] == "TransactionEvent"
        bench.cloud_refuses(CODE)
    assert bench.disk.deferred
    assert not bench.disk.set_aside
    bench.cloud_goes()
    bench.cloud_comes()
    bench.tick(1000.0)
    bench.cloud_refuses(CODE)
    assert bench.asked[2] == "BootNotification"


@pytest.mark.parametrize("status", ["Pending", "Rejected"])
def test_a_station_that_isnt_let_in_boots_by_itself(status: str) -> None:
    """And not before its interval (B02.FR.04)."""
    bench = Bench(Edition.V201)
    bench.cloud_comes()
    bench.call("BootNotification", BOOT)
    bench.cloud_answers({"status": status, **TIME})
    bench.event("Ended", 3)
    bench.cloud_refuses(CODE)
    assert [bench.asked[2], len(bench.to_cloud)] == ["TransactionEvent", 2]
    assert len(bench.disk.entries) == 1


def test_a_card_that_such_a_cloud_doesnt_judge_is_refused() -> None:
    """Of a blacklisted station nobody is let in for that; the station hears the cloud's word."""
    bench = booted()
    asked = bench.call("Authorize", {"idToken": {"idToken": "CARD-1", "type": "ISO14443"}})
    bench.cloud_refuses(CODE)
    assert bench.answered[:3] == [4, asked, CODE]
    assert bench.asked[2] == "BootNotification"


def test_of_1_6_it_is_a_word_about_the_message() -> None:
    """There no error says that a station hasn't been taken in."""
    bench = Bench()
    bench.start()
    bench.cloud_comes()
    for _ in range(3):
        bench.cloud_refuses(CODE)
        bench.tick(400.0)
    assert len(bench.disk.set_aside) == 1

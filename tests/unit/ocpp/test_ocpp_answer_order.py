"""The order of the cloud's answer to a StartTransaction, which goes by way of the disk, and of its CALLs behind it."""

import json

import pytest

from edge.ocpp.actions import HandOver
from edge.ocpp.wire import Call
from tests.unit.ocpp.ocpp_bench import NOON, Bench, Step, call, result, stamp
from tests.unit.ocpp.slow_disk import SlowDisk

START = call("s1", "StartTransaction", {"connectorId": 1, "idTag": "A", "meterStart": 0, "timestamp": stamp(NOON)})
ANSWER = result("s1", {"transactionId": 777, "idTagInfo": {"status": "Accepted"}})
STOP = call("c1", "RemoteStopTransaction", {"transactionId": 777})
SET_PROFILE = call(
    "c2",
    "SetChargingProfile",
    {
        "connectorId": 1,
        "csChargingProfiles": {
            "chargingProfileId": 1,
            "transactionId": 777,
            "stackLevel": 0,
            "chargingProfilePurpose": "TxProfile",
            "chargingProfileKind": "Relative",
            "chargingSchedule": {
                "chargingRateUnit": "A",
                "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 10.0}],
            },
        },
    },
)


@pytest.fixture
def bench() -> Bench:
    """A transaction has begun; the cloud's answer to it is on its way to the disk."""
    bench = Bench(stand_in=SlowDisk())
    bench.connect()
    (handed,) = [each.frame for each in bench.station_says(START).actions if isinstance(each, HandOver)]
    assert isinstance(handed, Call)
    bench.relay.calls_cloud("s1", START, bench.now)
    assert bench.cloud_says(ANSWER).down == []
    return bench


def kept(bench: Bench) -> Step:
    """The disk has it."""
    return Step(bench.relay.answers_station(ANSWER, bench.now, bench.wall))


def test_a_call_behind_the_answer_reaches_the_station_after_it(bench: Bench) -> None:
    """The station would refuse to stop a transaction that it doesn't know yet."""
    assert bench.cloud_says(STOP).down == []
    assert kept(bench).down == [ANSWER, STOP]


def test_a_profile_for_the_transaction_is_accepted_right_behind_its_begin(bench: Bench) -> None:
    """Smart-charging clouds set a session's profile as soon as they have given it its id."""
    assert bench.cloud_says(SET_PROFILE).up == []
    (answer,) = kept(bench).up
    assert json.loads(answer) == [3, "c2", {"status": "Accepted"}]


def test_a_disk_that_refuses_doesnt_hold_up_the_clouds_calls(bench: Bench) -> None:
    """A session can be stopped from afar though nothing can be written."""
    bench.cloud_says(STOP)
    assert STOP not in bench.wait(1.0).down
    assert STOP in bench.wait(1.5).down


def test_a_call_of_a_cloud_that_has_gone_isnt_done(bench: Bench) -> None:
    """Its connection is over, and nobody waits for the answer."""
    bench.cloud_says(STOP)
    bench.lose_cloud()
    assert kept(bench).down == [ANSWER]
    assert STOP not in bench.wait(10.0).down

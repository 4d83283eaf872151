"""Message ids that a station uses again while the cloud owes an answer to the first: each answer is its own CALL's."""

import json

import pytest

from tests.unit.offline.offline_bench import Bench

ACCEPTED = {"idTagInfo": {"status": "Accepted"}}
BOOT = {"chargePointVendor": "V", "chargePointModel": "M"}
BEAT = {"currentTime": "2026-06-01T12:00:00.000Z"}
STATUS = {"connectorId": 1, "errorCode": "NoError", "status": "Available"}


def test_a_late_answer_isnt_taken_for_that_to_a_newer_call_of_its_id() -> None:
    """The newer one goes up under an id of ours; what comes late is the begin's, and the session is there once."""
    bench = Bench()
    bench.cloud_comes()
    bench.start(identifier="7")
    bench.tick(16.0)
    local = bench.answered[2]["transactionId"]
    bench.call("Heartbeat", {}, "7")
    assert bench.asked[1] != "7"
    newer = bench.asked[1]
    told = len(bench.to_station)
    bench.cloud_answers({"transactionId": 5, **ACCEPTED}, "7")
    assert len(bench.to_station) == told
    bench.cloud_answers(BEAT, newer)
    assert bench.answered == [3, "7", BEAT]
    assert bench.desk.book.came_as.of("7") == newer  # should the station complain of it (2.1 CALLRESULTERROR)
    bench.call("Heartbeat", {}, "7")
    bench.cloud_answers(BEAT)
    assert bench.desk.book.came_as.of("7") == "7"
    assert not bench.disk.entries
    bench.stop(local)
    assert bench.asked[3]["transactionId"] == 5


def test_a_call_that_passes_doesnt_use_an_id_whose_answer_may_come() -> None:
    """Nearly all that a station says goes the short way to the cloud: but not under such an id."""
    bench = Bench()
    bench.cloud_comes()
    assert bench.passes("Heartbeat", {}, "7")
    bench.tick(16.0)
    assert not bench.passes("DataTransfer", {"vendorId": "V"}, "7")
    bench.call("DataTransfer", {"vendorId": "V"}, "7")
    newer = bench.asked[1]
    told = len(bench.to_station)
    bench.cloud_answers(BEAT, "7")
    assert len(bench.to_station) == told
    bench.cloud_answers({"status": "Accepted"}, newer)
    assert bench.answered == [3, "7", {"status": "Accepted"}]
    assert bench.passes("DataTransfer", {"vendorId": "V"}, "7")


def test_what_a_station_gave_up_itself_is_no_answer_to_its_next_call() -> None:
    """It waits for less than we do, and calls anew under the same id: the older answer is kept from it."""
    bench = Bench()
    bench.cloud_comes()
    bench.start(identifier="7")
    begin = bench.asked[3]
    bench.tick(5.0)
    bench.call("Heartbeat", {}, "7")
    newer = bench.asked[1]
    assert newer != "7"
    bench.cloud_answers({"transactionId": 5, **ACCEPTED}, "7")
    assert bench.to_station == []
    bench.cloud_answers(BEAT, newer)
    assert bench.to_station == [[3, "7", BEAT]]
    bench.tick(5.0)
    assert not bench.disk.entries
    bench.call("StartTransaction", begin, "8")
    local = bench.answered[2]["transactionId"]
    bench.stop(local)
    assert bench.asked[2:] == ["StopTransaction", bench.asked[3] | {"transactionId": 5}]
    assert len(bench.to_cloud) == 3


def test_what_was_kept_isnt_delivered_under_an_id_whose_answer_may_come() -> None:
    """Delivery uses the station's ids, too: the cloud's late answer to another CALL settles no begin."""
    bench = Bench()
    bench.start(identifier="7")
    bench.cloud_comes()
    begin = bench.asked[1]
    assert begin == "7"
    bench.cloud_goes()
    bench.cloud_comes()
    bench.cloud_answers({"transactionId": 5, **ACCEPTED}, "7")
    bench.call("Heartbeat", {}, "8")
    bench.tick(16.0)
    bench.start(identifier="8", connector=2)
    bench.tick(1.0)
    newer = bench.asked
    assert (newer[1] != "8", newer[2]) == (True, "StartTransaction")
    bench.cloud_answers(BEAT, "8")
    assert len(bench.disk.entries) == 1
    bench.cloud_answers({"transactionId": 6, **ACCEPTED}, newer[1])
    assert not bench.disk.entries


def test_the_same_message_again_has_the_same_id() -> None:
    """A station that repeats itself word by word: the late answer is the answer to that."""
    bench = Bench()
    bench.cloud_comes()
    bench.call("Heartbeat", {}, "7")
    bench.tick(16.0)
    bench.call("Heartbeat", {}, "7")
    assert bench.asked[1] == "7"
    bench.cloud_answers(BEAT, "7")
    assert bench.answered == [3, "7", BEAT]


def test_boot_and_states_that_are_told_again_have_the_same_id() -> None:
    """They are the same messages, and their late answers are theirs."""
    bench = Bench()
    bench.cloud_comes()
    bench.call("BootNotification", BOOT, "7")
    bench.tick(16.0)
    bench.call("StatusNotification", STATUS, "8")
    bench.tick(61.0)
    assert [bench.asked[1], bench.asked[2]] == ["7", "BootNotification"]


def test_a_station_whose_ids_are_all_empty_has_its_answers() -> None:
    """An empty text is an id as any (OCPP-J 1.6 §4.1.4): with the cloud and without it, told again, and delivered."""
    bench = Bench()
    bench.start(identifier="")
    local = bench.answered[2]["transactionId"]
    assert bench.answered[1] == ""
    bench.cloud_comes()
    bench.cloud_answers({"transactionId": 5, **ACCEPTED})
    bench.call("Heartbeat", {}, "")
    bench.cloud_answers(BEAT)
    assert bench.answered == [3, "", BEAT]
    bench.times.now += 1.0
    begin = bench.start(connector=2, identifier="9")
    bench.call("StartTransaction", bench.asked[3], "")
    bench.cloud_answers({"transactionId": 6, **ACCEPTED}, begin)
    assert bench.answered == [3, "", {"transactionId": 6, **ACCEPTED}]
    bench.stop(local)
    bench.cloud_answers({})
    assert not bench.disk.entries


def test_an_answer_to_an_empty_id_is_none_to_what_is_just_being_read() -> None:
    """What is next is read from the disk; a cloud that answers nothing's id meanwhile settles nothing."""
    bench = Bench()
    bench.start()
    bench.hold = True
    bench.cloud_comes()
    assert not bench.desk.asks("")
    bench.cloud_answers({"transactionId": 5, **ACCEPTED}, "")
    bench.commit()
    assert [json.loads(text)[2] for text in bench.to_cloud] == ["StartTransaction"]


@pytest.mark.parametrize("has_cloud", [True, False])
def test_a_number_that_is_written_with_a_fraction_of_nothing_is_whole(has_cloud: bool) -> None:
    """A cloud in a language whose numbers are all of one kind answers 5.0, and a station says connector 1.0."""
    bench = Bench()
    begin = {"connectorId": 1.0, "idTag": "CARD-1", "meterStart": 100.0, "timestamp": "2026-06-01T12:00:00Z"}
    if has_cloud:
        bench.cloud_comes()
    bench.call("StartTransaction", begin)
    local = None if has_cloud else bench.answered[2]["transactionId"]
    if not has_cloud:
        bench.cloud_comes()
    bench.cloud_answers({"transactionId": 5.0, **ACCEPTED})
    assert not bench.disk.entries
    (session,) = bench.disk.sessions.values()
    assert session.evse == 1
    assert session.register_begin_wh == 100
    bench.stop(local if local is not None else 5)
    assert bench.asked[3]["transactionId"] == 5

"""The desk in the time without a cloud, and after it."""

import itertools
import json
from typing import Any

import pytest

from edge.domain.journal import EntryKind, PutSession
from edge.offline.desk import DeskState
from edge.offline.edition import Edition
from edge.offline.message import Request
from edge.offline.settings import OfflineSettings, RefusedSession
from tests.unit.offline.offline_bench import Bench

ACCEPTED = {"idTagInfo": {"status": "Accepted"}}


def test_a_whole_session_without_a_cloud_is_delivered_with_the_clouds_id() -> None:
    """Faults 1, 4 and 6: a local positive id toward the station, the cloud's in what is delivered, times untouched."""
    bench = Bench()
    bench.start()
    local = bench.answered[2]["transactionId"]
    bench.meter(local)
    bench.stop(local)
    assert local > 0
    assert bench.answered[2] == {}
    assert bench.state() is DeskState.AWAY
    begun = bench.disk.entries[1].text
    bench.cloud_comes()
    assert bench.state() is DeskState.DRAINING
    assert bench.to_cloud == [begun]
    bench.cloud_answers({"transactionId": 77, **ACCEPTED})
    assert bench.asked[2:] == ["MeterValues", {**json.loads(bench.disk.entries[2].text)[3], "transactionId": 77}]
    bench.cloud_answers({})
    assert bench.asked[2] == "StopTransaction"
    assert bench.asked[3]["transactionId"] == 77
    bench.cloud_answers({})
    assert bench.state() is DeskState.ONLINE
    assert not bench.disk.entries


def test_numbers_in_quotes_are_numbers_on_both_sides() -> None:
    """Of stations that quote what they were given, and of clouds that quote the ids that they give."""
    bench = Bench()
    at = bench.times.wall.isoformat()
    bench.call("StartTransaction", {"connectorId": "1", "idTag": "CARD-1", "meterStart": "100.5", "timestamp": at})
    local = bench.answered[2]["transactionId"]
    bench.call("StopTransaction", {"transactionId": str(local), "meterStop": "300.5", "timestamp": at})
    ended = [each.session for each in bench.disk.others if isinstance(each, PutSession) and each.session.end_reason]
    assert [session.energy_wh for session in ended] == [200]
    bench.cloud_comes()
    bench.cloud_answers({"transactionId": "77", **ACCEPTED})
    assert bench.asked[2:] == ["StopTransaction", {"transactionId": 77, "meterStop": "300.5", "timestamp": at}]
    bench.cloud_answers({})
    assert not bench.disk.entries


def test_only_the_id_changes_in_what_is_delivered() -> None:
    """Invariant I5: not one other character, spaces and number spellings included."""
    bench = Bench()
    bench.start()
    local = bench.answered[2]["transactionId"]
    odd = f'[2, "m1","MeterValues", {{"connectorId":1 ,"transactionId": {local},"x":8.10,"meterValue":[]}} ]'
    bench.raw(Request(id="m1", action="MeterValues", payload=json.loads(odd)[3], text=odd))
    bench.cloud_comes()
    bench.cloud_answers({"transactionId": 77, **ACCEPTED})
    assert bench.to_cloud[-1] == odd.replace(str(local), "77")


def test_nothing_is_answered_before_it_is_on_the_disk() -> None:
    """Durable before answered, for begin, meter values, end and notices."""
    bench = Bench()
    bench.hold = True
    bench.start()
    bench.call("SecurityEventNotification", {"type": "x", "timestamp": "2026-06-01T12:00:00Z"})
    assert bench.to_station == []
    bench.commit(1)
    assert [answer[1] for answer in bench.to_station] == ["s1"]
    bench.commit()
    assert [answer[1] for answer in bench.to_station] == ["s1", "s2"]


def test_online_a_begin_is_on_the_disk_before_the_cloud_has_it_and_gone_when_it_answered() -> None:
    """A crash between the two leaves it in the journal; the cloud's own id goes to the station as it is."""
    bench = Bench()
    bench.cloud_comes()
    bench.hold = True
    bench.start()
    assert bench.to_cloud == []
    bench.commit()
    assert bench.asked[2] == "StartTransaction"
    assert bench.disk.entries[1].kind is EntryKind.BEGIN
    bench.cloud_answers({"transactionId": 4711, **ACCEPTED})
    assert bench.to_station == []
    bench.commit()
    assert bench.answered == [3, "s1", {"transactionId": 4711, **ACCEPTED}]
    assert not bench.disk.entries


def test_a_cloud_that_answers_too_late_gets_the_session_once() -> None:
    """Faults 5 and 10: answered locally in time, the late answer maps the id and nothing is sent again."""
    bench = Bench()
    bench.cloud_comes()
    bench.start()
    bench.tick(16.0)
    local = bench.answered[2]["transactionId"]
    sent = len(bench.to_cloud)
    bench.cloud_answers({"transactionId": 5, **ACCEPTED}, "s1")
    assert bench.to_cloud[sent:] == []
    bench.stop(local)
    assert bench.asked[2] == "StopTransaction"
    assert bench.asked[3]["transactionId"] == 5


def test_a_late_answer_is_waited_for_before_a_message_is_said_again() -> None:
    """On one connection, for the retry interval, longer each time (OCPP 1.6 §9.1.31); those behind it wait as well."""
    bench = Bench()
    bench.cloud_comes()
    bench.start()
    bench.tick(15.0)
    local = bench.answered[2]["transactionId"]
    bench.stop(local)
    said, told = [1000.0], 1
    for _ in range(600):
        bench.tick(1.0)
        new, told = bench.to_cloud[told:], len(bench.to_cloud)
        for action in (json.loads(text)[2] for text in new):
            assert action in ("StartTransaction", "Heartbeat")
            if action == "Heartbeat":
                bench.cloud_answers({})
            else:
                said.append(bench.times.now)
    waits = [after - before for before, after in itertools.pairwise(said)]
    assert waits == sorted(waits)
    assert 60.0 <= waits[0] < 90.0
    assert waits[-1] >= 120.0


def test_the_late_answer_frees_those_behind_it() -> None:
    """It is the answer: nothing is said twice, whether the station or the journal had asked."""
    bench = Bench()
    bench.start()
    local = bench.answered[2]["transactionId"]
    for value in ("1", "2"):
        bench.meter(local, value)
    bench.cloud_comes()
    bench.tick(16.0)
    bench.tick(5.0)
    bench.cloud_answers({"transactionId": 7, **ACCEPTED}, "s1")
    assert bench.asked[1] == "s2"
    bench.tick(16.0)
    bench.tick(5.0)
    bench.cloud_answers({}, "s2")
    assert bench.asked[1] == "s3"
    bench.cloud_answers({})
    assert [json.loads(text)[1] for text in bench.to_cloud] == ["s1", "s2", "s3"]
    assert not bench.disk.entries


def test_a_late_refusal_is_a_refusal() -> None:
    """It uses an attempt up, as one in time does."""
    bench = Bench(settings=OfflineSettings(drain_interval_s=0.0, attempts=1))
    bench.start()
    bench.cloud_comes()
    bench.tick(16.0)
    bench.cloud_refuses("SecurityError", identifier="s1")
    assert [entry.seq for entry in bench.disk.set_aside] == [1]


def test_a_new_connection_waits_for_nothing() -> None:
    """The answer can't come on it any more."""
    bench = Bench()
    bench.start()
    bench.cloud_comes()
    bench.tick(16.0)
    assert len(bench.to_cloud) == 1
    bench.cloud_goes()
    bench.cloud_comes()
    assert [json.loads(text)[1] for text in bench.to_cloud] == ["s1", "s1"]


def test_boot_and_states_that_are_answered_late_are_told_once() -> None:
    """The late answer is the answer; what is newer than the question is told all the same."""
    bench = Bench()
    bench.call("BootNotification", {"chargePointVendor": "V", "chargePointModel": "M"})
    bench.call("StatusNotification", {"connectorId": 1, "errorCode": "NoError", "status": "Available"})
    bench.cloud_comes()
    bench.tick(16.0)
    bench.cloud_answers({"status": "Accepted", "currentTime": "2026-06-01T12:00:00Z", "interval": 300}, "s1")
    assert bench.asked[1] == "s2"
    bench.tick(16.0)
    bench.tick(10.0)
    bench.cloud_answers({}, "s2")
    for _ in range(200):
        bench.tick(1.0)
    assert [json.loads(text)[1] for text in bench.to_cloud] == ["s1", "s2"]
    assert bench.state() is DeskState.ONLINE


def test_a_start_whose_answer_was_lost_is_sent_again_under_the_same_id() -> None:
    """Fault 5: the connection breaks with the Start under way."""
    bench = Bench()
    bench.cloud_comes()
    bench.start()
    first = bench.to_cloud[-1]
    bench.cloud_goes()
    assert bench.answered[2]["transactionId"] > 0
    bench.cloud_comes()
    assert bench.to_cloud == [first, first]


def test_the_same_start_again_is_answered_with_the_same_id_and_kept_once() -> None:
    """Fault 7: a charger that missed the answer sends the Start again, after a restart of the gateway too."""
    bench = Bench()
    bench.start(identifier="a")
    local = bench.answered[2]["transactionId"]
    bench.start(identifier="b")
    assert bench.answered == [3, "b", {"transactionId": local, "idTagInfo": {"status": "Accepted"}}]
    bench.restart()
    bench.start(identifier="c")
    assert bench.answered[1:] == ["c", {"transactionId": local, "idTagInfo": {"status": "Accepted"}}]
    assert len(bench.disk.entries) == 1


@pytest.mark.parametrize("is_there", [True, False])
@pytest.mark.parametrize("stamp", [None, "1970-01-01T00:00:07Z", "2026-06-01T12:00:00Z"])
def test_a_begin_without_a_credible_time_is_another_after_an_end(stamp: str | None, *, is_there: bool) -> None:
    """A station without clock and meter begins all sessions of a card in the same words: its begin is said again until
    the end is told, and then there is another session. One with a clock that goes says even then the same one again."""
    bench = Bench()
    if is_there:
        bench.cloud_comes()
    begin: dict[str, Any] = {"connectorId": 1, "idTag": "CARD-1", "meterStart": 0}
    begin |= {"timestamp": stamp} if stamp is not None else {}
    numbers = list[int]()
    for session in (41, 42):
        for _ in ("said", "said again"):
            told = len(bench.to_cloud)
            bench.call("StartTransaction", begin)
            if len(bench.to_cloud) > told:
                bench.cloud_answers({"transactionId": session, **ACCEPTED})
            numbers.append(bench.answered[2]["transactionId"])
        bench.stop(numbers[-1])
        if is_there and bench.asked[2] == "StopTransaction":
            bench.cloud_answers({})
    assert numbers == [numbers[0]] * 2 + [numbers[2]] * 2
    is_another = stamp is None or stamp < "2000"
    assert (numbers[0] != numbers[2]) == is_another
    if not is_there:
        bench.cloud_comes()
        for number in (41, 0, 42, 0)[: 4 if is_another else 2]:
            bench.cloud_answers({"transactionId": number, **ACCEPTED} if number else {})
    said = [json.loads(text) for text in bench.to_cloud]
    ended = [payload["transactionId"] for _, _, action, payload in said if action == "StopTransaction"]
    assert ended == ([41, 42] if is_another else [41])
    assert not bench.disk.entries


def test_a_begin_of_2x_without_a_credible_time_is_another_after_an_end() -> None:
    """A station that has lost its clock and its count with its power."""
    bench = Bench(Edition.V201)
    bench.cloud_comes()
    for _ in ("a session", "another"):
        for order, kind in enumerate(("Started", "Ended")):
            payload = {"eventType": kind, "timestamp": "1970-01-01T00:00:07Z", "seqNo": order}
            bench.call("TransactionEvent", payload | {"transactionInfo": {"transactionId": "tx-1"}})
            bench.cloud_answers({})
    assert [json.loads(text)[3]["eventType"] for text in bench.to_cloud] == ["Started", "Ended"] * 2


def test_the_same_stop_again_is_answered_and_kept_once() -> None:
    """A second Stop after the first is delivered goes nowhere (quirk 32)."""
    bench = Bench()
    bench.start()
    local = bench.answered[2]["transactionId"]
    bench.stop(local)
    bench.stop(local)
    bench.cloud_comes()
    bench.cloud_answers({"transactionId": 9, **ACCEPTED})
    bench.cloud_answers({})
    bench.stop(local)
    assert bench.answered[2] == {}
    assert [json.loads(text)[2] for text in bench.to_cloud] == ["StartTransaction", "StopTransaction"]


def stopped(bench: Bench) -> int:
    """A session that the cloud has seen begin and is told the end of now; its id."""
    bench.cloud_comes()
    bench.start()
    bench.cloud_answers({"transactionId": 9, **ACCEPTED})
    bench.stop(9)
    bench.tick(5.0)
    return 9


@pytest.mark.parametrize("restarted", [False, True])
def test_a_stop_with_a_new_time_is_no_second_end(restarted: bool) -> None:
    """A station that stamps each attempt anew: what has ended is answered, and an operator doesn't bill it twice."""
    bench = Bench()
    number = stopped(bench)
    bench.cloud_answers({})
    if restarted:
        bench.restart()
        bench.cloud_comes()
    for meter in (200, 201):
        bench.tick(5.0)
        again = bench.stop(number, meter=meter)
        assert bench.answered[1:] == [again, {}]
    assert [json.loads(text)[2] for text in bench.to_cloud] == ["StartTransaction", "StopTransaction"]
    assert not bench.disk.entries


def test_a_stop_with_a_new_time_while_the_first_is_under_way_gets_its_answer() -> None:
    """Also where that is a refusal: then the station still has its end to tell."""
    bench = Bench()
    number = stopped(bench)
    again = bench.stop(number)
    assert [json.loads(text)[2] for text in bench.to_cloud] == ["StartTransaction", "StopTransaction"]
    bench.cloud_refuses("FormationViolation")
    assert bench.answered[:3] == [4, again, "FormationViolation"]
    bench.tick(5.0)
    bench.stop(number)
    assert [json.loads(text)[2] for text in bench.to_cloud] == ["StartTransaction"] + 2 * ["StopTransaction"]
    bench.cloud_answers({})
    assert not bench.disk.entries


def test_a_stop_with_a_new_time_of_one_that_waits_for_the_cloud_is_kept_once() -> None:
    """While the cloud is away."""
    bench = Bench()
    bench.start()
    local = bench.answered[2]["transactionId"]
    for _ in range(3):
        bench.tick(30.0)
        bench.stop(local)
        assert bench.answered[2] == {}
    assert [entry.kind for entry in bench.disk.entries.values()] == [EntryKind.BEGIN, EntryKind.END]


def test_two_ends_without_an_id_are_two() -> None:
    """They name no transaction, so that nobody can say that they are of one."""
    bench = Bench()
    for connector in (1, 2):
        bench.start(connector=connector)
    for meter in (300, 400):
        bench.tick(5.0)
        bench.stop(-1, meter=meter)
    kinds = [entry.kind for entry in bench.disk.entries.values()]
    assert kinds.count(EntryKind.END) == 2


def test_a_stop_with_minus_one_is_given_to_the_only_session_it_can_mean() -> None:
    """Errata 3.18, fault 8: the Stop of a charger that never had its answer."""
    bench = Bench()
    bench.start(meter=100)
    bench.stop(-1, meter=300)
    bench.cloud_comes()
    bench.cloud_answers({"transactionId": 9, **ACCEPTED})
    assert bench.asked[3]["transactionId"] == 9


def test_a_stop_with_minus_one_reaches_a_cloud_that_is_there_with_its_own_id() -> None:
    """The station never had the answer to its start, though the cloud gave it: the end belongs to that session."""
    bench = Bench()
    bench.cloud_comes()
    bench.start()
    bench.cloud_answers({"transactionId": 1001, "idTagInfo": {"status": "Accepted"}})
    bench.stop(-1)
    assert bench.asked[2] == "StopTransaction"
    assert bench.asked[3]["transactionId"] == 1001


@pytest.mark.parametrize("number", [-1, 0, 2**63 - 1])
def test_samples_with_no_number_are_of_the_only_session_at_their_connector(number: int) -> None:
    """The cloud hears of the transaction that it knows, while it is there and of what was kept (row 6: never -1)."""
    bench = Bench()
    bench.cloud_comes()
    bench.start()
    bench.cloud_answers({"transactionId": 1001, "idTagInfo": {"status": "Accepted"}})
    bench.meter(number)
    assert (bench.asked[2], bench.asked[3]["transactionId"]) == ("MeterValues", 1001)
    bench.cloud_answers({})
    assert bench.answered[2] == {}
    bench.cloud_goes()
    bench.meter(number, value="160")
    bench.cloud_comes()
    assert (bench.asked[2], bench.asked[3]["transactionId"]) == ("MeterValues", 1001)


@pytest.mark.parametrize("is_there", [True, False])
def test_an_event_without_its_number_in_the_sequence_is_taken(is_there: bool) -> None:
    """Its transaction is no number, and is none of ours: it is kept or passed on as it is."""
    bench = Bench(edition=Edition.V201)
    if is_there:
        bench.cloud_comes()
    info = {"eventType": "Updated", "transactionInfo": {"transactionId": "tx-1"}}
    bench.call("TransactionEvent", info)
    assert bench.asked[3] == info if is_there else bench.answered[2] == {}


def test_samples_with_no_number_and_no_session_pass_as_they_are() -> None:
    """Of a connector at which none runs: nobody knows better."""
    bench = Bench()
    bench.cloud_comes()
    bench.start(connector=2)
    bench.cloud_answers({"transactionId": 1001, "idTagInfo": {"status": "Accepted"}})
    bench.meter(-1)
    assert bench.asked[3]["transactionId"] == -1


def test_a_stop_of_a_session_from_before_the_gateway_passes_as_it_is() -> None:
    """An id that we never gave is the cloud's."""
    bench = Bench()
    bench.stop(123)
    bench.cloud_comes()
    assert bench.asked[3]["transactionId"] == 123


def test_new_messages_queue_behind_old_ones() -> None:
    """While the journal drains, a Stop doesn't overtake its Start; a Heartbeat does."""
    bench = Bench()
    bench.start()
    local = bench.answered[2]["transactionId"]
    bench.cloud_comes()
    bench.stop(local)
    assert bench.answered[2] == {}
    bench.call("Heartbeat", {})
    assert [json.loads(text)[2] for text in bench.to_cloud] == ["StartTransaction"]
    bench.cloud_answers({"transactionId": 9, **ACCEPTED})
    assert bench.asked[2] == "Heartbeat"
    bench.cloud_answers({"currentTime": "2026-06-01T12:00:00Z"})
    assert bench.asked[2] == "StopTransaction"


@pytest.mark.parametrize(
    ("edition", "action", "statuses"),
    [
        (Edition.V16, "FirmwareStatusNotification", ("Downloading", "Installed")),
        (Edition.V21, "ReservationStatusUpdate", ("Removed", "Expired")),
    ],
)
def test_a_state_without_a_time_doesnt_overtake_an_older_one(
    edition: Edition, action: str, statuses: tuple[str, str]
) -> None:
    """The newest is what the cloud believes: an update that is done would be under way for it, for good. What bears its
    own time, or is an answer to the cloud, waits for nothing."""
    bench = Bench(edition)
    bench.call("SecurityEventNotification", {"type": "StartupOfTheDevice"})
    bench.call(action, {"status": statuses[0]})
    bench.cloud_comes()
    identifier = bench.call(action, {"status": statuses[1]})
    assert bench.answered == [3, identifier, {}]
    bench.call("SecurityEventNotification", {"type": "FailedToAuthenticateAtCsms"})
    for _ in range(4):
        bench.cloud_answers({})
    assert [json.loads(text)[3].get("status") for text in bench.to_cloud] == [None, None, *statuses]
    passing = bench.call(action, {"status": statuses[0]})
    assert bench.asked[1] == passing


def test_a_message_that_the_cloud_refuses_is_set_aside_after_its_attempts() -> None:
    """Fault 11: three attempts, one and two intervals apart; those behind it go on."""
    bench = Bench()
    bench.start()
    local = bench.answered[2]["transactionId"]
    bench.meter(local)
    bench.stop(local)
    bench.cloud_comes()
    bench.cloud_answers({"transactionId": 9, **ACCEPTED})
    for wait_s in (61.0, 121.0):
        bench.cloud_refuses("PropertyConstraintViolation")
        sent = len(bench.to_cloud)
        bench.tick(wait_s - 2.0)
        assert len(bench.to_cloud) == sent
        bench.tick(2.0)
        assert bench.asked[2] == "MeterValues"
    bench.cloud_refuses("PropertyConstraintViolation")
    assert [entry.reason for entry in bench.disk.set_aside] == ["answered PropertyConstraintViolation"]
    assert bench.asked[2] == "StopTransaction"


def test_what_follows_a_begin_that_was_set_aside_is_set_aside_with_it() -> None:
    """The cloud has no id for it: never -1, never somebody else's."""
    bench = Bench(settings=OfflineSettings(drain_interval_s=0.0, attempts=1))
    bench.start()
    bench.stop(bench.answered[2]["transactionId"])
    bench.cloud_comes()
    bench.cloud_refuses("NotSupported")
    assert [entry.action for entry in bench.disk.set_aside] == ["StartTransaction", "StopTransaction"]
    assert bench.state() is DeskState.ONLINE


def test_a_session_that_the_cloud_refuses_afterwards_is_ended_by_policy() -> None:
    """Fault 12 (StopTransactionOnInvalidId)."""
    for policy, ends in ((RefusedSession.STOP, 1), (RefusedSession.KEEP, 0)):
        bench = Bench(settings=OfflineSettings(drain_interval_s=0.0, refused_session=policy))
        bench.start()
        local = bench.answered[2]["transactionId"]
        bench.cloud_comes()
        bench.cloud_answers({"transactionId": 9, "idTagInfo": {"status": "Blocked"}})
        assert [end.transaction for end in bench.ended] == [str(local)] * ends


@pytest.mark.parametrize("status", ["Accepted", "Blocked", "Invalid"])
@pytest.mark.parametrize("kind", ["ISO14443", "NoAuthorization"])
def test_the_clouds_word_on_a_token_passes_as_it_is(kind: str, status: str) -> None:
    """A refusal too of a session that needs no token: the gateway accepts nobody whom the cloud refuses."""
    bench = Bench(edition=Edition.V201)
    bench.cloud_comes()
    bench.event("Started", 0, idToken={"idToken": "CARD-1", "type": kind})
    bench.cloud_answers({"idTokenInfo": {"status": status}})
    assert bench.answered[2] == {"idTokenInfo": {"status": status}}


@pytest.mark.parametrize("answer", [{}, {"transactionId": "seven"}, {"transactionId": None}])
def test_a_start_that_the_cloud_answers_without_an_id_is_not_taken_for_delivered(answer: dict[str, object]) -> None:
    """It is tried again, deferred then, and not lost."""
    bench = Bench()
    bench.start()
    bench.cloud_comes()
    bench.cloud_answers(answer)
    assert len(bench.disk.entries) == 1
    for _ in range(2):
        bench.tick(400.0)
        bench.cloud_answers(answer)
    assert [entry.reason for entry in bench.disk.deferred] == ["answered without a transactionId"]

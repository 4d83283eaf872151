"""A cloud that is there and can't take a begin or an end (InternalError): kept and told again, as if it were away."""

import json

import pytest

from edge.offline.backlog import slip
from edge.offline.deferral import LONGEST_WAIT_S
from edge.offline.desk import DeskState
from edge.offline.edition import Edition
from edge.offline.settings import OfflineSettings
from tests.unit.offline.offline_bench import Bench

ACCEPTED = {"idTagInfo": {"status": "Accepted"}}


def charging(bench: Bench) -> None:
    """A session that the cloud has seen begin; its number is 9."""
    bench.cloud_comes()
    bench.start()
    bench.cloud_answers({"transactionId": 9, **ACCEPTED})
    bench.times.now += 60.0


def actions(bench: Bench) -> list[str]:
    """What the cloud was told."""
    return [json.loads(text)[2] for text in bench.to_cloud]


@pytest.mark.parametrize("code", ["InternalError", "GenericError"])
def test_an_end_is_answered_and_told_again(code: str) -> None:
    """The station hears that it is done, so that it doesn't give it up; the cloud gets it a minute later, once."""
    bench = Bench()
    charging(bench)
    asked = bench.stop(9)
    bench.cloud_refuses(code)
    assert bench.answered == [3, asked, {}]
    assert bench.state() is DeskState.DRAINING
    bench.tick(59.0)
    assert actions(bench) == ["StartTransaction", "StopTransaction"]
    bench.tick(2.0)
    assert actions(bench) == ["StartTransaction", "StopTransaction", "StopTransaction"]
    assert bench.to_cloud[-1] == bench.to_cloud[-2]
    bench.cloud_answers({})
    assert (bench.disk.entries, bench.state()) == ({}, DeskState.ONLINE)
    again = bench.call("StopTransaction", json.loads(bench.to_cloud[-1])[3])
    assert bench.answered == [3, again, {}]
    assert len(bench.to_cloud) == 3


def test_a_begin_gets_a_number_of_ours_and_all_of_its_session_follows_it() -> None:
    """In order, with the cloud's number in the place of ours, when the cloud gives that."""
    bench = Bench()
    bench.cloud_comes()
    bench.start()
    bench.cloud_refuses()
    answer = bench.answered[2]
    assert answer["idTagInfo"] == {"status": "Accepted"}
    number = answer["transactionId"]
    bench.meter(number)
    bench.stop(number)
    bench.tick(61.0)
    bench.cloud_answers({"transactionId": 9, **ACCEPTED})
    for _ in range(2):
        assert bench.asked[3]["transactionId"] == 9
        bench.cloud_answers({})
    assert actions(bench) == ["StartTransaction", "StartTransaction", "MeterValues", "StopTransaction"]
    assert (bench.disk.entries, bench.state()) == ({}, DeskState.ONLINE)


def fails(bench: Bench, times: int, wait_s: float = 3601.0) -> None:
    """The cloud answers the newest CALL with an InternalError, and what comes after that, each after a wait."""
    for _ in range(times):
        bench.cloud_refuses()
        bench.tick(wait_s)


def test_after_its_attempts_it_goes_again_by_itself_until_the_cloud_takes_it() -> None:
    """No revenue is lost by a fault of the cloud's, and no person has to look: each time an interval more is waited, a
    quarter of an hour at most."""
    bench = Bench(settings=OfflineSettings(drain_interval_s=0.0, attempts=2))
    charging(bench)
    bench.stop(9)
    bench.cloud_refuses()
    for wait_s in (60.0, 60.0, 120.0, 180.0):
        sent = len(bench.to_cloud)
        bench.tick(wait_s - 1.0)
        assert len(bench.to_cloud) == sent
        bench.tick(1.0)
        assert actions(bench)[sent:] == ["StopTransaction"]
        bench.cloud_refuses()
    assert [entry.reason for entry in bench.disk.deferred] == ["answered InternalError"]
    for _ in range(100):
        bench.tick(LONGEST_WAIT_S)
        bench.cloud_refuses()
    assert (len(bench.to_cloud), bench.disk.set_aside) == (106, [])
    bench.tick(LONGEST_WAIT_S)
    bench.cloud_answers({})
    assert (bench.disk.entries, bench.state()) == ({}, DeskState.ONLINE)
    assert len(set(bench.to_cloud[1:])) == 1  # the same words each time


def test_while_one_is_deferred_others_are_the_clouds_to_answer() -> None:
    """Its own session waits for the number; the next one gets the cloud's, and the cloud has both whole, in order."""
    bench = Bench()
    bench.cloud_comes()
    bench.start(meter=100)
    bench.cloud_refuses()
    ours = bench.answered[2]["transactionId"]
    bench.tick(61.0)
    fails(bench, 2, 121.0)
    bench.cloud_refuses()
    assert bench.state() is DeskState.ONLINE
    sent = len(bench.to_cloud)
    bench.meter(ours)
    assert not bench.passes("MeterValues", {"connectorId": 1, "transactionId": ours, "meterValue": []}, "short")
    stopped = bench.stop(ours)
    assert bench.answered == [3, stopped, {}]
    assert (len(bench.to_cloud), bench.state()) == (sent, DeskState.ONLINE)
    bench.start(meter=300, connector=2)
    bench.cloud_answers({"transactionId": 7, **ACCEPTED})
    assert bench.answered[2]["transactionId"] == 7
    # It takes others: the deferred begin goes at once, and what waits for it.
    assert bench.asked[2:] == ["StartTransaction", json.loads(bench.to_cloud[0])[3]]
    bench.cloud_answers({"transactionId": 8, **ACCEPTED})
    for _ in range(2):
        assert bench.asked[3]["transactionId"] == 8
        bench.cloud_answers({})
    assert actions(bench)[-4:] == ["StartTransaction", "StartTransaction", "MeterValues", "StopTransaction"]
    assert (bench.disk.entries, bench.state()) == ({}, DeskState.ONLINE)


def test_one_that_the_cloud_never_takes_is_tried_ever_more_seldom_and_blocks_nobody() -> None:
    """Whatever else the cloud takes meanwhile."""
    bench = Bench(settings=OfflineSettings(drain_interval_s=0.0, attempts=2))
    charging(bench)
    bench.stop(9)
    fails(bench, 2, 121.0)
    bench.cloud_refuses()
    poison = bench.to_cloud[-1]
    tries: list[float] = []

    def refuses_poison() -> None:
        if bench.to_cloud[-1] == poison:
            tries.append(bench.times.now)
            bench.cloud_refuses()

    for number in range(10, 500):
        bench.start(meter=1000 + number)
        bench.cloud_answers({"transactionId": number, **ACCEPTED})
        refuses_poison()
        bench.tick(120.0)
        refuses_poison()
        bench.stop(number, 2000 + number)
        assert bench.asked[3]["transactionId"] == number
        bench.cloud_answers({})
        refuses_poison()
    assert len(bench.disk.deferred) == 1
    assert len(tries) < 50  # in 16 hours
    assert tries[-1] - tries[-2] > 2000.0


def test_deferred_ones_go_again_after_a_restart_and_when_a_person_says_so() -> None:
    """On the disk they are as any other, with the reason."""
    bench = Bench(settings=OfflineSettings(drain_interval_s=0.0, attempts=1))
    charging(bench)
    bench.stop(9)
    fails(bench, 1, 61.0)
    bench.cloud_refuses()
    assert len(bench.disk.deferred) == 1
    bench.restart()
    assert bench.desk.book.backlog.deferred == 1
    bench.cloud_comes()
    assert bench.state() is DeskState.ONLINE
    sent = len(bench.to_cloud)
    bench.tick(60.0)
    assert actions(bench)[sent:] == ["StopTransaction"]
    bench.cloud_refuses()
    (entry,) = bench.disk.deferred
    bench.desk.sent_again(slip(entry, precious=False), deferred=True)
    bench.tick()
    assert len(bench.to_cloud) == sent + 1
    bench.desk.sent_again(slip(entry, precious=False))
    bench.tick()
    assert len(bench.to_cloud) == sent + 2


def test_a_deferred_one_with_which_the_cloud_finds_fault_is_set_aside_after_as_many_attempts() -> None:
    """And the rest of its session with it, as the cloud has no number for that."""
    bench = Bench(settings=OfflineSettings(drain_interval_s=0.0, attempts=2))
    bench.cloud_comes()
    bench.start()
    bench.cloud_refuses()
    bench.stop(bench.answered[2]["transactionId"])
    bench.tick(61.0)
    fails(bench, 2)
    bench.cloud_refuses("NotSupported")
    assert not bench.disk.set_aside
    bench.tick(3601.0)
    bench.cloud_refuses("NotSupported")
    assert [entry.action for entry in bench.disk.set_aside] == ["StartTransaction", "StopTransaction"]


def test_in_2_x_a_session_waits_for_its_begin_but_not_for_ever() -> None:
    """Its events name their transaction: one whose begin the cloud never takes is told without it in the end."""
    bench = Bench(Edition.V201, settings=OfflineSettings(drain_interval_s=0.0, attempts=2))
    bench.cloud_comes()
    bench.event("Started", 0, "CARD-1")
    fails(bench, 2, 61.0)
    bench.cloud_refuses()
    assert [entry.order for entry in bench.disk.deferred] == [0]
    bench.event("Updated", 1)
    ended = bench.event("Ended", 2)
    assert bench.answered == [3, ended, {}]
    for _ in range(2):
        bench.tick(181.0)
        assert {json.loads(text)[3]["seqNo"] for text in bench.to_cloud} == {0}
        bench.cloud_refuses()
    for number in (1, 0, 2):  # it takes others: so the begin at once
        assert bench.asked[3]["seqNo"] == number
        bench.cloud_answers({})
    assert (bench.disk.entries, bench.state()) == ({}, DeskState.ONLINE)


def test_it_outlives_a_restart() -> None:
    """It is on the disk before the station is answered."""
    bench = Bench()
    charging(bench)
    bench.hold = True
    asked = bench.stop(9)
    bench.commit()
    bench.cloud_refuses()
    assert bench.answered[1] != asked
    bench.commit()
    assert bench.answered == [3, asked, {}]
    bench.hold = False
    bench.restart()
    bench.cloud_comes()
    assert actions(bench)[-1] == "StopTransaction"
    bench.cloud_answers({})
    assert not bench.disk.entries


def test_asked_again_meanwhile_the_newer_question_is_answered() -> None:
    """The station has given up the older one."""
    bench = Bench()
    charging(bench)
    bench.stop(9)
    again = bench.stop(9)
    bench.cloud_refuses()
    assert bench.answered == [3, again, {}]


@pytest.mark.parametrize("tag", ["CARD-1", None])
def test_events_of_2_x(tag: str | None) -> None:
    """Began and ended; what is in between is the station's to repeat."""
    bench = Bench(Edition.V201)
    bench.cloud_comes()
    began = bench.event("Started", 0, tag)
    bench.cloud_refuses()
    assert bench.answered == [3, began, {"idTokenInfo": {"status": "Accepted"}} if tag is not None else {}]
    bench.tick(61.0)
    bench.cloud_answers({})
    updated = bench.event("Updated", 1)
    bench.cloud_refuses()
    assert bench.answered[:3] == [4, updated, "InternalError"]
    ended = bench.event("Ended", 2)
    bench.cloud_refuses()
    assert bench.answered == [3, ended, {}]
    bench.tick(61.0)
    bench.cloud_answers({})
    assert (bench.disk.entries, bench.state()) == ({}, DeskState.ONLINE)


def test_whom_nobody_here_knows_the_cloud_has_to_judge() -> None:
    """A begin with a card of which neither cache nor list nor site says that it is good gets the cloud's error, and
    isn't kept: it is the station's to repeat."""
    bench = Bench()
    bench.cloud_comes()
    asked = bench.start(tag="CARD-9")
    bench.cloud_refuses()
    assert bench.answered[:3] == [4, asked, "InternalError"]
    assert not bench.disk.entries


@pytest.mark.parametrize(
    "code", ["FormationViolation", "PropertyConstraintViolation", "NotImplemented", "SecurityError"]
)
def test_what_the_cloud_finds_wrong_with_it_is_the_stations(code: str) -> None:
    """It says so of the message, not of itself."""
    bench = Bench()
    charging(bench)
    asked = bench.stop(9)
    bench.cloud_refuses(code)
    assert bench.answered[:3] == [4, asked, code]
    assert not bench.disk.entries


@pytest.mark.parametrize(
    ("answer", "tag"), [({}, "CARD-1"), (ACCEPTED, "CARD-1"), (ACCEPTED, "CARD-9"), ({"transactionId": "x"}, "CARD-1")]
)
def test_a_begin_that_is_answered_without_a_number_is_told_again(answer: dict[str, object], tag: str) -> None:
    """A station has no use for such an answer, and the cloud no transaction (OCPP 1.6 §4.8)."""
    bench = Bench()
    bench.cloud_comes()
    asked = bench.start(tag=tag)
    bench.cloud_answers(answer)
    assert bench.answered[:2] == [3, asked]
    assert bench.answered[2]["idTagInfo"] == {"status": "Accepted"}
    assert isinstance(bench.answered[2]["transactionId"], int)
    bench.tick(61.0)
    bench.cloud_answers({"transactionId": 9, **ACCEPTED})
    assert (bench.disk.entries, bench.state()) == ({}, DeskState.ONLINE)


def test_a_refusal_without_a_number_is_one() -> None:
    """It passes: the cloud has judged the card, and some give no number then."""
    bench = Bench()
    bench.cloud_comes()
    asked = bench.start()
    refused = {"idTagInfo": {"status": "Blocked"}}
    bench.cloud_answers(refused)
    assert bench.answered == [3, asked, refused]
    assert not bench.disk.entries

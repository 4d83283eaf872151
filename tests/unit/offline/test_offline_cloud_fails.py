"""A cloud that is there and can't take a begin or an end (InternalError): kept and told again, as if it were away."""

import json

import pytest

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


def test_it_has_its_attempts_and_waits_for_a_person_then() -> None:
    """As what was kept while the cloud was away: no revenue is lost by a fault of the cloud's."""
    bench = Bench(settings=OfflineSettings(drain_interval_s=0.0, attempts=2))
    charging(bench)
    bench.stop(9)
    bench.cloud_refuses()
    for wait_s in (61.0, 61.0):
        bench.tick(wait_s)
        bench.cloud_refuses()
    assert [entry.action for entry in bench.disk.set_aside] == ["StopTransaction"]
    assert actions(bench).count("StopTransaction") == 3


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

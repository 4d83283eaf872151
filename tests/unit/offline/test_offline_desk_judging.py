"""Tokens that only the cloud can judge, when it is about to be had or is told of others."""

import json
from dataclasses import replace
from typing import Any

import pytest

from edge.offline.authorise import UnknownTokens
from edge.offline.desk import DeskState
from edge.offline.edition import Edition
from tests.unit.offline.offline_bench import Bench, token

ACCEPTED = {"idTagInfo": {"status": "Accepted"}}
STRANGER = "CARD-9"


def arrived(edition: Edition = Edition.V16) -> Bench:
    """A desk whose station has just come: its cloud is being dialled."""
    bench = Bench(edition)
    bench.do(bench.desk.station_connected(edition))
    return bench


def rests(bench: Bench) -> bool:
    """A function: what it says changes."""
    return bench.desk.rests


def test_a_begin_waits_for_the_cloud_that_is_being_dialled() -> None:
    """A session that began while its station was cut off isn't refused for the moment that the dial takes."""
    bench = arrived()
    begin = bench.start(tag=STRANGER)
    assert bench.to_station == []
    assert not bench.disk.entries
    bench.cloud_comes()
    assert bench.asked[2:] == ["Authorize", {"idTag": STRANGER}]
    bench.cloud_answers(ACCEPTED)
    assert bench.answered[1] == begin
    assert bench.answered[2]["idTagInfo"]["status"] == "Accepted"
    assert bench.asked[2] == "StartTransaction"  # delivered in its turn
    assert [judged.verdict.accepted for judged in bench.judged] == [True]


def test_the_clouds_refusal_is_the_stations_answer() -> None:
    """Waiting isn't letting in: what the cloud refuses stays refused."""
    bench = arrived()
    bench.start(tag=STRANGER)
    bench.cloud_comes()
    bench.cloud_answers({"idTagInfo": {"status": "Blocked"}})
    assert bench.answered[2]["idTagInfo"]["status"] == "Blocked"


def test_a_known_token_waits_for_nobody() -> None:
    """What the site knows is answered at once, be it yes or no."""
    bench = arrived()
    bench.start(tag="CARD-1")
    assert bench.answered[2]["idTagInfo"]["status"] == "Accepted"


def test_an_authorize_waits_and_goes_as_it_is() -> None:
    """The driver stands at the post: the cloud gets the station's own frame as soon as it is there."""
    bench = arrived()
    asked = bench.call("Authorize", {"idTag": STRANGER})
    assert bench.to_station == []
    bench.cloud_comes()
    assert bench.asked == [2, asked, "Authorize", {"idTag": STRANGER}]
    bench.cloud_answers(ACCEPTED)
    assert bench.answered == [3, asked, ACCEPTED]


def test_a_cloud_that_cannot_be_had_leaves_it_to_the_policy() -> None:
    """Once a dial has failed nobody waits any more, and whoever comes next is answered at once."""
    bench = arrived()
    bench.start(tag=STRANGER)
    bench.cloud_goes()
    assert bench.answered[2]["idTagInfo"]["status"] == "Invalid"
    bench.call("Authorize", {"idTag": STRANGER})
    assert bench.answered[2]["idTagInfo"]["status"] == "Invalid"


def test_a_station_is_answered_in_its_time() -> None:
    """A dial that takes longer than a station waits for its answer."""
    bench = arrived()
    bench.start(tag=STRANGER)
    bench.tick(10.0)
    assert bench.to_station == []
    bench.tick(6.0)
    assert bench.answered[2]["idTagInfo"]["status"] == "Invalid"


def test_while_the_cloud_is_told_of_others_it_is_asked_about_the_token() -> None:
    """A begin is delivered behind what was kept; whether it may charge isn't left until then."""
    bench = Bench()
    bench.start(tag="CARD-1")
    local = bench.answered[2]["transactionId"]
    bench.stop(local)
    bench.cloud_comes()
    assert bench.state() is DeskState.DRAINING
    begin = bench.start(tag=STRANGER)
    bench.cloud_answers({"transactionId": 7, **ACCEPTED})
    assert bench.asked[2:] == ["Authorize", {"idTag": STRANGER}]
    bench.cloud_answers(ACCEPTED)
    assert bench.answered[1] == begin
    assert bench.answered[2]["idTagInfo"]["status"] == "Accepted"
    assert bench.asked[2] == "StopTransaction"
    bench.cloud_answers({})
    assert bench.asked[2] == "StartTransaction"


def test_a_begin_that_waits_and_is_sent_again_is_taken_once() -> None:
    """The answer goes to the newer CALL, before and after the cloud has been asked."""
    bench = arrived()
    bench.start(tag=STRANGER, identifier="a")
    bench.start(tag=STRANGER, identifier="b")
    bench.cloud_comes()
    bench.start(tag=STRANGER, identifier="c")
    bench.cloud_answers(ACCEPTED)
    assert [answer[1] for answer in bench.to_station] == ["c"]
    assert len(bench.disk.entries) == 1


def test_a_cloud_that_is_lost_or_silent_while_it_is_asked_leaves_it_to_the_policy() -> None:
    """Whatever becomes of the question, the station is answered."""
    for silent in (False, True):
        bench = arrived()
        bench.start(tag=STRANGER)
        bench.cloud_comes()
        if silent:
            bench.tick(16.0)
        else:
            bench.cloud_goes()
        assert bench.answered[2]["idTagInfo"]["status"] == "Invalid"
        assert len(bench.disk.entries) == 1


def test_an_event_of_2x_waits_in_the_same_way() -> None:
    """The token goes to the cloud as the station named it, with its type."""
    bench = arrived(Edition.V201)
    begin = bench.event("Started", 0, STRANGER)
    assert bench.to_station == []
    bench.cloud_comes()
    assert bench.asked[2:] == ["Authorize", {"idToken": {"idToken": STRANGER, "type": "ISO14443"}}]
    bench.cloud_answers({"idTokenInfo": {"status": "Accepted"}})
    assert bench.answered == [3, begin, {"idTokenInfo": {"status": "Accepted"}}]
    assert json.loads(bench.to_cloud[-1])[2] == "TransactionEvent"


def begin(bench: Bench, tag: str) -> str:
    """The station tells a begin, each time the same one; its id."""
    return bench.event("Started", 0, tag, evse={"id": 1}) if bench.edition.is_v2 else bench.start(tag=tag)


def said_again(edition: Edition, tag: str = STRANGER, *, killed: bool = False, **more: Any) -> tuple[Bench, str]:
    """A begin that was on its way to the cloud when the station was lost (or the gateway killed), which is told again
    while the cloud is dialled; with its id."""
    bench = Bench(edition, **more)
    bench.do(bench.desk.station_connected(edition))
    bench.cloud_comes()
    begin(bench, tag)
    assert bench.asked[2] in ("StartTransaction", "TransactionEvent")
    if killed:
        bench.restart()
    else:
        bench.do(bench.desk.station_gone())
    bench.do(bench.desk.station_connected(edition))
    return bench, begin(bench, tag)


def accepted(edition: Edition, status: str = "Accepted") -> dict[str, Any]:
    """What the cloud answers to a begin."""
    info = {"status": status}
    return {"idTokenInfo": info} if edition.is_v2 else {"transactionId": 77, "idTagInfo": info}


def status_told(bench: Bench) -> str:
    """What the station was told of its token last."""
    told: str = bench.answered[2]["idTokenInfo" if bench.edition.is_v2 else "idTagInfo"]["status"]
    return told


@pytest.mark.parametrize("edition", [Edition.V16, Edition.V201])
@pytest.mark.parametrize("killed", [False, True])
@pytest.mark.parametrize("status", ["Accepted", "Blocked"])
def test_a_begin_that_is_said_again_has_the_clouds_answer(edition: Edition, killed: bool, status: str) -> None:
    """Not the policy's: its token is one of which only the cloud knows. It is delivered once, and nothing else asked:
    a cloud that has had it knows the card as charging."""
    bench, identifier = said_again(edition, killed=killed)
    assert bench.to_station == []
    bench.cloud_comes()
    assert [json.loads(text)[1] for text in bench.to_cloud] == ["s1", "s1"]
    bench.cloud_answers(accepted(edition, status))
    assert [answer[1] for answer in bench.to_station] == [identifier]
    assert status_told(bench) == status
    assert len(bench.to_cloud) == 2
    assert not bench.disk.entries
    assert [judged.verdict.accepted for judged in bench.judged][-1:] == [status == "Accepted"]


def test_what_follows_a_begin_that_was_said_again_has_the_clouds_number() -> None:
    """The station knows it by ours."""
    bench, _ = said_again(Edition.V16)
    bench.cloud_comes()
    bench.cloud_answers(accepted(Edition.V16))
    local = bench.answered[2]["transactionId"]
    bench.stop(local)
    assert bench.asked[2:] == ["StopTransaction", {**bench.asked[3], "transactionId": 77}]
    bench.cloud_answers({})
    assert not bench.disk.entries


@pytest.mark.parametrize("edition", [Edition.V16, Edition.V201])
def test_a_begin_that_is_said_again_is_kept_once_whatever_becomes_of_it(edition: Edition) -> None:
    """The dial fails, the cloud is silent, or finds fault with itself: the station is answered in its time."""
    for trouble in ("dial", "silence", "fault"):
        bench, identifier = said_again(edition)
        if trouble == "dial":
            bench.cloud_goes()
        else:
            bench.cloud_comes()
            if trouble == "silence":
                bench.tick(16.0)
            else:
                bench.cloud_refuses()
                assert bench.asked[2] == "Authorize"
                bench.cloud_refuses()
        assert [answer[1] for answer in bench.to_station] == [identifier], trouble
        assert status_told(bench) == "Invalid"
        assert len(bench.disk.entries) == 1, trouble


def test_behind_others_the_cloud_is_asked_about_the_token_of_a_begin_that_is_said_again() -> None:
    """Its turn may be hours away."""
    bench = Bench()
    bench.do(bench.desk.station_connected(Edition.V16))
    bench.cloud_comes()
    begin(bench, STRANGER)
    bench.do(bench.desk.station_gone())
    bench.disk.entries[0] = replace(bench.disk.entries[1], seq=0, message_id="older", transaction=None)
    bench.restart()
    bench.do(bench.desk.station_connected(Edition.V16))
    identifier = begin(bench, STRANGER)
    bench.cloud_comes()
    assert bench.asked[2:] == ["Authorize", {"idTag": STRANGER}]
    bench.cloud_answers(ACCEPTED)
    assert bench.answered[1] == identifier
    assert status_told(bench) == "Accepted"


@pytest.mark.parametrize("edition", [Edition.V16, Edition.V21])
def test_who_is_let_in_when_a_begin_is_said_again_is_told(edition: Edition) -> None:
    """The control hears of the class, and an unknown card's session has its end: nobody was told the first time."""
    bench, _ = said_again(edition, "CARD-1", own=(token("CARD-1", class_id="staff"),))
    assert [judged.verdict.class_id for judged in bench.judged] == ["staff"]
    bench, _ = said_again(edition, unknown=UnknownTokens.LIMIT)
    assert status_told(bench) == "Accepted"
    (session,) = bench.disk.sessions.values()
    assert session.energy_limit_wh == 5000


EMAID = {"idToken": "CARD-1", "type": "eMAID"}
CONTRACT = {"idToken": EMAID, "certificate": "-----BEGIN CERTIFICATE-----"}
CHECKED = {"idToken": EMAID, "iso15118CertificateHashData": [{"serialNumber": "1"}]}


@pytest.mark.parametrize("edition", [Edition.V201, Edition.V21])
def test_a_contract_that_nobody_has_checked_is_the_clouds_to_judge(edition: Edition) -> None:
    """A station that can't check a contract certificate sends it to the cloud (C07): who writes a known name into one
    of his own isn't let in by that while the cloud is away. One that the station has checked is a token as others."""
    bench = Bench(edition)
    bench.call("Authorize", CONTRACT)
    assert bench.answered[2] == {"idTokenInfo": {"status": "Invalid"}, "certificateStatus": "CertChainError"}
    bench.call("Authorize", CHECKED)
    assert bench.answered[2] == {"idTokenInfo": {"status": "Accepted"}, "certificateStatus": "Accepted"}
    bench.cloud_comes()
    asked = bench.call("Authorize", CONTRACT)
    assert bench.asked[1] == asked
    bench.cloud_answers({"idTokenInfo": {"status": "Accepted"}, "certificateStatus": "Accepted"})
    assert bench.answered[2] == {"idTokenInfo": {"status": "Accepted"}, "certificateStatus": "Accepted"}
    bench.cloud_goes()
    bench.call("Authorize", CONTRACT)
    assert bench.answered[2]["idTokenInfo"]["status"] == "Invalid"


@pytest.mark.parametrize(
    ("cached", "contract"),
    [
        ("Blocked", "ContractCancelled"),
        ("Expired", "ContractCancelled"),
        ("Invalid", "ContractCancelled"),
        ("Unknown", "ContractCancelled"),
        ("NoCredit", "Accepted"),
        ("NotAtThisLocation", "Accepted"),
    ],
)
def test_the_answer_about_a_contract_says_whether_that_or_the_moment_is_at_fault(cached: str, contract: str) -> None:
    """C07.FR.13, 14: the certificate's status comes with the token's, and where the token is no good for ever the
    contract isn't; stations that look at the first alone let nobody in without it."""
    bench = Bench(Edition.V21, own=())
    bench.cloud_comes()
    bench.call("Authorize", {"idToken": EMAID})
    bench.cloud_answers({"idTokenInfo": {"status": cached}})
    bench.cloud_goes()
    bench.call("Authorize", CHECKED)
    assert bench.answered[2] == {"idTokenInfo": {"status": cached}, "certificateStatus": contract}
    bench.call("Authorize", {"idToken": EMAID})
    assert bench.answered[2] == {"idTokenInfo": {"status": cached}}


def test_a_contract_that_the_site_refuses_is_not_left_accepted_by_the_cloud() -> None:
    """What the cloud says of the certificate goes with the token's status: C07.FR.13 again."""
    bench = Bench(Edition.V201, own=(token("CARD-1", blocked=True),))
    bench.cloud_comes()
    bench.call("Authorize", CHECKED)
    bench.cloud_answers({"certificateStatus": "Accepted", "idTokenInfo": {"status": "Accepted"}})
    assert bench.answered[2] == {"certificateStatus": "ContractCancelled", "idTokenInfo": {"status": "Blocked"}}
    bench.call("Authorize", CHECKED)
    bench.cloud_answers({"certificateStatus": "CertificateRevoked", "idTokenInfo": {"status": "Accepted"}})
    assert bench.answered[2]["certificateStatus"] == "CertificateRevoked"


def test_an_unchecked_contract_waits_for_the_cloud_that_is_being_dialled() -> None:
    """As any token that nobody here can judge."""
    bench = arrived(Edition.V21)
    asked = bench.call("Authorize", CONTRACT)
    assert bench.to_station == []
    bench.cloud_comes()
    assert bench.asked[1:] == [asked, "Authorize", CONTRACT]


def test_a_desk_does_not_rest_while_a_token_awaits_judgement() -> None:
    """Nobody else would answer a station whose cloud doesn't come: the next tick has to be looked at."""
    bench = arrived()
    assert rests(bench)
    bench.call("Authorize", {"idTag": STRANGER})
    assert not rests(bench)
    bench.tick(16.0)
    assert bench.answered[2]["idTagInfo"]["status"] == "Invalid"
    assert rests(bench)


def test_a_desk_rests_again_once_the_cloud_has_judged() -> None:
    """Not while it is asked, nor while the session that it let in is still to be delivered."""
    bench = arrived()
    bench.start(tag=STRANGER)
    assert not rests(bench)
    bench.cloud_comes()
    assert not rests(bench)
    bench.cloud_answers(ACCEPTED)
    assert not rests(bench)
    bench.cloud_answers(ACCEPTED | {"transactionId": 4711})
    assert rests(bench)


def test_a_station_that_goes_leaves_no_token_to_judge() -> None:
    """Nobody waits for the answer any more."""
    bench = arrived()
    bench.start(tag=STRANGER)
    bench.do(bench.desk.station_gone())
    assert rests(bench)


BOOT = {"chargePointVendor": "V", "chargePointModel": "M"}


def boot_answer(status: str, interval_s: int) -> dict[str, object]:
    """What a cloud says to a boot."""
    return {"status": status, "currentTime": "2026-06-01T12:00:00Z", "interval": interval_s}


def test_a_boot_waits_for_the_cloud_that_is_being_dialled() -> None:
    """Stations boot as soon as they are connected: it is the cloud that puts them off, and says how often to beat."""
    bench = arrived()
    asked = bench.call("BootNotification", BOOT)
    bench.tick(1.0)
    assert bench.to_station == []
    bench.cloud_comes()
    assert bench.asked == [2, asked, "BootNotification", BOOT]
    bench.cloud_answers(boot_answer("Pending", 42))
    assert bench.answered == [3, asked, boot_answer("Pending", 42)]
    assert not bench.desk.book.boot.owed


def test_a_boot_waits_no_longer_than_the_dial() -> None:
    """The station isn't kept out by a cloud that can't be had; that is told of the boot when it is back."""
    bench = arrived()
    bench.call("BootNotification", BOOT)
    bench.cloud_goes()
    assert bench.answered[2]["status"] == "Accepted"
    bench.call("BootNotification", BOOT)
    assert len(bench.to_station) == 2
    bench.cloud_comes()
    assert bench.asked[2] == "BootNotification"


def test_a_boot_waits_no_longer_than_for_any_answer() -> None:
    """A dial into a black hole fails after minutes."""
    bench = arrived()
    bench.call("BootNotification", BOOT)
    bench.tick(bench.settings.answer_timeout_s)
    assert bench.answered[2]["status"] == "Accepted"


def verdicts(bench: Bench) -> list[bool]:
    """What the control is told of the sessions that run, judged anew."""
    bench.judged.clear()
    bench.do(bench.desk.recheck(bench.times.wall))
    return [judged.verdict.accepted for judged in bench.judged]


@pytest.mark.parametrize("restarts", [False, True])
def test_who_charges_is_not_stopped_for_what_is_forgotten(restarts: bool) -> None:
    """The cloud has let it in, and clears the cache. When the site's tokens changed, or the gateway was restarted, the
    session was given 0 A to its end, as its token was unknown."""
    bench = Bench()
    bench.cloud_comes()
    bench.start(tag=STRANGER)
    bench.cloud_answers({"transactionId": 3, **ACCEPTED})
    bench.tokens.clear_cache()
    if restarts:
        bench.restart()
    assert False not in verdicts(bench)


def test_who_charges_is_not_stopped_at_the_expiry_of_a_card() -> None:
    """OCPP 1.6 §3.5.1 speaks of who presents it."""
    bench = Bench()
    bench.cloud_comes()
    bench.start(tag=STRANGER)
    info = {"status": "Accepted", "expiryDate": "2026-06-01T13:00:00Z"}
    bench.cloud_answers({"transactionId": 3, "idTagInfo": info})
    bench.times.now += 2 * 3600
    assert False not in verdicts(bench)


def test_a_session_of_2_x_of_whose_token_the_cloud_says_nothing() -> None:
    """Some answer a TransactionEvent with nothing, and mean that all is well."""
    bench = Bench(Edition.V201)
    bench.cloud_comes()
    bench.event("Started", 0, STRANGER)
    bench.cloud_answers({})
    assert False not in verdicts(bench)


def test_who_was_refused_at_the_begin_stays_refused() -> None:
    """A station may go on with a session that was refused (StopTransactionOnInvalidId): not a restart lets it in."""
    bench = Bench()
    bench.start(tag=STRANGER)
    assert bench.answered[2]["idTagInfo"]["status"] == "Invalid"
    assert verdicts(bench) == [False]


def test_who_was_refused_afterwards_stays_refused() -> None:
    """By what the cloud said last."""
    bench = Bench()
    bench.cloud_comes()
    bench.start(tag=STRANGER)
    bench.cloud_answers({"transactionId": 3, "idTagInfo": {"status": "Blocked"}})
    assert verdicts(bench) == [False]

"""Stations that are dropped with their cloud: what passes is read, and nothing is answered."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from edge.domain.journal import PutEntry, PutSession, PutTransaction
from edge.domain.session import Session
from edge.offline.authorise import Policy
from edge.offline.edition import Edition
from edge.offline.message import Request
from edge.offline.numbers import Numbers
from edge.offline.settings import OfflineSettings
from edge.offline.station import StationBook
from edge.offline.station_kept import StationKept
from edge.offline.steps import EndSession, Judged, Keep, Step, ToCloud, ToStation
from edge.offline.token_book import TokenBook
from edge.offline.witness import Witness
from tests.unit.offline.offline_bench import HASHER, NOON, STATION, token

ACCEPTED = {"status": "Accepted"}


class Rig:
    """A witness whose steps are sorted; the cloud is there."""

    def __init__(self, edition: Edition = Edition.V16, kept: StationKept | None = None) -> None:
        self.tokens = TokenBook(HASHER, Policy(timezone=UTC))
        self.tokens.load(own=[token("CARD-1", class_id="staff", cost_centre="4711")])
        numbers, settings = Numbers(0, b"s" * 16), OfflineSettings()
        self.witness = Witness(
            StationBook.opened(STATION, edition, tokens=self.tokens, numbers=numbers, settings=settings, kept=kept)
        )
        self.calls, self.id = 0, ""
        self.texts: list[str] = []
        self.steps: list[Step] = []
        self.sessions: dict[int, Session] = {}
        self.do(self.witness.station_connected(edition))
        self.do(self.witness.cloud_connected(NOON))

    def do(self, steps: list[Step]) -> list[Step]:
        for step in steps:
            match step:
                case ToCloud() | ToStation():
                    self.texts.append(step.text)
                case Keep():
                    assert not any(isinstance(write, PutEntry) for write in step.writes)
                    assert step.then == ()  # nobody waits for the disk
                    kept = [write.session for write in step.writes if isinstance(write, PutSession)]
                    self.sessions |= {session.id: session for session in kept}
        self.steps += steps
        return steps

    def call(self, action: str, payload: dict[str, Any], at: datetime = NOON, identifier: str | None = None) -> str:
        """The station makes a CALL; as the relay hands it over."""
        self.calls += 1
        self.id = identifier or f"c{self.calls}"
        text = json.dumps([2, self.id, action, payload])
        request = Request(id=self.id, action=action, payload=payload, text=text)
        if self.witness.may_pass(action) and self.witness.passes(request):
            self.texts.append(text)
        else:
            self.do(self.witness.from_station(request, at))
        return text

    def answer(self, payload: dict[str, Any], identifier: str | None = None) -> list[Step]:
        """The cloud answers the newest CALL, or the one of this id."""
        identifier = identifier or self.id
        text = json.dumps([3, identifier, payload])
        if self.witness.passed(identifier):
            self.texts.append(text)
            return []
        return self.do(self.witness.from_cloud(identifier, text, NOON, answer=payload))

    def stop(self, number: int, at: str) -> str:
        payload = {"transactionId": number, "meterStop": 900, "timestamp": at, "reason": "Local"}
        return self.call("StopTransaction", payload)

    def start(self, number: int, at: str = "2026-06-01T12:00:00Z") -> list[Step]:
        self.call("StartTransaction", {"connectorId": 1, "idTag": "CARD-1", "meterStart": 100, "timestamp": at})
        return self.answer({"transactionId": number, "idTagInfo": ACCEPTED})

    def event(self, kind: str, order: int, wh: int, tag: str | None = None) -> list[Step]:
        at = f"2026-06-01T12:{order:02}:00Z"
        payload: dict[str, Any] = {
            "eventType": kind,
            "timestamp": at,
            "seqNo": order,
            "transactionInfo": {"transactionId": "tx"},
            "evse": {"id": 1},
            "meterValue": [{"timestamp": at, "sampledValue": [{"value": wh}]}],
        } | ({"idToken": {"idToken": tag, "type": "ISO14443"}} if tag is not None else {})
        self.call("TransactionEvent", payload)
        return self.answer({"idTokenInfo": ACCEPTED} if tag is not None else {})


def judged(steps: list[Step]) -> list[tuple[str, str | None, bool]]:
    """Whom the control is told of."""
    return [(s.transaction, s.verdict.class_id, s.verdict.accepted) for s in steps if isinstance(s, Judged)]


def test_a_session_of_16_has_its_class_and_its_record() -> None:
    """The cloud's own id, untouched frames, and nothing in the journal for the cloud."""
    rig = Rig()
    assert judged(rig.start(42)) == [("42", "staff", True)]
    sent = rig.call("StopTransaction", {"transactionId": 42, "meterStop": 5100, "timestamp": "2026-06-01T13:00:00Z"})
    assert rig.texts[-1] == sent
    (session,) = rig.sessions.values()
    assert (session.transaction, session.energy_wh, session.cost_centre) == ("42", Decimal(5000), "4711")
    assert session.ended_at is not None


def test_a_session_of_2x_has_its_class_and_its_record() -> None:
    """The card may come after the cable; a repeated event counts once."""
    rig = Rig(Edition.V201)
    assert judged(rig.event("Started", 0, 100)) == []
    assert judged(rig.event("Updated", 1, 200, "CARD-1")) == [("tx", "staff", True)]
    rig.event("Updated", 1, 200, "CARD-1")
    rig.event("Ended", 2, 900)
    rig.event("Updated", 3, 950)  # late, after the end
    (session,) = rig.sessions.values()
    assert (session.energy_wh, session.class_id, session.evse) == (Decimal(800), "staff", 1)
    assert session.ended_at is not None


def test_sessions_without_a_credible_time_have_each_a_record() -> None:
    """All begin in the same words."""
    rig = Rig()
    for number in (41, 42):
        rig.start(number, at="1970-01-01T00:00:07Z")
        rig.stop(number, at="1970-01-01T00:00:08Z")
        rig.answer({})
    assert [session.transaction for session in rig.sessions.values()] == ["41", "42"]


def test_what_the_site_blocks_is_refused_and_ended() -> None:
    """In the answer of a cloud that accepts, and in a session that runs, again each minute."""
    rig = Rig()
    rig.start(42)
    rig.tokens.load(own=[token("CARD-1", blocked=True)])
    assert [s.transaction for s in rig.do(rig.witness.recheck(NOON)) if isinstance(s, EndSession)] == ["42"]
    assert not any(isinstance(s, EndSession) for s in rig.witness.tick(0.0, NOON))
    assert any(isinstance(s, EndSession) for s in rig.witness.tick(60.0, NOON))
    rig.call("Authorize", {"idTag": "CARD-1"})
    rig.answer({"idTagInfo": ACCEPTED})
    assert json.loads(rig.texts[-1])[2] == {"idTagInfo": {"status": "Blocked"}}


def test_nothing_is_answered_without_the_cloud() -> None:
    """What comes before the cloud is there waits for it; the newest counts, and nothing of it after a loss."""
    rig = Rig()
    rig.do(rig.witness.cloud_lost())
    before = list(rig.texts)
    rig.call("Heartbeat", {})
    newest = rig.call("Authorize", {"idTag": "CARD-1"})
    assert rig.texts == before
    rig.do(rig.witness.cloud_connected(NOON))
    assert rig.texts == [*before, newest]


@pytest.mark.parametrize("answer", [{}, {"transactionId": "seven"}, {"transactionId": None}, {"transactionId": []}])
def test_an_answer_without_an_id_begins_nothing_and_passes(answer: dict[str, Any]) -> None:
    """A cloud may say anything."""
    rig = Rig()
    rig.call("StartTransaction", {"connectorId": 1, "idTag": "CARD-1", "meterStart": 1, "timestamp": "x"})
    rig.answer(answer)
    assert json.loads(rig.texts[-1]) == [3, rig.id, answer]
    assert rig.sessions == {}


def test_a_session_goes_on_after_a_restart() -> None:
    """With its class, its record and its id."""
    rig = Rig()
    rig.start(42)
    writes = [write for step in rig.steps if isinstance(step, Keep) for write in step.writes]
    transactions = tuple(write.transaction for write in writes if isinstance(write, PutTransaction))
    after = Rig(kept=StationKept(transactions=transactions, sessions=tuple(rig.sessions.values())))
    assert judged(after.witness.recheck(NOON)) == [("42", "staff", True)]
    after.call("StopTransaction", {"transactionId": 42, "meterStop": 600, "timestamp": "2026-06-01T13:00:00Z"})
    assert [session.energy_wh for session in after.sessions.values()] == [500]


def test_a_session_that_the_station_forgot_is_over_when_another_begins() -> None:
    """Fault 26: it isn't asked to end for ever, and its record has an end."""
    rig = Rig()
    rig.start(42)
    rig.start(43, at="2026-06-01T14:00:00Z")
    ended = {session.transaction: session.end_reason for session in rig.sessions.values()}
    assert ended == {"42": "Lost", "43": None}
    rig.stop(42, "2026-06-01T13:30:00Z")
    ended = {session.transaction: session.end_reason for session in rig.sessions.values()}
    assert ended == {"42": "Local", "43": None}


@pytest.mark.parametrize("number", [7, -1])
def test_an_end_that_is_said_again_passes(number: int) -> None:
    """With the same time or another, by its number or none: it is the cloud's to answer. The record has one end."""
    rig = Rig()
    rig.start(7)
    for at in ("2026-06-01T12:30:00Z", "2026-06-01T12:30:00Z", "2026-06-01T12:31:00Z"):
        assert rig.stop(number, at) == rig.texts[-1]
    ended = [session.ended_at for session in rig.sessions.values()]
    assert ended == ([datetime(2026, 6, 1, 12, 30, tzinfo=UTC)] if number == 7 else [None])


def test_the_end_of_a_session_that_was_taken_to_be_over_is_in_its_record() -> None:
    """Some stations tell the next begin first."""
    rig = Rig()
    rig.start(42)
    rig.start(43, at="2026-06-01T14:00:00Z")
    rig.stop(42, "2026-06-01T13:00:00Z")
    ended = {session.transaction: session.end_reason for session in rig.sessions.values()}
    assert ended == {"42": "Local", "43": None}


START = {"connectorId": 1, "idTag": "CARD-1", "meterStart": 100, "timestamp": "2026-06-01T12:00:00Z"}
BEGUN = {"transactionId": 42, "idTagInfo": ACCEPTED}
BEAT = {"currentTime": "2026-06-01T12:00:00Z"}


@pytest.mark.parametrize("older", ["Heartbeat", "StatusNotification", "Authorize"])
def test_an_id_that_is_used_again_is_no_other_calls(older: str) -> None:
    """The station has given up the first: the cloud's late answer to that isn't taken for the begin's, and doesn't
    reach the station, which would take it so. The begin's comes under the station's id."""
    rig = Rig()
    rig.call(older, {"idTag": "CARD-1"}, identifier="7")
    rig.call("StartTransaction", START, identifier="7")
    _, newer, _, payload = json.loads(rig.texts[-1])
    assert (newer != "7", payload) == (True, START)
    told = list(rig.texts)
    rig.answer(BEAT, "7")
    assert rig.texts == told
    rig.answer(BEGUN, newer)
    assert json.loads(rig.texts[-1]) == [3, "7", BEGUN]
    assert [session.transaction for session in rig.sessions.values()] == ["42"]
    assert rig.call("Heartbeat", {}, identifier="7") == rig.texts[-1]


def test_a_call_that_is_read_doesnt_lend_its_id() -> None:
    """The other way round: what passes goes up under an id of ours, and the begin's late answer begins its session."""
    rig = Rig()
    rig.call("StartTransaction", START, identifier="7")
    rig.call("Heartbeat", {}, identifier="7")
    newer = json.loads(rig.texts[-1])[1]
    assert newer != "7"
    told = list(rig.texts)
    rig.answer(BEGUN, "7")
    assert rig.texts == told
    assert [session.transaction for session in rig.sessions.values()] == ["42"]
    rig.answer(BEAT, newer)
    assert json.loads(rig.texts[-1]) == [3, "7", BEAT]


def test_a_call_that_is_said_again_word_by_word_keeps_its_id() -> None:
    """A retry may bear it (2.x part 4 §4.1.4): to the cloud it is the same message, and any answer is its answer."""
    rig = Rig()
    for action, payload, answer in (("Heartbeat", {}, BEAT), ("StartTransaction", START, BEGUN)):
        text = rig.call(action, payload, identifier="7")
        assert rig.call(action, payload, identifier="7") == text == rig.texts[-1]
        for _ in range(2):
            rig.answer(answer, "7")
            assert json.loads(rig.texts[-1]) == [3, "7", answer]
    assert len(rig.sessions) == 1


def test_a_new_connection_owes_nothing() -> None:
    """What the cloud had not answered on the one before is forgotten with it."""
    rig = Rig()
    rig.call("Heartbeat", {}, identifier="7")
    rig.do(rig.witness.cloud_lost())
    rig.do(rig.witness.cloud_connected(NOON))
    assert rig.call("StartTransaction", START, identifier="7") == rig.texts[-1]


def test_samples_that_the_cloud_does_not_get_are_in_the_record() -> None:
    """They are read, and passed to nobody."""
    rig = Rig()
    rig.start(7)
    told = len(rig.texts)
    sample = {"value": "250", "measurand": "Energy.Active.Import.Register"}
    element = {"timestamp": "2026-06-01T12:05:00Z", "sampledValue": [sample]}
    values = {"connectorId": 1, "transactionId": 7, "meterValue": [element]}
    request = Request(id="", action="MeterValues", payload=values, text=json.dumps([2, "m", "MeterValues", values]))
    rig.do(rig.witness.reads(request, NOON))
    assert len(rig.texts) == told
    session = rig.witness.book.accounts.get("7")
    assert session is not None
    assert session.register_wh == Decimal(250)

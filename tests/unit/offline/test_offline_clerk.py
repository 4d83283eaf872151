"""Between the proxy and the desk: the short way of what just passes, and connections that end meanwhile."""

import asyncio
import json
from collections.abc import Coroutine
from dataclasses import replace
from datetime import UTC
from typing import Any

import pytest

from edge.domain.journal import LOST, EntryKind, PutSession, Transaction
from edge.offline.authorise import Policy
from edge.offline.clerk import Clerk
from edge.offline.desk import Desk
from edge.offline.edition import Edition
from edge.offline.numbers import Numbers
from edge.offline.pace import Pace
from edge.offline.settings import OfflineSettings
from edge.offline.station import StationBook
from edge.offline.station_kept import StationKept
from edge.offline.thinning import Slip
from edge.offline.token_book import TokenBook
from edge.offline.token_info import ShownToken
from tests import virtual_time
from tests.unit.offline.offline_bench import HASHER, STATION, token
from tests.unit.offline.test_offline_runner import Keeper, begin


class Rig:
    """A clerk whose line is two lists."""

    def __init__(self, edition: Edition = Edition.V16, kept: StationKept | None = None) -> None:
        tokens = TokenBook(HASHER, Policy(timezone=UTC))
        tokens.load(own=[token("CARD-1")])
        numbers, settings = Numbers(0, b"s" * 16), OfflineSettings()
        book = StationBook.opened(STATION, edition, tokens=tokens, numbers=numbers, settings=settings, kept=kept)
        desk = Desk(book, Pace(0.0))
        self.keeper = Keeper()
        clock = virtual_time.VirtualClock()
        self.wall = clock.wall()
        self.clerk = Clerk(desk, self.keeper, clock, lambda _step: None)
        self.station: list[Any] = []
        self.cloud: list[str] = []
        self.clerk.attach(self)
        self.clerk.station_connected(edition.value)
        self.clerk.cloud_connected()

    def to_station(self, text: str) -> None:
        self.station.append(json.loads(text))

    def to_cloud(self, identifier: str, text: str) -> None:
        assert json.loads(text)[1] == identifier
        self.cloud.append(text)

    def end_session(self, transaction: str) -> None:
        """Nobody is ended here."""

    def time_said(self) -> None:
        """Nobody says it here."""

    def calls(self, identifier: str, action: str) -> str:
        """As the proxy does it: what just passes isn't handed over."""
        text = json.dumps([2, identifier, action, {}])
        if self.clerk.passes(identifier, action, {}, text, signed=False):
            self.cloud.append(text)
        else:
            self.clerk.station_calls(identifier, action, {}, text, signed=False)
        return text

    def events(self, kind: str, order: int, **more: Any) -> None:
        """A TransactionEvent of the transaction T-1, and the cloud's answer."""
        stamp, info = f"2026-06-01T12:00:0{order}Z", {"transactionId": "T-1", "chargingState": "EVConnected"}
        payload = {"eventType": kind, "timestamp": stamp, "triggerReason": "Trigger", "seqNo": order, **more}
        payload["transactionInfo"] = info
        text = json.dumps([2, f"e{order}", "TransactionEvent", payload])
        self.clerk.station_calls(f"e{order}", "TransactionEvent", payload, text, signed=False)

    def rests(self) -> bool:
        """Whether its desk does."""
        return self.clerk.desk.rests

    def answers(self, identifier: str, text: str) -> None:
        """As the proxy does it."""
        if self.clerk.passed(identifier):
            self.station.append(json.loads(text))
        else:
            self.clerk.cloud_answers(identifier, text, payload=json.loads(text)[2])


def run(story: Coroutine[Any, Any, None]) -> None:
    virtual_time.run(story)


def test_what_just_passes_goes_and_comes_as_it_is() -> None:
    """A Heartbeat and its answer, the very texts."""

    async def story() -> None:
        rig = Rig()
        text = rig.calls("h", "Heartbeat")
        assert rig.cloud == [text]
        rig.answers("h", '[3, "h",  {"currentTime": "x"}]')
        assert rig.station == [[3, "h", {"currentTime": "x"}]]

    run(story())


def test_what_just_passes_and_isnt_answered_is_answered_here() -> None:
    """In time; the cloud's late answer goes nowhere."""

    async def story() -> None:
        rig = Rig()
        rig.calls("h", "Heartbeat")
        await asyncio.sleep(15.0)
        rig.clerk.tick()
        assert [frame[1] for frame in rig.station] == ["h"]
        rig.answers("h", '[3, "h", {}]')
        assert len(rig.station) == 1

    run(story())


def test_what_passes_doesnt_overtake_what_waits_for_the_disk() -> None:
    """Answers stay in the order of the questions."""

    async def story() -> None:
        rig = Rig()
        request = begin("a")
        rig.clerk.station_calls("a", request.action, request.payload, request.text, signed=False)
        heartbeat = rig.calls("h", "Heartbeat")
        assert rig.cloud == []
        await rig.clerk.runner.settled()
        assert rig.cloud == [request.text, heartbeat]

    run(story())


def test_nothing_is_sent_on_a_connection_that_it_wasnt_meant_for() -> None:
    """The disk takes its time, the cloud goes and comes: the Start is answered here, and delivered once."""

    async def story() -> None:
        rig = Rig()
        rig.keeper.free.clear()
        request = begin("a")
        rig.clerk.station_calls("a", request.action, request.payload, request.text, signed=False)
        await asyncio.sleep(1.0)
        rig.clerk.cloud_lost()
        rig.clerk.cloud_connected()
        rig.keeper.free.set()
        await rig.clerk.runner.settled()
        assert [frame[:2] for frame in rig.station] == [[3, "a"]]
        assert rig.cloud == [request.text]

    run(story())


def test_a_station_that_came_anew_gets_no_answer_to_what_it_asked_before() -> None:
    """It would be an answer to nothing, or to another question of the same id."""

    async def story() -> None:
        rig = Rig()
        rig.clerk.cloud_lost()
        rig.keeper.full = True
        request = begin("a")
        rig.clerk.station_calls("a", request.action, request.payload, request.text, signed=False)
        await asyncio.sleep(1.0)
        rig.clerk.station_gone()
        rig.clerk.station_connected("ocpp1.6")
        rig.keeper.full = False
        await rig.clerk.runner.settled()
        assert rig.station == []
        assert len(rig.keeper.disk.entries) == 1

    run(story())


def test_what_something_is_learned_from_is_handed_over() -> None:
    """A boot, a state, a token, a transaction: the desk sees them, and the cloud's answers to them."""

    async def story() -> None:
        rig = Rig()
        for action in ("BootNotification", "StatusNotification", "Authorize", "StartTransaction"):
            assert not rig.clerk.passes("x", action, {}, "", signed=False)

    run(story())


def test_nothing_passes_while_the_cloud_hasnt_had_all() -> None:
    """A state from while it was away goes first."""

    async def story() -> None:
        rig = Rig()
        rig.clerk.cloud_lost()
        rig.calls("s", "StatusNotification")
        await rig.clerk.runner.settled()
        rig.clerk.cloud_connected()
        heartbeat = rig.calls("h", "Heartbeat")
        assert [json.loads(text)[1] for text in rig.cloud] == ["s"]
        rig.answers("s", '[3, "s", {}]')
        await rig.clerk.runner.settled()
        assert rig.cloud[1:] == [heartbeat]

    run(story())


def test_what_passed_a_moment_ago_passes_no_more_when_something_comes_between() -> None:
    """The cloud is gone; or a kept message is to be delivered after all. And it passes again when that is over."""

    async def story() -> None:
        rig = Rig()
        slip = Slip(
            seq=7, kind=EntryKind.NOTICE, transaction=None, order=None, size=1, precious=False, taken_at=rig.wall
        )

        def passes(identifier: str) -> bool:
            passed = rig.clerk.passes(identifier, "Heartbeat", {}, "", signed=False)
            return passed and rig.clerk.passed(identifier)

        assert passes("1")
        rig.clerk.cloud_lost()
        assert not passes("2")
        rig.clerk.cloud_connected()
        assert passes("3")
        rig.clerk.sent_again(slip)
        assert not passes("4")
        assert isinstance(rig.clerk.desk, Desk)
        rig.clerk.desk.book.backlog.remove(slip.seq)
        assert passes("5")

    run(story())


def test_an_answer_does_not_pass_when_something_has_come_to_wait_for_it() -> None:
    """The CALL passed; then the station says what the cloud is to learn after that."""

    async def story() -> None:
        rig = Rig()
        assert rig.clerk.passes("h", "Heartbeat", {}, "", signed=False)
        slip = Slip(
            seq=7, kind=EntryKind.NOTICE, transaction=None, order=None, size=1, precious=False, taken_at=rig.wall
        )
        rig.clerk.sent_again(slip)
        assert not rig.clerk.passed("h")

    run(story())


def test_a_desk_rests_only_while_it_waits_for_nothing() -> None:
    """Not while the cloud has yet to answer the station, nor while it lacks what was kept for it."""

    async def story() -> None:
        rig = Rig()
        assert rig.rests()
        rig.calls("h", "Heartbeat")
        assert not rig.rests()
        rig.answers("h", '[3, "h", {}]')
        assert rig.rests()
        rig.clerk.cloud_lost()
        request = begin("a")
        rig.clerk.station_calls("a", request.action, request.payload, request.text, signed=False)
        await rig.clerk.runner.settled()
        assert rig.rests()  # what is kept has nowhere to go
        rig.clerk.cloud_connected()
        assert not rig.rests()

    run(story())


def test_the_clerk_knows_where_a_transaction_runs() -> None:
    """As the station told it, until its end; of others nothing is known."""

    async def story() -> None:
        rig = Rig()
        kept = Transaction(station=STATION, key="t", connector=2, began="x", token=None, touched_at=rig.wall)
        rig.clerk.desk.book.charges.put(kept)
        assert rig.clerk.evse_of("t") == 2
        assert rig.clerk.evse_of("u") is None
        assert not rig.clerk.has_ended("t")
        rig.clerk.desk.book.charges.put(replace(kept, ended=LOST))  # taken for it, as another began there
        assert not rig.clerk.has_ended("t")
        rig.clerk.desk.book.charges.put(replace(kept, ended="y"))
        assert rig.clerk.evse_of("t") is None
        assert (rig.clerk.has_ended("t"), rig.clerk.has_ended("u")) == (True, False)

    run(story())


def test_whether_somebody_was_let_in_outlives_a_restart() -> None:
    """To a session that begins with the cable: not before a card is shown, with whichever event; of one that is over,
    or whose begin nobody heard, nothing is known."""

    async def story() -> None:
        rig = Rig(Edition.V201)
        rig.events("Started", 0, evse={"id": 1})
        await settled(rig, "e0")
        assert (rig.clerk.was_let_in("T-1"), again(rig).was_let_in("T-1")) == (False, False)
        rig.events("Updated", 1, idToken={"idToken": "CARD-1", "type": "ISO14443"})
        await settled(rig, "e1")
        assert (rig.clerk.was_let_in("T-1"), again(rig).was_let_in("T-1")) == (True, True)
        rig.events("Ended", 2)
        await settled(rig, "e2")
        assert (rig.clerk.was_let_in("T-1"), rig.clerk.was_let_in("T-2")) == (None, None)

    run(story())


def test_who_has_drawn_was_let_in_without_a_card_too() -> None:
    """By the cloud's RequestStartTransaction, or where none is asked for: the record of the session tells it after a
    restart. A meter that stands lets nobody in."""

    async def story() -> None:
        for energies, is_in in ((("5.0", "5.0"), False), (("5.0", "5.1"), True)):
            rig = Rig(Edition.V201)
            unit = {"unit": "kWh"}
            for order, (kind, value) in enumerate(zip(("Started", "Updated"), energies, strict=True)):
                at = f"2026-06-01T{12 + order}:00:00Z"
                sampled = [{"timestamp": at, "sampledValue": [{"value": float(value), "unitOfMeasure": unit}]}]
                rig.events(kind, order, evse={"id": 1}, meterValue=sampled)
                await settled(rig, f"e{order}")
            assert (rig.clerk.was_let_in("T-1"), again(rig).was_let_in("T-1")) == (is_in, is_in)

    run(story())


async def settled(rig: Rig, identifier: str) -> None:
    """The cloud has answered, and all is on the disk."""
    await rig.clerk.runner.settled()
    rig.answers(identifier, f'[3, "{identifier}", {{}}]')
    await rig.clerk.runner.settled()


def again(rig: Rig) -> Clerk:
    """Who sits there after a restart, with what the disk has."""
    sessions = [write.session for write in rig.keeper.disk.others if isinstance(write, PutSession)]
    return Rig(
        Edition.V201,
        StationKept(transactions=tuple(rig.keeper.disk.transactions.values()), sessions=tuple(sessions[-1:])),
    ).clerk


REMOTE_STARTS = {
    Edition.V16: ("RemoteStartTransaction", {"connectorId": 1, "idTag": "APP-1"}),
    Edition.V201: ("RequestStartTransaction", {"remoteStartId": 7, "idToken": {"idToken": "APP-1", "type": "Central"}}),
}


RESERVATIONS = {
    Edition.V16: {"connectorId": 1, "idTag": "APP-1", "reservationId": 5, "expiryDate": "2036-06-01T12:00:00Z"},
    Edition.V201: {
        "id": 5, "idToken": {"idToken": "APP-1", "type": "Central"}, "expiryDateTime": "2036-06-01T12:00:00Z"
    },
}  # fmt: skip


@pytest.mark.parametrize("edition", RESERVATIONS)
@pytest.mark.parametrize("status", ["Accepted", "Occupied"])
def test_for_whom_the_cloud_has_reserved_begins_without_it(edition: Edition, status: str) -> None:
    """Where the station has taken the reservation, and until it is cancelled there; the answers pass."""

    async def story() -> None:
        rig = Rig(edition)

        def good() -> bool:
            tokens = rig.clerk.desk.book.tokens
            return tokens.judge(STATION, ShownToken(text="APP-1"), rig.wall).verdict.accepted

        def answered(action: str, payload: dict[str, Any], **answer: Any) -> None:
            assert rig.clerk.list_answered(action, payload, **answer) is None

        reserves, cancels = RESERVATIONS[edition], {"reservationId": 5}
        answered("ReserveNow", reserves, error="NotSupported")
        answered("ReserveNow", {**reserves, "expiryDate": None, "expiryDateTime": None}, answer={"status": "Accepted"})
        assert not good()
        answered("ReserveNow", reserves, answer={"status": status})
        assert good() is (status == "Accepted")
        answered("CancelReservation", cancels, answer={"status": "Rejected"})
        assert good() is (status == "Accepted")
        answered("CancelReservation", cancels, answer={"status": "Accepted"})
        assert not good()

    run(story())


@pytest.mark.parametrize("edition", REMOTE_STARTS)
@pytest.mark.parametrize("status", ["Accepted", "Rejected"])
def test_whom_the_cloud_has_started_begins_without_it(edition: Edition, status: str) -> None:
    """Where the station has accepted to start; the answer passes."""

    async def story() -> None:
        rig = Rig(edition)
        action, payload = REMOTE_STARTS[edition]
        assert rig.clerk.list_answered(action, payload, error="GenericError") is None
        assert rig.clerk.list_answered(action, payload, answer={"status": status}) is None
        judged = rig.clerk.desk.book.tokens.judge(STATION, ShownToken(text="APP-1"), rig.wall)
        assert judged.verdict.accepted is (status == "Accepted")

    run(story())

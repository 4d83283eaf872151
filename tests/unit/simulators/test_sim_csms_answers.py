"""The CSMS's answers and books, without sockets."""

from datetime import UTC, datetime
from typing import Any

import pytest

from simulators.charger import TransactionAccount
from simulators.confirmation import confirmed, lost_and_doubled
from simulators.csms import Record, TagList
from simulators.csms.answers import Answerer, CallRefusedError

NOW = datetime(2026, 11, 21, 7, 0, 0, 123456, tzinfo=UTC)
START = {"connectorId": 1, "idTag": "ANNA", "timestamp": "2026-11-21T07:00:00.000Z", "meterStart": 100}
STOP = {"transactionId": 1001, "timestamp": "2026-11-21T08:00:00.000Z", "meterStop": 900, "reason": "Local"}


@pytest.fixture
def record() -> Record:
    """Empty books."""
    return Record()


@pytest.fixture
def answerer(record: Record) -> Answerer:
    """A CSMS that knows ANNA and has blocked LOST."""
    tags = TagList(accepted=frozenset({"ANNA"}), blocked=frozenset({"LOST"}))
    return Answerer(tags=tags, record=record, boot_interval_s=42, wall=lambda: NOW)


def test_boot_and_heartbeat_carry_the_time(answerer: Answerer) -> None:
    """Accepted with the configured interval; times are UTC with milliseconds."""
    boot = answerer.answer("A", "BootNotification", {"chargePointVendor": "V", "chargePointModel": "M"})
    assert boot == {"status": "Accepted", "currentTime": "2026-11-21T07:00:00.123Z", "interval": 42}
    assert answerer.answer("A", "Heartbeat", {}) == {"currentTime": "2026-11-21T07:00:00.123Z"}


@pytest.mark.parametrize(
    ("tag", "status"), [("ANNA", "Accepted"), ("anna", "Accepted"), ("LOST", "Blocked"), ("ZOE", "Invalid")]
)
def test_cards_are_judged_by_the_lists(answerer: Answerer, tag: str, status: str) -> None:
    """On the list, on the blocked one, or on none; without regard to case."""
    assert answerer.answer("A", "Authorize", {"idTag": tag}) == {"idTagInfo": {"status": status}}


def test_transactions_get_different_positive_ids(answerer: Answerer) -> None:
    """Two starts at two times are two transactions."""
    first = answerer.answer("A", "StartTransaction", START)
    second = answerer.answer("A", "StartTransaction", START | {"timestamp": "2026-11-21T07:00:01.000Z"})
    assert 0 < first["transactionId"] != second["transactionId"] > 0
    assert first["idTagInfo"] == {"status": "Accepted"}


def test_a_repeated_start_is_the_same_transaction(answerer: Answerer, record: Record) -> None:
    """Same station, connector, tag, timestamp and register: the same id, and one entry in the books."""
    ids = {answerer.answer("A", "StartTransaction", START)["transactionId"] for _ in range(3)}
    assert len(ids) == 1
    (booked,) = record.transactions.values()
    assert booked.starts_received == 3
    assert answerer.answer("B", "StartTransaction", START)["transactionId"] not in ids


def test_a_start_with_a_bad_card_is_booked_and_refused(answerer: Answerer, record: Record) -> None:
    """An offline start comes too late to be prevented: it gets an id, and the card's status."""
    answer = answerer.answer("A", "StartTransaction", START | {"idTag": "ZOE"})
    assert answer["idTagInfo"] == {"status": "Invalid"}
    assert answer["transactionId"] in record.transactions


def test_a_stop_closes_the_books_once(answerer: Answerer, record: Record) -> None:
    """The first stop counts; a repetition changes nothing but its count."""
    answerer.answer("A", "StartTransaction", START)
    assert answerer.answer("A", "StopTransaction", STOP) == {}
    assert answerer.answer("A", "StopTransaction", STOP | {"meterStop": 999, "idTag": "ANNA"}) == {
        "idTagInfo": {"status": "Accepted"}
    }
    booked = record.transactions[1001]
    assert (booked.meter_stop_wh, booked.stopped_at, booked.reason) == (900, STOP["timestamp"], "Local")
    assert booked.stops_received == 2


@pytest.mark.parametrize(("identity", "transaction_id"), [("A", -1), ("A", 7), ("B", 1001)])
def test_a_stop_of_no_transaction_is_answered_and_noted(
    answerer: Answerer, record: Record, identity: str, transaction_id: int
) -> None:
    """-1, an id never given, another station's id: answered as if valid, booked nowhere."""
    answerer.answer("A", "StartTransaction", START)
    assert answerer.answer(identity, "StopTransaction", STOP | {"transactionId": transaction_id}) == {}
    assert record.orphan_stops == 1
    assert record.transactions[1001].stops_received == 0


@pytest.mark.parametrize(
    ("action", "payload", "code"),
    [
        ("Reboot", {}, "NotImplemented"),
        ("../v16/schemas/Heartbeat", {}, "NotImplemented"),
        ("Authorize", {}, "OccurenceConstraintViolation"),
        ("Authorize", {"idTag": 5}, "TypeConstraintViolation"),
        ("Authorize", {"idTag": "x" * 21}, "PropertyConstraintViolation"),
        ("Authorize", {"idTag": "ANNA", "extra": 1}, "FormationViolation"),
    ],
)
def test_what_breaks_the_schema_is_refused(answerer: Answerer, action: str, payload: dict[str, Any], code: str) -> None:
    """The error code follows OCPP-J 1.6 section 4.2.3."""
    with pytest.raises(CallRefusedError) as caught:
        answerer.answer("A", action, payload)
    assert caught.value.code == code


def account(**changes: object) -> TransactionAccount:
    """The station's side of START and STOP."""
    values: dict[str, Any] = {
        "identity": "A",
        "connector_id": 1,
        "id_tag": "ANNA",
        "started_at": START["timestamp"],
        "meter_start_wh": 100,
        "stopped_at": STOP["timestamp"],
        "meter_stop_wh": 900,
    }
    return TransactionAccount(**(values | changes))


def test_confirmed_is_the_same_transaction_not_a_count(answerer: Answerer, record: Record) -> None:
    """Start and end must agree in every field; one of another station or register doesn't make up for it."""
    answerer.answer("A", "StartTransaction", START)
    assert confirmed([account()], record) == 0
    assert confirmed([account(stopped_at=None, meter_stop_wh=None)], record) == 1
    answerer.answer("A", "StopTransaction", STOP)
    assert confirmed([account()], record) == 1
    assert confirmed([account(stopped_at=None, meter_stop_wh=None)], record) == 0
    assert confirmed([account(meter_stop_wh=901)], record) == 0
    assert confirmed([account(identity="B")], record) == 0
    assert confirmed([account(meter_start_wh=99)], record) == 0


def test_one_lost_does_not_make_up_for_one_doubled(answerer: Answerer, record: Record) -> None:
    """Two transactions of a station, two in the books: the first of them twice, as the repeated begin has another
    register, and with another end than the station's."""
    second = account(started_at="2026-11-21T09:00:00.000Z", stopped_at=None, meter_stop_wh=None)
    assert lost_and_doubled([account(), second], record) == (2, 0)
    answerer.answer("A", "StartTransaction", START)
    answerer.answer("A", "StopTransaction", STOP)
    assert lost_and_doubled([account(), second], record) == (1, 0)
    answerer.answer("A", "StartTransaction", START | {"meterStart": 101})
    assert lost_and_doubled([account(), second], record) == (1, 1)
    assert lost_and_doubled([account(meter_stop_wh=901), second], record) == (2, 1)

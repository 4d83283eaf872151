"""The simulated station without its CSMS: the queue of transaction messages, retries, decisions of its own."""

import pytest

from simulators.charger.outbound import Message, Outbound
from simulators.charger.timestamp import parse_time
from tests.unit.simulators.sim_charger_bench import NOON_S, TWO_CONNECTORS, Bench


def test_offline_session_is_queued_and_delivered_in_order_with_its_own_times() -> None:
    """§3.7: start, values and stop wait, then go out in order, timestamps as they were, ids from the late conf."""
    bench = Bench(sample_interval_s=10).connect()
    bench.drop()
    bench.plug_in()
    bench.advance(25)
    bench.unplug()
    bench.advance(100)
    assert not bench.core.outbound.drained
    before = len(bench.calls)
    bench.connect()
    actions = [each for each in bench.actions()[before:] if each != "StatusNotification"]
    assert actions == ["StartTransaction", "MeterValues", "MeterValues", "StopTransaction"]
    assert "BootNotification" not in bench.actions()[before:]
    assert parse_time(bench.made("StartTransaction")[0]["timestamp"]) == NOON_S
    assert parse_time(bench.made("StopTransaction")[0]["timestamp"]) == NOON_S + 25
    assert bench.made("StopTransaction")[0]["transactionId"] == 1001
    assert bench.core.outbound.drained


def test_after_being_offline_only_the_changed_status_is_told() -> None:
    """§4.9: the current status if it changed, no history."""
    bench = Bench(connectors=TWO_CONNECTORS).connect()
    bench.drop()
    bench.plug_in(1)
    bench.advance(5)
    before = len(bench.calls)
    bench.connect()
    told = [payload for action, payload in bench.calls[before:] if action == "StatusNotification"]
    assert [(each["connectorId"], each["status"]) for each in told] == [(1, "Charging")]


def test_a_message_lost_with_the_link_is_sent_again_and_costs_no_attempt() -> None:
    """§3.7.1: being offline is no failure to process, however often it happens."""
    bench = Bench().connect()
    bench.answers["StartTransaction"] = None
    bench.plug_in()
    for _ in range(10):
        bench.drop()
        bench.connect()
    bench.answers["StartTransaction"] = {"transactionId": 77, "idTagInfo": {"status": "Accepted"}}
    bench.drop()
    bench.connect()
    bench.unplug()
    assert bench.made("StopTransaction")[0]["transactionId"] == 77


def test_failed_messages_are_retried_at_growing_intervals_and_then_given_up() -> None:
    """§3.7.1 and errata 3.18: 3 attempts at 60 s: waits of 60 and 120 s, then the next one goes out, with id -1."""
    bench = Bench(sample_interval_s=0, call_timeout_s=600.0).connect()
    bench.call("ChangeConfiguration", {"key": "TransactionMessageAttempts", "value": "3"})
    bench.call("ChangeConfiguration", {"key": "TransactionMessageRetryInterval", "value": "60"})
    bench.answers["StartTransaction"] = None
    bench.plug_in()
    sent = []
    for wait_s in (59.5, 0.5, 119.5, 0.5):
        if bench.unanswered:
            bench.refuse()
        bench.advance(wait_s)
        sent.append(len(bench.made("StartTransaction")))
    assert sent == [1, 2, 2, 3]
    bench.unplug()
    assert bench.made("StopTransaction") == []
    bench.refuse()
    assert bench.made("StopTransaction")[0]["transactionId"] == -1
    assert bench.core.sessions.counters.transactions_confirmed == 0


def test_a_timeout_is_a_failure_and_the_late_answer_is_ignored() -> None:
    """An answer after the call timeout is nobody's; the message goes out again and counts once."""
    bench = Bench(call_timeout_s=5.0).connect()
    bench.answers["StartTransaction"] = None
    bench.plug_in()
    bench.advance(5)
    bench.answer({"transactionId": 1, "idTagInfo": {"status": "Accepted"}})
    assert bench.core.sessions.counters.transactions_confirmed == 0
    bench.answers["StartTransaction"] = {"transactionId": 2, "idTagInfo": {"status": "Accepted"}}
    bench.advance(11)
    assert bench.core.sessions.counters.transactions_confirmed == 1
    assert bench.core.sessions.connectors[1].running is not None
    assert bench.core.sessions.connectors[1].running.transaction_id == 2


def test_one_call_at_a_time() -> None:
    """OCPP-J §4.1.1: while one CALL is unanswered no other is sent, and then they follow."""
    bench = Bench(connectors=TWO_CONNECTORS).connect()
    bench.answers["Authorize"] = None
    bench.plug_in(1)
    before = len(bench.calls)
    bench.plug_in(2)
    bench.advance(3)
    assert len(bench.calls) == before
    bench.answers["Authorize"] = {"idTagInfo": {"status": "Accepted"}}
    bench.answer({"idTagInfo": {"status": "Accepted"}})
    assert [each["connectorId"] for each in bench.made("StartTransaction")] == [1, 2]


def test_backlog_gives_way_to_live_messages_and_live_ones_keep_their_order() -> None:
    """§3.7: customers aren't kept waiting by a queue of history; without one, order of creation is kept."""
    outbound = Outbound(call_timeout_s=30.0)
    station = Bench().connect()
    station.plug_in()
    transaction = station.core.sessions.connectors[1].transaction
    outbound.add(Message(action="MeterValues", payload={}, transaction=transaction))
    outbound.link_up()
    outbound.add(Message(action="Authorize", payload={}))
    outbound.add(Message(action="StopTransaction", payload={}, transaction=transaction))
    order = []
    for number in range(1, 4):
        text = outbound.send_next(0.0, lambda _: True)
        assert text is not None
        message = outbound.answered(str(number))
        assert message is not None
        order.append(message.action)
        if message.transaction is not None:
            outbound.delivered(message)
    assert order == ["Authorize", "MeterValues", "StopTransaction"]


@pytest.mark.parametrize(("allowed", "started"), [("true", 1), ("false", 0)])
def test_an_unknown_card_offline(allowed: str, started: int) -> None:
    """§3.5.4: AllowOfflineTxForUnknownId decides."""
    bench = Bench().connect()
    bench.call("ChangeConfiguration", {"key": "AllowOfflineTxForUnknownId", "value": allowed})
    bench.drop()
    bench.plug_in()
    assert bench.core.sessions.counters.transactions_started == started


def test_an_authorize_without_answer_is_decided_alone() -> None:
    """§3.5: a card the cache knows as blocked stays out, though unknown ones may charge offline."""
    bench = Bench(call_timeout_s=5.0).connect()
    bench.answers["Authorize"] = {"idTagInfo": {"status": "Blocked"}}
    bench.plug_in()
    bench.unplug()
    bench.answers["Authorize"] = None
    bench.plug_in()
    bench.advance(6)
    bench.unplug()
    bench.plug_in(id_tag="OTHER")
    bench.drop()
    assert bench.core.sessions.counters.transactions_started == 1


def test_the_ledger_holds_what_was_told_whether_delivered_or_not() -> None:
    """Each transaction once, with the very texts of its messages; the end stays open while it runs."""
    bench = Bench().connect()
    bench.drop()
    bench.plug_in()
    (running,) = bench.core.sessions.ledger.accounts()
    assert (running.identity, running.id_tag, running.stopped_at) == ("CP-01", "CARD", None)
    bench.advance(25)
    bench.unplug()
    (ended,) = bench.core.sessions.ledger.accounts()
    bench.connect()
    start, stop = bench.made("StartTransaction")[0], bench.made("StopTransaction")[0]
    assert (ended.started_at, ended.meter_start_wh) == (start["timestamp"], start["meterStart"])
    assert (ended.stopped_at, ended.meter_stop_wh) == (stop["timestamp"], stop["meterStop"])

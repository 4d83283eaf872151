"""Costs of a session over OCPP 1.6 (OCA, "OCPP & California Pricing Requirements"): what a driver is shown meanwhile,
and up to when standing there is charged for. Both name the transaction, which station and cloud may call otherwise."""

import json
from typing import Any

import pytest

from edge.domain.journal import EntryKind
from edge.offline.desk import DeskState
from edge.offline.message import Request
from edge.offline.settings import OfflineSettings
from tests.unit.offline.offline_bench import Bench

VENDOR = "org.openchargealliance.costmsg"
ACCEPTED = {"idTagInfo": {"status": "Accepted"}}
TAKEN = {"status": "Accepted"}


def began_without_the_cloud(bench: Bench) -> int:
    """A session that the station knows by a number of ours, and the cloud, which is back, by 9."""
    bench.start()
    local = bench.answered[2]["transactionId"]
    assert isinstance(local, int)
    bench.cloud_comes()
    bench.cloud_answers({"transactionId": 9, **ACCEPTED})
    return local


def cost(message: str, data: Any) -> dict[str, Any]:
    """The payload of one."""
    return {"vendorId": VENDOR, "messageId": message, "data": data}


def down(bench: Bench, payload: dict[str, Any]) -> dict[str, Any]:
    """What the station gets of the cloud's."""
    text = json.dumps([2, "c", "DataTransfer", payload])
    found = json.loads(bench.desk.to_station(Request(id="c", action="DataTransfer", payload=payload, text=text)))[3]
    assert isinstance(found, dict)
    return found


def unplugged(bench: Bench, transaction: object, identifier: str | None = None) -> str:
    """The station tells that the cable is out."""
    data = f'{{"transactionId": {transaction}, "timestamp": "{bench.times.wall.isoformat()}"}}'
    return bench.call("DataTransfer", cost("ConnectorUnplugged", data), identifier)


@pytest.mark.parametrize("message", ["RunningCost", "FinalCost"])
def test_the_cost_is_of_the_transaction_that_the_station_knows(message: str) -> None:
    """Else it shows none; not a character besides changes."""
    bench = Bench()
    local = began_without_the_cloud(bench)
    told = down(bench, cost(message, '{"transactionId": 9,"cost":8.10, "priceText":"Zahlen, bitte: 8,10 \u20ac"}'))
    said = f'{{"transactionId": {local},"cost":8.10, "priceText":"Zahlen, bitte: 8,10 \u20ac"}}'
    assert told == cost(message, said)
    assert down(bench, cost(message, {"transactionId": 9})) == cost(message, {"transactionId": local})


@pytest.mark.parametrize(
    "payload",
    [
        cost("RunningCost", '{"transactionId": 8}'),
        cost("RunningCost", '{"cost": 9}'),
        cost("RunningCost", "9"),
        cost("RunningCost", "no JSON"),
        cost("RunningCost", [9]),
        {"vendorId": VENDOR, "messageId": "RunningCost"},
        cost("SetUserPrice", '{"transactionId": 9}'),
        {"vendorId": "another", "messageId": "RunningCost", "data": '{"transactionId": 9}'},
        {"vendorId": {}, "messageId": [], "data": '{"transactionId": 9}'},
    ],
)
def test_what_names_no_transaction_of_ours_passes(payload: dict[str, Any]) -> None:
    """As it is."""
    bench = Bench()
    began_without_the_cloud(bench)
    assert down(bench, payload) == payload


def test_the_cable_is_out_of_the_transaction_that_the_cloud_knows() -> None:
    """While the cloud is there; it is asked, and its answer is the station's."""
    bench = Bench()
    local = began_without_the_cloud(bench)
    bench.stop(local)
    bench.cloud_answers({})
    assert not bench.passes("DataTransfer", cost("ConnectorUnplugged", f'{{"transactionId": {local}}}'), "u")
    asked = unplugged(bench, local)
    assert json.loads(bench.asked[3]["data"])["transactionId"] == 9
    bench.cloud_answers({"status": "UnknownVendorId"})
    assert bench.answered == [3, asked, {"status": "UnknownVendorId"}]
    assert not bench.disk.entries


def test_it_is_delivered_behind_the_end_of_its_session() -> None:
    """Told as the cloud calls it, whether that was away or is told of others just now."""
    bench = Bench()
    bench.start()
    local = bench.answered[2]["transactionId"]
    bench.times.now += 60.0
    bench.stop(local)
    asked = unplugged(bench, local)
    assert bench.answered == [3, asked, TAKEN]
    bench.cloud_comes()
    assert bench.state() is DeskState.DRAINING
    again = unplugged(bench, local)
    assert bench.answered == [3, again, TAKEN]
    bench.cloud_answers({"transactionId": 9, **ACCEPTED})
    bench.cloud_answers({})
    assert bench.asked[1] == asked
    assert json.loads(bench.asked[3]["data"])["transactionId"] == 9
    bench.cloud_answers(TAKEN)
    assert not bench.disk.entries
    assert bench.desk.book.charges.running() == []


def test_it_is_never_thinned_out() -> None:
    """Without it a driver pays for a place that is free."""
    settings = OfflineSettings(drain_interval_s=0.0, backlog_characters=4_000)
    bench = Bench(settings=settings)
    bench.start()
    local = bench.answered[2]["transactionId"]
    bench.stop(local)
    unplugged(bench, local)
    bench.restart()
    for number in range(60):
        bench.call("SecurityEventNotification", {"type": f"X{number}"})
        bench.meter(local, str(number))
        bench.times.now += 10.0
    kept = [entry for entry in bench.disk.entries.values() if entry.action == "DataTransfer"]
    assert [entry.kind for entry in kept] == [EntryKind.METER]


@pytest.mark.parametrize("transaction", [4711, '"x"', -1, 0, "null"])
def test_one_of_no_session_that_is_known_begins_none(transaction: object) -> None:
    """It is answered, and goes to the cloud as it is."""
    bench = Bench()
    unplugged(bench, transaction)
    assert bench.answered[2] == TAKEN
    assert bench.desk.book.charges.all() == []
    bench.cloud_comes()
    assert bench.asked[2] == "DataTransfer"
    assert f'"transactionId": {transaction}' in bench.asked[3]["data"]


def test_a_cloud_that_is_slow_is_told_again() -> None:
    """And the station is answered meanwhile."""
    bench = Bench()
    local = began_without_the_cloud(bench)
    bench.stop(local)
    bench.cloud_answers({})
    asked = unplugged(bench, local)
    bench.tick(16.0)
    assert bench.answered == [3, asked, TAKEN]
    bench.cloud_answers(TAKEN, asked)
    assert not bench.disk.entries

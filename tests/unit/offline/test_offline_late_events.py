"""Stations that tell of a session late, or of its place: its record and that of its neighbour stay whole."""

import json
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from edge.domain.journal import PutSession
from edge.domain.session import Session
from edge.offline.edition import Edition
from tests.unit.offline.offline_bench import Bench


def sessions(bench: Bench) -> dict[str, Session]:
    """The newest record of each session that is on the disk, by its transaction."""
    kept = {write.session.id: write.session for write in bench.disk.others if isinstance(write, PutSession)}
    return {session.transaction: session for session in kept.values()}


@pytest.mark.parametrize("cloud", [True, False])
def test_a_session_that_was_stored_ends_none_that_runs(cloud: bool) -> None:
    """A station that was cut off tells first what is, and then what was: the session that runs isn't lost by that."""
    bench = Bench(Edition.V201)
    if cloud:
        bench.cloud_comes()
    was_at = (bench.times.wall - timedelta(hours=1)).isoformat()
    for kind, transaction, more in (
        ("Started", "now", {}),
        ("Updated", "now", {}),
        ("Started", "before", {"timestamp": was_at, "offline": True}),
        ("Ended", "before", {"timestamp": was_at, "offline": True}),
    ):
        bench.tick(10.0)
        bench.event(kind, 0 if kind == "Started" else 1, "CARD-1", transaction, evse={"id": 1}, **more)
        if cloud:
            bench.cloud_answers({})
    assert [each.key for each in bench.desk.book.charges.running()] == ["now"]
    bench.tick(10.0)
    bench.event("Ended", 2, None, "now")
    found = sessions(bench)
    assert {key: each.end_reason for key, each in found.items()} == {"now": "Local", "before": "Local"}


def test_a_session_that_was_stored_ends_the_one_before_it() -> None:
    """Whose own end is lost: nothing later was told of that."""
    bench = Bench(Edition.V201)
    bench.event("Started", 0, "CARD-1", "before", evse={"id": 1})
    bench.tick(600.0)
    bench.event("Started", 0, "CARD-1", "now", evse={"id": 1}, offline=True)
    assert [each.key for each in bench.desk.book.charges.running()] == ["now"]


@pytest.mark.parametrize("cloud", [True, False])
def test_a_session_whose_begin_names_no_evse(cloud: bool) -> None:
    """Begun by its card alone, before the car is plugged in (TxStartPoint Authorized): its place is known when the
    station says it, also after a restart of the gateway."""
    bench = Bench(Edition.V201)
    if cloud:
        bench.cloud_comes()
    plugged: dict[str, Any] = {"evse": {"id": 2, "connectorId": 1}}
    for kind, more in (("Started", {}), ("Updated", plugged), ("Updated", {})):
        bench.tick(10.0)
        bench.event(kind, int(bench.times.now), "CARD-1", **more)
        if cloud:
            bench.cloud_answers({})
    assert {key: each.evse for key, each in sessions(bench).items()} == {"tx-1": 2}
    bench.restart()
    assert [each.connector for each in bench.desk.book.charges.running()] == [2]


def late_end(bench: Bench, *, cloud: bool) -> None:
    """A session whose end its station keeps to itself until it has told of the next one at that place."""
    begins = 0

    def begin(register_wh: int, transaction: str) -> None:
        nonlocal begins
        begins += 1
        bench.tick(600.0)
        if bench.edition.is_v2:
            bench.event("Started", 0, "CARD-1", transaction, evse={"id": 1}, meterValue=metered(bench, register_wh))
        else:
            bench.start(register_wh)
        if cloud:
            bench.cloud_answers({} if bench.edition.is_v2 else {"transactionId": begins})

    begin(100, "before")
    before = "before" if bench.edition.is_v2 else str(bench.answered[2]["transactionId"])
    begin(400, "now")
    assert sessions(bench)[before].end_reason == "Lost"
    end(bench, before)


def end(bench: Bench, transaction: str) -> str:
    """The station tells the end of this one; under which id."""
    if bench.edition.is_v2:
        return bench.event("Ended", 1, None, transaction, evse={"id": 1}, meterValue=metered(bench, 300))
    return bench.stop(int(transaction), 300)


def metered(bench: Bench, register_wh: int) -> list[dict[str, Any]]:
    sample = {"value": register_wh, "measurand": "Energy.Active.Import.Register"}
    return [{"timestamp": bench.times.wall.isoformat(), "sampledValue": [sample]}]


def ends_heard(bench: Bench) -> list[str]:
    """The ends that the cloud was told, by their transactions as it knows them."""
    found = []
    for _, _, action, payload in map(json.loads, bench.to_cloud):
        if action == "StopTransaction":
            found.append(str(payload["transactionId"]))
        elif payload.get("eventType") == "Ended":
            found.append(payload["transactionInfo"]["transactionId"])
    return found


@pytest.mark.parametrize("edition", [Edition.V16, Edition.V201])
@pytest.mark.parametrize("cloud", [True, False], ids=["cloud there", "cloud away"])
def test_an_end_that_is_told_behind_the_next_begin_reaches_the_cloud(edition: Edition, cloud: bool) -> None:
    """It was taken for lost when the next one began there; once, however often it is told; and its record has it."""
    bench = Bench(edition)
    if cloud:
        bench.cloud_comes()
    late_end(bench, cloud=cloud)
    before, now = sessions(bench)
    if cloud:
        bench.cloud_answers({})
    end(bench, before)
    if not cloud:
        bench.cloud_comes()
        while bench.disk.entries:
            bench.cloud_answers({} if edition.is_v2 else {"transactionId": len(bench.to_cloud)})
    assert ends_heard(bench) == ["before" if edition.is_v2 else "1"]
    found = sessions(bench)
    assert (found[before].end_reason, found[before].energy_wh) == ("Local", Decimal(200))
    assert found[now].ended_at is None
    assert [each.key for each in bench.desk.book.charges.running()] == [now]


def test_an_end_that_is_told_late_to_a_gateway_that_was_restarted_reaches_the_cloud() -> None:
    """What the disk says of the transaction is that its end was never told."""
    bench = Bench(Edition.V16)
    bench.start(100)
    before = bench.answered[2]["transactionId"]
    bench.tick(600.0)
    bench.start(400)
    bench.restart()
    bench.stop(before, 300)
    bench.cloud_comes()
    while bench.disk.entries:
        bench.cloud_answers({"transactionId": 6 + len(bench.to_cloud)})
    assert ends_heard(bench) == ["7"]


def test_a_sample_of_a_session_whose_end_was_taken_for_lost_makes_no_second_record() -> None:
    """Samples that come late go to the cloud as they are."""
    bench = Bench(Edition.V16)
    bench.start(100)
    before = bench.answered[2]["transactionId"]
    bench.tick(600.0)
    bench.start(400)
    count = len(bench.disk.others)
    bench.meter(before, "250")
    assert len(bench.disk.others) == count
    assert [entry.action for entry in bench.disk.entries.values()][-1] == "MeterValues"

"""A session that was taken to be over, because another began at its EVSE: its end may be told yet."""

import json
from decimal import Decimal
from typing import Any

import pytest

from edge.domain.journal import EntryKind, PutSession
from edge.domain.session import Session
from edge.offline.edition import Edition
from tests.unit.offline.offline_bench import Bench


def sessions(bench: Bench) -> dict[str, Session]:
    """The newest record of each session that is on the disk, by its transaction."""
    kept = [write.session for write in bench.disk.others if isinstance(write, PutSession)]
    return {session.transaction: session for session in kept}


def ends(bench: Bench) -> list[dict[str, Any]]:
    """The ends that the cloud was told, or that are kept for it."""
    kept = [entry.text for entry in bench.disk.entries.values() if entry.kind is EntryKind.END]
    told = [json.loads(text)[3] for text in {*kept, *bench.to_cloud}]
    return [each for each in told if "meterStop" in each or each.get("eventType") == "Ended"]


@pytest.mark.parametrize("restarted", [False, True])
@pytest.mark.parametrize("cloud", [True, False])
def test_the_end_of_a_session_reaches_the_cloud_behind_the_next_ones_begin(cloud: bool, restarted: bool) -> None:
    """Some stations tell first what is, and then what was; or try an end again that nobody answered, while the next car
    begins."""
    bench = Bench()
    if cloud:
        bench.cloud_comes()
    numbers = []
    for number, meter in ((41, 100), (42, 300)):
        bench.tick(600.0)
        bench.start(meter=meter)
        if cloud:
            bench.cloud_answers({"transactionId": number, "idTagInfo": {"status": "Accepted"}})
        numbers.append(bench.answered[2]["transactionId"])
    if restarted:
        bench.restart()
        if cloud:
            bench.cloud_comes()
    for _ in range(2):  # said again it is answered
        identifier = bench.stop(numbers[0], 300)
        if cloud and bench.answered[1] != identifier:
            bench.cloud_answers({}, identifier)
        assert bench.answered == [3, identifier, {}]
    assert [each["transactionId"] for each in ends(bench)] == [numbers[0]]
    assert [each.key for each in bench.desk.book.charges.running()] == [str(numbers[1])]


@pytest.mark.parametrize("stored", [True, False])
@pytest.mark.parametrize("cloud", [True, False])
def test_so_does_that_of_a_session_of_2x(cloud: bool, stored: bool) -> None:
    """Whether it was stored or not."""
    bench = Bench(Edition.V21)
    if cloud:
        bench.cloud_comes()
    place: dict[str, Any] = {"evse": {"id": 1}}
    for kind, order, transaction in (("Started", 0, "before"), ("Started", 0, "now"), ("Ended", 1, "before")):
        bench.tick(600.0)
        identifier = bench.event(kind, order, None, transaction, offline=stored and kind == "Ended", **place)
        if cloud:
            bench.cloud_answers({}, identifier)
    assert [each["transactionInfo"]["transactionId"] for each in ends(bench)] == ["before"]
    assert [each.key for each in bench.desk.book.charges.running()] == ["now"]


def test_its_record_has_the_end_that_was_told() -> None:
    """And the register of that, in place of the last that had been sampled."""
    bench = Bench()
    bench.start(meter=100)
    number = bench.answered[2]["transactionId"]
    bench.meter(number, "150")
    bench.tick(600.0)
    bench.start(meter=300)
    assert sessions(bench)[str(number)].end_reason == "Lost"
    bench.tick(10.0)
    bench.stop(number, 300)
    found = sessions(bench)[str(number)]
    assert (found.end_reason, found.ended_at, found.energy_wh) == ("Local", bench.times.wall, Decimal(200))

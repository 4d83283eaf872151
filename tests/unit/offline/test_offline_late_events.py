"""Stations of 2.x that tell of a session late, or of its place: its record and that of its neighbour stay whole."""

from datetime import timedelta
from typing import Any

import pytest

from edge.domain.journal import PutSession
from edge.domain.session import Session
from edge.offline.edition import Edition
from tests.unit.offline.offline_bench import Bench


def sessions(bench: Bench) -> dict[str, Session]:
    """The newest record of each session that is on the disk, by its transaction."""
    kept = [write.session for write in bench.disk.others if isinstance(write, PutSession)]
    return {session.transaction: session for session in kept}


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

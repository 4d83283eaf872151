"""A station that tells more than any has: what is remembered of it has an end."""

import itertools
import json

from edge.domain.journal import PutSession
from edge.offline import charges, station
from edge.offline.edition import Edition
from tests.unit.offline.offline_bench import Bench

ACCEPTED = {"idTagInfo": {"status": "Accepted"}}


def test_of_a_station_that_begins_and_ends_all_day_the_newest_sessions_are_known() -> None:
    """A loose plug lets it begin some thousand times a day; each was kept for two months."""
    bench = Bench()
    bench.cloud_comes()
    for number in range(charges.KNOWN_MOST + 500):
        bench.times.now += 10.0
        bench.start(meter=number)
        bench.cloud_answers({"transactionId": number + 1, **ACCEPTED})
        bench.stop(number + 1, number)
        bench.cloud_answers({})
        bench.disk.others.clear()
    known = {int(record.key) for record in bench.desk.book.charges.all()}
    assert len(known) <= charges.KNOWN_MOST
    assert min(known) == charges.KNOWN_MOST + 500 - len(known) + 1
    assert {int(key) for _, key in bench.disk.transactions} == known
    asked = len(bench.to_cloud)
    bench.stop(max(known), max(known) - 1)  # the newest end once more
    assert (bench.answered[2], len(bench.to_cloud)) == ({}, asked)


def test_none_is_forgotten_that_the_cloud_has_yet_to_hear_of() -> None:
    """However many they are; nor a session that runs."""
    bench = Bench(Edition.V201)
    bench.cloud_comes()
    bench.event("Started", 0, transaction="running", evse={"id": 9})
    bench.cloud_answers({})
    bench.cloud_goes()
    for number in range(charges.KNOWN_MOST + 200):
        bench.times.now += 10.0
        bench.event("Started", 0, transaction=f"t{number}", evse={"id": 1})
        bench.disk.others.clear()
    known = {record.key for record in bench.desk.book.charges.all()}
    waiting = {entry.transaction for entry in bench.disk.entries.values()}
    assert known == waiting | {"running"}
    assert len(waiting) == charges.KNOWN_MOST + 200


def test_sessions_at_connectors_that_are_made_up_are_forgotten() -> None:
    """They never end; and their records are closed."""
    bench = Bench()
    bench.cloud_comes()
    for number in range(charges.KNOWN_MOST + 200):
        bench.times.now += 10.0
        bench.start(connector=number)
        bench.cloud_answers({"transactionId": number + 1, **ACCEPTED})
    known = {record.key for record in bench.desk.book.charges.running()}
    assert len(known) <= charges.KNOWN_MOST
    kept = [write.session for write in bench.disk.others if isinstance(write, PutSession)]
    newest = {session.id: session for session in kept}  # they get the cloud's numbers later
    assert {session.transaction for session in newest.values() if session.ended_at is None} == known


def test_of_a_station_that_invents_connectors_some_states_are_kept() -> None:
    """It is answered all the same, and those that are known are told anew."""
    bench = Bench()
    for number in itertools.chain(range(station.CONNECTORS_MOST * 2), range(2)):
        payload = {"connectorId": number, "errorCode": "NoError", "status": "Available"}
        identifier = bench.call("StatusNotification", payload)
        assert bench.answered == [3, identifier, {}]
    kept = {json.loads(status.text)[1] for status in bench.disk.statuses.values()}
    assert len(kept) == station.CONNECTORS_MOST
    assert identifier in kept


def test_of_transactions_that_are_not_known_nothing_is_remembered() -> None:
    """A station of 2.x may name ever new ones in the midst of them: they pass to the cloud."""
    bench = Bench(Edition.V201)
    bench.cloud_comes()
    for number in range(100):
        bench.event("Updated", number, transaction=f"t{number}")
        bench.cloud_answers({})
    held = bench.desk.book.charges
    assert not held.all()
    assert not any(f"t{number}" in str(vars(held)) for number in range(100))


def test_of_a_station_that_invents_connectors_some_samples_are_remembered() -> None:
    """Of what it calls -1, for a begin that may have to be made anew: as many as a station may have states of."""
    bench = Bench()
    sample = {"timestamp": bench.times.wall.isoformat(), "sampledValue": [{"value": "5"}]}
    for number in range(1, station.CONNECTORS_MOST * 4):
        bench.call("MeterValues", {"connectorId": number, "transactionId": -1, "meterValue": [sample]})
    assert len(bench.desk._ledger.nameless._lowest) == station.CONNECTORS_MOST

"""Stations of 2.x that lose count of their events (with their power), or count none: nothing of a session is lost."""

import json

import pytest

from edge.domain.journal import EntryKind
from edge.offline import charges
from edge.offline.edition import Edition
from tests.unit.offline.offline_bench import Bench


def delivered(bench: Bench) -> list[tuple[str, int]]:
    """Kind and seqNo of the events that the cloud had, which answers each."""
    bench.cloud_comes()
    asked = 0
    while asked < len(bench.to_cloud):
        asked = len(bench.to_cloud)
        bench.cloud_answers({})
    sent = [json.loads(text)[3] for text in bench.to_cloud]
    return [(event["eventType"], event["seqNo"]) for event in sent]


def events(bench: Bench, *kinds_and_numbers: tuple[str, int]) -> None:
    """The station tells them, ten seconds apart."""
    for kind, number in kinds_and_numbers:
        bench.tick(10.0)
        bench.event(kind, number, "CARD-1" if kind == "Started" else None)


def missing(bench: Bench) -> list[object]:
    """The gaps that were told."""
    return [note.fields["gaps"] for note in bench.notes if note.event == "sequence numbers are missing"]


@pytest.mark.parametrize("restarted", [False, True], ids=["", "gateway restarted"])
def test_a_station_that_counts_anew_after_a_power_cut_has_its_end_delivered(restarted: bool) -> None:
    """The end has a number that was taken before, and is last all the same."""
    bench = Bench(Edition.V201)
    events(bench, ("Started", 0), ("Updated", 1), ("Updated", 2), ("Updated", 3))
    if restarted:
        bench.restart()
    events(bench, ("Ended", 1))
    assert delivered(bench) == [("Started", 0), ("Updated", 1), ("Updated", 2), ("Updated", 3), ("Ended", 1)]


def test_what_is_counted_anew_is_delivered_behind_what_was_counted_before() -> None:
    """As it was told: a number that was told before is of a new count."""
    bench = Bench(Edition.V201)
    told = [("Started", 0), ("Updated", 1), ("Updated", 2), ("Updated", 3)]
    anew = [("Updated", 0), ("Updated", 1), ("Updated", 2), ("Updated", 3), ("Updated", 4), ("Ended", 5)]
    events(bench, *told, *anew)
    assert delivered(bench) == [*told, *anew]


def test_a_station_that_counts_nothing_has_all_its_events_delivered() -> None:
    """Each of them says 0."""
    bench = Bench(Edition.V201)
    events(bench, ("Started", 0), ("Updated", 0), ("Updated", 0), ("Ended", 0))
    assert delivered(bench) == [("Started", 0), ("Updated", 0), ("Updated", 0), ("Ended", 0)]


def test_with_the_cloud_there_such_events_pass() -> None:
    """As they would without a gateway; the end is on the disk first."""
    bench = Bench(Edition.V201)
    bench.cloud_comes()
    for kind in ("Started", "Updated", "Ended"):
        events(bench, (kind, 0))
        assert bench.asked[3]["eventType"] == kind
        bench.cloud_answers({})
        assert bench.answered[1] == bench.asked[1]
    assert not bench.disk.entries


def test_what_is_told_again_is_still_kept_once() -> None:
    """Word by word, each of them."""
    bench = Bench(Edition.V201)
    for kind, number in (("Started", 0), ("Updated", 1), ("Updated", 2), ("Ended", 3)):
        bench.tick(10.0)
        bench.event(kind, number)
        bench.event(kind, number)
        assert bench.to_station[-2][2] == bench.to_station[-1][2]
    assert [entry.order for entry in bench.disk.entries.values()] == [0, 1, 2, 3]


def test_an_id_that_is_used_again_is_another_session() -> None:
    """A station that lost count of its transactions: its next session isn't taken for the last one."""
    bench = Bench(Edition.V201)
    events(bench, ("Started", 0), ("Ended", 1), ("Started", 0))
    assert len(bench.desk.book.charges.running()) == 1
    events(bench, ("Ended", 1))
    assert [entry.kind for entry in bench.disk.entries.values()] == [EntryKind.BEGIN, EntryKind.END] * 2
    assert delivered(bench) == [("Started", 0), ("Ended", 1)] * 2


def test_a_begin_that_comes_after_its_end_begins_nothing_anew() -> None:
    """Fault 9: out of order; the session is over all the same."""
    bench = Bench(Edition.V201)
    events(bench, ("Ended", 1), ("Started", 0))
    assert bench.desk.book.charges.running() == []


@pytest.mark.parametrize("online", [False, True])
def test_an_end_with_a_new_number_is_no_second_end(online: bool) -> None:
    """It is answered, and an operator doesn't bill the session twice."""
    bench = Bench(Edition.V201)
    if online:
        bench.cloud_comes()
    for kind, number in (("Started", 0), ("Updated", 1), ("Ended", 2)):
        events(bench, (kind, number))
        if online:
            bench.cloud_answers({})
    events(bench, ("Ended", 3), ("Ended", 4))
    assert bench.answered[2] == {}
    if not online:
        assert delivered(bench) == [("Started", 0), ("Updated", 1), ("Ended", 2)]
    assert len(bench.to_cloud) == 3
    assert not bench.disk.entries


def test_an_end_behind_an_end_that_was_none_is_delivered() -> None:
    """What the station tells of the session in between, and dates later, says that it went on, or that its id is used
    again: nothing of it is lost."""
    bench = Bench(Edition.V201)
    events(bench, ("Started", 0), ("Ended", 1), ("Updated", 2), ("Ended", 3), ("Ended", 4))
    assert sorted(delivered(bench)) == [("Ended", 1), ("Ended", 3), ("Started", 0), ("Updated", 2)]
    bench = Bench(Edition.V201)
    events(bench, ("Ended", 1), ("Started", 0), ("Ended", 2))
    assert sorted(delivered(bench)) == [("Ended", 1), ("Ended", 2), ("Started", 0)]


def test_a_station_that_skips_numbers_at_every_event_fills_neither_disk_nor_log() -> None:
    """One that counts for all of its EVSEs together: each event is delivered, and what is missing is told a while."""
    bench = Bench(Edition.V201)
    count = 4 * charges.RANGES_MOST
    told = [("Started", 0), *(("Updated", 2 * number) for number in range(1, count)), ("Ended", 2 * count)]
    events(bench, *told)
    (record,) = bench.desk.book.charges.all()
    assert len(record.seen) == charges.RANGES_MOST
    assert missing(bench) == [[(2 * number - 1, 2 * number - 1)] for number in range(1, charges.RANGES_MOST)]
    assert delivered(bench) == told


@pytest.mark.parametrize("cloud", ["stays", "goes"])
def test_what_passed_before_a_restart_is_no_gap(cloud: str) -> None:
    """Updated events pass to a cloud that is there, and their numbers are in memory alone: after a kill -9 nobody knows
    what it has had, and none is told to lack."""
    bench = Bench(Edition.V201)
    bench.cloud_comes()
    for number in range(50):
        events(bench, ("Updated" if number else "Started", number))
        bench.cloud_answers({})
    bench.restart()
    if cloud == "stays":
        bench.cloud_comes()
    events(bench, ("Ended", 50))
    assert missing(bench) == []


def test_an_event_that_the_cloud_hasn_t_answered_when_it_goes_says_nothing_of_those_before_a_restart() -> None:
    """It was passed to the cloud, and is kept in the end: its number is the first that is known since."""
    bench = Bench(Edition.V201)
    bench.cloud_comes()
    events(bench, ("Started", 0))
    bench.cloud_answers({})
    events(bench, ("Updated", 1))
    bench.cloud_answers({})
    bench.restart()
    bench.cloud_comes()
    events(bench, ("Updated", 2))
    bench.cloud_goes()
    assert missing(bench) == []
    events(bench, ("Updated", 4))
    assert missing(bench) == [[(3, 3)]]


def test_a_gap_that_opens_after_a_restart_is_told() -> None:
    """What is heard since is known."""
    bench = Bench(Edition.V201)
    events(bench, ("Started", 0))
    bench.restart()
    events(bench, ("Updated", 5), ("Ended", 8))
    assert missing(bench) == [[(6, 7)]]

"""A station that makes up transactions: the disk is bounded, and what is true is never lost."""

import json

import pytest

import edge.offline.allowance as allowance_module
from edge.offline.allowance import BURST, COUNTS_AT_LEAST, PER_S, TIMES_ROOM, Allowance
from edge.offline.edition import Edition
from edge.offline.settings import OfflineSettings
from tests.unit.offline.offline_bench import Bench

ROOM = 10_000_000
FEW = 200  # short messages at once, in the place of 16,000


def test_two_thousand_sessions_at_once_and_hundreds_a_day() -> None:
    """A station that was alone for months, and a busy one."""
    allowance = Allowance(ROOM)
    assert all(allowance.takes(900, 900 * number, 0.0) for number in range(4_000))
    for minute in range(1, 1_441):
        assert allowance.takes(900, 0, 3600.0 + 60.0 * minute)
    assert not allowance.exceeded


def test_what_one_station_brings_in_a_day_is_bounded() -> None:
    """However long what it says, and however fast."""
    for size in (100, 1_000_000):
        allowance = Allowance(10_000 * ROOM)
        taken = sum(allowance.takes(size, 0, float(second)) * size for second in range(86_400))
        assert taken <= BURST + 86_400 * PER_S
    assert allowance.exceeded
    assert allowance.takes(100, 0, 86_400.0 + BURST / PER_S)
    assert not allowance.exceeded


def test_what_waits_of_one_station_is_bounded() -> None:
    """Until it has gone."""
    allowance = Allowance(1_000)
    most = 1_000 * TIMES_ROOM
    assert allowance.takes(900, most - 1_000, 0.0)
    assert not allowance.takes(900, most - 100, 0.0)
    assert allowance.exceeded
    assert allowance.takes(900, 0, 0.0)
    assert not allowance.exceeded


def test_signed_values_that_the_cloud_has_had_count_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many EVSEs sign each sample."""
    monkeypatch.setattr(allowance_module, "BURST", FEW * COUNTS_AT_LEAST)
    bench = Bench(settings=OfflineSettings(drain_interval_s=0.0))
    bench.cloud_comes()
    bench.start()
    bench.cloud_answers({"transactionId": 7, "idTagInfo": {"status": "Accepted"}})
    for number in range(2 * FEW):
        value = {"timestamp": f"{number}", "sampledValue": [{"value": "OCMF|", "format": "SignedData"}]}
        bench.call("MeterValues", {"connectorId": 1, "transactionId": 7, "meterValue": [value]})
        bench.cloud_answers({})
    assert len(bench.to_station) == 2 * FEW + 1
    assert not bench.desk.book.allowance.exceeded


def test_signed_values_that_wait_are_bounded() -> None:
    """Until the cloud has had them."""
    allowance = Allowance(1_000)
    most = 1_000 * TIMES_ROOM
    assert allowance.holds(900, most - 900)
    assert not allowance.holds(900, most - 800)
    assert allowance.exceeded


@pytest.mark.parametrize("answers", [True, False])
def test_ends_of_ever_new_numbers_are_taken_no_more_and_told_once(
    monkeypatch: pytest.MonkeyPatch, answers: bool
) -> None:
    """With a cloud and without: not answered, so that a station that tells true keeps them. It is told when it is over,
    and what its station says again then is taken."""
    monkeypatch.setattr(allowance_module, "BURST", FEW * COUNTS_AT_LEAST)
    bench = Bench(settings=OfflineSettings(drain_interval_s=0.0))
    bench.times.now = 0.0
    if answers:
        bench.cloud_comes()
    for number in range(FEW + 50):
        bench.stop(number + 10)
        if answers and number < FEW:
            bench.cloud_answers({})
    assert len(bench.to_station) == FEW
    assert len(bench.disk.entries) == (0 if answers else FEW)
    assert [note.level for note in bench.notes if "more than it can have" in note.event] == ["error"]
    assert bench.desk.book.allowance.exceeded
    bench.times.now += 2_000.0
    bench.stop(FEW + 59)
    if answers:
        bench.cloud_answers({})
    assert len(bench.to_station) == FEW + 1
    assert [note.level for note in bench.notes if "taken again" in note.event] == ["info"]


def test_a_repetition_costs_nothing_and_samples_are_thinned(monkeypatch: pytest.MonkeyPatch) -> None:
    """A station that repeats an end for ever (quirk 32) isn't one that floods."""
    monkeypatch.setattr(allowance_module, "BURST", FEW * COUNTS_AT_LEAST)
    bench = Bench(Edition.V201)
    for _ in range(2 * FEW):
        bench.event("Ended", 3)
    assert not bench.desk.book.allowance.exceeded
    assert len(bench.disk.entries) == 1
    assert json.loads(bench.disk.entries[1].text)[3]["seqNo"] == 3


def test_what_was_set_aside_counts_through_a_restart() -> None:
    """Ends of nothing that is known are on the disk, too."""
    bench = Bench()
    asked = bench.stop(-1)
    kept = bench.desk.book.backlog.kept_characters
    assert bench.answered == [3, asked, {}]
    assert kept > 0
    bench.restart()
    assert bench.desk.book.backlog.kept_characters == kept

"""`edge-sim soak`: what it plays, what it keeps, and the table that comes of it."""

from dataclasses import replace
from pathlib import Path

import pytest

from simulators.errors import ScenarioError
from simulators.world.faults import planned
from simulators.world.run import with_random_faults
from simulators.world.soak import Played, read, soaked, table, whole_takes_h
from tests.world.worlds import small


def test_what_was_played_is_kept_and_not_played_again(tmp_path: Path) -> None:
    """Each run is a line; a soak that is begun again goes on where it was; and two at a time play the same."""
    into = tmp_path / "soak.jsonl"
    worlds = [small(minutes=3.0)]
    first = list(soaked(worlds, [1], per_h=3.0, into=into, until=None))
    second = list(soaked(worlds, [1, 2], per_h=3.0, into=into, until=None))
    assert [each.seed for each in second] == [2]
    assert read(into) == (*first, *second)
    assert list(soaked(worlds, [3], per_h=3.0, into=into, until=0.0)) == []
    beside = list(soaked(worlds, [1, 2], per_h=3.0, into=tmp_path / "beside.jsonl", until=None, jobs=2))
    assert {(each.seed, each.digest) for each in beside} == {(each.seed, each.digest) for each in (*first, *second)}


def test_a_world_that_breaks_is_a_failure_of_its_own(tmp_path: Path) -> None:
    """It says why, counts for no time, is played again, and keeps nobody else from being played."""
    into = tmp_path / "soak.jsonl"
    worlds = [replace(small(minutes=1.0), name="odd", site_head="odd"), small(minutes=1.0)]
    odd, sound = list(soaked(worlds, [1], per_h=3.0, into=into, until=None))
    assert (odd.scenario, odd.hours, sound.failures) == ("odd", 0.0, ())
    assert "small.toml" in odd.failures[0]
    assert [each.scenario for each in soaked(worlds, [1], per_h=3.0, into=into, until=None)] == ["odd"]


def test_the_table_sums_up_each_scenario_and_all() -> None:
    """Site-days, faults, transactions and failures; and what more would take at the same pace."""
    runs = [
        Played(
            scenario=name,
            seed=seed,
            hours=12.0,
            faults=(14, 30),
            sessions=5,
            transactions=7,
            lost=0,
            doubled=0,
            trips=0,
            failures=() if seed == 1 else ("60 s rating: too much",),
            digest="",
            processor_s=36.0,
        )
        for name in ("a", "b")
        for seed in (1, 2)
    ]
    lines = table(runs).splitlines()
    assert lines[2] == "| a | 2 | 1.0 | 4 | 10 | 14 | 0 | 0 | 0 | 1 |"
    assert lines[-1] == "| **all** | 4 | 2.0 | 8 | 20 | 28 | 0 | 0 | 0 | 2 |"
    assert whole_takes_h(runs, 100.0) == pytest.approx(2.0)


def test_a_file_that_no_soak_wrote_is_refused(tmp_path: Path) -> None:
    """One sentence, and nothing is added to it."""
    into = tmp_path / "notes.txt"
    into.write_text("hello\n", encoding="utf-8")
    with pytest.raises(ScenarioError, match="isn't what a soak writes"):
        read(into)


def test_each_scenario_has_faults_of_its_own() -> None:
    """One seed makes other faults of another scenario: else a soak of six would play one list six times."""
    one = with_random_faults(small(minutes=600.0), per_h=6.0)
    other = replace(one, name="other")
    assert planned(one, seed=1) == planned(one, seed=1)
    assert planned(one, seed=1) != planned(other, seed=1)

"""`edge-sim soak`: what it plays, what it keeps, and the table that comes of it."""

import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import orjson
import pytest

from simulators.cli.main import main
from simulators.errors import ScenarioError
from simulators.world.faults import planned
from simulators.world.run import with_random_faults
from simulators.world.soak import Played, current, program, read, soaked, table, whole_takes_h
from tests.world.worlds import small


def test_what_was_played_is_kept_and_not_played_again(tmp_path: Path) -> None:
    """Each run is a line; a soak that is begun again goes on where it was; and two at a time play the same."""
    into = tmp_path / "soak.jsonl"
    worlds = [small(minutes=1.0)]
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


def played_once(**more: Any) -> Played:
    return Played(
        **{
            "scenario": "a",
            "seed": 1,
            "hours": 12.0,
            "faults": (14,),
            "sessions": 5,
            "transactions": 7,
            "lost": 0,
            "doubled": 0,
            "trips": 0,
            "failures": (),
            "digest": "",
            "processor_s": 36.0,
            "program": program(),
            **more,
        }
    )


def lines(*runs: Played) -> bytes:
    return b"".join(orjson.dumps(asdict(each)) + b"\n" for each in runs)


def test_what_a_power_cut_left_of_the_last_line_is_played_again(tmp_path: Path) -> None:
    """It is no run, and the next one begins a line of its own."""
    into = tmp_path / "soak.jsonl"
    worlds = [small(minutes=1.0)]
    first, second = soaked(worlds, [1, 2], per_h=3.0, into=into, until=None)
    into.write_bytes(into.read_bytes()[:-20])
    assert read(into) == (first,)
    (again,) = soaked(worlds, [1, 2], per_h=3.0, into=into, until=None)
    assert again.digest == second.digest
    assert read(into) == (first, again)


def test_a_spoilt_line_is_named(tmp_path: Path) -> None:
    """One that is whole and says something else is nobody's to throw away."""
    into = tmp_path / "soak.jsonl"
    into.write_bytes(lines(played_once()) + b"{}\n" + lines(played_once(seed=2)))
    with pytest.raises(ScenarioError, match="line 2: isn't what a soak writes"):
        read(into)


def test_two_soaks_dont_write_one_file(tmp_path: Path) -> None:
    """They would play the same; the second one is told so."""
    into = tmp_path / "soak.jsonl"
    first = soaked([small(minutes=1.0)], [1, 2], per_h=3.0, into=into, until=None)
    next(first)
    with pytest.raises(ScenarioError, match="another soak is writing it"):
        next(soaked([small(minutes=1.0)], [1], per_h=3.0, into=into, until=None))
    assert len(list(first)) == 1


def test_runs_of_another_version_dont_count(tmp_path: Path) -> None:
    """Neither in the table nor as played: what has changed since may be what fails."""
    old, new = played_once(program="of old", failures=("60 s rating: too much",)), played_once(seed=2)
    assert current((old, new)) == (new,)
    into = tmp_path / "soak.jsonl"
    scenario = small(minutes=1.0)
    into.write_bytes(lines(replace(old, scenario=scenario.name, hours=1.0 / 60.0)))
    assert [each.seed for each in soaked([scenario], [1], per_h=3.0, into=into, until=None)] == [1]


def test_another_rate_of_faults_is_another_run(tmp_path: Path) -> None:
    """The same seed with more faults an hour isn't played yet."""
    into = tmp_path / "soak.jsonl"
    for per_h in (3.0, 12.0, 12.0):
        list(soaked([small(minutes=1.0)], [1], per_h=per_h, into=into, until=None))
    assert [each.per_h for each in read(into)] == [3.0, 12.0]


def test_a_world_that_broke_and_was_played_again_counts_once() -> None:
    """By what came of it then."""
    broken = played_once(hours=0.0, failures=("the world broke: OSError()",))
    other = replace(broken, seed=2)
    again = played_once()
    assert current((broken, other, again)) == (other, again)


def test_a_soak_tells_how_each_failure_is_played_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the hours and faults that it had, whatever this soak's are; the table is all that comes of no minutes."""
    into = tmp_path / "soak.jsonl"
    failed = played_once(hours=0.25, from_h=3.0, per_h=12.5, failures=("60 s rating: too much",))
    into.write_bytes(lines(failed, played_once(program="of old")))
    monkeypatch.setattr(sys, "argv", ["edge-sim", "soak", "--minutes", "0", "--into", str(into), "--hours", "6"])
    with pytest.raises(SystemExit) as end:
        main()
    assert end.value.code == 1
    out = capsys.readouterr().out.splitlines()
    assert "| **all** | 1 | 0.0 | 1 | 5 | 7 | 0 | 0 | 0 | 1 |" in out
    assert f"1 runs in {into} are of another version of the program, and don't count" in out
    assert "again: edge-sim run a --seed 1 --from 3 --hours 0.25 --faults-per-hour 12.5" in out


@pytest.mark.parametrize("words", [("--hours", "nan"), ("--minutes", "nan"), ("--minutes", "-1"), ("--jobs", "0")])
def test_what_is_no_length_of_a_soak_is_refused(
    words: tuple[str, str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before anything is played."""
    monkeypatch.setattr(sys, "argv", ["edge-sim", "soak", *words])
    with pytest.raises(SystemExit) as end:
        main()
    assert end.value.code == 2
    assert f"{words[0]}: must be " in capsys.readouterr().err


def test_a_soak_too_short_for_a_fault_is_refused(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its table would say that nothing failed, of worlds in which nothing happened."""
    monkeypatch.setattr(sys, "argv", ["edge-sim", "soak", "--hours", "0.2"])
    with pytest.raises(SystemExit) as end:
        main()
    assert end.value.code == 2
    assert "--faults-per-hour: none begins in the last 20 minutes, and 12 are played" in capsys.readouterr().err


def test_each_scenario_has_faults_of_its_own() -> None:
    """One seed makes other faults of another scenario: else a soak of six would play one list six times."""
    one = with_random_faults(small(minutes=600.0), per_h=6.0)
    other = replace(one, name="other")
    assert planned(one, seed=1) == planned(one, seed=1)
    assert planned(one, seed=1) != planned(other, seed=1)


def test_a_soak_that_played_nothing_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """How long ten thousand days take is known of no run."""
    words = ["edge-sim", "soak", "--minutes", "0", "--into", str(tmp_path / "soak.jsonl")]
    monkeypatch.setattr(sys, "argv", words)
    with pytest.raises(SystemExit) as end:
        main()
    assert (end.value.code, capsys.readouterr().out.splitlines()[-1]) == (0, "nothing was played")

"""A part of a scenario's day: what a soak plays of worlds that last longer than it has time for."""

import random
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from simulators.world.building import Recorded
from simulators.world.limits import LimitSpec
from simulators.world.part import any_part_h, part_of
from simulators.world.run import run_world
from simulators.world.scenario import Expectations, FaultSpec
from simulators.world.scenario_file import load_world, ready_worlds
from simulators.world.soak import read, soaked
from tests.world.worlds import small

HOUR_S = 3600.0


def test_a_part_is_the_same_day_from_a_later_hour_on() -> None:
    """Limits, the cloud's absence and faults are at the time of day at which they were; what is over is left out, and
    what has begun goes on.
    """
    whole = replace(
        small(minutes=24 * 60.0),
        limits=(LimitSpec(over="modbus", from_s=2 * HOUR_S, to_s=5 * HOUR_S, max_a=16.0),),
        cloud_away=((0.0, HOUR_S), (2 * HOUR_S, 2 * HOUR_S), (6 * HOUR_S, HOUR_S)),
        faults=(FaultSpec(number=30, at_s=HOUR_S, for_s=60.0), FaultSpec(number=14, at_s=4 * HOUR_S, for_s=60.0)),
    )
    part = part_of(whole, from_s=3 * HOUR_S, for_s=6 * HOUR_S)
    assert (part.begins_at - whole.begins_at, part.for_s) == (timedelta(hours=3), 6 * HOUR_S)
    assert [(each.from_s, each.to_s) for each in part.limits] == [(-HOUR_S, 2 * HOUR_S)]
    assert part.cloud_away == ((0.0, HOUR_S), (3 * HOUR_S, HOUR_S))
    assert [(each.number, each.at_s) for each in part.faults] == [(14, HOUR_S)]
    assert part_of(whole, from_s=0.0, for_s=whole.for_s) == whole


def test_a_recording_goes_on_where_the_part_begins() -> None:
    """And begins anew where it ends."""
    rows = tuple((at_s, (amps, amps, amps)) for at_s, amps in ((0.0, 1.0), (60.0, 2.0), (120.0, 3.0)))
    recorded = Recorded(circuit="main", rows=rows, lasts_s=180.0)
    turned = list(recorded.turned(450.0).steps(random.Random(1), begins_s=0.0, for_s=240.0))
    assert [(at_s, amps[0]) for at_s, amps in turned] == [
        (0.0, 2.0),
        (30.0, 3.0),
        (90.0, 1.0),
        (150.0, 2.0),
        (180.0, 2.0),
        (210.0, 3.0),
    ]


@pytest.mark.parametrize("name", ready_worlds())
def test_seeds_play_all_parts_in_which_people_come(name: str) -> None:
    """Each seed one of its own, the same each time; and the hours at which the building limits its connection are
    played.
    """
    whole = load_world(name)
    hours = [any_part_h(whole, seed=seed, hours=6.0) for seed in range(1, 60)]
    assert hours == [any_part_h(whole, seed=seed, hours=6.0) for seed in range(1, 60)]
    assert len(set(hours)) > 3
    assert all(from_h.is_integer() and 0.0 <= from_h <= whole.for_s / HOUR_S - 6.0 for from_h in hours)
    for limit in whole.limits:
        assert any(from_h * HOUR_S < limit.to_s and limit.from_s < (from_h + 6.0) * HOUR_S for from_h in hours)
    assert any_part_h(whole, seed=1, hours=whole.for_s / HOUR_S) == 0.0


def test_a_soak_of_some_hours_plays_parts_and_keeps_which(tmp_path: Path) -> None:
    """So that it can be played again; a world that is no longer is played whole."""
    day = replace(small(minutes=9.5 * 60.0), name="day", drivers=(replace(small().drivers[0], arrive_h=(9.0, 17.5)),))
    into = tmp_path / "soak.jsonl"
    parts = {each.seed: each for each in soaked([day], [1, 2, 3], per_h=3.0, into=into, until=None, hours=0.05)}
    assert {each.hours for each in parts.values()} == {0.05}
    assert [parts[seed].from_h for seed in (1, 2, 3)] == [any_part_h(day, seed=seed, hours=0.05) for seed in (1, 2, 3)]
    assert {each.from_h for each in read(into)} == {each.from_h for each in parts.values()} != {0.0}
    (whole,) = soaked([small(minutes=2.0)], [1], per_h=3.0, into=into, until=None, hours=1.0)
    assert (whole.hours, whole.from_h) == (2.0 / 60.0, 0.0)


def test_a_part_that_misses_an_expectation_says_that_it_is_a_part() -> None:
    """What a day comes to an hour of it needn't; whoever plays one sees which of the two it is."""
    whole = replace(small(minutes=60.0), expect=Expectations(energy_share=1.0))
    for part, said in (
        (part_of(whole, from_s=0.0, for_s=300.0), "at least 1 is expected of all its 1 h, of which this is a part"),
        (part_of(whole, from_s=30.0, for_s=300.0), "at least 1 is expected of all its 1 h, of which this is a part"),
        (replace(whole, for_s=300.0), "at least 1 is expected"),
    ):
        (verdict,) = run_world(part, seed=1).result.verdicts
        assert verdict.text.endswith(said)

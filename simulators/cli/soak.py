"""`edge-sim soak`: every ready scenario with faults at random, seed by seed, and one table."""

import os
import time
from pathlib import Path
from typing import Annotated, Final

import typer

from simulators.cli.run import again_words, seeds_of
from simulators.errors import ScenarioError
from simulators.world.scenario import WorldScenario, load_world, ready_worlds
from simulators.world.soak import read, soaked, table, whole_takes_h

WANTED_DAYS: Final = 10_000


def soak(
    seeds: Annotated[str, typer.Option("--seeds", metavar="A..B", help="Every seed from A to B.")] = "1..20",
    faults_per_hour: Annotated[
        float, typer.Option("--faults-per-hour", metavar="N", help="So many faults at random.")
    ] = 3.0,
    hours: Annotated[
        float | None,
        typer.Option("--hours", metavar="H", help="So many of each that is longer, each seed another part of the day."),
    ] = None,
    minutes: Annotated[
        float | None, typer.Option("--minutes", metavar="M", help="Begin no run after so many minutes.")
    ] = None,
    jobs: Annotated[
        int | None, typer.Option("--jobs", metavar="N", help="So many at a time; as many as there are cores.")
    ] = None,
    into: Annotated[
        Path,
        typer.Option("--into", metavar="FILE", help="A line of JSON for each run; what it has isn't played again."),
    ] = Path("build/soak.jsonl"),
) -> int:
    """Run all ready scenarios with faults at random, and print one table."""
    if not 0 < faults_per_hour <= 3600:
        raise ScenarioError(f"--faults-per-hour: must be above 0 and up to 3600, not {faults_per_hour:g}")
    if hours is not None and hours <= 0:
        raise ScenarioError(f"--hours: must be above 0, not {hours:g}")
    if jobs is not None and jobs < 1:
        raise ScenarioError(f"--jobs: must be 1 or more, not {jobs}")
    worlds = sorted((load_world(name) for name in ready_worlds()), key=_cost)
    until = None if minutes is None else time.monotonic() + 60.0 * minutes
    try:
        into.parent.mkdir(parents=True, exist_ok=True)
        played = soaked(
            worlds,
            seeds_of(None, seeds),
            hours=hours,
            per_h=faults_per_hour,
            into=into,
            until=until,
            jobs=jobs or os.cpu_count() or 1,
        )
        for each in played:
            typer.echo(f"{each.scenario}, seed {each.seed}: {len(each.failures)} failures, {each.processor_s:.0f} s")
            for failure in each.failures:
                typer.echo(f"  {failure}")
    except OSError as exc:
        raise ScenarioError(f"--into: {into} can't be written: {exc.strerror or exc}") from exc
    runs = read(into)
    typer.echo(table(runs))
    for each in runs:
        if each.failures:
            part = "".join(f" {word}" for word in again_words(each.from_h, hours))
            typer.echo(f"edge-sim run {each.scenario} --seed {each.seed}{part} --faults-per-hour {faults_per_hour:g}")
    typer.echo(f"{WANTED_DAYS:,} site-days would take one core {whole_takes_h(runs, WANTED_DAYS):,.0f} hours")
    return 1 if any(each.failures for each in runs) else 0


def _cost(world: WorldScenario) -> float:
    """What a run takes, roughly: the cheap ones come first, so that a soak that is cut short has had them all."""
    return world.for_s * sum(posts.count for posts in world.posts)

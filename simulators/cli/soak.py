"""`edge-sim soak`: every ready scenario with faults at random, seed by seed, and one table."""

import math
import os
import shlex
import time
from pathlib import Path
from typing import Annotated, Final

import typer

from simulators.cli.course import ended_in_order
from simulators.cli.run import again_words, own_words, prove_rate, seeds_of
from simulators.errors import ScenarioError
from simulators.world.scenario import WorldScenario, digits
from simulators.world.scenario_file import load_world, ready_worlds
from simulators.world.soak import Played, current, program, read, soaked, table, whole_takes_h

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
    """Run all ready scenarios with faults at random. One table is printed."""
    if hours is not None and not hours > 0:
        raise ScenarioError(f"--hours: must be above 0, not {hours:g}")
    prove_rate(faults_per_hour, for_s=None if hours is None else hours * 3600.0)
    if minutes is not None and not minutes >= 0:
        raise ScenarioError(f"--minutes: must be 0 or more, not {minutes:g}")
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
        with ended_in_order():
            for each in played:
                typer.echo(
                    f"{each.scenario}, seed {each.seed}: {len(each.failures)} failures, {each.processor_s:.0f} s"
                )
                for failure in each.failures:
                    typer.echo(f"  {failure}")
    except OSError as exc:
        raise ScenarioError(f"--into: {into} can't be written: {exc.strerror or exc}") from exc
    everything = read(into)
    runs = current(everything)
    typer.echo(table(runs))
    if others := sum(each.program != program() for each in everything):
        typer.echo(f"{others} runs in {into} are of another version of the program, and don't count")
    for each in runs:
        if each.failures:
            typer.echo(f"again: {shlex.join(_again(each, hours))}")
    if math.isfinite(whole_h := whole_takes_h(runs, WANTED_DAYS)):
        typer.echo(f"{WANTED_DAYS:,} site-days would take one core {whole_h:,.0f} hours")
    else:
        typer.echo("nothing was played")
    return 1 if any(each.failures for each in runs) else 0


def _again(run: Played, hours: float | None) -> list[str]:
    """What plays it again; one that broke has no hours of its own."""
    part = again_words(run.from_h, run.hours or hours)
    return [*own_words(), "run", run.scenario, "--seed", str(run.seed), *part, "--faults-per-hour", digits(run.per_h)]


def _cost(world: WorldScenario) -> float:
    """What a run takes, roughly: the cheap ones come first, so that a soak that is cut short has had them all."""
    return world.for_s * sum(posts.count for posts in world.posts)

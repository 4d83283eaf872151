"""`edge-sim run`: a scenario in virtual time, the real gateway in the middle, judged by every oracle."""

import re
import shlex
import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

import typer

from simulators.cli.course import ended_in_order, print_json
from simulators.cli.options import JsonOption
from simulators.errors import ScenarioError
from simulators.world.building import Recorded
from simulators.world.faults import QUIET_S
from simulators.world.part import part_of
from simulators.world.plot import svg
from simulators.world.result import WorldResult
from simulators.world.run import Conduct, Progress, run_world, shrunk, with_random_faults
from simulators.world.scenario import FaultSpec, WorldScenario, digits
from simulators.world.scenario_file import load_world

FAULT: Final = re.compile(r"(?P<number>\d+):(?P<at>\d+(\.\d+)?)\+(?P<lasts>\d+(\.\d+)?)(@(?P<target>.+))?")
SEEDS: Final = re.compile(r"(?P<first>\d+)\.\.(?P<last>\d+)")
MOST_SEEDS: Final = 1_000_000
LEAST_BAR, MOST_BAR = 5, 36  # characters: a line that wraps isn't drawn over
BESIDE_BAR: Final = 20  # two brackets and blanks, the share, and the time that is left
NAME, MODULE = "edge-sim", "__main__.py"


def run(
    scenario: Annotated[str, typer.Argument(metavar="SCENARIO", help="A ready scenario or the path of a .toml file.")],
    seed: Annotated[int | None, typer.Option("--seed", metavar="N", help="What chance there is; default 1.")] = None,
    seeds: Annotated[
        str | None, typer.Option("--seeds", metavar="A..B", help="Every seed from A to B, one run each.")
    ] = None,
    from_h: Annotated[
        float,
        typer.Option("--from", metavar="H", help="Begin so many hours later, with the cars that come from then on."),
    ] = 0.0,
    hours: Annotated[float | None, typer.Option("--hours", metavar="H", help="End after so many hours.")] = None,
    fault: Annotated[
        list[str] | None,
        typer.Option(
            "--fault",
            metavar="NUMBER:AT+FOR[@WHERE]",
            help="This fault of the catalogue, from second AT on, for FOR seconds, in place of the scenario's own; "
            "may be given several times.",
            show_default=False,
        ),
    ] = None,
    no_faults: Annotated[bool, typer.Option("--no-faults", help="Without the scenario's own faults.")] = False,
    faults_per_hour: Annotated[
        float | None, typer.Option("--faults-per-hour", metavar="N", help="So many faults at random besides.")
    ] = None,
    shrink: Annotated[
        bool, typer.Option("--shrink/--no-shrink", help="Look for the fewest faults that fail a failed seed.")
    ] = True,
    plot: Annotated[
        Path | None, typer.Option("--plot", metavar="FILE", help="Draw the day into this SVG file.")
    ] = None,
    json: JsonOption = False,
) -> int:
    """Run a whole site in virtual time, and judge it."""
    played = cut(load_world(scenario), from_h, hours)
    if faults_per_hour is not None:
        prove_rate(faults_per_hour, for_s=played.for_s)
        played = with_random_faults(played, faults_per_hour)
    wanted = seeds_of(seed, seeds)
    if no_faults and (fault or faults_per_hour is not None):
        raise ScenarioError("--no-faults: can't be given with --fault or --faults-per-hour")
    specs = [fault_of(text) for text in fault or ()] if fault or no_faults else None
    if plot is not None and len(wanted) > 1:
        raise ScenarioError("--plot: draws one seed; give --seed, not --seeds")
    if plot is not None:
        _prove_writable(plot)
    for spec in specs or ():
        if spec.at_s >= played.for_s:
            raise ScenarioError(f"--fault: {spec.option()} begins after the end of the run at {played.for_s:g} s")
    failed = 0
    again = Again(scenario=scenario, part=tuple(again_words(from_h, hours)), has_faults=_own_faults(played))
    with ended_in_order():
        for load in played.loads:
            if isinstance(load, Recorded):
                typer.echo(load.told, err=True)
        for number in wanted:
            result = _one(played, number, specs, again=again if json else None)
            failed += not result.passed
            if plot is not None:
                _draw(plot, result)
            if not result.passed and not json:
                # Who names one fault wants to see it; of those that came otherwise none may be needed.
                _tell_replay(again, played, result, shrink=shrink and len(result.faults) > (1 if specs else 0))
    if len(wanted) > 1 and not json:
        typer.echo(f"{len(wanted)} seeds, {failed} failed")
    return 1 if failed else 0


def prove_rate(per_h: float, *, for_s: float | None) -> None:
    """`for_s`: how long is played, None for long enough. Raises ScenarioError where no fault would come of it."""
    if not 0 < per_h <= 3600:
        raise ScenarioError(f"--faults-per-hour: must be above 0 and up to 3600, not {per_h:g}")
    if for_s is not None and for_s <= QUIET_S:
        raise ScenarioError(
            f"--faults-per-hour: none begins in the last {QUIET_S / 60.0:g} minutes, and {for_s / 60.0:.3g} are "
            "played: play more, or name faults by --fault"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Again:
    """The command that plays a run of this scenario again, `has_faults` if it has any of its own."""

    scenario: str
    part: tuple[str, ...]
    has_faults: bool

    def words(self, result: WorldResult, faults: Sequence[FaultSpec]) -> str:
        words = [*own_words(), "run", self.scenario, "--seed", str(result.seed), *self.part]
        for each in faults:
            words += ["--fault", each.option()]
        if not faults and (result.faults or self.has_faults):
            words.append("--no-faults")
        return shlex.join(words)


def _own_faults(played: WorldScenario) -> bool:
    return bool(played.faults) or played.random_faults is not None


def _one(played: WorldScenario, seed: int, specs: Sequence[FaultSpec] | None, *, again: Again | None) -> WorldResult:
    """`again` is given where JSON is wanted, which has the command, with all of the run's faults."""
    with _progress(f"{played.name}, seed {seed}", quiet=again is not None) as progress:
        result = run_world(played, seed=seed, faults=specs, conduct=Conduct(progress=progress)).result
    if again is None:
        _tell(result)
    else:
        print_json({**result.as_json(), "again": again.words(result, result.faults)})
    return result


def _tell(result: WorldResult) -> None:
    typer.echo(f"{result.scenario}, seed {result.seed}: {'passed' if result.passed else 'FAILED'}")
    for verdict in result.verdicts:
        typer.echo(f"  {verdict}")
    for circuit in result.circuits:
        amps = " / ".join(f"{each:.1f}" for each in circuit.most_a)
        trip = "TRIPPED" if circuit.tripped else "held"
        typer.echo(
            f"  {circuit.id}: most {amps} of {circuit.fuse_a:g} A, {circuit.over_s:.0f} s over it, protection {trip}"
        )
    typer.echo(
        f"  {result.energy_wh / 1000:.1f} of {result.energy_wanted_wh / 1000:.1f} kWh in {result.sessions} sessions, "
        f"{result.turned_away} drivers found no post"
    )
    if result.utilisation is not None:
        typer.echo(f"  {result.utilisation:.1%} of the room used while cars wanted more")
    if result.reactions_s is not None:
        p50, p95, worst = result.reactions_s
        typer.echo(f"  back under the fuse after {p50:.1f} s (p50), {p95:.1f} s (p95), {worst:.1f} s (worst)")
    fairness = ", ".join(f"rank {rank}: {index:.2f}" for rank, index in sorted(result.fairness.items()))
    typer.echo(
        f"  {result.transactions} transactions, {result.transactions_lost} lost, "
        f"{result.transactions_doubled} doubled; "
        f"{result.profiles_per_station_day:.0f} profiles a station and day; "
        f"{result.starts_per_session:.1f} starts and {result.stops_per_session:.1f} stops a session; "
        f"fairness {fairness or 'of nobody'}"
    )
    if result.faults:
        typer.echo(f"  {len(result.faults)} faults: {', '.join(each.option() for each in result.faults)}")


def _tell_replay(again: Again, played: WorldScenario, result: WorldResult, *, shrink: bool) -> None:
    """The command that shows the failure again, with as few faults as it needs."""
    faults = result.faults
    if shrink:
        typer.echo(f"  looking for the fewest faults that still fail, of its {len(faults)} ...", err=True)
        try:
            faults = shrunk(played, result)
        except KeyboardInterrupt:  # whoever has seen enough has a command all the same
            typer.echo(f"  again: {again.words(result, faults)}")
            raise
    typer.echo(f"  again: {again.words(result, faults)}")


def _prove_writable(plot: Path) -> None:
    """Before a day is played for it. Raises ScenarioError."""
    if plot.is_dir() or not plot.absolute().parent.is_dir():
        raise ScenarioError(f"--plot: {plot} can't be written: its folder must be there, and it must be a file")
    was_there = plot.exists()
    try:
        with plot.open("ab"):
            pass
        if not was_there:
            plot.unlink()
    except OSError as exc:
        raise ScenarioError(f"--plot: {plot} can't be written: {exc.strerror or exc}") from exc


def _draw(plot: Path, result: WorldResult) -> None:
    try:
        plot.write_text(svg(result), encoding="utf-8")
    except OSError as exc:
        raise ScenarioError(f"--plot: {plot} can't be written: {exc.strerror or exc}") from exc


def cut(scenario: WorldScenario, from_h: float, hours: float | None) -> WorldScenario:
    """Its part from hour `from_h` on; without `hours` all that is left of it. Raises ScenarioError."""
    whole_h = scenario.for_s / 3600.0
    if not 0 <= from_h < whole_h:
        raise ScenarioError(f"--from: must be 0 or more and below the scenario's {whole_h:g}, not {from_h:g}")
    left_h = whole_h - from_h
    if hours is not None and not 0 < hours <= left_h:
        beyond = f"the scenario's {whole_h:g}" if from_h == 0 else f"the {left_h:g} that are left of the scenario"
        raise ScenarioError(f"--hours: must be above 0 and up to {beyond}, not {hours:g}")
    return part_of(scenario, from_s=from_h * 3600.0, for_s=(left_h if hours is None else hours) * 3600.0)


def again_words(from_h: float, hours: float | None) -> list[str]:
    """The options that play the same part again."""
    later = [] if from_h == 0 else ["--from", digits(from_h)]
    return [*later, *([] if hours is None else ["--hours", digits(hours)])]


def own_words() -> list[str]:
    """What calls this program again: its name, unless a shell wouldn't find it by that."""
    called = sys.argv[0]
    if Path(called).name == MODULE:
        return [sys.executable, "-m", "simulators"]
    found = shutil.which(NAME)
    return [NAME] if called == NAME or (found is not None and found == shutil.which(called)) else [called]


def seeds_of(seed: int | None, seeds: str | None) -> range:
    """What `--seed` and `--seeds` come to. Raises ScenarioError."""
    if seeds is None:
        return range(1 if seed is None else seed, (1 if seed is None else seed) + 1)
    found = SEEDS.fullmatch(seeds)
    if found is None or seed is not None:
        raise ScenarioError(f"--seeds: must be A..B, like 1..100, and without --seed, not {seeds!r}")
    first, last = int(found["first"]), int(found["last"])
    if not first <= last < first + MOST_SEEDS:
        raise ScenarioError(f"--seeds: must go from the lower to the higher, {MOST_SEEDS} at most, not {seeds!r}")
    return range(first, last + 1)


def fault_of(text: str) -> FaultSpec:
    """What `--fault` says. Raises ScenarioError."""
    found = FAULT.fullmatch(text)
    if found is None:
        raise ScenarioError(f"--fault: must be like 30:3600+120 or 14:3600+120@CP-01, not {text!r}")
    return FaultSpec(
        number=int(found["number"]), at_s=float(found["at"]), for_s=float(found["lasts"]), target=found["target"]
    )


@contextmanager
def _progress(label: str, *, quiet: bool) -> Iterator[Progress | None]:
    """A bar on stderr, if that is a terminal."""
    if quiet or not sys.stderr.isatty():
        yield None
        return
    width = max(LEAST_BAR, min(MOST_BAR, shutil.get_terminal_size().columns - len(label) - BESIDE_BAR))
    with typer.progressbar(length=1000, label=label, file=sys.stderr, width=width) as bar:
        done = 0

        def progress(share: float) -> None:
            nonlocal done
            now = int(share * 1000)
            if now > done:
                bar.update(now - done)
                done = now

        yield progress

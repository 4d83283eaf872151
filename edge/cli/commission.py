"""``edge commission``: proves the site, writes the hand-over document, and with its signature begins to control."""

import signal
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from edge import __version__
from edge.cli.commission_bench import Bench
from edge.cli.findings import read
from edge.cli.inventory import read_inventory
from edge.cli.places import SITE_FILE, STATE_FOLDER, ConfigPath, StatePath
from edge.cli.signing import HandOver
from edge.cli.terminal import Loop, Terminal, undisturbed
from edge.cli.tongue import LanguageOption, speaker
from edge.commission.course import commissioning
from edge.commission.handover import document
from edge.commission.steps import Course, Do, Observe, Proof, ReadMeter, StartController, StopController, Tell, Try
from edge.config import Configuration
from edge.config.write import refuse_unwritable
from edge.errors import ClaimError, ConfigurationError, NotProven, SetupLeft, SetupStopped
from edge.language import Speaker
from edge.system.claim import read_claim
from edge.system.logs import LogLevel, configure

OUT = "handover"  # below the state folder


def commission(
    config: ConfigPath = SITE_FILE,
    state: StatePath = STATE_FOLDER,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", metavar="FOLDER", help="Where the hand-over document goes.", show_default=False, readable=False
        ),
    ] = None,
    sign: Annotated[bool, typer.Option(help="Sign when all is proven, and begin to control.")] = True,
    language: LanguageOption = None,
) -> None:
    """Prove the site with a car at each EVSE. Stop the service before. Exit code 1 when something isn't proven."""
    terminal = Terminal(speaker(language, state))
    say = terminal.speaker.say
    configuration = _checked(config, terminal.speaker)
    site_file = config.read_bytes()
    claim = read_claim(state) if sign else None
    if sign and claim is None:
        raise ClaimError(say("commission.no_owner"))
    folder = out if out is not None else state / OUT
    for each in (folder, config.resolve().parent) if sign else (folder,):
        refuse_unwritable(each)  # the proofs take an hour, and are lost where they can't be written
    root = next(each for each in configuration.site.circuits if each.parent is None)
    configure(level=LogLevel.ERROR)  # the meter is read here, too: what matters of it is in the proofs
    loop = Loop()
    bench = Bench(configuration, loop, meter=root.meter)
    # A lost ssh connection leaves as Ctrl-C does: else what controls the unproven site would go on alone.
    for ending in (signal.SIGHUP, signal.SIGTERM):
        signal.signal(ending, signal.default_int_handler)
    try:
        bench.start()
        proofs = _walk(commissioning(configuration.site, (), grid_meter=root.meter), bench, terminal)
        seen = bench.observe(0.0)
    except KeyboardInterrupt:
        raise SetupLeft(say("commission.left")) from None
    except SetupStopped:  # the end of the input
        raise SetupStopped(say("commission.left")) from None
    finally:
        with undisturbed():
            bench.close()
            loop.close()
    at = datetime.now(UTC).isoformat(timespec="seconds")
    paper = document(
        configuration,
        site_file,
        proofs,
        seen,
        speaker=terminal.speaker,
        version=__version__,
        at=at,
        kept={**bench.known_stations(), **read_inventory(state)},
    )
    typer.echo("")
    for proof in paper["proofs"]:
        typer.echo(f"{say('proof.passed' if proof['passed'] else 'proof.failed')}  {proof['name']}: {proof['finding']}")
    hand_over = HandOver(paper=paper, folder=folder)
    hand_over.keep(terminal.speaker)  # before anybody is asked anything: whoever leaves, what was proven is kept
    if paper["passed"] and claim is not None:
        hand_over.sign(claim, config, terminal)
    typer.echo(say("commission.paper", {"path": str(hand_over.file)}))
    if not paper["passed"]:
        raise NotProven(say("commission.not_proven", {"folder": str(folder), "mode": paper["settings"]["mode"]}))


def _checked(config: Path, speaker: Speaker) -> Configuration:
    """The site, whose static proof has passed.

    :raises NotProven: the sums of its currents don't fit.
    :raises ConfigurationError: more is wrong with the file.
    """
    try:
        return read(config)
    except ConfigurationError as exc:
        if not all("has no room for" in each.problem for each in exc.errors):
            raise
        found = "; ".join(f"{each.key} {each.problem}" for each in exc.errors)
        failed = f"{speaker.say('proof.failed')}  {speaker.say('proof.fuses')}: {found}"
        raise NotProven(failed, remedy=exc.errors[0].remedy) from exc


def _walk(course: Course[list[Proof]], bench: Bench, terminal: Terminal) -> list[Proof]:
    answer: Any = None
    while True:
        try:
            step = course.send(answer)
        except StopIteration as end:
            proofs: list[Proof] = end.value
            return proofs
        answer = None
        match step:
            case Do():
                terminal.line(terminal.speaker.say("commission.do", {"what": step.what}))
            case Tell():
                typer.echo(f"{terminal.speaker.tell(step.what)} ...")
            case Observe():
                answer = bench.observe(step.after_s)
            case Try():
                bench.try_limit(step.key, step.limit_a, step.for_s)
            case StopController():
                bench.stop()
            case StartController():
                bench.start()
            case ReadMeter():
                answer = bench.read_meter(step.after_s)

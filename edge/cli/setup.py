"""``edge setup``: asks in the order of the work, checks each answer on the real thing, writes the site file."""

import contextlib
import fcntl
import os
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

import tomli
import typer

from edge.cli.inventory import note_stations
from edge.cli.places import SITE_FILE, STATE_FOLDER, ConfigPath, StatePath
from edge.cli.setup_probes import Probes
from edge.cli.terminal import HIDDEN, Loop, Terminal, undisturbed
from edge.cli.tongue import note_language
from edge.config.write import save
from edge.errors import ClaimError, SetupLeft, SetupStopped, TerminalGone, way_to_write
from edge.language import LANGUAGES, Speaker, texts
from edge.metering.catalogue import FAMILIES
from edge.setup.book import Book, dotted, read_book
from edge.setup.defaults import Defaults, check_shape
from edge.setup.interview import interview
from edge.setup.steps import (
    Ask,
    FindMeters,
    FindPorts,
    Identify,
    LookForStations,
    Pause,
    ReadMeter,
    Seen,
    Tell,
    TryBroker,
    TryCloud,
    TryListen,
)
from edge.system.claim import make_claim, read_claim, reset_by_presence
from edge.system.network import address_for_stations
from edge.system.sealed import LEAST_PASSPHRASE

PORT = 9000
TRIES = 3  # of the owner's passphrase
HOST_NAME = "{hostname}"  # in a file of answers: this gateway's own name
_ON_SITE = (FindMeters, ReadMeter, LookForStations, Identify, TryCloud, TryBroker, TryListen)


def setup(
    config: ConfigPath = SITE_FILE,
    answers: Annotated[
        Path | None,
        typer.Option(
            "--answers",
            metavar="FILE",
            help="Ask nothing: all answers from this file.",
            show_default=False,
            readable=False,
        ),
    ] = None,
    language: Annotated[
        str | None, typer.Option("--language", metavar="en|da|nl|de", help="Don't ask for it.", show_default=False)
    ] = None,
    state: StatePath = STATE_FOLDER,
) -> None:
    """Set the gateway up on site. Asks, checks each answer at once, writes the site file in mode "observe"."""
    if language is not None and language not in LANGUAGES:
        raise typer.BadParameter(f"--language is none of {', '.join(LANGUAGES)}")
    if not config.name or config.is_dir():
        raise SetupStopped(f"{config} is a folder", remedy="name the site file in it, for example site.toml")
    if answers is not None:
        _unattended(config, answers, state, language or "en")
        return
    with _alone(config):
        kept = config.with_name(f".{config.name}.setup")
        book = read_book(_text_of(kept), name=str(kept)) if kept.exists() else Book()
        kept_language = book.get("language") if book.get("language") in LANGUAGES else None
        terminal = Terminal(Speaker(language or kept_language or _language()))
        book.put(("language",), terminal.speaker.language)
        with _told_on_leaving(book, terminal.speaker):
            _claim(terminal, state)
        _at_the_terminal(book, terminal, kept, config, state)


@contextlib.contextmanager
def _told_on_leaving(book: Book, speaker: Speaker) -> Iterator[None]:
    """What becomes of the answers, for whoever leaves while a question is put.

    :raises SetupLeft: by Ctrl-C.
    :raises TerminalGone: by the end of the input.
    """
    try:
        yield
    except (KeyboardInterrupt, TerminalGone) as exc:
        said = speaker.say("left.early" if book.is_empty() else "left")
        if isinstance(exc, TerminalGone):
            raise TerminalGone(said) from None
        typer.echo("")
        raise SetupLeft(said) from None


@contextlib.contextmanager
def _alone(config: Path) -> Iterator[None]:
    """One who answers at a time: the answers of two would be mixed in one file.

    :raises SetupStopped: somebody else is at it, in another terminal; or the folder can't be opened.
    """
    try:
        config.parent.mkdir(parents=True, exist_ok=True)
        folder = os.open(config.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as exc:
        remedy = way_to_write(exc, otherwise="run this as root (sudo), or name another file")
        raise SetupStopped(f"{config.parent} can't be opened ({exc.strerror})", remedy=remedy) from exc
    try:  # the folder's own lock, so that no file is left behind
        fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        raise SetupStopped(
            f"{config} is being set up in another terminal", remedy="go on there, or end it there with Ctrl-C"
        ) from None
    finally:
        os.close(folder)


def _at_the_terminal(book: Book, terminal: Terminal, kept: Path, config: Path, state: Path) -> None:
    loop = Loop()
    file = _existing(config)
    probes = Probes(loop, file=file, config=config)
    try:
        with _told_on_leaving(book, terminal.speaker):
            document = _attended(book, terminal, probes, kept, _defaults(file, state))
        with undisturbed():
            save(config, probes.text(document))
            note_stations(state, book)
            note_language(state, terminal.speaker.language)
            kept.unlink(missing_ok=True)
        terminal.tell(Tell(text="written", values={"path": str(config)}))
        terminal.tell(Tell(text="next", values={"command": _next(config, state)}))
    finally:
        probes.close()
        loop.close()


def _attended(book: Book, terminal: Terminal, probes: Probes, kept: Path, defaults: Defaults) -> Mapping[str, Any]:
    """The site file that was answered; what is answered until somebody leaves is in ``kept``."""
    talk = interview(book, defaults, tuple(FAMILIES))
    answer: Any = None
    try:
        while True:
            step = talk.send(answer)
            save(kept, book.text(), mode=0o600)  # a broker's login may be in it
            match step:
                case Tell() | Pause():
                    answer = None
                    terminal.tell(step) if isinstance(step, Tell) else terminal.pause(step)
                case Ask():
                    answer = terminal.ask(step)
                case _:
                    answer = probes.answer(step)
    except StopIteration as end:
        document: Mapping[str, Any] = end.value
        return document


def _next(config: Path, state: Path) -> str:
    """The command that proves this site, and finds its owner; with sudo for who has come by it."""
    told = [] if state == STATE_FOLDER else ["--state", str(state)]
    rights = ["sudo"] if "SUDO_USER" in os.environ else []
    return shlex.join([*rights, "edge", "commission", "--config", str(config), *told])


def _text_of(file: Path) -> str:
    """:raises SetupStopped: it can't be read."""
    try:
        text = file.read_text(encoding="utf-8")
    except OSError as exc:
        raise SetupStopped(f"{file}: can't be read ({exc.strerror})") from exc
    except ValueError as exc:
        raise SetupStopped(f"{file}: is not UTF-8", remedy="save it as UTF-8") from exc
    if text.startswith("\ufeff"):
        raise SetupStopped(f"{file}: begins with a byte order mark", remedy="save it as UTF-8 without BOM")
    return text


def _unattended(config: Path, answers: Path, state: Path, language: str) -> None:
    """All from a file: what it doesn't say has its default or is told; nothing is looked for on site."""
    book = read_book(_text_of(answers).replace(HOST_NAME, _host_name()), name=str(answers))
    speaker = Speaker(book.get("language") if book.get("language") in LANGUAGES else language)
    file = _existing(config)
    config.parent.mkdir(parents=True, exist_ok=True)
    probes = Probes(Loop(), file=file, config=config)
    talk = interview(book, _defaults(file, state), tuple(FAMILIES))
    answer: Any = None
    findings: list[str] = []
    try:
        while True:
            step = talk.send(answer)
            answer = None
            match step:
                case Tell(text="finding"):
                    findings.append(str(step.values["finding"]))
                case Tell(text="note"):
                    typer.echo(speaker.say(step.text, step.values))
                case Ask(text="again"):
                    raise SetupStopped(f"{answers}: the site that it describes isn't sound:\n" + "\n".join(findings))
                case Ask():
                    answer = _from_file(step, speaker, answers)
                case Pause(text="stations.key"):
                    typer.echo(speaker.say(step.text, step.values))
                case LookForStations():
                    answer = Seen()
                case FindPorts():
                    answer = {}
                case step if not isinstance(step, (*_ON_SITE, Tell, Pause)):
                    answer = probes.answer(step)
    except StopIteration as end:
        save(config, probes.text(end.value))
        note_stations(state, book)
    typer.echo(speaker.say("written", {"path": str(config)}))
    typer.echo(speaker.say("next", {"command": _next(config, state)}))


def _from_file(step: Ask, speaker: Speaker, answers: Path) -> str:
    name = f"{answers}: {dotted(step.key)}"
    help_text = speaker.say(f"help.{step.text}", step.values)
    if step.options:  # whose numbers a file doesn't show
        help_text += f" ({', '.join(each.name for each in step.options)})"
    if step.refused is not None:
        answer = HIDDEN if step.is_secret else step.refused
        raise SetupStopped(f"{name}: {speaker.say('refused', {'answer': answer, 'help': help_text})}")
    if step.absent is None:
        raise SetupStopped(f"{name}: {speaker.say('missing')}", remedy=help_text)
    return step.absent


def _claim(terminal: Terminal, state: Path) -> None:
    """The owner shows that he is it; the first who comes becomes it.

    :raises ClaimError: the passphrase was wrong too often.
    """
    reset_by_presence(state)
    say = terminal.speaker.say
    claim = read_claim(state)
    if claim is None:
        typer.echo(say("claim.new"))
        while len(first := terminal.secret(say("claim.passphrase"))) < LEAST_PASSPHRASE or first != terminal.secret(
            say("claim.again")
        ):
            typer.echo(say("claim.short") if len(first) < LEAST_PASSPHRASE else say("claim.differs"))
        make_claim(state, first)
        return
    for _ in range(TRIES):
        if claim.opens(terminal.secret(say("claim.known"))):
            return
        typer.echo(say("claim.wrong"))
    raise ClaimError("this is not the passphrase of this gateway's owner")


def _language() -> str:
    names = [texts(each)["name"] for each in LANGUAGES]
    for number, name in enumerate(names, 1):
        typer.echo(f"  {number}) {name}")
    english = Terminal(Speaker("en"))
    while True:
        said = english.line("Language / Sprog / Taal / Sprache [1]: ").strip().casefold() or "1"
        for number, (language, name) in enumerate(zip(LANGUAGES, names, strict=True), 1):
            if said in (str(number), language, name.casefold()):
                return language


def _existing(config: Path) -> str | None:
    """The site file's text; None where there is none.

    :raises SetupStopped: it is there and can't be read as TOML.
    """
    try:
        text = config.read_text(encoding="utf-8")
        check_shape(tomli.loads(text))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as exc:
        raise SetupStopped(
            f"{config} is there and can't be read ({getattr(exc, 'strerror', None) or exc})",
            remedy="put it right (edge check names the line), or move it away",
        ) from exc
    return text


def _defaults(file: str | None, state: Path) -> Defaults:
    return Defaults(
        document=tomli.loads(file) if file is not None else {},
        timezone=_timezone(),
        listen=f"{address_for_stations()}:{PORT}",
        storage=str(state.absolute()) if state != STATE_FOLDER else None,
    )


def _timezone() -> str:
    """The machine's own."""
    try:
        link = Path("/etc/localtime").resolve()
        return link.relative_to("/usr/share/zoneinfo").as_posix().replace("Etc/", "")
    except (OSError, ValueError):
        return "UTC"


def _host_name() -> str:
    import socket

    return socket.gethostname()

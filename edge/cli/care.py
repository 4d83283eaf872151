"""``edge support-bundle``, ``edge backup``, ``edge restore``, ``edge factory-reset``: what the gateway keeps, taken
along, brought back, or given up."""

import contextlib
import io
import platform
import re
import shutil
import subprocess
import tarfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated
from urllib.parse import quote

import orjson
import tomli
import typer

from edge import __version__
from edge.cli.control_socket import STATUS, asked_at, get
from edge.cli.findings import read
from edge.cli.hiding import secrets_of, without_secrets
from edge.cli.places import SITE_FILE, STATE_FOLDER, ConfigPath, SocketPath, StatePath
from edge.cli.terminal import Terminal, undisturbed
from edge.config.write import save
from edge.errors import ClaimError, ControllerUnreachable, ProblemUnusable, SealBroken, SetupStopped
from edge.language import Speaker
from edge.ownership import as_its_folder
from edge.storage.database import refuse_later
from edge.storage.lock import locked
from edge.storage.snapshot import is_database, is_worth_keeping, put_back, snapshot
from edge.system.claim import read_claim, reset_by_presence
from edge.system.sealed import LEAST_PASSPHRASE, seal, unseal

SITE_MEMBER, STATE_MEMBER = "site.toml", "state"
JOURNAL_LINES = 5000
Target = Annotated[Path, typer.Argument(metavar="FILE", help="The file to write.", show_default=False, readable=False)]
PassphraseFile = Annotated[
    Path | None,
    typer.Option(
        "--passphrase-file", metavar="FILE", help="Ask nothing: its first line.", show_default=False, readable=False
    ),
]


def support_bundle(target: Target, config: ConfigPath = SITE_FILE, socket: SocketPath = None) -> None:
    """Write what support needs as .tar.gz. Site file, status, traces, journal; keys and tokens are hidden."""
    parts: dict[str, bytes] = {
        "versions.txt": f"edge {__version__}\npython {platform.python_version()}\n{platform.platform()}\n".encode()
    }
    known: tuple[str, ...] = ()
    if config.exists():
        site_file = config.read_text(encoding="utf-8", errors="replace")
        known = secrets_of(site_file)
        parts[SITE_MEMBER] = site_file.encode()
    sockets = asked_at(socket)
    try:
        status = get(sockets, STATUS)
        parts["status.json"] = status
        for station in orjson.loads(status).get("stations", ()):
            name = re.sub(r"[^A-Za-z0-9._-]", "_", station["id"])
            parts[f"trace/{name}.json"] = get(sockets, f"/api/v1/stations/{quote(station['id'], safe='')}/trace")
    except ControllerUnreachable as exc:
        parts["status.txt"] = f"{exc}\n".encode()
    parts["journal.txt"] = _journal().encode()
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for name, content in parts.items():
            _add(archive, name, without_secrets(content.decode(errors="replace"), known).encode())
    save(target, packed.getvalue())
    typer.echo(f"{target}: {', '.join(parts)}")


def backup(
    target: Target, config: ConfigPath = SITE_FILE, state: StatePath = STATE_FOLDER, passphrase: PassphraseFile = None
) -> None:
    """Write site file and state, encrypted with a passphrase. The gateway may run."""
    site_file = config.read_bytes() if config.exists() else b""
    _refuse_other_state(site_file, config, state)
    secret = _passphrase(passphrase, twice=True)
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        if config.exists():
            _add(archive, SITE_MEMBER, site_file)
        for file in sorted(state.rglob("*")) if state.exists() else ():
            if file.is_file() and not file.is_symlink() and is_worth_keeping(file):
                content = snapshot(file) if is_database(file) else file.read_bytes()
                _add(archive, f"{STATE_MEMBER}/{file.relative_to(state)}", content)
    save(target, seal(packed.getvalue(), secret), mode=0o600)
    typer.echo(f"{target}: site file and state, readable with the passphrase only")


def restore(
    source: Annotated[
        Path, typer.Argument(metavar="FILE", help="What edge backup wrote.", show_default=False, readable=False)
    ],
    config: ConfigPath = SITE_FILE,
    state: StatePath = STATE_FOLDER,
    passphrase: PassphraseFile = None,
) -> None:
    """Bring back what edge backup wrote. Stop the service before."""
    _refuse_while_running()
    sealed, secret = _read(source), _passphrase(passphrase, twice=False)
    try:
        content = unseal(sealed, secret)
    except SealBroken as exc:
        raise SealBroken(f"{source}: {exc.what}", remedy=exc.remedy or "give a file that edge backup wrote") from None
    try:
        with tarfile.open(fileobj=io.BytesIO(content), mode="r:gz") as archive:
            files = {each.name: _content(archive, each) for each in archive.getmembers() if each.isfile()}
    except tarfile.TarError as exc:
        raise SealBroken(f"{source}: what is in it is no backup") from exc
    _refuse_other_state(files.get(SITE_MEMBER, b""), config, state)
    places = {name: config if name == SITE_MEMBER else _inside(state, name) for name in files}
    for name, place in places.items():
        if is_database(place):
            refuse_later(files[name], place)
    was = config.read_bytes() if config.exists() else b""
    if passphrase is None and was.strip() and was != files.get(SITE_MEMBER):
        asked = (
            f"{config} has another site, which would be lost with what {state} keeps. Type RESTORE to replace them: "
        )
        if _typed(asked).strip() != "RESTORE":
            raise ProblemUnusable("nothing was restored")
    with locked(state), undisturbed():
        # The site file last: cut off before it, a new card's gateway waits to be set up, and isn't anybody's to claim.
        for name, data in sorted(files.items(), key=lambda each: each[0] == SITE_MEMBER):
            _put(data, places[name], 0o640 if name == SITE_MEMBER else 0o600)
    typer.echo(f"restored {len(files)} files")
    if SITE_MEMBER in files:
        read(config)


def factory_reset(
    config: ConfigPath = SITE_FILE,
    state: StatePath = STATE_FOLDER,
    yes: Annotated[bool, typer.Option("--yes", help="Don't ask whether it is meant.")] = False,
) -> None:
    """Give up site file, state and claim: as delivered. Takes the owner's passphrase, or presence at the gateway."""
    _refuse_while_running()
    elsewhere = _stored_elsewhere(config.read_bytes() if config.exists() else b"", config, state)
    if not yes and _typed(f"Delete {config} and {state}? Type RESET: ").strip() != "RESET":
        raise ProblemUnusable("nothing was deleted")
    # What runs may not answer: a socket of its own, a machine that is busy.
    with locked(state) if state.exists() else contextlib.nullcontext():
        present = reset_by_presence(state)  # takes the claim away at once, so after the question
        claim = read_claim(state)
        if claim is not None and not present and not claim.opens(_typed("Passphrase of the gateway", hidden=True)):
            raise ClaimError(
                "this is not the passphrase of this gateway's owner",
                remedy="or show presence: put a file edge-reset onto the boot partition, see docs/installer.md",
            )
        with undisturbed():
            _delete(config, state)
    typer.echo("reset: the gateway has no site and no owner; edge setup begins anew")
    if elsewhere is not None:  # the site file named it, and may have named any folder
        typer.echo(f"what the site file had stored in {elsewhere} is as it was: delete that by hand")


def _delete(config: Path, state: Path) -> None:
    """Site file, half-done set-up and state."""
    if config.exists():
        config.write_bytes(b"")  # as the package brings it, with its owner and mode
    config.with_name(f".{config.name}.setup").unlink(missing_ok=True)
    for each in state.iterdir() if state.exists() else ():
        if each.is_dir() and not each.is_symlink():
            shutil.rmtree(each)
        else:
            each.unlink()


def _refuse_other_state(site_file: bytes, config: Path, state: Path) -> None:
    """:raises ProblemUnusable: the site's journal and tokens aren't in ``state``."""
    elsewhere = _stored_elsewhere(site_file, config, state)
    if elsewhere is not None:
        raise ProblemUnusable(
            f"the site file keeps its state in {elsewhere}, not in {state}", remedy=f"give --state {elsewhere}"
        )


def _stored_elsewhere(site_file: bytes, config: Path, state: Path) -> Path | None:
    """The folder that the site file names, where it isn't ``state``; None of a file that names none."""
    try:
        named = tomli.loads(site_file.decode())["storage"]["path"]
        folder = (config.parent / named).resolve()
    except (ValueError, LookupError, TypeError, RecursionError):
        return None
    return folder if folder != state.resolve() else None


def _put(data: bytes, place: Path, mode: int) -> None:
    """A restored file that the service can read: owner and mode of the one that was there, else its folder's and
    that mode."""
    for folder in reversed([each for each in place.parents if not each.exists()]):
        folder.mkdir(mode=0o750)
        as_its_folder(folder)
    if is_database(place):
        put_back(place, data)
        return
    save(place, data, mode=mode)


def _journal() -> str:
    """The end of the service's log; empty where the machine has no journal."""
    program = shutil.which("journalctl")
    if program is None:
        return "this machine has no journal\n"
    command = [program, "-u", "edge-controller", "-n", str(JOURNAL_LINES), "--no-pager", "-o", "short-iso"]
    return subprocess.run(command, capture_output=True, check=False).stdout.decode(errors="replace")  # noqa: S603


def _passphrase(file: Path | None, *, twice: bool) -> str:
    if file is not None:
        try:
            said = _read(file).decode().split("\n", 1)[0].rstrip("\r")
        except UnicodeDecodeError as exc:
            raise ProblemUnusable(f"{file}: is no text", remedy="the passphrase is its first line") from exc
    else:
        said = _typed("Passphrase of the backup", hidden=True)
        if twice and _typed("Once more", hidden=True) != said:
            raise ProblemUnusable("these two passphrases differ")
    if len(said) < LEAST_PASSPHRASE:
        raise ProblemUnusable(f"the passphrase has fewer than {LEAST_PASSPHRASE} characters")
    return said


def _typed(prompt: str, *, hidden: bool = False) -> str:
    """What is typed.

    :raises ProblemUnusable: nobody is there to type.
    """
    terminal = Terminal(Speaker("en"))
    try:
        return terminal.secret(prompt) if hidden else terminal.line(prompt)
    except SetupStopped as exc:
        raise ProblemUnusable("nothing was typed, and nothing was done") from exc


def _read(file: Path) -> bytes:
    """What is in a file that the command names.

    :raises ProblemUnusable: it can't be read.
    """
    try:
        return file.read_bytes()
    except OSError as exc:
        raise ProblemUnusable(f"{file}: can't be read ({exc.strerror})") from exc


def _refuse_while_running() -> None:
    """:raises ProblemUnusable: the gateway's program runs and would write over it."""
    try:
        get(asked_at(None), "/healthz")
    except ControllerUnreachable as exc:
        if "no controller" in str(exc):
            return
    raise ProblemUnusable("the gateway's program is running", remedy="sudo systemctl stop edge-controller")


def _inside(folder: Path, name: str) -> Path:
    """:raises SealBroken: the name leads out of the folder."""
    head, _, rest = name.partition("/")
    place = (folder / rest).resolve()
    if head != STATE_MEMBER or not rest or folder.resolve() not in place.parents:
        raise SealBroken(f"the backup has '{name[:60]}' in it, which is no file of the gateway")
    return place


def _content(archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    stream = archive.extractfile(member)
    return stream.read() if stream is not None else b""


def _add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size, member.mode, member.mtime = len(content), 0o600, int(datetime.now(UTC).timestamp())
    archive.addfile(member, io.BytesIO(content))

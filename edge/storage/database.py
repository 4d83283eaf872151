"""Opening one SQLite file: its form brought up to date, a damaged one set aside, a later one read if it allows it.

Files are in WAL mode. With ``synchronous=FULL`` a commit is one append to the write-ahead log and one fsync.
"""

import contextlib
import os
import re
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import structlog

from edge.chance import Chance
from edge.errors import StorageFailed, StorageTooNew
from edge.ownership import as_its_folder

log = structlog.get_logger(__name__)

BUSY_S = 5.0  # a command line that writes a token holds the file for milliseconds
# The log is written back at 1,000 pages of 4 KiB; it is cut to this afterwards, so that a burst leaves no large file.
LOG_BYTES = 8_000_000
DAMAGED_KEPT = 3  # of each file, for a person to look at; the oldest make room
_DAMAGED = ".damaged-"
_MAGIC = b"SQLite format 3\0"  # the first bytes of each file (https://www.sqlite.org/fileformat2.html §1.3.1)
_FORMATS = slice(18, 20)  # in the same place: how the file is written and read, 2 with a write-ahead log
_WITHOUT_LOG = b"\1\1"
_MIGRATION = re.compile(r"(?P<name>[a-z]+)-(?P<version>\d+)\.sql")


@dataclass(frozen=True, slots=True, kw_only=True)
class Schema:
    """The form of a file. ``steps[n]`` brings version n to n + 1. ``readable_from``: the oldest release's version that
    reads a file of the newest form rightly; additions alone leave it as it is."""

    name: str
    steps: Sequence[str]
    readable_from: int = 1

    @property
    def version(self) -> int:
        """The newest form."""
        return len(self.steps)


def schemas() -> Mapping[str, Schema]:
    """The forms of all files, as they come with the program."""
    found: dict[str, dict[int, str]] = {}
    for file in resources.files("edge.storage.schema").iterdir():
        match = _MIGRATION.fullmatch(file.name)
        if match is not None:
            found.setdefault(match["name"], {})[int(match["version"])] = file.read_text("utf-8")
    return {name: Schema(name=name, steps=[steps[n] for n in sorted(steps)]) for name, steps in found.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """An open file. ``damaged``: where the damaged one lies that was in its place; None where all was well."""

    connection: sqlite3.Connection
    damaged: Path | None


def open_database(
    path: Path,
    schema: Schema,
    *,
    synchronous: str = "FULL",
    vfs: str | None = None,
    heal: bool = True,
    proof: Callable[[sqlite3.Connection], None] = lambda _connection: None,
    chance: Chance | None = None,
) -> Opened:
    """Open or make the file at ``path``. ``heal``: a damaged one is set aside, and a new one is made. ``proof``: raises
    what :func:`is_damage` knows, where the rows aren't what they should be. ``chance``: what ``randomblob`` gives;
    SQLite's own, unless given.

    :raises StorageTooNew: a later release made it, and this one can't read it.
    :raises StorageFailed: it can't be opened at all.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        try:
            if heal:
                look(path)
            return Opened(connection=_open(path, schema, synchronous, vfs, chance, proof), damaged=None)
        except sqlite3.DatabaseError as exc:
            if not heal or not is_damage(exc):
                raise
            damaged = set_aside(path)
            log.exception("a damaged file is set aside", file=str(path), kept_as=str(damaged))
            return Opened(connection=_open(path, schema, synchronous, vfs, chance, proof), damaged=damaged)
    except (sqlite3.Error, OSError) as exc:
        raise StorageFailed(
            f"{path} can't be opened ({exc})", remedy="is the folder there, and ours to write?"
        ) from exc


def is_damage(error: sqlite3.Error) -> bool:
    """Whether the file is no database or a malformed one, as against a disk that refuses."""
    code = getattr(error, "sqlite_errorcode", None)
    return code is not None and code & 0xFF in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def connect(path: Path, *, vfs: str | None = None, read_only: bool = False) -> sqlite3.Connection:
    """A connection in which nothing is done behind our back: transactions are begun and ended by us."""
    query = [f"vfs={vfs}"] if vfs else []
    query += ["mode=ro"] if read_only else []
    uri = path.absolute().as_uri() + ("?" + "&".join(query) if query else "")
    connection = sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False, timeout=BUSY_S)
    connection.row_factory = sqlite3.Row
    return connection


def _open(
    path: Path,
    schema: Schema,
    synchronous: str,
    vfs: str | None,
    chance: Chance | None,
    proof: Callable[[sqlite3.Connection], None],
) -> sqlite3.Connection:
    connection = connect(path, vfs=vfs)
    try:
        if chance is not None:
            connection.create_function("randomblob", 1, lambda size: bytes.fromhex(chance.token(size)))
        path.chmod(0o600)  # messages hold tokens
        as_its_folder(path)  # before SQLite makes the log, whose owner is the file's
        connection.execute("PRAGMA journal_mode=WAL").fetchone()
        connection.execute(f"PRAGMA synchronous={synchronous}")
        connection.execute(f"PRAGMA journal_size_limit={LOG_BYTES}")
        connection.execute("PRAGMA secure_delete=ON")  # what a person had erased is not to be left in free pages
        _check(connection)
        _migrate(connection, path, schema)
        proof(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def look(path: Path) -> None:
    """Raise for a file that doesn't begin as one of SQLite's, or is empty beside a log: before SQLite sees it, which
    throws the log away then. Not for a file that this process has open: its locks would go with ours
    (https://www.sqlite.org/howtocorrupt.html §2.2)."""
    head = b""
    if path.is_file():
        with path.open("rb") as stream:
            head = stream.read(len(_MAGIC))
    log = path.with_name(path.name + "-wal")
    if head != _MAGIC and (head or (log.is_file() and log.stat().st_size > 0)):
        error = sqlite3.DatabaseError("it doesn't begin as a database does")
        error.sqlite_errorcode = sqlite3.SQLITE_NOTADB
        raise error


def _check(connection: sqlite3.Connection) -> None:
    verdict = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    if verdict != "ok":
        error = sqlite3.DatabaseError(verdict)
        error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
        raise error


def _migrate(connection: sqlite3.Connection, path: Path, schema: Schema) -> None:
    version = _form(connection, path, schema)
    if version > schema.version:
        log.info("a file of a later release is used", file=str(path), form=version)
        return
    for step in range(version, schema.version):
        with transaction(connection):
            connection.execute("CREATE TABLE IF NOT EXISTS form (readable_from INTEGER NOT NULL) STRICT")
            connection.execute("DELETE FROM form")
            connection.execute("INSERT INTO form VALUES (?)", (schema.readable_from,))
            for statement in statements(schema.steps[step]):
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version={step + 1}")


def refuse_later(content: bytes, path: Path) -> None:
    """Look at the whole of a file that is to have its place at ``path``. A damaged one passes: it is healed there.

    :raises StorageTooNew: a later release made it, and this one can't read it.
    """
    schema = schemas().get(path.stem)
    if schema is None:
        return
    # In memory there is no write-ahead log (https://www.sqlite.org/c3ref/deserialize.html).
    alone = content[: _FORMATS.start] + _WITHOUT_LOG + content[_FORMATS.stop :]
    with contextlib.suppress(sqlite3.Error), contextlib.closing(sqlite3.connect(":memory:")) as connection:
        connection.deserialize(alone)
        _form(connection, path, schema)


def _form(connection: sqlite3.Connection, path: Path, schema: Schema) -> int:
    """The form of a file that this release can read."""
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    if version > schema.version:
        readable_from = connection.execute("SELECT readable_from FROM form").fetchone()[0]
        if readable_from > schema.version:
            raise StorageTooNew(
                f"{path} has form {version}, this release reads up to {schema.version}",
                remedy="install the release that wrote it, or a later one",
            )
    return version


@contextlib.contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """All that is written within, or nothing."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        with contextlib.suppress(sqlite3.Error):
            connection.execute("ROLLBACK")
        raise


def pages(connection: sqlite3.Connection, pragma: str) -> int:
    """What one of SQLite's pragmas counts: ``page_count``, ``freelist_count``, ``page_size``."""
    return int(connection.execute(f"PRAGMA {pragma}").fetchone()[0])


def statements(script: str) -> list[str]:
    """The statements of a script; one transaction holds them all, which ``executescript`` would not let be."""
    found, part = [], ""
    for line in script.splitlines(keepends=True):
        part += line
        if sqlite3.complete_statement(part):
            found.append(part.strip())
            part = ""
    return found


def set_aside(path: Path) -> Path:
    """Move a file and its log out of the way; says where it lies now. The oldest of these are deleted."""
    earlier = sorted(numbered(path), key=lambda found: found[0])
    number = earlier[-1][0] + 1 if earlier else 1
    target = path.with_name(f"{path.name}{_DAMAGED}{number}")
    for suffix in ("-wal", "-shm", ""):  # the log first: without its file it is of no use to anyone
        source = path.with_name(path.name + suffix)
        if source.exists():
            source.rename(target.with_name(target.name + suffix))
    for _, old in earlier[: max(0, len(earlier) + 1 - DAMAGED_KEPT)]:
        for suffix in ("-wal", "-shm", ""):
            old.with_name(old.name + suffix).unlink(missing_ok=True)
    sync_folder(path.parent)
    return target


def numbered(path: Path) -> list[tuple[int, Path]]:
    """The files that were set aside in the place of this one, by number."""
    found = []
    before = path.name + _DAMAGED
    for name in os.listdir(path.parent):  # noqa: PTH208 - a path for each file would take longer than all else here
        number = name.removeprefix(before)
        if number.isdecimal() and name != number:
            found.append((int(number), path.with_name(name)))
    return found


def sync_folder(folder: Path) -> None:
    """Have the names in a folder on the disk, too."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

"""Opening one SQLite file: its form brought up to date, a damaged one set aside, a later one read if it allows it.

Files are in WAL mode. With ``synchronous=FULL`` a commit is one append to the write-ahead log and one fsync.
"""

import contextlib
import re
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import structlog

from edge.chance import Chance
from edge.errors import NO_ROOM, StorageFailed, StorageTooNew, way_to_write
from edge.ownership import as_its_folder
from edge.storage import damage, write_ahead

log = structlog.get_logger(__name__)

BUSY_S = 5.0  # a command line that writes a token holds the file for milliseconds
# The log is written back at 1,000 pages of 4 KiB; it is cut to this afterwards, so that a burst leaves no large file.
LOG_BYTES = 8_000_000
SHRUNK_PAGES = 500  # 2 MB, which are written in a second
# How a file is written and read, 2 with a write-ahead log (https://www.sqlite.org/fileformat2.html §1.3.2).
_FORMATS = slice(18, 20)
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
    """An open file. ``damaged``: where the damaged one lies that was in its place, if there was any; None where all was
    well."""

    connection: sqlite3.Connection
    damaged: Path | None


def _believe(_connection: sqlite3.Connection) -> None:
    """No proof is wanted."""


def open_database(
    path: Path,
    schema: Schema,
    *,
    synchronous: str = "FULL",
    vfs: str | None = None,
    heal: Callable[[Path, sqlite3.Connection], None] | None = None,
    expected: bool = False,
    proof: Callable[[sqlite3.Connection], None] = _believe,
    chance: Chance | None = None,
) -> Opened:
    """Open or make the file at ``path``. ``heal``: fills a new file, which takes the place of a damaged one when that
    is done; the damaged one is set aside. What is cut off is done again at the next start. ``expected``: one that is
    gone or empty is damaged, too. ``proof``: raises what :func:`damage.is_damage` knows, where the rows aren't what
    they should be. ``chance``: what ``randomblob`` gives; SQLite's own, unless given.

    :raises StorageTooNew: a later release made it, and this one can't read it.
    :raises StorageFailed: it can't be opened at all.
    """

    def opened(file: Path, prove: Callable[[sqlite3.Connection], None]) -> sqlite3.Connection:
        return _open(file, schema, synchronous, vfs, chance, prove)

    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        try:
            if heal is not None:
                damage.finish(path)
                damage.look(path, expected=expected)
                write_ahead.look(path)
            return Opened(connection=opened(path, proof), damaged=None)
        except sqlite3.DatabaseError as exc:
            if heal is None or not damage.is_damage(exc):
                raise
            with damage.draft_of(path) as draft, contextlib.closing(opened(draft, _believe)) as connection:
                heal(path, connection)
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            kept_as = damage.replaced(path)
            if kept_as.exists():
                log.exception("a damaged file is set aside", file=str(path), kept_as=str(kept_as))
            else:
                log.exception("a file was gone, and is made of its copy", file=str(path))
            return Opened(connection=opened(path, proof), damaged=kept_as)
    except (sqlite3.Error, OSError) as exc:
        why = exc.strerror or exc if isinstance(exc, OSError) else exc
        raise StorageFailed(f"{path} can't be opened ({why})", remedy=_way_to_open(exc)) from exc


def is_full(error: sqlite3.Error) -> bool:
    """Whether the disk has no room for it."""
    code: int = getattr(error, "sqlite_errorcode", 0)
    return code & 0xFF == sqlite3.SQLITE_FULL


def _way_to_open(refusal: sqlite3.Error | OSError) -> str:
    """What to do where a file can't be opened."""
    otherwise = "is the folder there, and ours to write?"
    if isinstance(refusal, OSError):
        return way_to_write(refusal, otherwise=otherwise)
    return NO_ROOM if is_full(refusal) else otherwise


class _Connection(sqlite3.Connection):
    """One that says of a file whose form is no text any more that it is damaged: SQLite names what it can't read, and
    Python can't read that name."""

    def execute(self, sql: str, values: Any = (), /) -> sqlite3.Cursor:
        try:
            return super().execute(sql, values)
        except UnicodeDecodeError as exc:
            raise damage.found(exc.object.decode("utf-8", "replace")) from exc


def connect(path: Path, *, vfs: str | None = None, read_only: bool = False) -> sqlite3.Connection:
    """A connection in which nothing is done behind our back: transactions are begun and ended by us."""
    query = [f"vfs={vfs}"] if vfs else []
    query += ["mode=ro"] if read_only else []
    uri = path.absolute().as_uri() + ("?" + "&".join(query) if query else "")
    connection = sqlite3.connect(
        uri, uri=True, isolation_level=None, check_same_thread=False, timeout=BUSY_S, factory=_Connection
    )
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


def _check(connection: sqlite3.Connection) -> None:
    verdict = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    if verdict != "ok":
        raise damage.found(verdict)


def _migrate(connection: sqlite3.Connection, path: Path, schema: Schema) -> None:
    version = _form(connection, path, schema)
    if version > schema.version:
        log.info("a file of a later release is used", file=str(path), form=version)
        return
    _bring_up(connection, schema, version)
    with contextlib.closing(sqlite3.connect(":memory:", isolation_level=None)) as fresh:
        _bring_up(fresh, schema, 0)
        if not _parts(fresh) <= _parts(connection):
            # A trigger or a check that is another can be read, and each message is refused for it.
            raise damage.found("its form isn't what was made")


def _parts(connection: sqlite3.Connection) -> set[tuple[str, str]]:
    """The tables, indexes and triggers of a file."""
    found = connection.execute("SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL")
    return {(name, sql) for name, sql in found}


def _bring_up(connection: sqlite3.Connection, schema: Schema, version: int) -> None:
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
    with (
        contextlib.suppress(sqlite3.Error),
        contextlib.closing(sqlite3.connect(":memory:", factory=_Connection)) as connection,
    ):
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


def tidy(connection: sqlite3.Connection, *, is_short: bool) -> None:
    """Write the log back. Where the disk ``is_short`` it gets back what file and log take and have no more use for, as
    far as that is most of it and the rest is soon written anew. Raises sqlite3.Error."""
    if not is_short:
        connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
        return
    free = pages(connection, "freelist_count")
    used = pages(connection, "page_count") - free
    if used < SHRUNK_PAGES < free:
        connection.execute("PRAGMA temp_store=MEMORY")  # the disk is full
        connection.execute("VACUUM")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()


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

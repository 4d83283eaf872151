"""The site's tokens as the command line sees them: beside a controller that may be running on the same files."""

import contextlib
import sqlite3
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from edge.domain.journal import PutSiteToken, RemoveSiteToken, Write
from edge.domain.token import SiteToken, TokenHash
from edge.storage import copies, rows, token_rows
from edge.storage.beside import folder_there, open_beside
from edge.storage.proof import DAMAGE, prove
from edge.storage.salvage import copy_good


class TokenFile:
    """The registry and the journal in ``folder``. Every method may raise :class:`edge.errors.StorageError`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder_there(folder)

    def all(self) -> list[SiteToken]:
        """The site's own tokens, by name."""
        with open_beside(self._folder, rows.REGISTRY) as connection:
            return token_rows.site_tokens(connection)

    def get(self, token: TokenHash) -> SiteToken | None:
        """One of them."""
        return next((own for own in self.all() if own.hash == token), None)

    def put(self, tokens: Iterable[SiteToken]) -> None:
        """Keep these, all or none."""
        self._write(PutSiteToken(token=token) for token in tokens)

    def remove(self, token: TokenHash) -> None:
        """Forget one."""
        self._write([RemoveSiteToken(hash=token)])

    def export(self, token: TokenHash, text: str) -> dict[str, Any]:
        """All that is kept of one token: what was entered, what the cloud said, sessions, messages under way."""
        with open_beside(self._folder, rows.REGISTRY) as registry, open_beside(self._folder, rows.JOURNAL) as journal:
            return {
                "site_token": _rows(registry, "SELECT * FROM site_token WHERE hash = ?", token),
                "site_token_need": _rows(registry, "SELECT * FROM site_token_need WHERE hash = ?", token),
                "said_by_the_cloud": _rows(registry, "SELECT * FROM cached_token WHERE hash = ?", token),
                "local_lists": _rows(registry, "SELECT * FROM listed_token WHERE hash = ?", token),
                "transactions": _rows(journal, "SELECT * FROM charge WHERE token = ?", token),
                "sessions": _rows(journal, "SELECT * FROM session WHERE token = ?", token),
                "messages_for_the_cloud": _messages(journal, token, text),
            }

    def erase(self, token: TokenHash, text: str) -> int:
        """Delete all that is kept of one token, in the copy that is kept too.

        Says how many messages for the cloud still name it: the operator's accounts, which go when they are delivered.
        """
        with open_beside(self._folder, rows.REGISTRY) as registry:
            _all(registry, [f"DELETE FROM {table} WHERE hash = ?" for table in _TABLES], token)  # noqa: S608 - ours
            _all(registry, _without_token(copies.CHARGES), token)
            copy_good(registry, self._folder / f"{rows.REGISTRY}.good.db")
        with open_beside(self._folder, rows.JOURNAL) as journal:
            _all(journal, _without_token("charge"), token)
            _all(journal, ["UPDATE session SET token = NULL, hint = '' WHERE token = ?"], token)
            return len(_messages(journal, token, text))

    def _write(self, writes: Iterable[Write]) -> None:
        with open_beside(self._folder, rows.REGISTRY) as connection:
            connection.execute("BEGIN IMMEDIATE")
            for write in writes:
                for sql, values in rows.statements(write):
                    connection.execute(sql, values)
            connection.execute("COMMIT")
            # A registry that is healed falls back on the copy: no card is to come back, or to be let in again, that was
            # removed or blocked since the last start. Nothing damaged is copied; without room the old copy stays.
            with contextlib.suppress(*DAMAGE, OSError):
                prove(connection)
                copy_good(connection, self._folder / f"{rows.REGISTRY}.good.db")


_TABLES = ("site_token", "site_token_need", "cached_token", "listed_token")


def _without_token(charges: str) -> list[str]:
    """What the station may ask again of a transaction that runs stays: the answer to its begin."""
    return [
        f"UPDATE {charges} SET token = NULL, answer = NULL WHERE token = ? AND ended IS NOT NULL",  # noqa: S608 - ours
        f"UPDATE {charges} SET token = NULL WHERE token = ?",  # noqa: S608 - ours
    ]


def _rows(connection: sqlite3.Connection, sql: str, token: TokenHash) -> list[Mapping[str, Any]]:
    return [dict(row) for row in connection.execute(sql, (token,))]


def _messages(journal: sqlite3.Connection, token: TokenHash, text: str) -> list[Mapping[str, Any]]:
    found = journal.execute(
        "SELECT seq, station, action, taken_at, state, text FROM entry WHERE instr(lower(text), lower(?)) "
        "OR (station, transaction_key) IN (SELECT station, transaction_key FROM charge WHERE token = ?) ORDER BY seq",
        (f'"{text.strip()}"', token),
    )
    return [dict(row) for row in found]


def _all(connection: sqlite3.Connection, statements: Iterable[str], token: TokenHash) -> None:
    connection.execute("BEGIN IMMEDIATE")
    for statement in statements:
        connection.execute(statement, (token,))
    connection.execute("COMMIT")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()  # the log held the rows, too

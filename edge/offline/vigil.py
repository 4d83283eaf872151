"""Over one station's sessions: whose token is no longer good, who is to end, and what is forgotten in time."""

import math
from dataclasses import replace
from datetime import datetime

import orjson

from edge.domain.journal import DropTransaction, Transaction
from edge.domain.token import Basis, TokenStatus, Verdict
from edge.offline.message import mapping, text
from edge.offline.station import StationBook
from edge.offline.steps import Judged
from edge.units import Seconds

END_AGAIN_S: Seconds = 60.0  # a session that is to end and runs on is asked to end again


class Vigil:
    """One station's. What is to be done is put among the book's steps."""

    def __init__(self, book: StationBook) -> None:
        self._book = book
        self._asked: dict[str, Seconds] = {}  # when, of the sessions that are barred

    def station_connected(self) -> None:
        """The station is there: those that are to end are asked at once."""
        self._asked = dict.fromkeys(self._book.barred, -math.inf)

    def tick(self, now: Seconds) -> None:
        """Ask those that are barred and run on: the station was away, or didn't do it."""
        book = self._book
        if not book.barred:
            return
        running = {record.key for record in book.charges.running()}
        for key in list(book.barred):
            if key not in running:
                del book.barred[key]
                self._asked.pop(key, None)
            elif now - self._asked.setdefault(key, now) >= END_AGAIN_S:
                self._asked[key] = now
                book.steps.add(book.end_session(key, again=True))

    def recheck(self, wall: datetime) -> None:
        """What is known of tokens may have changed: who runs a session is judged anew by the site's own."""
        book = self._book
        for record in book.charges.running():
            if record.token is None:
                continue
            judged = book.tokens.judge_hash(book.id, record.token, wall, charging=True)
            if judged.verdict.basis is Basis.SITE and not judged.verdict.accepted:
                book.steps.add(*book.bar(record, judged.verdict.reason))
            elif record.key not in book.barred and (judged.verdict.accepted or _is_refused(record, judged.verdict)):
                told = Judged(
                    station=book.id,
                    connector=record.connector,
                    transaction=record.key,
                    verdict=judged.verdict,
                    hash=record.token,
                )
                book.steps.add(told)

    def erased(self, kept: Transaction) -> None:
        """A transaction as it is on the disk: where a person has erased its token, it isn't written back."""
        book = self._book
        known = book.charges.get(kept.key)
        if known is not None and known.token is not None and kept.token is None:
            answer = known.answer if known.ended is None else None
            book.accounts.erased(known.token)
            book.charges.put(replace(known, token=None, answer=answer))

    def forget_old(self, wall: datetime) -> None:
        """What nobody will ask for any more is deleted (retention)."""
        book = self._book
        old = [key for key in book.charges.old(wall, book.settings.kept) if not book.backlog.of(key)]
        for key in old:
            book.charges.drop(key)
        if old:
            book.steps.keep([DropTransaction(station=book.id, key=key) for key in old])


def _is_refused(record: Transaction, verdict: Verdict) -> bool:
    """Whether a session that runs is to get nothing for a refusal that isn't the site's own.

    It was let in, or not, when it began. That its token's time has run out since, or that nothing is known of that any
    more (the cloud cleared the cache, or never said anything of it), refuses who comes now, and not who is charging.
    """
    if verdict.basis is Basis.POLICY:
        begun = mapping(orjson.loads(record.answer)) if record.answer is not None else {}
        return text(mapping(begun.get("idTagInfo")).get("status")) not in (None, "Accepted")
    return verdict.info.status is not TokenStatus.EXPIRED

"""The cloud's answers to a station's CALLs that it gave in time: read, learned from, and passed on."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

import orjson

from edge.domain.journal import DropEntry, EntryKind, PutTransaction, Write
from edge.domain.token import Basis, TokenStatus
from edge.offline import answers
from edge.offline.charges import Reading
from edge.offline.delivery import CLOUDS_FAULT, is_clouds_fault, is_taken
from edge.offline.edition import Edition
from edge.offline.ledger import Ledger, Taken
from edge.offline.live_call import Live
from edge.offline.message import Request, whole
from edge.offline.message import text as text_in
from edge.offline.splice import NotFound, replace_value, with_id, with_number
from edge.offline.station import StationBook
from edge.offline.steps import Immediate, ToStation
from edge.offline.token_book import Judged
from edge.offline.token_info import (
    CONTRACT_GOOD,
    CONTRACT_KEY,
    ShownToken,
    info_in,
    info_key,
    of_good_contract,
    token_in,
)

_START = "StartTransaction"
_ANSWER = 2  # the place of the payload in a CALLRESULT


class LiveAnswers:
    """One station's."""

    def __init__(self, book: StationBook, ledger: Ledger) -> None:
        self._book = book
        self._ledger = ledger

    def answered(
        self, live: Live, *, text: str, fields: Mapping[str, Any], error: tuple[str, str] | None, wall: datetime
    ) -> None:
        """The cloud has answered a CALL."""
        request, reading, taken = live.request, live.reading, live.taken
        text = text if live.reply_id is None else with_id(text, live.reply_id)
        if error is not None:
            writes = self._ledger.refused(taken) if taken is not None else []
            asked = replace(request, asked_again_as=live.reply_id)
            self._pass_on(writes, self._judged_instead(asked, error, wall) or text)
            return
        writes = self.learned(request, fields, wall)
        then: list[Immediate] = []
        renamed = False  # the station is given an id that only we know
        judged = self._judged(request, fields, wall)
        text = site_says(self._book.edition, text, judged, fields)
        if taken is not None:
            self._book.backlog.taken()
            text, more, transaction = self._delivered(taken, text, fields, wall)
            writes += more
            renamed = taken.entry.action == _START and transaction != str(whole(fields.get("transactionId")))
            if judged is not None and transaction is not None and taken.reading.kind is EntryKind.BEGIN:
                then.append(self._ledger.doorkeeper.let_in(taken.reading, transaction, judged))
        elif reading is not None and reading.order is not None:
            self._heard(reading, wall)
            record = self._book.charges.get(reading.key)
            if record is not None and record.token is None and judged is not None and judged.hash is not None:
                # The cable was first, the card came later.
                record = self._book.charges.put(replace(record, token=judged.hash))
                writes.append(PutTransaction(transaction=record))
                then.append(self._ledger.doorkeeper.let_in(reading, record.key, judged))
        if renamed:
            self._book.steps.keep(writes, ToStation(text), *then)
        else:
            self._pass_on(writes, text, *then)

    def is_clouds_failure(
        self, live: Live, fields: Mapping[str, Any], error: tuple[str, str] | None, wall: datetime
    ) -> bool:
        """Whether the cloud has nothing but a fault of its own for a begin or an end that is in the journal, and that
        can be answered here: a station gives it up after some attempts (OCPP 1.6 §3.7.1, 2.x E13), the journal doesn't.
        A begin whose token only the cloud can judge can't. One that it answers without a number, and without refusing
        it, is such a fault, too.
        """
        if live.taken is None:
            return False
        if error is None:
            info = info_in(self._book.edition, fields)
            if is_taken(live.taken.entry, fields) or (info is not None and info.status is not TokenStatus.ACCEPTED):
                return False
            self._book.steps.pass_on(self.learned(live.request, fields, wall))
        elif not is_clouds_fault(self._book.edition, error[0]):
            return False
        shown = token_in(self._book.edition, live.request.fields)
        begins = live.taken.reading.kind is EntryKind.BEGIN and shown is not None and shown.needed
        if begins and shown is not None and not self._is_good(shown, wall):
            return False
        self._book.steps.note("warning", "the cloud fails to take a message: it is kept", action=live.request.action)
        return True

    def abandoned(self, taken: Taken) -> None:
        """The station went before the cloud answered: the message is delivered all the same, and when the station sends
        it again it is answered."""
        entry = replace(taken.entry, answered=True)
        self._book.steps.pass_on(self._book.queue(entry, precious=taken.reading.precious))

    def _delivered(
        self, taken: Taken, text: str, fields: Mapping[str, Any], wall: datetime
    ) -> tuple[str, list[Write], str | None]:
        cloud_id = whole(fields.get("transactionId"))
        if taken.entry.action != _START or cloud_id is None:
            return text, [DropEntry(seq=taken.entry.seq)], taken.entry.transaction
        key, writes = self._ledger.begun(taken, cloud_id, fields, wall)
        if key != str(cloud_id):
            text = with_number(text, (_ANSWER, "transactionId"), int(key))
        return text, writes, key

    def _heard(self, reading: Reading, wall: datetime) -> None:
        """The cloud has this event: a repetition is answered here. Not worth a write: another one wouldn't hurt."""
        record = self._book.charges.get(reading.key)
        if record is not None and reading.order is not None:
            self._book.charges.put(self._book.charges.counted(record, reading.order, wall))

    def learned(self, request: Request, fields: Mapping[str, Any], wall: datetime) -> list[Write]:
        """What the cloud's answer to ``request`` says of boots, states and tokens is remembered; the writes."""
        book = self._book
        if request.action == "BootNotification":
            writes = book.booted(request.text, owed=False)
            return [*writes, *book.boot_answered(text_in(fields.get("status")), whole(fields.get("interval")))]
        if request.action == "StatusNotification":
            return book.status_told(request, owed=False)
        info, shown = info_in(book.edition, fields), token_in(book.edition, request.fields)
        return book.tokens.learn(book.id, shown, info, wall) if info is not None and shown is not None else []

    def _judged(self, request: Request, fields: Mapping[str, Any], wall: datetime) -> Judged | None:
        info, shown = info_in(self._book.edition, fields), token_in(self._book.edition, request.fields)
        if shown is None or (info is None and shown.needed):
            return None
        return self._book.tokens.judge(self._book.id, shown, wall, cloud=info)

    def _judged_instead(self, request: Request, error: tuple[str, str], wall: datetime) -> str | None:
        """The answer to an Authorize for which the cloud has nothing but a fault of its own, where its token is known
        to be good here: as if it were away. None for any other."""
        shown = token_in(self._book.edition, request.fields)
        if request.action != "Authorize" or error[0] not in CLOUDS_FAULT or shown is None:
            return None
        if not self._is_good(shown, wall):
            return None
        verdict = self._book.tokens.judge(self._book.id, shown, wall).verdict
        self._book.steps.note("warning", "the cloud fails to judge a token that is good here", code=error[0])
        return answers.frame(request, answers.authorize(self._book.edition, verdict, shown))

    def _is_good(self, shown: ShownToken, wall: datetime) -> bool:
        """Whether a token is known to be good here, without the cloud."""
        verdict = self._book.tokens.judge(self._book.id, shown, wall).verdict
        return verdict.accepted and verdict.basis is not Basis.POLICY

    def _pass_on(self, writes: list[Write], text: str, *then: Immediate) -> None:
        # Through the journal even without writes: answers stay in the order of the questions.
        self._book.steps.pass_on(writes, ToStation(text), *then)


def site_says(edition: Edition, text: str, judged: Judged | None, fields: Mapping[str, Any]) -> str:
    """The cloud's answer ``text`` with the site's word in it: a token that the site refuses is refused, whatever the
    cloud says."""
    info = info_in(edition, fields)
    if judged is None or info is None or judged.verdict.info.status is info.status:
        return text
    status = judged.verdict.info.status
    try:
        text = replace_value(text, (_ANSWER, info_key(edition), "status"), orjson.dumps(status.value).decode())
        if edition.is_v2 and fields.get(CONTRACT_KEY) == CONTRACT_GOOD:
            text = replace_value(text, (_ANSWER, CONTRACT_KEY), orjson.dumps(of_good_contract(status)).decode())
    except NotFound:
        pass
    return text

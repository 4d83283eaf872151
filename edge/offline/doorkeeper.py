"""Who begins a session, by the token in a message, where the cloud doesn't say."""

from datetime import datetime

from edge.domain.journal import EntryKind, Transaction, Write
from edge.domain.token import TokenHash
from edge.offline.charges import Reading
from edge.offline.message import Request
from edge.offline.station import StationBook
from edge.offline.steps import Immediate, Judged
from edge.offline.token_book import Judged as JudgedToken
from edge.offline.token_info import token_in

JUDGED = "a token was judged without the cloud"


class Doorkeeper:
    """One station's."""

    def __init__(self, book: StationBook) -> None:
        self._book = book

    def judged(self, request: Request, wall: datetime) -> JudgedToken | None:
        """What is known of the token in a message; None where there is none."""
        shown = token_in(self._book.edition, request.fields)
        if shown is None:
            return None
        charging = request.action == "StopTransaction" or request.fields.get("eventType") == "Ended"
        return self._book.tokens.judge(self._book.id, shown, wall, charging=charging)

    def token(self, request: Request) -> TokenHash | None:
        """The token itself."""
        shown = token_in(self._book.edition, request.fields)
        return self._book.tokens.hash(shown.text) if shown is not None and shown.needed else None

    def told_of(
        self,
        request: Request,
        reading: Reading,
        record: Transaction | None,
        wall: datetime,
        transaction: str | None = None,
    ) -> tuple[list[Immediate], list[Write]]:
        """What the control is told of who is let in without the cloud, and the writes that go with it. ``transaction``:
        the message's, where there is no ``record`` of it."""
        judged = self.judged(request, wall)
        if judged is None or reading.kind is EntryKind.END:
            return [], []
        if not judged.verdict.accepted:
            # Some stations ask for no Authorize: who looks for a driver's fault finds the card here all the same.
            self._book.steps.note("info", JUDGED, **judged.told(self._book.id))
        transaction = record.key if record is not None else transaction
        its_own = record is None or record.token in (None, judged.hash)  # not another's card
        if transaction is None or not its_own:
            return [], []
        limit_wh = judged.verdict.energy_limit_wh
        return [self.let_in(reading, transaction, judged)], self._book.accounts.limited(transaction, limit_wh)

    def let_in(self, reading: Reading, transaction: str, judged: JudgedToken) -> Judged:
        """What the control is told of a session's token."""
        return Judged(
            station=self._book.id,
            connector=reading.connector,
            transaction=transaction,
            verdict=judged.verdict,
            hash=judged.hash,
        )

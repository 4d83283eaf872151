"""The sessions of one station as records: registers, energy by quarter-hours, and who charged."""

from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from edge.domain.journal import LOST, DropSession, EntryKind, PutSession, Write
from edge.domain.session import QUARTER_S, QuarterHour, Session
from edge.offline import registers
from edge.offline.charges import Reading
from edge.offline.edition import Edition
from edge.offline.hashing import hint
from edge.offline.message import Request, mapping, moment, text
from edge.offline.token_book import TokenBook
from edge.offline.token_info import token_in

QUARTER = timedelta(seconds=QUARTER_S)
# Between two readings of one session; what is further apart is a clock that jumped, and counts when it was read.
LONGEST = timedelta(days=31)
# The same in a message that brings many readings: each quarter-hour between two of them takes its time to work out.
MANY = 32
LONGEST_OF_MANY = timedelta(days=1)
# Of one session, a hundred days: the oldest that are kept have the energy of all before.
QUARTERS_MOST = 9_600
SIGNED_KEPT = 64  # references of one session: begin, end, and a signed value each quarter-hour of half a day
LOST_KEPT = 16  # sessions that were taken to be over, whose ends may be told yet; a station has few EVSEs
_MILLI = Decimal("0.001")


class Accounts:
    """One station's. Whoever changes it gets the writes that make the change last."""

    def __init__(self, station: str, tokens: TokenBook, kept: Iterable[Session] = ()) -> None:
        self._station = station
        self._tokens = tokens
        self._running = {session.transaction: _Tally(session) for session in kept}
        self._lost: OrderedDict[str, Session] = OrderedDict()  # by transaction

    def get(self, transaction: str | None) -> Session | None:
        """The session that runs under this id."""
        tally = self._running.get(transaction) if transaction is not None else None
        return tally.session if tally is not None else None

    def noted(
        self, edition: Edition, request: Request, reading: Reading, transaction: str, number: int, wall: datetime
    ) -> list[Write]:
        """A message of a transaction; ``number`` is for a session that wasn't known. The record is written at its begin
        and its end, and when a quarter-hour is over."""
        known = self.get(transaction)
        if known is None and reading.kind is EntryKind.END:
            known = self._lost.pop(transaction, None)
            if known is None:
                return []  # its begin was never seen, or its end was: there is nothing to account for
        session = known or self._begun(reading, transaction, number, request, wall)
        session = self._with_token(session, edition, request)
        session = session if session.evse is not None else replace(session, evse=reading.connector)
        told = registers.readings(request)
        for each in told:
            session = counted(session, each, len(told))
        if reading.precious and ("igned" in request.text):
            session = replace(session, signed=(*session.signed, request.id)[-SIGNED_KEPT:])
        if reading.kind is EntryKind.END:
            session = replace(session, ended_at=_stamp(request, wall), end_reason=_reason(request))
            self._running.pop(transaction, None)
            return [PutSession(session=session)]
        self._running[transaction] = _Tally(session)
        if known is not None and len(session.quarters) == len(known.quarters):
            return [PutSession(session=session)] if (session.token, session.evse) != (known.token, known.evse) else []
        return [PutSession(session=session)]

    def noted_only(self, edition: Edition, request: Request, reading: Reading, transaction: str) -> bool:
        """As :meth:`noted`, of a message in the midst of a session, if the record needn't be written for it and its
        limit isn't reached; whether that is so, else nothing has changed.
        """
        tally = self._running.get(transaction)
        if tally is None or reading.precious or token_in(edition, request.fields) is not None:
            return False
        told = registers.readings(request)
        if len(told) == 1 and tally.adds(told[0]):  # nearly always
            return True
        session = known = tally.session
        for each in told:
            session = counted(session, each, len(told))
        limit_wh = session.energy_limit_wh
        if len(session.quarters) != len(known.quarters) or (limit_wh is not None and session.energy_wh >= limit_wh):
            return False
        self._running[transaction] = _Tally(session)
        return True

    def renamed(self, before: str, after: str) -> list[Write]:
        """The station calls the transaction by another id than the one that we kept ready."""
        session = self._ended(before)
        if session is None:
            return []
        session = replace(session, transaction=after)
        self._running[after] = _Tally(session)
        return [PutSession(session=session)]

    def undone(self, transaction: str) -> list[Write]:
        """The transaction was never begun: the cloud refused the message."""
        session = self._ended(transaction)
        return [DropSession(id=session.id)] if session is not None else []

    def lost(self, transaction: str) -> list[Write]:
        """The station doesn't know the transaction any more: it ended with its last reading, nobody knows why. Should
        its end be told yet, it is that."""
        session = self._ended(transaction)
        if session is None:
            return []
        self._lost[transaction] = session
        while len(self._lost) > LOST_KEPT:
            self._lost.popitem(last=False)
        ended = replace(session, ended_at=session.register_at or session.began_at, end_reason=LOST)
        return [PutSession(session=ended)]

    def limited(self, transaction: str, limit_wh: float | None) -> list[Write]:
        """The session may take so much; None: as much as it likes."""
        session = self.get(transaction)
        limit = Decimal(str(limit_wh)) if limit_wh is not None else None
        if session is None or session.energy_limit_wh == limit:
            return []
        session = replace(session, energy_limit_wh=limit)
        self._running[transaction] = _Tally(session)
        return [PutSession(session=session)]

    def erased(self, token: str) -> None:
        """A person has had the token erased."""
        for transaction, tally in self._running.items():
            if tally.session.token == token:
                self._running[transaction] = _Tally(replace(tally.session, token=None, hint=""))
        for transaction, session in self._lost.items():
            if session.token == token:
                self._lost[transaction] = replace(session, token=None, hint="")

    def _ended(self, transaction: str) -> Session | None:
        tally = self._running.pop(transaction, None)
        return tally.session if tally is not None else None

    def _begun(self, reading: Reading, transaction: str, number: int, request: Request, wall: datetime) -> Session:
        return Session(
            id=number,
            station=self._station,
            evse=reading.connector,
            transaction=transaction,
            token=None,
            began_at=_stamp(request, wall),
        )

    def _with_token(self, session: Session, edition: Edition, request: Request) -> Session:
        """The token that is shown first is the session's."""
        shown = token_in(edition, request.fields)
        if session.token is not None or shown is None or not shown.needed:
            return session
        token = self._tokens.hash(shown.text)
        own = self._tokens.own(token)
        return replace(
            session,
            token=token,
            hint=hint(shown.text),
            class_id=own.class_id if own is not None else None,
            cost_centre=own.cost_centre if own is not None else None,
            internal=own is not None,
        )


class _Tally:
    """A session that runs. What samples add to its register and to its newest quarter-hour is kept beside it until it
    is asked for: a new session for each would cost more than all else that is done with a sample.
    """

    __slots__ = ("_energy_wh", "_has_fallen", "_is_ahead", "_quarter_wh", "_register_at", "_register_wh", "_session")

    def __init__(self, session: Session) -> None:
        self._session = session
        self._is_ahead = False  # what is beside it is newer, and there is a quarter-hour
        self._has_fallen = registers.fallen_wh(session) != 0
        self._energy_wh = session.energy_wh
        self._register_wh = session.register_wh
        self._register_at = session.register_at
        self._quarter_wh = session.quarters[-1].energy_wh if session.quarters else Decimal(0)

    @property
    def session(self) -> Session:
        """As of the last sample."""
        if self._is_ahead:
            *before, last = self._session.quarters
            self._session = replace(
                self._session,
                register_wh=self._register_wh,
                register_at=self._register_at,
                energy_wh=self._energy_wh,
                quarters=(*before, QuarterHour(since=last.since, energy_wh=self._quarter_wh)),
            )
            self._is_ahead = False
        return self._session

    def adds(self, reading: registers.Reading) -> bool:
        """Count a reading that does no more than add to these, and reaches no limit; whether it is such a one, else
        nothing has changed. As :func:`counted` does it.
        """
        session, at, before_wh = self._session, self._register_at, self._register_wh
        if not session.quarters or at is None or before_wh is None or self._has_fallen:
            return False
        since, rise = session.quarters[-1].since, reading.wh - before_wh
        if rise < 0 or not since <= at <= reading.at < since + QUARTER:
            return False
        energy_wh = self._energy_wh + rise
        if session.energy_limit_wh is not None and energy_wh >= session.energy_limit_wh:
            return False
        self._is_ahead = True
        self._energy_wh, self._register_wh, self._register_at = energy_wh, reading.wh, reading.at
        if rise > 0:
            self._quarter_wh += rise
        return True


def counted(session: Session, reading: registers.Reading, of: int = 1) -> Session:
    """The session with one more reading of its register, ``of`` so many in a message. A register that fell has begun
    anew, unless it comes back (:func:`edge.offline.registers.risen`).

    One that is older than the last counts nothing, unless it shows more: a register doesn't fall by itself, so the
    station's clock was set back meanwhile, and what was drawn since is of the new time.
    """
    if session.register_wh is None or session.register_at is None:
        first = reading.wh
        return replace(session, register_begin_wh=first, register_wh=reading.wh, register_at=reading.at)
    if reading.at < session.register_at and reading.wh <= session.register_wh:
        return session
    rise = registers.risen(session, reading.wh)
    quarters = session.quarters
    if rise > 0:
        quarters = _spread(
            quarters, min(session.register_at, reading.at), reading.at, rise, LONGEST if of <= MANY else LONGEST_OF_MANY
        )
    return replace(
        session,
        register_wh=reading.wh,
        register_at=reading.at,
        energy_wh=session.energy_wh + max(rise, Decimal(0)),
        quarters=quarters,
    )


def _spread(
    quarters: tuple[QuarterHour, ...], since: datetime, until: datetime, energy_wh: Decimal, longest: timedelta
) -> tuple[QuarterHour, ...]:
    """Evenly over the time between two readings; the last quarter-hour gets what rounding leaves. What is further apart
    than ``longest`` counts when it was read."""
    if quarters and quarters[-1].since <= since and until < quarters[-1].since + QUARTER:  # nearly always
        last = quarters[-1]
        return (*quarters[:-1], QuarterHour(since=last.since, energy_wh=last.energy_wh + energy_wh))
    begin = _quarter(until if until - since > longest else since)
    earlier = bisect_left(quarters, begin, key=lambda quarter: quarter.since)
    found = {quarter.since: quarter.energy_wh for quarter in quarters[earlier:]}
    whole_s = Decimal(str((until - since).total_seconds()))
    left = energy_wh
    while begin + QUARTER < until and whole_s > 0:
        part_s = Decimal(str((begin + QUARTER - max(begin, since)).total_seconds()))
        part = (energy_wh * part_s / whole_s).quantize(_MILLI)
        found[begin] = found.get(begin, Decimal(0)) + part
        left -= part
        begin += QUARTER
    found[begin] = found.get(begin, Decimal(0)) + left
    spread = (*quarters[:earlier], *(QuarterHour(since=at, energy_wh=wh) for at, wh in sorted(found.items())))
    if len(spread) <= QUARTERS_MOST:
        return spread
    oldest = len(spread) - QUARTERS_MOST
    before_wh = sum((quarter.energy_wh for quarter in spread[: oldest + 1]), Decimal(0))
    return (QuarterHour(since=spread[oldest].since, energy_wh=before_wh), *spread[oldest + 1 :])


def _quarter(at: datetime) -> datetime:
    seconds = int(at.timestamp()) // QUARTER_S * QUARTER_S
    return datetime.fromtimestamp(seconds, UTC)


def _stamp(request: Request, wall: datetime) -> datetime:
    return moment(request.fields.get("timestamp")) or wall.astimezone(UTC)


def _reason(request: Request) -> str:
    info = mapping(request.fields.get("transactionInfo"))
    return text(request.fields.get("reason")) or text(info.get("stoppedReason")) or "Local"  # the default of both

"""The messages of one station that its cloud has not had: their order, their attempts, their room."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import Enum, auto

from edge.domain.journal import DropEntry, Entry, EntryKind, Write
from edge.offline.deferral import HURRIED_MOST, LONELY_WAIT_S, Deferral
from edge.offline.settings import OfflineSettings
from edge.offline.thinning import Slip, to_drop
from edge.units import Seconds

# After thinning there is this part of the room free, so that it isn't thinned at every message.
_THINNED_TO = 0.9
# So often in a row may the connection break with a message under way. A line that flaps does that now and then, between
# sending and answer; each time in the same moment is the message's doing.
BREAKS_MOST = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """What came in the way of a message so far. ``timed_out``: the cloud has left it unanswered on this connection, and
    may yet answer. ``breaks``: how often the connection broke while it was waited for. ``rejections``: the attempts
    after which the cloud found fault with the message. ``alone``: how often it failed since it is deferred, while the
    cloud took others."""

    attempts: int = 0
    retry_at: Seconds | None = None
    timed_out: bool = False
    breaks: int = 0
    rejections: int = 0
    alone: int = 0


_NONE_YET = Trouble()


class Outcome(Enum):
    """What becomes of a message after a failed attempt."""

    AGAIN = auto()  # it is tried again, and those behind it wait
    DEFERRED = auto()  # the same, later, and seldom: those behind it go on
    SET_ASIDE = auto()  # it waits for a person


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """A failed attempt. ``is_new``: it was the one after which the message is deferred."""

    outcome: Outcome
    attempts: int
    is_new: bool = False


class Backlog:
    """In memory are slips only; the texts are on the disk."""

    def __init__(self, settings: OfflineSettings) -> None:
        self._settings = settings
        self._slips: dict[int, Slip] = {}
        self._trouble: dict[int, Trouble] = {}
        self._size = 0
        self._notices = 0
        self._aside: dict[int, int] = {}  # with the size of each
        self._deferred = Deferral(settings.retry_interval_s)

    def __len__(self) -> int:
        return len(self._slips)

    @property
    def characters(self) -> int:
        """What the texts come to."""
        return self._size

    @property
    def has_notices(self) -> bool:
        """Whether one of those that belong to no transaction is among them."""
        return self._notices > 0

    @property
    def oldest(self) -> Slip | None:
        """The one that waits the longest."""
        return next(iter(self._slips.values()), None)

    @property
    def aside(self) -> int:
        """How many were set aside."""
        return len(self._aside)

    @property
    def deferred(self) -> int:
        """How many the cloud fails to take: they are told again, later."""
        return len(self._deferred)

    @property
    def owes(self) -> bool:
        """Whether there is one that is to go before what comes now. Not those that are deferred, nor what waits for
        them."""
        return bool(self._slips) and next(self._free(), None) is not None  # hardly ever is there any

    @property
    def resendable(self) -> set[int]:
        """The numbers of those that a person may have sent again: set aside, or deferred."""
        return {*self._aside, *self._deferred}

    def is_deferred(self, seq: int) -> bool:
        """Whether the cloud fails to take this one."""
        return seq in self._deferred

    def holds(self, transaction: str | None) -> bool:
        """Whether the messages of a transaction wait for its begin, which is deferred."""
        return bool(self._deferred) and transaction in self._held()

    @property
    def kept_characters(self) -> int:
        """What all texts come to, those that were set aside included."""
        return self._size + sum(self._aside.values())

    def set_aside(self, seq: int, size: int = 0) -> None:
        """It can't be delivered, and waits for a person; ``size``: of one that wasn't to be delivered before."""
        slip = self.remove(seq)
        self._aside[seq] = slip.size if slip is not None else size

    def add(self, slip: Slip, attempts: int = 0, *, deferred: bool = False) -> None:
        """One more message, in the order of the numbers; ``deferred``: the cloud has failed to take it."""
        self.remove(slip.seq)
        self._aside.pop(slip.seq, None)
        behind = not self._slips or next(reversed(self._slips)) < slip.seq
        self._slips[slip.seq] = slip
        if not behind:  # one that was set aside and is to be sent again
            self._slips = dict(sorted(self._slips.items()))
        self._size += slip.size
        self._notices += slip.kind is EntryKind.NOTICE
        if attempts:
            self._trouble[slip.seq] = Trouble(attempts=attempts)
        if deferred:
            self._deferred.add(slip.seq)

    def remove(self, seq: int) -> Slip | None:
        """It is delivered, dropped or set aside."""
        slip = self._slips.pop(seq, None)
        self._trouble.pop(seq, None)
        self._deferred.discard(seq)
        if slip is not None:
            self._size -= slip.size
            self._notices -= slip.kind is EntryKind.NOTICE
        return slip

    def get(self, seq: int) -> Slip | None:
        """One that is still to be delivered."""
        return self._slips.get(seq)

    @property
    def transactions(self) -> set[str]:
        """Those of which there are messages."""
        return {slip.transaction for slip in self._slips.values() if slip.transaction is not None}

    def of(self, transaction: str) -> list[int]:
        """The numbers of a transaction's messages."""
        return [seq for seq, slip in self._slips.items() if slip.transaction == transaction]

    def head(self, now: Seconds) -> Slip | None:
        """The next to be delivered; None while there is none, or it has to wait.

        The oldest, or one that was deferred, is older, and whose time has come; of a 2.x transaction the one of the
        lowest seqNo, where they came out of order (fault 9), and its end behind all others: a station that lost power
        may have begun to count anew.
        """
        again, first = self._again(now), next(self._free(), None)
        if first is None or (again is not None and again.seq < first.seq):
            return again
        if first.order is not None:
            first = min(self._session_of(first), key=lambda slip: (slip.kind is EntryKind.END, slip.order, slip.seq))
        return first if self._is_due(first.seq, now) else None

    def _again(self, now: Seconds) -> Slip | None:
        """The deferred one that may be tried now; None while there is none."""
        if self._deferred.rests(now):
            return None
        due = {seq: self._trouble_of(seq).attempts for seq in self._deferred if self._may_go(seq, now)}
        found = self._deferred.next(due)
        return self._slips[found] if found is not None else None

    def _trouble_of(self, seq: int) -> Trouble:
        return self._trouble.get(seq, _NONE_YET)

    def _may_go(self, seq: int, now: Seconds) -> bool:
        trouble = self._trouble_of(seq)
        is_hurried = trouble.alone < HURRIED_MOST and not trouble.timed_out
        return is_hurried or self._is_due(seq, now)

    def _is_due(self, seq: int, now: Seconds) -> bool:
        retry_at = self._trouble_of(seq).retry_at
        return retry_at is None or now >= retry_at

    def _free(self) -> Iterator[Slip]:
        """Those that neither are deferred nor wait for one that is."""
        held = self._held()
        return (s for s in self._slips.values() if s.seq not in self._deferred and s.transaction not in held)

    def _held(self) -> set[str | None]:
        """The transactions whose messages wait for their begin: the cloud hasn't taken it. In 1.6 they need the number
        that it gives; in 2.x they are told without it once it has failed as often again."""
        found: set[str | None] = set()
        for seq in self._deferred:
            slip = self._slips[seq]
            is_hopeless = self._trouble_of(seq).attempts >= 2 * self._settings.attempts
            if slip.kind is EntryKind.BEGIN and not (slip.order is not None and is_hopeless):
                found.add(slip.transaction)
        return found

    def _session_of(self, first: Slip) -> list[Slip]:
        """The numbered messages of the session that this one, the oldest, is of, but for those that are deferred: to
        its id's next begin, as a station may use an id again."""
        found: list[Slip] = []
        for slip in self._slips.values():
            if slip.transaction == first.transaction and slip.order is not None:
                if slip.kind is EntryKind.BEGIN and any(other.kind.bounds_transaction for other in found):
                    break
                found.append(slip)
        return [slip for slip in found if slip.seq not in self._deferred]

    def refused(self, seq: int, now: Seconds, *, clouds_fault: bool) -> Failed:
        """The cloud answered with an error: one attempt is used up (OCPP 1.6 §3.7.1, 2.x E13). ``clouds_fault``: it
        found fault with itself. A message of a transaction is deferred then when it has used up all: nothing is wrong
        with it, and a cloud that is put right takes it.
        """
        before, was_deferred = self._trouble_of(seq), seq in self._deferred
        attempts = before.attempts + 1
        # Answered: it breaks no connection.
        self._trouble[seq] = Trouble(
            attempts=attempts,
            retry_at=now + self._wait_s(seq, attempts),
            rejections=before.rejections + (not clouds_fault),
            alone=before.alone + (was_deferred and self._deferred.takes),
        )
        self._deferred.takes = self._deferred.takes and not clouds_fault
        outcome = self._outcome(seq, clouds_fault=clouds_fault)
        if outcome is Outcome.DEFERRED:
            self._deferred.failed(seq, attempts, now)
        return Failed(outcome=outcome, attempts=attempts, is_new=outcome is Outcome.DEFERRED and not was_deferred)

    def _outcome(self, seq: int, *, clouds_fault: bool) -> Outcome:
        trouble, most = self._trouble[seq], self._settings.attempts
        if seq in self._deferred:
            return Outcome.SET_ASIDE if trouble.rejections >= most else Outcome.DEFERRED
        if trouble.attempts < most:
            return Outcome.AGAIN
        return Outcome.DEFERRED if clouds_fault and self._goes_again(seq) else Outcome.SET_ASIDE

    def _goes_again(self, seq: int) -> bool:
        """Whether it may be told after those behind it: a notice that bears no time would tell what was as what is."""
        slip = self._slips.get(seq)
        return slip is not None and slip.kind is not EntryKind.NOTICE

    def _wait_s(self, seq: int, attempts: int) -> Seconds:
        if seq in self._deferred:
            return self._deferred.wait_s(attempts, LONELY_WAIT_S)
        return self._settings.retry_interval_s * attempts

    def taken(self) -> None:
        """The cloud has taken a begin, an end or an event."""
        self._deferred.taken()

    def put_off(self, seq: int, now: Seconds) -> None:
        """The cloud failed on it while its station waited: it has all its attempts yet, after an interval."""
        self._deferred.takes = False
        self._trouble[seq] = Trouble(retry_at=now + self._settings.retry_interval_s)

    def timed_out(self, seq: int, now: Seconds) -> Failed:
        """The cloud didn't answer. That is the cloud's doing the first time; a message that it leaves unanswered again
        after it has answered others in between has used up an attempt. Its answer may come late: it isn't said again on
        this connection before that has had its time."""
        trouble = self._trouble_of(seq)
        if trouble.timed_out:
            failed = self.refused(seq, now, clouds_fault=True)
            self._trouble[seq] = replace(self._trouble[seq], timed_out=True)
            return failed
        retry_at = now + self._wait_s(seq, trouble.attempts + 1)
        self._trouble[seq] = replace(trouble, timed_out=True, retry_at=retry_at)
        outcome = Outcome.DEFERRED if seq in self._deferred else Outcome.AGAIN
        return Failed(outcome=outcome, attempts=trouble.attempts)

    def unsent(self, seq: int) -> None:
        """The cloud was never asked: it may be at once."""
        trouble = self._trouble.get(seq)
        if trouble is not None:
            self._trouble[seq] = replace(trouble, timed_out=False, retry_at=None)

    def broke(self, seq: int, sent_at: Seconds) -> Failed:
        """The connection broke while the cloud's answer to this one was waited for: a cloud may close on a message that
        it can't bear, or flap. After a few times in a row others are tried first."""
        before, was_deferred = self._trouble_of(seq), seq in self._deferred
        trouble = self._trouble[seq] = replace(before, breaks=before.breaks + 1)
        outcome = Outcome.AGAIN
        if was_deferred or (trouble.breaks >= BREAKS_MOST and self._goes_again(seq)):
            outcome = Outcome.DEFERRED
            self._deferred.broke(seq, trouble.breaks)
            alone = before.alone + (was_deferred and self._deferred.takes)
            retry_at = sent_at + self._wait_s(seq, trouble.breaks)
            self._trouble[seq] = replace(trouble, alone=alone, retry_at=retry_at)
        elif trouble.breaks >= BREAKS_MOST:
            outcome = Outcome.SET_ASIDE
        is_new = outcome is Outcome.DEFERRED and not was_deferred
        return Failed(outcome=outcome, attempts=trouble.attempts, is_new=is_new)

    def cloud_lost(self) -> None:
        """The connection went: what was left unanswered on it says nothing about the messages, and no answer is waited
        for any more."""
        for seq, trouble in self._trouble.items():
            if trouble.timed_out:
                self._trouble[seq] = replace(trouble, timed_out=False, retry_at=None)

    def connected(self, now: Seconds) -> None:
        """There is a new connection."""
        self._deferred.connected(now)

    def thin(self, *, spare: int | None = None) -> list[Write]:
        """Make room where it has run out; ``spare``: the number of one that is on its way, and stays."""
        if self._size <= self._settings.backlog_characters:
            return []
        room = int(self._settings.backlog_characters * _THINNED_TO)
        gone = [seq for seq in to_drop(list(self._slips.values()), room) if seq != spare]
        for seq in gone:
            self.remove(seq)
        return [DropEntry(seq=seq) for seq in gone]


def slip(entry: Entry, *, precious: bool, size: int | None = None) -> Slip:
    """The slip of an entry."""
    return Slip(
        seq=entry.seq,
        kind=entry.kind,
        transaction=entry.transaction,
        order=entry.order,
        size=len(entry.text) if size is None else size,
        precious=precious,
        taken_at=entry.taken_at,
    )

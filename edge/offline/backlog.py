"""The messages of one station that its cloud has not had: their order, their attempts, their room."""

from dataclasses import dataclass, replace

from edge.domain.journal import DropEntry, Entry, EntryKind, Write
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
    may yet answer. ``breaks``: how often the connection broke while it was waited for."""

    attempts: int = 0
    retry_at: Seconds | None = None
    timed_out: bool = False
    breaks: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """What becomes of a message after a failed attempt: set aside, with the writes that say so, or tried again."""

    set_aside: bool
    attempts: int


class Backlog:
    """In memory are slips only; the texts are on the disk."""

    def __init__(self, settings: OfflineSettings) -> None:
        self._settings = settings
        self._slips: dict[int, Slip] = {}
        self._trouble: dict[int, Trouble] = {}
        self._size = 0
        self._notices = 0
        self._aside: set[int] = set()

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

    def set_aside(self, seq: int) -> None:
        """It can't be delivered, and waits for a person."""
        self.remove(seq)
        self._aside.add(seq)

    def add(self, slip: Slip, attempts: int = 0) -> None:
        """One more message, in the order of the numbers."""
        self.remove(slip.seq)
        self._aside.discard(slip.seq)
        behind = not self._slips or next(reversed(self._slips)) < slip.seq
        self._slips[slip.seq] = slip
        if not behind:  # one that was set aside and is to be sent again
            self._slips = dict(sorted(self._slips.items()))
        self._size += slip.size
        self._notices += slip.kind is EntryKind.NOTICE
        if attempts:
            self._trouble[slip.seq] = Trouble(attempts=attempts)

    def remove(self, seq: int) -> Slip | None:
        """It is delivered, dropped or set aside."""
        slip = self._slips.pop(seq, None)
        self._trouble.pop(seq, None)
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

        The oldest; of a 2.x transaction the one of the lowest seqNo, where they came out of order (fault 9), and its
        end behind all others: a station that lost power may have begun to count anew.
        """
        first = next(iter(self._slips.values()), None)
        if first is None:
            return None
        if first.order is not None:
            first = min(self._session_of(first), key=lambda slip: (slip.kind is EntryKind.END, slip.order, slip.seq))
        retry_at = self._trouble.get(first.seq, Trouble()).retry_at
        return first if retry_at is None or now >= retry_at else None

    def _session_of(self, first: Slip) -> list[Slip]:
        """The numbered messages of the session that this one, the oldest, is of: to its id's next begin, as a station
        may use an id again."""
        found: list[Slip] = []
        for slip in self._slips.values():
            if slip.transaction == first.transaction and slip.order is not None:
                if slip.kind is EntryKind.BEGIN and any(other.kind.bounds_transaction for other in found):
                    break
                found.append(slip)
        return found

    def refused(self, seq: int, now: Seconds) -> Failed:
        """The cloud answered with an error: one attempt is used up (OCPP 1.6 §3.7.1, 2.x E13)."""
        attempts = self._trouble.get(seq, Trouble()).attempts + 1
        retry_at = now + self._settings.retry_interval_s * attempts
        self._trouble[seq] = Trouble(attempts=attempts, retry_at=retry_at)  # answered: it breaks no connection
        return Failed(set_aside=attempts >= self._settings.attempts, attempts=attempts)

    def put_off(self, seq: int, now: Seconds) -> None:
        """The cloud failed on it while its station waited: it has all its attempts yet, after an interval."""
        self._trouble[seq] = Trouble(retry_at=now + self._settings.retry_interval_s)

    def timed_out(self, seq: int, now: Seconds) -> Failed:
        """The cloud didn't answer. That is the cloud's doing the first time; a message that it leaves unanswered again
        after it has answered others in between has used up an attempt. Its answer may come late: it isn't said again on
        this connection before that has had its time."""
        trouble = self._trouble.get(seq, Trouble())
        if trouble.timed_out:
            failed = self.refused(seq, now)
            self._trouble[seq] = replace(self._trouble[seq], timed_out=True)
            return failed
        retry_at = now + self._settings.retry_interval_s * (trouble.attempts + 1)
        self._trouble[seq] = replace(trouble, timed_out=True, retry_at=retry_at)
        return Failed(set_aside=False, attempts=trouble.attempts)

    def unsent(self, seq: int) -> None:
        """The cloud was never asked: it may be at once."""
        trouble = self._trouble.get(seq)
        if trouble is not None:
            self._trouble[seq] = replace(trouble, timed_out=False, retry_at=None)

    def broke(self, seq: int) -> bool:
        """The connection broke while the cloud's answer to this one was waited for; says whether that is enough:
        a cloud may close on a message that it can't bear."""
        trouble = self._trouble.get(seq, Trouble())
        self._trouble[seq] = replace(trouble, breaks=trouble.breaks + 1)
        return trouble.breaks + 1 >= BREAKS_MOST

    def cloud_lost(self) -> None:
        """The connection went: what was left unanswered on it says nothing about the messages, and no answer is waited
        for any more."""
        for seq, trouble in self._trouble.items():
            if trouble.timed_out:
                self._trouble[seq] = replace(trouble, timed_out=False, retry_at=None)

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

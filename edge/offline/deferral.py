"""When what the cloud fails to take is told again: one station's messages that have used up their attempts by the
cloud's own fault. Pure.

While the cloud takes nothing of a transaction, one of them is tried at a time, ever more seldom; as soon as it takes
something all are, one after the other. One on which it fails all the same waits its own time (``Trouble.retry_at`` of
the backlog), and the others don't wait for it.
"""

from collections.abc import Iterator, Mapping

from edge.units import Seconds

# While the cloud fails to take them, one of them is tried this often at the least.
LONGEST_WAIT_S: Seconds = 900.0
# So often one is tried at once when the cloud takes others; one on which it fails all the same waits its own time, so
# long at most.
HURRIED_MOST = 2
LONELY_WAIT_S: Seconds = 3600.0
# While the cloud fails, the oldest of them is tried, so that it gets them in order; each so manieth time another, as it
# may be the oldest alone on which it fails.
OTHER_TURN = 4


class Deferral:
    """One station's, by the numbers of the messages. ``interval_s``: the n-th try waits n of these."""

    def __init__(self, interval_s: Seconds) -> None:
        self._interval_s = interval_s
        self._numbers: set[int] = set()
        self._failures = 0  # since the cloud has taken something of a transaction
        self._again_at: Seconds | None = None  # the next may be tried
        self.takes = True  # the cloud has taken the last that it was told of a transaction

    def __contains__(self, seq: object) -> bool:
        return seq in self._numbers

    def __iter__(self) -> Iterator[int]:
        return iter(self._numbers)

    def __len__(self) -> int:
        return len(self._numbers)

    def add(self, seq: int) -> None:
        """It is deferred; of one that was kept it isn't known since when."""
        self._numbers.add(seq)

    def discard(self, seq: int) -> None:
        """It is delivered, dropped, set aside, or a person wants it to be told now."""
        self._numbers.discard(seq)

    def wait_s(self, tries: int, most_s: Seconds = LONGEST_WAIT_S) -> Seconds:
        """How long after so many."""
        return min(self._interval_s * tries, max(most_s, self._interval_s))

    def failed(self, seq: int, attempts: int, now: Seconds) -> None:
        """The cloud has failed on it, for the first time since its attempts are used up or once more."""
        if seq in self._numbers:
            self._failures += 1
            self._again_at = now + self.wait_s(self._failures)
            return
        self._numbers.add(seq)
        self._failures = max(self._failures, attempts)
        if self._again_at is None:
            self._again_at = now + self.wait_s(self._failures)

    def broke(self, seq: int, breaks: int) -> None:
        """The connection broke at it, for so manieth time."""
        self._numbers.add(seq)
        self._failures = max(self._failures + 1, breaks)
        self._again_at = None

    def connected(self, now: Seconds) -> None:
        """There is a new connection: what was deferred isn't what is said on it first."""
        if self._numbers and self._again_at is None:
            self._again_at = now + self.wait_s(max(1, self._failures))

    def taken(self) -> None:
        """The cloud has taken something of a transaction: it may take those, too, on which it failed."""
        self.takes, self._failures, self._again_at = True, 0, None

    def rests(self, now: Seconds) -> bool:
        """Whether none is to be tried now."""
        return not self._numbers or (self._again_at is not None and now < self._again_at)

    def next(self, due: Mapping[int, int]) -> int | None:
        """Which of those whose own time has come, with their attempts; None where there is none."""
        if self._failures % OTHER_TURN == OTHER_TURN - 2:
            return min(due, key=lambda seq: (due[seq], seq), default=None)
        return min(due, default=None)

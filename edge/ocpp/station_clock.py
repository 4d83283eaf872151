"""What a station's own clock says, learned from the time stamps it sends.

A time stamp reaches us after it was made, never before: so time stamp less our monotonic clock is at most the station's
lead over it, and the largest of several samples is the best. Stations also deliver what they stored while they were cut
off; such samples are hours too low. They are told from a clock that is truly behind by this: the samples of a running
clock agree with each other, while it and ours both go on. Our wall clock serves only until the first sample, so a step
of it moves no profile. Until then the station's clock is taken to be what the answer to its BootNotification set it to
(OCPP 1.6 §4.2), ours, or what others say that the time is, whichever is the earliest: but for profiles only where they
agree, and the station has shown nothing else. A profile that begins in the station's future doesn't bind it, and one
that began too early leaves it its safe current, which may be more than it was told.

A station that never was told the time, or takes none, may count from 1970. One such stamp says nothing: stations send
it in place of a time that they have. Two that agree are a clock, and profiles begin by it, unless the station has just
shown a better one.
"""

from collections import deque
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from edge.ocpp.hearsay import PLAUSIBLE_YEARS, Hearsay, lead_s
from edge.units import Seconds

LONGEST_STAMP = 40  # characters
WINDOW_S = 300.0  # a clock that is set anew is believed after five minutes at the latest
KEPT = 32  # enough for a sample every ten seconds in the window
STORED_S = 3600.0  # a lone sample that is further behind was stored, or has the wrong zone
AGREE_S = 2.0  # two samples of a running clock differ by no more than their delays
APART_S = 5.0  # two samples closer together than this say nothing: stored ones arrive in bursts
# A running clock this far below the estimate has been set back; less may be a slow message. One stamp this far above it
# may be a slip, and would put the start of our profiles into the station's future: it takes a second one that agrees.
STEP_S = 20.0
UNSET_YEARS = range(1970, PLAUSIBLE_YEARS.start)  # of a clock that nobody has set
# Who say what the time is agree where they differ by no more: then a lease that they put too early is over so much
# earlier than it is counted.
WITNESSES_AGREE_S = 30.0
# A station is asked for another stamp; one whose stamps stand still isn't asked for ever, and what one had stored comes
# in bursts.
ASKS_MOST, ASKS_APART_S = 3, 15.0

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sample:
    at: Seconds
    lead_s: Seconds  # the station's clock, in seconds since 1970, less our monotonic clock


def _is_alike(previous: _Sample | None, sample: _Sample) -> bool:
    """Whether the one before, some seconds ago, has said about the same."""
    if previous is None or sample.at - previous.at < APART_S:
        return False
    return abs(sample.lead_s - previous.lead_s) <= STEP_S


def parse_timestamp(value: object) -> datetime | None:
    """An OCPP dateTime as UTC; one without a zone counts as UTC. None when it is no time."""
    return _parsed(value) if isinstance(value, str) and len(value) <= LONGEST_STAMP else None


@lru_cache(maxsize=64)  # a message's stamp is looked at again and again
def _parsed(value: str) -> datetime | None:
    try:
        stamp = datetime.fromisoformat(value.strip())
        return stamp.replace(tzinfo=UTC) if stamp.tzinfo is None else stamp.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


class StationClock:
    """One station's clock as seen from here. ``hearsay`` is what is known of the others'.

    ``counts_from_1970``: whether it was last seen to do that; also through a boot, and a restart of ours.
    """

    def __init__(self, hearsay: Hearsay | None = None, *, counts_from_1970: bool = False) -> None:
        self.hearsay = hearsay if hearsay is not None else Hearsay()
        self._samples: deque[_Sample] = deque()  # at most KEPT
        self._last: dict[bool, _Sample] = {}  # of a clock that was set, and of one that wasn't
        self._is_set = True  # the one that is believed
        self.counts_from_1970 = counts_from_1970
        self._asked: list[Seconds] = []  # when, for another stamp, since one left no doubt
        self._lead_s: Seconds | None = None  # the largest of the samples
        self._runs = False  # two samples have agreed: it is no stored one that is believed
        self._told_lead_s: Seconds | None = None  # by what it was last told the time is
        self._before_s: Seconds | None = None  # its lead before it booted, where it was set

    @property
    def is_known(self) -> bool:
        """Whether a stamp of the station's was believed."""
        return self._lead_s is not None

    @property
    def lead_s(self) -> Seconds | None:
        """By how much it leads our monotonic clock, in seconds since 1970; None while that isn't known."""
        return self._lead_s

    def forget(self) -> None:
        """The station has booted, and its clock is about to be set (OCPP 1.6 §4.2)."""
        self._before_s = self._lead_s if self._lead_s is not None and self._is_set else self._before_s
        self._samples.clear()
        self._last.clear()
        self._lead_s = None
        self._runs, self._is_set = False, True
        self._asked.clear()

    def told(self, time: datetime, now: Seconds) -> None:
        """The station is told what time it is."""
        if time.year in PLAUSIBLE_YEARS:
            self._told_lead_s = lead_s(time, now)

    def learn(self, stamp: datetime, now: Seconds, wall: datetime) -> None:
        """Take in a time stamp that reached us at ``now``, when our wall clock said ``wall``."""
        is_set = stamp.year in PLAUSIBLE_YEARS
        if not is_set and stamp.year not in UNSET_YEARS:
            return
        sample = _Sample(at=now, lead_s=lead_s(stamp, now))
        previous = self._last.get(is_set)
        self._last[is_set] = sample
        runs = previous is not None and now - previous.at >= APART_S and abs(sample.lead_s - previous.lead_s) <= AGREE_S
        runs = runs or (self.counts_from_1970 and not is_set and self._lead_s is None)
        behind_s = 0.0 if runs else (self._supposed(now, wall) - stamp).total_seconds()
        if behind_s > STORED_S:
            return
        if not is_set and True in self._last and now - self._last[True].at < WINDOW_S:
            return  # it has a clock, and some of its stamps are none
        # As long as it may be a stored one that is believed, what is nearer to what the clock should say is no slip.
        slip = self._runs or behind_s < -STEP_S
        if not runs and slip and self._lead_s is not None and sample.lead_s > self._lead_s + STEP_S:
            return
        lead = self._lead_s if is_set is self._is_set else None
        if lead is not None and not runs and sample.lead_s < lead - STEP_S and not _is_alike(previous, sample):
            return  # stored while it was cut off: the clock that is known goes on, however long ago it was heard of
        self._runs = self._runs or runs
        if lead is None:
            self._samples.clear()
        self._is_set, self.counts_from_1970 = is_set, not is_set
        if lead is not None and runs and sample.lead_s < lead - STEP_S:
            self._samples.clear()
            lead = None
        # Old samples go only when a new one comes: a quiet station's clock goes on all the same.
        while self._samples and (now - self._samples[0].at > WINDOW_S or len(self._samples) == KEPT):
            if self._samples.popleft().lead_s == lead:
                lead = None
        self._samples.append(sample)
        self._lead_s = max(kept.lead_s for kept in self._samples) if lead is None else max(lead, sample.lead_s)
        if is_set:
            self.hearsay.leads(self, self._lead_s)
        if self._in_doubt(now, wall) is None:
            self._asked.clear()

    def wants_another(self, now: Seconds, wall: datetime) -> bool:
        """Whether it is to be asked for one more stamp now: the last, some seconds ago, wasn't believed, or was far
        behind. One alone may have been stored; a second one tells whether it counts from 1970, or was set back."""
        last = self._in_doubt(now, wall)
        if last is None or now - last.at < APART_S or len(self._asked) >= ASKS_MOST:
            return False
        if self._asked and now - self._asked[-1] < ASKS_APART_S:
            return False
        self._asked.append(now)
        return True

    def _in_doubt(self, now: Seconds, wall: datetime) -> _Sample | None:
        """The newest stamp, where that says nothing yet."""
        if self._lead_s is None:
            return max(self._last.values(), key=lambda each: each.at, default=None)
        last = self._last[self._is_set]
        return last if last.lead_s < self._lead_s - STEP_S or not self._is_sure(now, wall) else None

    def _is_sure(self, now: Seconds, wall: datetime) -> bool:
        """Whether what is believed is no stamp that was stored: two have agreed, or it is of about now."""
        if self._lead_s is None:
            return False
        return self._runs or (self._supposed(now, wall) - self.time(now, wall)).total_seconds() <= WITNESSES_AGREE_S

    def time(self, now: Seconds, wall: datetime) -> datetime:
        """What the station's clock says, as far as is known."""
        return self._supposed(now, wall) if self._lead_s is None else EPOCH + timedelta(seconds=self._lead_s + now)

    def until_s(self, moment: datetime, now: Seconds, wall: datetime) -> Seconds:
        """In how long a moment is that the station names. One that it has from a car needn't be of its own clock, where
        that counts from 1970."""
        is_its_own = (moment.year in PLAUSIBLE_YEARS) is self._is_set
        return (moment - (self.time(now, wall) if is_its_own else wall)).total_seconds()

    def reached(self, now: Seconds, wall: datetime) -> datetime | None:
        """A time that its clock has just reached, for what has to be in force at once; None where nobody can tell.

        While no stamp was believed our wall clock needs another witness: it may be far ahead, or behind. And a station
        that has shown anything else than we suppose, once, is no witness yet, nor is one that last counted from 1970.
        """
        if self._is_sure(now, wall):
            return self.time(now, wall)
        heard = self.hearsay.for_whom(self)
        if self._last or self.counts_from_1970 or heard is None:
            return None
        supposed = self._supposed(now, wall)
        latest = max(wall, EPOCH + timedelta(seconds=heard + now))
        return supposed if (latest - supposed).total_seconds() <= WITNESSES_AGREE_S else None

    def said(self, now: Seconds) -> datetime | None:
        """What time it is without our wall clock: by what a cloud has said, what the station has shown, now or before
        it booted, what it was told, or what others say; None where nobody has said anything."""
        own_s = self._lead_s if self._is_set else None
        heard_s = (self.hearsay.of_clouds, own_s, self._before_s, self._told_lead_s, self.hearsay.for_whom(self))
        lead = next((each for each in heard_s if each is not None), None)
        return EPOCH + timedelta(seconds=lead + now) if lead is not None else None

    def _supposed(self, now: Seconds, wall: datetime) -> datetime:
        """What it should say: what it was told, our wall clock, or what others say, whichever is the earliest."""
        lead, heard = self._told_lead_s, self.hearsay.for_whom(self)
        if heard is not None and (lead is None or heard < lead):
            lead = heard
        return wall if lead is None else min(wall, EPOCH + timedelta(seconds=lead + now))

    def taken_at(self, stamp: datetime, now: Seconds) -> Seconds:
        """The monotonic time of a station's time stamp; ``now`` while its clock isn't known. Never later than that.

        The estimate of the clock is at most the truth (it lacks the least delay of a message), so what was stamped
        before an event of ours may come out as after it by that delay, a fraction of a second on a charger LAN.
        """
        if self._lead_s is None or (stamp.year in PLAUSIBLE_YEARS) is not self._is_set:
            return now
        return min(now, (stamp - EPOCH).total_seconds() - self._lead_s)

    def age_s(self, stamp: datetime, now: Seconds, wall: datetime) -> Seconds | None:
        """How old a time stamp of the station is; None when it isn't of the clock that is believed: nobody can tell.

        Until two samples have agreed it is as old as it would be if the clock were right: those before may have been
        stored.
        """
        if (stamp.year in PLAUSIBLE_YEARS) is not self._is_set:
            return None
        age_s = (self.time(now, wall) - stamp).total_seconds()
        return age_s if self._runs else max(age_s, (self._supposed(now, wall) - stamp).total_seconds())

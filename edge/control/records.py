"""What the board remembers of each EVSE. Only the board changes it."""

from dataclasses import dataclass, field
from typing import assert_never

from edge.allocation.exposure import FOLLOW_S, OBEY_S, OBEY_TOLERANCE, OBEY_TOLERANCE_A, Grant, Holdings
from edge.allocation.problem import Need
from edge.control.actuate import Pending, Writing
from edge.control.energy import EnergyRecord
from edge.domain.setpoint import LimitCommand, Purpose
from edge.domain.site import Evse
from edge.domain.station import (
    CHARGES_A,
    DrawSampled,
    EvseStatus,
    LimitAnswered,
    LimitOutcome,
    SessionBegan,
    SessionJudged,
)
from edge.units import NO_CURRENT, Amps, PhaseAmps, Seconds, WattHours

# A car that takes nothing for this long has paused by itself: cars take 5 s to follow a limit (IEC 61851-1), and some
# several times that to begin.
PAUSE_S = 30.0
# A car whose samples fall by this much is on its way down.
COMES_DOWN_A = 0.2
# One sample above the limit may have been taken before it; two in a row are disobedience.
SAMPLES_THAT_COUNT = 2
# One answer lost or one refusal may be chance (the session ended meanwhile); two in a row are a station's way.
FAILURES_THAT_COUNT = 2

# Statuses in which no transaction can be running (OCPP 1.6 §4.9).
NO_TRANSACTION = frozenset({EvseStatus.AVAILABLE, EvseStatus.PREPARING, EvseStatus.RESERVED})
# Those; one in which a transaction has stopped while its car still stands there, which may be all night (§7.7); and one
# that is only entered when a transaction is over (§4.9, §5.2: a change of availability waits for that), and lasts for
# weeks. Where samples name one that runs all the same, what that holds is unknown.
NOTHING_RUNS = NO_TRANSACTION | {EvseStatus.FINISHING, EvseStatus.UNAVAILABLE}


@dataclass(slots=True)
class EvseRecord:
    """What is known of one EVSE."""

    evse: Evse
    holdings: Holdings
    one_limit: bool = False  # what it is told binds it with a session and without (LimitsTaken)
    status: EvseStatus = EvseStatus.UNKNOWN
    status_at: Seconds | None = None  # when it last changed
    paused: bool = False
    waits: bool = False  # its session's car can't charge yet (StatusReported)
    transaction_id: str | None = None
    began_at: Seconds | None = None
    observed_start: bool = True  # its transaction's begin was told; else it was running when we first heard of it
    draw_a: PhaseAmps | None = None
    drawn_at: Seconds | None = None
    draw_spread: bool = False  # how it is divided among the phases isn't known
    told_at: Seconds | None = None
    raised_at: Seconds | None = None
    samples_over_limit: int = 0  # one after the other; those of a slow car aren't counted
    over_limit_since: Seconds | None = None  # the first of them, counted or not
    lawful_a: Amps | None = None  # the last sample that was not above every limit
    stopped: bool = False  # told 0 A while it disobeyed, and nothing more since
    disobeyed_at: Seconds | None = None  # its last sample that made it disobedient, in this session
    refusals: int = 0  # since it was last accepted, or its station came back or is told in another way
    refuses: bool = False  # enough of them in a row, and nothing accepted since
    silences: int = 0
    cloud_a: Amps | None = None  # what the cloud allows; None for as much as there is
    surplus_a: Amps | None = None  # what the sun leaves it; None where it doesn't live on that
    eco: bool = False  # it lives on that because the building's mode asks for it
    energy: EnergyRecord = field(default_factory=EnergyRecord)
    writing: dict[Purpose, Writing] = field(default_factory=lambda: {purpose: Writing() for purpose in Purpose})

    @property
    def told_a(self) -> Amps:
        """The newest limit that it was told for its session; before the first, its idle limit."""
        told = self._told
        return told.limit_a if told is not None else 0.0

    @property
    def told_phases(self) -> int | None:
        """How many phases it was told to use with that; None for all."""
        told = self._told
        return told.phases if told is not None else None

    @property
    def _purposes(self) -> tuple[Purpose, ...]:
        """By which of its limits it is bound in a session, the first that there is."""
        return (Purpose.IDLE,) if self.one_limit else (Purpose.SESSION, Purpose.IDLE)

    @property
    def _told(self) -> Pending | Grant | None:
        for purpose in self._purposes:
            told = self.writing[purpose].pending or self.holdings.in_force(purpose)
            if told is not None:
                return told
        return None

    @property
    def moves(self) -> bool:
        """Whether time alone may change what is known of it at any moment: something counts until it is confirmed, or
        its car may be found to have paused, or a departure comes closer. See ``turns_at`` for what has its moment."""
        falls_asleep = self.status is EvseStatus.SUSPENDED_EV and not self.paused
        bides = self.energy.need is not None or self.disobeyed_at is not None
        return falls_asleep or bides or self.holdings.baseline_a is not None

    def turns_at(self, now: Seconds) -> Seconds | None:
        """The next known moment at which time alone changes what is known of it: what replaced a limit is obeyed by
        then, or its lease is over. None without any."""
        lingers_since, rises_at = self.holdings.lingers_since, self.rises_at
        moments = [lingers_since + OBEY_S] if lingers_since is not None else []
        if rises_at is not None and rises_at > now:
            moments.append(rises_at)
        return min(moments, default=None)

    @property
    def session_wh(self) -> WattHours | None:
        """What the session has taken, as far as its register tells; None without a session."""
        return self.energy.taken_wh if self.transaction_id is not None else None

    @property
    def draws(self) -> bool:
        """Whether its car was seen to take current."""
        return self.draw_a is not None and max(self.draw_a) >= CHARGES_A

    @property
    def disobeys(self) -> bool:
        """Whether its last samples were above every limit that it may be enforcing."""
        return self.samples_over_limit >= SAMPLES_THAT_COUNT

    def unruly_a(self, now: Seconds, turn_s: Seconds) -> Amps | None:
        """The most that its car is given for a turn because it drew more than it may; None for any other's.

        That is its safe current, and nothing where that can't charge a car or was more than there is. That it obeys so
        little says nothing of more; each trial costs the others all that the EVSE can give. A site below only stops.
        """
        if self.disobeyed_at is None or now - self.disobeyed_at >= turn_s:
            return None
        if self.stopped or self.evse.fallback_a < self.evse.min_a:
            return 0.0
        return None if self.evse.whole_site else self.evse.fallback_a

    @property
    def rises_at(self) -> Seconds | None:
        """From when on it is counted on to go up to its safe current by itself: the lease of the last limit that it has
        confirmed is over, and at the end of as long again it does.

        None where that limit isn't below it, and for a site below, which takes its safe current under any limit.
        """
        if self.transaction_id is None or self.evse.whole_site:
            return None
        in_force = (self.holdings.in_force(purpose) for purpose in self._purposes)
        held = next((grant for grant in in_force if grant is not None), None)
        return held.sent_at + held.lease_s if held is not None and held.limit_a < held.safe_a else None

    def has_paused(self, now: Seconds) -> bool:
        """Whether the car has been offered current for a while and takes none.

        A station calls a car that has not yet followed a raise suspended, too; and one that was paused stays so when
        its limit goes to 0 for that, until it charges again.
        """
        lasting = self.status_at is not None and now - self.status_at >= PAUSE_S
        in_session = self.transaction_id is not None
        return in_session and lasting and self.status is EvseStatus.SUSPENDED_EV and not self.draws

    def need_left(self, now: Seconds) -> Need | None:
        """What is left of the need that was stated; None without one, and without a session."""
        return self.energy.need_left(now) if self.transaction_id is not None else None

    def judge_draw(self, before_a: Amps | None, draw_a: Amps, at: Seconds) -> None:
        """Count the samples above every limit that it may be enforcing; ``before_a`` is the sample before this one.

        Those of a slow car don't count: one that draws no more than when that was lawful, and comes down or hasn't had
        ``FOLLOW_S`` for that. What it draws is kept free for it anyhow; then all of them count at once. Who disobeys
        obeys again when it has come down to the newest limit: less than one before it shows nothing. A site below can
        cut its cars, and not its building: what its installer has set as its safe current it may take under any limit.
        """
        bound_a = self.holdings.most_a(at, in_session=self.transaction_id is not None, renewable=True)
        if bound_a is not None and self.disobeys:
            bound_a = min(bound_a, self.told_a)
        if bound_a is not None and self.evse.whole_site:
            bound_a = max(bound_a, self.evse.fallback_a)
        if bound_a is None or draw_a <= bound_a + max(OBEY_TOLERANCE_A, OBEY_TOLERANCE * bound_a):
            self.samples_over_limit, self.over_limit_since, self.lawful_a = 0, None, draw_a
            return
        self.over_limit_since = at if self.over_limit_since is None else self.over_limit_since
        never_lawful = self.lawful_a is None or draw_a > self.lawful_a + OBEY_TOLERANCE_A
        comes_down = before_a is not None and draw_a < before_a - COMES_DOWN_A
        is_late = at - self.over_limit_since >= FOLLOW_S - OBEY_S and not comes_down
        if never_lawful or is_late:
            self.samples_over_limit = max(self.samples_over_limit + 1, SAMPLES_THAT_COUNT if is_late else 0)
            self.disobeyed_at = at if self.disobeys else self.disobeyed_at

    def note_change(self, command: LimitCommand, at: Seconds) -> None:
        """Remember when what it is told differs from what it has, which is less where a lease is over."""
        bound_a = self.holdings.most_a(at, in_session=self.transaction_id is not None, renewable=True)
        has_a = self.told_a if bound_a is None else min(self.told_a, bound_a)
        had_one, has_one = self.told_phases == 1, command.phases == 1
        self.stopped = command.limit_a == 0.0 and (self.stopped or (self.disobeys and has_a > 0.0))
        if command.limit_a != has_a or has_one != had_one:
            self.told_at = at
        if command.limit_a > has_a or (had_one and not has_one):
            self.raised_at = at

    def is_about(self, command: LimitCommand) -> bool:
        """Whether a command still means anything: a session's limit doesn't once its transaction is over."""
        return command.purpose is Purpose.IDLE or command.transaction_id == self.transaction_id

    def begin_session(self, fact: SessionBegan) -> None:
        """A transaction runs; where it was running before we heard of it, what it holds is unknown."""
        if self.transaction_id == fact.transaction_id:
            return
        known_idle = self.transaction_id is None and self.status in NO_TRANSACTION
        if self.transaction_id is not None:
            self.end_session(fact.at)  # its end was missed
        self.transaction_id, self.began_at, self.paused = fact.transaction_id, fact.at, False
        self.observed_start = fact.observed_start
        self.energy.begin(fact.register_wh)
        self.told_at = self.raised_at = self.draw_a = self.drawn_at = None
        if not fact.observed_start and not known_idle:
            self.holdings = self.holdings.ungoverned(self.evse.max_a)

    def heed_need(self, judged: SessionJudged | None) -> None:
        """What its session's token says of a need (see :meth:`EnergyRecord.heed`). Of a session that was running before
        we heard of it nobody knows whether another was stated.
        """
        if judged is not None and self.observed_start:
            self.energy.heed(self.evse.key, judged)

    def end_session(self, at: Seconds) -> None:
        """What was known of the session is of no more use."""
        self.energy.forget_need()
        self.transaction_id = self.began_at = self.told_at = self.raised_at = None
        self.holdings = self.holdings.session_over()
        self.draw_a, self.drawn_at, self.samples_over_limit = NO_CURRENT, at, 0
        self.over_limit_since = self.lawful_a = self.disobeyed_at = None
        self.stopped = self.waits = False
        self.writing[Purpose.SESSION] = Writing()

    def take_draw(self, fact: DrawSampled) -> None:
        """Remember the sample, and what it says of the limits."""
        before_a = max(self.draw_a) if self.draw_a is not None else None
        if before_a is not None:
            self.holdings = self.holdings.seen(before_a, max(fact.current_a), fact.at)
        self.draw_a, self.drawn_at, self.draw_spread = fact.current_a, fact.at, fact.spread
        self.waits = self.waits and not self.draws
        if fact.energy_wh is not None:
            self.energy.sampled(fact.energy_wh)
        self.judge_draw(before_a, max(fact.current_a), fact.at)

    def answered(self, command: LimitCommand, fact: LimitAnswered) -> None:
        """What became of the command."""
        writing = self.writing[command.purpose]
        latest = writing.pending is not None and writing.pending.command == command.id
        match fact.outcome:
            case LimitOutcome.ACCEPTED:
                self.holdings = self.holdings.accepted(command.purpose, command.id, fact.at)
                self.refusals = self.silences = 0
                self.refuses = False
            case LimitOutcome.REFUSED:
                self.holdings = self.holdings.dropped(command.purpose, command.id)
                self.refusals += 1
                self.refuses = self.refuses or self.refusals >= FAILURES_THAT_COUNT
            case LimitOutcome.SILENT:
                self.holdings = self.holdings.doubted(command.purpose, command.id)
                self.silences += 1
            case LimitOutcome.NOT_SENT:
                self.holdings = self.holdings.dropped(command.purpose, command.id)
            case _:
                assert_never(fact.outcome)
        if latest:
            failed = fact.outcome is not LimitOutcome.ACCEPTED
            self.writing[command.purpose] = Writing(
                failed_at=fact.at if failed else None,
                failed_a=command.limit_a if failed else None,
                failures=self.refusals,
            )

    def judge_governed(self, at: Seconds) -> None:
        """Whether one of our limits is known to bind the EVSE, whatever it held before we came."""
        if self.holdings.is_governed:
            return
        idle_binds = (
            self.holdings.in_force(Purpose.IDLE) is not None
            and self.transaction_id is None
            and self.status in NOTHING_RUNS
        )
        if idle_binds:
            self.holdings = self.holdings.governed_while_idle()
        elif self.holdings.in_force(Purpose.IDLE if self.one_limit else Purpose.SESSION) is not None:
            # A station that is told one limit for both may have taken a TxProfile for this session before we started.
            before_us = self.transaction_id is not None and not self.observed_start
            self.holdings = self.holdings.governed(at, beside_profiles=self.one_limit and before_us)

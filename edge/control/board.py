"""The board: the latest fact from every source, with its age. The one place in control where state changes."""

from collections.abc import Iterable
from dataclasses import replace
from typing import assert_never

from edge.allocation.exposure import LEASE_SLACK_S, OBEY_S, OBEY_TOLERANCE_A, Holdings
from edge.allocation.snapshot import CircuitState, EvseState, Reach, Snapshot
from edge.control.actuate import Pending, Writing
from edge.control.records import EvseRecord, MeterRecord, StationRecord
from edge.domain.reading import MeterFailed, MeterReading
from edge.domain.setpoint import LimitCommand, Purpose
from edge.domain.site import Site
from edge.domain.station import (
    CloudLimit,
    CloudLink,
    DrawSampled,
    EvseStatus,
    LimitAnswered,
    LimitOutcome,
    LimitSent,
    NeedStated,
    SessionBegan,
    SessionEnded,
    StationDescribed,
    StationFact,
    StationOffline,
    StationOnline,
    StatusReported,
)
from edge.units import NO_CURRENT, Amps, Seconds

# A station that has just connected is asked for nothing but its first limit for this long: two own CALLs and an answer
# over a slow mobile link.
NEW_GRACE_S = 10.0
# One answer lost or one refusal may be chance (the session ended meanwhile); two in a row are a station's way.
FAILURES_THAT_COUNT = 2
# One sample above the limit may have been taken before it; two in a row are disobedience.
SAMPLES_THAT_COUNT = 2
# A car that takes nothing for this long has paused by itself: cars take 5 s to follow a limit (IEC 61851-1), and some
# several times that to begin.
PAUSE_S = 30.0
# Statuses in which no transaction can be running (OCPP 1.6 §4.9).
NO_TRANSACTION = frozenset({EvseStatus.AVAILABLE, EvseStatus.PREPARING, EvseStatus.RESERVED})


class Board:
    """Implements :class:`edge.control.ports.FactSink`; gives the control loop its snapshots."""

    def __init__(self, site: Site, *, started_at: Seconds) -> None:
        self.site = site
        self.started_at = started_at
        self.stations = {station.id: StationRecord() for station in site.stations}
        self.meters = {meter.id: MeterRecord() for meter in site.meters}
        self.evses = {evse.key: EvseRecord(evse=evse, holdings=Holdings(baseline_a=evse.max_a)) for evse in site.evses}
        self._in_flight: dict[int, LimitCommand] = {}

    def take(self, fact: StationFact | MeterReading | MeterFailed) -> None:
        """Remember the fact. Unknown stations, EVSEs and meters are ignored."""
        match fact:
            case MeterReading() | MeterFailed():
                self._take_meter(fact)
            case StationOnline() | StationOffline() | StationDescribed() | CloudLink():
                self._take_station(fact)
            case StatusReported() | SessionBegan() | SessionEnded() | DrawSampled() | LimitSent() | LimitAnswered():
                record = self.evses.get(fact.key)
                if record is not None:
                    self._take_evse(record, fact)
            case NeedStated() | CloudLimit():
                pass  # what a car wants, and what its cloud allows, is no part of the decision
            case _:
                assert_never(fact)

    def issued(self, commands: Iterable[LimitCommand], at: Seconds) -> None:
        """The commands are about to be handed to the stations."""
        for command in commands:
            record = self.evses[command.key]
            if command.purpose is Purpose.SESSION or record.transaction_id is None:
                _note_change(record, command.limit_a, at)
            self._in_flight[command.id] = command
            record.holdings = record.holdings.issued(command, at)
            record.writing[command.purpose] = Writing(pending=Pending(command=command.id, limit_a=command.limit_a))

    def snapshot(self, now: Seconds) -> Snapshot:
        """The site as known now. Limits that have been obeyed in the meantime are settled on the way."""
        return Snapshot(
            now=now,
            settings=self.site.control,
            circuits=tuple(self._circuit_state(index) for index in range(len(self.site.circuits))),
            evses=tuple(self._evse_state(record, now) for record in self.evses.values()),
        )

    def _circuit_state(self, index: int) -> CircuitState:
        circuit = self.site.circuits[index]
        reading = self.meters[circuit.meter].reading if circuit.meter is not None else None
        if reading is None:
            return CircuitState(circuit=circuit)
        return CircuitState(circuit=circuit, measured_a=reading.current_a, measured_at=reading.at)

    def _evse_state(self, record: EvseRecord, now: Seconds) -> EvseState:
        record.holdings = record.holdings.settled(now)
        record.paused = record.paused or _has_paused(record, now)
        return EvseState(
            evse=record.evse,
            reach=self.reach(record, now),
            status=record.status,
            in_session=record.transaction_id is not None,
            holdings=self._believed(record, now),
            paused=record.paused,
            waiting_since=record.began_at,
            told_a=record.told_a,
            told_at=record.told_at,
            raised_at=record.raised_at,
            draw_a=record.draw_a,
            drawn_at=record.drawn_at,
        )

    def _believed(self, record: EvseRecord, now: Seconds) -> Holdings:
        """What an EVSE holds from before our start has a lease; once that is over, it is the safe current at most.

        That is so for a station that wasn't seen since, and for one that has confirmed what a session is allowed by
        itself and doesn't tell whether one was running.
        """
        holdings = record.holdings
        ours = not self.stations[record.evse.key.station].ever_online or holdings.in_force(Purpose.IDLE) is not None
        lease_over = now - self.started_at >= self.site.control.lease_s + LEASE_SLACK_S + OBEY_S
        if holdings.baseline_a is None or not (ours and lease_over):
            return holdings
        return replace(holdings, baseline_a=min(holdings.baseline_a, record.evse.fallback_a))

    def reach(self, record: EvseRecord, now: Seconds) -> Reach:
        """How far the EVSE is ours to limit now."""
        online_since = self.stations[record.evse.key.station].online_since
        if online_since is None:
            return Reach.OFFLINE
        if record.samples_over_limit >= SAMPLES_THAT_COUNT:
            return Reach.DISOBEYING
        if record.refusals >= FAILURES_THAT_COUNT:
            return Reach.REFUSING
        if record.silences >= FAILURES_THAT_COUNT:
            return Reach.SILENT
        if record.holdings.is_governed:
            return Reach.OBEYING
        return Reach.NEW if now - online_since < NEW_GRACE_S else Reach.UNCONFIRMED

    def _take_meter(self, fact: MeterReading | MeterFailed) -> None:
        record = self.meters.get(fact.meter)
        if record is None:
            return
        if isinstance(fact, MeterFailed):
            record.problem = fact.problem
        else:
            record.reading, record.problem = fact, None

    def _take_station(self, fact: StationOnline | StationOffline | StationDescribed | CloudLink) -> None:
        record = self.stations.get(fact.station)
        if record is None:
            return
        match fact:
            case StationOnline():
                record.online_since, record.ever_online = fact.at, True
                self._assert_again(fact.station)
            case StationOffline():
                record.online_since, record.cloud_connected = None, False
            case StationDescribed():
                record.vendor, record.model = fact.vendor, fact.model
                self._assert_again(fact.station)
            case CloudLink():
                record.cloud_connected = fact.connected
            case _:
                assert_never(fact)

    def _assert_again(self, station: str) -> None:
        """After a reconnect or a reboot every limit is written anew: some stations forget what they accepted."""
        for record in self.evses.values():
            if record.evse.key.station == station:
                record.refusals = record.silences = 0
                for purpose, writing in record.writing.items():
                    record.writing[purpose] = Writing(pending=writing.pending, write_again=True)

    def _take_evse(
        self,
        record: EvseRecord,
        fact: StatusReported | SessionBegan | SessionEnded | DrawSampled | LimitSent | LimitAnswered,
    ) -> None:
        match fact:
            case StatusReported():
                if fact.status is not record.status:
                    record.status, record.status_at = fact.status, fact.at
                if fact.status is EvseStatus.CHARGING:
                    record.paused = False
            case SessionBegan():
                self._begin_session(record, fact)
            case SessionEnded():
                self._end_session(record, fact.at)
            case DrawSampled():
                self._take_draw(record, fact)
            case LimitSent():
                command = self._in_flight.get(fact.command)
                if command is not None and _still_of_use(record, command):
                    record.holdings = record.holdings.sent(command.purpose, command.id, fact.at)
            case LimitAnswered():
                self._take_answer(record, fact)
            case _:
                assert_never(fact)
        self._judge_governed(record, fact.at)

    @staticmethod
    def _end_session(record: EvseRecord, at: Seconds) -> None:
        record.transaction_id = record.began_at = record.told_at = record.raised_at = None
        record.holdings = record.holdings.session_over()
        record.draw_a, record.drawn_at, record.samples_over_limit = NO_CURRENT, at, 0
        record.writing[Purpose.SESSION] = Writing()

    def _begin_session(self, record: EvseRecord, fact: SessionBegan) -> None:
        if record.transaction_id == fact.transaction_id:
            return
        known_idle = record.transaction_id is None and record.status in NO_TRANSACTION
        if record.transaction_id is not None:
            self._end_session(record, fact.at)  # its end was missed
        record.transaction_id, record.began_at, record.paused = fact.transaction_id, fact.at, False
        record.told_at = record.raised_at = record.draw_a = record.drawn_at = None
        if not fact.observed_start and not known_idle:
            record.holdings = record.holdings.ungoverned(record.evse.max_a)

    def _take_draw(self, record: EvseRecord, fact: DrawSampled) -> None:
        if record.draw_a is not None:
            record.holdings = record.holdings.seen(max(record.draw_a), max(fact.current_a), fact.at)
        record.draw_a, record.drawn_at = fact.current_a, fact.at
        bound = record.holdings.most_a(fact.at, in_session=record.transaction_id is not None, renewable=True)
        over = bound is not None and max(fact.current_a) > bound + OBEY_TOLERANCE_A
        record.samples_over_limit = record.samples_over_limit + 1 if over else 0

    def _take_answer(self, record: EvseRecord, fact: LimitAnswered) -> None:
        command = self._in_flight.pop(fact.command, None)
        if command is None or not _still_of_use(record, command):
            return
        writing = record.writing[command.purpose]
        latest = writing.pending is not None and writing.pending.command == command.id
        match fact.outcome:
            case LimitOutcome.ACCEPTED:
                record.holdings = record.holdings.accepted(command.purpose, command.id, fact.at)
                record.refusals = record.silences = 0
            case LimitOutcome.REFUSED:
                record.holdings = record.holdings.dropped(command.purpose, command.id)
                record.refusals += 1
            case LimitOutcome.SILENT:
                record.holdings = record.holdings.doubted(command.purpose, command.id)
                record.silences += 1
            case LimitOutcome.NOT_SENT:
                record.holdings = record.holdings.dropped(command.purpose, command.id)
            case _:
                assert_never(fact.outcome)
        if latest:
            failed = fact.outcome is not LimitOutcome.ACCEPTED
            record.writing[command.purpose] = Writing(
                failed_at=fact.at if failed else None,
                failed_a=command.limit_a if failed else None,
                failures=record.refusals,
            )

    @staticmethod
    def _judge_governed(record: EvseRecord, at: Seconds) -> None:
        """Whether one of our limits is known to bind the EVSE, whatever it held before we came."""
        if record.holdings.is_governed:
            return
        idle_binds = (
            record.holdings.in_force(Purpose.IDLE) is not None
            and record.transaction_id is None
            and record.status in NO_TRANSACTION
        )
        if idle_binds:
            record.holdings = record.holdings.governed_while_idle()
        elif record.holdings.in_force(Purpose.SESSION) is not None:
            record.holdings = record.holdings.governed(at)


def _note_change(record: EvseRecord, limit_a: Amps, at: Seconds) -> None:
    """Remember when what the EVSE is told differs from what it has, which is less where a lease is over."""
    bound_a = record.holdings.most_a(at, in_session=record.transaction_id is not None, renewable=True)
    has_a = record.told_a if bound_a is None else min(record.told_a, bound_a)
    if limit_a != has_a:
        record.told_at = at
    if limit_a > has_a:
        record.raised_at = at


def _has_paused(record: EvseRecord, now: Seconds) -> bool:
    """Whether the car has been offered current for a while and takes none.

    A station calls a car that has not yet followed a raise suspended, too; and one that was paused stays so when its
    limit goes to 0 for that, until it charges again.
    """
    lasting = record.status_at is not None and now - record.status_at >= PAUSE_S
    return record.transaction_id is not None and record.status is EvseStatus.SUSPENDED_EV and lasting


def _still_of_use(record: EvseRecord, command: LimitCommand) -> bool:
    """A session's limit means nothing once its transaction is over."""
    return command.purpose is Purpose.IDLE or command.transaction_id == record.transaction_id

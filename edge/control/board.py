"""The board: the latest fact from every source, with its age. The one place in control where state changes."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import assert_never

from edge.allocation.exposure import LEASE_SLACK_S, OBEY_S, Holdings
from edge.allocation.plant import Plant
from edge.allocation.snapshot import Snapshot
from edge.allocation.state import CircuitState, EvseState, Reach
from edge.control.actuate import Pending, Writing
from edge.control.records import EvseRecord, MeterRecord, StationRecord
from edge.control.submeters import Submeters
from edge.control.trials import Trials
from edge.domain.limit import LimitSource, LimitStated
from edge.domain.reading import MeterFact, MeterFailed, MeterReading
from edge.domain.setpoint import LimitCommand, Purpose
from edge.domain.site import Circuit, Site
from edge.domain.station import (
    CloudLimit,
    CloudLink,
    DrawSampled,
    EvseStatus,
    LimitAnswered,
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
from edge.units import Amps, PhaseAmps, Seconds

# A station that has just connected is asked for nothing but its first limit for this long: two own CALLs and an answer
# over a slow mobile link.
NEW_GRACE_S = 10.0
# After our start a station that isn't back yet counts as arriving for this long: stations reconnect within seconds of
# finding their link dead, and nobody is to be cut for those that come next.
START_GRACE_S = 15.0
# One answer lost or one refusal may be chance (the session ended meanwhile); two in a row are a station's way.
FAILURES_THAT_COUNT = 2
# One sample above the limit may have been taken before it; two in a row are disobedience.
SAMPLES_THAT_COUNT = 2


class Board:
    """Implements :class:`edge.control.ports.FactSink`; gives the control loop its snapshots."""

    def __init__(self, site: Site, *, started_at: Seconds) -> None:
        self.site = site
        self.started_at = started_at
        self.plant = Plant.of(site)
        self._last: Snapshot | None = None
        self.stations = {station.id: StationRecord() for station in site.stations}
        self.meters = {meter.id: MeterRecord() for meter in site.meters}
        self.evses = {evse.key: EvseRecord(evse=evse, holdings=Holdings(baseline_a=evse.max_a)) for evse in site.evses}
        self.submeters = Submeters(site)
        self.trials = Trials(frozenset(self.evses))
        self._in_flight: dict[int, LimitCommand] = {}
        self._limits: dict[tuple[LimitSource, str], LimitStated] = {}

    def take(self, fact: StationFact | MeterFact | LimitStated) -> None:
        """Remember the fact. Unknown stations, EVSEs and meters are ignored."""
        match fact:
            case MeterReading() | MeterFailed():
                self._take_meter(fact)
            case LimitStated():
                self._limits[fact.source, fact.circuit] = fact
            case StationOnline() | StationOffline() | StationDescribed() | CloudLink():
                self._take_station(fact)
            case (
                StatusReported()
                | SessionBegan()
                | SessionEnded()
                | DrawSampled()
                | NeedStated()
                | CloudLimit()
                | LimitSent()
                | LimitAnswered()
            ):
                record = self.evses.get(fact.key)
                if isinstance(fact, CloudLimit) and fact.key.evse == 0 and fact.key.station in self.stations:
                    self.stations[fact.key.station].cloud_a = fact.limit_a
                elif record is not None:
                    self._take_evse(record, fact)
            case _:
                assert_never(fact)

    def issued(self, commands: Iterable[LimitCommand], at: Seconds) -> None:
        """The commands are about to be handed to the stations."""
        for command in commands:
            record = self.evses[command.key]
            if command.purpose is Purpose.SESSION or record.transaction_id is None:
                record.note_change(command, at)
            self._in_flight[command.id] = command
            record.holdings = record.holdings.issued(command, at)
            record.writing[command.purpose] = Writing(
                pending=Pending(command=command.id, limit_a=command.limit_a, phases=command.phases)
            )

    def snapshot(self, now: Seconds) -> Snapshot:
        """The site as known now. Limits that have been obeyed in the meantime are settled on the way.

        An EVSE of which nothing changed keeps its state, so that a decision needn't look at it again.
        """
        states = tuple([self._evse_state(record, now) for record in self.evses.values()])
        before = None
        if self._last is not None:
            states = tuple(
                [was if was == state else state for was, state in zip(self._last.evses, states, strict=True)]
            )
            before = self._last.fleet
        currents = self.submeters.currents({name: each.reading for name, each in self.meters.items()}, now)
        self._last = Snapshot(
            now=now,
            plant=self.plant,
            circuits=tuple(self._circuit_state(circuit, currents) for circuit in self.site.circuits),
            evses=states,
            limits=tuple(self._limits.values()),
            before=before,
        )
        return self._last

    def _circuit_state(self, circuit: Circuit, currents: Mapping[str, PhaseAmps]) -> CircuitState:
        reading = self.meters[circuit.meter].reading if circuit.meter is not None else None
        if reading is None or reading.current_a is None:
            return CircuitState(circuit=circuit)
        measured_a = currents.get(circuit.id, reading.current_a)
        return CircuitState(circuit=circuit, measured_a=measured_a, measured_at=reading.at)

    def _evse_state(self, record: EvseRecord, now: Seconds) -> EvseState:
        record.holdings = record.holdings.settled(now)
        record.paused = record.has_paused(now) or (record.paused and not record.draws)
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
            told_phases=record.told_phases,
            need=record.need_left(now),
            cloud_a=self.trials.lower(record.evse.key, self._cloud_a(record), now),
        )

    def _cloud_a(self, record: EvseRecord) -> Amps | None:
        """What the cloud allows the EVSE. A limit for the whole station is divided among its EVSEs in a session."""
        station = self.stations[record.evse.key.station]
        if station.cloud_a is None:
            return record.cloud_a
        of_station = self.site.station_by_id[record.evse.key.station].evses
        busy = sum(self.evses[evse.key].transaction_id is not None for evse in of_station)
        part_a = station.cloud_a / max(busy, 1)
        return part_a if record.cloud_a is None else min(record.cloud_a, part_a)

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
        station = self.stations[record.evse.key.station]
        online_since = station.online_since
        if online_since is None:
            expected = not station.ever_online and now - self.started_at < START_GRACE_S
            return Reach.EXPECTED if expected else Reach.OFFLINE
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
        fact: StatusReported
        | SessionBegan
        | SessionEnded
        | DrawSampled
        | NeedStated
        | CloudLimit
        | LimitSent
        | LimitAnswered,
    ) -> None:
        match fact:
            case StatusReported():
                if fact.status is not record.status:
                    record.status, record.status_at = fact.status, fact.at
                if fact.status is EvseStatus.CHARGING:
                    record.paused = False
            case SessionBegan():
                record.begin_session(fact)
            case SessionEnded():
                record.end_session(fact.at)
            case DrawSampled():
                record.take_draw(fact)
            case NeedStated():
                record.need = fact if fact.departs_in_s is not None else None
                record.energy_at_need_wh = record.energy_wh
            case CloudLimit():
                record.cloud_a = fact.limit_a
            case LimitSent():
                command = self._in_flight.get(fact.command)
                if command is not None and record.is_about(command):
                    record.holdings = record.holdings.sent(command.purpose, command.id, fact.at)
            case LimitAnswered():
                command = self._in_flight.pop(fact.command, None)
                if command is not None and record.is_about(command):
                    record.answered(command, fact)
            case _:
                assert_never(fact)
        record.judge_governed(fact.at)

"""The board: the latest fact from every source, with its age. The one place in control where state changes."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import assert_never

from edge.allocation.exposure import LEASE_SLACK_S, OBEY_S, Holdings
from edge.allocation.plant import Plant
from edge.allocation.snapshot import Snapshot
from edge.allocation.state import CircuitState, EvseState
from edge.control.actuate import Pending, Writing
from edge.control.class_hours import ClassHours
from edge.control.judgements import Judgements
from edge.control.mains import Mains
from edge.control.peers import MeterRecord, StationRecord
from edge.control.reach import reach_of
from edge.control.records import EvseRecord
from edge.control.standstill import Standstill
from edge.control.submeters import Submeters
from edge.control.trials import Trials
from edge.domain.connection import is_p1_port
from edge.domain.limit import EvseCapped, LimitSource, LimitStated
from edge.domain.opening import ClassHour
from edge.domain.reading import MeterFact, MeterFailed, MeterReading
from edge.domain.setpoint import LimitCommand, Purpose
from edge.domain.site import Circuit, EvseKey, Site
from edge.domain.station import (
    CloudLimit,
    CloudLink,
    DrawSampled,
    EnergySampled,
    EvseStatus,
    LimitAnswered,
    LimitSent,
    LimitsTaken,
    NeedStated,
    SessionBegan,
    SessionEnded,
    SessionJudged,
    StationDescribed,
    StationFact,
    StationOffline,
    StationOnline,
    StatusReported,
)
from edge.units import Amps, PhaseAmps, Seconds


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
        self._number = {key: number for number, key in enumerate(self.evses)}
        self._keys = {station.id: tuple(evse.key for evse in station.evses) for station in site.stations}
        # The EVSEs whose state may have changed since the last snapshot: by a fact, by a command, or by time alone.
        self._stirred = set(self.evses)
        self._turns_at: dict[EvseKey, Seconds] = {}  # when time alone will have changed it
        # Their telegrams tell instantaneous values (OBIS x.7.0, IEC 62056-61): none from before the telegram before.
        self._smart_meters = frozenset(meter.id for meter in site.meters if is_p1_port(meter.connection))
        self.submeters = Submeters(site)
        self._mains = Mains(site)
        self._standstill = Standstill(site)
        self.trials = Trials(frozenset(self.evses))
        self._in_flight: dict[int, LimitCommand] = {}
        self._judgements = Judgements(for_evses=len(self.evses))
        self._class_hours = ClassHours()
        self._limits: dict[tuple[LimitSource, str], LimitStated] = {}

    def take(self, fact: StationFact | MeterFact | LimitStated | EvseCapped | ClassHour) -> None:
        """Remember the fact. Unknown stations, EVSEs and meters are ignored."""
        match fact:
            case (
                DrawSampled()  # most of all
                | EnergySampled()
                | StatusReported()
                | SessionBegan()
                | SessionEnded()
                | NeedStated()
                | CloudLimit()
                | LimitSent()
                | LimitAnswered()
            ):
                # A limit of the cloud for a whole station is divided among those of its EVSEs that are in a session.
                self._stirred.update(self._keys.get(fact.key.station, ()))
                record = self.evses.get(fact.key)
                if isinstance(fact, CloudLimit) and fact.key.evse == 0 and fact.key.station in self.stations:
                    self.stations[fact.key.station].cloud_a = fact.limit_a
                elif record is not None:
                    self._take_evse(record, fact)
            case MeterReading() | MeterFailed():
                self._take_meter(fact)
            case EvseCapped():
                if (capped := self.evses.get(fact.key)) is not None:
                    capped.surplus_a, capped.eco = fact.limit_a, fact.eco
                    self._stirred.add(fact.key)
            case ClassHour():
                self._class_hours.take(fact)
                self._stirred.update(self.evses)
            case LimitStated():
                if fact.circuit in self.site.circuit_by_id:
                    self._limits[fact.source, fact.circuit] = fact
            case SessionJudged():
                if fact.station in self.stations:
                    self._stirred.update(self._keys[fact.station])
                    self._judgements.take(fact)
                    for key in self._keys[fact.station]:
                        self._heed_need(self.evses[key])
            case StationOnline() | StationOffline() | StationDescribed() | LimitsTaken() | CloudLink():
                self._stirred.update(self._keys.get(fact.station, ()))
                self._take_station(fact)
            case _:
                assert_never(fact)

    def issued(self, commands: Iterable[LimitCommand], at: Seconds) -> None:
        """The commands are about to be handed to the stations."""
        for command in commands:
            record = self.evses[command.key]
            self._stirred.add(command.key)
            if command.purpose is Purpose.SESSION or record.transaction_id is None or record.one_limit:
                record.note_change(command, at)
            self._in_flight[command.id] = command
            record.holdings = record.holdings.issued(command, at)
            record.writing[command.purpose] = Writing(
                pending=Pending(command=command.id, limit_a=command.limit_a, phases=command.phases)
            )

    def snapshot(self, now: Seconds) -> Snapshot:
        """The site as known now. Limits that have been obeyed in the meantime are settled on the way.

        An EVSE of which nothing changed keeps its state, so that nobody need look at it again.
        """
        evses, before = self._states(now), self._last.fleet if self._last is not None else None
        readings = {name: each.reading for name, each in self.meters.items()}
        currents = self.submeters.currents(readings, now)
        self._last = Snapshot(
            now=now,
            plant=self.plant,
            circuits=tuple(self._circuit_state(circuit, currents) for circuit in self.site.circuits),
            evses=evses,
            limits=tuple(self._limits.values()),
            voltage_v=self._mains.voltage_v(readings, now),
            before=before,
        )
        return self._last

    def _states(self, now: Seconds) -> tuple[EvseState, ...]:
        looked_at = self._stirred | self.trials.running | {key for key, at in self._turns_at.items() if now >= at}
        if self._last is None:
            states = [self._evse_state(record, now) for record in self.evses.values()]
        else:
            states = list(self._last.evses)
            for key in looked_at:
                number, state = self._number[key], self._evse_state(self.evses[key], now)
                if state != states[number]:
                    states[number] = state
        for key in looked_at:
            at = self.evses[key].turns_at(now)
            if at is not None:
                self._turns_at[key] = at
            else:
                self._turns_at.pop(key, None)
        self._stirred = {key for key in looked_at if self.evses[key].moves}
        return tuple(states)

    def _circuit_state(self, circuit: Circuit, currents: Mapping[str, PhaseAmps]) -> CircuitState:
        reading = self.meters[circuit.meter].reading if circuit.meter is not None else None
        if reading is None or (counted_a := reading.counted_a) is None:
            return CircuitState(circuit=circuit)
        measured_a = currents.get(circuit.id, counted_a)  # of other meters where it isn't its own
        is_news = reading.meter in self._smart_meters and measured_a == counted_a
        return CircuitState(circuit=circuit, measured_a=measured_a, measured_at=reading.at, is_news=is_news)

    def _evse_state(self, record: EvseRecord, now: Seconds) -> EvseState:
        record.holdings = record.holdings.settled(now)
        record.paused = record.has_paused(now) or (record.paused and not record.draws)
        judged = self._judgements.of(record.evse.key.station, record.transaction_id)
        priority = judged.priority if judged is not None else None
        return EvseState(
            evse=record.evse,
            reach=reach_of(record, self.stations[record.evse.key.station], now=now, started_at=self.started_at),
            status=record.status,
            in_session=record.transaction_id is not None,
            holdings=self._believed(record, now),
            paused=record.paused or record.waits,
            not_let_in=record.waits,
            waiting_since=record.began_at,
            told_a=record.told_a,
            told_at=record.told_at,
            raised_at=record.raised_at,
            draw_a=record.draw_a,
            drawn_at=record.drawn_at,
            draw_spread=record.draw_spread,
            told_phases=record.told_phases,
            one_limit=record.one_limit,
            need=record.need_left(now),
            cloud_a=self.trials.lower(record.evse.key, self._cloud_a(record), now),
            priority=self._class_hours.priority(record, priority),
            barred=judged is not None and judged.barred,
            surplus_a=record.surplus_a,
            eco=record.eco,
            hours_a=self._class_hours.allowed_a(record, priority),
            unruly_a=record.unruly_a(now, self.site.control.turn_s),
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

    def _take_meter(self, fact: MeterReading | MeterFailed) -> None:
        record = self.meters.get(fact.meter)
        if record is None:
            return
        if isinstance(fact, MeterFailed):
            record.problem = fact.problem
        else:
            record.problem = self._standstill.problem(fact, self.evses)
            if record.problem is None:
                record.reading = fact

    def _take_station(self, fact: StationOnline | StationOffline | StationDescribed | LimitsTaken | CloudLink) -> None:
        record = self.stations.get(fact.station)
        if record is None:
            return
        match fact:
            case StationOnline():
                record.online_since, record.ever_online = fact.at, True
                if fact.vendor is not None:
                    record.vendor, record.model = fact.vendor, fact.model
                self._assert_again(fact.station)
            case StationOffline():
                record.online_since, record.cloud_connected = None, False
            case StationDescribed():
                record.vendor, record.model = fact.vendor, fact.model
                self._assert_again(fact.station)
            case LimitsTaken():
                for evse in self.site.station_by_id[fact.station].evses:
                    self.evses[evse.key].one_limit = fact.one_limit
                self._assert_again(fact.station, in_another_way=True)
            case CloudLink():
                record.cloud_connected = fact.connected
            case _:
                assert_never(fact)

    def _assert_again(self, station: str, *, in_another_way: bool = False) -> None:
        """After a reconnect or a reboot every limit is written anew: some stations forget what they accepted.

        A station that refuses its limits goes on to while other ways to tell them are tried, until it accepts one.
        """
        for record in self.evses.values():
            if record.evse.key.station == station:
                record.refusals = record.silences = 0
                record.refuses &= in_another_way
                for purpose, writing in record.writing.items():
                    record.writing[purpose] = Writing(pending=writing.pending, write_again=True)

    def _take_evse(
        self,
        record: EvseRecord,
        fact: StatusReported
        | SessionBegan
        | SessionEnded
        | DrawSampled
        | EnergySampled
        | NeedStated
        | CloudLimit
        | LimitSent
        | LimitAnswered,
    ) -> None:
        match fact:
            case DrawSampled():
                record.take_draw(fact)
            case EnergySampled():
                record.energy.sampled(fact.energy_wh)
            case StatusReported():
                if fact.status is not record.status:
                    record.status, record.status_at = fact.status, fact.at
                record.waits = fact.waits
                if fact.status is EvseStatus.CHARGING:
                    record.paused = False
                elif fact.status is EvseStatus.AVAILABLE and record.transaction_id is None:
                    record.energy.forget_need()  # the car that stated one has gone
            case SessionBegan():
                record.begin_session(fact)
            case SessionEnded():
                self._judgements.ended(fact.key.station, record.transaction_id)
                record.end_session(fact.at)
            case NeedStated():
                record.energy.state(fact, in_session=record.transaction_id is not None)
            case CloudLimit():
                record.cloud_a = fact.limit_a
            case LimitSent():
                command = self._in_flight.get(fact.command)
                if command is not None and record.is_about(command):
                    record.holdings = record.holdings.sent(command.purpose, command.id, fact.at)
                for purpose in Purpose:  # also one that was answered, and is written anew
                    record.holdings = record.holdings.told(purpose, fact.command, fact.limit_a)
            case LimitAnswered():
                command = self._in_flight.pop(fact.command, None)
                if command is not None and record.is_about(command):
                    record.answered(command, fact)
            case _:
                assert_never(fact)
        record.judge_governed(fact.at)
        if isinstance(fact, SessionBegan):
            self._heed_need(record)

    def _heed_need(self, record: EvseRecord) -> None:
        record.heed_need(self._judgements.of(record.evse.key.station, record.transaction_id))

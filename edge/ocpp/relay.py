"""The state machine of one station between its socket and its cloud. Sans-I/O: frames in, actions out.

It lives as long as the program, through all connections of its station. Frames of others are forwarded as the very text
that came in; the facts in them are copied out on the way. ``now`` is monotonic seconds, ``wall`` our wall clock.
"""

from datetime import datetime
from typing import Any, assert_never

from edge.domain.setpoint import LimitCommand
from edge.domain.site import Mode, Station
from edge.domain.station import LimitOutcome, StationOffline
from edge.errors import FrameError
from edge.ocpp import wire
from edge.ocpp.actions import Action, Outbox
from edge.ocpp.arbiter import Arbiter
from edge.ocpp.asked_samples import AskedSamples
from edge.ocpp.cloud_calls import CloudCalls
from edge.ocpp.cloud_profiles import CloudProfiles
from edge.ocpp.controllers import standing_facts
from edge.ocpp.diagnosis import Diagnosis
from edge.ocpp.dialect import dialect
from edge.ocpp.dossier import Dossier
from edge.ocpp.farewell import GOING_AWAY, Farewell
from edge.ocpp.figures import Figures
from edge.ocpp.hearsay import Hearsay
from edge.ocpp.introduction import Introduction
from edge.ocpp.line import Line
from edge.ocpp.number_ids import NumberIds, Parser
from edge.ocpp.passing import Passing
from edge.ocpp.presence import Presence, RelayState
from edge.ocpp.profiles.desk import ProfileDesk
from edge.ocpp.profiles.kept_store import KeptStore
from edge.ocpp.profiles.store import ProfileStore
from edge.ocpp.quirk_records import Quirks
from edge.ocpp.settings import CloudLoss
from edge.ocpp.shelf import Shelf
from edge.ocpp.site_limits import SiteLimits
from edge.ocpp.stand_in import StandIn
from edge.ocpp.station_calls import StationCalls
from edge.ocpp.station_memory import StationMemory
from edge.ocpp.unreadable import Unreadable, excerpt
from edge.ocpp.upline import Asker, Upline
from edge.ocpp.versions import Version
from edge.ocpp.wire import Call, CallError, CallResult, CallResultError, Frame, Send
from edge.units import Seconds, Volts

REST_S = 10.0  # the wall clock may be set, and the site's limits change, without anything being heard
AWAY = Farewell(code=GOING_AWAY, reason="the cloud is away")


class Relay:
    """One station's relay. ``nonce``: see :class:`edge.ocpp.arbiter.Arbiter`.

    ``shelf`` keeps the cloud's profiles, ``dossier`` what else is to be known after a restart; ``site_limits`` are for
    the cloud to know. ``has_cloud``: the site has one, away or not. ``stand_in``: who answers the station while its
    cloud is away; what doesn't just pass goes there (``HandOver``), and what comes of it back by :meth:`calls_cloud`
    and :meth:`answers_station`.
    """

    def __init__(
        self,
        *,
        station: Station,
        nominal_voltage_v: Volts,
        mode: Mode,
        cloud_loss: CloudLoss,
        nonce: str,
        shelf: Shelf | None = None,
        figures: Figures | None = None,
        dossier: Dossier | None = None,
        stand_in: StandIn | None = None,
        site_limits: SiteLimits | None = None,
        key_is_checked: bool = True,
        has_cloud: bool = True,
        hearsay: Hearsay | None = None,
        asked: AskedSamples | None = None,
    ) -> None:
        self._station, self._stand_in = station, stand_in
        self._controls = mode is Mode.CONTROL
        self._cloud_loss = cloud_loss
        self.outbox = self._out = Outbox()  # for what no step returns, too
        self._nominal_voltage_v = nominal_voltage_v
        dossier = dossier if dossier is not None else Dossier(station.id)
        self._memory = StationMemory(
            station, dossier, key_is_checked=key_is_checked, hearsay=hearsay, sessions=stand_in
        )
        self._dialect = dialect(Version.V16, station, self._memory, nominal_voltage_v)
        self._figures = figures if figures is not None else Figures()
        self.diagnosis = Diagnosis()
        self._up = Upline(nonce, self._out, self._figures)
        desk = ProfileDesk(station, nominal_voltage_v, shelf if self._controls and has_cloud else None)
        if shelf is not None and self._controls and not has_cloud:
            self._tell_left(KeptStore(station.id, shelf).found)
        limits = site_limits if site_limits is not None and self._controls else SiteLimits()
        self._profiles = CloudProfiles(
            station, self._memory, desk, self._up, self._out, lambda: limits.of(station.id), has_cloud=has_cloud
        )
        heard = self._profiles.heard
        self._line = Line(
            self._dialect, self._memory, Arbiter(nonce), self._out, self._figures, self.diagnosis, heard, stand_in
        )
        self._introduction = Introduction()
        self._station_calls = StationCalls(
            self._dialect, self._memory, self._up, self._out, self._profiles, self._introduction, stand_in, asked
        )
        self._cloud_calls = CloudCalls(self._dialect, self._line, self._profiles, self._out, stand_in)
        self._presence = Presence(station.id, self._out, has_cloud_at_all=has_cloud)
        self._unreadable = Unreadable(self._out, passes=not self._controls)
        self._passing = Passing(self._figures, self.diagnosis)

    def _tell_left(self, left: ProfileStore) -> None:
        """What a cloud has set that the site no longer has: nobody could clear it. It holds again with the next cloud,
        to which it is what the one before had set."""
        if left.installed:
            what = "charging profiles of a cloud that the site no longer has don't bind"
            self._out.note("info", what, count=len(left.installed))

    @property
    def state(self) -> RelayState:
        """Which of the two peers is there."""
        return self._presence.state

    @property
    def version(self) -> Version:
        """The edition that the station spoke last."""
        return self._dialect.version

    @property
    def trouble(self) -> str | None:
        """What is wrong with where the station's dossier is kept."""
        return self._memory.dossier.problem

    def time_said(self, now: Seconds) -> datetime | None:
        """See :meth:`edge.ocpp.stand_in.Line.time_said`."""
        return self._memory.clock.said(now)

    @property
    def quirks(self) -> Quirks:
        """What is done otherwise for the station, by what it has said it is."""
        return self._memory.quirks

    def station_connected(self, now: Seconds, version: Version = Version.V16, **details: Any) -> list[Action]:
        """The station's handshake is done. ``details`` go into the log."""
        if version is not self._dialect.version:
            self._dialect = dialect(version, self._station, self._memory, self._nominal_voltage_v)
            for each in (self._line, self._station_calls, self._cloud_calls):
                each.speak(self._dialect)
            self._profiles.speak(version)
        self._presence.station_came(**details)
        self._memory.tell_quirks(self._out)
        self._out.report(self._memory.came_online(now))
        self._out.report_all(standing_facts(self._station, self._memory, now))
        if self._controls:
            self._introduction.begins(now)
        self._unreadable.connected(version)
        self._out.ids_of_station.forget()
        self._cloud_calls.forget()
        self._profiles.station_connected()
        self._passing.forget()
        return self._out.empty()

    def station_gone(self, now: Seconds, why: str = "", *, planned: bool = False) -> list[Action]:
        """The station's socket is closed; its upstream connection is to be closed too. ``planned``: we stop."""
        self._presence.station_left(now, why, planned=planned)
        self._line.station_gone(now)
        self._up.station_gone()
        self._station_calls.station_gone()
        self._cloud_calls.cloud_gone()  # its connection ends with the station's
        self._introduction.is_void()
        self._out.report(StationOffline(station=self._station.id, at=now))
        return self._out.empty()

    def cloud_connected(self, now: Seconds) -> list[Action]:
        """The station's upstream connection is up."""
        self._presence.cloud_came(now)
        self._out.ids_of_cloud.forget()
        self._station_calls.cloud_connected(now)
        return self._out.empty()

    def cloud_disconnected(self, now: Seconds, why: str = "", word: Farewell = AWAY) -> list[Action]:
        """The station's upstream connection broke. ``word``: what the station hears, if its own ends with that."""
        dropped = self._line.cloud_gone()
        self._up.cloud_gone()
        self._station_calls.cloud_gone()
        self._cloud_calls.cloud_gone()
        self._presence.cloud_left(now, why, dropped=dropped)
        if self._cloud_loss is CloudLoss.TRANSPARENT:
            self._out.close_station(word.code, word.reason)
        return self._out.empty()

    def receive_from_station(self, text: str | bytes, now: Seconds, wall: datetime) -> list[Action]:
        """One message of the station."""
        relaying = self._presence.has_cloud
        try:
            frame = self._read(text, wire.parse_of_station, self._out.ids_of_station)
        except FrameError as error:
            self._unreadable.from_station(text, error, now, cloud_connected=relaying)
            return self._out.empty()
        match frame:
            case Call() if self._controls and self._station_calls.is_for_us(frame, now, wall):
                self._line.set_right(now, wall)
            case Call():
                frame = self._dialect.guard.reported(frame) if self._controls else frame
                if self._station_calls.receive(frame, now, wall, relaying=relaying):
                    self._line.set_right(now, wall)
                self.diagnosis.asks(frame, self._dialect.version)
                if self._introduction.takes_place(now):
                    self._line.set_up(now, wall)
            case CallResult() | CallError() if self._controls:
                self._line.answer(frame, self._presence.epoch if relaying else None, now, wall)
            case CallResult() | CallError():
                self._pass_up(frame.text)
                self._passing.answered(frame, now, self.version)
            case Send():
                self._pass_up(frame.text)
                self.diagnosis.asks(frame, self.version)
            case CallResultError():
                came_as = self._stand_in.came_as(frame.id) if self._stand_in is not None else frame.id
                self._pass_up(frame.text if came_as == frame.id else wire.with_id(frame.text, came_as))
            case _:
                assert_never(frame)
        return self._out.empty()

    def receive_from_cloud(self, text: str | bytes, now: Seconds, wall: datetime) -> list[Action]:
        """One message of the cloud."""
        try:
            frame = self._read(text, wire.parse, self._out.ids_of_cloud)
        except FrameError as error:
            self._unreadable.from_cloud(text, error, now)
            return self._out.empty()
        match frame:
            case Call() if self._controls:
                self._station_calls.cloud_asks(frame)
                self._cloud_calls.receive(frame, self._presence.epoch, now, wall)
            case Call():
                self._out.to_station(frame.text)
                self._passing.asked(frame, now)
            case CallResultError() if self._cloud_calls.has_answered(frame.id):
                self._out.note("warning", "the cloud can't use an answer of the gateway", excerpt=excerpt(frame.text))
            case CallResultError():
                self._line.complains(frame)
            case Send():
                self._out.to_station(frame.text)
            case CallResult() | CallError():
                self._cloud_answers(frame, now, wall)
            case _:
                assert_never(frame)
        return self._out.empty()

    def _read(self, text: str | bytes, parse: Parser, ids: NumberIds) -> Frame:
        """What a peer has sent; a wire changes nothing of it."""
        version = self._dialect.version
        return ids.read(text, version, parse) if self._controls else wire.parse(text, version)

    def write_limit(self, command: LimitCommand, now: Seconds, wall: datetime) -> list[Action]:
        """Write a limit ahead of all that waits; see :class:`edge.control.ports.LimitPort`."""
        if not self._presence.has_station:
            self._line.settle(command, now, LimitOutcome.NOT_SENT, "the station isn't connected")
        elif not self._controls:
            self._line.settle(command, now, LimitOutcome.NOT_SENT, "the controller only observes")
        else:
            self._line.write_limit(command, now, wall)
        return self._out.empty()

    def calls_cloud(self, identifier: str, text: str, now: Seconds) -> list[Action]:
        """Whoever stands in has this CALL for the cloud."""
        if self._presence.has_cloud:
            self._up.station_call(identifier, text, now)
        return self._out.empty()

    def answers_station(self, text: str, now: Seconds, wall: datetime) -> list[Action]:
        """Whoever stands in has this answer for the station, the cloud's or its own."""
        if self._presence.has_station:
            self._out.to_station(text)
            frame = wire.parse(text, self.version) if self._station_calls.awaits_answer else None
            if isinstance(frame, CallResult | CallError):
                begins = self._station_calls.asked_to_begin(frame.id)
                self._station_calls.answered(frame, now, wall)
                if begins:
                    self._cloud_calls.go_on(now, wall)
        return self._out.empty()

    def end_session(self, transaction: str, now: Seconds, wall: datetime) -> list[Action]:
        """Ask the station to end a transaction; not where the controller only observes."""
        if self._presence.has_station and self._controls:
            self._line.end_session(transaction, now, wall)
        return self._out.empty()

    def tick(self, now: Seconds, wall: datetime) -> list[Action]:
        """Time passes: deadlines. To be called about twice a second while the station is there."""
        self._line.tick(now, wall)
        self._up.tick(now)
        self._cloud_calls.tick(now, wall)
        listens = self._stand_in is None or self._stand_in.cloud_listens
        lets_talk = self._introduction.lets_talk and listens
        self._profiles.tick(now, wall, cloud_connected=self._presence.has_cloud, lets_talk=lets_talk)
        if self._introduction.takes_place(now):
            self._line.set_up(now, wall)
        return self._out.empty()

    def rest_s(self, wall: datetime) -> Seconds:
        """How long :meth:`tick` may be left out, unless something is heard or asked meanwhile: nothing is on its way,
        and no deadline of the cloud's profiles falls into it."""
        if self._introduction.is_ahead or not (self._line.is_idle and self._up.is_idle and self._cloud_calls.is_idle):
            return 0.0
        return min(self._profiles.rest_s(wall), REST_S)

    def _cloud_answers(self, frame: CallResult | CallError, now: Seconds, wall: datetime) -> None:
        asker = self._up.answered(frame.id, now)
        if asker is Asker.STATION:
            self._memory.cloud_says(frame, now)
        if self._controls and asker is not Asker.STATION:
            if asker is Asker.NOBODY:
                self._figures.dropped_of_cloud += 1
                self._out.note("debug", "dropped an answer of the cloud", why="nothing of this id waits", id=frame.id)
        elif self._stand_in is not None and not self._stand_in.passed(frame.id):
            self._out.hand_over(frame)
            if self._station_calls.asked_to_begin(frame.id):
                self._cloud_calls.wait_for_answer(now)
        else:
            self._out.to_station(frame.text)
            self._station_calls.answered(frame, now, wall)

    def _pass_up(self, text: str) -> None:
        if self._presence.has_cloud:
            self._out.to_cloud(text)

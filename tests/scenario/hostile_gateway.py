"""The gateway on a bad day: the real board and tick, and the line to each station as the OCPP room keeps it."""

from collections import OrderedDict
from random import Random

from edge.control.board import Board
from edge.control.loop import ControlLoop
from edge.control.vitals import Vitals
from edge.domain.setpoint import LimitCommand, Purpose
from edge.domain.site import EvseKey, Site
from edge.domain.station import (
    DrawSampled,
    LimitAnswered,
    LimitOutcome,
    LimitSent,
    SessionBegan,
    SessionEnded,
    StationDescribed,
    StationOffline,
    StationOnline,
    StatusReported,
)
from edge.units import Seconds
from tests.scenario.agenda import Agenda
from tests.scenario.hostile_link import (
    Answer,
    Boot,
    Confirmed,
    Fate,
    Link,
    Meant,
    Sample,
    Start,
    Status,
    Stop,
    Told,
    Troubles,
    Weather,
)

ANSWER_TIMEOUT_S = 10.0  # how long the gateway waits for a limit's answer


class NoMeters:
    """The meter is read by the world itself, just before each tick."""

    async def sample(self) -> None:
        raise AssertionError("the loop isn't run here, only its tick")


class NoWatchdog:
    def ready(self) -> None: ...
    def feed(self) -> None: ...
    def stopping(self) -> None: ...


class Gateway:
    """One life of the gateway. It is the limit port; ``loop.tick()`` is one decision carried out."""

    def __init__(self, site: Site, agenda: Agenda, rng: Random, weather: Weather, troubles: Troubles) -> None:
        self.board = Board(site, started_at=agenda.now)
        self.loop = ControlLoop(
            board=self.board,
            meters=NoMeters(),
            limits=self,
            clock=agenda,
            vitals=Vitals(NoWatchdog(), site.control.period_s),
            publish=lambda _snapshot, _decision: None,
        )
        self._agenda, self._rng, self._weather, self._troubles = agenda, rng, weather, troubles
        self._links: dict[str, Link] = {}
        self._queues: dict[str, OrderedDict[tuple[EvseKey, Purpose], LimitCommand]] = {
            station.id: OrderedDict() for station in site.stations
        }
        self._outstanding: dict[str, LimitCommand | None] = dict.fromkeys(self._queues)
        self._cloud_until: dict[str, Seconds] = dict.fromkeys(self._queues, 0.0)
        self._transactions: dict[EvseKey, str] = {}
        self._stopped: set[str] = set()

    # The limit port.

    def write_limit(self, command: LimitCommand) -> None:
        station = command.key.station
        if station not in self._links:
            self._settle(command, LimitOutcome.NOT_SENT)
            return
        replaced = self._queues[station].pop((command.key, command.purpose), None)
        self._queues[station][command.key, command.purpose] = command
        if replaced is not None:
            self._settle(replaced, LimitOutcome.NOT_SENT)
        self._pump(station)

    def _pump(self, station: str) -> None:
        queue, link = self._queues[station], self._links.get(station)
        busy = self._outstanding[station] is not None or self._agenda.now < self._cloud_until[station]
        if not queue or link is None or busy:
            return
        _, command = queue.popitem(last=False)
        self._outstanding[station] = command
        sent_at = self._agenda.now
        fate = self._weather.fate(self._rng)
        if fate is not Fate.ACCEPTED:
            self._troubles.last_at = max(self._troubles.last_at, sent_at)
        link.to_station(Told(command=command, sent_at=sent_at, fate=fate))
        self.board.take(LimitSent(key=command.key, at=sent_at, command=command.id))
        self._agenda.after(ANSWER_TIMEOUT_S, lambda: self._expire(station, command))

    def _expire(self, station: str, command: LimitCommand) -> None:
        if self._outstanding[station] is command:
            self._outstanding[station] = None
            self._settle(command, LimitOutcome.SILENT)
            self._pump(station)

    def _settle(self, command: LimitCommand, outcome: LimitOutcome) -> None:
        self.board.take(LimitAnswered(key=command.key, at=self._agenda.now, command=command.id, outcome=outcome))

    def cloud_calls(self, station: str, for_s: Seconds) -> None:
        """The cloud has a CALL outstanding for a while: our limits wait."""
        self._cloud_until[station] = self._agenda.now + for_s
        self._agenda.after(for_s, lambda: self._pump(station))

    # The links.

    def connected(self, station: str, link: Link) -> None:
        self.gone(station)
        self._links[station] = link
        self.board.take(StationOnline(station=station, at=self._agenda.now))

    def gone(self, station: str) -> None:
        """The link's end is noticed, at last."""
        if self._links.pop(station, None) is None:
            return
        outstanding, self._outstanding[station] = self._outstanding[station], None
        if outstanding is not None:
            self._settle(outstanding, LimitOutcome.SILENT)
        queued = list(self._queues[station].values())
        self._queues[station].clear()
        for command in queued:
            self._settle(command, LimitOutcome.NOT_SENT)
        self.board.take(StationOffline(station=station, at=self._agenda.now))

    def noticed(self, station: str, link: Link) -> None:
        if self._links.get(station) is link:
            self.gone(station)

    def hear(self, station: str, link: Link, message: Meant) -> None:
        """A frame of the station."""
        if self._links.get(station) is not link:
            return
        now = self._agenda.now
        match message:
            case Boot():
                self.board.take(StationDescribed(station=station, at=now, vendor="Hostile", model="Mk I"))
            case Answer():
                if self._outstanding[station] is message.command:
                    self._outstanding[station] = None
                    outcome = LimitOutcome.ACCEPTED if message.accepted else LimitOutcome.REFUSED
                    self._settle(message.command, outcome)
                    self._pump(station)
            case Status():
                self.board.take(StatusReported(key=message.key, at=now, status=message.status))
            case Start():
                transaction = str(self._rng.randint(1, 10**9))
                self._transactions[message.key] = transaction
                link.to_station(Confirmed(key=message.key, visit=message.visit, transaction=transaction))
                self.board.take(SessionBegan(key=message.key, at=now, transaction_id=transaction))
            case Stop():
                self._stop(message, now)
            case Sample():
                self._sample(message, now)

    def _stop(self, message: Stop, now: Seconds) -> None:
        if message.transaction is not None:
            self._stopped.add(message.transaction)
        if message.transaction is None or self._transactions.get(message.key) == message.transaction:
            self._transactions.pop(message.key, None)
            self.board.take(SessionEnded(key=message.key, at=now))

    def _sample(self, message: Sample, now: Seconds) -> None:
        key, transaction = message.key, message.transaction
        if transaction is not None and transaction not in self._stopped and self._transactions.get(key) != transaction:
            if self._transactions.pop(key, None) is not None:
                self.board.take(SessionEnded(key=key, at=now))
            self._transactions[key] = transaction
            self.board.take(SessionBegan(key=key, at=now, transaction_id=transaction, observed_start=False))
        # A station's clock is known by its own time stamps: never later than they reach us.
        self.board.take(DrawSampled(key=key, at=min(message.taken_at, now), current_a=message.draw_a))

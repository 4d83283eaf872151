"""One station, CP-1, and what happens to it on a board."""

from dataclasses import replace

from edge.allocation.exposure import OBEY_S
from edge.allocation.state import EvseState, Reach
from edge.control.board import Board
from edge.domain.reading import MeterFailed, MeterReading
from edge.domain.setpoint import LimitCommand, Purpose
from edge.domain.station import (
    DrawSampled,
    EvseStatus,
    LimitAnswered,
    LimitOutcome,
    LimitSent,
    SessionBegan,
    SessionEnded,
    StationFact,
    StationOffline,
    StationOnline,
    StatusReported,
)
from edge.units import Amps, PhaseAmps
from tests.site_builders import command, evse, exposure_a, key, site

START = 1000.0
IDLE, SESSION = Purpose.IDLE, Purpose.SESSION
ACCEPTED, REFUSED, SILENT, NOT_SENT = (
    LimitOutcome.ACCEPTED,
    LimitOutcome.REFUSED,
    LimitOutcome.SILENT,
    LimitOutcome.NOT_SENT,
)


class Story:
    """One station, CP-1, and what happens to it, at a time that goes on."""

    def __init__(self, fallback_a: Amps = 6.0) -> None:
        self.board = Board(site(evse(max_a=32, fallback_a=fallback_a)), started_at=START)
        self.now = START
        self._last_id = 0

    def later(self, seconds: float) -> "Story":
        self.now += seconds
        return self

    def take(self, fact: StationFact | MeterReading | MeterFailed) -> "Story":
        self.board.take(fact)
        return self

    def online(self) -> "Story":
        return self.take(StationOnline(station="CP-1", at=self.now))

    def offline(self) -> "Story":
        return self.take(StationOffline(station="CP-1", at=self.now))

    def status(self, status: EvseStatus) -> "Story":
        return self.take(StatusReported(key=key(1), at=self.now, status=status))

    def waits(self) -> "Story":
        """Its session's car can't charge yet."""
        return self.take(StatusReported(key=key(1), at=self.now, status=EvseStatus.PREPARING, waits=True))

    def began(self, transaction_id: str = "7", *, observed: bool = True) -> "Story":
        return self.take(SessionBegan(key=key(1), at=self.now, transaction_id=transaction_id, observed_start=observed))

    def ended(self) -> "Story":
        return self.take(SessionEnded(key=key(1), at=self.now))

    def draws(self, amps: float) -> "Story":
        return self.take(DrawSampled(key=key(1), at=self.now, current_a=PhaseAmps.same(amps)))

    def issue(
        self, limit_a: float, purpose: Purpose = SESSION, transaction_id: str = "7", phases: int | None = None
    ) -> LimitCommand:
        self._last_id += 1
        issued = command(limit_a, identity=self._last_id, purpose=purpose, transaction_id=transaction_id)
        issued = replace(issued, phases=phases)
        self.board.issued([issued], self.now)
        return issued

    def sent(self, told: LimitCommand) -> "Story":
        return self.take(LimitSent(key=told.key, at=self.now, command=told.id))

    def answered(self, told: LimitCommand, outcome: LimitOutcome) -> "Story":
        return self.take(LimitAnswered(key=told.key, at=self.now, command=told.id, outcome=outcome))

    def tell(self, limit_a: float, outcome: LimitOutcome = ACCEPTED, purpose: Purpose = SESSION) -> "Story":
        """A limit, its frame and its answer, all at once."""
        told = self.issue(limit_a, purpose)
        if outcome is not NOT_SENT:
            self.sent(told)
        return self.answered(told, outcome)

    def idling(self) -> "Story":
        """Connected, available, and under its idle limit; the rest is history."""
        self.online().status(EvseStatus.AVAILABLE).tell(0, purpose=IDLE)
        self.board.snapshot(self.later(OBEY_S).now)
        return self

    def charging_at(self, limit_a: float) -> "Story":
        """A session under a limit that is obeyed."""
        self.idling().began().status(EvseStatus.CHARGING).tell(limit_a)
        return self.later(OBEY_S)

    @property
    def state(self) -> EvseState:
        return self.board.snapshot(self.now).evses[0]

    @property
    def reach(self) -> Reach:
        return self.state.reach

    @property
    def exposed_a(self) -> float:
        return exposure_a(self.state, self.now)

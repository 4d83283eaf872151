"""A session of OCPP 2.x that begins with the cable leaves its share to others, and has it when it is let in."""

from datetime import datetime
from typing import Any

from edge.control.board import Board
from edge.control.loop import ControlLoop
from edge.control.vitals import Vitals
from edge.domain.reading import MeterReading
from edge.domain.setpoint import LimitCommand, Purpose, Reason, Setpoint
from edge.domain.station import (
    DrawSampled,
    EvseStatus,
    LimitAnswered,
    LimitOutcome,
    LimitSent,
    SessionBegan,
    StationOnline,
    StatusReported,
)
from edge.ocpp.versions import Version
from edge.units import PhaseAmps
from tests.scenario.hostile_gateway import NoMeters, NoWatchdog
from tests.scenario.joined_station import TRANSACTION, Joined
from tests.site_builders import evse, key, site
from tests.unit.ocpp.ocpp_bench import NOON, START, stamp

CARD = {"idToken": "CARD", "type": "ISO14443"}


class Plugged(Joined):
    """A session whose car is plugged in, and whose driver looks for the card; ``building_a`` of 63 A are taken."""

    def __init__(self, building_a: float) -> None:
        super().__init__(Version.V201)
        self.building_a = building_a
        self.run(15)
        self.says("Started", "CablePluggedIn", evse={"id": 1, "connectorId": 1})

    def says(self, kind: str, reason: str, **more: Any) -> None:
        info = {"transactionId": TRANSACTION, "chargingState": "EVConnected"}
        event = {"eventType": kind, "triggerReason": reason, "seqNo": 0, "timestamp": stamp(self.wall())}
        self.station_says("TransactionEvent", {**event, "transactionInfo": info, **more})

    def every_second(self, seconds: int) -> list[Setpoint]:
        return [self.run(1) for _ in range(seconds)]


def test_a_session_that_waits_for_its_card_holds_no_more_than_its_minimum() -> None:
    """But for the minute in which it might wake, and then only what nobody wants. When it is let in, it has more in the
    same second, and soon all."""
    one = Plugged(building_a=10.0)
    waits = one.every_second(180)
    assert {(each.limit_a, each.reason) for each in waits[70:]} == {(6.0, Reason.NOT_LET_IN)}
    one.says("Updated", "Authorized", idToken=CARD)
    assert (one.run(1).limit_a or 0.0) > 6.0
    assert one.run(30).limit_a == 32.0


class Pair:
    """Two stations that obey at once, below a fuse of 16 A: the first charges, the second's session waits for its
    card."""

    def __init__(self) -> None:
        self.now = START
        self.board = Board(site(evse(1), evse(2), fuse_a=16.0), started_at=START)
        self._drawn_a = 0.0
        self._loop = ControlLoop(
            board=self.board,
            meters=NoMeters(),
            limits=self,
            clock=self,
            vitals=Vitals(NoWatchdog(), 1.0),
            publish=lambda _snapshot, _decision: None,
        )
        for number in (1, 2):
            self.board.take(StationOnline(station=f"CP-{number}", at=self.now))
            self.board.take(StatusReported(key=key(number), at=self.now, status=EvseStatus.AVAILABLE))
        self.run(30)
        self.board.take(SessionBegan(key=key(1), at=self.now, transaction_id="1"))
        self.board.take(StatusReported(key=key(1), at=self.now, status=EvseStatus.CHARGING))
        self.run(60)
        self.board.take(SessionBegan(key=key(2), at=self.now, transaction_id="2"))
        self.second_waits(waits=True)

    def second_waits(self, *, waits: bool) -> None:
        self.board.take(StatusReported(key=key(2), at=self.now, status=EvseStatus.PREPARING, waits=waits))

    def run(self, seconds: int) -> list[float | None]:
        """What the two are told in the end."""
        for _ in range(seconds):
            self.now += 1.0
            current_a = PhaseAmps.same(self._drawn_a)
            self.board.take(DrawSampled(key=key(1), at=self.now, current_a=current_a))
            self.board.take(MeterReading(meter="grid", at=self.now, current_a=current_a))
            setpoints = self._loop.tick().setpoints
        return [each.limit_a for each in setpoints]

    def monotonic(self) -> float:
        return self.now

    def wall(self) -> datetime:
        return NOON

    def wall_is_trusted(self) -> bool:
        return True

    def write_limit(self, command: LimitCommand) -> None:
        self.board.take(LimitSent(key=command.key, at=self.now, command=command.id))
        accepted = LimitOutcome.ACCEPTED
        self.board.take(LimitAnswered(key=command.key, at=self.now, command=command.id, outcome=accepted))
        if (command.key, command.purpose) == (key(1), Purpose.SESSION):
            self._drawn_a = command.limit_a


def test_what_a_waiting_session_could_have_others_have() -> None:
    """It took half of the fuse for nothing. In the second in which it is let in the other is cut, and then it begins,
    though it was told 0 A while it waited: it never charged, and rests for nothing."""
    two = Pair()
    assert two.run(120) == [16.0, 0.0]
    two.second_waits(waits=False)
    assert two.run(1) == [8.0, 0.0]
    assert two.run(12) == [8.0, 8.0]

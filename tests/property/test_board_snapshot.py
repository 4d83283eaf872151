"""The board looks again only at EVSEs of which something may have changed; nothing that changed may escape it."""

from collections.abc import Iterable
from dataclasses import replace
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from edge.control.board import Board
from edge.control.reach import START_GRACE_S
from edge.domain.limit import EvseCapped
from edge.domain.setpoint import LimitCommand, Purpose
from edge.domain.site import Evse, EvseKey, Priority, Site, Station
from edge.domain.station import (
    CloudLimit,
    CloudLink,
    DrawSampled,
    EvseStatus,
    LimitAnswered,
    LimitOutcome,
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
from edge.units import PhaseAmps, Seconds
from tests.site_builders import NOW, command, evse, site

HAPPENINGS = 60
PAUSES_S: tuple[Seconds, ...] = (0.0, 0.1, 1.0, 1.0, 4.0, 11.0, START_GRACE_S, 31.0, 130.0)


def two_stations() -> Site:
    """One of two EVSEs, one of one."""
    stations = tuple(
        Station(id=station, evses=tuple(_unit(station, number) for number in numbers))
        for station, numbers in (("CP-1", (1, 2)), ("CP-2", (1,)))
    )
    return replace(site(), stations=stations)


def _unit(station: str, number: int) -> Evse:
    return replace(evse(), key=EvseKey(station=station, evse=number))


def charging(*boards: Board) -> None:
    """Every EVSE has confirmed its limits and charges; nothing lingers."""
    for board in boards:
        for number, key in enumerate(board.evses):
            limits = [
                replace(command(amps, identity=-2 * number - place, purpose=purpose), key=key)
                for place, (amps, purpose) in enumerate(((0.0, Purpose.IDLE), (10.0, Purpose.SESSION)), 1)
            ]
            board.take(StationOnline(station=key.station, at=NOW))
            board.take(StatusReported(key=key, at=NOW, status=EvseStatus.PREPARING))
            for told in limits:
                board.issued([told], NOW)
                board.take(LimitSent(key=key, at=NOW, command=told.id))
                board.take(LimitAnswered(key=key, at=NOW, command=told.id, outcome=LimitOutcome.ACCEPTED))
                board.take(SessionBegan(key=key, at=NOW, transaction_id="7"))


class Tale:
    """Whatever may happen, in any order."""

    def __init__(self, rng: Random, keys: Iterable[EvseKey]) -> None:
        self._rng = rng
        self._keys = tuple(keys)
        self._told: list[LimitCommand] = []

    def fact(self, now: Seconds) -> StationFact | EvseCapped:
        rng, key = self._rng, self._rng.choice(self._keys)
        facts: list[StationFact | EvseCapped] = [
            StationOnline(station=key.station, at=now),
            StationOnline(station=key.station, at=now),
            StationOffline(station=key.station, at=now),
            StationDescribed(station=key.station, at=now, vendor="v", model="m"),
            *(
                StatusReported(key=key, at=now, status=status)
                for status in (*EvseStatus, *[EvseStatus.SUSPENDED_EV] * 6)
            ),
            *(
                SessionBegan(key=key, at=now, transaction_id=rng.choice("78"), observed_start=rng.random() < 0.7)
                for _ in range(6)
            ),
            SessionEnded(key=key, at=now),
            *(DrawSampled(key=key, at=now, current_a=PhaseAmps.same(amps)) for amps in (0.0, 6.0, 16.0, 32.0)),
            NeedStated(key=key, at=now, energy_wanted_wh=9000.0, departs_in_s=rng.choice([None, 600.0])),
            LimitsTaken(station=key.station, at=now, one_limit=rng.random() < 0.5),
            EvseCapped(key=key, at=now, limit_a=rng.choice([None, 0.0, 8.0]), eco=rng.random() < 0.5),
            SessionJudged(
                station=key.station,
                transaction_id=rng.choice("78"),
                at=now,
                priority=rng.choice([None, Priority(rank=0)]),
                barred=rng.random() < 0.5,
                energy_wanted_wh=9000.0,
                departs_in_s=rng.choice([None, 600.0]),
            ),
            CloudLimit(key=replace(key, evse=rng.choice([0, key.evse])), at=now, limit_a=rng.choice([None, 10.0])),
        ]
        for told in self._told[-4:]:
            facts += [LimitSent(key=told.key, at=now, command=told.id)]
            facts += [
                LimitAnswered(key=told.key, at=now, command=told.id, outcome=rng.choice(list(LimitOutcome)))
                for _ in range(2)
            ]
        return rng.choice(facts)

    def command(self) -> LimitCommand:
        amps, purpose = self._rng.choice([0.0, 6.0, 16.0]), self._rng.choice(list(Purpose))
        told = command(amps, identity=len(self._told) + 1, purpose=purpose, transaction_id=self._rng.choice("78"))
        self._told.append(replace(told, key=self._rng.choice(self._keys)))
        return self._told[-1]


@settings(max_examples=150)
@given(seed=st.integers(0, 2**32 - 1))
def test_nothing_that_changed_escapes_the_board(seed: int) -> None:
    """A board that is made to look at every EVSE before each snapshot sees the same."""
    rng = Random(seed)
    usual, alert = Board(two_stations(), started_at=NOW), Board(two_stations(), started_at=NOW)
    tale, now = Tale(rng, usual.evses), NOW
    if rng.random() < 0.5:
        charging(usual, alert)
    for _ in range(HAPPENINGS):
        now += rng.choice(PAUSES_S)
        if rng.random() < 0.3:
            told = tale.command()
            for board in (usual, alert):
                board.issued([told], now)
        else:
            fact = tale.fact(now)
            for board in (usual, alert):
                board.take(fact)
        for station in alert.stations:
            alert.take(CloudLink(station=station, at=now, connected=True))
        assert usual.snapshot(now).evses == alert.snapshot(now).evses

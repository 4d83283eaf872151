"""From when the Relative schedules of a 2.x session count (2.1 K01.FR.42; 2.0.1 recommends it)."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from edge.domain.station import DrawSampled, SessionBegan, StationFact
from edge.ocpp.profiles.desk import ProfileDesk
from edge.ocpp.versions import Version
from edge.units import PhaseAmps
from tests.unit.ocpp.ocpp_bench import evse, station
from tests.unit.ocpp_profiles.profile_bench import V21, V201, period, profile
from tests.unit.ocpp_profiles.test_profiles_desk import Shelf

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
CARD: dict[str, Any] = {"idToken": {"idToken": "X", "type": "ISO14443"}}
KEY = evse().key


def event(kind: str, reason: str, state: str | None = None, **more: Any) -> dict[str, Any]:
    """A TransactionEvent of the session."""
    info = {"transactionId": "tx"} | ({"chargingState": state} if state else {})
    return {"eventType": kind, "triggerReason": reason, "transactionInfo": info} | more


class Session:
    """A session that a Relative profile allows 10 A for ten minutes, and 20 A after that; times are in minutes."""

    def __init__(self, version: Version, first: dict[str, Any]) -> None:
        self.shelf = Shelf()
        self._version = version
        self.restart()
        raw = profile(version, "default", period(0, 10), period(600, 20), kind="Relative")
        self.desk.answer("SetChargingProfile", {"evseId": 0, "chargingProfile": raw}, NOON, lambda _answer: None)
        self.says(0, first, SessionBegan(key=KEY, at=0.0, transaction_id="tx"))

    def restart(self) -> None:
        """The gateway starts anew."""
        self.desk = ProfileDesk(station(evse()), 230.0, self.shelf)
        self.desk.speak(self._version)

    def says(self, minute: float, said: dict[str, Any], *facts: StationFact) -> None:
        """The station tells an event."""
        self.desk.station_called("TransactionEvent", said, facts, NOON + timedelta(minutes=minute))

    def limit_a(self, minute: float) -> float | None:
        """What the cloud allows it then."""
        return self.desk.allowance(1, (NOON + timedelta(minutes=minute)).timestamp()).limit_a

    def counts_from(self, minute: float) -> bool:
        """Whether the schedule counts from then."""
        return [self.limit_a(minute + after) for after in (0.0, 9.9, 10.1)] == [10.0, 10.0, 20.0]


CABLE_FIRST = event("Started", "CablePluggedIn", "EVConnected")
CARD_FIRST = event("Started", "Authorized", **CARD)


@pytest.mark.parametrize("version", [V201, V21])
@pytest.mark.parametrize(
    ("first", "then"),
    [
        (CABLE_FIRST, event("Updated", "Authorized", **CARD)),
        (CABLE_FIRST, event("Updated", "RemoteStart", "EVConnected")),
        (CABLE_FIRST, event("Updated", "ChargingStateChanged", "Charging")),
        (event("Started", "CablePluggedIn"), event("Updated", "Authorized", **CARD)),
        (CARD_FIRST, event("Updated", "CablePluggedIn")),
        (CARD_FIRST, event("Updated", "ChargingStateChanged", "EVConnected")),
        (event("Started", "RemoteStart", "Idle", **CARD), event("Updated", "CablePluggedIn", "EVConnected")),
    ],
)
def test_what_comes_second_makes_it_ready(version: Version, first: dict[str, Any], then: dict[str, Any]) -> None:
    """The card an hour after the cable, or the cable after the card: until then the first period holds."""
    session = Session(version, first)
    assert [session.limit_a(minute) for minute in (0, 15, 59)] == [10.0, 10.0, 10.0]
    session.says(20, event("Updated", "MeterValuePeriodic"))
    session.says(60, then)
    assert session.counts_from(60)
    session.says(65, event("Updated", "ChargingStateChanged", "SuspendedEV"))
    session.says(66, event("Started", "CablePluggedIn", "EVConnected"))  # said again
    assert session.counts_from(60)


@pytest.mark.parametrize(
    "first",
    [
        event("Started", "CablePluggedIn", "EVConnected", **CARD),
        event("Started", "ChargingStateChanged", "Charging"),
        event("Started", "Authorized", "EVConnected", **CARD),
        event("Started", "ChargingStateChanged"),
        event("Started", "SignedDataReceived"),
    ],
)
def test_a_session_that_begins_ready_counts_from_its_begin(first: dict[str, Any]) -> None:
    """As where TxStartPoint is PowerPathClosed; and one that doesn't say what it lacks."""
    assert Session(V21, first).counts_from(0)


def test_where_it_arrives_in_parts() -> None:
    """The bay, the card, and then the cable: two things are waited for."""
    session = Session(V21, event("Started", "EVDetected", "Idle"))
    session.says(5, event("Updated", "Authorized", **CARD))
    assert session.limit_a(30) == 10.0
    session.says(30, event("Updated", "CablePluggedIn", "EVConnected"))
    assert session.counts_from(30)


def test_a_car_that_draws_is_ready() -> None:
    """Whatever its station leaves out."""
    session = Session(V201, event("Started", "CablePluggedIn"))
    for minute, amps in ((3, 0.2), (7, 9.0)):
        draw = DrawSampled(key=KEY, at=0.0, current_a=PhaseAmps(amps, 0.0, 0.0))
        session.says(minute, event("Updated", "MeterValuePeriodic"), draw)
    assert session.counts_from(7)


def test_a_restart_of_the_gateway_forgets_nothing_of_it() -> None:
    """Neither that it waits, nor since when it doesn't."""
    session = Session(V21, CABLE_FIRST)
    session.restart()
    assert session.limit_a(45) == 10.0
    session.says(60, event("Updated", "Authorized", **CARD))
    session.restart()
    assert session.counts_from(60)

"""A waiting station that shows itself, and the list of those that were turned away."""

import json
from datetime import timedelta
from typing import Any

from edge.chance import SystemChance
from edge.ocpp.showing import Showing, Shown
from edge.ocpp.turned_away import MOST, MOST_TOLD, TOLD_WITHIN_S, StrangersTold, TurnedAwayList
from edge.ocpp.versions import Version
from edge.ocpp.waiting import WaitingRoom
from tests.unit.ocpp.ocpp_bench import NOON, call


class Station:
    """A waiting station that answers what it is asked."""

    def __init__(self, version: Version, answers: dict[str, Any]) -> None:
        self.room = WaitingRoom()
        self.room.arrive("X", "192.0.2.7", NOON, version)
        self.answers = answers
        self.asked: list[tuple[str, Any]] = []
        self.outcome: list[Shown | str] = []
        self.version = version

    def shows(self) -> Shown | str:
        """Let it show itself, to the end."""
        text = self.room.show("X", Showing(self.version, self.outcome.append, SystemChance()))
        while text is not None:
            _, identifier, action, payload = json.loads(text)
            self.asked.append((action, payload))
            answer = self.answers.get(action)
            reply = [3, identifier, answer] if answer is not None else [4, identifier, "NotSupported", "", {}]
            text = self.room.reply("X", json.dumps(reply), NOON)
        return self.outcome[0]


def test_the_light_blinks_and_is_as_before() -> None:
    """Three times down and up, then its old value; the lock stays alone."""
    key = {"configurationKey": [{"key": "LightIntensity", "readonly": False, "value": "40"}]}
    station = Station(Version.V16, {"GetConfiguration": key, "ChangeConfiguration": {"status": "Accepted"}})
    assert station.shows() is Shown.BLINK
    levels = [payload["value"] for action, payload in station.asked if action == "ChangeConfiguration"]
    assert levels == ["0", "100", "0", "100", "0", "100", "40"]


def test_without_a_light_the_lock_moves() -> None:
    """In both families of editions."""
    for version in (Version.V16, Version.V201):
        station = Station(version, {"GetConfiguration": {"unknownKey": ["LightIntensity"]},
                                    "UnlockConnector": {"status": "Unlocked"}})  # fmt: skip
        assert station.shows() is Shown.LOCK


def test_a_station_that_can_neither() -> None:
    """Said so; and one that leaves meanwhile too, once."""
    assert Station(Version.V16, {}).shows() == "it knows neither a light nor a lock"
    station = Station(Version.V201, {})
    station.room.show("X", Showing(Version.V201, station.outcome.append, SystemChance()))
    station.room.leave("X")
    station.room.leave("X")
    assert station.outcome == ["it has left"]


def test_a_boot_of_2x_describes_too() -> None:
    """The details stand in chargingStation there."""
    room = WaitingRoom()
    room.arrive("X", "192.0.2.7", NOON, Version.V201)
    details = {"vendorName": "V", "model": "M", "serialNumber": "S", "firmwareVersion": "2.1"}
    room.reply("X", call("1", "BootNotification", {"reason": "PowerUp", "chargingStation": details}), NOON)
    found = room.stations[0]
    assert (found.vendor, found.model, found.serial, found.firmware, found.speaks) == (
        "V",
        "M",
        "S",
        "2.1",
        "ocpp2.0.1",
    )


def test_the_same_trouble_is_one_entry() -> None:
    """Counted, at its last time; the list is bounded, the newest last."""
    turned = TurnedAwayList()
    for minute in range(3):
        turned.add(NOON + timedelta(minutes=minute), "192.0.2.7", "unknown station", station="X", path=None)
    assert [(each.times, each.at) for each in turned.entries] == [(3, NOON + timedelta(minutes=2))]
    for number in range(MOST + 5):
        turned.add(NOON, "192.0.2.8", "unknown station", station=str(number), path=None)
    assert len(turned.entries) == MOST
    assert turned.entries[-1].station == str(MOST + 4)


def test_strangers_are_told_of_again_when_the_hour_is_over() -> None:
    """So many within any hour: as the first of them is an hour ago, there is room for one."""
    told = StrangersTold()
    for second in range(MOST_TOLD):
        assert not told.is_over(second)
        told.tell(second)
    assert told.is_over(TOLD_WITHIN_S - 1)
    assert not told.is_over(TOLD_WITHIN_S)
    told.tell(TOLD_WITHIN_S)
    assert told.is_over(TOLD_WITHIN_S)

"""Unknown stations, kept waiting."""

import json
from datetime import timedelta

import pytest

from edge.errors import FrameError
from edge.ocpp.waiting import MAX_LISTED, WaitingRoom, WaitingStation
from tests.unit.ocpp.ocpp_bench import NOON, call, is_valid, result

BOOT = call(
    "1", "BootNotification", {"chargePointVendor": "V", "chargePointModel": "M" * 99, "chargeBoxSerialNumber": 5}
)


def test_a_boot_is_pending() -> None:
    """The station is told to ask again in a minute, and is described."""
    room = WaitingRoom()
    room.arrive("X", "192.0.2.7", NOON)
    reply = room.reply("X", BOOT, NOON)
    assert reply is not None
    kind, identifier, payload = json.loads(reply)
    assert (kind, identifier) == (3, "1")
    assert payload == {"status": "Pending", "currentTime": "2026-06-01T12:00:00Z", "interval": 60}
    assert is_valid("BootNotificationResponse", payload)
    assert room.stations == (
        WaitingStation(identity="X", address="192.0.2.7", since=NOON, vendor="V", model="M" * 50, serial=None),
    )


@pytest.mark.parametrize("payload", [None, [], 7, {"chargePointVendor": None}])
def test_a_poor_boot_is_pending_too(payload: object) -> None:
    """Whatever it carries."""
    room = WaitingRoom()
    room.arrive("X", "192.0.2.7", NOON)
    reply = room.reply("X", json.dumps([2, "1", "BootNotification", payload]), NOON)
    assert reply is not None
    assert room.stations[0].vendor is None


def test_everything_else_is_refused() -> None:
    """With a CALLERROR; an answer to nothing gets none, and what is no frame is the caller's to count."""
    room = WaitingRoom()
    room.arrive("X", "192.0.2.7", NOON)
    reply = room.reply("X", call("2", "Authorize", {"idTag": "X"}), NOON)
    assert reply is not None
    assert json.loads(reply)[:3] == [4, "2", "SecurityError"]
    assert room.reply("X", result("2"), NOON) is None
    with pytest.raises(FrameError):
        room.reply("X", "hello", NOON)


def test_the_list_is_bounded() -> None:
    """The longest unseen make room; who comes again keeps its first time and its description."""
    room = WaitingRoom()
    for number in range(MAX_LISTED):
        room.arrive(str(number), "a", NOON + timedelta(seconds=number))
    room.reply("0", BOOT, NOON)
    room.arrive("0", "b", NOON + timedelta(hours=1))
    room.arrive("new", "a", NOON + timedelta(hours=1))
    found = {station.identity: station for station in room.stations}
    assert len(found) == MAX_LISTED
    assert "1" not in found
    assert (found["0"].since, found["0"].address, found["0"].vendor) == (NOON, "b", "V")

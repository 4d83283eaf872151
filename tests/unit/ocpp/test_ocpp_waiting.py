"""Unknown stations, kept waiting."""

import base64
import json
from datetime import timedelta

import pytest

from edge.errors import FrameError
from edge.ocpp.versions import Version
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


@pytest.mark.parametrize("version", [Version.V201, Version.V21])
def test_each_edition_is_read_as_its_own(version: Version) -> None:
    """What only 2.1 knows is read in 2.1; a signed boot is a boot."""
    room = WaitingRoom()
    room.arrive("X", "192.0.2.7", NOON, version)
    event = json.dumps([6, "s", "NotifyPeriodicEventStream", {}])
    if version is Version.V21:
        assert room.reply("X", event, NOON, version) is None
    else:
        with pytest.raises(FrameError):
            room.reply("X", event, NOON, version)
    boot = {"reason": "PowerUp", "chargingStation": {"vendorName": "V", "model": "M"}}
    encoded = base64.urlsafe_b64encode(json.dumps(boot).encode()).decode().rstrip("=")
    reply = room.reply("X", call("1", "BootNotification-Signed", {"payload": encoded}), NOON, version)
    assert reply is not None
    assert json.loads(reply)[2]["status"] == "Pending"
    assert room.stations[0].vendor == "V"

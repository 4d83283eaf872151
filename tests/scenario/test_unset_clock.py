"""A station that believes it is 1970, and takes no time from anybody: its limits begin by its own clock."""

from datetime import UTC, datetime
from typing import Any

import pytest

from edge.ocpp.versions import Version
from tests.scenario.joined_station import TRANSACTION
from tests.scenario.keeping_station import Keeping
from tests.unit.ocpp.ocpp_bench import NOON, stamp

UNSET = NOON - datetime(1970, 1, 1, 0, 1, tzinfo=UTC)  # by so much it is behind when the test begins


class Unset(Keeping):
    """Stamps whatever it says by its clock; its meter values come every ten seconds while a session runs."""

    def __init__(self, version: Version) -> None:
        self.triggered: list[str] = []
        super().__init__(version, behind=UNSET)

    def station_says(self, action: str, payload: dict[str, Any]) -> None:
        stamped = payload | ({"timestamp": stamp(self.clock)} if "timestamp" in payload else {})
        super().station_says(action, stamped)

    def says_status(self) -> None:
        place = {"connectorId": 1, "errorCode": "NoError", "status": "Available"}
        if self.version is not Version.V16:
            place = {"evseId": 1, "connectorId": 1, "connectorStatus": "Available"}
        self.station_says("StatusNotification", {**place, "timestamp": ""})

    def answer_to(self, action: str, payload: dict[str, Any]) -> dict[str, Any]:
        if action == "TriggerMessage":
            self.triggered.append(payload["requestedMessage"])
            return {"status": "Accepted"}
        return super().answer_to(action, payload)

    def charge(self, seconds: int, house_a: float) -> None:
        """It draws what it may, beside what the house takes."""
        for second in range(seconds):
            self.building_a = house_a + self.limit_a()
            if second % 10 == 0:
                one: dict[str, Any] = {"value": str(self.limit_a()), "measurand": "Current.Import"}
                sample = one if self.version is Version.V16 else one | {"value": self.limit_a()}
                values = [{"timestamp": stamp(self.clock), "sampledValue": [sample]}]
                place = {"connectorId": 1, "transactionId": int(TRANSACTION)}
                told = place if self.version is Version.V16 else {"evseId": 1}
                self.station_says("MeterValues", {**told, "meterValue": values})
            self.run(1)


@pytest.mark.parametrize("version", [Version.V16, Version.V201])
def test_its_session_is_bound_and_cut(version: Version) -> None:
    """When two of its stamps have agreed it obeys as any other: what the building takes is taken from it."""
    site = Unset(version)
    site.says_status()
    site.run(5)
    site.plug()
    site.charge(60, house_a=10.0)
    assert site.limit_a() == 32.0
    site.charge(12, house_a=40.0)
    assert site.limit_a() <= 23.0
    site.charge(200, house_a=40.0)
    assert 20.0 < site.limit_a() <= 23.0
    site.bench.now += 10_000.0  # nobody renews it
    assert site.limit_a() == 6.0


@pytest.mark.parametrize("version", [Version.V16, Version.V201])
def test_its_idle_limit_binds_before_a_session_begins(version: Version) -> None:
    """It says its state once, and is asked for it once more: meanwhile what it is told binds by any clock."""
    site = Unset(version)
    site.says_status()
    site.run(2)
    assert site.limit_a() == 0.0
    site.triggered.clear()
    site.run(6)
    assert site.triggered == ["StatusNotification"]
    site.says_status()
    site.run(1)
    assert site.limit_a() == 0.0
    site.run(60)
    assert site.triggered == ["StatusNotification"]


def test_a_station_that_stands_still_is_asked_three_times() -> None:
    """Its stamps say nothing of its clock."""
    site = Unset(Version.V16)
    site.says_status()
    site.run(2)
    site.triggered.clear()
    site.run(600)
    assert site.triggered == 3 * ["StatusNotification"]

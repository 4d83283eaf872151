"""Profiles of its cloud that a station holds from before the gateway: taken over, and out of the way of ours."""

from datetime import timedelta
from typing import Any

import pytest

from edge.ocpp.versions import Version
from simulators.charger_v2.profiles import Profiles
from tests.scenario.joined_station import Joined
from tests.unit.ocpp.ocpp_bench import NOON, stamp

LEVEL = 3  # the highest that the station tells


def held(number: int, purpose: str = "TxDefaultProfile", level: int = LEVEL, limit_a: float = 20.0) -> dict[str, Any]:
    """A profile of the cloud's."""
    schedule = {"id": 1, "chargingRateUnit": "A", "startSchedule": stamp(NOON - timedelta(days=1))}
    return {
        "id": number,
        "stackLevel": level,
        "chargingProfilePurpose": purpose,
        "chargingProfileKind": "Absolute",
        "chargingSchedule": [{**schedule, "chargingSchedulePeriod": [{"startPeriod": 0, "limit": limit_a}]}],
    }


class Holding(Joined):
    """A station that keeps profiles as the specification has it. ``lists``: whether it says which."""

    def __init__(self, version: Version, *before: tuple[int, dict[str, Any]], lists: bool = True) -> None:
        self.profiles = Profiles()
        for place, profile in before:
            self.profiles.install(place, profile, "T-OLD")
        self.lists = lists
        self.refusals: list[str] = []
        self.asked = 0
        super().__init__(version)

    def answer_to(self, action: str, payload: dict[str, Any]) -> dict[str, Any]:
        match action:
            case "SetChargingProfile":
                why = self.profiles.install(payload["evseId"], payload["chargingProfile"], "7")
                if why is None:
                    return {"status": "Accepted"}
                self.refusals.append(why)
                return {"status": "Rejected", "statusInfo": {"reasonCode": why}}
            case "ClearChargingProfile":
                gone = self.profiles.clear(payload.get("chargingProfileId"), None, None, None)
                return {"status": "Accepted" if gone else "Unknown"}
            case "GetVariables":
                asked = payload["getVariableData"][0]
                found = {**asked, "attributeStatus": "Accepted", "attributeValue": str(LEVEL)}
                return {"getVariableResult": [found]}
            case "GetChargingProfiles" if self.lists:
                self.asked += 1
                self._request = payload["requestId"]
                return {"status": "Accepted"}
            case _:
                return super().answer_to(action, payload)

    def tells(self) -> None:
        """What it holds, in a report for each EVSE."""
        for place in (0, 1):
            found = [kept.profile for kept in self.profiles.installed if kept.evse == place]
            if found:
                told = {"requestId": self._request, "chargingLimitSource": "CSO", "tbc": place == 0}
                self.station_says("ReportChargingProfiles", {**told, "evseId": place, "chargingProfile": found})

    @property
    def holds(self) -> set[int]:
        """The ids of what it holds."""
        return {kept.profile["id"] for kept in self.profiles.installed}


editions = pytest.mark.parametrize("version", [Version.V201, Version.V21])


@editions
def test_what_it_holds_of_its_cloud_is_taken_over(version: Version) -> None:
    """The cloud's limits go on holding; the station has ours only, and the cloud can clear its own."""
    site = Holding(version, (1, held(11)), (0, held(12, "ChargingStationMaxProfile", 0, 14.0)))
    site.run(3)
    site.tells()
    site.run(10)
    assert site.holds == {730_002}
    assert not [message for message in site.up if message[2:3] == ["ReportChargingProfiles"]]
    site.plug()
    assert site.run(20).limit_a == 14.0
    site.cloud_says("ClearChargingProfile", {"chargingProfileId": 12})
    assert [3, "c", {"status": "Accepted"}] in site.up
    assert site.run(40).limit_a == 20.0


@editions
def test_one_in_the_way_of_ours_is_taken_over_when_it_is_found(version: Version) -> None:
    """Our limit is refused as a duplicate once, and taken in the same form when the other is gone."""
    site = Holding(version, (1, held(11)))
    site.run(3)
    assert site.refusals == ["DuplicateProfile"]
    assert site.asked == 2
    site.tells()
    site.run(10)
    assert site.refusals == ["DuplicateProfile"]
    assert site.holds == {730_002}
    (kept,) = site.profiles.installed
    assert kept.place == (1, "TxDefaultProfile", LEVEL)


@editions
def test_a_station_that_doesnt_list_is_told_otherwise(version: Version) -> None:
    """On the lowest stack level, as one that refuses the level it tells; what is in the way stays."""
    site = Holding(version, (1, held(11)), lists=False)
    site.run(600)
    assert {kept.place[2] for kept in site.profiles.installed} == {LEVEL, 0}


@editions
def test_what_cant_be_taken_over_stays(version: Version) -> None:
    """A profile that the gateway doesn't know to follow isn't taken from the station."""
    site = Holding(version, (0, held(12, "ChargingStationMaxProfile", 0) | {"chargingProfileKind": "Recurring"}))
    site.run(3)
    site.tells()
    site.run(10)
    assert 12 in site.holds

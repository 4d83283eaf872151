"""From the frame of a cloud or of a car to the setpoint that names it."""

from datetime import timedelta
from typing import Any

import pytest

from edge.domain.setpoint import Reason
from edge.ocpp.versions import Version
from tests.scenario.joined_station import Joined
from tests.unit.ocpp.ocpp_bench import NOON, stamp
from tests.unit.ocpp_profiles.profile_bench import period, profile

V16, V201, V21 = Version.V16, Version.V201, Version.V21


def set_profile(version: Version, evse: int, raw: dict[str, Any]) -> dict[str, Any]:
    """The payload of SetChargingProfile."""
    place, body = ("connectorId", "csChargingProfiles") if version is V16 else ("evseId", "chargingProfile")
    return {place: evse, body: raw}


@pytest.mark.parametrize("version", list(Version))
@pytest.mark.parametrize(
    ("purpose", "evse", "limit", "unit", "phases", "amps"),
    [
        ("default", 1, 10, "A", None, 10.0),
        ("default", 0, 9, "A", 3, 9.0),
        ("max", 0, 11, "A", None, 11.0),
        ("default", 1, 6900, "W", None, 10.0),
        ("max", 0, 8280, "W", 3, 12.0),
        ("tx", 1, 5520, "W", 3, 8.0),
        ("default", 1, 0, "A", None, 0.0),
    ],
)
def test_a_profile_of_the_cloud_is_the_setpoints_reason(
    version: Version, purpose: str, evse: int, limit: float, unit: str, phases: int | None, amps: float
) -> None:
    """SetChargingProfile in A or W, with or without numberPhases: the setpoint is that, and says that it is the
    cloud's; the station is told that and nothing else."""
    site = Joined(version)
    site.plug()
    site.run(3)
    told = {} if phases is None else {"numberPhases": phases}
    extra: dict[str, Any] = {"transactionId": 7 if version is V16 else "7"} if purpose == "tx" else {}
    raw = profile(version, purpose, period(0, limit, **told), unit=unit, **extra)
    site.cloud_says("SetChargingProfile", set_profile(version, evse, raw))
    assert site.up[-1][:3] == [3, "c", {"status": "Accepted"}]
    setpoint = site.run(90)
    assert (setpoint.limit_a, setpoint.reason) == (amps, Reason.CLOUD_LIMIT)
    assert setpoint.text == f"{amps:.1f} A: the cloud's charging profile allows {amps:g} A"
    action, payload = site.told[-1]
    body = payload["csChargingProfiles"] if version is V16 else payload["chargingProfile"]
    schedule = body["chargingSchedule"] if version is V16 else body["chargingSchedule"][0]
    assert (action, schedule["chargingSchedulePeriod"][0]["limit"]) == ("SetChargingProfile", amps)
    site.cloud_says("ClearChargingProfile", {"id": 1} if version is V16 else {"chargingProfileId": 1})
    assert site.run(120).reason is Reason.MAXIMUM


@pytest.mark.parametrize("version", [V201, V21])
def test_what_a_car_needs_reaches_the_decision(version: Version) -> None:
    """NotifyEVChargingNeeds: the snapshot's need, less the time that passes."""
    site = Joined(version)
    site.plug()
    site.run(2)
    ac = {"energyAmount": 11_000, "evMinCurrent": 6, "evMaxCurrent": 16, "evMaxVoltage": 400}
    needs = {"requestedEnergyTransfer": "AC_three_phase", "acChargingParameters": ac}
    at = stamp(NOON + timedelta(hours=2))
    site.station_says("NotifyEVChargingNeeds", {"evseId": 1, "chargingNeeds": {**needs, "departureTime": at}})
    site.run(10)
    assert site.decision is not None
    need = site.decision.snapshot.evses[0].need
    assert need is not None
    assert (need.energy_wanted_wh, round(need.time_left_s)) == (11_000.0, 7200 - 12)

"""A station that takes schedules of one period only is served, and steps down by itself when the gateway is gone."""

from typing import Any

import pytest

from edge.domain.setpoint import Purpose
from edge.domain.station import StationOffline
from edge.ocpp.versions import Version
from tests.scenario.keeping_station import Keeping
from tests.site_builders import exposure_a

KEYS = {Version.V16: "ChargingScheduleMaxPeriods", Version.V201: "PeriodsPerSchedule"}


class OnePeriod(Keeping):
    """Refuses schedules of more than one period; ``tells``: its configuration says so."""

    def __init__(self, version: Version, *, tells: bool, refuses: tuple[str, ...] = ()) -> None:
        self._tells = tells
        super().__init__(version, refuses=refuses, max_periods=1)

    def answer_to(self, action: str, payload: dict[str, Any]) -> dict[str, Any]:
        if action == "GetConfiguration" and self._tells:
            return {"configurationKey": [{"key": KEYS[Version.V16], "readonly": True, "value": "1"}]}
        if action == "GetVariables" and self._tells:
            found = (each for each in payload["getVariableData"] if each["variable"]["name"] == KEYS[Version.V201])
            told = {"attributeStatus": "Accepted", "attributeValue": "1"}
            return {"getVariableResult": [{**each, **told} for each in found]}
        return super().answer_to(action, payload)


@pytest.mark.parametrize("version", KEYS)
@pytest.mark.parametrize("tells", [True, False], ids=["told", "found out"])
def test_its_car_is_served(version: Version, tells: bool) -> None:
    """By a TxProfile of one period that ends with its lease; without its word it is told that when it refuses two."""
    site = OnePeriod(version, tells=tells)
    site.plug()
    site.run(120)
    assert site.limit_a() == 32.0
    site.run(300)
    assert site.limit_a() == 32.0
    held = site.board.evses[site.key].holdings.in_force(Purpose.SESSION)
    assert held is not None
    assert held.limit_a == 32.0


@pytest.mark.parametrize("version", KEYS)
def test_it_steps_down_when_nobody_renews(version: Version) -> None:
    """When its lease is over it falls to what a session may begin with; never is it allowed more than it is counted
    with."""
    site = OnePeriod(version, tells=True)
    site.plug()
    site.run(120)
    site.board.take(StationOffline(station=site.key.station, at=site.monotonic()))
    seen = []
    for _ in range(10_000):
        site.bench.now += 1.0
        (state,) = site.board.snapshot(site.monotonic()).evses
        assert site.limit_a() <= (exposure_a(state, site.monotonic()) or 0.0)
        seen.append(site.limit_a())
    assert set(seen) == {32.0, 0.0}
    assert seen.index(0.0) <= 121
    assert set(seen[121:]) == {0.0}


@pytest.mark.parametrize("version", KEYS)
@pytest.mark.parametrize("refused", [("TxProfile",), ("TxProfile", "TxDefaultProfile")])
def test_with_one_limit_for_both_it_never_gets_more_than_its_safe_current(
    version: Version, refused: tuple[str, ...]
) -> None:
    """Nothing would bind it once that had ended: so it doesn't end, and is no more than may be for ever."""
    site = OnePeriod(version, tells=True, refuses=refused)
    site.plug()
    site.run(200)
    assert site.limit_a() == 6.0
    seen = [(site.run(1), site.limit_a())[1] for _ in range(800)]
    assert max(seen) == 6.0
    assert seen.count(0.0) <= 4, "told sessions' limits again, it is back after a second"


def test_without_a_default_it_gets_no_more_than_its_safe_current() -> None:
    """A session's limit may end only where a TxDefaultProfile binds it from then on."""
    site = OnePeriod(Version.V16, tells=True, refuses=("TxDefaultProfile",))
    site.plug()
    site.run(30)
    profiles = [payload["csChargingProfiles"] for action, payload in site.told if action == "SetChargingProfile"]
    assert "TxProfile" in {each["chargingProfilePurpose"] for each in profiles}
    assert all("validTo" not in each for each in profiles)
    assert 0.0 < site.limit_a() <= 6.0

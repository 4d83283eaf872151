"""A station that refuses purposes is told by others, and what it may draw is counted all along."""

import pytest

from edge.domain.setpoint import Purpose, Reason
from edge.ocpp.versions import Version
from tests.scenario.joined_station import TRANSACTION, Joined
from tests.site_builders import exposure_a

MAXIMA = {Version.V16: "ChargePointMaxProfile", Version.V201: "ChargingStationMaxProfile"}


def refusing(version: Version, *purposes: str) -> Joined:
    """A station with a session that refuses these purposes, until a rung has been found."""
    site = Joined(version, refuses=purposes)
    site.plug()
    site.run(400)
    return site


def told_last(site: Joined) -> tuple[str, float]:
    """The purpose and the limit of the last profile."""
    payload = next(payload for action, payload in reversed(site.told) if action == "SetChargingProfile")
    profile = payload.get("csChargingProfiles") or payload["chargingProfile"]
    schedule = profile["chargingSchedule"]
    schedule = schedule if isinstance(schedule, dict) else schedule[0]
    return profile["chargingProfilePurpose"], schedule["chargingSchedulePeriod"][0]["limit"]


@pytest.mark.parametrize("version", [Version.V16, Version.V201])
@pytest.mark.parametrize(
    ("refused", "found"),
    [(("TxProfile",), "TxDefaultProfile"), (("TxProfile", "TxDefaultProfile"), "maximum")],
)
def test_the_session_is_served_by_another_purpose(version: Version, refused: tuple[str, ...], found: str) -> None:
    """It charges with all that there is, under one limit that is renewed as a session's is."""
    site = refusing(version, *refused)
    assert told_last(site) == (MAXIMA[version] if found == "maximum" else found, 32.0)
    assert site.run(1).reason is Reason.MAXIMUM
    assert site.decision is not None
    (state,) = site.decision.snapshot.evses
    assert state.holdings.session == ()
    held = state.holdings.in_force(Purpose.IDLE)
    assert held is not None
    assert (held.limit_a, held.lease_s) == (32.0, 120.0)
    assert site.decision.snapshot.now - held.sent_at <= 61.0


def test_the_next_session_is_counted_under_the_limit_of_the_last() -> None:
    """When the session ends its limit stays in the station: it counts until the idle limit was accepted and obeyed."""
    site = refusing(Version.V16, "TxProfile")
    site.station_says("StopTransaction", {"transactionId": int(TRANSACTION), "meterStop": 0, "timestamp": "x"})
    state = site.board.snapshot(site.monotonic()).evses[0]
    assert not state.in_session
    assert exposure_a(state, site.monotonic()) == 32.0
    site.run(2)
    assert told_last(site) == ("TxDefaultProfile", 0.0)
    state = site.board.snapshot(site.monotonic()).evses[0]
    assert exposure_a(state, site.monotonic()) == 32.0
    site.run(12)
    state = site.board.snapshot(site.monotonic()).evses[0]
    assert exposure_a(state, site.monotonic()) == 0.0


def test_a_session_that_was_told_by_tx_profile_before_keeps_that_in_the_count() -> None:
    """A profile that was accepted before the refusals still overrules what is told by default: it counts on."""
    site = Joined(Version.V16)
    site.plug()
    site.run(60)
    held = site.board.snapshot(site.monotonic()).evses[0].holdings.in_force(Purpose.SESSION)
    assert held is not None
    site.refuses = frozenset({"TxProfile"})
    site.run(400)
    assert told_last(site)[0] == "TxDefaultProfile"
    state = site.board.snapshot(site.monotonic()).evses[0]
    assert state.holdings.in_force(Purpose.SESSION) is not None
    assert exposure_a(state, site.monotonic()) == 32.0

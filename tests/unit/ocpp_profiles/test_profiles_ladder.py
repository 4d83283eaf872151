"""Which purposes a station is told its limits by."""

from dataclasses import replace

import pytest

from edge.domain.setpoint import Purpose
from edge.domain.site import Station
from edge.domain.station import LimitsTaken
from edge.ocpp import limit_v2
from edge.ocpp.profiles import writer
from edge.ocpp.profiles.form import Form
from edge.ocpp.profiles.ladder import Ladder, Rung
from edge.ocpp.versions import Version
from tests.unit.ocpp.ocpp_bench import NOON, Bench, Step, evse, is_valid, limit, result, station
from tests.unit.ocpp_profiles.profile_bench import V21, V201


def test_the_rungs_of_a_station_with_one_evse() -> None:
    """Down to the station's maximum, and from there back to the first: a station's settings may have changed."""
    ladder = Ladder(station())
    found = [ladder.rung]
    for _ in range(3):
        assert ladder.refused()
        found.append(ladder.rung)
    assert found == [Rung.SESSIONS, Rung.DEFAULT, Rung.MAXIMUM, Rung.SESSIONS]


def test_several_evses_are_never_told_by_one_maximum() -> None:
    """It can't say who of them may draw how much."""
    ladder = Ladder(station(evse(1), evse(2)))
    found = {ladder.rung for _ in range(5) if ladder.refused()}
    assert found == {Rung.SESSIONS, Rung.DEFAULT}


def test_a_controller_is_told_its_maximum_only() -> None:
    """It has no EVSE of its own that a default or a session could be meant for."""
    ladder = Ladder(Station(id="GW", evses=(replace(evse(), whole_site=True),)))
    assert (ladder.refused(), ladder.rung) == (False, Rung.MAXIMUM)


@pytest.mark.parametrize("version", [V201, V21])
@pytest.mark.parametrize("rung", Rung)
@pytest.mark.parametrize("purpose", Purpose)
def test_every_rung_fits_the_schema_of_2_x(version: Version, rung: Rung, purpose: Purpose) -> None:
    """A station's maximum is on EVSE 0, all else on the EVSE itself."""
    command = limit(connector=2, purpose=purpose, transaction_id="t")
    payload = limit_v2.request(command, start=NOON, stack_level=1, form=Form(rung=rung))
    assert is_valid("SetChargingProfile", payload, version)
    assert payload["evseId"] == (0 if rung is Rung.MAXIMUM else 2)


@pytest.mark.parametrize("rung", Rung)
@pytest.mark.parametrize("purpose", Purpose)
def test_every_rung_fits_the_schema_of_1_6(rung: Rung, purpose: Purpose) -> None:
    """A station's maximum is on connector 0, all else on the connector itself."""
    command = limit(connector=2, purpose=purpose, transaction_id="7")
    payload = writer.request(command, start=NOON, stack_level=1, form=Form(rung=rung))
    assert is_valid("SetChargingProfile", payload)
    assert payload["connectorId"] == (0 if rung is Rung.MAXIMUM else 2)


def refuse(bench: Bench, number: int, purpose: Purpose) -> tuple[str, str, Step]:
    """Write a limit that the station refuses: its purpose, its unit, and what came of the refusal."""
    identifier, _, payload = bench.write(limit(number, purpose=purpose, transaction_id="7")).own_call
    profile = payload["csChargingProfiles"]
    step = bench.station_says(result(identifier, {"status": "Rejected"}))
    return profile["chargingProfilePurpose"], profile["chargingSchedule"]["chargingRateUnit"], step


def test_refusals_lead_down_the_ladder() -> None:
    """Both units are tried on a rung before the next; control hears of the change, and the log."""
    bench = Bench()
    bench.connect()
    seen = [refuse(bench, number, Purpose.SESSION) for number in range(4)]
    assert [(purpose, unit) for purpose, unit, _ in seen] == 2 * [("TxProfile", "A")] + 2 * [("TxProfile", "W")]
    assert [LimitsTaken(station="CP-01", at=bench.now, one_limit=True) in step.facts for _, _, step in seen] == [
        False,
        False,
        False,
        True,
    ]
    assert seen[-1][2].notes == ["station refuses its limits; trying"]
    seen = [refuse(bench, number, Purpose.IDLE) for number in range(4, 8)]
    assert {purpose for purpose, _, _ in seen} == {"TxDefaultProfile"}
    _, _, payload = bench.write(limit(9)).own_call
    assert payload["csChargingProfiles"]["chargingProfilePurpose"] == "ChargePointMaxProfile"
    assert payload["connectorId"] == 0


def test_an_acceptance_in_between_keeps_the_rung() -> None:
    """Refusals count only in a row: one may be chance."""
    bench = Bench()
    bench.connect()
    for number in range(3):
        refuse(bench, number, Purpose.SESSION)
    identifier, _, _ = bench.write(limit(8)).own_call
    bench.station_says(result(identifier, {"status": "Accepted"}))
    for number in range(9, 12):
        assert refuse(bench, number, Purpose.SESSION)[0] == "TxProfile"


def accept(bench: Bench, number: int, purpose: Purpose) -> None:
    """Write a limit that the station takes."""
    identifier, _, _ = bench.write(limit(number, purpose=purpose, transaction_id="7")).own_call
    bench.station_says(result(identifier, {"status": "Accepted"}))


def test_who_takes_the_idle_limit_alone_is_told_by_it_after_two_refusals() -> None:
    """The unit was no reason: what it takes in amperes for an idle EVSE it could have for a session. In watts for two
    refusals more, of which each was waited for a minute, its car had no limit of its own."""
    bench = Bench()
    bench.connect()
    accept(bench, 1, Purpose.IDLE)
    seen = [refuse(bench, number, Purpose.SESSION) for number in (2, 3)]
    assert [(purpose, unit) for purpose, unit, _ in seen] == 2 * [("TxProfile", "A")]
    assert LimitsTaken(station="CP-01", at=bench.now, one_limit=True) in seen[-1][2].facts
    assert refuse(bench, 4, Purpose.IDLE)[:2] == ("TxDefaultProfile", "A")


def test_who_has_taken_a_sessions_limit_means_another_refusal_otherwise() -> None:
    """Its purpose it takes: all units are tried before another."""
    bench = Bench()
    bench.connect()
    accept(bench, 1, Purpose.IDLE)
    accept(bench, 2, Purpose.SESSION)
    seen = [refuse(bench, number, Purpose.SESSION)[:2] for number in range(3, 7)]
    assert seen == 2 * [("TxProfile", "A")] + 2 * [("TxProfile", "W")]

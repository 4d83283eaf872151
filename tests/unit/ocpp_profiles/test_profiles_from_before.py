"""What the cloud clears of which the gateway knows nothing: the station may hold it from before the gateway."""

import json
from typing import Any

import pytest

from edge.domain.setpoint import Purpose
from edge.ocpp.actions import Note
from edge.ocpp.dossier import Dossier, Taken
from edge.ocpp.profiles.ladder import Rung
from edge.ocpp.profiles.model import RateUnit
from edge.ocpp.profiles.writer import profile_id
from edge.ocpp.versions import Version
from tests.unit.ocpp.ocpp_bench import Bench, Step, call, limit, result
from tests.unit.ocpp_profiles.profile_bench import V16, V201, period, profile

ACCEPTED, UNKNOWN = {"status": "Accepted"}, {"status": "Unknown"}
OURS = profile_id(1, Purpose.IDLE)
editions = pytest.mark.parametrize("version", [V16, V201])


def connected(version: Version, **settings: Any) -> Bench:
    """A station with its cloud, past our questions."""
    bench = Bench(version=version, **settings)
    bench.connect()
    return bench


def by_id(version: Version, number: int) -> dict[str, Any]:
    """A ClearChargingProfile of this profile."""
    return {"id": number} if version is V16 else {"chargingProfileId": number}


def of(version: Version, purpose: str | None = None, place: int | None = None, level: int | None = None) -> Any:
    """A ClearChargingProfile of all that are of a purpose, at a place, on a level."""
    where = "connectorId" if version is V16 else "evseId"
    names = {"chargingProfilePurpose": purpose, where: place, "stackLevel": level}
    criteria = {name: value for name, value in names.items() if value is not None}
    return criteria if version is V16 or not criteria else {"chargingProfileCriteria": criteria}


def maximum(version: Version) -> str:
    """The purpose of a station's maximum."""
    return "ChargePointMaxProfile" if version is V16 else "ChargingStationMaxProfile"


def answers(step: Step) -> list[Any]:
    """The payloads of what went up."""
    return [json.loads(text)[2] for text in step.up]


def clear(bench: Bench, payload: dict[str, Any]) -> Step:
    """The cloud clears."""
    return bench.cloud_says(call("c", "ClearChargingProfile", payload))


@editions
def test_an_id_that_isnt_known_here_is_asked_of_the_station(version: Version) -> None:
    """As it came, and so is the answer."""
    bench = connected(version)
    text = call("c", "ClearChargingProfile", by_id(version, 12))
    assert bench.cloud_says(text).down == [text]
    answer = result("c", ACCEPTED)
    assert bench.station_says(answer).up == [answer]


@editions
def test_an_id_of_ours_never_gets_there(version: Version) -> None:
    """The cloud can't take a limit of ours from the station."""
    step = clear(connected(version), by_id(version, OURS))
    assert (step.down, answers(step)) == ([], [UNKNOWN])


@editions
def test_one_that_is_known_here_is_cleared_in_both_places(version: Version) -> None:
    """The cloud has set it before the gateway, and again behind it: it has its answer at once."""
    bench = connected(version)
    one = profile(version, "default", period(0, 10), number=12)
    place, name = ("connectorId", "csChargingProfiles") if version is V16 else ("evseId", "chargingProfile")
    bench.cloud_says(call("s", "SetChargingProfile", {place: 1, name: one}))
    step = clear(bench, by_id(version, 12))
    assert (step.down, answers(step)) == ([], [ACCEPTED])
    _, action, payload = bench.wait(0.5).own_call
    assert (action, payload) == ("ClearChargingProfile", by_id(version, 12))


@editions
@pytest.mark.parametrize("named", [False, True])
@pytest.mark.parametrize(("place", "level"), [(None, None), (0, None), (None, 3)])
def test_of_all_profiles_the_stations_maximum_is_cleared(
    version: Version, place: int | None, level: int | None, *, named: bool
) -> None:
    """It binds whatever stack level ours are on, and none of ours is one."""
    word = maximum(version)
    (text,) = clear(connected(version), of(version, word if named else None, place, level)).down
    assert json.loads(text)[1:] == ["c", "ClearChargingProfile", of(version, word, place, level)]


@editions
@pytest.mark.parametrize(("purpose", "place"), [("TxDefaultProfile", None), ("TxProfile", None), (None, 1)])
def test_what_could_hit_ours_never_gets_there(version: Version, purpose: str | None, place: int | None) -> None:
    """By its purpose, or its place."""
    step = clear(connected(version), of(version, purpose, place))
    assert (step.down, answers(step)) == ([], [UNKNOWN])


@editions
def test_a_maximum_of_ours_stays(version: Version) -> None:
    """Where the station takes no other limits, ours is one."""
    dossier = Dossier("CP-01")
    dossier.taken = Taken(rung=Rung.MAXIMUM, unit=RateUnit.AMPERES)
    bench = connected(version, dossier=dossier)
    step = clear(bench, {})
    assert (step.down, answers(step)) == ([], [UNKNOWN])


@editions
def test_when_a_station_has_cleared_something_ours_are_told_anew(version: Version) -> None:
    """Some stations clear more than they are asked to."""
    bench = connected(version)
    identifier, _, _ = bench.write(limit()).own_call
    bench.station_says(result(identifier, ACCEPTED))
    clear(bench, by_id(version, 12))
    bench.station_says(result("c", ACCEPTED))
    step = bench.wait(0.5)
    identifier, action, payload = step.own_call
    assert action == "SetChargingProfile"
    assert str(OURS) in json.dumps(payload)
    assert [each.level for each in step.actions if isinstance(each, Note)] == ["info"]  # each minute, with some
    bench.station_says(result(identifier, ACCEPTED))
    assert bench.wait(0.5).down == []
    clear(bench, by_id(version, 13))
    bench.station_says(result("c", UNKNOWN))
    assert bench.wait(0.5).down == []


def test_a_maximum_that_the_cloud_replaces_is_cleared_below() -> None:
    """1.6 §3.13.2: it goes with its id, and with its place. Once for each level: the station gets no other."""
    bench = connected(V16)
    asked = []
    for number, level in ((12, 2), (12, 2), (13, 2), (12, 0)):
        one = profile(V16, "max", period(0, 16), number=number, level=level)
        step = bench.cloud_says(call("s", "SetChargingProfile", {"connectorId": 0, "csChargingProfiles": one}))
        assert answers(step) == [ACCEPTED]
        step = bench.wait(0.5)
        while step.down:
            identifier, action, payload = step.own_call
            assert action == "ClearChargingProfile"
            asked.append(payload)
            step = bench.station_says(result(identifier, UNKNOWN))
    places = [of(V16, maximum(V16), 0, level) for level in (2, 0)]
    assert asked == [{"id": 12}, places[0], {"id": 12}, places[1]]


def test_a_profile_of_a_session_clears_nothing_below() -> None:
    """What the station holds of those is outranked by ours."""
    bench = connected(V16)
    one = profile(V16, "default", period(0, 16), number=12)
    bench.cloud_says(call("s", "SetChargingProfile", {"connectorId": 1, "csChargingProfiles": one}))
    assert bench.wait(0.5).down == []


@editions
@pytest.mark.parametrize("known", [False, True])
def test_the_same_is_asked_of_a_station_once(version: Version, *, known: bool) -> None:
    """Some say Accepted always: a cloud that clears all each minute doesn't have our limits written as often. One that
    connects anew may be another."""
    bench = connected(version)
    one = profile(version, "default", period(0, 10), number=12)
    place, name = ("connectorId", "csChargingProfiles") if version is V16 else ("evseId", "chargingProfile")

    def cleared() -> list[str]:
        if known:
            bench.cloud_says(call("s", "SetChargingProfile", {place: 1, name: one}))
        down = clear(bench, {}).down + bench.wait(0.5).down
        for text in down:
            bench.station_says(result(json.loads(text)[1], ACCEPTED))
        return [json.loads(text)[2] for text in down]

    assert cleared() == ["ClearChargingProfile"]
    assert cleared() == []
    bench.lose_station()
    bench.connect()
    assert cleared() == ["ClearChargingProfile"]


def test_a_station_that_didnt_answer_is_asked_again() -> None:
    """It may not have heard."""
    bench = connected(V16)
    text = call("c", "ClearChargingProfile", by_id(V16, 12))
    assert bench.cloud_says(text).down == [text]
    bench.wait(30.0)
    assert len(clear(bench, by_id(V16, 12)).down) == 1


def update(number: object) -> str:
    """The cloud's UpdateDynamicSchedule of this profile."""
    return call("u", "UpdateDynamicSchedule", {"chargingProfileId": number, "scheduleUpdate": {"limit": 10}})


def test_a_dynamic_profile_from_before_is_the_stations() -> None:
    """2.1 K28: none is taken over, so the station holds it, and its answer is the cloud's. Each time: limits change."""
    bench = connected(Version.V21)
    for status in ("Accepted", "Rejected"):
        assert bench.cloud_says(update(12)).down == [update(12)]
        answer = result("u", {"status": status})
        assert bench.station_says(answer).up == [answer]


@pytest.mark.parametrize("number", [12, OURS, "x", None])
def test_what_cant_be_a_dynamic_profile_from_before_stays_here(number: object) -> None:
    """One that the cloud has set here is none, a limit of ours isn't the cloud's, and what is no number names none."""
    bench = connected(Version.V21)
    one = profile(Version.V21, "default", period(0, 10), number=12)
    bench.cloud_says(call("s", "SetChargingProfile", {"evseId": 1, "chargingProfile": one}))
    step = bench.cloud_says(update(number))
    assert (step.down, [json.loads(text)[2]["status"] for text in step.up]) == ([], ["Rejected"])

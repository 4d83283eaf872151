"""Any sequence of what cloud and station may do leaves a store that comes back, and answers that agree."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.ocpp.profiles import archive
from edge.ocpp.profiles.answer import CallRefusal
from edge.ocpp.profiles.parse import parse
from edge.ocpp.profiles.refusal import ProfileRefused
from edge.ocpp.profiles.store import ProfileStore
from edge.ocpp.versions import Version
from tests.property.profile_draws import NOON, placed, profiles
from tests.unit.ocpp_profiles.profile_bench import V16, V21, V201, ask, install

NOON_S = NOON.timestamp()


@st.composite
def lives(draw: st.DrawFn, version: Version) -> ProfileStore:
    """A store after up to a dozen steps."""
    store = ProfileStore()
    for number in range(draw(st.integers(0, 12))):
        at = NOON_S + number
        match draw(st.integers(0, 5)):
            case 0:
                ids = ["100", "7", None] if version is V16 else ["100", "7"]  # in 2.x the station has it from the start
                store = store.began(draw(st.integers(1, 2)), draw(st.sampled_from(ids)), at, token="tag")
            case 1:
                store = store.ended(draw(st.integers(1, 2)))
            case 2:
                criteria = {"stackLevel": draw(st.integers(0, 2))}
                payload = criteria if version is V16 else {"chargingProfileCriteria": criteria}
                store = ask(store, version, "ClearChargingProfile", payload).store
            case 3:
                raw = draw(profiles(version, ("TxProfile",)))
                raw.pop("transactionId", None)
                place = draw(st.sampled_from([None, 1]))
                try:
                    store = store.awaiting(place, "tag", parse(raw, version), at)
                except ProfileRefused:
                    store = store.not_awaiting(place, "tag")
            case _:
                store = install(store, version, *draw(placed(version))).store
    return store


@pytest.mark.parametrize("version", [V16, V201, V21])
@settings(max_examples=80)
@given(data=st.data())
def test_a_store_comes_back_and_answers_as_before(version: Version, data: st.DataObject) -> None:
    """To the bit; so a restart changes no answer."""
    store = data.draw(lives(version))
    again = archive.from_text(archive.to_text(store))
    assert again == store
    place = "connectorId" if version is V16 else "evseId"
    question: dict[str, Any] = {place: data.draw(st.sampled_from([0, 1, 2])), "duration": 600}
    before, after = (ask(each, version, "GetCompositeSchedule", question).reply for each in (store, again))
    assert before == after


@pytest.mark.parametrize("version", [V201, V21])
@settings(max_examples=80)
@given(data=st.data())
def test_what_is_reported_is_what_is_installed_and_can_be_cleared(version: Version, data: st.DataObject) -> None:
    """GetChargingProfiles, ClearChargingProfile and SetChargingProfile tell one story, and every message is valid."""
    store = data.draw(lives(version))
    everything = {"requestId": 1, "chargingProfile": {}}
    reports = ask(store, version, "GetChargingProfiles", everything).follow_ups
    told = [(each.payload["evseId"], raw) for each in reports for raw in each.payload["chargingProfile"]]
    assert sorted((evse, raw["id"]) for evse, raw in told) == sorted(
        (each.evse, each.profile.id) for each in store.installed
    )
    for evse, raw in told:
        assert install(store, version, evse, raw).reply == {"status": "Accepted"}  # replaces itself
        if raw["chargingProfilePurpose"] == "LocalGeneration":
            continue
        cleared = ask(store, version, "ClearChargingProfile", {"chargingProfileId": raw["id"]})
        assert cleared.reply == {"status": "Accepted"}
        store = cleared.store
    kept = {each.profile.purpose.value for each in store.installed}
    assert kept <= {"LocalGeneration"}


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**20), 10**20) | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@st.composite
def spoiled(draw: st.DrawFn, version: Version) -> object:
    """A profile with any JSON in the place of one of its values, at any depth."""
    raw: Any = draw(profiles(version, ("TxDefaultProfile",)))
    at: Any = raw
    while True:
        key = draw(st.sampled_from(sorted(at) if isinstance(at, dict) else list(range(len(at)))))
        if not isinstance(at[key], dict | list) or not at[key] or draw(st.booleans()):
            at[key] = draw(_JSON)
            return raw
        at = at[key]


@pytest.mark.parametrize("version", [V16, V201, V21])
@settings(max_examples=150)
@given(data=st.data())
def test_a_spoiled_profile_is_answered(version: Version, data: st.DataObject) -> None:
    """Accepted, Rejected or a CALLERROR, never a fault; and what is accepted can be kept."""
    raw = data.draw(spoiled(version))
    answer = install(ProfileStore(), version, 1, raw)  # type: ignore[arg-type]
    if isinstance(answer.reply, CallRefusal) or answer.reply["status"] == "Rejected":
        assert answer.store == ProfileStore()
    assert archive.from_text(archive.to_text(answer.store)) == answer.store

"""How profiles come, wait for their transaction, and go."""

from typing import Any

import pytest

from edge.ocpp.profiles import answers_v2, answers_v16
from edge.ocpp.profiles.answer import Answer, Context, StartRequest
from edge.ocpp.profiles.parse import parse
from edge.ocpp.profiles.store import AWAITED_S, ProfileStore
from edge.ocpp.versions import Version
from tests.unit.ocpp_profiles.profile_bench import (
    V16,
    V201,
    WIRING,
    ask,
    install,
    installed,
    limit_a,
    moment,
    period,
    profile,
)

NOON = moment("12:00:00")
TEN = period(0, 10)
TX_16 = parse(profile(V16, "tx", TEN), V16)


def ids(store: ProfileStore) -> list[int]:
    """Of the installed profiles."""
    return [each.profile.id for each in store.installed]


def test_tx_profiles_go_with_their_transaction() -> None:
    """1.6 §3.13.1, 2.0.1 K02.FR.05: and only they, and only there."""
    store = installed(
        V16,
        (0, profile(V16, "default", TEN)),
        (1, profile(V16, "tx", TEN, number=2)),
        (2, profile(V16, "tx", TEN, number=3)),
        running={1: "10:00:00", 2: "10:00:00"},
    )
    assert ids(store.ended(1)) == [1, 3]
    assert ids(store.ended_transaction("200")) == [1, 2]
    assert store.ended_transaction("7") == store
    assert ids(store.began(1, "101", NOON)) == [1, 3]


def test_a_transaction_gets_its_id_later() -> None:
    """1.6: StartTransaction.conf names what StartTransaction.req began; its start and profiles stay."""
    store = ProfileStore().began(1, None, NOON - 5).with_profile(1, TX_16, NOON)
    named = store.began(1, "100", NOON)
    assert [(each.transaction, each.since) for each in named.running] == [("100", NOON - 5)]
    assert ids(named) == [1]
    assert named.began(1, "100", NOON + 60) == named


def test_a_transaction_that_moves_runs_in_one_place() -> None:
    """What a station says last is what holds."""
    store = ProfileStore().began(1, "100", NOON).began(2, "100", NOON + 1)
    assert [(each.evse, each.transaction) for each in store.running] == [(2, "100")]


def test_a_profile_waits_for_the_transaction_that_it_was_sent_to_start() -> None:
    """1.6 §5.16.2 with errata 3.42: by idTag and connector; the idTag's case doesn't matter."""
    waiting = ProfileStore().awaiting(1, "Tag", TX_16, NOON)
    assert ids(waiting) == []
    assert ids(waiting.began(1, None, NOON + 60, token="TAG")) == [1]
    assert ids(waiting.began(2, None, NOON + 60, token="tag")) == []
    assert ids(waiting.began(1, None, NOON + 60, token="other")) == []
    assert ids(waiting.not_awaiting(1, "tag").began(1, None, NOON + 60, token="tag")) == []


OTHER_TX_16 = parse(profile(V16, "tx", period(0, 6), number=2), V16)


def test_one_card_starts_at_two_connectors() -> None:
    """A fleet's cloud starts all with the same idTag: each transaction gets the profile that was sent for it."""
    waiting = ProfileStore().awaiting(1, "fleet", TX_16, NOON).only_awaiting(1, "fleet")
    waiting = waiting.awaiting(2, "fleet", OTHER_TX_16, NOON + 1).only_awaiting(2, "fleet")
    assert ids(waiting.began(1, None, NOON + 60, token="fleet")) == [1]
    assert ids(waiting.began(2, None, NOON + 60, token="fleet")) == [2]
    assert ids(waiting.not_awaiting(2, "fleet").began(1, None, NOON + 60, token="fleet")) == [1]
    somewhere = waiting.awaiting(None, "fleet", parse(profile(V16, "tx", TEN, number=3), V16), NOON + 2)
    assert ids(somewhere.began(1, None, NOON + 60, token="fleet")) == [1]


def test_a_start_asked_for_again() -> None:
    """What the station refuses takes nothing away from what it has accepted; what it accepts is what holds."""
    first = ProfileStore().awaiting(1, "tag", TX_16, NOON).only_awaiting(1, "tag")
    again = first.awaiting(1, "tag", OTHER_TX_16, NOON + 1)
    assert ids(again.not_awaiting(1, "tag").began(1, None, NOON + 60, token="tag")) == [1]
    for accepted in (again, again.only_awaiting(1, "tag")):  # it may begin before it answers
        begun = accepted.began(1, None, NOON + 60, token="tag")
        assert ids(begun) == [2]
        assert begun.awaited == ()
    assert again.only_awaiting(1, "tag").awaited == again.awaited[1:]


def test_a_station_that_chooses_its_connector_binds_it_there() -> None:
    """1.6 §5.11: a RemoteStart without a connectorId."""
    waiting = ProfileStore().awaiting(None, "tag", TX_16, NOON)
    assert [each.evse for each in waiting.began(2, None, NOON + 1, token="tag").installed] == [2]


def test_nothing_waits_for_ever() -> None:
    """A driver who never plugs in leaves no profile for the one who comes next."""
    waiting = ProfileStore().awaiting(1, "tag", TX_16, NOON)
    assert ids(waiting.began(1, None, NOON + AWAITED_S, token="tag")) == []


def test_a_set_profile_of_the_same_level_replaces_the_one_that_came_with_the_start() -> None:
    """1.6 errata 3.42; one of another level is stacked."""
    store = ProfileStore().awaiting(1, "tag", TX_16, NOON).began(1, None, NOON, token="tag").began(1, "100", NOON)
    same = install(store, V16, 1, profile(V16, "tx", period(0, 6), number=8, transactionId=100)).store
    assert ids(same) == [8]
    stacked = install(store, V16, 1, profile(V16, "tx", period(0, 6), number=8, level=1, transactionId=100)).store
    assert ids(stacked) == [1, 8]
    assert limit_a(stacked, V16, 1, "12:00:01") == 6.0


def test_clear_reaches_what_waits() -> None:
    """A cloud that has cleared everything gets a transaction without a profile."""
    waiting = ProfileStore().awaiting(1, "tag", TX_16, NOON)
    assert ask(waiting, V16, "ClearChargingProfile", {}).store == ProfileStore()


def start_16(**more: object) -> StartRequest | Answer:
    """RemoteStartTransaction with a profile; ``more`` are further fields."""
    payload = {"idTag": "tag", "connectorId": 1, "chargingProfile": profile(V16, "tx", TEN)} | more
    return answers_v16.start(ProfileStore(), payload, Context(version=V16, wiring=WIRING, now=NOON))


def test_a_remote_start_is_passed_on_without_its_profile() -> None:
    """1.6 §5.11: the profile is the gateway's to keep."""
    request = start_16()
    assert isinstance(request, StartRequest)
    assert request.forward == {"idTag": "tag", "connectorId": 1}
    assert (request.evse, request.token, request.profile) == (1, "tag", TX_16)


@pytest.mark.parametrize(
    "raw",
    [
        profile(V16, "default", TEN),
        profile(V16, "tx", TEN, transactionId=5),
        profile(V16, "tx", period(5, 10)),
        profile(V16, "tx", TEN, unit="kW"),
        "rubbish",
    ],
)
def test_a_remote_start_with_a_bad_profile_is_rejected(raw: object) -> None:
    """1.6 §5.11 with errata 3.41: another purpose, a transaction id, or no profile at all."""
    answer = start_16(chargingProfile=raw)
    assert isinstance(answer, Answer)
    assert answer.reply == {"status": "Rejected"}


def test_a_request_to_start_in_2x() -> None:
    """2.0.1 K05: bound by remoteStartId; K05.FR.05: Rejected with a reason."""
    context = Context(version=V201, wiring=WIRING, now=NOON)
    token = {"idToken": "x", "type": "Central"}
    payload = {"evseId": 1, "remoteStartId": 42, "idToken": token, "chargingProfile": profile(V201, "tx", TEN)}
    request = answers_v2.start(ProfileStore(), payload, context)
    assert isinstance(request, StartRequest)
    assert request.forward == {"evseId": 1, "remoteStartId": 42, "idToken": token}
    assert request.token == "42"
    bad = answers_v2.start(ProfileStore(), payload | {"chargingProfile": profile(V201, "default", TEN)}, context)
    assert isinstance(bad, Answer)
    assert bad.reply == {
        "status": "Rejected",
        "statusInfo": {
            "reasonCode": "InvalidProfile",
            "additionalInfo": "a TxDefaultProfile can't start a transaction",
        },
    }


def test_a_start_where_there_is_no_evse_is_refused() -> None:
    """Nothing could ever be bound there."""
    answer = start_16(connectorId=9)
    assert isinstance(answer, Answer)
    assert answer.reply == {"status": "Rejected"}


def test_a_start_obeys_the_wiring() -> None:
    """2.0.1 K01.FR.43: an EVSE of three phases can't be kept to one."""
    context = Context(version=V201, wiring=WIRING, now=NOON)
    one_phase = profile(V201, "tx", period(0, 10, numberPhases=1))
    payload = {"evseId": 1, "remoteStartId": 42, "idToken": {}, "chargingProfile": one_phase}
    assert isinstance(answers_v2.start(ProfileStore(), payload, context), Answer)
    assert isinstance(answers_v2.start(ProfileStore(), payload | {"evseId": 3}, context), StartRequest)


def a_day(version: Version, day: int, number: int, **more: Any) -> dict[str, Any]:
    """A profile of one day of June, on a stack level of its own."""
    ends = {"validFrom": f"2026-06-{day:02}T00:00:00Z", "validTo": f"2026-06-{day + 1:02}T00:00:00Z"}
    return profile(version, "default", period(0, 10), number=number, level=number, **(more or ends))


@pytest.mark.parametrize("version", list(Version))
@pytest.mark.parametrize("by", ["validTo", "duration"])
def test_profiles_that_are_over_leave_room(version: Version, by: str) -> None:
    """A cloud that sets one for each day, and clears none, is refused none after the sixty-fourth; those that hold, or
    will, stay."""
    over: dict[str, Any] = {"schedule": {"duration": 3600}} if by == "duration" else {}
    store = ProfileStore()
    for number in range(1, 63):
        store = install(store, version, 1, a_day(version, 1, number, **over), at="00:30:00").store
    for number, more in ((63, {}), (64, {"kind": "Recurring", "recurrencyKind": "Daily", **over})):
        raw = a_day(version, 20, number) if not more else a_day(version, 1, number, **more)
        store = install(store, version, 1, raw, at="00:30:00").store
    assert len(store.installed) == 64
    early = install(store, version, 1, a_day(version, 9, 65), at="00:45:00")
    assert isinstance(early.reply, dict)
    assert (early.reply["status"], early.store) == ("Rejected", store)  # none is over yet
    late = install(store, version, 1, a_day(version, 9, 65), at="2026-06-09T00:00:00Z")
    assert late.reply == {"status": "Accepted"}
    assert [each.profile.id for each in late.store.installed] == [63, 64, 65]

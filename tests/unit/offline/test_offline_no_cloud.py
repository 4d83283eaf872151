"""The desk of a site that has no cloud: everything is answered, accounted for, and kept for nobody."""

from decimal import Decimal
from typing import Any

import pytest

from edge.domain.journal import EntryState, PutTransaction
from edge.domain.session import Session
from edge.domain.token import CachedToken, TokenInfo, TokenStatus
from edge.offline.authorise import UnknownTokens
from edge.offline.desk import DeskState
from edge.offline.edition import Edition
from edge.offline.hashing import shown
from edge.offline.settings import OfflineSettings
from tests.unit.offline.offline_bench import HASHER, NOON, STATION, Bench, token

OWN = (token("CARD-1"), token("CARD-2"))


def alone(edition: Edition = Edition.V16, *, unknown: UnknownTokens = UnknownTokens.REFUSE) -> Bench:
    """A desk without a cloud, whose station is there."""
    bench = Bench(edition, unknown=unknown, settings=OfflineSettings(drain_interval_s=0.0, has_cloud=False))
    bench.do(bench.desk.station_connected(edition))
    return bench


def test_the_log_says_whose_card_was_let_in_or_refused_and_where() -> None:
    """By the hash that ``edge token`` shows of a card: who looks for a driver's fault has nobody else to ask."""
    bench = alone()
    for card in ("CARD-1", "STRANGER"):
        bench.call("Authorize", {"idTag": card})
    told = [each.fields for each in bench.notes if each.event == "a token was judged without the cloud"]
    own, other = shown(HASHER.hash("CARD-1")), shown(HASHER.hash("STRANGER"))
    assert told == [
        {"station": STATION, "token": own, "accepted": True, "reason": "one of the site's own"},
        {"station": STATION, "token": other, "accepted": False, "reason": "unknown"},
    ]


@pytest.mark.parametrize("edition", [Edition.V16, Edition.V201])
def test_the_log_says_whose_card_a_begin_was_refused_for(edition: Edition) -> None:
    """Some stations ask for no Authorize: a driver's fault is looked for in the same place."""
    bench = alone(edition)
    if edition.is_v2:
        bench.event("Started", 0, "CARD-1")
        bench.event("Started", 0, "STRANGER", transaction="tx-2")
    else:
        bench.start()
        bench.start(tag="STRANGER", connector=2)
    told = [each.fields for each in bench.notes if each.event == "a token was judged without the cloud"]
    other = shown(HASHER.hash("STRANGER"))
    assert told == [{"station": STATION, "token": other, "accepted": False, "reason": "unknown"}]


def record(bench: Bench) -> Session:
    """The one session's record."""
    (found,) = bench.disk.sessions.values()
    return found


def energy(register: int) -> dict[str, Any]:
    """The meter values of an event of 2.x."""
    stamp = NOON.isoformat()
    return {"meterValue": [{"timestamp": stamp, "sampledValue": [{"value": register}]}]}


def test_a_session_of_1_6_is_in_the_registry_and_nowhere_else() -> None:
    """Boot, card, begin, samples and end are answered at once; afterwards there is one record and no message."""
    bench = alone()
    bench.call("BootNotification", {"chargePointVendor": "V", "chargePointModel": "M"})
    assert bench.answered[2]["status"] == "Accepted"
    bench.call("Heartbeat", {})
    assert set(bench.answered[2]) == {"currentTime"}
    bench.call("StatusNotification", {"connectorId": 1, "errorCode": "NoError", "status": "Available"})
    bench.call("Authorize", {"idTag": "CARD-1"})
    assert bench.answered[2] == {"idTagInfo": {"status": "Accepted"}}
    bench.start(meter=100)
    number = bench.answered[2]["transactionId"]
    assert (number >= 1 << 30, bench.answered[2]["idTagInfo"]) == (True, {"status": "Accepted"})
    bench.meter(number, "150")
    assert bench.answered[2] == {}
    bench.call("MeterValues", {"connectorId": 1, "meterValue": []})
    bench.call("DataTransfer", {"vendorId": "V"})  # nobody knows any vendor (OCPP 1.6 §4.3)
    assert bench.answered[2] == {"status": "UnknownVendorId"}
    bench.stop(number, 700)
    assert (bench.disk.entries, bench.to_cloud, len(bench.desk.book.backlog)) == ({}, [], 0)
    assert (record(bench).energy_wh, record(bench).transaction) == (Decimal(600), str(number))
    assert record(bench).ended_at is not None
    assert [each.verdict.accepted for each in bench.judged] == [True]


@pytest.mark.parametrize("edition", [Edition.V201, Edition.V21])
def test_a_session_of_2_x_is_in_the_registry_and_nowhere_else(edition: Edition) -> None:
    """Likewise; a notice is answered and gone."""
    bench = alone(edition)
    bench.event("Started", 0, "CARD-1", evse={"id": 1}, **energy(1000))
    assert bench.answered[2]["idTokenInfo"] == {"status": "Accepted"}
    bench.event("Updated", 1, **energy(1200))
    assert bench.answered[2] == {}
    bench.call("NotifyEvent", {"generatedAt": NOON.isoformat(), "seqNo": 0, "eventData": []})
    bench.call("SecurityEventNotification", {"type": "x", "timestamp": NOON.isoformat()})
    bench.event("Ended", 2, **energy(2000))
    assert (bench.disk.entries, bench.to_cloud) == ({}, [])
    assert (record(bench).energy_wh, record(bench).evse) == (Decimal(1000), 1)
    assert record(bench).ended_at is not None


def test_nobody_is_waited_for() -> None:
    """A card that nobody knows is refused at once, a boot accepted: no cloud is on its way, and no time is passing."""
    bench = alone()
    bench.call("Authorize", {"idTag": "NOBODY"})
    assert bench.answered[2] == {"idTagInfo": {"status": "Invalid"}}
    bench.start(tag="NOBODY")
    assert bench.answered[2]["idTagInfo"] == {"status": "Invalid"}
    assert (bench.state(), bench.desk.rests) == (DeskState.AWAY, True)


def test_an_unknown_card_gets_what_the_policy_gives_it() -> None:
    """And no more: the session is ended when that is taken."""
    bench = alone(unknown=UnknownTokens.LIMIT)
    bench.start(tag="NOBODY", meter=0)
    number = bench.answered[2]["transactionId"]
    bench.meter(number, "4000")
    assert bench.ended == []
    bench.meter(number, "5000")
    assert [each.transaction for each in bench.ended] == [str(number)]


def test_a_sample_costs_the_disk_nothing() -> None:
    """Of an hour of samples what is written is the record at each new quarter, and no transaction again."""
    bench = alone(Edition.V201)
    bench.event("Started", 0, "CARD-1", evse={"id": 1})
    before = len(bench.disk.written)
    for order in range(1, 361):
        bench.times.now += 10
        sample = {"timestamp": bench.times.wall.isoformat(), "sampledValue": [{"value": 1000 + order}]}
        bench.event("Updated", order, evse={"id": 1}, meterValue=[sample])
    since = bench.disk.written[before:]
    assert len(since) <= 5
    assert not any(isinstance(each, PutTransaction) for each in since)
    assert not any("missing" in note.event for note in bench.notes)


@pytest.mark.parametrize("edition", [Edition.V16, Edition.V201])
def test_a_kill_in_the_midst_loses_and_doubles_nothing(edition: Edition) -> None:
    """Each message is said again after the restart, as its station does that has heard no answer."""
    bench = alone(edition)
    said = [bench.event] if edition.is_v2 else []
    begin: Any = lambda: bench.event("Started", 0, "CARD-1", evse={"id": 1}, **energy(100)) if said else bench.start()  # noqa: E731
    begin()
    first = bench.answered[2]
    bench.restart(has_cloud=False, own=OWN)
    begin()
    assert bench.answered[2] == first
    number = bench.answered[2].get("transactionId", 0)
    for _ in range(2):
        bench.event("Ended", 1, **energy(900)) if said else bench.stop(number, 900)
        bench.restart(has_cloud=False, own=OWN)
    assert record(bench).energy_wh == Decimal(800)
    assert bench.disk.entries == {}


def test_no_number_is_given_twice() -> None:
    """Not through restarts either, though no message is kept that has one."""
    bench, numbers = alone(), []
    for turn in range(5):
        bench.times.now += 60
        bench.start(meter=turn)
        numbers.append(bench.answered[2]["transactionId"])
        bench.stop(numbers[-1], turn + 1)
        bench.restart(has_cloud=False, own=OWN)
    assert len(set(numbers)) == 5


def test_a_cloud_that_comes_later_is_told_boot_and_states_and_no_session_of_before() -> None:
    """A session that runs when the site gets its cloud stays the site's to its end; the next one is the cloud's."""
    bench = alone()
    bench.call("BootNotification", {"chargePointVendor": "V", "chargePointModel": "M"})
    bench.call("StatusNotification", {"connectorId": 1, "errorCode": "NoError", "status": "Charging"})
    bench.start(meter=100)
    number = bench.answered[2]["transactionId"]
    bench.restart(has_cloud=True, own=OWN)
    bench.do(bench.desk.station_connected(Edition.V16))
    bench.cloud_comes()
    assert bench.asked[2] == "BootNotification"
    bench.cloud_answers({"status": "Accepted", "currentTime": NOON.isoformat(), "interval": 300})
    assert bench.asked[2] == "StatusNotification"
    bench.cloud_answers({})
    assert bench.state() is DeskState.ONLINE
    told = len(bench.to_cloud)
    sample = {"timestamp": NOON.isoformat(), "sampledValue": [{"value": "300"}]}
    values = {"connectorId": 1, "transactionId": number, "meterValue": [sample]}
    assert not bench.passes("MeterValues", values, "m1")
    bench.call("MeterValues", values)
    assert bench.answered[2] == {}
    more = {
        "timestamp": NOON.isoformat(),
        "sampledValue": [{"value": "310"}],
    }  # of the same quarter-hour
    assert not bench.passes("MeterValues", values | {"meterValue": [more]}, "m2")
    bench.stop(number, 700)
    assert bench.answered[2] == {}
    bench.stop(number, 700)
    assert (len(bench.to_cloud), bench.disk.entries) == (told, {})
    assert record(bench).energy_wh == Decimal(600)
    bench.times.now += 60
    bench.start(meter=700)
    assert bench.asked[2] == "StartTransaction"
    bench.cloud_answers({"transactionId": 7, "idTagInfo": {"status": "Accepted"}})
    assert bench.answered[2]["transactionId"] == 7
    assert bench.passes("MeterValues", values | {"transactionId": 7}, "m2")


def test_a_session_of_2_x_that_runs_when_a_cloud_comes_stays_the_sites() -> None:
    """Its events are answered here, also a card that is shown late; an id that is used again is the cloud's."""
    bench = alone(Edition.V201)
    bench.event("Started", 0, evse={"id": 1}, **energy(100))
    bench.restart(has_cloud=True, own=OWN)
    bench.do(bench.desk.station_connected(Edition.V201))
    bench.cloud_comes()
    bench.event("Updated", 1, "CARD-1", **energy(200))
    assert bench.answered[2]["idTokenInfo"] == {"status": "Accepted"}
    bench.event("Ended", 2, **energy(900))
    assert (bench.to_cloud, bench.disk.entries, record(bench).energy_wh) == ([], {}, Decimal(800))
    bench.times.now += 60
    bench.event("Started", 0, "CARD-1", evse={"id": 1})
    assert bench.asked[2] == "TransactionEvent"


def test_what_was_kept_for_a_cloud_stays_and_is_delivered_when_there_is_one_again() -> None:
    """With the end of a session that had begun for it, though that came when the site had none."""
    bench = Bench()
    bench.cloud_goes()
    bench.start(meter=100)
    number = bench.answered[2]["transactionId"]
    bench.restart(has_cloud=False, own=OWN)
    bench.do(bench.desk.station_connected(Edition.V16))
    bench.meter(number, "300")
    bench.stop(number, 700)
    bench.times.now += 60
    bench.start(meter=700)
    bench.stop(bench.answered[2]["transactionId"], 800)
    assert [entry.action for entry in bench.disk.entries.values()] == [
        "StartTransaction",
        "MeterValues",
        "StopTransaction",
    ]
    bench.restart(has_cloud=True, own=OWN)
    bench.do(bench.desk.station_connected(Edition.V16))
    bench.cloud_comes()
    bench.cloud_answers({"transactionId": 7, "idTagInfo": {"status": "Accepted"}})
    bench.cloud_answers({})
    assert (bench.asked[2], bench.asked[3]["transactionId"], bench.asked[3]["meterStop"]) == ("StopTransaction", 7, 700)
    bench.cloud_answers({})
    assert bench.disk.entries == {}


def test_a_station_that_a_cloud_had_put_off_is_let_in() -> None:
    """That cloud is gone: its Pending would keep the station out for good. Should it come back, its word holds anew."""
    bench = Bench()
    bench.cloud_comes()
    bench.call("BootNotification", {"chargePointVendor": "V", "chargePointModel": "M"})
    bench.cloud_answers({"status": "Pending", "currentTime": NOON.isoformat(), "interval": 30})
    bench.restart(has_cloud=False, own=OWN)
    bench.do(bench.desk.station_connected(Edition.V16))
    bench.call("BootNotification", {"chargePointVendor": "V", "chargePointModel": "M"})
    assert (bench.answered[2]["status"], bench.answered[2]["interval"]) == ("Accepted", 300)


def test_what_a_former_cloud_said_of_a_card_binds_nobody() -> None:
    """Neither its acceptance, which nobody would bill, nor its block of a card that the site knows."""
    bench = alone()
    kept = [
        CachedToken(hash=HASHER.hash(text), info=TokenInfo(status=status), learned_at=NOON)
        for text, status in (("ROAMER", TokenStatus.ACCEPTED), ("CARD-1", TokenStatus.BLOCKED))
    ]
    bench.tokens.load(cached=kept, own=OWN)
    bench.call("Authorize", {"idTag": "ROAMER"})
    assert bench.answered[2]["idTagInfo"]["status"] == "Invalid"
    bench.call("Authorize", {"idTag": "CARD-1"})
    assert bench.answered[2]["idTagInfo"]["status"] == "Accepted"


def test_an_end_that_names_no_transaction_is_answered_and_told() -> None:
    """It is kept for nobody: no cloud could be told of it."""
    bench = alone()
    bench.call("StopTransaction", {"transactionId": -1, "meterStop": 5, "timestamp": NOON.isoformat()})
    assert (bench.answered[0], bench.disk.entries) == (3, {})
    assert [note.event for note in bench.notes if note.level == "error"] == ["a message counts nowhere"]


def test_an_end_without_its_number_ends_the_one_that_runs_also_when_a_cloud_has_come() -> None:
    """A station whose begin was answered too late calls its transaction -1."""
    bench = alone()
    bench.start(meter=100)
    bench.restart(has_cloud=True, own=OWN)
    bench.do(bench.desk.station_connected(Edition.V16))
    bench.cloud_comes()
    bench.call("StopTransaction", {"transactionId": -1, "meterStop": 500, "timestamp": NOON.isoformat()})
    assert (bench.answered[0], bench.to_cloud, record(bench).energy_wh) == (3, [], Decimal(400))


def test_only_a_cloud_can_answer_some_and_none_is_set_aside() -> None:
    """What nobody here can know is refused as while a cloud is away."""
    bench = alone(Edition.V201)
    bench.call("Get15118EVCertificate", {"iso15118SchemaVersion": "2", "action": "Install", "exiRequest": ""})
    assert (bench.answered[0], bench.answered[3]) == (
        4,
        "only a cloud can answer Get15118EVCertificate, and none is there",
    )
    bench.call("SignCertificate", {"csr": "x", "certificateType": "V2GCertificate"})
    assert bench.answered[2] == {"status": "Rejected"}
    assert not any(entry.state is EntryState.SET_ASIDE for entry in bench.disk.entries.values())
    assert bench.desk.book.id == STATION

"""The desk and its peers: boots, states, a cloud that is slow, 2.x, tokens, ids in both directions."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from edge.ocpp.versions import Version
from edge.offline.authorise import UnknownTokens
from edge.offline.backlog import BREAKS_MOST
from edge.offline.desk import DeskState
from edge.offline.edition import Edition
from edge.offline.message import Request
from edge.offline.settings import OfflineSettings
from tests.unit.ocpp.ocpp_bench import is_valid
from tests.unit.offline.offline_bench import Bench, token

ACCEPTED = {"idTagInfo": {"status": "Accepted"}}


def test_a_boot_without_a_cloud_is_accepted_and_told_first() -> None:
    """Faults 2 and 3: also by a gateway that has restarted in between; the boot reaches the cloud before all else."""
    bench = Bench()
    bench.restart()
    bench.call("BootNotification", {"chargePointVendor": "v", "chargePointModel": "m"}, "boot-1")
    assert bench.answered[2]["status"] == "Accepted"
    bench.start()
    bench.restart()
    bench.cloud_comes()
    assert bench.asked[1:3] == ["boot-1", "BootNotification"]
    bench.cloud_answers({"status": "Accepted", "currentTime": "2026-06-01T12:00:00Z", "interval": 600})
    assert bench.asked[2] == "StartTransaction"
    bench.cloud_goes()
    bench.call("BootNotification", {"chargePointVendor": "v", "chargePointModel": "m"})
    assert bench.answered[2]["interval"] == 600


def test_a_station_that_the_cloud_doesnt_take_in_stays_in_our_care() -> None:
    """A pending boot holds everything back until the cloud accepts it."""
    bench = Bench()
    bench.call("BootNotification", {"chargePointVendor": "v", "chargePointModel": "m"})
    bench.start()
    bench.cloud_comes()
    bench.cloud_answers({"status": "Pending", "currentTime": "2026-06-01T12:00:00Z", "interval": 30})
    assert bench.state() is DeskState.AWAY
    bench.call("Heartbeat", {})
    assert len(bench.to_cloud) == 1
    bench.tick(31.0)
    assert bench.asked[2] == "BootNotification"
    bench.cloud_answers({"status": "Accepted", "currentTime": "2026-06-01T12:00:00Z", "interval": 30})
    assert bench.asked[2] == "StartTransaction"


def test_only_the_newest_status_of_a_connector_is_told() -> None:
    """StatusNotification: one for each connector, not all of three days."""
    bench = Bench()
    for connector, status in ((1, "Preparing"), (2, "Available"), (1, "Charging")):
        bench.call("StatusNotification", {"connectorId": connector, "errorCode": "NoError", "status": status})
    bench.restart()
    bench.cloud_comes()
    told = []
    for _ in range(2):
        told.append((bench.asked[3]["connectorId"], bench.asked[3]["status"]))
        bench.cloud_answers({})
    assert sorted(told) == [(1, "Charging"), (2, "Available")]
    assert bench.state() is DeskState.ONLINE


def test_after_two_timeouts_the_cloud_is_spared_and_then_probed() -> None:
    """Fault 10: the breaker opens, the station is answered at once, a Heartbeat of ours tries again."""
    bench = Bench()
    bench.cloud_comes()
    for _ in range(2):
        bench.call("Heartbeat", {})
        bench.tick(16.0)
    sent = len(bench.to_cloud)
    assert bench.state() is DeskState.AWAY
    bench.call("Heartbeat", {})
    assert len(bench.to_station) == 3
    assert len(bench.to_cloud) == sent
    bench.tick(31.0)
    assert bench.asked[2:] == ["Heartbeat", {}]
    bench.cloud_answers({"currentTime": "2026-06-01T12:00:00Z"})
    assert bench.state() is DeskState.ONLINE
    assert len(bench.to_station) == 3


def test_our_own_calls_never_have_an_id_again() -> None:
    """After a restart a cloud that remembers ids would take a question about one card for that about another."""
    bench = Bench()
    identifiers = []
    for _ in range(2):
        bench.restart()
        for card in ("STRANGER-1", "STRANGER-2"):
            bench.do(bench.desk.station_connected(bench.edition))
            bench.start(tag=card)
            bench.cloud_comes()
            assert bench.asked[2:] == ["Authorize", {"idTag": card}]
            identifiers.append(bench.asked[1])
            bench.cloud_goes()
            bench.tick(10.0)
    assert len(set(identifiers)) == 4
    assert max(len(each) for each in identifiers) <= 36


def test_a_message_that_alone_is_never_answered_is_deferred() -> None:
    """A poison message that hangs the cloud's handler doesn't block those behind it."""
    bench = Bench(settings=OfflineSettings(drain_interval_s=0.0, attempts=2))
    bench.meter(5, "poison")
    bench.meter(5, "fine")
    bench.cloud_comes()
    for _ in range(400):
        bench.tick(5.0)
        asked = bench.asked
        if asked[2] == "Heartbeat" and asked[1] not in answered_ids(bench):
            bench.cloud_answers({}, asked[1])
        if "fine" in bench.to_cloud[-1]:
            break
    assert [entry.reason for entry in bench.disk.deferred] == ["the cloud answers others, and not this one"]


def answered_ids(bench: Bench) -> set[str]:
    """Ids that went to the station as answers."""
    return {answer[1] for answer in bench.to_station}


def test_v2_events_are_delivered_in_sequence_with_offline_set() -> None:
    """Fault 9, E04.FR.03: ordered by seqNo, a gap is told, ids untouched; a repetition is kept once."""
    bench = Bench(Edition.V201)
    bench.event("Started", 0, "CARD-1")
    assert bench.answered[2] == {"idTokenInfo": {"status": "Accepted"}}
    bench.event("Ended", 3)
    bench.event("Updated", 1)
    bench.event("Updated", 1)
    assert any(note.event == "sequence numbers are missing" for note in bench.notes)
    bench.cloud_comes()
    for _ in range(3):
        bench.cloud_answers({})
    sent = [json.loads(text)[3] for text in bench.to_cloud]
    assert [event["seqNo"] for event in sent] == [0, 1, 3]
    assert all(event["offline"] is True for event in sent)
    assert not bench.disk.entries


def test_a_signed_event_is_delivered_as_it_came() -> None:
    """Part 4 §7: not one byte of it may change."""
    bench = Bench(Edition.V201)
    text = '[2,"x",{"a":1},"TransactionEvent-Signed",{"payload":"e30","protected":"","signature":""}]'
    payload = {"eventType": "Started", "seqNo": 0, "transactionInfo": {"transactionId": "t"}}
    bench.raw(Request(id="x", action="TransactionEvent", payload=payload, text=text, signed=True))
    bench.cloud_comes()
    assert bench.to_cloud == [text]


def test_all_signed_events_of_a_session_are_delivered_as_they_came() -> None:
    """Also one whose number was taken before, or that has none, as its station counts anew or not at all."""
    bench = Bench(Edition.V201)
    texts = []
    for number, (kind, order) in enumerate((("Started", 0), ("Updated", 1), ("Updated", 1), ("Ended", None))):
        at = f"2026-06-01T12:0{number}:00Z"
        payload = {"eventType": kind, "seqNo": order, "timestamp": at, "transactionInfo": {"transactionId": "t"}}
        texts.append(json.dumps([2, f"x{number}", "TransactionEvent-Signed", {"payload": "e30", "protected": kind}]))
        bench.raw(Request(id=f"x{number}", action="TransactionEvent", payload=payload, text=texts[-1], signed=True))
    bench.cloud_comes()
    for _ in texts:
        bench.cloud_answers({})
    assert bench.to_cloud == texts
    assert not bench.disk.entries


def test_the_badge_sets_the_sessions_class_online_and_offline() -> None:
    """The director's badge charges fast at any post, whoever lets it in."""
    for online in (False, True):
        bench = Bench(own=(token("CARD-1", class_id="director", cost_centre="4711"),))
        if online:
            bench.cloud_comes()
        bench.start()
        if online:
            bench.cloud_answers({"transactionId": 3, **ACCEPTED})
        assert [(j.verdict.class_id, j.verdict.cost_centre) for j in bench.judged] == [("director", "4711")]


def test_a_card_blocked_on_site_is_refused_though_the_cloud_accepts() -> None:
    """Fault 58: at once, at the next session and in the running one."""
    bench = Bench()
    bench.cloud_comes()
    bench.start()
    bench.cloud_answers({"transactionId": 3, **ACCEPTED})
    bench.tokens.load(own=(token("CARD-1", blocked=True),))
    bench.do(bench.desk.recheck(bench.times.wall))
    assert [(end.transaction, end.reason) for end in bench.ended] == [("3", "blocked on site")]
    bench.call("Authorize", {"idTag": "card-1"})
    bench.cloud_answers(ACCEPTED)
    assert bench.answered[2] == {"idTagInfo": {"status": "Blocked"}}


def test_an_unknown_card_is_let_in_up_to_an_energy_by_policy() -> None:
    """AllowOfflineTxForUnknownId, with MaxEnergyOnInvalidId in spirit; 2.1 is told the limit."""
    bench = Bench(Edition.V21, own=(), unknown=UnknownTokens.LIMIT)
    bench.event("Started", 0, "STRANGER")
    assert bench.answered[2]["transactionLimit"] == {"maxEnergy": 5000.0}
    assert [judged.verdict.energy_limit_wh for judged in bench.judged] == [5000.0]


def test_what_the_cloud_said_of_a_token_holds_without_it() -> None:
    """The cache: expiry, parent and status of the last answer."""
    bench = Bench(own=())
    bench.cloud_comes()
    bench.call("Authorize", {"idTag": "ABC"})
    info = {"status": "Accepted", "expiryDate": "2026-06-02T12:00:00.000Z", "parentIdTag": "P"}
    bench.cloud_answers({"idTagInfo": info})
    bench.cloud_goes()
    bench.call("Authorize", {"idTag": "abc"})
    assert bench.answered[2] == {"idTagInfo": info}
    bench.times.now += 2 * 86_400
    bench.call("Authorize", {"idTag": "ABC"})
    assert bench.answered[2]["idTagInfo"]["status"] == "Expired"


def test_the_clouds_calls_name_the_transaction_as_the_station_does() -> None:
    """RemoteStopTransaction and SetChargingProfile are translated; other ids pass."""
    bench = Bench()
    bench.start()
    local = bench.answered[2]["transactionId"]
    bench.cloud_comes()
    bench.cloud_answers({"transactionId": 9, **ACCEPTED})
    stop = Request(
        id="c",
        action="RemoteStopTransaction",
        payload={"transactionId": 9},
        text='[2,"c","RemoteStopTransaction",{"transactionId":9}]',
    )
    assert json.loads(bench.desk.to_station(stop))[3] == {"transactionId": local}
    payload = {"connectorId": 1, "csChargingProfiles": {"transactionId": 9}}
    profile = Request(
        id="c", action="SetChargingProfile", payload=payload, text=json.dumps([2, "c", "SetChargingProfile", payload])
    )
    assert json.loads(bench.desk.to_station(profile))[3]["csChargingProfiles"]["transactionId"] == local
    other = Request(
        id="c",
        action="RemoteStopTransaction",
        payload={"transactionId": 8},
        text='[2,"c","RemoteStopTransaction",{"transactionId":8}]',
    )
    assert bench.desk.to_station(other) == other.text


def test_an_id_of_the_cloud_that_the_station_has_from_us_already_is_replaced() -> None:
    """Two transactions of a station never have one id."""
    bench = Bench()
    bench.start()
    local = bench.answered[2]["transactionId"]
    bench.stop(local)
    bench.cloud_comes()
    bench.cloud_answers({"transactionId": 9, **ACCEPTED})
    bench.cloud_answers({})
    bench.times.now += 60.0
    bench.start(meter=500)
    bench.cloud_answers({"transactionId": local, **ACCEPTED})
    given = bench.answered[2]["transactionId"]
    assert given != local
    bench.stop(given, meter=600)
    assert bench.asked[3]["transactionId"] == local


@pytest.mark.parametrize("number", [1, 9])
def test_an_id_that_the_cloud_gives_anew_is_that_of_the_newest_session(number: int) -> None:
    """A cloud that counts anew: its calls reach the session that runs, after a restart of the gateway too."""
    bench = Bench()
    bench.cloud_comes()
    for meter in (100, 500, 900):
        bench.times.now += 60.0
        bench.start(meter=meter)
        bench.cloud_answers({"transactionId": number, **ACCEPTED})
        given = bench.answered[2]["transactionId"]
        if meter < 900:
            bench.stop(given, meter=meter + 100)
            bench.cloud_answers({})
    text = f'[2,"c","RemoteStopTransaction",{{"transactionId":{number}}}]'
    stop = Request(id="c", action="RemoteStopTransaction", payload={"transactionId": number}, text=text)
    for _ in range(2):
        assert json.loads(bench.desk.to_station(stop))[3] == {"transactionId": given}
        bench.restart()


def test_a_station_that_went_with_its_start_under_way_gets_one_session() -> None:
    """The Start is delivered all the same; sent again after the reconnect it is answered, not kept again."""
    bench = Bench()
    bench.cloud_comes()
    bench.start()
    bench.do(bench.desk.station_gone())
    bench.start()
    local = bench.answered[2]["transactionId"]
    bench.cloud_comes()
    bench.cloud_answers({"transactionId": 6, **ACCEPTED})
    bench.stop(local)
    assert bench.asked[3]["transactionId"] == 6
    assert [json.loads(text)[2] for text in bench.to_cloud].count("StartTransaction") == 2


def test_a_vendors_call_that_only_the_cloud_understands_is_refused() -> None:
    """An honest error."""
    bench = Bench(Edition.V201)
    bench.call("Get15118EVCertificate", {})
    assert bench.answered[0] == 4
    assert bench.answered[3] == "only a cloud can answer Get15118EVCertificate, and none is there"


def test_old_transactions_are_forgotten() -> None:
    """Retention: 60 days after its end nothing of it is kept."""
    bench = Bench()
    bench.start()
    bench.stop(bench.answered[2]["transactionId"])
    bench.cloud_comes()
    bench.cloud_answers({"transactionId": 6, **ACCEPTED})
    bench.cloud_answers({})
    bench.times.now += 61 * 86_400
    bench.do(bench.desk.forget_old(bench.times.wall))
    assert bench.disk.transactions == {}


def test_a_session_that_began_before_the_clock_was_set_is_not_old() -> None:
    """A gateway that began in 1970 has the time later: what runs hasn't run for half a century, and its end needs the
    cloud's number."""
    bench = Bench()
    bench.times.stepped = datetime(1970, 1, 2, tzinfo=UTC) - bench.times.wall
    bench.start()
    local = bench.answered[2]["transactionId"]
    bench.cloud_comes()
    bench.cloud_answers({"transactionId": 6, **ACCEPTED})
    bench.times.stepped = timedelta(0)
    bench.do(bench.desk.forget_old(bench.times.wall))
    bench.stop(local)
    assert bench.asked[3]["transactionId"] == 6


def test_a_message_asked_twice_and_then_given_up_is_delivered_under_its_own_id() -> None:
    """The newer call gets the answer, the journal has the older frame: its answer is known again."""
    bench = Bench(Edition.V201)
    bench.cloud_comes()
    bench.event("Updated", 4)
    bench.event("Updated", 4)
    bench.cloud_goes()
    assert [answer[1] for answer in bench.to_station] == ["s2"]
    bench.cloud_comes()
    bench.cloud_answers({}, "s1")
    assert bench.state() is DeskState.ONLINE


@pytest.mark.parametrize("online", [True, False])
def test_the_card_that_is_shown_after_the_cable_ranks_the_session_and_no_other_does(online: bool) -> None:
    """2.x E03: Started without a token, then the badge; a stranger's card changes nothing of the session."""
    bench = Bench(Edition.V201, own=(token("BADGE", class_id="staff"),))
    accepted = {"idTokenInfo": {"status": "Accepted"}}
    if online:
        bench.cloud_comes()
    bench.event("Started", 0)
    if online:
        bench.cloud_answers({})
    bench.event("Updated", 1, "BADGE")
    if online:
        bench.cloud_answers(accepted)
    bench.event("Updated", 2, "STRANGER")
    if online:
        bench.cloud_answers({"idTokenInfo": {"status": "Invalid"}})
    assert [(judged.transaction, judged.verdict.class_id) for judged in bench.judged] == [("tx-1", "staff")]


def test_a_message_that_breaks_the_connection_each_time_is_deferred() -> None:
    """A cloud may close on one that is too long for it (1009), for ever; those behind it go on, and the connection has
    its time before it is tried again."""
    bench = Bench()
    bench.meter(5, "poison")
    bench.meter(5, "fine")
    for _ in range(BREAKS_MOST):
        assert bench.disk.deferred == []
        bench.cloud_comes()
        assert "poison" in bench.to_cloud[-1]
        bench.cloud_goes()
        bench.tick(5.0)
    assert [entry.reason for entry in bench.disk.deferred] == [
        "the connection to the cloud broke each time that it was sent"
    ]
    bench.cloud_comes()
    assert "fine" in bench.to_cloud[-1]
    bench.cloud_answers({})
    bench.tick(60.0 * BREAKS_MOST - 1.0)
    assert "fine" in bench.to_cloud[-1]
    bench.tick(1.0)
    assert "poison" in bench.to_cloud[-1]
    bench.cloud_goes()
    bench.cloud_comes()
    assert bench.to_cloud[-1].count("poison") == 1
    bench.tick(60.0 * BREAKS_MOST)
    assert bench.disk.set_aside == []
    assert len(bench.to_cloud) == BREAKS_MOST + 2


def test_a_line_that_flaps_sets_nothing_aside() -> None:
    """Between messages, before an answer now and then, because the station itself went: that says nothing of them."""
    bench = Bench()
    bench.meter(5, "first")
    for _ in range(3 * BREAKS_MOST):
        bench.cloud_comes()
        bench.do(bench.desk.station_gone())
        bench.do(bench.desk.station_connected(bench.edition))
    for _ in range(BREAKS_MOST - 1):
        bench.cloud_comes()
        bench.cloud_goes()
    bench.cloud_comes()
    bench.cloud_answers({})
    assert list(bench.disk.entries.values()) == []
    for number in range(3 * BREAKS_MOST):
        bench.meter(5, str(number))
        bench.cloud_goes()
        bench.cloud_comes()
        bench.cloud_answers({})
    assert bench.disk.set_aside == []


def test_what_a_station_that_goes_leaves_unanswered_is_answered_for() -> None:
    """It is ours to answer from then on, which the disk is told, so that it has its copy."""
    bench = Bench(Edition.V16)
    bench.cloud_comes()
    bench.start()
    assert [entry.answered for entry in bench.disk.entries.values()] == [False]
    bench.do(bench.desk.station_gone())
    assert [entry.answered for entry in bench.disk.entries.values()] == [True]


@pytest.mark.parametrize(("before", "after"), [(Edition.V16, Edition.V201), (Edition.V201, Edition.V16)])
def test_what_was_kept_in_another_edition_holds_nothing_up(before: Edition, after: Edition) -> None:
    """A station that was updated or replaced while its cloud was away: what its new connection can't carry is set aside
    at once, for a person to see, and not tried again and again before each message of the sessions since.
    """
    bench = Bench(before)
    bench.do(bench.desk.station_connected(before))
    if before is Edition.V16:
        bench.start()
        local = bench.answered[2]["transactionId"]
        bench.meter(local)
        bench.stop(local)
    else:
        bench.event("Started", 0, "CARD-1", evse={"id": 1})
        bench.event("Ended", 1)
    bench.call("DataTransfer", {"vendorId": "both have it"})
    bench.do(bench.desk.station_gone())
    bench.do(bench.desk.station_connected(after))
    bench.cloud_comes()
    assert [json.loads(text)[2] for text in bench.to_cloud] == ["DataTransfer"]
    kept = 3 if before is Edition.V16 else 2
    why = f"it is of another edition of OCPP than its station speaks now, {after}"
    what = "no resending helps; what a session took is in edge report sessions"
    assert [entry.reason for entry in bench.disk.set_aside] == [f"{why}: {what}"] * kept


@pytest.mark.parametrize(("before", "after"), [(Edition.V201, Edition.V21), (Edition.V21, Edition.V201)])
def test_what_was_kept_in_2_0_1_and_2_1_is_delivered_in_either(before: Edition, after: Edition) -> None:
    """Their events are alike but for what 2.1 has more: they go as they are, and each session reaches the cloud."""
    bench = Bench(before)
    bench.do(bench.desk.station_connected(before))
    bench.event("Started", 0, "CARD-1", evse={"id": 1})
    bench.event("Ended", 1)
    bench.do(bench.desk.station_gone())
    bench.do(bench.desk.station_connected(after))
    bench.cloud_comes()
    for kind in ("Started", "Ended"):
        assert (bench.asked[2], bench.asked[3]["eventType"]) == ("TransactionEvent", kind)
        assert is_valid("TransactionEvent", bench.asked[3], Version(after.value))
        bench.cloud_answers({})
    assert (bench.disk.entries, bench.state()) == ({}, DeskState.ONLINE)


@pytest.mark.parametrize("edition", Edition)
@pytest.mark.parametrize(
    ("tag", "code", "good"),
    [
        ("CARD-1", "InternalError", True),
        ("CARD-1", "GenericError", True),
        ("CARD-1", "FormationViolation", False),
        ("CARD-9", "InternalError", False),
    ],
)
def test_a_cloud_that_fails_to_judge_a_token_locks_nobody_out(
    edition: Edition, tag: str, code: str, good: bool
) -> None:
    """Its socket is up, its database isn't. A token that is known to be good here is let in; of others, and of what the
    cloud finds wrong with the question, the station gets the cloud's own error."""
    bench = Bench(edition, unknown=UnknownTokens.LIMIT)
    bench.cloud_comes()
    payload = {"idToken": {"idToken": tag, "type": "ISO14443"}} if edition.is_v2 else {"idTag": tag}
    asked = bench.call("Authorize", payload)
    bench.cloud_refuses(code)
    name = "idTokenInfo" if edition.is_v2 else "idTagInfo"
    assert bench.answered == ([3, asked, {name: {"status": "Accepted"}}] if good else [4, asked, code, "", {}])


def test_a_late_message_of_more_members_than_any_has_goes_as_it_is_or_is_set_aside() -> None:
    """An event names its transaction, ``offline`` or not; an end under a number of ours would be that of another."""
    rubbish: dict[str, Any] = {f"m{n}": n for n in range(2_000)}
    bench = Bench(Edition.V201)
    bench.event("Started", 0, "CARD-1", **rubbish)
    bench.cloud_comes()
    assert "offline" not in bench.asked[3]
    bench.cloud_answers({})
    bench = Bench(Edition.V16)
    bench.start()
    stop = {**rubbish, "transactionId": bench.answered[2]["transactionId"], "meterStop": 9, "timestamp": "x"}
    bench.call("StopTransaction", stop)
    bench.cloud_comes()
    bench.cloud_answers({"transactionId": 5, "idTagInfo": {"status": "Accepted"}})
    (aside,) = bench.disk.set_aside
    assert (aside.action, len(bench.to_cloud)) == ("StopTransaction", 1)
    assert aside.reason == "the cloud's number can't be put into it: more members than any message has"


BOOT_V2 = {"reason": "PowerUp", "chargingStation": {"vendorName": "V", "model": "M"}}
BOOT_V16 = {"chargePointVendor": "V", "chargePointModel": "M"}
STATE_V2 = {"timestamp": "2026-06-01T12:00:00Z", "evseId": 1, "connectorId": 1, "connectorStatus": "Available"}
STATE_V16 = {"connectorId": 1, "errorCode": "NoError", "status": "Available"}
VENDORS = ("DataTransfer", {"vendorId": "both have it"})


@pytest.mark.parametrize(
    ("calls", "is_v2"),
    [
        ([("NotifyEvent", {})], True),
        ([("NotifyEvent", {}), VENDORS], True),
        ([("BootNotification", BOOT_V2), VENDORS], True),
        ([("StatusNotification", STATE_V2), VENDORS], True),
        ([("BootNotification", BOOT_V16), VENDORS], False),
        ([("StatusNotification", STATE_V16), VENDORS], False),
        ([("NotifyEvent", {}), ("DiagnosticsStatusNotification", {"status": "Idle"})], False),
        ([VENDORS], False),
    ],
)
def test_what_a_station_has_left_tells_its_edition(calls: list[tuple[str, dict[str, Any]]], is_v2: bool) -> None:
    """After a restart of the gateway, while the station is away: its cloud is dialled in that, and what 2.x alone has
    is set aside in 1.6. Of several the newest counts, should the station have been replaced."""
    bench = Bench()
    for action, payload in calls:
        bench.do(
            bench.desk.station_connected(Edition.V16 if action == "DiagnosticsStatusNotification" else Edition.V201)
        )
        bench.cloud_goes()
        bench.call(action, payload)
    bench.restart()
    assert bench.desk.book.edition.is_v2 is is_v2


@pytest.mark.parametrize("trigger", ["Authorized", "RemoteStart", "StopAuthorized", "Deauthorized", "RemoteStop"])
def test_who_charges_is_not_thinned_out(trigger: str) -> None:
    """Where the cable comes before the card (2.x E02, F02), the token is in an event between begin and end: samples
    make room, that one stays. So does the one by which a driver ends his charging, and leaves the car there (E07)."""
    bench = Bench(Edition.V201, settings=OfflineSettings(backlog_characters=3_000, drain_interval_s=0.0))
    bench.event("Started", 0, evse={"id": 1})
    for order in range(1, 40):
        bench.times.now += 10.0
        more = {"triggerReason": trigger} if order % 4 == 2 else {"triggerReason": "MeterValuePeriodic"}
        bench.event("Updated", order, "CARD-1" if order % 4 == 2 else None, **more)
    left = [json.loads(entry.text)[3] for entry in bench.disk.entries.values()]
    assert [event["seqNo"] for event in left if event["triggerReason"] == trigger][-10:] == list(range(2, 40, 4))
    assert len(left) < 30


def stops(bench: Bench, number: int) -> Any:
    """The transaction that the station is asked to stop where the cloud says this number."""
    payload = {"transactionId": number}
    text = json.dumps([2, "c", "RemoteStopTransaction", payload])
    request = Request(id="c", action="RemoteStopTransaction", payload=payload, text=text)
    return json.loads(bench.desk.to_station(request))[3]["transactionId"]


@pytest.mark.parametrize("number", [0, -1])
@pytest.mark.parametrize("restarts", [False, True])
def test_a_cloud_that_counts_from_0_can_stop_its_transaction(number: int, restarts: bool) -> None:
    """The number that it gave is hidden behind one of ours, which is what the station knows; with a cloud that is
    there, and one that was away at the begin."""
    for is_away in (False, True):
        bench = Bench()
        if is_away:
            bench.start()
            bench.cloud_comes()
        else:
            bench.cloud_comes()
            bench.start()
        bench.cloud_answers({"transactionId": number, **ACCEPTED})
        local = bench.answered[2]["transactionId"]
        assert local > 0
        if restarts:
            bench.restart()
        assert stops(bench, number) == local


def test_of_two_that_a_cloud_calls_alike_the_one_that_runs_is_meant() -> None:
    """Whatever is heard of the other: its end may be told to the cloud, or written again, when the next one runs."""
    bench = Bench()
    bench.cloud_comes()
    bench.start()
    bench.cloud_answers({"transactionId": 0, **ACCEPTED})
    first = bench.answered[2]["transactionId"]
    bench.start(connector=2)
    bench.cloud_answers({"transactionId": 0, **ACCEPTED})
    second = bench.answered[2]["transactionId"]
    assert first != second
    bench.stop(first)
    bench.cloud_answers({})
    bench.start(connector=1)
    bench.cloud_answers({"transactionId": 5, **ACCEPTED})
    assert stops(bench, 0) == second
    bench.restart()
    assert stops(bench, 0) == second

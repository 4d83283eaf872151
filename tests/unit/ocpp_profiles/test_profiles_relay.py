"""The cloud's profiles on the way through the relay."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from edge.domain.site import Mode
from edge.domain.station import CloudLimit, SessionBegan
from edge.ocpp.actions import Action, Note
from edge.ocpp.arbiter import CLOUD_QUEUE, CLOUD_TIMEOUT_S
from edge.ocpp.relay import Relay
from edge.ocpp.settings import CloudLoss
from edge.ocpp.shelf import Done
from edge.ocpp.versions import Version
from tests.unit.ocpp.ocpp_bench import NOON, Bench, Step, call, error, evse, result, stamp, station
from tests.unit.ocpp_profiles.profile_bench import V16, V21, V201, period, profile
from tests.unit.ocpp_profiles.test_profiles_desk import Shelf as KeepingShelf

TEN = period(0, 10)


def connected(**settings: Any) -> Bench:
    """A station with its cloud, past our questions."""
    bench = Bench(**settings)
    bench.connect()
    return bench


def cloud_limits(step: Step) -> dict[int, float | None]:
    """What was reported of the cloud's limits, by EVSE."""
    return {fact.key.evse: fact.limit_a for fact in step.facts if isinstance(fact, CloudLimit)}


def sent(texts: list[str]) -> list[Any]:
    """Messages as JSON."""
    return [json.loads(text) for text in texts]


def test_a_profile_is_kept_answered_and_told_to_the_control() -> None:
    """The station never sees it; Clear takes it away."""
    bench = connected()
    payload = {"connectorId": 1, "csChargingProfiles": profile(V16, "default", TEN)}
    step = bench.cloud_says(call("1", "SetChargingProfile", payload))
    assert (step.down, sent(step.up)) == ([], [[3, "1", {"status": "Accepted"}]])
    assert cloud_limits(bench.wait(0.5)) == {1: 10.0}
    assert cloud_limits(bench.wait(0.5)) == {}
    step = bench.cloud_says(call("2", "ClearChargingProfile"))
    assert (step.down, sent(step.up)) == ([], [[3, "2", {"status": "Accepted"}]])
    assert cloud_limits(bench.wait(0.5)) == {1: None}


def test_a_malformed_profile_is_a_call_error() -> None:
    """With the code of the version, and nothing goes down."""
    bench = connected()
    step = bench.cloud_says(call("1", "SetChargingProfile", {"connectorId": 9, "csChargingProfiles": {}}))
    assert step.down == []
    assert sent(step.up) == [[4, "1", "PropertyConstraintViolation", "connectorId 9 doesn't exist", {}]]


def test_a_remote_start_goes_down_without_its_profile() -> None:
    """Under the cloud's id; the station's answer goes up as it is; the profile holds when the transaction starts."""
    bench = connected()
    start = {"connectorId": 1, "idTag": "X", "chargingProfile": profile(V16, "tx", TEN)}
    step = bench.cloud_says(call("r", "RemoteStartTransaction", start))
    assert sent(step.down) == [[2, "r", "RemoteStartTransaction", {"connectorId": 1, "idTag": "X"}]]
    answer = result("r", {"status": "Accepted"})
    assert bench.station_says(answer).up == [answer]
    assert cloud_limits(bench.wait(0.5)) == {}
    step = bench.station_says(call("s", "StartTransaction", {"connectorId": 1, "idTag": "X"}))
    assert cloud_limits(step) == {1: 10.0}
    bench.cloud_says(result("s", {"transactionId": 7, "idTagInfo": {"status": "Accepted"}}))
    step = bench.station_says(call("t", "StopTransaction", {"transactionId": 7}))
    assert cloud_limits(step) == {1: None}
    assert cloud_limits(bench.wait(0.5)) == {}


def test_a_remote_start_that_the_station_refuses_leaves_nothing() -> None:
    """Whether it answers Rejected or with a CALLERROR."""
    for answer in (result("r", {"status": "Rejected"}), error("r")):
        bench = connected()
        start = {"connectorId": 1, "idTag": "X", "chargingProfile": profile(V16, "tx", TEN)}
        bench.cloud_says(call("r", "RemoteStartTransaction", start))
        bench.station_says(answer)
        step = bench.station_says(call("s", "StartTransaction", {"connectorId": 1, "idTag": "X"}))
        assert cloud_limits(step) == {}


@pytest.mark.parametrize("why", ["the cloud goes", "the station goes", "the line isn't free", "too many wait"])
def test_a_remote_start_that_never_went_down_leaves_nothing(why: str) -> None:
    """Who comes with that card to that connector was not started by the cloud."""
    bench = connected()
    start = {"connectorId": 1, "idTag": "X", "chargingProfile": profile(V16, "tx", TEN)}
    for number in range(CLOUD_QUEUE + 1 if why == "too many wait" else 1):
        bench.cloud_says(call(f"b{number}", "UnlockConnector", {"connectorId": 1}))  # the station thinks about it
    assert bench.cloud_says(call("r", "RemoteStartTransaction", start)).down == []
    if why == "the cloud goes":
        bench.lose_cloud()
    elif why == "the station goes":
        bench.lose_station()
        bench.connect()
    else:
        bench.wait(CLOUD_TIMEOUT_S)
    step = bench.station_says(call("s", "StartTransaction", {"connectorId": 1, "idTag": "X"}))
    assert cloud_limits(step) == {}


def test_a_remote_start_that_was_asked_holds_though_the_cloud_goes() -> None:
    """The station accepts it just then, and begins."""
    bench = connected()
    start = {"connectorId": 1, "idTag": "X", "chargingProfile": profile(V16, "tx", TEN)}
    bench.cloud_says(call("r", "RemoteStartTransaction", start))
    bench.lose_cloud()
    assert bench.station_says(result("r", {"status": "Accepted"})).up == []
    step = bench.station_says(call("s", "StartTransaction", {"connectorId": 1, "idTag": "X"}))
    assert cloud_limits(step) == {1: 10.0}


@pytest.mark.parametrize("connector", [{"connectorId": 1}, {}])
@pytest.mark.parametrize("accepted", [True, False])
def test_a_start_without_a_profile_takes_the_place_of_one_that_came_to_nothing(
    connector: dict[str, int], accepted: bool
) -> None:
    """Nobody plugged in; minutes later the cloud asks for the same card, and sets no limit this time. The station
    starts what it was asked for last (1.6 §5.11), unless it refuses that."""
    bench = connected()
    start = {"idTag": "X", **connector}
    bench.cloud_says(call("r", "RemoteStartTransaction", start | {"chargingProfile": profile(V16, "tx", TEN)}))
    bench.station_says(result("r", {"status": "Accepted"}))
    bench.wait(300.0)
    bench.cloud_says(call("r2", "RemoteStartTransaction", start))
    bench.station_says(result("r2", {"status": "Accepted" if accepted else "Rejected"}))
    step = bench.station_says(call("s", "StartTransaction", {"connectorId": 1, "idTag": "X"}))
    assert cloud_limits(step) == ({} if accepted else {1: 10.0})


def test_a_start_without_a_profile_leaves_those_of_others() -> None:
    """Another card at another connector, or at any: what waits for X at connector 1 waits on."""
    bench = connected()
    start = {"connectorId": 1, "idTag": "X", "chargingProfile": profile(V16, "tx", TEN)}
    bench.cloud_says(call("r", "RemoteStartTransaction", start))
    bench.station_says(result("r", {"status": "Accepted"}))
    for number, other in enumerate(({"connectorId": 2, "idTag": "X"}, {"idTag": "Y"})):
        bench.cloud_says(call(f"o{number}", "RemoteStartTransaction", other))
        bench.station_says(result(f"o{number}", {"status": "Accepted"}))
    step = bench.station_says(call("s", "StartTransaction", {"connectorId": 1, "idTag": "X"}))
    assert cloud_limits(step) == {1: 10.0}


@pytest.mark.parametrize("version", [V201, V21])
def test_a_start_of_a_transaction_that_runs_already(version: Version) -> None:
    """The cable was first (F02): the station names the transaction in its answer, and not every one repeats the
    remoteStartId in the next event."""
    bench = connected(version=version)
    event = {"triggerReason": "CablePluggedIn", "seqNo": 0, "timestamp": stamp(bench.wall)}
    info = {"transactionInfo": {"transactionId": "tx"}}
    bench.station_says(call("s", "TransactionEvent", event | info | {"eventType": "Started", "evse": {"id": 1}}))
    raw = profile(version, "tx", period(0, 8))
    start = {"evseId": 1, "remoteStartId": 5, "idToken": {"idToken": "X", "type": "Central"}, "chargingProfile": raw}
    bench.cloud_says(call("r", "RequestStartTransaction", start))
    bench.station_says(result("r", {"status": "Accepted", "transactionId": "tx"}))
    step = bench.station_says(call("u", "TransactionEvent", event | info | {"eventType": "Updated"}))
    assert cloud_limits(step) == {1: 8.0}


@pytest.mark.parametrize("version", [V201, V21])
def test_a_profile_is_told_with_the_session_that_it_is_for(version: Version) -> None:
    """In one step: no tick of the control falls in between, which would let a car begin that is to wait."""
    bench = connected(version=version)
    raw = profile(version, "tx", period(0, 0))
    start = {"evseId": 1, "remoteStartId": 5, "idToken": {"idToken": "X", "type": "Central"}, "chargingProfile": raw}
    bench.cloud_says(call("r", "RequestStartTransaction", start))
    bench.station_says(result("r", {"status": "Accepted"}))
    bench.wait(0.5)
    info = {"transactionId": "tx", "remoteStartId": 5}
    event = {"eventType": "Started", "triggerReason": "RemoteStart", "seqNo": 0, "timestamp": stamp(bench.wall)}
    step = bench.station_says(call("s", "TransactionEvent", event | {"transactionInfo": info, "evse": {"id": 1}}))
    assert cloud_limits(step) == {1: 0.0}
    assert any(isinstance(fact, SessionBegan) for fact in step.facts)


def test_while_observing_profiles_pass_like_everything_else() -> None:
    """The very text, in both directions."""
    bench = connected(mode=Mode.OBSERVE)
    payload = {"connectorId": 1, "csChargingProfiles": profile(V16, "default", TEN)}
    start = {"connectorId": 1, "idTag": "X", "chargingProfile": profile(V16, "tx", TEN)}
    for action, body in (
        ("SetChargingProfile", payload),
        ("ClearChargingProfile", {}),
        ("GetCompositeSchedule", {"connectorId": 1, "duration": 60}),
        ("RemoteStartTransaction", start),
    ):
        text = call(action, action, body)
        step = bench.cloud_says(text)
        assert (step.down, step.up) == ([text], [])
    assert cloud_limits(bench.wait(0.5)) == {}


def reporting() -> tuple[Bench, list[Any]]:
    """A 2.0.1 station whose cloud has set two levels of profiles on two EVSEs and asks for them: the bench, and the
    first report's message."""
    bench = Bench(evse(1), evse(2), version=V201)
    bench.connect()
    for number in (1, 2):
        raw = profile(V201, "default", TEN, number=number)
        bench.cloud_says(call(f"p{number}", "SetChargingProfile", {"evseId": number, "chargingProfile": raw}))
    step = bench.cloud_says(call("g", "GetChargingProfiles", {"requestId": 5, "chargingProfile": {}}))
    answer, report = sent(step.up)
    assert answer == [3, "g", {"status": "Accepted"}]
    return bench, report


def test_reports_follow_one_at_a_time_and_their_answers_stay_here() -> None:
    """2.x K09: after the answer, each when the one before has been answered; the station hears nothing of it."""
    bench, report = reporting()
    assert report[:1] + report[2:3] == [2, "ReportChargingProfiles"]
    assert (report[3]["evseId"], report[3]["tbc"]) == (1, True)
    step = bench.cloud_says(result(report[1]))
    assert step.down == []
    ((_, identifier, action, payload),) = sent(step.up)
    assert (action, payload["evseId"], payload["tbc"]) == ("ReportChargingProfiles", 2, False)
    step = bench.cloud_says(result(identifier))
    assert (step.down, step.up) == ([], [])


def test_a_stations_call_waits_for_the_answer_to_ours() -> None:
    """2.x part 4 §4.1.1: at most one CALL is outstanding toward the cloud; then it goes up as it was."""
    bench, report = reporting()
    heartbeat = call("h", "Heartbeat")
    assert bench.station_says(heartbeat).up == []
    step = bench.cloud_says(result(report[1]))
    assert step.up == [heartbeat]
    answer = result("h", {"currentTime": "2026-06-01T12:00:00Z"})
    step = bench.cloud_says(answer)
    assert step.down == [answer]
    assert [message[2] for message in sent(step.up)] == ["ReportChargingProfiles"]


def test_a_cloud_that_never_answers_a_report_holds_nobody_up() -> None:
    """Ours is given up after 30 s, and what waited goes on; its late answer is nobody's."""
    bench, report = reporting()
    heartbeat = call("h", "Heartbeat")
    bench.station_says(heartbeat)
    step = bench.wait(30.0)
    assert heartbeat in step.up
    assert bench.cloud_says(result(report[1])).down == []


def test_reports_are_forgotten_with_the_cloud() -> None:
    """A new connection starts with nothing outstanding."""
    bench, _ = reporting()
    bench.lose_cloud()
    bench.find_cloud()
    heartbeat = call("h", "Heartbeat")
    assert bench.station_says(heartbeat).up == [heartbeat]


class Shelf:
    """A shelf whose text is rubbish."""

    def load(self, station: str) -> str | None:
        return f"rubbish of {station}"

    def save(self, station: str, text: str, done: Done) -> None:
        raise AssertionError(f"nothing is to be saved of {station}: {text}, {done}")

    def set_aside(self, station: str) -> None:
        assert station == "CP-01"


class SlowShelf(Shelf):
    """An empty shelf on which a text is when :attr:`done` has been called."""

    def load(self, station: str) -> str | None:  # noqa: ARG002 - there is one
        return None

    def save(self, station: str, text: str, done: Done) -> None:  # noqa: ARG002
        self.done = done


def controlled(shelf: Shelf) -> Bench:
    """A bench whose relay has that shelf."""
    bench = Bench()
    bench.relay = Relay(
        station=station(),
        nominal_voltage_v=230.0,
        mode=Mode.CONTROL,
        cloud_loss=CloudLoss.AUTONOMOUS,
        nonce="0123456789ab",
        shelf=shelf,
    )
    return bench


def waiting() -> tuple[Bench, SlowShelf, list[Action]]:
    """The cloud has set a profile, and the disk takes its time; what is to be done when it is there."""
    shelf = SlowShelf()
    bench = controlled(shelf)
    bench.connect()
    late: list[Action] = []
    bench.relay.outbox.on_late = lambda: late.extend(bench.relay.outbox.empty())
    default = profile(V16, "default", period(0, 10))
    step = bench.cloud_says(call("p", "SetChargingProfile", {"connectorId": 1, "csChargingProfiles": default}))
    assert step.actions == []
    return bench, shelf, late


def test_an_answer_waits_for_the_disk() -> None:
    """All else goes on; the answer goes out when the profile is there, though nothing else happens."""
    bench, shelf, late = waiting()
    heartbeat = call("h", "Heartbeat")
    assert bench.station_says(heartbeat).up == [heartbeat]
    shelf.done(None)
    assert [json.loads(text) for text in Step(late).up] == [[3, "p", {"status": "Accepted"}]]
    assert [fact.limit_a for fact in bench.wait(0.5).facts if isinstance(fact, CloudLimit)] == [10.0]


def test_an_answer_that_waited_is_for_whoever_asked() -> None:
    """The connection on which the cloud asked is over: the next one hears nothing of it; the profile holds."""
    bench, shelf, late = waiting()
    bench.lose_cloud()
    bench.find_cloud()
    shelf.done(None)
    assert late == []
    assert [fact.limit_a for fact in bench.wait(0.5).facts if isinstance(fact, CloudLimit)] == [10.0]


def test_a_clear_for_the_station_waits_its_turn() -> None:
    """Behind a profile that isn't on the disk yet: what isn't known here passes on when it was looked for. Not to a
    station that has gone meanwhile."""
    clear = call("c", "ClearChargingProfile", {"id": 12})
    for stays in (True, False):
        bench, shelf, late = waiting()
        assert bench.cloud_says(clear).actions == []
        if not stays:
            bench.lose_station()
        shelf.done(None)
        assert Step(late).down == ([clear] if stays else [])


def test_a_damaged_file_is_told_once() -> None:
    """As an error in the log, with what it means."""
    bench = controlled(Shelf())
    notes = [*bench.wait(0.5).notes, *bench.wait(0.5).notes]
    assert len(notes) == 1
    assert notes[0].startswith("the kept charging profiles are lost")


def test_a_drivers_wish_for_priority_is_followed() -> None:
    """2.1 K22: told by the station, which doesn't hold the cloud's profile, and has no limit of its own."""
    bench = connected(version=V21)
    for number, purpose, amps in ((1, "default", 10), (2, "PriorityCharging", 24)):
        one = profile(V21, purpose, period(0, amps), number=number)
        bench.cloud_says(call(f"s{number}", "SetChargingProfile", {"evseId": 1, "chargingProfile": one}))
    event = {"eventType": "Started", "timestamp": stamp(bench.wall), "triggerReason": "Authorized", "seqNo": 0}
    info = {"transactionId": "T-1", "chargingState": "Charging"}
    step = bench.station_says(call("e", "TransactionEvent", {**event, "transactionInfo": info, "evse": {"id": 1}}))
    assert cloud_limits(step) == {1: 10.0}
    wish = call("n", "NotifyPriorityCharging", {"transactionId": "T-1", "activated": True})
    step = bench.station_says(wish)
    assert step.up == [wish]
    assert cloud_limits(step) | cloud_limits(bench.wait(0.5)) == {1: 24.0}


def unset(**settings: Any) -> Bench:
    """A gateway whose clock says 1970."""
    bench = Bench(witness=False, **settings)
    bench.stepped = datetime(1970, 1, 1, tzinfo=UTC) - bench.wall
    return bench


def test_without_a_clock_schedules_count_by_what_the_cloud_says() -> None:
    """What began an hour ago has begun, though it is 1970 here; and what is set to end ends."""
    bench = unset()
    bench.connect()
    bench.station_says(call("h", "Heartbeat"))
    bench.cloud_says(result("h", {"currentTime": stamp(NOON)}))
    one = profile(V16, "default", TEN, start=stamp(NOON - timedelta(hours=1)), schedule={"duration": 3660})
    bench.cloud_says(call("s", "SetChargingProfile", {"connectorId": 1, "csChargingProfiles": one}))
    assert cloud_limits(bench.wait(0.5)) == {1: 10.0}
    assert cloud_limits(bench.wait(50.0)) == {}
    assert cloud_limits(bench.wait(10.0)) == {1: None}


def test_without_a_clock_and_a_cloud_what_was_set_holds() -> None:
    """After a restart nobody knows the time: it is no earlier than when the newest profile was set."""
    shelf = KeepingShelf()
    before = Bench(shelf=shelf)
    before.connect()
    one = profile(V16, "default", TEN, start=stamp(NOON - timedelta(hours=1)))
    before.cloud_says(call("s", "SetChargingProfile", {"connectorId": 1, "csChargingProfiles": one}))
    bench = unset(shelf=shelf)
    assert cloud_limits(bench.wait(0.5)) == {1: 10.0}


def test_what_a_cloud_has_set_that_the_site_no_longer_has_binds_nobody() -> None:
    """Nobody could clear it. It is still there for a cloud that comes, to which it is what the one before had set; what
    happens meanwhile changes nothing of it."""
    shelf = KeepingShelf()
    before = Bench(shelf=shelf)
    before.connect()
    one = profile(V16, "default", TEN)
    before.cloud_says(call("s", "SetChargingProfile", {"connectorId": 1, "csChargingProfiles": one}))
    kept, saves = shelf.kept, shelf.saves
    alone = Bench(shelf=shelf, has_cloud=False)
    (note,) = [each for each in alone.wait(0.0).actions if isinstance(each, Note)]
    assert (note.level, "don't bind" in note.event) == ("info", True)
    alone.connect(cloud=False)
    assert cloud_limits(alone.wait(0.5)) == {}
    alone.station_says(
        call("b", "StatusNotification", {"connectorId": 1, "errorCode": "NoError", "status": "Charging"})
    )
    alone.wait(60.0)
    assert (shelf.kept, shelf.saves) == (kept, saves)
    again = Bench(shelf=shelf)
    assert cloud_limits(again.wait(0.5)) == {1: 10.0}


def test_where_there_is_no_cloud_a_stations_profiles_of_one_are_cleared() -> None:
    """They are of a cloud that was there before: they don't go on limiting, and the station is rid of them."""
    bench = Bench(version=V201, has_cloud=False)
    bench.connect(cloud=False, settled=False)
    step = bench.wait(1.0)
    while not step.down or step.own_call[1] != "GetChargingProfiles":
        step = bench.station_says(result(step.own_call[0])) if step.down else bench.wait(1.0)
    identifier, _, payload = step.own_call
    bench.station_says(result(identifier, {"status": "Accepted"}))
    held = profile(V201, "default", TEN, number=12)
    report = {"requestId": payload["requestId"], "chargingLimitSource": "CSO", "evseId": 1, "chargingProfile": [held]}
    told = bench.station_says(call("r", "ReportChargingProfiles", report)).down
    assert json.loads(told[-1])[2:] == ["ClearChargingProfile", {"chargingProfileId": 12}]
    assert cloud_limits(bench.wait(0.5)) == {}

"""The relay's state machine: frames in, frames out."""

import json
from datetime import timedelta
from typing import Any

import pytest

from edge.domain.site import Mode
from edge.domain.station import CloudLink, StationOffline, StationOnline
from edge.ocpp.actions import CloseStation, Note, PassBinary
from edge.ocpp.arbiter import CLOUD_QUEUE
from edge.ocpp.farewell import Farewell
from edge.ocpp.presence import RelayState
from edge.ocpp.relay import REST_S
from edge.ocpp.settings import CloudLoss
from edge.ocpp.unreadable import Unreadable
from edge.ocpp.versions import Version
from tests.unit.ocpp.ocpp_bench import ID, NOON, Bench, Step, call, error, limit, result, stamp
from tests.unit.ocpp.slow_disk import SlowDisk
from tests.unit.ocpp_profiles.profile_bench import period, profile

HEARTBEAT = call("h", "Heartbeat")


def test_station_and_cloud_come_and_go() -> None:
    """Each transition, with its facts and its line in the log."""
    bench = Bench()
    assert bench.relay.state is RelayState.OFFLINE
    step = bench.connect(cloud=False, settled=False)
    assert (bench.relay.state, step.notes) == (RelayState.CLOUD_AWAY, ["station connected"])
    assert step.facts == [StationOnline(station=ID, at=bench.now)]
    step = bench.find_cloud()
    assert (bench.relay.state, step.notes) == (RelayState.RELAYING, ["cloud connected"])
    assert step.facts == [CloudLink(station=ID, at=bench.now, connected=True)]
    step = bench.lose_cloud()
    assert (bench.relay.state, step.notes) == (RelayState.CLOUD_AWAY, ["cloud is away"])
    assert step.facts == [CloudLink(station=ID, at=bench.now, connected=False)]
    bench.now += 42.0
    assert bench.find_cloud().notes == ["cloud is back after 42 s"]
    step = bench.lose_station()
    assert (bench.relay.state, step.notes) == (RelayState.OFFLINE, ["station is gone"])
    assert step.facts == [
        CloudLink(station=ID, at=bench.now, connected=False),
        StationOffline(station=ID, at=bench.now),
    ]


def test_a_station_without_its_cloud_goes_alone() -> None:
    """No cloud link is reported lost that wasn't there."""
    bench = Bench()
    bench.connect(cloud=False)
    assert bench.lose_station().facts == [StationOffline(station=ID, at=bench.now)]


@pytest.mark.parametrize("mode", list(Mode))
def test_frames_are_forwarded_as_they_came(mode: Mode) -> None:
    """CALLs and answers in both directions, the very text, whatever the mode; unknown actions too."""
    bench = Bench(mode=mode)
    bench.connect()
    for text in (HEARTBEAT, call("v", "VendorSpecial", ["ä", 1e-7]), '[2,"x","NoPayload"]'):
        assert bench.station_says(text).up == [text]
    for text in (result("h", {"currentTime": "now"}), error("v")):
        assert bench.cloud_says(text).down == [text]
    for answer in (result("r", {"status": "Accepted"}), error("r")):
        text = call("r", "Reset", {"type": "Soft"})
        assert bench.cloud_says(text).down == [text]
        assert bench.station_says(answer).up == [answer]


def test_calls_of_both_sides_cross() -> None:
    """A CALL of the station doesn't wait for its answer to the cloud's."""
    bench = Bench()
    bench.connect()
    bench.cloud_says(call("r", "Reset"))
    assert bench.station_says(HEARTBEAT).up == [HEARTBEAT]
    assert bench.cloud_says(result("h")).down == [result("h")]
    assert bench.station_says(result("r")).up == [result("r")]


def test_the_clouds_calls_wait_for_the_line() -> None:
    """The second goes out when the first is answered, by a result or an error."""
    bench = Bench()
    bench.connect()
    texts = [call(str(n), "Reset") for n in range(3)]
    assert bench.cloud_says(texts[0]).down == [texts[0]]
    assert bench.cloud_says(texts[1]).down == []
    assert bench.cloud_says(texts[2]).down == []
    step = bench.station_says(result("0"))
    assert (step.up, step.down) == ([result("0")], [texts[1]])
    step = bench.station_says(error("1"))
    assert (step.up, step.down) == ([error("1")], [texts[2]])


def test_in_observe_mode_nothing_waits() -> None:
    """A wire has no queue and no questions of its own, and it passes what it doesn't understand."""
    bench = Bench(mode=Mode.OBSERVE)
    bench.connect(settled=False)
    assert bench.wait(60.0).down == []
    for text in (call("1", "Reset"), call("2", "SetChargingProfile"), "rubbish"):
        assert bench.cloud_says(text).down == [text]
    for text in (result("2"), result("never asked"), "rubbish"):
        assert bench.station_says(text).up == [text]


def test_in_observe_mode_whatever_is_unreadable_passes() -> None:
    """However much of it, text or binary; the log has it now and then, of either side."""
    bench = Bench(mode=Mode.OBSERVE)
    bench.connect(settled=False)
    steps = [bench.station_says("rubbish") for _ in range(3 * Unreadable.MOST)]
    assert all(step.up == ["rubbish"] and step.closes == [] for step in steps)
    assert [len(step.notes) for step in steps] == [1, *[0] * (len(steps) - 1)]
    assert PassBinary(b"\x00", to_station=False) in bench.station_says(b"\x00").actions
    assert PassBinary(b"\x01", to_station=True) in bench.cloud_says(b"\x01").actions


def test_in_observe_mode_the_station_hears_how_its_cloud_left() -> None:
    """Where its connection ends with its cloud's."""
    bench = Bench(mode=Mode.OBSERVE, cloud_loss=CloudLoss.TRANSPARENT)
    bench.connect(settled=False)
    actions = bench.relay.cloud_disconnected(bench.now, "it left", Farewell(code=4000, reason="moved"))
    assert CloseStation(4000, "moved") in actions


def test_a_full_queue_refuses() -> None:
    """The cloud hears of it by a CALLERROR."""
    bench = Bench()
    bench.connect()
    for number in range(CLOUD_QUEUE + 1):  # one is on the line
        bench.cloud_says(call(str(number), "Reset"))
    (text,) = bench.cloud_says(call("last", "Reset")).up
    assert json.loads(text)[:3] == [4, "last", "GenericError"]


def test_a_silent_station_blocks_nobody() -> None:
    """After 30 s the line is free; the log tells it once, and tells when the station answers again."""
    bench = Bench()
    bench.connect()
    bench.cloud_says(call("1", "Reset"))
    bench.now += 20.0
    bench.cloud_says(call("2", "Reset"))
    step = bench.wait(10.0)
    assert (step.down, step.up, step.notes) == ([call("2", "Reset")], [], ["station doesn't answer"])
    bench.cloud_says(call("3", "Reset"))
    step = bench.wait(30.0)
    assert step.notes == []
    assert json.loads(step.up[0])[:3] == [4, "3", "GenericError"]  # it waited as long as the cloud waits
    assert bench.station_says(result("2")).notes == ["station answers again after 30 s"]


def test_a_late_answer_still_reaches_the_cloud() -> None:
    """A wire would have passed it: the cloud may wait longer than we do."""
    bench = Bench()
    bench.connect()
    bench.cloud_says(call("1", "Reset"))
    bench.wait(30.0)
    assert bench.station_says(result("1")).up == [result("1")]
    assert bench.station_says(result("1")).up == []


@pytest.mark.parametrize("waits", [False, True])
def test_a_late_answer_isnt_taken_for_that_to_a_newer_call_of_its_id(*, waits: bool) -> None:
    """The cloud uses an id again, while its first CALL is on the line or after that was given up: it has the answer to
    the newer one, and only that."""
    bench = Bench()
    bench.connect()
    newer = call("1", "GetConfiguration")
    bench.cloud_says(call("1", "Reset"))
    bench.wait(20.0)
    down = bench.cloud_says(newer).down if waits else []
    down += bench.wait(10.0).down
    down += bench.cloud_says(newer).down if not waits else []
    (text,) = down
    below = json.loads(text)[1]
    assert below != "1"
    assert bench.station_says(result("1", {"status": "Accepted"})).up == []
    (up,) = bench.station_says(result(below, {"unknownKey": []})).up
    assert json.loads(up) == [3, "1", {"unknownKey": []}]


@pytest.mark.parametrize("answer", [result("x"), error("x"), result("edge-from-before-the-restart-1")])
def test_an_answer_to_nothing_is_dropped(answer: str) -> None:
    """It may belong to a CALL of ours from before a restart: the cloud must not see it."""
    bench = Bench()
    bench.connect()
    step = bench.station_says(answer)
    assert (step.up, step.down, step.notes) == ([], [], ["dropped an answer of the station"])


def test_the_newest_call_is_held_while_the_cloud_is_away() -> None:
    """A newer one of the station means that it gave up the older; the last goes up when the cloud is back."""
    bench = Bench()
    bench.connect(cloud=False)
    assert bench.station_says(call("1", "Heartbeat")).up == []
    assert bench.station_says(call("2", "Heartbeat")).notes == ["station gave up a call that waited for the cloud"]
    assert bench.find_cloud().up == [call("2", "Heartbeat")]
    assert bench.cloud_says(result("2")).down == [result("2")]
    bench.lose_cloud()
    assert bench.find_cloud().up == []


def test_a_call_that_went_up_is_not_repeated() -> None:
    """The station repeats it by its own rules."""
    bench = Bench()
    bench.connect()
    bench.station_says(call("1", "StartTransaction", {"connectorId": 1}))
    bench.lose_cloud()
    assert bench.find_cloud().up == []
    # An answer that can only belong to the lost connection begins no session.
    assert bench.cloud_says(result("1", {"transactionId": 5, "idTagInfo": {"status": "Accepted"}})).facts == []


def test_a_second_answer_of_the_cloud_is_dropped() -> None:
    """Each CALL is answered once; what answers nothing is dropped too. Both are counted, and told with their reason."""
    bench = Bench()
    bench.connect()
    bench.station_says(HEARTBEAT)
    assert bench.cloud_says(result("h")).down == [result("h")]
    for answer in (result("h"), error("h"), result("never asked")):
        step = bench.cloud_says(answer)
        assert (step.down, step.up, step.notes) == ([], [], ["dropped an answer of the cloud"])
    assert bench.figures.dropped_of_cloud == 3
    bench.station_says(HEARTBEAT)  # under the id of before: that is a CALL of its own
    assert bench.cloud_says(error("h")).down == [error("h")]


def test_two_calls_of_one_id_get_two_answers() -> None:
    """A station that repeats itself without waiting for the first answer: as a wire would have it."""
    bench = Bench()
    bench.connect()
    for _ in range(2):
        assert bench.station_says(HEARTBEAT).up == [HEARTBEAT]
    for _ in range(2):
        assert bench.cloud_says(result("h")).down == [result("h")]
    assert bench.cloud_says(result("h")).down == []


@pytest.mark.parametrize("later_s", [0.0, 31.0, 600.0])
def test_a_late_answer_of_the_cloud_still_reaches_the_station(later_s: float) -> None:
    """It may wait longer than others do; once."""
    bench = Bench()
    bench.connect()
    bench.station_says(HEARTBEAT)
    bench.wait(later_s)
    assert bench.cloud_says(result("h")).down == [result("h")]
    assert bench.cloud_says(result("h")).down == []


def test_an_answer_over_the_next_connection_still_reaches_the_station() -> None:
    """But none over the station's own next one, where it has asked nothing."""
    bench = Bench()
    bench.connect()
    bench.station_says(HEARTBEAT)
    bench.lose_cloud()
    bench.find_cloud()
    assert bench.cloud_says(result("h")).down == [result("h")]
    bench.station_says(HEARTBEAT)
    bench.lose_station()
    bench.connect()
    assert bench.cloud_says(result("h")).down == []


def test_in_observe_mode_every_answer_passes() -> None:
    """A wire keeps no books."""
    bench = Bench(mode=Mode.OBSERVE)
    bench.connect(settled=False)
    bench.station_says(HEARTBEAT)
    for answer in (result("h"), result("h"), error("never asked"), result("edge-0123456789ab-u1")):
        assert bench.cloud_says(answer).down == [answer]
    assert bench.figures.dropped_of_cloud == 0


def test_what_is_held_goes_with_the_station() -> None:
    """A new connection of the station begins with nothing of the old."""
    bench = Bench()
    bench.connect(cloud=False)
    bench.station_says(HEARTBEAT)
    bench.lose_station()
    assert bench.connect().up == []


def test_facts_are_copied_while_the_cloud_is_away() -> None:
    """The control goes on seeing the station."""
    bench = Bench()
    bench.connect(cloud=False)
    payload = {"connectorId": 1, "status": "Charging", "errorCode": "NoError"}
    assert len(bench.station_says(call("n", "StatusNotification", payload)).facts) == 1


def test_the_clouds_waiting_calls_go_with_it() -> None:
    """They never went out, and a cloud that is back doesn't expect them; nor an answer to the one that did."""
    bench = Bench()
    bench.connect()
    bench.cloud_says(call("1", "Reset"))
    bench.cloud_says(call("2", "Reset"))
    bench.lose_cloud()
    bench.find_cloud()
    step = bench.station_says(result("1"))
    assert (step.up, step.down) == ([], [])
    assert bench.cloud_says(call("3", "Reset")).down == [call("3", "Reset")]


def test_an_answer_while_the_cloud_is_away_frees_the_line() -> None:
    """It has nowhere to go, and the limit behind it goes out."""
    bench = Bench()
    bench.connect()
    bench.cloud_says(call("1", "Reset"))
    bench.lose_cloud()
    assert bench.write(limit()).down == []
    step = bench.station_says(result("1"))
    assert step.up == []
    assert step.own_call[1] == "SetChargingProfile"


def test_transparent_mode_closes_the_station() -> None:
    """OCPP 2.x part 4 §6.3: upstream lost, station closed."""
    bench = Bench(cloud_loss=CloudLoss.TRANSPARENT)
    bench.connect()
    assert bench.lose_cloud().closes == [1001]
    autonomous = Bench()
    autonomous.connect()
    assert autonomous.lose_cloud().closes == []


@pytest.mark.parametrize("text", ["hello", b"\x00", "[5]", '{"a":1}'])
def test_unreadable_text_is_noted_and_dropped(text: str | bytes) -> None:
    """One line, and the link is kept."""
    bench = Bench()
    bench.connect()
    step = bench.station_says(text)
    assert (step.up, step.down, step.closes) == ([], [], [])
    assert step.notes == ["unreadable text from the station"]
    step = bench.cloud_says(text)
    assert (step.up, step.down, step.notes) == ([], [], ["unreadable text from the cloud"])
    assert bench.cloud_says(text).notes == []  # once, not for every frame


def test_control_characters_of_a_station_pass_escaped() -> None:
    """A cloud can read them so. One that only observes changes nothing."""
    text = '[2,"7","DataTransfer",{"vendorId":"V\x00\x01"}]'
    bench = Bench()
    bench.connect()
    step = bench.station_says(text)
    assert ([json.loads(each)[3] for each in step.up], step.notes) == ([{"vendorId": "V\0\x01"}], [])
    observing = Bench(mode=Mode.OBSERVE)
    observing.connect()
    assert observing.station_says(text).up == [text]


def test_a_flood_of_unreadable_text_ends_the_link() -> None:
    """Twenty within a minute; a station with a bad habit is kept."""
    bench = Bench()
    bench.connect()
    for _ in range(3 * Unreadable.MOST):
        bench.now += 4.0
        assert bench.station_says("hello").closes == []
    bench.now += 61.0
    closes = [bench.station_says("hello").closes for _ in range(Unreadable.MOST)]
    assert closes == [[]] * (Unreadable.MOST - 1) + [[1008]]
    rest = [bench.station_says("hello") for _ in range(1000)]  # what was on its way already
    assert not any(step.notes or step.closes or step.down for step in rest)
    bench.connect()
    assert bench.station_says("hello").closes == []


@pytest.mark.parametrize("mode", Mode)
def test_unreadable_text_is_told_first_and_then_counted(mode: Mode) -> None:
    """A station that speaks no JSON is cut off each minute, and comes again: the log has its first word, and each ten
    minutes how many there were since, whatever its connections."""
    bench = Bench(mode=mode)
    told: list[tuple[float, int]] = []
    began = bench.now
    for _ in range(35):  # minutes
        bench.connect(settled=False)
        for _ in range(Unreadable.MOST):
            bench.now += 3.0
            told += [
                (bench.now - began, each.fields["more"])
                for each in bench.station_says("hello").actions
                if isinstance(each, Note) and each.event.startswith("unreadable")
            ]
    assert told == [(3.0, 0), (606.0, 200), (1209.0, 200), (1812.0, 200)]


@pytest.mark.parametrize(
    ("action", "status"),
    [("SetChargingProfile", "Rejected"), ("ClearChargingProfile", "Unknown"), ("GetCompositeSchedule", "Rejected")],
)
def test_the_profiles_are_ours(action: str, status: str) -> None:
    """The cloud is answered in the station's place, even while the line is taken."""
    bench = Bench()
    bench.connect()
    bench.cloud_says(call("r", "Reset"))
    no_transaction = profile(Version.V16, "tx", period(0, 10))
    step = bench.cloud_says(call("p", action, {"connectorId": 1, "duration": 0, "csChargingProfiles": no_transaction}))
    assert step.down == []
    assert [json.loads(text) for text in step.up] == [[3, "p", {"status": status}]]


def test_a_remote_start_with_a_bad_profile_is_refused() -> None:
    """It can't be kept, so the start can't be done as it was asked; without one the start passes."""
    bench = Bench()
    bench.connect()
    step = bench.cloud_says(call("1", "RemoteStartTransaction", {"idTag": "X", "chargingProfile": {}}))
    assert step.down == []
    assert [json.loads(text) for text in step.up] == [[3, "1", {"status": "Rejected"}]]
    assert step.notes == ["refused a start of the cloud for its charging profile"]
    text = call("2", "RemoteStartTransaction", {"idTag": "X"})
    assert bench.cloud_says(text).down == [text]


def test_a_relay_rests_only_while_time_changes_nothing() -> None:
    """Not while a CALL of either side is on its way, and not beyond the moment at which a profile changes."""
    bench = Bench()
    bench.connect()
    bench.wait(30.0)
    assert bench.relay.rest_s(NOON) == REST_S
    bench.cloud_says(call("1", "Reset"))
    assert bench.relay.rest_s(NOON) == 0.0
    bench.station_says(result("1"))
    assert bench.relay.rest_s(NOON) == REST_S
    bench.station_says(call("2", "Heartbeat"))
    assert bench.relay.rest_s(NOON) == 0.0
    bench.cloud_says(result("2"))
    start = stamp(NOON)
    limits = profile(Version.V16, "default", period(0, 10), period(60, 16), start=start)
    bench.cloud_says(call("3", "SetChargingProfile", {"connectorId": 1, "csChargingProfiles": limits}))
    assert bench.relay.rest_s(NOON) == 0.0  # the control has yet to hear of it
    bench.wait(0.5)
    assert bench.relay.rest_s(NOON + timedelta(seconds=59.0)) == pytest.approx(1.0)


class Renamer(SlowDisk):
    """Knows the cloud's transaction by another number."""

    def to_station(self, *call: Any) -> str:
        return str(call[-1]).replace("9", "2000000001")


@pytest.mark.parametrize(
    ("version", "action", "rewritten"),
    [
        (Version.V16, "RemoteStopTransaction", True),
        (Version.V16, "DataTransfer", True),  # RunningCost and FinalCost name it
        (Version.V16, "UnlockConnector", False),
        (Version.V201, "DataTransfer", False),  # there the number is the station's own
    ],
)
def test_what_names_a_transaction_is_put_in_the_stations_words(version: Version, action: str, rewritten: bool) -> None:
    """By whoever has given it another number."""
    bench = Bench(version=version, stand_in=Renamer())
    bench.connect()
    (text,) = bench.cloud_says(call("x", action, {"transactionId": 9})).down
    assert json.loads(text)[3] == {"transactionId": 2000000001 if rewritten else 9}
    answer = result("x", {"status": "Accepted"})
    assert bench.station_says(answer).up == [answer]


@pytest.mark.parametrize("transaction", ["6f1a-uuid", "", "1.5", "9" * 5_000])
def test_a_session_that_this_edition_cant_name_isnt_asked_to_end(transaction: str) -> None:
    """Of 2.x, of a station that has begun to speak 1.6 since, or does so for a moment (a probe, habit 4)."""
    bench = Bench()
    bench.connect()
    assert Step(bench.relay.end_session(transaction, bench.now, bench.wall)).down == []
    (down,) = Step(bench.relay.end_session("7", bench.now, bench.wall)).down
    assert json.loads(down)[2:] == ["RemoteStopTransaction", {"transactionId": 7}]

"""The gateway's own CALLs: limits and questions. None of them is ever seen by the cloud."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from edge.domain.setpoint import Purpose
from edge.domain.site import Mode
from edge.domain.station import LimitOutcome, LimitSent, LimitsTaken
from tests.unit.ocpp.ocpp_bench import ID, NOON, START, Bench, Step, call, error, evse, is_valid, limit, result, stamp

ASKED = [
    "ChargeProfileMaxStackLevel",
    "ChargingScheduleAllowedChargingRateUnit",
    "ChargingScheduleMaxPeriods",
    "MeterValueSampleInterval",
    "MeterValuesSampledData",
]


@pytest.fixture
def bench() -> Bench:
    """A station that has answered our questions."""
    bench = Bench()
    bench.connect()
    return bench


def profile(step: Step) -> dict[str, Any]:
    """The profile that is written."""
    _, action, payload = step.own_call
    assert action == "SetChargingProfile"
    written: dict[str, Any] = payload["csChargingProfiles"]
    return written


def test_a_limit_goes_out_at_once(bench: Bench) -> None:
    """Valid, from now on by the station's clock, and reported as sent."""
    command = limit(5, limit_a=13.0)
    step = bench.write(command)
    assert is_valid("SetChargingProfile", step.own_call[2])
    assert profile(step)["chargingSchedule"]["startSchedule"] == stamp(bench.wall)
    assert step.facts == [LimitSent(key=command.key, at=bench.now, command=5)]
    assert step.up == []


@pytest.mark.parametrize(
    ("answer", "outcome", "detail"),
    [
        ([3, "?", {"status": "Accepted"}], LimitOutcome.ACCEPTED, ""),
        ([3, "?", {"status": "accepted"}], LimitOutcome.ACCEPTED, ""),
        ([3, "?", {"status": "Rejected"}], LimitOutcome.REFUSED, "Rejected"),
        ([3, "?", {"status": "NotSupported"}], LimitOutcome.REFUSED, "NotSupported"),
        ([4, "?", "NotImplemented", "no", {}], LimitOutcome.REFUSED, "NotImplemented no"),
        ([4, "?"], LimitOutcome.REFUSED, ""),
        ([3, "?", {}], LimitOutcome.SILENT, "answered without a status"),
        ([3, "?", [1]], LimitOutcome.SILENT, "answered without a status"),
    ],
)
def test_what_the_answer_means(bench: Bench, answer: list[Any], outcome: LimitOutcome, detail: str) -> None:
    """An answer that doesn't say leaves open what the station holds. The cloud sees none of it."""
    answer[1], _, _ = bench.write(limit(5)).own_call
    step = bench.station_says(json.dumps(answer))
    (fact,) = step.facts
    assert (fact.command, fact.outcome, fact.detail) == (5, outcome, detail)  # type: ignore[union-attr]
    assert step.up == []


def test_no_answer_is_silence(bench: Bench) -> None:
    """After 10 s; an answer that comes later changes nothing, and the next limit is not held up."""
    identifier, _, _ = bench.write(limit(5)).own_call
    bench.write(limit(6))
    assert bench.wait(9.9).outcomes == []
    step = bench.wait(0.1)
    assert step.outcomes == [(5, "silent")]
    assert step.own_call[1] == "SetChargingProfile"
    step = bench.station_says(result(identifier, {"status": "Accepted"}))
    assert (step.facts, step.up, step.down) == ([], [], [])
    assert "dropped an answer of the station" in step.notes


def test_a_limit_overtakes_what_waits(bench: Bench) -> None:
    """The cloud's CALLs on the queue go after it."""
    bench.cloud_says(call("1", "Reset"))
    bench.cloud_says(call("2", "Reset"))
    bench.write(limit(5))
    step = bench.station_says(result("1"))
    assert step.own_call[1] == "SetChargingProfile"
    step = bench.station_says(result(step.own_call[0], {"status": "Accepted"}))
    assert step.down == [call("2", "Reset")]


def test_a_newer_limit_replaces_a_waiting_one(bench: Bench) -> None:
    """The older is reported as never sent."""
    bench.cloud_says(call("1", "Reset"))
    bench.write(limit(5))
    assert bench.write(limit(6, limit_a=0.0)).outcomes == [(5, "not sent")]
    step = bench.station_says(result("1"))
    assert profile(step)["chargingSchedule"]["chargingSchedulePeriod"][0]["limit"] == 0.0


def test_a_lease_begins_when_its_limit_is_sent(bench: Bench) -> None:
    """Not when it was queued: what control reckons from is the sending."""
    bench.cloud_says(call("1", "Reset"))
    bench.write(limit(5))
    bench.now += 20.0
    step = bench.station_says(result("1"))
    assert profile(step)["chargingSchedule"]["startSchedule"] == stamp(bench.wall)
    assert LimitSent(key=limit().key, at=bench.now, command=5) in step.facts


def test_without_a_link_nothing_is_sent() -> None:
    """Neither before the station came nor in observe mode."""
    bench = Bench()
    step = bench.write(limit(5))
    assert (step.down, step.outcomes) == ([], [(5, "not sent")])
    observing = Bench(mode=Mode.OBSERVE)
    observing.connect()
    step = observing.write(limit(5))
    assert (step.down, step.outcomes) == ([], [(5, "not sent")])


def test_a_broken_link_settles_every_limit(bench: Bench) -> None:
    """The one that was sent may be held; the one that waited can't be."""
    bench.write(limit(5))
    bench.write(limit(6, purpose=Purpose.SESSION, transaction_id="1"))
    assert bench.lose_station().outcomes == [(5, "silent"), (6, "not sent")]
    assert bench.connect().down == []


def test_limits_reach_a_station_whose_cloud_is_away() -> None:
    """That is what its link is kept for."""
    bench = Bench()
    bench.connect(cloud=False)
    identifier, _, _ = bench.write(limit(5)).own_call
    bench.find_cloud()
    step = bench.station_says(result(identifier, {"status": "Accepted"}))
    assert (step.up, step.outcomes) == ([], [(5, "accepted")])


def test_a_limit_for_a_transaction_without_a_number_is_never_sent(bench: Bench) -> None:
    """And the line is free for the next one."""
    step = bench.write(limit(5, purpose=Purpose.SESSION, transaction_id="b7c1"))
    assert (step.down, step.outcomes) == ([], [(5, "not sent")])
    assert bench.write(limit(6)).own_call[1] == "SetChargingProfile"


def asked(bench: Bench, first: Step) -> list[tuple[str, dict[str, Any]]]:
    """Answer our questions one after the other, and return them."""
    found = []
    step = first
    while step.down:
        identifier, action, payload = step.own_call
        assert is_valid(action, payload)
        found.append((action, payload))
        step = bench.station_says(error(identifier, "NotSupported"))
        assert step.up == []
    return found


def test_a_station_that_connects_is_asked() -> None:
    """Its stack level, then the state of every EVSE; refusals are borne."""
    bench = Bench(evse(1), evse(2))
    bench.connect(settled=False)
    assert bench.wait(0.9).down == []
    assert asked(bench, bench.wait(0.1)) == [
        ("GetConfiguration", {"key": ASKED}),
        ("TriggerMessage", {"requestedMessage": "StatusNotification", "connectorId": 1}),
        ("TriggerMessage", {"requestedMessage": "MeterValues", "connectorId": 1}),
        ("TriggerMessage", {"requestedMessage": "StatusNotification", "connectorId": 2}),
        ("TriggerMessage", {"requestedMessage": "MeterValues", "connectorId": 2}),
    ]
    assert bench.wait(60.0).down == []


def test_every_connection_is_asked_anew(bench: Bench) -> None:
    """A station may have been replaced while it was away."""
    bench.lose_station()
    bench.connect(settled=False)
    assert bench.wait(1.0).own_call[1] == "GetConfiguration"


def test_a_station_that_talks_is_asked_at_once() -> None:
    """Its first frame shows that it isn't booting."""
    bench = Bench()
    bench.connect(settled=False)
    step = bench.station_says(call("h", "Heartbeat"))
    assert json.loads(step.down[0])[2] == "GetConfiguration"


def test_a_booting_station_is_asked_after_its_boot() -> None:
    """It listens to nobody before the answer to its BootNotification (OCPP 1.6 §4.2)."""
    bench = Bench()
    bench.connect(settled=False)
    bench.station_says(call("b", "BootNotification"))
    assert bench.wait(5.0).down == []
    bench.cloud_says(result("b", {"status": "Accepted"}))
    assert bench.wait(0.5).own_call[1] == "GetConfiguration"


@pytest.mark.parametrize("status", ["Pending", "Rejected"])
def test_a_station_that_is_taken_in_later_is_asked_again(status: str) -> None:
    """One that its cloud has Rejected answers nobody until a later boot is Accepted (§4.2): without the answers nothing
    of it would be known, and its samples would stay as seldom as they are. Each later boot asks nothing more."""
    bench = Bench()
    bench.connect(settled=False)
    questions = []
    for word in (status, status, "Accepted", "Accepted"):
        bench.station_says(call("b", "BootNotification"))
        bench.cloud_says(result("b", {"status": word}))
        found = []
        for _ in range(5):  # none is answered
            found += [json.loads(text)[2] for text in bench.wait(10.0).down]
        questions.append(found.count("GetConfiguration"))
    assert questions == [2, 0, 2, 0]  # what stays unanswered is asked once more


def test_a_station_that_is_only_observed_is_never_asked() -> None:
    """Whenever its cloud takes it in."""
    bench = Bench(mode=Mode.OBSERVE)
    bench.connect(settled=False)
    for word in ("Pending", "Accepted"):
        bench.station_says(call("b", "BootNotification"))
        bench.cloud_says(result("b", {"status": word}))
        assert bench.wait(10.0).down == []


def test_a_boot_without_an_answer_holds_up_for_ten_seconds() -> None:
    """The cloud is away: the station is asked all the same."""
    bench = Bench()
    bench.connect(cloud=False, settled=False)
    bench.station_says(call("b", "BootNotification"))
    assert bench.wait(9.9).down == []
    assert bench.wait(0.1).own_call[1] == "GetConfiguration"


def test_limits_do_not_wait_for_the_questions() -> None:
    """A limit is written before anything is known of the station."""
    bench = Bench()
    bench.connect(settled=False)
    assert profile(bench.write(limit()))["stackLevel"] == 0


@pytest.mark.parametrize(("value", "level"), [("8", 8), (3, 3), ("many", 0), ("-1", 0), (None, 0)])
def test_the_stack_level_is_the_stations_highest(value: object, level: int) -> None:
    """What it says it can do, else 0, which every station must accept."""
    bench = Bench()
    bench.connect(settled=False)
    identifier, _, _ = bench.wait(1.0).own_call
    key = {"key": "ChargeProfileMaxStackLevel", "readonly": True, "value": value}
    step = bench.station_says(result(identifier, {"configurationKey": ["odd", key], "unknownKey": []}))
    while step.down:
        step = bench.station_says(error(step.own_call[0]))
    assert profile(bench.write(limit()))["stackLevel"] == level


def test_our_questions_come_after_the_cloud(bench: Bench) -> None:
    """The cloud's CALL that waits goes before our next question."""
    bench.lose_station()
    bench.connect(settled=False)
    identifier, _, _ = bench.wait(1.0).own_call
    bench.cloud_says(call("r", "Reset"))
    assert bench.station_says(result(identifier)).down == [call("r", "Reset")]


def test_start_by_the_stations_clock(bench: Bench) -> None:
    """A station that is two hours ahead gets its profile in its own time."""
    ahead = bench.wall + timedelta(hours=2)
    bench.station_says(call("n", "StatusNotification", {"connectorId": 1, "timestamp": stamp(ahead)}))
    assert profile(bench.write(limit()))["chargingSchedule"]["startSchedule"] == stamp(ahead)


def shown(bench: Bench, by: timedelta) -> Step:
    """The station says its state, and what its clock shows: so much more than the true time."""
    at = NOON + timedelta(seconds=bench.now - START) + by
    return bench.station_says(call("n", "StatusNotification", {"connectorId": 1, "timestamp": stamp(at)}))


def rewritten(bench: Bench, step: Step) -> list[tuple[str, list[tuple[int, float]]]]:
    """Begin and periods of each limit that is written, which the station accepts; and then none for a while."""
    found = []
    while down := [text for text in step.down if "SetChargingProfile" in text]:
        (text,) = down
        assert is_valid("SetChargingProfile", json.loads(text)[3])
        schedule = json.loads(text)[3]["csChargingProfiles"]["chargingSchedule"]
        periods = [(each["startPeriod"], each["limit"]) for each in schedule["chargingSchedulePeriod"]]
        found.append((schedule["startSchedule"], periods))
        step = bench.station_says(result(json.loads(text)[1], {"status": "Accepted"}))
    assert not [text for text in bench.wait(1.0).down if "SetChargingProfile" in text]
    return found


@pytest.mark.parametrize("wrong", [timedelta(days=1), timedelta(days=-1), NOON - datetime(1971, 1, 1, tzinfo=UTC)])
@pytest.mark.parametrize(("limit_a", "binds_a"), [(13.0, 6.0), (0.0, 0.0)])
@pytest.mark.parametrize("evidence", ["a stamp", "our clock is set"])
def test_what_a_wrong_clock_writes_binds_at_once(
    bench: Bench, wrong: timedelta, limit_a: float, binds_a: float, evidence: str
) -> None:
    """The gateway has started with its clock ahead, or behind, and the station has said nothing yet: it is told no more
    than its safe current, since ever; and the limit, from the moment on at which it was meant, when that is known.
    """
    true, bench.stepped = bench.wall, -wrong
    ever = ("1970-01-01T00:00:00Z", [(0, binds_a)])
    assert rewritten(bench, bench.write(limit(5, limit_a=limit_a))) == [ever]
    bench.now += 7.0
    if evidence == "a stamp":
        step = shown(bench, timedelta(0))
    else:
        bench.stepped = timedelta(0)
        step = bench.wait(0.0)  # at the next look at deadlines
    after = 240 if limit_a < 6.0 else 120
    assert rewritten(bench, step) == [(stamp(true), [(0, limit_a), (after, 6.0)])]


def test_our_clock_needs_a_witness() -> None:
    """Nobody has said what time it is: then the cloud has."""
    bench = Bench(witness=False)
    bench.connect()
    true = bench.wall
    assert rewritten(bench, bench.write(limit(5, limit_a=13.0))) == [("1970-01-01T00:00:00Z", [(0, 6.0)])]
    bench.station_says(call("h", "Heartbeat"))
    bench.cloud_says(result("h", {"currentTime": stamp(bench.wall)}))
    assert rewritten(bench, bench.wait(1.0)) == [(stamp(true), [(0, 13.0), (120, 6.0)])]


def test_what_is_safe_for_good_isnt_written_anew() -> None:
    """It is the same by any clock."""
    bench = Bench(witness=False)
    bench.connect()
    assert rewritten(bench, bench.write(limit(5, limit_a=6.0))) == [("1970-01-01T00:00:00Z", [(0, 6.0)])]
    assert rewritten(bench, shown(bench, timedelta(0))) == []


def test_a_limit_that_began_in_the_stations_future_is_written_anew(bench: Bench) -> None:
    """Its clock turns out to be 20 s behind: it gets the limit from the moment on at which it was meant."""
    true, behind = bench.wall, timedelta(seconds=-20)
    assert rewritten(bench, bench.write(limit(5, limit_a=13.0))) == [(stamp(true), [(0, 13.0), (120, 6.0)])]
    assert rewritten(bench, shown(bench, behind)) == [(stamp(true + behind), [(0, 13.0), (120, 6.0)])]


def test_what_a_station_had_stored_puts_no_limit_into_its_past(bench: Bench) -> None:
    """It delivers what it stored while the gateway was away: by the first of these stamps the lease would be over, and
    the safe current hold where 0 A are counted; and each of the next would have the limit written anew."""
    for minutes in (-20, -15, -10):
        shown(bench, timedelta(minutes=minutes))
    true = bench.wall
    assert rewritten(bench, bench.write(limit(5, limit_a=0.0))) == [("1970-01-01T00:00:00Z", [(0, 0.0)])]
    assert rewritten(bench, shown(bench, timedelta(minutes=-5))) == []
    identifier, action, _ = bench.wait(5.0).own_call
    assert action == "TriggerMessage"
    bench.station_says(result(identifier, {"status": "Accepted"}))
    assert rewritten(bench, shown(bench, timedelta(0))) == [(stamp(true), [(0, 0.0), (240, 6.0)])]


@pytest.mark.parametrize("behind", [timedelta(hours=-2), timedelta(minutes=-30)])
def test_a_limit_that_may_lie_in_the_stations_future_binds_until_that_is_known(bench: Bench, behind: timedelta) -> None:
    """What it shows once may have been stored: it is asked for its time once more."""
    true = bench.wall
    assert rewritten(bench, bench.write(limit(5, limit_a=13.0))) == [(stamp(true), [(0, 13.0), (120, 6.0)])]
    assert rewritten(bench, shown(bench, behind)) == [("1970-01-01T00:00:00Z", [(0, 6.0)])]
    identifier, action, _ = bench.wait(5.0).own_call
    assert action == "TriggerMessage"
    bench.station_says(result(identifier, {"status": "Accepted"}))
    assert rewritten(bench, shown(bench, behind)) == [(stamp(true + behind), [(0, 13.0), (120, 6.0)])]


def test_a_limit_that_began_in_the_stations_past_is_written_anew(bench: Bench) -> None:
    """Its clock turns out to be a day ahead: by that the lease was over, and its safe current held, while the limit was
    counted."""
    true, ahead = bench.wall, timedelta(days=1)
    assert rewritten(bench, bench.write(limit(5, limit_a=0.0))) == [(stamp(true), [(0, 0.0), (240, 6.0)])]
    assert rewritten(bench, shown(bench, ahead)) == [(stamp(true + ahead), [(0, 0.0), (240, 6.0)])]


def test_what_is_told_in_place_of_more_is_reported() -> None:
    """As long as nobody knows its time the station is told its safe current; once that is known, the limit."""
    bench = Bench(witness=False)
    bench.connect()
    step = bench.write(limit(5, limit_a=13.0))
    assert LimitSent(key=limit().key, at=bench.now, command=5, limit_a=6.0) in step.facts
    bench.station_says(result(step.own_call[0], {"status": "Accepted"}))
    anew = shown(bench, timedelta(0))
    assert LimitSent(key=limit().key, at=bench.now, command=5) in anew.facts


def test_a_limit_that_is_refused_when_it_is_written_anew_is_due_again() -> None:
    """Control was told that it is held, and would leave it so until it renews it; it is told of no other."""
    bench = Bench(witness=False)
    bench.connect()
    identifier, _, _ = bench.write(limit(5, limit_a=13.0)).own_call
    bench.station_says(result(identifier, {"status": "Accepted"}))
    identifier, _, _ = shown(bench, timedelta(0)).own_call
    refused = bench.station_says(result(identifier, {"status": "Rejected"}))
    assert LimitsTaken(station=ID, at=bench.now, one_limit=False) in refused.facts
    identifier, _, _ = bench.write(limit(6, limit_a=13.0)).own_call
    refused = bench.station_says(result(identifier, {"status": "Rejected"}))
    assert refused.outcomes == [(6, "refused")]
    assert not any(isinstance(fact, LimitsTaken) for fact in refused.facts)


def test_what_is_refused_is_told_in_one_period_before_by_another_purpose() -> None:
    """A station of amperes that takes one period, doesn't say so, and is told tenths: without them, then in one period,
    and only then by another purpose, each at once. Found out on that it would have its safe current for good."""

    bench = Bench()
    bench.connect(settled=False)
    step = bench.wait(1.0)
    while step.down:
        unit = {"key": "ChargingScheduleAllowedChargingRateUnit", "readonly": True, "value": "Current"}
        step = bench.station_says(result(step.own_call[0], {"configurationKey": [unit]}))
    shown(bench, timedelta(0))
    bench.station_says(result(bench.write(limit(1, limit_a=0.0, safe_a=0.0)).own_call[0], {"status": "Accepted"}))

    def told(number: int, status: str) -> tuple[list[float], list[bool]]:
        """Its limits, and what is said of one limit for both when it is to be told another way."""
        command = limit(number, limit_a=9.7, purpose=Purpose.SESSION, transaction_id="7")
        step = bench.write(command)
        limits = [each["limit"] for each in profile(step)["chargingSchedule"]["chargingSchedulePeriod"]]
        facts = bench.station_says(result(step.own_call[0], {"status": status})).facts
        return limits, [fact.one_limit for fact in facts if isinstance(fact, LimitsTaken)]

    assert told(2, "Rejected") == ([9.7, 6.0], [])
    assert told(3, "Rejected") == ([9, 6], [False])
    assert told(4, "Accepted") == ([9.7], [])
    assert told(5, "Rejected") == ([9.7, 6.0], [])
    assert told(6, "Rejected") == ([9, 6], [False])
    assert told(7, "Rejected") == ([9.7], [True])


def test_who_takes_one_limit_of_one_period_is_told_sessions_again() -> None:
    """Such a limit is its safe current at most. After five of them, and the next time after ten, its sessions are told
    theirs again: it may have refused them for some minutes only, as one does whose start wasn't answered. One refusal
    ends that, as its car has what an idle EVSE has meanwhile: 0 A.
    """
    bench = Bench()
    bench.connect(settled=False)
    step = bench.wait(1.0)
    while step.down:
        one = {"key": "ChargingScheduleMaxPeriods", "readonly": True, "value": "1"}
        step = bench.station_says(result(step.own_call[0], {"configurationKey": [one]}))
    shown(bench, timedelta(0))

    def told(purpose: Purpose, status: str) -> tuple[str, list[bool]]:
        """By which purpose, and what is said of one limit for both when the next is told another way."""
        step = bench.write(limit(1, limit_a=9.0, purpose=purpose, transaction_id="7"))
        by = profile(step)["chargingProfilePurpose"]
        answered = bench.station_says(result(step.own_call[0], {"status": status}))
        if answered.down:  # what its session was told before is cleared
            bench.station_says(result(answered.own_call[0], {"status": "Accepted"}))
        return by, [fact.one_limit for fact in answered.facts if isinstance(fact, LimitsTaken)]

    def refused() -> list[tuple[str, list[bool]]]:
        return [told(Purpose.SESSION, "Rejected") for _ in range(4)]

    def taken(times: int) -> list[tuple[str, list[bool]]]:
        return [told(Purpose.IDLE, "Accepted") for _ in range(times)]

    default: tuple[str, list[bool]] = ("TxDefaultProfile", [])
    assert refused()[-1] == ("TxProfile", [True])
    assert taken(5) == [default] * 4 + [("TxDefaultProfile", [False])]
    assert told(Purpose.SESSION, "Rejected") == ("TxProfile", [True])  # once is enough now
    assert taken(10) == [default] * 9 + [("TxDefaultProfile", [False])]
    assert told(Purpose.SESSION, "Accepted") == ("TxProfile", [])


def test_a_newer_limit_isnt_overwritten_by_the_one_that_is_written_anew(bench: Bench) -> None:
    """It waits on the line when the station shows its time, and begins rightly by itself."""
    true, bench.stepped = bench.wall, timedelta(days=365)
    first = bench.write(limit(5, limit_a=13.0)).own_call[0]
    bench.write(limit(6, limit_a=8.0))
    shown(bench, timedelta(0))
    step = bench.station_says(result(first, {"status": "Accepted"}))
    (down,) = [text for text in step.down if "SetChargingProfile" in text]
    schedule = json.loads(down)[3]["csChargingProfiles"]["chargingSchedule"]
    assert schedule["startSchedule"] == stamp(true)
    assert schedule["chargingSchedulePeriod"][0]["limit"] == 8.0
    again = bench.station_says(result(json.loads(down)[1], {"status": "Accepted"}))
    assert not [text for text in again.down if "SetChargingProfile" in text]


@pytest.mark.parametrize("step", [timedelta(hours=2), timedelta(days=365), timedelta(days=-1)])
def test_a_station_that_was_told_the_time_is_at_that_when_our_clock_is(step: timedelta) -> None:
    """It has just booted, and our own clock is wrong until it is set."""
    bench = Bench(witness=False)
    bench.stepped = step
    bench.connect()
    bench.station_says(call("b", "BootNotification", {"chargePointVendor": "V", "chargePointModel": "M"}))
    true = bench.wall - step
    bench.cloud_says(result("b", {"status": "Accepted", "currentTime": stamp(true), "interval": 300}))
    assert rewritten(bench, bench.write(limit(limit_a=0.0))) == [("1970-01-01T00:00:00Z", [(0, 0.0)])]
    bench.stepped = timedelta(0)
    assert rewritten(bench, bench.wait(1.0)) == [(stamp(true), [(0, 0.0), (240, 6.0)])]


def set_back(bench: Bench, seconds: float) -> list[dict[str, Any]]:
    """The station's clock, which is right, has been known for a while and is set back; what is written to it from then
    on, with two samples ten seconds apart, by connector and purpose."""
    behind, written = timedelta(seconds=seconds), []
    for second in range(0, 30, 10):
        bench.now += 10.0
        shown = {"connectorId": 1, "timestamp": stamp(bench.wall - (behind if second else timedelta(0)))}
        step = bench.station_says(call("n", "StatusNotification", shown))
        while down := [text for text in step.down if "SetChargingProfile" in text]:
            (text,) = down
            written.append(json.loads(text)[3]["csChargingProfiles"])
            step = bench.station_says(result(json.loads(text)[1], {"status": "Accepted"}))
    return written


@pytest.mark.parametrize("seconds", [30, 3600])
def test_a_limit_outlives_that_the_stations_clock_is_set_back(bench: Bench, seconds: float) -> None:
    """Its start lies in the station's future then, and nothing would bind the car until the next renewal: an hour in
    the night in which the clocks change, where a station gives its local time for UTC."""
    bench.station_says(call("n", "StatusNotification", {"connectorId": 1, "timestamp": stamp(bench.wall)}))
    begun = bench.wall
    for number, purpose in ((5, Purpose.IDLE), (6, Purpose.SESSION)):
        command = limit(number, purpose=purpose, transaction_id="7" if purpose is Purpose.SESSION else None)
        bench.station_says(result(bench.write(command).own_call[0], {"status": "Accepted"}))
    bench.station_says(call("s", "StartTransaction", {"connectorId": 1, "idTag": "X"}))
    bench.cloud_says(result("s", {"transactionId": 7, "idTagInfo": {"status": "Accepted"}}))
    written = set_back(bench, seconds)
    assert [each["chargingProfilePurpose"] for each in written] == ["TxDefaultProfile", "TxProfile"]
    starts = {each["chargingSchedule"]["startSchedule"] for each in written}
    assert starts == {stamp(begun - timedelta(seconds=seconds))}
    assert set_back(bench, seconds) == []


def test_what_is_over_or_was_refused_isnt_written_anew(bench: Bench) -> None:
    """The limit of a session that has ended, and one that the station doesn't have."""
    bench.station_says(call("n", "StatusNotification", {"connectorId": 1, "timestamp": stamp(bench.wall)}))
    session = limit(6, purpose=Purpose.SESSION, transaction_id="7")
    bench.station_says(result(bench.write(session).own_call[0], {"status": "Accepted"}))
    bench.station_says(result(bench.write(limit(5)).own_call[0], {"status": "Rejected"}))
    assert set_back(bench, 3600) == []


def test_a_station_is_asked_for_its_time_where_a_stamp_is_far_behind(bench: Bench) -> None:
    """One alone may have been stored; until a second agrees the limits may begin in the station's future."""
    bench.station_says(call("n", "StatusNotification", {"connectorId": 1, "timestamp": stamp(bench.wall)}))
    bench.station_says(result(bench.write(limit()).own_call[0], {"status": "Accepted"}))
    bench.now += 20.0
    behind = bench.wall - timedelta(hours=1)
    bench.station_says(call("n", "StatusNotification", {"connectorId": 1, "timestamp": stamp(behind)}))
    assert bench.wait(4.0).down == []
    identifier, action, payload = bench.wait(1.0).own_call
    assert (action, payload["requestedMessage"]) == ("TriggerMessage", "StatusNotification")
    assert is_valid(action, payload)
    bench.station_says(result(identifier, {"status": "Accepted"}))
    assert bench.wait(14.0).down == []
    bench.station_says(call("n", "StatusNotification", {"connectorId": 1, "timestamp": stamp(bench.wall)}))
    assert bench.wait(60.0).down == []

"""MQTT without a broker: what is published, which commands are carried out, what is answered."""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from edge.bms.image import image
from edge.bms.mqtt_attempts import LASTING_S, Attempts, Told
from edge.bms.mqtt_client import FIRST_RETRY_S, LAST_RETRY_S, retry_s
from edge.bms.mqtt_commands import LARGEST, Commands, Now, Outcome
from edge.bms.mqtt_topics import Message, Topics, level
from edge.bms.outbox import MOST_ANSWERS, Outbox
from edge.bms.settings import Bounds, WritePolicy
from edge.domain.limit import LimitSource, LimitStated
from tests.unit.bms.bms_site import NOON, report, site

TOPIC = "edge/harbour-3/cmd/limit"


class Bench:
    def __init__(self, *, writable: bool = True, grid: bool = False) -> None:
        self.commands = Commands(
            base="edge/harbour-3",
            circuit="main",
            policy=WritePolicy(writable=writable, limit_timeout_s=60.0, fallback_a=20.0 if writable else None),
            bounds=Bounds(most_a=63.0, most_w=43470.0),
            grid=grid,
        )
        self.now: Now = Now(monotonic=1000.0, wall=NOON)

    def send(self, topic: str = TOPIC, *, retained: bool = False, **fields: Any) -> Outcome | None:
        body = {"id": "1", "ts": NOON.isoformat()} | fields
        payload = json.dumps({name: value for name, value in body.items() if value is not ...}).encode()
        return self.commands.receive(topic, payload, retained=retained, now=self.now)

    def refusal(self, **fields: Any) -> str:
        outcome = self.send(**fields)
        assert outcome is not None
        assert (outcome.accepted, outcome.state) == (False, None)
        return outcome.reason


def test_a_command_becomes_a_limit() -> None:
    """With its validity and the configured fallback, and is answered under its id."""
    bench = Bench()
    outcome = bench.send(max_a=16, valid_s=30)
    assert outcome == Outcome(
        state=LimitStated(
            source=LimitSource.BMS_MQTT,
            circuit="main",
            at=1000.0,
            limit_a=16.0,
            ends_at=1030.0,
            fallback_a=20.0,
        ),
        id="1",
        accepted=True,
        reason="carried out",
    )
    answer = bench.commands.acknowledgement(TOPIC, outcome, {"limit_a": 16.0})
    assert answer.topic == f"{TOPIC}/ack"
    assert json.loads(answer.payload) == {
        "id": "1",
        "accepted": True,
        "reason": "carried out",
        "effective": {"limit_a": 16.0},
    }


def test_watts_null_and_the_configured_time() -> None:
    """max_w limits power, null takes the limit back; without valid_s the configured time counts."""
    bench = Bench()
    watts = bench.send(max_w=11000)
    none = bench.send(id="2", max_a=None)
    assert watts is not None
    assert watts.state is not None
    assert none is not None
    assert none.state is not None
    assert (watts.state.limit_w, watts.state.ends_at) == (11000.0, 1060.0)
    assert (none.state.limit_w, none.state.limit_a, none.state.amps(1060.0)) == (None, None, 20.0)


@pytest.mark.parametrize(
    "ts",
    [
        NOON.timestamp(),
        int(NOON.timestamp() * 1000),  # Date.now() of Node-RED
        NOON.strftime("%Y-%m-%dT%H:%M:%S.1234567Z"),  # .NET
        (NOON + timedelta(hours=1)).strftime("%Y-%m-%d %H:%M:%S+0100"),
    ],
)
def test_the_time_in_each_of_its_forms(ts: float | str) -> None:
    """What BMS, PLCs and flows have at hand; the age is judged all the same."""
    outcome = Bench().send(max_a=16, ts=ts)
    assert outcome is not None
    assert (outcome.accepted, outcome.reason) == (True, "carried out")
    assert Bench().refusal(max_a=16, ts=int((NOON.timestamp() - 61) * 1000)) == "ts is 61 s old, more than 60"


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"max_a": 16, "id": ...}, "id is missing"),
        ({"max_a": 16, "id": ""}, "id is missing"),
        ({"max_a": 16, "id": "x" * 129}, "id is missing"),
        ({}, "neither max_w nor max_a"),
        ({"max_a": "16"}, "max_a is no number"),
        ({"max_a": True}, "max_a is no number"),
        ({"max_a": -1}, "max_a is out of range"),
        ({"max_a": 63.1}, "max_a is out of range: 0 to 63"),
        ({"max_w": 1e9}, "max_w is out of range"),
        ({"max_a": 16, "valid_s": 0}, "valid_s is 0: above 0, up to 3600; left out, the configured time holds"),
        ({"max_a": 16, "valid_s": -1}, "valid_s is -1: above 0"),
        ({"max_a": 16, "valid_s": "60"}, "valid_s is no number"),
        ({"max_a": 16, "valid_s": 3601}, "valid_s is 3601: above 0, up to 3600"),
        ({"max_a": 16, "ts": ...}, "ts is missing"),
        ({"max_a": 16, "ts": "2026-11-21T12:00:00"}, "ts is missing"),  # without its offset
        ({"max_a": 16, "ts": "yesterday"}, "ts is missing"),
        ({"max_a": 16, "ts": 1e300}, "ts is missing"),
        ({"max_a": 16, "ts": (NOON - timedelta(seconds=61)).isoformat()}, "ts is 61 s old"),
        ({"max_a": 16, "ts": (NOON + timedelta(seconds=61)).isoformat()}, "ts is 61 s ahead"),
    ],
)
def test_what_is_refused_is_told_why(fields: Mapping[str, Any], reason: str) -> None:
    """A sentence that names the field."""
    assert Bench().refusal(**fields).startswith(reason)


@pytest.mark.parametrize(
    "payload", [b"", b"\xff\xfe", b"[]", b"16", b"null", b"{" * 2000, b" " * (LARGEST + 1), b'"x"']
)
def test_junk_is_refused(payload: bytes) -> None:
    """Whatever the bytes are."""
    bench = Bench()
    outcome = bench.commands.receive(TOPIC, payload, retained=False, now=bench.now)
    assert outcome is not None
    assert (outcome.accepted, outcome.state, outcome.id) == (False, None, None)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"max_a": 16}, True),
        ({"max_a": 99}, True),  # is answered with what is wrong
        ({"id": ...}, False),
        ({"ts": ...}, False),
        ({"ts": 0}, False),
        ({"ts": (NOON - timedelta(seconds=61)).isoformat()}, False),
        ({"retained": True}, False),
    ],
)
def test_what_may_count_is_seen_at_a_glance(fields: Mapping[str, Any], expected: bool) -> None:
    """A command of now; looking at it carries nothing out."""
    bench = Bench()
    body = {"id": "1", "ts": NOON.isoformat()} | {name: value for name, value in fields.items() if name != "retained"}
    payload = json.dumps({name: value for name, value in body.items() if value is not ...}).encode()
    for _ in range(2):
        found = bench.commands.may_count(TOPIC, payload, retained="retained" in fields, now=bench.now)
        assert found is expected
    assert not bench.commands.may_count(TOPIC, b"\xff", retained=False, now=bench.now)
    assert not Bench(writable=False).commands.may_count(TOPIC, payload, retained=False, now=bench.now)


def test_a_retained_command_is_not_even_answered() -> None:
    """It is somebody's mistake of another day, and would come with each connection."""
    assert Bench().send(max_a=0, retained=True) is None


def test_a_command_delivered_twice_counts_once() -> None:
    """QoS 1 may repeat it: it is answered again, and renews nothing."""
    bench = Bench()
    first, again = bench.send(max_a=16), bench.send(max_a=16)
    assert first is not None
    assert again is not None
    assert first.state is not None
    assert (again.state, again.accepted) == (None, True)
    assert "renews nothing" in again.reason  # who repeats it to renew it would fall silent, and never know why


def test_what_was_refused_is_judged_anew_when_it_comes_again() -> None:
    """The clock wasn't set: now it is, and the same message is none that was carried out before."""
    bench = Bench()
    bench.now = replace(bench.now, wall=None)
    assert "clock is not set" in bench.refusal(max_a=16)
    bench.now = replace(bench.now, wall=NOON)
    outcome = bench.send(max_a=16)
    assert outcome is not None
    assert (outcome.accepted, outcome.reason) == (True, "carried out")


def test_commands_overtaken_are_refused() -> None:
    """One with an older time stamp than what was carried out last changes nothing."""
    bench = Bench()
    bench.send(max_a=16)
    older = (NOON - timedelta(seconds=10)).isoformat()
    assert bench.refusal(id="2", max_a=32, ts=older) == "a newer command was carried out already"


def test_a_clock_that_was_set_back_locks_nobody_out() -> None:
    """After a step of a day commands of today count, though one of tomorrow was carried out."""
    bench = Bench()
    tomorrow = NOON + timedelta(days=1)
    bench.now = Now(monotonic=1000.0, wall=tomorrow)
    bench.send(max_a=16, ts=tomorrow.isoformat())
    bench.now = Now(monotonic=1001.0, wall=NOON)
    outcome = bench.send(id="2", max_a=10)
    assert outcome is not None
    assert outcome.accepted


def test_without_a_clock_no_command_counts() -> None:
    """Its age can't be judged; the fallback holds meanwhile."""
    bench = Bench()
    bench.now = Now(monotonic=1000.0, wall=None)
    assert bench.refusal(max_a=16).startswith("the gateway's clock is not set")


def test_commands_are_off_unless_configured() -> None:
    """They are answered with how to switch them on; silence has no consequence then."""
    bench = Bench(writable=False)
    assert "writable = true" in bench.refusal(max_a=16)
    assert bench.commands.first(0.0) is None


def test_the_grid_operator_s_word() -> None:
    """Where dimming is set up it has its own topic; true and false, nothing else."""
    bench = Bench(grid=True)
    topic = bench.commands.grid_topic
    assert topic in bench.commands.topics
    outcome = bench.send(topic, dim=True)
    assert outcome is not None
    assert outcome.dim is True
    assert bench.send(topic, id="2", dim=1) == Outcome(id="2", reason="dim is missing: true or false")
    assert Bench().send(topic, dim=True) is None


def published(messages: list[Message]) -> dict[str, bytes]:
    return {message.topic: message.payload for message in messages}


def test_scalars_are_retained_and_published_when_they_change() -> None:
    """The snapshot comes with each tick and is not retained."""
    topics = Topics("harbour-3")
    first = topics.tick(image(report(), site()), time=None)
    second = topics.tick(image(report(ticks=43), site()), time="2026-11-21T12:00:00.000Z")
    said = published(first)
    assert said["edge/harbour-3/site/power_w"] == b"8650.4"
    assert said["edge/harbour-3/site/limit_reason"] == b"bms"
    assert said["edge/harbour-3/cp/CP-01/1/vehicle_connected"] == b"true"
    assert said["edge/harbour-3/cp/hall%2F2/1/power_w"] == b""
    assert said["edge/harbour-3/circuit/garage/rating_a"] == b"40.0"
    assert {message.topic for message in first if not message.retain} == {"edge/harbour-3/site/state"}
    assert set(published(second)) == {"edge/harbour-3/site/heartbeat", "edge/harbour-3/site/state"}
    state = json.loads(published(second)["edge/harbour-3/site/state"])
    assert (state["tick"], state["time"], state["site"]["heartbeat"]) == (43, "2026-11-21T12:00:00.000Z", 43)
    assert state["cp"]["CP-01/1"]["reason"] == "16.0 A: all the car can use"


def test_a_new_connection_is_told_everything() -> None:
    """Birth first; then all scalars again, because the broker may have forgotten them."""
    topics = Topics("harbour-3")
    before = topics.tick(image(report(), site()), time=None)
    assert topics.birth() == (Message(topic="edge/harbour-3/status", payload=b"online", qos=1, retain=True),)
    assert published(topics.tick(image(report(), site()), time=None)) == published(before)
    assert topics.will() == Message(topic="edge/harbour-3/status", payload=b"offline", qos=1, retain=True)


def test_a_name_is_one_level() -> None:
    """Separators and wildcards in a station's identity make no other topics, and no two names become one."""
    assert level("a/b+c#d%2F") == "a%2Fb%2Bc%23d%252F"


async def test_the_outbox_keeps_the_newest_of_each_topic() -> None:
    """States replace each other, answers don't, and both are bounded."""
    outbox = Outbox()
    for number in range(1000):
        outbox.put([Message(topic="a", payload=b"%d" % number), Message(topic="b", payload=b"")])
        outbox.answer(Message(topic="ack", payload=b"%d" % number))
    assert len(outbox) == 2 + MOST_ANSWERS
    assert (await outbox.next()).payload == b"%d" % (1000 - MOST_ANSWERS)
    for _ in range(MOST_ANSWERS - 1):
        await outbox.next()
    assert await outbox.next() == Message(topic="a", payload=b"999")


def test_a_lost_broker_is_told_once() -> None:
    """Edges, not levels: one line when it is lost, none for each attempt, one when it is lost again."""
    attempts = Attempts()
    assert [attempts.over(lasted_s) for lasted_s in (None, None, 3600.0, None, None, LASTING_S)] == [
        Told.LOST,
        Told.NOTHING,
        Told.LOST,
        Told.NOTHING,
        Told.NOTHING,
        Told.LOST,
    ]
    assert attempts.failures == 1


def test_two_of_one_name_are_told_and_slow_down() -> None:
    """Two gateways of one site id put each other out at once: that was two lines in the log each second."""
    attempts = Attempts()
    assert [attempts.over(0.5) for _ in range(6)] == [
        Told.LOST,
        Told.NOTHING,
        Told.PUT_OUT,
        Told.NOTHING,
        Told.NOTHING,
        Told.NOTHING,
    ]
    assert retry_s(attempts.failures, lambda: 1.0) == LAST_RETRY_S
    restarted = Attempts()  # a broker that restarts, and ends one connection more while it does
    assert Told.PUT_OUT not in {restarted.over(lasted_s) for lasted_s in (3600.0, 0.1, None, 0.1, None, None)}


def test_a_broker_that_is_back_for_a_moment_is_told_as_lost_again() -> None:
    """A broker that comes up, and ends it within seconds because it is set up anew: the log's last word had been "in
    reach", for as long as it let nobody in. Once it stays away that is told, and once only."""
    attempts = Attempts()
    assert [attempts.over(lasted_s) for lasted_s in (3600.0, None, 3.0, None, None, 3600.0)] == [
        Told.LOST,
        Told.NOTHING,
        Told.NOTHING,
        Told.LOST,
        Told.NOTHING,
        Told.LOST,
    ]


def test_a_broker_that_answers_and_refuses_is_told_beside_one_that_is_away() -> None:
    """It was switched off, and has another password since: what is to be done is another thing, and told too."""
    attempts = Attempts()
    refusals = (False, False, True, True, False)
    assert [attempts.over(None, refused=refused) for refused in refusals] == [
        Told.LOST,
        Told.NOTHING,
        Told.LOST,
        Told.NOTHING,
        Told.LOST,
    ]


def test_retries_grow_to_a_bound_and_are_scattered() -> None:
    """From a second on, doubled, at most a minute; half of it is chance."""
    assert [retry_s(failures, lambda: 1.0) for failures in range(4)] == [FIRST_RETRY_S, 2.0, 4.0, 8.0]
    assert retry_s(10_000, lambda: 1.0) == LAST_RETRY_S
    assert retry_s(10_000, lambda: 0.0) == LAST_RETRY_S / 2

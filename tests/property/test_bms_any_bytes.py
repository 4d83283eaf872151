"""Whatever bytes a building sends, nothing but limits inside the bounds comes of it, each with its end."""

import json
import math
import struct
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from edge.bms.eco import EcoMode
from edge.bms.eebus_lpc import LpcSettings
from edge.bms.grid import GridSettings
from edge.bms.grid_operator import GridOperator
from edge.bms.image import image
from edge.bms.modbus_control import LONGEST_VALID_S, ControlBlock
from edge.bms.modbus_pdu import MBAP, BadStream, Stream
from edge.bms.mqtt_commands import Commands, Now
from edge.bms.registers import Telemetry
from edge.bms.settings import Bounds, WritePolicy
from edge.domain.limit import LimitStated
from tests.property.spoil import any_values, spoiled
from tests.unit.bms.bms_site import NOON, Hands, Taken, report, site

BOUNDS = Bounds(most_a=63.0, most_w=43470.0)
POLICY = WritePolicy(writable=True, limit_timeout_s=60.0, fallback_a=20.0, fallback_writable=True)

words = st.integers(0, 0xFFFF)
writes = st.builds(
    lambda start, values: struct.pack(f">BHHB{len(values)}H", 16, start, len(values), 2 * len(values), *values),
    st.integers(0, 12),
    st.lists(words, min_size=1, max_size=8),
)
singles = st.builds(lambda start, value: struct.pack(">BHH", 6, start, value), st.integers(0, 12), words)
reads = st.builds(
    lambda function, start, count: struct.pack(">BHH", function, start, count), st.integers(1, 4), words, words
)
pdus = st.one_of(writes, singles, reads, st.binary(min_size=1, max_size=40))
frames = st.builds(
    lambda transaction, unit, pdu: MBAP.pack(transaction, 0, len(pdu) + 1, unit) + pdu,
    words,
    st.sampled_from([1, 255, 0, 17]),
    pdus,
)


def check(limit: LimitStated) -> None:
    assert limit.circuit == "main"
    assert limit.limit_a is None or 0 <= limit.limit_a <= BOUNDS.most_a
    assert limit.limit_w is None or 0 <= limit.limit_w <= BOUNDS.most_w
    assert limit.ends_at is not None
    assert limit.at < limit.ends_at <= limit.at + LONGEST_VALID_S
    assert limit.fallback_a is not None
    assert 0 <= limit.fallback_a <= 20.0


@given(data=st.one_of(st.lists(frames, max_size=6).map(b"".join), st.binary(max_size=600)), cut=st.integers(1, 300))
def test_any_bytes_at_the_modbus_port(data: bytes, cut: int) -> None:
    """In any segments: answers or the end of the connection; each answer is a frame; limits are in bounds."""
    taken = Taken()
    block = ControlBlock(
        circuit="main", policy=POLICY, bounds=BOUNDS, sink=taken, now=Hands().monotonic, eco=EcoMode(possible=True)
    )
    block.show(lambda: Telemetry.of(image(report(), site())))
    stream = Stream(block, units=frozenset({1, 255}))
    try:
        answers = [answer for at in range(0, len(data), cut) for answer in stream.receive(data[at : at + cut])]
    except BadStream:
        answers = []
    for answer in answers:
        _, protocol, length, _ = MBAP.unpack_from(answer)
        assert (protocol, length) == (0, len(answer) - MBAP.size + 1)
        assert length <= 254
    for limit in taken.limits:
        check(limit)


values: st.SearchStrategy[Any] = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(max_size=5), st.just(NOON.isoformat())
)
documents = st.dictionaries(st.sampled_from(["id", "ts", "max_a", "max_w", "valid_s", "dim", "x"]), values)


def encoded(document: dict[str, Any]) -> bytes:
    return json.dumps(document).encode()


@given(
    messages=st.lists(st.tuples(st.one_of(documents.map(encoded), st.binary(max_size=60)), st.booleans()), max_size=8)
)
def test_any_message_at_the_command_topics(messages: list[tuple[bytes, bool]]) -> None:
    """Retained ones are never answered, others always; limits are in bounds."""
    commands = Commands(base="edge/x", circuit="main", policy=POLICY, bounds=BOUNDS, grid=True)
    for payload, retained in messages:
        for topic in commands.topics:
            outcome = commands.receive(topic, payload, retained=retained, now=Now(monotonic=5.0, wall=NOON))
            assert (outcome is None) == retained
            if outcome is not None:
                commands.acknowledgement(topic, outcome, {})
                if outcome.state is not None:
                    assert outcome.accepted
                    check(outcome.state)


EVENT: dict[str, Any] = {
    "id": "1",
    "payloadDescriptors": [{"payloadType": "IMPORT_CAPACITY_LIMIT", "units": "KW"}],
    "intervalPeriod": {"start": "2026-11-21T11:00:00Z", "duration": "PT2H", "randomizeStart": "PT5M"},
    "intervals": [
        {"id": 0, "payloads": [{"type": "IMPORT_CAPACITY_LIMIT", "values": [4.2]}]},
        {"intervalPeriod": {"start": "0001-01-01"}, "payloads": [{"type": "SIMPLE", "values": [1]}]},
    ],
}
HUGE = {"id": 0, "payloads": [{"type": "IMPORT_CAPACITY_LIMIT", "values": [1.79e305]}]}  # in W it is none
BRIDGED: dict[str, Any] = {
    "id": "1",
    "ts": NOON.isoformat(),
    "heartbeat": True,
    "limit_w": 4200,
    "active": True,
    "duration_s": 900,
    "failsafe_w": 4200,
    "failsafe_s": 7200,
    "events": [EVENT],
}
odd = any_values(
    st.one_of(
        values, st.floats(), st.sampled_from([1e308, -1, 10**400, "P9999Y", "PT" + "9" * 400 + "S", "9999-12-31"])
    )
)


@given(documents=st.lists(spoiled(BRIDGED, odd), min_size=1, max_size=4))
@example(documents=[BRIDGED | {"events": [EVENT | {"payloadDescriptors": [{"payloadType": []}]}]}])
@example(documents=[BRIDGED | {"events": [EVENT | {"intervals": [HUGE]}]}])
@example(
    documents=[
        BRIDGED | {"events": [EVENT | {"payloadDescriptors": [{"payloadType": "IMPORT_CAPACITY_LIMIT", "units": [1]}]}]}
    ]
)
def test_any_message_of_a_bridge(documents: list[dict[str, Any]]) -> None:
    """What an EEBUS or OpenADR bridge hands in is carried out or refused in words; what follows is a power or none."""
    clock, taken = Hands(), Taken()
    settings = GridSettings(circuit="main", limit_w=4200.0, lpc=LpcSettings(), openadr=True)
    operator = GridOperator(settings, site="x", sink=taken, clock=clock, relay=None)
    commands = Commands(
        base="edge/x", circuit="main", policy=POLICY, bounds=BOUNDS, grid=True, handlers=operator.handlers
    )
    for document in documents:
        for topic in ("edge/x/cmd/lpc", "edge/x/cmd/openadr"):
            now = Now(monotonic=clock.now, wall=NOON)
            outcome = commands.receive(topic, json.dumps(document).encode(), retained=False, now=now)
            assert outcome is not None
            assert outcome.reason
        operator.tick(report(), None)
        clock.pass_s(1)
    for limit in taken.limits:
        assert limit.limit_w is None or 0 <= limit.limit_w < math.inf

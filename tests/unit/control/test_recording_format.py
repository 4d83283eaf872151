"""Segments: what a run of the real control loop becomes, and what is made of segments that are not whole."""

import json
import zlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from edge.control.recording import FORMAT, GZIP, Header, SegmentReader, SegmentWriter, Tick
from edge.control.replay import replay
from edge.errors import RecordingUnusable
from tests.unit.control.recording_bench import HEADER, ControlledSite, alike

TICKS = ControlledSite(3).run(90)


def lines_of(ticks: Sequence[Tick]) -> list[bytes]:
    writer = SegmentWriter()
    return [writer.header(HEADER), *(writer.tick(tick) for tick in ticks)]


def packed(lines: Sequence[bytes]) -> bytes:
    return zlib.compress(b"".join(lines), wbits=GZIP)


def flushed(lines: Sequence[bytes]) -> bytes:
    """Each line in reach of a reader as soon as it was written, as after a flush; without an end."""
    deflate = zlib.compressobj(wbits=GZIP)
    return b"".join(deflate.compress(line) + deflate.flush(zlib.Z_SYNC_FLUSH) for line in lines)


def broken_off(data: bytes) -> list[Tick]:
    reader = SegmentReader("segment", data)
    ticks = list(reader)
    assert reader.truncated
    return ticks


def test_a_run_replays_equal() -> None:
    """Sessions, cuts, a stale meter and a lost station, through the real loop: read back equal, and decided equal."""
    reader = SegmentReader("segment", packed(lines_of(TICKS)))
    read = list(reader)
    assert alike(read, TICKS)
    assert [replay(tick) for tick in read] == [None] * len(TICKS)
    assert not reader.truncated
    assert len({setpoint.reason for tick in TICKS for setpoint in tick.decision.setpoints}) > 4


def test_a_run_of_many_replays_equal() -> None:
    """To the last bit, whichever way an array lay in memory: eight rows and more are added in an order of numpy's."""
    ticks = ControlledSite(12).run(90)
    assert [replay(tick) for tick in SegmentReader("segment", packed(lines_of(ticks)))] == [None] * len(ticks)


def test_memory_is_written_once() -> None:
    """The memory that a decision was made from is written in the first line, and then only if it isn't the last one."""
    gap = [*TICKS[:20], *TICKS[30:40]]
    lines = lines_of(gap)
    assert [number for number, line in enumerate(lines[1:]) if b'"memory":' in line.split(b'"decision":')[0]] == [0, 20]
    assert alike(list(SegmentReader("segment", packed(lines))), gap)


def test_a_changed_decision_is_found() -> None:
    """A setpoint that isn't what is decided now is named with its place, both values and its EVSE."""
    tick = TICKS[50]
    setpoint = tick.decision.setpoints[2]
    assert setpoint.limit_a is not None
    other = replace(setpoint, limit_a=setpoint.limit_a + 0.1)
    tick = replace(tick, decision=replace(tick.decision, setpoints=(*tick.decision.setpoints[:2], other)))
    [read] = SegmentReader("segment", packed(lines_of([tick])))
    found = replay(read)
    assert found is not None
    assert found.text == (f"setpoints[2].limit_a: recorded {other.limit_a}, now {setpoint.limit_a} ({setpoint.key})")


def test_a_decision_that_fails_now_is_a_difference() -> None:
    """A snapshot that this version can't decide on (an EVSE on a missing circuit) ends no replay."""
    snapshot = TICKS[50].snapshot
    plant = replace(snapshot.plant, circuits=snapshot.plant.circuits[:1])
    found = replay(replace(TICKS[50], snapshot=replace(snapshot, plant=plant)))
    assert found is not None
    assert (found.path, found.recorded) == ("decision", "made")
    assert found.now == "fails with ValueError(\"there is no circuit 'garage-0'\")"


def test_a_segment_may_break_off_anywhere() -> None:
    """Cut at every byte of its last ticks and of its beginning, the whole lines count."""
    data = flushed(lines_of(TICKS[:20]))
    counts = [len(broken_off(data[:length])) for length in [*range(200), *range(len(data) - 600, len(data) + 1)]]
    assert counts == sorted(counts)
    assert (counts[0], counts[-1]) == (0, 20)
    whole = broken_off(data[: len(data) - 300])
    assert alike(whole, TICKS[: len(whole)])


def test_a_finished_segment_may_lack_its_end() -> None:
    """Cut within the checksum, nothing but the certainty is lost."""
    data = packed(lines_of(TICKS))
    for missing in range(1, 9):
        assert alike(broken_off(data[:-missing]), TICKS)


def test_zeros_after_a_power_cut() -> None:
    """A file that got its length but not its last blocks is one that broke off."""
    data = flushed(lines_of(TICKS[:20]))
    assert alike(broken_off(data + bytes(4096)), TICKS[:20])


def test_a_changed_byte_is_damage() -> None:
    """Whichever byte of a whole segment is another: it is told, or it was without meaning. Nothing else is raised."""
    data = packed(lines_of(TICKS[:20]))
    told = 0
    for place in range(0, len(data), 11):
        reader = SegmentReader("segment", data[:place] + bytes([data[place] ^ 0x55]) + data[place + 1 :])
        try:
            read = list(reader)
        except RecordingUnusable:
            told += 1
        else:
            assert reader.truncated or alike(read, TICKS[:20])
    assert told > len(data) / 11 * 0.9


def with_line(number: int, change: Callable[[dict[str, Any]], object]) -> bytes:
    lines = lines_of(TICKS[:3])
    tree = json.loads(lines[number])
    change(tree)
    lines[number] = json.dumps(tree).encode() + b"\n"
    return packed(lines)


FOREIGN = "segment is no recording; give a file or a folder that edge run --record has written"
UNUSABLE = {
    "text": (b"# Read me\n", FOREIGN),
    "another gzip file": (packed([b"# Read me\n"]), FOREIGN),
    "another JSON file": (packed([b"[]\n"]), FOREIGN),
    "no header": (packed(lines_of(TICKS)[1:]), FOREIGN),
    "another format": (
        with_line(0, lambda tree: tree.update(edge_recording=FORMAT + 1)),
        f"segment has format {FORMAT + 1}; this version reads format {FORMAT}",
    ),
    "a header without program": (
        with_line(0, lambda tree: tree.pop("program")),
        "segment is damaged: in its header the value has no program, which every Header has",
    ),
    "a line that is no JSON": (
        packed([*lines_of(TICKS[:2]), b"{,\n"]),
        "segment is damaged after tick 2; move it away to replay what else there is",
    ),
    "a line without end": (
        packed([*lines_of(TICKS[:2]), b"{}"]),
        "segment is damaged after tick 2; move it away to replay what else there is",
    ),
    "a line that is too deep": (
        packed([*lines_of(TICKS[:1]), b"[" * 100_000 + b"\n"]),
        "segment is damaged after tick 1; move it away to replay what else there is",
    ),
    "more after its end": (
        packed(lines_of(TICKS[:2])) + b"more",
        "segment is damaged after tick 2; move it away to replay what else there is",
    ),
    "a field of another version": (
        with_line(1, lambda tree: tree["snapshot"].update(weather="fine")),
        (
            "segment can't be read at tick 1: snapshot has the field weather, which no Snapshot has; "
            "it was recorded by version 1.2.3"
        ),
    ),
    "a change of nothing": (
        with_line(2, lambda tree: tree["snapshot"].update(evses={"7": {}})),
        "segment can't be read at tick 2: snapshot.evses has no place '7'; it was recorded by version 1.2.3",
    ),
    "no decision": (
        with_line(1, lambda tree: tree.pop("decision")),
        "segment can't be read at tick 1: decision is no Outcome; it was recorded by version 1.2.3",
    ),
}


@pytest.mark.parametrize("case", UNUSABLE)
def test_what_is_no_recording(case: str) -> None:
    """What can't be read says in one sentence what it is, and where."""
    data, said = UNUSABLE[case]
    with pytest.raises(RecordingUnusable) as error:
        list(SegmentReader("segment", data))
    assert str(error.value) == said


@pytest.mark.parametrize(
    ("wall", "monotonic", "shown"),
    [
        ("2026-11-21T07:00:00+00:00", 100.0, "2026-11-21T07:00:30+00:00"),
        ("2026-11-21T08:00:00+01:00", 100.0, "2026-11-21T07:00:30+00:00"),
        ("yesterday", 100.0, None),
        ("2026-11-21T07:00:00+00:00", -1e30, None),
        ("2026-11-21T07:00:00+00:00", float("nan"), None),
    ],
)
def test_wall_time_of_a_tick(wall: str, monotonic: float, shown: str | None) -> None:
    """A tick's wall time is reckoned from its segment's header; one that is off the calendar isn't shown."""
    at = replace(HEADER, wall=wall, monotonic=monotonic).wall_at(130.0)
    assert (at.isoformat() if at is not None else None) == shown


def test_the_header_comes_back() -> None:
    """Who recorded what, and when."""
    reader = SegmentReader("segment", packed(lines_of(TICKS[:1])))
    list(reader)
    assert reader.header == Header(program="1.2.3", site="test", wall="2026-11-21T07:00:00+00:00", monotonic=0.0)

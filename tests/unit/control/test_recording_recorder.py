"""The recorder beside the loop: it follows, it leaves out, it gives up; it never holds up or fails a tick."""

from dataclasses import replace
from threading import Event, Semaphore
from typing import Any

import pytest
from structlog.testing import capture_logs

from edge.control.recorder import Recorder
from edge.control.recording import SegmentReader, Tick
from edge.control.replay import replay
from edge.control.segments import Segments
from edge.errors import StartError
from tests.unit.control.recording_bench import HEADER, ControlledSite, MemoryDisk, alike

SITE = ControlledSite(3)
TICKS = SITE.run(60)
DECISIONS = [decision for _, decision in SITE.published]
PATIENCE_S = 30.0  # for another thread, which needs milliseconds


def recorder_on(disk: MemoryDisk, *, backlog_ticks: int = 1000) -> Recorder:
    segments = Segments(disk, most_bytes=64_000_000, header=lambda: HEADER)
    return Recorder(segments, folder="/recording", backlog_ticks=backlog_ticks)


def recorded(disk: MemoryDisk) -> list[Tick]:
    return [tick for name in sorted(disk.files) for tick in SegmentReader(name, disk.files[name])]


def events(logs: list[Any]) -> list[str]:
    return [entry["event"] for entry in logs]


class SlowDisk(MemoryDisk):
    """Every write needs a leave. ``begun`` counts those that were begun; each tick is one or two of them."""

    def __init__(self) -> None:
        super().__init__()
        self.begun = Semaphore(0)
        self.leave = Event()
        self.leave.set()

    def spend(self, count: int) -> None:
        self.begun.release()
        if not self.leave.wait(PATIENCE_S):
            raise TimeoutError
        super().spend(count)


async def test_every_tick_is_recorded() -> None:
    """What the loop publishes is in the recording when the recorder has stopped, each with the memory before it."""
    disk = MemoryDisk()
    recorder = recorder_on(disk)
    with capture_logs() as logs:
        await recorder.start()
        for decision in DECISIONS:
            recorder.record(decision)
        await recorder.stop()
    assert alike(recorded(disk), TICKS)
    assert recorder.left_out == 0
    assert events(logs) == ["recording"]


async def test_ticks_that_come_too_fast_are_left_out() -> None:
    """While the disk stands still, ticks are counted, not waited for; one line when that begins, one when it is over.
    What was recorded replays, gap and all."""
    disk = SlowDisk()
    recorder = recorder_on(disk, backlog_ticks=5)
    with capture_logs() as logs:
        await recorder.start()
        while disk.begun.acquire(blocking=False):
            pass
        disk.leave.clear()
        recorder.record(DECISIONS[0])
        assert disk.begun.acquire(timeout=PATIENCE_S)
        for decision in DECISIONS[1:21]:
            recorder.record(decision)
        assert recorder.left_out == 15
        disk.leave.set()
        for _ in range(3):  # the third write is of the second tick, which has left the queue then
            assert disk.begun.acquire(timeout=PATIENCE_S)
        recorder.record(DECISIONS[21])
        await recorder.stop()
    assert events(logs) == ["recording", "recording can't follow: ticks are left out", "recording follows again"]
    assert logs[-1]["left_out"] == 15
    kept = recorded(disk)
    assert alike(kept, [*TICKS[:6], TICKS[21]])
    assert [replay(tick) for tick in kept] == [None] * 7


async def test_a_full_disk_ends_the_recording_alone() -> None:
    """One line in the log; ticks are taken as before, and what was written until then can be read."""
    disk = MemoryDisk(room_bytes=2_000)
    recorder = recorder_on(disk)
    with capture_logs() as logs:
        await recorder.start()
        for number in range(600):
            decision = DECISIONS[number % 60]
            recorder.record(replace(decision, snapshot=replace(decision.snapshot, now=1000.0 * number)))
        await recorder.stop()
        recorder.record(DECISIONS[0])
    assert events(logs) == ["recording", "recording stopped"]
    assert logs[-1]["problem"] == "No space left on device"
    assert recorded(disk)


async def test_what_can_t_be_encoded_ends_the_recording_alone() -> None:
    """A value that isn't of its type is told in one line; the loop doesn't hear of it."""
    recorder = recorder_on(MemoryDisk())
    with capture_logs() as logs:
        await recorder.start()
        memory = replace(TICKS[0].memory, decided_at="much")  # type: ignore[arg-type]
        recorder.record(replace(DECISIONS[0], made_with=memory))
        await recorder.stop()
    assert events(logs) == ["recording", "recording stopped"]
    assert "'much' is no number" in logs[-1]["problem"]


async def test_a_disk_that_is_full_from_the_start() -> None:
    """Where nothing can be written, the program doesn't start, and says why."""
    with pytest.raises(StartError) as error:
        await recorder_on(MemoryDisk(room_bytes=0)).start()
    assert str(error.value) == (
        "the folder /recording for the recording can't be written to (No space left on device); "
        "name another with --record"
    )

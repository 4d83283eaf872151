"""The recorder: takes each tick from the control loop and has it written elsewhere.

It never makes a tick wait and never fails one: the values are frozen, so a thread encodes, packs and writes them while
the loop goes on. Where that thread can't follow, ticks are left out and counted; where the disk fails, recording stops,
and control goes on.
"""

import asyncio
import contextlib
import queue
import threading

import structlog

from edge.allocation.decision import Decision
from edge.control.recording import Tick
from edge.control.segments import FLUSH_S, Segments
from edge.errors import StartError
from edge.units import Seconds

log = structlog.get_logger(__name__)

# Ticks that may wait to be written: a flash card's worst pause. Each holds a few hundred bytes for each EVSE.
BACKLOG_TICKS = 16
# How long the end of the program waits for the last ticks to be written.
STOP_S: Seconds = 5.0


class Recorder:
    """Records every tick from :meth:`start` to :meth:`stop`. ``folder`` is what messages call the place."""

    def __init__(self, segments: Segments, *, folder: str, backlog_ticks: int = BACKLOG_TICKS) -> None:
        self._segments = segments
        self._folder = folder
        self._waiting: queue.Queue[Decision | None] = queue.Queue(maxsize=backlog_ticks)
        self._thread = threading.Thread(target=self._write_all, name="recorder", daemon=True)
        self._failed = False
        self._left_out_now = 0
        self.left_out = 0  # ticks that came too fast, since the start

    async def start(self) -> None:
        """:raises StartError: the folder can't be written to."""
        try:
            self._segments.begin()
        except OSError as exc:
            raise StartError(
                f"the folder {self._folder} for the recording can't be written to ({exc.strerror or exc})",
                remedy="name another with --record",
            ) from exc
        self._thread.start()
        log.info("recording", folder=self._folder)

    def record(self, decision: Decision) -> None:
        """Take one tick. Returns at once, never raises."""
        if self._failed:
            return
        try:
            self._waiting.put_nowait(decision)
        except queue.Full:
            if self._left_out_now == 0:
                log.warning("recording can't follow: ticks are left out", folder=self._folder)
            self._left_out_now += 1
            self.left_out += 1
        else:
            if self._left_out_now > 0:
                log.info("recording follows again", folder=self._folder, left_out=self._left_out_now)
                self._left_out_now = 0

    async def stop(self) -> None:
        """Write what waits, and close."""
        await asyncio.to_thread(self._finish)

    def _finish(self) -> None:
        with contextlib.suppress(queue.Full):
            self._waiting.put(None, timeout=STOP_S)
        self._thread.join(STOP_S)

    def _write_all(self) -> None:
        try:
            while True:
                try:
                    decision = self._waiting.get(timeout=FLUSH_S)
                except queue.Empty:  # the loop stands still: then its last ticks are what matters
                    self._segments.flush()
                    continue
                if decision is None:
                    break
                self._segments.write(
                    Tick(snapshot=decision.snapshot, memory=decision.made_with, decision=decision.outcome)
                )
            self._segments.end()
        except Exception as exc:  # also what the codec may find: control is not to end for its record's sake
            self._failed = True
            problem = (exc.strerror if isinstance(exc, OSError) else None) or repr(exc)
            log.warning("recording stopped", folder=self._folder, problem=problem)
            self._segments.abandon()

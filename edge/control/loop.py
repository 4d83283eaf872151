"""The control loop: sample, decide, act, publish; at a fixed rate, never overlapping, never queued up.

Tick ``n`` is due at ``start + n * period``, so that lateness doesn't add up. A tick that overruns makes the ones whose
time it took be counted as missed and skipped.
"""

import asyncio
import contextlib
import math
from collections.abc import Callable, Sequence

import numpy as np
import structlog

from edge.allocation.decide import Decision, Memory, decide
from edge.allocation.layout import Floats
from edge.allocation.snapshot import Snapshot
from edge.allocation.state import Reach
from edge.clock import Clock
from edge.control.actuate import Intent, actuate, idle_limit_a, renew_after_s, settled_until
from edge.control.board import Board
from edge.control.litter import Litter
from edge.control.ports import LimitPort, MeterPort
from edge.control.records import EvseRecord
from edge.control.vitals import Vitals
from edge.domain.setpoint import LimitCommand, Purpose, Reason
from edge.domain.site import Evse, Mode, Supply
from edge.units import Amps, PhaseAmps, Seconds, Watts, watts

log = structlog.get_logger(__name__)

# The share of a period that a tick waits for its meters; what comes later counts in the next.
SAMPLE_SHARE = 0.4


class ControlLoop:
    """Joins the board, the decision and the ports. ``publish`` is called with each tick's snapshot and decision.

    ``litter`` is looked for after each tick; without, the garbage collector comes when it likes.
    """

    def __init__(
        self,
        *,
        board: Board,
        meters: MeterPort,
        limits: LimitPort,
        clock: Clock,
        vitals: Vitals,
        publish: Callable[[Snapshot, Decision], None],
        litter: Litter | None = None,
    ) -> None:
        self._board = board
        self._meters = meters
        self._limits = limits
        self._clock = clock
        self._vitals = vitals
        self._publish = publish
        self._litter = litter
        self._memory = Memory()
        self._next_id = 1
        self._told = _Told()
        self._sampling: asyncio.Task[None] | None = None
        settings, count = board.site.control, len(board.evses)
        self._idle_a = tuple(idle_limit_a(record.evse, settings) for record in board.evses.values())
        # How each EVSE stood, but for time all that its commands depend on; and until when it needs none as it stood.
        self._settled: list[tuple[tuple[object, ...], Seconds]] = [((), -math.inf)] * count
        self._renewals = tuple(  # without a session, and in one
            tuple(renew_after_s(settings, in_session=each, number=number, of=count) for each in (False, True))
            for number in range(count)
        )

    async def run(self) -> None:
        """Tick until cancelled."""
        period_s = self._board.site.control.period_s
        start = self._clock.monotonic()
        number = 0
        try:
            while True:
                await self._sleep_until(start + number * period_s)
                begun = self._clock.monotonic()
                await self._sample(period_s * SAMPLE_SHARE)
                self.tick()
                ended = self._clock.monotonic()
                self._vitals.completed(at=ended, took_s=ended - begun)
                if self._litter is not None:
                    self._litter.after_tick(ended)
                due = max(number + 1, math.ceil((ended - start) / period_s))
                if due > number + 1:
                    self._vitals.missed(due - number - 1)
                    log.warning("ticks missed", count=due - number - 1, tick_took_s=round(ended - begun, 3))
                number = due
        finally:
            if self._sampling is not None:
                self._sampling.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await self._sampling

    def tick(self) -> Decision:
        """One decision from what is on the board now, carried out."""
        now = self._clock.monotonic()
        snapshot = self._board.snapshot(now)
        decision = decide(snapshot, self._memory)
        self._memory = decision.memory
        if self._board.site.control.mode is Mode.CONTROL:
            commands = self._commands(snapshot, decision)
            self._board.issued(commands, now)
            for command in commands:
                self._limits.write_limit(command)
        self._told.log_changes(decision)
        self._publish(snapshot, decision)
        return decision

    def _commands(self, snapshot: Snapshot, decision: Decision) -> Sequence[LimitCommand]:
        intents: list[Intent] = []
        now = snapshot.now
        records = self._board.evses.values()  # in the order of the snapshot
        told = zip(records, snapshot.evses, decision.told_a, decision.told_single, self._settled, strict=True)
        for number, (record, state, told_a, single, (stood, until)) in enumerate(told):
            stands = (state, told_a, single, *record.writing.values())
            if now < until and stands == stood:
                continue  # nearly always: as it stood, it needed nothing
            if state.reach in (Reach.OFFLINE, Reach.EXPECTED):
                continue
            evse, busy, (idle_after_s, session_after_s) = record.evse, state.in_session, self._renewals[number]
            ends = []
            if not (busy and record.one_limit):
                idle_a = self._idle_a[number]
                ends.append(
                    self._intend(intents, record, Purpose.IDLE, idle_a, None, now, idle_after_s, in_session=False)
                )
            if busy:
                purpose = Purpose.IDLE if record.one_limit else Purpose.SESSION
                phases = (1 if single else len(evse.phases)) if evse.switches_phases else None
                ends.append(
                    self._intend(intents, record, purpose, told_a, phases, now, session_after_s, in_session=True)
                )
            self._settled[number] = stands, min(ends)
        commands = actuate(intents, settings=self._board.site.control, now=now, first_id=self._next_id)
        self._next_id += len(commands)
        return commands

    def _intend(
        self,
        intents: list[Intent],
        record: EvseRecord,
        purpose: Purpose,
        limit_a: Amps,
        phases: int | None,
        now: Seconds,
        after_s: Seconds,
        *,
        in_session: bool,
    ) -> Seconds:
        """What a limit should be, where the station hasn't confirmed just that already. Says until when it needn't be
        told, unless something changes."""
        held, writing = record.holdings.in_force(purpose), record.writing[purpose]
        until = settled_until(held, writing, limit_a=limit_a, phases=phases, renew_after_s=after_s)
        if now < until:
            return until
        evse = record.evse
        intents.append(
            Intent(
                key=evse.key,
                purpose=purpose,
                in_session=in_session,
                limit_a=limit_a,
                safe_a=evse.fallback_a,
                transaction_id=record.transaction_id if purpose is Purpose.SESSION else None,
                told_a=record.told_a,
                held=held,
                may_hold_a=max((grant.limit_a for grant in record.holdings.of(purpose)), default=None),
                writing=writing,
                renew_after_s=after_s,
                phases=phases,
                per_amp_w=self._per_amp_w(evse),
            )
        )
        return until

    def _per_amp_w(self, evse: Evse) -> Watts | None:
        """For an EVSE that is limited in W: the power of one ampere on each of its phases."""
        if evse.supply is Supply.AC:
            return None
        return watts(PhaseAmps.on(evse.phases, 1.0), self._board.site.nominal_voltage_v)

    async def _sample(self, budget_s: Seconds) -> None:
        """Poll the meters, and wait for them as long as the tick can spare. A late poll isn't cancelled: on a serial
        line its answer would be taken for the next one's."""
        if self._sampling is None or self._sampling.done():
            self._sampling = asyncio.create_task(self._meters.sample())
        await asyncio.wait([self._sampling], timeout=budget_s)
        if self._sampling.done():
            self._sampling.result()

    async def _sleep_until(self, due: Seconds) -> None:
        # The event loop's timers may fire a little early by our clock: then once more.
        while (wait_s := due - self._clock.monotonic()) > 0:  # noqa: ASYNC110 - time is what is waited for
            await asyncio.sleep(wait_s)


class _Told:
    """Writes a setpoint to the log when it changes, not every tick."""

    def __init__(self) -> None:
        self._before: Floats | None = None
        self._last: dict[object, tuple[object, ...]] = {}

    def log_changes(self, decision: Decision) -> None:
        signature, before = decision.signature, self._before
        self._before = signature
        changed = np.arange(len(signature)) if before is None else np.flatnonzero((signature != before).any(axis=1))
        for number in changed.tolist():
            setpoint = decision.setpoint(number)
            what = (setpoint.limit_a, setpoint.reason, setpoint.circuit, setpoint.phase)
            last = self._last.get(setpoint.key)
            held = setpoint.reason is Reason.STEADYING and last is not None and last[0] == setpoint.limit_a
            if last != what and not held:
                self._last[setpoint.key] = what
                log.info("setpoint", evse=str(setpoint.key), text=setpoint.text)

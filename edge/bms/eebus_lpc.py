"""EEBUS "Limitation of Power Consumption" (UC TS LPC 1.0.0), the side of the controllable system: its state machine.

No transport: whoever speaks SHIP to the grid operator's box drives it through :class:`LpcPort`. Times are monotonic.
"""

import math
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Protocol, assert_never

import structlog

from edge.units import Seconds, Watts

log = structlog.get_logger(__name__)

HEARTBEAT_LOST_S: Seconds = 120.0  # LPC-911, LPC-912: two heartbeats of 60 s at most
INIT_S: Seconds = 120.0  # LPC-906: who hasn't limited by then doesn't
FIRST_LIMIT_S: Seconds = 120.0  # after the heartbeat is back in the failsafe state
NO_HEARTBEAT = "there was no heartbeat in the last 120 s"
SAME_S: Seconds = 1e-3
FAILSAFE_S = (2 * 3600.0, 24 * 3600.0)  # what the failsafe duration minimum may be


class LpcState(StrEnum):
    """The states of the use case."""

    INIT = "init"  # started a moment ago: the failsafe value holds
    LIMITED = "limited"
    UNLIMITED_CONTROLLED = "unlimited_controlled"
    FAILSAFE = "failsafe"  # the heartbeat is lost
    UNLIMITED_AUTONOMOUS = "unlimited_autonomous"  # nobody limits


def check_limit(limit_w: Watts, duration_s: Seconds | None) -> None:
    """:raises ValueError: no limit of the use case; the text says why."""
    if not 0 <= limit_w < math.inf:
        raise ValueError("the limit is no power of 0 W or more")
    if duration_s is not None and not 0 < duration_s < math.inf:
        raise ValueError("the duration is not above 0 s")


def check_failsafe(value_w: Watts | None, duration_s: Seconds | None) -> None:
    """:raises ValueError: out of range; the text says what."""
    if value_w is not None and not 0 <= value_w < math.inf:
        raise ValueError("the failsafe value is no power of 0 W or more")
    if duration_s is not None and not FAILSAFE_S[0] <= duration_s <= FAILSAFE_S[1]:
        raise ValueError("the failsafe duration is not from 2 to 24 h")


class LpcPort(Protocol):
    """What an adapter drives. Implemented by :class:`Lpc`."""

    def is_silent(self, now: Seconds) -> bool:
        """Whether no heartbeat has come for so long that no limit is taken."""

    def heartbeat(self, now: Seconds) -> None:
        """A heartbeat of the grid operator's box has come."""

    def write_limit(self, limit_w: Watts, *, active: bool, duration_s: Seconds | None, now: Seconds) -> None:
        """The box writes its limit, for a while or (None) until the next one.

        :raises ValueError: it is refused; the text says why.
        """

    def write_failsafe(self, *, value_w: Watts | None = None, duration_s: Seconds | None = None) -> None:
        """The box writes what holds without it, and for how long at least; None leaves the one that is.

        :raises ValueError: out of range.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class LpcSettings:
    """What holds until the box writes otherwise."""

    failsafe_w: Watts = 4200.0
    failsafe_duration_s: Seconds = FAILSAFE_S[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class LpcMemory:
    """What outlives a restart. ``lasts_s``: for how long the limit still holds, None until it is taken back. The
    failsafe values are those that the box has written, None of one that it hasn't: then the site file's holds, whatever
    that is by then.
    """

    state: LpcState
    in_state_s: Seconds
    limit_w: Watts
    lasts_s: Seconds | None
    failsafe_w: Watts | None
    failsafe_duration_s: Seconds | None

    def tells_as(self, before: "LpcMemory") -> bool:
        """Whether it says the same, but for the time that has gone by in between."""
        passed_s = self.in_state_s - before.in_state_s
        lasts_s = before.lasts_s - passed_s if before.lasts_s is not None else None
        same_end = lasts_s is self.lasts_s or (
            lasts_s is not None and self.lasts_s is not None and abs(lasts_s - self.lasts_s) < SAME_S
        )
        return same_end and replace(self, in_state_s=0.0, lasts_s=None) == replace(before, in_state_s=0.0, lasts_s=None)


class Lpc:
    """Implements :class:`LpcPort`. :meth:`tick` carries out what the passing of time does.

    ``before``: what the run before this one remembered, and how long ago. It goes on in the state it was in, with 120 s
    for the next heartbeat; a restart ends no limit and no failsafe state.
    """

    def __init__(self, settings: LpcSettings, *, now: Seconds, before: tuple[LpcMemory, Seconds] | None = None) -> None:
        self._settings = settings
        self._written_w: Watts | None = None  # by the box, as its failsafe value
        self._written_duration_s: Seconds | None = None
        self._entered_at = now
        self._beat_at: Seconds = -math.inf
        self._heard_at: Seconds | None = None  # in the failsafe state: since when heartbeats come again
        self._limit_w: Watts = settings.failsafe_w
        self._ends_at: Seconds | None = None
        self.state = LpcState.INIT
        if before is not None:
            self._resume(*before, now)

    def _resume(self, memory: LpcMemory, ago_s: Seconds, now: Seconds) -> None:
        self._written_w, self._written_duration_s = memory.failsafe_w, memory.failsafe_duration_s
        if memory.state in (LpcState.INIT, LpcState.UNLIMITED_AUTONOMOUS):
            return
        self.state, self._limit_w = memory.state, memory.limit_w
        self._entered_at = now - memory.in_state_s - ago_s
        if memory.state is not LpcState.FAILSAFE:
            self._beat_at = now
        if memory.lasts_s is not None:
            self._ends_at = now + memory.lasts_s - ago_s
        log.info("EEBUS LPC goes on", state=self.state.value)

    def memory(self, now: Seconds) -> LpcMemory:
        """What is to be remembered now."""
        return LpcMemory(
            state=self.state,
            in_state_s=now - self._entered_at,
            limit_w=self._limit_w,
            lasts_s=max(self._ends_at - now, 0.0) if self._ends_at is not None else None,
            failsafe_w=self._written_w,
            failsafe_duration_s=self._written_duration_s,
        )

    @property
    def _failsafe_w(self) -> Watts:
        return self._written_w if self._written_w is not None else self._settings.failsafe_w

    @property
    def _failsafe_duration_s(self) -> Seconds:
        written_s = self._written_duration_s
        return written_s if written_s is not None else self._settings.failsafe_duration_s

    @property
    def allowed_w(self) -> Watts | None:
        """What may be consumed now, None for as much as there is."""
        match self.state:
            case LpcState.INIT | LpcState.FAILSAFE:
                return self._failsafe_w
            case LpcState.LIMITED:
                return self._limit_w
            case LpcState.UNLIMITED_CONTROLLED | LpcState.UNLIMITED_AUTONOMOUS:
                return None
            case _:
                assert_never(self.state)

    @property
    def ends_at(self) -> Seconds | None:
        """When the box's limit ends by itself, None where nothing limits or it holds until it is taken back."""
        return self._ends_at

    def heartbeat(self, now: Seconds) -> None:
        self.tick(now)
        if self.state is LpcState.FAILSAFE and self._heard_at is None:
            self._heard_at = now
        self._beat_at = now

    def write_limit(self, limit_w: Watts, *, active: bool, duration_s: Seconds | None, now: Seconds) -> None:
        self.tick(now)
        check_limit(limit_w, duration_s)
        if self.is_silent(now):
            raise ValueError(NO_HEARTBEAT)
        self._limit_w = limit_w
        self._ends_at = now + duration_s if active and duration_s is not None else None
        self._to(LpcState.LIMITED if active else LpcState.UNLIMITED_CONTROLLED, now, "a limit was written")

    def write_failsafe(self, *, value_w: Watts | None = None, duration_s: Seconds | None = None) -> None:
        check_failsafe(value_w, duration_s)
        self._written_w = value_w if value_w is not None else self._written_w
        self._written_duration_s = duration_s if duration_s is not None else self._written_duration_s

    def tick(self, now: Seconds) -> None:
        """Carry out the transitions that time brings."""
        in_state_s, silent = now - self._entered_at, self.is_silent(now)
        match self.state:
            case LpcState.INIT:
                if in_state_s >= INIT_S:
                    self._to(LpcState.UNLIMITED_AUTONOMOUS, now, "nobody limits")
            case LpcState.LIMITED | LpcState.UNLIMITED_CONTROLLED:
                if silent:
                    self._to(LpcState.FAILSAFE, now, "the heartbeat is lost")
                elif self._ends_at is not None and now >= self._ends_at:
                    self._to(LpcState.UNLIMITED_CONTROLLED, now, "the limit's time is over")
            case LpcState.FAILSAFE:
                self._heard_at = None if silent else self._heard_at
                if self._heard_at is not None and now - self._heard_at >= FIRST_LIMIT_S:
                    self._to(LpcState.UNLIMITED_AUTONOMOUS, now, "the heartbeat is back and nobody limits")
                elif silent and in_state_s >= self._failsafe_duration_s:
                    self._to(LpcState.UNLIMITED_AUTONOMOUS, now, "the failsafe duration is over")
            case LpcState.UNLIMITED_AUTONOMOUS:
                pass
            case _:
                assert_never(self.state)

    def is_silent(self, now: Seconds) -> bool:
        return now - self._beat_at >= HEARTBEAT_LOST_S

    def _to(self, state: LpcState, now: Seconds, why: str) -> None:
        if state is not LpcState.LIMITED:
            self._ends_at = None
        self._heard_at = None
        if state is self.state:
            return
        log.info("EEBUS LPC", was=self.state.value, now=state.value, why=why)
        self.state, self._entered_at = state, now

"""The limits that were written to a station, until its clock shows when they begin. Sans-I/O.

A limit begins at a moment of the station's clock. Where nobody knows that, it is written so that it binds by any clock
(:func:`edge.ocpp.profiles.writer.schedule`), and anew when it is known. Where it was taken for another, or is set back
afterwards (to the true time after a boot; an hour in the night of the change, where it shows local time), the limit
lies in the station's future and binds nothing; or so far in its past that its lease is over.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeAlias

from edge.domain.setpoint import LimitCommand, Purpose
from edge.domain.site import EvseKey
from edge.ocpp.profiles.writer import is_long
from edge.ocpp.station_clock import EPOCH
from edge.ocpp.station_memory import StationMemory
from edge.units import Seconds

BEGINS_LATE_S: Seconds = 5.0  # so far in the station's future a limit is written anew; less is a slow message
BEGINS_EARLY_S: Seconds = 30.0  # so far in its past: the lease is over so much earlier than it is counted

CLEARED = "may have been cleared with a profile of the cloud's"  # no fault: the cloud has wanted something cleared

Slot: TypeAlias = tuple[EvseKey, Purpose]  # where the station keeps a limit


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A limit that was written at ``at``, to begin at ``begins`` by the station's clock, None: to bind by any;
    ``known``: had the station shown it. ``anew``: it was written, and accepted, otherwise before."""

    command: LimitCommand
    at: Seconds
    begins: datetime | None
    known: bool
    anew: bool


class WrittenLimits:
    """The newest of each slot of one station."""

    def __init__(self, memory: StationMemory) -> None:
        self._memory = memory
        self._written: dict[Slot, Written] = {}
        self._anew: set[Slot] = set()  # to be written so
        self._lead_s: Seconds | None = None  # the station's clock's, with which none of them is late
        self._doubted: set[Slot] = set()  # the station may have lost them

    def write(self, command: LimitCommand, now: Seconds, wall: datetime) -> datetime | None:
        """A limit is being written: when it begins by the station's clock, None: by any; one that is written anew, when
        it did."""
        slot = (command.key, command.purpose)
        before = self._written.get(slot)
        anew = before is not None and before.command.id == command.id and slot in self._anew
        self._anew.discard(slot)
        at = before.at if before is not None and anew else now
        begins, known = self._begins(at, now, wall), self._memory.clock.is_known
        self._written[slot] = Written(command=command, at=at, begins=begins, known=known, anew=anew)
        return begins

    def refused(self, command: LimitCommand) -> bool:
        """The station doesn't hold it; whether it holds what it was told by this command before."""
        slot = (command.key, command.purpose)
        written = self._written.get(slot)
        if written is None or written.command.id != command.id:
            return False
        del self._written[slot]
        return written.anew

    def amiss(self, now: Seconds, wall: datetime) -> list[tuple[Written, str]]:
        """Those that begin in the station's future, as far as is known now, or long before they were written; that were
        written for any clock, now that it is known; or that may be lost. Each with what is amiss. Nearly always none.
        """
        clock = self._memory.clock
        is_settled = clock.lead_s is not None and clock.lead_s == self._lead_s
        if not self._written or (is_settled and not self._doubted):
            return []
        # A station that has booted forgets its time, and is told all its limits anew.
        compared = (each for each in self._written.values() if clock.is_known or not each.known)
        judged = ((each, self._amiss(each, now, wall)) for each in compared)
        found = [(each, when) for each, when in judged if when is not None and self._is_held(each)]
        self._doubted.clear()
        self._anew.update((each.command.key, each.command.purpose) for each, _ in found)
        settled = not found and clock.reached(now, wall) is not None  # else until they are written anew
        self._lead_s = clock.lead_s if settled else None
        return found

    def doubt(self) -> None:
        """The station may have lost any of them."""
        self._doubted.update(self._written)

    def wants_time(self, now: Seconds, wall: datetime) -> bool:
        """Whether the station is to be asked for its time now."""
        return bool(self._written) and self._memory.clock.wants_another(now, wall)

    def clear(self) -> None:
        """The station is gone: what it holds is told anew when it is back."""
        self._written.clear()
        self._anew.clear()
        self._doubted.clear()
        self._lead_s = None

    def _amiss(self, written: Written, now: Seconds, wall: datetime) -> str | None:
        if (written.command.key, written.command.purpose) in self._doubted:
            return CLEARED
        begins = self._begins(written.at, now, wall)
        if written.begins is None:
            known_now = begins is not None and is_long(written.command)
            return "was written without the station's time" if known_now else None
        if begins is None:
            return "may begin in the station's future"
        late_s = (written.begins - begins).total_seconds()
        if late_s > BEGINS_LATE_S:
            return "began in the station's future"
        return "began in the station's past" if late_s < -BEGINS_EARLY_S and self._memory.clock.is_known else None

    def _is_held(self, written: Written) -> bool:
        """Whether it means anything: a session's limit goes with its transaction."""
        command = written.command
        running = self._memory.transactions.on(command.key)
        return command.purpose is Purpose.IDLE or running == command.transaction_id

    def _begins(self, at: Seconds, now: Seconds, wall: datetime) -> datetime | None:
        """What the station's clock said at ``at``, at the latest; None where nobody can tell."""
        reached = self._memory.clock.reached(now, wall)
        return max(reached - timedelta(seconds=now - at), EPOCH) if reached is not None else None

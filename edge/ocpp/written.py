"""The limits that were written to a station, until its clock shows when they begin. Sans-I/O.

A limit begins at a moment of the station's clock. Where that wasn't known, or is set back afterwards (to the true time
after a boot; an hour in the night of the change, where it shows local time), the limit lies in the station's future and
binds nothing.
"""

import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeAlias

from edge.domain.setpoint import LimitCommand, Purpose
from edge.domain.site import EvseKey
from edge.ocpp.station_clock import EPOCH
from edge.ocpp.station_memory import StationMemory
from edge.units import Seconds

BEGINS_LATE_S: Seconds = 5.0  # so far in the station's future a limit is written anew; less is a slow message
ASK_EVERY_S: Seconds = 60.0  # what a station had stored comes in bursts

Slot: TypeAlias = tuple[EvseKey, Purpose]  # where the station keeps a limit


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A limit that was written at ``at``, to begin at ``begins`` by the station's clock; ``known``: was that known."""

    command: LimitCommand
    at: Seconds
    begins: datetime
    known: bool


class WrittenLimits:
    """The newest of each slot of one station."""

    def __init__(self, memory: StationMemory) -> None:
        self._memory = memory
        self._asked_at = -math.inf
        self._written: dict[Slot, Written] = {}
        self._anew: set[Slot] = set()  # to be written so
        self._lead_s: Seconds | None = None  # the station's clock's, with which none of them is late

    def write(self, command: LimitCommand, now: Seconds, wall: datetime) -> datetime:
        """A limit is being written: when it begins by the station's clock; one that is written anew, when it did."""
        slot = (command.key, command.purpose)
        before = self._written.get(slot)
        anew = before is not None and before.command.id == command.id and slot in self._anew
        self._anew.discard(slot)
        at = before.at if before is not None and anew else now
        begins, known = self._begins(at, now, wall), self._memory.clock.is_known
        self._written[slot] = Written(command=command, at=at, begins=begins, known=known)
        return begins

    def refused(self, command: LimitCommand) -> None:
        """The station doesn't hold it."""
        slot = (command.key, command.purpose)
        if slot in self._written and self._written[slot].command.id == command.id:
            del self._written[slot]

    def late(self, now: Seconds, wall: datetime) -> list[Written]:
        """Those that begin in the station's future, as far as is known now, or with 1970; nearly always none."""
        clock = self._memory.clock
        if not self._written or (clock.lead_s is not None and clock.lead_s == self._lead_s):
            return []
        # A station that has booted forgets its time, and is told all its limits anew.
        compared = (each for each in self._written.values() if clock.is_known or not each.known)
        found = [each for each in compared if self._is_late(each, now, wall) and self._is_held(each)]
        self._anew.update((each.command.key, each.command.purpose) for each in found)
        self._lead_s = clock.lead_s if not found else None  # until they are written anew
        return found

    def wants_time(self, now: Seconds) -> bool:
        """Whether the station is to be asked for its time now: its last stamp was far behind, and one alone may have
        been stored; not again within a minute. Or it may count from 1970."""
        clock = self._memory.clock
        if self._written and clock.wants_another(now):
            return True
        if not self._written or not clock.is_in_doubt(now) or now - self._asked_at < ASK_EVERY_S:
            return False
        self._asked_at = now
        return True

    def clear(self) -> None:
        """The station is gone: what it holds is told anew when it is back."""
        self._written.clear()
        self._anew.clear()
        self._lead_s = None

    def _is_late(self, written: Written, now: Seconds, wall: datetime) -> bool:
        begins = self._begins(written.at, now, wall)
        is_late = (written.begins - begins).total_seconds() > BEGINS_LATE_S
        return is_late or written.begins == EPOCH != begins  # and of one that counts from 1970: that is long over

    def _is_held(self, written: Written) -> bool:
        """Whether it means anything: a session's limit goes with its transaction."""
        command = written.command
        running = self._memory.transactions.on(command.key)
        return command.purpose is Purpose.IDLE or running == command.transaction_id

    def _begins(self, at: Seconds, now: Seconds, wall: datetime) -> datetime:
        """What the station's clock said at ``at``, at the latest."""
        return max(self._memory.clock.not_after(now, wall) - timedelta(seconds=now - at), EPOCH)

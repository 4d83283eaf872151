"""Hours at which a class of cars has another rank, and hours in which it may charge at all."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from edge.bms.calendar import Change, Hours
from edge.chance import Chance, SystemChance
from edge.clock import Clock
from edge.control.ports import HourSink
from edge.domain.limit import LimitStated
from edge.domain.opening import AtClose, ClassHour
from edge.units import Seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class RankHours(Hours):
    """The class has this rank then; where several hold, the lowest number."""

    rank: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenHours(Hours):
    """The class may charge then; ``at_close`` is for the sessions that run when they are over."""

    at_close: AtClose


class ClassSchedule:
    """The hours of one class. Implements :class:`edge.bms.watches.Watch`: it limits no circuit.

    A class without ``open_hours`` is always open. While the wall clock isn't to be believed it is open and of its own
    rank: no fuse depends on either, and a gateway without the time is no reason to leave cars empty.
    """

    def __init__(
        self,
        class_id: str,
        *,
        rank_hours: Sequence[RankHours],
        open_hours: Sequence[OpenHours],
        timezone: str,
        sink: HourSink,
        random_delay_s: Seconds | None = None,
        chance: Chance | None = None,
    ) -> None:
        self._class_id = class_id
        self._rank_hours = tuple(rank_hours)
        self._open_hours = tuple(open_hours)
        self._timezone = ZoneInfo(timezone)
        self._sink = sink
        self._change: Change[tuple[int | None, AtClose | None]] = Change(
            random_delay_s, chance if chance is not None else SystemChance()
        )

    def holds(self, clock: Clock) -> tuple[int | None, AtClose | None]:
        """The rank now, None for its own; and what closed means now, None while it is open."""
        if not clock.wall_is_trusted():
            return None, None
        local = clock.wall().astimezone(self._timezone)
        rank = min((each.rank for each in self._rank_hours if each.holds(local)), default=None)
        is_open = not self._open_hours or any(each.holds(local) for each in self._open_hours)
        return rank, None if is_open else self._open_hours[0].at_close

    def observe(self, report: Mapping[str, Any], clock: Clock) -> LimitStated | None:  # noqa: ARG002 - a watch's
        found = self.holds(clock)
        if self._change.is_due(found, clock):
            rank, closed = found
            self._sink.take(ClassHour(class_id=self._class_id, at=clock.monotonic(), rank=rank, closed=closed))
        return None

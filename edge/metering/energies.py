"""An energy register as a quantity that never falls, whatever the meter does. Pure.

A meter that was reset, replaced or has overflowed begins again at a lower number. What it counted before stays counted,
and the gap is told. A number that jumps up by more than can have flowed is a slip, unless it stays; it is the step of a
coarse register, as of one in MWh, where so much can have flowed since that stepped last.
"""

import math

from edge.units import Seconds, WattHours, Watts

STALE_S: Seconds = 15.0  # an energy that was last read longer ago is not told: three reads may be lost
CONFIRMATIONS = 3  # reads in a row that say the same, before a fall or a jump is believed
ROUNDING_WH: WattHours = 2_000.0  # a float32 in Wh or kWh steps by up to this at 30 GWh: no fall yet, no jump yet
GAP_TOLD_S: Seconds = 3_600.0  # how long a gap is shown
MAX_WH: WattHours = 1e12  # a thousand GWh: no meter's register
_S_PER_H = 3600.0


class EnergyCounter:
    """One register of one meter."""

    def __init__(self, *, most_w: Watts) -> None:
        """``most_w``: more power than this can't flow for long."""
        self._most_w = most_w
        self._raw: WattHours | None = None  # as last believed
        self._at: Seconds = 0.0
        self._moved_at: Seconds = 0.0  # when it became what it is
        self._offset_wh: WattHours = 0.0  # what was counted before the register began again
        self._odd: list[WattHours] = []  # reads in a row that don't continue the register
        self._gap_at: Seconds | None = None
        self._gap = ""

    @property
    def gap(self) -> str:
        """What to tell of a register that didn't go on where it was, empty when there is nothing to tell."""
        return self._gap if self._gap_at is not None and self._at - self._gap_at < GAP_TOLD_S else ""

    def take(self, raw_wh: WattHours | None, at: Seconds) -> None:
        """What the register says now; None or nonsense counts as not read."""
        if raw_wh is None or not math.isfinite(raw_wh) or not 0 <= raw_wh <= MAX_WH:
            return
        if self._raw is None or self._continues(raw_wh, at):
            self._go_on(max(raw_wh, self._raw or 0.0), at)
            return
        if self._odd and abs(raw_wh - self._odd[-1]) > ROUNDING_WH + self._possible_wh(self._at, at):
            self._odd.clear()
        self._odd.append(raw_wh)
        is_step = 0 < raw_wh - self._raw <= self._possible_wh(self._moved_at, at) + ROUNDING_WH
        if is_step:
            self._at = at  # a register that does so is read
        if len(self._odd) >= CONFIRMATIONS:
            (self._go_on if is_step else self._begin_again)(raw_wh, at)

    def value_wh(self, now: Seconds) -> WattHours | None:
        """What has been counted in all, None when it was not read lately."""
        if self._raw is None or now - self._at > STALE_S:
            return None
        return self._offset_wh + self._raw

    def _possible_wh(self, since: Seconds, at: Seconds) -> WattHours:
        return self._most_w * max(at - since, 0.0) / _S_PER_H

    def _continues(self, raw_wh: WattHours, at: Seconds) -> bool:
        assert self._raw is not None  # noqa: S101 - asked first
        return -ROUNDING_WH <= raw_wh - self._raw <= self._possible_wh(self._at, at) + ROUNDING_WH

    def _go_on(self, raw_wh: WattHours, at: Seconds) -> None:
        if raw_wh != self._raw:
            self._moved_at = at
        self._raw, self._at = raw_wh, at
        self._odd.clear()

    def _begin_again(self, raw_wh: WattHours, at: Seconds) -> None:
        assert self._raw is not None  # noqa: S101 - there is something to begin again from
        self._gap = f"went from {self._raw / 1000:.1f} to {raw_wh / 1000:.1f} kWh; what is told goes on from before"
        self._offset_wh += self._raw - raw_wh
        self._gap_at = at
        self._go_on(raw_wh, at)

"""What the building has demanded, kept over a restart: as long as it holds, nobody need say it again.

Else a gateway that is restarted together with the building (the mains are back, or a generator has taken over) would
give all that the fuses allow until the BMS is heard anew; and a BMS that renews by its heartbeat would renew nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import orjson
import structlog

from edge.bms.eco import BmsMode
from edge.clock import Clock, Stamp
from edge.domain.limit import LimitSource
from edge.units import Amps, Seconds, Watts
from edge.whole_file import Writing, at_least_0

log = structlog.get_logger(__name__)

RENEWED_S: Seconds = 30.0  # a renewal is written down when it adds this much: one each second would wear out the card
BETWEEN_S: Seconds = 10.0  # from one writing to the next on average, for the same reason
AT_ONCE = 6  # writings that may follow each other: what a BMS says anew now and then is written each time


@dataclass(frozen=True, slots=True, kw_only=True)
class Demanded:
    """What the BMS has demanded by one way. ``left_s`` is for how long it still holds: 0 where it has fallen silent.

    ``valid_s``, ``fallback_a`` and ``mode`` stand in the Modbus registers, ``fallback_a`` None where the BMS hasn't
    lowered it; by MQTT mode eco has an end of its own.
    """

    left_s: Seconds
    limit_a: Amps | None = None
    limit_w: Watts | None = None
    fallback_a: Amps | None = None
    valid_s: int = 0
    mode: BmsMode = BmsMode.AUTO
    eco_left_s: Seconds = 0.0


class LimitsFile:
    """A memory on the disk; the time that passes while nobody runs counts where the clock is set on both sides."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._kept: Mapping[LimitSource, Demanded] = {}
        self._kept_at: Seconds | None = None
        self._stamp: Stamp | None = None
        self._lately = 0.0  # writings, of which one is forgotten each BETWEEN_S
        self._writing = Writing(file)

    def read(self, clock: Clock) -> dict[LimitSource, Demanded]:
        """What holds of it now, by the way on which it came; nothing where nothing was kept.

        What can't be believed is taken for a BMS that has fallen silent, on both ways.
        """
        try:
            saved = orjson.loads(self._file.read_bytes())
            wall_s = at_least_0(saved["wall_s"]) if saved["wall_s"] is not None else None
            found = {source: _read(saved[source.value]) for source in _WAYS if source.value in saved}
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, KeyError, TypeError) as exc:
            log.warning(
                "what the BMS had demanded can't be read: its fallback holds until it is heard",
                file=str(self._file),
                problem=str(exc),
            )
            return dict.fromkeys(_WAYS, Demanded(left_s=0.0))
        passed_s = clock.wall().timestamp() - wall_s if wall_s is not None and clock.wall_is_trusted() else 0.0
        return {source: _after(demanded, passed_s) for source, demanded in found.items()}

    def keep(self, demanded: Mapping[LimitSource, Demanded], clock: Clock) -> None:
        """Write it down if it is another, if it was renewed by much, if the clock was set since, or if the disk refused
        the last; by another thread: a disk that stalls costs no tick.
        """
        passed_s = clock.monotonic() - self._kept_at if self._kept_at is not None else None
        if passed_s is not None:
            is_worn = self._lately - passed_s / BETWEEN_S > AT_ONCE - 1
            if is_worn or not self._is_news(demanded, passed_s):
                return
        self._write(demanded, clock)

    async def close(self, demanded: Mapping[LimitSource, Demanded], clock: Clock) -> None:
        """Return when this is written; nothing is where nobody has demanded anything, nor could."""
        if demanded:
            self._write(demanded, clock)
        await self._writing.done()

    def _is_news(self, demanded: Mapping[LimitSource, Demanded], passed_s: Seconds) -> bool:
        was_set = self._stamp is not None and self._stamp.has_moved()
        if was_set or self._writing.failed or demanded.keys() != self._kept.keys():
            return True
        return any(_tells_more(now, self._kept[source], passed_s) for source, now in demanded.items())

    def _write(self, demanded: Mapping[LimitSource, Demanded], clock: Clock) -> None:
        now = clock.monotonic()
        passed_s = now - self._kept_at if self._kept_at is not None else 0.0
        self._lately = max(self._lately - passed_s / BETWEEN_S, 0.0) + 1.0
        self._kept, self._kept_at, self._stamp = demanded, now, Stamp(clock)
        body: dict[str, Any] = {source.value: each for source, each in demanded.items()}
        self._writing.begin(
            orjson.dumps(body | {"wall_s": clock.wall().timestamp() if clock.wall_is_trusted() else None})
        )


_WAYS = (LimitSource.BMS_MQTT, LimitSource.BMS_MODBUS)


def _tells_more(now: Demanded, kept: Demanded, passed_s: Seconds) -> bool:
    if replace(now, left_s=0.0, eco_left_s=0.0) != replace(kept, left_s=0.0, eco_left_s=0.0):
        return True
    if (now.left_s > 0) is not (kept.left_s > 0):
        return True
    ends = ((now.left_s, kept.left_s), (now.eco_left_s, kept.eco_left_s))
    # An end that has come earlier was taken back, or set anew for less.
    return any(abs(left_s - max(before_s - passed_s, 0.0)) >= RENEWED_S for left_s, before_s in ends)


def _after(demanded: Demanded, passed_s: Seconds) -> Demanded:
    """What holds when that much time has passed. It may have been renewed since by what isn't written down."""

    def left(then_s: Seconds) -> Seconds:
        return min(max(then_s - passed_s + RENEWED_S, 0.0), then_s)

    return replace(demanded, left_s=left(demanded.left_s), eco_left_s=left(demanded.eco_left_s))


def _read(saved: Mapping[str, Any]) -> Demanded:
    """:raises ValueError, KeyError, TypeError: it is none."""

    def maybe(name: str) -> float | None:
        return at_least_0(saved[name]) if saved[name] is not None else None

    return Demanded(
        left_s=at_least_0(saved["left_s"]),
        limit_a=maybe("limit_a"),
        limit_w=maybe("limit_w"),
        fallback_a=maybe("fallback_a"),
        valid_s=int(at_least_0(saved["valid_s"])),
        mode=BmsMode(saved["mode"]),
        eco_left_s=at_least_0(saved["eco_left_s"]),
    )

"""What drivers, their apps and cars said of a session's need, kept over a restart: part of the composition root.

A bus says once in the evening when it leaves. A gateway that is restarted at night (an update, the mains) would share
alike from then on, and the first line would stand in the yard in the morning.
"""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import structlog

from edge.clock import DAY_S, STEP_S, Clock
from edge.control.board import Board
from edge.domain.site import EvseKey
from edge.domain.station import NeedStated
from edge.units import Seconds, WattHours
from edge.whole_file import Writing, at_least_0

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A need as it was stated, of one transaction. ``departure_s``: seconds since 1970; ``register_wh``: that of the
    EVSE when it was stated, None where that wasn't known.
    """

    transaction: str
    energy_wanted_wh: WattHours
    departure_s: Seconds
    register_wh: WattHours | None


class NeedMemory:
    """Restates what holds for a session once that is heard of again, and writes down what is new, by another thread.

    Both wait for a clock that is set: a need has a time of day. A board without a battery-backed clock starts with the
    time at which it stopped, and is set right some time later: what was restated by that follows.
    """

    def __init__(self, file: Path, board: Board, clock: Clock) -> None:
        self._file = file
        self._board = board
        self._clock = clock
        self._waiting: dict[EvseKey, Kept] = {}
        self._seen: dict[EvseKey, tuple[NeedStated, Kept]] = {}
        self._restated: dict[EvseKey, Seconds] = {}  # by which lead of the wall clock over the monotonic one
        self._waited_for: frozenset[EvseKey] = frozenset()
        self._writing = Writing(file)

    def start(self) -> None:
        """Read what was kept; nothing where nothing was, or what is there can't be read."""
        try:
            found = dict(map(_read, orjson.loads(self._file.read_bytes())["needs"]))
        except FileNotFoundError:
            return
        except (OSError, ValueError, KeyError, TypeError) as exc:
            log.warning("what cars need can't be read: state it anew", file=str(self._file), problem=str(exc))
            return
        self._waiting = {key: kept for key, kept in found.items() if key in self._board.evses}
        self._waited_for = frozenset(self._waiting)

    def look(self) -> None:
        """To be called after each tick."""
        if not self._clock.wall_is_trusted():
            return
        lead_s = self._clock.wall().timestamp() - self._clock.monotonic()
        if any(abs(lead_s - then_s) > STEP_S for then_s in self._restated.values()):
            self._follow(lead_s)
        if self._waiting:
            self._restate(lead_s)
        self._keep(lead_s)

    async def stop(self) -> None:
        """Return when what is under way is written."""
        await self._writing.done()

    def _restate(self, lead_s: Seconds) -> None:
        now_s = lead_s + self._clock.monotonic()
        for key, kept in tuple(self._waiting.items()):
            record = self._board.evses[key]
            if record.transaction_id is None and now_s < kept.departure_s + DAY_S:
                continue  # its station isn't back yet
            del self._waiting[key]
            if record.transaction_id == kept.transaction and record.energy.need is None:
                self._state(key, kept, lead_s)

    def _follow(self, lead_s: Seconds) -> None:
        """The clock was set since: what still holds of what was restated leaves at the same time of day."""
        for key in tuple(self._restated):
            record, (need, kept) = self._board.evses[key], self._seen[key]
            del self._restated[key]
            if record.transaction_id == kept.transaction and record.energy.need is need:
                self._state(key, kept, lead_s)

    def _state(self, key: EvseKey, kept: Kept, lead_s: Seconds) -> None:
        now = self._clock.monotonic()
        need = NeedStated(
            key=key,
            at=now,
            energy_wanted_wh=kept.energy_wanted_wh,
            departs_in_s=kept.departure_s - lead_s - now,
            register_wh=kept.register_wh,
        )
        self._board.take(need)
        self._seen[key], self._restated[key] = (need, kept), lead_s

    def _keep(self, lead_s: Seconds) -> None:
        """Write all down where any is new; those of sessions that aren't heard of again yet stay."""
        seen = {
            key: (record.energy.need, self._kept(key, record.transaction_id, record.energy.need, lead_s))
            for key, record in self._board.evses.items()
            if record.energy.need is not None and record.transaction_id is not None
        }
        waiting = frozenset(self._waiting)
        if seen == self._seen and waiting == self._waited_for and not self._writing.failed:
            return
        self._seen, self._waited_for = seen, waiting
        self._restated = {key: then_s for key, then_s in self._restated.items() if key in seen}
        all_kept = [*self._waiting.items(), *((key, kept) for key, (_, kept) in seen.items())]
        self._writing.begin(orjson.dumps({"needs": [_written(key, kept) for key, kept in all_kept]}))

    def _kept(self, key: EvseKey, transaction: str, need: NeedStated, lead_s: Seconds) -> Kept:
        """Its departure is a time of day from the moment at which it was stated, whatever becomes of the clock."""
        register_wh = self._board.evses[key].energy.at_need_wh
        before, kept = self._seen.get(key, (None, None))
        if kept is not None and before is need and kept.transaction == transaction:
            return kept if kept.register_wh == register_wh else replace(kept, register_wh=register_wh)
        departure_s = need.departure_s
        if departure_s is None:
            departure_s = lead_s + need.at + (need.departs_in_s or 0.0)
        return Kept(
            transaction=transaction,
            energy_wanted_wh=need.energy_wanted_wh,
            departure_s=departure_s,
            register_wh=register_wh,
        )


def _written(key: EvseKey, kept: Kept) -> dict[str, Any]:
    return {
        "station": key.station,
        "evse": key.evse,
        "transaction": kept.transaction,
        "energy_wanted_wh": kept.energy_wanted_wh,
        "departure_at": datetime.fromtimestamp(kept.departure_s, UTC).isoformat(),
        "register_wh": kept.register_wh,
    }


def _read(saved: dict[str, Any]) -> tuple[EvseKey, Kept]:
    """:raises ValueError, KeyError, TypeError: it is none."""
    register_wh = saved["register_wh"]
    return EvseKey(station=str(saved["station"]), evse=int(saved["evse"])), Kept(
        transaction=str(saved["transaction"]),
        energy_wanted_wh=at_least_0(saved["energy_wanted_wh"]),
        departure_s=datetime.fromisoformat(saved["departure_at"]).timestamp(),
        register_wh=at_least_0(register_wh) if register_wh is not None else None,
    )

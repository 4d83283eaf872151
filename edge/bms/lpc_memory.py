"""What EEBUS LPC remembers over a restart: the values that the grid operator's box wrote, and the state (LPC-022)."""

from pathlib import Path

import orjson
import structlog

from edge.bms.eebus_lpc import FAILSAFE_S, LpcMemory, LpcState
from edge.clock import Clock, Stamp
from edge.units import Seconds
from edge.whole_file import Writing, at_least_0

log = structlog.get_logger(__name__)


class LpcFile:
    """A memory on the disk; the time that passes while nobody runs counts where the clock is set on both sides."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._kept: LpcMemory | None = None
        self._stamp: Stamp | None = None
        self._writing = Writing(file)

    def read(self, clock: Clock) -> tuple[LpcMemory, Seconds] | None:
        """What was kept, and how long ago that was; None where nothing is, or what is there can't be believed."""
        try:
            saved = orjson.loads(self._file.read_bytes())
            lasts_s, failsafe_w, failsafe_s = (saved[each] for each in ("lasts_s", "failsafe_w", "failsafe_duration_s"))
            memory = LpcMemory(
                state=LpcState(saved["state"]),
                in_state_s=at_least_0(saved["in_state_s"]),
                limit_w=at_least_0(saved["limit_w"]),
                lasts_s=at_least_0(lasts_s) if lasts_s is not None else None,
                failsafe_w=at_least_0(failsafe_w) if failsafe_w is not None else None,
                failsafe_duration_s=min(max(at_least_0(failsafe_s), FAILSAFE_S[0]), FAILSAFE_S[1])
                if failsafe_s is not None
                else None,
            )
            at_s = at_least_0(saved["wall_s"]) if saved["wall_s"] is not None else None
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError) as exc:
            log.warning("what was remembered of EEBUS LPC can't be read", file=str(self._file), problem=str(exc))
            return None
        ago_s = clock.wall().timestamp() - at_s if at_s is not None and clock.wall_is_trusted() else 0.0
        return memory, max(ago_s, 0.0)

    def keep(self, memory: LpcMemory, clock: Clock) -> None:
        """Write it down if it is another, if the clock was set since, or if the disk refused the last; by another
        thread: a disk that stalls costs no tick.
        """
        is_told = self._kept is not None and memory.tells_as(self._kept)
        if is_told and not self._writing.failed and not (self._stamp is not None and self._stamp.has_moved()):
            return
        self._kept, self._stamp = memory, Stamp(clock)
        body = orjson.dumps(
            {
                "wall_s": clock.wall().timestamp() if clock.wall_is_trusted() else None,
                "state": memory.state.value,
                "in_state_s": memory.in_state_s,
                "limit_w": memory.limit_w,
                "lasts_s": memory.lasts_s,
                "failsafe_w": memory.failsafe_w,
                "failsafe_duration_s": memory.failsafe_duration_s,
            }
        )
        self._writing.begin(body)

    async def close(self) -> None:
        """Return when what is under way is written."""
        await self._writing.done()

"""What judges by itself, tick by tick, how much the site may take: a calendar, a window of demand."""

from collections.abc import Mapping
from typing import Any, Protocol

from edge.clock import Clock
from edge.domain.limit import LimitStated


class Watch(Protocol):
    """Looks at the report of each tick."""

    def observe(self, report: Mapping[str, Any], clock: Clock) -> LimitStated | None:
        """The limit that follows, None where what was stated last still stands."""

"""When a class of cars may charge, and where it stands in line at that hour."""

from dataclasses import dataclass
from enum import StrEnum

from edge.units import Seconds


class AtClose(StrEnum):
    """What becomes of a session that runs when the hours of its class are over. One that begins afterwards gets no
    current before they begin again."""

    REFUSE = "refuse"  # it gets no current until they begin again
    REDUCE = "reduce"  # it goes on at its minimum
    FINISH = "finish"  # it goes on as before


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassHour:
    """What holds for a class from now on. ``rank`` None: its own. ``closed`` None: it is open."""

    class_id: str
    at: Seconds
    rank: int | None = None
    closed: AtClose | None = None

"""What a decision takes from the one before it; part of its input, so that a recorded decision replays."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from edge.allocation.background import Background
from edge.allocation.cars import Cars
from edge.units import Seconds


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Memory:
    """``background`` by the id of each metered circuit; ``cars`` is None before the first decision, ``decided_at``
    when the last was made."""

    background: Mapping[str, Background] = field(default_factory=dict)
    cars: Cars | None = None
    decided_at: Seconds | None = None

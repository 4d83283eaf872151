"""A meter that isn't asked but tells: what a P1 port or an MQTT topic implement."""

from collections.abc import Callable
from typing import Protocol

from edge.metering.family import Values

# Takes the quantities of one telegram or message, as they arrive. Never raises.
Deliver = Callable[[Values], None]
# Takes a sentence: why nothing can be told now (no connection, a broken telegram). Never raises.
Fail = Callable[[str], None]


class TellingSource(Protocol):
    """Listens and reconnects by itself, from ``start`` on until ``close``; what fails costs its own meter only."""

    async def start(self, deliver: Deliver, fail: Fail) -> None:
        """Begin; returns at once. No connection is no error: ``fail`` is told, and it is tried again."""

    async def close(self) -> None:
        """End, and give the line up."""

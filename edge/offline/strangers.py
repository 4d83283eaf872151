"""The last card shown at each station that isn't the site's own: for whoever has it in the hand to enter it."""

from collections.abc import Container
from dataclasses import dataclass
from datetime import datetime, timedelta

from edge.domain.token import TokenHash
from edge.offline.hashing import hint

# Long enough to walk from the farthest post to the keyboard; whose card was where is nobody's business afterwards.
SHOWN_FOR = timedelta(minutes=15)


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownCard:
    """A card, by its hash and its last two characters, and where it was shown."""

    station: str
    hash: TokenHash
    hint: str
    at: datetime


class Strangers:
    """One for the site; nothing of it outlives a restart."""

    def __init__(self) -> None:
        self._last: dict[str, ShownCard] = {}

    def shown(self, station: str, token: TokenHash, text: str, wall: datetime) -> None:
        """A card was shown at the station."""
        self._last[station] = ShownCard(station=station, hash=token, hint=hint(text), at=wall)

    def within(self, wall: datetime, own: Container[TokenHash]) -> list[ShownCard]:
        """Those that were shown lately and aren't among the site's ``own``."""
        self._last = {name: card for name, card in self._last.items() if abs(wall - card.at) < SHOWN_FOR}
        return [card for card in self._last.values() if card.hash not in own]

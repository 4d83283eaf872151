"""How often a station is let in: who comes and goes without end disturbs neither its cloud nor the log. Sans-I/O."""

from dataclasses import dataclass, field

from edge.stock import Stock
from edge.units import Seconds

BURST = 30  # a bad link, and an installer who tries: then
EVERY_S: Seconds = 1.0
PATIENCE_S: Seconds = 1.0  # what a handshake has left beside a takeover's ping and the dial


@dataclass(slots=True)
class _Station:
    stock: Stock = field(default_factory=lambda: Stock(BURST, 1.0 / EVERY_S))
    told: bool = False


class Comings:
    """Those of the stations of a site, which are as many as the site file has."""

    def __init__(self) -> None:
        self._stations: dict[str, _Station] = {}

    def wait_s(self, identity: str, now: Seconds) -> Seconds | None:
        """A station is about to be let in: how long it is to wait before; None where it is to be sent away, and doesn't
        count, as others of its name wait."""
        station = self._stations.setdefault(identity, _Station())
        stock = station.stock
        stock.fill(now)
        if stock.left >= BURST:
            station.told = False
        return stock.spend(1.0) if (1.0 - stock.left) * EVERY_S <= PATIENCE_S else None

    def is_news(self, identity: str) -> bool:
        """Whether it is to be told that a station comes too often: once, until it has kept still for a while."""
        station = self._stations[identity]
        told, station.told = station.told, True
        return not told

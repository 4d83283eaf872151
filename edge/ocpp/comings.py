"""How often a station is let in: who comes and goes without end disturbs neither its cloud nor the log. Sans-I/O."""

from dataclasses import dataclass

from edge.units import Seconds

BURST = 30  # a bad link, and an installer who tries: then
EVERY_S: Seconds = 1.0
PATIENCE_S: Seconds = 1.0  # what a handshake has left beside a takeover's ping and the dial


@dataclass(slots=True)
class _Stock:
    left: float
    at: Seconds
    told: bool = False


class Comings:
    """Those of the stations of a site, which are as many as the site file has."""

    def __init__(self) -> None:
        self._stocks: dict[str, _Stock] = {}

    def wait_s(self, identity: str, now: Seconds) -> Seconds | None:
        """A station is about to be let in: how long it is to wait before; None where it is to be sent away, and doesn't
        count, as others of its name wait."""
        stock = self._stocks.setdefault(identity, _Stock(left=BURST, at=now))
        filled_up = stock.left + (now - stock.at) / EVERY_S
        if filled_up >= BURST:
            stock.told = False
        left = min(float(BURST), filled_up) - 1.0
        wait_s = max(0.0, -left * EVERY_S)
        if wait_s > PATIENCE_S:
            return None
        stock.left, stock.at = left, now
        return wait_s

    def is_news(self, identity: str) -> bool:
        """Whether it is to be told that a station comes too often: once, until it has kept still for a while."""
        stock = self._stocks[identity]
        told, stock.told = stock.told, True
        return not told

"""The rules of a station's opening handshake (OCPP-J 1.6 §3), and what is tolerated. Sans-I/O."""

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import unquote

from websockets.datastructures import Headers
from websockets.typing import Subprotocol

from edge.ocpp.v16 import SUBPROTOCOL

MAX_IDENTITY = 48  # OCPP 2.0.1 part 4 §3.1.1; OCPP 1.6 says 20, which stations in the field exceed


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """The subprotocols that a station offers, and the one we take: None without an offer or without a fitting one."""

    offered: tuple[str, ...]
    chosen: str | None

    @property
    def fits(self) -> bool:
        """Whether the station can be served. One that offers nothing is taken to speak 1.6 (steve issue 135)."""
        return self.chosen is not None or not self.offered


def identity_of(path: str) -> str | None:
    """The station's identity: the last segment of the request's path, percent-decoded; None when there is none.

    What stands before it is the site's own choice; trailing slashes and a query don't matter.
    """
    segment = path.partition("?")[0].rstrip("/").rpartition("/")[2]
    identity = unquote(segment)
    return identity if 0 < len(identity) <= MAX_IDENTITY and identity.isprintable() else None


def choose(offered: Sequence[str]) -> Subprotocol | None:
    """The station's own spelling of the subprotocol that we speak."""
    return next((Subprotocol(name) for name in offered if name.lower() == SUBPROTOCOL), None)


def offer_in(headers: Headers) -> Offer:
    """The offer in a request's headers."""
    names = (name.strip() for value in headers.get_all("Sec-WebSocket-Protocol") for name in value.split(","))
    offered = tuple(name for name in names if name)
    return Offer(offered=offered, chosen=choose(offered))


def wants_upgrade(headers: Headers) -> bool:
    """Whether this is a WebSocket handshake at all, and not a browser's or a monitor's plain request."""
    return any(value.strip().lower() == "websocket" for value in headers.get_all("Upgrade"))


def tolerate(headers: Headers) -> bool:
    """Supply the ``Connection: Upgrade`` that some stations forget (lbbrhzn/ocpp pull 1984); True when it lacked."""
    words = {word.strip().lower() for value in headers.get_all("Connection") for word in value.split(",")}
    if "upgrade" in words or not wants_upgrade(headers):
        return False
    if words:
        del headers["Connection"]
    headers["Connection"] = "Upgrade"
    return True


def first(headers: Headers, name: str) -> str | None:
    """The first header of this name."""
    return next(iter(headers.get_all(name)), None)

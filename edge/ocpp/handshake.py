"""The rules of a station's opening handshake (OCPP-J 1.6 §3), and what is tolerated. Sans-I/O."""

from dataclasses import dataclass
from urllib.parse import unquote

from websockets.datastructures import Headers
from websockets.typing import Subprotocol

from edge.ocpp.versions import Version, version_of

STATION = "{station}"  # stands for the identity in a path
MAX_IDENTITY = 48  # OCPP 2.0.1 part 4 §3.1.1; OCPP 1.6 says 20, which stations in the field exceed


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """The subprotocols that a station offers, in its own spelling and order."""

    offered: tuple[str, ...]

    @property
    def versions(self) -> tuple[Version, ...]:
        """Those that we speak. A station that offers nothing is taken to speak 1.6 (steve issue 135)."""
        if not self.offered:
            return (Version.V16,)
        known = (version_of(name) for name in self.offered)
        return tuple(dict.fromkeys(version for version in known if version is not None))

    def spelling(self, version: Version) -> Subprotocol | None:
        """How the station spells an edition; None when it didn't offer it."""
        return next((Subprotocol(name) for name in self.offered if version_of(name) is version), None)


def identity_of(path: str, place: str | None = None) -> str | None:
    """The station's identity in a request's path, percent-decoded; None when there is none.

    ``place`` is a path with ``{station}`` where it is to be; without it, it is the last segment, and what stands before
    is the site's own choice. Trailing slashes and a query don't matter.
    """
    identity = unquote(_named(path, place) or "")
    return identity if 0 < len(identity) <= MAX_IDENTITY and identity.isprintable() else None


def why_none(path: str, place: str | None = None) -> str:
    """Why :func:`identity_of` finds no identity there."""
    named = _named(path, place)
    if named is None:
        return f"the path isn't {place}"
    if not named:
        return "no station identity in the path"
    identity = unquote(named)
    if len(identity) > MAX_IDENTITY:
        return f"the station identity in the path has {len(identity)} characters, more than {MAX_IDENTITY}"
    return "the station identity in the path has a character that can't be printed"


def _named(path: str, place: str | None) -> str | None:
    """What stands where the identity is to be, as it was sent; None where the path isn't as ``place``."""
    segments = path.partition("?")[0].rstrip("/").split("/")
    if place is None:
        return segments[-1]
    expected = place.rstrip("/").split("/")
    if len(expected) != len(segments):
        return None
    pairs = list(zip(expected, segments, strict=True))
    if any(wanted != found for wanted, found in pairs if wanted != STATION):
        return None
    return next(found for wanted, found in pairs if wanted == STATION)


def offer_in(headers: Headers) -> Offer:
    """The offer in a request's headers."""
    names = (name.strip() for value in headers.get_all("Sec-WebSocket-Protocol") for name in value.split(","))
    return Offer(offered=tuple(name for name in names if name))


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


def forbid_compression(headers: Headers) -> None:
    """Take back what the station offers: some that offer it can't read it (lorenzodonini/ocpp-go issue 358)."""
    if headers.get_all("Sec-WebSocket-Extensions"):
        del headers["Sec-WebSocket-Extensions"]


def first(headers: Headers, name: str) -> str | None:
    """The first header of this name."""
    return next(iter(headers.get_all(name)), None)

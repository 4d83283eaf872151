"""The editions of OCPP that the gateway speaks, by their WebSocket subprotocols (IANA registry; OCPP-J 1.6 §3.1.2)."""

from enum import StrEnum


class Version(StrEnum):
    """An edition of OCPP; the value is its subprotocol."""

    V16 = "ocpp1.6"
    V201 = "ocpp2.0.1"
    V21 = "ocpp2.1"

    # That of Enum is a function of Python, and every frame is looked up in tables of editions.
    __hash__ = str.__hash__

    @property
    def is_v2(self) -> bool:
        """Whether messages are those of OCPP 2.x."""
        return self is not Version.V16


def version_of(subprotocol: str) -> Version | None:
    """The edition of a subprotocol, however it is spelled; None for one that we don't speak."""
    return next((version for version in Version if version == subprotocol.strip().lower()), None)

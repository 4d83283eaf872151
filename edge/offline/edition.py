"""The editions of OCPP, by their WebSocket subprotocols, as the rules of this room tell them apart."""

from enum import StrEnum


class Edition(StrEnum):
    """An edition of OCPP; the value is its subprotocol."""

    V16 = "ocpp1.6"
    V201 = "ocpp2.0.1"
    V21 = "ocpp2.1"

    # That of Enum is a function of Python, and every frame is looked up in tables of editions.
    __hash__ = str.__hash__

    @property
    def is_v2(self) -> bool:
        """Whether messages are those of OCPP 2.x."""
        return self is not Edition.V16

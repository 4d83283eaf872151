"""The cloud's answers that went to the station under another id than they came: for a station that complains of one
afterwards (OCPP 2.1 CALLRESULTERROR)."""

from collections import OrderedDict

KEPT = 16  # answers; who can't use one says so at once


class CameAs:
    """One station's. Hardly any answer does."""

    def __init__(self) -> None:
        self._other: OrderedDict[str, str] = OrderedDict()

    def note(self, went_as: str, came_as: str) -> None:
        """The cloud has answered under one id, and the station got that under this one."""
        self._other.pop(went_as, None)
        if went_as != came_as:
            self._other[went_as] = came_as
            while len(self._other) > KEPT:
                self._other.popitem(last=False)

    def of(self, identifier: str) -> str:
        """Under which id the cloud gave the answer that the station got under this one."""
        return self._other.get(identifier, identifier)

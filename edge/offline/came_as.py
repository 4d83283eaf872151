"""Under which ids the cloud's answers came that went to the station: for a station that complains of one afterwards
(OCPP 2.1 CALLRESULTERROR)."""

from collections import OrderedDict

KEPT = 16  # answers; who can't use one says so at once


class CameAs:
    """One station's."""

    def __init__(self) -> None:
        self._came: OrderedDict[str, str] = OrderedDict()

    def note(self, went_as: str, came_as: str) -> None:
        """The cloud has answered under one id, and the station got that under this one."""
        self._came.pop(went_as, None)
        self._came[went_as] = came_as
        while len(self._came) > KEPT:
            self._came.popitem(last=False)

    def of(self, identifier: str) -> str | None:
        """Under which id the cloud gave the answer that the station got under this one; None where it gave none, or did
        so long ago."""
        return self._came.get(identifier)

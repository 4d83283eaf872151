"""The answer to StartTransaction, held back for stations that can't take it so soon (lbbrhzn/ocpp issue 2080)."""

from edge.errors import FrameError
from edge.ocpp import wire
from edge.ocpp.versions import Version


class StartDelay:
    """That of one station. Only the frames of those that need it are looked at."""

    def __init__(self) -> None:
        self._start: str | None = None  # the id of the StartTransaction whose answer is to be held back

    @property
    def waits(self) -> bool:
        """Whether the next answer may be such a one."""
        return self._start is not None

    def called(self, text: str | bytes, version: Version) -> None:
        """A message of a station that needs the delay."""
        frame = _frame(text, version)
        if isinstance(frame, wire.Call) and frame.action == "StartTransaction":
            self._start = frame.id

    def holds(self, text: str, version: Version) -> bool:
        """Whether this message to the station is the answer; if so, it is the only one."""
        if self._start is None:
            return False
        frame = _frame(text, version)
        if not isinstance(frame, wire.CallResult | wire.CallError) or frame.id != self._start:
            return False
        self._start = None
        return True


def _frame(text: str | bytes, version: Version) -> wire.Frame | None:
    try:
        return wire.parse(text, version)
    except FrameError:
        return None

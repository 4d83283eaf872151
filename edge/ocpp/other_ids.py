"""Answers that went on under another id than they came: for who complains of one afterwards (2.1 CALLRESULTERROR)."""

from collections import OrderedDict

from edge.ocpp import wire
from edge.ocpp.wire import CallResultError

KEPT = 16  # answers; who can't use one says so at once


class OtherIds:
    """One way's. Hardly any answer does."""

    def __init__(self) -> None:
        self._other: OrderedDict[str, str] = OrderedDict()  # by the id under which it went on

    def note(self, went_as: str, came_as: str) -> None:
        """An answer came under one id, and went on under this one."""
        if went_as != came_as:
            self._other[went_as] = came_as
            self._other.move_to_end(went_as)
            while len(self._other) > KEPT:
                self._other.popitem(last=False)
        elif self._other:
            self._other.pop(went_as, None)

    def under_other(self, complaint: CallResultError) -> str:
        """The complaint as it is for who gave the answer: its very text, where the ids are the same."""
        came_as = self._other.get(complaint.id)
        return complaint.text if came_as is None else wire.with_id(complaint.text, came_as)

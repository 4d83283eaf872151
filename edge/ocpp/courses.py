"""How a station's sessions go on, by its statuses and by what its meter values name (OCPP 1.6 §4.9): whether one whose
StopTransaction never came is over all the same."""

from dataclasses import dataclass

from edge.domain.site import EvseKey
from edge.domain.station import EvseStatus

# Statuses in which a transaction runs, and others than Available in which none does.
RUNNING = frozenset({EvseStatus.CHARGING, EvseStatus.SUSPENDED_EV, EvseStatus.SUSPENDED_EVSE})
_NONE = frozenset({EvseStatus.PREPARING, EvseStatus.RESERVED})


@dataclass(slots=True)
class _Course:
    ran: bool = False  # a status said so
    finished: bool = False
    named: bool = False  # by meter values
    prepares: bool = False  # the last status says that none runs


class Courses:
    """Those of one station's known transactions."""

    def __init__(self) -> None:
        self._courses: dict[EvseKey, _Course] = {}

    def begins(self, key: EvseKey) -> None:
        """A transaction is known to run there."""
        self._courses[key] = _Course()

    def is_named(self, key: EvseKey) -> None:
        """Meter values have named it."""
        self._of(key).named = True

    def was_named(self, key: EvseKey) -> bool:
        """Whether they have: the station knows its number."""
        return self._of(key).named

    def reports(self, key: EvseKey, status: EvseStatus) -> bool:
        """The EVSE reports a status; whether that says that the transaction is over.

        Preparing may come late in one that has just begun. Behind Finishing it is of the next. Straight behind Charging
        no connector comes to it, but some call a car so that has paused: then it :meth:`is_doubtful`.
        """
        course = self._of(key)
        course.ran = course.ran or status in RUNNING
        course.finished = course.finished or status is EvseStatus.FINISHING
        course.prepares = status in _NONE and course.ran
        return status is EvseStatus.AVAILABLE or (status in _NONE and course.finished)

    def is_doubtful(self, key: EvseKey) -> bool:
        """Whether it is over if meter values don't name it any more."""
        course = self._of(key)
        return course.prepares and course.named

    def _of(self, key: EvseKey) -> _Course:
        return self._courses.setdefault(key, _Course())

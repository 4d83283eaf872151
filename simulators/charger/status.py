"""The statuses of a connector and the changes between them (OCPP 1.6 §4.9 with errata 3.20, 3.55, 3.64)."""

from enum import StrEnum


class Status(StrEnum):
    """ChargePointStatus; Reserved is missing, as this station takes no reservations."""

    AVAILABLE = "Available"
    PREPARING = "Preparing"
    CHARGING = "Charging"
    SUSPENDED_EV = "SuspendedEV"
    SUSPENDED_EVSE = "SuspendedEVSE"
    FINISHING = "Finishing"
    UNAVAILABLE = "Unavailable"
    FAULTED = "Faulted"


IN_SESSION = (Status.CHARGING, Status.SUSPENDED_EV, Status.SUSPENDED_EVSE)
_AFTER: dict[Status, tuple[Status, ...]] = {
    Status.AVAILABLE: (Status.PREPARING, *IN_SESSION, Status.UNAVAILABLE, Status.FAULTED),
    Status.PREPARING: (Status.AVAILABLE, *IN_SESSION, Status.FINISHING, Status.FAULTED),
    Status.FINISHING: (Status.AVAILABLE, Status.PREPARING, Status.UNAVAILABLE, Status.FAULTED),
    Status.UNAVAILABLE: (Status.AVAILABLE, Status.PREPARING, *IN_SESSION, Status.FAULTED),
    Status.FAULTED: tuple(Status),
    **dict.fromkeys(
        IN_SESSION,
        (Status.AVAILABLE, *IN_SESSION, Status.FINISHING, Status.UNAVAILABLE, Status.FAULTED),
    ),
}
TRANSITIONS = frozenset((old, new) for old, after in _AFTER.items() for new in after if old is not new)
"""The table of §4.9: every pair that may follow each other."""


def steps(old: Status, new: Status) -> tuple[Status, ...]:
    """What must be notified to get from one to the other: the new status, or Available before it where the table
    has no direct way (Preparing to Unavailable)."""
    if old is new:
        return ()
    return (new,) if (old, new) in TRANSITIONS else (Status.AVAILABLE, new)

"""The state of a certificate, as the gateway tells it everywhere."""

from enum import StrEnum


class CertificateState(StrEnum):
    """How a certificate fares."""

    GOOD = "GOOD"
    EXPIRING = "EXPIRING"  # within 30 days
    EXPIRED = "EXPIRED"
    UNREADABLE = "UNREADABLE"
    UNKNOWN = "UNKNOWN"  # the clock isn't set

"""ISO 8601 times of OCPP messages (OCPP 1.6 §3.15), as seconds since the epoch and back."""

from datetime import UTC, datetime


def format_time(epoch_s: float) -> str:
    """UTC with milliseconds and a Z, e.g. 2026-11-21T07:00:00.000Z."""
    text = datetime.fromtimestamp(epoch_s, UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")


def parse_time(text: str) -> float:
    """Seconds since the epoch; fractions and offsets are understood, a time without a zone is taken as UTC.

    Raises ValueError.
    """
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return moment.timestamp()

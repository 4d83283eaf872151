"""Entries and writes for the storage's tests."""

from dataclasses import replace
from datetime import UTC, datetime

from edge.domain.journal import Entry, EntryKind, PutEntry

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)


def entry(seq: int, text: str = "") -> Entry:
    """A message."""
    return Entry(
        seq=seq,
        station=f"CP-{seq % 7}",
        kind=EntryKind.BEGIN,
        action="StartTransaction",
        message_id=f"m{seq}",
        transaction=str(seq),
        order=None,
        text=text or f'[2,"m{seq}","StartTransaction",{{"meterStart":{seq}}}]',
        taken_at=NOON,
        answered=True,
    )


def put(seq: int, size: int = 0) -> PutEntry:
    """A write of a message of at least ``size`` characters."""
    made = entry(seq)
    return PutEntry(entry=replace(made, text=made.text + " " * size))


def put_sample(seq: int, size: int = 0, more: str = "") -> PutEntry:
    """Of meter values; ``more`` is in them."""
    made = put(seq, size).entry
    return PutEntry(entry=replace(made, kind=EntryKind.METER, action="MeterValues", text=f"{more}{made.text}"))

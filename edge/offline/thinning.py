"""What may be dropped when the cloud is away for longer than there is room. Pure.

In this order: notices, the oldest first; then meter values, every second one of each transaction, again and again, the
first and the last of each stay. Never the begin or the end of a transaction, never a signed value.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from edge.domain.journal import EntryKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Slip:
    """A message in the journal without its text. ``size``: characters of that."""

    seq: int
    kind: EntryKind
    transaction: str | None
    order: int | None
    size: int
    precious: bool
    taken_at: datetime


def to_drop(slips: Sequence[Slip], room: int) -> list[int]:
    """The numbers of those to drop so that the rest takes ``room`` characters at most, as far as that may be done.

    ``slips`` are in order.
    """
    excess = sum(slip.size for slip in slips) - room
    dropped: list[int] = []
    for slip in slips:
        if excess <= 0:
            return dropped
        if slip.kind is EntryKind.NOTICE and not slip.precious:
            dropped.append(slip.seq)
            excess -= slip.size
    rows: dict[str | None, list[Slip]] = {}
    for slip in slips:
        if slip.kind is EntryKind.METER and not slip.precious:
            rows.setdefault(slip.transaction, []).append(slip)
    while excess > 0 and any(len(row) > 2 for row in rows.values()):
        for key, row in rows.items():
            gone = row[1:-1:2]
            stays = [slip for number, slip in enumerate(row) if number % 2 == 0 or number == len(row) - 1]
            dropped += [slip.seq for slip in gone]
            excess -= sum(slip.size for slip in gone)
            rows[key] = stays
    return dropped

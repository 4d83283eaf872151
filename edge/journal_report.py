"""What is told of the storage: how the disk fares, and what waits there for the cloud. Plain values.

Joins what the storage knows of its files with what the desks know of their messages, so it stands beside the
composition root.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime

from edge.control.ports import StatusReport
from edge.offline.station import StationBook
from edge.offline.strangers import ShownCard
from edge.storage.condition import Condition, Health

UNUSED, UNUSABLE = "UNUSED", "UNUSABLE"


def not_kept(folder: str, problem: str | None) -> StatusReport:
    """Nothing is kept for clouds that are away: the site only observes, or the folder can't be used (``problem``)."""
    return {"state": UNUSED if problem is None else UNUSABLE, "folder": folder, "problem": problem}


def journal_report(
    folder: str,
    health: Health,
    files: Condition,
    books: Iterable[StationBook],
    *,
    healed: tuple[str, ...],
    checked_at: datetime,
    left_behind: Mapping[str, int],
    wall: datetime,
) -> StatusReport:
    """``checked_at``: when the files were last found sound, or were healed. ``left_behind``: the messages of stations
    that the site no longer has."""
    books = list(books)
    heads = [(head.taken_at, book.id) for book in books if (head := book.backlog.oldest) is not None]
    oldest_at, oldest_of = min(heads, default=(None, None))
    return {
        "state": health.name,
        "folder": folder,
        "problem": health.value if health is not Health.GOOD else None,
        "free_bytes": files.free_bytes,
        "reserve_held": files.reserve_held,
        "journal_bytes": files.journal_bytes,
        "checked_at": _stamp(checked_at),
        "healed": list(healed),
        "set_aside_files": list(files.set_aside),
        "pending": sum(len(book.backlog) for book in books),
        "oldest_pending_at": _stamp(oldest_at) if oldest_at is not None else None,
        "oldest_pending_s": round(max(0.0, (wall - oldest_at).total_seconds())) if oldest_at is not None else None,
        "oldest_pending_station": oldest_of,
        "deferred": sum(book.backlog.deferred for book in books),
        "set_aside": sum(book.backlog.aside for book in books),
        "flooded_by": [book.id for book in books if book.allowance.exceeded],
        "left_behind": dict(left_behind),
    }


def cards_report(cards: Iterable[ShownCard]) -> list[StatusReport]:
    """The cards that somebody may want to enter."""
    return [{"station": card.station, "token": card.hash, "ends": card.hint, "at": _stamp(card.at)} for card in cards]


def _stamp(at: datetime) -> str:
    return at.isoformat(timespec="seconds").replace("+00:00", "Z")

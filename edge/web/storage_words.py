"""What waits on the disk for the cloud, and how the disk fares, in words. Pure."""

from collections.abc import Sequence

from edge.language import Heard, Speaker
from edge.web.said import Level, Report, age

_GOOD, _RESERVE = "GOOD", "RESERVE"  # states of the storage


def storage_of(says: Speaker, storage: Report, *, has_cloud: bool) -> str:
    """``storage: 3 messages for the cloud, the oldest since 2 h (CP-07); journal 0.4 MB, 12.1 GB free``."""
    if "pending" not in storage:
        return says.say("storage.unusable", {"problem": Heard(storage["problem"])})
    free = storage["free_bytes"]
    parts = [
        says.retold(storage["problem"]) if storage["problem"] else None,
        _pending(says, storage, has_cloud=has_cloud),
        _counted(says, "deferred", storage.get("deferred")),
        _counted(says, "set_aside", storage["set_aside"]),
        _listed(says, "flooded", storage.get("flooded_by")),
        _counted(says, "left_behind", sum(storage["left_behind"].values())),
        says.say("storage.journal", {"megabytes": storage["journal_bytes"] / 1e6}),
        says.say("storage.free", {"gigabytes": free / 1e9}) if free is not None else None,
        says.say("storage.checked", {"at": f"{storage['checked_at'][:16].replace('T', ' ')} UTC"}),
        _listed(says, "damaged", storage["set_aside_files"]),
    ]
    return says.say("storage.all", {"parts": "; ".join(part for part in parts if part)})


def _counted(says: Speaker, name: str, count: int | None) -> str | None:
    return says.say(f"storage.{name}", {"count": count}) if count else None


def _listed(says: Speaker, name: str, those: Sequence[str] | None) -> str | None:
    return says.say(f"storage.{name}", {"those": ", ".join(those)}) if those else None


def _pending(says: Speaker, storage: Report, *, has_cloud: bool) -> str | None:
    """What waits for the cloud; None where there is none, and nothing."""
    if not has_cloud and not storage["pending"]:
        return None
    told = says.say("storage.pending" if has_cloud else "storage.kept", {"count": storage["pending"]})
    oldest_s = storage["oldest_pending_s"]
    if oldest_s is None:
        return told
    return says.say(
        "storage.oldest", {"pending": told, "age": age(oldest_s), "station": storage["oldest_pending_station"]}
    )


def level_of(storage: Report) -> Level:
    """How much the disk, and what waits there, wants to be looked at."""
    if storage["state"] not in (_GOOD, _RESERVE):
        return Level.BAD
    needs_somebody = storage["state"] == _RESERVE or any(
        storage.get(key) for key in ("deferred", "set_aside", "flooded_by", "left_behind", "set_aside_files")
    )
    return Level.LOOK if needs_somebody else Level.PLAIN

"""A store as text and back, exactly: what is kept of a station's profiles over a restart."""

from collections.abc import Mapping
from typing import Any

import orjson

from edge.errors import ShelfUnusable
from edge.ocpp.profiles.model import ChargingProfile, Moment
from edge.ocpp.profiles.parse import restore
from edge.ocpp.profiles.refusal import ProfileRefused, RequestMalformed
from edge.ocpp.profiles.store import Awaited, Installed, ProfileStore, Running
from edge.ocpp.versions import Version

FORMAT = 1


def to_text(store: ProfileStore) -> str:
    """The store as JSON."""
    kept = {
        "format": FORMAT,
        "installed": [{"evse": each.evse, "since": each.since} | _profile(each.profile) for each in store.installed],
        "awaited": [
            {"evse": each.evse, "token": each.token, "until": each.until} | _profile(each.profile)
            for each in store.awaited
        ],
        "running": [
            {
                "evse": each.evse,
                "transaction": each.transaction,
                "since": each.since,
                "priority": each.priority,
                "let_in": each.let_in,
                "plugged": each.plugged,
            }
            for each in store.running
        ],
        "offline_since": store.offline_since,
        "site_told": sorted(store.site_told),
    }
    return orjson.dumps(kept, option=orjson.OPT_INDENT_2).decode()


def from_text(text: str | bytes) -> ProfileStore:
    """The store that :func:`to_text` wrote. Raises ShelfUnusable for anything else."""
    try:
        kept = orjson.loads(text)
        if kept["format"] != FORMAT:
            raise ShelfUnusable(f"format {kept['format']!r}, and this program reads {FORMAT}")
        return ProfileStore(
            installed=tuple(
                Installed(evse=int(each["evse"]), profile=_restored(each), since=_moment(each["since"]))
                for each in kept["installed"]
            ),
            awaited=tuple(_awaited(each) for each in kept["awaited"]),
            running=tuple(_running(each) for each in kept["running"]),
            offline_since=None if kept["offline_since"] is None else _moment(kept["offline_since"]),
            site_told=frozenset(int(each) for each in kept.get("site_told", ())),  # not told by releases before
        )
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError) as exc:
        raise ShelfUnusable(f"not what was written ({type(exc).__name__}: {exc})") from exc
    except (ProfileRefused, RequestMalformed) as exc:
        raise ShelfUnusable(f"a profile that was never accepted ({exc.detail})") from exc


def _profile(profile: ChargingProfile) -> dict[str, Any]:
    return {"version": profile.version.value, "profile": profile.given}


def _restored(kept: Mapping[str, Any]) -> ChargingProfile:
    return restore(kept["profile"], Version(kept["version"]))


def _awaited(kept: Mapping[str, Any]) -> Awaited:
    evse = kept["evse"]
    return Awaited(
        evse=None if evse is None else int(evse),
        token=str(kept["token"]),
        profile=_restored(kept),
        until=_moment(kept["until"]),
    )


def _running(kept: Mapping[str, Any]) -> Running:
    transaction = kept["transaction"]
    return Running(
        evse=int(kept["evse"]),
        transaction=None if transaction is None else str(transaction),
        since=_moment(kept["since"]),
        priority=kept["priority"] is True,
        let_in=kept.get("let_in") is not False,  # not told by releases before
        plugged=kept.get("plugged") is not False,
    )


def _moment(value: object) -> Moment:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"{value!r} where a moment should be")
    return float(value)

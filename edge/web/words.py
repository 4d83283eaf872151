"""The report of the site in words: the page and ``edge status`` say the same. Pure; a report is the plain values of
``GET /api/v1/status``.
"""

from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Any, NamedTuple, TypeAlias

from edge.units import PHASES, Amps, Seconds

NEARLY_FULL = 0.9  # of the rating: worth a look from here on, bad above the rating
OBSERVES = "observe"  # the mode in which no limit is written
_LONG_S: Seconds = 120.0  # and minutes: from here on the next unit says enough
_LONG_H = 48.0
_FALLBACK = "fallback"  # what binds where a source of limits has fallen silent
_NAMED = 3  # stations of the same trouble that are told by name
_GOOD, _RESERVE, _UNUSED = "GOOD", "RESERVE", "UNUSED"  # states of the storage
_NORMAL = ("NORMAL", "STARTING")  # states of the control loop that need nobody's attention

Report: TypeAlias = Mapping[str, Any]


class Level(StrEnum):
    """How much something wants to be looked at."""

    PLAIN = "plain"
    GOOD = "good"
    LOOK = "look"
    BAD = "bad"
    OLD = "old"  # true once


_CERTIFICATES = {"EXPIRING": Level.LOOK, "EXPIRED": Level.BAD, "UNREADABLE": Level.BAD}  # what is told, and how


class Said(NamedTuple):
    """A sentence or a figure. It may hold what a station calls itself: see :func:`printable`."""

    text: str
    level: Level = Level.PLAIN


NONE = Said("-")  # in a table, where there is nothing to say


class Load(NamedTuple):
    """What flows on one phase of a circuit, or may flow by the chargers' limits where nothing is measured."""

    amps: Amps
    rating_a: Amps
    said: Said


def printable(content: str) -> str:
    """The text without what would steer a terminal, or be nothing to see."""
    if content.isprintable():
        return content
    return "".join(character if character.isprintable() else "�" for character in content)


def headline(report: Report) -> Said:
    """``harbour-3: NORMAL, mode control, up 12 s, 12 ticks (1 missed), 14:00:00 at the site, version 0.1.0``."""
    control = report["control"]
    return Said(
        f"{report['site']}: {control['state']}, mode {report.get('mode', 'unknown')}, "
        f"up {age(report['uptime_s'])}, {control.get('ticks', 0)} ticks ({control.get('missed_ticks', 0)} missed), "
        f"{report['local_time'][11:19]} at the site, version {report['version']}"
        f"{'' if report.get('has_cloud', True) else ', no cloud'}",
        Level.PLAIN if control["state"] in _NORMAL else Level.LOOK,
    )


def on_control(report: Report) -> Iterator[Said]:
    """What limits the site from outside, and what is wrong with its meters."""
    for limit in (report.get("limits") or {}).get("effective", ()):
        if limit["source"] is not None:
            yield Said(_limit(limit), Level.LOOK if limit["reason"] == _FALLBACK else Level.PLAIN)
    if (eco_s := (report.get("bms") or {}).get("eco_remaining_s")) is not None:
        yield Said(f"eco mode: all cars charge on the sun's surplus alone, for {age(eco_s)} more")
    for meter in report.get("meters", ()):
        if not meter["ok"]:
            last = f"; its last reading is {age(meter['age_s'])} old" if meter["age_s"] is not None else ""
            yield Said(f"meter {meter['id']}: {meter['problem'] or 'no reading'}{last}", Level.BAD)
        for doubt in (*meter.get("wiring", ()), *meter.get("doubts", ())):
            yield Said(f"meter {meter['id']}: {doubt}", Level.LOOK)


def on_the_rest(report: Report) -> Iterator[Said]:
    """What is to be said of clouds, cards, storage, certificates and stations that wait."""
    has_cloud = report.get("has_cloud", True)
    for lost in _lost_clouds(report.get("stations", ())):
        yield Said(lost, Level.LOOK)
    for card in report.get("cards_shown", ()):
        yield Said(_card(card), Level.LOOK)
    storage = report.get("storage")
    if storage is not None and storage["state"] != _UNUSED:
        yield Said(_storage(storage, has_cloud=has_cloud), _storage_level(storage))
    for certificate in report.get("certificates", ()):
        if certificate["state"] in _CERTIFICATES:
            yield Said(_certificate(certificate), _CERTIFICATES[certificate["state"]])
    for station in report.get("waiting_stations", ()):
        described = (str(station[key]) for key in ("vendor", "model", "serial") if station[key])
        whence = " ".join((f"{station['id']} from {station['address'] or 'unknown'}", *described))
        yield Said(f"waiting to be let in: {whence}", Level.LOOK)


def loads(circuit: Report) -> list[Load]:
    """Of each phase: ``10.0 / 61`` A. Where nothing is measured, ``≤`` and the most that the chargers may draw, which
    is what is planned with.
    """
    measured_a, rating_a = circuit["measured_a"], circuit["rating_a"]
    sign = "" if measured_a else "≤ "
    is_old = measured_a and circuit["measured_stale"]
    return [
        Load(
            amps,
            rating_a,
            Said(f"{sign}{amps:.1f} / {rating_a:g}", Level.OLD if is_old else _load_level(amps, rating_a)),
        )
        for amps in measured_a or circuit["exposure_a"]
    ]


def remarks(circuit: Report) -> list[Said]:
    """What the figures of a circuit don't say by themselves: that they are old, and where more flows than may."""
    is_old = circuit["measured_a"] and circuit["measured_stale"]
    said = [Said(f"reading {age(circuit['measured_age_s'])} old", Level.LOOK)] if is_old else []
    measured_a = (0.0,) * len(PHASES) if is_old else circuit["measured_a"] or (0.0,) * len(PHASES)
    # The chargers' own account, where no meter shows it.
    flowing_a = [max(both) for both in zip(measured_a, circuit["draw_a"], strict=True)]
    return said + [
        Said(f"{phase} is overloaded: {amps:.1f} of {circuit['rating_a']:g} A", Level.BAD)
        for phase, amps in zip(PHASES, flowing_a, strict=True)
        if amps > circuit["rating_a"]
    ]


def link(is_up: bool) -> Said:
    """``up`` or ``down``."""
    return Said("up", Level.GOOD) if is_up else Said("down", Level.BAD)


def limit_of(evse: Report) -> Said | None:
    """``6.0``; None before the first decision."""
    return Said(f"{evse['limit_a']:.1f}") if evse["limit_a"] is not None else None


def draw_of(evse: Report) -> Said | None:
    """``16.0 16.0 0.0``; what is too old to say what flows now with its age, ``16.0 16.0 0.0, 7 min ago``."""
    if evse["draw_a"] is None:
        return None
    draw = " ".join(f"{amps:.1f}" for amps in evse["draw_a"])
    return Said(f"{draw}, {age(evse['draw_age_s'])} ago", Level.OLD) if evse.get("draw_stale") else Said(draw)


def fewer_phases(evse: Report) -> Said | None:
    """The grid phases in use, where that aren't all that it is wired to."""
    used: Sequence[str] = evse.get("phases_in_use", ())
    return Said(" ".join(used)) if used and len(used) < len(evse.get("phases", ())) else None


def need_of(evse: Report) -> Said | None:
    """``12.0 kWh in 3 h``."""
    need = evse.get("need")
    if need is None:
        return None
    left_s = need["time_left_s"]
    when = f"in {age(left_s)}" if left_s > 0 else "by now"
    return Said(f"{need['energy_wanted_wh'] / 1000:.1f} kWh {when}")


def age(age_s: Seconds) -> str:
    """``42 s``, ``7 min``, ``3 h``, ``5 d``."""
    if age_s < _LONG_S:
        return f"{age_s:.0f} s"
    minutes = age_s / 60
    if minutes < _LONG_S:
        return f"{minutes:.0f} min"
    hours = minutes / 60
    return f"{hours:.0f} h" if hours < _LONG_H else f"{hours / 24:.0f} d"


def _load_level(amps: Amps, rating_a: Amps) -> Level:
    if amps > rating_a:
        return Level.BAD
    return Level.LOOK if amps > NEARLY_FULL * rating_a else Level.GOOD


def _limit(limit: Report) -> str:
    """``main: 20.0 A per phase, 13800 W in all at most: bms (bms_modbus), for 41 s more``."""
    remaining_s = limit["remaining_s"]
    rest = f", for {age(remaining_s)} more" if remaining_s is not None else ""
    return (
        f"{limit['circuit']}: {limit['limit_a']:.1f} A per phase, {limit['limit_w']:.0f} W in all at most: "
        f"{limit['reason']} ({limit['source']}){rest}"
    )


def _lost_clouds(stations: Sequence[Report]) -> Iterator[str]:
    """``no cloud for CP-01, CP-02, CP-03 and 47 more: no answer within 10 s``, for each cause."""
    by_cause: dict[str, list[str]] = {}
    for station in stations:
        if (problem := station.get("cloud_problem")) is not None:
            by_cause.setdefault(problem, []).append(station["id"])
    for problem, names in by_cause.items():
        more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
        yield f"no cloud for {', '.join(names[:_NAMED])}{more}: {problem}"


def _card(card: Report) -> str:
    """``a card (..C4) that isn't the site's own was shown at CP-03: edge token add --shown CP-03``."""
    ends, station = f" (..{card['ends']})" if card["ends"] else "", card["station"]
    return f"a card{ends} that isn't the site's own was shown at {station}: edge token add --shown {station}"


def _storage(storage: Report, *, has_cloud: bool) -> str:
    """``storage: 3 messages for the cloud, the oldest since 2 h (CP-07); journal 0.4 MB, 12.1 GB free``."""
    if "pending" not in storage:
        return f"storage: nothing can be kept: {storage['problem']}"
    oldest_s = storage["oldest_pending_s"]
    since = f", the oldest since {age(oldest_s)} ({storage['oldest_pending_station']})" if oldest_s is not None else ""
    free = storage["free_bytes"]
    whose = "the cloud" if has_cloud else "a cloud that the site no longer has"
    parts = [
        storage["problem"],
        f"{storage['pending']} messages for {whose}{since}" if has_cloud or storage["pending"] else None,
        f"{storage['deferred']} of them the cloud fails to take: sent again later (edge journal list)"
        if storage.get("deferred")
        else None,
        f"{storage['set_aside']} not sent any more (edge journal list)" if storage["set_aside"] else None,
        f"no more transactions are taken of {', '.join(storage['flooded_by'])}, more than a station can have"
        if storage.get("flooded_by")
        else None,
        f"{sum(storage['left_behind'].values())} of stations that are no longer here"
        if storage["left_behind"]
        else None,
        f"journal {storage['journal_bytes'] / 1e6:.1f} MB",
        f"{free / 1e9:.1f} GB free" if free is not None else None,
        f"checked {storage['checked_at'][:16].replace('T', ' ')} UTC",
        f"damaged and set aside: {', '.join(storage['set_aside_files'])}" if storage["set_aside_files"] else None,
    ]
    return f"storage: {'; '.join(part for part in parts if part)}"


def _storage_level(storage: Report) -> Level:
    if storage["state"] not in (_GOOD, _RESERVE):
        return Level.BAD
    needs_somebody = storage["state"] == _RESERVE or any(
        storage.get(key) for key in ("deferred", "set_aside", "flooded_by", "left_behind", "set_aside_files")
    )
    return Level.LOOK if needs_somebody else Level.PLAIN


def _certificate(certificate: Report) -> str:
    """``certificate /etc/edge/tls/server.pem (stations) expires in 12.3 days``."""
    name = f"certificate {certificate['place']} ({certificate['use']})"
    if certificate["problem"] is not None:
        return f"{name} can't be read: {certificate['problem']}"
    days = certificate["days_left"]
    return f"{name} expires in {days:.1f} days" if days > 0 else f"{name} expired {-days:.1f} days ago"

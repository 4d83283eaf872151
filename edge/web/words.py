"""The report of the site in words, in the language of who reads them: the page and ``edge status`` say the same. Pure;
a report is the plain values of ``GET /api/v1/status``, which are English.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from edge.language import Heard, Speaker
from edge.units import PHASES, Amps
from edge.web.said import Level, Report, Said, age
from edge.web.storage_words import level_of, storage_of

NEARLY_FULL = 0.9  # of the rating: worth a look from here on, bad above the rating
OBSERVES = "observe"  # the mode in which no limit is written
_FALLBACK = "fallback"  # what binds where a source of limits has fallen silent
_NAMED = 3  # stations of the same trouble that are told by name
_LET_IN = {"list": "status.lets_in_list", "cache": "status.lets_in_cache", "own": "status.lets_in_own"}
_UNUSED = "UNUSED"  # a state of the storage
_NORMAL = ("NORMAL", "STARTING")  # states of the control loop that need nobody's attention


_CERTIFICATES = {"EXPIRING": Level.LOOK, "EXPIRED": Level.BAD, "UNREADABLE": Level.BAD}  # what is told, and how


class Load(NamedTuple):
    """What flows on one phase of a circuit, or may flow by the chargers' limits where nothing is measured."""

    amps: Amps
    rating_a: Amps
    said: Said


def headline(says: Speaker, report: Report) -> Said:
    """``harbour-3: NORMAL, mode control, up 12 s, 12 ticks (1 missed), 14:00:00 at the site, version 0.1.0``."""
    control = report["control"]
    values = {
        "site": report["site"],
        "state": says.label(f"state.{control['state']}", control["state"]),
        "mode": report.get("mode", says.say("status.unknown")),
        "up": age(report["uptime_s"]),
        "ticks": control.get("ticks", 0),
        "missed": control.get("missed_ticks", 0),
        "time": report["local_time"][11:19],
        "version": report["version"],
    }
    name = "status.headline" if report.get("has_cloud", True) else "status.headline_alone"
    return Said(says.say(name, values), Level.PLAIN if control["state"] in _NORMAL else Level.LOOK)


def on_control(says: Speaker, report: Report) -> Iterator[Said]:
    """What limits the site from outside, and what is wrong with its meters."""
    for limit in (report.get("limits") or {}).get("effective", ()):
        if limit["source"] is not None:
            yield Said(_limit(says, limit), Level.LOOK if limit["reason"] == _FALLBACK else Level.PLAIN)
    if (eco_s := (report.get("bms") or {}).get("eco_remaining_s")) is not None:
        yield Said(says.say("status.eco", {"left": age(eco_s)}))
    for meter in report.get("meters", ()):
        if not meter["ok"]:
            values = {
                "meter": meter["id"],
                "problem": Heard(meter["problem"]) if meter["problem"] else says.say("status.no_reading"),
            }
            known = meter["age_s"] is not None
            aged = {"age": age(meter["age_s"])} if known else {}
            yield Said(says.say("status.meter_since" if known else "status.meter", values | aged), Level.BAD)
        for doubt in (*meter.get("wiring", ()), *meter.get("doubts", ())):
            yield Said(says.say("status.meter", {"meter": meter["id"], "problem": Heard(doubt)}), Level.LOOK)


def on_the_rest(says: Speaker, report: Report) -> Iterator[Said]:
    """What is to be said of clouds, cards, storage, certificates and stations that wait."""
    has_cloud = report.get("has_cloud", True)
    for lost in _lost_clouds(says, report.get("stations", ())):
        yield Said(lost, Level.LOOK)
    yield from _whom_they_let_in(says, report.get("stations", ()))
    for card in report.get("cards_shown", ()):
        yield Said(says.say("status.card" if card["ends"] else "status.card_unread", card), Level.LOOK)
    storage = report.get("storage")
    if storage is not None and storage["state"] != _UNUSED:
        yield Said(storage_of(says, storage, has_cloud=has_cloud), level_of(storage))
    for certificate in report.get("certificates", ()):
        if certificate["state"] in _CERTIFICATES:
            yield Said(_certificate(says, certificate), _CERTIFICATES[certificate["state"]])
    for station in report.get("waiting_stations", ()):
        described = [str(station[key]) for key in ("vendor", "model", "serial") if station[key]]
        whence = " ".join((station["address"] or says.say("status.unknown"), *described))
        yield Said(says.say("status.waits", {"station": station["id"], "whence": whence}), Level.LOOK)


def waits_for(says: Speaker, report: Report, station: str) -> str | None:
    """What a station waits for; None where it is connected and so is its cloud, if the site has one."""
    if any(each["id"] == station for each in report.get("waiting_stations", ())):
        return says.say("status.waits_adoption", {"station": station})
    known = next((each for each in report.get("stations", ()) if each["id"] == station), None)
    if known is None:
        return None
    if not known["connected"]:
        refused = [each for each in report.get("refused_handshakes", ()) if each["station"] == station]
        if not refused:
            return says.say("status.away", {"station": station})
        return says.say("status.away_refused", {"station": station, "at": refused[-1]["at"], "why": refused[-1]["why"]})
    if not known["cloud_connected"] and report.get("has_cloud", True):
        if known.get("cloud_problem") is None:
            return says.say("status.cloud_away", {"station": station})
        return says.say("status.cloud_away_why", {"station": station, "why": Heard(known["cloud_problem"])})
    return None


def loads(says: Speaker, circuit: Report) -> list[Load]:
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
            Said(
                f"{sign}{says.number(amps, '.1f')} / {says.number(rating_a, 'g')}",
                Level.OLD if is_old else _load_level(amps, rating_a),
            ),
        )
        for amps in measured_a or circuit["exposure_a"]
    ]


def remarks(says: Speaker, circuit: Report) -> list[Said]:
    """What the figures of a circuit don't say by themselves: that they are old, and where more flows than may."""
    is_old = circuit["measured_a"] and circuit["measured_stale"]
    old = {"age": age(circuit["measured_age_s"])} if is_old else {}
    said = [Said(says.say("status.old", old), Level.LOOK)] if is_old else []
    measured_a = (0.0,) * len(PHASES) if is_old else circuit["measured_a"] or (0.0,) * len(PHASES)
    # The chargers' own account, where no meter shows it.
    flowing_a = [max(both) for both in zip(measured_a, circuit["draw_a"], strict=True)]
    return said + [
        Said(
            says.say("status.overloaded", {"phase": str(phase), "amps": amps, "rating_a": float(circuit["rating_a"])}),
            Level.BAD,
        )
        for phase, amps in zip(PHASES, flowing_a, strict=True)
        if amps > circuit["rating_a"]
    ]


def link(says: Speaker, *, is_up: bool) -> Said:
    """``up`` or ``down``."""
    return Said(says.say("status.up"), Level.GOOD) if is_up else Said(says.say("status.down"), Level.BAD)


def status_of(says: Speaker, evse: Report) -> Said:
    """``Charging``, by OCPP's name in English."""
    return Said(says.label(f"evse.{evse['status']}", evse["status"]))


def limit_of(says: Speaker, evse: Report) -> Said | None:
    """``6.0``; None before the first decision."""
    return Said(says.number(evse["limit_a"], ".1f")) if evse["limit_a"] is not None else None


def draw_of(says: Speaker, evse: Report) -> Said | None:
    """``16.0 16.0 0.0``; what is too old to say what flows now with its age, ``16.0 16.0 0.0, 7 min ago``."""
    if evse["draw_a"] is None:
        return None
    draw = " ".join(says.number(amps, ".1f") for amps in evse["draw_a"])
    if not evse.get("draw_stale"):
        return Said(draw)
    return Said(says.say("status.draw_old", {"draw": draw, "age": age(evse["draw_age_s"])}), Level.OLD)


def fewer_phases(_says: Speaker, evse: Report) -> Said | None:
    """The grid phases in use, where that aren't all that it is wired to."""
    used: Sequence[str] = evse.get("phases_in_use", ())
    return Said(" ".join(used)) if used and len(used) < len(evse.get("phases", ())) else None


def need_of(says: Speaker, evse: Report) -> Said | None:
    """``12.0 kWh in 3 h``."""
    need = evse.get("need")
    if need is None:
        return None
    left_s, values = need["time_left_s"], {"kwh": need["energy_wanted_wh"] / 1000}
    if left_s <= 0:
        return Said(says.say("status.need_due", values))
    return Said(says.say("status.need", values | {"left": age(left_s)}))


def why_of(says: Speaker, evse: Report) -> Said:
    """``6.0 A: garage L2 is full (39.8 of 40 A)``: in English as the gateway tells it everywhere, else the same
    sentence in the language. Of a gateway that tells it in English alone it is so.
    """
    sentence = evse.get("sentence")
    if sentence is None or not says.has(f"reason.{sentence['name']}"):
        return Said(evse["text"])
    values = dict(sentence["values"])
    if "source" in values:
        values["source"] = says.label(f"source.{values['source']}", values["source"])
    reason = says.say(f"reason.{sentence['name']}", values)
    if sentence["shown_a"] is None:
        return Said(reason)
    return Said(f"{says.number(sentence['shown_a'], 'z.1f')} A: {reason}")


def _load_level(amps: Amps, rating_a: Amps) -> Level:
    if amps > rating_a:
        return Level.BAD
    return Level.LOOK if amps > NEARLY_FULL * rating_a else Level.GOOD


def _limit(says: Speaker, limit: Report) -> str:
    """``main: 20.0 A per phase, 13800 W in all at most: bms (bms_modbus), for 41 s more``."""
    remaining_s = limit["remaining_s"]
    values = {
        "circuit": limit["circuit"],
        "limit_a": float(limit["limit_a"]),
        "limit_w": float(limit["limit_w"]),
        "reason": says.label(f"binding.{limit['reason']}", limit["reason"]),
        "source": limit["source"],
    }
    if remaining_s is None:
        return says.say("status.limit", values)
    return says.say("status.limit_until", values | {"left": age(remaining_s)})


def _lost_clouds(says: Speaker, stations: Sequence[Report]) -> Iterator[str]:
    """``no cloud for CP-01, CP-02, CP-03 and 47 more: no answer within 10 s``, for each cause."""
    by_cause: dict[str, list[str]] = {}
    for station in stations:
        if (problem := station.get("cloud_problem")) is not None:
            by_cause.setdefault(problem, []).append(station["id"])
    for problem, names in by_cause.items():
        values = {"stations": ", ".join(names[:_NAMED]), "problem": Heard(problem), "more": len(names) - _NAMED}
        yield says.say("status.no_clouds" if len(names) > _NAMED else "status.no_cloud", values)


def _whom_they_let_in(says: Speaker, stations: Sequence[Report]) -> Iterator[Said]:
    """Whose configuration lets in few without a cloud, for each kind."""
    by_kind: dict[str, list[str]] = {}
    for station in stations:
        if (kind := station.get("lets_in")) is not None:
            by_kind.setdefault(kind, []).append(station["id"])
    for kind, names in by_kind.items():
        named = ", ".join(names[:_NAMED]) + (", …" if len(names) > _NAMED else "")
        yield Said(says.say(_LET_IN[kind], {"stations": named}))


def _certificate(says: Speaker, certificate: Report) -> str:
    """``certificate /etc/edge/tls/server.pem (stations) expires in 12.3 days``."""
    values = {"place": certificate["place"], "use": certificate["use"]}
    if certificate["problem"] is not None:
        return says.say("status.certificate_unreadable", values | {"problem": certificate["problem"]})
    days = certificate["days_left"]
    name = "status.certificate_expires" if days > 0 else "status.certificate_expired"
    return says.say(name, values | {"days": abs(float(days))})

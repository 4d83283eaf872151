"""``edge status``: what the running controller sees, allows and why."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any

import orjson
import typer
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from edge.cli.control_socket import report
from edge.cli.evse_table import EvseTable
from edge.cli.places import SocketPath
from edge.units import PHASES

NEARLY_FULL = 0.9  # of the rating: shown in yellow from here on, in red above the rating
_WIDTH_WITHOUT_TERMINAL = 160  # columns: so that a sentence stays on its line in a file or a pipe
_NONE = "-"
OLD = "dim"  # of what was true once
CERTIFICATES = {"EXPIRING": "yellow", "EXPIRED": "red", "UNREADABLE": "red"}  # what is told, and how
OBSERVES = "observe"  # the mode in which no limit is written
LONG_S = 120.0  # seconds, and minutes: from here on the next unit says enough
FALLBACK = "fallback"  # what binds where a source of limits has fallen silent
NAMED = 3  # stations of the same trouble that are told by name
GOOD, RESERVE, UNUSED = "GOOD", "RESERVE", "UNUSED"  # states of the storage
NORMAL = ("NORMAL", "STARTING")  # states of the control loop that need nobody's attention

Report = Mapping[str, Any]


def status(
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
    socket: SocketPath = None,
) -> None:
    """Show circuits, stations and limits of the running controller."""
    told = report(socket)
    if as_json:
        typer.echo(orjson.dumps(told))
        return
    console = Console(width=None if sys.stdout.isatty() else _WIDTH_WITHOUT_TERMINAL, highlight=False, soft_wrap=False)
    for part in _picture(told):
        console.print(part)


def _picture(report: Report) -> Iterator[RenderableType]:
    control, has_cloud = report["control"], report.get("has_cloud", True)
    yield _text(
        f"{report['site']}: {control['state']}, mode {report.get('mode', 'unknown')}, "
        f"up {report['uptime_s']:.0f} s, {control.get('ticks', 0)} ticks ({control.get('missed_ticks', 0)} missed), "
        f"{report['local_time'][11:19]} at the site, version {report['version']}{'' if has_cloud else ', no cloud'}",
        "" if control["state"] in NORMAL else "yellow",
    )
    yield _circuits(report.get("circuits", ()))
    for limit in (report.get("limits") or {}).get("effective", ()):
        if limit["source"] is not None:
            yield _text(_limit(limit), "yellow" if limit["reason"] == FALLBACK else "")
    if (mode := _mode(report.get("bms") or {})) is not None:
        yield _text(mode)
    for meter in report.get("meters", ()):
        if not meter["ok"]:
            last = f"; its last reading is {_age(meter['age_s'])} old" if meter["age_s"] is not None else ""
            yield _text(f"meter {meter['id']}: {meter['problem'] or 'no reading'}{last}", "red")
        for doubt in (*meter.get("wiring", ()), *meter.get("doubts", ())):
            yield _text(f"meter {meter['id']}: {doubt}", "yellow")
    yield _stations(report.get("stations", ()), commands=report.get("mode") != OBSERVES, has_cloud=has_cloud)
    for lost in _lost_clouds(report.get("stations", ())):
        yield _text(lost, "yellow")
    for card in report.get("cards_shown", ()):
        yield _text(_card(card), "yellow")
    storage = report.get("storage")
    if storage is not None and storage["state"] != UNUSED:
        yield _text(_storage(storage, has_cloud=has_cloud), _storage_style(storage))
    for certificate in report.get("certificates", ()):
        if certificate["state"] in CERTIFICATES:
            yield _text(_certificate(certificate), CERTIFICATES[certificate["state"]])
    for station in report.get("waiting_stations", ()):
        described = " ".join(str(station[key]) for key in ("vendor", "model", "serial") if station[key])
        yield _text(
            f"waiting to be let in: {station['id']} from {station['address'] or 'unknown'} {described}", "yellow"
        )


def _card(card: Report) -> str:
    """``a card (..C4) that isn't the site's own was shown at CP-03: edge token add --shown CP-03``."""
    ends, station = f" (..{card['ends']})" if card["ends"] else "", card["station"]
    return f"a card{ends} that isn't the site's own was shown at {station}: edge token add --shown {station}"


def _storage(storage: Report, *, has_cloud: bool) -> str:
    """``storage: 3 messages for the cloud, the oldest since 2 h (CP-07); journal 0.4 MB, 12.1 GB free``."""
    if "pending" not in storage:
        return f"storage: nothing can be kept: {storage['problem']}"
    oldest_s = storage["oldest_pending_s"]
    since = f", the oldest since {_age(oldest_s)} ({storage['oldest_pending_station']})" if oldest_s is not None else ""
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


def _storage_style(storage: Report) -> str:
    if storage["state"] not in (GOOD, RESERVE):
        return "red"
    needs_somebody = storage["state"] == RESERVE or any(
        storage.get(key) for key in ("deferred", "set_aside", "flooded_by", "left_behind", "set_aside_files")
    )
    return "yellow" if needs_somebody else ""


def _limit(limit: Report) -> str:
    """``main: 20.0 A per phase, 13800 W in all at most: bms (bms_modbus), for 41 s more``."""
    remaining_s = limit["remaining_s"]
    rest = f", for {_age(remaining_s)} more" if remaining_s is not None else ""
    return (
        f"{limit['circuit']}: {limit['limit_a']:.1f} A per phase, {limit['limit_w']:.0f} W in all at most: "
        f"{limit['reason']} ({limit['source']}){rest}"
    )


def _certificate(certificate: Report) -> str:
    """``certificate /etc/edge/tls/server.pem (stations) expires in 12.3 days``."""
    name = f"certificate {certificate['place']} ({certificate['use']})"
    if certificate["problem"] is not None:
        return f"{name} can't be read: {certificate['problem']}"
    days = certificate["days_left"]
    return f"{name} expires in {days:.1f} days" if days > 0 else f"{name} expired {-days:.1f} days ago"


def _mode(building: Report) -> str | None:
    """``eco mode: all cars charge on the sun's surplus alone, for 41 s more``."""
    eco_s = building.get("eco_remaining_s")
    return (
        f"eco mode: all cars charge on the sun's surplus alone, for {_age(eco_s)} more" if eco_s is not None else None
    )


def _circuits(circuits: Sequence[Report]) -> Table:
    table = Table(title="Circuits: current / rating in A", title_justify="left", expand=False)
    remarks = [_remarks(circuit) for circuit in circuits]
    for heading in ("circuit", "fed by", *PHASES, *(["remark"] if any(remarks) else [])):
        table.add_column(heading)
    for circuit, remark in zip(circuits, remarks, strict=True):
        cells = [_text(circuit["id"]), _text(circuit["parent"] or _NONE)]
        rating_a = circuit["rating_a"]
        # Where nothing is measured, the most that the chargers may draw is what is planned with.
        shown_a = circuit["measured_a"] or circuit["exposure_a"]
        sign = "" if circuit["measured_a"] else "≤ "
        stale = circuit["measured_a"] and circuit["measured_stale"]
        cells += [
            _text(f"{sign}{amps:.1f} / {rating_a:g}", OLD if stale else _load_style(amps, rating_a)) for amps in shown_a
        ]
        table.add_row(*cells, *([remark] if any(remarks) else []))
    return table


def _remarks(circuit: Report) -> Text:
    """What the figures beside it don't say by themselves: that they are old, and where more flows than may."""
    old = circuit["measured_a"] and circuit["measured_stale"]
    remarks = [_text(f"reading {_age(circuit['measured_age_s'])} old", "yellow")] if old else []
    measured_a = (0.0,) * len(PHASES) if old else circuit["measured_a"] or (0.0,) * len(PHASES)
    # The chargers' own account, where no meter shows it.
    flowing_a = [max(both) for both in zip(measured_a, circuit["draw_a"], strict=True)]
    over = [
        f"{phase} is overloaded: {amps:.1f} of {circuit['rating_a']:g} A"
        for phase, amps in zip(PHASES, flowing_a, strict=True)
        if amps > circuit["rating_a"]
    ]
    remarks += [_text(each, "bold red") for each in over]
    return Text("\n").join(remarks)


def _age(age_s: float) -> str:
    """``42 s``, ``7 min``, ``3 h``."""
    if age_s < LONG_S:
        return f"{age_s:.0f} s"
    minutes = age_s / 60
    return f"{minutes:.0f} min" if minutes < LONG_S else f"{minutes / 60:.0f} h"


def _load_style(amps: float, rating_a: float) -> str:
    if amps > rating_a:
        return "red"
    return "yellow" if amps > NEARLY_FULL * rating_a else "green"


def _stations(stations: Sequence[Report], *, commands: bool, has_cloud: bool) -> EvseTable:
    title = "Stations" if commands else "Stations: nothing is commanded, the limits are what they would be"
    limit = "limit A" if commands else "would be A"
    # What few EVSEs have has its column only where one has it.
    at_times = {
        heading: cell
        for heading, cell in (("uses", _fewer_phases), ("needs", _need))
        if any(cell(evse) for station in stations for evse in station["evses"])
    }
    cloud = ("cloud",) if has_cloud else ()
    rows = [
        [
            _text(station["id"]),
            _text(str(evse["id"])),
            _link(station["connected"]),
            *(_link(station["cloud_connected"]) for _ in cloud),
            _text(evse["status"]),
            _text(f"{evse['limit_a']:.1f}" if evse["limit_a"] is not None else _NONE),
            _draw(evse),
            *(_text(cell(evse) or _NONE) for cell in at_times.values()),
        ]
        for station in stations
        for evse in station["evses"]
    ]
    return EvseTable(
        title=title,
        headings=("station", "EVSE", "link", *cloud, "status", limit, "draw A", *at_times),
        rows=rows,
        reasons=[_text(evse["text"]) for station in stations for evse in station["evses"]],
    )


def _link(is_up: bool) -> Text:
    return _text("up", "green") if is_up else _text("down", "red")


def _lost_clouds(stations: Sequence[Report]) -> Iterator[str]:
    """``no cloud for CP-01, CP-02, CP-03 and 47 more: no answer within 10 s``, for each cause."""
    by_cause: dict[str, list[str]] = {}
    for station in stations:
        if (problem := station.get("cloud_problem")) is not None:
            by_cause.setdefault(problem, []).append(station["id"])
    for problem, names in by_cause.items():
        more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
        yield f"no cloud for {', '.join(names[:NAMED])}{more}: {problem}"


def _draw(evse: Report) -> Text:
    """``16.0 16.0 0.0``; what is too old to say what flows now with its age, ``16.0 16.0 0.0, 7 min ago``."""
    if evse["draw_a"] is None:
        return _text(_NONE)
    draw = " ".join(f"{amps:.1f}" for amps in evse["draw_a"])
    return _text(f"{draw}, {_age(evse['draw_age_s'])} ago", OLD) if evse.get("draw_stale") else _text(draw)


def _fewer_phases(evse: Report) -> str:
    """The grid phases in use, where that aren't all that it is wired to."""
    used: Sequence[str] = evse.get("phases_in_use", ())
    return " ".join(used) if len(used) < len(evse.get("phases", ())) else ""


def _need(evse: Report) -> str:
    """``12.0 kWh in 3 h``."""
    need = evse.get("need")
    if need is None:
        return ""
    left_s = need["time_left_s"]
    when = f"in {_age(left_s)}" if left_s > 0 else "by now"
    return f"{need['energy_wanted_wh'] / 1000:.1f} kWh {when}"


def _text(content: str, style: str = "") -> Text:
    """Plain text: what a station calls itself must neither steer the terminal nor be read as markup."""
    return Text("".join(character if character.isprintable() else "�" for character in content), style=style)

"""``edge doctor``: what is wrong and what to do, the likeliest first."""

import os
import re
import shutil
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer

from edge.cli.control_socket import ASK_AS_ROOT, asked_at, in_path
from edge.cli.control_socket import report as of_controller
from edge.cli.findings import read
from edge.cli.places import SITE_FILE, STATE_FOLDER, ConfigPath, SocketPath, StatePath
from edge.cli.tongue import LanguageOption, speaker
from edge.cli.verdict import MOST_SHOWN
from edge.clock import SystemClock
from edge.errors import ConfigurationError, ControllerUnreachable
from edge.language import Heard, Said
from edge.listening import is_anybodys

FAILED = 1
LONG_S = 6 * 3600.0  # a night's work on the line, or a station that somebody switched off
# Files toward stations and cloud are read anew when they change, the broker's at the start.
CERTIFICATE_REMEDIES = {
    "broker": "certificate_broker",
    "broker_ca": "certificate_broker",
    "cloud_server": "certificate_cloud_server",
}
MANY = 4  # stations with the same trouble are told as one
NAMED = 6  # of them by name
LITTLE_BYTES = 100 * 1024 * 1024  # what a day of journal and history takes, with reserve


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """What is wrong, and what to do about it."""

    what: Said
    remedy: Said


def doctor(
    config: ConfigPath = SITE_FILE,
    state: StatePath = STATE_FOLDER,
    socket: SocketPath = None,
    language: LanguageOption = None,
) -> None:
    """Say what is wrong and what to do, the likeliest first. Exit code 1 when something is."""
    says = speaker(language, state)
    report: Mapping[str, Any] | None = None
    away: ControllerUnreachable | None = None
    try:
        report = of_controller(socket)
    except ControllerUnreachable as exc:
        away = exc
    if away is not None and away.remedy == ASK_AS_ROOT:  # the program may be as well as can be
        troubles = [_trouble("not_root"), *(_file(config) if os.access(config, os.R_OK) else ()), *_machine(state)]
    elif away is not None and _is_blank(config):
        troubles = [_trouble("not_set_up"), *_machine(state)]
    else:
        seen = _of_report(report) if report is not None else [_away(away, socket)]
        troubles = [*_file(config), *seen, *_machine(state)]
    for number, each in enumerate(troubles, 1):
        typer.echo(f"{number}. {says.tell(each.what)}\n   -> {says.tell(each.remedy)}")
    if troubles:
        raise typer.Exit(FAILED)
    typer.echo(says.say("doctor.well"))


def _trouble(name: str, remedy: str | None = None, **values: object) -> Trouble:
    """A trouble and its remedy by the names of their texts, the remedy's the trouble's own unless it has another."""
    return Trouble(what=Said(f"trouble.{name}", values), remedy=Said(f"remedy.{remedy or name}", values))


def _away(unreachable: ControllerUnreachable | None, socket: Path | None) -> Trouble:
    """A gateway takes its socket away when it ends; one that was killed leaves it behind."""
    if not any(path.exists() for path in asked_at(socket)):
        return _trouble("not_running")
    return _trouble("away", why=str(unreachable))


def _is_blank(config: Path) -> bool:
    """Whether the site file is as the package brings it."""
    try:
        return not config.read_bytes().strip()
    except FileNotFoundError:
        return True
    except OSError:
        return False


def _file(config: Path) -> Iterator[Trouble]:
    try:
        configuration = read(config)
    except ConfigurationError as exc:
        for each in exc.errors[:MOST_SHOWN]:
            place = f"{config}:{each.line}" if each.line is not None else str(config)
            yield _trouble("file", place=place, key=each.key, problem=each.problem, remedy_is=each.remedy)
        if len(exc.errors) > MOST_SHOWN:
            yield _trouble("file_more", place=str(config), count=len(exc.errors) - MOST_SHOWN)
        return
    ocpp, modbus = configuration.ocpp, configuration.bms.modbus
    listens = {
        "[ocpp] listen": ocpp.listen,
        "[ocpp] tls_listen": ocpp.tls_listen,
        "[api] listen": configuration.api.listen,
    }
    for key, address in (listens | {"[bms.modbus] listen": modbus.listen if modbus is not None else None}).items():
        if address is not None and not is_anybodys(address.host):
            yield _trouble("address", place=address, key=key)


def _of_report(report: Mapping[str, Any]) -> Iterator[Trouble]:
    """What the running gateway sees, in the order in which it is the cause of the rest."""
    # A meter on which no circuit rests may be lost, and one may be late: nobody charges less for it.
    told = "meter" if report.get("control", {}).get("state") == "METER_STALE" else "meter_shown"
    for meter in report.get("meters", ()):
        if not meter["ok"]:
            problem = Heard(meter["problem"]) if meter["problem"] else Said("trouble.meter_silent")
            yield _trouble(told, "meter", meter=meter["id"], problem=problem)
        for doubt in meter.get("wiring", ()):
            yield _trouble("wiring", meter=meter["id"], doubt=Heard(doubt))
    has_cloud = report.get("has_cloud", True)
    yield from _storage(report.get("storage") or {}, has_cloud=has_cloud)
    yield from _certificates(report.get("certificates", ()))
    refused = {each["station"]: each["why"] for each in report.get("refused_handshakes", ())}
    waiting = {each["id"]: each for each in report.get("waiting_stations", ())}
    url = next(iter(report.get("station_urls") or ()), Said("the_gateway"))
    connected = [each for each in report.get("stations", ()) if each["connected"]]
    yield from _lost([each["id"] for each in report.get("stations", ()) if not each["connected"]], refused, url)
    yield from _clouds(connected) if has_cloud else ()
    if report.get("bms", {}).get("mqtt", {}).get("connected") is False:
        yield _trouble("broker")
    yield from _building(report.get("limits") or {})
    for identity in sorted(waiting):
        other = waiting[identity].get("also_at")
        if other is not None:
            yield _trouble("twins", station=identity, address=waiting[identity]["address"], other=other)
        away = [each["id"] for each in report.get("stations", ()) if not each["connected"]]
        known = next((each for each in away if without_slips(each) == without_slips(identity)), None)
        if known is not None:
            yield _trouble("misspelt", station=identity, known=known)
        else:
            yield _trouble("waits", station=identity)
    nameless = (each for each in report.get("refused_handshakes", ()) if each["station"] is None)
    for address, why in dict.fromkeys((each["address"], each["why"]) for each in nameless):
        yield _trouble("turned_away", address=address, why=why, url=url)
    if report.get("mode") == "observe":
        yield _trouble("observes")


def _lost(stations: Sequence[str], refused: Mapping[str, str], url: object) -> Iterator[Trouble]:
    """Stations that aren't there; many at once have lost what they share."""
    mute = [each for each in stations if each not in refused]
    if len(mute) >= MANY:
        yield _trouble("stations", count=len(mute), stations=_first(mute), url=url)
    for station in stations:
        why = refused.get(station)
        dialled = url.replace("{station}", in_path(station)) if isinstance(url, str) else url
        if why is not None:
            yield _trouble("station_refused", station=station, why=why, url=dialled)
        elif len(mute) < MANY:
            yield _trouble("station", station=station, why=why, url=dialled)


def _first(stations: Sequence[str]) -> str:
    """The first of many by name."""
    return ", ".join(stations[:NAMED]) + (", ..." if len(stations) > NAMED else "")


def _building(limits: Mapping[str, Any]) -> Iterator[Trouble]:
    """Fallbacks of a silent building that hold cars down; one above another limit does nothing."""
    for each in limits.get("effective", ()):
        if each["reason"] == "fallback" and str(each["source"]).startswith("bms_"):
            key = "[bms.modbus]" if each["source"] == "bms_modbus" else "[bms.mqtt]"
            yield _trouble("building", key=key, circuit=each["circuit"], limit_a=each["limit_a"])


def _clouds(connected: Sequence[Mapping[str, Any]]) -> Iterator[Trouble]:
    """Of stations that are there: the cause that most have in common, or each its own."""
    lost = [each for each in connected if not each["cloud_connected"]]
    causes = Counter(each["cloud_problem"] for each in lost if each.get("cloud_problem") is not None)
    if lost and len(lost) == len(connected):
        most = next((Heard(why) for why, _ in causes.most_common(1)), None)
        yield _trouble("no_cloud") if most is None else _trouble("no_cloud_why", "no_cloud", why=most)
        return
    for why, count in causes.items():
        if count >= MANY:
            those = _first([each["id"] for each in lost if each.get("cloud_problem") == why])
            yield _trouble("clouds_away", "cloud_refuses", count=count, stations=those, why=Heard(why))
    for station in lost:
        why = station.get("cloud_problem")
        if causes[why] >= MANY:
            continue
        if why is None:
            yield _trouble("cloud_refuses", station=station["id"])
        else:
            yield _trouble("cloud_away", "cloud_refuses", station=station["id"], why=Heard(why))


def without_slips(identity: str) -> str:
    """An identity without what is mistyped most: case, blanks, strokes, dots, O for 0, and zeros before a number."""
    return re.sub(r"(?<!\d)0+(?=\d)", "", "".join(filter(str.isalnum, identity.casefold())).replace("o", "0"))


def _storage(storage: Mapping[str, Any], *, has_cloud: bool) -> Iterator[Trouble]:
    """What is wrong with the disk, and what waits there for a person."""
    folder, problem = storage.get("folder"), storage.get("problem")
    match storage.get("state"):
        case "UNUSABLE":
            what = "storage_unusable" if has_cloud else "storage_unusable_alone"
            yield _trouble(what, "storage_unusable", folder=folder, problem=problem)
        case "FULL" | "FAILED":
            yield _trouble("storage_full", folder=folder, problem=problem)
        case "RESERVE":
            yield _trouble("storage_reserve", folder=folder, problem=problem)
    for name in storage.get("set_aside_files", ()):
        yield _trouble("damaged_key" if name.startswith("token.key") else "damaged_file", place=f"{folder}/{name}")
    kept = storage.get("pending", 0) + storage.get("set_aside", 0)
    if kept and not has_cloud:
        yield _trouble("kept_for_none", count=kept)
    elif storage.get("set_aside"):
        yield _trouble("set_aside", count=storage["set_aside"])
    for station in storage.get("flooded_by", ()):
        yield _trouble("flooded", station=station)
    if storage.get("deferred") and has_cloud:
        yield _trouble("deferred", count=storage["deferred"])
    for station, count in storage.get("left_behind", {}).items():
        yield _trouble("left_behind", station=station, count=count)
    oldest_s = storage.get("oldest_pending_s")
    if oldest_s is not None and oldest_s > LONG_S and has_cloud:
        yield _trouble("waits_long", station=storage["oldest_pending_station"], hours=f"{oldest_s / 3600:.0f}")


def _certificates(certificates: Iterable[Mapping[str, Any]]) -> Iterator[Trouble]:
    """Those that end a connection within 30 days, or have ended it."""
    for each in certificates:
        values = {"place": each["place"], "use": Said(f"certificate.{each['use']}"), "problem": each["problem"]}
        remedy = CERTIFICATE_REMEDIES.get(each["use"], "certificate")
        match each["state"]:
            case "EXPIRED":
                yield _trouble("certificate_expired", remedy, **values, at=each["expires_at"])
            case "EXPIRING":
                yield _trouble("certificate_expires", remedy, **values, days=f"{each['days_left']:.0f}")
            case "UNREADABLE":
                yield _trouble("certificate_unreadable", **values)


def _machine(state: Path) -> Iterator[Trouble]:
    if not SystemClock().wall_is_trusted():
        yield _trouble("clock")
    folder = state if state.exists() else state.parent
    free = shutil.disk_usage(folder).free if folder.exists() else LITTLE_BYTES
    if free < LITTLE_BYTES:
        yield _trouble("disk", folder=str(folder), free=free // 1024 // 1024)

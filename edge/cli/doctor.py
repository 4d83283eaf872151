"""``edge doctor``: what is wrong and what to do, the likeliest first."""

import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer

from edge.cli.control_socket import report as of_controller
from edge.cli.findings import read
from edge.cli.places import SITE_FILE, STATE_FOLDER, ConfigPath, SocketPath, StatePath
from edge.clock import SystemClock
from edge.errors import ConfigurationError, ControllerUnreachable, Severity

FAILED = 1
LONG_S = 6 * 3600.0  # a night's work on the line, or a station that somebody switched off
LITTLE_BYTES = 100 * 1024 * 1024  # what a day of journal and history takes, with reserve


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """What is wrong, and what to do about it."""

    what: str
    remedy: str


def doctor(config: ConfigPath = SITE_FILE, state: StatePath = STATE_FOLDER, socket: SocketPath = None) -> None:
    """Say what is wrong and what to do, the likeliest first. Exit code 1 when something is."""
    report: Mapping[str, Any] | None = None
    away = ""
    try:
        report = of_controller(socket)
    except ControllerUnreachable as exc:
        away = str(exc)
    troubles = [*_file(config), *(_of_report(report) if report is not None else _away(away)), *_machine(state)]
    for number, each in enumerate(troubles, 1):
        typer.echo(f"{number}. {each.what}\n   -> {each.remedy}")
    if troubles:
        raise typer.Exit(FAILED)
    typer.echo("nothing is wrong that could be seen from here")


def _file(config: Path) -> Iterator[Trouble]:
    try:
        read(config)
    except ConfigurationError as exc:
        for finding in exc.findings:
            if finding.severity is Severity.ERROR:
                place = f"{config}:{finding.line}" if finding.line is not None else str(config)
                yield Trouble(what=f"{place}: {finding.key}: {finding.problem}", remedy=finding.remedy)


def _away(why: str) -> Iterator[Trouble]:
    yield Trouble(
        what=f"the gateway's program doesn't answer: {why}",
        remedy="systemctl status edge-controller; journalctl -u edge-controller -n 50",
    )


def _of_report(report: Mapping[str, Any]) -> Iterator[Trouble]:
    """What the running gateway sees, in the order in which it is the cause of the rest."""
    for meter in report.get("meters", ()):
        if not meter["ok"]:
            yield Trouble(
                what=f"meter {meter['id']}: {meter['problem'] or 'gives no reading'}; charging is at its safe currents",
                remedy="check its supply and its data cable; edge meter read",
            )
        for doubt in meter.get("wiring", ()):
            yield Trouble(what=f"meter {meter['id']}: {doubt}", remedy="put it right, then edge meter verify")
    yield from _storage(report.get("storage") or {})
    refused = {each["station"]: each["why"] for each in report.get("refused_handshakes", ())}
    waiting = {each["id"] for each in report.get("waiting_stations", ())}
    urls = report.get("station_urls") or ["the gateway"]
    connected = [each for each in report.get("stations", ()) if each["connected"]]
    for station in report.get("stations", ()):
        if not station["connected"]:
            why = f"; last turned away: {refused[station['id']]}" if station["id"] in refused else ""
            yield Trouble(
                what=f"station {station['id']} isn't connected{why}",
                remedy=f"check its supply and network, and that its backend is {urls[0]} with its own identity",
            )
    if connected and not any(each["cloud_connected"] for each in connected):
        yield Trouble(what="no station reaches the cloud", remedy="check the Internet, and [ocpp] upstream")
    else:
        for station in connected:
            if not station["cloud_connected"]:
                yield Trouble(
                    what=f"the cloud refuses station {station['id']}",
                    remedy="check that the cloud knows this identity and its key; edge trace shows what was said",
                )
    for identity in sorted(waiting):
        yield Trouble(what=f"station {identity} waits to be adopted", remedy=f"edge station adopt {identity}")
    for who, why in refused.items():
        if who is None:
            yield Trouble(what=f"a connection was turned away: {why}", remedy=f"give the station {urls[0]}")
    if report.get("mode") == "observe":
        yield Trouble(what="the gateway only observes, it controls nothing", remedy="edge commission proves and signs")


def _storage(storage: Mapping[str, Any]) -> Iterator[Trouble]:
    """What is wrong with the disk, and what waits there for a person."""
    folder = storage.get("folder")
    match storage.get("state"):
        case "UNUSABLE":
            yield Trouble(
                what=f"nothing can be kept, stations get no answers while their cloud is away: {storage['problem']}",
                remedy=f"put {folder} right, then systemctl restart edge-controller",
            )
        case "FULL" | "FAILED":
            yield Trouble(
                what=f"{folder}: {storage['problem']}; stations keep their messages and get no answers",
                remedy="free some room (journalctl --vacuum-size=50M), or replace the card",
            )
        case "RESERVE":
            yield Trouble(what=f"{folder}: {storage['problem']}", remedy="free some room: journalctl --vacuum-size=50M")
    for name in storage.get("set_aside_files", ()):
        yield Trouble(
            what=f"{folder}/{name} was damaged; what could be read of it is in use",
            remedy="check the power supply, think of a new card; keep the file for support, then delete it",
        )
    if storage.get("set_aside"):
        yield Trouble(
            what=f"the cloud refuses for good: messages, {storage['set_aside']} of them",
            remedy="edge journal list says why; when the cloud is put right, edge journal resend",
        )
    for station, count in storage.get("left_behind", {}).items():
        yield Trouble(
            what=f"messages for the cloud are of {station}, which the site no longer has: {count}",
            remedy=f"have {station} in the site file until they are delivered",
        )
    oldest_s = storage.get("oldest_pending_s")
    if oldest_s is not None and oldest_s > LONG_S:
        station = storage["oldest_pending_station"]
        yield Trouble(
            what=f"a message of {station} has waited for the cloud for {oldest_s / 3600:.0f} h",
            remedy=f"it goes by {station}'s own connection: see that the station and its cloud are there",
        )


def _machine(state: Path) -> Iterator[Trouble]:
    if not SystemClock().wall_is_trusted():
        yield Trouble(what="the machine's clock isn't set", remedy="check the network time (chronyc tracking)")
    folder = state if state.exists() else state.parent
    free = shutil.disk_usage(folder).free if folder.exists() else LITTLE_BYTES
    if free < LITTLE_BYTES:
        yield Trouble(what=f"{folder} has {free // 1024 // 1024} MiB left", remedy="journalctl --vacuum-size=50M")

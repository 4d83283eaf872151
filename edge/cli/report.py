"""``edge report sessions``: who charged how much, one by one or summed up."""

import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, TypeAlias
from zoneinfo import ZoneInfo

import orjson
import typer

from edge.cli import token_text
from edge.cli.findings import read
from edge.cli.places import SITE_FILE, ConfigPath
from edge.cli.report_text import as_csv, as_table
from edge.config import Configuration
from edge.domain.session import QUARTER_S, Session
from edge.errors import ProblemUnusable
from edge.offline import session_report
from edge.offline.session_report import By, Sum
from edge.storage.session_file import Register, SessionFile

app = typer.Typer(help="What the site has to account for.", no_args_is_help=True)

_WH_PER_KWH = Decimal(1000)
MOST_CO2_G = 100_000.0  # for each kWh: a hundred times that of lignite
_Noted: TypeAlias = tuple[datetime, Decimal]  # the begin of a quarter of an hour, and the meter's register in Wh
_SESSION = (  # the columns of a session, besides its quarter-hours and signed messages, which no table has room for
    "session",
    "station",
    "evse",
    "transaction",
    "token",
    "class",
    "cost_centre",
    "kind",
    "began",
    "ended",
    "reason",
    "register_begin_kwh",
    "register_end_kwh",
    "energy_kwh",
)


class Form(StrEnum):
    """How a report is written."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Report:
    columns: list[str]  # of a row, as far as a table has room for them
    rows: list[dict[str, Any]]
    total: dict[str, Any]


@app.callback()
def report() -> None:
    """Reports on what is kept below the storage folder."""


@app.command()
def sessions(
    config: ConfigPath = SITE_FILE,
    since: Annotated[
        str | None, typer.Option("--from", help="Sessions that began on this day or later.", show_default=False)
    ] = None,
    until: Annotated[
        str | None, typer.Option("--to", help="Sessions that began before this day.", show_default=False)
    ] = None,
    by: Annotated[By | None, typer.Option("--by", help="Sum up by this.", show_default=False)] = None,
    form: Annotated[Form, typer.Option("--format", help="How it is written.")] = Form.TABLE,
    co2: Annotated[
        float | None,
        typer.Option(
            "--co2", min=0, max=MOST_CO2_G, help="Grams of CO2 for each kWh, to be stated with it.", show_default=False
        ),
    ] = None,
) -> None:
    """List the sessions, or sum them up. Energy in kWh, internal (the site's own tokens) and public apart.

    A session belongs to the moment of its begin. Energies are exact, so that each total is the sum of its rows.
    """
    configuration = read(config)
    zone = ZoneInfo(configuration.site.timezone)
    start, end = token_text.moment(since, zone, "--from"), token_text.moment(until, zone, "--to")
    if start is not None and end is not None and end <= start:
        raise ProblemUnusable(
            f"--to is {until!r}, not after --from, which is {since!r}",
            remedy="--to is the first day that doesn't count any more",
        )
    file = SessionFile(Path(configuration.storage.path))
    everything, names = file.sessions(), file.names()
    found = session_report.within(everything, start, end)
    factor = Decimal(str(co2)) if co2 is not None else None
    if by is None:
        rows = [_session(each, zone, names, factor) for each in found]
        columns = [*_SESSION, *_co2(Decimal(0), factor)]
    else:
        rows = [{by.value: each.name} | _sum(each, factor) for each in session_report.sums(found, by, zone, names)]
        columns = [by.value, *_sum(session_report.total(found), factor)]
    total = _sum(session_report.total(found), factor)
    total |= _share(everything, _registers(file, configuration), start, end)
    _print(_Report(columns=columns, rows=rows, total=total), form)


def _print(found: _Report, form: Form) -> None:
    match form:
        case Form.JSON:
            document = {"sessions": found.rows, "total": found.total}
            typer.echo(orjson.dumps(document, default=str, option=orjson.OPT_INDENT_2).decode())
        case Form.CSV:
            typer.echo(as_csv(found.columns, found.rows), nl=False)
        case Form.TABLE:
            room = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
            typer.echo(as_table([_flat(row) for row in found.rows], room), nl=False)
            typer.echo(", ".join(f"{name.replace('_', ' ')} {value}" for name, value in found.total.items()))


def _flat(row: Mapping[str, Any]) -> dict[str, Any]:
    """Without what no table has room for."""
    return {name: value for name, value in row.items() if not isinstance(value, list)}


def _session(session: Session, zone: tzinfo, names: Mapping[str, str], co2: Decimal | None) -> dict[str, Any]:
    row: dict[str, Any] = {
        "session": session.id,
        "station": session.station,
        "evse": session.evse,
        "transaction": session.transaction,
        "token": session_report.token_name(session, names),
        "class": session.class_id,
        "cost_centre": session.cost_centre,
        "kind": "internal" if session.internal else "public",
        "began": _local(session.began_at, zone),
        "ended": _local(session.ended_at, zone),
        "reason": session.end_reason,
        "register_begin_kwh": _kwh(session.register_begin_wh),
        "register_end_kwh": _kwh(session.register_wh),
        "energy_kwh": _kwh(session.energy_wh),
        "quarter_hours": [
            {"since": _local(quarter.since, zone), "energy_kwh": _kwh(quarter.energy_wh)}
            for quarter in session.quarters
        ],
        "signed_messages": list(session.signed),
    }
    return row | _co2(session.energy_wh, co2)


def _sum(found: Sum, co2: Decimal | None) -> dict[str, Any]:
    return {
        "sessions": found.sessions,
        "energy_kwh": _kwh(found.energy_wh),
        "internal_kwh": _kwh(found.internal_wh),
        "public_kwh": _kwh(found.public_wh),
    } | _co2(found.energy_wh, co2)


def _co2(energy_wh: Decimal, grams_per_kwh: Decimal | None) -> dict[str, Any]:
    """With the factor beside it, as it is nobody's measurement."""
    if grams_per_kwh is None:
        return {}
    return {
        "co2_kg": plain(energy_wh / _WH_PER_KWH * grams_per_kwh / 1000),
        "co2_g_per_kwh": plain(grams_per_kwh),
    }


def _share(
    sessions: Sequence[Session], registers: Sequence[Register], since: datetime | None, until: datetime | None
) -> dict[str, Any]:
    """The sessions' part of what the building took from the grid, between the readings of its meter that there are."""
    noted = [(_quarter_hour(each.at), each.import_wh) for each in registers]
    inside = [each for each in noted if (since is None or each[0] >= since) and (until is None or each[0] <= until)]
    building_wh = charged_wh = Decimal(0)
    for (begin, first_wh), (end, last_wh) in _rises(inside):
        building_wh += last_wh - first_wh
        charged_wh += session_report.delivered_wh(sessions, begin, end)
    if building_wh <= 0:
        return {}
    return {
        "building_kwh": _kwh(building_wh.quantize(Decimal("0.1"))),  # a meter's register is a float of 32 bits
        "charged_meanwhile_kwh": _kwh(charged_wh),
        "share_percent": plain((charged_wh / building_wh * 100).quantize(Decimal("0.1"))),
    }


def _quarter_hour(at: datetime) -> datetime:
    """The begin of the quarter of an hour for which a register was noted: with the first tick in it."""
    return datetime.fromtimestamp(round(at.timestamp() / QUARTER_S) * QUARTER_S, UTC)


def _rises(noted: Sequence[_Noted]) -> Iterator[tuple[_Noted, _Noted]]:
    """The first and the last reading of each time in which the register counted on: a new meter begins anew."""
    begin = 0
    for place in range(1, len(noted) + 1):
        if place == len(noted) or noted[place][1] < noted[place - 1][1]:
            if place - begin > 1:
                yield noted[begin], noted[place - 1]
            begin = place


def _registers(file: SessionFile, configuration: Configuration) -> list[Register]:
    grid = next(circuit for circuit in configuration.site.circuits if circuit.parent is None)
    return file.registers(grid.meter) if grid.meter is not None else []


def _local(at: datetime | None, zone: tzinfo) -> str | None:
    return at.astimezone(zone).isoformat(timespec="seconds") if at is not None else None


def _kwh(energy_wh: Decimal | None) -> str | None:
    return plain(energy_wh / _WH_PER_KWH) if energy_wh is not None else None


def plain(number: Decimal) -> str:
    """A decimal with all its digits and no others."""
    text = format(number, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text

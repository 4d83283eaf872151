"""``edge need``: what the car at an EVSE wants before it leaves."""

import re
from datetime import UTC, datetime, time, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

import orjson
import typer

from edge.cli.control_socket import STATUS, Answer, ask, asked_at, get, in_path
from edge.cli.places import SocketPath
from edge.clock import SystemClock
from edge.domain.token import first_shown
from edge.errors import ControllerUnreachable, EvseUnknown, NeedError, NeedImplausible, NoSession, TimeUntrusted
from edge.units import WattHours

NO_CONTENT = 204
REFUSALS: dict[int, type[NeedError]] = {404: EvseUnknown, 409: NoSession, 422: NeedImplausible, 503: TimeUntrusted}
_UNITS = {"wh": 1.0, "kwh": 1000.0}
# Behind a comma two digits at most: who writes 1,250 may mean thousands.
_ENERGY = re.compile(r"(\d{1,9}(?:\.\d{1,9}|,\d{1,2})?)\s*(k?wh)", re.IGNORECASE | re.ASCII)
_CLOCK = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)", re.ASCII)


def need(
    station: Annotated[str, typer.Argument(metavar="STATION", help="The station's id.", show_default=False)],
    evse: Annotated[int, typer.Argument(metavar="EVSE", help="The EVSE's number at it.", show_default=False)],
    energy: Annotated[
        str | None, typer.Option("--energy", metavar="ENERGY", help="From now on: 12kWh.", show_default=False)
    ] = None,
    by: Annotated[
        str | None,
        typer.Option(
            "--by",
            metavar="TIME",
            help="When the car leaves, by the site's clock: 17:00 (today or tomorrow), or 2026-11-21T17:00.",
            show_default=False,
        ),
    ] = None,
    clear: Annotated[bool, typer.Option("--clear", help="Forget what was stated.")] = False,
    socket: SocketPath = None,
) -> None:
    """State what a car wants before it leaves. The one that charges at this EVSE, in this session."""
    paths = asked_at(socket)
    resource = f"/api/v1/stations/{in_path(station)}/evses/{evse}/need"
    if clear:
        if energy is not None or by is not None:
            raise typer.BadParameter("forgets what was stated: leave out --energy and --by", param_hint="--clear")
        _check(ask(paths, "DELETE", resource))
        typer.echo(f"{station}/{evse}: nothing is known any more of what the car needs")
        return
    if energy is None or by is None:
        raise typer.BadParameter("both are needed, or --clear", param_hint="--energy and --by")
    wanted_wh, when = energy_wh(energy), departure(by.strip(), SystemClock().wall())
    leaves = departure_at(when, *_site_time(get(paths, STATUS)))
    statement = {"energy_wanted_wh": wanted_wh, "departure_at": leaves.astimezone(UTC).isoformat()}
    _check(ask(paths, "PUT", resource, orjson.dumps(statement)))
    typer.echo(f"{station}/{evse}: {wanted_wh / 1000:g} kWh by {leaves:%Y-%m-%d %H:%M} at the site")


def energy_wh(text: str) -> WattHours:
    """``12kWh``, ``12.5 kWh``, ``12,5 kWh``, ``12000Wh``.

    :raises typer.BadParameter: it is none.
    """
    found = energy_in(text)
    if found is None:
        raise typer.BadParameter(f"'{text}' is no energy: give it with its unit, like 12kWh", param_hint="--energy")
    return found


def energy_in(text: str) -> WattHours | None:
    """As :func:`energy_wh`; None where it is none."""
    found = _ENERGY.fullmatch(text.strip())
    return float(found.group(1).replace(",", ".")) * _UNITS[found.group(2).lower()] if found is not None else None


def clock_in(text: str) -> time | None:
    """A time of day, like ``17:00``; None where it is none."""
    clock = _CLOCK.fullmatch(text)
    return time(int(clock.group(1)), int(clock.group(2))) if clock is not None else None


def departure(text: str, now: datetime) -> time | datetime:
    """A time of day, or a date and time, as it is written. What is over in every zone at ``now`` is no departure.

    :raises typer.BadParameter: it is none.
    """
    clock = clock_in(text)
    if clock is not None:
        return clock
    try:
        moment = datetime.fromisoformat(text)
        is_over = (moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)) < now - timedelta(days=1)
        moment.replace(tzinfo=None) + timedelta(days=1)  # to any zone, it stays within the calendar
    except (ValueError, OverflowError):
        raise typer.BadParameter(
            f"'{text}' is no time: give one like 17:00, or a date and time like 2026-11-21T17:00", param_hint="--by"
        ) from None
    if is_over:
        raise typer.BadParameter(f"'{text}' has passed: give the time at which the car leaves", param_hint="--by")
    return moment


def departure_at(when: time | datetime, now: datetime, zone: ZoneInfo) -> datetime:
    """A time of day is the next one after ``now``; a date and time without a zone is the site's. In the night of the
    change of the clocks they may be twice: then the one that isn't over.
    """
    if isinstance(when, datetime) and when.tzinfo is not None:
        return when.astimezone(zone)
    today = now.astimezone(zone).date()
    days = [when] if isinstance(when, datetime) else [datetime.combine(today + timedelta(days=n), when) for n in (0, 1)]
    moments = [each for day in days for each in (first_shown(day, zone), day.replace(tzinfo=zone, fold=1))]
    ahead = (each for each in moments if each > now.astimezone(UTC))
    return next(ahead, moments[0]).astimezone(zone)


def _site_time(report: bytes) -> tuple[datetime, ZoneInfo]:
    """The controller's wall time, and the zone of its site."""
    try:
        told = orjson.loads(report)
        return datetime.fromisoformat(told["time"]), ZoneInfo(told["timezone"])
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError, OSError) as exc:
        raise ControllerUnreachable(
            "what answers on the control socket doesn't tell the site's time",
            remedy="check that edge need and the controller are of the same version",
        ) from exc


def _check(answer: Answer) -> None:
    """:raises NeedError: the controller refuses; in its own words."""
    if answer.status == NO_CONTENT:
        return
    try:
        sentence = orjson.loads(answer.body)["error"]
    except (orjson.JSONDecodeError, KeyError, TypeError):
        sentence = None
    if answer.status not in REFUSALS or not isinstance(sentence, str):
        raise ControllerUnreachable(
            f"the controller answers with {answer.status}",
            remedy="check that edge need and the controller are of the same version",
        )
    raise REFUSALS[answer.status](sentence)

"""``edge token``: the site's own tokens, and what is kept of one person."""

from dataclasses import dataclass, replace
from datetime import timedelta, tzinfo
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import orjson
import typer

from edge.cli import control_socket, token_text
from edge.cli.findings import read
from edge.cli.places import SITE_FILE, ConfigPath, SocketPath
from edge.cli.token_csv import read_csv
from edge.cli.token_text import Card, Rules
from edge.domain.token import SiteToken
from edge.errors import TokenUnusable
from edge.offline.hashing import TokenHasher, shown
from edge.offline.strangers import SHOWN_FOR
from edge.storage.key import token_key
from edge.storage.token_file import TokenFile

app = typer.Typer(
    help="The site's own tokens. Who may charge while the cloud is away, in which class, at whose cost.",
    no_args_is_help=True,
)

Token = Annotated[str, typer.Argument(metavar="TOKEN", help="The card's number.", show_default=False)]
Number = Annotated[str | None, typer.Argument(metavar="[TOKEN]", help="The card's number.", show_default=False)]
Listed = Annotated[
    str | None,
    typer.Option(
        metavar="DIGITS",
        help="The card of which edge token list shows these, in place of its number.",
        show_default=False,
    ),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    file: TokenFile
    rules: Rules

    @property
    def hasher(self) -> TokenHasher:
        return self.rules.hasher


@app.command()
def add(
    token: Number = None,
    config: ConfigPath = SITE_FILE,
    listed: Listed = None,
    shown_at: Annotated[
        str | None,
        typer.Option(
            "--shown",
            metavar="STATION",
            help="The card that was shown there last, in place of its number. For a site without a cloud.",
            show_default=False,
        ),
    ] = None,
    name: Annotated[str, typer.Option(help="Whose it is.", show_default=False)] = "",
    class_id: Annotated[str | None, typer.Option("--class", help="Its priority class.", show_default=False)] = None,
    cost_centre: Annotated[str | None, typer.Option(help="Who pays.", show_default=False)] = None,
    since: Annotated[str | None, typer.Option("--from", help="Valid from this day.", show_default=False)] = None,
    until: Annotated[str | None, typer.Option("--until", help="Valid before this day.", show_default=False)] = None,
    hours: Annotated[
        str | None, typer.Option(help="Valid in these hours: Mon-Fri 07:00-19:00; Sat 08:00-12:00", show_default=False)
    ] = None,
    energy: Annotated[
        str | None,
        typer.Option(help="What its car wants in each session: 180kWh. With --ready-by.", show_default=False),
    ] = None,
    ready_by: Annotated[
        str | None, typer.Option(help="When its car leaves, by the site's clock: 05:30.", show_default=False)
    ] = None,
    socket: SocketPath = None,
) -> None:
    """Add a token, or change one. What isn't given is as if it had never been."""
    place = _place(config)
    card = _card(place, token, listed, shown_at, socket)
    known = place.file.get(card.hash)
    own = token_text.token(
        card,
        place.rules,
        name=name,
        blocked=known is not None and known.blocked,
        since=("--from", since),
        until=("--until", until),
        hours=hours,
        class_id=class_id,
        cost_centre=cost_centre,
        need=token_text.need(("--energy", energy), ("--ready-by", ready_by)),
    )
    place.file.put([own])
    typer.echo(f"{shown(own.hash)}: {'changed' if known is not None else 'added'}")


@app.command()
def block(token: Number = None, config: ConfigPath = SITE_FILE, listed: Listed = None) -> None:
    """Block a token. At once, whatever the cloud says of it, running sessions included."""
    place = _place(config)
    card = _card(place, token, listed)
    known = place.file.get(card.hash) or SiteToken(hash=card.hash, hint=card.hint)
    place.file.put([replace(known, blocked=True)])
    typer.echo(f"{shown(known.hash)}: blocked")


@app.command()
def unblock(token: Number = None, config: ConfigPath = SITE_FILE, listed: Listed = None) -> None:
    """Lift a block."""
    place, known = _known(token, listed, config)
    place.file.put([replace(known, blocked=False)])
    typer.echo(f"{shown(known.hash)}: no longer blocked")


@app.command()
def remove(token: Number = None, config: ConfigPath = SITE_FILE, listed: Listed = None) -> None:
    """Remove a token from the site's own. The cloud's word on it holds again."""
    place, known = _known(token, listed, config)
    place.file.remove(known.hash)
    typer.echo(f"{shown(known.hash)}: removed")


@app.command("list")
def list_(
    config: ConfigPath = SITE_FILE, as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False
) -> None:
    """List the site's own tokens. By the hash and the last two characters of each."""
    place = _place(config)
    found = [_picture(own, place.rules.zone) for own in place.file.all()]
    if as_json:
        typer.echo(orjson.dumps(found, option=orjson.OPT_INDENT_2).decode())
        return
    for row in found:
        told = ((key, value) for key, value in row.items() if key not in ("token", "ends") and value)
        said = [key if value is True else f"{key} {value}" for key, value in told]
        ends = f" (..{row['ends']})" if row["ends"] else ""
        typer.echo(f"token {row['token']}{ends}: {', '.join(said) or 'always valid'}")


@app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A CSV file.", show_default=False, readable=False)],
    config: ConfigPath = SITE_FILE,
) -> None:
    """Add the tokens of a CSV file, all or none.

    Columns: token, name, class, cost_centre, from, until, hours, energy_kwh, ready_by, blocked; separated by commas,
    semicolons or tabs.
    """
    place = _place(config)
    tokens = read_csv(file, place.rules)
    place.file.put(tokens)
    typer.echo(f"{len(tokens)} token{'' if len(tokens) == 1 else 's'} added or changed")


@app.command()
def export(token: Token, config: ConfigPath = SITE_FILE) -> None:
    """Print all that is kept of a token, as JSON."""
    place = _place(config)
    text = token_text.checked(token)
    found = place.file.export(place.hasher.hash(text), text)
    typer.echo(orjson.dumps(found, option=orjson.OPT_INDENT_2).decode())


@app.command()
def erase(token: Token, config: ConfigPath = SITE_FILE) -> None:
    """Erase all that is kept of a token. What the cloud has not had yet stays until it has."""
    place = _place(config)
    text = token_text.checked(token)
    if not any(place.file.export(place.hasher.hash(text), text).values()):
        typer.echo(f"{shown(place.hasher.hash(text))}: nothing is kept of it")
        return
    left = place.file.erase(place.hasher.hash(text), text)
    rest = f"; messages for the cloud still name it, until they are delivered: {left}" if left else ""
    typer.echo(f"{shown(place.hasher.hash(text))}: erased{rest}")


def _place(config: Path) -> _Place:
    configuration = read(config)
    folder = Path(configuration.storage.path)
    file = TokenFile(folder)
    zone = ZoneInfo(configuration.site.timezone)
    rules = Rules(hasher=TokenHasher(token_key(folder)), zone=zone, classes=tuple(configuration.classes))
    return _Place(file=file, rules=rules)


def _shown(station: str, socket: Path | None) -> Card:
    """The card that was shown last at this station."""
    report = control_socket.report(socket)
    if report.get("has_cloud", True):
        raise TokenUnusable("the site's cloud is told of cards, not the site", remedy="give the card's number")
    names = [each["id"] for each in report.get("stations", ())]
    if station not in names:
        raise TokenUnusable(f"the site has no station {station!r}", remedy=f"it has {', '.join(names)}")
    for card in report.get("cards_shown", ()):
        if card["station"] == station:
            return Card(hash=card["token"], hint=card["ends"])
    raise TokenUnusable(
        f"no card that isn't the site's own was shown at {station} within {SHOWN_FOR // timedelta(minutes=1)} minutes",
        remedy="hold it to the reader, and ask again; some stations read cards only with a cable plugged in",
    )


def _card(
    place: _Place, token: str | None, listed: str | None, shown_at: str | None = None, socket: Path | None = None
) -> Card:
    """The card that one of these names."""
    if [token, listed, shown_at].count(None) != 2:
        given = "no card is given" if token is listed is shown_at is None else "the card is given twice"
        raise TokenUnusable(given, remedy="give its number, or an option in place of that (--help)")
    if token is not None:
        return place.rules.card(token)
    if shown_at is not None:
        return _shown(shown_at, socket)
    found = [own for own in place.file.all() if listed and own.hash.startswith(listed.casefold())]
    if len(found) != 1:
        many = f"{len(found)} of the site's tokens begin" if found else "none of the site's tokens begins"
        raise TokenUnusable(f"{many} with {listed}", remedy="edge token list shows eight digits of each")
    return Card(hash=found[0].hash, hint=found[0].hint)


def _known(token: str | None, listed: str | None, config: Path) -> tuple[_Place, SiteToken]:
    place = _place(config)
    found = place.file.get(_card(place, token, listed).hash)
    if found is None:
        raise TokenUnusable("the site has no such token", remedy="edge token list shows those it has")
    return place, found


def _picture(own: SiteToken, zone: tzinfo) -> dict[str, object]:
    return {
        "token": own.hash[:8],
        "ends": own.hint,
        "name": own.name,
        "blocked": own.blocked,
        "class": own.class_id,
        "cost centre": own.cost_centre,
        "from": own.valid_from.astimezone(zone).isoformat() if own.valid_from is not None else None,
        "until": own.valid_until.astimezone(zone).isoformat() if own.valid_until is not None else None,
        "hours": token_text.hours_text(own.hours),
        "energy": f"{own.need.energy_wanted_wh / 1000:.10g}kWh" if own.need is not None else None,
        "ready by": f"{own.need.ready_by:%H:%M}" if own.need is not None else None,
    }

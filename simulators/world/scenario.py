"""A scenario of the world: a site, its loads, its drivers, its faults, and what is expected of the day."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from edge.config.locate import locate
from simulators.charger.spec import EDITION_16
from simulators.errors import ScenarioError
from simulators.toml_table import TomlTable, read_toml
from simulators.world import scenario_tables
from simulators.world.building import Load
from simulators.world.dimming import DimmingSpec
from simulators.world.drivers import DriverSpec
from simulators.world.limits import LimitSpec
from simulators.world.recording import read_recording
from simulators.world.signals import SignalSpec
from simulators.world.site import PostsSpec, prove_site, site_text
from simulators.world.source import PostsSource, SiteSource

READY_MADE: Final = Path(__file__).parents[1] / "scenarios" / "world"
LONGEST_H: Final = 24 * 366.0
FIRST_YEAR, LAST_YEAR = 2000, 2100  # between these no clock of a peer runs out
FAULTS: Final = 60  # rows of the catalogue
# Tables of what begins at some hour of the world.
MOMENTS: Final = ("cloud_away", "limit", "dimming", "signal", "fault")
SHARES: Final = frozenset({"utilisation", "energy_share", "fairness"})  # of 1
KEYS: Final = (
    "name",
    "title",
    "begins_at",
    "for_h",
    "sample_interval_s",
    "fuses",
    "site",
    "above",
    "posts",
    "load",
    "recording",
    "sun",
    "drivers",
    "cloud_away",
    "limit",
    "dimming",
    "signal",
    "fault",
    "random_faults",
    "expect",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultSpec:
    """Fault number so-and-so of the catalogue, from `at_s` on, for `for_s`; `target` names a station, a meter or a
    file, None: the seed decides.
    """

    number: int
    at_s: float
    for_s: float
    target: str | None = None

    def option(self) -> str:
        """As `edge-sim run --fault` takes it."""
        where = "" if self.target is None else f"@{self.target}"
        return f"{self.number}:{digits(self.at_s)}+{digits(self.for_s)}{where}"


def digits(value: float) -> str:
    """All of it, without an exponent: what is read again is the same number."""
    return format(Decimal(repr(float(value))), "f").removesuffix(".0")


@dataclass(frozen=True, slots=True, kw_only=True)
class RandomFaults:
    """On average so many an hour, of these numbers (none named: of the whole catalogue)."""

    per_h: float
    numbers: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectations:
    """What the day has to come to; None: nothing is expected of it. The oracles judge every run besides.

    `of_h`: how long that day is of which a part is played; None: all of it is.
    """

    utilisation: float | None = None
    energy_share: float | None = None  # delivered, of what was wanted
    reaction_p95_s: float | None = None
    fairness: float | None = None
    profiles_per_station_day: float | None = None
    of_h: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WorldScenario:
    """`site_head` is the text of a site file, to which the posts are added; `fuses` are circuits behind a gG fuse
    instead of a breaker. `above` is the site file of a gateway above, whose one station this site is. `cloud_away` are
    hours of the world: from, for. `guests` are stations of the site that a fault plays.
    """

    name: str
    title: str
    file: Path
    begins_at: datetime
    for_s: float
    sample_interval_s: int
    fuses: frozenset[str]
    site_head: str
    site_source: SiteSource
    posts: tuple[PostsSpec, ...]
    loads: tuple[Load, ...]
    drivers: tuple[DriverSpec, ...]
    cloud_away: tuple[tuple[float, float], ...]
    limits: tuple[LimitSpec, ...]
    faults: tuple[FaultSpec, ...]
    random_faults: RandomFaults | None
    expect: Expectations
    dimmings: tuple[DimmingSpec, ...] = ()
    signals: tuple[SignalSpec, ...] = ()
    guests: frozenset[str] = frozenset()
    above: str | None = None
    above_source: SiteSource | None = None

    @property
    def editions(self) -> dict[str, str]:
        """Of the stations that speak another OCPP than 1.6."""
        return {
            identity: posts.edition
            for posts in self.posts
            if posts.edition != EDITION_16
            for identity in posts.identities()
        }


def ready_worlds() -> tuple[str, ...]:
    """The names of the scenarios that come with the program."""
    return tuple(sorted(path.stem for path in READY_MADE.glob("*.toml")))


def load_world(name_or_path: str) -> WorldScenario:
    """The ready scenario of that name, or the one in that file (if it has a `/` or ends in `.toml`).

    Raises ScenarioError.
    """
    if "/" in name_or_path or name_or_path.endswith(".toml"):
        return _read(Path(name_or_path))
    if name_or_path not in ready_worlds():
        raise ScenarioError(
            f"scenario {name_or_path!r} doesn't exist; ready ones are {', '.join(ready_worlds())}, "
            "or give the path of a .toml file"
        )
    return _read(READY_MADE / f"{name_or_path}.toml")


def _read(path: Path) -> WorldScenario:
    document = read_toml(path)
    document.only(KEYS)
    posts = tuple(scenario_tables.posts(table) for table in document.tables("posts"))
    loads: list[Load] = [scenario_tables.load(table) for table in document.tables("load")]
    loads += [scenario_tables.sun(table) for table in document.tables("sun")]
    head, source = _head(document, path, "site", posts)
    site = prove_site(site_text(head, posts), source).site
    if not site.evses:
        raise document.fail("posts", "is missing: there must be a table [[posts]], or stations in the site file")
    above, above_source = _head(document, path, "above") if document.has("above") else (None, None)
    sites = [site]
    if above is not None and above_source is not None:
        sites.append(prove_site(above, above_source).site)
    scenario_tables.prove_circuits(document, sites)
    begins_at = _moment(document)
    loads += [
        read_recording(
            scenario_tables.recording(table, path.parent),
            zone=ZoneInfo(site.timezone),
            volts=site.nominal_voltage_v,
            begins_at=begins_at,
        )
        for table in document.tables("recording")
    ]
    for_h = document.number("for_h", above=0.0, at_most=LONGEST_H)
    for table in (table for key in MOMENTS for table in document.tables(key)):
        if table.number("at_h") >= for_h:
            raise table.fail("at_h", f"must be before the end at {for_h:g} h, counted from the beginning")
    return WorldScenario(
        name=document.label("name"),
        title=document.label("title"),
        file=path,
        begins_at=begins_at,
        for_s=for_h * 3600.0,
        sample_interval_s=document.whole("sample_interval_s", 60, at_least=1, at_most=3600),
        fuses=frozenset(document.texts("fuses", [])),
        site_head=head,
        site_source=source,
        posts=posts,
        loads=tuple(loads),
        drivers=scenario_tables.all_drivers(document),
        cloud_away=tuple(_away(table) for table in document.tables("cloud_away")),
        limits=tuple(scenario_tables.limit(table) for table in document.tables("limit")),
        dimmings=tuple(scenario_tables.dimming(table) for table in document.tables("dimming")),
        signals=tuple(scenario_tables.signal(table) for table in document.tables("signal")),
        faults=tuple(_fault(table) for table in document.tables("fault")),
        random_faults=_random_faults(document),
        expect=_expect(document),
        above=above,
        above_source=above_source,
    )


def _head(document: TomlTable, path: Path, key: str, posts: Sequence[PostsSpec] = ()) -> tuple[str, SiteSource]:
    """The site file's text, given in place or in a file beside the scenario, and where it and its posts stand."""
    site = document.text(key)
    lines = len(site.rstrip().splitlines())
    written = path.read_text(encoding="utf-8-sig")
    line_of = locate(written)
    made_of = tuple(
        PostsSource(number=number, line=line_of["posts", number], lines=each.toml().count("\n"))
        for number, each in enumerate(posts)
    )
    if "\n" in site:
        before, found, _ = written.partition(site)
        line = before.count("\n") + 1 if found else line_of[(key,)]
        is_counted = bool(found)  # written with escapes its lines aren't found
        return site, SiteSource(file=path, line=line, lines=lines, scenario=path, is_counted=is_counted, posts=made_of)
    file = path.parent / document.file_name(key)
    try:
        text = file.read_text(encoding="utf-8")
    except OSError as exc:
        raise document.fail(key, f"{file} can't be read: {exc.strerror or exc}") from exc
    except UnicodeDecodeError as exc:
        raise document.fail(key, f"{file} must be UTF-8 text") from exc
    return text, SiteSource(file=file, line=1, lines=len(text.rstrip().splitlines()), scenario=path, posts=made_of)


def _moment(document: TomlTable) -> datetime:
    moment = document.raw("begins_at")
    if not isinstance(moment, datetime) or moment.tzinfo is None:
        raise document.fail("begins_at", "must be a date and time with its offset, like 2026-11-23T06:00:00+01:00")
    if not FIRST_YEAR <= moment.year <= LAST_YEAR:
        raise document.fail("begins_at", f"must be in the years {FIRST_YEAR} to {LAST_YEAR}, not {moment.year}")
    return moment


def begins_s(scenario: WorldScenario) -> float:
    """The local time of day at which the world begins, in seconds."""
    offset = scenario.begins_at.utcoffset() or timedelta()
    local = scenario.begins_at.astimezone(UTC) + offset
    return local.hour * 3600.0 + local.minute * 60.0 + local.second


def _away(table: TomlTable) -> tuple[float, float]:
    table.only(("at_h", "for_h"))
    return table.number("at_h") * 3600.0, table.number("for_h", above=0.0) * 3600.0


def _fault(table: TomlTable) -> FaultSpec:
    table.only(("number", "at_h", "for_s", "target"))
    return FaultSpec(
        number=table.whole("number", at_least=1, at_most=FAULTS),
        at_s=round(table.number("at_h") * 3600.0, 3),
        for_s=table.number("for_s", 300.0, above=0.0),
        target=table.optional_text("target"),
    )


def _random_faults(document: TomlTable) -> RandomFaults | None:
    if not document.has("random_faults"):
        return None
    table = document.table("random_faults")
    table.only(("per_h", "numbers"))
    known = [float(number) for number in range(1, FAULTS + 1)]
    numbers = tuple(int(each) for each in table.numbers_of("numbers", known, among=tuple(known)))
    return RandomFaults(per_h=table.number("per_h", above=0.0, at_most=3600.0), numbers=numbers)


def _expect(document: TomlTable) -> Expectations:
    if not document.has("expect"):
        return Expectations()
    table = document.table("expect")
    keys = ("utilisation", "energy_share", "reaction_p95_s", "fairness", "profiles_per_station_day")
    table.only(keys)
    found = {key: table.number(key, at_most=1.0 if key in SHARES else None) for key in keys if table.has(key)}
    return Expectations(**found)

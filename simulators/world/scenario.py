"""A scenario of the world: a site, its loads, its drivers, its faults, and what is expected of the day."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from edge.config.locate import locate
from simulators.charger.spec import EDITION_16
from simulators.errors import ScenarioError
from simulators.toml_table import Slips, TomlTable, read_toml
from simulators.world import scenario_tables
from simulators.world.building import Load, Recorded
from simulators.world.dimming import DimmingSpec
from simulators.world.drivers import DriverSpec
from simulators.world.limits import LimitSpec
from simulators.world.recording import prove_unit, read_recording
from simulators.world.scenario_proof import prove_coming, prove_moments, prove_site_has
from simulators.world.scenario_site import read_sites
from simulators.world.signals import SignalSpec
from simulators.world.site import PostsSpec
from simulators.world.source import SiteSource

READY_MADE: Final = Path(__file__).parents[1] / "scenarios" / "world"
LONGEST_H: Final = 24 * 366.0
FIRST_YEAR, LAST_YEAR = 2000, 2100  # between these no clock of a peer runs out
FAULTS: Final = 60  # rows of the catalogue
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
    """All that is wrong is told at once, before anything is made of it."""
    document, slips = read_toml(path, locate), Slips()
    begins_at, for_h = _prove_tables(document, path, slips)
    posts = slips.of(lambda: tuple(scenario_tables.posts(table) for table in document.tables("posts")))
    found = None if posts is None else slips.of(lambda: read_sites(document, path, posts))
    if found is None or begins_at is None or for_h is None:
        slips.tell()
        raise AssertionError("what couldn't be read is told")
    prove_site_has(document, slips, found.configuration, found.sites)
    site = found.configuration.site
    fuses = {circuit.id: circuit.fuse_a for each in found.sites for circuit in each.circuits}

    def recorded(table: TomlTable) -> Recorded:
        load = read_recording(
            scenario_tables.recording(table, path.parent),
            zone=ZoneInfo(site.timezone),
            volts=site.nominal_voltage_v,
            begins_at=begins_at,
        )
        prove_unit(load, fuses.get(load.circuit, math.inf))
        return load

    recordings = slips.all(lambda: document.tables("recording"), recorded)
    slips.tell()
    return WorldScenario(
        name=document.label("name"),
        title=document.label("title"),
        file=path,
        begins_at=begins_at,
        for_s=for_h * 3600.0,
        sample_interval_s=_sample_interval_s(document),
        fuses=frozenset(document.texts("fuses", [])),
        site_head=found.head,
        site_source=found.source,
        posts=posts or (),
        loads=(
            *(scenario_tables.load(table) for table in document.tables("load")),
            *(scenario_tables.sun(table) for table in document.tables("sun")),
            *recordings,
        ),
        drivers=scenario_tables.all_drivers(document),
        cloud_away=tuple(_away(table) for table in document.tables("cloud_away")),
        limits=tuple(scenario_tables.limit(table) for table in document.tables("limit")),
        dimmings=tuple(scenario_tables.dimming(table) for table in document.tables("dimming")),
        signals=tuple(scenario_tables.signal(table) for table in document.tables("signal")),
        faults=tuple(_fault(table) for table in document.tables("fault")),
        random_faults=_random_faults(document),
        expect=_expect(document),
        above=found.above,
        above_source=found.above_source,
    )


def _prove_tables(document: TomlTable, path: Path, slips: Slips) -> tuple[datetime | None, float | None]:
    """Each for itself, and when they are; the beginning and the length of the day, None where they can't be read."""
    for key in ("name", "title"):
        slips.of(lambda key=key: document.label(key))  # type: ignore[misc]
    begins_at = slips.of(lambda: _moment(document))
    for_h = slips.of(lambda: document.number("for_h", above=0.0, at_most=LONGEST_H))
    readers: dict[str, Callable[[TomlTable], object]] = {
        "posts": scenario_tables.posts,
        "load": scenario_tables.load,
        "sun": scenario_tables.sun,
        "recording": lambda table: scenario_tables.recording(table, path.parent),
        "cloud_away": _away,
        "limit": scenario_tables.limit,
        "dimming": scenario_tables.dimming,
        "signal": scenario_tables.signal,
        "fault": _fault,
    }
    slips.of(lambda: document.only(KEYS))
    slips.of(lambda: _sample_interval_s(document))
    for key, read in readers.items():
        slips.all(lambda key=key: document.tables(key), read)  # type: ignore[misc]

    def prove_drivers(table: TomlTable) -> None:
        kind = scenario_tables.drivers(table)
        if begins_at is not None and for_h is not None:
            prove_coming(table, kind, begins_s=_time_of_day_s(begins_at), for_s=for_h * 3600.0)

    slips.all(lambda: document.tables("drivers"), prove_drivers)
    slips.of(lambda: scenario_tables.all_drivers(document))
    slips.of(lambda: _random_faults(document))
    slips.of(lambda: _expect(document))
    if for_h is not None:
        prove_moments(document, slips, for_h=for_h)
    return begins_at, for_h


def _sample_interval_s(document: TomlTable) -> int:
    return document.whole("sample_interval_s", 60, at_least=1, at_most=3600)


def _moment(document: TomlTable) -> datetime:
    moment = document.raw("begins_at")
    if not isinstance(moment, datetime) or moment.tzinfo is None:
        raise document.fail("begins_at", "must be a date and time with its offset, like 2026-11-23T06:00:00+01:00")
    if not FIRST_YEAR <= moment.year <= LAST_YEAR:
        raise document.fail("begins_at", f"must be in the years {FIRST_YEAR} to {LAST_YEAR}, not {moment.year}")
    return moment


def begins_s(scenario: WorldScenario) -> float:
    """The local time of day at which the world begins, in seconds."""
    return _time_of_day_s(scenario.begins_at)


def _time_of_day_s(moment: datetime) -> float:
    local = moment.astimezone(UTC) + (moment.utcoffset() or timedelta())
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

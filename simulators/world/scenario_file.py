"""A scenario as its file has it: each table read once, and all that is wrong told at once."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Final, TypeVar
from zoneinfo import ZoneInfo

from edge.config.locate import locate
from simulators.errors import ScenarioError
from simulators.toml_table import Slips, TomlTable, read_toml
from simulators.world import scenario_tables
from simulators.world.building import LoadSpec, Recorded, SunSpec
from simulators.world.dimming import DimmingSpec
from simulators.world.drivers import DriverSpec
from simulators.world.limits import LimitSpec
from simulators.world.recording import RecordingSpec, prove_unit, read_recording
from simulators.world.scenario import Expectations, FaultSpec, RandomFaults, WorldScenario, time_of_day_s
from simulators.world.scenario_proof import prove_coming, prove_moments, prove_names, prove_site_has
from simulators.world.scenario_site import Sites, read_sites
from simulators.world.signals import SignalSpec
from simulators.world.site import PostsSpec

READY_MADE: Final = Path(__file__).parents[1] / "scenarios" / "world"
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


T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Tables:
    """What they say, each for itself. What can't be read is None, or not in its list."""

    name: str | None
    title: str | None
    begins_at: datetime | None
    for_h: float | None
    sample_interval_s: int | None
    fuses: tuple[str, ...] | None
    posts: Mapping[int, PostsSpec]  # by their number, from 0
    loads: tuple[LoadSpec | SunSpec, ...]
    recordings: tuple[RecordingSpec, ...]
    drivers: tuple[DriverSpec, ...]
    cloud_away: tuple[tuple[float, float], ...]
    limits: tuple[LimitSpec, ...]
    dimmings: tuple[DimmingSpec, ...]
    signals: tuple[SignalSpec, ...]
    faults: tuple[FaultSpec, ...]
    random_faults: RandomFaults | None
    expect: Expectations | None


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
    read = _read_tables(document, path, slips)
    has_all_posts = slips.of(lambda: len(document.tables("posts"))) == len(read.posts)
    found = slips.of(lambda: read_sites(document, path, read.posts))
    recordings: list[Recorded | None] = []
    if found is not None:
        prove_site_has(document, slips, found.configuration, found.sites, has_all_posts=has_all_posts)
        recordings = [slips.of(partial(_recorded, spec, found, read.begins_at)) for spec in read.recordings]
    slips.tell()
    return WorldScenario(
        name=_sound(read.name),
        title=_sound(read.title),
        file=path,
        begins_at=_sound(read.begins_at),
        for_s=_sound(read.for_h) * 3600.0,
        sample_interval_s=_sound(read.sample_interval_s),
        fuses=frozenset(_sound(read.fuses)),
        site_head=_sound(found).head,
        site_source=_sound(found).source,
        posts=tuple(read.posts.values()),
        loads=(*read.loads, *map(_sound, recordings)),
        drivers=read.drivers,
        cloud_away=read.cloud_away,
        limits=read.limits,
        dimmings=read.dimmings,
        signals=read.signals,
        faults=read.faults,
        random_faults=read.random_faults,
        expect=_sound(read.expect),
        above=_sound(found).above,
        above_source=_sound(found).above_source,
    )


def _read_tables(document: TomlTable, path: Path, slips: Slips) -> _Tables:
    """And when they are: nothing begins after the end, and drivers may come before it."""

    def every(key: str, read: Callable[[TomlTable], T]) -> tuple[T, ...]:
        return slips.all(lambda: document.tables(key), read)

    def drivers(table: TomlTable) -> DriverSpec:
        kind = scenario_tables.drivers(table)
        if begins_at is not None and for_h is not None:
            prove_coming(table, kind, begins_s=time_of_day_s(begins_at), for_s=for_h * 3600.0)
        return kind

    name, title = slips.of(lambda: document.label("name")), slips.of(lambda: document.label("title"))
    begins_at = slips.of(lambda: scenario_tables.moment(document))
    for_h = slips.of(lambda: document.number("for_h", above=0.0, at_most=scenario_tables.LONGEST_H))
    slips.of(lambda: document.only(KEYS))
    read = _Tables(
        name=name,
        title=title,
        begins_at=begins_at,
        for_h=for_h,
        sample_interval_s=slips.of(lambda: document.whole("sample_interval_s", 60, at_least=1, at_most=3600)),
        fuses=slips.of(lambda: document.texts("fuses", [])),
        posts=_posts(document, slips),
        loads=(*every("load", scenario_tables.load), *every("sun", scenario_tables.sun)),
        recordings=every("recording", lambda table: scenario_tables.recording(table, path.parent)),
        drivers=every("drivers", drivers),
        cloud_away=every("cloud_away", scenario_tables.away),
        limits=every("limit", scenario_tables.limit),
        dimmings=every("dimming", scenario_tables.dimming),
        signals=every("signal", scenario_tables.signal),
        faults=every("fault", _fault),
        random_faults=slips.of(lambda: _random_faults(document)),
        expect=slips.of(lambda: _expect(document)),
    )
    slips.of(lambda: prove_names(document, read.drivers))
    if for_h is not None:
        prove_moments(document, slips, for_h=for_h)
    return read


def _posts(document: TomlTable, slips: Slips) -> dict[int, PostsSpec]:
    tables = slips.of(lambda: document.tables("posts")) or ()
    read = enumerate(slips.of(partial(scenario_tables.posts, table)) for table in tables)
    return {number: posts for number, posts in read if posts is not None}


def _recorded(spec: RecordingSpec, found: Sites, begins_at: datetime | None) -> Recorded | None:
    """The load of that recording; None where nobody can say from when on it is played. Raises ScenarioError."""
    if begins_at is None:
        return None
    site = found.configuration.site
    load = read_recording(spec, zone=ZoneInfo(site.timezone), volts=site.nominal_voltage_v, begins_at=begins_at)
    fuses = {circuit.id: circuit.fuse_a for each in found.sites for circuit in each.circuits}
    prove_unit(load, fuses.get(load.circuit, math.inf))
    return load


def _sound(value: T | None) -> T:
    """What was read, once all that couldn't be is told."""
    assert value is not None  # noqa: S101 - told
    return value


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

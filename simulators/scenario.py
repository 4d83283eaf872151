"""A scenario: what happens on a site, over a period that repeats for as long as the run lasts."""

import math
import random
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Final

from simulators.building import BuildingLoad, LoadStep
from simulators.charger import Supply
from simulators.errors import ScenarioError
from simulators.site import EvseSpec, SiteSpec, load_site
from simulators.toml_table import TomlTable, read_toml

READY_MADE: Final = Path(__file__).parent / "scenarios"
DEFAULT_BOOT_INTERVAL_S: Final = 300
CHANGE_OF_CARS_S: Final = 2.0  # between two cars at one EVSE: the cable comes out, is seen, and goes in again
MAX_OBEY_S: Final = 5.0  # IEC 61851-1 table A.8 gives a car 5 s to follow the pilot
ARRIVAL_JITTER_S: Final = 0.5  # a quarter of CHANGE_OF_CARS_S each side, so that cars never overlap
OBEY_JITTER: Final = 0.2  # a fifth each way
CAR_KEYS: Final = (
    "name",
    "station",
    "evse",
    "arrive_s",
    "leave_s",
    "phases",
    "max_a",
    "battery_wh",
    "soc",
    "obey_s",
    "id_tag",
)
DC_CAR_KEYS: Final = (*(key for key in CAR_KEYS if key not in ("phases", "max_a")), "max_w")  # at a DC EVSE


@dataclass(frozen=True, slots=True, kw_only=True)
class CarSpec:
    """One visit per period: a car, its driver's card, and when it is plugged in and taken away.

    At a DC EVSE `max_w` is the most that it takes of the grid, and `max_a` that on each of three phases.
    """

    name: str
    station: str
    evse_id: int
    arrive_s: float
    leave_s: float
    phases: int
    max_a: float
    battery_wh: float
    soc: float
    obey_s: float
    id_tag: str
    max_w: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outage:
    """The cloud is away from `from_s` of each period, for `for_s`."""

    from_s: float
    for_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class CloudSpec:
    """Whom the cloud lets charge, and when it is away."""

    accepted_tags: frozenset[str]
    blocked_tags: frozenset[str]
    boot_interval_s: int
    outages: tuple[Outage, ...]

    def is_away(self, in_period_s: float) -> bool:
        """Whether an outage covers this second of the period."""
        return any(outage.from_s <= in_period_s < outage.from_s + outage.for_s for outage in self.outages)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """A site and what happens on it; every time repeats each `period_s`."""

    name: str
    site: SiteSpec
    site_file: Path
    period_s: float
    building: BuildingLoad
    cars: tuple[CarSpec, ...]
    cloud: CloudSpec

    def cloud_away(self, time_s: float) -> bool:
        """Whether the cloud is away at scenario time `time_s`."""
        return self.cloud.is_away(time_s % self.period_s)


def ready_scenarios() -> tuple[str, ...]:
    """The names of the scenarios that come with the program."""
    return tuple(sorted(path.stem for path in READY_MADE.glob("*.toml") if not path.stem.endswith("-site")))


def load_scenario(name_or_path: str) -> Scenario:
    """The ready scenario of that name, or the one in that file (if it has a `/` or ends in `.toml`).

    Raises ScenarioError.
    """
    if "/" in name_or_path or name_or_path.endswith(".toml"):
        return _read(Path(name_or_path))
    if name_or_path not in ready_scenarios():
        raise ScenarioError(
            f"scenario {name_or_path!r} doesn't exist; ready ones are {', '.join(ready_scenarios())}, "
            "or give the path of a .toml file"
        )
    return _read(READY_MADE / f"{name_or_path}.toml")


def varied(scenario: Scenario, seed: int) -> Scenario:
    """The same scenario with arrivals, departures, obedience and ripple shifted a little, the same for each seed."""
    rng = random.Random(seed)
    cars = tuple(
        replace(
            car,
            arrive_s=max(0.0, car.arrive_s + rng.uniform(-ARRIVAL_JITTER_S, ARRIVAL_JITTER_S)),
            leave_s=min(scenario.period_s, car.leave_s + rng.uniform(-ARRIVAL_JITTER_S, ARRIVAL_JITTER_S)),
            obey_s=car.obey_s * rng.uniform(1 - OBEY_JITTER, 1 + OBEY_JITTER),
        )
        for car in scenario.cars
    )
    building = replace(scenario.building, ripple_shift_rad=rng.uniform(0, 2 * math.pi))
    return replace(scenario, cars=cars, building=building)


def _read(path: Path) -> Scenario:
    document = read_toml(path)
    document.only(("name", "site", "period_s", "building", "car", "cloud"))
    site_file = path.parent / document.text("site")
    site = load_site(site_file)
    period_s = document.number("period_s", above=0.0)
    evses = {(evse.station, evse.evse_id): evse for evse in site.evses}
    cars = tuple(_car(table, evses, period_s, site.nominal_voltage_v) for table in document.tables("car"))
    _check_visits(document, cars, period_s)
    return Scenario(
        name=document.text("name"),
        site=site,
        site_file=site_file,
        period_s=period_s,
        building=_building(document.table("building"), site, period_s),
        cars=cars,
        cloud=_cloud(document.table("cloud"), period_s),
    )


def _building(table: TomlTable, site: SiteSpec, period_s: float) -> BuildingLoad:
    table.only(("circuit", "ripple_a", "step"))
    circuit = table.text("circuit")
    known = [each.id for each in site.circuits]
    if circuit not in known:
        raise table.fail("circuit", f"{circuit!r} isn't in the site file; it has {', '.join(known)}")
    steps: list[LoadStep] = []
    for step in table.tables("step"):
        step.only(("at_s", "load_a"))
        l1, l2, l3 = step.numbers("load_a", 3)
        steps.append(LoadStep(at_s=step.number("at_s", at_most=period_s), load_a=(l1, l2, l3)))
    if not steps or steps[0].at_s != 0:
        raise table.fail("step", "the first step must be at_s = 0")
    if any(later.at_s <= earlier.at_s for earlier, later in pairwise(steps)):
        raise table.fail("step", "at_s must rise from step to step")
    return BuildingLoad(circuit=circuit, ripple_a=table.number("ripple_a", 0.0), steps=tuple(steps), period_s=period_s)


def _car(
    table: TomlTable, evses: dict[tuple[str, int], EvseSpec], period_s: float, nominal_voltage_v: float
) -> CarSpec:
    station, evse_id = table.text("station"), table.whole("evse", 1, at_least=1)
    evse = evses.get((station, evse_id))
    if evse is None:
        known = ", ".join(f"{each[0]} evse {each[1]}" for each in evses)
        raise table.fail("station", f"{station} evse {evse_id} isn't in the site file; it has {known}")
    dc = evse.supply is Supply.DC
    table.only(DC_CAR_KEYS if dc else CAR_KEYS)
    arrive_s = table.number("arrive_s", at_most=period_s)
    max_w = table.number("max_w", above=0.0) if dc else None
    return CarSpec(
        name=table.text("name"),
        station=station,
        evse_id=evse_id,
        arrive_s=arrive_s,
        leave_s=table.number("leave_s", above=arrive_s, at_most=period_s),
        phases=len(evse.rotation) if dc else table.whole("phases", at_least=1, at_most=len(evse.rotation)),
        max_a=(
            table.number("max_a", at_least=6.0, at_most=80.0)
            if max_w is None
            else max_w / (nominal_voltage_v * len(evse.rotation))
        ),
        max_w=max_w,
        battery_wh=table.number("battery_wh", above=0.0),
        soc=table.number("soc", at_most=1.0),
        obey_s=table.number("obey_s", at_most=MAX_OBEY_S),
        id_tag=table.text("id_tag"),
    )


def _check_visits(document: TomlTable, cars: tuple[CarSpec, ...], period_s: float) -> None:
    """No two cars at one EVSE at once, the next period's first car included."""
    by_evse: dict[tuple[str, int], list[CarSpec]] = {}
    for car in cars:
        by_evse.setdefault((car.station, car.evse_id), []).append(car)
    for (station, _), visits in by_evse.items():
        visits.sort(key=lambda car: car.arrive_s)
        following = [*visits[1:], replace(visits[0], arrive_s=visits[0].arrive_s + period_s)]
        for car, after in zip(visits, following, strict=True):
            if after.arrive_s - car.leave_s < CHANGE_OF_CARS_S:
                raise document.fail(
                    "car",
                    f"{after.name!r} must come to {station} at least {CHANGE_OF_CARS_S:g} s "
                    f"after {car.name!r} has left",
                )


def _cloud(table: TomlTable, period_s: float) -> CloudSpec:
    table.only(("accepted_tags", "blocked_tags", "boot_interval_s", "outage"))
    outages: list[Outage] = []
    for outage in table.tables("outage"):
        outage.only(("from_s", "for_s"))
        from_s = outage.number("from_s", at_most=period_s)
        for_s = outage.number("for_s", above=0.0, at_most=period_s - from_s)
        outages.append(Outage(from_s=from_s, for_s=for_s))
    return CloudSpec(
        accepted_tags=frozenset(table.texts("accepted_tags")),
        blocked_tags=frozenset(table.texts("blocked_tags", [])),
        boot_interval_s=table.whole("boot_interval_s", DEFAULT_BOOT_INTERVAL_S, at_least=1),
        outages=tuple(outages),
    )

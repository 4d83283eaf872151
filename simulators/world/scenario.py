"""A scenario of the world: a site, its loads, its drivers, its faults, and what is expected of the day."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from simulators.charger.spec import EDITION_16
from simulators.world.building import Load
from simulators.world.dimming import DimmingSpec
from simulators.world.drivers import DriverSpec
from simulators.world.limits import LimitSpec
from simulators.world.signals import SignalSpec
from simulators.world.site import PostsSpec
from simulators.world.source import SiteSource


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


def begins_s(scenario: WorldScenario) -> float:
    """The local time of day at which the world begins, in seconds."""
    return time_of_day_s(scenario.begins_at)


def time_of_day_s(moment: datetime) -> float:
    """The same of any moment, by its own offset."""
    local = moment.astimezone(UTC) + (moment.utcoffset() or timedelta())
    return local.hour * 3600.0 + local.minute * 60.0 + local.second

"""What is wrong with a scenario beside its single tables: what its site lacks for them, and what never comes."""

from collections import Counter
from collections.abc import Callable, Container, Iterable, Sequence
from typing import Final

from edge.config import Configuration
from edge.domain.site import Site
from simulators.toml_table import Slips, TomlTable
from simulators.world import dimming, limits, signals
from simulators.world.building import DAY_S, HOUR_S
from simulators.world.disk import FILES
from simulators.world.drivers import DriverSpec

Lacks = Callable[[Configuration, str], str | None]  # what a site lacks for what is named, None for nothing
LOADS: Final = ("load", "sun", "recording")
# Tables of what begins at some hour of the world.
MOMENTS: Final = ("cloud_away", "limit", "dimming", "signal", "fault")
SHOWN: Final = 20


def prove_moments(document: TomlTable, slips: Slips, *, for_h: float) -> None:
    """That nothing begins after the end."""

    def prove(table: TomlTable) -> None:
        if table.number("at_h") >= for_h:
            raise table.fail("at_h", f"must be before the end at {for_h:g} h, counted from the beginning")

    for key in MOMENTS:
        slips.all(lambda key=key: document.tables(key), prove)  # type: ignore[misc]


def prove_coming(table: TomlTable, kind: DriverSpec, *, begins_s: float, for_s: float) -> None:
    """That drivers may come between the beginning and the end. Raises ScenarioError."""
    first_s, last_s = (hour * HOUR_S - begins_s for hour in kind.arrive_h)
    days = range(int((begins_s + for_s) // DAY_S) + 1)
    if not any(first_s + day * DAY_S < for_s and last_s + day * DAY_S >= 0.0 for day in days):
        raise table.fail(
            "arrive_h",
            f"nobody comes: it is played from {_clock(begins_s)} on for {for_s / HOUR_S:g} h, and these come from "
            f"{_clock(kind.arrive_h[0] * HOUR_S)} to {_clock(kind.arrive_h[1] * HOUR_S)}",
        )


def prove_names(document: TomlTable, kinds: Iterable[DriverSpec]) -> None:
    """That each kind of drivers has its own: chance is by the name, and two of one would come together.

    Raises ScenarioError.
    """
    name, times = next(iter(Counter(kind.name for kind in kinds).most_common(1)), ("", 0))
    if times > 1:
        raise document.fail("drivers", f"must have a name of their own each, and {times} are called {name!r}")


def _clock(day_s: float) -> str:
    minutes = round(day_s / 60.0)
    return f"{minutes // 60:02}:{minutes % 60:02}"


def prove_site_has(
    document: TomlTable,
    slips: Slips,
    configuration: Configuration,
    sites: Sequence[Site],
    *,
    has_all_posts: bool,
) -> None:
    """That the site has the circuits, posts and channels that the tables are about; `sites`: and that of the gateway
    above. What can't be read of a table is told by who reads it; where that is one of the posts, nobody knows which
    there are (`has_all_posts`).
    """

    def has(key: str, names: Container[str], lacks: Lacks) -> Callable[[TomlTable], None]:
        def prove(table: TomlTable) -> None:
            named = table.text(key)
            if named in names and (lacking := lacks(configuration, named)) is not None:
                raise table.fail(key, lacking)

        return prove

    def prove_posts(table: TomlTable) -> None:
        for post in sorted(set(table.texts("posts", [])) - stations):
            raise table.fail("posts", f"post {post!r} isn't in its site; there are {_some(stations)}")

    def prove_target(table: TomlTable) -> None:
        target, known = table.optional_text("target"), {*stations, *meters, *FILES}
        if target is not None and target not in known:
            raise table.fail("target", f"{target!r} is no station, meter or file; known are {_some(known)}")

    stations = {evse.key.station for evse in configuration.site.evses}
    meters = {meter.id for site in sites for meter in site.meters}
    slips.all(lambda: document.tables("limit"), has("over", limits.WAYS, limits.lacks))
    slips.all(lambda: document.tables("dimming"), has("over", limits.WAYS, dimming.lacks))
    slips.all(lambda: document.tables("signal"), has("kind", signals.KINDS, signals.lacks))
    if has_all_posts:
        slips.all(lambda: document.tables("drivers"), prove_posts)
        slips.all(lambda: document.tables("fault"), prove_target)
    for key in LOADS:
        slips.all(lambda key=key: document.tables(key), lambda table: _prove_circuit(table, "circuit", sites))  # type: ignore[misc]
    for circuit in slips.of(lambda: document.texts("fuses", [])) or ():
        slips.of(lambda circuit=circuit: _prove_known(document, "fuses", circuit, sites))  # type: ignore[misc]
    slips.all(lambda: document.tables("sun"), lambda table: _prove_seen(table, sites))


def _prove_circuit(table: TomlTable, key: str, sites: Sequence[Site]) -> None:
    _prove_known(table, key, table.text(key), sites)


def _prove_known(table: TomlTable, key: str, circuit: str, sites: Sequence[Site]) -> None:
    known = {each.id for site in sites for each in site.circuits}
    if circuit not in known:
        raise table.fail(key, f"{circuit!r} isn't in its site; there are {_some(known)}")


def _prove_seen(table: TomlTable, sites: Sequence[Site]) -> None:
    """That a sun makes no meter look wrong, as one does that only a meter above others sees (docs/meters.md)."""
    circuit = table.text("circuit")
    for site in (each for each in sites if circuit in {one.id for one in each.circuits}):
        for above in [each.id for each in site.path(circuit) if each.meter is not None][:1]:
            metered = [each.id for each in site.circuits if each.meter is not None and each.id != above]
            below = [each for each in metered if above in (one.id for one in site.path(each))]
            if below:
                raise table.fail(
                    "circuit",
                    f"is seen by no meter but that of {above!r}, which then shows less than the one of "
                    f"{below[0]!r} below it and is taken for wrong: give the sun a circuit of its own, with a meter",
                )


def _some(names: Iterable[str]) -> str:
    """The first of them."""
    known = sorted(names)
    return ", ".join(known[:SHOWN]) + (", ..." if len(known) > SHOWN else "")

"""The tables of a scenario file that describe posts, loads, drivers, and what the cloud and the building do."""

import re
from datetime import datetime
from pathlib import Path
from typing import Final

from simulators.charger.spec import EDITION_16
from simulators.toml_table import TomlTable
from simulators.world.building import HOURS, LoadSpec, SunSpec
from simulators.world.dimming import DimmingSpec
from simulators.world.drivers import DriverSpec
from simulators.world.limits import WAYS, LimitSpec
from simulators.world.numerals import SIGNS
from simulators.world.recording import RecordingSpec
from simulators.world.signals import ECO, KINDS, SignalSpec
from simulators.world.site import DC_MIN_W, EDITIONS, MIN_A, PostsSpec

PLACE: Final = re.compile(r"[^{}]*\{0?(:0?[1-9]?d?)?\}[^{}]*")  # a name with one place for a number
LONGEST_H: Final = 24 * 366.0
FIRST_YEAR, LAST_YEAR = 2000, 2100  # between these no clock of a peer runs out
MOST_EVSES: Final = 10  # of one station
MOST_KWH: Final = 1e5
MOST_OBEY_S: Final = 3600.0


def moment(document: TomlTable) -> datetime:
    """`begins_at`. Raises ScenarioError."""
    found = document.raw("begins_at")
    if not isinstance(found, datetime) or found.tzinfo is None:
        raise document.fail("begins_at", "must be a date and time with its offset, like 2026-11-23T06:00:00+01:00")
    if not FIRST_YEAR <= found.year <= LAST_YEAR:
        raise document.fail("begins_at", f"must be in the years {FIRST_YEAR} to {LAST_YEAR}, not {found.year}")
    return found


def posts(table: TomlTable) -> PostsSpec:
    """`[[posts]]`. Raises ScenarioError."""
    table.only(
        (
            "id",
            "count",
            "first",
            "circuit",
            "class",
            "phases",
            "max_a",
            "fallback_a",
            "max_w",
            "fallback_w",
            "switches_phases",
            "ocpp",
            "evses",
        )
    )
    name = table.label("id")
    if PLACE.fullmatch(name) is None:
        raise table.fail("id", f'must have a place for the number, like "CP-{{:02}}", not {name!r}')
    dc = table.has("max_w")
    for key in ("max_a", "fallback_a") if dc else ("fallback_w",):
        if table.has(key):
            raise table.fail(key, f"can't be given {'with' if dc else 'without'} max_w, which makes it a DC post")
    return PostsSpec(
        id=name,
        count=table.whole("count", at_least=1, at_most=1000),
        first=table.whole("first", 1),
        circuit=table.text("circuit"),
        class_id=table.optional_text("class"),
        phases=table.whole("phases", 3, at_least=1, at_most=3),
        max_a=None if dc else table.number("max_a", at_least=MIN_A),
        fallback_a=None if dc else _safe(table, "fallback_a", 6.0, MIN_A),
        max_w=table.number("max_w", at_least=DC_MIN_W) if dc else None,
        fallback_w=_safe(table, "fallback_w", 0.0, DC_MIN_W) if dc else None,
        switches_phases=table.flag("switches_phases", default=False),
        edition=_edition(table),
        evses=table.whole("evses", 1, at_least=1, at_most=MOST_EVSES),
    )


def _safe(table: TomlTable, key: str, default: float, least: float) -> float:
    """What it may have without the gateway."""
    value = table.number(key, default)
    if 0.0 < value < least:
        raise table.fail(key, f"must be 0 (no charging without the gateway) or at least {least:g}, not {value:g}")
    return value


def _edition(table: TomlTable) -> str:
    edition = table.text("ocpp", EDITION_16)
    if edition not in EDITIONS:
        raise table.fail("ocpp", f"must be one of {', '.join(EDITIONS)}, not {edition!r}")
    return edition


def load(table: TomlTable) -> LoadSpec:
    """`[[load]]`. Raises ScenarioError."""
    table.only(("circuit", "hourly_a", "shares", "noise_a", "jumps_per_h", "jump_a", "most_a", "every_s"))
    shares = table.numbers("shares", 3) if table.has("shares") else (1.0, 1.0, 1.0)
    return LoadSpec(
        circuit=table.text("circuit"),
        hourly_a=table.numbers("hourly_a", HOURS),
        shares=(shares[0], shares[1], shares[2]),
        noise_a=table.number("noise_a", 0.0),
        jumps_per_h=table.number("jumps_per_h", 0.0),
        jump_a=table.number("jump_a", 0.0),
        most_a=table.number("most_a", 1e6),
        every_s=table.number("every_s", 10.0, at_least=1.0),
    )


def sun(table: TomlTable) -> SunSpec:
    """`[[sun]]`. Raises ScenarioError."""
    table.only(("circuit", "peak_a", "clouds_per_h"))
    return SunSpec(
        circuit=table.text("circuit"), peak_a=table.number("peak_a"), clouds_per_h=table.number("clouds_per_h", 4.0)
    )


def recording(table: TomlTable, folder: Path) -> RecordingSpec:
    """`[[recording]]`, whose file is looked for in `folder`. Raises ScenarioError."""
    table.only(("circuit", "file", "time", "columns", "scale", "unit", "decimal", "register"))
    decimal = table.optional_text("decimal")
    if decimal is not None and decimal not in SIGNS:
        raise table.fail("decimal", f'must be "." or ",", not {decimal!r}')
    return RecordingSpec(
        file=folder / table.file_name("file"),
        circuit=table.text("circuit"),
        columns=table.texts("columns"),
        time=table.texts("time") if isinstance(table.raw("time"), list) else (table.text("time"),),
        scale_a=table.number("scale", above=0.0) if table.has("scale") else None,
        unit=table.optional_text("unit"),
        decimal=decimal,
        register=table.flag("register", default=False) if table.has("register") else None,
    )


def away(table: TomlTable) -> tuple[float, float]:
    """`[[cloud_away]]`: from when on and for how long, in seconds of the world. Raises ScenarioError."""
    table.only(("at_h", "for_h"))
    return table.number("at_h") * 3600.0, table.number("for_h", above=0.0) * 3600.0


def limit(table: TomlTable) -> LimitSpec:
    """`[[limit]]`. Raises ScenarioError."""
    table.only(("over", "at_h", "for_h", "max_a", "max_kw"))
    over = _way(table)
    if not table.has("max_a") and not table.has("max_kw"):
        raise table.fail("max_a", "is missing, and so is max_kw: one of them must say what is allowed")
    from_s = table.number("at_h") * 3600.0
    return LimitSpec(
        over=over,
        from_s=from_s,
        to_s=from_s + table.number("for_h", above=0.0) * 3600.0,
        max_a=table.number("max_a", at_most=6000.0) if table.has("max_a") else None,
        max_w=table.number("max_kw", at_most=4e6) * 1000.0 if table.has("max_kw") else None,
    )


def dimming(table: TomlTable) -> DimmingSpec:
    """`[[dimming]]`. Raises ScenarioError."""
    table.only(("over", "at_h", "for_h"))
    from_s = table.number("at_h") * 3600.0
    return DimmingSpec(over=_way(table), from_s=from_s, to_s=from_s + table.number("for_h", above=0.0) * 3600.0)


def signal(table: TomlTable) -> SignalSpec:
    """`[[signal]]`. Raises ScenarioError."""
    table.only(("kind", "at_h", "for_h", "max_kw"))
    kind = table.text("kind")
    if kind not in KINDS:
        raise table.fail("kind", f"must be one of {', '.join(KINDS)}, not {kind!r}")
    if table.has("max_kw") == (kind == ECO):
        raise table.fail("max_kw", "can't be given with eco" if kind == ECO else "is missing: it says what is allowed")
    from_s = table.number("at_h") * 3600.0
    return SignalSpec(
        kind=kind,
        from_s=from_s,
        to_s=from_s + table.number("for_h", above=0.0) * 3600.0,
        max_w=table.number("max_kw", at_most=4e6) * 1000.0 if table.has("max_kw") else None,
    )


def _way(table: TomlTable) -> str:
    over = table.text("over")
    if over not in WAYS:
        raise table.fail("over", f"must be one of {', '.join(WAYS)}, not {over!r}")
    return over


def drivers(table: TomlTable) -> DriverSpec:
    """`[[drivers]]`. Raises ScenarioError."""
    table.only(
        (
            "name",
            "per_day",
            "arrive_h",
            "stay_h",
            "energy_kwh",
            "posts",
            "phases",
            "max_a",
            "obey_s",
            "sleeps",
            "blocked",
            "naps",
            "nap_h",
            "tells",
        )
    )
    energy, arrive_h = _span(table, "energy_kwh", MOST_KWH), _span(table, "arrive_h")
    if energy[0] <= 0.0:
        raise table.fail("energy_kwh", f"must be more than 0, not {energy[0]:g}")
    if arrive_h[1] > HOURS:
        raise table.fail("arrive_h", f"must be hours of the day, up to {HOURS}, not {arrive_h[1]:g}")
    max_a = table.numbers_of("max_a", [16.0])
    if min(max_a) <= 0.0:
        raise table.fail("max_a", f"must be more than 0, not {min(max_a):g}")
    return DriverSpec(
        name=table.label("name"),
        per_day=table.whole("per_day", at_least=1, at_most=5000),
        arrive_h=arrive_h,
        stay_h=_span(table, "stay_h", LONGEST_H),
        energy_wh=(energy[0] * 1000.0, energy[1] * 1000.0),
        posts=frozenset(table.texts("posts", [])),
        phases=tuple(int(each) for each in table.numbers_of("phases", [3.0], among=(1.0, 2.0, 3.0))),
        max_a=max_a,
        obey_s=_span(table, "obey_s", MOST_OBEY_S) if table.has("obey_s") else (0.5, 5.0),
        sleeps=table.number("sleeps", 0.0, at_most=1.0),
        blocked=table.number("blocked", 0.0, at_most=1.0),
        naps=table.number("naps", 0.0, at_most=1.0),
        nap_h=_span(table, "nap_h", LONGEST_H) if table.has("nap_h") else (0.2, 0.5),
        tells=table.number("tells", 0.0, at_most=1.0),
    )


def _span(table: TomlTable, key: str, at_most: float | None = None) -> tuple[float, float]:
    least, most = table.numbers(key, 2, at_most=at_most)
    if most < least:
        raise table.fail(key, f"must be [least, most], not {[least, most]}")
    return least, most

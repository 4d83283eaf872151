"""Reads a recorded load out of the CSV that a meter, or its portal, exports."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone, tzinfo
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Final

from simulators.errors import ScenarioError
from simulators.phases import Amps3
from simulators.world.building import Recorded
from simulators.world.csv_export import Row, Table, read_table
from simulators.world.moments import Moment, UnclearMoment, moments
from simulators.world.numerals import UnclearNumber, decimal_sign, has_value, number
from simulators.world.quantity import AMPERES, PHASES, Unit, amperes_of_one, named, sounds_like_power, unit_of
from simulators.world.register import HOUR_S, flowed, refuse_a_register

EVEN: Final = 0.9  # of its steps are alike: then it has one row each so many minutes
ALIKE: Final = 0.01
MOST_A: Final = 1e5  # of a circuit that somebody charges cars on
GAP: Final = 1.5  # steps: a longer pause is told
UNLIKE: Final = 1.9  # a scale so far from that of its unit is told; a third of a third, or a share of it, too
DAYS: Final = (364, 7, 1)  # where one of another time begins: on that weekday in that week of its year, and so on
WANTED: Final = "a time, as 2026-03-29 06:15, 29.03.2026 06:15 or seconds"


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingSpec:
    """A CSV of any meter's export: `columns` name the three phases (or one for all), `time` the one that has the
    moment of a row, or those of its date and its time of day. A time without an offset is that of the site.

    `unit` is what the columns are in, None: as their names say, else A; `scale_a`, in its place, what one of the
    file is in A of each phase. `decimal` is the sign that begins the decimals, None: as the numbers show.
    `register`: whether the columns count up; None: what seems to is refused.
    """

    file: Path
    circuit: str
    columns: tuple[str, ...]
    time: tuple[str, ...]
    scale_a: float | None = None
    unit: str | None = None
    decimal: str | None = None
    register: bool | None = None


def read_recording(spec: RecordingSpec, *, zone: tzinfo, volts: float, begins_at: datetime) -> Recorded:
    """The load from the world's beginning on, where the file has dates: from that very moment, if it is among them,
    else from the same weekday in the same week of the year, the same weekday, or the same time of day on. A file of
    seconds begins with the world.

    Raises ScenarioError.
    """
    _prove(spec)
    table = read_table(spec.file, spec.time, spec.columns)
    rows = [row for row in table.rows if all(map(has_value, row.cells))]
    found = _moments(spec, rows)
    if len({isinstance(moment, datetime) for moment in found}) > 1:
        raise ScenarioError(f"{spec.file}: some rows have a date, and others seconds")
    seconds = _seconds(found, zone)
    values = _values(spec, table, rows)
    ordered = _ordered(spec, seconds, values, rows)
    steps = [later - earlier for (earlier, _), (later, _) in pairwise(ordered)]
    step_s = median(steps)
    is_even = sum(abs(each - step_s) <= ALIKE * step_s for each in steps) >= EVEN * len(steps)
    ends = ordered[-1][0] + (0.0 if spec.register else step_s if is_even else steps[-1])
    if spec.register:
        ordered = flowed(spec.file, spec.columns, ordered)
        scale_a, taken_as = _scale(spec, table, volts=volts, step_s=HOUR_S, is_even=True)
    else:
        scale_a, taken_as = _scale(spec, table, volts=volts, step_s=step_s, is_even=is_even)
    if not max(abs(each * scale_a) for _, cells in ordered for each in cells) <= MOST_A:
        raise ScenarioError(f"{spec.file}: comes to more than {MOST_A:,.0f} A, in {taken_as}: which unit is it in?")
    if spec.register is None:
        refuse_a_register(spec.file, spec.columns, ordered)
    first = ordered[0][0]
    recorded = Recorded(
        circuit=spec.circuit,
        rows=tuple((at - first, _three([each * scale_a for each in cells])) for at, cells in ordered),
        lasts_s=ends - first,
        file=spec.file,
    )
    dated = isinstance(found[0], datetime)
    begins = datetime.fromtimestamp(first, zone) if dated else None
    from_s = 0.0 if begins is None else _from_s(begins, recorded.lasts_s, begins_at.astimezone(zone))
    told = _told(recorded, steps, begins=begins, from_s=from_s, step_s=step_s if is_even else None, taken_as=taken_as)
    return replace(recorded.turned(from_s) if from_s else recorded, told=told)


def prove_unit(load: Recorded, fuse_a: float) -> None:
    """Raises ScenarioError for a load that can't be of its circuit, which has that fuse."""
    half_a = median(max(map(abs, amps)) for _, amps in load.rows)
    if half_a > fuse_a:
        raise ScenarioError(
            f"{load.file}: half of its time it is above the {fuse_a:g} A of {load.circuit!r}: "
            f"which unit is it in? In half of its rows it is {half_a:g} A or more"
        )


def _prove(spec: RecordingSpec) -> None:
    if len(spec.columns) not in (1, PHASES):
        raise ScenarioError(
            f"{spec.file}: columns must name one column for all phases, or three, not {len(spec.columns)}"
        )
    if len(spec.time) not in (1, 2):
        raise ScenarioError(f"{spec.file}: time must name one column, or that of the date and that of the time of day")
    for name in spec.columns:
        if spec.columns.count(name) > 1:
            raise ScenarioError(f"{spec.file}: {name!r} can't be each phase: named once it is that of all of them")
        if name in spec.time:
            raise ScenarioError(f"{spec.file}: {name!r} can't be both the time and a load")
    if spec.unit is not None and spec.scale_a is not None:
        raise ScenarioError(f"{spec.file}: give a unit or a scale, not both")
    if spec.register and spec.scale_a is not None:
        raise ScenarioError(f'{spec.file}: a register has a unit, and no scale: give unit = "Wh" or "kWh"')


def _moments(spec: RecordingSpec, rows: Sequence[Row]) -> list[Moment]:
    try:
        return moments([row.time for row in rows]) if rows else []
    except UnclearMoment as exc:
        if exc.number is None:
            raise ScenarioError(
                f"{spec.file}: its dates may have the day first, or the month: write them as 2026-03-29"
            ) from None
        row = rows[exc.number]
        raise ScenarioError(f"{spec.file}: line {row.line}: must have {WANTED}, not {row.time!r}") from None


def _values(spec: RecordingSpec, table: Table, rows: Sequence[Row]) -> list[tuple[float, ...]]:
    texts = [cell for row in rows for cell in row.cells]
    try:
        sign = spec.decimal or decimal_sign(texts, apart_by=table.delimiter)
    except UnclearNumber as exc:
        raise ScenarioError(f"{spec.file}: {' or '.join(map(repr, spec.columns))} {exc}") from None
    values: list[tuple[float, ...]] = []
    for row in rows:
        try:
            values.append(tuple(number(cell, sign) for cell in row.cells))
        except ValueError:
            raise ScenarioError(
                f"{spec.file}: line {row.line}: must have numbers, with decimals behind {sign!r}, "
                f"not {', '.join(map(repr, row.cells))}"
            ) from None
    return values


def _ordered(
    spec: RecordingSpec, seconds: Sequence[float], values: Sequence[tuple[float, ...]], rows: Sequence[Row]
) -> list[tuple[float, tuple[float, ...]]]:
    """By time; what is there twice, once."""
    found = sorted(zip(seconds, values, rows, strict=True), key=lambda each: each[0])
    for (earlier_s, earlier, _), (later_s, later, row) in pairwise(found):
        if earlier_s == later_s and earlier != later:
            apart = "" if ":" in row.time else "; time may name two columns, of the date and of the time of day"
            raise ScenarioError(
                f"{spec.file}: line {row.line}: is the second row of {row.time!r}, and says otherwise: "
                f"one circuit must have one row a moment{apart}"
            )
    ordered = list(dict.fromkeys((at, cells) for at, cells, _ in found))
    if len(ordered) < 2:
        raise ScenarioError(f"{spec.file}: must have at least two rows with a time and values, and has {len(ordered)}")
    return ordered


def _scale(spec: RecordingSpec, table: Table, *, volts: float, step_s: float, is_even: bool) -> tuple[float, str]:
    """What one of the file is in A of each phase, and the words for it. Raises ScenarioError."""
    if spec.scale_a is not None:
        return spec.scale_a, _of_scale(spec, spec.scale_a, table, volts=volts, step_s=step_s)
    unit = _unit(spec, table)
    if unit.is_energy and not is_even:
        raise ScenarioError(
            f"{spec.file}: energy in {unit.text} must have a row each so many minutes, and its rows come unevenly"
        )
    if spec.register and not unit.is_energy:
        raise ScenarioError(f'{spec.file}: a register counts energy, not {unit.text}: give unit = "Wh" or "kWh"')
    scale_a = amperes_of_one(unit, columns=len(spec.columns), volts=volts, step_s=step_s)
    words = unit.text + (" of a register" if spec.register else f" of {_length(step_s)}" if unit.is_energy else "")
    if unit.kind != "A":
        words += f" at {volts:g} V" + (", a third on each phase" if len(spec.columns) == 1 else "")
    return scale_a, words


def _of_scale(spec: RecordingSpec, scale_a: float, table: Table, *, volts: float, step_s: float) -> str:
    """A scale counts as it is given; where a name says of which unit, what that would come to is told beside it."""
    words = f"units of {scale_a:g} A"
    unit = named(table.unit_words[0])
    if unit is None or not unit.is_of_a_load:
        return words
    said_a = amperes_of_one(unit, columns=len(spec.columns), volts=volts, step_s=step_s)
    return words if 1 / UNLIKE < scale_a / said_a < UNLIKE else f"{words}, where {unit.text} would be of {said_a:.4g} A"


def _unit(spec: RecordingSpec, table: Table) -> Unit:
    if spec.unit is not None:
        unit = unit_of(spec.unit)
        if unit is None or not unit.is_of_a_load:
            raise ScenarioError(f"{spec.file}: unit must be one like A, mA, W, kW, kVA, Wh or kWh, not {spec.unit!r}")
        return unit
    units = [named(words) for words in table.unit_words]
    if len(set(units)) > 1:
        raise ScenarioError(f"{spec.file}: the columns must be in one unit, or unit say which")
    if (unit := units[0]) is None:
        for name in spec.columns:
            if sounds_like_power(name):
                raise ScenarioError(
                    f"{spec.file}: column {name!r} sounds like power or energy, and nothing says of which unit: give "
                    'unit = "W", "kW", "Wh" or "kWh", or "A" if that is what it has'
                )
        return AMPERES
    if not unit.is_of_a_load:
        raise ScenarioError(
            f"{spec.file}: column {spec.columns[0]!r} is in {unit.text}: a load is in A, W, kW, Wh or the like"
        )
    return unit


def _three(values: Sequence[float]) -> Amps3:
    return (values[0], values[len(values) // 2], values[-1])


def _from_s(begins: datetime, lasts_s: float, wanted: datetime) -> float:
    """How far into the recording the world begins; both on the site's clock, which has its summer time between."""
    within_s = wanted.timestamp() - begins.timestamp()
    if 0.0 <= within_s < lasts_s:
        return within_s
    apart_s = (wanted.replace(tzinfo=None) - begins.replace(tzinfo=None)).total_seconds()
    fits = (_later(begins, by_clock_s=apart_s % (days * 86_400.0)) for days in DAYS)
    return next((from_s for from_s in fits if 0.0 <= from_s < lasts_s), 0.0)


def _later(begins: datetime, *, by_clock_s: float) -> float:
    """The seconds until that clock shows so much more."""
    return (begins + timedelta(seconds=by_clock_s)).timestamp() - begins.timestamp()


def _told(
    recorded: Recorded,
    steps: Sequence[float],
    *,
    begins: datetime | None,
    from_s: float,
    step_s: float | None,
    taken_as: str,
) -> str:
    """What was read, for who knows what should have been."""
    rows = recorded.rows
    amps = [each for _, three in rows for each in three]
    words = [f"{len(rows):,} rows" + ("" if step_s is None else f", one each {_length(step_s)}")]
    if begins is not None:
        words[0] += f", from {_clock(begins, 0.0)} to {_clock(begins, rows[-1][0])}"
    if step_s is not None and max(steps) > GAP * step_s:
        gap = steps.index(max(steps))
        since = f"{rows[gap][0]:g} s" if begins is None else _clock(begins, rows[gap][0])
        words.append(f"nothing for {_length(max(steps))} after {since}")
    ends = [*(at_s for at_s, _ in rows[1:]), recorded.lasts_s]
    amp_s = sum((until_s - at_s) * sum(three) / len(three) for (at_s, three), until_s in zip(rows, ends, strict=True))
    mean_a = amp_s / recorded.lasts_s  # each row for as long as it counts
    words.append(f"in {taken_as}: {min(amps):.1f} to {max(amps):.1f} A, {mean_a:.1f} in the mean")
    if begins is not None:
        words.append(f"played from {_clock(begins, from_s)} on")
    return f"the load of {recorded.circuit} is {recorded.file}: {'; '.join(words)}"


def _clock(begins: datetime, later_s: float) -> str:
    """What the site's clock showed so many seconds later."""
    return f"{datetime.fromtimestamp(begins.timestamp() + later_s, begins.tzinfo):%Y-%m-%d %H:%M}"


def _length(seconds: float) -> str:
    for size, name in ((86_400.0, "d"), (3600.0, "h"), (60.0, "min")):
        if seconds >= size:
            return f"{seconds / size:.4g} {name}"
    return f"{seconds:.4g} s"


def _seconds(found: Sequence[Moment], zone: tzinfo) -> list[float]:
    """On one scale, in the file's order. A clock that shows the hour which spring leaves out knows no summer time."""
    seconds = _in_zone(found, zone)
    dates = [each for each in found if isinstance(each, datetime)]
    if not dates or len(set(seconds)) == len(seconds):
        return seconds
    offsets = [datetime(dates[0].year, month, 1, tzinfo=zone).utcoffset() for month in (1, 7)]
    winter = _in_zone(found, timezone(min(each for each in offsets if each is not None)))
    return winter if len(set(winter)) > len(set(seconds)) else seconds


def _in_zone(found: Sequence[Moment], zone: tzinfo) -> list[float]:
    """The newest may come first."""
    newest_first = len(found) > 1 and _on_scale(found[-1], zone, fold=0) < _on_scale(found[0], zone, fold=0)
    seconds: list[float] = []
    for each in reversed(found) if newest_first else found:
        at = _on_scale(each, zone, fold=0)
        if seconds and at <= seconds[-1]:
            at = max(at, _on_scale(each, zone, fold=1))  # the second 02:15 of a night in autumn
        seconds.append(at)
    return seconds[::-1] if newest_first else seconds


def _on_scale(moment: Moment, zone: tzinfo, *, fold: int) -> float:
    if not isinstance(moment, datetime):
        return moment
    return (moment if moment.tzinfo is not None else moment.replace(tzinfo=zone, fold=fold)).timestamp()

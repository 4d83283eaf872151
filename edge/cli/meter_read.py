"""``edge meter read``: what the meters say now, with what it is worth."""

import asyncio
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any

import orjson
import typer
from rich.console import Group, RenderableType
from rich.live import Live
from rich.text import Text

from edge.cli.meter_choice import (
    Choice,
    ConfigOption,
    ConnectionOption,
    MeterOption,
    ModelOption,
    PeriodOption,
    UnitOption,
    chosen,
)
from edge.cli.roomy import RoomyTable, on_stdout
from edge.clock import Clock, SystemClock
from edge.domain.connection import MODBUS, parse_connection
from edge.domain.reading import MeterFact, MeterFailed, MeterReading, Quality
from edge.domain.station import StationFact
from edge.units import PHASES, Seconds

FAILED = 1
SETTLING_SAMPLES = 3  # without --watch: the energies come with the second sample, a slow line's with the third
# Who tells by itself may do so each ten seconds (P1 of DSMR 4), and what it had kept for us isn't news.
TELLS_S: Seconds = 12.0
# The same failure so often in a row isn't half a telegram any more, nor an adapter that still has its last client: the
# line is dialled anew every two seconds.
SURE = 3
OLD_S: Seconds = 1.0  # a reading of before this second: its age is told
_STYLE = {Quality.GOOD: "green", Quality.SUSPECT: "yellow", Quality.HELD: "yellow"}
_NONE = "-"

Facts = Mapping[str, MeterFact]


class LatestFacts:
    """Keeps the newest fact of each meter; implements :class:`edge.control.ports.FactSink`."""

    def __init__(self) -> None:
        self.by_meter: dict[str, MeterFact] = {}
        self._repeats: dict[str, int] = {}

    def take(self, fact: StationFact | MeterFact) -> None:
        if not isinstance(fact, MeterReading | MeterFailed):
            return
        before = self.by_meter.get(fact.meter)
        is_same = isinstance(fact, MeterFailed) and isinstance(before, MeterFailed) and fact.problem == before.problem
        self._repeats[fact.meter] = self._repeats.get(fact.meter, 0) + 1 if is_same else 0
        self.by_meter[fact.meter] = fact

    def is_sure(self, meter: str) -> bool:
        """Whether its newest fact is a reading, or a failure that has come again and again."""
        return isinstance(self.by_meter.get(meter), MeterReading) or self._repeats.get(meter, 0) >= SURE - 1


def read(
    config: ConfigOption = None,
    meter: MeterOption = None,
    connection: ConnectionOption = None,
    model: ModelOption = None,
    unit: UnitOption = 1,
    watch: Annotated[bool, typer.Option("--watch", help="Go on until interrupted.")] = False,
    count: Annotated[
        int | None, typer.Option("--count", min=1, help="With --watch: stop after so many samples.", show_default=False)
    ] = None,
    period: PeriodOption = 1.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, with --watch one line for each sample.")] = False,
) -> None:
    """Read the meters of a site file, or one meter. Exit code 1 when one gives no reading."""
    choice = chosen(config, meter, connection, model, unit)
    samples = (count if watch else SETTLING_SAMPLES) if watch or count is None else count
    console = on_stdout()
    patience_s = 0.0 if watch else TELLS_S
    if as_json:
        facts = asyncio.run(sampled(choice, samples, period, _print_json if watch else _nothing, patience_s=patience_s))
        if not watch:
            _print_json(facts)
    elif watch and sys.stdout.isatty():
        with Live(console=console, auto_refresh=False) as live:
            facts = asyncio.run(sampled(choice, samples, period, lambda now: live.update(picture(now), refresh=True)))
    else:
        facts = asyncio.run(
            sampled(
                choice,
                samples,
                period,
                (lambda now: console.print(picture(now))) if watch else _nothing,
                patience_s=patience_s,
            )
        )
        if not watch:
            console.print(picture(facts))
    if any(isinstance(fact, MeterFailed) for fact in facts.values()):
        raise typer.Exit(FAILED)


async def sampled(
    choice: Choice,
    samples: int | None,
    period_s: float,
    show: Callable[[Facts], None],
    *,
    patience_s: Seconds = TELLS_S,
    clock: Clock | None = None,
) -> Facts:
    """Sample ``samples`` times (None: until interrupted), show each, and give the last; of a meter that has told
    nothing, that it hasn't. For one that hasn't told yet it goes on, for ``patience_s`` at most.
    """
    clock, latest = clock or SystemClock(), LatestFacts()
    meters = choice.opened(clock, latest)
    begun, number = clock.monotonic(), 0
    try:
        while (
            samples is None
            or number < samples
            or (_is_awaited(choice, latest) and clock.monotonic() - begun < patience_s)
        ):
            await meters.sample()
            show(_with_the_mute(choice, latest.by_meter, begun, clock.monotonic()))
            number += 1
            await asyncio.sleep(max(begun + number * period_s - clock.monotonic(), 0.0))
    finally:
        await meters.close()
    return _with_the_mute(choice, latest.by_meter, begun, clock.monotonic())


def _with_the_mute(choice: Choice, facts: Facts, begun: Seconds, now: Seconds) -> Facts:
    """The facts, and of each meter that has none that nothing has come from it."""
    mute = f"nothing has come from it in {now - begun:.0f} s; check its cable or topic, and its connection and model"
    return {each.id: facts.get(each.id) or MeterFailed(meter=each.id, at=now, problem=mute) for each in choice.meters}


def _is_awaited(choice: Choice, latest: LatestFacts) -> bool:
    """Whether there is a meter that may yet tell what it is: one that is asked has said so with its first answer."""
    for meter in choice.meters:
        tells = not choice.by_gateway and parse_connection(meter.connection).transport not in MODBUS
        if meter.id not in latest.by_meter or (tells and not latest.is_sure(meter.id)):
            return True
    return False


def as_object(fact: MeterFact, now: Seconds) -> Mapping[str, Any]:
    """A fact as JSON shows it at ``now``."""
    if isinstance(fact, MeterFailed):
        return {"meter": fact.meter, "problem": fact.problem}
    return {
        "meter": fact.meter,
        "problem": None,
        "age_s": round(now - fact.at, 3),
        "quality": fact.quality.value,
        "doubts": list(fact.doubts),
        "current_a": list(fact.current_a) if fact.current_a is not None else None,
        "voltage_v": fact.voltage_v,
        "phase_power_w": fact.phase_power_w,
        "power_w": fact.power_w,
        "frequency_hz": fact.frequency_hz,
        "import_wh": fact.import_wh,
        "export_wh": fact.export_wh,
    }


def picture(facts: Facts) -> RenderableType:
    """The meters as a table, currents positive from the grid into the circuit; below it why others give no reading."""
    failed = [fact for fact in facts.values() if isinstance(fact, MeterFailed)]
    parts: list[RenderableType] = [Text(f"meter {fact.meter}: {fact.problem}", style="red") for fact in failed]
    readings = [fact for fact in facts.values() if isinstance(fact, MeterReading)]
    return Group(*([_table(readings, SystemClock().monotonic())] if readings else []), *parts)


def _table(readings: Sequence[MeterReading], now: Seconds) -> RoomyTable:
    headings = (
        "meter",
        *(f"{phase} A" for phase in PHASES),
        "V",
        "W by phase",
        "W",
        "Hz",
        "import kWh",
        "export kWh",
        "quality",
    )
    rows = []
    for fact in readings:
        age_s = now - fact.at
        doubts = (*fact.doubts, f"{age_s:.1f} s old") if age_s > OLD_S else fact.doubts
        worth = f"{fact.quality.value}: {'; '.join(doubts)}" if doubts else fact.quality.value
        told = (
            fact.meter,
            *([f"{amps:.2f}" for amps in fact.current_a] if fact.current_a is not None else [_NONE] * len(PHASES)),
            _phases(fact.voltage_v, "{:.1f}"),
            _phases(fact.phase_power_w, "{:.0f}"),
            _number(fact.power_w, "{:.0f}"),
            _number(fact.frequency_hz, "{:.2f}"),
            _number(fact.import_wh, "{:.2f}", 1e-3),
            _number(fact.export_wh, "{:.2f}", 1e-3),
        )
        rows.append([*map(Text, told), Text(worth, style=_STYLE[fact.quality])])
    return RoomyTable(title="A and V by phase; positive = from the grid", headings=headings, rows=rows)


def _phases(values: tuple[float | None, ...] | None, form: str) -> str:
    return " ".join(_number(value, form) for value in values) if values is not None else _NONE


def _number(value: float | None, form: str, factor: float = 1.0) -> str:
    return form.format(value * factor) if value is not None else _NONE


def _print_json(facts: Facts) -> None:
    now = SystemClock().monotonic()
    typer.echo(orjson.dumps([as_object(fact, now) for fact in facts.values()]))


def _nothing(facts: Facts) -> None:
    """Show nothing: only the last sample counts."""
    del facts

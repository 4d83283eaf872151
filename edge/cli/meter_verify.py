"""``edge meter verify``: the installer's proof that a meter's phases and directions are what the site file says."""

import asyncio
from collections.abc import Sequence
from typing import Annotated

import typer

from edge.cli.amperes import amperes
from edge.cli.meter_choice import (
    Choice,
    ConfigOption,
    ConnectionOption,
    MeterOption,
    ModelOption,
    Opened,
    PeriodOption,
    UnitOption,
    chosen,
)
from edge.cli.meter_read import LatestFacts
from edge.cli.terminal import Loop
from edge.clock import Clock, SystemClock
from edge.config.schema_station import MAX_EVSE_A
from edge.domain.reading import MeterFailed, Quality
from edge.errors import MeterImplausible, SetupStopped
from edge.metering.proof import Shown, level, shown, stepped
from edge.units import PHASES, Amps, Phase, PhaseAmps

FAILED = 1
READINGS = 5  # of which the middle is taken
MOST_TRIES = 15  # samples for those readings: a meter that gives fewer isn't fit for a proof
STEP_FROM_A: Amps = 6.0  # the least that a car may be offered (IEC 61851-1)
STEP_TO_A: Amps = 16.0
LEAST_LOAD_A: Amps = 2.0  # what stands out of a building's noise


def verify(
    config: ConfigOption = None,
    meter: MeterOption = None,
    connection: ConnectionOption = None,
    model: ModelOption = None,
    unit: UnitOption = 1,
    load: Annotated[
        float,
        typer.Option(
            "--load",
            metavar="AMPERES",
            parser=amperes(LEAST_LOAD_A, MAX_EVSE_A),
            help="The known load's current; a 2 kW heater takes 8.7.",
        ),
    ] = 8.7,
    charger: Annotated[
        str | None,
        typer.Option(
            "--charger",
            metavar="PHASES",
            help="Step one charger 6-16-6 A instead of a load: its phases by the site file, as L1 or L1,L2,L3.",
            show_default=False,
        ),
    ] = None,
    period: PeriodOption = 1.0,
) -> None:
    """Prove the meter with a known load on each phase. It must appear there, as a draw. Exit code 1 when it doesn't."""
    choice = chosen(config, meter, connection, model, unit)
    if len(choice.meters) != 1:
        raise typer.BadParameter(f"--meter is missing; there are: {', '.join(each.id for each in choice.meters)}")
    phases = _phases(charger) if charger is not None else ()
    results = _prove(choice, phases, load, period)
    for each in results:
        typer.echo(each.sentence())
    if all(each.is_right for each in results):
        typer.echo(f"meter {choice.meters[0].id}: proven" if _is_whole(phases) else
                   f"meter {choice.meters[0].id}: what was tried is right; this doesn't tell the phases apart: "
                   "use a load on each phase")  # fmt: skip
        return
    typer.echo(f"meter {choice.meters[0].id}: NOT as the site file says; put it right before charging is released")
    raise typer.Exit(FAILED)


def _is_whole(phases: Sequence[Phase]) -> bool:
    return not phases


def _phases(text: str) -> tuple[Phase, ...]:
    try:
        found = tuple(Phase(each.strip().upper()) for each in text.split(","))
    except ValueError:
        raise typer.BadParameter(f"--charger '{text}' names no phases; give for example L1 or L1,L2,L3") from None
    if len(set(found)) != len(found):
        raise typer.BadParameter(f"--charger '{text}' names a phase twice")
    return found


def _prove(choice: Choice, phases: Sequence[Phase], load_a: Amps, period_s: float) -> list[Shown]:
    clock, latest, loop = SystemClock(), LatestFacts(), Loop()

    async def opened() -> Opened:
        return choice.opened(clock, latest)

    meters = loop.run(opened())
    prover = _Prover(loop, meters, latest, clock, choice.meters[0].id, period_s)
    try:
        return prover.by_charger(phases) if phases else prover.by_load(load_a)
    finally:
        loop.run(meters.close())
        loop.close()


class _Prover:
    """Asks the installer to switch, and looks at what the meter makes of it. The questions are the main thread's, which
    Ctrl-C ends; the line is left alone meanwhile.
    """

    def __init__(
        self, loop: Loop, meters: Opened, latest: LatestFacts, clock: Clock, meter_id: str, period_s: float
    ) -> None:
        self._loop = loop
        self._meters = meters
        self._latest = latest
        self._clock = clock
        self._meter_id = meter_id
        self._period_s = period_s

    def by_load(self, load_a: Amps) -> list[Shown]:
        """A load of ``load_a`` on each phase in turn."""
        found = []
        for phase in PHASES:
            _ask(f"Switch the load of {load_a:g} A OFF")
            before = self._level()
            _ask(f"Switch it ON, on {phase} alone")
            found.append(shown(phase, load_a, before, self._level()))
        return found

    def by_charger(self, phases: Sequence[Phase]) -> list[Shown]:
        """One charger, up and down again: the second step must undo the first."""
        _ask(f"Let the charger draw {STEP_FROM_A:g} A")
        low = self._level()
        _ask(f"Let it draw {STEP_TO_A:g} A, and wait until the car has followed")
        high = self._level()
        _ask(f"Let it draw {STEP_FROM_A:g} A again, and wait until the car has followed")
        again = self._level()
        step_a = STEP_TO_A - STEP_FROM_A
        return [*stepped(phases, step_a, low, high), *stepped(phases, step_a, again, high)]

    def _level(self) -> PhaseAmps:
        """What the meter shows now.

        :raises MeterImplausible: it shows nothing that a proof may rest on.
        """
        return self._loop.run(self._sampled())

    async def _sampled(self) -> PhaseAmps:
        readings: list[PhaseAmps] = []
        problem: str | None = None
        for _ in range(MOST_TRIES):
            due = self._clock.monotonic() + self._period_s
            self._latest.by_meter.clear()
            await self._meters.sample()
            await asyncio.sleep(max(due - self._clock.monotonic(), 0.0))
            fact = self._latest.by_meter.get(self._meter_id)
            if isinstance(fact, MeterFailed):
                problem = fact.problem
            elif fact is not None and fact.current_a is not None and fact.quality is not Quality.HELD:
                readings.append(fact.current_a)
            if len(readings) == READINGS:
                return level(readings)
        too_few = f"meter {self._meter_id} gives too few readings for a proof"
        if problem is not None:
            raise MeterImplausible(f"{too_few}: {problem}")
        raise MeterImplausible(
            f"{too_few}: {len(readings)} in {MOST_TRIES * self._period_s:g} s",
            remedy="give as --period the seconds from one of its messages to the next: 11 for a P1 port of DSMR 4",
        )


def _ask(what: str) -> None:
    """Tell the installer what to do, and wait until it is done.

    :raises SetupStopped: nobody is there any more.
    """
    try:
        input(f"{what}, then press Enter: ")
    except EOFError:
        typer.echo("")
        raise SetupStopped("the proof was left; nothing is proven") from None

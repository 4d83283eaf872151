"""The catalogue of faults as code: sixty rows, some of which can be made in two ways."""

import random
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from simulators.errors import ScenarioError
from simulators.world.disk import FILES
from simulators.world.faults import (
    books,
    building,
    cards,
    disk,
    edition,
    gateway,
    masters,
    meter,
    nested,
    network,
    profiles,
    program,
    sessions,
    stations,
)
from simulators.world.faults.base import Fault
from simulators.world.scenario import FaultSpec, RandomFaults, WorldScenario
from simulators.world.world import World

CATALOGUE: Final[Sequence[type[Fault]]] = (
    network.CloudDown,
    sessions.BootsWithoutCloud,
    gateway.RestartsWithoutCloud,
    books.CloudBackAfterLong,
    books.StartAnswerLost,
    books.OfflineStart,
    books.StartSentAgain,
    books.StopWithoutStart,
    edition.SequenceGap,
    network.CloudSlow,
    nested.AboveSlow,
    network.CloudError,
    cards.CardRefusedAfterwards,
    network.HalfOpen,
    nested.AboveHalfOpen,
    network.ChargersCutOff,
    nested.AboveCutOff,
    network.Flapping,
    nested.AboveFlaps,
    network.DuplicateIdentity,
    stations.PowerReturns,
    stations.StartsTogether,
    gateway.BootsBeforeChargers,
    sessions.BeginsWithoutProfile,
    stations.ForgetsProfile,
    stations.IgnoresProfile,
    stations.RefusesProfile,
    stations.CarSleeps,
    stations.CarDrawsMore,
    sessions.SilentAboutState,
    profiles.CloudProfileAboveFuse,
    profiles.CloudClearsProfiles,
    stations.ResetInPeak,
    meter.MeterSilent,
    meter.MeterConstant,
    meter.WordSpike,
    meter.NotANumber,
    meter.TinyVoltage,
    meter.InvertedTransformer,
    meter.SwappedPhases,
    meter.Noise,
    meter.WrongSlave,
    meter.RegisterReset,
    building.SubmeterAboveMain,
    building.BmsFallsSilent,
    masters.GridFallsSilent,
    building.BmsWritesNonsense,
    masters.TwoMasters,
    building.MqttFlood,
    gateway.ClockSteps,
    nested.AboveClockSteps,
    gateway.NoClock,
    nested.AboveNoClock,
    program.SummerTime,
    gateway.SecondBack,
    gateway.Killed,
    nested.AboveKilled,
    disk.PowerCut,
    disk.DatabaseMalformed,
    disk.DiskFull,
    disk.DiskReadOnly,
    program.OutOfMemory,
    program.LoopStalled,
    gateway.Upgraded,
    nested.AboveUpgraded,
    network.Rubbish,
    network.HugeFrame,
    network.Flood,
    program.CertificateExpired,
    cards.CardBlockedOnSite,
    gateway.LoadAboveFuse,
    sessions.OwnWatchdog,
)
BY_NUMBER: Final[Mapping[int, Sequence[type[Fault]]]] = {
    each.number: tuple(kind for kind in CATALOGUE if kind.number == each.number) for each in CATALOGUE
}
LEAST_S, MOST_S = 30.0, 900.0  # how long a random fault lasts
TARGETS_SHOWN: Final = 20
QUIET_S: Final = 1200.0  # before the end of the world: what a fault has done can come right again

__all__ = ["BY_NUMBER", "CATALOGUE", "Fault", "fitted", "made", "planned", "table"]


def table() -> tuple[str, ...]:
    """The catalogue as rows of a table in Markdown: number, what, what must come of it, how it is made."""
    return tuple(
        f"| {number} | {kinds[0].row} | {kinds[0].outcome} | {'; or '.join(kind.how for kind in kinds)} |"
        for number, kinds in sorted(BY_NUMBER.items())
    )


def planned(scenario: WorldScenario, *, seed: int) -> tuple[FaultSpec, ...]:
    """The scenario's faults, and those that its rate and the seed bring; in the order of their beginning.

    Raises ScenarioError for a number that isn't in the catalogue.
    """
    chance = scenario.random_faults
    specs = [
        *scenario.faults,
        *(() if chance is None else _random(chance, what=f"{seed} {scenario.name}", for_s=scenario.for_s)),
    ]
    for spec in specs:
        if spec.number not in BY_NUMBER:
            known = ", ".join(str(number) for number in sorted(BY_NUMBER))
            raise ScenarioError(f"fault {spec.number} isn't in the catalogue; it has {known}")
    return tuple(sorted(specs, key=lambda spec: (spec.at_s, spec.number)))


def _random(chance: RandomFaults, *, what: str, for_s: float) -> Iterator[FaultSpec]:
    rng = random.Random(f"{what} faults")
    numbers = chance.numbers or tuple(sorted(BY_NUMBER))
    at_s = 0.0
    while True:
        at_s += rng.expovariate(chance.per_h / 3600.0)
        if at_s >= for_s - QUIET_S:
            return
        lasts_s = min(rng.uniform(LEAST_S, MOST_S), for_s - QUIET_S - at_s)
        yield FaultSpec(number=rng.choice(numbers), at_s=round(at_s, 1), for_s=max(LEAST_S, round(lasts_s, 1)))


def fitted(scenario: WorldScenario, specs: Sequence[FaultSpec]) -> WorldScenario:
    """The scenario with what its faults need to be possible; each kind fits it once."""
    for number, spec in {spec.number: spec for spec in reversed(specs)}.items():
        for kind in BY_NUMBER[number]:
            scenario = kind.fitted(scenario, spec)
    return scenario


def made(world: World, specs: Sequence[FaultSpec]) -> tuple[Fault, ...]:
    """The faults of this world; those that its site can't have are left out. Each has its own chance, so that
    leaving one out doesn't change the others.

    Raises ScenarioError for a target that isn't there.
    """
    faults: list[Fault] = []
    targets = {*world.stations, *world.meters.ids, *FILES}
    for spec in specs:
        if spec.target is not None and spec.target not in targets:
            known = ", ".join(sorted(targets)[:TARGETS_SHOWN])
            raise ScenarioError(
                f"fault {spec.option()}: {spec.target!r} is no station, meter or file; known are {known}"
            )
        rng = world.rng(f"fault {spec.option()}")
        kinds = [kind for kind in BY_NUMBER[spec.number] if kind.suits(world)]
        if kinds:
            faults.append(rng.choice(kinds)(world, spec, rng))
    return tuple(faults)

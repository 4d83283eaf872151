"""Runs a scenario in virtual time and judges it; and finds the fewest faults that make it fail."""

import asyncio
import contextlib
import gc
import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from simulators.world.account import Account
from simulators.world.faults import Fault, fitted, made, planned
from simulators.world.folder import world_folder
from simulators.world.log_tap import gateway_log
from simulators.world.loop import WorldLoop
from simulators.world.oracles import ORACLES, Oracle
from simulators.world.oracles.base import Verdict
from simulators.world.result import WorldResult, result_of, unmet
from simulators.world.scenario import FaultSpec, RandomFaults, WorldScenario
from simulators.world.watch import Tamper
from simulators.world.world import World

LOOK_S: Final = 1.0  # how often oracles are asked whether they look, at least,
LOOKS_A_PERIOD: Final = 5  # and where the gateway is slower: in each period of its control
DRAIN_S: Final = 240.0  # for what is still on its way to the cloud
YOUNG_GARBAGE: Final = 50_000  # objects: nearly all are freed without being looked for
OLD_GARBAGE: Final = 100  # as seldom as Python looks for garbage that is old, again so seldom
MOST_TRIALS: Final = 24  # of the search for a shorter list of faults

Progress = Callable[[float], None]  # the share that is done


@dataclass(frozen=True, slots=True, kw_only=True)
class Conduct:
    """How a run is made, besides its scenario and seed. `tamper` is what a test does to frames; `meddle` what it
    does to the world before it begins. `drain_s` are left after the scenario's end for what is still on its way.
    """

    keeps_history: bool = False
    tamper: Tamper | None = None
    meddle: Callable[[World], None] | None = None
    progress: Progress | None = None
    drain_s: float = DRAIN_S


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """A run's figures, and its history as far as it was kept."""

    result: WorldResult
    history: bytes


def run_world(
    scenario: WorldScenario, *, seed: int, faults: Sequence[FaultSpec] | None = None, conduct: Conduct | None = None
) -> Outcome:
    """The whole run, on a loop of its own. `faults` stand in the place of the scenario's own and its random ones.

    Raises SimulatorError.
    """
    logging.getLogger("simulators").addHandler(logging.NullHandler())
    specs = planned(scenario, seed=seed) if faults is None else tuple(faults)
    planned(replace(scenario, faults=specs, random_faults=None), seed=seed)  # that every number is known
    with (
        _garbage_kept(),
        world_folder() as folder,
        asyncio.Runner(loop_factory=WorldLoop) as runner,
    ):
        return runner.run(_run(fitted(scenario, specs), seed, specs, folder, conduct or Conduct()))


@contextlib.contextmanager
def _garbage_kept() -> Iterator[None]:
    """To look for garbage among all peers of a world as often as Python does would take a sixth of the time."""
    young, middle, old = gc.get_threshold()
    gc.set_threshold(YOUNG_GARBAGE, middle, OLD_GARBAGE * old)
    try:
        yield
    finally:
        gc.set_threshold(young, middle, old)


async def _run(
    scenario: WorldScenario, seed: int, specs: Sequence[FaultSpec], folder: Path, conduct: Conduct
) -> Outcome:
    world = World(scenario, seed=seed, folder=folder, keeps_history=conduct.keeps_history)
    if conduct.tamper is not None:
        world.frames.tamper = conduct.tamper
    if conduct.meddle is not None:
        conduct.meddle(world)
    faults = made(world, specs)
    world.faults.extend(faults)
    oracles = [make(world) for make in ORACLES]
    world.frames.ears.extend(oracles)
    account = Account(world)
    with gateway_log(world.hear_log):
        try:
            await world.begin()
            for fault in faults:
                world.start(fault.run())
            await _watch(world, oracles, account, until_s=scenario.for_s, progress=conduct.progress)
            await _watch(world, oracles, account, until_s=scenario.for_s + conduct.drain_s, progress=None)
            for oracle in oracles:
                oracle.close()
            status = world.gateway.status()
        finally:
            await world.end()
    ticks = (0, 0) if status is None else (status["control"]["ticks"], status["control"]["missed_ticks"])
    verdicts = _verdicts(oracles, faults)
    result = result_of(world, scenario, account=account, faults=specs, verdicts=verdicts, ticks=ticks)
    result = replace(result, verdicts=(*verdicts, *unmet(result, scenario.expect)))
    return Outcome(result=result, history=world.history.text())


async def _watch(
    world: World, oracles: Sequence[Oracle], account: Account, *, until_s: float, progress: Progress | None
) -> None:
    every_s = max(LOOK_S, world.period_s / LOOKS_A_PERIOD)
    while world.now() < until_s:
        await world.until(min(until_s, world.now() + every_s))
        world.check()
        now = world.now()
        for oracle in oracles:
            if oracle.due(now):
                oracle.look()
        account.look(now)
        if progress is not None:
            progress(now / until_s)


def _verdicts(oracles: Sequence[Oracle], faults: Sequence[Fault]) -> tuple[Verdict, ...]:
    verdicts = [verdict for oracle in oracles for verdict in oracle.verdicts]
    verdicts += [
        Verdict(oracle=f"fault {fault.number}", at_s=fault.spec.at_s, text=fault.failure)
        for fault in faults
        if fault.failure is not None
    ]
    return tuple(sorted(verdicts, key=lambda verdict: verdict.at_s))


def shrunk(
    scenario: WorldScenario, failed: WorldResult, *, most_trials: int = MOST_TRIALS, conduct: Conduct | None = None
) -> tuple[FaultSpec, ...]:
    """The shortest list of faults found with which the same oracle still fails: first halves are left out, then single
    ones (delta debugging), in at most so many runs.
    """
    oracles = {verdict.oracle for verdict in failed.verdicts}
    kept = list(failed.faults)
    size = max(1, len(kept) // 2)
    trials = 0
    while kept and trials < most_trials:
        shorter: list[FaultSpec] | None = None
        for at in range(0, len(kept), size):
            if trials >= most_trials:
                break
            trials += 1
            attempt = kept[:at] + kept[at + size :]
            result = run_world(scenario, seed=failed.seed, faults=attempt, conduct=conduct).result
            if oracles & {verdict.oracle for verdict in result.verdicts}:
                shorter = attempt
                break
        if shorter is not None:
            kept = shorter
            size = min(size, max(1, len(kept) // 2))
        elif size == 1:
            break
        else:
            size = max(1, size // 2)
    return tuple(kept)


def with_random_faults(scenario: WorldScenario, per_h: float, numbers: Sequence[int] = ()) -> WorldScenario:
    """The scenario with so many faults an hour besides its own."""
    return replace(scenario, random_faults=RandomFaults(per_h=per_h, numbers=tuple(numbers)))

"""The sweep of stability: what is measured at one point; ``python -m tests.scenario.stability`` prints the table.

At each point seven disturbances follow each other, a constant phase after each. Of each phase is counted, from its
first second to its last:

- ``used``: what the cars drew of what they could have drawn, no more than that counting, over time;
- ``cuts``: how often one EVSE was cut to less than its value at the phase's end, by more than half an ampere, or one
  step of its charger, and its part of the meter's noise;
- ``late``: how often one EVSE's limit changed in the phase's second half;
- ``turns``: how often one EVSE's limit changed its direction.
"""

import argparse
import itertools
import logging
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import structlog

from edge.units import Amps, Seconds
from tests.scenario.steady_site import RATING_A, Conditions, Lag, SteadySite

PHASE_S = 600.0
BELOW_A = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Phase:
    """What was measured of one constant phase."""

    name: str
    used: float
    settled: float  # the same of its second half
    cuts: int
    late: int
    turns: int
    over_s: Seconds  # for how long more flowed than the rating
    over_a: Amps  # the most by which it did


def _load(amps: Amps) -> Callable[[SteadySite], None]:
    def change(site: SteadySite) -> None:
        site.background_a += amps

    return change


DISTURBANCES: tuple[tuple[str, Callable[[SteadySite], None]], ...] = (
    ("four cars come", lambda site: site.arrive(0, 1, 2, 3)),
    ("load +20 A", _load(20.0)),
    ("a car comes", lambda site: site.arrive(4)),
    ("load -25 A", _load(-25.0)),
    ("a car leaves", lambda site: site.leave(0)),
    ("load -3 A", _load(-3.0)),
    ("load +2 A", _load(2.0)),
)


def measured(conditions: Conditions, *, seed: int = 0, phase_s: Seconds = PHASE_S) -> list[Phase]:
    """All phases of one point."""
    site = SteadySite(conditions, seed)
    phases = []
    for name, disturb in DISTURBANCES:
        disturb(site)
        phases.append(_phase(site, name, conditions, phase_s))
    return phases


def _phase(site: SteadySite, name: str, conditions: Conditions, phase_s: Seconds) -> Phase:
    site.written.clear()
    begun, before = site.clock.now, dict(site.limit_a)
    used: list[float] = []
    over: list[Amps] = []
    for _ in range(int(phase_s)):
        site.second()
        used.append(min(site.drawn_a, site.usable_a))
        over.append(max(site.flow_a - RATING_A, 0.0))
    half = len(used) // 2
    most = site.usable_a
    by_evse = {key: [amps] for key, amps in before.items()}
    for _, key, amps in site.written:
        by_evse.setdefault(key, []).append(amps)
    noise_a = conditions.meter_noise * RATING_A / len(by_evse)
    below_a = max(BELOW_A, conditions.step_a) + noise_a
    return Phase(
        name=name,
        used=sum(used) / (most * len(used)),
        settled=sum(used[half:]) / (most * (len(used) - half)),
        cuts=max((_cuts_below(told, below_a) for told in by_evse.values()), default=0),
        late=max(Counter(key for at, key, _ in site.written if at > begun + phase_s / 2).values(), default=0),
        turns=max((_turns(told) for told in by_evse.values()), default=0),
        over_s=float(sum(amps > 1e-6 for amps in over)),
        over_a=max(over),
    )


def _cuts_below(told: Sequence[Amps], below_a: Amps) -> int:
    """How often it fell to less than its last value."""
    falls = [after for before, after in itertools.pairwise(told) if after < before]
    return sum(amps < told[-1] - below_a - 1e-9 for amps in falls)


def _turns(told: Sequence[Amps]) -> int:
    rises = [after > before for before, after in itertools.pairwise(told)]
    return sum(before is not after for before, after in itertools.pairwise(rises))


def grid(
    delays_s: Iterable[Seconds],
    lags: Iterable[tuple[Seconds, Lag]],
    steps_a: Iterable[Amps],
    noises: Iterable[float],
    samples_s: Iterable[Seconds],
) -> list[Conditions]:
    return [
        Conditions(meter_delay_s=delay, lag_s=lag[0], lag=lag[1], step_a=step, meter_noise=noise, sample_every_s=sample)
        for delay, lag, step, noise, sample in itertools.product(delays_s, lags, steps_a, noises, samples_s)
    ]


LAGS = ((0.0, Lag.STEP), (5.0, Lag.STEP), (15.0, Lag.STEP), (30.0, Lag.STEP), (30.0, Lag.GRADUAL))
FULL = [
    *grid((0.0, 5.0, 10.0), LAGS, (0.1, 1.0), (0.0, 0.02), (10.0,)),
    *grid((0.0, 10.0), ((0.0, Lag.STEP), (15.0, Lag.STEP)), (0.1,), (0.0, 0.02), (60.0,)),
]
SMALL = [
    Conditions(lag_s=0.0, meter_noise=0.02),
    Conditions(meter_delay_s=10.0, lag_s=5.0, meter_noise=0.02, step_a=1.0),
    Conditions(meter_delay_s=10.0, lag_s=30.0),
    Conditions(meter_delay_s=10.0, lag_s=30.0, meter_noise=0.02),
]


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description="the sweep of stability, one line a point")
    parser.add_argument("--full", action="store_true", help="all of the grid")
    parser.add_argument("--delay", type=float, help="only where the meter is so late, s")
    parser.add_argument("--phases", action="store_true", help="each phase")
    parser.add_argument("--seconds", type=float, default=PHASE_S, help="how long each phase lasts")
    chosen = parser.parse_args(arguments)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    out = sys.stdout
    out.write("delay    lag          step noise sample |  used settled cuts late turns over_s over_a\n")
    for point in FULL if chosen.full else SMALL:
        if chosen.delay not in (None, point.meter_delay_s):
            continue
        phases = measured(point, phase_s=chosen.seconds)
        out.write(_line(point, phases))
        for phase in phases if chosen.phases else ():
            out.write(
                f"    {phase.name:40s} | {phase.used:.3f} {phase.settled:.3f} {phase.cuts:7d} {phase.late:4d} "
                f"{phase.turns:5d} {phase.over_s:6.0f} {phase.over_a:6.1f}\n"
            )
        out.flush()
    return 0


def _line(point: Conditions, phases: Sequence[Phase]) -> str:
    count = len(phases)
    return (
        f"{point.meter_delay_s:4.0f} s {point.lag_s:4.0f} s {point.lag:8s} {point.step_a:4.1f} "
        f"{point.meter_noise:5.0%} {point.sample_every_s:4.0f} s | {sum(phase.used for phase in phases) / count:.3f} "
        f"{min(phase.settled for phase in phases):.3f} {max(phase.cuts for phase in phases):7d} "
        f"{max(phase.late for phase in phases):4d} {max(phase.turns for phase in phases):5d} "
        f"{sum(phase.over_s for phase in phases):6.0f} {max(phase.over_a for phase in phases):6.1f}\n"
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

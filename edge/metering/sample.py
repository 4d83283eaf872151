"""One poll's values, phase by phase, and what can't be true or doesn't fit in it. Pure."""

import math
from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace

from edge.domain.reading import PhaseVolts, PhaseWatts
from edge.metering.family import CURRENTS, POWERS, VOLTAGES, CurrentSign, Family, Quantity, Values
from edge.units import PHASES, Amps, Phase, PhaseAmps, Watts

# Wider than any site's truth, narrower than what a wrong word order or scale gives.
MAX_CURRENT_A = 10_000.0  # beyond the largest air circuit breaker
MAX_CURRENT_OF_RATING = 10.0  # a type C breaker opens at once at ten times its rating (IEC 60898-1): none flows longer
MIN_VOLTAGE_V = 80.0  # phase to neutral: a 100 V grid less 20 %
MAX_VOLTAGE_V = 300.0  # a 240 V grid plus 25 %
MIN_FREQUENCY_HZ = 40.0
MAX_FREQUENCY_HZ = 70.0  # some units give ten times the truth
# Meters compute current, voltage and power over windows that differ: an ampere may be there one window earlier.
POWER_SLACK = 0.15  # of the apparent power
POWER_SLACK_W = 200.0
# Less active power than this share of the apparent is no load of a building; below LITTLE_A a meter's own filter is.
LEAST_POWER_FACTOR = 0.1
LITTLE_A = 16.0
# What a meter shows at most on terminals that nothing is wired to.
UNWIRED_A = 1.0
UNWIRED_W = 230.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """What one poll gave, by phase; None where the meter tells nothing."""

    current_a: tuple[Amps | None, ...]  # signed
    voltage_v: PhaseVolts
    power_w: PhaseWatts
    total_w: Watts | None
    frequency_hz: float | None
    phases: tuple[Phase, ...]

    @property
    def currents(self) -> PhaseAmps | None:
        """The currents, 0 on phases that the meter isn't on; None when one is missing that it should tell."""
        found = [0.0 if phase not in self.phases else amps for phase, amps in zip(PHASES, self.current_a, strict=True)]
        l1_a, l2_a, l3_a = found
        return PhaseAmps(l1_a, l2_a, l3_a) if l1_a is not None and l2_a is not None and l3_a is not None else None

    @property
    def power(self) -> Watts | None:
        """The total, or what the phases come to where the meter is on and tells each."""
        if self.total_w is not None:
            return self.total_w
        told = [self.power_w[PHASES.index(phase)] for phase in self.phases]
        known = [power_w for power_w in told if power_w is not None]
        return sum(known) if len(known) == len(told) else None


def sample(family: Family, values: Values) -> Sample:
    """The values by phase. A current without direction flows as its phase's power does; without a power, into the site.

    A current that the meter doesn't tell is reckoned from the phase's power and voltage, where it tells these.
    """
    powers = [_finite(values.get(name)) for name in POWERS]
    voltages = [_finite(values.get(name)) for name in VOLTAGES]
    currents: list[Amps | None] = []
    for name, power_w, voltage_v in zip(CURRENTS, powers, voltages, strict=True):
        current_a = _finite(values.get(name))
        if current_a is None and name not in family.quantities and power_w is not None and voltage_v:
            current_a = power_w / voltage_v
        elif current_a is not None and family.current_sign is CurrentSign.MAGNITUDE:
            current_a = math.copysign(abs(current_a), power_w or 1.0)
        currents.append(current_a)
    total_w = _total(values)
    if family.current_sign is CurrentSign.SIGNED and _contradicted(currents, powers, total_w):
        currents = [abs(current_a) if current_a is not None else None for current_a in currents]
    return Sample(
        current_a=tuple(currents),
        voltage_v=(voltages[0], voltages[1], voltages[2]),
        power_w=(powers[0], powers[1], powers[2]),
        total_w=total_w,
        frequency_hz=frequency(values),
        phases=family.phases,
    )


def wired(of: Sample, family: Family, guarded: AbstractSet[Phase]) -> Sample:
    """The sample without phases whose terminals carry nothing: a meter of three phases on a connection of one.

    Of the ``guarded`` phases none is left out, nor of a meter that shows no voltage at all.
    """
    told = family.quantities - family.at_times
    left = tuple(
        phase
        for phase in of.phases
        if phase in guarded or not _is_unwired(of, PHASES.index(phase), must_tell=VOLTAGES[PHASES.index(phase)] in told)
    )
    if not left or left == of.phases:
        return of
    volts, powers = (
        [each if phase in left else None for phase, each in zip(PHASES, values, strict=True)]
        for values in (of.voltage_v, of.power_w)
    )
    return replace(of, phases=left, voltage_v=(volts[0], volts[1], volts[2]), power_w=(powers[0], powers[1], powers[2]))


def _is_unwired(of: Sample, index: int, *, must_tell: bool) -> bool:
    voltage_v, current_a, power_w = of.voltage_v[index], of.current_a[index], of.power_w[index]
    dead = must_tell or current_a is None if voltage_v is None else voltage_v < MIN_VOLTAGE_V
    return dead and abs(current_a or 0.0) <= UNWIRED_A and abs(power_w or 0.0) <= UNWIRED_W


def _contradicted(currents: Sequence[Amps | None], powers: Sequence[Watts | None], total_w: Watts | None) -> bool:
    """Whether all currents flow out while the power flows in: those of an inverter are magnitudes that count as its
    output, and one with a battery charges that from the grid."""
    told = [current_a for current_a in currents if current_a is not None]
    one_way = bool(told) and max(told) <= 0 and all(power_w is None for power_w in powers)
    return one_way and total_w is not None and total_w > 0


def _total(values: Values) -> Watts | None:
    """As told, or what is drawn less what is fed in."""
    told_w = _finite(values.get(Quantity.POWER))
    drawn_w, fed_w = _finite(values.get(Quantity.POWER_DRAWN)), _finite(values.get(Quantity.POWER_FED))
    return drawn_w - fed_w if told_w is None and drawn_w is not None and fed_w is not None else told_w


def impossible(of: Sample, family: Family, rating_a: Amps | None) -> str | None:
    """What can't be the truth, in words."""
    most_a = MAX_CURRENT_A if rating_a is None else min(MAX_CURRENT_A, rating_a * MAX_CURRENT_OF_RATING)
    for index, phase in enumerate(PHASES):
        if phase not in of.phases:
            continue
        current_a, voltage_v, power_w = of.current_a[index], of.voltage_v[index], of.power_w[index]
        if voltage_v is None and VOLTAGES[index] in family.quantities - family.at_times:
            return f"no voltage on {phase}"
        if voltage_v is not None and not _within(voltage_v, MIN_VOLTAGE_V, MAX_VOLTAGE_V):
            return f"{voltage_v:g} V on {phase}"
        if current_a is None and tells_currents(family):
            return f"no current on {phase}"
        if current_a is not None and abs(current_a) > most_a:
            return f"{current_a:g} A on {phase}"
        if power_w is not None and abs(power_w) > most_a * MAX_VOLTAGE_V:
            return f"{power_w:g} W on {phase}"
    if of.total_w is not None and abs(of.total_w) > most_a * MAX_VOLTAGE_V * len(PHASES):
        return f"{of.total_w:g} W in all"
    return None


def tells_currents(family: Family) -> bool:
    """Whether a current can be had on each phase that the meter is on."""
    indices = [PHASES.index(phase) for phase in family.phases]
    return all(
        CURRENTS[index] in family.quantities
        or (POWERS[index] in family.quantities and VOLTAGES[index] in family.quantities)
        for index in indices
    )


def tells_direction(family: Family) -> bool:
    """Whether a sample tells what is fed into the grid from what is drawn: by a power, or by currents that have a sign.

    Models of a family that must be discovered (SunSpec's) have signed powers.
    """
    told = family.quantities
    powers = {POWERS[PHASES.index(phase)] for phase in family.phases}
    return (
        family.discovery is not None
        or Quantity.POWER in told
        or {Quantity.POWER_DRAWN, Quantity.POWER_FED} <= told
        or powers <= told
        or (family.current_sign is CurrentSign.SIGNED and tells_currents(family))
    )


def mismatches(of: Sample) -> Iterator[str]:
    """What doesn't fit together, in words: current and voltage with power, phases with their total."""
    for index, phase in enumerate(PHASES):
        current_a, voltage_v, power_w = of.current_a[index], of.voltage_v[index], of.power_w[index]
        if current_a is None or voltage_v is None or power_w is None:
            continue
        apparent_va = abs(current_a) * voltage_v
        if abs(power_w) > apparent_va * (1 + POWER_SLACK) + POWER_SLACK_W:
            yield f"{power_w:.0f} W on {phase} is more than {current_a:.1f} A at {voltage_v:.0f} V can carry"
        elif abs(current_a) > LITTLE_A and abs(power_w) < LEAST_POWER_FACTOR * apparent_va:
            yield f"{current_a:.1f} A on {phase} with only {power_w:.0f} W"
    told = [of.power_w[PHASES.index(phase)] for phase in of.phases]
    if of.total_w is None or any(power_w is None for power_w in told):
        return
    powers = [power_w for power_w in told if power_w is not None]
    slack_w = POWER_SLACK * sum(abs(power_w) for power_w in powers) + POWER_SLACK_W
    if abs(sum(powers) - of.total_w) > slack_w:
        yield f"the phases' powers come to {sum(powers):.0f} W, the total is {of.total_w:.0f} W"


def worst(of: Sample) -> PhaseAmps | None:
    """The currents, each at least what its phase's power needs: for a reading that doesn't fit together."""
    currents = of.currents
    if currents is None:
        return None
    found: list[Amps] = []
    for current_a, voltage_v, power_w in zip(currents, of.voltage_v, of.power_w, strict=True):
        needed_a = abs(power_w) / voltage_v if power_w is not None and voltage_v is not None else 0.0
        found.append(math.copysign(max(abs(current_a), needed_a), power_w or current_a))
    return PhaseAmps(*found)


def _within(value: float | None, least: float, most: float) -> bool:
    return value is not None and least <= value <= most


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def frequency(values: Values) -> float | None:
    """The frequency, if it may be the truth. Nothing depends on it: no reason to lose the currents."""
    frequency_hz = _finite(values.get(Quantity.FREQUENCY))
    return frequency_hz if _within(frequency_hz, MIN_FREQUENCY_HZ, MAX_FREQUENCY_HZ) else None

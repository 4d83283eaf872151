"""What an EVSE draws, out of the sampled values of a station.

Tolerant on purpose: stations send blanks in numbers, one current for three phases, a current on the neutral only, power
only, an object where a list belongs, contexts of their own invention. What can't be understood is left out.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from typing import Any

from edge.domain.site import Evse, Supply
from edge.ocpp.fields import whole_number
from edge.ocpp.station_clock import parse_timestamp
from edge.units import PHASES, VOLTAGE_MAY_DIFFER, Amps, PhaseAmps, Volts, WattHours, Watts

# These contexts (OCPP 1.6 §7.31) repeat what was measured at a transaction's ends: not what is drawn now.
_NOT_NOW = {"transaction.begin", "transaction.end"}
# Location (§7.24): inside the station, what its own sensors show. Some have nothing else, and write it at the car's
# current and power too (evcc issue 16966, mobilityhouse/ocpp issue 353).
_INSIDE = "body"

_CURRENT, _POWER, _ENERGY = "current.import", "power.active.import", "energy.active.import.register"
_MEASURANDS = {
    _CURRENT: _CURRENT,
    _POWER: _POWER,
    "power": _POWER,  # lbbrhzn/ocpp issue 1635
    _ENERGY: _ENERGY,
    "": _ENERGY,  # the default (OCPP 1.6 §7.43)
}
_SCALES: Mapping[str, Mapping[str, float]] = {
    _CURRENT: {"": 1.0, "a": 1.0},
    _POWER: {"": 1.0, "w": 1.0, "kw": 1000.0},
    _ENERGY: {"": 1.0, "wh": 1.0, "kwh": 1000.0},
}
_OWN_PHASES = {
    "l1": 0,
    "l2": 1,
    "l3": 2,
    "l1-n": 0,
    "l2-n": 1,
    "l3-n": 2,
    "l1-l2": 0,
    "l2-l3": 1,
    "l3-l1": 2,
}
_WHOLE = -1  # a value for all phases: without phase, or on the neutral only (lbbrhzn/ocpp issue 1311)
_MAX_EXPONENT = 9  # from nano to giga
NOISE_A = 1.0  # of a meter, or what a car draws in standby: as much tells of nothing
# Of the sets in a message, and of the samples in a set, at most: the newest come last. A station that stored a day
# tells it in more messages than one, or in one that says nothing of now.
LOOKED_AT = 200
_PLAUSIBLE = 1e9  # Wh of a meter's register; whatever is above is a broken number


@dataclass(frozen=True, slots=True, kw_only=True)
class Draw:
    """One sample of an EVSE's draw, on grid phases. ``energy_wh`` is the register's reading, ``stamp`` its time.

    ``spread``: it was told as one power, and how that is divided among the phases isn't known: it is taken as even.
    ``whole_a``: it was told as one current for several phases, which is taken as that of each; and what flows on all of
    them together by the power.
    """

    stamp: datetime | None
    current_a: PhaseAmps
    power_w: Watts | None
    energy_wh: WattHours | None
    spread: bool = False
    whole_a: tuple[Amps, Amps] | None = None

    def as_sum(self, evse: Evse) -> "Draw":
        """The same where the one current is that of all phases together."""
        each_a = max(self.whole_a or (0.0,)) / len(evse.phases)
        return replace(self, current_a=PhaseAmps.on(evse.phases, each_a), spread=True, whole_a=None)


def newest_draw(meter_values: object, evse: Evse, nominal_voltage_v: Volts) -> Draw | None:
    """The last set of sampled values in the list that tells a current or a power; None when none does.

    Some stations put each quantity into an element of its own: those of one time are one set.
    """
    if isinstance(meter_values, list) and len(meter_values) == 1 and isinstance(meter_values[0], dict):
        return _draw(meter_values, evse, nominal_voltage_v)  # nearly always
    draws = (_draw(together, evse, nominal_voltage_v) for together in _sets(meter_values))
    return next((draw for draw in draws if draw is not None), None)


def newest_energy(meter_values: object) -> tuple[datetime | None, WattHours] | None:
    """The last reading of the register in the list, and its time; None when there is none."""
    for together in _sets(meter_values):
        energy_wh = _total(_values(together)[_ENERGY])
        if energy_wh is not None:
            return parse_timestamp(together[0].get("timestamp")), energy_wh
    return None


def energy_at_begin(meter_values: object) -> WattHours | None:
    """The register at a transaction's begin, by its first event: the first reading in the list, in whatever context.

    None when there is none, or 0, as some stations tell whose samples are of a meter that has long counted.
    """
    for element in _as_list(meter_values):
        samples = _as_list(element.get("sampledValue")) if isinstance(element, dict) else []
        plain = [{**sample, "context": None} for sample in samples if isinstance(sample, dict)]
        energy_wh = _total(_values([{"sampledValue": plain}])[_ENERGY])
        if energy_wh is not None:
            return energy_wh or None
    return None


def _sets(meter_values: object) -> Iterator[Sequence[Mapping[str, Any]]]:
    """The elements of one time together, the last first."""
    elements = [element for element in _as_list(meter_values) if isinstance(element, dict)]
    while elements:
        together = [elements.pop()]
        stamp = together[0].get("timestamp")
        while elements and isinstance(stamp, str) and elements[-1].get("timestamp") == stamp:
            together.append(elements.pop())
        yield together


def stamps(meter_values: object) -> list[datetime]:
    """Every time stamp in the list that is one."""
    found = [
        parse_timestamp(element.get("timestamp")) for element in _as_list(meter_values) if isinstance(element, dict)
    ]
    return [stamp for stamp in found if stamp is not None]


def _draw(elements: Sequence[Mapping[str, Any]], evse: Evse, nominal_voltage_v: Volts) -> Draw | None:
    values = _values(elements)
    powers_w = values[_POWER]
    own, by_power = _own_currents(values[_CURRENT], powers_w, evse, nominal_voltage_v)
    if not own:
        return None
    total_a = powers_w[_WHOLE] / nominal_voltage_v if _WHOLE in powers_w else None
    is_one = not by_power and set(own) == {_WHOLE} and evse.supply is Supply.AC and len(evse.phases) > 1
    return Draw(
        stamp=parse_timestamp(elements[0].get("timestamp")),
        current_a=_on_grid(own, evse, total_a),
        power_w=_total(powers_w),
        energy_wh=_total(values[_ENERGY]),
        spread=by_power and set(own) == {_WHOLE} and evse.supply is Supply.AC and len(evse.phases) > 1,
        whole_a=(own[_WHOLE], total_a) if is_one and total_a is not None else None,
    )


def _values(elements: Sequence[Mapping[str, Any]]) -> dict[str, dict[int, float]]:
    """By measurand and own phase. What is told of the station's inside counts where neither current nor power is told
    of elsewhere, or no register."""
    values: dict[str, dict[int, float]] = {_CURRENT: {}, _POWER: {}, _ENERGY: {}}
    inside: dict[str, dict[int, float]] = {_CURRENT: {}, _POWER: {}, _ENERGY: {}}
    for element in elements:
        for sample in _as_list(element.get("sampledValue")):
            if isinstance(sample, dict):
                _collect(sample, values, inside)
    if not values[_CURRENT] and not values[_POWER]:
        values |= {measurand: inside[measurand] for measurand in (_CURRENT, _POWER)}
    values[_ENERGY] = values[_ENERGY] or inside[_ENERGY]
    return values


def _own_currents(
    currents_a: Mapping[int, Amps], powers_w: Mapping[int, Watts], evse: Evse, nominal_voltage_v: Volts
) -> tuple[Mapping[int, Amps], bool]:
    """By own phase, empty where none is told: as told, else by the power. And whether it is by the power.

    A DC station tells the amperes of its cable, at the battery's voltage: they are none of the grid's, unless they have
    a phase and there is no power.
    """
    if evse.supply is Supply.DC:
        currents_a = {} if powers_w else {place: amps for place, amps in currents_a.items() if place != _WHOLE}
    if currents_a:
        return currents_a, False
    by_power = {place: power_w / nominal_voltage_v for place, power_w in powers_w.items()}
    if set(by_power) == {_WHOLE}:
        by_power[_WHOLE] /= len(evse.phases)
    return by_power, True


def _collect(
    sample: Mapping[str, Any], values: dict[str, dict[int, float]], inside: dict[str, dict[int, float]]
) -> None:
    """File one sampledValue under its measurand and own phase; of two for one place, the larger."""
    get = sample.get
    unit, power_of_ten = get("unit"), None
    if isinstance(measure := get("unitOfMeasure"), dict):  # OCPP 2.x part 2 §2.55
        unit, power_of_ten = measure.get("unit"), measure.get("multiplier")
    try:
        meaning = _meaning(get("measurand"), get("context"), get("location"), unit, get("phase"))
    except TypeError:  # a list or an object where a word belongs: no key of a cache, and no meaning either
        return
    if meaning is None:
        return
    number, exponent = _number(get("value")), _exponent(power_of_ten)
    if number is None or exponent is None:
        return
    measurand, place, scale, is_inside = meaning
    scale *= 10.0**exponent
    found = (inside if is_inside else values)[measurand]
    found[place] = max(found.get(place, 0.0), number * scale)


# A site's stations use some dozen combinations, each thousands of times; few, as a hostile one may write whole novels.
@lru_cache(maxsize=128)
def _meaning(*fields: object) -> tuple[str, int, float, bool] | None:
    """Measurand, own phase, factor to A, W or Wh, and whether it is of the station's inside; None for what doesn't tell
    what is drawn now.

    ``fields``: measurand, context, location, unit and phase as the station wrote them; what is no text is as if absent.
    """
    words = (field.strip().lower() if isinstance(field, str) else "" for field in fields)
    measurand, context, location, unit, phase = words
    known = _MEASURANDS.get(measurand)
    if known is None or context in _NOT_NOW:
        return None
    scale = _SCALES[known].get(unit)
    return None if scale is None else (known, _OWN_PHASES.get(phase, _WHOLE), scale, location == _INSIDE)


def _on_grid(own: Mapping[int, Amps], evse: Evse, total_a: Amps | None) -> PhaseAmps:
    """Currents by the EVSE's own phases, turned onto the grid's by its rotation. ``total_a``: of all phases together,
    by the power, where that is told.

    A current without its phase flows on each; of an EVSE that switches, on its own L1 where the power is that of one. A
    current on an own phase that isn't wired is counted on every wired one: the station names its phases otherwise
    than the site file does, and too much is the safe mistake.
    """
    by_phase = {place: amps for place, amps in own.items() if place != _WHOLE}
    if not by_phase:
        on_one = total_a is not None and total_a <= own[_WHOLE] * VOLTAGE_MAY_DIFFER + NOISE_A
        return PhaseAmps.on(evse.single_phase if evse.switches_phases and on_one else evse.phases, own[_WHOLE])
    stray = max((amps for place, amps in by_phase.items() if place >= len(evse.phases)), default=None)
    untold = len(set(range(len(evse.phases))) - by_phase.keys())
    elsewhere = stray if stray is not None else _untold(by_phase, total_a, untold)
    on_grid = [0.0, 0.0, 0.0]
    for place, phase in enumerate(evse.phases):
        on_grid[PHASES.index(phase)] = max(by_phase.get(place, elsewhere), stray or 0.0)
    return PhaseAmps(*on_grid)


def _untold(by_phase: Mapping[int, Amps], total_a: Amps | None, untold: int) -> Amps:
    """What each of the ``untold`` phases carries, of which a station says nothing.

    Some measure one phase of three, some leave out those that carry nothing. Where the total power doesn't tell which,
    as much as the fullest of the others.
    """
    if total_a is None or not untold:
        return max(by_phase.values())
    told_a = sum(by_phase.values())
    return (total_a - told_a) / untold if total_a > told_a * VOLTAGE_MAY_DIFFER + NOISE_A else 0.0


def _total(values: Mapping[int, float]) -> float | None:
    if not values:
        return None
    if _WHOLE in values:
        return values[_WHOLE]
    return sum(values.values())


def _number(value: object) -> float | None:
    """A finite number, never below 0 (an import that is negative is none); None when it is no number."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return max(0.0, number) if math.isfinite(number) and abs(number) <= _PLAUSIBLE else None


def _exponent(value: object) -> int | None:
    """The power of ten of a unit of measure, also as ``3.0`` or in quotes, 0 where there is none; None when it can't be
    one: then nobody knows what the number means.
    """
    if value is None:
        return 0
    exponent = whole_number(value)
    return exponent if exponent is not None and abs(exponent) <= _MAX_EXPONENT else None


def _as_list(value: object) -> list[Any]:
    """A list as it is, of a very long one its end, an object as a list of one (lbbrhzn/ocpp issue 1144), anything else
    as empty."""
    if isinstance(value, list):
        return value if len(value) <= LOOKED_AT else value[-LOOKED_AT:]
    return [value] if isinstance(value, Mapping) else []

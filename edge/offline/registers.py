"""The energy register in transaction messages: what is billed by. Pure; what can't be understood is left out."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, DecimalException
from functools import lru_cache
from typing import Any, TypeAlias

from edge.domain.session import Session
from edge.offline.message import Request, mapping, moment, text, whole

_ENERGY = "energy.active.import.register"  # the default measurand (OCPP 1.6 §7.43, 2.x part 2 §2.46)
# What most samples are of, which needn't be looked at more closely (OCPP 1.6 §7.43).
_OTHERS = ("Current.Import", "Power.Active.Import", "Voltage", "Current.Offered", "Power.Offered", "SoC", "Temperature")
_SCALES = {"": Decimal(1), "wh": Decimal(1), "kwh": Decimal(1000)}
_LOCATIONS = frozenset({"", "outlet"})  # the car's, not the grid side's
_MOST_EXPONENT = 9  # from nano to giga
_PLAUSIBLE_WH = Decimal(10) ** 10
_MILLI = Decimal("0.001")  # no register is finer
_BEGIN = "Transaction.Begin"  # OCPP 1.6 §7.34, 2.x part 2 §3.69
_Told: TypeAlias = tuple[object, Mapping[str, Any], Decimal]  # stamp, sample, and what it counts in
READINGS_MOST = 500  # that are looked at in one message: of a night one each minute or two


@dataclass(frozen=True, slots=True)
class Reading:
    """The register at a moment of the station's clock."""

    at: datetime
    wh: Decimal


def readings(request: Request) -> list[Reading]:
    """Those in a message, in order of time; of very many as many as are evenly spaced, with the first and the last."""
    fields = request.fields
    told = _of_now([*_told(fields.get("meterValue")), *_told(fields.get("transactionData"))])
    if len(told) > READINGS_MOST:
        told = [*told[:: -(-len(told) // (READINGS_MOST - 1))], told[-1]]
    found = [reading for each in told if (reading := _reading(*each)) is not None]
    at = moment(fields.get("timestamp"))
    for name in ("meterStart", "meterStop"):
        wh = _number(fields.get(name))
        if at is not None and wh is not None and 0 <= wh <= _PLAUSIBLE_WH:
            found.append(Reading(at, wh.quantize(_MILLI)))
    return sorted(found, key=lambda reading: reading.at)


def risen(session: Session, wh: Decimal) -> Decimal:
    """What the session's register, which shows ``wh`` now, has counted since its last reading; negative where it fell.

    Some stations tell 0 now and then, and others the session's energy in samples and the meter's register in begin and
    end (lbbrhzn/ocpp issues 1756, 2093). What has fallen and comes back in one leap hasn't counted that: the register
    is again that of the begin.
    """
    rise, fallen = wh - (session.register_wh or 0), fallen_wh(session)
    if rise > 0 and fallen > 0 and 2 * rise > fallen:
        return max(wh - (session.register_begin_wh or 0) - session.energy_wh, Decimal(0))
    return rise


def fallen_wh(session: Session) -> Decimal:
    """By how much the session's register has fallen, all in all; 0 where it has only risen."""
    return session.energy_wh - ((session.register_wh or 0) - (session.register_begin_wh or 0))


def _of_now(told: list[_Told]) -> list[_Told]:
    """Without the register at the begin of the transaction where that of the same time is told beside it: some stations
    repeat the former in each message (evcc-io/evcc issue 33256)."""
    begins = [each for each in told if each[1].get("context") == _BEGIN]
    if not begins or len(begins) == len(told):
        return told
    others = {text(stamp) for stamp, sample, _ in told if sample.get("context") != _BEGIN}
    return [each for each in told if each[1].get("context") != _BEGIN or text(each[0]) not in others]


def _told(values: object) -> Iterator[_Told]:
    """The samples of the register, with their stamps, and what they count in."""
    for value in values if isinstance(values, list) else [values]:
        stamp, samples = mapping(value).get("timestamp"), mapping(value).get("sampledValue")
        for sample in samples if isinstance(samples, list) else [samples]:
            if isinstance(sample, dict) and sample.get("measurand") not in _OTHERS:
                scale = _scale_of(sample)
                if scale is not None:
                    yield stamp, sample, scale


def _scale_of(sample: Mapping[str, Any]) -> Decimal | None:
    get = sample.get
    unit = text(mapping(get("unitOfMeasure")).get("unit")) or get("unit")
    words = (get("measurand"), get("phase"), get("location"), get("format"), unit)
    try:
        return _scale(*words)
    except TypeError:  # a list or an object where a word belongs: no key of a cache
        return _scale(*(text(word) for word in words))


def _reading(stamp: object, sample: Mapping[str, Any], scale: Decimal) -> Reading | None:
    at = moment(stamp)
    exponent = _exponent(mapping(sample.get("unitOfMeasure")).get("multiplier"))
    value = _number(sample.get("value")) if at is not None and exponent is not None else None
    if at is None or exponent is None or value is None:
        return None
    try:
        wh = value * scale
        if exponent:
            wh *= Decimal(10) ** exponent
    except DecimalException:
        return None
    return Reading(at, wh.quantize(_MILLI)) if 0 <= wh <= _PLAUSIBLE_WH else None


def _exponent(value: object) -> int | None:
    """The power of ten of a unit of measure, also as ``3.0`` or in quotes, 0 where there is none; None when it can't be
    one.
    """
    if value is None:
        return 0
    exponent = whole(int(value) if isinstance(value, float) and value.is_integer() else value)
    return exponent if exponent is not None and abs(exponent) <= _MOST_EXPONENT else None


def _number(value: object) -> Decimal | None:
    """A finite number, also one in quotes."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    try:
        found = Decimal(str(value).strip())
    except DecimalException:
        return None
    return found if found.is_finite() else None


# A site's stations use some dozen combinations, each thousands of times; few, as a hostile one may write whole novels.
@lru_cache(maxsize=128)
def _scale(*words: object) -> Decimal | None:
    """The factor to Wh of what has this measurand, phase, location, format and unit; None where it isn't the register.

    What is no text is as if absent.
    """
    known = ((text(word) or "").strip().lower() for word in words)
    measurand, phase, location, form, unit = known
    if measurand not in ("", _ENERGY) or phase or location not in _LOCATIONS or form == "signeddata":
        return None
    return _SCALES.get(unit)

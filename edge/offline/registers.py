"""The energy register in transaction messages: what is billed by. Pure; what can't be understood is left out."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, DecimalException
from functools import lru_cache
from typing import Any, TypeAlias

from edge.domain.register import counted
from edge.domain.session import Session
from edge.offline.message import Request, mapping, moment, text, whole

_ENERGY = "energy.active.import.register"  # the default measurand (OCPP 1.6 §7.43, 2.x part 2 §2.46)
# What most samples are of, which needn't be looked at more closely (OCPP 1.6 §7.43).
_OTHERS = ("Current.Import", "Power.Active.Import", "Voltage", "Current.Offered", "Power.Offered", "SoC", "Temperature")
_SCALES = {"": Decimal(1), "wh": Decimal(1), "kwh": Decimal(1000)}
_LOCATIONS = frozenset({"", "outlet"})  # the car's, not the grid side's
_INSIDE = "body"
_PHASES = frozenset({"", "l1", "l2", "l3", "l1-n", "l2-n", "l3-n"})
_MOST_EXPONENT = 9  # from nano to giga
_PLAUSIBLE_WH = Decimal(10) ** 10
_MILLI = Decimal("0.001")  # no register is finer
_BEGIN = "Transaction.Begin"  # OCPP 1.6 §7.34, 2.x part 2 §3.69
READINGS_MOST = 500  # that are looked at in one message: of a night one each minute or two


@dataclass(frozen=True, slots=True)
class _Meaning:
    """What a sample of the register is: ``scale`` to Wh, ``phase`` empty where it is of all together."""

    scale: Decimal
    phase: str
    is_inside: bool  # the station's, not the outlet's
    is_plain: bool


_Told: TypeAlias = tuple[object, Mapping[str, Any], _Meaning]  # stamp, sample, and what that is


@dataclass(frozen=True, slots=True)
class Reading:
    """The register at a moment of the station's clock."""

    at: datetime
    wh: Decimal


def readings(request: Request) -> list[Reading]:
    """Those in a message, in order of time; of very many as many as are evenly spaced, with the first and the last."""
    fields = request.fields
    told = _by_time([*_told(fields.get("meterValue")), *_told(fields.get("transactionData"))])
    if len(told) > READINGS_MOST:
        told = [*told[:: -(-len(told) // (READINGS_MOST - 1))], told[-1]]
    found = [reading for each in told if (reading := _register(each)) is not None]
    at = moment(fields.get("timestamp"))
    for name in ("meterStart", "meterStop"):
        wh = _number(fields.get(name))
        if at is not None and wh is not None and 0 <= wh <= _PLAUSIBLE_WH:
            found.append(Reading(at, wh.quantize(_MILLI)))
    return sorted(found, key=lambda reading: reading.at)


def risen(session: Session, wh: Decimal) -> Decimal:
    """What the session's register, which shows ``wh`` now, counted since its last reading; negative where it fell."""
    return counted(wh - (session.register_wh or 0), fallen_wh(session))


def fallen_wh(session: Session) -> Decimal:
    """By how much the session's register has fallen, all in all; 0 where it has only risen."""
    return session.energy_wh - ((session.register_wh or 0) - (session.register_begin_wh or 0))


def _by_time(told: list[_Told]) -> list[list[_Told]]:
    """What was told for one time together; nearly always each by itself."""
    if all(meaning.is_plain and sample.get("context") != _BEGIN for _, sample, meaning in told):
        return [[each] for each in told]
    found: dict[str | None, list[_Told]] = {}
    for each in told:
        found.setdefault(text(each[0]), []).append(each)
    return list(found.values())


def _register(told: list[_Told]) -> Reading | None:
    """The one register of what was told for one time.

    That at the begin of the transaction only by itself: some stations repeat it in each message (evcc-io/evcc issue
    33256). Else that of the outlet, and without it of the station's inside (issue 16966): as a whole, and without that
    the phases together (lbbrhzn/ocpp pull 1943); of two for one place the larger.
    """
    if len(told) == 1:
        stamp, sample, meaning = told[0]
        return _reading(stamp, sample, meaning.scale)
    now = [each for each in told if each[1].get("context") != _BEGIN] or told
    places: dict[bool, dict[str, Reading]] = {False: {}, True: {}}
    for stamp, sample, meaning in now:
        reading = _reading(stamp, sample, meaning.scale)
        if reading is not None:
            of = places[meaning.is_inside]
            of[meaning.phase] = max(of.get(meaning.phase, reading), reading, key=lambda each: each.wh)
    of = places[False] or places[True]
    if not of or "" in of:
        return of.get("")
    return Reading(next(iter(of.values())).at, sum((each.wh for each in of.values()), Decimal(0)))


def _told(values: object) -> Iterator[_Told]:
    """The samples of the register, with their stamps, and what they are."""
    for value in values if isinstance(values, list) else [values]:
        stamp, samples = mapping(value).get("timestamp"), mapping(value).get("sampledValue")
        for sample in samples if isinstance(samples, list) else [samples]:
            if isinstance(sample, dict) and sample.get("measurand") not in _OTHERS:
                meaning = _meaning_of(sample)
                if meaning is not None:
                    yield stamp, sample, meaning


def _meaning_of(sample: Mapping[str, Any]) -> _Meaning | None:
    get = sample.get
    unit = text(mapping(get("unitOfMeasure")).get("unit")) or get("unit")
    words = (get("measurand"), get("phase"), get("location"), get("format"), unit)
    try:
        return _meaning(*words)
    except TypeError:  # a list or an object where a word belongs: no key of a cache
        return _meaning(*(text(word) for word in words))


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
    exponent = whole(value)
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
def _meaning(*words: object) -> _Meaning | None:
    """What has this measurand, phase, location, format and unit; None where it isn't the register.

    What is no text is as if absent.
    """
    known = ((text(word) or "").strip().lower() for word in words)
    measurand, phase, location, form, unit = known
    scale = _SCALES.get(unit)
    if scale is None or measurand not in ("", _ENERGY) or phase not in _PHASES or form == "signeddata":
        return None
    is_inside = location == _INSIDE
    if location not in _LOCATIONS and not is_inside:
        return None
    phase = phase.removesuffix("-n")
    return _Meaning(scale, phase, is_inside=is_inside, is_plain=not phase and not is_inside)

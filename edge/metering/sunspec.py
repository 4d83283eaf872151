"""SunSpec devices describe themselves: find the map, walk its models, make the family of this very device.

SunSpec Device Information Model Specification 1.1: the map begins with "SunS" at one of three addresses; each model
begins with its id and its length; the next follows at once; id 0xFFFF ends the list. Offsets below count from the
register of the model's id, as in the models' published JSON definitions. Sans-I/O: :func:`discover` yields reads and is
sent the registers.
"""

from collections.abc import Generator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from types import MappingProxyType
from typing import Final

from edge.errors import MeterImplausible
from edge.metering.family import (
    CURRENTS,
    POWERS,
    VOLTAGES,
    Block,
    Confidence,
    CurrentSign,
    Family,
    Limits,
    Marker,
    NumberType,
    Quantity,
    Read,
    Register,
    RegisterType,
)
from edge.units import PHASES, Phase, Seconds

MARK: Final = (0x5375, 0x6E53)  # "SunS"
BASES: Final = (40_000, 0, 50_000)  # in the order of use
END: Final = 0xFFFF
# No device has more; a walk that doesn't end is a walk through something else.
_MOST_MODELS: Final = 64
_ADDRESSES: Final = 0x10000

# Inverters hand a read on to a board, or to a meter on their own serial line: a Fronius Primo answers 5 of 1000 reads
# later than 500 ms and none later than 600 (libmodbus issue 776), others later still (mbmd issue 199).
_ANSWER_S: Final[Seconds] = 1.0
_COMMON: Final = 1  # the model that every map begins with: who made the device
_MAKER_AT: Final = 2
_MAKER_WORDS: Final = 16  # two letters each
# Their meters' powers are positive towards the grid, against SunSpec's meter models; the energies are named rightly
# (evcc, templates solaredge-inverter and -hybrid; openWB, solaredge counter; solaredge-modbus-multi issue 69).
_TURNED_ROUND: Final = (b"solaredge",)

_INT16_ABSENT: Final = (Marker(bits=0x8000, mask=0xFFFF),)
_UINT16_ABSENT: Final = (Marker(bits=0xFFFF, mask=0xFFFF),)
_ACC32_ABSENT: Final = (Marker(bits=0, mask=0xFFFF_FFFF),)  # an accumulator of 0 is one that isn't counted


@dataclass(frozen=True, slots=True, kw_only=True)
class _Point:
    """A value of a model: its offset, that of its scale factor, its type, and what it is to be multiplied by."""

    offset: int
    type: NumberType
    absent: tuple[Marker, ...] = ()
    exponent: int | None = None
    sign: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Model:
    """A model that measures."""

    phases: tuple[Phase, ...]
    points: Mapping[Quantity, _Point]
    fast: range  # offsets that are read in each control period
    slow: range
    current_sign: CurrentSign


def _int(offset: int, exponent: int) -> _Point:
    return _Point(offset=offset, type=NumberType.INT16, absent=_INT16_ABSENT, exponent=exponent)


def _uint(offset: int, exponent: int, sign: float = 1.0) -> _Point:
    return _Point(offset=offset, type=NumberType.UINT16, absent=_UINT16_ABSENT, exponent=exponent, sign=sign)


def _acc(offset: int, exponent: int) -> _Point:
    return _Point(offset=offset, type=NumberType.UINT32, absent=_ACC32_ABSENT, exponent=exponent)


def _float(offset: int, sign: float = 1.0) -> _Point:
    return _Point(offset=offset, type=NumberType.FLOAT32, sign=sign)


_METER_INT: Final = {  # models 201 to 204; export stands before import
    **{name: _int(8 + index, 15) for index, name in enumerate(VOLTAGES)},
    **{name: _int(3 + index, 6) for index, name in enumerate(CURRENTS)},
    **{name: _int(19 + index, 22) for index, name in enumerate(POWERS)},
    Quantity.POWER: _int(18, 22),
    Quantity.FREQUENCY: _int(16, 17),
    Quantity.EXPORT_WH: _acc(38, 54),
    Quantity.IMPORT_WH: _acc(46, 54),
}
_METER_FLOAT: Final = {  # models 211 to 214
    **{name: _float(12 + 2 * index) for index, name in enumerate(VOLTAGES)},
    **{name: _float(4 + 2 * index) for index, name in enumerate(CURRENTS)},
    **{name: _float(30 + 2 * index) for index, name in enumerate(POWERS)},
    Quantity.POWER: _float(28),
    Quantity.FREQUENCY: _float(26),
    Quantity.EXPORT_WH: _float(60),
    Quantity.IMPORT_WH: _float(68),
}
# An inverter's output is positive; what it feeds is an export of the circuit that it is in. Its currents are
# magnitudes without powers per phase, and flow out; but in where its power does (:mod:`edge.metering.sample`).
_INVERTER_INT: Final = {  # models 101 to 103
    **{name: _uint(10 + index, 13) for index, name in enumerate(VOLTAGES)},
    **{name: _uint(3 + index, 6, -1.0) for index, name in enumerate(CURRENTS)},
    Quantity.POWER: _Point(offset=14, type=NumberType.INT16, absent=_INT16_ABSENT, exponent=15, sign=-1.0),
    Quantity.FREQUENCY: _uint(16, 17),
    Quantity.EXPORT_WH: _acc(24, 26),
}
_INVERTER_FLOAT: Final = {  # models 111 to 113
    **{name: _float(16 + 2 * index) for index, name in enumerate(VOLTAGES)},
    **{name: _float(4 + 2 * index, -1.0) for index, name in enumerate(CURRENTS)},
    Quantity.POWER: _float(22, -1.0),
    Quantity.FREQUENCY: _float(24),
    Quantity.EXPORT_WH: _float(32),
}

_POWERS: Final = frozenset({Quantity.POWER, *POWERS})
_ONE, _TWO, _THREE = PHASES[:1], PHASES[:2], PHASES
_WIRINGS: Final = {1: _ONE, 2: _TWO, 3: _THREE, 4: _THREE}  # the last digit of a model's id; 4 is delta


def _model(model_id: int, points: Mapping[Quantity, _Point], fast: range, slow: range, sign: CurrentSign) -> _Model:
    """The model for the phases that its id stands for; where there is one phase, the total power is that phase's, for
    the phase's own need not be given."""
    phases = _WIRINGS[model_id % 10]
    left_out = {names[index] for names in (VOLTAGES, CURRENTS, POWERS) for index in range(len(phases), len(PHASES))}
    kept = {name: point for name, point in points.items() if name not in left_out}
    if phases == _ONE and Quantity.POWER_L1 in kept:
        kept[Quantity.POWER_L1] = kept[Quantity.POWER]
    return _Model(phases=phases, points=MappingProxyType(kept), fast=fast, slow=slow, current_sign=sign)


_METERS: Final = {
    **{id_: _model(id_, _METER_INT, range(2, 23), range(38, 55), CurrentSign.MAGNITUDE) for id_ in range(201, 205)},
    **{id_: _model(id_, _METER_FLOAT, range(2, 36), range(60, 70), CurrentSign.MAGNITUDE) for id_ in range(211, 215)},
}
_INVERTERS: Final = {
    **{id_: _model(id_, _INVERTER_INT, range(2, 18), range(24, 27), CurrentSign.SIGNED) for id_ in range(101, 104)},
    **{id_: _model(id_, _INVERTER_FLOAT, range(2, 26), range(32, 34), CurrentSign.SIGNED) for id_ in range(111, 114)},
}


def discover(wanted: Mapping[int, _Model], template: Family) -> Generator[Read, tuple[int, ...] | None, Family]:
    """Find the first of the ``wanted`` models and make its family, ``template``'s facts kept.

    Yields reads; is sent their registers, or None where the device refuses, or is silent though it may be. Never asks
    for an address beyond 16 bits, and ends after a bounded number of reads, whatever it is sent.

    :raises MeterImplausible: there is no SunSpec map, or none of those models in it.
    """
    base = yield from _base()
    if base is None:
        raise MeterImplausible(
            "no SunSpec map at register " + " or ".join(map(str, BASES)),
            remedy="switch SunSpec on in the device, and check the unit id",
        )
    seen: list[int] = []
    common: int | None = None
    pointer = base + len(MARK)
    while len(seen) < _MOST_MODELS and pointer + 2 <= _ADDRESSES:
        header = yield Read(RegisterType.HOLDING, pointer, 2)
        if header is None or len(header) != 2 or header[0] == END:
            break
        model_id, length = header
        seen.append(model_id)
        if model_id == _COMMON and common is None and pointer + _MAKER_AT + _MAKER_WORDS <= _ADDRESSES:
            common = pointer
        model = wanted.get(model_id)
        if model is not None and max(model.fast.stop, model.slow.stop) <= length + 2 <= _ADDRESSES - pointer:
            turned = model_id in _METERS and (yield from _is_turned_round(common))
            return _family(template, model_id, model, pointer, turned=turned)
        pointer += 2 + length
    found = ", ".join(map(str, seen)) if seen else "none"
    raise MeterImplausible(
        f"the device has no model of a {template.name}; its models are: {found}",
        remedy="check the unit id: a meter behind an inverter often has its own (200 and up, or 1)",
    )


def _base() -> Generator[Read, tuple[int, ...] | None, int | None]:
    for base in BASES:
        mark = yield Read(RegisterType.HOLDING, base, len(MARK), may_be_silent=True)
        if mark is not None and tuple(mark) == MARK:
            return base
    return None


def _is_turned_round(common: int | None) -> Generator[Read, tuple[int, ...] | None, bool]:
    """Whether the maker that the common model names has its meters' powers the other way round.

    :raises MeterImplausible: the device doesn't let its name be read now: a direction isn't guessed.
    """
    if common is None:
        return False
    maker = yield Read(RegisterType.HOLDING, common + _MAKER_AT, _MAKER_WORDS)
    if maker is None or len(maker) != _MAKER_WORDS:
        raise MeterImplausible("the device doesn't tell who made it", remedy="check the unit id")
    name = b"".join(word.to_bytes(2, "big") for word in maker).lower()
    return any(each in name for each in _TURNED_ROUND)


def _family(template: Family, model_id: int, model: _Model, at: int, *, turned: bool) -> Family:
    blocks = tuple(
        Block(
            register_type=RegisterType.HOLDING,
            address=at + offsets.start,
            count=len(offsets),
            registers=tuple(
                _register(name, point, at, -1.0 if turned and name in _POWERS else 1.0)
                for name, point in model.points.items()
                if point.offset in offsets
            ),
        )
        for offsets in (model.fast, model.slow)
    )
    return replace(
        template,
        name=f"{template.name}, model {model_id}",
        current_sign=model.current_sign,
        phases=model.phases,
        fast=blocks[:1],
        slow=blocks[1:],
    )


def _register(name: Quantity, point: _Point, at: int, direction: float) -> Register:
    return Register(
        quantity=name,
        address=at + point.offset,
        type=point.type,
        scale=point.sign * direction,
        absent=point.absent,
        exponent_at=None if point.exponent is None else at + point.exponent,
    )


_SOURCES: Final = (
    "SunSpec Alliance, model definitions (JSON, as in pysunspec2 1.3.7)",
    "SunSpec implementation technical note",
)


def _template(family_id: str, name: str, wanted: Mapping[int, _Model], notes: tuple[str, ...]) -> Family:
    facts = Family(
        id=family_id,
        name=name,
        models=tuple(f"model {model_id}" for model_id in wanted),
        sources=_SOURCES,
        confidence=Confidence.TWO_SOURCES,
        notes=notes,
        current_sign=CurrentSign.MAGNITUDE,
        port=502,
        limits=Limits(answer_s=_ANSWER_S),
        at_times=frozenset(VOLTAGES),  # to neutral: not mandatory in any model, and on a delta network there are none
    )
    return replace(facts, discovery=partial(discover, wanted, facts))


SUNSPEC_FAMILIES: Final = (
    _template(
        "sunspec_meter",
        "SunSpec meter",
        _METERS,
        (
            "Its unit id is often not 1: 200 and up behind a Fronius GEN24, 71 for a Kostal Smart Energy Meter.",
            "Where it gives no power per phase, a current counts as drawn, also while the phase feeds in.",
            "Behind a SolarEdge inverter (port 1502) the powers are the other way round: they are turned.",
        ),
    ),
    _template(
        "sunspec_inverter",
        "SunSpec inverter",
        _INVERTERS,
        ("Its output counts as flowing out of the circuit that it is in.",),
    ),
)

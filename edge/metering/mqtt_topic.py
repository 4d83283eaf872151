"""Messages of an MQTT topic as a meter: JSON in, quantities out. Pure."""

import json
import math
from collections.abc import Sequence
from typing import Any, Final

import orjson

from edge.domain.connection import Transport
from edge.domain.topic import JsonPath, TopicValue
from edge.errors import MeterImplausible
from edge.metering.family import CURRENTS, POWERS, VOLTAGES, Confidence, CurrentSign, Family, Quantity
from edge.units import PHASES

LONGEST: Final = 65_536  # bytes of a message: a hundred times what a meter has to say
MODEL: Final = "mqtt"

_MISSING: Final = object()


def topic_family(values: Sequence[TopicValue]) -> Family:
    """The family of a meter whose messages hold ``values``.

    Without values it is the one of the catalogue, which may tell anything. It measures the phases that it tells
    something of. Where it tells the power of each, that tells the direction too; otherwise its currents are taken as
    signed.
    """
    told = frozenset(Quantity(value.quantity) for value in values) or frozenset(Quantity)
    phases = tuple(
        phase
        for phase, names in zip(PHASES, zip(CURRENTS, POWERS, VOLTAGES, strict=True), strict=True)
        if told & {*names}
    )
    powers = {POWERS[PHASES.index(phase)] for phase in phases}
    return Family(
        id=MODEL,
        name="MQTT topic",
        models=("any that publishes JSON",),
        sources=("the site file",),
        confidence=Confidence.USER,
        notes=(
            "The site file names the place of each quantity in the message: [[meter.value]].",
            "A retained message is left out: nobody knows how old it is.",
        ),
        current_sign=CurrentSign.MAGNITUDE if powers and powers <= told else CurrentSign.SIGNED,
        phases=phases or PHASES,
        transports=frozenset({Transport.MQTT, Transport.MQTTS}),
        told=told,
    )


def read_message(payload: bytes, values: Sequence[TopicValue]) -> dict[Quantity, float | None]:
    """Each quantity in its unit; None where the message says null or leaves it out.

    :raises MeterImplausible: a payload that is no JSON, has something else than a number where one belongs, or has
        none of the values.
    """
    if len(payload) > LONGEST:
        raise MeterImplausible(f"a message of {len(payload)} bytes, longer than {LONGEST}")
    message = _document(payload)
    found = {Quantity(value.quantity): _number(message, value) for value in values}
    if all(number is None for number in found.values()):
        places = ", ".join(_shown(value.path) for value in values)
        raise MeterImplausible(f"a message without a number at {places}", remedy="check the paths in the site file")
    return found


def _document(payload: bytes) -> Any:
    """What the message says. NaN and Infinity, which are no JSON and which many a publisher writes where it has no
    value, are numbers that aren't finite.
    """
    try:
        return orjson.loads(payload)
    except orjson.JSONDecodeError:
        pass
    try:
        return json.loads(payload, parse_int=float)
    except (ValueError, RecursionError):
        raise MeterImplausible("a message that is no JSON", remedy="check the topic") from None


def _number(message: Any, value: TopicValue) -> float | None:
    there = _at(message, value.path)
    if there is None or there is _MISSING:
        return None
    if isinstance(there, str):  # some publishers put numbers in quotes
        try:
            there = float(there)
        except ValueError:
            there = None
    if isinstance(there, bool) or not isinstance(there, int | float):
        raise MeterImplausible(
            f"a message with no number at {_shown(value.path)}", remedy="check the path in the site file"
        )
    number = float(there) * value.scale
    return number if math.isfinite(number) else None


def _at(message: Any, path: JsonPath) -> Any:
    there = message
    for step in path:
        if isinstance(step, str):
            if not isinstance(there, dict) or step not in there:
                return _MISSING
        elif not isinstance(there, list) or step >= len(there):
            return _MISSING
        there = there[step]
    return there


def _shown(path: JsonPath) -> str:
    return "$" + "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)

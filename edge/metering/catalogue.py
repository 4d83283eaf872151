"""The meter catalogue: family files read, checked and turned into families.

One TOML file of :mod:`edge.metering.catalog` is one family. SunSpec devices, which describe themselves, are found out
by :mod:`edge.metering.sunspec`; P1 ports and MQTT topics have no registers. A file that isn't sound is refused with
every fault at once: file, line where it is known, key, what would be right.
"""

from collections.abc import Callable, Iterator, Mapping
from importlib import resources
from types import MappingProxyType

import tomli
from pydantic import ValidationError

from edge.metering.family import (
    Block,
    Confidence,
    Family,
    Identification,
    Limits,
    Marker,
    Quantity,
    Register,
    SerialDefaults,
)
from edge.metering.family_faults import refusal, refused, schema_faults
from edge.metering.family_file import BlockTable, Cadence, FamilyFile, QuantityTable
from edge.metering.family_rules import FileFault, Path, check, holders
from edge.metering.mqtt_topic import topic_family
from edge.metering.p1 import P1_FAMILIES
from edge.metering.sunspec import SUNSPEC_FAMILIES

_CATALOGUE = "edge.metering.catalog"
_SUFFIX = ".toml"
_HEX_DIGIT_BITS = 4

# The 1-based line of each key in a valid TOML text, by its path.
Locate = Callable[[str], Mapping[Path, int]]


def parse(
    text: str,
    *,
    family_id: str,
    file: str,
    confidence: Confidence | None = None,
    locate: Locate | None = None,
) -> Family:
    """The family that a file's text describes.

    ``confidence`` is given for a file that isn't of the catalogue: then it need not name its sources.

    :raises ConfigurationError: with every fault of the file.
    """
    try:
        document = tomli.loads(text)
    except tomli.TOMLDecodeError as exc:
        problem = f"is not valid TOML at column {exc.colno}: {exc.msg[:1].lower()}{exc.msg[1:]}"
        raise refusal(file, exc.lineno, problem, "correct the syntax there") from exc
    except (RecursionError, ValueError) as exc:
        problem = "is nested too deeply, or has a number with thousands of digits"
        raise refusal(file, None, problem, "write it as the catalogue's files are") from exc
    faults: list[FileFault]
    try:
        table = FamilyFile.model_validate(document)
    except ValidationError as exc:
        faults = list(schema_faults(exc))
    else:
        faults = [*check(table), *(_unfounded(table) if confidence is None else ())]
        if not faults:
            return family(
                table, family_id=family_id, confidence=confidence or table.confidence or Confidence.ONE_SOURCE
            )
    raise refused(file, faults, locate(text) if locate is not None else {})


def family(table: FamilyFile, *, family_id: str, confidence: Confidence) -> Family:
    """The family that a sound file describes."""
    held_by = {name: holders(table, quantity) for name, quantity in table.quantity.items()}
    blocks = {
        cadence: tuple(_block(table, each, held_by) for each in table.block if each.read is cadence)
        for cadence in Cadence
    }
    return Family(
        id=family_id,
        name=table.name,
        models=table.models,
        sources=table.sources,
        confidence=confidence,
        notes=table.notes,
        word_order=table.word_order,
        byte_order=table.byte_order,
        current_sign=table.current,
        phases=table.phases,
        fast=blocks[Cadence.FAST],
        slow=blocks[Cadence.SLOW],
        limits=Limits(
            max_registers=table.limits.max_registers,
            min_gap_s=table.limits.min_gap_s,
            answer_s=table.limits.answer_s,
        ),
        serial=_serial(table),
        port=table.port,
        identification=_identification(table),
    )


def _unfounded(table: FamilyFile) -> Iterator[FileFault]:
    """A family of the catalogue says where its registers come from."""
    if table.confidence not in {Confidence.TWO_SOURCES, Confidence.ONE_SOURCE}:
        yield FileFault(path=("confidence",), problem="is missing", remedy='give "two sources" or "one source"')
    least = 2 if table.confidence is Confidence.TWO_SOURCES else 1
    if len(table.sources) < least:
        yield FileFault(
            path=("sources",),
            problem=f"names {len(table.sources)} of {least}",
            remedy="name where the registers are from",
        )


def _block(table: FamilyFile, block: BlockTable, held_by: Mapping[Quantity, list[BlockTable]]) -> Block:
    return Block(
        register_type=block.registers or table.registers,
        address=block.address,
        count=block.count,
        registers=tuple(
            _register(table, name, quantity) for name, quantity in table.quantity.items() if held_by[name] == [block]
        ),
    )


def _register(table: FamilyFile, name: Quantity, quantity: QuantityTable) -> Register:
    return Register(
        quantity=name,
        address=quantity.address,
        type=quantity.type,
        scale=quantity.scale,
        absent=tuple(_marker(text) for text in table.absent.get(quantity.type, ())),
        plus=quantity.plus,
        minus=quantity.minus,
        exponent_at=quantity.exponent,
    )


def _marker(text: str) -> Marker:
    """``7FFF....``: the bits under each digit, any under each dot."""
    mask = bits = 0
    for digit in text:
        mask <<= _HEX_DIGIT_BITS
        bits <<= _HEX_DIGIT_BITS
        if digit != ".":
            mask |= 0xF
            bits |= int(digit, 16)
    return Marker(bits=bits, mask=mask)


def _serial(table: FamilyFile) -> SerialDefaults:
    if table.serial is None:
        return SerialDefaults(unit=table.unit)
    return SerialDefaults(
        baudrates=table.serial.baudrates,
        parity=table.serial.parity,
        stopbits=table.serial.stopbits,
        unit=table.unit,
    )


def _identification(table: FamilyFile) -> Identification | None:
    found = table.identify
    if found is None:
        return None
    return Identification(
        register_type=found.registers,
        address=found.address,
        count=found.count,
        texts=found.texts,
        ranges=found.ranges,
    )


def _catalogue() -> Mapping[str, Family]:
    found = {each.id: each for each in (*SUNSPEC_FAMILIES, *P1_FAMILIES, topic_family(()))}
    for file in sorted(resources.files(_CATALOGUE).iterdir(), key=lambda each: each.name):
        if file.name.endswith(_SUFFIX):
            family_id = file.name.removesuffix(_SUFFIX)
            found[family_id] = parse(file.read_text(encoding="utf-8"), family_id=family_id, file=file.name)
    return MappingProxyType(dict(sorted(found.items())))


# All families that the program brings along, by the name that the site file uses.
FAMILIES = _catalogue()

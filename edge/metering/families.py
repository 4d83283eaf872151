"""Meter families: what a file of the catalogue says, checked when it is read."""

from collections.abc import Mapping
from enum import StrEnum
from importlib import resources
from types import MappingProxyType
from typing import Annotated, Self

import tomli
from pydantic import BaseModel, ConfigDict, Field, model_validator

_CATALOGUE = "edge.metering.catalog"
_SUFFIX = ".toml"


class Quantity(StrEnum):
    """What a meter can tell; each name ends with its unit."""

    VOLTAGE_L1 = "voltage_l1_v"
    VOLTAGE_L2 = "voltage_l2_v"
    VOLTAGE_L3 = "voltage_l3_v"
    CURRENT_L1 = "current_l1_a"
    CURRENT_L2 = "current_l2_a"
    CURRENT_L3 = "current_l3_a"
    POWER_L1 = "power_l1_w"
    POWER_L2 = "power_l2_w"
    POWER_L3 = "power_l3_w"
    POWER = "power_w"
    FREQUENCY = "frequency_hz"
    IMPORT = "import_wh"
    EXPORT = "export_wh"


CURRENTS = (Quantity.CURRENT_L1, Quantity.CURRENT_L2, Quantity.CURRENT_L3)
VOLTAGES = (Quantity.VOLTAGE_L1, Quantity.VOLTAGE_L2, Quantity.VOLTAGE_L3)
POWERS = (Quantity.POWER_L1, Quantity.POWER_L2, Quantity.POWER_L3)


class NumberType(StrEnum):
    """How a number is laid out in registers of 16 bits."""

    INT16 = "int16"
    UINT16 = "uint16"
    INT32 = "int32"
    UINT32 = "uint32"
    INT64 = "int64"
    UINT64 = "uint64"
    FLOAT32 = "float32"
    FLOAT64 = "float64"

    @property
    def registers(self) -> int:
        """How many registers the number takes."""
        return int(self.value[-2:]) // 16


class Order(StrEnum):
    """Which part of a number comes first: of its words, or of the bytes in a word."""

    BIG = "big"  # the high part
    LITTLE = "little"  # the low part


class Cadence(StrEnum):
    """How often a block is read."""

    FAST = "fast"  # in each control period: what a fuse depends on
    SLOW = "slow"  # every few seconds: the energies


class CurrentSign(StrEnum):
    """Whether a current tells its direction."""

    SIGNED = "signed"
    MAGNITUDE = "magnitude"  # then the phase power's sign is taken


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Register(_Entry):
    """Where a quantity stands and how it is read: raw number times ``scale`` is in the quantity's unit."""

    address: Annotated[int, Field(ge=0, le=0xFFFF)]
    type: NumberType
    scale: float = 1.0
    absent: tuple[Annotated[int, Field(ge=0)], ...] = ()  # bit patterns that mean "not available"


class Block(_Entry):
    """Registers that are read in one request."""

    first: Annotated[int, Field(ge=0, le=0xFFFF)]
    count: Annotated[int, Field(ge=1, le=125)]  # Modbus Application Protocol V1.1b3 §6.4
    cadence: Cadence

    def holds(self, register: Register) -> bool:
        """Whether the whole number lies in this block."""
        return self.first <= register.address and (
            register.address + register.type.registers <= self.first + self.count
        )


class Family(_Entry):
    """Meters that share a register table."""

    make: str
    models: tuple[str, ...]
    confidence: str
    sources: tuple[str, ...]
    function: Annotated[int, Field(ge=3, le=4)]
    word_order: Order
    byte_order: Order
    current: CurrentSign
    max_registers: Annotated[int, Field(ge=1, le=125)]
    even_only: bool = False
    block: tuple[Block, ...]
    quantity: dict[Quantity, Register]

    @model_validator(mode="after")
    def _fits(self) -> Self:
        for block in self.block:
            if block.count > self.max_registers:
                raise ValueError(f"block {block.first}: {block.count} registers, above {self.max_registers}")
            if self.even_only and (block.first % 2 or block.count % 2):
                raise ValueError(f"block {block.first}: start and count must be even")
        for name, register in self.quantity.items():
            holders = [block for block in self.block if block.holds(register)]
            if len(holders) != 1:
                raise ValueError(f"{name}: in {len(holders)} blocks, not in exactly one")
            if name in CURRENTS + VOLTAGES + POWERS and holders[0].cadence is not Cadence.FAST:
                raise ValueError(f"{name}: belongs in a fast block")
        needed = CURRENTS + POWERS if self.current is CurrentSign.MAGNITUDE else CURRENTS
        missing = [name for name in needed if name not in self.quantity]
        if missing:
            raise ValueError(f"without {', '.join(missing)} the family can't guard a fuse")
        return self

    def blocks(self, cadence: Cadence) -> tuple[Block, ...]:
        """The blocks of one cadence, in the file's order."""
        return tuple(block for block in self.block if block.cadence is cadence)

    def quantities(self, block: Block) -> Mapping[Quantity, Register]:
        """What stands in ``block``."""
        return {name: register for name, register in self.quantity.items() if block.holds(register)}


def family(text: str) -> Family:
    """The family that a catalogue file's text describes.

    :raises ValueError: (tomli's or pydantic's) for a file that isn't sound.
    """
    return Family.model_validate(tomli.loads(text))


def _catalogue() -> Mapping[str, Family]:
    files = sorted(resources.files(_CATALOGUE).iterdir(), key=lambda file: file.name)
    return MappingProxyType(
        {
            file.name.removesuffix(_SUFFIX): family(file.read_text(encoding="utf-8"))
            for file in files
            if file.name.endswith(_SUFFIX)
        }
    )


# All families that the program brings along, by the name that the site file uses.
FAMILIES = _catalogue()

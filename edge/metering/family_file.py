"""What a family file may say: the schema of the catalogue's files and of a site's own map file.

Each field's ``description`` completes the sentence "give ..." of an error, and its first example is shown beside it.
What holds between keys is checked in :mod:`edge.metering.family_rules`.
"""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from edge.metering.family import MAX_REGISTERS, Confidence, CurrentSign, NumberType, Order, Quantity, RegisterType
from edge.units import PHASES, Phase

_ADDRESSES = 0x10000  # Modbus Application Protocol V1.1b3 §4.4: 65,536 of each type
_BAUDRATES = (1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200)


class Cadence(StrEnum):
    """How often a block is read."""

    FAST = "fast"  # in each control period: what a fuse depends on
    SLOW = "slow"  # every few seconds: the energies


class Table(BaseModel):
    """A table of a family file: unknown keys are errors, and a string is no number."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


Text = Annotated[str, Field(min_length=1, max_length=400)]
Address = Annotated[
    int,
    Field(
        ge=0,
        lt=_ADDRESSES,
        description="the address as sent on the wire, a whole number from 0 to 65535",
        examples=[12],
    ),
]
# A hexadecimal digit, or a dot for any.
MarkerText = Annotated[str, Field(pattern=r"^[0-9A-Fa-f.]+$", max_length=16)]


class BlockTable(Table):
    """``[[block]]``: registers that are read in one request."""

    read: Annotated[Cadence, Field(strict=False, description='"fast" or "slow"', examples=["fast"])]
    registers: Annotated[
        RegisterType | None,
        Field(strict=False, description='"input" or "holding"', examples=["input"]),
    ] = None  # where it differs from the file's
    address: Address
    count: Annotated[
        int,
        Field(
            ge=1,
            le=MAX_REGISTERS,
            description=f"how many registers to read, 1 to {MAX_REGISTERS}",
            examples=[6],
        ),
    ]


class QuantityTable(Table):
    """``[quantity]``, one line for each: where it stands. The raw number times ``scale`` is in the quantity's unit."""

    address: Address
    type: Annotated[
        NumberType,
        Field(strict=False, description=f"one of {', '.join(NumberType)}", examples=["float32"]),
    ]
    scale: Annotated[
        float,
        Field(description="what the raw number is to be multiplied by, not 0", examples=[0.1]),
    ] = 1.0
    plus: Annotated[
        tuple[Address, ...],
        Field(strict=False, description="a list of the addresses that are to be added", examples=[[805]]),
    ] = ()
    minus: Annotated[
        tuple[Address, ...],
        Field(strict=False, description="a list of the addresses that are to be taken off", examples=[[2]]),
    ] = ()
    exponent: Annotated[
        Address | None, Field(description="the address of the scale factor, a power of ten", examples=[6])
    ] = None


class LimitsTable(Table):
    """``[limits]``: what a device can stand."""

    max_registers: Annotated[
        int,
        Field(
            ge=1,
            le=MAX_REGISTERS,
            description=f"the most registers in one read, 1 to {MAX_REGISTERS}",
            examples=[80],
        ),
    ] = MAX_REGISTERS
    even_only: Annotated[
        bool, Field(description="true where a read must begin and end at an even address", examples=[True])
    ] = False
    min_gap_s: Annotated[
        float,
        Field(ge=0, le=5, description="the silence it needs before a request in s, 0 to 5", examples=[0.1]),
    ] = 0.0
    answer_s: Annotated[
        float,
        Field(gt=0, le=5, description="the longest time to its answer in s, above 0 and up to 5", examples=[0.5]),
    ] = 0.5


class SerialTable(Table):
    """``[serial]``: how the meters leave the factory."""

    baudrates: Annotated[
        tuple[Annotated[Literal[_BAUDRATES], Field(description="a usual speed")], ...],  # type: ignore[valid-type]
        Field(
            strict=False,
            min_length=1,
            description=f"a list of speeds, the usual one first, of {', '.join(map(str, _BAUDRATES))}",
            examples=[[9600]],
        ),
    ]
    parity: Annotated[Literal["N", "E", "O"], Field(description='"N", "E" or "O"', examples=["N"])] = "N"
    stopbits: Annotated[Literal[1, 2], Field(description="1 or 2", examples=[1])] = 1


class IdentifyTable(Table):
    """``[identify]``: registers by which a device names itself."""

    registers: Annotated[RegisterType, Field(strict=False, description='"input" or "holding"', examples=["input"])]
    address: Address
    count: Annotated[int, Field(ge=1, le=32, description="how many registers, 1 to 32", examples=[1])] = 1
    texts: Annotated[
        tuple[Text, ...], Field(strict=False, description="a list of names to be found there", examples=[["B23"]])
    ] = ()
    ranges: Annotated[
        tuple[Annotated[tuple[int, int], Field(strict=False)], ...],
        Field(strict=False, description="a list of pairs: the first and the last number", examples=[[[341, 341]]]),
    ] = ()


class FamilyFile(Table):
    """A family file."""

    name: Annotated[Text, Field(description="the make and what it is", examples=["Eastron SDM630"])]
    models: Annotated[
        tuple[Text, ...],
        Field(strict=False, min_length=1, description="a list of model names", examples=[["SDM630-Modbus V2"]]),
    ]
    confidence: Annotated[
        Confidence | None, Field(strict=False, description='"two sources" or "one source"', examples=["one source"])
    ] = None
    sources: Annotated[
        tuple[Text, ...],
        Field(strict=False, description="a list of where the registers were found", examples=[["the manual, V1.7"]]),
    ] = ()
    notes: Annotated[
        tuple[Text, ...],
        Field(strict=False, description="a list of what an installer should know", examples=[["function 3 only"]]),
    ] = ()
    registers: Annotated[RegisterType, Field(strict=False, description='"input" or "holding"', examples=["input"])]
    word_order: Annotated[
        Order, Field(strict=False, description='"big" (high word first) or "little"', examples=["big"])
    ]
    byte_order: Annotated[
        Order, Field(strict=False, description='"big" (high byte first) or "little"', examples=["big"])
    ] = Order.BIG
    current: Annotated[
        CurrentSign,
        Field(
            strict=False,
            description='"signed", or "magnitude" where the direction is that of the power',
            examples=["magnitude"],
        ),
    ]
    phases: Annotated[
        tuple[Annotated[Phase, Field(strict=False)], ...],
        Field(
            strict=False,
            min_length=1,
            description="the phases that it measures, of L1, L2, L3",
            examples=[["L1", "L2", "L3"]],
        ),
    ] = PHASES
    port: Annotated[int | None, Field(ge=1, le=65535, description="the usual TCP port, 1 to 65535", examples=[502])] = (
        None
    )
    unit: Annotated[int, Field(ge=0, le=255, description="the usual unit id, 0 to 255", examples=[1])] = 1
    limits: Annotated[LimitsTable, Field(description="a table [limits]")] = LimitsTable()
    serial: Annotated[SerialTable | None, Field(description="a table [serial]")] = None
    identify: Annotated[IdentifyTable | None, Field(description="a table [identify]")] = None
    absent: Annotated[
        dict[Annotated[NumberType, Field(strict=False)], Annotated[tuple[MarkerText, ...], Field(strict=False)]],
        Field(
            strict=False,
            description='for each type a list of bit patterns in hexadecimal, a dot for any digit: int16 = ["8000"]',
        ),
    ] = {}
    block: Annotated[
        tuple[BlockTable, ...],
        Field(strict=False, min_length=1, description="each read as a table [[block]]"),
    ]
    quantity: Annotated[
        dict[Annotated[Quantity, Field(strict=False)], QuantityTable],
        Field(min_length=1, description="the quantities in a table [quantity]"),
    ]

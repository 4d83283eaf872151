"""What the catalogue says of a meter family, and the quantities that a meter can tell: the nouns of this room.

:mod:`edge.metering.catalogue` reads families from TOML, :mod:`edge.metering.decode` turns registers into quantities,
the poller reads the blocks. A family whose registers differ from device to device (SunSpec) has no blocks but a
``discovery``, which gives the family of the very device.
"""

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from edge.domain.connection import MODBUS, Transport
from edge.units import PHASES, Phase, Seconds

MAX_REGISTERS = 125  # Modbus Application Protocol V1.1b3 §6.3 and §6.4


class Quantity(StrEnum):
    """What a meter can tell; each name ends with its unit. Powers are positive from the grid into the circuit."""

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
    POWER_DRAWN = "power_drawn_w"  # where the total comes as two numbers that can't be read at once
    POWER_FED = "power_fed_w"
    FREQUENCY = "frequency_hz"
    POWER_FACTOR = "power_factor"
    IMPORT_WH = "import_wh"
    EXPORT_WH = "export_wh"


CURRENTS = (Quantity.CURRENT_L1, Quantity.CURRENT_L2, Quantity.CURRENT_L3)
VOLTAGES = (Quantity.VOLTAGE_L1, Quantity.VOLTAGE_L2, Quantity.VOLTAGE_L3)
POWERS = (Quantity.POWER_L1, Quantity.POWER_L2, Quantity.POWER_L3)
ENERGIES = (Quantity.IMPORT_WH, Quantity.EXPORT_WH)
# What no fuse depends on: a version of a meter that hasn't it is read all the same.
DISPENSABLE = frozenset(
    {
        Quantity.POWER,
        Quantity.POWER_DRAWN,
        Quantity.POWER_FED,
        Quantity.FREQUENCY,
        Quantity.POWER_FACTOR,
        *ENERGIES,
    }
)

Values = Mapping[Quantity, float | None]  # None: the meter says that it has no such value now


class RegisterType(StrEnum):
    """Which of a device's two tables of 16-bit registers."""

    HOLDING = "holding"
    INPUT = "input"

    @property
    def function(self) -> int:
        """The Modbus function that reads it."""
        return 3 if self is RegisterType.HOLDING else 4


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
        return _REGISTERS[self]


_REGISTERS = {kind: int(kind.value[-2:]) // 16 for kind in NumberType}


class Order(StrEnum):
    """Which part of a number comes first: of its words, or of the bytes in a word."""

    BIG = "big"  # the high part
    LITTLE = "little"  # the low part


class CurrentSign(StrEnum):
    """Whether a current tells its direction."""

    SIGNED = "signed"
    MAGNITUDE = "magnitude"  # then the phase power's sign is taken


class Confidence(StrEnum):
    """How well a family's addresses are founded."""

    TWO_SOURCES = "two sources"  # they agree in at least two independent sources
    ONE_SOURCE = "one source"  # a device must confirm them
    USER = "user"  # the site's own map file


@dataclass(frozen=True, slots=True, kw_only=True)
class Marker:
    """Bit patterns, high part first, that mean "not available" or "overflow": all that are ``bits`` under ``mask``."""

    bits: int
    mask: int

    def matches(self, pattern: int) -> bool:
        """Whether the raw number ``pattern`` is one of them."""
        return pattern & self.mask == self.bits


@dataclass(frozen=True, slots=True, kw_only=True)
class Register:
    """Where a quantity stands and how it is read: the raw number times ``scale`` is in the quantity's unit.

    ``plus`` and ``minus`` are the addresses of numbers of the same type in the same block that are added to and taken
    from the raw number: tariffs, and powers that come as an import and an export. With ``exponent_at`` (the address of
    a signed scale factor in the same block) the value is also multiplied by ten to the power of what stands there.
    """

    quantity: Quantity
    address: int
    type: NumberType
    scale: float = 1.0
    absent: tuple[Marker, ...] = ()
    plus: tuple[int, ...] = ()
    minus: tuple[int, ...] = ()
    exponent_at: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """Registers that are read in one request, and what stands in them."""

    register_type: RegisterType
    address: int  # as sent on the wire, from 0
    count: int
    registers: tuple[Register, ...]

    @property
    def quantities(self) -> tuple[Quantity, ...]:
        """What the block tells, in its registers' order."""
        return tuple(register.quantity for register in self.registers)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a device of the family can stand."""

    max_registers: int = MAX_REGISTERS  # in one read
    min_gap_s: Seconds = 0.0  # of silence that it needs between an answer and the next request, over the line's own
    answer_s: Seconds = 0.5  # the longest that it takes before it begins to answer


@dataclass(frozen=True, slots=True, kw_only=True)
class SerialDefaults:
    """How the family leaves the factory. Empty: not known."""

    baudrates: tuple[int, ...] = ()  # the usual one first
    parity: str = "N"  # N, E or O
    stopbits: int = 1
    unit: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Identification:
    """Registers by which a device of the family names itself; read alone.

    It is one when the ASCII text there contains one of ``texts`` (case aside), or when the unsigned number there, high
    word first, is in one of the ``ranges`` (both ends included). Without either an answer at all says little: the
    plausibility of the values decides.
    """

    register_type: RegisterType
    address: int
    count: int
    texts: tuple[str, ...] = ()
    ranges: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Read:
    """One read that a discovery asks for. ``may_be_silent``: some devices say nothing where others refuse it."""

    register_type: RegisterType
    address: int
    count: int
    may_be_silent: bool = False


# Yields reads and is sent the registers, or None where the device refuses; returns the family of this very device.
# Raises MeterImplausible when it finds none.
Discovery = Callable[[], Generator[Read, tuple[int, ...] | None, "Family"]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """Meters that share a register table."""

    id: str  # what the site file's ``model`` names
    name: str  # make and what it is: for people
    models: tuple[str, ...]
    sources: tuple[str, ...]
    confidence: Confidence
    notes: tuple[str, ...] = ()  # what an installer should know of these meters
    word_order: Order = Order.BIG
    byte_order: Order = Order.BIG
    current_sign: CurrentSign
    phases: tuple[Phase, ...] = PHASES  # the phases that it measures
    fast: tuple[Block, ...] = ()  # currents, powers, voltages: read in each control period
    slow: tuple[Block, ...] = ()  # the energies, and a frequency that would cost a read of its own: every few seconds
    limits: Limits = field(default_factory=Limits)
    serial: SerialDefaults = field(default_factory=SerialDefaults)
    port: int | None = None  # the usual TCP port, None for a meter that has no Ethernet
    transports: frozenset[Transport] = MODBUS
    identification: Identification | None = None
    discovery: Discovery | None = None
    at_times: frozenset[Quantity] = frozenset()  # of its quantities those that some devices haven't: no fault
    told: frozenset[Quantity] = frozenset()  # by a meter that isn't asked but tells: a P1 port, an MQTT topic

    @property
    def quantities(self) -> frozenset[Quantity]:
        """All that the family tells; none are known of a family that must be discovered."""
        return self.told.union(name for block in (*self.fast, *self.slow) for name in block.quantities)

"""Finds meters and says what they are: by the registers that name them, else by their values. Reads
only."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from edge.domain.connection import Connection, SerialSettings, Transport
from edge.errors import MeterError, MeterImplausible, MeterOvertalked, MeterRefused, MeterTimeout, RegistersRefused
from edge.metering.bus import Bus
from edge.metering.decode import decode
from edge.metering.family import DISPENSABLE, Family, Identification, Limits, Quantity, Read, RegisterType
from edge.metering.modbus import ReadRequest
from edge.metering.requests import pieces
from edge.metering.sample import impossible, mismatches, sample
from edge.units import Seconds

PROBE_S: Seconds = 0.25  # to the beginning of an answer; 40 ms are usual, a gateway adds as much again
PATIENT_S: Seconds = 1.0  # of a host that took the connection and then was silent: a busy gateway, a weak radio link
READ_S: Seconds = 0.6  # of a device that is known to be there
# Any device answers one of these, with registers or with a refusal.
_PROBES = (
    Read(RegisterType.HOLDING, 0, 1),
    Read(RegisterType.INPUT, 0, 2),
)
# Of meters behind an inverter, which has unit 1 itself: Kostal's, SMA's, Fronius' GEN24 and the older ones (evcc pull
# request 1073).
SUNSPEC_UNITS = frozenset({71, 126, 200, 240})
# What serial meters are set to, the usual first.
USUAL_SETTINGS = (
    SerialSettings(baudrate=9600),
    SerialSettings(baudrate=19200, parity="E"),
    SerialSettings(baudrate=9600, parity="E"),
    SerialSettings(baudrate=19200),
    SerialSettings(baudrate=38400),
    SerialSettings(baudrate=115200),
    SerialSettings(baudrate=2400),
    SerialSettings(baudrate=1200),
)


class Evidence(StrEnum):
    """Why a device is taken for one of a family."""

    NAMED = "names itself"
    PLAUSIBLE = "its values are plausible"
    UNKNOWN = "answers, but as no family of the catalogue does"


@dataclass(frozen=True, slots=True, kw_only=True)
class Guess:
    """A family that the device may be of. ``told``: how many quantities make sense that way."""

    family: str
    evidence: Evidence
    told: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A device that answers, and what it may be, the likeliest first."""

    connection: str  # as the site file writes it
    unit: int
    guesses: tuple[Guess, ...]


def written(connection: Connection) -> str:
    """The connection as the site file writes it."""
    serial = connection.serial
    if serial is None:
        return connection.line
    return f"{connection.line}?baudrate={serial.baudrate}&parity={serial.parity}&stopbits={serial.stopbits}"


def serial_lines(path: str, settings: Sequence[SerialSettings] = USUAL_SETTINGS) -> Iterator[Connection]:
    """The port at each setting."""
    for each in settings:
        yield Connection(transport=Transport.RTU, path=path, serial=each)


def _ignore() -> None:
    """Noise means nothing to who doesn't ask."""


async def answers(bus: Bus, unit: int, *, answer_s: Seconds = PROBE_S, on_noise: Callable[[], None] = _ignore) -> bool:
    """Whether a device answers at that unit id, beginning within ``answer_s``. What is heard and is no answer, at any
    probe, is told by ``on_noise``.

    :raises MeterError: the line itself can't be used.
    """
    for probe in _PROBES:
        try:
            await bus.read(_request(unit, probe), limits=Limits(answer_s=answer_s))
        except MeterRefused:
            return True
        except MeterOvertalked:
            on_noise()
            return False
        except MeterTimeout:
            return False
        except MeterImplausible:
            on_noise()  # or another setting's characters
        else:
            return True
    return False


class Identifier:
    """Asks one device for all that could tell its family; what was read once is not read again."""

    def __init__(self, bus: Bus, unit: int) -> None:
        self._bus = bus
        self._unit = unit
        self._read: dict[Read, tuple[int, ...] | None] = {}
        self._refused: set[Read] = set()

    async def guesses(self, families: Mapping[str, Family]) -> tuple[Guess, ...]:
        """What the device may be, the likeliest first."""
        found = [guess for name, family in families.items() if (guess := await self._guess(name, family)) is not None]
        named = [guess for guess in found if guess.evidence is Evidence.NAMED]
        ordered = sorted(named or found, key=lambda guess: (-guess.told, guess.family))
        most = ordered[0].told if ordered else 0
        return tuple(guess for guess in ordered if guess.told == most)

    async def _guess(self, name: str, family: Family) -> Guess | None:
        named = family.identification is not None and await self._names_itself(family.identification)
        if family.identification is not None and _is_telling(family.identification) and not named:
            return None
        try:
            resolved = await self._resolved(family)
            told = await self._plausible(resolved) if resolved is not None else 0
        except MeterError:
            return None
        if not told:
            return None
        return Guess(family=name, evidence=Evidence.NAMED if named else Evidence.PLAUSIBLE, told=told)

    async def _names_itself(self, by: Identification) -> bool:
        registers = await self._registers(Read(by.register_type, by.address, by.count))
        if registers is None or not _is_telling(by):
            return False
        text = b"".join(word.to_bytes(2, "big") for word in registers).decode("ascii", "replace").casefold()
        number = int.from_bytes(b"".join(word.to_bytes(2, "big") for word in registers), "big")
        return any(each.casefold() in text for each in by.texts) or any(
            first <= number <= last for first, last in by.ranges
        )

    async def _resolved(self, family: Family) -> Family | None:
        if family.discovery is None:
            return family
        walk = family.discovery()
        asked = next(walk)
        while True:
            try:
                asked = walk.send(await self._registers(asked))
            except StopIteration as end:
                return end.value if isinstance(end.value, Family) else None

    async def _plausible(self, family: Family) -> int:
        """How many quantities make sense; 0 when anything in them doesn't. What is refused in one read is asked in
        smaller ones, as when the meter is polled."""
        values: dict[Quantity, float | None] = {}
        left = [*family.fast, *family.slow]
        while left:
            block = left.pop(0)
            asked = Read(block.register_type, block.address, block.count)
            registers = await self._registers(asked)
            if registers is not None:
                values |= decode(family, block, registers)
                continue
            parts = pieces(block) if asked in self._refused else ()
            if not parts and not (asked in self._refused and DISPENSABLE.issuperset(block.quantities)):
                return 0
            left[:0] = parts
        taken = sample(family, values)
        if impossible(taken, family, None) is not None or any(mismatches(taken)):
            return 0
        if Quantity.FREQUENCY in values and taken.frequency_hz is None:
            return 0
        return sum(value is not None for value in values.values())

    async def _registers(self, asked: Read) -> tuple[int, ...] | None:
        if asked not in self._read:
            self._read[asked] = await self._ask(asked)
        return self._read[asked]

    async def _ask(self, asked: Read) -> tuple[int, ...] | None:
        try:
            answered = await self._bus.read(
                _request(self._unit, asked),
                limits=Limits(answer_s=READ_S),
                fences=[_request(self._unit, probe) for probe in _PROBES],
            )
        except RegistersRefused:
            self._refused.add(asked)
            return None
        except (MeterRefused, MeterTimeout, MeterImplausible):
            return None  # some meters say nothing where others refuse
        return answered.registers


def _is_telling(by: Identification) -> bool:
    return bool(by.texts or by.ranges)


def _request(unit: int, asked: Read) -> ReadRequest:
    return ReadRequest(unit=unit, register_type=asked.register_type, address=asked.address, count=asked.count)


def units(text: str) -> tuple[int, ...]:
    """``1-5,71`` as unit ids.

    :raises ValueError: whose text completes "it ...".
    """
    found: dict[int, None] = {}
    for part in text.split(","):
        first, dash, last = part.strip().partition("-")
        try:
            low, high = int(first), int(last if dash else first)
        except ValueError:
            raise ValueError(f"has '{part[:20]}' in it, which is neither a number nor a range as 1-16") from None
        if not 1 <= low <= high <= 255:
            raise ValueError(f"has {part[:20]} in it: unit ids go from 1 to 255, the lower first")
        found |= dict.fromkeys(range(low, high + 1))
    return tuple(found)


def unit_ids(families: Iterable[Family]) -> tuple[int, ...]:
    """Where the families' devices usually are on a network."""
    return tuple(sorted({family.serial.unit for family in families} | {1, 2, 3} | SUNSPEC_UNITS))

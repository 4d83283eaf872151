"""Telegrams of a DSMR P1 port (the Netherlands, Belgium, Sweden, Hungary): bytes in, quantities out. Sans-I/O.

DSMR P1 companion standard 5.0.2: ASCII lines from ``/`` to ``!`` and a CRC16 of all in between, these two included, as
four hexadecimal digits. A line is an OBIS code with its value and unit: ``1-0:31.7.0(002*A)``.

Telegrams of DSMR 2 and 3 have no CRC and tell no currents; they come as seven data bits and a parity bit (9600 7E1).
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from edge.domain.connection import Transport
from edge.metering.family import (
    CURRENTS,
    POWERS,
    VOLTAGES,
    Confidence,
    CurrentSign,
    Family,
    Quantity,
    Values,
)
from edge.units import PHASES, Phase, Volts

# Twice the longest telegram: 1024 characters of message text and some 40 lines. A line at another speed never ends one.
LONGEST: Final = 8192  # bytes

_END: Final = re.compile(rb"\n!([^\r\n]{0,16})\r?\n")
_CHECKSUM: Final = re.compile(rb"[0-9A-Fa-f]{4}")
# The version line of DSMR 4 and newer, and of e-MUCS: such a telegram has a checksum.
_CHECKED: Final = re.compile(rb"\n(1-3:0\.2\.8|0-0:96\.1\.4)\(")
_STAMP: Final = re.compile(rb"\n0-0:1\.0\.0\(([0-9]{12}[SW]?)\)")
_SEVEN_BITS: Final = bytes(byte & 0x7F for byte in range(256))  # a telegram is ASCII; the eighth bit may be a parity
# The head of an encrypted telegram, as Luxembourg's are (E-Meter P1 specification 1.1.3 §3.2.5: DLMS security suite 0),
# less its eighth bits: 0xDB, the length and the letters of the system title, 0x82 and a length, 0x30.
_ENCRYPTED: Final = re.compile(rb"\x5b\x08[A-Za-z]{3}.{5}\x02..0", re.DOTALL)
_ENCRYPTED_HEAD: Final = 16  # bytes of it that may still be incomplete
_LINE: Final = re.compile(r"1-\d{1,3}:(\d{1,3}\.\d{1,3}\.\d{1,3})\((\d{1,12}(?:\.\d{1,6})?)\*([A-Za-z]{1,4})\)")
_UNITS: Final = MappingProxyType({"kWh": 1000.0, "Wh": 1.0, "kW": 1000.0, "W": 1.0, "V": 1.0, "A": 1.0})

# OBIS value groups C.D.E (IEC 62056-61); 2x is L1, 4x is L2, 6x is L3.
_IMPORTED_W: Final = ("21.7.0", "41.7.0", "61.7.0")
_EXPORTED_W: Final = ("22.7.0", "42.7.0", "62.7.0")
_VOLTS: Final = ("32.7.0", "52.7.0", "72.7.0")
# Where a telegram tells no voltage, as those of DSMR 4: the nominal one of the networks that have P1 ports.
NOMINAL_V: Final[Volts] = 230.0
_AMPS: Final = ("31.7.0", "51.7.0", "71.7.0")
_TOTAL_W: Final = ("1.7.0", "2.7.0")
_IMPORT_WH: Final = ("1.8.0", "1.8.1", "1.8.2")  # all tariffs in one register, or one register for each
_EXPORT_WH: Final = ("2.8.0", "2.8.1", "2.8.2")
_TOTALS: Final = frozenset({Quantity.POWER, Quantity.IMPORT_WH, Quantity.EXPORT_WH})


@dataclass(frozen=True, slots=True, kw_only=True)
class Telegram:
    """What one whole telegram tells. A quantity that it doesn't tell isn't in it. ``stamp``: the meter's own time of
    it, as it is written; None where it tells none."""

    values: Values
    stamp: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokenTelegram:
    """Bytes that aren't a telegram to rely on; ``problem`` is a sentence."""

    problem: str


class P1Stream:
    """Cuts a byte stream into telegrams, wherever it begins and however it is split up."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        # Telegrams whose checksum was right as CRC16/X25, since the last that was by the standard; None before that.
        self._as_x25: int | None = None

    def receive(self, data: bytes) -> list[Telegram | BrokenTelegram]:
        """What has become whole with ``data``, in the order of the line. Never raises."""
        self._buffer += data
        return list(self._cut())

    def _cut(self) -> Iterator[Telegram | BrokenTelegram]:
        while True:
            plain = self._buffer.translate(_SEVEN_BITS)
            end = _END.search(plain)
            whole = plain if end is None else plain[: end.start() + 1]
            # What stands before the last beginning is the rest of a telegram whose end was lost, or that had begun
            # before we listened.
            begin = max(whole.rfind(b"\n/") + 1, 0) if b"\n/" in whole else whole.find(b"/")
            if end is None:
                if _ENCRYPTED.search(plain):
                    self._buffer.clear()
                    yield BrokenTelegram(problem="the telegrams are encrypted; let an adapter decrypt them")
                    return
                if begin > _ENCRYPTED_HEAD:
                    del self._buffer[: begin - _ENCRYPTED_HEAD]
                elif begin < 0:  # a line's end may be that before the next beginning
                    del self._buffer[:-_ENCRYPTED_HEAD]
                if len(self._buffer) > LONGEST:
                    self._buffer.clear()
                    yield BrokenTelegram(
                        problem=f"no telegram ended within {LONGEST} bytes; check the port's speed (115200 8N1)"
                    )
                return
            telegram, checksum = bytes(self._buffer[max(begin, 0) : end.start() + 2]), bytes(end[1])
            del self._buffer[: end.end()]
            if begin >= 0:
                yield self._checked(telegram, checksum)

    def _checked(self, raw: bytes, checksum: bytes) -> Telegram | BrokenTelegram:
        """``raw``: with its eighth bits, which the checksum counts in, unless they are a parity."""
        telegram = raw.translate(_SEVEN_BITS)
        if not checksum and not _CHECKED.search(telegram):
            return _unchecked(telegram)
        if not _CHECKSUM.fullmatch(checksum):
            return BrokenTelegram(problem="a telegram without its checksum")
        if not self._fits(raw, telegram, int(checksum, 16)):
            return BrokenTelegram(problem="a telegram was damaged on the line (its checksum is wrong)")
        found = _numbers(telegram)
        if isinstance(found, BrokenTelegram):
            return found
        stamp = _STAMP.search(telegram)
        return Telegram(
            values=MappingProxyType(_values(found)), stamp=stamp[1].decode("ascii") if stamp is not None else None
        )

    def _fits(self, raw: bytes, telegram: bytes, checksum: int) -> bool:
        """Some meters reckon their checksum as CRC16/X25 (Holley DTSD545 in Hungary, dsmr_parser issue 91). One damaged
        telegram of 65,536 fits so by chance: where one has fitted by the standard, it takes two without such a one
        between them.
        """
        if crc16(raw) == checksum or (raw != telegram and crc16(telegram) == checksum):
            self._as_x25 = 0
            return True
        if crc16_x25(raw) != checksum:
            return False
        if self._as_x25 is not None:
            self._as_x25 += 1
        return self._as_x25 is None or self._as_x25 > 1


def crc16(data: bytes) -> int:
    """CRC16 of DSMR P1 §5.2: polynomial x16 + x15 + x2 + 1, least significant bit first, from 0."""
    return _crc16(data, 0xA001, 0)


def crc16_x25(data: bytes) -> int:
    """CRC16/X25: polynomial x16 + x12 + x5 + 1, least significant bit first, from all ones, turned over at the end."""
    return _crc16(data, 0x8408, 0xFFFF) ^ 0xFFFF


def _crc16(data: bytes, polynomial: int, crc: int) -> int:
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ polynomial if crc & 1 else crc >> 1
    return crc


def _unchecked(telegram: bytes) -> Telegram | BrokenTelegram:
    """A telegram of DSMR 2 or 3: what it tells of all phases. Nothing protects it, so no fuse may depend on it."""
    found = _numbers(telegram)
    if isinstance(found, BrokenTelegram):
        return found
    values = {name: value for name, value in _values(found).items() if name in _TOTALS}
    if Quantity.POWER not in values or Quantity.IMPORT_WH not in values:
        return BrokenTelegram(problem="a telegram without checksum, power and energy")
    return Telegram(values=MappingProxyType(values))


def _numbers(telegram: bytes) -> dict[str, float] | BrokenTelegram:
    """Each electrical value by its OBIS code, in its base unit."""
    found: dict[str, float] = {}
    for line in telegram.decode("ascii", errors="replace").splitlines():
        match = _LINE.match(line)
        if match is None or match[3] not in _UNITS:
            continue
        if match[1] in found:
            return BrokenTelegram(problem=f"a telegram tells {match[1]} twice")
        found[match[1]] = float(match[2]) * _UNITS[match[3]]
    return found


def _values(found: Mapping[str, float]) -> dict[Quantity, float | None]:
    """The quantities. A current is at least what the phase's power needs at its voltage: many meters tell whole amperes
    only, without the rest."""
    values: dict[Quantity, float | None] = {}
    for index in range(len(PHASES)):
        power_w = _difference(found, _IMPORTED_W[index], _EXPORTED_W[index])
        voltage_v, current_a = found.get(_VOLTS[index]), found.get(_AMPS[index])
        if power_w is not None:
            values[POWERS[index]] = power_w
        if voltage_v is not None:
            values[VOLTAGES[index]] = voltage_v
        if current_a is not None:
            needed_a = abs(power_w or 0.0) / (voltage_v or NOMINAL_V)
            values[CURRENTS[index]] = max(current_a, needed_a)
    total_w = _difference(found, *_TOTAL_W)
    if total_w is not None:
        values[Quantity.POWER] = total_w
    for name, registers in ((Quantity.IMPORT_WH, _IMPORT_WH), (Quantity.EXPORT_WH, _EXPORT_WH)):
        whole, *tariffs = (found.get(each) for each in registers)
        counted = [tariff for tariff in tariffs if tariff is not None]
        if whole is not None or counted:
            values[name] = whole if whole is not None else sum(counted)
    return values


def _difference(found: Mapping[str, float], drawn: str, fed_in: str) -> float | None:
    """What is drawn less what is fed in; the meter shows one of the two, the other is 0."""
    return found[drawn] - found.get(fed_in, 0.0) if drawn in found else None


def _family(
    family_id: str, name: str, phases: tuple[Phase, ...], notes: tuple[str, ...], *, tells_phases: bool = True
) -> Family:
    by_phase = {names[PHASES.index(phase)] for names in (VOLTAGES, CURRENTS, POWERS) for phase in phases}
    newer = ("smart meters with a P1 port, DSMR 4 and 5", "e-MUCS (Belgium)")
    return Family(
        id=family_id,
        name=name,
        models=newer if tells_phases else ("smart meters with a P1 port, DSMR 2 and 3",),
        sources=("DSMR P1 companion standard 5.0.2", "e-MUCS P1 specification")
        if tells_phases
        else ("DSMR P1 companion standard 2.2",),
        confidence=Confidence.TWO_SOURCES if tells_phases else Confidence.ONE_SOURCE,
        notes=notes,
        current_sign=CurrentSign.MAGNITUDE,
        phases=phases,
        transports=frozenset({Transport.P1, Transport.P1_TCP}),
        told=_TOTALS.union(by_phase) if tells_phases else _TOTALS,
        at_times=frozenset(VOLTAGES),  # DSMR 4 has no line for them
    )


_INTERVAL = "DSMR 5 tells every second, DSMR 4 every ten: set control.meter_stale_s to 25 there."

P1_FAMILIES: Final = (
    _family(
        "dsmr_p1",
        "Smart meter with P1 port, three phases",
        PHASES,
        (
            _INTERVAL,
            "On a network without neutral (3 x 230 V) the meter doesn't measure L2: it can't guard a fuse there.",
        ),
    ),
    _family("dsmr_p1_single_phase", "Smart meter with P1 port, one phase", PHASES[:1], (_INTERVAL,)),
    _family(
        "dsmr_p1_v2",
        "Smart meter with P1 port, DSMR 2 or 3",
        PHASES,
        (
            "Tells neither currents nor voltages: it can't guard a fuse. Its telegrams have no checksum.",
            "Tells every ten seconds, at 9600 baud: connection = p1://...?baudrate=9600, control.meter_stale_s = 25.",
        ),
        tells_phases=False,
    ),
)

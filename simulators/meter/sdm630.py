"""The registers of an Eastron SDM630 (SDM630-Modbus V2, protocol V1.7), computed at the instant of the read.

Measurements are input registers: float32 in two registers, high word first, at even addresses; currents are
magnitudes; energies in kWh. The serial number is a uint32 in holding registers. A read must start at an even
address and take an even number of registers, at most 80.
"""

import enum
import struct
from collections.abc import Callable, Mapping
from typing import Final

from simulators.phases import Amps3

MAX_REGISTERS: Final = 80  # 40 parameters a read, as the manual says
LAST_REGISTER: Final = 0x0181  # the end of the parameter table; inside it, what isn't simulated reads as 0.0
SERIAL_REGISTER: Final = 0xFC00
FREQUENCY_HZ: Final = 50.0
WH_PER_KWH: Final = 1000.0


class ExceptionCode(enum.IntEnum):
    """Modbus Application Protocol V1.1b3, section 7."""

    ILLEGAL_FUNCTION = 1
    ILLEGAL_DATA_ADDRESS = 2
    ILLEGAL_DATA_VALUE = 3
    GATEWAY_TARGET_FAILED = 11


class RefusedError(Exception):
    """The meter answers with a Modbus exception."""

    def __init__(self, code: ExceptionCode) -> None:
        super().__init__(code.name)
        self.code = code


class MeterFault(enum.Enum):
    """What is wrong with the meter."""

    NONE = "none"
    SILENT = "silent"  # takes requests and never answers
    FROZEN = "frozen"  # answers, always with the values of the moment the fault began


class Sdm630:
    """One meter on one circuit.

    `current_a` and `import_wh` are asked at each read: the current through the meter and the energy since it
    was made. All of it is taken as import at unity power factor.
    """

    def __init__(
        self,
        *,
        current_a: Callable[[], Amps3],
        import_wh: Callable[[], float],
        nominal_voltage_v: float,
        serial_number: int = 18_110_042,
    ) -> None:
        self._current_a = current_a
        self._import_wh = import_wh
        self._nominal_voltage_v = nominal_voltage_v
        self._serial_number = serial_number
        self._fault = MeterFault.NONE
        self._frozen: Mapping[int, float] = {}

    @property
    def fault(self) -> MeterFault:
        return self._fault

    @fault.setter
    def fault(self, fault: MeterFault) -> None:
        if fault is MeterFault.FROZEN:
            self._frozen = self._parameters()
        self._fault = fault

    def read_input(self, start: int, count: int) -> bytes:
        """The input registers `start` .. `start + count - 1`, two bytes each.

        Raises RefusedError.
        """
        self._check_pairs(start, count)
        if start + count - 1 > LAST_REGISTER:
            raise RefusedError(ExceptionCode.ILLEGAL_DATA_ADDRESS)
        parameters = self._frozen if self._fault is MeterFault.FROZEN else self._parameters()
        return b"".join(struct.pack(">f", parameters.get(address, 0.0)) for address in range(start, start + count, 2))

    def read_holding(self, start: int, count: int) -> bytes:
        """The serial number, the only holding register here. Raises RefusedError."""
        self._check_pairs(start, count)
        if (start, count) != (SERIAL_REGISTER, 2):
            raise RefusedError(ExceptionCode.ILLEGAL_DATA_ADDRESS)
        return struct.pack(">I", self._serial_number)

    def _check_pairs(self, start: int, count: int) -> None:
        if count == 0 or count % 2 or count > MAX_REGISTERS:
            raise RefusedError(ExceptionCode.ILLEGAL_DATA_VALUE)
        if start % 2:
            raise RefusedError(ExceptionCode.ILLEGAL_DATA_ADDRESS)

    def _parameters(self) -> dict[int, float]:
        """The measurements by register address (SDM630 protocol V1.7, table of input registers)."""
        volts = self._nominal_voltage_v
        l1_a, l2_a, l3_a = (abs(amps) for amps in self._current_a())
        l1_w, l2_w, l3_w = volts * l1_a, volts * l2_a, volts * l3_a
        return {
            0x0000: volts,
            0x0002: volts,
            0x0004: volts,
            0x0006: l1_a,
            0x0008: l2_a,
            0x000A: l3_a,
            0x000C: l1_w,
            0x000E: l2_w,
            0x0010: l3_w,
            0x0034: l1_w + l2_w + l3_w,
            0x0046: FREQUENCY_HZ,
            0x0048: self._import_wh() / WH_PER_KWH,
            0x004A: 0.0,
        }

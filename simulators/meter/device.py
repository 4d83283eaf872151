"""A simulated meter: what is true at its place, its family's registers, and what is wrong with it."""

from collections.abc import Callable
from typing import Final, Protocol

from simulators.meter.faults import Delivery, Disturbance, MeterFault
from simulators.meter.maps import MAPS
from simulators.meter.refusal import ExceptionCode, RefusedError
from simulators.meter.state import KIND_OF_FUNCTION, Kind, LineState, RegisterMap
from simulators.phases import Amps3

FREQUENCY_HZ: Final = 50.0
DEFAULT_MODEL: Final = "eastron_sdm630"


class Device(Protocol):
    """What a line needs of a meter."""

    def read(self, function: int, start: int, count: int) -> bytes:
        """The registers, two bytes each. Raises RefusedError."""

    def delivery(self) -> Delivery:
        """How the next answer goes onto the line."""

    def broken(self, frame: bytes) -> bytes:
        """A frame as noise leaves it."""


class SimulatedMeter:
    """One meter of any family. `state` is asked at each read."""

    def __init__(
        self,
        registers: RegisterMap,
        state: Callable[[], LineState],
        *,
        seed: int = 1,
        day_s: Callable[[], float] | None = None,
    ) -> None:
        self._map = registers
        self._state = state
        self._disturbance = Disturbance(seed=seed) if day_s is None else Disturbance(seed=seed, day_s=day_s)

    @property
    def fault(self) -> MeterFault:
        return self._disturbance.fault

    @fault.setter
    def fault(self, fault: MeterFault) -> None:
        self._disturbance.begin(fault, self._state())

    def read(self, function: int, start: int, count: int) -> bytes:
        kind = KIND_OF_FUNCTION.get(function)
        if kind is None:
            raise RefusedError(ExceptionCode.ILLEGAL_FUNCTION)
        return self._read(kind, start, count)

    def delivery(self) -> Delivery:
        return self._disturbance.delivery()

    def broken(self, frame: bytes) -> bytes:
        return self._disturbance.broken(frame)

    def _read(self, kind: Kind, start: int, count: int) -> bytes:
        if not 1 <= count <= self._map.max_registers:
            raise RefusedError(ExceptionCode.ILLEGAL_DATA_VALUE)
        asked = range(start, start + count)
        words = self._map.words(self._disturbance.measured(self._state()), asked).get(kind, {})
        if not self._map.may_read(kind, start, count):
            raise RefusedError(ExceptionCode.ILLEGAL_DATA_ADDRESS)
        if any(address not in words for address in asked):
            raise RefusedError(ExceptionCode.ILLEGAL_DATA_ADDRESS)
        return b"".join(words[address].to_bytes(2, "big") for address in asked)


def circuit_meter(
    *,
    current_a: Callable[[], Amps3],
    import_wh: Callable[[], float],
    nominal_voltage_v: float | Callable[[], float],
    model: str = DEFAULT_MODEL,
    day_s: Callable[[], float] | None = None,
) -> SimulatedMeter:
    """A meter on one circuit, whose currents are all import at unity power factor.

    `current_a` and `import_wh` are asked at each read: the current through the meter and the energy since it was
    made. `day_s` is the meter's own time of day.
    """

    def state() -> LineState:
        volts = nominal_voltage_v() if callable(nominal_voltage_v) else nominal_voltage_v
        l1_a, l2_a, l3_a = current_a()
        powers = (volts * l1_a, volts * l2_a, volts * l3_a)
        return LineState(
            current_a=(l1_a, l2_a, l3_a),
            voltage_v=(volts,) * 3,
            power_w=powers,
            total_w=sum(powers),
            frequency_hz=FREQUENCY_HZ,
            import_wh=import_wh(),
            export_wh=0.0,
        )

    return SimulatedMeter(MAPS[model], state, day_s=day_s)

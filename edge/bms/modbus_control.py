"""The registers of the Modbus server: telemetry to read, and the control block whose writes become limits."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, TypeVar

from edge.bms.eco import BmsMode, EcoMode
from edge.bms.limits_memory import Demanded
from edge.bms.modbus_pdu import ExceptionCode, Refused
from edge.bms.point import SHAPES, Bank, Point
from edge.bms.points import CONTROL_POINTS, MIRROR, MODE_CODES
from edge.bms.registers import GAP, HOLDING_SIZE, Telemetry, encode, number_of
from edge.bms.settings import Bounds, WritePolicy
from edge.bms.view import SiteView, Value
from edge.control.ports import LimitSink
from edge.domain.limit import LimitSource, LimitStated
from edge.units import Seconds

LONGEST_VALID_S = 3600  # a limit that is to hold longer is renewed: nobody's silence goes unnoticed for an hour

T = TypeVar("T")

HOLDINGS = {point.register: point for point in CONTROL_POINTS if point.bank is Bank.HOLDING}


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What the BMS has written, in the points' units; the field names are the points' without ``bms_``."""

    limit_w: float | None = None
    limit_a: float | None = None
    heartbeat: int | None = 0  # None stands for 0xFFFF, in the sequence, too
    valid_s: int = 0
    fallback_a: float | None = None
    mode: int = MODE_CODES[BmsMode.AUTO]
    sequence: int | None = 0


FIELDS = {name: name.removeprefix("bms_") for name in (point.name for point in HOLDINGS.values() if point.writable)}


class ControlBlock:
    """Implements :class:`edge.bms.modbus_pdu.Registers` for one site.

    Each write that changes or renews what the BMS demands states a limit for ``circuit``. ``dim`` is told of writes to
    the coil of the grid operator; None where nothing listens to it. ``eco`` is told of the mode.
    """

    def __init__(
        self,
        *,
        circuit: str,
        policy: WritePolicy,
        bounds: Bounds,
        sink: LimitSink,
        now: Callable[[], Seconds],
        eco: EcoMode,
        dim: Callable[[bool], None] | None = None,
    ) -> None:
        self._circuit = circuit
        self._policy = policy
        self._bounds = bounds
        self._sink = sink
        self._now = now
        self._eco = eco
        self._dim = dim
        self._dimmed = False
        self._written = Written(fallback_a=policy.fallback_a)
        self._result = "none"
        self._ends_at: Seconds | None = None
        self._telemetry: Callable[[], Telemetry] | None = None  # None before the first tick

    def start(self, *, dimmed: bool = False, before: Demanded | None = None) -> None:
        """A BMS that may write and never does is silent: its time runs from the start. ``dimmed``: the coil was written
        before a restart and not taken back. ``before``: what the BMS had demanded by then, and for how long that holds.
        """
        self._dimmed = dimmed
        if not self._policy.writable:
            return
        if before is None:
            self._state(lasts_s=self._policy.limit_timeout_s)
            return
        fallback_a = self._policy.fallback_a
        if self._policy.fallback_writable and fallback_a is not None and before.fallback_a is not None:
            fallback_a = min(fallback_a, before.fallback_a)
        mode = before.mode if before.mode is not BmsMode.ECO or self._eco.possible else BmsMode.AUTO
        self._written = Written(
            limit_w=before.limit_w,
            limit_a=before.limit_a,
            valid_s=before.valid_s,
            fallback_a=fallback_a,
            mode=MODE_CODES[mode],
        )
        self._state(lasts_s=before.left_s)

    @property
    def demanded(self) -> Demanded | None:
        """What the BMS demands, for the next start; None where it may demand nothing."""
        if self._ends_at is None:
            return None
        written = self._written
        is_lowered = written.fallback_a != self._policy.fallback_a
        return Demanded(
            left_s=max(self._ends_at - self._now(), 0.0),
            limit_w=written.limit_w,
            limit_a=written.limit_a,
            valid_s=written.valid_s,
            fallback_a=written.fallback_a if is_lowered else None,
            mode=_MODES[written.mode],
        )

    @property
    def values(self) -> dict[str, Value]:
        """The control block as it reads now, by the points' names."""
        values: dict[str, Value] = {name: getattr(self._written, field) for name, field in FIELDS.items()}
        return values | {
            "write_enabled": self._policy.writable,
            "bms_mode": _MODES[self._written.mode],
            "bms_result": self._result,
            "grid_dimming": self._dimmed,
        }

    @property
    def pauses(self) -> bool:
        """Whether the mode that was written holds nobody may charge by."""
        return self._written.mode == MODE_CODES[BmsMode.PAUSE] and self._is_alive

    @property
    def _is_alive(self) -> bool:
        """Whether what was written still holds."""
        return self._ends_at is not None and self._now() < self._ends_at

    def show(self, make: Callable[[], Telemetry]) -> None:
        """A tick is complete: what is read from now on. It is made, once, when somebody reads: hardly any tick's is."""
        self._telemetry = cache(make)

    def read_input(self, start: int, count: int) -> Sequence[int]:
        if self._telemetry is None:
            raise Refused(ExceptionCode.SERVER_DEVICE_BUSY)
        found = self._telemetry().words(start, count)
        if found is None:
            raise Refused(ExceptionCode.ILLEGAL_DATA_ADDRESS)
        return found

    def read_holding(self, start: int, count: int) -> Sequence[int]:
        if start >= MIRROR:
            return self.read_input(start - MIRROR, count)
        memory = [GAP] * HOLDING_SIZE
        values = self.values
        for register, point in HOLDINGS.items():
            encoded = encode(point, values[point.name])
            memory[register : register + len(encoded)] = encoded
        return _slice(memory, start, count)

    def read_coils(self, start: int, count: int) -> Sequence[bool]:
        return _slice((self._dimmed,), start, count)

    def write_coils(self, start: int, values: Sequence[bool]) -> None:
        if not self._policy.writable or self._dim is None:
            raise Refused(ExceptionCode.ILLEGAL_FUNCTION)
        _slice((self._dimmed,), start, len(values))
        self._dimmed = values[0]
        self._dim(values[0])

    def write_holding(self, start: int, values: Sequence[int]) -> None:
        try:
            written = self._checked(start, values)
        except Refused as refusal:
            self._result = _RESULTS[refusal.code]
            raise
        beats = written.heartbeat != self._written.heartbeat
        alive = self._is_alive
        demands = any(register in _DEMANDS for register in range(start, start + len(values)))
        self._written = written
        self._result = "accepted"
        if demands or (beats and alive):
            self._state(lasts_s=written.valid_s or self._policy.limit_timeout_s)

    def _checked(self, start: int, values: Sequence[int]) -> Written:
        """What would be written by then; all or nothing."""
        if not self._policy.writable:
            raise Refused(ExceptionCode.ILLEGAL_FUNCTION)
        written, position = self._written, 0
        while position < len(values):
            point = HOLDINGS.get(start + position)
            if start + position in _SECOND_HALVES:
                raise Refused(ExceptionCode.ILLEGAL_DATA_VALUE)
            if point is None or not point.writable:
                raise Refused(ExceptionCode.ILLEGAL_DATA_ADDRESS)
            width = SHAPES[point.kind].words
            raw = values[position : position + width]
            if len(raw) < width:  # half of a number
                raise Refused(ExceptionCode.ILLEGAL_DATA_VALUE)
            position += width
            field = FIELDS[point.name]
            # In a block that is written as it was read everything stands as it was, to the last decimal.
            if tuple(raw) == encode(point, getattr(written, field)):
                continue
            value = self._in_range(point, raw)
            if point.name == "bms_fallback_a" and not self._policy.fallback_writable:
                raise Refused(ExceptionCode.ILLEGAL_DATA_ADDRESS)
            written = replace(written, **{field: value})
        return written

    def _in_range(self, point: Point[SiteView], raw: Sequence[int]) -> Any:
        """The value for the point's field of :class:`Written`."""
        number = number_of(point.kind, raw)
        if number is None:
            if point.name in _MAY_BE_NONE:
                return None
            raise Refused(ExceptionCode.ILLEGAL_DATA_VALUE)
        value = round(number * point.scale, 1) if point.scale != 1 else number
        most = {
            "bms_limit_w": self._bounds.most_w,
            "bms_limit_a": self._bounds.most_a,
            "bms_valid_s": LONGEST_VALID_S,
            "bms_fallback_a": self._policy.fallback_a,
            "bms_mode": MODE_CODES[BmsMode.ECO if self._eco.possible else BmsMode.PAUSE],
        }.get(point.name)
        if most is not None and value > most:
            raise Refused(ExceptionCode.ILLEGAL_DATA_VALUE)
        return value

    def _state(self, *, lasts_s: Seconds) -> None:
        now, written = self._now(), self._written
        self._ends_at = now + lasts_s
        if written.mode == MODE_CODES[BmsMode.ECO]:
            self._eco.ask(LimitSource.BMS_MODBUS, until=self._ends_at)
        else:
            self._eco.take_back(LimitSource.BMS_MODBUS)
        self._sink.take(
            LimitStated(
                source=LimitSource.BMS_MODBUS,
                circuit=self._circuit,
                at=now,
                limit_a=0.0 if written.mode == MODE_CODES[BmsMode.PAUSE] else written.limit_a,
                limit_w=written.limit_w,
                ends_at=self._ends_at,
                fallback_a=written.fallback_a,
            )
        )


_MODES = {code: BmsMode(name) for name, code in MODE_CODES.items()}
# Registers whose writing demands something; that of the heartbeat and the sequence alone does not.
_DEMANDS = frozenset(
    register + offset
    for register, point in HOLDINGS.items()
    if point.name in ("bms_limit_w", "bms_limit_a", "bms_valid_s", "bms_fallback_a", "bms_mode")
    for offset in range(SHAPES[point.kind].words)
)
_SECOND_HALVES = frozenset(
    register + offset for register, point in HOLDINGS.items() for offset in range(1, SHAPES[point.kind].words)
)
# In a limit 0xFFFF stands for none; a counter of the BMS's own passes it on its way, and reads back as it was written.
_MAY_BE_NONE = frozenset({"bms_limit_w", "bms_limit_a", "bms_heartbeat", "bms_sequence"})
_RESULTS = {
    ExceptionCode.ILLEGAL_FUNCTION: "not_writable",
    ExceptionCode.ILLEGAL_DATA_ADDRESS: "read_only",
    ExceptionCode.ILLEGAL_DATA_VALUE: "out_of_range",
}


def _slice(memory: Sequence[T], start: int, count: int) -> Sequence[T]:
    if start + count > len(memory):
        raise Refused(ExceptionCode.ILLEGAL_DATA_ADDRESS)
    return memory[start : start + count]

"""What can be wrong with a meter, by name: some spoil what it measures, some how it answers."""

import enum
import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from simulators.meter.state import LineState

SLOW_S: Final = 1.5  # beyond what any program waits for an answer
NOISE_SHARE: Final = 0.2  # of the frames are hit
WRONG_SLAVE_SHARE: Final = 0.5
SPIKE_EVERY: Final = 5  # measurements: each fifth
SPIKE_FACTOR: Final = 65_536.0  # a word read for the one before it
MIDNIGHT_PAUSE_S: Final = 40.0  # some meters say nothing while they close their day
S_PER_DAY: Final = 86_400.0
BUSY: Final = 6  # Modbus Application Protocol V1.1b3 §7: server device busy


class MeterFault(enum.Enum):
    """What is wrong with the meter."""

    NONE = "none"
    SILENT = "silent"  # takes requests and never answers
    SLOW = "slow"  # answers each request after SLOW_S
    CRC = "crc"  # noise on the line: every fifth frame arrives broken
    WRONG_SLAVE = "wrong-slave"  # half of the answers bear another unit's number
    EXCEPTION = "exception"  # answers every read with an exception
    NAN = "nan"  # currents and powers are marked as not available
    WORD_SPIKE = "word-spike"  # now and then the currents are 65,536 times too large
    FROZEN = "frozen"  # answers, always with the values of the moment the fault began
    INVERTED_CT = "inverted-ct"  # the current transformer of L2 is turned round
    SWAPPED_PHASES = "swapped-phases"  # the current transformers of L2 and L3 are swapped
    REGISTER_RESET = "register-reset"  # the energies have begun again at 0 when the fault began
    MIDNIGHT_PAUSE = "midnight-pause"  # silent around midnight of its own clock


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """How one answer goes onto the line."""

    delay_s: float = 0.0
    unit: int | None = None  # another than was asked
    exception: int | None = None  # instead of the registers
    is_broken: bool = False
    is_silent: bool = False


class Disturbance:
    """Applies the meter's fault to what it measures and how it answers."""

    def __init__(self, *, seed: int = 1, day_s: Callable[[], float] = lambda: S_PER_DAY / 2) -> None:
        """``day_s``: the meter's own time of day."""
        self.fault = MeterFault.NONE
        self._random = random.Random(seed)
        self._day_s = day_s
        self._began: LineState | None = None  # what was true when the fault began
        self._measured = 0

    def begin(self, fault: MeterFault, state: LineState) -> None:
        """From now on; ``state`` is what is true now."""
        self.fault = fault
        self._began = state
        self._measured = 0

    def measured(self, state: LineState) -> LineState:
        """What the meter makes of the truth."""
        self._measured += 1
        match self.fault:
            case MeterFault.FROZEN if self._began is not None:
                return self._began
            case MeterFault.NAN:
                return replace(state, current_a=(None,) * 3, power_w=(None,) * 3, total_w=None)
            case MeterFault.WORD_SPIKE if self._measured % SPIKE_EVERY == 0:
                l1_a, l2_a, l3_a = (None if amps is None else amps * SPIKE_FACTOR for amps in state.current_a)
                return replace(state, current_a=(l1_a, l2_a, l3_a))
            case MeterFault.INVERTED_CT:
                return _with_phases(state, order=(0, 1, 2), signs=(1, -1, 1))
            case MeterFault.SWAPPED_PHASES:
                return _with_phases(state, order=(0, 2, 1), signs=(1, 1, 1))
            case MeterFault.REGISTER_RESET if self._began is not None:
                return replace(
                    state,
                    import_wh=_since(state.import_wh, self._began.import_wh),
                    export_wh=_since(state.export_wh, self._began.export_wh),
                )
        return state

    def delivery(self) -> Delivery:
        """How the next answer goes."""
        match self.fault:
            case MeterFault.SILENT:
                return Delivery(is_silent=True)
            case MeterFault.SLOW:
                return Delivery(delay_s=SLOW_S)
            case MeterFault.CRC:
                return Delivery(is_broken=self._random.random() < NOISE_SHARE)
            case MeterFault.WRONG_SLAVE if self._random.random() < WRONG_SLAVE_SHARE:
                return Delivery(unit=247)
            case MeterFault.EXCEPTION:
                return Delivery(exception=BUSY)
            case MeterFault.MIDNIGHT_PAUSE:
                to_midnight_s = self._day_s() % S_PER_DAY
                near = min(to_midnight_s, S_PER_DAY - to_midnight_s) < MIDNIGHT_PAUSE_S / 2
                return Delivery(is_silent=near)
        return Delivery()

    def broken(self, frame: bytes) -> bytes:
        """The frame with one bit turned over."""
        position = self._random.randrange(len(frame) * 8)
        spoilt = bytearray(frame)
        spoilt[position // 8] ^= 1 << (position % 8)
        return bytes(spoilt)


def _with_phases(state: LineState, *, order: tuple[int, int, int], signs: tuple[int, int, int]) -> LineState:
    """What current transformers in another order or direction measure, at unity power factor.

    The voltages are tapped where they belong; the powers follow the currents.
    """
    currents = tuple(
        None if (amps := state.current_a[index]) is None else sign * amps
        for index, sign in zip(order, signs, strict=True)
    )
    powers = tuple(
        None if amps is None or volts is None else amps * volts
        for amps, volts in zip(currents, state.voltage_v, strict=True)
    )
    known = [watts for watts in powers if watts is not None]
    l1_a, l2_a, l3_a = currents
    l1_w, l2_w, l3_w = powers
    return replace(state, current_a=(l1_a, l2_a, l3_a), power_w=(l1_w, l2_w, l3_w), total_w=sum(known))


def _since(now_wh: float | None, then_wh: float | None) -> float | None:
    return None if now_wh is None or then_wh is None else now_wh - then_wh

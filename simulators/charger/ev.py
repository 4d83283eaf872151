"""An electric vehicle behind a connector: what it draws, given what it is offered. Pure; time comes in as steps."""

from collections import deque
from dataclasses import dataclass, field

from simulators.charger.spec import PILOT_MINIMUM_A

FULL_SOC = 1.0
ROUNDING_S = 1e-6  # what the sum of many steps may be short of a due moment
TAPER_FLOOR_A = 1.0  # a battery ends its constant-voltage phase at a small current and then opens its contactors


@dataclass(slots=True)
class ElectricVehicle:
    """A car, its battery and its obedience.

    `phases` is how many it charges on (1: the EVSE's own L1; 2: L1 and L2), `max_a` its most per phase, `soc` the
    state of charge from 0 to 1. `obey_s` is the delay from a changed offer to the changed draw, the same for a cut
    and a raise (IEC 61851-1 allows 5 s). Below `min_a` it pauses. From `taper_from_soc` on, what it wants falls
    linearly towards full; full, it draws nothing. `ramp_a_per_s` bounds how fast the draw rises (None: at once);
    cuts are at once. `efficiency` is the share of the energy drawn that reaches the battery. `excess_a` is what a
    faulty car draws above each offer that lets it charge. One that `sleeps` doesn't wake once it was offered too
    little, before it is unplugged. One that is `napping` has stopped by itself, for a timer's or its battery's sake.
    """

    phases: int
    max_a: float
    battery_wh: float
    soc: float
    obey_s: float = 2.0
    min_a: float = PILOT_MINIMUM_A
    taper_from_soc: float = 0.8
    ramp_a_per_s: float | None = None
    efficiency: float = 0.9
    excess_a: float = 0.0
    sleeps: bool = False
    napping: bool = False
    draw_a: float = field(default=0.0, init=False)  # per phase in use, now
    _clock_s: float = field(default=0.0, init=False)
    _offers: deque[tuple[float, float]] = field(default_factory=deque, init=False)  # (due, offer), oldest first
    _noticed_a: float = field(default=0.0, init=False)
    _obeyed_a: float = field(default=0.0, init=False)
    _asleep: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        if self.phases not in (1, 2, 3):
            raise ValueError(f"a car charges on 1, 2 or 3 phases, not {self.phases}")
        if not 0.0 <= self.obey_s <= 5.0:
            raise ValueError(f"obey_s must be 0 to 5 s (IEC 61851-1), not {self.obey_s:g}")
        if not 0.0 <= self.soc <= FULL_SOC:
            raise ValueError(f"soc is a share from 0 to 1, not {self.soc:g}")
        if not 0.0 < self.taper_from_soc < FULL_SOC:
            raise ValueError(f"taper_from_soc is a share between 0 and 1, not {self.taper_from_soc:g}")
        if self.max_a <= 0 or self.battery_wh <= 0:
            raise ValueError("max_a and battery_wh must be above 0")

    @property
    def full(self) -> bool:
        """Whether it has stopped for good."""
        return self.soc >= FULL_SOC

    @property
    def obeys_in_s(self) -> float | None:
        """How long until it follows the oldest offer that it has noticed and doesn't follow yet."""
        return max(0.0, self._offers[0][0] - self._clock_s) if self._offers else None

    @property
    def wanted_a(self) -> float:
        """What it would draw per phase now if the offer were unlimited."""
        if self.full:
            return 0.0
        tapered_a = self.max_a * (FULL_SOC - self.soc) / (FULL_SOC - self.taper_from_soc)
        return min(self.max_a, max(tapered_a, TAPER_FLOOR_A))

    def step(self, dt_s: float, *, offered_a: float, phases: int, voltage_v: float) -> float:
        """Advance by `dt_s` under an offer of `offered_a` per phase on `phases` wired phases; the energy drawn, Wh.

        The draw is constant within the step, at what the car does at its end.
        """
        if offered_a != self._noticed_a:
            self._noticed_a = offered_a
            self._offers.append((self._clock_s + self.obey_s, offered_a))
        self._clock_s += dt_s
        while self._offers and self._offers[0][0] <= self._clock_s + ROUNDING_S:
            self._obeyed_a = self._offers.popleft()[1]
        paused = self._obeyed_a < self.min_a
        self._asleep = self.sleeps and (self._asleep or (paused and self.draw_a > 0))
        target_a = 0.0 if paused or self._asleep or self.napping else min(self._obeyed_a + self.excess_a, self.wanted_a)
        if self.ramp_a_per_s is not None:
            target_a = min(target_a, self.draw_a + self.ramp_a_per_s * dt_s)
        self.draw_a = target_a
        energy_wh = self.draw_a * min(self.phases, phases) * voltage_v * dt_s / 3600
        self.soc = min(FULL_SOC, self.soc + energy_wh * self.efficiency / self.battery_wh)
        return energy_wh

    def cut_off(self) -> None:
        """The EVSE has opened its contactor: no draw, and every offer of before is forgotten."""
        self.draw_a = self._noticed_a = self._obeyed_a = 0.0
        self._asleep = False
        self._offers.clear()

    def phase_draw_a(self, phases: int) -> tuple[float, float, float]:
        """The draw on the EVSE's own L1, L2, L3, of which the first `phases` are wired."""
        used = min(self.phases, phases)
        return (self.draw_a, self.draw_a if used >= 2 else 0.0, self.draw_a if used >= 3 else 0.0)

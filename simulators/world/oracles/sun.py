"""Cars that live on the sun's surplus: they take no more than it leaves, and it isn't given away while they want it."""

from collections.abc import Callable
from typing import Final

from edge.domain.site import IdlePolicy
from edge.units import PHASES
from simulators.world.oracles.base import Oracle
from simulators.world.parking import Stay
from simulators.world.world import World

# A sample, a reading, a decision, a raise that waits a minute, and a car that wakes.
FOLLOWS_S: Final = 120.0
NOISE_W: Final = 350.0  # of what a meter, the stations' samples and a limit's decimals leave open: half an ampere
WORTH_W: Final = 1500.0  # less is left over by raises that aren't worth a write, and by trims


class SunIsShared(Oracle):
    """While nothing is wrong with the site. The surplus is what flows out at the connection, and what these cars draw.

    In mode eco all cars are such. Where nobody else limits them: cars that only their post's fuse holds back aren't
    the sun's matter. Nor is the safe current that a post keeps for each session (``idle = "safe"``).
    """

    name = "sun"
    promise = "cars that live on the sun's surplus take what it leaves, and no more"
    every_s = 5.0

    def __init__(self, world: World) -> None:
        super().__init__(world)
        configuration = world.configuration
        self._all = {(evse.key.station, evse.key.evse): evse for evse in configuration.site.evses}
        self._of_classes = {key: evse for key, evse in self._all.items() if evse.on_surplus}
        self._evses = self._of_classes
        self._keeps_safe = configuration.site.control.idle is IdlePolicy.SAFE
        self._settings = configuration.surplus
        self._since: dict[str, float] = {}
        self._told: set[str] = set()

    def look(self) -> None:
        evses = self._all if self.world.signals.is_eco else self._of_classes
        if evses is not self._evses:
            self._evses = evses
            self._since.clear()
        if not self._evses or self._settings.battery_meter is not None:
            return
        if not self.world.is_sound:
            self._since.clear()
            return
        here = [stay for key, stay in self.world.parking.here.items() if key in self._evses and stay.may_charge]
        grid_w = sum(self.world.copper.runs[self.world.root].total_a) * self._volts
        draws = [stay for stay in here if stay.ev.draw_a > 0.0]
        beyond_w = sum(self._power_w(stay, stay.ev.draw_a - self._least_a(stay)) for stay in draws)
        wait_s = FOLLOWS_S + self.world.scenario.sample_interval_s + 2 * self.world.period_s
        self._judge(
            "beyond",
            grid_w > NOISE_W and beyond_w > NOISE_W,
            wait_s,
            lambda: f"draw {beyond_w:.0f} W above their minima, and the site takes {grid_w:.0f} W from the grid",
        )
        self._judge(
            "without",
            grid_w > NOISE_W and not all(self._is_safe(stay) for stay in draws),
            wait_s + self._settings.stop_s,
            lambda: f"charge while the site takes {grid_w:.0f} W from the grid",
        )
        wants = [stay for stay in here if self._wants(stay)]
        least_w = min((self._needs_w(stay) for stay in wants), default=0.0)
        self._judge(
            "given away",
            bool(wants) and -grid_w > least_w + WORTH_W,
            wait_s + self._settings.start_s + self.world.configuration.site.control.min_off_s,
            lambda: f"want more, the first at {wants[0].evse.station}, and the site gives {-grid_w:.0f} W to the grid",
        )

    @property
    def _volts(self) -> float:
        return self.world.site.nominal_voltage_v

    def _least_a(self, stay: Stay) -> float:
        evse = self._evses[stay.evse.station, stay.evse.evse_id]
        return max(evse.min_a, evse.fallback_a) if self._keeps_safe else evse.min_a

    def _is_safe(self, stay: Stay) -> bool:
        """Whether it may draw that without any sun."""
        evse = self._evses[stay.evse.station, stay.evse.evse_id]
        return self._keeps_safe and stay.ev.draw_a <= evse.fallback_a

    def _power_w(self, stay: Stay, amps: float) -> float:
        """What so much current of each of its phases comes to."""
        return amps * min(stay.ev.phases, len(stay.evse.rotation), len(PHASES)) * self._volts

    def _wants(self, stay: Stay) -> bool:
        """Whether it would take more, and isn't asleep by itself."""
        station, evse = self.world.stations[stay.evse.station], stay.evse.evse_id
        if not station.charging() or stay.ev.napping or stay.napped:
            return False
        takes_all = stay.ev.draw_a > station.offered_a(evse) - 1.0 or station.offered_a(evse) < stay.ev.min_a
        return takes_all and station.wanted_a(evse) > max(station.offered_a(evse), stay.ev.min_a) + 1.0

    def _needs_w(self, stay: Stay) -> float:
        """What must be left over before it gets more: all phases count until it is seen which it uses."""
        if stay.ev.draw_a > 0.0:
            return 0.0
        least_w = self._least_a(stay) * len(stay.evse.rotation) * self._volts
        return max(least_w, 1000.0 * self._settings.start_kw)

    def _judge(self, what: str, wrong: bool, patience_s: float, text: Callable[[], str]) -> None:
        now = self.world.now()
        if not wrong:
            self._since.pop(what, None)
        elif now - self._since.setdefault(what, now) > patience_s and what not in self._told:
            self._told.add(what)
            self.fail(f"for {patience_s:.0f} s cars that live on the sun {text()}")

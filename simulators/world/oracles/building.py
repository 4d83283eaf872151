"""What the building has said of its connection, and what its grid operator bills: limits, and the demand window."""

import math
from dataclasses import dataclass
from typing import ClassVar, Final

from simulators.phases import PHASE_NAMES, Amps3
from simulators.world.building import LoadSpec
from simulators.world.copper import Run
from simulators.world.limits import AGAIN_S, MODBUS, MQTT
from simulators.world.oracles.base import Oracle
from simulators.world.oracles.electric import FLOW_S, NOISE_A
from simulators.world.oracles.lately import BuildingLately
from simulators.world.world import World

UNTOLD: Final = "rating"  # the oracle that a gateway which can't tell its stations anything is excused by
UNHEARD_S: Final = 60.0 + AGAIN_S + 10.0  # a broker that is back is dialled within a minute, and it is said again
BUILDING_S: Final = 60.0  # a rise of the building can hide behind cars that were just raised, until they are sampled
OUTLIER_SIGMAS: Final = 4.0  # a load that has moved by less may be as restless as ever
METERS_CLASS: Final = 0.01  # of what flows: meters may be wrong by so much (EN 62053-21, class 1)
WINDOW_MIN: Final = 15
# What a window may be above its limit: a sample each control period doesn't show what is between, and cars come down
# some seconds late.
TOLERANCE: Final = 0.005
CARS: Final = 0.01  # of a window's energy: less isn't worth a word


class LimitsHold(Oracle):
    """What the building allows its connection is held to, whichever way it said it, in A or in W: the lowest wins.
    Where the building has fallen silent, it is what the installer has set for that.

    Judged by what flows: cars draw nothing of what is above it, but for as long as of what is above a fuse. Where the
    connection's meter shows nothing, what the building takes can't be known: it counts for no more than it took before,
    or than the installer says that it takes at worst, whichever is more. And a step that its restlessness explains is
    learned of late: so much may be beyond the limit, but no more than meters may be wrong. What cars draw that no limit
    binds is nobody's fault, as long as no other car draws anything beside it.
    """

    name = "limits"
    promise = "no car draws beyond the lowest that the building allows"
    whose: ClassVar[str] = "the building"

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self._since: dict[str, float] = {}
        self._building = BuildingLately(world, BUILDING_S)
        self._reserve_a = {each.id: each.background_reserve_a or 0.0 for each in world.configuration.site.circuits}
        self._starts = 0  # of the gateway, when the meter was last well
        noises_a = [each.noise_a for each in world.scenario.loads if isinstance(each, LoadSpec)]
        self._restless_a = OUTLIER_SIGMAS * max(noises_a, default=0.0) / math.sqrt(3.0)  # it is uniform

    def look(self) -> None:
        if not self.world.limits.taken:
            return
        run = self.world.copper.runs[self.world.root]
        flows_a, cars_a, (most_a, most_w) = self._flows_a(run), self._cars_a(run), self.world.limits.held()
        volts = self.world.site.nominal_voltage_v
        for phase, name in enumerate(PHASE_NAMES):
            over = most_a is not None and cars_a[phase] > NOISE_A and flows_a[phase] > most_a + self._slack_a(most_a)
            self._judge(name, f"{flows_a[phase]:.1f} of {most_a} A" if over else None)
        flows_w = sum(flows_a) * volts
        over = most_w is not None and sum(cars_a) > NOISE_A and flows_w > most_w + self._slack_w(most_w)
        self._judge("all phases", f"{flows_w:.0f} of {most_w} W" if over else None)

    def _cars_a(self, run: Run) -> list[float]:
        """What those cars draw of it that can be told to draw less."""
        cars_a = list(run.ev_a)
        for key, stay in self.world.parking.here.items():
            if self.world.is_unbound(stay.evse.station) and run in self.world.copper.path(stay.evse.circuit):
                cars_a = [all_a - its_a for all_a, its_a in zip(cars_a, self.world.copper.drawn_a(key), strict=True)]
        return cars_a

    def _slack_a(self, most_a: float) -> float:
        return max(NOISE_A, min(self._restless_a, METERS_CLASS * most_a))

    def _slack_w(self, most_w: float) -> float:
        volts = self.world.site.nominal_voltage_v
        return 3 * volts * self._slack_a(most_w / (3 * volts))

    def _flows_a(self, run: Run) -> Amps3:
        """What flows through a circuit, as far as it can be known."""
        if not self.world.meters.is_blind(run.id):
            self._building.look()
            self._starts = self.world.gateway.starts
            return run.total_a
        # One that has started since may know no more of the building than the installer does.
        knows = self.world.gateway.starts == self._starts
        lately = list(self._building.of(run.id)) if knows else []
        before_a = [min((amps[phase] for amps in lately), default=0.0) for phase in range(3)]
        l1, l2, l3 = (
            ev + min(other, max(before, self._reserve_a[run.id]))
            for ev, other, before in zip(run.ev_a, run.other_a, before_a, strict=True)
        )
        return l1, l2, l3

    def _judge(self, line: str, over: str | None) -> None:
        """`over` is what flows there of what may; None: no more than may."""
        if over is None:
            self._since.pop(line, None)
            return
        now = self.world.now()
        # Who can't tell its stations anything can't tell them this.
        patience_s = FLOW_S + 2 * self.world.period_s + max(self.grace_s, self.world.grace_s(UNTOLD))
        if now - self._since.setdefault(line, now) > patience_s:
            self.fail(
                f"for {now - self._since[line]:.0f} s cars have drawn beyond what {self.whose} allows, {line}: {over}"
            )
            self._since[line] = float("inf")


class DimmingIsObeyed(LimitsHold):
    """What §14a leaves a dimmed circuit is held to in the same way; from when the gateway has taken it, over restarts,
    until it has taken that it is over.
    """

    name = "dimming"
    promise = "no car draws beyond what §14a leaves a circuit that the grid operator dims"
    whose = "the grid operator"

    def look(self) -> None:
        operator = self.world.grid_operator
        if not operator.dims:
            self._since.clear()
            return
        run, volts = self.world.copper.runs[operator.circuit], self.world.site.nominal_voltage_v
        flows_w = sum(self._flows_a(run)) * volts
        over = sum(self._cars_a(run)) > NOISE_A and flows_w > operator.allows_w + self._slack_w(operator.allows_w)
        self._judge(run.id, f"{flows_w:.0f} of {operator.allows_w:.0f} W" if over else None)


class ModbusIsHeard(Oracle):
    """What the building says over Modbus is taken."""

    name = "modbus heard"
    promise = "the gateway takes what the building says over Modbus"
    every_s = 5.0
    way: ClassVar[str] = MODBUS

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self._is_told = False

    def look(self) -> None:
        unheard_s = self.world.limits.unheard_s(self.way)
        if unheard_s == 0.0:
            self._is_told = False
        elif unheard_s > UNHEARD_S + max(self.grace_s, self.world.grace_s(UNTOLD)) and not self._is_told:
            self._is_told = True
            self.fail(f"for {unheard_s:.0f} s the gateway hasn't taken what the building says over {self.way}")


class MqttIsHeard(ModbusIsHeard):
    """The same over MQTT."""

    name = "mqtt heard"
    promise = "the gateway takes what the building says over MQTT"
    way = MQTT


@dataclass(slots=True, kw_only=True)
class _Window:
    """A circuit's window under way. Energies are in Ws and since its begin; `before_j` is the circuit's own register
    at the last look. `excused_j` is what was above the limit while nobody could be told.
    """

    circuit: str
    limit_w: float
    before_j: float = 0.0
    used_j: float = 0.0
    cars_j: float = 0.0
    excused_j: float = 0.0
    is_judged: bool = False  # it was seen from its begin, and no fault excuses it whole

    def add(self, used_j: float, cars_w: float, for_s: float, *, excused: bool) -> None:
        self.used_j += used_j
        self.cars_j += cars_w * for_s
        if excused:
            self.excused_j += max(0.0, used_j - self.limit_w * for_s)

    def begin(self) -> None:
        self.used_j = self.cars_j = self.excused_j = 0.0
        self.is_judged = True


class DemandIsKept(Oracle):
    """The mean of each quarter of an hour of true time, or of what the site file has, is under the circuit's demand
    limit, by what the grid operator's meter counts: what is taken. Where the building alone takes more, it isn't the
    cars' doing.
    """

    name = "demand"
    promise = "no mean of a demand window is above the site's limit, if the building leaves it room"

    def __init__(self, world: World) -> None:
        super().__init__(world)
        grid = world.configuration.grid
        self._window_s = 60.0 * (WINDOW_MIN if grid is None else grid.demand_window_min)
        limits_kw = world.configuration.demand_limits_kw.items()
        self._windows = [_Window(circuit=circuit, limit_w=1000.0 * limit_kw) for circuit, limit_kw in limits_kw]
        self._looked_s = world.wall_s()
        # A world that begins with a window shows it whole.
        for window in self._windows:
            window.is_judged = self._looked_s % self._window_s == 0.0

    def look(self) -> None:
        if not self._windows:
            return
        self.world.copper.advance()
        before_s, self._looked_s = self._looked_s, self.world.wall_s()
        for window in self._windows:
            self._count(window, before_s)

    def _count(self, window: _Window, before_s: float) -> None:
        """What flowed since the last look; of one in which a window ended each has its part."""
        run = self.world.copper.runs[window.circuit]
        now_j = run.import_wh * 3600.0
        flowed_j, window.before_j = now_j - window.before_j, now_j
        cars_w = sum(run.ev_a) * self.world.site.nominal_voltage_v
        grace_s = max(self.grace_s, self.world.grace_s(UNTOLD))
        passed_s = self._looked_s - before_s
        within_s = min(self._looked_s % self._window_s, passed_s)
        ended = before_s // self._window_s != self._looked_s // self._window_s
        parts = (passed_s - within_s, within_s) if ended else (passed_s,)
        for number, part_s in enumerate(parts):
            if number:
                self._judge(window)
                window.begin()
            if part_s > 0.0:
                window.add(flowed_j * part_s / passed_s, cars_w, part_s, excused=grace_s > 0.0)
            window.is_judged = window.is_judged and self.grace_s < float("inf")

    def _judge(self, window: _Window) -> None:
        mean_w = window.used_j / self._window_s
        excused_w, cars_w = window.excused_j / self._window_s, window.cars_j / self._window_s
        if not window.is_judged or cars_w < CARS * window.limit_w or mean_w - cars_w > window.limit_w:
            return
        if mean_w - excused_w > window.limit_w * (1.0 + TOLERANCE):
            self.fail(
                f"the mean of {window.circuit} in the {self._window_s / 60.0:g} min that are over is "
                f"{mean_w / 1000.0:.2f} of {window.limit_w / 1000.0:g} kW, {cars_w / 1000.0:.2f} kW of it the cars'"
            )

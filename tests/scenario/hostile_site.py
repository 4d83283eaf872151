"""A site with everything against it, and the observer who knows the truth.

The real board and the real tick stand in the middle; stations, links, meter and building are around them. Everything is
random, and everything comes from one seed.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from random import Random

from edge.domain.reading import MeterFailed, MeterReading
from edge.domain.site import Circuit, ControlSettings, Evse, EvseKey, IdlePolicy, Meter, Site, Station
from edge.units import PHASES, Amps, Phase, PhaseAmps, Seconds
from tests.scenario.agenda import Agenda
from tests.scenario.hostile_gateway import Gateway
from tests.scenario.hostile_link import Boot, Confirmed, Heard, Link, Told, Weather
from tests.scenario.hostile_station import HostileStation, Point

CHECK_EVERY_S = 0.5
ROTATIONS = ((Phase.L1, Phase.L2, Phase.L3), (Phase.L2, Phase.L3, Phase.L1), (Phase.L3, Phase.L1, Phase.L2))
# After a step up of the background what the chargers may draw is above the rating until they have obeyed their cuts,
# and nothing can be done about it. That takes: a reading (1 s); where cars have just been raised and don't draw all of
# it yet, until they do or are known not to (10 s to obey, then a sample: 10 s more), because so long the rise may be
# theirs, and as long again where they are raised once more; then the cut (1 s, network delays, 5 s to obey).
EXCUSE_S = 45.0
# Where cars also take less than they may and change their minds, there is no such time: a rise can hide behind cars
# that move for as long as some car does, up to what they leave of their limits. It can't hide from the meter: what
# really flows is above a rating no longer than a reading, a cut and its obedience take.
OVERLOAD_S = 15.0
TOLERANCE_A = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What kind of bad day it is."""

    site: Site
    weather: Weather
    steps_every_s: Seconds | None
    meter_fails: bool
    capricious: bool  # cars take less than they may, and change their minds


class HostileSite:
    """The whole world of one seed. ``failures`` are what the observer saw: sentences."""

    def __init__(self, seed: int) -> None:
        self._rng = Random(seed)
        self.plan = plan(self._rng)
        self.site = self.plan.site
        self.agenda = Agenda()
        self.background_a = self._some_background()
        self.failures: list[str] = []
        self.drawn_ah = 0.0
        self._excused_until: Seconds = 0.0
        self._within_at: dict[tuple[str, Phase], Seconds] = {}  # when each line was last seen within its rating
        self._rise_may_hide = False
        self._meter_fails_until: Seconds = 0.0
        self.gateway = Gateway(self.site, self.agenda, self._rng, self.plan.weather)
        self.stations = [
            HostileStation(station=station, agenda=self.agenda, rng=self._rng, capricious=self.plan.capricious)
            for station in self.site.stations
        ]
        for station in self.stations:
            self.agenda.after(self._rng.uniform(0, 20), partial(self._connect, station))
            self.agenda.every(20.0, partial(self._cloud_calls, station), offset_s=self._rng.uniform(0, 20))
        if self.plan.weather.restarts_every_s is not None:
            self._again(self.plan.weather.restarts_every_s, self._restart)
        if self.plan.steps_every_s is not None:
            self.agenda.every(self.plan.steps_every_s, self._step_background, offset_s=self.plan.steps_every_s)
        if self.plan.meter_fails:
            self._again(100.0, self._fail_meter)
        self.agenda.every(1.0, self._tick)
        self.agenda.every(CHECK_EVERY_S, self._observe, offset_s=0.25)

    def run(self, seconds: Seconds) -> None:
        """Let time pass."""
        self.agenda.run_until(self.agenda.now + seconds)

    @property
    def points(self) -> Iterator[Point]:
        return (point for station in self.stations for point in station.points.values())

    # Trouble.

    def _again(self, mean_s: Seconds, happening: Callable[[], None]) -> None:
        def happen() -> None:
            happening()
            self.agenda.after(self._rng.uniform(0.3, 1.7) * mean_s, happen)

        self.agenda.after(self._rng.uniform(0.3, 1.7) * mean_s, happen)

    def _connect(self, station: HostileStation) -> None:
        gateway = self.gateway

        def at_station(frame: Heard) -> None:
            match frame:
                case Confirmed():
                    station.confirmed(frame)
                case Told():
                    station.told(frame.command, frame.sent_at, frame.fate)

        link = Link(
            agenda=self.agenda,
            rng=self._rng,
            weather=self.plan.weather,
            at_gateway=partial(gateway.hear, station.id),
            at_station=at_station,
        )
        gateway.connected(station.id, link)
        if self._rng.random() < 0.3:
            link.to_gateway(Boot(station=station.id))
        station.connected(link, tells_status=self._rng.random() < 0.8)
        if self.plan.weather.breaks_every_s is not None:
            holds_s = self._rng.expovariate(1 / self.plan.weather.breaks_every_s)
            self.agenda.after(holds_s, partial(self._break, station, link))

    def _break(self, station: HostileStation, link: Link) -> None:
        if not link.up:
            return
        station.undelivered(link.cut())
        self.agenda.after(self._rng.uniform(0, 20), partial(self.gateway.noticed, station.id, link))
        if self._rng.random() < 0.3:
            station.reboot()
        away_s = self._rng.choice([self._rng.uniform(0.5, 5), self._rng.uniform(5, 60), self._rng.uniform(60, 300)])
        self.agenda.after(away_s, partial(self._connect, station))

    def _restart(self) -> None:
        """The gateway dies and comes back with an empty memory; the stations still hold their leases."""
        self.gateway = Gateway(self.site, self.agenda, self._rng, self.plan.weather)
        for station in self.stations:
            if station.link is not None and station.link.up:
                station.undelivered(station.link.cut())
                self.agenda.after(self._rng.uniform(0, 30), partial(self._connect, station))

    def _cloud_calls(self, station: HostileStation) -> None:
        if self._rng.random() < 0.4:
            self.gateway.cloud_calls(station.id, self._rng.uniform(0, 15))

    def _fail_meter(self) -> None:
        if self.agenda.now < self._excused_until:
            return  # the step before is still to be seen
        self._meter_fails_until = self.agenda.now + self._rng.uniform(1, 30)

    def _step_background(self) -> None:
        if self.agenda.now < self._meter_fails_until:
            return  # nobody could see it
        before, self.background_a = self.background_a, self._some_background()
        if any(after > was for after, was in zip(self.background_a, before, strict=True)):
            self._excused_until = self.agenda.now + EXCUSE_S + self._failed_cut_s
            if self.plan.capricious:
                self._rise_may_hide = True

    @property
    def _failed_cut_s(self) -> Seconds:
        """How long a cut that is refused or lost leaves the limit before it in force: a lease, with all slack."""
        return self.site.control.lease_s + 40.0 if self.plan.weather.loses else 0.0

    def _some_background(self) -> PhaseAmps:
        most_a = self.site.circuits[0].background_reserve_a or 0.0
        return PhaseAmps(*(self._rng.uniform(0, most_a) for _ in PHASES))

    # The tick.

    def _tick(self) -> None:
        now = self.agenda.now
        if now < self._meter_fails_until:
            self.gateway.board.take(MeterFailed(meter="grid", at=now, problem="no answer"))
        else:
            current_a = self.background_a
            for point in self.points:
                current_a = current_a + PhaseAmps.on(point.evse.phases, point.draw_a(now))
            self.gateway.board.take(MeterReading(meter="grid", at=now, current_a=current_a))
        self.gateway.loop.tick()

    # The observer.

    def _observe(self) -> None:
        """Whether what the chargers may draw is under every rating, with the background; and what they do draw."""
        now = self.agenda.now
        entitled: dict[tuple[str, Phase], Amps] = {}
        drawn: dict[tuple[str, Phase], Amps] = {}
        for point in self.points:
            may_a, does_a = point.entitled_a(now), point.draw_a(now)
            self.drawn_ah += does_a * CHECK_EVERY_S / 3600.0
            for circuit in self.site.path(point.evse.circuit):
                for phase in point.evse.phases:
                    entitled[circuit.id, phase] = entitled.get((circuit.id, phase), 0.0) + may_a
                    drawn[circuit.id, phase] = drawn.get((circuit.id, phase), 0.0) + does_a
        for line, amps in entitled.items():
            metered = self.site.circuit_by_id[line[0]].meter is not None
            if now > self._excused_until and not (metered and self._rise_may_hide):
                self._check(line, amps, "the chargers may draw")
            self._check_overload(line, drawn[line])

    def _check_overload(self, line: tuple[str, Phase], drawn_a: Amps) -> None:
        now, circuit = self.agenda.now, self.site.circuit_by_id[line[0]]
        if drawn_a + self._background_on(line) <= circuit.rating_a + TOLERANCE_A:
            self._within_at[line] = now
        elif now - self._within_at.setdefault(line, now) > OVERLOAD_S + self._failed_cut_s:
            self._check(line, drawn_a, "for too long the chargers have drawn")

    def _check(self, line: tuple[str, Phase], amps: Amps, what: str) -> None:
        circuit, total_a = self.site.circuit_by_id[line[0]], amps + self._background_on(line)
        if total_a > circuit.rating_a + TOLERANCE_A:
            self.failures.append(
                f"{self.agenda.now:.2f} s: {circuit.id} {line[1]}: {what} {amps:.2f} A, "
                f"with the background {total_a:.2f} of {circuit.rating_a:g} A"
            )

    def _background_on(self, line: tuple[str, Phase]) -> Amps:
        """All of the building's own load flows on the main circuit."""
        return self.background_a[line[1]] if self.site.circuit_by_id[line[0]].parent is None else 0.0


def plan(rng: Random) -> Plan:
    """A site and a kind of bad day. The safe currents fit beside the worst background, as `edge check` wants it."""
    count = rng.randint(2, 5)
    max_a = rng.choice([16.0, 32.0])
    evses = [
        Evse(
            key=EvseKey(station=f"CP-{number}", evse=1),
            circuit=rng.choice(["main", "sub"]),
            phases=rng.choice([*ROTATIONS, (rng.choice(PHASES),)]),
            min_a=6.0,
            max_a=max_a,
            fallback_a=rng.choice([0.0, 6.0, 6.0, 8.0]),
            rank=rng.randint(0, 1),
            weight=rng.choice([1.0, 2.0]),
        )
        for number in range(count)
    ]
    safe_a = sum(evse.fallback_a for evse in evses)
    reserve_a = rng.uniform(2, 20)
    site = Site(
        id="hostile",
        timezone="UTC",
        nominal_voltage_v=230.0,
        control=ControlSettings(
            lease_s=rng.choice([30.0, 60.0, 120.0]),
            idle=rng.choice([IdlePolicy.ZERO, IdlePolicy.ZERO, IdlePolicy.SAFE]),
        ),
        circuits=(
            Circuit(
                id="main",
                parent=None,
                fuse_a=safe_a + reserve_a + rng.uniform(1, 30),
                margin_a=1.0,
                meter="grid",
                background_reserve_a=reserve_a,
            ),
            Circuit(id="sub", parent="main", fuse_a=max(safe_a, 6.0) + rng.uniform(0, 20)),
        ),
        meters=(Meter(id="grid", model="sdm630", connection="tcp://127.0.0.1:1"),),
        stations=tuple(Station(id=evse.key.station, evses=(evse,)) for evse in evses),
    )
    return Plan(
        site=site,
        weather=_weather(rng),
        steps_every_s=rng.choice([None, None, 150.0]),
        meter_fails=rng.random() < 0.3,
        capricious=rng.random() < 0.3,
    )


def _weather(rng: Random) -> Weather:
    fair = rng.random() < 0.25
    return Weather(
        delay_s=rng.choice([0.01, 0.2, 1.0]),
        stall_s=20.0,
        stalls=0.0 if fair else rng.choice([0.0, 0.02]),
        refused=0.0 if fair else rng.choice([0.0, 0.0, 0.2]),
        ignored=0.0 if fair else rng.choice([0.0, 0.1]),
        unanswered=0.0 if fair else rng.choice([0.0, 0.1]),
        breaks_every_s=None if fair else rng.choice([None, 60.0, 200.0]),
        restarts_every_s=None if fair else rng.choice([None, 150.0]),
    )

"""A site with everything against it.

The real board and the real tick stand in the middle; stations, links, meter and building are around them. Everything is
random, and everything comes from one seed.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from random import Random

from edge.domain.reading import MeterFailed, MeterReading
from edge.units import PHASES, PhaseAmps, Seconds
from tests.scenario.agenda import Agenda
from tests.scenario.hostile_gateway import Gateway
from tests.scenario.hostile_link import Boot, Confirmed, Heard, Link, Told, Troubles
from tests.scenario.hostile_observer import UNBOUND_S, Observer
from tests.scenario.hostile_plan import plan
from tests.scenario.hostile_station import HostileStation, Point

CHECK_EVERY_S = 0.5


class HostileSite:
    """The whole world of one seed. ``failures`` are what the observer saw: sentences. ``period_s``: of the control."""

    def __init__(self, seed: int, period_s: Seconds = 1.0) -> None:
        self._rng, self._more = Random(seed), Random(f"{seed} and more")
        self.plan = plan(self._rng, self._more)
        self.site = replace(self.plan.site, control=replace(self.plan.site.control, period_s=period_s))
        self.agenda = Agenda()
        self.background_a = self._some_background()
        self.drawn_ah = 0.0
        self._troubles = Troubles()
        self.observer = Observer(plan=self.plan, troubles=self._troubles)
        self._meter_fails_until: Seconds = 0.0
        self.gateway = self._new_gateway()
        self.stations = [
            HostileStation(
                station=station,
                agenda=self.agenda,
                rng=self._rng,
                more=self._more,
                habits=self.plan.habits,
                moved=partial(self._car_moved, station.id),
            )
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
        self.agenda.every(period_s, self._tick)
        self.agenda.every(CHECK_EVERY_S, self._observe, offset_s=0.25)

    def run(self, seconds: Seconds) -> None:
        """Let time pass."""
        self.agenda.run_until(self.agenda.now + seconds)

    @property
    def failures(self) -> list[str]:
        return self.observer.failures

    @property
    def points(self) -> Iterator[Point]:
        return (point for station in self.stations for point in station.points.values())

    # Trouble.

    def _again(self, mean_s: Seconds, happening: Callable[[], None]) -> None:
        def happen() -> None:
            happening()
            self.agenda.after(self._rng.uniform(0.3, 1.7) * mean_s, happen)

        self.agenda.after(self._rng.uniform(0.3, 1.7) * mean_s, happen)

    def _new_gateway(self) -> Gateway:
        return Gateway(self.site, self.agenda, self._rng, self.plan.weather, self._troubles)

    def _car_moved(self, station: str) -> None:
        self.observer.moved_at = self.agenda.now
        if station in self.plan.habits.refuses_idle:
            self.observer.unbound_until = self.agenda.now + UNBOUND_S

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
            troubles=self._troubles,
            at_gateway=partial(gateway.hear, station.id),
            at_station=at_station,
        )
        gateway.connected(station.id, link)
        if self._rng.random() < 0.3:
            link.to_gateway(Boot(station=station.id))
        station.connected(link, tells_status=self._rng.random() < 0.8)
        self._troubles.last_at = max(self._troubles.last_at, self.agenda.now)
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
        self.gateway = self._new_gateway()
        for station in self.stations:
            if station.link is not None and station.link.up:
                station.undelivered(station.link.cut())
                away_s = self._rng.uniform(0, 30)
                if self.plan.stays_away and self._more.random() < self.plan.stays_away:
                    away_s = self._more.uniform(60, 400)
                self.agenda.after(away_s, partial(self._connect, station))

    def _cloud_calls(self, station: HostileStation) -> None:
        if self._rng.random() < 0.4:
            self.gateway.cloud_calls(station.id, self._rng.uniform(0, 15))

    def _fail_meter(self) -> None:
        stepped_at = self.observer.stepped_at
        if stepped_at is not None and self.observer.is_excused(self.agenda.now, metered=False, cut_off=self._cut_off):
            return  # the step before is still to be seen
        self._meter_fails_until = self.agenda.now + self._rng.uniform(1, 30)

    def _step_background(self) -> None:
        if self.agenda.now < self._meter_fails_until:
            return  # nobody could see it
        before, self.background_a = self.background_a, self._some_background()
        if any(after > was for after, was in zip(self.background_a, before, strict=True)):
            self.observer.stepped_at = self.agenda.now

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
                current_a = current_a + PhaseAmps.on(*point.drawn(now))
            self.gateway.board.take(MeterReading(meter="grid", at=now, current_a=current_a))
        self.gateway.loop.tick()

    # The observer.

    @property
    def _cut_off(self) -> bool:
        return any(station.link is None or not station.link.up for station in self.stations)

    def _observe(self) -> None:
        if any(station.link is None or not station.link.up for station in self.stations if station.refuses_idle):
            self.observer.unbound_until = self.agenda.now + UNBOUND_S
        drawn_a = self.observer.observe(self.agenda.now, self.points, self.background_a, cut_off=self._cut_off)
        self.drawn_ah += drawn_a * CHECK_EVERY_S / 3600.0

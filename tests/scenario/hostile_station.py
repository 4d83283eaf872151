"""Charging stations as they are, not as the controller believes them to be.

A station keeps the profiles that it accepted and reckons their periods itself, by a clock that is a little off. It is
*entitled* to draw what its profiles allow, and as long as it may still be about to obey, what they allowed before.
"""

import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from random import Random

from edge.domain.setpoint import LimitCommand, Purpose
from edge.domain.site import Evse, Station, Supply
from edge.domain.station import EvseStatus
from edge.units import Amps, Phase, PhaseAmps, Seconds
from tests.scenario.agenda import Agenda
from tests.scenario.hostile_link import Answer, Confirmed, Fate, Link, Meant, Sample, Start, Status, Stop

WATTS_PER_AMP = 3 * 230.0  # of a DC station


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """The dead-man schedule, read anew from its description: nothing is shared with the code under test."""

    limit_a: Amps
    safe_a: Amps
    lease_s: Seconds
    start: Seconds  # when it begins, in true time: the error of the station's clock is in it
    phases: int | None = None  # how many may be used; None for all

    def amps(self, at: Seconds) -> Amps:
        leases_over = math.floor((at - self.start) / self.lease_s)
        if leases_over < 1:
            return self.limit_a
        return min(self.limit_a, self.safe_a) if leases_over == 1 else self.safe_a


@dataclass(slots=True)
class Point:
    """One EVSE with the car that is there, if one is. ``car_phases``: on how many of the EVSE's own it can charge."""

    evse: Evse
    idle: Profile
    obeys_after_s: Seconds
    sample_every_s: Seconds
    session: Profile | None = None
    visit: int = 0  # counts cars
    charging: bool = False
    transaction: str | None = None
    wish_a: Amps = 0.0
    car_phases: int = 3
    knows_idle: bool = True  # holds a limit for sessions that begin
    in_force: list[tuple[Seconds, Profile]] = field(default_factory=list)  # since when, oldest first

    def put_in_force(self, now: Seconds) -> None:
        """After a change of the profiles: note which one counts from now on. Without a car nothing has to come down."""
        if not self.charging:
            self.in_force.clear()
        counts = self.session if self.charging and self.session is not None else self.idle
        if not self.in_force or self.in_force[-1][1] is not counts:
            self.in_force.append((now, counts))
        while len(self.in_force) > 1 and self.in_force[1][0] <= now - self.obeys_after_s:
            del self.in_force[0]

    def forget_past(self, now: Seconds) -> None:
        """A car comes or goes: what the one before was allowed is of no account."""
        self.in_force.clear()
        self.put_in_force(now)

    def on_phases(self, phases: int | None) -> tuple[Phase, ...]:
        """The grid phases that are used when a profile allows so many; without a car those that one could use."""
        most = len(self.evse.phases) if not self.charging else self.car_phases
        return self.evse.phases[: most if phases is None else min(most, phases)]

    def entitled_a(self, now: Seconds) -> dict[Phase, Amps]:
        """The most that a car may rightly draw in this instant. Without a car: what one that comes now would get."""
        began = now - self.obeys_after_s
        most: dict[Phase, Amps] = dict.fromkeys(self.evse.phases, 0.0)
        if not self.charging and not self.knows_idle:
            return most  # bound by nothing, but there is nobody to draw
        for position, (since, profile) in enumerate(self.in_force):
            until = self.in_force[position + 1][0] if position + 1 < len(self.in_force) else now
            if until >= began:
                amps = min(max(profile.amps(until), profile.amps(max(began, since))), self.evse.max_a)
                for phase in self.on_phases(profile.phases):
                    most[phase] = max(most[phase], amps)
        return most

    def drawn(self, now: Seconds) -> tuple[tuple[Phase, ...], Amps]:
        """On which phases the car draws, and how much on each: it follows its limit after a while, and pauses below
        its minimum."""
        if not self.charging:
            return (), 0.0
        began = now - self.obeys_after_s
        obeyed = next((profile for since, profile in reversed(self.in_force) if since <= began), self.in_force[0][1])
        amps = min(obeyed.amps(began), self.wish_a, self.evse.max_a)
        return self.on_phases(obeyed.phases), amps if amps >= self.evse.min_a else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Habits:
    """What is peculiar about the stations and cars of a site."""

    capricious: bool  # cars take less than they may, and change their minds
    few_phases: bool  # some cars charge on one or two of three phases
    refuses_idle: frozenset[str]  # stations that know no TxDefaultProfile


class HostileStation:
    """A station behind a bad link."""

    def __init__(
        self, *, station: Station, agenda: Agenda, rng: Random, more: Random, habits: Habits, moved: Callable[[], None]
    ) -> None:
        """``more``: the dice for what came into this world later, so that old seeds are still themselves.

        ``moved`` is called whenever a car comes, goes or changes its mind.
        """
        self.id = station.id
        self._agenda = agenda
        self._rng, self._more = rng, more
        self._habits = habits
        self._moved = moved
        self._clock_error_s = rng.uniform(-2.0, 2.0)
        self.link: Link | None = None
        self._unsent: deque[Meant] = deque()
        self.points = {
            evse.key: Point(
                evse=evse,
                # From an earlier gateway: the safe current, or nothing for an hour and then the safe current.
                idle=Profile(
                    limit_a=rng.choice([0.0, evse.fallback_a]), safe_a=evse.fallback_a, lease_s=3600.0, start=agenda.now
                ),
                obeys_after_s=rng.uniform(0.0, 5.0),
                sample_every_s=rng.uniform(5.0, 10.0),
            )
            for evse in station.evses
        }
        for point in self.points.values():
            if self.refuses_idle:
                point.idle, point.knows_idle = _unlimited(point.evse, agenda.now), False
            point.forget_past(agenda.now)
            agenda.after(rng.uniform(0, 60), partial(self._arrive, point))
            agenda.every(point.sample_every_s, partial(self._sample, point), offset_s=rng.random())

    @property
    def refuses_idle(self) -> bool:
        """Whether it knows no TxDefaultProfile."""
        return self.id in self._habits.refuses_idle

    # Cars.

    def _arrive(self, point: Point) -> None:
        self._moved()
        point.visit += 1
        point.car_phases = len(point.evse.phases)
        if self._habits.few_phases and point.evse.supply is Supply.AC:
            point.car_phases = self._more.randint(1, point.car_phases)
        point.charging, point.transaction, point.session = True, None, None
        point.wish_a = self._wish(point)
        point.forget_past(self._agenda.now)
        self._say(Start(key=point.evse.key, visit=point.visit))
        self._say_status(point)
        self._agenda.after(self._rng.uniform(60, 400), partial(self._leave, point, point.visit))
        if self._habits.capricious:
            self._agenda.after(self._rng.uniform(10, 60), partial(self._change_mind, point, point.visit))

    def _leave(self, point: Point, visit: int) -> None:
        if not point.charging or point.visit != visit:
            return
        self._end(point)
        self._agenda.after(self._rng.choice([0.5, 5.0, 40.0]), partial(self._arrive, point))

    def _end(self, point: Point) -> None:
        self._moved()
        self._say(Stop(key=point.evse.key, visit=point.visit, transaction=point.transaction))
        point.charging, point.transaction, point.session = False, None, None
        point.forget_past(self._agenda.now)
        self._say_status(point)

    def _wish(self, point: Point) -> Amps:
        if self._habits.capricious and self._rng.random() < 0.5:
            return self._rng.choice([0.0, self._rng.uniform(point.evse.min_a, point.evse.max_a)])
        return point.evse.max_a

    def _change_mind(self, point: Point, visit: int) -> None:
        if point.charging and point.visit == visit:
            self._moved()
            point.wish_a = self._wish(point)
            self._say_status(point)
            self._agenda.after(self._rng.uniform(10, 60), partial(self._change_mind, point, visit))

    # What it says.

    def _say(self, message: Meant) -> None:
        """Messages about transactions are kept until they can be sent; the others are for now or never."""
        if self.link is not None and self.link.up and not self._unsent:
            self.link.to_gateway(message)
        elif isinstance(message, Start | Stop):
            self._unsent.append(message)

    def _say_status(self, point: Point) -> None:
        if not point.charging:
            status = EvseStatus.AVAILABLE
        elif point.wish_a < point.evse.min_a:
            status = EvseStatus.SUSPENDED_EV
        else:
            status = EvseStatus.CHARGING
        self._say(Status(key=point.evse.key, status=status))

    def _sample(self, point: Point) -> None:
        if point.charging:
            now = self._agenda.now
            draw_a = PhaseAmps.on(*point.drawn(now))
            # Dated in whole seconds, by a clock that the gateway knows to a second.
            taken_at = math.floor(now) + self._clock_error_s / 2
            self._say(Sample(key=point.evse.key, transaction=point.transaction, draw_a=draw_a, taken_at=taken_at))

    # Its link.

    def connected(self, link: Link, *, tells_status: bool) -> None:
        """A new link is up: what waited is sent, in order."""
        self.link = link
        while self._unsent:
            link.to_gateway(self._unsent.popleft())
        if tells_status:
            for point in self.points.values():
                self._say_status(point)

    def undelivered(self, messages: list[Meant]) -> None:
        """The link broke before these got through: those about transactions are kept for the next one."""
        kept = [message for message in messages if isinstance(message, Start | Stop)]
        self._unsent.extendleft(reversed(kept))

    def reboot(self) -> None:
        """Power is back after a cut, or the watchdog bit: running sessions are over, or go on as if nothing was."""
        for point in self.points.values():
            if not point.charging:
                continue
            match self._rng.choice(["ends", "resumes", "resumes without its profile"]):
                case "ends":
                    self._end(point)
                    self._agenda.after(self._rng.uniform(1, 30), partial(self._arrive, point))
                case "resumes without its profile":
                    self._moved()
                    point.session = None
                    point.put_in_force(self._agenda.now)

    # What it hears.

    def confirmed(self, message: Confirmed) -> None:
        """The transaction that it told has an id now."""
        point = self.points[message.key]
        if point.charging and point.visit == message.visit:
            point.transaction = message.transaction

    def told(self, command: LimitCommand, sent_at: Seconds, fate: Fate) -> None:
        """A SetChargingProfile; ``fate`` says what becomes of it."""
        if fate is Fate.IGNORED:
            return
        point = self.points[command.key]
        fits = command.purpose is Purpose.IDLE or (point.charging and point.transaction == command.transaction_id)
        unknown = command.purpose is Purpose.IDLE and self.refuses_idle
        if fate is Fate.REFUSED or unknown or not fits:
            self._say(Answer(command=command, accepted=False))
            return
        profile = Profile(
            limit_a=command.limit_a if command.limit_w is None else command.limit_w / WATTS_PER_AMP,
            safe_a=command.safe_a if command.safe_w is None else command.safe_w / WATTS_PER_AMP,
            lease_s=command.lease_s,
            phases=command.phases,
            # The schedule's start is written when the frame is sent, in whole seconds.
            start=math.floor(sent_at) + self._clock_error_s,
        )
        if command.purpose is Purpose.IDLE:
            point.idle = profile
        else:
            point.session = profile
        point.put_in_force(self._agenda.now)
        if fate is not Fate.UNANSWERED:
            self._say(Answer(command=command, accepted=True))


def _unlimited(evse: Evse, now: Seconds) -> Profile:
    """What a station allows that holds no profile."""
    return Profile(limit_a=evse.max_a, safe_a=evse.max_a, lease_s=3600.0, start=now)

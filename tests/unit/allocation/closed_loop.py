"""A site in a closed loop, in virtual time: the real board and tick, stations that obey perfectly, true meters.

Deterministic: every half second in turn what is due at the stations, the samples, the meters, one tick (each whole
second), and a look at what really flows. A station confirms a limit within half a second and follows it 3 s later.
"""

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import permutations

from structlog.testing import capture_logs

from edge.allocation.decide import Decision
from edge.allocation.snapshot import Snapshot
from edge.control.board import Board
from edge.control.loop import ControlLoop
from edge.control.vitals import Vitals
from edge.domain.limit import LimitStated
from edge.domain.reading import MeterFailed, MeterReading
from edge.domain.setpoint import LimitCommand, Purpose
from edge.domain.site import Circuit, ControlSettings, Meter, Site, Station
from edge.domain.station import (
    CloudLimit,
    DrawSampled,
    EvseStatus,
    LimitAnswered,
    LimitOutcome,
    LimitSent,
    NeedStated,
    SessionBegan,
    SessionEnded,
    StationOnline,
    StatusReported,
)
from edge.units import NO_CURRENT, PHASES, Amps, PhaseAmps, Seconds, watts
from tests.unit.allocation.plugs import OBEYS_S, VOLTS, Plug

PART_S = 0.5
# A load that steps up is seen by the next reading, cut for in the same tick, and the cut is obeyed after this.
GRACE_S = 1.0 + PART_S + OBEYS_S
TOLERANCE_A = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True)
class Telegram:
    """How a smart meter tells: each ``every_s``, of what flowed ``of_s`` before."""

    every_s: Seconds
    of_s: Seconds = 0.0


class ClosedLoop:
    """The site of some plugs. ``background`` is what flows through each metered circuit besides them; a test may change
    it with :meth:`load`, stop the meters with ``meters_answer``, and let cars come and go.

    :attr:`decision` is the newest, :attr:`told` the limits in force, :attr:`seen` all that was looked at.
    """

    def __init__(
        self,
        plugs: Sequence[Plug],
        circuits: Sequence[Circuit],
        *,
        background: Mapping[str, PhaseAmps] | None = None,
        settings: ControlSettings | None = None,
        imbalance_a: Amps | None = None,
        telegram: Telegram | None = None,
    ) -> None:
        self.plugs = {plug.evse.key.station: plug for plug in plugs}
        self._plug_of = {plug.evse.key: plug for plug in plugs}
        self.site = Site(
            id="practice",
            timezone="UTC",
            nominal_voltage_v=VOLTS,
            control=settings or ControlSettings(),
            circuits=tuple(circuits),
            meters=tuple(
                Meter(id=circuit.meter, model="sdm630", connection="tcp://127.0.0.1:1")
                if telegram is None
                else Meter(id=circuit.meter, model="dsmr_p1", connection="p1+tcp://127.0.0.1:1")
                for circuit in circuits
                if circuit.meter is not None
            ),
            stations=tuple(Station(id=plug.evse.key.station, evses=(plug.evse,)) for plug in plugs),
            imbalance_limit_a=imbalance_a,
        )
        self.background = {circuit.id: NO_CURRENT for circuit in circuits} | dict(background or {})
        self.meters_answer = True
        self.silent_meters: set[str] = set()
        self.now: Seconds = 0.0
        self._telegram = telegram if telegram is not None else Telegram(every_s=1.0)
        self._flowed: dict[str, deque[PhaseAmps]] = {}  # by circuit, each second
        self.written: list[tuple[Seconds, LimitCommand]] = []
        self.seen: list[tuple[Seconds, dict[str, Amps]]] = []  # each half second, the limits in force
        self.overloads: list[tuple[Seconds, str]] = []
        self._excused_until: Seconds = 0.0
        self._answers: deque[LimitCommand] = deque()
        self._below = {
            circuit.id: [
                plug for plug in plugs if circuit.id in (above.id for above in self.site.path(plug.evse.circuit))
            ]
            for circuit in circuits
        }
        self.board = Board(self.site, started_at=0.0)
        self._loop = ControlLoop(
            board=self.board, meters=self, limits=self, clock=self, vitals=Vitals(_NoDog(), 1.0), publish=self._publish
        )
        for plug in plugs:
            self.board.take(StationOnline(station=plug.evse.key.station, at=0.0))
            self.board.take(StatusReported(key=plug.evse.key, at=0.0, status=EvseStatus.AVAILABLE))

    # What a test does.

    def run(self, seconds: Seconds) -> "ClosedLoop":
        """Let so much time pass."""
        end = self.now + seconds
        with capture_logs():
            while self.now < end:
                self._part()
                self.now += PART_S
        return self

    def settle(self, *, calm_s: Seconds = 70.0, at_most_s: Seconds = 600.0) -> "ClosedLoop":
        """Let time pass until nothing has changed for ``calm_s``, and everybody is there."""
        begun, changed_at, last = self.now, self.now, self.told
        everybody = max((plug.arrives_s for plug in self.plugs.values()), default=0.0)
        while self.now < max(changed_at, everybody) + calm_s:
            assert self.now < begun + at_most_s, f"still changing: {self.told}"
            self.run(1.0)
            if self.told != last:
                changed_at, last = self.now, self.told
        return self

    def load(self, circuit: str, *amps: Amps) -> None:
        """The background of a circuit changes."""
        before, self.background[circuit] = self.background[circuit], PhaseAmps(*amps)
        if any(now > was for now, was in zip(amps, before, strict=True)):
            self.excuse()

    def excuse(self) -> None:
        """What happens now can be cut for only after it is seen."""
        unseen_s = self._telegram.every_s - 1.0 + self._telegram.of_s
        self._excused_until = self.now + unseen_s + GRACE_S

    def leave(self, name: str) -> None:
        """The car is gone."""
        plug = self.plugs[name]
        plug.session, plug.arrives_s, plug.limit_a = None, float("inf"), 0.0
        self.board.take(SessionEnded(key=plug.evse.key, at=self.now))
        self._show(plug)

    def need(self, name: str, energy_wh: float, departs_in_s: Seconds) -> None:
        """The car says what it wants before it leaves."""
        key = self.plugs[name].evse.key
        self.board.take(NeedStated(key=key, at=self.now, energy_wanted_wh=energy_wh, departs_in_s=departs_in_s))

    def no_need(self, name: str) -> None:
        """No departure is known any more."""
        key = self.plugs[name].evse.key
        self.board.take(NeedStated(key=key, at=self.now, energy_wanted_wh=0.0, departs_in_s=None))

    def take(self, limit: LimitStated | CloudLimit) -> None:
        """An outsider limits a circuit, or the cloud an EVSE."""
        self.board.take(limit)

    # What is true.

    @property
    def told(self) -> dict[str, Amps]:
        return {name: plug.limit_a for name, plug in self.plugs.items()}

    @property
    def drawn(self) -> dict[str, Amps]:
        return {name: max(plug.draw_a) for name, plug in self.plugs.items()}

    def measured_a(self, circuit: str) -> PhaseAmps:
        total = self.background[circuit]
        for plug in self._below[circuit]:
            total = total + plug.draw_a
        return total

    def reason(self, name: str) -> str:
        """The sentence of its setpoint."""
        return next(point.text for point in self.decision.setpoints if point.key.station == name)

    def highest(self, name: str) -> Amps:
        return max(told[name] for _, told in self.seen)

    # One part of time.

    def _part(self) -> None:
        while self._answers:
            command = self._answers.popleft()
            self._plug_of[command.key].accept(command, self.now)
            self.board.take(
                LimitAnswered(key=command.key, at=self.now, command=command.id, outcome=LimitOutcome.ACCEPTED)
            )
        for plug in self._plug_of.values():
            self._live(plug)
        if self.now % 1.0 == 0:
            self.read_meters()
            self._loop.tick()
        self._look()

    def _live(self, plug: Plug) -> None:
        key = plug.evse.key
        if plug.session is None and self.now >= plug.arrives_s:
            plug.session, plug.limit_a = f"{key}@{self.now}", 0.0
            self.board.take(SessionBegan(key=key, at=self.now, transaction_id=plug.session))
        plug.obey(self.now)
        self._show(plug)
        plug.energy_wh += watts(plug.draw_a, VOLTS) * PART_S / 3600.0
        if plug.session is not None and (self.now - plug.arrives_s) % plug.samples_s == 0:
            told_a, spread = plug.sample
            self.board.take(
                DrawSampled(key=key, at=self.now, current_a=told_a, energy_wh=plug.energy_wh, spread=spread)
            )

    def _show(self, plug: Plug) -> None:
        if plug.shows is not plug.status:
            plug.status = plug.shows
            self.board.take(StatusReported(key=plug.evse.key, at=self.now, status=plug.status))

    def _look(self) -> None:
        """Note what flows, and who breaks a rule."""
        self.seen.append((self.now, self.told))
        for circuit in self.site.circuits:
            flows = self.measured_a(circuit.id)
            over = max(flows) > circuit.rating_a + TOLERANCE_A
            if circuit.limit_w is not None:
                over |= watts(flows, VOLTS) > circuit.limit_w + 1e-3
            limit_a = self.site.imbalance_limit_a
            if limit_a is not None and circuit.parent is None:
                by_itself = self.background[circuit.id]
                over |= any(
                    flows[high] - flows[low] > max(limit_a, by_itself[high] - by_itself[low]) + TOLERANCE_A
                    for high, low in permutations(PHASES, 2)
                )
            if over and self.now > self._excused_until:
                self.overloads.append((self.now, f"{circuit.id} carries {tuple(flows)}"))

    @property
    def between(self) -> list[tuple[Seconds, str, Amps]]:
        """Limits of a session above 0 and below the minimum, which there must be none of."""
        return [
            (at, command.key.station, command.limit_a)
            for at, command in self.written
            if command.purpose is Purpose.SESSION
            and 0 < command.limit_a < self._plug_of[command.key].evse.min_a - TOLERANCE_A
        ]

    # The ports of the loop.

    def monotonic(self) -> Seconds:
        return self.now

    def wall(self) -> datetime:
        return datetime(2026, 11, 21, 7, 0, tzinfo=UTC) + timedelta(seconds=self.now)

    def wall_is_trusted(self) -> bool:
        return True

    async def sample(self) -> None:
        self.read_meters()

    def read_meters(self) -> None:
        for circuit in self.site.circuits:
            if circuit.meter is None:
                continue
            kept = int(self._telegram.of_s) + 1
            flowed = self._flowed.setdefault(circuit.id, deque(maxlen=kept))
            flowed.append(self.measured_a(circuit.id))
            if self.now % self._telegram.every_s != 0:
                continue
            if self.meters_answer and circuit.meter not in self.silent_meters:
                self.board.take(MeterReading(meter=circuit.meter, at=self.now, current_a=flowed[0]))
            else:
                self.board.take(MeterFailed(meter=circuit.meter, at=self.now, problem="no answer"))

    def write_limit(self, command: LimitCommand) -> None:
        self.written.append((self.now, command))
        self.board.take(LimitSent(key=command.key, at=self.now, command=command.id))
        self._answers.append(command)

    def _publish(self, _snapshot: Snapshot, decision: Decision) -> None:
        self.decision = decision


class _NoDog:
    def ready(self) -> None: ...
    def feed(self) -> None: ...
    def stopping(self) -> None: ...

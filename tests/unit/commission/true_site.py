"""A site as it truly is, with what may be wrong at it, in a time of its own: it does what the commissioning asks."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from edge.commission.course import commissioning
from edge.commission.observed import Observation
from edge.commission.steps import Course, Do, Observe, Proof, ReadMeter, StartController, StopController, Try
from edge.domain.site import Circuit, ControlSettings, Evse, EvseKey, Meter, Site, Station
from edge.language import Speaker
from edge.units import Phase, PhaseAmps

ENGLISH = Speaker("en")
CAR_A = 16.0
OBEY_S = 3.0  # a car follows, and its station samples
BASE_A = (3.0, 4.0, 5.0)
LEASE_S = 30.0


class Fault(StrEnum):
    """What an installer gets wrong, or finds wrong."""

    CT_TURNED = "the transformer of L2 is turned round"
    CTS_SWAPPED = "the transformers of L1 and L3 are swapped"
    ROTATION = "a station is wired otherwise than the file says"
    OTHER_CIRCUIT = "the meter measures another circuit"
    METER_MUTE = "the meter doesn't answer"
    REPEATER = "a gateway before the meter repeats its last values"
    NOT_THERE = "a station dials with another identity"
    REFUSES = "a station refuses profiles"
    IGNORES = "a station accepts limits and ignores them"
    NO_FALLBACK = "a station doesn't go down when the meter is lost"
    NO_DEAD_MAN = "a station forgets the end of its profile"
    STOPS_OFFLINE = "a station stops without its cloud"
    WRONG_CABLE = "the cable that was pulled wasn't the cloud's"
    NO_RETURN = "a station doesn't come back after the gateway was away"
    NO_CLOUD = "the cloud's address is wrong: no station ever reached it"
    CARS_LEFT = "the cars leave before the meter is lost"
    CARS_FULL = "the cars draw little more than their safe currents when the meter is lost"
    THREE_PHASES = "the car draws on three phases, so that they can't be told apart"


@dataclass
class Car:
    """A car at a station: what it draws, and what it was last told."""

    draw_a: float = 0.0
    told_a: float = CAR_A
    told_at: float = 0.0
    plugged: bool = False
    most_a: float = CAR_A


@dataclass
class TrueSite:
    """Three stations behind one meter, each turned by a phase against the one before, and the file knows it."""

    fault: Fault | None = None
    one_box: bool = False  # one load for all, taken from station to station
    cloudless: bool = False  # the site has none
    now: float = 0.0
    gateway_since: float | None = 0.0
    stopped_at: float | None = None
    meter_cable: bool = True
    cloud_cable: bool = True
    trials: dict[str, tuple[float, float]] = field(default_factory=dict)
    cars: dict[str, Car] = field(default_factory=lambda: {"CP-A": Car(), "CP-B": Car(), "CP-C": Car()})
    asked: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        orders = {
            "CP-A": (Phase.L1, Phase.L2, Phase.L3),
            "CP-B": (Phase.L2, Phase.L3, Phase.L1),
            "CP-C": (Phase.L3, Phase.L1, Phase.L2),
        }
        self.site = Site(
            id="proof",
            timezone="UTC",
            nominal_voltage_v=230.0,
            control=ControlSettings(lease_s=LEASE_S),
            circuits=(Circuit(id="main", parent=None, fuse_a=63.0, meter="grid"),),
            meters=(Meter(id="grid", model="eastron_sdm630", connection="tcp://127.0.0.1:502", unit=1),),
            stations=tuple(
                Station(
                    id=name,
                    evses=(
                        Evse(
                            key=EvseKey(station=name, evse=1),
                            circuit="main",
                            phases=phases,
                            min_a=6.0,
                            max_a=16.0,
                            fallback_a=6.0,
                        ),
                    ),
                )
                for name, phases in orders.items()
            ),
        )
        # Where the first phase of each station truly is.
        self.first = {"CP-A": 0, "CP-B": 2 if self.fault is Fault.ROTATION else 1, "CP-C": 2}

    def proofs(self, *fuses: str, grid_meter: str | None = "grid") -> list[Proof]:
        """What the commissioning finds."""
        course: Course[list[Proof]] = commissioning(self.site, fuses, grid_meter=grid_meter)
        answer: Any = None
        while True:
            try:
                step = course.send(answer)
            except StopIteration as end:
                return list(end.value)
            answer = self._does(step)

    def _does(self, step: object) -> Any:
        match step:
            case Do():
                self.asked.append(ENGLISH.tell(step.what))
                self._installs(self.asked[-1])
            case Observe():
                self._pass(max(step.after_s, 0.05))
                seen = Observation(at=self.now, report=self._report(), meter="grid")
                if step.after_s > 1.0 and self.trials.get("CP-C", (0.0,))[0] == CAR_A:  # the last has been seen to rise
                    self._tire()
                return seen
            case Try():
                self.trials[step.key.station] = (step.limit_a, self.now + step.for_s)
            case StopController():
                self.gateway_since, self.stopped_at = None, self.now
            case StartController():
                self.gateway_since = self.now
            case ReadMeter():
                self._pass(step.after_s)
                return self._metered()
        return None

    def _tire(self) -> None:
        for car in self.cars.values():
            if self.fault is Fault.CARS_LEFT:
                car.plugged, car.draw_a = False, 0.0
            if self.fault is Fault.CARS_FULL:
                car.draw_a = car.most_a = 7.0

    def _installs(self, what: str) -> None:
        """What the installer does who reads that."""
        if what.startswith("Let a car"):
            name = what.rpartition(" ")[2].partition("/")[0]
            for other in self.cars.values():
                other.plugged = other.plugged and not self.one_box
            self.cars[name].plugged = True
        elif what.startswith("Pull the data cable"):
            self.meter_cable = False
        elif what == "Put the cable back":
            self.meter_cable = True
        elif what.startswith("Take the gateway's way"):
            self.cloud_cable = self.fault is Fault.WRONG_CABLE
        elif what == "Give it back":
            self.cloud_cable = True
        else:
            raise AssertionError(what)

    def _pass(self, seconds: float) -> None:
        end = self.now + seconds
        while self.now < end - 1e-9:
            self.now = min(self.now + 0.5, end)
            for name, car in self.cars.items():
                self._step(name, car)

    def _step(self, name: str, car: Car) -> None:
        odd = name == "CP-B"  # what is wrong with a station is wrong with this one
        wanted_a = self._told(name)
        lost = not self.meter_cable and self.fault is not Fault.REPEATER
        if self.gateway_since is not None and lost and not (odd and self.fault is Fault.NO_FALLBACK):
            wanted_a = min(wanted_a, 6.0)
        if self.gateway_since is None and self.stopped_at is not None and self.now - self.stopped_at >= LEASE_S:
            wanted_a = wanted_a if odd and self.fault is Fault.NO_DEAD_MAN else min(wanted_a, 6.0)
        if odd and self.fault in (Fault.IGNORES, Fault.REFUSES):
            wanted_a = CAR_A
        if odd and self.fault is Fault.STOPS_OFFLINE and not self.cloud_cable:
            wanted_a = 0.0
        if wanted_a != car.told_a:
            car.told_a, car.told_at = wanted_a, self.now
        if self.now - car.told_at >= OBEY_S:
            car.draw_a = min(car.told_a, car.most_a) if car.plugged else 0.0

    def _told(self, name: str) -> float:
        limit_a, ends_at = self.trials.get(name, (CAR_A, 0.0))
        return limit_a if self.now < ends_at else CAR_A

    def _currents(self, name: str, first: int) -> list[float]:
        amps = [0.0, 0.0, 0.0]
        for own in range(3 if self.fault is Fault.THREE_PHASES else 1):
            amps[(first + own) % 3] = self.cars[name].draw_a
        return amps

    def _metered(self) -> PhaseAmps | None:
        if self.fault is Fault.METER_MUTE:
            return None
        amps = list(BASE_A)
        if self.fault is not Fault.OTHER_CIRCUIT:
            for name, first in self.first.items():
                amps = [a + b for a, b in zip(amps, self._currents(name, first), strict=True)]
        if self.fault is Fault.CT_TURNED:
            amps[1] = -amps[1]
        if self.fault is Fault.CTS_SWAPPED:
            amps[0], amps[2] = amps[2], amps[0]
        return PhaseAmps(*amps)

    def _is_there(self, name: str) -> bool:
        if name != "CP-B":
            return True
        came_back = self.stopped_at is None or self.fault is not Fault.NO_RETURN
        return self.fault is not Fault.NOT_THERE and came_back

    def _report(self) -> dict[str, Any]:
        lost = (not self.meter_cable and self.fault is not Fault.REPEATER) or self.fault is Fault.METER_MUTE
        metered = None if lost else self._metered()
        file_first = {"CP-A": 0, "CP-B": 1, "CP-C": 2}
        with_cloud = self.cloud_cable and self.fault is not Fault.NO_CLOUD and not self.cloudless
        return {
            "has_cloud": not self.cloudless,
            "circuits": [
                {"id": "main", "parent": None, "measured_stale": lost},
                {"id": "shed", "parent": "main", "measured_stale": True},
            ],
            "meters": [
                {
                    "id": "grid",
                    "ok": not lost,
                    "problem": "no answer within 0.5 s" if lost else None,
                    "current_a": list(metered) if metered is not None else None,
                }
            ],
            "refused_handshakes": [
                {"station": "CP-B", "why": "the station's credentials are wrong"}
            ] if self.fault is Fault.NOT_THERE else [],
            "stations": [
                {
                    "id": name,
                    "connected": self._is_there(name),
                    "cloud_connected": with_cloud and self._is_there(name),
                    "vendor": "V",
                    "model": "M",
                    "evses": [
                        {
                            "id": 1,
                            "draw_a": self._currents(name, file_first[name]),
                            "accepted_a": None if self.fault is Fault.REFUSES and name == "CP-B" else self._told(name),
                        }
                    ],
                }
                for name in self.cars
            ],
        }  # fmt: skip

"""The car park: which car stands where, what its driver wanted, and what it got."""

import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from simulators.charger import ElectricVehicle, Supply
from simulators.site import EvseSpec, SiteSpec
from simulators.world.drivers import BLOCKED_TAG, Visit
from simulators.world.station import WorldStation

EFFICIENCY: Final = 0.9
FIRST_SOC: Final = 0.2
PLUG_GAP_S: Final = 5.0  # between two cars at one post


@dataclass(frozen=True, slots=True, kw_only=True)
class NeedTold:
    """What the driver has told the gateway that the car needs: so much from second `at_s` of the world on, when its
    post's register showed `register_wh`, until second `departs_s`; for the session of that name.
    """

    at_s: float
    session: str
    energy_wh: float
    register_wh: float
    departs_s: float


@dataclass(slots=True, kw_only=True)
class Stay:
    """One car at one post; energies are those at the plug."""

    visit: Visit
    evse: EvseSpec
    ev: ElectricVehicle
    at_s: float
    left_s: float | None = None
    delivered_wh: float = 0.0
    could_w: float = 0.0  # had nothing limited it but its post and itself
    could_wh: float = 0.0  # in its time
    starts: int = 0  # how often it began to draw
    stops: int = 0  # how often its post stopped it
    plugs: int = 0  # how often its driver has plugged in anew
    served_at: float | None = None  # when it drew first
    barred: bool = False  # the cloud has come to refuse its card
    napped: bool = False  # it has stopped by itself for a while
    need: NeedTold | None = None

    @property
    def may_charge(self) -> bool:
        return self.visit.id_tag != BLOCKED_TAG and not self.barred

    @property
    def label(self) -> str:
        return f"{self.visit.kind.name} {self.visit.number} at {self.evse.station}"


class Parking:
    """`turned_away` counts drivers who found no free post."""

    def __init__(self, site: SiteSpec, stations: Mapping[str, WorldStation], *, seed: int) -> None:
        self._site = site
        self._stations = stations
        self._rng = random.Random(f"{seed} parking")
        self.here: dict[tuple[str, int], Stay] = {}
        self.gone: list[Stay] = []
        self.turned_away = 0
        self._free_from: dict[tuple[str, int], float] = {}

    def arrive(self, visit: Visit, now: float) -> Stay | None:
        """The driver takes any free post that suits; None if there is none."""
        free = [
            evse
            for evse in self._site.evses
            if (evse.station, evse.evse_id) not in self.here
            and self._free_from.get((evse.station, evse.evse_id), 0.0) <= now
            and (not visit.kind.posts or evse.station in visit.kind.posts)
        ]
        if not free:
            self.turned_away += 1
            return None
        evse = self._rng.choice(free)
        volts = self._site.nominal_voltage_v
        dc = evse.supply is Supply.DC
        max_a = min(visit.max_a, evse.max_a)
        # The battery ends where the driver's wish does: then the car is full, and wants no more.
        battery_wh = visit.energy_wh * EFFICIENCY / (1.0 - FIRST_SOC)
        ev = ElectricVehicle(
            phases=len(evse.rotation) if dc else min(visit.phases, len(evse.rotation)),
            max_a=max(max_a, evse.min_a),
            battery_wh=battery_wh,
            soc=FIRST_SOC,
            obey_s=visit.obey_s,
            min_a=evse.min_a,
            efficiency=EFFICIENCY,
            sleeps=visit.sleeps,
        )
        station = self._stations[evse.station]
        stay = Stay(visit=visit, evse=evse, ev=ev, at_s=now, could_w=ev.max_a * ev.phases * volts)
        seconds = max(0.0, visit.leave_s - visit.at_s)
        stay.could_wh = min(visit.energy_wh, stay.could_w * seconds / 3600.0)
        self.here[evse.station, evse.evse_id] = stay
        station.arrive(evse.evse_id, ev, visit.id_tag)
        return stay

    def plug_again(self, stay: Stay) -> None:
        """The driver takes the cable out, puts it in again, and shows the card once more; who has left doesn't."""
        if stay.left_s is not None:
            return
        stay.plugs += 1
        station = self._stations[stay.evse.station]
        station.leave(stay.evse.evse_id)
        station.arrive(stay.evse.evse_id, stay.ev, stay.visit.id_tag)

    def leave(self, stay: Stay, now: float) -> None:
        """The car goes."""
        key = (stay.evse.station, stay.evse.evse_id)
        self._stations[stay.evse.station].leave(stay.evse.evse_id)
        stay.left_s = now
        stay.could_wh = min(stay.could_wh, stay.could_w * (now - stay.at_s) / 3600.0)  # it may go with the world's end
        self.count(stay)
        del self.here[key]
        self._free_from[key] = now + PLUG_GAP_S
        self.gone.append(stay)

    def count(self, stay: Stay) -> None:
        """Bring what it got up to now."""
        stay.delivered_wh = (stay.ev.soc - FIRST_SOC) * stay.ev.battery_wh / EFFICIENCY

    def all(self) -> Iterable[Stay]:
        """Everybody who has been here."""
        return (*self.gone, *self.here.values())

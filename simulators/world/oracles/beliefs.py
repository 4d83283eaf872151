"""What the gateway believes after a restart, against what its stations, their cars and the building know to be so."""

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from edge.domain.limit import LimitSource
from edge.storage.rows import JOURNAL
from simulators.charger.transaction import LOST_ID
from simulators.confirmation import start_of
from simulators.csms import StartKey
from simulators.site import EvseSpec
from simulators.world.disk import Condition
from simulators.world.limits import MODBUS, MQTT
from simulators.world.oracles.base import Oracle
from simulators.world.oracles.books import evses_said
from simulators.world.parking import Stay
from simulators.world.station import WorldStation
from simulators.world.world import World

# From the moment at which a station is back: it is asked for its state, and told its limits; after its next sample it
# is known what its car draws and has had.
KNOWN_S: Final = 30.0
WATCHED_S: Final = 600.0  # so long after it is back; what is wrong by then wasn't the restart's
BUILDING: Final = "the building"
FINER_A: Final = 0.1  # of a limit: stations of OCPP 1.6 have one decimal
DRAW_A: Final = 1.0  # cars that fill up come down between two samples
REGISTER_WH: Final = 25.0  # what was sampled last is older than what is stated
SOURCES: Final = {MODBUS: LimitSource.BMS_MODBUS.value, MQTT: LimitSource.BMS_MQTT.value}


@dataclass(slots=True)
class _Watched:
    """A station that was there when the gateway started: since when it is back, and since when what isn't right."""

    since: float | None = None
    wrong_since: dict[str, float] = field(default_factory=dict)  # by what it is about

    def begin_anew(self) -> None:
        self.since = None
        self.wrong_since.clear()

    def look(self, now: float, wrong: Mapping[str, str], patience_s: float) -> list[str]:
        """What has been wrong all the while for so long, in words."""
        self.since = now if self.since is None else self.since
        self.wrong_since = {about: self.wrong_since.get(about, now) for about in wrong}
        return [wrong[about] for about, since in self.wrong_since.items() if now - since > patience_s]


class BeliefsAreTrue(Oracle):
    """After a restart the status report says of each post, as soon as its station is back and has told a sample:
    whether a session runs, and which; its status; what it was told; what its car draws, has had, and still needs until
    when. And of the building, what that allows. When a car leaves nobody can know by a clock that is wrong; once that
    is set it has to be known.
    """

    name = "beliefs"
    promise = "after a restart the gateway says of each post, and of the building, what is so"
    every_s = 5.0

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self._starts = world.gateway.starts
        self._watched: dict[str, _Watched] = {}
        self._drew: dict[str, deque[tuple[float, float]]] = {}  # by EVSE: when, and what
        self._was_up_at = self._ended_at = self._restarted_at = 0.0
        self._set_aside = frozenset[str]()
        self._writes = True  # the gateway could, when it was last seen to run
        self._written: set[StartKey] = set()  # those that ran when it last could
        self._unwritten: set[float] = set()  # needs that went with a restart, by when they were told

    def look(self) -> None:
        gateway = self.world.gateway
        if gateway.starts == self._starts and gateway.is_up and not gateway.disk.is_frozen:
            self._was_up_at = self.world.now()
            self._writes = gateway.disk.condition is not Condition.READ_ONLY
            if self._writes:
                self._written = set(self._told())
        if gateway.starts != self._starts:
            self._ended_at, self._restarted_at = self._was_up_at, self.world.now()
            first, self._starts = self._starts == 0, gateway.starts
            self._remember_damage()
            # At the first start there is nothing to be known from before.
            names = () if first else (*self.world.stations, BUILDING)
            self._watched = {name: _Watched() for name in names}
        if not self._watched:
            return
        status = gateway.site_report()
        if status is None or status["control"]["state"] == "STARTING":
            self._begin_anew(self._watched)
        elif self.grace_s == float("inf"):
            self._begin_anew(self._watched)  # what a fault has spoilt comes right when that is over
        else:
            self._compare(status)

    def _remember_damage(self) -> None:
        """With a journal that is destroyed goes from where the energy of the sessions counted that run just then; and
        what a disk that can't be written hasn't taken is gone with the memory."""
        before, self._set_aside = self._set_aside, self.world.gateway.disk.set_aside()
        if any(name.startswith(JOURNAL) for name in self._set_aside - before):
            self.world.unsure |= set(self._running())
        if not self._writes:
            self.world.unsure |= set(self._running()) - self._written

    def _running(self) -> Iterator[StartKey]:
        return (start_of(each) for each in self.world.accounts() if each.stopped_at is None)

    def _begin_anew(self, names: Mapping[str, _Watched]) -> None:
        for watched in names.values():
            watched.begin_anew()

    def _told(self) -> Iterator[StartKey]:
        """Those that run, and were heard of: a station that is cut off tells of its begins afterwards."""
        for each in self.world.accounts():
            station = self.world.stations[each.identity]
            if each.stopped_at is None and (
                start_of(each) in self._written or (self._is_back(each.identity, station) and not station.is_held_up)
            ):
                yield start_of(each)

    def _compare(self, status: Mapping[str, Any]) -> None:
        said, now = evses_said(status), self.world.now()
        patience_s = KNOWN_S + self.world.scenario.sample_interval_s + 2 * self.world.period_s + self.grace_s
        for name, watched in list(self._watched.items()):
            station = self.world.stations.get(name)
            if station is None:
                wrong = dict(self._of_building(status))
            elif self._is_back(name, station):
                wrong = {about: text for evse in station.evses for about, text in self._of(evse, said)}
            else:
                watched.begin_anew()
                continue
            found = watched.look(now, wrong, patience_s)
            is_over = watched.since is not None and now - watched.since > WATCHED_S
            if found:
                self.fail(f"{patience_s:.0f} s after {name} was back with a gateway that has restarted: {found[0]}")
            if found or (is_over and not wrong and self.world.gateway.clock.is_right):
                del self._watched[name]

    def _is_back(self, name: str, station: WorldStation) -> bool:
        """Whether its connection was made since the start, and carries what is said; one that is cut off believes for a
        while that it has one.
        """
        gateway = self.world.gateway
        is_linked = station.connected and station.linked_at >= gateway.started_at
        network = self.world.network
        is_deaf = network.is_cut(name, gateway.node) or network.has_vanished(name, gateway.node)
        return is_linked and station.registered and not is_deaf

    def _of_building(self, status: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """What of its limits isn't so, in words, by what it is about."""
        limits = status["limits"]
        stated = {each["source"]: each for each in limits["stated"] if each["circuit"] == self.world.root}
        for way, taken in self.world.limits.taken.items():
            now, told = self.world.now(), stated.get(SOURCES[way], {})
            is_so = (taken.amps(now), taken.watts(now))
            # Without a clock nobody knows how much of its time has passed while nobody ran.
            ends = now >= taken.until_s and not self.world.gateway.clock.is_right
            if (told.get("limit_a"), told.get("limit_w")) != is_so and not ends:
                yield way, f"over {way} it allows {is_so[0]} A and {is_so[1]} W, and the report says {told}"
        lowest_a, _ = self.world.limits.held()
        effective = next(each for each in limits["effective"] if each["circuit"] == self.world.root)
        if lowest_a is not None and effective["limit_a"] > lowest_a + FINER_A:
            yield "effective", f"it allows {lowest_a:g} A, and the report says {effective['limit_a']:g} A"

    def _of(self, spec: EvseSpec, evses: Mapping[tuple[str, int], Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
        """The same of an EVSE, and of the car that is there."""
        station, evse = self.world.stations[spec.station], spec.evse_id
        said = evses[spec.station, evse]
        where = f"{spec.station} {evse}"
        runs, told = station.session(evse), said["transaction_id"]
        if not station.is_held_up:  # else nobody has heard of what is so now
            # One whose number never came to its station is known by the cloud's.
            if (told is None) if runs == str(LOST_ID) else (told != runs):
                yield f"{where} session", f"session {runs} runs, and the report says {told}"
            if station.spec.edition == "1.6" and said["status"] != station.status(evse):
                yield f"{where} status", f"it is {station.status(evse)}, and the report says {said['status']}"
            yield from self._of_car(where, station, spec, said)
        told_a, accepted_a = station.told_a(evse), said["accepted_a"]
        if not self.world.hides_limit(spec.station) and (accepted_a is None or abs(accepted_a - told_a) > FINER_A):
            yield f"{where} limit", f"by its limits it offers {told_a:g} A, and the report says {accepted_a} A"
        if self.world.gateway.clock.is_right:
            yield from self._of_need(where, station, self.world.parking.here.get((spec.station, evse)), said)

    def _of_car(
        self, where: str, station: WorldStation, spec: EvseSpec, said: Mapping[str, Any]
    ) -> Iterator[tuple[str, str]]:
        drawn_a, told_a = max(station.draw_a(spec.evse_id)), said["draw_a"]
        lately_a = self._drew_lately(where, drawn_a)
        if not min(lately_a) - DRAW_A <= max(told_a or (0.0,)) <= max(lately_a) + DRAW_A:
            yield f"{where} draw", f"its car draws {drawn_a:.1f} A, and the report says {told_a}"
        if not counts_from_its_begin(self.world, spec):
            return
        had_wh, told_wh = station.session_wh(spec.evse_id), said["session_wh"]
        if (had_wh is None) is not (told_wh is None) or (
            had_wh is not None and abs(had_wh - told_wh) > self._between_samples_wh(station, spec)
        ):
            yield f"{where} energy", f"its session has had {had_wh} Wh, and the report says {told_wh}"

    def _drew_lately(self, where: str, drawn_a: float) -> list[float]:
        """What its car draws, and has drawn since it was sampled: that may change as fast as it is sampled."""
        now, drew = self.world.now(), self._drew.setdefault(where, deque())
        drew.append((now, drawn_a))
        while drew[0][0] < now - self.world.scenario.sample_interval_s - 2 * self.world.period_s:
            drew.popleft()
        return [amps for _, amps in drew]

    def _of_need(
        self, where: str, station: WorldStation, stay: Stay | None, said: Mapping[str, Any]
    ) -> Iterator[tuple[str, str]]:
        told = said["need"]
        need = stay.need if stay is not None else None
        if need is not None and need.session == str(LOST_ID):
            return  # its post has one name for all sessions whose begin nobody has answered
        if stay is None or need is None or need.session != station.session(stay.evse.evse_id):
            if told is not None:
                yield f"{where} need", f"nobody has said what its car needs, and the report says {told}"
            return
        # It is written down after the next tick.
        if told is None and self._ended_at - 2 * self.world.period_s < need.at_s < self._restarted_at:
            self._unwritten.add(need.at_s)
        if told is None and need.at_s in self._unwritten:
            return
        left_wh = max(0.0, need.energy_wh - (station.register_wh(stay.evse.evse_id) - need.register_wh))
        left_s = need.departs_s - self.world.now()
        doubt_wh = 2 * self._between_samples_wh(station, stay.evse)
        if (
            told is None
            or abs(told["energy_wanted_wh"] - left_wh) > doubt_wh
            or abs(told["time_left_s"] - left_s) > KNOWN_S
        ):
            yield f"{where} need", f"its car needs {left_wh:.0f} Wh in {left_s:.0f} s, and the report says {told}"

    def _between_samples_wh(self, station: WorldStation, spec: EvseSpec) -> float:
        """What a car may have had since it was sampled."""
        most_w = sum(station.draw_a(spec.evse_id)) * self.world.site.nominal_voltage_v
        return REGISTER_WH + most_w * (self.world.scenario.sample_interval_s + self.world.period_s) / 3600.0


def counts_from_its_begin(world: World, spec: EvseSpec) -> bool:
    """Whether the gateway can know from where the energy of the session there counts: it was told, and has kept it."""
    station = world.stations[spec.station]
    here = [each for each in station.transactions() if each.connector_id == spec.evse_id]
    return not here or not (here[-1] in station.given_up() or start_of(here[-1]) in world.unsure)

"""What the building is shown, in registers and topics, against what is so."""

from collections import deque
from collections.abc import Iterator, Mapping
from typing import Final

from simulators.site import EvseSpec
from simulators.world.copper import Run
from simulators.world.limits import MODBUS, MQTT
from simulators.world.oracles.base import Oracle
from simulators.world.oracles.beliefs import counts_from_its_begin
from simulators.world.shown import CODES, READS_S, Seen
from simulators.world.world import World

SHOWN_S: Final = 10.0  # a reading, a decision, and what a car does about it: what is shown may be as old
WRONG_S: Final = 90.0  # some readings one after the other: what changes too fast to be compared is no mistake
FINER_A: Final = 0.3  # a register's step, and a meter's
FINER_WH: Final = 30.0  # a station's register and its samples

Truth = dict[str, float]


class BuildingIsShown(Oracle):
    """While nothing is wrong with the site: each value that the building reads over Modbus, or hears over MQTT, was so
    within the time that it may be old: a meter's some seconds, a car's since it was sampled.
    """

    name = "shown"
    promise = "what the building is shown of the site is so"
    every_s = 4.0

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self._runs = {
            circuit.id: (world.copper.runs[circuit.id], circuit) for circuit in world.configuration.site.circuits
        }
        self._ranks = {(evse.key.station, evse.key.evse): evse.rank for evse in world.configuration.site.evses}
        self._ways = world.shown.is_read or world.broker is not None
        self._was: deque[tuple[float, Truth]] = deque()
        self._wrong_since: dict[str, float] = {}
        self._read_at = -READS_S
        self._heard_at = -READS_S
        self._told: set[str] = set()

    def look(self) -> None:
        now = self.world.now()
        if not self._ways or not self.world.is_sound:
            self._was.clear()
            self._wrong_since.clear()
            return
        self._was.append((now, self._truth()))
        old_s = SHOWN_S + self.world.scenario.sample_interval_s + 3 * self.world.period_s
        while self._was[0][0] < now - old_s:
            self._was.popleft()
        if now - self._was[0][0] < old_s - 2 * self.every_s:
            return
        shown = self.world.shown
        if shown.read_at is not None and shown.read_at > self._read_at:
            self._read_at = shown.read_at
            self._judge(MODBUS, shown.modbus)
        if now - self._heard_at >= READS_S and (mqtt := shown.mqtt()) is not None:
            self._heard_at = now
            self._judge(MQTT, mqtt)

    def _judge(self, way: str, seen: Seen) -> None:
        now = self.world.now()
        for topic, (least, most) in self._may_be().items():
            label = f"{way} {topic}"
            value = seen.get(topic)
            if value is not None and least <= value <= most:
                self._wrong_since.pop(label, None)
            elif now - self._wrong_since.setdefault(label, now) > WRONG_S and label not in self._told:
                self._told.add(label)
                so = f"{least:g}" if least == most else f"{least:g} to {most:g}"
                self.fail(f"for {WRONG_S:.0f} s the building has been shown {value} as {topic} over {way}; it is {so}")

    def _may_be(self) -> Mapping[str, tuple[float, float]]:
        """The least and the most that each value may be shown as."""
        newest = self._was[-1][0]
        fresh_s = SHOWN_S + 3 * self.world.period_s
        found: dict[str, tuple[float, float]] = {}
        for topic in self._was[-1][1]:
            sampled = topic.startswith("cp/") or "charging" in topic
            since_s = newest - (self.world.scenario.sample_interval_s if sampled else 0.0) - fresh_s
            values = [truth[topic] for at_s, truth in self._was if at_s >= since_s and topic in truth]
            slack = _slack(topic) + (self._unsampled_wh(topic) if topic.endswith("_wh") else 0.0)
            found[topic] = (min(values) - slack, max(values) + slack)
        return found

    def _unsampled_wh(self, topic: str) -> float:
        """What an EVSE can give between two samples: of a car that is full then the last is never sampled."""
        _, station, number, _ = topic.split("/")
        evse = next(each for each in self.world.site.evses if (each.station, str(each.evse_id)) == (station, number))
        most_w = evse.max_a * len(evse.rotation) * self.world.site.nominal_voltage_v
        return most_w * self.world.scenario.sample_interval_s / 3600.0

    def _truth(self) -> Truth:
        self.world.copper.advance()
        truth: Truth = {}
        for name, (run, circuit) in self._runs.items():
            if circuit.meter is not None:
                truth |= {f"circuit/{name}/current_l{n + 1}_a": amps for n, amps in enumerate(run.total_a)}
            truth[f"circuit/{name}/rating_a"] = circuit.rating_a
        truth |= dict(self._of_site(self.world.copper.runs[self.world.root]))
        for evse in self.world.site.evses:
            topic = f"cp/{evse.station}/{evse.evse_id}"
            truth |= {f"{topic}/{name}": value for name, value in self._of_evse(evse)}
        return truth

    def _of_site(self, run: Run) -> Iterator[tuple[str, float]]:
        volts = self.world.site.nominal_voltage_v
        for n in range(3):
            yield f"site/current_l{n + 1}_a", run.total_a[n]
            yield f"site/charging_current_l{n + 1}_a", run.ev_a[n]
        yield "site/power_w", sum(run.total_a) * volts
        yield "site/charging_power_w", sum(run.ev_a) * volts
        _, circuit = self._runs[self.world.root]
        configuration = self.world.configuration
        if any((configuration.demand_limits_kw, configuration.schedule, configuration.grid, self.world.upper)):
            return  # what these leave isn't reckoned here
        binds, lowest_a, lowest_w = "fuse", circuit.rating_a, circuit.rating_a * 3 * volts
        for taken in self.world.limits.taken.values():
            now = self.world.now()
            amps, watts = taken.amps(now), taken.watts(now)
            lowest_a = lowest_a if amps is None else min(lowest_a, amps)
            allows_w = min(lowest_a * 3 * volts, lowest_w if watts is None else watts)
            if allows_w < lowest_w:
                binds, lowest_w = "bms" if now < taken.until_s else "fallback", allows_w
        yield "site/limit_w", lowest_w
        yield "site/limit_l1_a", min(lowest_a, lowest_w / volts)
        yield "site/limit_reason", float(CODES["limit_reason"][binds])

    def _of_evse(self, evse: EvseSpec) -> Iterator[tuple[str, float]]:
        station, key = self.world.stations[evse.station], (evse.station, evse.evse_id)
        drawn_a = self.world.copper.drawn_a(key)
        for n in range(3):
            yield f"current_l{n + 1}_a", drawn_a[n]
        yield "power_w", sum(drawn_a) * self.world.site.nominal_voltage_v
        yield "vehicle_connected", float(key in self.world.parking.here)
        yield "priority", float(self._ranks[key])
        session_wh = station.session_wh(evse.evse_id)
        if session_wh is not None and counts_from_its_begin(self.world, evse):
            yield "session_wh", session_wh
        if station.spec.edition == "1.6":
            yield "state", float(CODES["state"][station.status(evse.evse_id)])
        yield "allocated_a", station.offered_a(evse.evse_id)


def _slack(topic: str) -> float:
    """By what a right value may differ from those that were seen."""
    name = topic.rpartition("/")[2]
    if name.endswith("_wh"):
        return FINER_WH
    if "limit" in name or name in ("state", "vehicle_connected", "priority", "rating_a"):
        return 1.0 if name.endswith("_w") else 0.06 if name.endswith("_a") else 0.0
    return FINER_A * 690.0 if name.endswith("_w") else FINER_A

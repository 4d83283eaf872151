"""Counters and times of the proxy, for Prometheus. What counts is cheap; what is shown is worked out when asked for."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator
from enum import Enum

from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from edge.ocpp.trace import Way
from edge.units import Seconds

# From a charger LAN's round trip to the longest that the proxy waits for an answer.
BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)

_WORDS = {
    Way.FROM_STATION: "from_station",
    Way.TO_STATION: "to_station",
    Way.FROM_CLOUD: "from_cloud",
    Way.TO_CLOUD: "to_cloud",
}


class Answerer(Enum):
    """Who has answered whom."""

    STATION_TO_CLOUD = "station_to_cloud"
    STATION_TO_GATEWAY = "station_to_gateway"
    CLOUD_TO_STATION = "cloud_to_station"

    __hash__ = object.__hash__  # that of Enum is a function of Python, and each answer is looked up by it


class Times:
    """A histogram."""

    def __init__(self) -> None:
        self._counts = [0] * (len(BUCKETS_S) + 1)
        self._sum_s = 0.0

    def add(self, seconds: Seconds) -> None:
        """One more."""
        self._counts[bisect_left(BUCKETS_S, seconds)] += 1
        self._sum_s += seconds

    def shown(self) -> tuple[list[tuple[str, float]], float]:
        """Cumulated buckets with their upper bounds, and the sum."""
        total, buckets = 0, []
        for bound, count in zip((*map(str, BUCKETS_S), "+Inf"), self._counts, strict=True):
            total += count
            buckets.append((bound, float(total)))
        return buckets, self._sum_s


class Figures(Collector):
    """Those of all stations together, but for what is counted by station.

    ``from_station`` and the others of its like are the frames that went by; whoever carries one adds to them.
    ``dropped_of_station`` and ``dropped_of_cloud`` are answers that nothing waited for.
    ``mirror_lost`` are the copies that a mirror was too slow for.
    """

    def __init__(self) -> None:
        self.from_station = 0
        self.to_station = 0
        self.from_cloud = 0
        self.to_cloud = 0
        self.dropped_of_station = 0
        self.dropped_of_cloud = 0
        self.mirror_lost = 0
        self._violations: Counter[str] = Counter()
        self._throttled: Counter[str] = Counter()
        self._answers = {who: Times() for who in Answerer}

    def frame(self, way: Way) -> None:
        """A frame went by."""
        match way:
            case Way.FROM_STATION:
                self.from_station += 1
            case Way.TO_STATION:
                self.to_station += 1
            case Way.FROM_CLOUD:
                self.from_cloud += 1
            case Way.TO_CLOUD:
                self.to_cloud += 1

    def answered(self, who: Answerer, seconds: Seconds) -> None:
        """An answer came, this long after its CALL."""
        self._answers[who].add(seconds)

    def violation(self, station: str) -> None:
        """A message of the station breaks its schema."""
        self._violations[station] += 1

    def throttled(self, station: str) -> None:
        """The station sent faster than it is read."""
        self._throttled[station] += 1

    def describe(self) -> Iterable[Metric]:
        """Nothing beforehand: names are all in :meth:`collect`."""
        return []

    def collect(self) -> Iterator[Metric]:
        frames = CounterMetricFamily("edge_ocpp_frames", "OCPP frames.", labels=("way",))
        for way, count in zip(Way, (self.from_station, self.to_station, self.from_cloud, self.to_cloud), strict=True):
            frames.add_metric((_WORDS[way],), count)
        yield frames
        dropped = CounterMetricFamily(
            "edge_ocpp_dropped_answers", "Answers that nothing waited for, dropped.", labels=("way",)
        )
        dropped.add_metric((_WORDS[Way.FROM_STATION],), self.dropped_of_station)
        dropped.add_metric((_WORDS[Way.FROM_CLOUD],), self.dropped_of_cloud)
        yield dropped
        yield CounterMetricFamily(
            "edge_ocpp_mirror_lost", "Copies for mirrors that were lost because a mirror was slow.", self.mirror_lost
        )
        yield _by_station(
            "edge_ocpp_schema_violations",
            "Messages of the station that break their schema, of those that were looked at.",
            self._violations,
        )
        yield _by_station(
            "edge_ocpp_throttled", "How often the station was read later because it sent too fast.", self._throttled
        )
        answers = HistogramMetricFamily(
            "edge_ocpp_answer_seconds", "From a CALL that was passed on to its answer.", labels=("who",)
        )
        for who, times in self._answers.items():
            buckets, total_s = times.shown()
            answers.add_metric((who.value,), buckets, total_s)
        yield answers


def _by_station(name: str, what: str, counts: Counter[str]) -> CounterMetricFamily:
    family = CounterMetricFamily(name, what, labels=("station",))
    for station, count in sorted(counts.items()):
        family.add_metric((station,), count)
    return family

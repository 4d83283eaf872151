"""The proxy's figures."""

from prometheus_client import CollectorRegistry

from edge.domain.site import Mode
from edge.ocpp.figures import Answerer, Figures
from edge.ocpp.passing import KEPT
from edge.ocpp.trace import Way
from tests.unit.ocpp.ocpp_bench import Bench, call, error, limit, result

COUNT, BUCKET = "edge_ocpp_answer_seconds_count", "edge_ocpp_answer_seconds_bucket"


def value(figures: Figures, name: str, **labels: str) -> float | None:
    """A sample of the registry."""
    registry = CollectorRegistry()
    registry.register(figures)
    return registry.get_sample_value(name, labels)


def test_frames_are_counted() -> None:
    """By way."""
    figures = Figures()
    for way in (Way.FROM_STATION, Way.TO_STATION, Way.TO_STATION, Way.FROM_CLOUD, Way.TO_CLOUD):
        figures.frame(way)
    words = ("from_station", "to_station", "from_cloud", "to_cloud")
    assert [value(figures, "edge_ocpp_frames_total", way=word) for word in words] == [1, 2, 1, 1]


def test_answers_are_timed() -> None:
    """From a CALL to its answer, by who asked whom; a second answer is none."""
    bench = Bench()
    bench.connect()
    before = value(bench.figures, COUNT, who="station_to_gateway") or 0
    bench.cloud_says(call("c", "Reset"))
    bench.wait(0.2)
    bench.station_says(result("c"))
    identifier, _, _ = bench.write(limit()).own_call
    bench.wait(0.003)
    bench.station_says(error(identifier))
    bench.station_says(call("s", "Heartbeat"))
    bench.wait(0.07)
    bench.cloud_says(result("s"))
    bench.wait(6.0)
    bench.cloud_says(result("s"))
    bench.station_says(b"\x00")
    assert value(bench.figures, COUNT, who="station_to_gateway") == before + 1
    for who, below, bound in (("station_to_cloud", "0.1", "0.25"), ("cloud_to_station", "0.05", "0.1")):
        assert value(bench.figures, COUNT, who=who) == 1
        assert value(bench.figures, BUCKET, who=who, le=below) == 0
        assert value(bench.figures, BUCKET, who=who, le=bound) == 1


def test_dropped_answers_are_counted() -> None:
    """By who gave them."""
    bench = Bench()
    bench.connect()
    bench.station_says(result("never asked"))
    for _ in range(2):
        bench.cloud_says(result("never asked"))
    name = "edge_ocpp_dropped_answers_total"
    assert [value(bench.figures, name, way=way) for way in ("from_station", "from_cloud")] == [1, 2]


def test_answers_are_timed_while_observing() -> None:
    """Past a controller that changes nothing."""
    bench = Bench(mode=Mode.OBSERVE)
    bench.connect()
    bench.cloud_says(call("c", "Reset"))
    bench.wait(0.2)
    bench.station_says(result("c"))
    assert value(bench.figures, BUCKET, who="station_to_cloud", le="0.1") == 0
    assert value(bench.figures, BUCKET, who="station_to_cloud", le="0.25") == 1


def test_what_is_never_answered_is_forgotten() -> None:
    """A station that answers nothing fills no memory; the oldest CALLs are no longer timed."""
    bench = Bench(mode=Mode.OBSERVE)
    bench.connect()
    for number in range(KEPT + 1):
        bench.cloud_says(call(str(number), "Reset"))
    bench.station_says(result("0"))
    bench.station_says(result("1"))
    assert value(bench.figures, COUNT, who="station_to_cloud") == 1


def test_answers_take_their_bucket() -> None:
    """One on the bound of a bucket is in it."""
    figures = Figures()
    figures.answered(Answerer.CLOUD_TO_STATION, 0.01)
    figures.answered(Answerer.CLOUD_TO_STATION, 100.0)
    assert value(figures, BUCKET, who="cloud_to_station", le="0.01") == 1
    assert value(figures, BUCKET, who="cloud_to_station", le="+Inf") == 2


def test_faults_are_counted_by_station() -> None:
    """Each with its station's name."""
    figures = Figures()
    figures.violation("CP-01")
    figures.violation("CP-01")
    figures.throttled("CP-02")
    assert value(figures, "edge_ocpp_schema_violations_total", station="CP-01") == 2
    assert value(figures, "edge_ocpp_throttled_total", station="CP-02") == 1

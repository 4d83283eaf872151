"""Prometheus metrics, made from the status report at the moment of the scrape."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from edge.control.ports import StatusReport
from edge.units import PHASES
from edge.web.report import ControlState, StorageState

Sample = tuple[tuple[str, ...], float | None]  # label values, and the value; None: nothing to tell
Samples = Callable[[StatusReport], Iterable[Sample]]


def _one(*path: str) -> Samples:
    """One value; none while the controller starts and doesn't know it yet."""

    def samples(report: StatusReport) -> Iterator[Sample]:
        value: Any = report
        for key in path:
            value = value.get(key)
        yield (), value

    return samples


def _each(table: str, key: str) -> Samples:
    """One value for each meter, circuit or station."""

    def samples(report: StatusReport) -> Iterator[Sample]:
        for element in report.get(table, ()):
            yield (element["id"],), element[key]

    return samples


def _each_phase(table: str, key: str) -> Samples:
    """A value per phase for each meter or circuit."""

    def samples(report: StatusReport) -> Iterator[Sample]:
        for element in report.get(table, ()):
            yield from _phases((element["id"],), element[key])

    return samples


def _metered(samples: Samples) -> Samples:
    """The samples of those meters that give readings: what one last showed says nothing of now."""

    def fresh(report: StatusReport) -> Iterable[Sample]:
        return samples({**report, "meters": [each for each in report.get("meters", ()) if each["ok"]]})

    return fresh


def _through_circuits(report: StatusReport) -> Iterator[Sample]:
    for circuit in report.get("circuits", ()):
        if not circuit["measured_stale"]:
            yield from _phases((circuit["id"],), circuit["measured_a"])


def _evses(report: StatusReport) -> Iterator[tuple[tuple[str, ...], Mapping[str, Any]]]:
    for station in report.get("stations", ()):
        for evse in station["evses"]:
            yield (station["id"], str(evse["id"])), evse


def _each_evse(key: str) -> Samples:
    return lambda report: ((labels, evse[key]) for labels, evse in _evses(report))


def _draw(report: StatusReport) -> Iterator[Sample]:
    for labels, evse in _evses(report):
        if not evse.get("draw_stale"):
            yield from _phases(labels, evse["draw_a"])


def _phases(labels: tuple[str, ...], values: list[float] | None) -> Iterator[Sample]:
    for phase, value in zip(PHASES, values or (), strict=False):
        yield (*labels, phase.value), value


def _status(report: StatusReport) -> Iterator[Sample]:
    for labels, evse in _evses(report):
        yield (*labels, evse["status"]), 1.0


def _state(report: StatusReport) -> Iterator[Sample]:
    for state in ControlState:
        yield (state.value,), float(report["control"]["state"] == state)


def _clouds(report: StatusReport) -> Iterable[Sample]:
    return _each("stations", "cloud_connected")(report) if report.get("has_cloud", True) else ()


def _storage(key: str) -> Samples:
    return lambda report: [((), (report.get("storage") or {}).get(key))]


def _storage_state(report: StatusReport) -> Iterator[Sample]:
    told = (report.get("storage") or {}).get("state")
    for state in StorageState if told is not None else ():
        yield (state.value,), float(told == state)


def _waiting(report: StatusReport) -> Iterator[Sample]:
    yield (), len(report["waiting_stations"])


def _info(report: StatusReport) -> Iterator[Sample]:
    yield (report["version"], report["site"], report.get("mode", "")), 1.0


def _certificates(report: StatusReport) -> Iterator[Sample]:
    for each in report.get("certificates", ()):
        ends = each["expires_at"]
        yield (each["use"], each["place"]), datetime.fromisoformat(ends).timestamp() if ends is not None else None


_EVSE = ("station", "evse")

GAUGES: tuple[tuple[str, str, tuple[str, ...], Samples], ...] = (
    ("edge_info", "The controller's version, site and mode.", ("version", "site", "mode"), _info),
    (
        "edge_certificate_expiry_timestamp_seconds",
        "When a certificate expires, in seconds since 1970.",
        ("use", "place"),
        _certificates,
    ),
    ("edge_uptime_seconds", "Time since the controller started.", (), _one("uptime_s")),
    ("edge_control_period_seconds", "Period of the control loop.", (), _one("control", "period_s")),
    ("edge_control_last_tick_seconds", "Duration of the last tick.", (), _one("control", "last_tick_s")),
    ("edge_control_state", "1 for the state that the control loop is in.", ("state",), _state),
    ("edge_meter_up", "1 while the meter gives readings.", ("meter",), _each("meters", "ok")),
    ("edge_meter_age_seconds", "Age of the meter's last reading.", ("meter",), _each("meters", "age_s")),
    (
        "edge_meter_current_amperes",
        "Measured current, positive from the grid.",
        ("meter", "phase"),
        _metered(_each_phase("meters", "current_a")),
    ),
    (
        "edge_meter_voltage_volts",
        "Measured voltage, phase to neutral.",
        ("meter", "phase"),
        _metered(_each_phase("meters", "voltage_v")),
    ),
    (
        "edge_meter_power_watts",
        "Measured power, positive from the grid.",
        ("meter",),
        _metered(_each("meters", "power_w")),
    ),
    ("edge_circuit_fuse_amperes", "The circuit's fuse.", ("circuit",), _each("circuits", "fuse_a")),
    ("edge_circuit_rating_amperes", "The fuse less its margin.", ("circuit",), _each("circuits", "rating_a")),
    (
        "edge_circuit_current_amperes",
        "Current through the circuit.",
        ("circuit", "phase"),
        _through_circuits,
    ),
    (
        "edge_circuit_background_amperes",
        "Current that is not the chargers'.",
        ("circuit", "phase"),
        _each_phase("circuits", "background_a"),
    ),
    (
        "edge_circuit_headroom_amperes",
        "Current that may still be given out.",
        ("circuit", "phase"),
        _each_phase("circuits", "headroom_a"),
    ),
    (
        "edge_circuit_exposure_amperes",
        "The most that the circuit's chargers may be drawing.",
        ("circuit", "phase"),
        _each_phase("circuits", "exposure_a"),
    ),
    ("edge_station_connected", "1 while the station is connected.", ("station",), _each("stations", "connected")),
    (
        "edge_station_cloud_connected",
        "1 while the station's own connection to its cloud is up; not there where the site has none.",
        ("station",),
        _clouds,
    ),
    ("edge_stations_waiting", "Stations that ask to be let in.", (), _waiting),
    ("edge_storage_state", "1 for the state that the storage is in.", ("state",), _storage_state),
    ("edge_storage_free_bytes", "Room on the storage's disk.", (), _storage("free_bytes")),
    ("edge_journal_bytes", "Size of the journal with its log.", (), _storage("journal_bytes")),
    ("edge_journal_pending_messages", "Messages that the cloud is to have.", (), _storage("pending")),
    ("edge_journal_oldest_seconds", "How long the oldest of them has waited.", (), _storage("oldest_pending_s")),
    (
        "edge_journal_deferred_messages",
        "Of the pending messages those that the cloud fails to take, and is told again later.",
        (),
        _storage("deferred"),
    ),
    (
        "edge_journal_refused_messages",
        "Messages that aren't sent any more: refused by the cloud for good, or damaged.",
        (),
        _storage("set_aside"),
    ),
    ("edge_evse_status", "1 for the status that the EVSE reports.", (*_EVSE, "status"), _status),
    ("edge_evse_limit_amperes", "What the EVSE may draw per phase.", _EVSE, _each_evse("limit_a")),
    ("edge_evse_accepted_amperes", "The limit that the EVSE has accepted.", _EVSE, _each_evse("accepted_a")),
    ("edge_evse_exposure_amperes", "The most that the EVSE may be drawing.", _EVSE, _each_evse("exposure_a")),
    ("edge_evse_draw_amperes", "What the EVSE draws.", (*_EVSE, "phase"), _draw),
)

COUNTERS: tuple[tuple[str, str, Samples], ...] = (
    ("edge_control_ticks", "Completed ticks.", _one("control", "ticks")),
    ("edge_control_missed_ticks", "Ticks whose time went by.", _one("control", "missed_ticks")),
)


class ReportCollector(Collector):
    """Gives the registry what the tables above make of the report."""

    def __init__(self, status: Callable[[], StatusReport]) -> None:
        self._status = status

    def describe(self) -> Iterable[Metric]:
        """The names alone, so that registering asks for no report."""
        for name, text, labels, _ in GAUGES:
            yield GaugeMetricFamily(name, text, labels=labels)
        for name, text, _ in COUNTERS:
            yield CounterMetricFamily(name, text)

    def collect(self) -> Iterable[Metric]:
        report = self._status()
        for name, text, labels, samples in GAUGES:
            gauge = GaugeMetricFamily(name, text, labels=labels)
            _fill(gauge, samples(report))
            yield gauge
        for name, text, samples in COUNTERS:
            counter = CounterMetricFamily(name, text, labels=())
            _fill(counter, samples(report))
            yield counter


def _fill(family: GaugeMetricFamily | CounterMetricFamily, samples: Iterable[Sample]) -> None:
    for labels, value in samples:
        if value is not None:
            family.add_metric(labels, float(value))


def registry(status: Callable[[], StatusReport]) -> CollectorRegistry:
    """A registry of our own: no metrics of the library's or the process's are mixed in."""
    own = CollectorRegistry(auto_describe=False)
    own.register(ReportCollector(status))
    return own

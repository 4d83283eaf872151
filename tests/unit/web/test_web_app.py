"""The local API over ASGI: what is answered, and that its description is true."""

from collections.abc import AsyncIterator, Mapping
from typing import Any

import httpx
import orjson
import pytest
from prometheus_client.parser import text_string_to_metric_families

from edge import __version__
from edge.web.app import make_app
from edge.web.report import Report
from tests.fake_needs import FakeNeeds

REPORT: dict[str, Any] = {
    "version": "0.1.0",
    "site": "harbour-3",
    "mode": "control",
    "time": "2026-06-01T12:00:00.000Z",
    "local_time": "2026-06-01T14:00:00+02:00",
    "timezone": "Europe/Copenhagen",
    "uptime_s": 12.5,
    "control": {"ticks": 12, "missed_ticks": 1, "period_s": 1.0, "last_tick_s": 0.004, "state": "NORMAL"},
    "meters": [
        {
            "id": "grid",
            "age_s": 0.1,
            "ok": True,
            "problem": None,
            "current_a": [10.0, -11.0, 12.0],
            "voltage_v": [230.0, 231.0, 232.0],
            "power_w": 2500.0,
        },
        {
            "id": "deck",
            "age_s": None,
            "ok": False,
            "problem": "no answer",
            "current_a": None,
            "voltage_v": None,
            "power_w": None,
        },
    ],
    "circuits": [
        {
            "id": "main",
            "parent": None,
            "fuse_a": 63.0,
            "rating_a": 61.0,
            "measured_a": [10.0, -11.0, 12.0],
            "measured_age_s": 0.2,
            "measured_stale": False,
            "draw_a": [3.0, 0.0, 0.0],
            "background_a": [4.0, 0.0, 1.0],
            "headroom_a": [51.0, 61.0, 49.0],
            "exposure_a": [6.0, 6.0, 6.0],
        }
    ],
    "stations": [
        {
            "id": "CP-01",
            "connected": True,
            "cloud_connected": False,
            "vendor": "ACME",
            "model": None,
            "evses": [
                {
                    "id": 1,
                    "status": "Charging",
                    "transaction_id": "7",
                    "limit_a": 6.0,
                    "accepted_a": None,
                    "exposure_a": 6.0,
                    "draw_a": [5.9, 5.8, 6.0],
                    "phases": ["L1", "L2", "L3"],
                    "phases_in_use": ["L1", "L2", "L3"],
                    "need": {"energy_wanted_wh": 8000.0, "time_left_s": 7200.0},
                    "reason": "CIRCUIT_FULL",
                    "text": "6.0 A: main L3 is full",
                }
            ],
        }
    ],
    "waiting_stations": [
        {"id": "CP-99", "address": "10.0.0.9", "vendor": None, "model": None, "serial": None, "since": None}
    ],
}

# What the daemon shows before its first tick is complete.
STARTING: dict[str, Any] = {
    "version": "0.1.0",
    "site": "harbour-3",
    "time": "2026-06-01T12:00:00.000Z",
    "local_time": "2026-06-01T14:00:00+02:00",
    "timezone": "Europe/Copenhagen",
    "uptime_s": 0.1,
    "control": {"state": "STARTING"},
    "waiting_stations": [],
}


class Controller:
    """What the API is made from."""

    def __init__(self) -> None:
        self.report: Mapping[str, Any] = REPORT
        self.is_healthy = True


@pytest.fixture
def controller() -> Controller:
    return Controller()


@pytest.fixture
async def client(controller: Controller) -> AsyncIterator[httpx.AsyncClient]:
    app = make_app(status=lambda: controller.report, healthy=lambda: controller.is_healthy, needs=FakeNeeds())
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://gateway") as each:
        yield each


def samples(text: str) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """Every sample by its name and labels, as Prometheus reads them."""
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


async def test_status_is_the_report(client: httpx.AsyncClient) -> None:
    """GET /api/v1/status gives the report as it is."""
    answer = await client.get("/api/v1/status")
    assert answer.headers["content-type"] == "application/json"
    assert orjson.loads(answer.content) == REPORT


@pytest.mark.parametrize(("is_healthy", "code"), [(True, 200), (False, 503)])
async def test_health(client: httpx.AsyncClient, controller: Controller, *, is_healthy: bool, code: int) -> None:
    """GET /healthz tells in its code whether the control loop is alive."""
    controller.is_healthy = is_healthy
    answer = await client.get("/healthz")
    assert (answer.status_code, answer.json()) == (code, {"healthy": is_healthy})
    asked = await client.head("/healthz")  # as monitors and balancers do that want no more than the code
    assert asked.status_code == code


@pytest.mark.parametrize("report", [REPORT, STARTING])
def test_description_fits_the_report(report: dict[str, Any]) -> None:
    """The shape that OpenAPI describes is that of the report, running and starting."""
    assert Report.model_validate(report).site == "harbour-3"


async def test_openapi(client: httpx.AsyncClient) -> None:
    """The description is served and names every path; no page is, that would need scripts from elsewhere."""
    description = (await client.get("/api/openapi.json")).json()
    need = "/api/v1/stations/{station}/evses/{evse}/need"
    assert set(description["paths"]) == {
        "/api/v1/status",
        "/api/v1/stations/{station}/trace",
        "/healthz",
        "/metrics",
        need,
    }
    assert set(description["paths"][need]) == {"put", "delete"}
    assert description["info"]["version"] == __version__
    assert {"Report", "CircuitReport", "EvseReport"} <= set(description["components"]["schemas"])
    for page in ("/docs", "/redoc", "/openapi.json"):
        assert (await client.get(page)).status_code == 404


async def test_metrics(client: httpx.AsyncClient) -> None:
    """GET /metrics gives the report's figures with their labels; what isn't known has no sample."""
    answer = await client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    found = samples(answer.text)
    assert found["edge_info", (("mode", "control"), ("site", "harbour-3"), ("version", "0.1.0"))] == 1
    assert found["edge_control_ticks_total", ()] == 12
    assert found["edge_control_missed_ticks_total", ()] == 1
    assert found["edge_control_state", (("state", "NORMAL"),)] == 1
    for state in ("STARTING", "METER_LATE", "METER_STALE", "RECOVERING"):
        assert found["edge_control_state", (("state", state),)] == 0
    assert found["edge_meter_up", (("meter", "deck"),)] == 0
    assert found["edge_meter_current_amperes", (("meter", "grid"), ("phase", "L2"))] == -11
    assert ("edge_meter_power_watts", (("meter", "deck"),)) not in found
    assert found["edge_circuit_headroom_amperes", (("circuit", "main"), ("phase", "L3"))] == 49
    evse = (("evse", "1"), ("station", "CP-01"))
    assert found["edge_evse_limit_amperes", evse] == 6
    assert ("edge_evse_accepted_amperes", evse) not in found
    assert found["edge_evse_draw_amperes", (("evse", "1"), ("phase", "L3"), ("station", "CP-01"))] == 6
    assert found["edge_evse_status", (("evse", "1"), ("station", "CP-01"), ("status", "Charging"))] == 1
    assert found["edge_station_cloud_connected", (("station", "CP-01"),)] == 0
    assert found["edge_stations_waiting", ()] == 1
    assert all(name.startswith("edge_") for name, _ in found)


async def test_metrics_tell_of_no_cloud_where_there_is_none(client: httpx.AsyncClient, controller: Controller) -> None:
    """An alert on a station whose cloud is away would never end."""
    controller.report = REPORT | {"has_cloud": False}
    assert not [name for name, _ in samples((await client.get("/metrics")).text) if "cloud" in name]


async def test_metrics_have_no_draw_that_is_too_old(client: httpx.AsyncClient, controller: Controller) -> None:
    """A car that left while its station was away draws nothing that anybody has measured."""
    (station,) = REPORT["stations"]
    old = [each | {"draw_age_s": 7200.0, "draw_stale": True} for each in station["evses"]]
    controller.report = REPORT | {"stations": [station | {"evses": old}]}
    found = samples((await client.get("/metrics")).text)
    assert not [name for name, _ in found if name == "edge_evse_draw_amperes"]
    assert [name for name, _ in found if name == "edge_evse_limit_amperes"]


async def test_metrics_have_no_values_of_a_lost_meter(client: httpx.AsyncClient, controller: Controller) -> None:
    """A graph, or an alert on a current, went on with what it had last shown; its age and that it is lost are told."""
    meters, circuits = REPORT["meters"], REPORT["circuits"]
    controller.report = REPORT | {
        "meters": [each | {"ok": False, "age_s": 900.0} for each in meters],
        "circuits": [each | {"measured_age_s": 900.0, "measured_stale": True} for each in circuits],
    }
    found = samples((await client.get("/metrics")).text)
    lost = {"edge_meter_current_amperes", "edge_meter_voltage_volts", "edge_meter_power_watts"}
    assert not {name for name, _ in found} & {*lost, "edge_circuit_current_amperes"}
    assert found["edge_meter_age_seconds", (("meter", "grid"),)] == 900
    assert found["edge_meter_up", (("meter", "grid"),)] == 0


async def test_metrics_tell_when_certificates_end(client: httpx.AsyncClient, controller: Controller) -> None:
    """In seconds since 1970, for whoever has alerts of his own; none of a file that can't be read."""
    good = {"use": "stations", "place": "/a.pem", "state": "GOOD", "days_left": 12.0, "problem": None}
    bad = good | {"use": "cloud", "expires_at": None, "state": "UNREADABLE", "days_left": None, "problem": "gone"}
    controller.report = REPORT | {"certificates": [good | {"expires_at": "2026-06-13T12:00:00Z"}, bad]}
    assert Report.model_validate(controller.report).certificates[1].problem == "gone"
    found = samples((await client.get("/metrics")).text)
    name = "edge_certificate_expiry_timestamp_seconds"
    assert {key: value for key, value in found.items() if key[0] == name} == {
        (name, (("place", "/a.pem"), ("use", "stations"))): 1781352000.0
    }


async def test_metrics_follow_the_report(client: httpx.AsyncClient, controller: Controller) -> None:
    """Each scrape shows the report of its moment; a controller that starts is scraped without an error."""
    await client.get("/metrics")
    controller.report = STARTING
    answer = await client.get("/metrics")
    assert answer.status_code == 200
    found = samples(answer.text)
    assert found["edge_control_state", (("state", "STARTING"),)] == 1
    assert not any(name.startswith("edge_circuit") for name, _ in found)


async def test_names_of_stations_are_escaped_in_metrics(client: httpx.AsyncClient, controller: Controller) -> None:
    """A station whose name has quotes and line ends in it can't break the exposition."""
    name = 'a"b\\c\nedge_control_ticks_total 666'
    controller.report = REPORT | {"stations": [REPORT["stations"][0] | {"id": name}]}
    found = samples((await client.get("/metrics")).text)
    assert found["edge_station_connected", (("station", name),)] == 1
    assert found["edge_control_ticks_total", ()] == 12

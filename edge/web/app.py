"""The local API and page, on a TCP address of the gateway and on the control socket."""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any

import orjson
from fastapi import FastAPI, Request, Response
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from edge import __version__
from edge.control.ports import NeedPort, StatusReport
from edge.web.identify import identify_routes
from edge.web.metrics import registry
from edge.web.needs import need_routes
from edge.web.page import page_routes
from edge.web.report import Report
from edge.web.trial import Begin, trial_routes

JSON = "application/json"

_STATUS: dict[int | str, dict[str, Any]] = {200: {"model": Report}}
_METRICS: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/plain": {"schema": {"type": "string"}}}, "description": "Prometheus exposition format"}
}
_TRACE: dict[int | str, dict[str, Any]] = {
    200: {"description": "time, way, text and length of each frame, oldest first."},
    404: {"description": "No station of the site has this id."},
}
_HEALTH: dict[int | str, dict[str, Any]] = {
    200: {"description": "The control loop completes its ticks.", "content": {JSON: {"example": {"healthy": True}}}},
    503: {"description": "It has completed none lately.", "content": {JSON: {"example": {"healthy": False}}}},
}


def make_app(
    *,
    status: Callable[[], StatusReport],
    healthy: Callable[[], bool],
    needs: NeedPort,
    trace: Callable[[str], Sequence[Mapping[str, Any]] | None] = lambda _: None,
    identify: Callable[[str], Awaitable[str]] | None = None,
    try_out: Begin | None = None,
    collectors: Iterable[Collector] = (),
) -> FastAPI:
    """The API. ``status`` gives the report as plain JSON values, ``healthy`` whether the control loop is alive.

    ``needs`` takes what cars need; ``trace`` gives a station's last frames, None of a station that isn't there;
    ``identify`` lets a waiting station show itself; ``try_out`` limits an EVSE for a while; ``collectors`` have metrics
    of their own. All are called in the event loop's thread, with each request.
    """
    # No documentation pages: they would load their scripts from the Internet, which a charger LAN doesn't have.
    app = FastAPI(
        title="Edge controller", version=__version__, openapi_url="/api/openapi.json", docs_url=None, redoc_url=None
    )
    metrics = registry(status)
    for collector in collectors:
        metrics.register(collector)

    @app.get("/api/v1/status", response_class=Response, responses=_STATUS)
    async def read_status() -> Response:
        """The site as the last completed tick saw it."""
        return Response(orjson.dumps(status()), media_type=JSON)

    @app.get("/api/v1/stations/{station:path}/trace", response_class=Response, responses=_TRACE)
    async def read_trace(station: str) -> Response:
        """The last frames between a station and its cloud, without drivers' tokens."""
        frames = trace(station)
        if frames is None:
            return Response(orjson.dumps({"detail": "no such station"}), media_type=JSON, status_code=404)
        return Response(orjson.dumps(list(frames)), media_type=JSON)

    @app.head("/healthz", include_in_schema=False)  # some monitors ask nothing else
    @app.get("/healthz", response_class=Response, responses=_HEALTH)
    async def read_health() -> Response:
        """Whether the control loop is alive."""
        is_healthy = healthy()
        return Response(orjson.dumps({"healthy": is_healthy}), media_type=JSON, status_code=200 if is_healthy else 503)

    @app.get("/metrics", response_class=Response, responses=_METRICS)
    async def read_metrics(request: Request) -> Response:
        """The same figures for Prometheus."""
        encode, content_type = choose_encoder(request.headers.get("accept", ""))
        return Response(encode(metrics), headers={"content-type": content_type})

    app.include_router(page_routes(status))
    app.include_router(need_routes(needs))
    if try_out is not None:
        app.include_router(trial_routes(try_out))
    if identify is not None:
        app.include_router(identify_routes(identify))
    return app

"""A waiting station made to show itself, over the API: by who is on this machine only."""

from collections.abc import Awaitable, Callable
from typing import Any

import orjson
from fastapi import APIRouter, Request, Response

from edge.web.local import is_local

JSON = "application/json"
WAYS = ("blink", "lock")
_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {"description": "It shows itself: how."},
    403: {"description": "Asked from another machine."},
    409: {"description": "It doesn't: why."},
}


def identify_routes(identify: Callable[[str], Awaitable[str]]) -> APIRouter:
    """``POST /api/v1/waiting/{station}/identify``."""
    router = APIRouter()

    @router.post("/api/v1/waiting/{station:path}/identify", response_class=Response, responses=_RESPONSES)
    async def identify_station(station: str, request: Request) -> Response:
        """Let a station that waits to be adopted blink, or move its lock."""
        if not is_local(request):
            return _answer({"error": "stations are commanded from this machine only"}, 403)
        how = await identify(station)
        return _answer({"how": how}, 200) if how in WAYS else _answer({"error": how}, 409)

    return router


def _answer(body: dict[str, str], code: int) -> Response:
    return Response(orjson.dumps(body), media_type=JSON, status_code=code)

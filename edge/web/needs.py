"""What a car needs until it leaves, stated or withdrawn over the API: by who is on this machine only."""

from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Request, Response
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from edge.control.ports import NeedPort
from edge.domain.site import EvseKey
from edge.errors import EvseUnknown, NeedError, NeedImplausible, NoSession, TimeUntrusted
from edge.web.local import is_local

JSON = "application/json"
LONGEST_BODY = 4096  # bytes; a need has about a hundred
FORBIDDEN, TOO_LONG, UNUSABLE = 403, 413, 422
CODES: dict[type[NeedError], int] = {EvseUnknown: 404, NoSession: 409, NeedImplausible: UNUSABLE, TimeUntrusted: 503}


class NeedStatement(BaseModel):
    """Energy from now on, and when the car leaves: ISO 8601 with its zone."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)

    energy_wanted_wh: Annotated[float, Field(gt=0, examples=[12000])]
    departure_at: Annotated[AwareDatetime, Field(examples=["2026-11-21T17:00:00Z"])]


class Refusal(BaseModel):
    """Why it was refused, in a sentence."""

    error: str


_REFUSALS: dict[int | str, dict[str, Any]] = {
    FORBIDDEN: {"model": Refusal, "description": "Asked from another machine."},
    404: {"model": Refusal, "description": "The site has no such EVSE."},
}
_STATED: dict[int | str, dict[str, Any]] = {
    204: {"description": "Noted. The status shows what is left of it."},
    409: {"model": Refusal, "description": "No session runs at the EVSE."},
    TOO_LONG: {"model": Refusal, "description": "The body is longer than any need."},
    UNUSABLE: {"model": Refusal, "description": "It can't be meant, or isn't in this form."},
    503: {"model": Refusal, "description": "The gateway's clock isn't set."},
    **_REFUSALS,
}
_WITHDRAWN: dict[int | str, dict[str, Any]] = {
    204: {"description": "Nothing is known any more of what the car needs."},
    **_REFUSALS,
}
_BODY = {"requestBody": {"required": True, "content": {JSON: {"schema": NeedStatement.model_json_schema()}}}}
# What pydantic's error types mean, in the words of who wrote the body.
_PROBLEMS = {
    "missing": "is missing",
    "extra_forbidden": "is an unknown key",
    "greater_than": "is not above 0",
    "float_type": "is no number",
    "finite_number": "is no finite number",
    "timezone_aware": "has no zone",
}
_REMEDIES = {
    "energy_wanted_wh": "give Wh from now on, for example 12000",
    "departure_at": "give ISO 8601 with its zone, for example 2026-11-21T17:00:00Z",
}
_KEYS = f"the keys are {' and '.join(_REMEDIES)}"


def need_routes(needs: NeedPort) -> APIRouter:
    """``PUT`` and ``DELETE /api/v1/stations/{station}/evses/{evse}/need``."""
    router = APIRouter()
    # A station's identity may have a slash in it.
    path = "/api/v1/stations/{station:path}/evses/{evse}/need"

    @router.put(path, status_code=204, response_class=Response, responses=_STATED, openapi_extra=_BODY)
    async def state_need(station: str, evse: str, request: Request) -> Response:
        """State what the car of the running session wants before it leaves; replaces what was stated before."""
        if not is_local(request):
            return _refused(FORBIDDEN, _ELSEWHERE)
        body = await _body(request)
        if body is None:
            return _refused(TOO_LONG, f"the body is longer than {LONGEST_BODY} bytes; {_KEYS}")
        try:
            need = NeedStatement.model_validate_json(body)
            needs.state(_key(station, evse), need.energy_wanted_wh, need.departure_at)
        except ValidationError as error:
            return _refused(UNUSABLE, _sentence(error))
        except NeedError as error:
            return _refused(CODES[type(error)], str(error))
        return Response(status_code=204)

    @router.delete(path, status_code=204, response_class=Response, responses=_WITHDRAWN)
    async def withdraw_need(station: str, evse: str, request: Request) -> Response:
        """Forget what was stated."""
        if not is_local(request):
            return _refused(FORBIDDEN, _ELSEWHERE)
        try:
            needs.withdraw(_key(station, evse))
        except NeedError as error:
            return _refused(CODES[type(error)], str(error))
        return Response(status_code=204)

    return router


_ELSEWHERE = "needs are taken from this machine only; use the control socket, or a loopback address"


def _key(station: str, evse: str) -> EvseKey:
    """:raises EvseUnknown: the number is none."""
    if not (evse.isascii() and evse.isdigit() and len(evse) <= len("100000")):
        raise EvseUnknown(f"'{evse}' is no number of an EVSE", remedy="edge status lists them")
    return EvseKey(station=station, evse=int(evse))


async def _body(request: Request) -> bytes | None:
    """All of it, or None where it is too long."""
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > LONGEST_BODY:
            return None
    return body


def _sentence(error: ValidationError) -> str:
    first = error.errors(include_url=False)[0]
    if first["type"] == "json_invalid" or not first["loc"]:
        return f"the body is no JSON object; {_KEYS}"
    key = str(first["loc"][0])
    return f"{key} {_PROBLEMS.get(first['type'], 'is no time')}; {_REMEDIES.get(key, _KEYS)}"


def _refused(code: int, sentence: str) -> Response:
    return Response(orjson.dumps({"error": sentence}), media_type=JSON, status_code=code)

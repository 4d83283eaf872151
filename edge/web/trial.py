"""A limit for trial over the API, for the commissioning: by who is on this machine only."""

from collections.abc import Callable
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from edge.domain.site import EvseKey
from edge.errors import EvseUnknown, NeedError
from edge.units import Amps, Seconds
from edge.web.local import is_local

JSON = "application/json"
Begin = Callable[[EvseKey, Amps, Seconds], None]


class TrialStatement(BaseModel):
    """The most that the EVSE may draw, and for how long."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)

    limit_a: Annotated[float, Field(ge=0, examples=[6])]
    for_s: Annotated[float, Field(gt=0, examples=[60])]


_RESPONSES: dict[int | str, dict[str, Any]] = {
    204: {"description": "It holds, and ends by itself."},
    403: {"description": "Asked from another machine."},
    404: {"description": "The site has no such EVSE."},
    422: {"description": "It can't be meant, or isn't in this form."},
}
_BODY = {"requestBody": {"required": True, "content": {JSON: {"schema": TrialStatement.model_json_schema()}}}}


def trial_routes(begin: Begin) -> APIRouter:
    """``PUT /api/v1/stations/{station}/evses/{evse}/trial``."""
    router = APIRouter()
    path = "/api/v1/stations/{station:path}/evses/{evse}/trial"

    @router.put(path, status_code=204, response_class=Response, responses=_RESPONSES, openapi_extra=_BODY)
    async def begin_trial(station: str, evse: int, request: Request) -> Response:
        """Limit an EVSE for a while, to see whether it obeys."""
        if not is_local(request):
            return _refused(403, "stations are commanded from this machine only")
        try:
            trial = TrialStatement.model_validate_json(await request.body())
            begin(EvseKey(station=station, evse=evse), trial.limit_a, trial.for_s)
        except ValidationError:
            return _refused(422, "the body is no trial; the keys are limit_a and for_s")
        except EvseUnknown as error:
            return _refused(404, str(error))
        except NeedError as error:
            return _refused(422, str(error))
        return Response(status_code=204)

    return router


def _refused(code: int, sentence: str) -> Response:
    return Response(orjson.dumps({"error": sentence}), media_type=JSON, status_code=code)

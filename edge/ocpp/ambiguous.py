"""CALLs of the cloud that a station may read otherwise than we do: what was judged here isn't what it does then.

Of a name that is twice in an object our reader takes the last, others take the first (RFC 8259 §4: names SHOULD be
unique). Some look names up whatever their letter case (cJSON's cJSON_GetObjectItem), some do so with actions. What is
signed may hold what our reader can't read, and theirs can. No cloud writes so that keeps to OCPP.
"""

import json
from collections.abc import Iterator

import orjson

from edge.ocpp import signed
from edge.ocpp.routing import FROM_CLOUD, Route
from edge.ocpp.versions import Version
from edge.ocpp.wire import Call

# Routes of what the station is told only where it suits us: by these a judgement hangs on what the payload says.
JUDGED = frozenset({Route.OWN, Route.SCREEN, Route.GUARD})

_NAMES = (
    "key value setVariableData component variable name attributeType attributeValue "
    "chargingProfile csChargingProfiles id chargingProfileId chargingProfileCriteria "
    "connectorId evseId chargingProfilePurpose stackLevel payload"
)
_SPELLING = {name.casefold(): name for name in _NAMES.split()}  # of what is looked at
_VENDORS_OWN = "customData"  # 2.x: nobody judges by what is in it
_ACTIONS = {
    version: {action.casefold() for action, way in routes.items() if way in JUDGED}
    for version, routes in FROM_CLOUD.items()
}


class _Members(list[tuple[str, object]]):
    """An object's, in their order, with those that are there twice."""


def misspelt(call: Call, version: Version) -> bool:
    """Whether the action is one of those that are judged, but for the case of its letters."""
    action = signed.action_of(call)
    return action not in FROM_CLOUD[version] and action.casefold() in _ACTIONS[version]


def is_ambiguous(call: Call) -> bool:
    """Whether a CALL may be read otherwise: as a whole, or what is signed in it."""
    if _is_odd(json.loads(call.text, object_pairs_hook=_Members)):
        return True
    if signed.action_of(call) == call.action:
        return False
    inner = signed.encapsulated(call)
    try:
        plain = orjson.loads(inner) if inner is not None else None  # as it is judged: theirs may read more than ours
        return not isinstance(plain, dict) or inner is None or _is_odd(json.loads(inner, object_pairs_hook=_Members))
    except (ValueError, RecursionError):
        return True


def _is_odd(value: object) -> bool:
    """Whether an object in it has a name twice, or one of :data:`_NAMES` in other letters."""
    waiting = [value]
    while waiting:
        value = waiting.pop()
        if isinstance(value, _Members):
            names = [name.casefold() for name, _ in value]
            if len(set(names)) < len(names) or any(_SPELLING.get(name.casefold(), name) != name for name, _ in value):
                return True
        waiting += _inner(value)
    return False


def _inner(value: object) -> Iterator[object]:
    if isinstance(value, _Members):
        return (inner for name, inner in value if name != _VENDORS_OWN)
    return iter(value) if isinstance(value, list) else iter(())

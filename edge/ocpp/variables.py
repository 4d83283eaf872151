"""What a station's answers say of its configuration: keys of OCPP 1.6, variables of 2.x. Sans-I/O.

They are known by component and name without regard to case (CiString50Type in 1.6, identifierString in 2.x); instances
and EVSEs mean nothing.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from edge.ocpp.dossier import Variable
from edge.ocpp.fields import elements, fields, text

Entry = Mapping[str, Any]

ACCEPTED = "Accepted"
TAKEN = frozenset({ACCEPTED, "RebootRequired"})  # a write that holds now, or after the next boot
_UNKNOWN = frozenset({"UnknownComponent", "UnknownVariable"})  # 2.x part 2 §3, GetVariableStatusEnumType


def names_of(entry: Entry) -> Sequence[str]:
    """Component and variable of an entry of 2.x, as they are written."""
    component, variable = fields(entry.get("component")), fields(entry.get("variable"))
    return text(component.get("name")) or "", text(variable.get("name")) or ""


def variable_of(entry: Entry, *, is_v2: bool) -> Variable:
    """Of which key or variable an entry is."""
    component, name = names_of(entry) if is_v2 else ("", text(entry.get("key")) or "")
    return component.casefold(), name.casefold()


def is_actual(entry: Entry) -> bool:
    """Whether it is about the value itself, and not about its target or its bounds (2.x part 2 §3.2)."""
    return bool(entry.get("attributeType", "Actual") == "Actual")


def values(answer: Entry, *, is_v2: bool, with_read_only: bool = True) -> list[tuple[Variable, str]]:
    """What the answer to a GetConfiguration or GetVariables tells of each."""
    if is_v2:
        results = [each for each in map(fields, elements(answer.get("getVariableResult"))) if is_actual(each)]
        found = [(variable_of(each, is_v2=True), each.get("attributeValue")) for each in results]
    else:
        keys = map(fields, elements(answer.get("configurationKey")))
        told = [each for each in keys if with_read_only or each.get("readonly") is not True]
        found = [(variable_of(each, is_v2=False), each.get("value")) for each in told]
    return [(each, value) for each, value in found if isinstance(value, str)]


def unknown(answer: Entry, *, is_v2: bool) -> list[Variable]:
    """Which of those asked for the station says that it hasn't."""
    if not is_v2:
        return [variable_of({"key": each}, is_v2=False) for each in elements(answer.get("unknownKey"))]
    results = map(fields, elements(answer.get("getVariableResult")))
    return [variable_of(each, is_v2=True) for each in results if text(each.get("attributeStatus")) in _UNKNOWN]


def taken(
    request: Entry, answer: Entry, *, is_v2: bool, statuses: Collection[str] = TAKEN
) -> list[tuple[Variable, str]]:
    """What the station has taken over of a ChangeConfiguration or SetVariables, with one of these statuses."""
    if not is_v2:
        value = request.get("value")
        if text(answer.get("status")) not in statuses or not isinstance(value, str):
            return []
        return [(variable_of(request, is_v2=False), value)]
    results = map(fields, elements(answer.get("setVariableResult")))
    over = {variable_of(each, is_v2=True) for each in results if text(each.get("attributeStatus")) in statuses}
    asked = [each for each in map(fields, elements(request.get("setVariableData"))) if is_actual(each)]
    wanted = [(variable_of(each, is_v2=True), each.get("attributeValue")) for each in asked]
    return [(each, value) for each, value in wanted if each in over and isinstance(value, str)]

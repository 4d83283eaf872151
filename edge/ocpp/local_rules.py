"""What a station's configuration says of cards while its cloud is away: it binds whoever stands in for that, too.

Nothing of it is written by the gateway, and the cloud's writes pass.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from edge.domain.token import LocalRules
from edge.ocpp.dossier import Variable
from edge.ocpp.fields import elements, fields, text

# By whether the edition is of 2.x; what each stands for in :class:`LocalRules`. Sources: OCPP 1.6 §3.5, §9.1.2, §9.1.12
# and §9.2.1; 2.x part 2 C12, C13, and §2 (component criteria).
VARIABLES: Mapping[bool, Mapping[Variable, str]] = {
    False: {
        ("", "LocalAuthorizeOffline"): "offline",
        ("", "AuthorizationCacheEnabled"): "cache",
        ("", "LocalAuthListEnabled"): "listed",
    },
    True: {
        ("AuthCtrlr", "LocalAuthorizeOffline"): "offline",
        ("AuthCacheCtrlr", "Enabled"): "cache",
        ("LocalAuthListCtrlr", "Enabled"): "listed",
    },
}
_BY_NAME = {
    is_v2: {(component.casefold(), name.casefold()): rule for (component, name), rule in variables.items()}
    for is_v2, variables in VARIABLES.items()
}
_FLAGS = {"true": True, "false": False}
_TAKEN = "Accepted"  # what wants a reboot holds after that, and is told then
_UNKNOWN = frozenset({"UnknownComponent", "UnknownVariable"})  # 2.x part 2 §3, GetVariableStatusEnumType
_ALLOWED = "true"  # what a station hasn't forbids nothing: another may have taken the place of one that has it


def learned(rules: LocalRules, action: str, request: object, answer: object) -> LocalRules:
    """What holds after the station has answered this CALL, of the cloud or ours. What it says nothing of stays."""
    asked, told = fields(request), fields(answer)
    match action:
        case "GetConfiguration":
            entries = [(_key(each), each.get("value")) for each in map(fields, elements(told.get("configurationKey")))]
            entries += [(_key({"key": each}), _ALLOWED) for each in elements(told.get("unknownKey"))]
        case "ChangeConfiguration" if told.get("status") == _TAKEN:
            entries = [(_key(asked), asked.get("value"))]
        case "GetVariables":
            results = elements(told.get("getVariableResult"))
            missing = [each for each in map(fields, results) if each.get("attributeStatus") in _UNKNOWN]
            entries = [*_actual(results), *((_variable(each), _ALLOWED) for each in missing)]
        case "SetVariables":
            taken = {variable for variable, _ in _actual(told.get("setVariableResult"))}
            wanted = map(fields, elements(asked.get("setVariableData")))
            written = [(_variable(each), each.get("attributeValue")) for each in wanted if _is_actual(each)]
            entries = [each for each in written if each[0] in taken]
        case _:
            return rules
    names = _BY_NAME[action.endswith("Variables")]
    for variable, value in entries:
        rule, flag = names.get(variable), _FLAGS.get((text(value) or "").strip().casefold())
        if rule is not None and flag is not None:
            rules = replace(rules, **{rule: flag})
    return rules


def _actual(results: object) -> Iterator[tuple[Variable, Any]]:
    """Those of the results that are good, with their values."""
    for each in map(fields, elements(results)):
        if each.get("attributeStatus") == _TAKEN and _is_actual(each):
            yield _variable(each), each.get("attributeValue")


def _is_actual(entry: Mapping[str, Any]) -> bool:
    return bool(entry.get("attributeType", "Actual") == "Actual")


def _key(entry: Mapping[str, Any]) -> Variable:
    return "", (text(entry.get("key")) or "").casefold()


def _variable(entry: Mapping[str, Any]) -> Variable:
    component, variable = fields(entry.get("component")), fields(entry.get("variable"))
    return (text(component.get("name")) or "").casefold(), (text(variable.get("name")) or "").casefold()

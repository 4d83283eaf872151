"""What a station's configuration says of cards while its cloud is away: it binds whoever stands in for that, too.

Nothing of it is written by the gateway, and the cloud's writes pass.
"""

from collections.abc import Mapping
from dataclasses import replace

from edge.domain.token import LocalRules
from edge.ocpp.dossier import Variable
from edge.ocpp.fields import fields
from edge.ocpp.variables import ACCEPTED, taken, unknown, values

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
_ALLOWED = "true"  # what a station hasn't forbids nothing: another may have taken the place of one that has it


def learned(rules: LocalRules, action: str, request: object, answer: object) -> LocalRules:
    """What holds after the station has answered this CALL, of the cloud or ours. What it says nothing of stays."""
    told, is_v2 = fields(answer), action.endswith("Variables")
    match action:
        case "GetConfiguration" | "GetVariables":
            entries = values(told, is_v2=is_v2)
            entries += [(each, _ALLOWED) for each in unknown(told, is_v2=is_v2)]
        case "ChangeConfiguration" | "SetVariables":
            # What wants a reboot holds after that, and is told then.
            entries = taken(fields(request), told, is_v2=is_v2, statuses=(ACCEPTED,))
        case _:
            return rules
    for variable, value in entries:
        rule, flag = _BY_NAME[is_v2].get(variable), _FLAGS.get(value.strip().casefold())
        if rule is not None and flag is not None:
            rules = replace(rules, **{rule: flag})
    return rules

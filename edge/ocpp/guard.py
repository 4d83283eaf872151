"""What control needs of a station's configuration, guarded against the cloud's writes. Sans-I/O.

The station is to sample often enough, and current and power among the rest: a superset of what the cloud wants. The
cloud's writes pass as they are; what they take away is written again behind them, and the cloud reads back what it
wrote. Writes that would lead the station past the gateway are refused.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

import orjson

from edge.ocpp.arbiter import OwnCall
from edge.ocpp.dossier import Dossier, Variable
from edge.ocpp.fields import elements, fields, text, whole_number
from edge.ocpp.versions import Version
from edge.ocpp.wire import Call, CallError, CallResult, MessageType

SAMPLE_EVERY_S = 10  # a car takes 5 s to follow a limit, and an overload must be seen before a fuse minds
MEASURANDS = ("Current.Import", "Power.Active.Import", "Energy.Active.Import.Register")


class Kind(Enum):
    """How a variable's value and what we need of it go together."""

    INTERVAL = auto()  # in s: the shorter; 0 means never
    LIST = auto()  # separated by commas: both


@dataclass(frozen=True, slots=True, kw_only=True)
class Guarded:
    """A variable: ``component`` is empty in OCPP 1.6, where ``name`` is a configuration key."""

    component: str
    name: str
    kind: Kind

    def wanted(self, has: str) -> str | None:
        """The value that control wants where the station has this one; None when that will do."""
        if self.kind is Kind.INTERVAL:
            seconds = whole_number(has)
            enough = seconds is not None and 0 < seconds <= SAMPLE_EVERY_S
            return None if enough else str(SAMPLE_EVERY_S)
        names = [name.strip() for name in has.split(",") if name.strip()]
        lacking = [name for name in MEASURANDS if name not in names]
        return ",".join((*names, *lacking)) if lacking else None


# OCPP 1.6 §9.1.16, §9.1.17; OCPP 2.x part 2 §2.7 SampledDataCtrlr.
_GUARDED_V16 = (
    Guarded(component="", name="MeterValueSampleInterval", kind=Kind.INTERVAL),
    Guarded(component="", name="MeterValuesSampledData", kind=Kind.LIST),
)
_GUARDED_V2 = (
    Guarded(component="SampledDataCtrlr", name="TxUpdatedInterval", kind=Kind.INTERVAL),
    Guarded(component="SampledDataCtrlr", name="TxUpdatedMeasurands", kind=Kind.LIST),
)

# Writes that would lead the station past the gateway, or lock it out of it: its key, its security profile, its
# identity, the address of its CSMS. (1.6 security whitepaper §3.1 and §2; OCPP 2.x part 2 §2.2 and §2.1.)
_LEADS_AWAY = frozenset(
    {
        ("", "authorizationkey"),
        ("", "securityprofile"),
        ("", "centralsystemurl"),
        ("", "backendurl"),
        ("", "ocppserverurl"),
        ("securityctrlr", "basicauthpassword"),
        ("securityctrlr", "identity"),
        ("ocppcommctrlr", "networkconfigurationpriority"),
    }
)


class Guard:
    """Guards one station. It forgets nothing: what the cloud wrote is the cloud's to read."""

    def __init__(self, version: Version, dossier: Dossier) -> None:
        self._v2 = version.is_v2
        guarded = _GUARDED_V2 if self._v2 else _GUARDED_V16
        self._guarded: Mapping[Variable, Guarded] = {(each.component, each.name): each for each in guarded}
        self._dossier = dossier
        self._clouds = dossier.cloud_wrote

    @property
    def asks(self) -> tuple[Variable, ...]:
        """What a station that has connected is to be asked."""
        return tuple(self._guarded)

    def learn(self, answer: Mapping[str, Any]) -> list[OwnCall]:
        """The station's answer to that; return what is to be written."""
        writes = []
        for variable, has in self._values(answer):
            guarded = self._guarded.get(variable)
            if guarded is None:
                continue
            wanted = guarded.wanted(has)
            if wanted is not None:
                self._clouds[variable] = has
                writes.append(self._write(guarded, wanted))
        self._dossier.keep()
        return writes

    def refusal(self, call: Call) -> Mapping[str, Any] | None:
        """What to answer a CALL of the cloud that would lead the station away; None for all others.

        Of several variables in one SetVariables none is passed on then: each is answered as rejected.
        """
        payload = fields(call.payload)
        match call.action:
            case "ChangeConfiguration":
                key = (text(payload.get("key")) or "").casefold()
                return {"status": "Rejected"} if ("", key) in _LEADS_AWAY else None
            case "SetNetworkProfile":
                return {"status": "Rejected"}
            case "SetVariables":
                data = [fields(each) for each in elements(payload.get("setVariableData"))]
                if not any(tuple(part.casefold() for part in _variable(each)) in _LEADS_AWAY for each in data):
                    return None
                return {
                    "setVariableResult": [
                        {
                            "attributeStatus": "Rejected",
                            "component": each.get("component", {}),
                            "variable": each.get("variable", {}),
                        }
                        for each in data
                    ]
                }
            case _:
                return None

    def answered(self, call: Call, answer: CallResult | CallError) -> tuple[str, list[OwnCall]]:
        """The station's answer to a CALL of the cloud: the text to pass up, and what is to be written behind it."""
        payload = fields(answer.payload) if isinstance(answer, CallResult) else {}
        match call.action:
            case "ChangeConfiguration" | "SetVariables":
                return answer.text, self._cloud_wrote(fields(call.payload), payload)
            case "GetConfiguration" | "GetVariables":
                return self._as_the_cloud_wrote(answer, payload), []
            case _:
                return answer.text, []

    def _cloud_wrote(self, request: Mapping[str, Any], answer: Mapping[str, Any]) -> list[OwnCall]:
        writes = []
        for variable, value in self._accepted(request, answer):
            guarded = self._guarded.get(variable)
            if guarded is None:
                continue
            wanted = guarded.wanted(value)
            if wanted is None:
                self._clouds.pop(variable, None)
            else:
                self._clouds[variable] = value
                writes.append(self._write(guarded, wanted))
        self._dossier.keep()
        return writes

    def _accepted(self, request: Mapping[str, Any], answer: Mapping[str, Any]) -> list[tuple[Variable, str]]:
        """The variables that the station has taken over from the cloud, with their values."""
        if not self._v2:
            key, value = text(request.get("key")), request.get("value")
            taken = answer.get("status") in ("Accepted", "RebootRequired")
            return [(("", key), value)] if taken and key is not None and isinstance(value, str) else []
        results = [fields(each) for each in elements(answer.get("setVariableResult"))]
        taken_over = {
            _variable(each) for each in results if each.get("attributeStatus") in ("Accepted", "RebootRequired")
        }
        asked = [fields(each) for each in elements(request.get("setVariableData"))]
        return [
            (_variable(each), each["attributeValue"])
            for each in asked
            if _is_actual(each) and isinstance(each.get("attributeValue"), str) and _variable(each) in taken_over
        ]

    def _as_the_cloud_wrote(self, answer: CallResult | CallError, payload: Mapping[str, Any]) -> str:
        """The answer with the cloud's own values; the very text where there is nothing to change."""
        listed, value_key = ("getVariableResult", "attributeValue") if self._v2 else ("configurationKey", "value")
        entries = [fields(each) for each in elements(payload.get(listed))]
        changed = [
            {**each, value_key: self._clouds[_variable(each)]}
            if _variable(each) in self._clouds and value_key in each and _is_actual(each)
            else each
            for each in entries
        ]
        if changed == entries:
            return answer.text
        return orjson.dumps([MessageType.CALLRESULT, answer.id, {**payload, listed: changed}]).decode()

    def _values(self, answer: Mapping[str, Any]) -> list[tuple[Variable, str]]:
        listed, value_key = ("getVariableResult", "attributeValue") if self._v2 else ("configurationKey", "value")
        entries = [fields(each) for each in elements(answer.get(listed))]
        found = [(_variable(each), each.get(value_key)) for each in entries if each.get("readonly") is not True]
        return [(variable, value) for variable, value in found if isinstance(value, str)]

    def _write(self, guarded: Guarded, value: str) -> OwnCall:
        if not self._v2:
            return OwnCall(action="ChangeConfiguration", payload={"key": guarded.name, "value": value})
        entry = {
            "attributeValue": value,
            "component": {"name": guarded.component},
            "variable": {"name": guarded.name},
        }
        return OwnCall(action="SetVariables", payload={"setVariableData": [entry]})


def _variable(entry: Mapping[str, Any]) -> Variable:
    """Of a configuration key (1.6) or of a component and variable (2.x)."""
    key = text(entry.get("key"))
    if key is not None:
        return "", key
    component, variable = fields(entry.get("component")), fields(entry.get("variable"))
    return text(component.get("name")) or "", text(variable.get("name")) or ""


def _is_actual(entry: Mapping[str, Any]) -> bool:
    """Whether it is about the value itself, and not about its target or its bounds (2.x part 2 §3.2)."""
    return bool(entry.get("attributeType", "Actual") == "Actual")

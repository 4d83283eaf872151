"""Guards what control needs of a station's configuration against the cloud's writes. Sans-I/O.

What becomes of a write is in the table of :mod:`edge.ocpp.guarded`. What passes, passes as it is; what it takes away is
written again behind it, and the cloud reads back what it wrote.
"""

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import orjson

from edge.ocpp import stop_data, wire
from edge.ocpp.arbiter import OwnCall
from edge.ocpp.dossier import Dossier, Variable
from edge.ocpp.fields import elements, fields, text, whole_number
from edge.ocpp.guarded import (
    SAMPLE_INTERVAL,
    Guarded,
    Need,
    Policy,
    guarded,
    lacking_in,
    leads_away,
    with_measurands,
)
from edge.ocpp.variables import Entry, is_actual, names_of, taken, values, variable_of
from edge.ocpp.versions import Version
from edge.ocpp.wire import Call, CallError, CallResult, MessageType

WITHHELD_KEPT = 16  # SetVariables that are on their way in part; one is on the line, and few wait

# Reason codes of OCPP 2.x, appendix 5.
_READ_ONLY = "ReadOnly"
_BESIDE = "it came with one that is refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Screened:
    """What becomes of a CALL of the cloud: ``passes`` goes to the station, or ``reply`` is the answer.

    ``refused`` names what is kept from the station.
    """

    passes: Call | None
    reply: Mapping[str, Any] | None = None
    refused: tuple[str, ...] = ()


class Guard:
    """Guards one station. It forgets nothing: what the cloud wrote is the cloud's to read.

    ``key_is_checked``: whether a key that the cloud alone gives the station would lock it out.
    """

    def __init__(self, version: Version, dossier: Dossier, *, key_is_checked: bool) -> None:
        self._v2 = version.is_v2
        self._guarded = guarded(version, key_is_checked=key_is_checked)
        self._dossier = dossier
        self._clouds = dossier.cloud_wrote
        self._withheld: OrderedDict[str, Mapping[int, Entry]] = OrderedDict()  # answers by place, by the CALL's id
        self._has: dict[Variable, str] = {}  # what stood there before a write of ours
        self._apart: dict[Variable, list[str]] = {}  # measurands that are yet to be tried one by one

    @property
    def asks(self) -> tuple[Variable, ...]:
        """What a station that has connected is to be asked."""
        return tuple((row.component, row.name) for row in self._guarded.values() if row.need is not None)

    @property
    def samples_every_s(self) -> int | None:
        """How often the cloud wants a 1.6 station's samples, where the gateway has them taken more often; 0: never."""
        told = self._clouds.get(SAMPLE_INTERVAL, "").partition(".")[0]  # some stations write it as a decimal
        return None if self._v2 else whole_number(told)

    def learn(self, answer: Mapping[str, Any]) -> list[OwnCall]:
        """The station's answer to that; return what is to be written."""
        writes = []
        for variable, has in values(answer, is_v2=self._v2, with_read_only=False):
            row = self._guarded.get(variable)
            wanted = row.need.wanted(has) if row is not None and row.need is not None else None
            if row is not None and wanted is not None:
                if row.policy is Policy.TRANSLATE:
                    self._clouds[variable] = has
                writes.append(self._writes_over(has, row, wanted))
        self._dossier.keep()
        return writes

    def written(self, write: Mapping[str, Any], answer: Mapping[str, Any]) -> list[OwnCall]:
        """The station's answer to a write of ours; return what is to be written next. One that refuses measurands
        together, as it has one of them not, or room for fewer, is told each of them alone."""
        (entry,) = elements(write.get("setVariableData")) or [write]
        row = self._guarded.get(self._variable(entry))
        results = [self._variable(each) for each in map(fields, elements(answer.get("setVariableResult")))]
        is_told = (row is not None and row.variable in results) if self._v2 else "status" in answer
        if row is None or row.need is not Need.MEASURANDS or row.variable not in self._has or not is_told:
            return []
        told = dict(taken(write, answer, is_v2=self._v2)).get(row.variable)
        has = self._has[row.variable] = self._has[row.variable] if told is None else told
        if row.variable not in self._apart:
            lacking = lacking_in(has)
            self._apart[row.variable] = lacking if told is None and len(lacking) > 1 else []
        left = self._apart[row.variable]
        return [self._write(row, with_measurands(has, left.pop(0)))] if left else []

    def screen(self, call: Call, plain: Call) -> Screened:
        """What becomes of a CALL of the cloud, ``plain`` where it is signed.

        Of several variables in one SetVariables only those that are refused are kept back; of signed ones, which can't
        be changed, then all.
        """
        self._withheld.pop(call.id, None)
        payload = fields(plain.payload)
        match plain.action:
            case "ChangeConfiguration" if self._refuses(payload, payload.get("value")):
                return _refused({"status": "Rejected"}, text(payload.get("key")) or "")
            case "SetNetworkProfile":
                why = "it would lead the station past the gateway"
                info = {"reasonCode": _READ_ONLY, "additionalInfo": why}
                return _refused({"status": "Rejected", "statusInfo": info}, "network profile")
            case "SetVariables":
                return self._screen_variables(call, payload, is_plain=plain is call)
            case _:
                return Screened(passes=call)

    def _screen_variables(self, call: Call, payload: Mapping[str, Any], *, is_plain: bool) -> Screened:
        data = [fields(each) for each in elements(payload.get("setVariableData"))]
        refused = {place for place, each in enumerate(data) if self._refuses(each, each.get("attributeValue"))}
        if not refused:
            return Screened(passes=call)
        names = tuple(".".join(names_of(data[place])) for place in sorted(refused))
        if not is_plain:
            refused = set(range(len(data)))
        answers = {place: self._rejection(data[place]) for place in sorted(refused)}
        if len(refused) == len(data):
            return _refused({"setVariableResult": list(answers.values())}, *names)
        rest = [each for place, each in enumerate(data) if place not in refused]
        fewer = {**payload, "setVariableData": rest}
        self._withheld[call.id] = answers
        while len(self._withheld) > WITHHELD_KEPT:
            self._withheld.popitem(last=False)
        passes = replace(call, payload=fewer, text=wire.call_text(call.id, call.action, fewer))
        return Screened(passes=passes, refused=names)

    def _variable(self, entry: Entry) -> Variable:
        return variable_of(entry, is_v2=self._v2)

    def _refuses(self, entry: Entry, value: object) -> bool:
        """Whether the write of one variable is kept from the station."""
        row = self._guarded.get(self._variable(entry))
        if row is None:
            return leads_away(value) is not None
        if row.policy not in (Policy.REFUSE, Policy.KEY):
            return False
        return row.need is None or not isinstance(value, str) or row.need.wanted(value) is not None

    def _rejection(self, entry: Entry) -> Entry:
        row = self._guarded.get(self._variable(entry))
        why = (row.why if row is not None else leads_away(entry.get("attributeValue"))) or _BESIDE
        answer = {
            "attributeStatus": "Rejected",
            "attributeStatusInfo": {"reasonCode": _READ_ONLY, "additionalInfo": f"the gateway keeps it: {why}"},
            "component": entry.get("component", {}),
            "variable": entry.get("variable", {}),
        }
        return {**answer, "attributeType": entry["attributeType"]} if "attributeType" in entry else answer

    def answered(self, call: Call, answer: CallResult | CallError) -> tuple[str, list[OwnCall]]:
        """The station's answer to a CALL of the cloud: the text to pass up, and what is to be written behind it."""
        payload = fields(answer.payload) if isinstance(answer, CallResult) else {}
        match call.action:
            case "ChangeConfiguration":
                return answer.text, self._cloud_wrote(fields(call.payload), payload)
            case "SetVariables":
                told = self._with_withheld(call, answer, payload)
                return told, self._cloud_wrote(fields(call.payload), payload)
            case "GetConfiguration" | "GetVariables":
                return self._as_the_cloud_wrote(answer, payload), []
            case _:
                return answer.text, []

    def reported(self, call: Call) -> Call:
        """A station's CALL: a NotifyReport (2.x part 2, B07 and B08) with the cloud's values, a StopTransaction with as
        many samples as it wanted, any other as it is."""
        if call.action == stop_data.STOP and len(call.text) > stop_data.LONG:
            every_s = self.samples_every_s
            return call if every_s is None else stop_data.thinned(call, every_s)
        if call.action != "NotifyReport" or not self._v2:
            return call
        data = [fields(each) for each in elements(fields(call.payload).get("reportData"))]
        changed = [self._as_reported(each) if self._variable(each) in self._clouds else each for each in data]
        if changed == data:
            return call
        payload = {**fields(call.payload), "reportData": changed}
        return replace(call, payload=payload, text=wire.call_text(call.id, call.action, payload))

    def _cloud_wrote(self, request: Mapping[str, Any], answer: Mapping[str, Any]) -> list[OwnCall]:
        writes = []
        for variable, value in taken(request, answer, is_v2=self._v2):
            row = self._guarded.get(variable)
            if row is None or row.need is None:
                continue
            wanted = row.need.wanted(value)
            if wanted is None:
                self._clouds.pop(variable, None)
            else:
                self._clouds[variable] = value
                writes.append(self._writes_over(value, row, wanted))
        self._dossier.keep()
        return writes

    def _with_withheld(self, call: Call, answer: CallResult | CallError, payload: Mapping[str, Any]) -> str:
        """The answer with the results of what was kept from the station, each in its place."""
        withheld = self._withheld.pop(call.id, None)
        if withheld is None or isinstance(answer, CallError):
            return answer.text
        results = elements(payload.get("setVariableResult"))
        for place, rejection in withheld.items():
            results = [*results[:place], rejection, *results[place:]]
        return _result(answer, {**payload, "setVariableResult": results})

    def _as_the_cloud_wrote(self, answer: CallResult | CallError, payload: Mapping[str, Any]) -> str:
        """The answer with the cloud's own values, and keys that it can't write as such; the very text where there is
        nothing to change."""
        listed = "getVariableResult" if self._v2 else "configurationKey"
        entries = [fields(each) for each in elements(payload.get(listed))]
        changed = [self._as_told(each) for each in entries]
        return answer.text if changed == entries else _result(answer, {**payload, listed: changed})

    def _as_told(self, entry: Entry) -> Entry:
        variable, value_key = self._variable(entry), "attributeValue" if self._v2 else "value"
        if variable in self._clouds and value_key in entry and is_actual(entry):
            entry = {**entry, value_key: self._clouds[variable]}
        row = self._guarded.get(variable)
        if entry.get("readonly") is False and row is not None and row.policy in (Policy.REFUSE, Policy.KEY):
            entry = {**entry, "readonly": True}  # OCPP 1.6 §7.29
        return entry

    def _as_reported(self, entry: Entry) -> Entry:
        own = self._clouds[self._variable(entry)]
        attributes = [fields(each) for each in elements(entry.get("variableAttribute"))]
        told = [
            {**each, "value": own} if "value" in each and each.get("type", "Actual") == "Actual" else each
            for each in attributes
        ]
        return {**entry, "variableAttribute": told}

    def _writes_over(self, has: str, row: Guarded, value: str) -> OwnCall:
        self._has[row.variable] = has
        self._apart.pop(row.variable, None)
        return self._write(row, value)

    def _write(self, row: Guarded, value: str) -> OwnCall:
        if not self._v2:
            return OwnCall(action="ChangeConfiguration", payload={"key": row.name, "value": value})
        entry = {
            "attributeValue": value,
            "component": {"name": row.component},
            "variable": {"name": row.name},
        }
        return OwnCall(action="SetVariables", payload={"setVariableData": [entry]})


def _refused(reply: Mapping[str, Any], *names: str) -> Screened:
    return Screened(passes=None, reply=reply, refused=names)


def _result(answer: CallResult | CallError, payload: Mapping[str, Any]) -> str:
    return orjson.dumps([MessageType.CALLRESULT, answer.id, payload]).decode()

"""Habits of real stations, switched on by name. Each has its number in the table of the proxy's manual.

What is written otherwise is one table: a payload that is right in, one as that station writes it out. What is done
otherwise is a change of the station's specification.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from simulators.charger.spec import Obedience, Quirk, StationSpec
from simulators.errors import ScenarioError

Payload = dict[str, Any]
Writer = Callable[[str, Payload], Payload]

_TWO_HOURS_S = 7200.0


def _no_zone(_action: str, payload: Payload) -> Payload:
    """2026-06-01T12:00:00 (Growatt, evcc issue 10399)."""
    return dict(_map(payload, "timestamp", lambda value: str(value).removesuffix("Z")))


def _year_1970(_action: str, payload: Payload) -> Payload:
    """Never set (MicroOcpp issue 311)."""
    return dict(_map(payload, "timestamp", lambda _: "1970-01-01T00:01:00Z"))


def _error_code(action: str, payload: Payload) -> Payload:
    """errorCode Error (lbbrhzn/ocpp issue 1248)."""
    return {**payload, "errorCode": "Error"} if action == "StatusNotification" and "errorCode" in payload else payload


def _object(_action: str, payload: Payload) -> Payload:
    """One meterValue without its list (Huawei, lbbrhzn/ocpp issue 1144)."""
    values = payload.get("meterValue")
    return {**payload, "meterValue": values[0]} if isinstance(values, list) and len(values) == 1 else payload


def _unit(_action: str, payload: Payload) -> Payload:
    """A unit that no schema knows (lbbrhzn/ocpp issue 1576)."""
    return _samples(
        payload, lambda sample: {**sample, "unit": "Hz"} if sample.get("measurand") == "Voltage" else sample
    )


def _blanks(_action: str, payload: Payload) -> Payload:
    """Blanks before numbers (evcc pull 16523)."""
    return _samples(payload, lambda sample: {**sample, "value": f" {sample['value']}"} if "value" in sample else sample)


def _phase_n(_action: str, payload: Payload) -> Payload:
    """Currents on L1-N (evcc issue 16966)."""

    def renamed(sample: Payload) -> Payload:
        phase = sample.get("phase")
        on_current = sample.get("measurand") == "Current.Import" and isinstance(phase, str)
        return {**sample, "phase": f"{phase}-N"} if on_current and "-" not in str(phase) else sample

    return _samples(payload, renamed)


WRITERS: Mapping[Quirk, Writer] = {
    Quirk.NO_ZONE: _no_zone,
    Quirk.YEAR_1970: _year_1970,
    Quirk.ERROR_CODE: _error_code,
    Quirk.OBJECT_FOR_LIST: _object,
    Quirk.ODD_UNIT: _unit,
    Quirk.BLANKS: _blanks,
    Quirk.PHASE_N: _phase_n,
}
"""What is written otherwise. In 2.x a value is a number, so Quirk.BLANKS makes it a text there."""


def written(quirks: Iterable[Quirk], action: str, payload: Payload) -> Payload:
    """The payload of a CALL as a station with these habits writes it."""
    for quirk in quirks:
        writer = WRITERS.get(quirk)
        if writer is not None:
            payload = writer(action, payload)
    return payload


def with_quirks(spec: StationSpec, quirks: Iterable[Quirk]) -> StationSpec:
    """A station with these habits."""
    for quirk in quirks:
        match quirk:
            case Quirk.LOCAL_TIME_AS_UTC:
                spec = replace(spec, clock_offset_s=_TWO_HOURS_S)
            case Quirk.ACCEPTS_AND_IGNORES:
                spec = replace(spec, obedience=Obedience.IGNORES)
            case Quirk.REFUSES_PROFILES:
                spec = replace(spec, obedience=Obedience.REFUSES)
            case _:
                spec = replace(spec, quirks=spec.quirks | {quirk})
    return spec


def named(names: Iterable[str]) -> tuple[Quirk, ...]:
    """The quirks of these names. Raises ScenarioError."""
    known = {quirk.value: quirk for quirk in Quirk}
    for name in names:
        if name not in known:
            raise ScenarioError(f"--quirk: there is no quirk '{name}'; there are: {', '.join(known)}")
    return tuple(dict.fromkeys(known[name] for name in names))


def _map(value: Any, key: str, change: Callable[[Any], Any]) -> Any:
    """The same with every field of this name changed."""
    if isinstance(value, dict):
        return {name: change(part) if name == key else _map(part, key, change) for name, part in value.items()}
    return [_map(part, key, change) for part in value] if isinstance(value, list) else value


def _samples(payload: Payload, change: Callable[[Payload], Payload]) -> Payload:
    """The same with every sampled value changed."""
    return dict(_map(payload, "sampledValue", lambda samples: [change(sample) for sample in samples]))

"""An allocation problem from its JSON: every field checked, or one sentence that names the field."""

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from edge.allocation.problem import Branch, Capacity, Claim, Need, Outlet, Problem, Wiring
from edge.cli.allocation_schema import CircuitFields, EvseFields, ProblemFields
from edge.config.faults import dotted, one_of, shorten, shown
from edge.errors import ProblemUnusable
from edge.units import Amps, PhaseAmps

# What pydantic's error types mean to the author of a problem. Others: "is <value>".
_PROBLEMS = {
    "missing": "is missing",
    "greater_than_equal": "is {value}, below {ge:.10g}",
    "less_than_equal": "is {value}, above {le:.10g}",
    "finite_number": "is {value}, not a finite number",
    "string_too_short": "is empty",
    "string_too_long": "is longer than {max_length} characters",
    "too_short": "has {actual_length} of at least {min_length}",
    "too_long": "has more than {max_length}",
    "value_error": "{error}",
}

_Path = tuple[int | str, ...]


def parse(text: bytes) -> Problem:
    """The problem in ``text``.

    :raises ProblemUnusable: with one sentence: the path of the field, what is wrong, what would be right; where the
        text is no JSON, its line and column.
    """
    fields = _fields(_document(text))
    for path, problem, remedy in _faults(fields):
        raise ProblemUnusable(f"{_printable(dotted(path))}: {_printable(problem)}", remedy=_printable(remedy))
    return _problem(fields)


def _document(text: bytes) -> Mapping[str, Any]:
    if not text.strip():
        raise ProblemUnusable("is empty", remedy="give a problem as a JSON object")
    try:
        document = json.loads(text.decode("utf-8-sig"), object_pairs_hook=_each_key_once)
    except UnicodeDecodeError as exc:
        raise ProblemUnusable(f"is no UTF-8 text (byte {exc.start})") from exc
    except json.JSONDecodeError as exc:
        raise ProblemUnusable(f"line {exc.lineno} column {exc.colno}: is no JSON: {exc.msg.lower()}") from exc
    except RecursionError as exc:
        raise ProblemUnusable("is no problem: too many lists and objects inside each other") from exc
    except ValueError as exc:  # an integer of more digits than Python reads
        raise ProblemUnusable("has a number of too many digits") from exc
    if not isinstance(document, dict):
        raise ProblemUnusable(f"is {_shown(document)}", remedy="give a problem as a JSON object")
    return document


def _each_key_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ProblemUnusable(f"{_printable(shown(twice))}: is twice in one object", remedy="give each field once")
    return content


def _fields(document: Mapping[str, Any]) -> ProblemFields:
    try:
        return ProblemFields.model_validate(document)
    except ValidationError as error:
        path, problem, remedy = _told(error.errors(include_url=False)[0], document)
    raise ProblemUnusable(f"{_printable(dotted(path))}: {_printable(problem)}", remedy=_printable(remedy))


def _told(detail: ErrorDetails, document: Mapping[str, Any]) -> tuple[_Path, str, str]:
    """Where, what is wrong, what would be right."""
    path = _written(tuple(detail["loc"]), document)
    if detail["type"] == "extra_forbidden":
        known = _model(path[:-1]).model_fields
        return path, "is an unknown field", one_of(known, str(path[-1]), kind="the fields here are", none="remove it")
    field = _field(path)
    template = _PROBLEMS.get(detail["type"], "is {value}")
    problem = template.format(value=_shown(detail["input"]), **detail.get("ctx", {}))
    return path, problem, f"give {field.description}" if field is not None else "give a JSON object"


def _written(path: _Path, document: Any) -> _Path:
    """The path as far as the document goes: one number stands for three, which are told apart only in the model."""
    for depth, part in enumerate(path):
        if isinstance(part, int) and not isinstance(document, list):
            return path[:depth]
        document = document.get(part) if isinstance(document, dict) else document[part]
    return path


def _shown(value: object) -> str:
    """A value as JSON writes it, shortened."""
    if value is None:
        return "null"
    return "an object" if isinstance(value, dict) else shown(value)


def _model(path: _Path) -> type[BaseModel]:
    """The model of the object at ``path``."""
    match path:
        case ("circuits", *_):
            return CircuitFields
        case ("evses", *_):
            return EvseFields
        case _:
            return ProblemFields


def _field(path: _Path) -> FieldInfo | None:
    """The field that the path leads to or into, None where it leads to a whole element of a list."""
    names = [part for part in path if isinstance(part, str)]
    if len(names) == 1 and len(path) > 1:
        return None
    return _model(path if len(names) > 1 else ()).model_fields.get(names[-1])


def _faults(fields: ProblemFields) -> Iterator[tuple[_Path, str, str]]:
    """What doesn't hold between fields."""
    yield from _duplicates(fields)
    yield from _tree(fields)
    circuits = {circuit.id for circuit in fields.circuits}
    for number, evse in enumerate(fields.evses):
        place: _Path = ("evses", number)
        if evse.circuit not in circuits:
            yield _unknown((*place, "circuit"), evse.circuit, fields)
        if len(set(evse.phases)) < len(evse.phases):
            yield (*place, "phases"), f"is {shown(list(evse.phases))}", "give each phase once"
        if evse.min_a > evse.max_a:
            yield (*place, "min_a"), f"is {evse.min_a:g}, above max_a ({evse.max_a:g})", f"give {evse.max_a:g} or less"
        yield from _half_a_need(place, evse)
        if fields.now is None and evse.energy_wanted_wh is not None:
            remedy = "give the moment of the problem in ISO 8601 with its zone"
            yield ("now",), f"is missing, and {dotted(place)} has a need", remedy


def _half_a_need(place: _Path, evse: EvseFields) -> Iterator[tuple[_Path, str, str]]:
    needs = ("energy_wanted_wh", "departure_at")
    for missing, given in (needs, needs[::-1]):
        if getattr(evse, missing) is None and getattr(evse, given) is not None:
            field = _field((*place, missing))
            wanted = "" if field is None else f"give {field.description}, or "
            yield (*place, missing), f"is missing, and {given} is given", f"{wanted}leave both out"


def _duplicates(fields: ProblemFields) -> Iterator[tuple[_Path, str, str]]:
    lists: tuple[tuple[str, list[str]], ...] = (
        ("circuits", [circuit.id for circuit in fields.circuits]),
        ("evses", [evse.id for evse in fields.evses]),
    )
    for name, ids in lists:
        first: dict[str, int] = {}
        for number, one in enumerate(ids):
            if first.setdefault(one, number) != number:
                problem = f"is {shown(one)}, as is that of {name}[{first[one]}]"
                yield (name, number, "id"), problem, "give each its own"


def _tree(fields: ProblemFields) -> Iterator[tuple[_Path, str, str]]:
    parent = {circuit.id: circuit.parent for circuit in fields.circuits}
    root: int | None = None
    for number, circuit in enumerate(fields.circuits):
        place: _Path = ("circuits", number, "parent")
        if circuit.parent is None:
            if root is not None:
                remedy = "give the id of the circuit that feeds it: one circuit alone is the grid connection"
                yield place, f"is missing, as is that of circuits[{root}]", remedy
            root = number
        elif circuit.parent not in parent:
            yield _unknown(place, circuit.parent, fields)
    sound: set[str] = set()  # circuits that lead to the grid connection, or to a fault that was told
    for number, circuit in enumerate(fields.circuits):
        path: dict[str, None] = {}
        step: str | None = circuit.id
        while step is not None and step not in path and step not in sound:
            path[step] = None
            step = parent.get(step)
        if step is not None and step in path:
            loop = " -> ".join(shorten(name) for name in [*list(path)[list(path).index(step) :], step][:6])
            remedy = "give each circuit the one that feeds it, and the grid connection null"
            yield ("circuits", number, "parent"), f"closes a cycle: {loop}", remedy
        sound |= path.keys()


def _unknown(path: _Path, name: str, fields: ProblemFields) -> tuple[_Path, str, str]:
    remedy = _shortened(one_of([circuit.id for circuit in fields.circuits], name, kind="circuits are", none=""))
    return path, f"is {shown(name)}, and there is no such circuit", remedy


def _shortened(text: str) -> str:
    """A list of names that a terminal can bear."""
    return text if len(text) <= 200 else f"{text[:197]}..."


def _printable(text: str) -> str:
    """One line that can't steer a terminal, whatever names the file gives."""
    return "".join(character if character.isprintable() else "?" for character in text)


def _problem(fields: ProblemFields) -> Problem:
    return Problem(
        wiring=Wiring(
            branches=tuple(Branch(id=circuit.id, parent=circuit.parent) for circuit in fields.circuits),
            outlets=tuple(Outlet(id=evse.id, circuit=evse.circuit, phases=tuple(evse.phases)) for evse in fields.evses),
        ),
        capacities=tuple(_capacity(circuit) for circuit in fields.circuits),
        claims=tuple(_claim(evse, fields.now) for evse in fields.evses),
        nominal_voltage_v=fields.nominal_voltage_v,
        imbalance_limit_a=fields.imbalance_limit_a,
    )


def _capacity(circuit: CircuitFields) -> Capacity:
    limits: list[Amps | None] = circuit.limit_a if circuit.limit_a is not None else [None, None, None]
    return Capacity(
        limit_a=(limits[0], limits[1], limits[2]),
        limit_w=circuit.limit_w,
        background_a=PhaseAmps(*(circuit.background_a if circuit.background_a is not None else (0.0, 0.0, 0.0))),
    )


def _claim(evse: EvseFields, now: datetime | None) -> Claim:
    need = None
    if now is not None and evse.energy_wanted_wh is not None and evse.departure_at is not None:  # all or none
        need = Need(energy_wanted_wh=evse.energy_wanted_wh, time_left_s=(evse.departure_at - now).total_seconds())
    return Claim(
        min_a=evse.min_a,
        max_a=evse.max_a,
        demand_a=evse.max_a if evse.demand_a is None else evse.demand_a,
        step_a=evse.step_a,
        rank=evse.rank,
        weight=evse.weight,
        charging=evse.charging,
        waiting_since_s=None if evse.waiting_since is None else evse.waiting_since.timestamp(),
        need=need,
    )

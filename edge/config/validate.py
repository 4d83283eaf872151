"""The document against its schema: every fault at once, and a model in which the faulty places are filled in.

A fault in one key must not hide those of the others. So each faulty value is replaced by the example of its field and
the document validated again; the rules then look at the whole file, leaving out what rests on a replaced value.
"""

import copy
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from edge.config.faults import Fault, dotted, one_of, shorten, shown
from edge.config.locate import Path
from edge.config.schema import SiteFile

_LONGEST_NUMBER = 20  # digits; a longer one is no number of a site
PASSWORD = "password"  # noqa: S105 - a key, whose value is shown to nobody
_ROUNDS = 4  # a replaced value can uncover a fault below it: the file is at most three lists deep

# What pydantic's error types mean, in the words of the file's author. Others: "is <value>".
_PROBLEMS = {
    "missing": "is missing",
    "greater_than": "is {value}, not above {gt:g}",
    "greater_than_equal": "is {value}, below {ge:g}",
    "less_than_equal": "is {value}, above {le:g}",
    "finite_number": "is {value}, not a finite number",
    "string_too_short": "is empty",
    "string_too_long": "is {value}, longer than {max_length} characters",
    "too_short": "is empty",
    "too_long": "has more than {max_length} elements",
    "value_error": "{error}",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Validated:
    """The outcome: all faults of the schema; the model, unless nothing sensible could be filled in; and where it was
    filled in.
    """

    faults: tuple[Fault, ...]
    model: SiteFile | None
    replaced: frozenset[Path]


def validate(document: Mapping[str, Any]) -> Validated:
    """Check ``document`` (as the TOML parser gives it) against the schema. Never raises for what is in it."""
    repaired = copy.deepcopy(dict(document))
    faults: dict[Path, Fault] = {}
    for _ in range(_ROUNDS):
        try:
            model = SiteFile.model_validate(repaired)
        except ValidationError as error:
            details = [detail for detail in error.errors(include_url=False) if not _is_echo(detail)]
            for detail in details:
                faults.setdefault(tuple(detail["loc"]), _fault(detail))
            repairs = [_repair(repaired, detail, number=index) for index, detail in enumerate(details, 1)]
            if not all(repairs):
                break
        else:
            return Validated(faults=tuple(faults.values()), model=model, replaced=_replaced(faults.values()))
    return Validated(faults=tuple(faults.values()), model=None, replaced=_replaced(faults.values()))


def _is_echo(detail: ErrorDetails) -> bool:
    """Whether a list counts as too short only because its elements are faulty, which is told of them already."""
    return detail["type"] == "too_short" and len(detail["input"]) >= detail["ctx"]["min_length"]


def _replaced(faults: Iterable[Fault]) -> frozenset[Path]:
    return frozenset(fault.path for fault in faults)


def _fault(detail: ErrorDetails) -> Fault:
    path: Path = tuple(detail["loc"])
    if detail["type"] == "extra_forbidden":
        keys = list(_keys(_model_of(path[:-1])))
        place = f"the keys of {_header(path[:-1])}" if len(path) > 1 else "the tables"
        return Fault(
            path=path,
            problem="is an unknown key",
            remedy=one_of(keys, str(path[-1]), kind=f"{place} are", none="remove it"),
        )
    field = _field_of(path)
    if _is_single_table(detail):
        return Fault(
            path=path,
            problem=f"is a single table [{dotted(path)}]",
            remedy=f"write {_header((*path, 0))} with double brackets, once for each",
        )
    if path[-1] == PASSWORD and detail["type"] == "string_type":
        return Fault(path=path, problem="is no text", remedy="write it in quotes")
    template = _PROBLEMS.get(detail["type"], "is {value}")
    return Fault(
        path=path,
        problem=template.format(value=shown(detail["input"]), **detail.get("ctx", {})),
        remedy=_unquoted(detail) or _remedy(field),
    )


# What stands in a text where another type belongs: how it is written without the quotes. Only the units in which the
# file has its numbers: 22 of "22 kW" would be wrong.
_UNQUOTED = {
    "float_type": re.compile(r"([+-]?\d+(?:[.,]\d+)?)\s*(?:a|v|w|s)?", re.ASCII | re.IGNORECASE),
    "int_type": re.compile(r"([+-]?\d+)", re.ASCII),
    "bool_type": re.compile(r"(true|false)", re.IGNORECASE),
}


def _unquoted(detail: ErrorDetails) -> str | None:
    """The remedy for a number (``"63"``, ``"63 A"``, ``"0,5"``) or a truth value in quotes; None for all else."""
    pattern = _UNQUOTED.get(detail["type"])
    key, text = detail["loc"][-1], detail["input"]
    quoted = pattern.fullmatch(text.strip()) if pattern is not None and isinstance(text, str) else None
    if quoted is None or not isinstance(key, str) or len(quoted.group(1)) > _LONGEST_NUMBER:
        return None
    value = re.sub(r"^([+-]?)0+(?=\d)", r"\1", quoted.group(1).replace(",", ".").lower())  # TOML knows no leading 0
    return f"write it without quotes: {key} = {value}"


def _remedy(field: FieldInfo | None) -> str:
    if field is None:
        return "see the manual for what belongs here"
    example = next(iter(field.examples or ()), None)
    if example is None or isinstance(example, dict) or (isinstance(example, list) and _has_tables(example)):
        return f"give {field.description}"
    return f"give {field.description}, for example {shown(example)}"


def _has_tables(example: list[Any]) -> bool:
    return not example or isinstance(example[0], dict)


def _header(path: Path) -> str:
    """``[ocpp]``, ``[[station.evse]]``: how the file opens the table at ``path``."""
    names = ".".join(shorten(part) for part in path if isinstance(part, str))
    return f"[[{names}]]" if path and isinstance(path[-1], int) else f"[{names}]"


def _keys(model: type[BaseModel] | None) -> Iterator[str]:
    if model is not None:
        for name, field in model.model_fields.items():
            yield field.alias or name


def _model_of(path: Path) -> type[BaseModel] | None:
    """The model of the table at ``path``; None where the schema has no table there."""
    model: type[BaseModel] | None = SiteFile
    for part in path:
        if isinstance(part, int):
            continue  # an element of a list has the model that the list's field names
        field = _named(model, part)
        model = _model_in(field.annotation) if field is not None else None
    return model


def _field_of(path: Path) -> FieldInfo | None:
    """The field that the innermost name in ``path`` stands for."""
    names = [index for index, part in enumerate(path) if isinstance(part, str)]
    return _named(_model_of(path[: names[-1]]), str(path[names[-1]])) if names else None


def _named(model: type[BaseModel] | None, key: str) -> FieldInfo | None:
    if model is None:
        return None
    for name, field in model.model_fields.items():
        if (field.alias or name) == key:
            return field
    return None


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for part in get_args(annotation) if (found := _model_in(part)) is not None), None)


def is_list(path: Path) -> bool:
    """Whether a list of tables belongs at ``path`` itself: ``[[circuit]]``, ``[[station.evse]]``."""
    field = _field_of(path)
    return (
        field is not None
        and isinstance(path[-1], str)
        and _model_in(field.annotation) is not None
        and getattr(field.annotation, "__origin__", None) is tuple
    )


def _is_single_table(detail: ErrorDetails) -> bool:
    """Whether ``[circuit]`` stands where ``[[circuit]]`` belongs."""
    return detail["type"] != "missing" and isinstance(detail["input"], dict) and is_list(tuple(detail["loc"]))


def _repair(document: dict[str, Any], detail: ErrorDetails, *, number: int) -> bool:
    """Take the faulty value out of ``document``; False where nothing sensible can stand in its place."""
    path: Path = tuple(detail["loc"])
    is_unknown = detail["type"] == "extra_forbidden"
    if not is_unknown:
        if isinstance(path[-1], int) and _model_in_field(path):
            return False  # an element that should be a table and isn't
        while isinstance(path[-1], int):  # an element of a plain list: the list is replaced
            path = path[:-1]
    holder: Any = document
    for part in path[:-1]:
        holder = holder[part]
    key = path[-1]
    field = _field_of(path)
    if is_unknown:
        del holder[key]
    elif _is_single_table(detail):
        holder[key] = [holder[key]]
    elif field is None or not field.examples:
        return False
    elif key == "id":  # a name of its own, or the example would look like a duplicate
        holder[key] = number + 1000 if isinstance(field.examples[0], int) else f"unnamed-{number}"
    else:
        holder[key] = copy.deepcopy(field.examples[0])
    return True


def _model_in_field(path: Path) -> bool:
    field = _field_of(path)
    return field is not None and _model_in(field.annotation) is not None

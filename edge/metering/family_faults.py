"""What is wrong with a family file, in the words of its author: pydantic's errors and the rules' faults as findings."""

import difflib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from edge.errors import ConfigurationError, Finding, Severity
from edge.metering.family import NumberType, Quantity
from edge.metering.family_file import FamilyFile
from edge.metering.family_rules import FileFault, Path

_LONGEST_SHOWN = 60  # characters of a value: enough to recognise it, short enough for one line

# What pydantic's error types mean. Others: "is <value>".
_PROBLEMS = {
    "missing": "is missing",
    "greater_than": "is {value}, not above {gt:g}",
    "greater_than_equal": "is {value}, below {ge:g}",
    "less_than": "is {value}, not below {lt:g}",
    "less_than_equal": "is {value}, above {le:g}",
    "finite_number": "is {value}, not a finite number",
    "string_too_short": "is empty",
    "string_too_long": "is {value}, longer than {max_length} characters",
    "too_short": "is empty",
    "extra_forbidden": "is an unknown key",
}


def refusal(file: str, line: int | None, problem: str, remedy: str) -> ConfigurationError:
    """The file as a whole can't be read."""
    found = Finding(severity=Severity.ERROR, line=line, key="the file", problem=problem, remedy=remedy)
    return ConfigurationError(file, [found])


def refused(file: str, faults: Iterable[FileFault], lines: Mapping[Path, int]) -> ConfigurationError:
    """The file with its faults, in its own order where the lines are known."""
    findings = [
        Finding(
            severity=Severity.ERROR,
            line=_line(fault.path, lines),
            key=_dotted(fault.path),
            problem=_printable(fault.problem),
            remedy=_printable(fault.remedy),
        )
        for fault in faults
    ]
    return ConfigurationError(file, sorted(findings, key=lambda each: (each.line is None, each.line or 0)))


def schema_faults(error: ValidationError) -> Iterator[FileFault]:
    """Each error of the schema as a fault."""
    for detail in error.errors(include_url=False):
        yield _fault(detail)


def _fault(detail: ErrorDetails) -> FileFault:
    path: Path = tuple(detail["loc"])
    if path[-1] == "[key]":
        kinds: Sequence[str] = tuple(Quantity) if path[0] == "quantity" else tuple(NumberType)
        what = "quantity" if path[0] == "quantity" else "type"
        return FileFault(path=path[:-1], problem=f"is no {what}", remedy=_one_of(kinds, str(path[-2])))
    holder, field = _walk(path)
    if detail["type"] == "extra_forbidden":
        names = tuple(holder.model_fields) if holder is not None else ()
        return FileFault(path=path, problem=_PROBLEMS["extra_forbidden"], remedy=_one_of(names, str(path[-1])))
    problem = _PROBLEMS.get(detail["type"], "is {value}")
    return FileFault(
        path=path,
        problem=problem.format(value=_shown(detail["input"]), **detail.get("ctx", {})),
        remedy=_remedy(field),
    )


def _walk(path: Path) -> tuple[type[BaseModel] | None, FieldInfo | None]:
    """The table that the path's last name belongs to, and its field there."""
    model: type[BaseModel] | None = FamilyFile
    holder: type[BaseModel] | None = FamilyFile
    field: FieldInfo | None = None
    for part in path:
        found = model.model_fields.get(part) if model is not None and isinstance(part, str) else None
        if found is not None:
            holder, field = model, found
            model = _model_in(found.annotation)
        elif part == path[-1] and isinstance(part, str):
            holder = model
    return holder, field


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for part in get_args(annotation) if (found := _model_in(part)) is not None), None)


def _remedy(field: FieldInfo | None) -> str:
    if field is None or field.description is None:
        return "see the catalogue's files for what belongs here"
    example = next(iter(field.examples or ()), None)
    shown = f", for example {_shown(example)}" if example is not None else ""
    return f"give {field.description}{shown}"


def _one_of(names: Sequence[str], wanted: str) -> str:
    near = difflib.get_close_matches(wanted, names, n=1)
    hint = f"did you mean '{near[0]}'? " if near else ""
    return f"{hint}there are {', '.join(names)}" if names else "remove it"


def _shown(value: object) -> str:
    """A value as TOML writes it, shortened to fit in a sentence."""
    match value:
        case bool():
            text = "true" if value else "false"
        case int() | float():
            text = str(value)
        case str():
            text = json.dumps(value, ensure_ascii=False)
        case Mapping():
            text = "a table"
        case list() | tuple():
            text = f"[{', '.join(_shown(element) for element in value)}]"
        case _:
            text = f"the date or time {value}"
    return text if len(text) <= _LONGEST_SHOWN else text[: _LONGEST_SHOWN - 3] + "..."


def _dotted(path: Path) -> str:
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            text += f".{_printable(part)}" if text else _printable(part)
    return text


def _line(path: Path, lines: Mapping[Path, int]) -> int | None:
    """The line of the key, or of the nearest table around it."""
    return next((lines[path[:length]] for length in range(len(path), 0, -1) if path[:length] in lines), None)


def _printable(text: str) -> str:
    return "".join(character if character.isprintable() else "?" for character in text)

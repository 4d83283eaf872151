"""docs/configuration.md against the schema: each key of the site file with what the schema says of it, and no other."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any, get_args, get_origin

import pytest
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic.json_schema import GenerateJsonSchema

from edge.cli import findings
from edge.config.addresses import HostPort
from edge.config.schema import SiteFile

PAGE = Path(__file__).parents[3] / "docs" / "configuration.md"
TITLES = ("key", "type", "default", "range", "meaning", "example")
TO_WRITE = "…"  # where a row needs words of its author's own
TYPES = {"number": "number", "integer": "whole number", "string": "text", "boolean": "true or false"}
Row = Mapping[str, str]


class WithoutDefaults(GenerateJsonSchema):
    """Defaults are taken from the fields: some aren't what their file's text is."""

    def default_schema(self, schema: Any) -> dict[str, Any]:
        return self.generate_inner(schema["schema"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table of the file, as the schema has it. ``rows`` are what the page must say of its keys."""

    header: str  # [site], [[station.evse]]
    often: str
    rows: tuple[Row, ...]


def tables(model: type[BaseModel] = SiteFile, above: str = "") -> Iterator[Table]:
    """Every table below ``model``, in the schema's order; one that holds nothing but tables has no rows, and is left
    out."""
    for name, field in model.model_fields.items():
        inner = model_in(field.annotation)
        if inner is None:
            continue
        path = f"{above}{field.alias or name}"
        rows = tuple(rows_of(inner))
        if get_origin(field.annotation) is tuple:
            often = "at least once" if field.is_required() else "any number of times"
            yield Table(header=f"[[{path}]]", often=often, rows=rows)
        elif rows:
            yield Table(header=f"[{path}]", often="once" if field.is_required() else "at most once", rows=rows)
        yield from tables(inner, f"{path}.")


def model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for part in get_args(annotation) if (found := model_in(part)) is not None), None)


def rows_of(model: type[BaseModel]) -> Iterator[Row]:
    """What the page must say of each key, apart from its meaning."""
    schema = model.model_json_schema(schema_generator=WithoutDefaults)
    for name, field in model.model_fields.items():
        if model_in(field.annotation) is not None:
            continue
        key = field.alias or name
        kinds = [resolved(kind, schema) for kind in variants(schema["properties"][key]) if kind.get("type") != "null"]
        assert field.examples, f"{model.__name__}.{name} has no example in the schema"
        yield {
            "key": f"`{key}`",
            "type": " or ".join(dict.fromkeys(type_of(kind, schema) for kind in kinds)),
            "default": default_of(field),
            "range": " or ".join(filter(None, (range_of(kind, schema) for kind in kinds))) or "any",
            "meaning": TO_WRITE,
            "example": f"`{key} = {toml(field.examples[0])}`",
        }


def variants(kind: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    several: Sequence[Mapping[str, Any]] = kind.get("anyOf", [kind])
    return several


def resolved(kind: Mapping[str, Any], schema: Mapping[str, Any]) -> Mapping[str, Any]:
    return schema["$defs"][kind["$ref"].rpartition("/")[2]] if "$ref" in kind else kind


def type_of(kind: Mapping[str, Any], schema: Mapping[str, Any]) -> str:
    if kind.get("type") == "array":
        items = kind.get("items") or kind["prefixItems"][0]
        return f"list of {type_of(resolved(items, schema), schema)}s"
    return TYPES[kind.get("type", "string")]  # an address is checked by a function, and is a text


def range_of(kind: Mapping[str, Any], schema: Mapping[str, Any]) -> str:
    """``0.2 to 10``, ``above 0``, ``one of "zero", "safe"``; empty where anything of the type will do."""
    if kind.get("type") == "array":
        items = range_of(resolved(kind.get("items") or kind["prefixItems"][0], schema), schema)
        count = span(kind.get("minItems"), None, kind.get("maxItems"), None)
        return f"{count} {'times' if items else 'elements'} {items}".strip()
    choices = kind.get("enum") or (kind.get("pattern") or "")[2:-2].split("|")
    if "enum" in kind or re.fullmatch(r"\^\(\w+(\|\w+)+\)\$", kind.get("pattern", "")):
        return "one of " + ", ".join(f"`{toml(choice)}`" for choice in choices)
    if kind.get("type") == "string":
        length = span(kind.get("minLength"), None, kind.get("maxLength"), None)
        return f"{length} characters" if length else ""
    return span(kind.get("minimum"), kind.get("exclusiveMinimum"), kind.get("maximum"), kind.get("exclusiveMaximum"))


def span(least: float | None, above: float | None, most: float | None, below: float | None) -> str:
    if least is not None and most is not None:
        return f"{least:.10g} to {most:.10g}"
    lower = f"above {above:.10g}" if above is not None else f"{least:.10g} or more" if least is not None else ""
    upper = f"below {below:.10g}" if below is not None else f"up to {most:.10g}" if most is not None else ""
    return ", ".join(filter(None, (lower, upper)))


def default_of(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True)
    return "none" if value is None else f"`{toml(value)}`"


def toml(value: Any) -> str:
    """A value as the file writes it."""
    match value:
        case HostPort():
            return json.dumps(str(value))
        case bool():
            return "true" if value else "false"
        case Enum():
            return toml(value.value)
        case int() | float():
            return f"{value:.10g}"
        case str():
            return json.dumps(value)
        case tuple() | list():
            return f"[{', '.join(toml(each) for each in value)}]"
        case _:
            raise TypeError(f"no way to write {value!r} in a site file is known here")


def line(row: Row) -> str:
    """The row as the page writes it."""
    return "| " + " | ".join(row[title] for title in TITLES) + " |"


def sections() -> dict[str, str]:
    """The page's text below each table's heading."""
    parts = re.split(r"^## `(\[.+\])`(.*)$", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {
        header: f"{title}\n{body}" for header, title, body in zip(parts[1::3], parts[2::3], parts[3::3], strict=True)
    }


def rows_in(text: str) -> dict[str, Row]:
    """The rows of a section by their key."""
    rows = re.findall(r"^\|\s*(`.+?`)\s*\|(.*)\|$", text, flags=re.MULTILINE)
    cells = {key: [key, *(cell.strip() for cell in rest.split("|"))] for key, rest in rows}
    assert all(len(each) == len(TITLES) for each in cells.values()), f"a row has no {len(TITLES)} cells: {cells}"
    return {key: dict(zip(TITLES, each, strict=True)) for key, each in cells.items()}


def test_every_table_has_its_section_and_no_other() -> None:
    """In the schema's order, each with how often it may be there."""
    wanted = [table.header for table in tables()]
    assert list(sections()) == wanted, (
        "docs/configuration.md must have one section for each table of the schema, in its order; "
        f"it has {list(sections())}"
    )
    for table in tables():
        title = f", {table.often}"
        assert sections()[table.header].startswith(title), (
            f"docs/configuration.md: the heading of {table.header} must be: ## `{table.header}`{title}"
        )


@pytest.mark.parametrize("table", list(tables()), ids=lambda table: str(table.header))
def test_every_key_is_told_as_the_schema_has_it(table: Table) -> None:
    """Type, default, range and example come from the schema; the meaning is the author's, and there is one."""
    told = rows_in(sections().get(table.header, ""))
    for row in table.rows:
        key = row["key"]
        assert key in told, (
            f"docs/configuration.md: {table.header} lacks {key}. Add this row, and say what it means:\n{line(row)}"
        )
        meaning = told[key]["meaning"]
        assert len(meaning.split()) > 2, f"docs/configuration.md: say what {key} of {table.header} means"
        right = {**row, "meaning": meaning}
        assert told[key] == right, f"docs/configuration.md: {table.header}, {key}: the row must be:\n{line(right)}"
    strangers = set(told) - {row["key"] for row in table.rows}
    assert not strangers, f"docs/configuration.md: {table.header} has no such keys: {sorted(strangers)}; remove them"


def test_the_page_s_example_is_sound(tmp_path: Path) -> None:
    """The whole file that the page shows is accepted without a finding."""
    (example,) = re.findall(r"^```toml\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    file = tmp_path / "site.toml"
    file.write_text(example, encoding="utf-8")
    assert findings.read(file).notes == ()

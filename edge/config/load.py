"""Reads a site file: everything that is wrong with it at once, or the configuration."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import Any

import tomli

from edge.config import build
from edge.config.draft import Draft
from edge.config.faults import finding
from edge.config.locate import Path, locate
from edge.config.rules import check
from edge.config.schema import ApiTable, OcppTable, StorageTable
from edge.config.schema_bms import BmsTable, GridTable, ScheduleTable
from edge.config.validate import validate
from edge.domain.site import Site
from edge.errors import ConfigurationError, Finding, Severity

_BYTE_ORDER_MARK = "\ufeff"
_LARGEST_FILE = 4 * 1024 * 1024  # bytes: a thousand stations take a tenth of it; a device file has no end


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """A sound site file: the site for the domain, and the settings of the adapters."""

    path: FilePath
    site: Site
    ocpp: OcppTable
    bms: BmsTable
    grid: GridTable | None
    schedule: tuple[ScheduleTable, ...]
    demand_limits_kw: Mapping[str, float]  # by circuit
    api: ApiTable
    storage: StorageTable
    notes: tuple[Finding, ...]


def load(path: FilePath | str, *, meter_models: Collection[str]) -> Configuration:
    """Read and check the site file at ``path``; ``meter_models`` are the names of the meter catalogue's families.

    :raises ConfigurationError: with every finding, in the order of the file.
    """
    text = _text(FilePath(path), path)
    document, lines = _document(text, path)
    validated = validate(document)
    faults = list(validated.faults)
    if validated.model is not None:
        draft = Draft(
            file=validated.model,
            document=document,
            replaced=validated.replaced,
            meter_models=meter_models,
            lines=lines,
        )
        faults.extend(check(draft))
    findings = _in_file_order(finding(fault, lines=lines, document=document) for fault in faults)
    if validated.model is None or any(each.severity is Severity.ERROR for each in findings):
        raise ConfigurationError(path, findings)
    model = validated.model
    return Configuration(
        path=FilePath(path),
        site=build.site(model),
        ocpp=model.ocpp,
        bms=model.bms,
        grid=model.grid,
        schedule=model.schedule,
        demand_limits_kw={
            circuit.id: circuit.demand_limit_kw for circuit in model.circuit if circuit.demand_limit_kw is not None
        },
        api=model.api,
        storage=model.storage,
        notes=tuple(findings),
    )


def _in_file_order(findings: Iterable[Finding]) -> list[Finding]:
    """By line; those without a line (about what isn't there) last."""
    return sorted(findings, key=lambda each: (each.line is None, each.line or 0))


def _refusal(path: FilePath | str, line: int | None, problem: str, remedy: str) -> ConfigurationError:
    """The file as a whole can't be read."""
    return ConfigurationError(
        path,
        [Finding(severity=Severity.ERROR, line=line, key="the file", problem=problem, remedy=remedy)],
    )


def _text(file: FilePath, path: FilePath | str) -> str:
    try:
        with file.open("rb") as stream:
            content = stream.read(_LARGEST_FILE + 1)
    except OSError as exc:
        raise _refusal(
            path, None, f"can't be read ({exc.strerror or exc})", "give the path of a readable site file"
        ) from exc
    except ValueError as exc:  # a NUL in the path
        raise _refusal(path, None, "has no valid name", "give the path of a readable site file") from exc
    if len(content) > _LARGEST_FILE:
        raise _refusal(path, None, "is larger than 4 MiB", "give the path of a site file")
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as exc:
        line = content.count(b"\n", 0, exc.start) + 1
        raise _refusal(path, line, f"is not UTF-8 (byte 0x{content[exc.start]:02x})", "save it as UTF-8") from exc
    if text.startswith(_BYTE_ORDER_MARK):
        raise _refusal(path, 1, "begins with a byte order mark", "save it as UTF-8 without BOM")
    return text


def _document(text: str, path: FilePath | str) -> tuple[dict[str, Any], dict[Path, int]]:
    try:
        return tomli.loads(text), locate(text)
    except tomli.TOMLDecodeError as exc:
        raise _refusal(path, exc.lineno, *_syntax(exc)) from exc
    except RecursionError as exc:
        raise _refusal(path, None, "is nested too deeply", "a site file needs no more than three levels") from exc
    except ValueError as exc:  # the parser's own limit on the digits of a whole number
        raise _refusal(path, None, "has a number with thousands of digits", "give a number that fits") from exc


def _syntax(error: tomli.TOMLDecodeError) -> tuple[str, str]:
    """Problem and remedy of a syntax error, in the author's words where the parser's are its own."""
    place = f"is not valid TOML at column {error.colno}"
    if "twice" in error.msg or "overwrite" in error.msg:
        return f"{place}: a key or table is given twice", "keep one of the two"
    message = f"{error.msg[:1].lower()}{error.msg[1:]}"
    remedy = 'write key = value, text in "quotes"' if "value" in message else "correct the syntax there"
    return f"{place}: {message}", remedy

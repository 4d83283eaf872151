"""Reads a site file: everything that is wrong with it at once, or the configuration."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import Any

import tomli

from edge.config import build
from edge.config.draft import Draft, MeterModel, ReadMap
from edge.config.faults import finding
from edge.config.locate import Path, locate
from edge.config.rules import check
from edge.config.schema import ApiTable, SiteFile, StorageTable
from edge.config.schema_bms import BmsTable, GridTable, ScheduleTable, SurplusTable
from edge.config.schema_ocpp import OcppTable
from edge.config.schema_offline import OfflineTable
from edge.config.schema_station import StationTable
from edge.config.syntax import explain
from edge.config.validate import validate
from edge.domain.site import Priority, Site
from edge.errors import ConfigurationError, Finding, Severity

_BYTE_ORDER_MARK = "\ufeff"
_LARGEST_FILE = 4 * 1024 * 1024  # bytes: a thousand stations take a tenth of it; a device file has no end


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """A sound site file: the site for the domain, and the settings of the adapters."""

    path: FilePath
    site: Site
    ocpp: OcppTable
    stations: tuple[StationTable, ...]  # with what isn't the domain's: their security
    bms: BmsTable
    grid: GridTable | None
    surplus: SurplusTable
    schedule: tuple[ScheduleTable, ...]
    demand_limits_kw: Mapping[str, float]  # by circuit
    api: ApiTable
    storage: StorageTable  # its path is whole
    relative_storage: str | None  # that path as it is written, where it is relative to the site file
    offline: OfflineTable
    classes: Mapping[str, Priority]
    notes: tuple[Finding, ...]


def load(path: FilePath | str, *, meter_models: Mapping[str, MeterModel], read_map: ReadMap) -> Configuration:
    """Read and check the site file at ``path``.

    ``meter_models`` are the meter catalogue's families by name; ``read_map`` reads the site's own map files.

    :raises ConfigurationError: with every finding, in the order of the file.
    """
    text = _text(FilePath(path), path)
    document, lines = _document(text, path)
    validated = validate(document)
    faults = list(validated.faults)
    if validated.model is not None:
        own, unusable = _maps(validated.model, FilePath(path).parent, read_map)
        draft = Draft(
            file=validated.model,
            document=document,
            replaced=validated.replaced,
            meter_models={**meter_models, **own},
            unusable_maps=unusable,
            lines=lines,
        )
        faults.extend(check(draft))
    findings = _in_file_order(finding(fault, lines=lines, document=document) for fault in faults)
    if validated.model is None or any(each.severity is Severity.ERROR for each in findings):
        raise ConfigurationError(path, findings)
    model = validated.model
    named = model.storage.path
    return Configuration(
        path=FilePath(path),
        site=build.site(model, FilePath(path).parent),
        ocpp=model.ocpp,
        stations=model.station,
        bms=model.bms,
        grid=model.grid,
        surplus=model.surplus,
        schedule=model.schedule,
        demand_limits_kw={
            circuit.id: circuit.demand_limit_kw for circuit in model.circuit if circuit.demand_limit_kw is not None
        },
        api=model.api,
        storage=model.storage.model_copy(update={"path": str((FilePath(path).parent / named).absolute())}),
        relative_storage=named if not FilePath(named).is_absolute() else None,
        offline=model.offline,
        classes=build.classes(model),
        notes=tuple(findings),
    )


def _maps(
    file: SiteFile, folder: FilePath, read_map: ReadMap
) -> tuple[dict[str, MeterModel], dict[str, ConfigurationError]]:
    """The models of the site's own map files, and what is wrong with those that can't be used; by their paths as
    written.
    """
    models: dict[str, MeterModel] = {}
    unusable: dict[str, ConfigurationError] = {}
    for name in {meter.map for meter in file.meter if meter.map is not None}:
        try:
            models[name] = read_map(folder / name, name)
        except ConfigurationError as exc:
            unusable[name] = exc
    return models, unusable


def _in_file_order(findings: Iterable[Finding]) -> list[Finding]:
    """By line; those without a line (about what isn't there) last."""
    return sorted(findings, key=lambda each: (each.line is None, each.line or 0))


def _refusal(
    path: FilePath | str, line: int | None, problem: str, remedy: str, excerpt: tuple[str, ...] = ()
) -> ConfigurationError:
    """The file as a whole can't be read."""
    finding = Finding(
        severity=Severity.ERROR, line=line, key="the file", problem=problem, remedy=remedy, excerpt=excerpt
    )
    return ConfigurationError(path, [finding])


def _text(file: FilePath, path: FilePath | str) -> str:
    try:
        with file.open("rb") as stream:
            content = stream.read(_LARGEST_FILE + 1)
    except OSError as exc:
        remedy = "give the path of a readable site file"
        if isinstance(exc, PermissionError):  # the package's is for root and the service
            remedy = f"use sudo, or {remedy}"
        raise _refusal(path, None, f"can't be read ({exc.strerror or exc})", remedy) from exc
    except ValueError as exc:  # a NUL in the path
        raise _refusal(path, None, "has no valid name", "give the path of a readable site file") from exc
    if len(content) > _LARGEST_FILE:
        raise _refusal(path, None, "is larger than 4 MiB", "give the path of a site file")
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as exc:
        line = content.count(b"\n", 0, exc.start) + 1
        raise _refusal(path, line, f"is not UTF-8 (byte 0x{content[exc.start]:02x})", "save it as UTF-8") from exc
    if not text.strip():  # as the package brings it
        raise _refusal(path, None, "is empty", "set the site up: sudo edge setup (by hand: docs/configuration.md)")
    if text.startswith(_BYTE_ORDER_MARK):
        raise _refusal(path, 1, "begins with a byte order mark", "save it as UTF-8 without BOM")
    return text


def _document(text: str, path: FilePath | str) -> tuple[dict[str, Any], dict[Path, int]]:
    try:
        return tomli.loads(text), locate(text)
    except tomli.TOMLDecodeError as exc:
        fault = explain(exc)
        raise _refusal(path, fault.line, fault.problem, fault.remedy, fault.excerpt) from exc
    except RecursionError as exc:
        raise _refusal(path, None, "is nested too deeply", "a site file needs no more than three levels") from exc
    except ValueError as exc:  # the parser's own limit on the digits of a whole number
        raise _refusal(path, None, "has a number with thousands of digits", "give a number that fits") from exc

"""A sound site file with slots: each test puts something in one of them, and sees what is found."""

from pathlib import Path

from edge.config import MeterModel, load
from edge.errors import ConfigurationError, Finding, Severity
from tests.own_maps import no_map

SITE = """
[site]
id = "x"
{site}
[control]
{control}
[[circuit]]
id = "main"
fuse_a = 63
{main}
[[circuit]]
id = "garage"
parent = "main"
fuse_a = 40
{garage}
[[meter]]
id = "grid"
model = "eastron_sdm630"
connection = "tcp://10.0.0.5:502"
{meters}
[[class]]
id = "staff"
rank = 0
{classes}
[[station]]
id = "CP-01"
circuit = "garage"
{station}
[[station.evse]]
id = 1
max_a = 32
{evse}
{stations}
[ocpp]
{ocpp}
{more}
"""

MODELS = dict.fromkeys(("eastron_sdm630", "janitza_umg"), MeterModel()) | {
    "total_only": MeterModel(guards=frozenset()),
    "guessed": MeterModel(doubt="is known from one source only"),
    "sunspec_meter": MeterModel(part="sunspec_meter"),
    "sunspec_inverter": MeterModel(part="sunspec_inverter"),
}
DEFAULTS = {"main": 'meter = "grid"\nbackground_reserve_a = 0', "ocpp": 'upstream = "ws://cloud/{station}"'}
SLOTS = ("site", "control", "main", "garage", "meters", "classes", "station", "evse", "stations", "ocpp", "more")


def findings(tmp_path: Path, **parts: str) -> list[Finding]:
    """All findings in the site file with ``parts`` in their places."""
    text = SITE
    for slot in SLOTS:
        text = text.replace(f"{{{slot}}}", parts.get(slot, DEFAULTS.get(slot, "")))
    file = tmp_path / "site.toml"
    file.write_text(text, encoding="utf-8")
    try:
        return list(load(file, meter_models=MODELS, read_map=no_map).notes)
    except ConfigurationError as error:
        return list(error.findings)


def told(tmp_path: Path, **parts: str) -> list[tuple[str, str]]:
    """Key and words of each error."""
    return [
        (each.key, f"{each.problem}; {each.remedy}")
        for each in findings(tmp_path, **parts)
        if each.severity is Severity.ERROR
    ]

"""Whatever is in a site file: a site, or findings that an installer can read."""

import datetime as dt
from pathlib import Path
from typing import Any

import pytest
import tomlkit
from hypothesis import given
from hypothesis import strategies as st

from edge.config import MeterModel, load
from edge.errors import ConfigurationError, Severity
from tests.own_maps import no_map
from tests.property.spoil import any_values, spoiled, without_none

SOUND: dict[str, Any] = {
    "site": {"id": "x", "timezone": "UTC"},
    "control": {"period_s": 1.0, "meter_stale_s": 5},
    "circuit": [
        {"id": "main", "fuse_a": 63, "margin_a": 2, "meter": "grid", "background_reserve_a": 20},
        {"id": "garage", "parent": "main", "fuse_a": 40},
    ],
    "meter": [{"id": "grid", "model": "eastron_sdm630", "connection": "tcp://10.0.0.5:502"}],
    "class": [{"id": "staff", "rank": 0}],
    "station": [
        {"id": "A", "circuit": "garage", "class": "staff", "evse": [{"id": 1, "max_a": 32, "phases": ["L1"]}]},
        {"id": "B", "circuit": "main", "evse": [{"id": 1, "max_a": 16}, {"id": 2, "max_a": 16}]},
    ],
    "ocpp": {"upstream": "ws://cloud/{station}", "listen": "0.0.0.0:9000", "security_profile": 0},
    "bms": {
        "modbus": {"fallback_a": 20, "writable": True, "allow": ["10.0.0.0/24"], "idle_timeout_s": 60},
        "mqtt": {"broker": "mqtts://broker", "username": "u", "password": "p", "writable": True, "fallback_a": 10},
    },
    "grid": {"circuit": "garage", "devices": 2, "steering": "direct", "demand_window_min": 15},
    "schedule": [{"from": "07:00", "to": "18:00", "days": ["mon"], "dates": ["2026-12-24"], "limit_a": 10}],
    "api": {"listen": "127.0.0.1:8080"},
}
KNOWN_TEXTS = ("main", "garage", "grid", "A", "L1", "L2", "zero", "ws://{station}", "tcp://x:1", ":", "\x00", "?" * 99)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.just(10**400)
    | st.floats()
    | st.sampled_from(KNOWN_TEXTS)
    | st.text(max_size=8)
    | st.just(dt.date(2026, 1, 1))
)
VALUES = any_values(SCALARS)


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("config") / "site.toml"


def check(file: Path, content: bytes) -> None:
    file.write_bytes(content)
    count = content.count(b"\n") + 1
    try:
        notes = load(file, meter_models={"eastron_sdm630": MeterModel()}, read_map=no_map).notes
    except ConfigurationError as error:
        findings = error.findings
        assert any(each.severity is Severity.ERROR for each in findings)
    else:
        findings = notes
        assert all(each.severity is Severity.NOTE for each in findings)
    for each in findings:
        sentence = each.sentence(file)
        assert sentence.isprintable()
        assert each.problem
        assert each.remedy
        assert all(line.isprintable() and len(line) <= 100 for line in each.excerpt)
        assert each.line is None or 1 <= each.line <= count
    assert len({(each.key, each.problem) for each in findings}) == len(findings)


def test_the_file_to_spoil_is_sound(file: Path) -> None:
    """What the next test spoils is sound before."""
    file.write_text(tomlkit.dumps(SOUND), encoding="utf-8")
    assert [each.key for each in load(file, meter_models={"eastron_sdm630": MeterModel()}, read_map=no_map).notes] == []


@given(document=spoiled(SOUND, VALUES))
def test_any_spoiled_file_gives_findings_or_a_site(file: Path, document: dict[str, Any]) -> None:
    """Wrong types, values and keys anywhere: one printable line each, told once, and nothing else is raised."""
    check(file, tomlkit.dumps(without_none(document)).encode())


@given(content=st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_any_bytes_give_findings(file: Path, content: bytes) -> None:
    """What isn't TOML at all is refused in the same way."""
    check(file, content)

"""The table of points and what is made of it."""

import csv
import io
import json
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

import pytest

from edge.bms.eco import BmsMode
from edge.bms.listing import COLUMNS, FORMATS, Format, rows
from edge.bms.point import SHAPES, Bank, Point, V
from edge.bms.points import (
    CIRCUIT_POINTS,
    CIRCUIT_STRIDE,
    CONTROL_POINTS,
    EVSE_BASE,
    EVSE_POINTS,
    EVSE_STRIDE,
    MODE_CODES,
    REASON_CODES,
    SITE_POINTS,
    STATUS_CODES,
)
from edge.domain.effective import BINDINGS, Binding
from edge.domain.limit import LimitSource
from edge.domain.station import EvseStatus

MANUAL = Path(__file__).parents[3] / "docs" / "bms.md"


def taken(points: Iterable[Point[V]], bank: Bank) -> list[int]:
    return [
        point.register + offset for point in points if point.bank is bank for offset in range(SHAPES[point.kind].words)
    ]


@pytest.mark.parametrize(
    ("registers", "size"),
    [
        (taken(SITE_POINTS, Bank.INPUT), EVSE_BASE),
        (taken(EVSE_POINTS, Bank.INPUT), EVSE_STRIDE),
        (taken(CIRCUIT_POINTS, Bank.INPUT), CIRCUIT_STRIDE),
        (taken(CONTROL_POINTS, Bank.HOLDING), 50),
    ],
    ids=["site", "evse", "circuit", "control"],
)
def test_no_two_points_share_a_register(registers: Sequence[int], size: int) -> None:
    """Each point has its own registers, inside its block."""
    assert len(set(registers)) == len(registers)
    assert max(registers) < size


def test_names_and_topics_are_unique_in_their_block() -> None:
    """A name finds one point, a topic is published by one."""
    for names in (
        [point.name for point in SITE_POINTS],
        [point.name for point in EVSE_POINTS],
        [point.name for point in CIRCUIT_POINTS],
        [point.name for point in CONTROL_POINTS],
        [row.topic for row in rows()],
    ):
        assert len(set(names)) == len(names)


def test_every_text_has_a_code() -> None:
    """Each status, each source of a limit and each binding can be read as a number."""
    assert set(STATUS_CODES) == {status.value for status in EvseStatus}
    assert set(REASON_CODES) == {binding.value for binding in Binding}
    assert set(BINDINGS) == set(LimitSource)
    assert len(set(REASON_CODES.values())) == len(REASON_CODES)
    assert MODE_CODES == {"auto": 0, "pause": 1, "eco": 2}
    assert set(MODE_CODES) == set(BmsMode)


@pytest.mark.parametrize(
    ("name", "register", "kind"),
    [
        ("magic", 0, "uint16"),
        ("heartbeat", 2, "uint16"),
        ("power_w", 10, "int32"),
        ("power_l3_w", 16, "int32"),
        ("current_l3_a", 20, "int16"),
        ("voltage_l1_v", 21, "uint16"),
        ("frequency_hz", 24, "uint16"),
        ("import_wh", 26, "uint64"),
        ("export_wh", 30, "uint64"),
        ("charging_current_l3_a", 44, "int16"),
        ("limit_w", 46, "uint32"),
        ("limit_l3_a", 50, "uint16"),
        ("limit_reason", 51, "uint16"),
        ("limit_remaining_s", 52, "uint16"),
        ("mode", 53, "uint16"),
    ],
)
def test_the_map_is_where_integrators_have_it(name: str, register: int, kind: str) -> None:
    """A register that has been published doesn't move without a new map version."""
    (point,) = (point for point in SITE_POINTS if point.name == name)
    assert (point.register, point.kind.value) == (register, kind)


def test_all_formats_tell_the_same() -> None:
    """CSV and JSON hold the same rows; table and markdown have a line for each."""
    listed = rows()
    from_csv = list(csv.reader(io.StringIO(FORMATS[Format.CSV](listed))))
    from_json = json.loads(FORMATS[Format.JSON](listed))
    assert from_csv[0] == list(COLUMNS)
    assert [dict(zip(COLUMNS, line, strict=True)) for line in from_csv[1:]] == from_json
    assert len(from_json) == len(listed)
    assert len(FORMATS[Format.TABLE](listed).splitlines()) == len(listed) + 1
    assert len(FORMATS[Format.MARKDOWN](listed).splitlines()) == len(listed) + 2


def test_the_manual_has_the_table() -> None:
    """docs/bms.md holds what `edge points --format markdown` prints, between its two marks."""
    found = re.search(r"<!-- points -->\n(.*?)\n<!-- /points -->", MANUAL.read_text(encoding="utf-8"), re.DOTALL)
    assert found is not None, "docs/bms.md has no <!-- points --> ... <!-- /points -->"
    assert found[1] == FORMATS[Format.MARKDOWN](rows()), "renew it: edge points --format markdown"

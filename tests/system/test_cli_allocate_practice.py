"""The cases from practice through the command line: one problem per line in, one answer per line out."""

import json
import subprocess
import sys
from typing import Any

import pytest

ALL = ["L1", "L2", "L3"]


def _evse(name: str, **fields: Any) -> dict[str, Any]:
    return {"id": name, "circuit": "main", "phases": ["L1"], "min_a": 6, "max_a": 32} | fields


def _problem(*evses: dict[str, Any], limit_a: float, **fields: Any) -> dict[str, Any]:
    return {"circuits": [{"id": "main", "limit_a": limit_a} | fields], "evses": list(evses)}


# The problem, and the amperes in the order of its EVSEs; worked out by hand.
CASES: dict[str, tuple[dict[str, Any], list[float]]] = {
    "32 A, wanting 32 and 8": (
        _problem(_evse("A", demand_a=32), _evse("B", demand_a=8), limit_a=32),
        [24, 8],
    ),
    "35 A, three of 16, continuous": (
        _problem(*(_evse(name, max_a=16) for name in "ABC"), limit_a=35),
        [11.666666666] * 3,
    ),
    "35 A, three of 16, tenths": (
        _problem(*(_evse(name, max_a=16, step_a=0.1) for name in "ABC"), limit_a=35),
        [11.7, 11.7, 11.6],
    ),
    "15 A, the third waits": (
        _problem(_evse("A", charging=True), _evse("B", charging=True), _evse("C"), limit_a=15),
        [7.5, 7.5, 0],
    ),
    "14 A at 7 and 7": (
        _problem(_evse("A", charging=True), _evse("B", charging=True), limit_a=14),
        [7, 7],
    ),
    "... falls to 11: the one that came first keeps it": (
        _problem(
            _evse("A", charging=True, waiting_since="2026-11-21T07:10:00Z"),
            _evse("B", charging=True, waiting_since="2026-11-21T07:00:00Z"),
            limit_a=11,
        ),
        [0, 11],
    ),
    "32 A over 16 A, three-phase": (
        {
            "circuits": [{"id": "main", "limit_a": 32}, {"id": "garage", "parent": "main", "limit_a": 16}],
            "evses": [
                _evse("above", phases=ALL, max_a=16, min_a=10, rank=0),
                _evse("below", phases=ALL, max_a=16, circuit="garage", rank=0),
                _evse("last", phases=ALL, max_a=16, circuit="garage", rank=1),
            ],
        },
        [16, 10, 6],
    ),
    "10 A, 3.2 A used": (_problem(_evse("new"), limit_a=10, background_a=3.2), [6.8]),
    "overload on L3": (
        _problem(_evse("one"), _evse("three", phases=["L3"]), limit_a=20, background_a=[0, 0, 25]),
        [20, 0],
    ),
}


def test_each_line_has_its_answer() -> None:
    """All of them in one run, in order; each setpoint with its sentence."""
    lines = "\n".join(json.dumps(problem) for problem, _ in CASES.values())
    result = subprocess.run(
        [sys.executable, "-W", "error", "-m", "edge", "allocate", "--lines", "-"],
        input=lines.encode(),
        capture_output=True,
        timeout=120,
        check=False,
    )
    assert (result.returncode, result.stderr) == (0, b"")
    answers = [json.loads(line) for line in result.stdout.splitlines()]
    told = {
        name: [point["limit_a"] for point in answer["setpoints"]] for name, answer in zip(CASES, answers, strict=True)
    }
    assert told == {name: pytest.approx(expected, abs=1e-8) for name, (_, expected) in CASES.items()}
    assert all(
        point["text"].startswith(f"{point['limit_a']:.1f} A: ") for answer in answers for point in answer["setpoints"]
    )

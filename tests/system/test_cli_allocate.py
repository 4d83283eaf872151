"""``edge allocate`` as another tool meets it: a real process, JSON in and out."""

import copy
import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from edge.cli.allocation_file import parse
from edge.errors import ProblemUnusable
from tests.forked import ROOT, forked

Edit = Callable[[dict[str, Any]], object]

# The contract's example.
PROBLEM: dict[str, Any] = {
    "nominal_voltage_v": 230,
    "imbalance_limit_a": None,
    "circuits": [
        {"id": "main", "parent": None, "limit_a": 32, "limit_w": 22000, "background_a": [2, 0, 1.5]},
        {"id": "garage", "parent": "main", "limit_a": [16, 16, 16]},
    ],
    "evses": [
        {
            "id": "CP3",
            "circuit": "garage",
            "phases": ["L1", "L2", "L3"],
            "min_a": 6,
            "max_a": 16,
            "step_a": 0.1,
            "demand_a": 16,
            "rank": 0,
            "weight": 1.0,
            "charging": True,
            "waiting_since": "2026-11-21T07:00:00Z",
        }
    ],
}
ANSWER = {
    "setpoints": [{"id": "CP3", "limit_a": 16.0, "reason": "DEMAND_MET", "text": "16.0 A: all the car can use"}],
    "headroom_a": {"main": [14.0, 16.0, 14.5], "garage": [0.0, 0.0, 0.0]},
}
NEED = {"energy_wanted_wh": 4600, "departure_at": "2026-11-21T09:00:00Z"}


def edge(*arguments: str, stdin: bytes = b"", folder: Path | None = None) -> subprocess.CompletedProcess[bytes]:
    """``edge allocate`` with these arguments."""
    return forked("edge", "allocate", *arguments, stdin=stdin, cwd=folder or ROOT)


def edited(edit: Edit) -> dict[str, Any]:
    """The example after ``edit``."""
    problem = copy.deepcopy(PROBLEM)
    edit(problem)
    return problem


def evse(**fields: Any) -> Edit:
    return lambda problem: problem["evses"][0].update(fields)


def garage(**fields: Any) -> Edit:
    return lambda problem: problem["circuits"][1].update(fields)


def top(**fields: Any) -> Edit:
    return lambda problem: problem.update(fields)


def without(name: str) -> Edit:
    return lambda problem: problem["evses"][0].pop(name)


def test_the_example_of_the_contract(tmp_path: Path) -> None:
    """From a file and from standard input."""
    text = json.dumps(PROBLEM)
    (tmp_path / "problem.json").write_text(text, encoding="utf-8")
    from_file = edge("problem.json", folder=tmp_path)
    from_stdin = edge("-", stdin=text.encode())
    for result in (from_file, from_stdin):
        assert (result.returncode, result.stderr) == (0, b"")
        assert json.loads(result.stdout) == ANSWER


# The edit; what is expected of each EVSE in the order of the input.
ANSWERS: dict[str, tuple[Edit, list[dict[str, Any]]]] = {
    "defaults: all phases, 6 A, continuous, all that the EVSE can give": (
        lambda problem: problem.update(evses=[{"id": "A", "circuit": "main", "max_a": 80}]),
        [{"id": "A", "limit_a": 30.0, "reason": "CIRCUIT_FULL", "text": "30.0 A: main L1 is full (32.0 of 32 A)"}],
    ),
    "the order of the input": (
        lambda problem: problem.update(
            evses=[{"id": name, "circuit": "garage", "max_a": 16, "phases": ["L2"], "rank": 1} for name in "BA"]
        ),
        [
            {"id": name, "limit_a": 8.0, "reason": "CIRCUIT_FULL", "text": "8.0 A: garage L2 is full (16.0 of 16 A)"}
            for name in "BA"
        ],
    ),
    "a need": (
        lambda problem: problem.update(
            now="2026-11-21T10:00:00+02:00",
            evses=[
                {"id": "A", "circuit": "garage", "max_a": 16, "phases": ["L1"], "min_a": 4, "step_a": 1, **NEED},
                {"id": "B", "circuit": "garage", "max_a": 16, "phases": ["L1"], "min_a": 4},
            ],
        ),
        # 4600 Wh in the hour that is left are 20 A: more than the EVSE can give, so all but B's minimum.
        [
            {"id": "A", "limit_a": 12.0, "reason": "CIRCUIT_FULL", "text": "12.0 A: garage L1 is full (16.0 of 16 A)"},
            {"id": "B", "limit_a": 4.0, "reason": "CIRCUIT_FULL", "text": "4.0 A: garage L1 is full (16.0 of 16 A)"},
        ],
    ),
    "an overload": (
        garage(background_a=[0, 17, 0]),
        [
            {
                "id": "CP3",
                "limit_a": 0.0,
                "reason": "OVERLOAD",
                "text": "0.0 A: garage L2 is overloaded by what is not ours (17.0 of 16 A)",
            }
        ],
    ),
    "an imbalance limit": (
        lambda problem: problem.update(
            imbalance_limit_a=10, evses=[{"id": "A", "circuit": "garage", "max_a": 16, "phases": ["L1"]}]
        ),
        [
            {
                "id": "A",
                "limit_a": 8.0,
                "reason": "IMBALANCE",
                "text": "8.0 A: L1 carries 10.0 A more than L2, and 10 A are allowed",
            }
        ],
    ),
    "nobody": (top(evses=[]), []),
}


@pytest.mark.parametrize("name", ANSWERS)
def test_answers(name: str) -> None:
    """Setpoints in the order of the input, each with its reason."""
    edit, expected = ANSWERS[name]
    result = edge("-", stdin=json.dumps(edited(edit)).encode())
    assert (result.returncode, result.stderr) == (0, b"")
    assert json.loads(result.stdout)["setpoints"] == expected


def test_a_byte_order_mark_is_passed_over() -> None:
    """As editors write it before UTF-8."""
    result = edge("-", stdin=b"\xef\xbb\xbf" + json.dumps(PROBLEM).encode())
    assert (result.returncode, result.stderr) == (0, b"")
    assert json.loads(result.stdout) == ANSWER


def test_no_limit_is_null_and_a_missing_one_too() -> None:
    """``limit_a`` null, absent, or null for one phase: the headroom there is null."""
    problem = {
        "circuits": [
            {"id": "main", "limit_a": None},
            {"id": "a", "parent": "main"},
            {"id": "b", "parent": "main", "limit_a": [16, None, 10], "background_a": 11},
        ],
        "evses": [{"id": "A", "circuit": "a", "max_a": 32}],
    }
    answer = json.loads(edge("-", stdin=json.dumps(problem).encode()).stdout)
    assert answer["setpoints"][0]["limit_a"] == 32.0
    assert answer["headroom_a"] == {"main": [None] * 3, "a": [None] * 3, "b": [5.0, None, -1.0]}


def test_lines() -> None:
    """One problem per line in, one answer per line out, empty lines left out."""
    other = edited(garage(limit_a=10))
    text = "\n".join(["", json.dumps(PROBLEM), "", json.dumps(other)]) + "\r\n"
    result = edge("--lines", "-", stdin=text.encode())
    assert (result.returncode, result.stderr) == (0, b"")
    first, second = (json.loads(line) for line in result.stdout.splitlines())
    assert first == ANSWER
    assert second["setpoints"][0]["limit_a"] == 10.0


def test_lines_stop_at_the_first_that_is_no_problem() -> None:
    """The answers before it are out; the error names the line and the field."""
    lines = [json.dumps(PROBLEM), json.dumps(edited(evse(min_a=-1))), json.dumps(PROBLEM)]
    result = edge("--lines", "-", stdin="\n".join(lines).encode())
    assert result.returncode == 2
    assert [json.loads(line) for line in result.stdout.splitlines()] == [ANSWER]
    expected = "edge: standard input:2: evses[0].min_a: is -1, below 0; give the least current in A, 0 or more\n"
    assert result.stderr.decode() == expected


def test_no_lines_have_no_answers() -> None:
    """An empty input holds no problem, and that is no fault where lines are counted."""
    result = edge("--lines", "-", stdin=b"")
    assert (result.returncode, result.stdout, result.stderr) == (0, b"", b"")


# The edit; how the sentence after the name of the input begins.
FAULTS: dict[str, tuple[Edit, str]] = {
    "a string for a number": (evse(min_a="6"), 'evses[0].min_a: is "6"; give the least current in A, 0 or more'),
    "a boolean for a number": (evse(max_a=True), "evses[0].max_a: is true; give the most current in A"),
    "NaN": (evse(demand_a=float("nan")), "evses[0].demand_a: is nan, not a finite number; give "),
    "infinity": (garage(limit_a=float("inf")), "circuits[1].limit_a: is inf, not a finite number; give "),
    "a huge number": (evse(max_a=10**400), "evses[0].max_a: is "),
    "a negative limit": (garage(limit_a=-1), "circuits[1].limit_a: is -1, below 0; give the limit per phase in A"),
    "a negative limit on one phase": (garage(limit_a=[1, -1, 1]), "circuits[1].limit_a[1]: is -1, below 0; give "),
    "two phases of three": (garage(background_a=[1, 2]), "circuits[1].background_a: has 2 of at least 3; give "),
    "a weight of 0": (evse(weight=0), "evses[0].weight: is 0, below 0.001; give the share inside the rank"),
    "half a rank": (evse(rank=0.5), "evses[0].rank: is 0.5; give the rank, a whole number"),
    "a step too fine": (evse(step_a=1e-6), "evses[0].step_a: is 1e-06, above 0 and below 0.001; give the step in A"),
    "more least than most": (evse(min_a=20), "evses[0].min_a: is 20, above max_a (16); give 16 or less"),
    "no phase": (evse(phases=[]), "evses[0].phases: has 0 of at least 1; give the grid phases in use"),
    "one phase twice": (evse(phases=["L1", "L1"]), 'evses[0].phases: is ["L1", "L1"]; give each phase once'),
    "an unknown phase": (evse(phases=["L1", "N"]), 'evses[0].phases[1]: is "N"; give the grid phases in use'),
    "an unknown field": (evse(maxa=3), "evses[0].maxa: is an unknown field; did you mean 'max_a'? the fields here are"),
    "an unknown field at the top": (top(evse=[]), "evse: is an unknown field; did you mean 'evses'? the fields here"),
    "a missing field": (without("max_a"), "evses[0].max_a: is missing; give the most current in A"),
    "an EVSE that is none": (top(evses=[1]), "evses[0]: is 1; give a JSON object"),
    "no circuits": (top(circuits=[]), "circuits: has 0 of at least 1; give a list of one circuit or more"),
    "an unknown circuit": (
        evse(circuit="garag"),
        "evses[0].circuit: is \"garag\", and there is no such circuit; did you mean 'garage'? circuits are",
    ),
    "an unknown parent": (garage(parent="x"), 'circuits[1].parent: is "x", and there is no such circuit; circuits are'),
    "a cycle": (
        lambda problem: problem["circuits"][0].update(parent="garage"),
        "circuits[0].parent: closes a cycle: main -> garage -> main; give each circuit the one that feeds it",
    ),
    "two grid connections": (garage(parent=None), "circuits[1].parent: is missing, as is that of circuits[0]; give "),
    "a circuit twice": (garage(id="main"), 'circuits[1].id: is "main", as is that of circuits[0]; give each its own'),
    "an EVSE twice": (
        lambda problem: problem["evses"].append(problem["evses"][0]),
        'evses[1].id: is "CP3", as is that of evses[0]; give each its own',
    ),
    "a time without a zone": (
        evse(waiting_since="2026-11-21T07:00:00"),
        "evses[0].waiting_since: has no time zone; give a moment in ISO 8601 with its zone",
    ),
    "no time at all": (top(now="today"), 'now: is "today"; give a moment in ISO 8601 with its zone'),
    "an energy and no departure": (
        evse(energy_wanted_wh=4600),
        "evses[0].departure_at: is missing, and energy_wanted_wh is given; give a moment in ISO 8601 with its zone, or",
    ),
    "a departure and no energy": (
        evse(departure_at="2026-11-21T09:00:00Z", energy_wanted_wh=None),
        "evses[0].energy_wanted_wh: is missing, and departure_at is given; give the energy wanted in Wh, 0 to",
    ),
    "a need and no now": (evse(**NEED), "now: is missing, and evses[0] has a need; give the moment of the problem"),
    "a name that steers the terminal": (evse(circuit="\x1b[2J"), 'evses[0].circuit: is "\\u001b[2J", and there is no'),
    "half a character": (evse(id="\ud800"), "evses[0].id: is "),
}


@pytest.mark.parametrize("name", FAULTS)
def test_each_fault_names_its_field(name: str) -> None:
    """One sentence with the path of the field, what is wrong and what would be right."""
    edit, expected = FAULTS[name]
    with pytest.raises(ProblemUnusable) as raised:
        parse(json.dumps(edited(edit)).encode())
    assert str(raised.value).startswith(expected)
    assert str(raised.value).isprintable()


TEXTS: dict[str, tuple[bytes, str]] = {
    "nothing": (b" \n", "is empty; give a problem as a JSON object"),
    "no JSON": (b'{"circuits": [,]}', "line 1 column 15: is no JSON: expecting value"),
    "a list": (b"[]", "is []; give a problem as a JSON object"),
    "no text": (b"\xff\xfe", "is no UTF-8 text (byte 0)"),
    "a field twice": (b'{"now": null, "now": null}', '"now": is twice in one object; give each field once'),
    "lists without end": (b"[" * 100_000, "is no problem: too many lists and objects inside each other"),
    "digits without end": (b'{"now": ' + b"1" * 5000 + b"}", "has a number of too many digits"),
}


@pytest.mark.parametrize("name", TEXTS)
def test_what_is_no_problem_is_told(name: str) -> None:
    """Text that isn't even a JSON object; line and column where there are any."""
    text, expected = TEXTS[name]
    with pytest.raises(ProblemUnusable) as raised:
        parse(text)
    assert str(raised.value) == expected


@pytest.mark.parametrize(
    ("arguments", "stdin", "expected"),
    [
        (("-",), b"", "edge: standard input: is empty; give a problem as a JSON object\n"),
        (("-",), b"{", "edge: standard input: line 1 column 2: is no JSON: "),
        (("none.json",), b"", "edge: none.json: can't be read (No such file or directory)\n"),
        ((".",), b"", "edge: .: can't be read (Is a directory)\n"),
        (("/proc/self/mem",), b"", "edge: /proc/self/mem: can't be read (Input/output error)\n"),
        (("--lines", "/proc/self/mem"), b"", "edge: /proc/self/mem:1: can't be read (Input/output error)\n"),
        (("/dev/zero",), b"", "edge: /dev/zero: is no problem: none is longer than 64 MB\n"),
        (("--lines", "/dev/zero"), b"", "edge: /dev/zero:1: is no problem: none is longer than 64 MB\n"),
        (
            ("-",),
            json.dumps(edited(evse(min_a=20))).encode(),
            "edge: standard input: evses[0].min_a: is 20, abo",
        ),
    ],
)
def test_wrong_input_ends_with_2(tmp_path: Path, arguments: tuple[str, ...], stdin: bytes, expected: str) -> None:
    """One sentence on standard error, nothing on standard output, no traceback."""
    result = edge(*arguments, stdin=stdin, folder=tmp_path)
    assert (result.returncode, result.stdout) == (2, b"")
    assert result.stderr.decode().startswith(expected)
    assert result.stderr.count(b"\n") == 1

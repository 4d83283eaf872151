"""The rules of what EVSEs and circuits may be told: ratings in A or W, phases, steps, power, minima that must hold."""

from pathlib import Path

import pytest

from edge.errors import Severity
from tests.unit.config.spoiled_site import findings, told

# A key that is missing has the line of its table.
DC = '[[station]]\nid = "DC-1"\ncircuit = "main"\n[[station.evse]] # a DC one\nid = 1\nsupply = "dc"\n'
AC = '[[station]]\nid = "AC-1"\ncircuit = "main"\n[[station.evse]] # an AC one\nid = 1\n'
ROOM = 'meter = "grid"\nbackground_reserve_a = {reserve}\n{more}'


def line_of(excerpt: str, tmp_path: Path) -> int:
    """The number of the first line of the spoiled file with this text."""
    lines = (tmp_path / "site.toml").read_text(encoding="utf-8").splitlines()
    return next(number for number, line in enumerate(lines, 1) if excerpt in line)


@pytest.mark.parametrize(
    ("parts", "line", "key", "words"),
    [
        (
            {"stations": AC + "min_a = 6"},
            "# an AC one",
            "station[1].evse[0].max_a",
            "of EVSE 1 of station 'AC-1' is missing; give the EVSE's rated value in A, for example max_a = 32",
        ),
        (
            {"stations": DC + "min_w = 5000"},
            "# a DC one",
            "station[1].evse[0].max_w",
            "of EVSE 1 of station 'DC-1' is missing; give the EVSE's rated value in W, for example max_w = 150000",
        ),
        (
            {"evse": "fallback_w = 0"},
            "fallback_w = 0",
            "station[0].evse[0].fallback_w",
            'is given, but supply = "ac" is limited in A; give fallback_a, or supply = "dc"',
        ),
        (
            {"stations": DC + "max_w = 30000\nmin_a = 6"},
            "min_a = 6",
            "station[1].evse[0].min_a",
            'is given, but supply = "dc" is limited in W; give min_w, or supply = "ac"',
        ),
        (
            {"stations": DC + "max_w = 4000\nfallback_w = 0"},
            "# a DC one",
            "station[1].evse[0].min_w",
            "is 5000, above max_w, which is 4000; give at most 4000, or the EVSE's true max_w",
        ),
        (
            {"stations": DC + "max_w = 20000\nfallback_w = 30000"},
            "fallback_w = 30000",
            "station[1].evse[0].fallback_w",
            "is 30000, above max_w, which is 20000; give at most 20000",
        ),
        (
            {"stations": DC + "max_w = 30000\nfallback_w = 3000"},
            "fallback_w = 3000",
            "station[1].evse[0].fallback_w",
            (
                "is 3000, with which no car charges: min_w is 5000; give 0 (no charging without the controller) or at "
                "least 5000"
            ),
        ),
        (
            {"stations": DC + "max_w = 30000\nswitches_phases = true"},
            "switches_phases = true",
            "station[1].evse[0].switches_phases",
            "is true, but a DC EVSE has nothing to switch; leave it out",
        ),
        (
            {"evse": 'phases = ["L2"]\nswitches_phases = true'},
            "switches_phases = true",
            "station[0].evse[0].switches_phases",
            "is true, but an EVSE with one phase has nothing to switch; leave it out",
        ),
        (
            {"evse": "step_a = 0.25"},
            "step_a = 0.25",
            "station[0].evse[0].step_a",
            "is 0.25, and limits are told in tenths of an ampere; give a multiple of 0.1",
        ),
        (
            {"evse": "step_a = 0.01"},
            "step_a = 0.01",
            "station[0].evse[0].step_a",
            "is 0.01, and limits are told in tenths of an ampere; give a multiple of 0.1",
        ),
        (
            {"garage": "limit_w = 4000"},
            "limit_w = 4000",
            "circuit[1].limit_w",
            (
                "of circuit 'garage' has no room for the fallback currents below it: they come to 4140 W, the room is "
                "4000 W (limit 4000 - background reserve 0); lower fallback_a of its EVSEs (0 = no charging without "
                "the controller)"
            ),
        ),
        (
            {"main": ROOM.format(reserve=10, more="limit_w = 11000")},
            "limit_w = 11000",
            "circuit[0].limit_w",
            "they come to 4140 W, the room is 4100 W (limit 11000 - background reserve 6900)",
        ),
        (
            {"evse": "never_zero = true\nmin_a = 16\nfallback_a = 0", "garage": "limit_w = 5000"},
            "limit_w = 5000",
            "circuit[1].limit_w",
            "come to 11040 W, the room is 5000 W",
        ),
        (
            {"evse": "never_zero = true\nstep_a = 4\nfallback_a = 0", "garage": "background_reserve_a = 33"},
            "fuse_a = 40",
            "circuit[1].fuse_a",
            "come to 8 A on L1 and 8 A on L2 and 8 A on L3, the room is 7 A",
        ),
        (
            {"evse": "never_zero = true\nmin_a = 20\nfallback_a = 0", "garage": "background_reserve_a = 21"},
            "fuse_a = 40",
            "circuit[1].fuse_a",
            (
                "of circuit 'garage' has no room for the minima of the EVSEs with never_zero below it: they come to "
                "20 A on L1 and 20 A on L2 and 20 A on L3, the room is 19 A; leave never_zero out where the cars do "
                "wake from 0 A"
            ),
        ),
    ],
)
def test_each_rule_names_its_fault(tmp_path: Path, parts: dict[str, str], line: str, key: str, words: str) -> None:
    """One error, at the key and its line, that says what is wrong and what would be right."""
    (found,) = findings(tmp_path, **parts)
    assert found.key == key
    assert words in f"{found.problem}; {found.remedy}"
    assert found.line == line_of(line, tmp_path)


@pytest.mark.parametrize(
    "parts",
    [
        {"evse": "step_a = 0.1"},
        {"evse": "step_a = 0.3"},  # three tenths, though 0.3 * 10 isn't 3 in binary
        {"evse": "step_a = 1"},
        {"evse": "switches_phases = true\nphases = ['L2', 'L3']"},
        {"evse": "never_zero = true"},
        {"garage": "limit_w = 4140"},
        {"main": ROOM.format(reserve=10, more="limit_w = 11040")},
        {"stations": DC + "max_w = 30000"},
        {"stations": DC + 'max_w = 3680\nmin_w = 3680\nfallback_w = 0\nphases = ["L3"]'},
        {"site": "imbalance_limit_a = 6"},
        {"evse": "step_a = 8\nmin_a = 7\nfallback_a = 0"},
        {"control": "turn_s = 60\nmin_off_s = 0\nraises_per_hour = 1"},
    ],
)
def test_what_is_allowed_is_sound(tmp_path: Path, parts: dict[str, str]) -> None:
    """Values at the edges of what the rules allow cause no finding."""
    assert findings(tmp_path, **parts) == []


@pytest.mark.parametrize(
    ("parts", "key", "words"),
    [
        (
            {"evse": "step_a = 10\nmin_a = 31\nfallback_a = 0"},
            "station[0].evse[0].step_a",
            "is 10: no multiple of it lies between the least (31 A) and the most (32 A) that this EVSE can give",
        ),
        (
            {"stations": AC + "max_a = 6.9\nmin_a = 6.1\nstep_a = 1"},
            "station[1].evse[0].step_a",
            "is 1: no multiple of it lies between the least (6.1 A) and the most (6.9 A)",
        ),
        (
            {"stations": DC + "min_w = 10000\nmax_w = 10000\nfallback_w = 0"},
            "station[1].evse[0].step_a",
            "is 0.1: no multiple of it lies between the least (14.4928 A) and the most (14.4928 A)",
        ),
        (
            {"site": "imbalance_limit_a = 5.9"},
            "site.imbalance_limit_a",
            "is 5.9, below the 6 A that the least of the EVSEs begins with: a car on one phase can't start unless",
        ),
    ],
)
def test_what_can_never_charge_is_noted(tmp_path: Path, parts: dict[str, str], key: str, words: str) -> None:
    """The file is sound, and its author is told."""
    (found,) = findings(tmp_path, **parts)
    assert (found.severity, found.key) == (Severity.NOTE, key)
    assert words in f"{found.problem}; {found.remedy}"


def test_dc_stations_count_in_amperes_under_the_fuses(tmp_path: Path) -> None:
    """Their fallback power is spread over their phases: 30 kW on three are 43.5 A on each, and 20 A are left."""
    assert told(tmp_path, stations=DC + "max_w = 30000\nfallback_w = 13800") == []
    ((key, words),) = told(tmp_path, stations=DC + "max_w = 60000\nfallback_w = 41400")
    assert key == "circuit[0].fuse_a"
    assert "they come to 66 A on L1 and 66 A on L2 and 66 A on L3, the room is 63 A" in words


@pytest.mark.parametrize(
    ("parts", "keys"),
    [
        ({"evse": "supply = 'solar'\nmax_w = 1"}, {"station[0].evse[0].supply"}),
        ({"stations": DC + "max_w = 0"}, {"station[1].evse[0].max_w"}),
        ({"stations": DC + "max_w = 30000\nfallback_w = -1"}, {"station[1].evse[0].fallback_w"}),
        ({"garage": "limit_w = -1"}, {"circuit[1].limit_w"}),
        ({"evse": "step_a = 0"}, {"station[0].evse[0].step_a"}),
    ],
)
def test_no_verdict_rests_on_a_refused_value(tmp_path: Path, parts: dict[str, str], keys: set[str]) -> None:
    """A value that the schema refuses causes no further findings about what it might have been."""
    assert {key for key, _ in told(tmp_path, **parts)} == keys

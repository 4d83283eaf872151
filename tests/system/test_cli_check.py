"""``edge check`` and ``edge run`` as an installer meets them: real processes, real files."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.forked import as_text, forked
from tests.full_disk import written_to_a_full_disk

SITE = """\
[site]
id = "harbour-3"
timezone = "UTC"

[[circuit]]
id = "main"
fuse_a = 63
meter = "grid"
background_reserve_a = 32

[[circuit]]
id = "garage"
parent = "main"
fuse_a = 40

[[meter]]
id = "grid"
model = "eastron_sdm630"
connection = "tcp://127.0.0.1:5020"

[[station]]
id = "CP-01"
circuit = "garage"
[[station.evse]]
id = 1
max_a = 32
fallback_a = 6

[[station]]
id = "CP-02"
circuit = "garage"
[[station.evse]]
id = 1
max_a = 32
fallback_a = 6

[ocpp]
upstream = "ws://127.0.0.1:9100/{station}"
"""

# What is wrong: the text to replace, by what; then line, key and words of the finding.
FAULTS = {
    "an unknown key": (
        'timezone = "UTC"',
        'time_zone = "UTC"',
        (
            "site.toml:3: error: site.time_zone: is an unknown key; did you mean 'timezone'? "
            "the keys of [site] are: id, timezone, holidays, nominal_voltage_v, imbalance_limit_a"
        ),
    ),
    "a cycle of circuits": (
        'id = "main"\n',
        'id = "main"\nparent = "garage"\n',
        (
            "site.toml:7: error: circuit[0].parent: of circuit 'main' closes a cycle: main -> garage -> main; "
            "give each circuit the one that feeds it, and the grid connection no parent"
        ),
    ),
    "a station on a missing circuit": (
        'id = "CP-02"\ncircuit = "garage"',
        'id = "CP-02"\ncircuit = "garag"',
        (
            "site.toml:31: error: station[1].circuit: of station 'CP-02' is 'garag', and there is no such circuit; "
            "did you mean 'garage'? circuits are: main, garage"
        ),
    ),
    "fallback currents that don't fit": (
        "fallback_a = 6\n\n[[station]]",
        "fallback_a = 32\n\n[[station]]",
        (
            "site.toml:7: error: circuit[0].fuse_a: of circuit 'main' has no room for the fallback currents below it: "
            "they come to 38 A on L1 and 38 A on L2 and 38 A on L3, the room is 31 A "
            "(fuse 63 - margin 0 - background reserve 32); lower fallback_a of its EVSEs "
            "(0 = no charging without the controller) until at most 31 A are on each phase"
        ),
    ),
    "a duplicate identity": (
        'id = "CP-02"',
        'id = "CP-01"',
        (
            "site.toml:30: error: station[1].id: is 'CP-01', which the station in line 22 has already; "
            "give each station the OCPP identity that is set in it"
        ),
    ),
    "a fuse of 0": (
        "fuse_a = 40",
        "fuse_a = 0",
        (
            "site.toml:14: error: circuit[1].fuse_a: of circuit 'garage' is 0, not above 0; "
            "give the fuse's rating per phase in A, above 0 and up to 6300, for example 63"
        ),
    ),
}


def edge(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """``edge`` with these arguments, in ``folder``."""
    return as_text(forked("edge", *arguments, cwd=folder))


def errors(lines: Sequence[str]) -> list[str]:
    return [line for line in lines if ": error: " in line]


def test_a_sound_file(tmp_path: Path) -> None:
    """Exit code 0 and one line that says so."""
    (tmp_path / "site.toml").write_text(SITE, encoding="utf-8")
    result = edge(tmp_path, "check", "site.toml")
    assert (result.returncode, result.stdout, result.stderr) == (0, "site.toml: sound\n", "")


def test_notes_are_counted(tmp_path: Path) -> None:
    """Notes leave the file sound, are told, and counted."""
    text = SITE.replace("background_reserve_a = 32\n", "")
    (tmp_path / "site.toml").write_text(text, encoding="utf-8")
    result = edge(tmp_path, "check", "site.toml")
    assert result.returncode == 0
    note, verdict = result.stdout.splitlines()
    assert "note: circuit[0].background_reserve_a: " in note
    assert verdict == "site.toml: sound (1 note)"


@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_is_named(tmp_path: Path, fault: str) -> None:
    """File, line, key, what is wrong and what would be right; exit code 2, no traceback."""
    old, new, expected = FAULTS[fault]
    assert SITE.count(old) == 1
    (tmp_path / "site.toml").write_text(SITE.replace(old, new), encoding="utf-8")
    result = edge(tmp_path, "check", "site.toml")
    assert result.returncode == 2
    assert result.stderr.splitlines() == [expected, "site.toml: 1 error"]
    assert result.stdout == ""


def test_of_a_file_full_of_faults_a_hundred_are_shown(tmp_path: Path) -> None:
    """And all are counted; 300,000 lines ran through the terminal. What makes it unsound comes before the notes."""
    text = SITE.replace("[[circuit]]", "\n".join(f"key_{number} = 1" for number in range(5000)) + "\n[[circuit]]", 1)
    (tmp_path / "site.toml").write_text(text, encoding="utf-8")
    result = edge(tmp_path, "check", "site.toml")
    shown = result.stderr.splitlines()
    assert (result.returncode, len(errors(shown))) == (2, 100)
    assert shown[100:] == ["site.toml: 4900 more are not shown; put these right first", "site.toml: 5000 errors"]
    found = edge(tmp_path, "doctor", "--config", "site.toml", "--state", ".", "--language", "en")
    assert "site.toml has more faults that are not shown: 4900\n   -> put these right first\n102. " in found.stdout


def test_a_syntax_error_shows_its_place(tmp_path: Path) -> None:
    """The line is quoted under the finding, with a pointer to the column."""
    (tmp_path / "site.toml").write_text(SITE.replace("fuse_a = 40", "fuse_a = 40 A"), encoding="utf-8")
    result = edge(tmp_path, "check", "site.toml")
    assert result.returncode == 2
    assert result.stderr.splitlines() == [
        (
            "site.toml:14: error: the file: is not valid TOML at column 13: the line should end here; "
            "write the number alone, the key says the unit: fuse_a = 40"
        ),
        "    fuse_a = 40 A",
        "                ^",
        "site.toml: 1 error",
    ]


def test_all_faults_in_one_file_and_run_refuses_in_the_same_words(tmp_path: Path) -> None:
    """Six faults in one file are six findings (nothing is summed against the fuse of 0); ``edge run`` says the same."""
    text = SITE
    for old, new, _ in FAULTS.values():
        text = text.replace(old, new)
    (tmp_path / "site.toml").write_text(text, encoding="utf-8")
    checked = edge(tmp_path, "check", "site.toml")
    run = edge(tmp_path, "run", "--config", "site.toml")
    assert (checked.returncode, run.returncode) == (2, 2)
    assert run.stderr == checked.stderr
    assert [line.split(": ")[2] for line in errors(checked.stderr.splitlines())] == [
        "site.time_zone",
        "circuit[0].parent",
        "circuit[0].fuse_a",
        "circuit[1].fuse_a",
        "station[1].id",
        "station[1].circuit",
    ]
    assert "Traceback" not in checked.stderr + run.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("check", "missing.toml"), 2, "missing.toml: error: the file: can't be read (No such file or directory)"),
        (("check", "."), 2, "can't be read (Is a directory)"),
        (("check",), 2, "Missing argument 'FILE'"),
        (("run",), 2, "Missing option '--config'"),
        (("chek", "site.toml"), 2, "No such command 'chek'"),
        (("status", "--socket", "none.sock"), 1, "edge: no controller answers (none.sock: No such file or directory)"),
    ],
)
def test_wrong_use_is_told_without_a_traceback(
    tmp_path: Path, arguments: tuple[str, ...], code: int, words: str
) -> None:
    """Missing files and arguments are a sentence on stderr and the right exit code."""
    result = edge(tmp_path, *arguments)
    assert result.returncode == code
    assert words in result.stderr
    assert "Traceback" not in result.stderr
    assert result.stdout == ""


def test_version(tmp_path: Path) -> None:
    """``edge --version`` names the program and its version."""
    assert edge(tmp_path, "--version").stdout.startswith("edge 0.")


@pytest.mark.parametrize("words", [("--help",), ("points",)])  # less than Python's buffer, and more
def test_a_full_disk_behind_stdout_is_one_sentence(words: tuple[str, ...]) -> None:
    """It says where, and there is no traceback, where what was printed waits in a buffer as well."""
    said = written_to_a_full_disk("edge", *words, timeout_s=60)
    assert said == (1, "edge: standard output: No space left on device\n")


@pytest.mark.parametrize("words", [("--help",), ("points",), ("meter", "read", "--config", "{site}")])
def test_a_reader_who_goes_is_no_failure(words: tuple[str, ...], tmp_path: Path) -> None:
    """``edge status | head -1``: nothing is told, and the exit code is that of a program which SIGPIPE has ended."""
    site = tmp_path / "site.toml"
    site.write_text(SITE)
    command = [sys.executable, "-m", "edge", *(word.format(site=site) for word in words)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as running:
        assert running.stdout is not None
        assert running.stderr is not None
        running.stdout.close()
        assert (running.stderr.read(), running.wait(60)) == (b"", 141)


@pytest.mark.parametrize(
    ("command", "code", "words"),
    [
        ("key --stdin <&-", 2, "edge: the key has 0 bytes; give 16 to 64, best at random\n"),
        ("allocate - <&-", 2, "edge: standard input: is empty; give a problem as a JSON object\n"),
        (
            "setup --language en --config {folder}/site.toml --state {folder} <&- >&-",
            2,
            "edge: Left before the first answer",
        ),
        ("meter read --connection tcp://127.0.0.1:1 --model eastron_sdm630 --period 0.05 >&-", 1, ""),
        ("check {folder}/nosuch.toml >&- 2>&-", 2, ""),
    ],
)
def test_a_closed_stream_is_an_empty_one(command: str, code: int, words: str, tmp_path: Path) -> None:
    """Nobody can be asked there, and nothing shown: no fault of this program. Its number is given to no other file."""
    shell = ("sh", "-c", f"{sys.executable} -m edge {command.format(folder=tmp_path)}")
    result = subprocess.run(shell, capture_output=True, text=True, timeout=120, check=False)
    assert result.returncode == code, result.stderr
    assert result.stderr.startswith(words)
    assert "a fault of this program" not in result.stderr

"""What the command lines say of themselves on a terminal of 80 columns, and what they leave to who reads a file."""

from pathlib import Path
from typing import get_args, get_type_hints

import pytest
import typer
from typer.models import ArgumentInfo, OptionInfo, ParameterInfo
from typer.testing import CliRunner

from edge.cli import main as edge
from simulators.cli import main as simulators

GROUPS = {
    "edge": edge.application([]),
    "edge-sim": simulators.application([]),
} | {
    f"edge {group.name}": group.typer_instance
    for group in edge.application([]).registered_groups
    if group.typer_instance is not None
}


def paths_of(app: typer.Typer, above: str) -> dict[str, ParameterInfo]:
    """What each verb says of its parameters that are paths, by verb and name."""
    found: dict[str, ParameterInfo] = {}
    for command in app.registered_commands:
        assert command.callback is not None
        for name, hint in get_type_hints(command.callback, include_extras=True).items():
            kind, *said = get_args(hint) or (hint,)
            if kind is Path or Path in get_args(kind):
                (info,) = (each for each in said if isinstance(each, OptionInfo | ArgumentInfo))
                found[f"{above} {command.name or command.callback.__name__}: {name}"] = info
    return found


@pytest.mark.parametrize("name", GROUPS)
def test_the_list_of_verbs_cuts_no_sentence_off(name: str) -> None:
    """``setup  Set the gateway up on site: asks, checks each answer at...`` told nobody what comes of it."""
    told = CliRunner(env={"COLUMNS": "80"}).invoke(GROUPS[name], ["--help"], prog_name=name)
    assert told.exit_code == 0
    assert [line for line in told.stdout.splitlines() if line.endswith("...") and "[ARGS]" not in line] == []


def test_who_may_not_read_a_file_is_told_by_who_reads_it() -> None:
    """Without sudo each verb was refused as ``path '/etc/edge-controller/site.toml' is not readable``, before it could
    say to use it.
    """
    found = {
        verb: info for name, app in GROUPS.items() if name != "edge-sim" for verb, info in paths_of(app, name).items()
    }
    assert {"edge journal list: config", "edge doctor: socket", "edge check: file"} <= found.keys()
    assert [verb for verb, info in found.items() if info.readable] == []


def test_what_is_to_be_typed_about_the_service_has_sudo() -> None:
    """Without it systemctl asks who has no right to for a password that an installer's account hasn't."""
    folder = Path(edge.__file__).parent
    said = [(file.name, line) for file in folder.glob("*.py") for line in file.read_text(encoding="utf-8").splitlines()]
    told = [(name, line) for name, line in said if "systemctl st" in line]
    assert len(told) >= 3
    assert [each for each in told if "sudo systemctl" not in each[1]] == []

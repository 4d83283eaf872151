"""Each verb started by itself, as a shell does it: it loads all that it needs, and without a warning."""

import subprocess
import sys

import pytest

from edge.cli.main import VERBS
from tests.forked import TIMEOUT_S


@pytest.mark.parametrize(("module", "verb"), [*(("edge", verb) for verb in VERBS), ("simulators", "bms")])
def test_a_verb_starts_alone(module: str, verb: str) -> None:
    """The other tests of the command line find it loaded (tests/forked.py)."""
    command = [sys.executable, "-W", "error", "-m", module, verb, "--help"]
    shown = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
    assert (shown.returncode, shown.stderr) == (0, "")
    assert f" {verb} [OPTIONS]" in shown.stdout.splitlines()[0]

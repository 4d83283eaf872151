"""What the machine knows of its neighbours, as the service sees it."""

import os
import subprocess
import sys

import pytest

AS_THE_SERVICE = 'mount -t proc -o subset=pid proc /proc || exit 77; exec "$0" -c "$1"'
LOOK = "from edge.system.network import NEIGHBOURS; print(NEIGHBOURS.read_text())"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount")
def test_the_neighbours_are_in_sight_of_the_service() -> None:
    """Its unit says ProcSubset=pid, which hides what isn't a process's: there no station had a MAC."""
    command = ["unshare", "--mount", "sh", "-c", AS_THE_SERVICE, sys.executable, LOOK]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode in (1, 77) and "Permission" in done.stderr:
        pytest.skip("this container may not mount")
    assert done.returncode == 0, done.stderr
    assert "HW address" in done.stdout

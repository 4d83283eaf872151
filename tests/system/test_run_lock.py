"""``edge run`` on a storage folder that another gateway writes to."""

import subprocess
import sys
from pathlib import Path

from edge.storage.lock import locked
from tests.system.test_cli_check import SITE


def test_a_second_gateway_on_one_folder_doesnt_start(tmp_path: Path) -> None:
    """One sentence, exit code 1, and the files of the first are as they were."""
    storage = tmp_path / "storage"
    site = tmp_path / "site.toml"
    site.write_text(f'{SITE}\n[storage]\npath = "{storage}"\n')
    with locked(storage):
        command = [sys.executable, "-m", "edge", "run", "--config", str(site), "--socket", str(tmp_path / "s")]
        ran = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert ran.returncode == 1
    assert ran.stderr.splitlines()[-1].startswith(f"edge: the storage folder {storage} is in use by another edge run")
    assert [file.name for file in storage.iterdir()] == ["lock"]

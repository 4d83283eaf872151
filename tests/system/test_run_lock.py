"""``edge run`` on a storage folder that another gateway writes to."""

import subprocess
import sys
from pathlib import Path

from edge.storage.lock import locked
from tests.system.test_cli_check import SITE

ROOT = Path(__file__).parents[2]


def test_a_second_gateway_on_one_folder_doesnt_start(tmp_path: Path) -> None:
    """One sentence, exit code 1, and the files of the first are as they were."""
    storage = tmp_path / "storage"
    site = tmp_path / "site.toml"
    site.write_text(f'{SITE}\n[storage]\npath = "{storage}"\n')
    with locked(storage):
        command = [sys.executable, "-m", "edge", "run", "--config", str(site), "--socket", str(tmp_path / "s")]
        ran = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert ran.returncode == 1
    assert ran.stderr.splitlines()[-1].startswith(f"edge: the storage folder {storage} is in use by another edge run")
    assert [file.name for file in storage.iterdir()] == ["lock"]


def test_a_journal_of_the_working_folder_isnt_left_behind(tmp_path: Path) -> None:
    """A relative folder was one of the working folder once: the gateway doesn't begin anew beside what waits there."""
    left, conf = tmp_path / "work" / "state", tmp_path / "conf"
    left.mkdir(parents=True)
    conf.mkdir()
    (left / "journal.db").write_bytes(b"what waits for the cloud")
    site = conf / "site.toml"
    site.write_text(f'{SITE}\n[storage]\npath = "state"\n')
    command = [sys.executable, "-m", "edge", "run", "--config", str(site), "--socket", str(tmp_path / "s")]
    path = {"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"}
    ran = subprocess.run(command, cwd=left.parent, env=path, capture_output=True, text=True, check=False, timeout=120)
    assert ran.returncode == 1
    assert ran.stderr == (
        f'edge: [storage] path = "state" means {conf}/state, from the site file\'s folder on, and the journal lies in '
        f'{left}; move it there (mv {left} {conf}/state), or write path = "{left}"\n'
    )
    assert not (conf / "state").exists()

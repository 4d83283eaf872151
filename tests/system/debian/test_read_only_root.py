"""The gateway on a root that can't be written to: /var and the site file on a data partition, the rest as it is."""

import shutil
from pathlib import Path

import pytest

from tests.debian_machine import Machine, run, tame_clock
from tests.system.debian.test_gateway import OURS, SERVICE, SITE


@pytest.fixture
def data(gateway: Path, tmp_path: Path) -> Path:
    """The data partition: what docs/gateway.md says must be writable."""
    folder = tmp_path / "data"
    folder.mkdir()
    for place in ("var", "etc/edge-controller"):
        run("cp", "--archive", gateway / place, folder / Path(place).name)
    (folder / "edge-controller" / "site.toml").write_text(SITE)
    return folder


def test_it_runs_with_a_read_only_root(gateway: Path, data: Path) -> None:
    """Every service of the gateway is active, / refuses writes, secrets and state are on the data partition."""
    binds = (f"--bind={data}/var:/var", f"--bind={data}/edge-controller:/etc/edge-controller")
    tame_clock(gateway)
    booted = Machine(gateway, "--read-only", *binds)
    try:
        assert booted.run("touch", "/etc/written", check=False).returncode != 0
        states = {unit: booted.shows(unit, "ActiveState") for unit in (*OURS, "chrony", "dnsmasq", "mosquitto")}
        assert states == dict.fromkeys(states, "active")
        assert booted.run("edge", "status").returncode == 0
        assert booted.shows(SERVICE, "NRestarts") == "0"
    finally:
        booted.stop()
    assert (data / "var/lib/edge-gateway/accounts").stat().st_size > 0
    assert (data / "var/lib/edge-controller").is_dir()
    shutil.rmtree(data)

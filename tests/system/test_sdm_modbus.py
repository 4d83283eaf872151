"""The simulated SDM630 read by somebody else's library: sdm-modbus with the pymodbus that it was written for.

It needs another pymodbus than this project's, so it lives in an environment of its own, made once under pytest's cache.
Where that can't be made (no package index in reach), the test is skipped and says so.
"""

import asyncio
import json
import subprocess
import sys
from pathlib import Path

import pytest

from edge.metering.catalogue import FAMILIES
from edge.metering.family import Quantity
from simulators.meter import ModbusTcpServer, SimulatedMeter
from simulators.meter.maps import MAPS
from simulators.site import Endpoint
from tests.meter_families import FEEDING_ON_L2
from tests.register_reads import read_all

PACKAGES = ("sdm-modbus==0.7.0", "pymodbus==3.6.9")
INSTALL_S = 120.0  # two small packages; a package index that takes longer is out of reach
READ_S = 120.0

READER = """
import json, sys
import sdm_modbus
meter = sdm_modbus.SDM630(host="127.0.0.1", port=int(sys.argv[1]), unit=1, timeout=5, retries=1)
print(json.dumps(meter.read_all(sdm_modbus.registerType.INPUT)))
meter.disconnect()
"""

# What the library calls each quantity, and what its unit is worth in ours.
NAMES = {
    Quantity.VOLTAGE_L1: ("l1_voltage", 1.0),
    Quantity.VOLTAGE_L2: ("l2_voltage", 1.0),
    Quantity.VOLTAGE_L3: ("l3_voltage", 1.0),
    Quantity.CURRENT_L1: ("l1_current", 1.0),
    Quantity.CURRENT_L2: ("l2_current", 1.0),
    Quantity.CURRENT_L3: ("l3_current", 1.0),
    Quantity.POWER_L1: ("l1_power_active", 1.0),
    Quantity.POWER_L2: ("l2_power_active", 1.0),
    Quantity.POWER_L3: ("l3_power_active", 1.0),
    Quantity.POWER: ("total_power_active", 1.0),
    Quantity.FREQUENCY: ("frequency", 1.0),
    Quantity.IMPORT_WH: ("import_energy_active", 1000.0),
    Quantity.EXPORT_WH: ("export_energy_active", 1000.0),
}


@pytest.fixture(scope="module")
def python(request: pytest.FixtureRequest) -> Path:
    """The interpreter of an environment with the library."""
    assert request.config.cache is not None
    folder = request.config.cache.mkdir("-".join(PACKAGES).replace("==", "-"))
    interpreter, done = folder / "bin" / "python", folder / "complete"
    if not done.exists():
        steps = (
            [sys.executable, "-m", "venv", "--clear", str(folder)],
            [str(interpreter), "-m", "pip", "--disable-pip-version-check", "--quiet", "install", *PACKAGES],
        )
        for step in steps:
            try:
                subprocess.run(step, check=True, capture_output=True, text=True, timeout=INSTALL_S)
            except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as exc:
                pytest.skip(f"{' and '.join(PACKAGES)} can't be installed: {exc}")
        done.touch()
    return interpreter


async def test_sdm_modbus_reads_what_we_read(python: Path) -> None:
    """Each quantity that the catalogue reads of the simulated SDM630 has the same value in sdm-modbus."""
    registers = MAPS["eastron_sdm630"]
    server = await ModbusTcpServer({1: SimulatedMeter(registers, lambda: FEEDING_ON_L2)}).open(
        Endpoint(host="127.0.0.1", port=0)
    )
    reader = await asyncio.create_subprocess_exec(
        python, "-c", READER, str(server.port), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    try:
        async with asyncio.timeout(READ_S):
            printed, said = await reader.communicate()
    finally:
        if reader.returncode is None:
            reader.kill()
            await reader.wait()
        await server.close()
    assert reader.returncode == 0, said.decode()
    theirs = json.loads(printed)
    ours = read_all(FAMILIES["eastron_sdm630"], registers, FEEDING_ON_L2)
    assert set(NAMES) == set(ours)
    for quantity, (name, worth) in NAMES.items():
        assert theirs[name] * worth == pytest.approx(ours[quantity], rel=1e-6), name

"""`edge commission` on a pseudo-terminal, against a simulated site with the real gateway: passes, signs, goes live."""
# ruff: noqa: ASYNC240 - small files of the tests' own

import asyncio
import base64
import json
import re
import signal
import tomllib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from edge.cli.commission_bench import Bench
from edge.cli.findings import read
from edge.cli.terminal import Loop
from edge.commission.handover import content
from edge.errors import StartError
from edge.storage.lock import locked
from edge.system.claim import is_signed, make_claim
from simulators.meter import MeterFault
from tests.system.building import Building, building
from tests.system.test_cli_setup import status_at
from tests.system.typist import PATIENCE_S, Typist, at_terminal

PASSPHRASE = "cold garage at seven"
INTERRUPTED = 130  # exit code: 128 + SIGINT
ASKED = r"then press Enter: $|Name of who signs for it: $|hand-over document[^\n]*\n"
COMMISSION_S = 300.0  # a lease and its end in real time, on a machine that does much else

SITE = """
[site]
id = "proof"
[control]
mode = "observe" # as set up
lease_s = 30
[storage]
path = "{folder}/storage"
[[circuit]]
id = "main"
fuse_a = 63
background_reserve_a = 20
meter = "grid"
[[meter]]
id = "grid"
model = "eastron_sdm630"
connection = "tcp://{meter}"
[[station]]
id = "CP-A"
circuit = "main"
[[station.evse]]
id = 1
phases = ["L2", "L3", "L1"]
max_a = 16
[ocpp]
listen = "{gateway}"
upstream = "ws://{cloud}/{{station}}"
security_profile = 0
[api]
listen = "{api}"
"""


def written(folder: Path, site: Building) -> Path:
    """The site file."""
    file = folder / "site.toml"
    file.write_text(
        SITE.format(folder=folder, meter=site.meter_at, gateway=site.gateway, cloud=site.cloud_at, api=site.api),
        encoding="utf-8",
    )
    return file


async def patiently(typist: Typist, pattern: str) -> str:
    """What it shows up to the pattern, however long it is silent before: while a lease ends it says nothing."""
    while True:
        try:
            return await typist.sees(pattern)
        except AssertionError:
            if typist.process.returncode is not None:
                raise


async def walk(folder: Path, site: Building, file: Path) -> tuple[int, str]:
    """Do all that is asked, to the end; exit code and what was shown."""
    async with at_terminal("commission", "--config", str(file), "--state", str(folder)) as typist:
        async with asyncio.timeout(COMMISSION_S):
            while True:
                seen = await patiently(typist, ASKED)
                if "hand-over document" in seen:
                    break
                if "Name of who signs" in seen:
                    typist.types("Anna Jensen")
                    await typist.answers(r"Passphrase[^\n]*: $", PASSPHRASE)
                    continue
                if "charge at CP-A/1" in seen:
                    site.plug_in("CP-A", phases=1)
                elif "Pull the data cable" in seen:
                    await site.lose_meter()
                elif "Put the cable back" in seen:
                    await site.return_meter()
                elif "way to the cloud away" in seen:
                    await site.cloud.go_away()
                elif "Give it back" in seen:
                    await site.cloud.come_back()
                typist.types("")
        code = await typist.ends()
        return code, typist.shown


@pytest.mark.minutes
async def test_a_turned_transformer_is_named_over_the_real_wire(tmp_path: Path) -> None:
    """The proof of the meter fails and says which transformer; nothing is signed, the gateway stays in observe."""
    make_claim(tmp_path, PASSPHRASE)
    async with building() as site:
        file = written(tmp_path, site)
        site.add("CP-A", (1, 2, 0))
        site.meter.fault = MeterFault.INVERTED_CT
        code, shown = await walk(tmp_path, site, file)
    assert code == 1
    assert "FAILED  meter direction and phases: L2 counts backwards" in shown
    assert "passed  limit obeyed by CP-A/1" in shown
    assert 'mode = "observe" # as set up' in file.read_text(encoding="utf-8")
    (paper_file,) = (tmp_path / "handover").glob("*.json")
    paper = json.loads(paper_file.read_text(encoding="utf-8"))
    assert not paper["passed"]
    assert "signature" not in paper


@pytest.mark.minutes
async def test_a_site_without_a_cloud_is_proven_without_one(tmp_path: Path) -> None:
    """Nobody is asked to take it away; the hand-over document says that the proof doesn't apply, and is signed."""
    make_claim(tmp_path, PASSPHRASE)
    async with building() as site:
        file = written(tmp_path, site)
        text = re.sub(r"(?m)^upstream = .*\n", "", file.read_text(encoding="utf-8"))
        file.write_text(f'{text}[offline]\nunknown_tokens = "limit"\n', encoding="utf-8")
        site.add("CP-A", (1, 2, 0))
        code, shown = await walk(tmp_path, site, file)
    assert (code, "way to the cloud away" in shown) == (0, False)
    (paper_file,) = (tmp_path / "handover").glob("*.json")
    paper = json.loads(paper_file.read_text(encoding="utf-8"))
    assert paper["passed"]
    (lost,) = [each for each in paper["proofs"] if each["name"] == "cloud lost: charging goes on"]
    assert lost["finding"].startswith("doesn't apply: the site has no cloud")
    assert 'mode = "control"' in file.read_text(encoding="utf-8")


def is_held(folder: Path) -> bool:
    """Whether a gateway keeps its journal there."""
    try:
        with locked(folder):
            return False
    except StartError:
        return True


@asynccontextmanager
async def at_the_first_question(folder: Path) -> AsyncIterator[tuple[Building, Typist]]:
    """A claimed site whose gateway runs, and who is asked for a car at its station."""
    make_claim(folder, PASSPHRASE)
    async with building() as site:
        file = written(folder, site)
        site.add("CP-A", (1, 2, 0))
        async with at_terminal("commission", "--config", str(file), "--state", str(folder)) as typist:
            await typist.sees("charge at CP-A/1")
            yield site, typist


@pytest.mark.parametrize("ending", [signal.SIGHUP, signal.SIGINT, signal.SIGKILL])
async def test_who_is_cut_off_leaves_no_gateway_behind(ending: signal.Signals, tmp_path: Path) -> None:
    """The terminal is lost, the program left in a hurry or killed: what controlled the unproven site ends with it."""
    async with at_the_first_question(tmp_path) as (site, typist):
        leaves = None if ending is signal.SIGKILL else "nothing is proven"
        code = await typist.interrupts(ending, every_s=0.05, leaves=leaves)
        async with asyncio.timeout(PATIENCE_S):
            while status_at(site.api) or is_held(tmp_path / "storage"):  # noqa: ASYNC110 - another process's state
                await asyncio.sleep(0.2)
    if ending is not signal.SIGKILL:
        assert code == INTERRUPTED
        assert sorted(each.name for each in tmp_path.glob(".*.toml")) == []


async def test_no_other_gateway_starts_while_its_own_is_stopped(tmp_path: Path) -> None:
    """The stations are to be seen without one: the service, started meanwhile, would have controlled them."""
    async with building() as site:
        configuration = read(written(tmp_path, site))
        loop, storage = Loop(), tmp_path / "storage"
        with locked(storage), pytest.raises(StartError, match="stop the service first"):
            await at_bench(Bench(configuration, loop, meter=None), "start")
        bench = Bench(configuration, loop, meter=None)
        await at_bench(bench, "start")
        await at_bench(bench, "stop")
        assert is_held(storage)
        await at_bench(bench, "start", "close")
        loop.close()
        assert not is_held(storage)
    assert list(tmp_path.glob(".*.toml")) == []


async def at_bench(bench: Bench, *steps: str) -> None:
    """Do that while the site lives on; it is closed where it can't."""
    try:
        for step in steps:
            await asyncio.to_thread(getattr(bench, step))
    except StartError:
        bench.close()
        raise


async def test_who_leaves_with_the_end_of_the_input_is_told_what_holds(tmp_path: Path) -> None:
    """Ctrl-D at a question: nothing is proven, and the next run begins anew. It was told that it goes on from there."""
    async with at_the_first_question(tmp_path) as (_, typist):
        typist.hangs_up()
        assert await typist.ends() == 2
    assert "edge: the commissioning was left; nothing is proven" in typist.shown
    assert "goes on from here" not in typist.shown


@pytest.mark.minutes
async def test_a_right_site_is_proven_and_signed(tmp_path: Path) -> None:
    """All proofs pass on the real wire; the signed document goes with mode = "control", comments kept."""
    make_claim(tmp_path, PASSPHRASE)
    async with building() as site:
        file = written(tmp_path, site)
        site.add("CP-A", (1, 2, 0))
        code, shown = await walk(tmp_path, site, file)
    assert "FAILED" not in shown, shown
    assert "meter grid is read" not in shown, "a line of the log between the proofs"
    assert code == 0
    text = file.read_text(encoding="utf-8")
    assert 'mode = "control" # as set up' in text
    assert tomllib.loads(text)["control"]["lease_s"] == 30
    (paper_file,) = (tmp_path / "handover").glob("*.json")
    paper = json.loads(paper_file.read_text(encoding="utf-8"))
    assert paper["passed"]
    assert paper["signature"]["name"] == "Anna Jensen"
    assert [paper["stations"][0][key] for key in ("vendor", "serial", "firmware")] == ["Simulated", "SN-CP-A", "1.4.2"]
    signature = base64.b64decode(paper["signature"]["signature"])
    key = base64.b64decode(paper["signature"]["public_key"])
    assert is_signed(content(paper), signature, key)
    assert not is_signed(content(paper | {"made_at": "2020"}), signature, key)
    assert paper_file.with_suffix(".pdf").read_bytes().startswith(b"%PDF")
    assert re.search(r"passed  controller stopped", shown)

"""``edge run --record`` and ``edge replay`` as a technician meets them: real processes, real files."""

import asyncio
import json
import signal
import sys
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

from edge import __version__
from edge.control.recording import Header, Tick
from edge.control.segments import Folder, Segments, segment_name
from simulators.ports import free_endpoints
from tests.forked import as_text, forked
from tests.unit.control.recording_bench import HEADER, ControlledSite

PATIENCE_S = 120.0  # on a machine that does much else: it only ends what hangs
OURS = replace(HEADER, program=__version__)

SITE = """\
[site]
id = "harbour-3"
timezone = "UTC"

[[circuit]]
id = "main"
fuse_a = 63
background_reserve_a = 32

[[station]]
id = "CP-01"
circuit = "main"
[[station.evse]]
id = 1
max_a = 16
fallback_a = 6

[ocpp]
listen = "127.0.0.1:{ocpp}"
upstream = "ws://127.0.0.1:{cloud}/{{station}}"

[api]
listen = "127.0.0.1:{api}"

[storage]
path = "{storage}"
"""


@cache
def played() -> list[Tick]:
    """Eighty seconds of a site; not played where no test asks."""
    return ControlledSite(3).run(80)


class Outcome(NamedTuple):
    code: int | None
    out: str
    err: str


async def edge(*arguments: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        *("-W", "error", "-m", "edge", *arguments),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        cwd=Path(__file__).parents[2],
    )


async def replay(*arguments: str | Path) -> Outcome:
    ended = as_text(await asyncio.to_thread(forked, "edge", "replay", *map(str, arguments)))
    return Outcome(ended.returncode, ended.stdout, ended.stderr)


def record(folder: Path, ticks: Sequence[Tick], header: Header = OURS) -> Path:
    segments = Segments(Folder(folder), most_bytes=64_000_000, header=lambda: header)
    segments.begin()
    for tick in ticks:
        segments.write(tick)
    segments.end()
    return folder


def altered(tick: Tick) -> Tick:
    """The same, had the first EVSE been allowed 99 A."""
    first, *others = tick.decision.setpoints
    return replace(tick, decision=replace(tick.decision, setpoints=(replace(first, limit_a=99.0), *others)))


async def test_a_sound_recording(tmp_path: Path) -> None:
    """A folder or one of its files: one line, exit code 0."""
    folder = record(tmp_path / "recording", played())
    assert await replay(folder) == (0, "80 decisions, all equal\n", "")
    assert await replay(folder / segment_name(1)) == (0, "80 decisions, all equal\n", "")


async def test_a_recording_that_differs(tmp_path: Path) -> None:
    """The first difference with its time, its place and both values, and how many there are: exit code 1."""
    folder = record(tmp_path / "recording", played()[:30])
    record(folder, [*played()[30:50], altered(played()[50]), altered(played()[51])])
    now = played()[50].decision.setpoints[0].limit_a
    assert await replay(folder) == (
        1,
        (
            f"first difference: decision 51, 2026-11-21 07:00:50 UTC, in {segment_name(2)}:\n"
            f"  setpoints[0].limit_a: recorded 99.0, now {now} (CP-0/1)\n"
            "52 decisions, 2 not equal\n"
        ),
        "",
    )
    shown = await replay(folder, "--json")
    assert (shown.code, shown.err) == (1, "")
    assert json.loads(shown.out) == {
        "decisions": 52,
        "different": 2,
        "version": __version__,
        "recorded_by": [__version__],
        "truncated": [],
        "first_difference": {
            "segment": segment_name(2),
            "decision": 51,
            "now_s": 50.0,
            "at": "2026-11-21T07:00:50+00:00",
            "path": "setpoints[0].limit_a",
            "evse": "CP-0/1",
            "recorded": "99.0",
            "now": str(now),
        },
    }


async def test_another_version_and_a_broken_end(tmp_path: Path) -> None:
    """What another version has recorded is replayed all the same, and so is a segment that broke off; both are said."""
    folder = record(tmp_path / "recording", played(), HEADER)
    last = folder / segment_name(1)
    last.write_bytes(last.read_bytes()[:-4])
    assert await replay(folder) == (
        0,
        (
            f"recorded by version 1.2.3; this is {__version__}\n"
            f"{segment_name(1)} has no end: replayed up to its last whole line\n"
            "80 decisions, all equal\n"
        ),
        "",
    )


@pytest.mark.parametrize("case", ["missing", "empty folder", "no recording", "damaged", "nothing yet"])
async def test_what_can_t_be_replayed(tmp_path: Path, case: str) -> None:
    """One sentence on stderr, exit code 2."""
    path = tmp_path / "recording"
    match case:
        case "missing":
            said = f"{path} can't be read (No such file or directory)"
        case "empty folder":
            path.mkdir()
            said = f"{path} holds no recording; give the folder of edge run --record"
        case "no recording":
            path.write_text("# Read me\n")
            said = f"{path} is no recording; give a file or a folder that edge run --record has written"
        case "damaged":
            file = record(path, played()) / segment_name(1)
            content = file.read_bytes()
            file.write_bytes(content[:-8] + bytes(4) + content[-4:])  # another checksum
            said = f"{file} is damaged"
        case _:
            record(path, [])
            said = f"{path} holds no decision yet; "
    shown = await replay(path)
    assert (shown.code, shown.out) == (2, "")
    assert shown.err.startswith(f"edge: {said}")
    assert shown.err.count("\n") == 1


@pytest.fixture
def site_file(tmp_path: Path) -> Path:
    ports = {name: where.port for name, where in zip(("ocpp", "cloud", "api"), free_endpoints(3), strict=True)}
    path = tmp_path / "site.toml"
    path.write_text(SITE.format(**ports, storage=tmp_path / "storage"))  # one gateway at a time has it
    return path


async def test_a_running_controller_records(site_file: Path, tmp_path: Path) -> None:
    """What the controller has decided until SIGTERM is in the folder, whole, and replays equal."""
    folder = tmp_path / "deep" / "recording"
    process = await edge(
        *("run", "--config", str(site_file), "--socket", str(tmp_path / "edge.sock"), "--log-format", "json"),
        *("--record", str(folder), "--record-mb", "1"),
    )
    assert process.stderr is not None
    log = []
    try:
        async with asyncio.timeout(PATIENCE_S):
            async for line in process.stderr:
                log.append(json.loads(line)["event"])
                if log[-1] == "setpoint":
                    break
    finally:
        process.send_signal(signal.SIGTERM)
        await process.communicate()
    assert (process.returncode, log.count("recording")) == (0, 1)
    shown = await replay(folder, "--json")
    outcome = json.loads(shown.out)
    assert (shown.code, shown.err, outcome["truncated"], outcome["different"]) == (0, "", [], 0)
    assert outcome["decisions"] >= 1


async def test_a_folder_that_can_t_be_written(site_file: Path, tmp_path: Path) -> None:
    """The controller doesn't start where it was told to record and can't: one sentence, exit code 1."""
    process = await edge("run", "--config", str(site_file), "--socket", str(tmp_path / "s"), "--record", str(site_file))
    _, err = await process.communicate()
    assert process.returncode == 1
    assert err.decode().splitlines()[-1] == (
        f"edge: the folder {site_file} for the recording can't be written to (File exists); name another with --record"
    )


async def test_how_much_without_where(site_file: Path) -> None:
    """--record-mb alone would do nothing: exit code 2, with what is missing."""
    process = await edge("run", "--config", str(site_file), "--record-mb", "3")
    _, err = await process.communicate()
    assert process.returncode == 2
    assert "give --record FOLDER" in err.decode()

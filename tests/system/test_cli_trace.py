"""``edge trace`` and ``edge key`` as people meet them: real processes."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import NamedTuple

import orjson
import pytest

from edge.ocpp import keys
from edge.web.app import make_app
from edge.web.server import ApiServer
from simulators.ports import free_endpoints
from tests.fake_needs import FakeNeeds
from tests.forked import as_text, forked

FRAMES = [
    {"time": "2026-06-01T12:00:00.000Z", "way": "station → gateway", "text": '[2,"1","Heartbeat",{}]', "length": 22},
    {"time": "2026-06-01T12:00:01.000Z", "way": "gateway → cloud", "text": "\x1b[31mred", "length": 900},
]
REPORT = {
    "stations": [
        {"id": "CP/01", "connected": True, "cloud_connected": True},
        {"id": "CP-02", "connected": False, "cloud_connected": False},
        {"id": "CP-03", "connected": True, "cloud_connected": False},
    ],
    "waiting_stations": [{"id": "NEW"}],
    "refused_handshakes": [{"station": "CP-02", "at": "2026-06-01T11:59:00.000Z", "why": "a wrong key"}],
}


class Outcome(NamedTuple):
    """What a process did."""

    code: int | None
    out: str
    err: str


async def edge(*arguments: str, given: bytes = b"") -> Outcome:
    """The command, with warnings as errors."""
    ended = as_text(await asyncio.to_thread(forked, "edge", *arguments, stdin=given))
    return Outcome(ended.returncode, ended.stdout, ended.stderr)


@pytest.fixture
async def socket(tmp_path: Path) -> AsyncIterator[str]:
    """A control socket behind which one station has a trace."""
    app = make_app(
        status=lambda: REPORT,
        healthy=lambda: True,
        needs=FakeNeeds(),
        trace={"CP/01": FRAMES, "CP-02": [], "CP-03": [], "NEW": FRAMES[:1]}.get,
    )
    server = ApiServer(app, listen=("127.0.0.1", free_endpoints(1)[0].port), socket=tmp_path / "edge.sock")
    await server.start()
    yield str(tmp_path / "edge.sock")
    await server.stop()


async def test_a_trace_for_people_and_for_programs(socket: str) -> None:
    """One line for each frame, cut ones marked, nothing that steers a terminal; or JSON as the API has it."""
    shown = await edge("trace", "CP/01", "--socket", socket)
    assert (shown.code, shown.err) == (0, "")
    first, second = shown.out.splitlines()
    assert first == '2026-06-01T12:00:00.000Z  station → gateway   [2,"1","Heartbeat",{}]'
    assert second.endswith(" [31mred ... (900 characters)")
    as_json = await edge("trace", "CP/01", "--json", "--socket", socket)
    assert orjson.loads(as_json.out) == FRAMES


async def test_what_a_station_waits_for(socket: str) -> None:
    """Who isn't connected, whose cloud is away, and whom nobody has adopted, is told so beside its frames."""
    away = await edge("trace", "CP-02", "--socket", socket)
    why = "it was turned away at 2026-06-01T11:59:00.000Z: a wrong key"
    assert (away.code, away.out, away.err) == (0, "", f"CP-02 isn't connected: waiting for it to dial; {why}\n")
    alone = await edge("trace", "CP-03", "--socket", socket)
    assert alone.err.startswith("CP-03 is connected, its cloud isn't")
    new = await edge("trace", "NEW", "--socket", socket)
    assert len(new.out.splitlines()) == 1
    assert "waits to be adopted (edge station adopt NEW …)" in new.err


async def test_a_trace_of_nobody(socket: str) -> None:
    """Wrong input, in one sentence."""
    shown = await edge("trace", "CP-99", "--socket", socket)
    assert (shown.code, shown.out) == (2, "")
    assert shown.err == "edge: there is no station 'CP-99'; see edge status for those that there are\n"


@pytest.mark.parametrize("asked", [["trace", "CP\udcff"], ["station", "identify", "CP\udcff"]])
async def test_a_name_that_is_no_utf_8(asked: list[str], socket: str) -> None:
    """As a terminal with another encoding sends it: there is no such station, which is no fault of the program."""
    shown = await edge(*asked, "--socket", socket)
    assert shown.code in (1, 2)
    assert "fault" not in shown.err
    assert "CP" in shown.err


async def test_a_new_key() -> None:
    """For the station in digits, for the site file as a hash of it."""
    shown = await edge("key")
    secret, line = shown.out.splitlines()
    key = bytes.fromhex(secret.rpartition(" ")[2])
    assert len(key) == 20
    assert keys.matches(key, line.removeprefix('key_hash = "').removesuffix('"'))


async def test_the_hash_of_a_key() -> None:
    """Of one that a station has already; one that is too short is wrong input."""
    shown = await edge("key", "--stdin", given=b"a pass phrase of a station\n")
    line = shown.out.strip()
    assert keys.matches(b"a pass phrase of a station", line.removeprefix('key_hash = "').removesuffix('"'))
    short = await edge("key", "--stdin", given=b"short\n")
    assert (short.code, short.err) == (2, "edge: the key has 5 bytes; give 16 to 64, best at random\n")

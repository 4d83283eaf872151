"""``edge status`` against a control socket: the real process, an API with a report of the test's own."""

import asyncio
import sys
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import orjson
import pytest

from edge.web.app import make_app
from edge.web.server import ApiServer

REPORT: dict[str, Any] = {
    "version": "0.1.0",
    "site": "harbour-3",
    "mode": "control",
    "time": "2026-06-01T12:00:00.000Z",
    "local_time": "2026-06-01T14:00:00+02:00",
    "uptime_s": 12.5,
    "control": {"ticks": 12, "missed_ticks": 1, "period_s": 1.0, "last_tick_s": 0.004, "state": "METER_STALE"},
    "meters": [
        {
            "id": "grid",
            "age_s": None,
            "ok": False,
            "problem": "no answer within 0.5 s",
            "current_a": None,
            "voltage_v": None,
            "power_w": None,
        },
    ],
    "circuits": [
        {
            "id": "main",
            "parent": None,
            "fuse_a": 63.0,
            "rating_a": 61.0,
            "measured_a": [10.0, 62.5, 12.0],
            "background_a": [4.0, 0.0, 1.0],
            "headroom_a": [51.0, 61.0, 49.0],
            "exposure_a": [6.0, 6.0, 6.0],
        },
        {
            "id": "garage",
            "parent": "main",
            "fuse_a": 40.0,
            "rating_a": 40.0,
            "measured_a": None,
            "background_a": [0.0, 0.0, 0.0],
            "headroom_a": [34.0, 34.0, 34.0],
            "exposure_a": [6.0, 6.0, 6.0],
        },
    ],
    "stations": [
        {
            "id": "CP-\x1b[31m01[red]",
            "connected": True,
            "cloud_connected": False,
            "vendor": None,
            "model": None,
            "evses": [
                {
                    "id": 1,
                    "status": "Charging",
                    "transaction_id": "7",
                    "limit_a": 6.0,
                    "accepted_a": 6.0,
                    "exposure_a": 6.0,
                    "draw_a": [5.9, 5.8, 6.0],
                    "reason": "METER_STALE",
                    "text": "6.0 A: meter grid gives no reading: safe current",
                },
                {
                    "id": 2,
                    "status": "Available",
                    "transaction_id": None,
                    "limit_a": None,
                    "accepted_a": None,
                    "exposure_a": 32.0,
                    "draw_a": None,
                    "reason": "STATION_OFFLINE",
                    "text": "the station can't be reached",
                },
            ],
        }
    ],
    "waiting_stations": [
        {"id": "CP-99", "address": "10.0.0.9", "vendor": "ACME", "model": None, "serial": None, "since": None}
    ],
}

STARTING: dict[str, Any] = {
    "version": "0.1.0",
    "site": "harbour-3",
    "time": "2026-06-01T12:00:00.000Z",
    "local_time": "2026-06-01T14:00:00+02:00",
    "uptime_s": 0.1,
    "control": {"state": "STARTING"},
    "waiting_stations": [],
}


class Controller:
    """The API on a control socket, without a controller behind it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.report: Mapping[str, Any] = REPORT


@pytest.fixture
async def controller(tmp_path: Path, unused_tcp_port: int) -> AsyncIterator[Controller]:
    served = Controller(tmp_path / "edge.sock")
    app = make_app(status=lambda: served.report, healthy=lambda: True)
    server = ApiServer(app, listen=("127.0.0.1", unused_tcp_port), socket=served.path)
    await server.start()
    yield served
    await server.stop()


class Outcome(NamedTuple):
    code: int | None
    out: str
    err: str


async def status(path: Path, *arguments: str) -> Outcome:
    """``edge status`` with EDGE_SOCKET set to ``path``."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-W", "error", "-m", "edge", "status", *arguments),
        env={"EDGE_SOCKET": str(path), "PATH": "/usr/bin:/bin"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        cwd=Path(__file__).parents[2],
    )
    out, err = await process.communicate()
    return Outcome(process.returncode, out.decode(), err.decode())


async def test_status_as_json_is_the_api_s_answer(controller: Controller) -> None:
    """--json prints the very report of GET /api/v1/status."""
    shown = await status(controller.path, "--json")
    assert (shown.code, shown.err) == (0, "")
    assert orjson.loads(shown.out) == REPORT


async def test_status_for_people(controller: Controller) -> None:
    """Circuits with current against rating, EVSEs with limit, draw and the sentence; lost meters; who waits."""
    shown = await status(controller.path)
    assert (shown.code, shown.err) == (0, "")
    for words in (
        "harbour-3: METER_STALE, mode control, up 12 s, 12 ticks (1 missed), 14:00:00 at the site, version 0.1.0",
        "62.5 / 61",
        "≤ 6.0 / 40",
        "meter grid: no answer within 0.5 s",
        "5.9 5.8 6.0",
        "6.0 A: meter grid gives no reading: safe current",
        "the station can't be reached",
        "waiting to be let in: CP-99 from 10.0.0.9 ACME",
    ):
        assert words in shown.out


async def test_names_steer_no_terminal(controller: Controller) -> None:
    """Escape sequences and markup in a station's name are shown, not obeyed."""
    shown = await status(controller.path)
    assert "CP-�[31m01[red]" in shown.out
    assert "\x1b" not in shown.out


async def test_a_controller_that_starts_is_shown(controller: Controller) -> None:
    """Before its first tick the controller answers all the same."""
    controller.report = STARTING
    shown = await status(controller.path)
    assert shown.code == 0
    assert "harbour-3: STARTING" in shown.out


async def test_no_controller_is_one_sentence(tmp_path: Path) -> None:
    """Nothing there, or something that isn't a controller: exit code 1, one line on stderr."""
    missing = await status(tmp_path / "none.sock")
    assert missing.code == 1
    assert missing.err.startswith("edge: no controller answers (")
    assert missing.err.count("\n") == 1


async def test_what_is_no_controller_is_told(tmp_path: Path) -> None:
    """Another program on the socket that talks something else is told so."""

    async def babble(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail.example.com ESMTP\r\n")
        writer.close()

    server = await asyncio.start_unix_server(babble, tmp_path / "edge.sock")
    async with server:
        shown = await status(tmp_path / "edge.sock")
    assert shown.code == 1
    assert "edge: no controller answers (" in shown.err
    assert shown.err.count("\n") == 1

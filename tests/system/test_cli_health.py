"""``edge health`` against a control socket: what the gate of an image with two slots asks."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from edge.web.app import make_app
from edge.web.server import ApiServer
from simulators.ports import free_endpoints
from tests.fake_needs import FakeNeeds
from tests.forked import as_text, forked


class Controller:
    """The API on a control socket; each question is answered as a tick later than the one before."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.connected = True
        self.away_for = 0  # so many questions long the station isn't there
        self._ticks: Iterator[int] = iter(range(100, 10000, 31))

    def report(self) -> Mapping[str, Any]:
        away, self.away_for = self.away_for > 0, max(self.away_for - 1, 0)
        return {
            "control": {"state": "NORMAL", "ticks": next(self._ticks)},
            "meters": [{"id": "grid", "ok": True}],
            "stations": [{"id": "CP-1", "connected": self.connected and not away}],
        }


@pytest.fixture
async def controller(tmp_path: Path) -> AsyncIterator[Controller]:
    served = Controller(tmp_path / "edge.sock")
    app = make_app(status=served.report, healthy=lambda: True, needs=FakeNeeds())
    server = ApiServer(app, listen=("127.0.0.1", free_endpoints(1)[0].port), socket=served.path)
    await server.start()
    yield served
    await server.stop()


async def health(path: Path, *arguments: str) -> tuple[int | None, str]:
    ended = as_text(await asyncio.to_thread(forked, "edge", "health", *arguments, "--socket", str(path)))
    return ended.returncode, f"{ended.stdout}{ended.stderr}".strip()


async def test_who_comes_back_while_one_looks_is_remembered(controller: Controller, tmp_path: Path) -> None:
    """A station that has lost its connection for this very second must be back after the update, too."""
    before = tmp_path / "before.json"
    controller.away_for = 1
    assert await health(controller.path, "--remember", str(before), "--for", "1") == (0, "")
    controller.away_for = 10_000
    code, told = await health(controller.path, "--as-in", str(before), "--within", "0")
    assert (code, told) == (1, "station CP-1 isn't back")


async def test_a_release_that_has_all_back_is_fit(controller: Controller, tmp_path: Path) -> None:
    """Remembered before, all there after, for as many ticks as are wanted: exit code 0."""
    before = tmp_path / "before.json"
    assert await health(controller.path, "--remember", str(before)) == (0, "")
    found = await health(controller.path, "--as-in", str(before), "--within", "30")
    assert found == (0, "control ticks, and all who were there are back")


async def test_one_that_lost_a_station_is_not(controller: Controller, tmp_path: Path) -> None:
    """What isn't back in time is named, exit code 1; a gateway that is gone altogether likewise."""
    before = tmp_path / "before.json"
    await health(controller.path, "--remember", str(before))
    controller.connected = False
    lost = await health(controller.path, "--as-in", str(before), "--within", "0")
    assert lost == (1, "station CP-1 isn't back")
    gone = await health(tmp_path / "nothing.sock", "--as-in", str(before), "--within", "0")
    assert gone[0] == 1
    assert "the control loop completes no tick" in gone[1]


async def test_a_file_of_something_else(tmp_path: Path) -> None:
    """A file that remembers nobody is refused in one sentence, exit code 2."""
    path = tmp_path / "before.json"
    path.write_text('{"controls": true}')
    code, told = await health(tmp_path / "nothing.sock", "--as-in", str(path))
    assert (code, len(told.splitlines())) == (2, 1)


async def test_it_wants_one_question(tmp_path: Path) -> None:
    """Neither or both of --remember and --as-in is a mistake, exit code 2."""
    assert (await health(tmp_path / "nothing.sock"))[0] == 2

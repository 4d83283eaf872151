"""``edge need`` against a control socket: the real process, an API with a port of the test's own."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import pytest

from edge.domain.site import EvseKey
from edge.errors import EvseUnknown, NeedError, NeedImplausible, NoSession, TimeUntrusted
from edge.web.app import make_app
from edge.web.server import ApiServer
from simulators.ports import free_endpoints
from tests.fake_needs import FakeNeeds
from tests.forked import as_text, forked

REPORT = {"time": "2026-06-01T12:00:00.000Z", "timezone": "Europe/Copenhagen"}  # what the command looks at
CP_01 = EvseKey(station="CP/01", evse=2)


class Controller(NamedTuple):
    """The API on a control socket, without a controller behind it."""

    path: Path
    needs: FakeNeeds


class Outcome(NamedTuple):
    code: int | None
    out: str
    err: str


@pytest.fixture
async def controller(tmp_path: Path) -> AsyncIterator[Controller]:
    served = Controller(tmp_path / "edge.sock", FakeNeeds())
    app = make_app(status=lambda: REPORT, healthy=lambda: True, needs=served.needs)
    server = ApiServer(app, listen=("127.0.0.1", free_endpoints(1)[0].port), socket=served.path)
    await server.start()
    yield served
    await server.stop()


async def need(path: Path, *arguments: str) -> Outcome:
    """``edge need`` with EDGE_SOCKET set to ``path``."""
    environment = {"EDGE_SOCKET": str(path), "PATH": "/usr/bin:/bin", "TERM": "dumb"}
    ended = as_text(await asyncio.to_thread(forked, "edge", "need", *arguments, env=environment))
    return Outcome(ended.returncode, ended.stdout, ended.stderr)


async def test_a_need_is_stated(controller: Controller) -> None:
    """Energy with its unit, the time of day by the site's clock; the command says what it understood."""
    said = await need(controller.path, "CP/01", "2", "--energy", "12.5kWh", "--by", "17:00")
    assert said == (0, "CP/01/2: 12.5 kWh by 2026-06-01 17:00 at the site\n", "")
    assert controller.needs.stated == [(CP_01, 12_500.0, datetime(2026, 6, 1, 15, tzinfo=UTC))]


async def test_a_need_is_withdrawn(controller: Controller) -> None:
    """--clear says so."""
    said = await need(controller.path, "CP/01", "2", "--clear")
    assert said == (0, "CP/01/2: nothing is known any more of what the car needs\n", "")
    assert controller.needs.withdrawn == [CP_01]


@pytest.mark.parametrize(
    ("refusal", "code"),
    [
        (EvseUnknown("the site has no EVSE 2"), 2),
        (NeedImplausible("the departure has passed"), 2),
        (NoSession("no session runs at CP/01/2"), 1),
        (TimeUntrusted("the gateway's clock isn't set"), 1),
    ],
)
async def test_a_refusal_is_one_sentence(controller: Controller, refusal: NeedError, code: int) -> None:
    """In the controller's own words; exit code 2 where another input would do, else 1."""
    controller.needs.refusal = refusal
    said = await need(controller.path, "CP/01", "2", "--energy", "1kWh", "--by", "17:00")
    assert said == (code, "", f"edge: {refusal}\n")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--energy", "12", "--by", "17:00"), "'12' is no energy"),
        (("--energy", "12kWh", "--by", "five"), "'five' is no time"),
        (("--energy", "12kWh"), "both are needed, or --clear"),
        ((), "both are needed, or --clear"),
        (("--clear", "--by", "17:00"), "forgets what was stated"),
    ],
)
async def test_wrong_input_reaches_nobody(controller: Controller, arguments: tuple[str, ...], says: str) -> None:
    """Exit code 2, and the controller hears nothing."""
    said = await need(controller.path, "CP-01", "1", *arguments)
    assert (said.code, said.out) == (2, "")
    assert says in " ".join(said.err.split())
    assert not controller.needs.stated
    assert not controller.needs.withdrawn


async def test_wrong_input_is_told_without_a_controller(tmp_path: Path) -> None:
    """A time that is none, or long over: exit code 2, though nobody could be asked."""
    for by in ("five", "2020-01-01T10:00"):
        said = await need(tmp_path / "none.sock", "CP-01", "1", "--energy", "12kWh", "--by", by)
        assert (said.code, said.out) == (2, "")
        assert f"'{by}'" in said.err


async def test_no_controller_is_one_sentence(tmp_path: Path) -> None:
    """Exit code 1."""
    said = await need(tmp_path / "none.sock", "CP-01", "1", "--clear")
    assert (said.code, said.err.count("\n")) == (1, 1)
    assert said.err.startswith("edge: no controller answers (")

"""The page in a real browser: Chromium without a screen, which prints what it has after seconds of its own time."""

import asyncio
import re
import shutil
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI, Request, Response

from edge.web.app import make_app
from edge.web.server import ApiServer
from tests.fake_needs import FakeNeeds
from tests.system.test_cli_status import REPORT
from tests.wire.test_api_server import free_port

CHROMIUM = shutil.which("chromium")
# Nothing that would look elsewhere, and a virtual clock: two renewals are due within it.
OPTIONS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--virtual-time-budget=8000",
    "--window-size=412,915",
    "--dump-dom",
)

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed (make tools installs it)")


async def seen(tmp_path: Path, app: FastAPI, *, language: str = "en") -> tuple[str, list[str]]:
    """What a browser of that language shows in the end, and what it complains of."""
    port = free_port()
    server = ApiServer(app, listen=("127.0.0.1", port), socket=tmp_path / "edge.sock")
    await server.start()
    try:
        browser = await asyncio.create_subprocess_exec(
            str(CHROMIUM),
            *OPTIONS,
            f"--accept-lang={language}",
            "--enable-logging=stderr",
            f"--user-data-dir={tmp_path / 'profile'}",
            f"http://127.0.0.1:{port}/",
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        shown, complaints = await asyncio.wait_for(browser.communicate(), timeout=60)
    finally:
        await server.stop()
    return shown.decode(), [line for line in complaints.decode().splitlines() if "CONSOLE" in line]


async def test_it_renews_itself(tmp_path: Path) -> None:
    """What has changed since it was opened is shown, and nothing that was."""
    asked: list[int] = []

    def status() -> Mapping[str, Any]:
        asked.append(len(asked))
        return REPORT | {"control": REPORT["control"] | {"ticks": 1000 + len(asked)}}

    page, complaints = await seen(tmp_path, make_app(status=status, healthy=lambda: True, needs=FakeNeeds()))
    assert complaints == []
    assert len(asked) >= 2
    assert f", {1000 + len(asked)} ticks" in page
    assert ", 1001 ticks" not in page
    assert re.search('<p id="lost" [^>]*hidden="">', page)


def falls_silent() -> FastAPI:
    """Serves the page once, and from then on nothing."""
    app = make_app(status=lambda: REPORT, healthy=lambda: True, needs=FakeNeeds())
    asked: list[str] = []

    @app.middleware("http")
    async def once(request: Request, answer: Callable[[Request], Awaitable[Response]]) -> Response:
        asked.append(request.url.path)
        return await answer(request) if asked.count("/") == 1 else Response(status_code=503)

    return app


async def test_it_says_since_when_nothing_answers(tmp_path: Path) -> None:
    """What is shown then is of before, and says so."""
    page, complaints = await seen(tmp_path, falls_silent())
    assert all("503" in each for each in complaints)
    assert "The gateway hasn't answered since" in page
    assert "harbour-3" in page


async def test_it_is_in_the_language_of_the_browser(tmp_path: Path) -> None:
    """Each time it renews itself, too."""
    asked: list[str] = []
    app = make_app(status=lambda: REPORT, healthy=lambda: True, needs=FakeNeeds())

    @app.middleware("http")
    async def noted(request: Request, answer: Callable[[Request], Awaitable[Response]]) -> Response:
        if request.url.path == "/":
            asked.append(request.headers["accept-language"])
        return await answer(request)

    page, complaints = await seen(tmp_path, app, language="de-AT")
    assert complaints == []
    assert len(asked) >= 2
    assert all(each.startswith("de-AT") for each in asked)
    assert '<html lang="de">' in page
    assert "<h2>Ladestationen</h2>" in page
    assert "wartet auf Aufnahme" in page


async def test_in_each_language_it_says_that_nothing_answers(tmp_path: Path) -> None:
    """With the time as it is written there."""
    page, _ = await seen(tmp_path, falls_silent(), language="da")
    assert re.search(r"Gatewayen har ikke svaret siden \d{2}\.\d{2}\.\d{2}: hvad der står nedenfor", page)

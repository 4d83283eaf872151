"""Trials and identification over the API: from this machine only, each mistake in words."""

from typing import Any

import httpx
import pytest

from edge.domain.site import EvseKey
from edge.errors import EvseUnknown
from edge.units import Amps, Seconds
from edge.web.app import make_app
from tests.fake_needs import FakeNeeds

PATH = "/api/v1/stations/CP-01/evses/1/trial"


class Commands:
    """What was commanded."""

    def __init__(self) -> None:
        self.trials: list[tuple[EvseKey, Amps, Seconds]] = []

    def begin(self, key: EvseKey, limit_a: Amps, for_s: Seconds) -> None:
        if key.station != "CP-01":
            raise EvseUnknown("the site has no such EVSE")
        self.trials.append((key, limit_a, for_s))

    async def identify(self, station: str) -> str:
        return "lock" if station == "CP-09" else "it isn't connected and waiting"

    async def request(self, method: str, path: str, *, client: str = "127.0.0.1", **told: object) -> httpx.Response:
        app = make_app(status=dict, healthy=lambda: True, needs=FakeNeeds(), identify=self.identify, try_out=self.begin)
        transport = httpx.ASGITransport(app=app, client=(client, 5000))
        async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as asking:
            return await asking.request(method, path, json=told or None)


async def test_a_trial_is_taken_from_this_machine() -> None:
    """And from no other."""
    commands = Commands()
    assert (await commands.request("PUT", PATH, limit_a=6, for_s=60)).status_code == 204
    assert commands.trials == [(EvseKey(station="CP-01", evse=1), 6, 60)]
    assert (await commands.request("PUT", PATH, client="192.168.10.11", limit_a=6, for_s=60)).status_code == 403
    assert len(commands.trials) == 1


@pytest.mark.parametrize(
    ("path", "told", "code"),
    [
        (PATH, {"limit_a": -1, "for_s": 60}, 422),
        (PATH, {"limit_a": 6}, 422),
        (PATH, {"limit_a": 6, "for_s": 60, "mode": "x"}, 422),
        (PATH.replace("CP-01", "CP-02"), {"limit_a": 6, "for_s": 60}, 404),
    ],
)
async def test_a_trial_that_is_none(path: str, told: dict[str, Any], code: int) -> None:
    """Refused, with a sentence."""
    response = await Commands().request("PUT", path, **told)
    assert response.status_code == code
    assert response.json()["error"]


async def test_a_station_shows_itself() -> None:
    """How it does, or why not; not for strangers."""
    commands = Commands()
    response = await commands.request("POST", "/api/v1/waiting/CP-09/identify")
    assert (response.status_code, response.json()) == (200, {"how": "lock"})
    response = await commands.request("POST", "/api/v1/waiting/CP-10/identify")
    assert (response.status_code, response.json()) == (409, {"error": "it isn't connected and waiting"})
    assert (await commands.request("POST", "/api/v1/waiting/CP-09/identify", client="192.0.2.1")).status_code == 403

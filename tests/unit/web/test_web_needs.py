"""Needs over the API: what is passed on, and each refusal with its code and its sentence."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from edge.domain.site import EvseKey
from edge.errors import EvseUnknown, NeedError, NeedImplausible, NoSession, TimeUntrusted
from edge.web.app import make_app
from tests.fake_needs import FakeNeeds

NEED = "/api/v1/stations/CP-01/evses/1/need"
STATEMENT: dict[str, Any] = {"energy_wanted_wh": 12000, "departure_at": "2026-11-21T17:00:00Z"}
CP_01 = EvseKey(station="CP-01", evse=1)


@pytest.fixture
def needs() -> FakeNeeds:
    return FakeNeeds()


@pytest.fixture
def app(needs: FakeNeeds) -> FastAPI:
    return make_app(status=dict, healthy=lambda: True, needs=needs)


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://gateway") as each:
        yield each


async def test_a_need_is_passed_on(client: httpx.AsyncClient, needs: FakeNeeds) -> None:
    """The EVSE, the energy, and the departure with its zone; nothing is answered but that it was noted."""
    answer = await client.put(NEED, json=STATEMENT)
    assert (answer.status_code, answer.content) == (204, b"")
    assert needs.stated == [(CP_01, 12_000.0, datetime(2026, 11, 21, 17, tzinfo=UTC))]


async def test_a_departure_may_have_any_zone(client: httpx.AsyncClient, needs: FakeNeeds) -> None:
    """An offset is as good as Z."""
    await client.put(NEED, json=STATEMENT | {"departure_at": "2026-11-21T17:00:00.5+01:00"})
    ((_, _, departure),) = needs.stated
    assert departure == datetime(2026, 11, 21, 17, 0, 0, 500_000, tzinfo=timezone(timedelta(hours=1)))


async def test_a_need_is_withdrawn(client: httpx.AsyncClient, needs: FakeNeeds) -> None:
    """DELETE needs no body."""
    assert (await client.delete(NEED)).status_code == 204
    assert needs.withdrawn == [CP_01]


async def test_a_station_may_have_a_slash_in_its_name(client: httpx.AsyncClient, needs: FakeNeeds) -> None:
    """Escaped, as a URL wants it."""
    await client.delete("/api/v1/stations/deck%2F2%20north/evses/3/need")
    assert needs.withdrawn == [EvseKey(station="deck/2 north", evse=3)]


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("", "the body is no JSON object; the keys are energy_wanted_wh and departure_at"),
        ("[1]", "the body is no JSON object; the keys are energy_wanted_wh and departure_at"),
        ("{", "the body is no JSON object; the keys are energy_wanted_wh and departure_at"),
        (
            '{"departure_at": "2026-11-21T17:00:00Z"}',
            "energy_wanted_wh is missing; give Wh from now on, for example 12000",
        ),
        (
            '{"energy_wanted_wh": "12", "departure_at": "2026-11-21T17:00:00Z"}',
            "energy_wanted_wh is no number; give Wh from now on, for example 12000",
        ),
        (
            '{"energy_wanted_wh": 0, "departure_at": "2026-11-21T17:00:00Z"}',
            "energy_wanted_wh is not above 0; give Wh from now on, for example 12000",
        ),
        (
            '{"energy_wanted_wh": 1e999, "departure_at": "2026-11-21T17:00:00Z"}',
            "energy_wanted_wh is no finite number; give Wh from now on, for example 12000",
        ),
        (
            '{"energy_wanted_wh": 1, "departure_at": "2026-11-21T17:00:00"}',
            "departure_at has no zone; give ISO 8601 with its zone, for example 2026-11-21T17:00:00Z",
        ),
        (
            '{"energy_wanted_wh": 1, "departure_at": "five"}',
            "departure_at is no time; give ISO 8601 with its zone, for example 2026-11-21T17:00:00Z",
        ),
        (
            '{"energy_wanted_wh": 1, "departure_at": 17}',
            "departure_at is no time; give ISO 8601 with its zone, for example 2026-11-21T17:00:00Z",
        ),
        (
            '{"energy_wanted_wh": 1, "departure_at": "2026-11-21T17:00:00Z", "by": 1}',
            "by is an unknown key; the keys are energy_wanted_wh and departure_at",
        ),
    ],
)
async def test_what_is_no_need_gets_one_sentence(
    client: httpx.AsyncClient, needs: FakeNeeds, body: str, says: str
) -> None:
    """422, what is wrong, and what would be right; nothing is passed on."""
    answer = await client.put(NEED, content=body)
    assert (answer.status_code, answer.json()) == (422, {"error": says})
    assert needs.stated == []


async def test_a_body_that_is_no_need_is_not_read_to_its_end(client: httpx.AsyncClient, needs: FakeNeeds) -> None:
    """413 after 4 KiB: nobody fills the memory."""
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while sent < 100_000:
            sent += 1000
            yield b" " * 1000

    answer = await client.put(NEED, content=endless())
    assert answer.status_code == 413
    assert answer.json()["error"].startswith("the body is longer than 4096 bytes")
    assert needs.stated == []


@pytest.mark.parametrize(
    ("refusal", "code"),
    [
        (EvseUnknown("the site has no EVSE 1"), 404),
        (NoSession("no session runs at CP-01/1", remedy="state it later"), 409),
        (NeedImplausible("the departure has passed"), 422),
        (TimeUntrusted("the gateway's clock isn't set"), 503),
    ],
)
async def test_a_refusal_has_its_code_and_its_sentence(
    client: httpx.AsyncClient, needs: FakeNeeds, refusal: NeedError, code: int
) -> None:
    """What control refuses is told in its own words."""
    needs.refusal = refusal
    answer = await client.put(NEED, json=STATEMENT)
    assert (answer.status_code, answer.json()) == (code, {"error": str(refusal)})
    assert (await client.delete(NEED)).status_code == code


@pytest.mark.parametrize("number", ["one", "-1", "1.0", "1234567", "%C2%B2"])
async def test_what_is_no_number_of_an_evse_is_unknown(client: httpx.AsyncClient, number: str) -> None:
    """404, as for an EVSE that isn't there."""
    for answer in (
        await client.put(NEED.replace("evses/1", f"evses/{number}"), json=STATEMENT),
        await client.delete(NEED.replace("evses/1", f"evses/{number}")),
    ):
        assert answer.status_code == 404
        assert "is no number of an EVSE" in answer.json()["error"]


@pytest.mark.parametrize(
    ("address", "code"),
    [
        ("127.0.0.1", 204),
        ("127.9.9.9", 204),
        ("::1", 204),
        ("::ffff:127.0.0.1", 204),
        ("10.0.0.9", 403),
        ("::ffff:10.0.0.9", 403),
        ("fe80::1%eth0", 403),
        ("", 403),
    ],
)
async def test_needs_are_taken_from_this_machine_only(app: FastAPI, needs: FakeNeeds, address: str, code: int) -> None:
    """Loopback addresses of either family; another machine is refused before its body is read."""
    transport = httpx.ASGITransport(app=app, client=(address, 40000))
    async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as client:
        assert (await client.put(NEED, json=STATEMENT)).status_code == code
        assert (await client.delete(NEED)).status_code == code
    assert (len(needs.stated), len(needs.withdrawn)) == ((1, 1) if code == 204 else (0, 0))

"""The simulated CSMS through a websockets client: stations in, CALLs both ways, outages."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Subprotocol

from simulators.csms import CallFailedError, Csms, Direction, TagList
from simulators.csms_v2 import CsmsV2
from simulators.ports import free_endpoints
from tests.wire.sim_patience import TIMEOUT_S, eventually

OCPP16 = Subprotocol("ocpp1.6")


@pytest.fixture
async def csms() -> AsyncIterator[Csms]:
    """A CSMS for CP-01 and CP 02 on a free port."""
    cloud = Csms(
        free_endpoints(1)[0],
        tags=TagList(accepted=frozenset({"ANNA"})),
        stations=frozenset({"CP-01", "CP 02"}),
    )
    await cloud.open()
    yield cloud
    await cloud.close()


def dial(csms: Csms, path: str = "CP-01", subprotocols: tuple[Subprotocol, ...] = (OCPP16,)) -> connect:
    """A station's connection attempt."""
    return connect(
        f"ws://{csms.endpoint}/{path}",
        subprotocols=subprotocols or None,
        proxy=None,
        close_timeout=1,
    )


async def ask(socket: ClientConnection, message: list[Any]) -> Any:
    """Send a message and take the next one."""
    await socket.send(json.dumps(message))
    return json.loads(await asyncio.wait_for(socket.recv(), TIMEOUT_S))


async def test_calls_are_answered_and_frames_recorded(csms: Csms) -> None:
    """A CALL gets its CALLRESULT; both frames are kept with direction and text as they were."""
    async with dial(csms) as socket:
        assert socket.subprotocol == "ocpp1.6"
        answer = await ask(socket, [2, "17", "Authorize", {"idTag": "ANNA"}])
    assert answer == [3, "17", {"idTagInfo": {"status": "Accepted"}}]
    received, sent = csms.record.frames
    assert (received.identity, received.direction) == ("CP-01", Direction.RECEIVED)
    assert json.loads(received.text) == [2, "17", "Authorize", {"idTag": "ANNA"}]
    assert (sent.direction, json.loads(sent.text)) == (Direction.SENT, answer)
    assert received.at <= sent.at


async def test_bad_frames_leave_the_socket_open(csms: Csms) -> None:
    """A short CALL gets a CALLERROR, an unknown action too; what isn't JSON gets nothing, and the next is served."""
    async with dial(csms) as socket:
        await socket.send("this is no JSON")
        await socket.send('{"neither": "this"}')
        assert (await ask(socket, [2, "1", "Heartbeat"]))[:3] == [4, "1", "FormationViolation"]
        assert (await ask(socket, [2, "2", "Dance", {}]))[:3] == [4, "2", "NotImplemented"]
        assert (await ask(socket, [2, "3", "Heartbeat", {}]))[:2] == [3, "3"]


async def test_an_identity_is_percent_decoded_and_must_be_known(csms: Csms) -> None:
    """CP%2002 is let in as "CP 02"; a stranger gets 404."""
    async with dial(csms, "CP%2002"):
        await eventually(lambda: csms.connected == {"CP 02"})
    with pytest.raises(InvalidStatus) as caught:
        await dial(csms, "STRANGER")
    assert caught.value.response.status_code == 404


@pytest.mark.parametrize("offered", [(), (Subprotocol("ocpp2.0.1"),)])
async def test_without_a_common_subprotocol_the_socket_is_closed(csms: Csms, offered: tuple[Subprotocol, ...]) -> None:
    """The handshake completes without the header, then the socket closes (OCPP-J 1.6 section 3.2)."""
    async with dial(csms, subprotocols=offered) as socket:
        assert socket.subprotocol is None
        with pytest.raises(ConnectionClosed):
            await asyncio.wait_for(socket.recv(), TIMEOUT_S)
    assert csms.connected == frozenset()


async def test_the_csms_calls_a_station(csms: Csms) -> None:
    """`call` returns the payload of the CALLRESULT that carries its id."""
    async with dial(csms) as socket:
        await eventually(lambda: csms.connected == {"CP-01"})
        calling = asyncio.create_task(csms.call("CP-01", "Reset", {"type": "Soft"}))
        kind, call_id, action, payload = json.loads(await socket.recv())
        assert (kind, action, payload) == (2, "Reset", {"type": "Soft"})
        await socket.send(json.dumps([3, "somebody else's", {"status": "Rejected"}]))
        await socket.send(json.dumps([3, call_id, {"status": "Accepted"}]))
        assert await calling == {"status": "Accepted"}


async def test_calls_to_one_station_wait_for_each_other(csms: Csms) -> None:
    """The second CALL goes out when the first is answered (OCPP-J 1.6 section 4.1.1)."""
    async with dial(csms) as socket:
        await eventually(lambda: csms.connected == {"CP-01"})
        calls = [asyncio.create_task(csms.call("CP-01", action, {})) for action in ("ClearCache", "GetConfiguration")]
        first = json.loads(await socket.recv())
        answered = await ask(socket, [3, first[1], {"n": 1}])
        assert (first[2], answered[2]) == ("ClearCache", "GetConfiguration")
        await socket.send(json.dumps([3, answered[1], {"n": 2}]))
        assert await asyncio.gather(*calls) == [{"n": 1}, {"n": 2}]


async def test_a_call_fails_in_words(csms: Csms) -> None:
    """Not connected, answered with a CALLERROR, not answered, or cut off: CallFailedError says which."""
    with pytest.raises(CallFailedError, match="CP-01 isn't connected"):
        await csms.call("CP-01", "ClearCache", {})
    async with dial(csms) as socket:
        await eventually(lambda: csms.connected == {"CP-01"})
        with pytest.raises(CallFailedError, match=r"didn't answer ClearCache within 0\.01 s"):
            await csms.call("CP-01", "ClearCache", {}, timeout_s=0.01)
        await socket.recv()
        refused = asyncio.create_task(csms.call("CP-01", "ClearCache", {}))
        call_id = json.loads(await socket.recv())[1]
        await socket.send(json.dumps([4, call_id, "NotSupported", "no cache", {}]))
        with pytest.raises(CallFailedError, match="CP-01 answered NotSupported: no cache"):
            await refused
        cut = asyncio.create_task(csms.call("CP-01", "ClearCache", {}))
        await socket.recv()
    with pytest.raises(CallFailedError, match="CP-01 went away"):
        await cut


async def test_away_cuts_and_refuses_and_comes_back_with_its_books(csms: Csms) -> None:
    """Sockets die without a closing handshake, connections are refused, and afterwards a repeated start is known."""
    start = {"connectorId": 1, "idTag": "ANNA", "timestamp": "2026-11-21T07:00:00Z", "meterStart": 0}
    async with dial(csms) as socket:
        first = await ask(socket, [2, "1", "StartTransaction", start])
        await csms.go_away()
        assert csms.away
        with pytest.raises(ConnectionClosed) as caught:
            await asyncio.wait_for(socket.recv(), TIMEOUT_S)
        assert caught.value.rcvd is None
    with pytest.raises(ConnectionRefusedError):
        await dial(csms)
    assert csms.connected == frozenset()
    await csms.come_back()
    async with dial(csms) as socket:
        again = await ask(socket, [2, "1", "StartTransaction", start])
    assert again[2]["transactionId"] == first[2]["transactionId"]


async def test_a_station_that_comes_again_replaces_its_old_socket(csms: Csms) -> None:
    """The old socket is dropped, the new one is served and stays registered."""
    async with dial(csms) as old, dial(csms) as new:
        with pytest.raises(ConnectionClosed):
            await asyncio.wait_for(old.recv(), TIMEOUT_S)
        assert (await ask(new, [2, "1", "Heartbeat", {}]))[:2] == [3, "1"]
        assert csms.connected == {"CP-01"}


@pytest.mark.parametrize("subprotocol", ["ocpp1.6", "ocpp2.0.1"])
async def test_who_comes_and_goes_is_told(subprotocol: str) -> None:
    """A sentence for each, in every edition: with the address, the edition, and how the connection ended."""
    said: list[str] = []
    where = free_endpoints(1)[0]
    first = Csms(where, tags=TagList(accepted=frozenset()), told=said.append)
    second = CsmsV2("2.0.1", host=where.host, port=where.port, told=said.append)
    await (first.open() if subprotocol == "ocpp1.6" else second.start())
    address = f"ws://{where}/CP-01"
    async with connect(address, subprotocols=[Subprotocol(subprotocol)], proxy=None, close_timeout=1) as socket:
        await eventually(lambda: said == [f"CP-01 has connected from 127.0.0.1, speaking {subprotocol}"])
        await socket.close(1000, "lunch")
    await eventually(lambda: said[1:] == ["CP-01 has left (1000): lunch"])
    await first.close()
    await second.stop()

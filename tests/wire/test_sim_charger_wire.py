"""The simulated charging station on a real socket: handshake, a session, reconnecting, and going in good order."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from simulators.charger import ChargingStation, ConnectorSpec, ElectricVehicle, StationSpec

PATIENCE_S = 10.0  # a condition that isn't met by then never will be
ANSWERS: dict[str, dict[str, Any]] = {
    "BootNotification": {"status": "Accepted", "currentTime": "2026-11-21T12:00:00Z", "interval": 300},
    "Authorize": {"idTagInfo": {"status": "Accepted"}},
    "StartTransaction": {"transactionId": 42, "idTagInfo": {"status": "Accepted"}},
}


class Csms:
    """Answers every CALL, remembers everything, and wakes whoever waits for something to have happened."""

    def __init__(self) -> None:
        self.url = ""
        self.actions: list[str] = []
        self.results: dict[str, Any] = {}
        self.paths: list[str] = []
        self.authorizations: list[str | None] = []
        self.sockets: list[ServerConnection] = []
        self.close_codes: list[int | None] = []
        self._changed = asyncio.Condition()

    async def handle(self, socket: ServerConnection) -> None:
        """One connection."""
        assert socket.request is not None
        self.paths.append(socket.request.path)
        self.authorizations.append(socket.request.headers.get("Authorization"))
        self.sockets.append(socket)
        with suppress(ConnectionClosed):
            async for text in socket:
                await self._receive(socket, json.loads(text))
                await self._notify()
        self.close_codes.append(socket.close_code)
        await self._notify()

    async def _receive(self, socket: ServerConnection, frame: list[Any]) -> None:
        if frame[0] == 2:
            self.actions.append(frame[2])
            await socket.send(json.dumps([3, frame[1], ANSWERS.get(frame[2], {})]))
        else:
            self.results[frame[1]] = frame[2]

    async def _notify(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    async def until(self, met: Callable[[], bool]) -> None:
        """Wait until the condition is met, looked at after every message."""
        async with asyncio.timeout(PATIENCE_S), self._changed:
            await self._changed.wait_for(met)


@asynccontextmanager
async def csms(subprotocols: list[Subprotocol] | None) -> AsyncIterator[Csms]:
    """A CSMS on a free port of the loopback interface."""
    peer = Csms()
    async with serve(peer.handle, "127.0.0.1", 0, subprotocols=subprotocols) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        peer.url = f"ws://127.0.0.1:{port}/ocpp/CP-01"
        yield peer


@asynccontextmanager
async def running(peer: Csms, password: str | None = None) -> AsyncIterator[ChargingStation]:
    """A station of one connector that runs against this CSMS, cancelled at the end."""
    spec = StationSpec(
        identity="CP-01",
        connectors=(ConnectorSpec(connector_id=1, max_a=32.0),),
        vendor="Sim",
        model="One",
        firmware="1.0",
        serial="0001",
        password=password,
    )
    station = ChargingStation(spec, peer.url)
    task = asyncio.create_task(station.run())
    try:
        yield station
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


OCPP16 = [Subprotocol("ocpp1.6")]


async def test_a_session_over_a_real_socket() -> None:
    """Boot, card, start, a limit from the CSMS that the car obeys, stop; drained; closed with 1000 when cancelled."""
    async with csms(OCPP16) as peer:
        async with running(peer, password="secret") as station:
            await peer.until(lambda: peer.actions.count("StatusNotification") == 2)
            assert station.connected
            ev = ElectricVehicle(phases=1, max_a=20.0, battery_wh=50_000.0, soc=0.4, obey_s=0.0)
            station.plug_in(1, ev, "CARD")
            await peer.until(lambda: "StartTransaction" in peer.actions)
            station.step(0.1)
            assert (station.status(1), station.draw_a(1)) == ("Charging", (20.0, 0.0, 0.0))
            profile = {
                "chargingProfileId": 1,
                "stackLevel": 0,
                "chargingProfilePurpose": "TxDefaultProfile",
                "chargingProfileKind": "Relative",
                "chargingSchedule": {
                    "chargingRateUnit": "A",
                    "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 9.5}],
                },
            }
            call = [2, "s1", "SetChargingProfile", {"connectorId": 1, "csChargingProfiles": profile}]
            await peer.sockets[0].send(json.dumps(call))
            await peer.until(lambda: peer.results.get("s1") == {"status": "Accepted"})
            station.step(0.1)
            assert (station.offered_a(1), station.wanted_a(1)) == (9.5, 20.0)
            assert station.draw_a(1) == (9.5, 0.0, 0.0)
            station.unplug(1)
            async with asyncio.timeout(PATIENCE_S):
                await station.drained()
            assert station.counters.stops_confirmed == 1
            assert station.energy_wh() > 0
        await peer.until(lambda: bool(peer.close_codes))
        assert peer.close_codes == [1000]
    pair = base64.b64encode(b"CP-01:secret").decode()
    assert (peer.paths, peer.authorizations) == (["/ocpp/CP-01"], [f"Basic {pair}"])


async def test_it_reconnects_and_delivers_what_waited_without_a_new_boot() -> None:
    """The CSMS hangs up; a session happens meanwhile; the station comes back by itself and delivers it in order."""
    async with csms(OCPP16) as peer, running(peer) as station:
        await peer.until(lambda: peer.actions.count("StatusNotification") == 2)
        await peer.sockets[0].close(1011)
        async with asyncio.timeout(PATIENCE_S):
            while station.connected:  # noqa: ASYNC110 - a station tells nobody that it has noticed
                await asyncio.sleep(0)
        station.plug_in(1, ElectricVehicle(phases=3, max_a=16.0, battery_wh=50_000.0, soc=0.4), "CARD")
        station.unplug(1)
        assert station.counters.transactions_started == 1
        async with asyncio.timeout(PATIENCE_S):
            await station.drained()
        assert peer.actions.count("BootNotification") == 1
        assert peer.actions[-2:] == ["StartTransaction", "StopTransaction"]


async def test_a_reset_closes_the_socket_after_its_answer() -> None:
    """Reset: Accepted first, then the socket is closed in good order."""
    async with csms(OCPP16) as peer, running(peer):
        await peer.until(lambda: peer.actions.count("StatusNotification") == 2)
        await peer.sockets[0].send(json.dumps([2, "r1", "Reset", {"type": "Hard"}]))
        await peer.until(lambda: bool(peer.close_codes))
        assert (peer.results, peer.close_codes) == ({"r1": {"status": "Accepted"}}, [1000])


def test_a_url_that_is_none_is_refused_at_once() -> None:
    """A wrong URL is one clear sentence when the station is made, not a retry for ever."""
    spec = StationSpec(
        identity="CP-01",
        connectors=(ConnectorSpec(connector_id=1, max_a=32.0),),
        vendor="Sim",
        model="One",
        firmware="1.0",
        serial="0001",
    )
    with pytest.raises(ValueError, match="the url must be ws://host:port/CP-01, not 'http://x'"):
        ChargingStation(spec, "http://x")


async def test_a_server_without_the_subprotocol_gets_no_boot() -> None:
    """OCPP-J §3.1: without ocpp1.6 agreed the station closes the socket and says nothing on it."""
    async with csms(None) as peer, running(peer) as station:
        await peer.until(lambda: bool(peer.close_codes))
        assert (peer.actions, station.connected) == ([], False)

"""Which edition is spoken, who decides, and that every message of each passes to the letter."""

import asyncio
import json
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import connect
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.http11 import Request, Response
from websockets.typing import Subprotocol

from edge.domain.site import Mode
from edge.domain.station import StationOnline
from edge.ocpp.routing import FROM_CLOUD, Route
from edge.ocpp.settings import CloudLoss, Verdict
from edge.ocpp.station_files import StationFiles
from edge.ocpp.versions import Version
from tests.unit.ocpp.ocpp_bench import call, limit
from tests.wire.ocpp_site import PATIENCE_S, Cloud, eventually, round_trip, running
from tests.wire.schema_messages import digest, messages, schemas

ALL = ("ocpp2.1", "ocpp2.0.1", "ocpp1.6")


@pytest.mark.parametrize("speaks", ALL)
@pytest.mark.parametrize("verdict", Verdict)
async def test_the_cloud_chooses_from_the_stations_list(speaks: str, verdict: Verdict) -> None:
    """It is offered the list in the station's order, and its choice is the station's answer."""
    async with (
        running("CP-01", cloud=Cloud(speaks), verdict=verdict) as (gateway, cloud),
        gateway.station("/CP-01", "ocpp2.1", "OCPP2.0.1", "ocpp1.6", "soap") as station,
    ):
        assert str(station.subprotocol).lower() == speaks
        await round_trip(station, cloud)
        assert cloud.connections[0].request is not None
        assert cloud.connections[0].request.headers["Sec-WebSocket-Protocol"] == ", ".join(ALL)
        assert len(cloud.connections) == 1


async def test_while_the_cloud_is_away_the_last_edition_is_spoken_again() -> None:
    """A station that comes back to a gateway without cloud is answered what its cloud chose; at first, its own wish."""
    async with running("CP-01", cloud=Cloud("ocpp2.0.1")) as (gateway, cloud):
        async with gateway.station("/CP-01", *ALL) as station:
            await round_trip(station, cloud)
        await cloud.stop()
        async with gateway.station("/CP-01", *ALL) as station:
            assert station.subprotocol == "ocpp2.0.1"
        async with gateway.station("/CP-01", "ocpp2.1", "ocpp1.6") as station:
            assert station.subprotocol == "ocpp2.1"


async def test_a_cloud_that_comes_later_chooses_too() -> None:
    """After a power cut the gateway is up before its way to the cloud. A station that offers several is answered its
    first wish; where the cloud wants another of them it has to come anew, and is answered that, though the cloud has
    gone again."""
    async with running("CP-01", cloud=Cloud("ocpp1.6")) as (gateway, cloud):
        await cloud.stop()
        async with gateway.station("/CP-01", *ALL) as station:
            assert station.subprotocol == "ocpp2.1"
            await cloud.start()
            async with asyncio.timeout(PATIENCE_S):
                with pytest.raises(ConnectionClosed) as ended:
                    await station.recv()
            assert ended.value.rcvd is not None
            assert ended.value.rcvd.code == 1012
        request = cloud.connections[0].request
        assert request is not None
        assert request.headers["Sec-WebSocket-Protocol"] == ", ".join(ALL)
        await cloud.stop()
        async with gateway.station("/CP-01", *ALL) as station:
            assert station.subprotocol == "ocpp1.6"
            await cloud.start()
            await eventually(lambda: len(cloud.connections) == 2)
            await round_trip(station, cloud)


async def test_what_the_cloud_has_chosen_is_known_after_a_restart(tmp_path: Path) -> None:
    """The gateway is often up before its way to the cloud: what begins by then in another edition could never be
    delivered."""
    dossiers = StationFiles(tmp_path)
    async with (
        running("CP-01", cloud=Cloud("ocpp1.6"), dossiers=dossiers) as (gateway, cloud),
        gateway.station("/CP-01", *ALL) as station,
    ):
        await round_trip(station, cloud)
    async with running("CP-01", cloud=Cloud("ocpp1.6"), dossiers=dossiers) as (gateway, cloud):
        await cloud.stop()
        async with gateway.station("/CP-01", *ALL) as station:
            assert station.subprotocol == "ocpp1.6"
        async with gateway.station("/CP-01", "ocpp2.1") as station:
            assert station.subprotocol == "ocpp2.1"


async def test_a_cloud_that_comes_later_and_wants_the_same_changes_nothing() -> None:
    """The station keeps its connection, and from then on its cloud is offered that edition alone."""
    async with running("CP-01", cloud=Cloud("ocpp2.0.1")) as (gateway, cloud):
        await cloud.stop()
        async with gateway.station("/CP-01", "ocpp2.0.1", "ocpp1.6") as station:
            for number in range(2):
                await cloud.start()
                await eventually(lambda count=number + 1: len(cloud.connections) == count)
                await round_trip(station, cloud)
                await cloud.stop()
        asked = [each.request.headers["Sec-WebSocket-Protocol"] for each in cloud.connections if each.request]
        assert asked == ["ocpp2.0.1, ocpp1.6", "ocpp2.0.1"]


async def test_once_told_the_edition_stays() -> None:
    """A cloud that comes back is offered what the station was told, and nothing else."""
    async with (
        running("CP-01", cloud=Cloud("ocpp2.0.1")) as (gateway, cloud),
        gateway.station("/CP-01", *ALL) as station,
    ):
        await cloud.stop()
        await cloud.start()
        await eventually(lambda: len(cloud.connections) == 2)
        again = cloud.connections[1].request
        assert again is not None
        assert again.headers["Sec-WebSocket-Protocol"] == "ocpp2.0.1"
        await station.send(call("1", "Heartbeat"))
        assert await cloud.hears() == call("1", "Heartbeat")


async def test_compression_is_for_2_x() -> None:
    """Required of a local controller (2.x part 4 §3.4); of a 1.6 station the offer is not taken up."""
    async with running("CP-01", cloud=Cloud(*ALL)) as (gateway, _):
        for offered, compressed in (("ocpp2.0.1", True), ("ocpp1.6", False)):
            async with gateway.station("/CP-01", offered, compression="deflate") as station:
                assert bool(station.protocol.extensions) is compressed


def refusing(status: HTTPStatus) -> Any:
    """A cloud that refuses everybody so."""

    async def refuse(connection: ServerConnection, _request: Request) -> Response:
        return connection.respond(status, "no\n")

    return serve(lambda connection: connection.close(), "127.0.0.1", 0, process_request=refuse)


@pytest.mark.parametrize("status", [HTTPStatus.NOT_FOUND, HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN])
async def test_the_clouds_refusal_is_mirrored(status: HTTPStatus) -> None:
    """Where its verdict is asked for; else the station is served, so that limits reach it."""
    async with refusing(status) as above:
        upstream = f"ws://127.0.0.1:{above.sockets[0].getsockname()[1]}/{{station}}"
        async with running("CP-01", verdict=Verdict.CLOUD, upstream=upstream) as (gateway, _):
            with pytest.raises(InvalidStatus) as refused:
                await connect(gateway.address("/CP-01"), subprotocols=[Subprotocol("ocpp1.6")], proxy=None)
            response = refused.value.response
            assert response.status_code == status
            assert ("WWW-Authenticate" in response.headers) == (status == HTTPStatus.UNAUTHORIZED)
        async with running("CP-01", upstream=upstream) as (gateway, _), gateway.station("/CP-01", "ocpp1.6"):
            await eventually(lambda: gateway.sink.of(StationOnline))


@pytest.mark.parametrize("trouble", [HTTPStatus.BAD_GATEWAY, HTTPStatus.TOO_MANY_REQUESTS])
@pytest.mark.parametrize(("loss", "status"), [(CloudLoss.AUTONOMOUS, None), (CloudLoss.TRANSPARENT, 503)])
async def test_a_cloud_in_trouble_is_away(loss: CloudLoss, status: int | None, trouble: HTTPStatus) -> None:
    """A 5xx is no verdict on the station, nor is a cloud that has too much to do after an outage."""
    async with refusing(trouble) as above:
        upstream = f"ws://127.0.0.1:{above.sockets[0].getsockname()[1]}/{{station}}"
        options: dict[str, Any] = {"verdict": Verdict.CLOUD, "upstream": upstream, "cloud_loss": loss}
        async with running("CP-01", **options) as (gateway, _):
            if status is None:
                async with gateway.station():
                    await eventually(lambda: gateway.sink.of(StationOnline))
            else:
                with pytest.raises(InvalidStatus) as refused:
                    await connect(gateway.address("/CP-01"), subprotocols=[Subprotocol("ocpp1.6")], proxy=None)
                assert refused.value.response.status_code == status


async def test_a_cloud_that_chooses_nothing() -> None:
    """Its verdict: handshake without the header, then closed (OCPP-J 1.6 §3.2). Else: it forgot the header."""
    async with serve(lambda connection: connection.wait_closed(), "127.0.0.1", 0) as above:
        upstream = f"ws://127.0.0.1:{above.sockets[0].getsockname()[1]}/{{station}}"
        async with (
            running("CP-01", verdict=Verdict.CLOUD, upstream=upstream) as (gateway, _),
            gateway.station() as station,
        ):
            assert station.subprotocol is None
            with pytest.raises(ConnectionClosed):
                await station.recv()
        async with running("CP-01", upstream=upstream) as (gateway, _), gateway.station() as station:
            assert station.subprotocol == "ocpp1.6"


@pytest.mark.parametrize(
    ("path", "status"), [("/ocpp/CP-01/ws", None), ("/ocpp/CP%2D01/ws/", None), ("/CP-01", 404), ("/x/CP-01/ws", 404)]
)
async def test_the_place_of_the_identity(path: str, status: int | None) -> None:
    """Where the site file says; elsewhere there is none."""
    async with running("CP-01", path="/ocpp/{station}/ws") as (gateway, cloud):
        if status is None:
            async with gateway.station(path) as station:
                await round_trip(station, cloud)
        else:
            with pytest.raises(InvalidStatus) as refused:
                await connect(gateway.address(path), proxy=None)
            assert refused.value.response.status_code == status


OURS = frozenset({Route.OWN, Route.SCREEN, Route.GUARD})


@pytest.mark.parametrize("mode", Mode)
@pytest.mark.parametrize("version", Version)
async def test_every_message_passes_to_the_letter(version: Version, mode: Mode) -> None:
    """Every request and answer of the edition's schemas, both ways, signed ones too: one digest on both sides.

    While the gateway controls, that is what isn't its own, and a limit of ours goes before every CALL of the cloud.
    """
    up, down = messages(version, OURS if mode is Mode.CONTROL else frozenset())
    extra = []
    if version is Version.V21:
        extra = ['[6, "e1", "NotifyPeriodicEventStream", {"id": 1}]', '[5, "e2", "FormatViolation", "", {}]']
    async with (
        running("CP-01", cloud=Cloud(version.value), mode=mode) as (gateway, cloud),
        gateway.station("/CP-01", version.value, max_size=None) as station,
    ):
        await eventually(lambda: cloud.open == 1)
        heard: dict[str, list[str]] = {"cloud": [], "station": []}
        said: dict[str, list[str]] = {"cloud": [], "station": []}

        async def hears_of_cloud() -> str:
            """The next message that isn't the gateway's own; those are answered."""
            while True:
                text = str(await station.recv())
                message = json.loads(text)
                if message[0] != 2 or not message[1].startswith("edge-"):
                    return text
                await station.send(json.dumps([3, message[1], {"status": "Accepted"}]))

        async def says(who: str, text: str) -> None:
            said[who].append(text)
            async with asyncio.timeout(PATIENCE_S):
                if who == "station":
                    await station.send(text)
                    heard["cloud"].append(await cloud.hears())
                else:
                    await cloud.connections[0].send(text)
                    heard["station"].append(await hears_of_cloud())

        for caller, answerer, texts in (("station", "cloud", up), ("cloud", "station", down)):
            for number, text in enumerate(texts):
                if caller == "cloud" and json.loads(text)[0] == 2:
                    gateway.server.write_limit(limit(number))
                await says(caller if json.loads(text)[0] == 2 else answerer, text)
        for text in extra:
            await says("station", text)
            await says("cloud", text)
        assert digest(heard["cloud"]) == digest(said["station"])
        assert digest(heard["station"]) == digest(said["cloud"])
        ours = [way for way in FROM_CLOUD[version].values() if way in OURS and mode is Mode.CONTROL]
        assert len(up) + len(down) >= 2 * (len(schemas(version)) - len(ours))

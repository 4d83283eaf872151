"""The simulated fleet and cloud in 2.x, and the peers that mean harm, on real sockets."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection

from edge.domain.setpoint import Purpose
from edge.domain.site import Mode
from edge.domain.station import LimitAnswered, SessionBegan, StationOnline
from edge.ocpp.timings import LinkTimings
from simulators.charger.ev import ElectricVehicle
from simulators.charger.spec import ConnectorSpec, StationSpec
from simulators.charger_v2 import DrivenStationV2
from simulators.cli.shown import editions, tls
from simulators.csms_v2 import CsmsV2
from simulators.errors import ScenarioError
from simulators.fleet import Fleet
from simulators.hostile import HostilePeer, Hostility, hostilities
from simulators.scenario import load_scenario
from tests.unit.ocpp.ocpp_bench import limit
from tests.wire.ocpp_site import Cloud, Gateway, eventually, received, running

SPEC = StationSpec(
    identity="CP-01",
    connectors=(ConnectorSpec(connector_id=1, max_a=32.0),),
    vendor="Simulated",
    model="Post",
    firmware="1",
    serial="1",
)


def car() -> ElectricVehicle:
    """A car that takes what it is given, at once."""
    return ElectricVehicle(phases=3, max_a=32, battery_wh=60_000, soc=0.2, obey_s=0)


@asynccontextmanager
async def driven(edition: str) -> AsyncIterator[tuple[Gateway, CsmsV2, DrivenStationV2]]:
    """A station that the fleet would drive, the gateway in control, and a cloud."""
    csms = CsmsV2()
    await csms.start()
    async with running("CP-01", mode=Mode.CONTROL, upstream=f"ws://127.0.0.1:{csms.port}/{{station}}") as (gateway, _):
        station = DrivenStationV2(SPEC, gateway.address("/CP-01"), edition)
        running_station = asyncio.create_task(station.run())
        await eventually(lambda: station.connected)
        yield gateway, csms, station
        running_station.cancel()
        await asyncio.gather(running_station, return_exceptions=True)
    await csms.stop()


@pytest.mark.parametrize("edition", ["2.0.1", "2.1"])
async def test_a_driven_station_has_a_session(edition: str) -> None:
    """From the plug to the account that the cloud books."""
    async with driven(edition) as (gateway, csms, station):
        station.plug_in(1, car(), "CARD")
        await eventually(lambda: gateway.sink.of(SessionBegan))
        transaction = gateway.sink.of(SessionBegan)[0].transaction_id
        gateway.server.write_limit(limit(1, limit_a=10.0, purpose=Purpose.SESSION, transaction_id=transaction))
        await eventually(lambda: gateway.sink.of(LimitAnswered))
        station.step(1.0)
        assert (station.draw_a(1), station.offered_a(1)) == ((10.0, 10.0, 10.0), 10.0)
        station.unplug(1)
        await eventually(lambda: station.counters.stops_confirmed == 1)
        (account,) = station.transactions()
        assert (account.id_tag, account.stopped_at is not None) == ("CARD", True)
        (booked,) = csms.transactions.values()
        assert booked["stopped_at"] is not None
        assert csms.invalid == []
        assert station.counters.profiles_accepted == 1


async def test_a_driven_station_comes_back() -> None:
    """What it could not say while its cloud was gone it says later, in order, marked as offline (E04)."""
    csms = CsmsV2("2.0.1")
    await csms.start()
    station = DrivenStationV2(SPEC, f"ws://127.0.0.1:{csms.port}/CP-01", "2.0.1")
    task = asyncio.create_task(station.run())
    await eventually(lambda: station.connected)
    await csms.go_away()
    await eventually(lambda: not station.connected)
    station.plug_in(1, car(), "CARD")
    station.unplug(1)
    await csms.come_back()
    await eventually(lambda: station.counters.stops_confirmed == 1)
    told = [payload for _, action, payload in csms.heard if action == "TransactionEvent"]
    assert [(each["eventType"], each["seqNo"], each["offline"]) for each in told] == [
        ("Started", 0, True),
        ("Ended", 1, True),
    ]
    assert csms.invalid == []
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await csms.stop()


async def test_a_fleet_of_all_editions() -> None:
    """The scenario's stations take turns in what they speak."""
    scenario = load_scenario("demo")
    ids = scenario.site.station_ids()
    csms = CsmsV2("2.1", "2.0.1", "1.6")
    await csms.start()
    async with running(*ids, mode=Mode.CONTROL, upstream=f"ws://127.0.0.1:{csms.port}/{{station}}") as (gateway, _):
        fleet = Fleet(scenario, gateway.address(""), editions=editions("mixed"))
        task = asyncio.create_task(fleet.run())
        await eventually(lambda: fleet.all_connected)
        await eventually(lambda: len(csms.connections) == len(ids))
        assert {str(each.subprotocol) for each in csms.connections.values()} == {"ocpp1.6", "ocpp2.0.1", "ocpp2.1"}
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    await csms.stop()


@pytest.mark.parametrize("edition", ["1.6", "2.0.1", "2.1"])
@pytest.mark.parametrize("hostility", Hostility)
async def test_a_hostile_peer_disturbs_nobody(hostility: Hostility, edition: str) -> None:
    """It attacks under a station's identity; another station is served meanwhile."""
    timings = LinkTimings(handshake_s=0.5, redial_first_s=0.05, redial_last_s=0.05, tick_every_s=0.05)
    options: dict[str, Any] = {"timings": timings, "mode": Mode.CONTROL}
    async with running("CP-01", "HOSTILE", **options) as (gateway, cloud), gateway.station() as station:
        await eventually(lambda: cloud.open == 1)
        peer = HostilePeer(hostility, gateway.address(""), edition)
        attack = asyncio.create_task(peer.run())
        if hostility in (Hostility.SLOW, Hostility.GARBAGE):
            await eventually(lambda: peer.attempts >= 2)  # it was cut off, and has come again
        else:
            await eventually(lambda: any(each.station == "HOSTILE" for each in gateway.sink.of(StationOnline)))
        await is_served(station, cloud)
        attack.cancel()
        await asyncio.gather(attack, return_exceptions=True)


async def is_served(station: ClientConnection, cloud: Cloud) -> None:
    """Its CALL reaches the cloud, and the answer comes back, whatever else is said."""
    await station.send(json.dumps([2, "alive", "Heartbeat", {}]))
    while json.loads(await cloud.hears())[1] != "alive":
        pass
    own = next(each for each in cloud.connections if each.request and each.request.path == "/csms/CP-01")
    await own.send(json.dumps([3, "alive", {}]))
    while (await received(station))[1] != "alive":
        pass


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (lambda: editions("3.0"), "--ocpp"),
        (lambda: hostilities(["rude"]), "there are: slow, silent, garbage, flood"),
        (lambda: tls("ws://x", "/ca", None, None), "wss://"),
        (lambda: tls("wss://x", None, "/c", None), "both or neither"),
        (lambda: tls("wss://x", str(Path("/no/such/file")), None, None), "can't be used"),
    ],
)
def test_what_was_asked_for_wrongly_is_told(words: object, problem: str) -> None:
    """In a sentence that says what would be right."""
    assert callable(words)
    with pytest.raises(ScenarioError, match=problem):
        words()

"""Quirks of real stations that show on the socket, each by its number in docs/ocpp.md."""

import asyncio
import time
from pathlib import Path

import pytest
from websockets.asyncio.client import ClientConnection

from edge.domain.station import StationDescribed
from edge.ocpp.station_files import StationFiles
from tests.unit.ocpp.ocpp_bench import call, result
from tests.wire.ocpp_site import PATIENCE_S, Cloud, Gateway, eventually, round_trip, running


async def boots(station: ClientConnection, gateway: Gateway, cloud: Cloud, vendor: str) -> None:
    """The station tells its vendor."""
    await station.send(call("b", "BootNotification", {"chargePointVendor": vendor, "chargePointModel": "M"}))
    await cloud.hears()
    await eventually(lambda: gateway.sink.of(StationDescribed))


async def test_quirk_6_the_record_is_applied() -> None:
    """What is known of its like holds as soon as the station has said who it is (Mennekes, evcc pull 33099)."""
    async with running("CP-01") as (gateway, cloud), gateway.station() as station:
        await boots(station, gateway, cloud, "MENNEKES")
        (line,) = gateway.logged("station has quirks")
        assert line["records"] == "mennekes-long-silence"


async def test_quirk_6_the_record_is_applied_after_a_restart(tmp_path: Path) -> None:
    """A station that merely reconnects says nothing of itself; what it said before the gateway's restart is kept."""
    for boot in (True, False):
        async with (
            running("CP-01", dossiers=StationFiles(tmp_path)) as (gateway, cloud),
            gateway.station() as station,
        ):
            if boot:
                await boots(station, gateway, cloud, "MENNEKES")
            await round_trip(station, cloud)
            assert [line["records"] for line in gateway.logged("station has quirks")] == ["mennekes-long-silence"]


async def test_quirk_8_stale_duplicates_and_compression() -> None:
    """A second socket over a stale one is taken in, and sent nothing compressed (lorenzodonini/ocpp-go issue 358)."""
    async with running("CP-01") as (gateway, cloud), gateway.station(compression="deflate") as first:
        await round_trip(first, cloud)
        async with gateway.station(compression="deflate") as second:
            await first.wait_closed()
            await round_trip(second, cloud, "2")
            assert not second.protocol.extensions


@pytest.mark.parametrize(("vendor", "least_s"), [("Free2Move eSolutions", 1.0), ("ACME", 0.0)])
async def test_quirk_29_start_answered_too_soon(vendor: str, least_s: float) -> None:
    """Free2move drops its link when StartTransaction is answered at once (lbbrhzn/ocpp issue 2080)."""
    async with running("CP-01") as (gateway, cloud), gateway.station() as station:
        await boots(station, gateway, cloud, vendor)
        await station.send(call("s", "StartTransaction", {"connectorId": 1}))
        await cloud.hears()
        began = time.monotonic()
        await cloud.connections[0].send(result("s", {"transactionId": 7}))
        await cloud.connections[0].send(call("c", "ClearCache"))
        async with asyncio.timeout(PATIENCE_S):
            heard = [await station.recv(), await station.recv()]
        expected = [result("s", {"transactionId": 7}), call("c", "ClearCache")]
        assert heard == (expected if least_s == 0 else expected[::-1])  # what else is said isn't held up
        assert time.monotonic() - began >= least_s


async def test_quirk_29_what_names_the_transaction_comes_behind_the_answer_that_names_it() -> None:
    """A limit of ours for it, say: the station would refuse that for a transaction that it doesn't know yet."""
    async with running("CP-01") as (gateway, cloud), gateway.station() as station:
        await boots(station, gateway, cloud, "Free2Move eSolutions")
        await station.send(call("s", "StartTransaction", {"connectorId": 1}))
        await cloud.hears()
        expected = [result("s", {"transactionId": 7}), call("c", "RemoteStopTransaction", {"transactionId": 7})]
        for text in expected:
            await cloud.connections[0].send(text)
        async with asyncio.timeout(PATIENCE_S):
            assert [await station.recv(), await station.recv()] == expected

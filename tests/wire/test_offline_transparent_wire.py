"""Whole gateways with stations that are dropped with their cloud (OCPP 2.x part 4 §6.3), on real sockets."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path

import pytest
from websockets.exceptions import InvalidStatus

from edge.storage.entry_file import EntryFile
from edge.storage.session_file import SessionFile
from tests.wire.ocpp_site import eventually
from tests.wire.offline_site import Site
from tests.wire.test_offline_wire import LIMIT, edge

TRANSPARENT = 'mode = "transparent"'


@asynccontextmanager
async def running(site: Site) -> AsyncIterator[Site]:
    """The site with its meter; the cloud is away."""
    meter = await site.meter()
    await site.start()
    try:
        yield site
    finally:
        await site.stop()
        await site.cloud.go()
        meter.close()


def set_mode(site: Site, station: str, mode: str) -> None:
    """Have another mode in the site file."""
    text, head = site.file.read_text(), f'id = "{station}"\ncircuit = "main"\n'
    before, _, rest = text.partition(head)
    site.file.write_text(before + head + mode + rest.removeprefix(TRANSPARENT))


async def test_one_station_is_dropped_with_the_cloud_and_its_neighbour_is_answered(tmp_path: Path) -> None:
    """Per station; what the dropped one queues itself arrives from it, once, when it may come in again."""
    site = Site(tmp_path, "CP-01", "CP-02", offline=LIMIT)
    set_mode(site, "CP-01", TRANSPARENT)
    async with running(site):
        with pytest.raises(InvalidStatus) as refused:
            async with site.station("CP-01"):
                pass
        assert refused.value.response.status_code == 503
        await site.cloud.come()
        async with site.station("CP-01") as dropped, site.station("CP-02") as served:
            await eventually(lambda: {"CP-01", "CP-02"} <= set(site.cloud.sockets))
            await site.cloud.go()
            await dropped.connection.wait_closed()
            assert (await served.start(tag="CARD-2"))["transactionId"] >= 1 << 30
            assert EntryFile(site.storage).pending() == 1
            await site.cloud.come()
            await eventually(lambda: len(site.cloud.told("StartTransaction")) == 1)
        async with site.station("CP-01") as back:
            assert (await back.start())["transactionId"] == 2
    assert [(station, p["idTag"]) for station, a, p in site.cloud.calls if a == "StartTransaction"] == [
        ("CP-02", "CARD-2"),
        ("CP-01", "CARD-1"),
    ]


async def test_what_was_kept_is_delivered_before_a_station_is_transparent(tmp_path: Path) -> None:
    """The site file changes with a journal that isn't empty: it is delivered, and nothing is lost or said twice."""
    site = Site(tmp_path, "CP-01", offline=LIMIT)
    async with running(site):
        async with site.station() as charger:
            number = (await charger.start())["transactionId"]
        await site.stop()
        set_mode(site, "CP-01", TRANSPARENT)
        await site.start()
        await site.cloud.come()
        async with site.station() as charger:
            await charger.stop(number)
            await eventually(lambda: len(site.cloud.told("StopTransaction")) == 1)
            await eventually(lambda: EntryFile(site.storage).pending() == 0)
            await site.cloud.go()
            await charger.connection.wait_closed()
        await site.stop()
        await site.start()
        await site.cloud.come()
        async with site.station() as charger:
            assert (await charger.start(at="2026-11-21T10:00:00Z"))["transactionId"] == 2
            await charger.stop(2, at="2026-11-21T11:00:00Z")
        assert [each["transactionId"] for each in site.cloud.told("StopTransaction")] == [1, 2]
        file = SessionFile(site.storage)
        await eventually(lambda: len([each for each in file.sessions() if each.ended_at is not None]) == 2)
        assert EntryFile(site.storage).pending() == 0


async def test_a_token_blocked_on_site_ends_a_transparent_stations_session_within_a_second(tmp_path: Path) -> None:
    """Though its cloud accepts it, now and at the next Authorize."""
    site = Site(tmp_path, "CP-01", mode=TRANSPARENT)
    async with running(site):
        await site.cloud.come()
        async with site.station() as charger:
            await edge(site, "token", "add", "BADGE", "--class", "staff")
            number = (await charger.start(tag="BADGE"))["transactionId"]
            await eventually(lambda: site.status()["transaction_id"] == str(number))
            await edge(site, "token", "block", "BADGE")
            asked = ("RemoteStopTransaction", {"transactionId": number})
            async with asyncio.timeout(10.0):  # a second, on a machine that does nothing else
                while asked not in charger.asked:  # noqa: ASYNC110 - it hangs on another process
                    await asyncio.sleep(0.01)
            await eventually(lambda: site.status()["reason"] == "TOKEN_REFUSED")
            assert (await charger.result("Authorize", {"idTag": "BADGE"}))["idTagInfo"]["status"] == "Blocked"


async def test_not_one_byte_of_a_transparent_station_changes(tmp_path: Path) -> None:
    """2.x: no ``offline`` is set and no number written anew; the session has its record all the same."""
    site = Site(tmp_path, "CP-01", mode=TRANSPARENT)
    async with running(site):
        await site.cloud.come()
        async with site.station(edition="ocpp2.0.1") as charger:
            texts = [
                json.dumps([2, f"e{order}", "TransactionEvent", {
                    "eventType": kind, "timestamp": f"2026-11-21T08:0{order}:00Z", "triggerReason": "Authorized",
                    "seqNo": order, "transactionInfo": {"transactionId": "tx-1"}, "evse": {"id": 1},
                    "offline": False, "meterValue": [
                        {"timestamp": f"2026-11-21T08:0{order}:00Z", "sampledValue": [{"value": wh}]}],
                }], separators=(" , ", " : ")).replace("1000.5", "1.0005E3")
                for order, kind, wh in ((0, "Started", 1000.5), (1, "Updated", 1500), (2, "Ended", 2000.5))
            ]  # fmt: skip
            for text in texts:
                await charger.connection.send(text)
                await eventually(lambda text=text: text in site.cloud.texts)
        assert [text for text in site.cloud.texts if "TransactionEvent" in text] == texts
        file = SessionFile(site.storage)
        await eventually(lambda: [each.ended_at is not None for each in file.sessions()] == [True])
        assert [each.energy_wh for each in file.sessions()] == [Decimal(1000)]

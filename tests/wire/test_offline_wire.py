"""A whole gateway whose cloud is away: stations are answered, and everything is delivered afterwards."""

import asyncio
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from edge.clock import SystemClock
from edge.storage.entry_file import EntryFile
from edge.storage.session_file import SessionFile
from tests.forked import as_text, forked
from tests.wire.ocpp_site import eventually
from tests.wire.offline_site import Site, lonely

LIMIT = 'unknown_tokens = "limit"'


async def test_a_session_without_its_cloud_reaches_it_afterwards(tmp_path: Path) -> None:
    """Faults 1, 2 and 6: all is answered; then the cloud has it in order, under its own id."""
    async with lonely(tmp_path, offline=LIMIT) as site:
        async with site.station() as charger:
            boot = await charger.result("BootNotification", {"chargePointVendor": "V", "chargePointModel": "M"})
            assert boot["status"] == "Accepted"
            begun = await charger.start()
            number = begun["transactionId"]
            assert begun["idTagInfo"] == {"status": "Accepted"}
            assert number >= 1 << 30
            await eventually(lambda: site.status()["transaction_id"] == str(number))
            await charger.meter(number, 2600)
            await charger.stop(number)
            await site.cloud.come()
            await eventually(lambda: len(site.cloud.told("StopTransaction")) == 1)
        actions = [action for _, action, _ in site.cloud.calls if action != "Heartbeat"]
        assert actions == ["BootNotification", "StartTransaction", "MeterValues", "StopTransaction"]
        (stop,), (values,) = site.cloud.told("StopTransaction"), site.cloud.told("MeterValues")
        assert (stop["transactionId"], stop["meterStop"], stop["timestamp"]) == (1, 5100, "2026-11-21T09:00:00Z")
        assert values["transactionId"] == 1


async def test_who_was_started_by_an_app_plugs_in_without_the_cloud(tmp_path: Path) -> None:
    """The cloud asks the station to start, and is gone before the cable is in: nobody here knows the driver's token but
    from that. Another's is refused."""
    async with lonely(tmp_path) as site, site.station() as charger:
        await site.cloud.come()
        await eventually(lambda: "CP-01" in site.cloud.sockets)
        await charger.result("BootNotification", {"chargePointVendor": "V", "chargePointModel": "M"})
        asked = await site.cloud.ask("CP-01", "RemoteStartTransaction", {"connectorId": 1, "idTag": "APP-1"})
        assert asked[2] == {"status": "Accepted"}
        await site.cloud.go()
        assert (await charger.result("Authorize", {"idTag": "APP-2"}))["idTagInfo"]["status"] == "Invalid"
        assert (await charger.start("APP-1"))["idTagInfo"] == {"status": "Accepted"}


class UnsetClock(SystemClock):
    """Of a board without a battery-backed one: it wakes up in 1970."""

    def wall(self) -> datetime:
        return datetime.fromtimestamp(self.monotonic(), UTC)


async def test_a_gateway_that_wakes_up_in_1970_doesnt_say_so(tmp_path: Path) -> None:
    """Fault 44: stations, and those that wait to be adopted, are told what the cloud has said, once it has said it."""
    boot = {"chargePointVendor": "V", "chargePointModel": "M"}
    async with lonely(tmp_path, "CP-01", "CP-02") as site:
        await site.stop()
        site.clock = UnsetClock()
        await site.start()
        async with site.station("CP-01") as charger:
            assert (await charger.result("BootNotification", boot))["currentTime"] >= "2026-01-01"
            await site.cloud.come()
            await eventually(lambda: "CP-01" in site.cloud.sockets)
            await eventually(lambda: len(site.cloud.told("BootNotification")) == 1)
            assert (await charger.result("Heartbeat", {}))["currentTime"] == "2026-11-21T07:00:00Z"
        await site.cloud.go()
        for name in ("CP-02", "CP-99"):
            async with site.station(name) as charger:
                told = (await charger.result("BootNotification", boot))["currentTime"]
                assert "2026-11-21T07:00:00" <= told < "2026-11-21T07:05:00"


@pytest.mark.parametrize("edition", ["ocpp2.0.1", "ocpp2.1"])
async def test_the_same_for_a_station_that_names_its_transactions(tmp_path: Path, edition: str) -> None:
    """2.x: in order, the station's own ids, and marked as offline."""
    async with lonely(tmp_path, offline=LIMIT) as site, site.station(edition=edition) as charger:
        token = {"idToken": {"idToken": "CARD-1", "type": "ISO14443"}}
        begun = await charger.event("Started", 0, token)
        assert begun["idTokenInfo"]["status"] == "Accepted"
        await charger.event("Updated", 1)
        await charger.event("Ended", 2)
        await site.cloud.come()
        await eventually(lambda: len(site.cloud.told("TransactionEvent")) == 3)
        told = site.cloud.told("TransactionEvent")
        assert [(each["seqNo"], each["offline"]) for each in told] == [(0, True), (1, True), (2, True)]


async def test_what_was_answered_survives_the_gateway(tmp_path: Path) -> None:
    """Fault 3: the gateway restarts while the cloud is away; the session goes on under its id, and is delivered."""
    async with lonely(tmp_path, offline=LIMIT) as site:
        async with site.station() as charger:
            number = (await charger.start())["transactionId"]
        await site.stop()
        await site.start()
        async with site.station() as charger:
            await charger.meter(number, 2600)
            await eventually(lambda: site.status()["transaction_id"] == str(number))
            await charger.stop(number)
            await site.cloud.come()
            await eventually(lambda: len(site.cloud.told("StopTransaction")) == 1)
        assert len(site.cloud.told("StartTransaction")) == 1
        assert site.cloud.told("StopTransaction")[0]["transactionId"] == 1


async def test_a_transparent_station_is_closed_with_its_cloud(tmp_path: Path) -> None:
    """Per station; it comes in again when the cloud is there, and nobody answers for it. Its session has a record."""
    async with lonely(tmp_path, "CP-01", mode='mode = "transparent"') as site:
        await site.cloud.come()
        async with site.station() as charger:
            assert (await charger.start())["transactionId"] == 1
            await site.cloud.go()
            await charger.connection.wait_closed()
            assert charger.connection.close_code == 1001
        await site.cloud.come()
        async with site.station() as charger:
            await charger.stop(1)
        file = SessionFile(site.storage)
        await eventually(lambda: [each.ended_at is not None for each in file.sessions()] == [True])
        assert [(each.transaction, each.energy_wh) for each in file.sessions()] == [("1", Decimal(5000))]
        assert EntryFile(site.storage).pending() == 0


async def test_the_clouds_call_names_the_transaction_as_the_station_knows_it(tmp_path: Path) -> None:
    """RemoteStopTransaction with the cloud's id ends a session that was begun without the cloud."""
    async with lonely(tmp_path, offline=LIMIT) as site, site.station() as charger:
        number = (await charger.start())["transactionId"]
        await site.cloud.come()
        await eventually(lambda: len(site.cloud.told("StartTransaction")) == 1)
        answer = await site.cloud.ask("CP-01", "RemoteStopTransaction", {"transactionId": 1})
        assert answer[2] == {"status": "Accepted"}
        assert ("RemoteStopTransaction", {"transactionId": number}) in charger.asked


async def test_a_token_blocked_by_the_command_line_ends_its_session_within_a_second(tmp_path: Path) -> None:
    """Fault 58 with real processes, while the cloud accepts the token; its class ranked the session before."""
    async with lonely(tmp_path) as site, site.station() as charger:
        await site.cloud.come()
        await edge(site, "token", "add", "BADGE", "--class", "staff")
        number = (await charger.start(tag="BADGE"))["transactionId"]
        await eventually(lambda: site.status()["transaction_id"] == str(number))
        await edge(site, "token", "block", "BADGE")
        asked = ("RemoteStopTransaction", {"transactionId": number})
        async with asyncio.timeout(10.0):  # a second, on a machine that does nothing else
            while asked not in charger.asked:  # noqa: ASYNC110 - it hangs on another process
                await asyncio.sleep(0.01)
        await eventually(lambda: site.status()["reason"] == "TOKEN_REFUSED")
        await charger.stop(number)
        assert (await charger.start(tag="BADGE", meter=5100))["idTagInfo"]["status"] == "Blocked"


async def test_a_message_that_was_set_aside_is_sent_again(tmp_path: Path) -> None:
    """Fault 11 with the command line, beside the running gateway."""
    async with lonely(tmp_path, offline=f"{LIMIT}\nattempts = 1") as site, site.station() as charger:
        await charger.result("DataTransfer", {"vendorId": "V", "data": "poison"})
        honest = site.cloud.answer
        site.cloud.answer = lambda action, payload: (
            {"refused": "InternalError"} if action == "DataTransfer" else honest(action, payload)
        )
        await site.cloud.come()
        await eventually(lambda: len(EntryFile(site.storage).set_aside()) == 1)
        site.cloud.answer = honest
        (entry,) = EntryFile(site.storage).set_aside()
        assert "InternalError" in (await edge(site, "journal", "list"))
        await edge(site, "journal", "resend", str(entry.seq))
        await eventually(lambda: len(site.cloud.told("DataTransfer")) == 2)


async def test_signed_values_reach_the_cloud_bit_by_bit(tmp_path: Path) -> None:
    """Invariant I5, though they were kept: not one character changes."""
    text = '[2,  "s" , "DataTransfer",{"vendorId":"V" , "data":"{\\"x\\": 8.10}", "messageId":"\\u00e4", "y": 1e-3}]'
    async with lonely(tmp_path) as site, site.station() as charger:
        await charger.connection.send(text)
        await eventually(lambda: EntryFile(site.storage).pending() == 1)
        await site.cloud.come()
        await eventually(lambda: text in site.cloud.texts)


async def edge(site: Site, *arguments: str) -> str:
    """Run ``edge`` beside the gateway; what it says."""
    ended = as_text(await asyncio.to_thread(forked, "edge", *arguments, "--config", str(site.file)))
    assert (ended.returncode, ended.stderr) == (0, "")
    return ended.stdout

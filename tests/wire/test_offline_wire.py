"""A whole gateway whose cloud is away: stations are answered, and everything is delivered afterwards."""

from pathlib import Path

import pytest

from tests.wire.ocpp_site import eventually
from tests.wire.offline_site import lonely

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
    """Per station; it comes in again when the cloud is there, and nobody answers for that."""
    async with lonely(tmp_path, "CP-01", mode='mode = "transparent"') as site:
        await site.cloud.come()
        async with site.station() as charger:
            assert (await charger.start())["transactionId"] == 1
            await site.cloud.go()
            await charger.connection.wait_closed()
            assert charger.connection.close_code == 1001


async def test_the_clouds_call_names_the_transaction_as_the_station_knows_it(tmp_path: Path) -> None:
    """RemoteStopTransaction with the cloud's id ends a session that was begun without the cloud."""
    async with lonely(tmp_path, offline=LIMIT) as site, site.station() as charger:
        number = (await charger.start())["transactionId"]
        await site.cloud.come()
        await eventually(lambda: len(site.cloud.told("StartTransaction")) == 1)
        answer = await site.cloud.ask("CP-01", "RemoteStopTransaction", {"transactionId": 1})
        assert answer[2] == {"status": "Accepted"}
        assert ("RemoteStopTransaction", {"transactionId": number}) in charger.asked

"""A whole gateway whose site has no cloud: stations charge under its control, and their sessions are in its report."""

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs
from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

from edge.domain.token import SiteToken
from edge.storage.entry_file import EntryFile
from edge.storage.session_file import SessionFile
from edge.storage.token_file import TokenFile
from tests.wire.ocpp_site import eventually
from tests.wire.offline_site import Charger, Site, lonely

LIMIT = 'unknown_tokens = "limit"'
BOOTS: dict[str, dict[str, Any]] = {
    "ocpp1.6": {"chargePointVendor": "V", "chargePointModel": "M"},
    "ocpp2.0.1": {"chargingStation": {"vendorName": "V", "model": "M"}, "reason": "PowerUp"},
}


async def charge(charger: Charger, edition: str, number: int = 0) -> int:
    """Plug in and begin at register 100; the number of the transaction."""
    if edition == "ocpp1.6":
        state = {"connectorId": 1, "errorCode": "NoError", "status": "Charging"}
        number = int((await charger.start())["transactionId"])
    else:
        stamp = datetime.now(UTC).isoformat()
        state = {"timestamp": stamp, "connectorStatus": "Occupied", "evseId": 1, "connectorId": 1}
        card = {"idToken": {"idToken": "CARD-1", "type": "ISO14443"}}
        info = {"transactionInfo": {"transactionId": "tx-1", "chargingState": "Charging"}}
        assert (await charger.event("Started", 0, card | info | sample(100)))["idTokenInfo"]["status"] == "Accepted"
    assert await charger.result("StatusNotification", state) == {}
    return number


async def end(charger: Charger, edition: str, number: int) -> None:
    """End it at register 5100."""
    if edition == "ocpp1.6":
        await charger.stop(number)
    else:
        await charger.event("Ended", 9, sample(5100))


def sample(register: int) -> dict[str, Any]:
    """The register in an event of 2.x."""
    stamp = datetime.now(UTC).isoformat()
    return {"meterValue": [{"timestamp": stamp, "sampledValue": [{"value": register}]}]}


@pytest.mark.parametrize("edition", ["ocpp1.6", "ocpp2.0.1"])
async def test_a_station_charges_under_control(tmp_path: Path, edition: str) -> None:
    """It boots, is given its limit, and its session is in the registry; nothing is said of a cloud that is away."""
    with capture_logs() as logs:
        async with lonely(tmp_path, offline=LIMIT, has_cloud=False) as site, site.station(edition=edition) as charger:
            assert (await charger.result("BootNotification", BOOTS[edition]))["status"] == "Accepted"
            number = await charge(charger, edition)
            await eventually(lambda: any(action == "SetChargingProfile" for action, _ in charger.asked))
            await eventually(lambda: (site.status()["limit_a"] or 0) >= 6)
            await end(charger, edition, number)
            assert site.daemon is not None
            report = site.daemon.status()
    assert (report["has_cloud"], report["storage"]["pending"]) == (False, 0)
    (station,) = report["stations"]
    assert (station["cloud_connected"], station["cloud_problem"]) == (False, None)
    (session,) = SessionFile(tmp_path / "storage").sessions()
    assert (session.energy_wh, session.evse) == (Decimal(5000), 1)
    assert session.ended_at is not None
    assert EntryFile(tmp_path / "storage").pending() == 0
    told = [str(each) for each in logs if each["log_level"] in ("warning", "error")]
    assert not any("cloud" in each for each in told), told


async def test_a_card_that_is_shown_can_be_entered(tmp_path: Path) -> None:
    """Nobody knows its number; its hash is that by which it is known, and it is told no longer then."""
    async with lonely(tmp_path, has_cloud=False) as site, site.station() as charger:
        await charger.result("BootNotification", BOOTS["ocpp1.6"])
        assert (await charger.result("Authorize", {"idTag": "04A2B3C4"}))["idTagInfo"]["status"] == "Invalid"
        assert site.daemon is not None
        (card,) = site.daemon.status()["cards_shown"]
        assert (card["station"], card["ends"]) == ("CP-01", "C4")
        assert "04A2B3" not in str(site.daemon.status())
        TokenFile(tmp_path / "storage").put([SiteToken(hash=card["token"], hint=card["ends"])])
        daemon = site.daemon
        await eventually(lambda: daemon.status()["cards_shown"] == [])
        assert (await charger.result("Authorize", {"idTag": "04a2b3c4"}))["idTagInfo"]["status"] == "Accepted"


async def test_who_only_observes_answers_too_and_commands_nothing(tmp_path: Path) -> None:
    """There is nobody else who could answer; no limit, no question and no stop is sent."""
    site_of = lonely(tmp_path, offline=LIMIT, has_cloud=False, control='mode = "observe"')
    async with site_of as site, site.station() as charger:
        assert (await charger.result("BootNotification", BOOTS["ocpp1.6"]))["status"] == "Accepted"
        number = await charge(charger, "ocpp1.6")
        await charger.meter(number, 9000)  # more than an unknown card may take: it would be stopped
        await eventually(lambda: "no longer good" in site.status()["text"])
        await end(charger, "ocpp1.6", number)
        assert charger.asked == []
    (session,) = SessionFile(tmp_path / "storage").sessions()
    assert session.ended_at is not None


@pytest.mark.parametrize("mode", ["autonomous", "transparent"])
async def test_a_site_gets_a_cloud_while_a_car_charges(tmp_path: Path, mode: str) -> None:
    """The gateway is started anew with an address: the cloud hears of the station, not of the session of before, and of
    the next one as of any."""
    async with lonely(tmp_path, offline=LIMIT, has_cloud=False) as site, site.station() as charger:
        await charger.result("BootNotification", BOOTS["ocpp1.6"])
        number = await charge(charger, "ocpp1.6")
    later = Site(tmp_path, offline=LIMIT, mode=f'mode = "{mode}"')
    meter = await later.meter()
    await later.cloud.come()
    await later.start()
    try:
        async with later.station() as charger:
            await eventually(lambda: len(later.cloud.told("StatusNotification")) == 1)
            await charger.meter(number, 2600)
            await end(charger, "ocpp1.6", number)
            assert later.cloud.told("StartTransaction", "MeterValues", "StopTransaction") == []
            assert (await charger.start(meter=5100, at="2026-11-21T10:00:00Z"))["transactionId"] == 1
    finally:
        await later.stop()
        await later.cloud.go()
        meter.close()
    ended = [each for each in SessionFile(tmp_path / "storage").sessions() if each.ended_at is not None]
    assert [each.energy_wh for each in ended] == [Decimal(5000)]


async def test_a_station_that_offers_several_editions_speaks_its_first_wish(tmp_path: Path) -> None:
    """No cloud is asked which it would like."""
    async with lonely(tmp_path, has_cloud=False) as site:
        wishes = [Subprotocol("ocpp2.1"), Subprotocol("ocpp1.6")]
        async with connect(f"ws://{site.gateway}/CP-01", subprotocols=wishes, proxy=None, close_timeout=0.5) as station:
            assert station.subprotocol == "ocpp2.1"

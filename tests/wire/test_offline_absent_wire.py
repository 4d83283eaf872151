"""Stations that never come again: what they have left reaches the cloud all the same."""

from pathlib import Path
from typing import Any

from edge.storage.entry_file import EntryFile
from tests.wire.ocpp_site import eventually
from tests.wire.offline_site import Charger, Site, lonely

SOON = 'unknown_tokens = "limit"\nabsent_after_s = 1'
KEY = {"Authorization": "Basic Q1AtMDE6c2VjcmV0c2VjcmV0c2VjcmV0"}


async def session(charger: Charger) -> int:
    """A whole session without the cloud; its number."""
    number: int = (await charger.start())["transactionId"]
    await charger.meter(number, 2600)
    await charger.stop(number)
    return number


def pending(site: Site) -> int:
    """How many messages wait."""
    return EntryFile(site.storage).pending()


async def test_what_an_absent_station_has_left_is_delivered_in_its_name(tmp_path: Path) -> None:
    """As it came last, in order, under the cloud's number; then the cloud is rung off."""
    async with lonely(tmp_path, offline=SOON) as site:
        async with site.station(headers=KEY) as charger:
            await session(charger)
        await site.cloud.come()
        await eventually(lambda: pending(site) == 0)
        (stop,) = site.cloud.told("StopTransaction")
        assert (stop["transactionId"], stop["meterStop"]) == (1, 5100)
        assert [action for _, action, _ in site.cloud.calls] == ["StartTransaction", "MeterValues", "StopTransaction"]
        assert site.cloud.shown == [("/CP-01", KEY["Authorization"])]
        await eventually(lambda: site.cloud.sockets["CP-01"].close_code is not None)
        assert site.cloud.sockets["CP-01"].close_code == 1001


async def test_so_it_is_after_a_restart_of_the_gateway(tmp_path: Path) -> None:
    """Of a 2.x station that hasn't come since."""
    async with lonely(tmp_path, offline=SOON) as site:
        async with site.station(edition="ocpp2.0.1") as charger:
            token = {"idToken": {"idToken": "CARD-1", "type": "ISO14443"}}
            await charger.event("Started", 0, token)
            await charger.event("Ended", 1)
        await site.stop()
        await site.cloud.come()
        await site.start()
        await eventually(lambda: pending(site) == 0)
        assert [each["seqNo"] for each in site.cloud.told("TransactionEvent")] == [0, 1]


async def test_a_station_that_comes_takes_its_line_over(tmp_path: Path) -> None:
    """The courier rings off before the cloud is dialled for the station; each message is said once or again, never
    lost, and what the cloud asks of the station reaches it."""
    async with lonely(tmp_path, offline=SOON) as site:
        async with site.station() as charger:
            await session(charger)

        def silent(_action: str, _payload: dict[str, Any]) -> dict[str, Any] | None:
            return None

        site.cloud.answer = silent
        await site.cloud.come()
        await eventually(lambda: len(site.cloud.calls) == 1)
        refused = await site.cloud.ask("CP-01", "RemoteStartTransaction", {"idTag": "CARD-1"})
        assert refused[2:4] == ["GenericError", "the station isn't connected"]
        site.cloud.answer = site.cloud.honest
        first = site.cloud.sockets["CP-01"]
        async with site.station() as charger:
            await eventually(lambda: pending(site) == 0)
            assert first.close_code is not None
            answer = await site.cloud.ask("CP-01", "TriggerMessage", {"requestedMessage": "Heartbeat"})
            assert answer[0] == 3
            assert ("TriggerMessage", {"requestedMessage": "Heartbeat"}) in charger.asked
        assert len(site.cloud.told("StopTransaction")) == 1


async def test_nothing_is_dialled_for_a_station_that_owes_nothing(tmp_path: Path) -> None:
    """Its cloud would take it to be there."""
    async with lonely(tmp_path, "CP-01", "CP-02", offline=SOON) as site:
        async with site.station("CP-02") as charger:
            await charger.result("Heartbeat", {})
        async with site.station("CP-01") as charger:
            await session(charger)
        await site.cloud.come()
        await eventually(lambda: pending(site) == 0)
        assert [path for path, _ in site.cloud.shown] == ["/CP-01"]

"""The faults of the time without a cloud, by their numbers, each on a whole site in virtual time.

Fault 4 is in test_offline_three_days.py, 47 in tests/system/test_offline_kill.py, 48 in
tests/property/test_storage_power_cut.py.
"""

import asyncio
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from edge.domain.site import EvseKey
from edge.domain.token import SiteToken
from edge.ocpp.versions import Version
from edge.offline.hashing import TokenHasher, hint
from edge.storage.database import connect
from edge.storage.entry_file import EntryFile
from edge.storage.key import token_key
from edge.storage.session_file import SessionFile
from edge.storage.token_file import TokenFile
from tests import virtual_time
from tests.scenario.offline_world import PromptWriter, World, in_world, insist

KEY = EvseKey(station="CP-01", evse=1)
FIRST_LOCAL = 1 << 30


def spoil(path: Path, part: float) -> None:
    """Destroy a page of a file: the first one, or the one so far within."""
    content = bytearray(path.read_bytes())
    at = int(len(content) * part) // 4096 * 4096
    content[at : at + 4096] = b"\x5a" * 4096
    path.write_bytes(content)


def test_fault_1_the_cloud_is_away_for_days(tmp_path: Path) -> None:
    """Sessions begin and end, the control sees them, and nothing waits for the cloud."""

    async def story(world: World) -> None:
        number = (await world.seat.start())["transactionId"]
        assert world.board.evses[KEY].transaction_id == str(number)
        for hour in range(48):
            await asyncio.sleep(3600)
            await world.seat.meter(number, 200 + hour)
        await world.seat.stop(number, 5000)
        assert world.board.evses[KEY].transaction_id is None
        world.tick_s = 0.5
        world.cloud_comes()
        await world.drained(600)
        assert len(world.cloud.told("MeterValues")) == 48

    virtual_time.run(in_world(story, tmp_path, tick_s=30.0))


def test_fault_2_a_charger_reboots_while_the_cloud_is_away(tmp_path: Path) -> None:
    """It is accepted, and charges; the cloud hears of the boot before all else."""

    async def story(world: World) -> None:
        world.seat.disconnect()
        world.seat.connect()
        boot = {"chargePointVendor": "V", "chargePointModel": "M"}
        assert (await world.seat.result("BootNotification", boot))["status"] == "Accepted"
        await world.seat.start()
        world.cloud_comes()
        await world.drained(60)
        assert [action for _, action, _, _ in world.cloud.calls][:2] == ["BootNotification", "StartTransaction"]

    virtual_time.run(in_world(story, tmp_path))


@pytest.mark.parametrize("edition", [Version.V16, Version.V201])
def test_fault_3_the_gateway_restarts_while_the_cloud_is_away(tmp_path: Path, edition: Version) -> None:
    """All chargers are readmitted by a gateway that knows their boot, and their sessions go on."""

    async def story(world: World) -> None:
        number, name = 0, "tx-1"
        if edition is Version.V16:
            number = (await world.seat.start())["transactionId"]
        else:
            await world.seat.event("Started", 0, name, 100, "CARD")
        await world.restart()
        boot: dict[str, Any] = {"chargePointVendor": "V", "chargePointModel": "M"}
        assert (await world.seat.result("BootNotification", boot))["status"] == "Accepted"
        if edition is Version.V16:
            await world.seat.meter(number, 300)
            await world.seat.stop(number, 600)
        else:
            await world.seat.event("Updated", 1, name, 300)
            await world.seat.event("Ended", 2, name, 600)
        world.cloud_comes()
        await world.drained(60)
        told = world.cloud.told("StopTransaction", "TransactionEvent")
        assert [each.get("transactionId", each.get("seqNo")) for each in told] in ([1], [0, 1, 2])

    virtual_time.run(in_world(story, tmp_path, editions=[edition]))


def test_fault_5_the_answer_to_a_start_is_lost(tmp_path: Path) -> None:
    """The connection breaks with the Start under way: one transaction, though the cloud has it twice."""

    async def story(world: World) -> None:
        world.cloud_comes()
        world.cloud.answer_s = 5.0
        begun = asyncio.create_task(world.seat.start())
        await asyncio.sleep(1.0)
        world.cloud_goes()
        number = (await begun)["transactionId"]
        assert number >= FIRST_LOCAL
        world.cloud.answer_s = 0.05
        world.cloud_comes()
        await world.seat.stop(number, 600)
        await world.drained(60)
        assert len(world.cloud.told("StartTransaction")) == 2
        assert [each["transactionId"] for each in world.cloud.told("StopTransaction")] == [1]

    virtual_time.run(in_world(story, tmp_path))


def test_fault_6_an_id_given_here_is_never_seen_there(tmp_path: Path) -> None:
    """Upward the cloud's, downward the station's, before and after the cloud is back; never -1."""

    async def story(world: World) -> None:
        number = (await world.seat.start())["transactionId"]
        await world.seat.meter(number, 200)
        world.cloud_comes()
        await world.drained(60)
        await world.seat.meter(number, 300)
        remote = json.dumps([2, "r", "RemoteStopTransaction", {"transactionId": 1}])
        world.seat.cloud_says(remote, world.seat.cloud_epoch)
        await asyncio.sleep(1.0)
        assert ("RemoteStopTransaction", {"transactionId": number}) in world.seat.asked
        await world.seat.stop(number, 400)
        told = world.cloud.told("MeterValues", "StopTransaction")
        assert [each["transactionId"] for each in told] == [1, 1, 1]

    virtual_time.run(in_world(story, tmp_path))


def test_fault_7_a_charger_sends_its_start_again(tmp_path: Path) -> None:
    """After its own reboot, and after the gateway's: the same id, one transaction."""

    async def story(world: World) -> None:
        at = world.seat.stamp()
        first = await world.seat.start(at=at)
        world.seat.disconnect()
        world.seat.connect()
        assert await world.seat.start(at=at) == first
        await world.restart()
        assert await world.seat.start(at=at) == first
        world.cloud_comes()
        await world.drained(60)
        assert len(world.cloud.told("StartTransaction")) == 1

    virtual_time.run(in_world(story, tmp_path))


def test_fault_8_a_stop_without_a_start(tmp_path: Path) -> None:
    """The charger lost the answer in its reset and says -1: it is given to the session that it can mean."""

    async def story(world: World) -> None:
        await world.seat.start(meter=100)
        world.seat.disconnect()
        world.seat.connect()
        await world.seat.stop(-1, 900)
        world.cloud_comes()
        await world.drained(60)
        assert [each["transactionId"] for each in world.cloud.told("StopTransaction")] == [1]

    virtual_time.run(in_world(story, tmp_path))


def test_fault_9_events_out_of_order_with_a_gap(tmp_path: Path) -> None:
    """Kept, ordered, and the gap is told."""

    async def story(world: World) -> None:
        await world.seat.event("Started", 0, "tx-1", 100, "CARD")
        await world.seat.event("Updated", 4, "tx-1", 300)
        await world.seat.event("Updated", 1, "tx-1", 200)
        await world.seat.event("Ended", 5, "tx-1", 400)
        world.cloud_comes()
        await world.drained(60)
        assert [each["seqNo"] for each in world.cloud.told("TransactionEvent")] == [0, 1, 4, 5]
        assert all(each["offline"] for each in world.cloud.told("TransactionEvent"))

    virtual_time.run(in_world(story, tmp_path, editions=[Version.V201]))


def test_fault_10_a_cloud_that_answers_after_a_minute_or_never(tmp_path: Path) -> None:
    """The charger has its answer in time; the breaker spares the cloud; its late answer gives the id."""

    async def story(world: World) -> None:
        world.cloud_comes()
        world.cloud.answer_s = 60.0
        begun = world.now
        number = (await world.seat.start())["transactionId"]
        assert world.now - begun < 20.0
        await world.seat.meter(number, 200)
        before = world.now
        await world.seat.meter(number, 300)
        assert world.now - before < 1.0
        world.cloud.answer_s = 0.05
        await asyncio.sleep(120.0)
        await world.drained(600)
        await world.seat.stop(number, 400)
        assert len(world.cloud.told("StopTransaction")) == 1
        told = world.cloud.told("MeterValues", "StopTransaction")
        assert {each["transactionId"] for each in told} == {1}

    virtual_time.run(in_world(story, tmp_path))


def test_fault_11_the_cloud_refuses_one_message(tmp_path: Path) -> None:
    """After its attempts it is set aside where a person sees it, and blocks nobody; sent again it arrives."""

    async def story(world: World) -> None:
        number = (await world.seat.start())["transactionId"]
        await world.seat.meter(number, 666)
        await world.seat.stop(number, 900)
        poison = [True]

        def refuses(station: str, action: str, payload: dict[str, Any]) -> dict[str, Any]:
            if action == "MeterValues" and poison[0]:
                return {"refused": "NotSupported"}
            return world.cloud.honest(station, action, payload)

        world.cloud.answer = refuses
        world.cloud_comes()
        await world.drained(900)
        assert len(world.cloud.told("MeterValues")) == 3
        assert len(world.cloud.told("StopTransaction")) == 1
        (aside,) = EntryFile(world.storage).set_aside()
        poison[0] = False
        EntryFile(world.storage).resend([aside.seq])
        await asyncio.sleep(2.0)
        await world.drained(60)
        assert len(world.cloud.told("MeterValues")) == 4
        assert EntryFile(world.storage).set_aside() == []

    virtual_time.run(in_world(story, tmp_path))


def test_fault_11_a_refused_begin_is_sent_again_with_all_that_depends_on_it(tmp_path: Path) -> None:
    """They are set aside together, and go together, in order, under the id that the cloud gives at last."""

    async def story(world: World) -> None:
        number = (await world.seat.start())["transactionId"]
        await world.seat.meter(number, 200)
        await world.seat.stop(number, 900)
        world.cloud.answer = lambda _station, _action, _payload: {"refused": "NotSupported"}
        world.cloud_comes()
        await world.drained(3600)
        file = EntryFile(world.storage)
        assert [each.action for each in file.set_aside()] == ["StartTransaction", "MeterValues", "StopTransaction"]
        world.cloud.answer = world.cloud.honest
        world.cloud.calls.clear()
        file.resend([each.seq for each in file.set_aside()])
        await asyncio.sleep(2.0)
        await world.drained(60)
        told = [(action, payload.get("transactionId")) for _, action, payload, _ in world.cloud.calls]
        assert told == [("StartTransaction", None), ("MeterValues", 1), ("StopTransaction", 1)]

    virtual_time.run(in_world(story, tmp_path))


def test_fault_11_a_cloud_that_fails_for_an_hour_has_all_soon_after(tmp_path: Path) -> None:
    """InternalError to all that is of a transaction: nobody has to send anything again, through a restart too."""

    async def story(world: World) -> None:
        fails = [False]

        def answers(station: str, action: str, payload: dict[str, Any]) -> dict[str, Any]:
            if fails[0] and action in ("StartTransaction", "MeterValues", "StopTransaction"):
                return {"refused": "InternalError"}
            return world.cloud.honest(station, action, payload)

        world.cloud.answer = answers
        world.cloud_comes()
        await asyncio.sleep(1.0)
        await world.seat.stop((await world.seat.start())["transactionId"], 150)  # the card is known now
        fails[0] = True
        for session in range(5):
            number = (await world.seat.start())["transactionId"]
            await world.seat.meter(number, 200 + session)
            await world.seat.stop(number, 900 + session)
            await asyncio.sleep(600.0)
            if session == 2:
                await world.restart()
                world.cloud_comes()
        await asyncio.sleep(600.0)
        assert (world.offline.report()["deferred"], world.offline.report()["pending"]) == (5, 15)
        assert EntryFile(world.storage).set_aside() == []
        fails[0] = False
        world.cloud.calls.clear()
        await world.drained(900)
        told = [(action, payload.get("transactionId")) for _, action, payload, _ in world.cloud.calls]
        assert [each for each in told if each[0] != "Heartbeat"] == [
            each
            for number in range(2, 7)
            for each in (("StartTransaction", None), ("MeterValues", number), ("StopTransaction", number))
        ]
        assert world.offline.report()["deferred"] == 0

    virtual_time.run(in_world(story, tmp_path))


@pytest.mark.parametrize(("policy", "asked", "barred"), [("stop", 1, True), ("zero", 0, True), ("keep", 0, False)])
def test_fault_12_the_cloud_refuses_the_token_afterwards(tmp_path: Path, policy: str, asked: int, barred: bool) -> None:
    """StopTransactionOnInvalidId: 0 A and a RemoteStop, 0 A alone, or nothing."""

    async def story(world: World) -> None:
        number = (await world.seat.start())["transactionId"]
        world.cloud.answer = lambda station, action, payload: (
            {"transactionId": 5, "idTagInfo": {"status": "Invalid"}}
            if action == "StartTransaction"
            else world.cloud.honest(station, action, payload)
        )
        world.cloud_comes()
        await world.drained(60)
        await asyncio.sleep(2.0)
        assert world.seat.asked.count(("RemoteStopTransaction", {"transactionId": number})) == asked
        (state,) = world.board.snapshot(world.now).evses
        assert state.barred is barred

    offline = f'unknown_tokens = "limit"\nrefused_session = "{policy}"'
    virtual_time.run(in_world(story, tmp_path, offline=offline))


def test_fault_26_preparing_for_ever_after_a_reboot(tmp_path: Path) -> None:
    """A charger that lost its transaction in a reboot: its state counts, and the session is over."""

    async def story(world: World) -> None:
        number = (await world.seat.start())["transactionId"]
        assert world.board.evses[KEY].transaction_id == str(number)
        world.seat.disconnect()
        world.seat.connect()
        await world.seat.result("BootNotification", {"chargePointVendor": "V", "chargePointModel": "M"})
        status = {"connectorId": 1, "status": "Preparing", "errorCode": "NoError", "timestamp": world.seat.stamp()}
        await world.seat.result("StatusNotification", status)
        assert world.board.evses[KEY].transaction_id is None

    virtual_time.run(in_world(story, tmp_path))


def test_fault_26_the_same_for_a_station_that_names_its_transactions(tmp_path: Path) -> None:
    """A 2.x charger that lost its transaction in a reboot: the session is over, and the next one is accounted for."""

    async def story(world: World) -> None:
        seat = world.seat

        async def connector(word: str) -> None:
            status = {"evseId": 1, "connectorId": 1, "connectorStatus": word, "timestamp": seat.stamp()}
            await seat.result("StatusNotification", status)

        await connector("Occupied")
        await seat.event("Started", 0, "tx-1", 100, tag="CARD")
        assert world.board.evses[KEY].transaction_id == "tx-1"
        seat.disconnect()
        seat.connect()
        boot = {"reason": "PowerUp", "chargingStation": {"vendorName": "V", "model": "M"}}
        assert (await seat.result("BootNotification", boot))["status"] == "Accepted"
        await connector("Available")
        assert world.board.evses[KEY].transaction_id is None
        await seat.event("Started", 0, "tx-2", 200, tag="CARD")
        assert world.board.evses[KEY].transaction_id == "tx-2"
        await seat.event("Ended", 1, "tx-2", 300, tag="CARD")
        world.cloud_comes()
        await world.drained(60)
        told = [each["transactionInfo"]["transactionId"] for each in world.cloud.told("TransactionEvent")]
        assert told == ["tx-1", "tx-2", "tx-2"]
        kept = SessionFile(world.storage).sessions()
        assert [(each.transaction, each.end_reason) for each in kept] == [("tx-1", "Lost"), ("tx-2", "Local")]

    virtual_time.run(in_world(story, tmp_path, editions=(Version.V201,)))


def test_fault_49_the_journal_is_damaged(tmp_path: Path) -> None:
    """It is set aside, begins and ends that it has lost are delivered from their copies, and charging goes on."""

    async def story(world: World) -> None:
        for session in range(20):
            number = (await world.seat.start(meter=session))["transactionId"]
            await world.seat.stop(number, session + 1)
            await asyncio.sleep(60.0)
        await world.restart(meanwhile=lambda: spoil(tmp_path / "storage" / "journal.db", 0.5))
        assert (world.offline.report()["healed"], world.pending) == (["journal"], 40)
        number = (await world.seat.start(meter=500))["transactionId"]
        await world.seat.stop(number, 501)
        world.cloud_comes()
        await world.drained(3600)
        assert [stop["meterStop"] for stop in world.cloud.told("StopTransaction")] == [*range(1, 21), 501]

    virtual_time.run(in_world(story, tmp_path))


@pytest.mark.parametrize("told", [True, False])
def test_fault_49_a_session_that_began_without_the_cloud_keeps_its_number(tmp_path: Path, *, told: bool) -> None:
    """The journal's first page is destroyed, before or after the cloud gave its number: the end bears that, and what
    the cloud asks of the session reaches the station under the station's."""

    async def story(world: World) -> None:
        number = (await world.seat.start())["transactionId"]
        assert number >= FIRST_LOCAL
        if told:
            world.cloud_comes()
            await world.drained(60)
            world.cloud_goes()
            await asyncio.sleep(1.0)
        await world.restart(meanwhile=lambda: spoil(tmp_path / "storage" / "journal.db", 0.0))
        assert world.offline.report()["healed"] == ["journal"]
        await world.seat.meter(number, 300)
        await world.seat.stop(number, 500)
        world.cloud_comes()
        await world.drained(60)
        (start,) = world.cloud.told("StartTransaction")
        (stop,) = world.cloud.told("StopTransaction")
        assert (stop["transactionId"], stop["meterStop"]) == (world.cloud.number_of("CP-01", start), 500)
        assert world.cloud.told("MeterValues")[-1]["transactionId"] == stop["transactionId"]

    virtual_time.run(in_world(story, tmp_path))


def test_fault_49_one_message_is_damaged_under_the_running_gateway(tmp_path: Path) -> None:
    """It is left for the next start, which sets the file aside; those behind it go on."""

    async def story(world: World) -> None:
        number = (await world.seat.start())["transactionId"]
        for wh in (200, 300, 400):
            await world.seat.meter(number, wh)
        await world.seat.stop(number, 500)
        other = connect(world.storage / "journal.db")
        other.execute("UPDATE entry SET taken_at = 'rubbish' WHERE text LIKE '%\"300\"%'")
        other.close()
        world.cloud_comes()
        await world.drained(60)
        told = world.cloud.told("StartTransaction", "MeterValues", "StopTransaction")
        assert len(told) == 4
        assert told[-1]["meterStop"] == 500
        assert world.offline.report()["set_aside"] == 1
        await world.restart()
        assert (world.offline.report()["healed"], world.pending) == (["journal"], 0)

    virtual_time.run(in_world(story, tmp_path))


def test_fault_50_the_disk_is_full_for_a_while(tmp_path: Path) -> None:
    """Nothing is answered that isn't kept, so the station keeps it; control goes on; then all is there once."""

    async def story(world: World) -> None:
        PromptWriter.full = True
        try:
            at = world.seat.stamp()
            begun = asyncio.create_task(insist(lambda: world.seat.start(at=at)))
            await asyncio.sleep(100.0)
            assert not begun.done()
            assert world.board.stations["CP-01"].online_since is not None
        finally:
            PromptWriter.full = False
        number = (await begun)["transactionId"]
        await world.seat.stop(number, 600)
        world.cloud_comes()
        await world.drained(60)
        assert len(world.cloud.told("StartTransaction")) == 1
        assert len(world.cloud.told("StopTransaction")) == 1

    virtual_time.run(in_world(story, tmp_path))


def test_fault_51_a_station_that_fills_the_memory(tmp_path: Path) -> None:
    """Caps: its backlog stays within its room, and begin and end of its session are in it."""

    async def story(world: World) -> None:
        number = (await world.seat.start())["transactionId"]
        data = {"vendorId": "V", "data": "x" * 20_000}
        for _ in range(100):
            await world.seat.result("DataTransfer", data)
        await world.seat.stop(number, 600)
        assert world.seat.clerk.desk.book.backlog.characters <= 1_000_000
        world.cloud_comes()
        await world.drained(600)
        assert len(world.cloud.told("StartTransaction")) == len(world.cloud.told("StopTransaction")) == 1

    virtual_time.run(in_world(story, tmp_path, offline='unknown_tokens = "limit"\nstation_backlog_mb = 1'))


def test_fault_58_a_card_is_blocked_while_the_cloud_is_away(tmp_path: Path) -> None:
    """Within a second: the running session gets 0 A and is asked to end, the next one is refused; its class is gone."""

    async def story(world: World) -> None:
        file, hasher = TokenFile(world.storage), TokenHasher(token_key(world.storage))
        own = SiteToken(hash=hasher.hash("BADGE"), hint=hint("BADGE"), class_id="staff")
        file.put([own])
        await asyncio.sleep(1.0)
        number = (await world.seat.start(tag="BADGE"))["transactionId"]
        (state,) = world.board.snapshot(world.now).evses
        assert state.priority is not None
        assert (state.priority.rank, state.barred) == (0, False)
        file.put([replace(own, blocked=True)])
        await asyncio.sleep(1.0)
        (state,) = world.board.snapshot(world.now).evses
        assert state.barred
        assert ("RemoteStopTransaction", {"transactionId": number}) in world.seat.asked
        await world.seat.stop(number, 600)
        assert (await world.seat.start(tag="BADGE"))["idTagInfo"]["status"] == "Blocked"

    virtual_time.run(in_world(story, tmp_path))

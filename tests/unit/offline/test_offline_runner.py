"""The shell around a desk: order, and a disk that refuses for a while."""

import asyncio
import json
from collections.abc import Callable, Coroutine, Sequence
from datetime import UTC
from typing import Any

import pytest
from structlog.testing import capture_logs

from edge.domain.journal import Entry, EntryKind, PutEntry, Write
from edge.errors import StorageFull
from edge.offline.authorise import Policy
from edge.offline.desk import Desk
from edge.offline.edition import Edition
from edge.offline.message import Request
from edge.offline.numbers import Numbers
from edge.offline.pace import Pace
from edge.offline.runner import CHAIN_MOST, Ports, Runner
from edge.offline.settings import OfflineSettings
from edge.offline.station import StationBook
from edge.offline.token_book import TokenBook
from tests import virtual_time
from tests.unit.offline.offline_bench import HASHER, STATION, Disk, token


class Keeper:
    """A disk that is full, or takes as long as it is told to."""

    def __init__(self) -> None:
        self.disk = Disk()
        self.full = False
        self.full_for_samples = False
        self.free = asyncio.Event()  # else it takes as long as it is told to
        self.free.set()
        self.refused = self.kept = 0

    async def keep(self, writes: Sequence[Write]) -> None:
        await self.free.wait()
        samples = [each for each in writes if isinstance(each, PutEntry) and each.entry.kind is EntryKind.METER]
        if self.full or (self.full_for_samples and samples and "SignedData" not in samples[0].entry.text):
            self.refused += 1
            raise StorageFull("the disk is full")
        self.kept += 1
        self.disk.keep(tuple(writes))

    async def fetch(self, seq: int) -> Entry | None:
        await self.free.wait()
        return self.disk.entries.get(seq)


def begin(identifier: str) -> Request:
    """A StartTransaction."""
    payload = {"connectorId": 1, "idTag": "CARD-1", "meterStart": 5, "timestamp": "2026-06-01T12:00:00Z"}
    text = json.dumps([2, identifier, "StartTransaction", payload])
    return Request(id=identifier, action="StartTransaction", payload=payload, text=text)


def event(identifier: str, kind: str, order: int) -> Request:
    """A TransactionEvent of one transaction."""
    payload = {
        "eventType": kind,
        "timestamp": f"2026-06-01T12:00:0{order}Z",
        "triggerReason": "CablePluggedIn",
        "seqNo": order,
        "transactionInfo": {"transactionId": "T-1"},
        "evse": {"id": 1, "connectorId": 1},
    }
    text = json.dumps([2, identifier, "TransactionEvent", payload])
    return Request(id=identifier, action="TransactionEvent", payload=payload, text=text)


def plain(identifier: str, action: str) -> Request:
    """Of no transaction."""
    payload = {"connectorId": 1, "status": "Charging"}
    text = json.dumps([2, identifier, action, payload])
    return Request(id=identifier, action=action, payload=payload, text=text)


def sample(identifier: str, form: str = "Raw") -> Request:
    """MeterValues of nobody's transaction."""
    values = [{"timestamp": "2026-06-01T12:00:00Z", "sampledValue": [{"value": identifier, "format": form}]}]
    payload = {"connectorId": 1, "meterValue": values}
    text = json.dumps([2, identifier, "MeterValues", payload])
    return Request(id=identifier, action="MeterValues", payload=payload, text=text)


class Joined:
    """A desk with its shell, a disk, and what went to its peers."""

    def __init__(self, edition: Edition = Edition.V16) -> None:
        tokens = TokenBook(HASHER, Policy(timezone=UTC))
        tokens.load(own=[token("CARD-1")])
        self.desk = Desk(
            StationBook.opened(
                STATION, edition, tokens=tokens, numbers=Numbers(0, b"s" * 16), settings=OfflineSettings()
            ),
            Pace(0.1),
        )
        self.keeper, self.clock = Keeper(), virtual_time.VirtualClock()
        self.to_station: list[str] = []
        self.to_cloud: list[str] = []
        ports = Ports(
            to_station=self.to_station.append,
            to_cloud=lambda _identifier, text: self.to_cloud.append(text),
            judged=lambda _judged: None,
            end_session=lambda _end: None,
        )
        self.runner = Runner(self.desk, ports, self.keeper, self.clock)

    def say(self, request: Request) -> None:
        self.runner.do(self.desk.from_station(request, self.clock.monotonic(), self.clock.wall()))

    def cloud_comes(self) -> None:
        self.runner.do(self.desk.cloud_connected(self.clock.monotonic()))

    def cloud_answers(self, identifier: str, payload: dict[str, Any]) -> None:
        text, now, wall = json.dumps([3, identifier, payload]), self.clock.monotonic(), self.clock.wall()
        self.runner.do(self.desk.from_cloud(identifier, text, now, wall, answer=payload))

    def tick(self) -> None:
        self.runner.do(self.desk.tick(self.clock.monotonic(), self.clock.wall()))


async def story() -> None:
    site = Joined()
    site.keeper.full = True
    site.say(begin("a"))
    site.say(begin("b"))
    await asyncio.sleep(12.0)
    assert site.keeper.refused == 3
    assert site.to_station == []
    site.keeper.full = False
    await site.runner.settled()
    assert [json.loads(text)[1] for text in site.to_station] == ["a", "b"]
    assert len(site.keeper.disk.entries) == 1
    site.cloud_comes()
    await site.runner.settled()
    assert site.to_cloud == [begin("a").text]


async def slow_disk() -> None:
    site = Joined()
    site.cloud_comes()
    site.keeper.free.clear()
    site.say(begin("a"))
    await asyncio.sleep(20.0)
    site.tick()  # nobody waits for the cloud any more
    site.keeper.free.set()
    await site.runner.settled()
    site.tick()
    await site.runner.settled()
    assert site.to_cloud == [begin("a").text]


def test_what_the_disk_took_too_long_for_reaches_the_cloud_once() -> None:
    """It is sent when that has been enough, and not once more when the disk works again."""
    virtual_time.run(slow_disk())


async def full_disk_and_a_cloud() -> None:
    site = Joined()
    site.cloud_comes()
    site.keeper.full = True
    for identifier, action in (("a", "StartTransaction"), ("b", "Heartbeat"), ("c", "StatusNotification")):
        site.say(begin(identifier) if identifier == "a" else plain(identifier, action))
        await asyncio.sleep(1.0)
        assert json.loads(site.to_cloud[-1])[1] == identifier
        site.cloud_answers(identifier, {"transactionId": 7, "idTagInfo": {"status": "Accepted"}})
        assert json.loads(site.to_station[-1])[1] == identifier
    site.say(begin("again"))  # its answer was lost on the way to the station
    assert json.loads(site.to_station[-1])[1:] == ["again", {"transactionId": 7, "idTagInfo": {"status": "Accepted"}}]
    site.keeper.full = False
    await site.runner.settled()
    assert site.keeper.disk.entries == {}
    assert [each.cloud_id for each in site.keeper.disk.transactions.values()] == [7]
    assert (len(site.to_cloud), len(site.to_station)) == (3, 4)


async def full_disk_and_an_id_of_ours() -> None:
    site = Joined()
    site.cloud_comes()
    site.keeper.full = True
    site.say(begin("a"))
    await asyncio.sleep(1.0)
    site.cloud_answers("a", {"transactionId": 0, "idTagInfo": {"status": "Accepted"}})
    await asyncio.sleep(10.0)
    assert site.to_station == []
    site.keeper.full = False
    await site.runner.settled()
    assert json.loads(site.to_station[0])[2]["transactionId"] > 0


async def full_disk_and_a_cloud_that_comes() -> None:
    site = Joined()
    site.keeper.full = True
    site.say(plain("boot", "BootNotification"))
    site.say(begin("a"))
    await asyncio.sleep(1.0)
    assert [json.loads(text)[1] for text in site.to_station] == ["boot"]
    site.cloud_comes()
    site.cloud_answers("boot", {"status": "Accepted", "interval": 300, "currentTime": "2026-06-01T12:00:00Z"})
    site.tick()
    await asyncio.sleep(1.0)
    assert json.loads(site.to_cloud[-1])[1] == "a"
    site.cloud_answers("a", {"transactionId": 7, "idTagInfo": {"status": "Accepted"}})
    site.say(begin("b"))
    await asyncio.sleep(10.0)
    assert len(site.to_station) == 1
    site.keeper.full = False
    await site.runner.settled()
    assert [json.loads(text)[1] for text in site.to_station] == ["boot", "a", "b"]
    assert (site.keeper.disk.entries, len(site.to_cloud)) == ({}, 2)


async def disk_that_hangs() -> None:
    site = Joined()
    site.say(begin("old"))
    await site.runner.settled()
    site.keeper.free.clear()
    site.cloud_comes()
    site.say(plain("b", "Heartbeat"))
    for _ in range(8):
        await asyncio.sleep(1.0)
        site.tick()
    assert [json.loads(text)[1] for text in site.to_cloud] == ["b"]  # not held up by what can't be read
    site.cloud_answers("b", {"currentTime": "2026-06-01T12:00:00Z"})
    await asyncio.sleep(6.0)
    assert [json.loads(text)[1] for text in site.to_station] == ["old", "b"]
    site.keeper.free.set()
    site.tick()
    await site.runner.settled()
    assert [json.loads(text)[1] for text in site.to_cloud] == ["b", "old"]


async def disk_that_hangs_for_a_begin() -> None:
    site = Joined()
    site.cloud_comes()
    site.keeper.free.clear()
    site.say(begin("a"))
    await asyncio.sleep(4.0)
    assert site.to_cloud == []
    await asyncio.sleep(2.0)
    assert site.to_cloud == [begin("a").text]
    site.cloud_answers("a", {"transactionId": 7, "idTagInfo": {"status": "Accepted"}})
    assert json.loads(site.to_station[0])[2]["transactionId"] == 7
    site.keeper.free.set()
    await site.runner.settled()
    assert site.keeper.disk.entries == {}


async def full_disk_and_what_it_has() -> None:
    site = Joined()
    site.say(sample("a"))
    site.say(sample("b"))
    site.say(begin("c"))
    await site.runner.settled()
    site.keeper.full = True
    site.cloud_comes()
    for identifier in ("a", "b"):
        await asyncio.sleep(1.0)
        site.tick()
        await asyncio.sleep(1.0)
        site.cloud_answers(identifier, {})
    for _ in range(8):
        await asyncio.sleep(1.0)
        site.tick()
    site.say(plain("h", "Heartbeat"))
    await asyncio.sleep(1.0)
    site.tick()
    assert [json.loads(text)[1] for text in site.to_cloud] == ["a", "b", "h"]
    site.cloud_answers("h", {"currentTime": "2026-06-01T12:00:00Z"})
    site.keeper.full = False
    await site.runner.settled()
    site.tick()
    await asyncio.sleep(1.0)
    site.tick()
    await site.runner.settled()
    site.cloud_answers("c", {"transactionId": 7, "idTagInfo": {"status": "Accepted"}})
    await site.runner.settled()
    assert [json.loads(text)[1] for text in site.to_cloud] == ["a", "b", "h", "c"]
    assert site.keeper.disk.entries == {}


async def full_disk_and_what_it_has_of_2x() -> None:
    site = Joined(Edition.V201)
    site.say(event("a", "Started", 0))
    site.say(event("b", "Ended", 1))
    await site.runner.settled()
    site.keeper.full = True
    site.say(plain("s", "StatusNotification"))
    await asyncio.sleep(1.0)
    site.cloud_comes()
    for _ in range(20):
        await asyncio.sleep(1.0)
        site.tick()
        if site.to_cloud:
            site.cloud_answers(json.loads(site.to_cloud[-1])[1], {})
    assert [json.loads(text)[1] for text in site.to_cloud] == ["s", "a", "b"]
    site.keeper.full = False
    await site.runner.settled()
    assert site.keeper.disk.entries == {}


async def full_disk_and_samples() -> None:
    site = Joined()
    site.keeper.full = True
    site.say(begin("a"))
    await asyncio.sleep(1.0)
    for number in range(CHAIN_MOST + 100):
        site.say(sample(f"m{number}"))
    site.say(sample("signed", "SignedData"))
    await asyncio.sleep(1.0)
    answered = [json.loads(text)[1] for text in site.to_station]
    assert (answered[0], answered[-1], len(answered)) == ("m0", f"m{CHAIN_MOST + 99}", CHAIN_MOST + 100)
    site.keeper.full = False
    await site.runner.settled()
    assert [json.loads(text)[1] for text in site.to_station[len(answered) :]] == ["a", "signed"]
    kept = [entry.message_id for entry in site.keeper.disk.entries.values()]
    assert (kept[0], kept[-2:]) == ("a", [f"m{CHAIN_MOST + 99}", "signed"])
    assert len(kept) <= CHAIN_MOST


async def room_for_begins_alone() -> None:
    site = Joined()
    site.keeper.full_for_samples = True
    site.say(sample("m0"))
    site.say(sample("m1"))
    await asyncio.sleep(12.0)
    assert site.keeper.refused == 3  # nobody waits behind them
    site.say(sample("m2"))
    site.say(begin("a"))
    site.say(sample("m3"))
    site.say(sample("signed", "SignedData"))
    await asyncio.sleep(6.0)
    assert [json.loads(text)[1] for text in site.to_station] == ["m0", "m1", "m2", "m3", "a", "signed"]
    assert [entry.message_id for entry in site.keeper.disk.entries.values()] == ["a", "signed"]
    site.keeper.full_for_samples = False
    site.say(sample("m4"))
    await site.runner.settled()
    assert [entry.message_id for entry in site.keeper.disk.entries.values()] == ["a", "signed", "m4"]


async def full_disk_for_days() -> None:
    site = Joined()
    site.cloud_comes()
    site.keeper.full = True
    site.say(begin("a"))
    await asyncio.sleep(1.0)
    site.cloud_answers("a", {"transactionId": 7, "idTagInfo": {"status": "Accepted"}})
    for number in range(CHAIN_MOST + 100):
        boot = f"boot-{number}"
        site.say(plain(boot, "BootNotification"))
        site.cloud_answers(boot, {"status": "Accepted", "interval": 300, "currentTime": "2026-06-01T12:00:00Z"})
    site.keeper.full, before = False, site.keeper.kept
    await site.runner.settled()
    assert site.keeper.kept - before <= CHAIN_MOST
    assert site.keeper.disk.entries == {}
    assert [each.cloud_id for each in site.keeper.disk.transactions.values()] == [7]


@pytest.mark.parametrize(
    "tale",
    [
        full_disk_and_a_cloud,
        full_disk_and_an_id_of_ours,
        full_disk_and_a_cloud_that_comes,
        disk_that_hangs,
        disk_that_hangs_for_a_begin,
        full_disk_and_samples,
        full_disk_and_what_it_has,
        full_disk_and_what_it_has_of_2x,
        full_disk_for_days,
        room_for_begins_alone,
    ],
)
def test_a_cloud_that_is_there_answers_whatever_the_disk_does(tale: Callable[[], Coroutine[None, None, None]]) -> None:
    """Nothing of it rests on us: but where the station would be given an id that only we know, it waits. What came
    without the cloud reaches it from memory, and isn't answered before it is kept, but for samples
    that nobody bills by. And memory is bounded.
    """
    virtual_time.run(tale())


def test_who_cant_be_kept_isnt_answered_until_he_can() -> None:
    """A full disk: no answer, tried again in order, and then both get theirs, for one message in the journal."""
    virtual_time.run(story())


def test_what_is_told_of_a_message_names_its_station() -> None:
    """Whoever reads the log of a site of fifty looks for the one."""

    async def story() -> None:
        site = Joined(Edition.V201)
        with capture_logs() as logs:
            site.say(event("a", "Started", 0))
            site.say(event("b", "Updated", 5))
            await site.runner.settled()
        told = [line["station"] for line in logs if line["event"] == "sequence numbers are missing"]
        assert told == [STATION]

    virtual_time.run(story())

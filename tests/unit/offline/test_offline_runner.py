"""The shell around a desk: order, and a disk that refuses for a while."""

import asyncio
import json
from collections.abc import Sequence
from datetime import UTC

from edge.domain.journal import Entry, Write
from edge.errors import StorageFull
from edge.offline.authorise import Policy
from edge.offline.desk import Desk
from edge.offline.edition import Edition
from edge.offline.message import Request
from edge.offline.numbers import Numbers
from edge.offline.pace import Pace
from edge.offline.runner import Ports, Runner
from edge.offline.settings import OfflineSettings
from edge.offline.station import StationBook
from edge.offline.token_book import TokenBook
from tests import virtual_time
from tests.unit.offline.offline_bench import HASHER, STATION, Disk, token


class Keeper:
    """A disk that is full for as long as it is told to be."""

    def __init__(self) -> None:
        self.disk = Disk()
        self.full = False
        self.refused = 0

    async def keep(self, writes: Sequence[Write]) -> None:
        if self.full:
            self.refused += 1
            raise StorageFull("the disk is full")
        self.disk.keep(tuple(writes))

    async def fetch(self, seq: int) -> Entry | None:
        if self.full:
            raise StorageFull("the disk is full")
        return self.disk.entries.get(seq)


def begin(identifier: str) -> Request:
    """A StartTransaction."""
    payload = {"connectorId": 1, "idTag": "CARD-1", "meterStart": 5, "timestamp": "2026-06-01T12:00:00Z"}
    text = json.dumps([2, identifier, "StartTransaction", payload])
    return Request(id=identifier, action="StartTransaction", payload=payload, text=text)


class Joined:
    """A desk with its shell, a disk, and what went to its peers."""

    def __init__(self) -> None:
        tokens = TokenBook(HASHER, Policy(timezone=UTC))
        tokens.load(own=[token("CARD-1")])
        self.desk = Desk(
            StationBook.opened(
                STATION, Edition.V16, tokens=tokens, numbers=Numbers(0, b"s" * 16), settings=OfflineSettings()
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
    site.keeper.full = True
    site.say(begin("a"))
    await asyncio.sleep(20.0)
    site.tick()  # nobody waits for the cloud any more
    site.keeper.full = False
    await site.runner.settled()
    site.tick()
    await site.runner.settled()
    assert site.to_cloud == [begin("a").text]


def test_what_the_disk_took_too_long_for_reaches_the_cloud_once() -> None:
    """It is given up before it was sent: then it comes out of the journal, and not off the line as well."""
    virtual_time.run(slow_disk())


def test_who_cant_be_kept_isnt_answered_until_he_can() -> None:
    """A full disk: no answer, tried again in order, and then both get theirs, for one message in the journal."""
    virtual_time.run(story())

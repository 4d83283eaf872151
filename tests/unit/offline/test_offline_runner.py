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


async def story() -> None:
    tokens = TokenBook(HASHER, Policy(timezone=UTC))
    tokens.load(own=[token("CARD-1")])
    desk = Desk(
        STATION,
        Edition.V16,
        tokens=tokens,
        numbers=Numbers(0, b"s" * 16),
        pace=Pace(0.1),
        settings=OfflineSettings(),
    )
    keeper, clock = Keeper(), virtual_time.VirtualClock()
    to_station: list[str] = []
    to_cloud: list[str] = []
    ports = Ports(
        to_station=to_station.append,
        to_cloud=lambda _identifier, text: to_cloud.append(text),
        judged=lambda _judged: None,
        end_session=lambda _end: None,
    )
    runner = Runner(desk, ports, keeper, clock)
    keeper.full = True
    runner.do(desk.from_station(begin("a"), clock.monotonic(), clock.wall()))
    runner.do(desk.from_station(begin("b"), clock.monotonic(), clock.wall()))
    await asyncio.sleep(12.0)
    assert keeper.refused == 3
    assert to_station == []
    keeper.full = False
    await runner.settled()
    assert [json.loads(text)[1] for text in to_station] == ["a", "b"]
    assert len(keeper.disk.entries) == 1
    runner.do(desk.cloud_connected(clock.monotonic()))
    await runner.settled()
    assert to_cloud == [begin("a").text]


def test_who_cant_be_kept_isnt_answered_until_he_can() -> None:
    """A full disk: no answer, tried again in order, and then both get theirs, for one message in the journal."""
    virtual_time.run(story())

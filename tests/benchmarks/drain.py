"""How fast what was kept goes to a cloud that answers at once, without a pace: desks, journal and fsyncs are real."""

import asyncio
import time
from collections.abc import Callable
from datetime import UTC
from pathlib import Path

import orjson

from edge.clock import SystemClock
from edge.offline.authorise import Policy, UnknownTokens
from edge.offline.clerk import Clerk
from edge.offline.desk import Desk
from edge.offline.edition import Edition
from edge.offline.hashing import TokenHasher
from edge.offline.numbers import Numbers
from edge.offline.pace import Pace
from edge.offline.settings import OfflineSettings
from edge.offline.station import StationBook
from edge.offline.token_book import TokenBook
from edge.storage.store import Store
from edge.storage.writer import Writer
from tests.benchmarks.figure import Figure

STATIONS = 50
EVENTS = 40  # of each station


class Line:
    """A station that hears, and a cloud that answers at once."""

    def __init__(self, clerk: Clerk) -> None:
        self._clerk = clerk
        self.answered = 0
        self.delivered = 0
        clerk.attach(self)

    def to_station(self, text: str) -> None:
        """Its answer."""
        del text
        self.answered += 1

    def to_cloud(self, identifier: str, text: str) -> None:
        """A message of the journal."""
        del text
        self.delivered += 1
        answer = orjson.dumps([3, identifier, {}]).decode()
        asyncio.get_running_loop().call_soon(lambda: self._clerk.cloud_answers(identifier, answer, payload={}))

    def end_session(self, transaction: str) -> None:
        """Nobody is ended."""

    def time_said(self) -> None:
        """Nobody says it."""


def figures(folder: Path) -> list[Figure]:
    """In ``folder``."""
    return asyncio.run(_figures(folder))


async def _figures(folder: Path) -> list[Figure]:
    store = Store(folder, reserve_bytes=1)
    store.open()
    writer = Writer(store)
    writer.start()
    tokens = TokenBook(TokenHasher(b"k" * 32), Policy(timezone=UTC, unknown=UnknownTokens.LIMIT))
    numbers, pace = Numbers(0, b"s" * 16), Pace(0.0)
    clerks = [_clerk(f"CP-{number}", writer, tokens, numbers, pace) for number in range(STATIONS)]
    lines = [Line(clerk) for clerk in clerks]
    begun = time.perf_counter()
    for clerk in clerks:
        clerk.station_connected("ocpp2.0.1")
        for order in range(EVENTS):
            _event(clerk, order)
    await _until(lambda: all(line.answered == EVENTS for line in lines))
    took_in_s = time.perf_counter() - begun
    begun = time.perf_counter()
    for clerk in clerks:
        clerk.cloud_connected()
    await _until(lambda: all(len(clerk.desk.book.backlog) == 0 for clerk in clerks))
    drained_s = time.perf_counter() - begun
    for clerk in clerks:
        await clerk.runner.settled()
    writer.stop()
    store.close()
    messages = STATIONS * EVENTS
    return [
        Figure(what=f"desks, {STATIONS} stations at once", value=f"{messages / took_in_s:,.0f} answers/s"),
        Figure(what="drain without a pace", value=f"{messages / drained_s:,.0f} messages/s"),
    ]


def _clerk(station: str, writer: Writer, tokens: TokenBook, numbers: Numbers, pace: Pace) -> Clerk:
    settings = OfflineSettings(drain_interval_s=0.0)
    book = StationBook.opened(station, Edition.V201, tokens=tokens, numbers=numbers, settings=settings)
    desk = Desk(book, pace)
    return Clerk(desk, writer, SystemClock(), lambda _step: None)


def _event(clerk: Clerk, order: int) -> None:
    kind = {0: "Started", EVENTS - 1: "Ended"}.get(order, "Updated")
    value = {"timestamp": f"2026-06-01T12:{order:02}:00Z", "sampledValue": [{"value": 100 * order}]}
    payload = {
        "eventType": kind,
        "timestamp": f"2026-06-01T12:{order:02}:00Z",
        "triggerReason": "MeterValuePeriodic",
        "seqNo": order,
        "transactionInfo": {"transactionId": clerk.desk.book.id},
        "evse": {"id": 1},
        "meterValue": [value],
    }
    text = orjson.dumps([2, f"m{order}", "TransactionEvent", payload]).decode()
    clerk.station_calls(f"m{order}", "TransactionEvent", payload, text, signed=False)


async def _until(condition: Callable[[], bool]) -> None:
    while not condition():  # noqa: ASYNC110 - a poll of a millisecond is in the noise
        await asyncio.sleep(0.001)

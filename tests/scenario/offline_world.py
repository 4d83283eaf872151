"""A site whose cloud is away, in virtual time.

Relays, desks, journal and board are the real ones, joined as the program joins them; sockets are calls that take a
moment, and the disk's thread works at once.
"""

import asyncio
import contextlib
import itertools
import json
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from edge.cli import findings
from edge.control.board import Board
from edge.domain.journal import Entry, Write
from edge.errors import StorageFull
from edge.ocpp.actions import CloseStation, HandOver, KeepBack, Note, Report, ToCloud, ToStation
from edge.ocpp.presence import RelayState
from edge.ocpp.relay import Relay
from edge.ocpp.settings import CloudLoss
from edge.ocpp.stand_in_line import StandInLine
from edge.ocpp.versions import Version
from edge.offline_set_up import Offline
from edge.storage.history import HistoryRow
from edge.storage.reading import entry
from edge.storage.store import Store
from edge.storage.writer import Writer
from tests.virtual_time import VirtualClock

T = TypeVar("T")
HOP_S = 0.01  # from socket to socket
CLOUD_S = 0.05  # what the cloud takes to answer
SITE = """
[site]
id = "world"
[[circuit]]
id = "main"
fuse_a = 400
background_reserve_a = 0
[[class]]
id = "staff"
rank = 0
[[class]]
id = "visitor"
rank = 1
[ocpp]
upstream = "ws://127.0.0.1:1/{{station}}"
[offline]
{offline}
[storage]
path = "{storage}"
"""
STATION = """
[[station]]
id = "{id}"
circuit = "main"
[[station.evse]]
id = 1
max_a = 16
fallback_a = 6
"""


class PromptWriter(Writer):
    """The disk, without its thread. ``full``: it takes nothing."""

    full = False

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self.store = store
        # What a power cut leaves is the storage's own tests' business; here days pass in seconds.
        for name in ("journal", "registry"):
            store.connection(name).execute("PRAGMA synchronous=OFF")

    def start(self) -> None:
        """Nothing to start."""

    async def ended(self) -> None:
        """Nothing to stop."""

    async def keep(self, writes: Sequence[Write]) -> None:
        """At once, or not at all."""
        await asyncio.sleep(0.002)
        if PromptWriter.full:
            raise StorageFull("the disk is full")
        (problem,) = self.store.commit([writes])
        if problem is not None:
            raise problem

    async def fetch(self, seq: int) -> Entry | None:
        """At once."""
        return entry(self.store, seq)

    async def ask(self, question: Callable[[Store], T]) -> T:
        """At once."""
        return question(self.store)

    def remember(self, row: HistoryRow) -> None:
        """At once."""
        self.store.add_history([row])


class Cloud:
    """Books what it is told. ``answer`` may be exchanged; what it returns may be ``{"refused": code}`` or None."""

    def __init__(self, world: "World") -> None:
        self._world = world
        self.calls: list[tuple[str, str, dict[str, Any], float]] = []
        self.answer: Callable[[str, str, dict[str, Any]], dict[str, Any] | None] = self.honest
        self.answer_s = CLOUD_S
        self.there = False
        self._begun: dict[str, int] = {}

    def honest(self, station: str, action: str, payload: dict[str, Any]) -> dict[str, Any]:
        """Accepts everybody, and knows a Start that it has had."""
        accepted = {"status": "Accepted"}
        match action:
            case "BootNotification":
                return accepted | {"currentTime": "2026-11-21T07:00:00Z", "interval": 300}
            case "StartTransaction":
                content = json.dumps([station, payload])
                number = self._begun.setdefault(content, len(self._begun) + 1)
                return {"transactionId": number, "idTagInfo": accepted}
            case "Authorize":
                return {"idTagInfo": accepted}
            case _:
                return {}

    def number_of(self, station: str, payload: dict[str, Any]) -> int:
        """The transaction that began with this message."""
        return self._begun[json.dumps([station, payload])]

    def told(self, *actions: str, station: str | None = None) -> list[dict[str, Any]]:
        """The payloads of these actions, in order."""
        return [
            payload
            for name, action, payload, _ in self.calls
            if action in actions and (station is None or name == station)
        ]

    def hears(self, seat: "Seat", text: str) -> None:
        """A frame of a station's."""
        frame = json.loads(text)
        if frame[0] != 2:
            return
        self.calls.append((seat.id, frame[2], frame[3], self._world.now))
        answer = self.answer(seat.id, frame[2], frame[3])
        if answer is None:
            return
        code = answer.get("refused")
        reply = [4, frame[1], code, "", {}] if code else [3, frame[1], answer]
        epoch = seat.cloud_epoch
        self._world.after(self.answer_s, lambda: seat.cloud_says(json.dumps(reply), epoch))


class Seat:
    """One station's place: its relay, its desk's line, and the station itself."""

    def __init__(self, world: "World", name: str, edition: Version) -> None:
        self.id = name
        self.world = world
        self.edition = edition
        self.asked: list[tuple[str, dict[str, Any]]] = []  # of the station
        self.cloud_epoch = 0
        self.connected = False
        self._waits: dict[str, asyncio.Future[list[Any]]] = {}
        self._ids = itertools.count(1)
        self.sit_down()

    def sit_down(self) -> None:
        """A new gateway."""
        clerk = self.world.offline.clerk(self.id)
        assert clerk is not None
        self.relay = Relay(
            station=self.world.board.site.station_by_id[self.id],
            nominal_voltage_v=230.0,
            mode=self.world.board.site.control.mode,
            cloud_loss=CloudLoss.AUTONOMOUS,
            nonce="0123456789ab",
            stand_in=clerk,
        )
        self.clerk = clerk
        self.line = StandInLine(clerk, self.relay, self.world.clock, self.perform)

    def perform(self, actions: Any) -> None:
        """As the shell does it."""
        for action in actions:
            match action:
                case ToStation():
                    self.world.after(HOP_S, partial(self._station_hears, action.text))
                case ToCloud():
                    if self.relay.state is RelayState.RELAYING:
                        self.world.after(HOP_S, partial(self.world.cloud.hears, self, action.text))
                case Report():
                    self.world.board.take(action.fact)
                case HandOver():
                    self.line.hand_over(action.frame)
                case KeepBack():
                    self.line.reads(action.call)
                case CloseStation():
                    self.disconnect()
                case Note():
                    self.world.notes.append((action.event, dict(action.fields)))

    def connect(self) -> None:
        """The station comes; its cloud connection follows when there is a cloud."""
        self.connected = True
        self.perform(self.relay.station_connected(self.world.now, self.edition))
        self.clerk.station_connected(self.edition)
        self.dial()

    def disconnect(self) -> None:
        """The station goes."""
        if self.connected:
            self.connected = False
            self.cloud_epoch += 1
            self.perform(self.relay.station_gone(self.world.now))
            self.clerk.station_gone()
            for waits in self._waits.values():
                waits.cancel()
            self._waits.clear()

    def dial(self) -> None:
        """Its upstream connection, if it can be had."""
        if self.connected and self.world.cloud.there and self.relay.state is RelayState.CLOUD_AWAY:
            self.perform(self.relay.cloud_connected(self.world.now))
            self.clerk.cloud_connected()

    def hang_up(self) -> None:
        """The cloud is gone."""
        if self.connected and self.relay.state is RelayState.RELAYING:
            self.cloud_epoch += 1
            self.perform(self.relay.cloud_disconnected(self.world.now))
            self.clerk.cloud_lost()

    def tick(self) -> None:
        """Time passes."""
        if self.connected:
            self.perform(self.relay.tick(self.world.now, self.world.clock.wall()))
            self.clerk.tick()

    def cloud_says(self, text: str, epoch: int) -> None:
        """A frame of the cloud, unless its connection is gone."""
        if epoch == self.cloud_epoch and self.relay.state is RelayState.RELAYING:
            self.perform(self.relay.receive_from_cloud(text, self.world.now, self.world.clock.wall()))

    async def ask(self, action: str, payload: dict[str, Any]) -> list[Any]:
        """The station makes a CALL; the answer's frame. Cancelled when the station goes."""
        identifier = f"{self.id}-{next(self._ids)}"
        waits = self._waits[identifier] = asyncio.get_running_loop().create_future()
        text = json.dumps([2, identifier, action, payload])
        self.perform(self.relay.receive_from_station(text, self.world.now, self.world.clock.wall()))
        answer: list[Any] = await waits
        return answer

    async def result(self, action: str, payload: dict[str, Any]) -> dict[str, Any]:
        """The payload of the answer, which must be no error."""
        frame = await self.ask(action, payload)
        assert frame[0] == 3, frame
        found: dict[str, Any] = frame[2]
        return found

    def stamp(self) -> str:
        """Now, by the station's clock."""
        return self.world.clock.wall().isoformat(timespec="milliseconds").replace("+00:00", "Z")

    async def start(self, meter: int = 100, tag: str = "CARD", at: str | None = None) -> dict[str, Any]:
        """StartTransaction (1.6)."""
        payload = {"connectorId": 1, "idTag": tag, "meterStart": meter, "timestamp": at or self.stamp()}
        return await self.result("StartTransaction", payload)

    async def stop(self, number: int, meter: int, at: str | None = None) -> dict[str, Any]:
        """StopTransaction (1.6)."""
        payload = {"transactionId": number, "meterStop": meter, "timestamp": at or self.stamp()}
        return await self.result("StopTransaction", payload)

    async def meter(self, number: int, wh: int) -> dict[str, Any]:
        """MeterValues (1.6)."""
        value = {"timestamp": self.stamp(), "sampledValue": [{"value": str(wh)}]}
        return await self.result("MeterValues", {"connectorId": 1, "transactionId": number, "meterValue": [value]})

    async def event(self, kind: str, order: int, name: str, wh: int, tag: str | None = None) -> dict[str, Any]:
        """TransactionEvent (2.x)."""
        at = self.stamp()
        payload: dict[str, Any] = {
            "eventType": kind,
            "timestamp": at,
            "triggerReason": "Authorized",
            "seqNo": order,
            "transactionInfo": {"transactionId": name},
            "evse": {"id": 1},
            "meterValue": [{"timestamp": at, "sampledValue": [{"value": wh}]}],
        }
        if tag is not None:
            payload["idToken"] = {"idToken": tag, "type": "ISO14443"}
        return await self.result("TransactionEvent", payload)

    def _station_hears(self, text: str) -> None:
        frame = json.loads(text)
        if not self.connected:
            return
        if frame[0] == 2:
            self.asked.append((frame[2], frame[3]))
            answer = json.dumps([3, frame[1], {"status": "Accepted"}])
            self.world.after(HOP_S, lambda: self._answer(answer))
        else:
            waits = self._waits.pop(frame[1], None)
            if waits is not None and not waits.done():
                waits.set_result(frame)

    def _answer(self, text: str) -> None:
        if self.connected:
            self.perform(self.relay.receive_from_station(text, self.world.now, self.world.clock.wall()))


class World:
    """The site. The cloud is away at first, the stations are there. ``tick_s``: how often time is told to pass."""

    def __init__(
        self,
        folder: Path,
        *names: str,
        offline: str = "",
        editions: Sequence[Version] = (Version.V16,),
        tick_s: float = 0.5,
    ) -> None:
        self.tick_s = tick_s
        self.clock = VirtualClock()
        self.storage = folder / "storage"
        self._file = folder / "site.toml"
        self._file.write_text(
            SITE.format(offline=offline or 'unknown_tokens = "limit"', storage=self.storage)
            + "".join(STATION.format(id=name) for name in names)
        )
        self.notes: list[tuple[str, dict[str, Any]]] = []
        self.cloud = Cloud(self)
        self._tasks: list[asyncio.Task[None]] = []
        self._build()
        self.seats = {
            name: Seat(self, name, edition) for name, edition in zip(names, itertools.cycle(editions), strict=False)
        }

    @property
    def now(self) -> float:
        """Monotonic."""
        return self.clock.monotonic()

    @property
    def seat(self) -> Seat:
        """The first station's."""
        return next(iter(self.seats.values()))

    def _build(self) -> None:
        configuration = findings.read(self._file)
        self.board = Board(configuration.site, started_at=self.now)
        self.offline = Offline(
            configuration, clock=self.clock, sink=self.board, writer=PromptWriter, watch_s=self.tick_s * 0.8
        )

    def after(self, seconds: float, do: Callable[[], None]) -> None:
        """Later."""
        asyncio.get_running_loop().call_later(seconds, do)

    async def open(self) -> None:
        """Start."""
        await self.offline.start()
        for seat in self.seats.values():
            seat.connect()
        self._tasks.append(asyncio.create_task(self._ticking()))

    async def close(self) -> None:
        """End."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._leave()

    async def restart(self, meanwhile: Callable[[], None] = lambda: None) -> None:
        """The gateway is gone with all that isn't on the disk, and comes again. The stations reconnect."""
        for seat in self.seats.values():
            seat.disconnect()
        await self._leave()
        meanwhile()
        self._build()
        for seat in self.seats.values():
            seat.sit_down()
        await self.offline.start()
        for seat in self.seats.values():
            seat.connect()

    async def _leave(self) -> None:
        for seat in self.seats.values():
            for task in asyncio.all_tasks():
                if task.get_name() == f"journal of {seat.id}":
                    task.cancel()
        await self.offline.stop()

    def cloud_comes(self) -> None:
        """For all."""
        self.cloud.there = True
        for seat in self.seats.values():
            seat.dial()

    def cloud_goes(self) -> None:
        """For all."""
        self.cloud.there = False
        for seat in self.seats.values():
            seat.hang_up()

    @property
    def pending(self) -> int:
        """Messages that the cloud hasn't had."""
        return sum(len(seat.clerk.desk.book.backlog) for seat in self.seats.values())

    async def drained(self, within_s: float) -> float:
        """Wait until the cloud has had everything; how long that took."""
        begun = self.now
        async with asyncio.timeout(within_s):
            while self.pending:  # noqa: ASYNC110 - virtual time passes by sleeping
                await asyncio.sleep(0.1)
        return self.now - begun

    async def _ticking(self) -> None:
        while True:
            await asyncio.sleep(self.tick_s)
            for seat in self.seats.values():
                seat.tick()


async def insist(what: Callable[[], Awaitable[T]]) -> T:
    """As stations do: again and again until there is an answer."""
    while True:
        with contextlib.suppress(TimeoutError, asyncio.CancelledError):
            async with asyncio.timeout(30.0):
                return await what()
        await asyncio.sleep(5.0)


def in_world(
    story: Callable[[World], Coroutine[Any, Any, None]], folder: Path, *names: str, **options: Any
) -> Coroutine[Any, Any, None]:
    """A story in a world of its own, for :func:`tests.virtual_time.run`."""

    async def whole() -> None:
        world = World(folder, *(names or ("CP-01",)), **options)
        await world.open()
        try:
            await story(world)
        finally:
            await world.close()

    return whole()

"""The connections of stations that nobody has configured: served while they wait, made to show themselves."""

import asyncio
from datetime import datetime

from structlog.typing import FilteringBoundLogger
from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed

from edge.chance import Chance
from edge.clock import EARLIEST_PLAUSIBLE, Clock
from edge.errors import FrameError
from edge.ocpp import wire
from edge.ocpp.hearsay import Hearsay
from edge.ocpp.number_ids import NumberIds
from edge.ocpp.pace import Pace
from edge.ocpp.showing import Showing, Shown
from edge.ocpp.sockets import closing_reason, peer_address
from edge.ocpp.trace import Trace, Way
from edge.ocpp.turned_away import ComingsTold
from edge.ocpp.unreadable import CLOSE_POLICY, Unreadable
from edge.ocpp.versions import Version
from edge.ocpp.waiting import WaitingRoom, WaitingStation
from edge.units import Seconds

IDENTIFY_S: Seconds = 15.0  # eight CALLs over a slow mobile link


class Lobby:
    """Where they are kept. ``connections`` are those that stand now. ``hearsay``: what others say the time is."""

    def __init__(self, clock: Clock, chance: Chance, hearsay: Hearsay) -> None:
        self.connections: set[ServerConnection] = set()
        self._clock = clock
        self._chance = chance
        self._hearsay = hearsay
        self._room = WaitingRoom()
        self._comings = ComingsTold()
        self._by_name: dict[str, tuple[ServerConnection, Version]] = {}
        self._traces: dict[str, Trace] = {}  # of those that the room lists, or that are connected

    @property
    def stations(self) -> tuple[WaitingStation, ...]:
        """The unknown stations that have connected, the longest unseen first."""
        return self._room.stations

    def trace(self, identity: str) -> Trace | None:
        """The last frames of an unknown station that has connected; None of one that hasn't."""
        return self._traces.get(identity)

    async def identify(self, identity: str) -> Shown | str:
        """Let a station show itself; how it did, or a sentence why it doesn't."""
        held = self._by_name.get(identity)
        if held is None:
            return "it isn't connected and waiting; see edge station list for those that are"
        connection, version = held
        shown: asyncio.Future[Shown | str] = asyncio.get_running_loop().create_future()

        def done(how: Shown | str) -> None:
            if not shown.done():
                shown.set_result(how)

        first = self._room.show(identity, Showing(version, done, self._chance))
        try:
            if first is not None:
                await self._send(connection, identity, first)
            async with asyncio.timeout(IDENTIFY_S):
                return await shown
        except TimeoutError:
            return f"it doesn't answer within {IDENTIFY_S:g} s"
        except ConnectionClosed:
            return "it has left"

    async def keep(
        self, connection: ServerConnection, identity: str, version: Version, log: FilteringBoundLogger
    ) -> None:
        """Answer an unknown station until it leaves."""
        address, held = peer_address(connection), self._by_name.get(identity)
        others = peer_address(held[0]) if held is not None else address
        also_at = others if others != address else None  # from the same address, it is the same that comes anew
        self._room.arrive(identity, address, self._clock.wall(), version, also_at=also_at)
        self.connections.add(connection)
        self._by_name[identity] = (connection, version)
        now = self._clock.monotonic()
        is_told = self._comings.tells(identity, now)
        if is_told:
            log.warning("unknown station connected and waits to be adopted")
        if is_told and self._comings.is_over(identity, now):
            log.warning("further comings of it aren't told of here for an hour; edge station list has those that wait")
        trace = self._traces.setdefault(identity, Trace())
        for gone in self._traces.keys() - self._by_name.keys() - {each.identity for each in self._room.stations}:
            del self._traces[gone]
        unreadable, told = 0, False
        pace, ids = Pace(), NumberIds()
        try:
            while unreadable < Unreadable.MOST:
                text = await connection.recv()
                pause_s = pace.frame(self._clock.monotonic())
                if pause_s > 0 and not told:
                    log.warning("station sends too fast and is read more slowly")
                    told = True
                await asyncio.sleep(pause_s)  # even if it is 0: others have their turn
                trace.add(Way.FROM_STATION, text, self._clock.monotonic())
                try:
                    reply = self._room.reply(identity, text, self._time(), version, ids)
                except FrameError as error:
                    unreadable += 1
                    reply = wire.complaint(error, version)
                if reply is not None:
                    await self._send(connection, identity, reply)
            await connection.close(CLOSE_POLICY, "too many unreadable messages")
        except ConnectionClosed as closed:
            if is_told:
                log.info("unknown station left", why=closing_reason(closed))
        finally:
            self.connections.discard(connection)
            if self._by_name.get(identity, (None, None))[0] is connection:
                del self._by_name[identity]
                self._room.leave(identity)

    def _time(self) -> datetime:
        """What they are told: not our own clock's while that isn't set."""
        if self._clock.wall_is_trusted():
            return self._clock.wall()
        return max(self._hearsay.time(self._clock.monotonic()) or EARLIEST_PLAUSIBLE, EARLIEST_PLAUSIBLE)

    async def _send(self, connection: ServerConnection, identity: str, text: str) -> None:
        self._traces[identity].add(Way.TO_STATION, text, self._clock.monotonic())
        await connection.send(text)

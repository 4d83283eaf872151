"""The door: decides on each opening handshake before it is answered, and says in the log whom it sent away and why."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Any
from weakref import WeakKeyDictionary, WeakSet

from structlog.typing import FilteringBoundLogger
from websockets.asyncio.server import ServerConnection
from websockets.http11 import Request, Response

from edge.clock import Clock
from edge.ocpp import handshake
from edge.ocpp.settings import CloudLoss, OcppSettings, UnknownStations
from edge.ocpp.sockets import peer_address
from edge.ocpp.station_link import StationLink
from edge.ocpp.timings import LinkTimings
from edge.ocpp.upstream import Jitter, Upstream, address
from edge.ocpp.v16 import SUBPROTOCOL
from edge.ocpp.waiting import MAX_CONNECTED


@dataclass(frozen=True, slots=True, kw_only=True)
class Admission:
    """What the handshake has found, for the handler that runs after it."""

    identity: str
    offer: handshake.Offer
    replaces: ServerConnection | None = None  # the station's old connection, which may end
    upstream: Upstream | None = None  # None for a station that isn't ours, or that speaks another protocol


class Door:
    """Admits stations. ``waiting`` holds the connections of unknown stations."""

    def __init__(
        self,
        *,
        links: Mapping[str, StationLink],
        waiting: set[ServerConnection],
        settings: OcppSettings,
        clock: Clock,
        timings: LinkTimings,
        jitter: Jitter,
        log: FilteringBoundLogger,
    ) -> None:
        self._links = links
        self._waiting = waiting
        self._settings = settings
        self._clock = clock
        self._timings = timings
        self._jitter = jitter
        self._log = log
        self._admissions: WeakKeyDictionary[ServerConnection, Admission] = WeakKeyDictionary()
        self._refused: WeakSet[ServerConnection] = WeakSet()
        self._reapers: set[asyncio.Task[None]] = set()

    def admission(self, connection: ServerConnection) -> Admission:
        """What was decided for this connection; to be asked once."""
        return self._admissions.pop(connection)

    async def admit(self, connection: ServerConnection, request: Request) -> Response | None:
        """Decide on a handshake; None lets it pass."""
        if not handshake.wants_upgrade(request.headers):
            return None  # the library answers 426, and no station is disturbed
        identity = handshake.identity_of(request.path)
        if identity is None:
            return self._refuse(connection, HTTPStatus.NOT_FOUND, "no station identity in the path", path=request.path)
        known = identity in self._links
        if not known and self._settings.unknown_stations is UnknownStations.REFUSE:
            return self._refuse(connection, HTTPStatus.NOT_FOUND, "unknown station", station=identity)
        if not known and len(self._waiting) >= MAX_CONNECTED:
            why = "too many unknown stations are connected"
            return self._refuse(connection, HTTPStatus.SERVICE_UNAVAILABLE, why, station=identity)
        if handshake.tolerate(request.headers):
            self._log.info("station's handshake lacks Connection: Upgrade; served all the same", station=identity)
        admission = Admission(identity=identity, offer=handshake.offer_in(request.headers))
        self._admissions[connection] = admission
        if known and admission.offer.fits:
            return await self._admit_known(connection, request, admission)
        return None

    def note_refusal(self, connection: ServerConnection, request: Request, response: Response) -> None:
        """Log a handshake that the library itself has refused."""
        if response.status_code != HTTPStatus.SWITCHING_PROTOCOLS and connection not in self._refused:
            why = str(connection.protocol.handshake_exc)
            self._log.warning("refused a connection", why=why, address=peer_address(connection), path=request.path)

    async def _admit_known(
        self, connection: ServerConnection, request: Request, admission: Admission
    ) -> Response | None:
        identity = admission.identity
        old = self._links[identity].connection
        if old is not None and not await self._gives_way(old, connection, identity):
            return self._refuse(connection, HTTPStatus.CONFLICT, "this station is connected already", station=identity)
        upstream = self._upstream(identity, request)
        if self._settings.mode is CloudLoss.TRANSPARENT:
            problem = await upstream.open()
            if problem is not None:
                why = f"its cloud is away: {problem}"
                return self._refuse(connection, HTTPStatus.SERVICE_UNAVAILABLE, why, station=identity)
            reaper = asyncio.create_task(_reap(connection, upstream))
            self._reapers.add(reaper)
            reaper.add_done_callback(self._reapers.discard)
        self._admissions[connection] = replace(admission, replaces=old, upstream=upstream)
        return None

    async def _gives_way(self, old: ServerConnection, new: ServerConnection, identity: str) -> bool:
        """Whether the old connection ends: it is dead, or the newcomer comes from the same address."""
        same_address = peer_address(old) == peer_address(new)
        gives_way = same_address or not await self._links[identity].is_alive(old)
        self._log.warning(
            "a second connection claims a station's identity",
            station=identity,
            address=peer_address(new),
            held_by=peer_address(old),
            taken_over=gives_way,
        )
        return gives_way

    def _upstream(self, identity: str, request: Request) -> Upstream:
        found = {name: handshake.first(request.headers, name) for name in ("Authorization", "User-Agent")}
        return Upstream(
            uri=address(self._settings.upstream, identity),
            subprotocol=SUBPROTOCOL,
            headers={name: value for name, value in found.items() if value is not None},
            redial=self._settings.mode is CloudLoss.AUTONOMOUS,
            clock=self._clock,
            timings=self._timings,
            jitter=self._jitter,
            log=self._log.bind(station=identity),
        )

    def _refuse(self, connection: ServerConnection, status: HTTPStatus, why: str, **details: Any) -> Response:
        self._refused.add(connection)
        self._log.warning(
            "refused a connection", why=why, address=peer_address(connection), status=int(status), **details
        )
        return connection.respond(status, f"{why}\n")


async def _reap(connection: ServerConnection, upstream: Upstream) -> None:
    """Close an upstream connection, also where its station left before its handshake was done."""
    try:
        await connection.wait_closed()
    finally:
        await upstream.close()

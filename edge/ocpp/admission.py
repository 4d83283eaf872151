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
from websockets.typing import Subprotocol

from edge.clock import Clock
from edge.ocpp import handshake, passed_handshake
from edge.ocpp.comings import Comings
from edge.ocpp.couriers import Couriers
from edge.ocpp.credentials import Gatekeeper, Shown
from edge.ocpp.dialling import Dialling
from edge.ocpp.settings import CloudLoss, OcppSettings, SecurityProfile, UnknownStations, Verdict
from edge.ocpp.sockets import Receiving, peer_address
from edge.ocpp.station_link import StationLink
from edge.ocpp.timings import LinkTimings
from edge.ocpp.tls import Contexts, common_name
from edge.ocpp.turned_away import StrangersTold, TurnedAwayList
from edge.ocpp.upstream import Jitter, Problem, Upstream
from edge.ocpp.versions import Version
from edge.ocpp.waiting import MAX_CONNECTED

# Refusals that speak of this moment: a cloud says them to whole fleets that come back after an outage.
_NOT_NOW = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS})


@dataclass(frozen=True, slots=True, kw_only=True)
class Admission:
    """What the handshake has found, for the handler that runs after it."""

    identity: str
    offer: handshake.Offer
    replaces: ServerConnection | None = None  # the station's old connection, which may end
    upstream: Upstream | None = None  # None for a station that isn't ours, or that speaks another protocol
    version: Version | None = None  # what is to be spoken; None when there is nothing in common


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
        self._dialling = Dialling(settings, clock=clock, timings=timings, jitter=jitter, log=log)
        self._log = log
        self._gatekeeper = Gatekeeper(settings)
        self._admissions: WeakKeyDictionary[ServerConnection, Admission] = WeakKeyDictionary()
        self._refused: WeakSet[ServerConnection] = WeakSet()
        self._reapers: set[asyncio.Task[None]] = set()
        self.turned_away = TurnedAwayList()
        self._told = StrangersTold()
        self._comings = Comings()
        self.couriers = Couriers(links, self._dialling.for_absent, settings.absent_after_s, clock, log)

    def dial_with(self, contexts: Contexts) -> None:
        """How clouds behind TLS are met."""
        self._dialling.tls = contexts

    def admission(self, connection: ServerConnection) -> Admission:
        """What was decided for this connection; to be asked once."""
        return self._admissions.pop(connection)

    async def admit(self, connection: ServerConnection, request: Request) -> Response | None:
        """Decide on a handshake; None lets it pass."""
        if not handshake.wants_upgrade(request.headers):
            return None  # the library answers 426, and no station is disturbed
        identity = handshake.identity_of(request.path, self._settings.path)
        if identity is None:
            why = handshake.why_none(request.path, self._settings.path)
            return self._refuse(connection, HTTPStatus.NOT_FOUND, why, path=request.path)
        known = identity in self._links
        if not known and self._settings.unknown_stations is UnknownStations.REFUSE:
            return self._refuse(connection, HTTPStatus.NOT_FOUND, "unknown station", station=identity)
        if not known and len(self._waiting) >= MAX_CONNECTED:
            why = "too many unknown stations are connected"
            return self._refuse(connection, HTTPStatus.SERVICE_UNAVAILABLE, why, station=identity)
        if handshake.tolerate(request.headers):
            self._log.info("station's handshake lacks Connection: Upgrade; served all the same", station=identity)
        offer = handshake.offer_in(request.headers)
        admission = Admission(identity=identity, offer=offer, version=next(iter(offer.versions), None))
        self._admissions[connection] = admission
        refusal = None
        if known and admission.version is not None:
            refusal = await self._admit_known(connection, request, admission)
        self._settle_compression(connection, request, self._admissions[connection])
        return refusal

    def _settle_compression(self, connection: ServerConnection, request: Request, admission: Admission) -> None:
        """On a wire the station is answered what the cloud agreed to; else it is for 2.x."""
        if self._settings.is_wire and admission.upstream is not None:
            agreed = admission.upstream.compressed
            if agreed is not None:
                connection.protocol.available_extensions = [passed_handshake.agreed(agreed)]
            allowed = agreed is not None
        else:
            allowed = admission.version is not None and admission.version.is_v2
        if not allowed:
            handshake.forbid_compression(request.headers)

    def choose(self, connection: ServerConnection) -> Subprotocol | None:
        """The subprotocol to answer with, in the station's own spelling."""
        admission = self._admissions.get(connection)
        if admission is None or admission.version is None:
            return None
        return admission.offer.spelling(admission.version)

    def note_refusal(self, connection: ServerConnection, request: Request, response: Response) -> None:
        """Log a handshake that the library itself has refused; on a wire, pass on what the cloud's answer told."""
        admission = self._admissions.get(connection)
        if self._settings.is_wire and admission is not None and admission.upstream is not None:
            for name, value in passed_handshake.end_to_end(admission.upstream.answered).raw_items():
                if name not in response.headers:
                    response.headers[name] = value
        if response.status_code != HTTPStatus.SWITCHING_PROTOCOLS and connection not in self._refused:
            why = str(connection.protocol.handshake_exc)
            peer = peer_address(connection)
            self.turned_away.add(self._clock.wall(), peer, why, station=None, path=request.path[:200])
            self._log.warning("refused a connection", why=why, address=peer, path=request.path)

    def note_stranger(self, why: str, address: str) -> None:
        """Tell of who came and made no handshake that could be answered; in the log once, and not of a crowd."""
        now = self._clock.monotonic()
        times = self.turned_away.add(self._clock.wall(), address, why, station=None, path=None)
        if times > 1 or self._told.is_over(now):
            return
        self._log.warning("refused a connection", why=why, address=address)
        self._told.tell(now)
        if self._told.is_over(now):
            self._log.warning("further strangers aren't told of here for an hour; edge station list has the newest")

    async def _admit_known(
        self, connection: ServerConnection, request: Request, admission: Admission
    ) -> Response | None:
        identity = admission.identity
        unproved = await self._gatekeeper.check(identity, _shown(connection, request))
        if unproved is not None:
            return self._refuse(connection, unproved.status, unproved.why, station=identity)
        old = self._links[identity].connection
        if old is not None and not await self._gives_way(old, connection, request, identity):
            return self._refuse(connection, HTTPStatus.CONFLICT, "this station is connected already", station=identity)
        wait_s = self._comings.wait_s(identity, self._clock.monotonic())
        if wait_s != 0.0 and self._comings.is_news(identity):
            self._log.warning("station comes and goes too often and is let in more slowly", station=identity)
        if wait_s is None:
            why = "this station comes and goes too often"
            return self._refuse(connection, HTTPStatus.TOO_MANY_REQUESTS, why, is_told=True, station=identity)
        await asyncio.sleep(wait_s)
        await self.couriers.recall(identity)
        offer = admission.offer
        upstream = self._dialling.for_station(identity, request, offer.versions)
        if isinstance(connection, Receiving):
            connection.is_wire = self._settings.is_wire
        if self._mirrors or self._settings.mode_of(identity) is CloudLoss.TRANSPARENT or len(offer.versions) > 1:
            problem = await upstream.open()
            if problem is None:
                self._close_with(connection, upstream)
            elif (refusal := self._cloud_refuses(connection, identity, problem)) is not None:
                return refusal
        version = self._version(upstream, offer, self._links[identity].spoken)
        if version is not None and (upstream.is_open or self._settings.is_wire):
            upstream.settle(version)
        self._admissions[connection] = replace(admission, replaces=old, upstream=upstream, version=version)
        return None

    @property
    def _mirrors(self) -> bool:
        return self._settings.verdict is Verdict.CLOUD

    def _version(self, upstream: Upstream, offer: handshake.Offer, spoken: Version | None) -> Version | None:
        """What to speak: the cloud's choice; while it is away, what was spoken last, or the station's first wish.

        A cloud that names none of what it was offered has nothing in common with the station (OCPP-J 1.6 §3.2); where
        its verdict isn't asked for, it is taken to have forgotten the header.
        """
        if upstream.is_open and (upstream.chosen is not None or (self._mirrors and offer.offered)):
            return upstream.chosen
        return spoken if spoken in offer.versions else offer.versions[0]

    def _cloud_refuses(self, connection: ServerConnection, identity: str, problem: Problem) -> Response | None:
        """What the station is answered when its cloud can't be had; None where it is served all the same."""
        if self._mirrors and problem.status is not None and (_is_verdict(problem.status) or self._settings.is_wire):
            answer = passed_handshake.refusal(problem.answer) if self._settings.is_wire and problem.answer else None
            return self._refuse(connection, problem.status, problem.what, answer, station=identity)
        if self._settings.mode_of(identity) is CloudLoss.TRANSPARENT:
            why = f"its cloud is away: {problem.what}"
            return self._refuse(connection, HTTPStatus.SERVICE_UNAVAILABLE, why, station=identity)
        return None

    def _close_with(self, connection: ServerConnection, upstream: Upstream) -> None:
        reaper = asyncio.create_task(_reap(connection, upstream))
        self._reapers.add(reaper)
        reaper.add_done_callback(self._reapers.discard)

    async def _gives_way(self, old: ServerConnection, new: ServerConnection, request: Request, identity: str) -> bool:
        """Whether the old connection ends: it is dead, or the newcomer is the same station.

        That is who has proved it, or, where nothing must be proved, who comes from the same address or with the same
        credentials.
        """
        same = (
            self._settings.security_of(identity).profile is not SecurityProfile.NONE
            or peer_address(old) == peer_address(new)
            or _same_credentials(old.request, request)
        )
        gives_way = same or not await self._links[identity].is_alive(old)
        self._log.warning(
            "a second connection claims a station's identity",
            station=identity,
            address=peer_address(new),
            held_by=peer_address(old),
            taken_over=gives_way,
        )
        return gives_way

    def _refuse(
        self,
        connection: ServerConnection,
        status: int,
        why: str,
        answer: Response | None = None,
        *,
        is_told: bool = False,
        **details: Any,
    ) -> Response:
        """Tell of a refusal; ``answer`` is what the station is told in place of our own. ``is_told``: in the log."""
        self._refused.add(connection)
        path = details.get("path")
        self.turned_away.add(
            self._clock.wall(),
            peer_address(connection),
            why,
            station=details.get("station"),
            path=str(path)[:200] if path is not None else None,
        )
        if not is_told:
            address = peer_address(connection)
            self._log.warning("refused a connection", why=why, address=address, status=int(status), **details)
        if answer is not None:
            return answer
        response = connection.respond(HTTPStatus(status), f"{why}\n")
        if status == HTTPStatus.UNAUTHORIZED:
            response.headers["WWW-Authenticate"] = 'Basic realm="OCPP"'  # RFC 9110 §11.6.1
        return response


def _shown(connection: ServerConnection, request: Request) -> Shown:
    certificate = connection.transport.get_extra_info("peercert")
    return Shown(
        tls=connection.transport.get_extra_info("ssl_object") is not None,
        certificate_name=common_name(certificate),
        authorization=handshake.first(request.headers, "Authorization"),
    )


def _is_verdict(status: int) -> bool:
    """Whether a cloud's refusal is about the station, and not about how the cloud is, or how many ask it."""
    return status < HTTPStatus.INTERNAL_SERVER_ERROR and status not in _NOT_NOW


def _same_credentials(old: Request | None, new: Request) -> bool:
    had, has = (handshake.first(each.headers, "Authorization") if each is not None else None for each in (old, new))
    return had is not None and had == has


async def _reap(connection: ServerConnection, upstream: Upstream) -> None:
    """Close an upstream connection, also where its station left before its handshake was done."""
    try:
        await connection.wait_closed()
    finally:
        await upstream.close(connection)

"""One station's connection to its cloud: dialled for it, dialled again when it breaks."""

import asyncio
import ssl
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import cast
from urllib.parse import quote, urlsplit

from structlog.typing import FilteringBoundLogger
from websockets.asyncio.client import connect
from websockets.asyncio.connection import Connection
from websockets.datastructures import Headers, HeadersLike
from websockets.exceptions import InvalidStatus, WebSocketException
from websockets.extensions.permessage_deflate import PerMessageDeflate, enable_client_permessage_deflate
from websockets.http11 import Response
from websockets.protocol import State
from websockets.typing import Subprotocol

from edge.clock import Clock
from edge.ocpp.cloud_connection import CloudConnection, WireCloudConnection
from edge.ocpp.farewell import GOING_AWAY, Farewell, close, farewell
from edge.ocpp.passed_handshake import PassedRequest
from edge.ocpp.revival import Revival
from edge.ocpp.sending import cut_if_stuck, push
from edge.ocpp.sockets import QUIET, Receiver, Receiving
from edge.ocpp.timings import LinkTimings
from edge.ocpp.tls import Contexts, distrust
from edge.ocpp.trace import without_login
from edge.ocpp.unreached import cause
from edge.ocpp.versions import Version, version_of
from edge.units import Seconds

MAX_FRAME_BYTES = 1024 * 1024  # a cloud sends whole local lists

STATION_GONE = Farewell(code=GOING_AWAY, reason="the station is gone")

Jitter = Callable[[], float]  # evenly spread over 0 to 1


def address(template: str, identity: str, path: str = "") -> str:
    """The cloud's address for this station, which came by ``path``."""
    came_by = path.partition("?")[0].rstrip("/").lstrip("/")
    return template.replace("{station}", quote(identity, safe="")).replace("{path}", came_by)


def pause_s(failures: int, timings: LinkTimings, jitter: Jitter) -> Seconds:
    """How long to wait before the next attempt: doubled with each failure, and spread over the stations."""
    longest = min(timings.redial_last_s, timings.redial_first_s * 2.0 ** min(failures, 30))
    return longest * (0.5 + 0.5 * jitter())


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Why the cloud wasn't reached. ``answer`` is that of a cloud that refuses the station."""

    what: str
    answer: Response | None = field(default=None, compare=False)  # of two that say the same the second is no news

    @property
    def status(self) -> int | None:
        """The answer's HTTP status."""
        return self.answer.status_code if self.answer is not None else None


class Upstream:
    """One station's connection to its cloud, for as long as one connection of the station lasts.

    ``versions`` is the station's own list, most wanted first; once the cloud has chosen, :meth:`settle` leaves one.
    ``headers`` are sent with the handshake: the station's own credentials. With ``redial`` False the loss of the
    connection is the end. ``passed`` makes it part of a wire: what the station asked for is asked for, in place of
    ``headers``, and nothing is sent that isn't the station's.
    """

    def __init__(
        self,
        *,
        uri: str,
        versions: Sequence[Version],
        tls: Contexts | None,
        headers: Mapping[str, str],
        redial: bool,
        clock: Clock,
        timings: LinkTimings,
        jitter: Jitter,
        revival: Revival,
        log: FilteringBoundLogger,
        passed: PassedRequest | None = None,
    ) -> None:
        self._uri = uri
        self._versions = tuple(versions)
        self._tls = tls
        self._headers: HeadersLike = passed.headers if passed is not None else headers
        # OCPP 2.x part 4 §3.4 asks for compression; 1.6 doesn't know it.
        usual = enable_client_permessage_deflate(None) if any(version.is_v2 for version in versions) else ()
        self._extensions = passed.extensions if passed is not None else usual
        self._redial = redial
        self._is_wire = passed is not None
        self._clock = clock
        self._timings = timings
        self._jitter = jitter
        self._revival = revival
        self._log = log
        self._connection: CloudConnection | None = None
        self._closed = False
        self._problem: Problem | None = None  # the last one, until it is over
        self.farewell = Farewell(code=GOING_AWAY)  # of the last connection that the cloud has ended

    @property
    def is_open(self) -> bool:
        """Whether the cloud is connected."""
        return self._connection is not None

    @property
    def problem(self) -> str | None:
        """Why the cloud isn't connected; None while it is, and before anything is known of that."""
        return self._problem.what if self._problem is not None and self._connection is None else None

    @property
    def chosen(self) -> Version | None:
        """The edition that the cloud has chosen; None while it isn't connected, or when it named none."""
        if self._connection is None or self._connection.subprotocol is None:
            return None
        return version_of(self._connection.subprotocol)

    @property
    def answered(self) -> Headers:
        """The headers of the cloud's answer to the handshake."""
        response = self._connection.response if self._connection is not None else None
        return response.headers if response is not None else Headers()

    @property
    def compressed(self) -> PerMessageDeflate | None:
        """The compression that was agreed with the cloud."""
        extensions = self._connection.protocol.extensions if self._connection is not None else ()
        return next((each for each in extensions if isinstance(each, PerMessageDeflate)), None)

    def join(self, station: Receiving) -> None:
        """Make a wire of this connection and the station's."""
        if self._connection is not None:
            self._connection.partner, station.partner = station, self._connection

    def settle(self, version: Version) -> None:
        """The station has been told this edition, and its cloud wants no other: it is offered no other from now on."""
        self._versions = (version,)

    async def open(self) -> Problem | None:
        """Dial once; None when connected, else the problem."""
        try:
            connection = await connect(
                self._uri,
                create_connection=WireCloudConnection if self._is_wire else CloudConnection,
                subprotocols=[Subprotocol(version) for version in self._versions],
                additional_headers=self._headers,
                user_agent_header=None,
                extensions=self._extensions or None,
                compression=None,
                ping_interval=None if self._is_wire else self._timings.ping_every_s,
                ssl=self._tls.current if self._tls is not None else None,
                proxy=None,  # the library would take one from the environment
                open_timeout=self._timings.dial_s,
                close_timeout=self._timings.close_s,
                max_size=MAX_FRAME_BYTES,
                logger=QUIET,
            )
        except InvalidStatus as exc:
            status = exc.response.status_code
            return Problem(what=f"the cloud refuses this station: HTTP {status}", answer=exc.response)
        except TimeoutError:
            return Problem(what=f"no answer within {self._timings.dial_s:g} s")
        except ssl.SSLCertVerificationError as exc:
            return Problem(what=distrust(exc, self._clock.wall()))
        except (OSError, ValueError, WebSocketException, AssertionError) as exc:
            return Problem(what=cause(exc, self._uri))
        self._connection = cast(CloudConnection, connection)
        if self._tls is not None:
            self._tls.met(urlsplit(self._uri).netloc, connection.transport.get_extra_info("ssl_object"))
        return None

    async def run(
        self,
        on_up: Callable[[], None],
        on_text: Receiver,
        on_down: Callable[[str], None],
        on_missed: Callable[[], None] = lambda: None,
    ) -> str:
        """Keep the connection up and hand over what comes, until cancelled; without redial, until it is lost.

        ``on_missed``: an attempt to have it has failed.
        """
        failures = 0
        while not self._closed:
            if self._connection is None:
                self._note_problem(await self.open())
            if (connection := self._connection) is not None:
                self._revival.announce()
                since = self._clock.monotonic()
                on_up()
                why = await connection.deliver(on_text)
                self.farewell = farewell(connection)
                self._connection, self._problem = None, Problem(what=f"the connection was lost: {why}")
                on_down(why)
                if not self._redial:
                    return "the cloud is away"
                held_s = self._clock.monotonic() - since
                if held_s >= self._timings.stable_s:
                    failures = 0
                turned_out = held_s < self._timings.redial_last_s
            else:
                on_missed()
                turned_out = self._problem is not None and self._problem.status is not None
            pause = pause_s(failures, self._timings, self._jitter)
            if turned_out:
                await asyncio.sleep(pause)  # that others are let in says nothing of this one
            elif await self._revival.within(pause):
                await asyncio.sleep(min(pause, self._timings.rush_s * self._jitter()))
            failures += 1
        return "its station is gone"

    def send(self, message: str | bytes) -> None:
        """Send to the cloud; what can't go out any more is dropped, as its connection is about to be reported lost."""
        if self._connection is not None and not push(self._connection, message):
            self._log.warning("cut the cloud off because it doesn't read")

    def tick(self) -> None:
        """Time passes: cut off a cloud that can't be got rid of in good order."""
        if self._connection is not None and (why := cut_if_stuck(self._connection)) is not None:
            self._log.warning("cut the cloud off", why=why)

    async def close(self, station: Connection | None = None) -> None:
        """Close the connection, for good; on a wire as that of the station has ended, if it has."""
        word = STATION_GONE
        if self._is_wire and station is not None and station.state is State.CLOSED:
            word = farewell(station)
        self._closed = True
        connection, self._connection = self._connection, None
        if connection is not None:
            await close(connection, word)

    def _note_problem(self, problem: Problem | None) -> None:
        """Log the first failure, and each new kind; never every attempt."""
        if problem is not None and problem != self._problem:
            self._log.warning("can't reach the cloud", problem=problem.what, address=without_login(self._uri))
        self._problem = problem

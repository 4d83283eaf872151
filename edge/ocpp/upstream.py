"""One station's connection to its cloud: dialled for it, dialled again when it breaks."""

import asyncio
from collections.abc import Callable, Mapping
from urllib.parse import quote

from structlog.typing import FilteringBoundLogger
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException
from websockets.typing import Subprotocol

from edge.clock import Clock
from edge.ocpp.sockets import QUIET, closing_reason, cut_if_stuck, push
from edge.ocpp.timings import LinkTimings
from edge.units import Seconds

MAX_FRAME_BYTES = 1024 * 1024  # a cloud sends whole local lists

Jitter = Callable[[], float]  # evenly spread over 0 to 1


def address(template: str, identity: str) -> str:
    """The cloud's address for this station."""
    return template.replace("{station}", quote(identity, safe=""))


def pause_s(failures: int, timings: LinkTimings, jitter: Jitter) -> Seconds:
    """How long to wait before the next attempt: doubled with each failure, and spread over the stations."""
    longest = min(timings.redial_last_s, timings.redial_first_s * 2.0 ** min(failures, 30))
    return longest * (0.5 + 0.5 * jitter())


class Upstream:
    """One station's connection to its cloud, for as long as one connection of the station lasts.

    ``headers`` are sent with the handshake: the station's own credentials. With ``redial`` False the loss of the
    connection is the end.
    """

    def __init__(
        self,
        *,
        uri: str,
        subprotocol: str,
        headers: Mapping[str, str],
        redial: bool,
        clock: Clock,
        timings: LinkTimings,
        jitter: Jitter,
        log: FilteringBoundLogger,
    ) -> None:
        self._uri = uri
        self._subprotocol = Subprotocol(subprotocol)
        self._headers = headers
        self._redial = redial
        self._clock = clock
        self._timings = timings
        self._jitter = jitter
        self._log = log
        self._connection: ClientConnection | None = None
        self._problem: str | None = None  # the last one that was logged

    async def open(self) -> str | None:
        """Dial once; None when connected, else the problem."""
        try:
            self._connection = await connect(
                self._uri,
                subprotocols=[self._subprotocol],
                additional_headers=self._headers,
                user_agent_header=None,
                compression=None,
                proxy=None,  # the library would take one from the environment
                open_timeout=self._timings.dial_s,
                close_timeout=self._timings.close_s,
                max_size=MAX_FRAME_BYTES,
                logger=QUIET,
            )
        except InvalidStatus as exc:
            return f"the cloud refuses this station: HTTP {exc.response.status_code}"
        except TimeoutError:
            return f"no answer within {self._timings.dial_s:g} s"
        except (OSError, ValueError, WebSocketException) as exc:
            return str(exc) or type(exc).__name__
        return None

    async def run(
        self,
        on_up: Callable[[], None],
        on_text: Callable[[str | bytes], None],
        on_down: Callable[[str], None],
    ) -> str:
        """Keep the connection up and hand over what comes, until cancelled; without redial, until it is lost."""
        failures = 0
        while True:
            if self._connection is None:
                self._note_problem(await self.open())
            if self._connection is not None:
                since = self._clock.monotonic()
                on_up()
                why = await self._read(self._connection, on_text)
                self._connection = None
                on_down(why)
                if not self._redial:
                    return "the cloud is away"
                if self._clock.monotonic() - since >= self._timings.stable_s:
                    failures = 0
            await asyncio.sleep(pause_s(failures, self._timings, self._jitter))
            failures += 1

    def send(self, text: str) -> None:
        """Send to the cloud; what can't go out any more is dropped, as its connection is about to be reported lost."""
        if self._connection is not None and not push(self._connection, text):
            self._log.warning("cut the cloud off because it doesn't read")

    def tick(self) -> None:
        """Time passes: cut off a cloud that can't be got rid of in good order."""
        if self._connection is not None and (why := cut_if_stuck(self._connection)) is not None:
            self._log.warning("cut the cloud off", why=why)

    async def close(self) -> None:
        """Close the connection; the task that runs :meth:`run` has been cancelled before."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close(1001, "the station is gone")

    async def _read(self, connection: ClientConnection, on_text: Callable[[str | bytes], None]) -> str:
        try:
            while True:
                on_text(await connection.recv())
        except ConnectionClosed as closed:
            return closing_reason(closed)

    def _note_problem(self, problem: str | None) -> None:
        """Log the first failure, and each new kind; never every attempt."""
        if problem is not None and problem != self._problem:
            self._log.warning("can't reach the cloud", problem=problem, address=self._uri)
        self._problem = problem

"""The socket of the gateway as a station of its own. Thin; the rules are in :mod:`edge.ocpp.own_station.station`."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field

from structlog.typing import FilteringBoundLogger

from edge.clock import Clock
from edge.control.ports import LimitSink
from edge.ocpp.keys import header
from edge.ocpp.own_station.station import OwnStation, Step
from edge.ocpp.revival import Revival
from edge.ocpp.settings import TlsFiles
from edge.ocpp.timings import LinkTimings
from edge.ocpp.tls import client_contexts
from edge.ocpp.upstream import Jitter, Upstream, address
from edge.ocpp.versions import Version
from edge.units import Seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnSettings:
    """Who the gateway is as a station, and where its cloud is: ``upstream`` as in
    :class:`edge.ocpp.settings.OcppSettings`. ``key`` is shown by HTTP Basic, where there is one.
    """

    identity: str
    version: Version
    upstream: str
    key: bytes | None = None
    tls: TlsFiles = field(default_factory=TlsFiles)


class OwnLink:
    """Keeps the gateway's own connection up while it runs."""

    def __init__(
        self,
        station: OwnStation,
        settings: OwnSettings,
        *,
        clock: Clock,
        limits: LimitSink,
        log: FilteringBoundLogger,
        jitter: Jitter,
        timings: LinkTimings | None = None,
    ) -> None:
        self._station = station
        station.on_late = lambda: self._perform(station.collect())
        self._settings = settings
        self._clock = clock
        self._limits = limits
        self._log = log.bind(station=settings.identity)
        self._timings = timings if timings is not None else LinkTimings()
        self._jitter = jitter
        self._upstream: Upstream | None = None
        self._tasks: tuple[asyncio.Task[object], ...] = ()
        self._said: str | None = None

    @property
    def connected(self) -> bool:
        """Whether the cloud has this gateway as a station."""
        return self._upstream is not None and self._upstream.is_open and self._station.accepted

    async def start(self) -> None:
        """Dial, and go on dialling. Raises :class:`edge.errors.StartError` when a certificate can't be used."""
        settings = self._settings
        self._upstream = Upstream(
            uri=address(settings.upstream, settings.identity),
            versions=(settings.version,),
            tls=client_contexts(settings.tls) if settings.upstream.startswith("wss:") else None,
            headers=_credentials(settings),
            redial=True,
            clock=self._clock,
            timings=self._timings,
            jitter=self._jitter,
            revival=Revival(),
            log=self._log,
        )
        run = self._upstream.run(self._up, self._text, self._down)
        self._tasks = (asyncio.create_task(run), asyncio.create_task(self._tick()))

    async def stop(self) -> None:
        """Hang up."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._upstream is not None:
            await self._upstream.close()

    def _up(self) -> None:
        self._log.info("the cloud of the gateway itself is connected")
        self._perform(self._station.connected(self._clock.monotonic(), self._clock.wall()))

    def _down(self, why: str) -> None:
        self._log.warning("the cloud of the gateway itself is away", why=why)
        self._station.disconnected()

    def _text(self, text: str | bytes) -> Seconds:
        self._perform(self._station.receive(text, self._clock.monotonic(), self._clock.wall()))
        return 0.0

    async def _tick(self) -> None:
        while True:
            self._perform(self._station.tick(self._clock.monotonic(), self._clock.wall()))
            if self._upstream is not None:
                self._upstream.tick()
            await asyncio.sleep(self._timings.tick_every_s)

    def _perform(self, step: Step) -> None:
        for limit in step.limits:
            self._limits.take(limit)
            self._log.info(
                "the cloud limits the site", circuit=limit.circuit, limit_a=limit.limit_a, limit_w=limit.limit_w
            )
        for note in step.notes:
            if note != self._said:
                self._log.warning(note)
            self._said = note
        for text in step.texts:
            if self._upstream is not None:
                self._upstream.send(text)


def _credentials(settings: OwnSettings) -> Mapping[str, str]:
    if settings.key is None:
        return {}
    return {"Authorization": header(settings.identity, settings.key)}

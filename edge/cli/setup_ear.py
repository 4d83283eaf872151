"""Hears the stations while a gateway is set up: by a listener of its own, or through the gateway that runs already."""

import asyncio
from urllib.parse import quote

import orjson

from edge.cli.control_socket import ask as ask_controller
from edge.cli.control_socket import asked_at, report
from edge.clock import SystemClock
from edge.config.addresses import host_port
from edge.control.ports import FactSink
from edge.domain.site import Circuit, ControlSettings, Mode, Site
from edge.errors import EdgeError, StartError
from edge.ocpp.server import OcppServer
from edge.ocpp.settings import Listener, OcppSettings
from edge.setup.steps import Failure, Refused, Seen, StationSeen
from edge.system.network import mac_of
from edge.units import Seconds

LOOK_S: Seconds = 8.0  # stations try again every few seconds
SETTLE_S: Seconds = 1.0  # from the first that comes: its description follows, and others with it


class _Nowhere(FactSink):
    """Who only listens for stations keeps no facts."""

    def take(self, fact: object) -> None:
        """Nothing."""


class Ear:
    """Listens from the first look on."""

    def __init__(self) -> None:
        self._server: OcppServer | None = None

    async def close(self) -> None:
        """Stop listening."""
        if self._server is not None:
            await self._server.stop()
            self._server = None

    async def look(self, listen: str) -> Seen:
        """Who has come; waits a while for somebody new.

        :raises StartError: the address can't be listened on, and no gateway does.
        """
        if self._server is None:
            ear = _everybody_waits(listen)
            try:
                await ear.start()
            except StartError as exc:
                return _told_by_controller(exc)
            self._server = ear
        before = len(self._server.waiting)
        loop = asyncio.get_running_loop()
        give_up = loop.time() + LOOK_S
        while loop.time() < give_up and len(self._server.waiting) == before:  # noqa: ASYNC110 - the room tells nobody
            await asyncio.sleep(0.1)
        if self._server.waiting:
            await asyncio.sleep(SETTLE_S)
        return Seen(
            stations=tuple(
                StationSeen(
                    identity=each.identity,
                    address=each.address,
                    vendor=each.vendor,
                    model=each.model,
                    serial=each.serial,
                    mac=mac_of(each.address),
                    firmware=each.firmware,
                    version=each.speaks,
                    also_at=each.also_at,
                )
                for each in self._server.waiting
            ),
            refused=tuple(
                Refused(station=each.station, address=each.address, why=each.why) for each in self._server.turned_away
            ),
        )

    async def identify(self, station: str) -> str | Failure:
        """Let a station show itself; the name of the text that says how."""
        if self._server is None:
            answer = ask_controller(asked_at(None), "POST", f"/api/v1/waiting/{quote(station, safe='')}/identify")
            told = orjson.loads(answer.body)
            return f"identify.{told['how']}" if "how" in told else Failure(problem=str(told.get("error", "?")))
        how = await self._server.identify(station)
        return f"identify.{how}" if how in ("blink", "lock") else Failure(problem=how)


def _everybody_waits(listen: str) -> OcppServer:
    """A proxy that knows no station: all wait."""
    where = host_port(listen)
    return OcppServer(
        site=Site(
            id="setup",
            timezone="UTC",
            nominal_voltage_v=230.0,
            control=ControlSettings(mode=Mode.OBSERVE),
            circuits=(Circuit(id="main", parent=None, fuse_a=1.0),),
            meters=(),
            stations=(),
        ),
        settings=OcppSettings(
            plain_listen=Listener(host=where.host, port=where.port), upstream="ws://127.0.0.1:9/{station}"
        ),
        clock=SystemClock(),
        sink=_Nowhere(),
    )


def _told_by_controller(exc: StartError) -> Seen:
    """Somebody listens there already: if it is the gateway itself, it knows who waits.

    :raises StartError: it isn't.
    """
    try:
        told = report(None)
    except EdgeError:
        raise exc from None
    return Seen(
        stations=tuple(
            StationSeen(
                identity=each["id"],
                address=each["address"] or "",
                vendor=each["vendor"],
                model=each["model"],
                serial=each["serial"],
                mac=each.get("mac"),
                firmware=each.get("firmware"),
                version=each.get("speaks"),
                also_at=each.get("also_at"),
            )
            for each in told["waiting_stations"]
        ),
        refused=tuple(
            Refused(station=each["station"], address=each["address"], why=each["why"])
            for each in told.get("refused_handshakes", ())
        ),
    )

"""The feeder link: how chargers in another process load the meter's copper.

UDP, one JSON object a datagram, on loopback:

    {"feeder": 1, "evses": [{"station": "CP-01", "evse": 1, "draw_a": [8.0, 8.0, 8.0],
                             "wanted_a": [16.0, 16.0, 16.0], "offered_a": 8.0}, ...]}

`feeder` is the version. Currents are those of EvseDraw: on the EVSE's own phases, `offered_a` null for no limit.
A charger process sends all its EVSEs several times a second, in as many datagrams as they need. Each entry
stands for itself and is forgotten SILENT_S after it came: whoever falls silent draws nothing. So neither side
needs to know whether the other is there, and they may start in any order.
"""

import asyncio
from collections.abc import Callable, Iterable
from itertools import islice
from typing import Any, Final, Self

import orjson

from simulators.feeder import EvseDraw
from simulators.phases import Amps3
from simulators.site import Endpoint

VERSION: Final = 1
SILENT_S: Final = 1.0  # ten missed datagrams at the usual step: the sender is gone
EVSES_A_DATAGRAM: Final = 200  # about 130 bytes each; UDP on loopback carries 64 KiB


class LinkFormatError(ValueError):
    """A datagram that isn't a feeder link's."""


def encode(draws: Iterable[EvseDraw]) -> list[bytes]:
    """The datagrams that carry the draws; at least one, so that an idle sender is heard too."""
    remaining = iter(draws)
    datagrams: list[bytes] = []
    while True:
        part = [
            {
                "station": draw.station,
                "evse": draw.evse_id,
                "draw_a": draw.draw_a,
                "wanted_a": draw.wanted_a,
                "offered_a": draw.offered_a,
            }
            for draw in islice(remaining, EVSES_A_DATAGRAM)
        ]
        if datagrams and not part:
            return datagrams
        datagrams.append(orjson.dumps({"feeder": VERSION, "evses": part}))


def decode(datagram: bytes) -> tuple[EvseDraw, ...]:
    """The draws in a datagram.

    Raises LinkFormatError.
    """
    try:
        message = orjson.loads(datagram)
        if message["feeder"] != VERSION:
            raise LinkFormatError(f"version {message['feeder']!r} of the feeder link, this is {VERSION}")
        return tuple(_draw(entry) for entry in message["evses"])
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError) as exc:
        raise LinkFormatError(f"not a datagram of the feeder link: {exc}") from exc


def _draw(entry: dict[str, Any]) -> EvseDraw:
    offered_a = entry["offered_a"]
    return EvseDraw(
        station=str(entry["station"]),
        evse_id=int(entry["evse"]),
        draw_a=_amps3(entry["draw_a"]),
        wanted_a=_amps3(entry["wanted_a"]),
        offered_a=None if offered_a is None else float(offered_a),
    )


def _amps3(values: list[Any]) -> Amps3:
    l1, l2, l3 = (float(value) for value in values)
    return (l1, l2, l3)


class FeederReceiver(asyncio.DatagramProtocol):
    """The meter's end: remembers the last word of each EVSE for SILENT_S."""

    def __init__(self, now_s: Callable[[], float]) -> None:
        self._now_s = now_s
        self._latest: dict[tuple[str, int], tuple[float, EvseDraw]] = {}
        self._transport: asyncio.DatagramTransport | None = None
        self.refused = 0

    async def open(self, listen: Endpoint) -> Self:
        """Bind to `listen`. Raises OSError if the port is taken."""
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(lambda: self, local_addr=(listen.host, listen.port))
        return self

    def close(self) -> None:
        """Let the port go."""
        if self._transport is not None:
            self._transport.close()

    def datagram_received(self, data: bytes, addr: tuple[str | Any, int]) -> None:  # noqa: ARG002 - asyncio's signature
        try:
            draws = decode(data)
        except LinkFormatError:
            self.refused += 1
            return
        now_s = self._now_s()
        for draw in draws:
            self._latest[draw.station, draw.evse_id] = (now_s, draw)

    def draws(self) -> tuple[EvseDraw, ...]:
        """What the EVSEs draw now; those silent for longer than SILENT_S draw nothing and are left out."""
        now_s = self._now_s()
        return tuple(draw for heard_s, draw in self._latest.values() if now_s - heard_s <= SILENT_S)


class FeederSender:
    """The chargers' end. Nobody listening is no error: the meter may come later."""

    def __init__(self, transport: asyncio.DatagramTransport) -> None:
        self._transport = transport

    @classmethod
    async def open(cls, target: Endpoint) -> Self:
        """A sender to `target`."""
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(
            asyncio.DatagramProtocol, remote_addr=(target.host, target.port)
        )
        return cls(transport)

    def close(self) -> None:
        """Stop sending."""
        self._transport.close()

    def send(self, draws: Iterable[EvseDraw]) -> None:
        """Send the present draws of all EVSEs."""
        for datagram in encode(draws):
            self._transport.sendto(datagram)

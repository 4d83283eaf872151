"""How a meter is reached: what ``[[meter]] connection`` may say.

- ``tcp://host:port``: Modbus TCP, port 502 if left out
- ``rtu+tcp://host:port``: Modbus RTU frames through a transparent serial server
- ``rtu:///dev/serial/by-id/…?baudrate=9600&parity=N&stopbits=1``: Modbus RTU on a serial port of the gateway
- ``p1:///dev/serial/by-id/…``: a DSMR P1 port on a serial cable (115200 8N1)
- ``p1+tcp://host:port``: a DSMR P1 port behind a network adapter
- ``mqtt://host:port/topic`` or ``mqtts://…``: an MQTT topic, port 1883 or 8883 if left out; a topic that begins with a
  slash has two there

Two meters whose connections have one :attr:`Connection.line` share it: one owner, one request at a time.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv6Address
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit


class Transport(StrEnum):
    """The scheme of a connection."""

    TCP = "tcp"
    RTU_TCP = "rtu+tcp"
    RTU = "rtu"
    P1 = "p1"
    P1_TCP = "p1+tcp"
    MQTT = "mqtt"
    MQTTS = "mqtts"


MODBUS = frozenset({Transport.TCP, Transport.RTU_TCP, Transport.RTU})
_P1_PORTS = frozenset({Transport.P1, Transport.P1_TCP})
_BROKERS = frozenset({Transport.MQTT, Transport.MQTTS})
BAUDRATES = (1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200)
PARITIES = ("N", "E", "O")
STOPBITS = (1, 2)

_DEFAULT_PORT = {Transport.TCP: 502, Transport.MQTT: 1883, Transport.MQTTS: 8883}
_DEFAULT_BAUDRATE = {Transport.RTU: 9600, Transport.P1: 115_200}  # DSMR P1 companion standard 5.0.2 §5.12
_LABEL = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"  # RFC 1123 §2.1, and the underscores that are about
_HOST_NAME = re.compile(rf"{_LABEL}(?:\.{_LABEL})*\.?")
_MAX_HOST_NAME = 253  # RFC 1035 §2.3.4


@dataclass(frozen=True, slots=True, kw_only=True)
class SerialSettings:
    """How a serial line is set. Eight data bits always: Modbus over Serial Line V1.02 §2.5.1."""

    baudrate: int
    parity: str = "N"
    stopbits: int = 1

    @property
    def character_s(self) -> float:
        """How long one character takes on the line: start bit, eight data bits, parity, stop bits."""
        return (1 + 8 + (self.parity != "N") + self.stopbits) / self.baudrate

    def __str__(self) -> str:
        return f"{self.baudrate} 8{self.parity}{self.stopbits}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """A connection, taken apart. ``host`` and ``port`` are set for the network ones, ``path`` and ``serial`` for the
    serial ones, ``topic`` for MQTT."""

    transport: Transport
    host: str = ""
    port: int = 0
    path: str = ""
    serial: SerialSettings | None = None
    topic: str = ""

    @property
    def line(self) -> str:
        """What two meters share that are reached the same way; for people to read, too."""
        if self.path:
            return f"{self.transport}://{self.path}"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.transport}://{host}:{self.port}"


def parse_connection(text: str) -> Connection:
    """The parts of a connection.

    :raises ValueError: whose text completes "it ...": "has no port".
    """
    if any(character <= " " or character == "\x7f" for character in text):
        raise ValueError("has a blank or a control character in it")
    scheme = text.partition("://")[0]
    if scheme not in set(Transport) or "://" not in text:
        raise ValueError(f"does not begin with one of {', '.join(f'{each}://' for each in Transport)}")
    transport = Transport(scheme)
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError as exc:
        raise ValueError(f"is no address ({str(exc)[:80]})") from None
    if "#" in text:
        raise ValueError("has a wildcard (+ or #) in its topic" if transport in _BROKERS else "has a fragment (#...)")
    if "?" in text and transport in _BROKERS:
        raise ValueError("has more than a host and a topic in it: a question mark in a topic is written %3F")
    if transport in _DEFAULT_BAUDRATE:
        return _serial(transport, parts)
    return _network(transport, parts, port)


def is_p1_port(text: str) -> bool:
    """Whether a smart meter's telegrams come that way."""
    return text.partition("://")[0] in _P1_PORTS


def _serial(transport: Transport, parts: SplitResult) -> Connection:
    path = unquote(parts.path)
    if parts.netloc:
        raise ValueError(f"has '{parts.netloc}' where a path begins: three slashes, as in {transport}:///dev/ttyUSB0")
    if len(path) < len("/x") or path.endswith("/") or "\x00" in path:
        raise ValueError("names no serial port")
    settings: dict[str, str] = {}
    for key, value in parse_qsl(parts.query, keep_blank_values=True):
        if key not in {"baudrate", "parity", "stopbits"}:
            raise ValueError(f"has the setting '{key[:40]}'; there are baudrate, parity and stopbits")
        if key in settings:
            raise ValueError(f"has {key} twice")
        settings[key] = value
    baudrate = settings.get("baudrate", str(_DEFAULT_BAUDRATE[transport]))
    parity = settings.get("parity", "N").upper()
    stopbits = settings.get("stopbits", "1")
    if baudrate not in {str(rate) for rate in BAUDRATES}:
        raise ValueError(f"has the baudrate '{baudrate[:40]}', which is none of {', '.join(map(str, BAUDRATES))}")
    if parity not in PARITIES:
        raise ValueError(f"has the parity '{parity[:40]}', which is none of {', '.join(PARITIES)}")
    if stopbits not in {str(number) for number in STOPBITS}:
        raise ValueError(f"has '{stopbits[:40]}' stop bits, not 1 or 2")
    serial = SerialSettings(baudrate=int(baudrate), parity=parity, stopbits=int(stopbits))
    return Connection(transport=transport, path=path, serial=serial)


def _network(transport: Transport, parts: SplitResult, port: int | None) -> Connection:
    if transport in _BROKERS and "@" in parts.netloc:
        raise ValueError("has a user in it, who belongs into username and password")
    if parts.query or "@" in parts.netloc:
        raise ValueError("has more than a host and a port in it")
    host = parts.hostname
    if not host:
        raise ValueError("has no host")
    _check_host(host)
    if port is None:
        port = _DEFAULT_PORT.get(transport)
    if port is None or port == 0:
        raise ValueError("has no port" if port is None else "has the port 0")
    topic = unquote(parts.path).removeprefix("/")
    if transport in _BROKERS:
        if not topic:
            raise ValueError("has no topic after the host")
        if re.search(r"[+#\x00]", topic):
            raise ValueError("has a wildcard (+ or #) in its topic")
    elif topic:
        raise ValueError("has more than a host and a port in it")
    return Connection(transport=transport, host=host, port=port, topic=topic)


def _check_host(host: str) -> None:
    if ":" in host:
        try:
            IPv6Address(host)
        except ValueError:
            raise ValueError(f"has no IPv6 address in its brackets: '{host[:60]}'") from None
    elif len(host) > _MAX_HOST_NAME or not _HOST_NAME.fullmatch(host):
        raise ValueError(f"has the host '{host[:60]}', which is neither a name nor an address")

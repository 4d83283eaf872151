"""How the building's interface is set up: plain values, made by the composition root from the site file."""

from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path

from edge.bms.grid import GridSettings
from edge.units import Amps, Seconds, Watts

Network = IPv4Network | IPv6Network


@dataclass(frozen=True, slots=True, kw_only=True)
class WritePolicy:
    """What a BMS may write. ``fallback_a`` holds when it is silent; only without ``writable`` it may be None."""

    writable: bool
    limit_timeout_s: Seconds
    fallback_a: Amps | None
    fallback_writable: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """What a BMS may demand: above the site's own rating it is an error of scale, not a limit."""

    most_a: Amps  # per phase
    most_w: Watts


@dataclass(frozen=True, slots=True, kw_only=True)
class ModbusSettings:
    """The Modbus TCP server. ``allow`` None: everybody may connect."""

    host: str
    port: int
    policy: WritePolicy
    allow: tuple[Network, ...] | None = None
    idle_timeout_s: Seconds = 300.0
    units: frozenset[int] = frozenset({0, 1, 255})  # 0 and 255: no unit (the guide V1.0b, page 23)
    most_connections: int = 16
    stall_s: Seconds = 10.0  # a master that doesn't take its answers for this long is gone


class MqttVersion(StrEnum):
    """Of the protocol."""

    V3_1_1 = "3.1.1"
    V5 = "5"


@dataclass(frozen=True, slots=True, kw_only=True)
class MqttSettings:
    """The MQTT client. ``tls`` without a ``ca_file`` trusts the machine's certificate authorities."""

    host: str
    port: int
    tls: bool
    policy: WritePolicy
    version: MqttVersion = MqttVersion.V5
    username: str | None = None
    password: str | None = None
    ca_file: Path | None = None
    certificate_file: Path | None = None
    key_file: Path | None = None
    discovery: bool = False  # Home Assistant's
    discovery_prefix: str = "homeassistant"


@dataclass(frozen=True, slots=True, kw_only=True)
class FacilitySettings:
    """What of the building's interface there is; None of one that isn't set up."""

    modbus: ModbusSettings | None = None
    mqtt: MqttSettings | None = None
    grid: GridSettings | None = None
    limits_file: Path | None = None  # where what the building demands is kept

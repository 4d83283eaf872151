"""How the OCPP proxy is set up: what the ``[ocpp]`` table of the site file becomes."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import IntEnum, StrEnum
from pathlib import Path

from edge.units import Seconds


class UnknownStations(StrEnum):
    """What happens to a station whose identity isn't in the site file."""

    REFUSE = "refuse"  # HTTP 404 (OCPP-J 1.6 §3.2)
    WAIT = "wait"  # connected, told to wait (BootNotification: Pending), listed, never relayed


class CloudLoss(StrEnum):
    """What a station notices when its cloud can't be reached."""

    AUTONOMOUS = "autonomous"  # nothing: its link stays, so that limits reach it
    TRANSPARENT = "transparent"  # its link is closed, as OCPP 2.x part 4 §6.3 has it


class Verdict(StrEnum):
    """Who decides on a station's opening handshake."""

    LOCAL = "local"  # the gateway; the cloud is asked only which of several editions to speak
    CLOUD = "cloud"  # the cloud, as long as it can be reached: its refusal and its choice are the station's answer


class Samples(StrEnum):
    """Which of a station's samples its cloud gets, where the gateway has them taken more often than it wants."""

    ALL = "all"
    ASKED = "asked"  # see :mod:`edge.ocpp.asked_samples`


class SecurityProfile(IntEnum):
    """How a station proves who it is (OCPP 1.6 security whitepaper §2, OCPP 2.x part 2 A00)."""

    NONE = 0  # not at all
    BASIC = 1  # HTTP Basic over ws
    TLS = 2  # HTTP Basic over TLS
    MUTUAL = 3  # a certificate of its own, over TLS


@dataclass(frozen=True, slots=True, kw_only=True)
class StationSecurity:
    """What one station must show, and what we show the cloud for it.

    ``profile`` is the least that is accepted. ``key_hash``: see :mod:`edge.ocpp.keys`. ``certificate_name`` is the
    common name in its certificate, its identity unless told. ``cloud_key`` is sent to the cloud in place of the key
    that the station itself sends.
    """

    profile: SecurityProfile
    key_hash: str | None = None
    certificate_name: str | None = None
    cloud_key: bytes | None = None

    @property
    def checks_key(self) -> bool:
        """Whether a key that the cloud alone gives the station would keep it out, here or at the cloud."""
        return self.profile in (SecurityProfile.BASIC, SecurityProfile.TLS) or self.cloud_key is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsFiles:
    """PEM files. ``ca`` signs the certificates of the peers; None: those that the operating system trusts."""

    certificate: Path | None = None
    private_key: Path | None = None
    ca: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Listener:
    """An address to listen on. Port 0 lets the operating system choose."""

    host: str
    port: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OcppSettings:
    """Where the proxy listens, and where it passes things on to.

    ``upstream`` is a ws:// or wss:// address; ``{station}`` in it stands for the station's identity, percent-encoded,
    ``{path}`` for the path by which the station came; None: the site has no cloud. ``path`` says where in it the
    identity is; None: at its end. ``tls_listen`` is for stations of profile 2 and 3, with ``tls``; ``plain_listen`` for
    all others. ``security`` has the stations that differ from ``profile``, ``modes`` those that differ from ``mode``.
    ``cloud_tls`` is for a wss:// upstream; its certificate is ours as a station (profile 3). ``mirrors`` are addresses
    like ``upstream`` of those that get copies.
    ``absent_after_s``: see :class:`edge.ocpp.couriers.Couriers`. ``is_wire``: see :meth:`as_wire`.
    """

    plain_listen: Listener | None
    upstream: str | None
    tls_listen: Listener | None = None
    tls: TlsFiles = field(default_factory=TlsFiles)
    path: str | None = None
    unknown_stations: UnknownStations = UnknownStations.WAIT
    mode: CloudLoss = CloudLoss.AUTONOMOUS
    modes: Mapping[str, CloudLoss] = field(default_factory=dict)
    verdict: Verdict = Verdict.LOCAL
    samples: Samples = Samples.ALL
    profile: SecurityProfile = SecurityProfile.NONE
    security: Mapping[str, StationSecurity] = field(default_factory=dict)
    cloud_tls: TlsFiles = field(default_factory=TlsFiles)
    mirrors: tuple[str, ...] = ()
    absent_after_s: Seconds = 900.0
    is_wire: bool = False

    def as_wire(self) -> "OcppSettings":
        """The same for a controller that only observes: between a station and its cloud there is a wire, which decides
        nothing, and neither has a connection that the other hasn't."""
        return replace(
            self, is_wire=True, mode=CloudLoss.TRANSPARENT, modes={}, verdict=Verdict.CLOUD, samples=Samples.ALL
        )

    def security_of(self, station: str) -> StationSecurity:
        """What a station must show."""
        return self.security.get(station) or StationSecurity(profile=self.profile)

    def mode_of(self, station: str) -> CloudLoss:
        """What a station notices when its cloud is away."""
        return self.modes.get(station, self.mode)

"""How the OCPP proxy is set up: what the ``[ocpp]`` table of the site file becomes."""

from dataclasses import dataclass
from enum import StrEnum


class UnknownStations(StrEnum):
    """What happens to a station whose identity isn't in the site file."""

    REFUSE = "refuse"  # HTTP 404 (OCPP-J 1.6 §3.2)
    WAIT = "wait"  # connected, told to wait (BootNotification: Pending), listed, never relayed


class CloudLoss(StrEnum):
    """What a station notices when its cloud can't be reached."""

    AUTONOMOUS = "autonomous"  # nothing: its link stays, so that limits reach it
    TRANSPARENT = "transparent"  # its link is closed, as OCPP 2.x part 4 §6.3 has it


@dataclass(frozen=True, slots=True, kw_only=True)
class OcppSettings:
    """Where the proxy listens, and where it passes things on to.

    ``upstream`` is a ws:// or wss:// address; ``{station}`` in it stands for the station's identity, percent-encoded.
    """

    listen_host: str
    listen_port: int  # 0 lets the operating system choose
    upstream: str
    unknown_stations: UnknownStations = UnknownStations.WAIT
    mode: CloudLoss = CloudLoss.AUTONOMOUS

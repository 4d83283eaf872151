"""How the cloud of each station is dialled: where, and what is shown there of the station. Nobody is dialled where the
site has none.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from structlog.typing import FilteringBoundLogger
from websockets.http11 import Request

from edge.clock import Clock
from edge.ocpp import handshake, passed_handshake
from edge.ocpp.keys import header
from edge.ocpp.no_cloud import NoCloud
from edge.ocpp.passed_handshake import PassedRequest
from edge.ocpp.revival import Revival
from edge.ocpp.settings import CloudLoss, OcppSettings
from edge.ocpp.timings import LinkTimings
from edge.ocpp.tls import Contexts
from edge.ocpp.upstream import Jitter, Upstream, address
from edge.ocpp.versions import Version


@dataclass(frozen=True, slots=True, kw_only=True)
class Came:
    """How a station has come: by which path, and what of its headers is for its cloud."""

    path: str
    headers: Mapping[str, str]


class Dialling:
    """Makes the connections, which are yet to be opened."""

    def __init__(
        self, settings: OcppSettings, *, clock: Clock, timings: LinkTimings, jitter: Jitter, log: FilteringBoundLogger
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._timings = timings
        self._jitter = jitter
        self._log = log
        self._revival = Revival()
        self._came: dict[str, Came] = {}  # each station, when it was let in last
        self.tls: Contexts | None = None  # how clouds behind TLS are met

    def for_station(self, identity: str, request: Request, versions: Sequence[Version]) -> Upstream:
        """For a station that has come with this request."""
        found = {name: handshake.first(request.headers, name) for name in ("Authorization", "User-Agent")}
        passed = passed_handshake.passed(request.headers) if self._settings.is_wire else None
        key = self._settings.security_of(identity).cloud_key
        if key is not None:
            found["Authorization"] = header(identity, key)
            if passed is not None:
                del passed.headers["Authorization"]
                passed.headers["Authorization"] = header(identity, key)
        shown = {name: value for name, value in found.items() if value is not None}
        came = self._came[identity] = Came(path=request.path, headers=shown)
        redial = self._settings.mode_of(identity) is CloudLoss.AUTONOMOUS
        return self._made(identity, came, versions, redial=redial, passed=passed)

    def for_absent(self, identity: str, versions: Sequence[Version]) -> Upstream:
        """For one that stays away: as it came last, while the program runs; else by what the site file has of it."""
        key = self._settings.security_of(identity).cloud_key
        shown = {"Authorization": header(identity, key)} if key is not None else {}
        came = self._came.get(identity) or Came(path=f"/{quote(identity, safe='')}", headers=shown)
        return self._made(identity, came, versions, redial=False)

    def _made(
        self,
        identity: str,
        came: Came,
        versions: Sequence[Version],
        *,
        redial: bool,
        passed: PassedRequest | None = None,
    ) -> Upstream:
        template = self._settings.upstream
        kind = Upstream if template is not None else NoCloud
        return kind(
            uri=address(template or "", identity, came.path),
            tls=self.tls,
            versions=versions,
            headers=came.headers,
            passed=passed,
            redial=redial,
            clock=self._clock,
            timings=self._timings,
            jitter=self._jitter,
            revival=self._revival,
            log=self._log.bind(station=identity),
        )

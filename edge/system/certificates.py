"""How long certificates are still good: those in the gateway's files, and the cloud's as it has shown it."""

import asyncio
import contextlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any

import structlog
from cryptography import x509

from edge.clock import Clock
from edge.domain.certificate import CertificateState
from edge.units import Seconds

log = structlog.get_logger(__name__)

AHEAD = timedelta(days=30)  # what an operator needs to have one issued and to bring it on site
LOOK_S: Seconds = 3600.0  # files are looked at again; a day ends once in 24 looks
LARGEST = 1024 * 1024  # bytes of a file: a system's whole collection of authorities has a quarter of it
DAY_S = 86_400.0


class Use(StrEnum):
    """What a certificate is for."""

    STATIONS = "stations"  # the one that stations see
    STATIONS_CA = "stations_ca"  # the authority of the stations' own
    CLOUD = "cloud"  # the gateway's own toward the cloud
    CLOUD_CA = "cloud_ca"  # the authority of the cloud's
    CLOUD_SERVER = "cloud_server"  # the cloud's, as it has shown it
    BROKER = "broker"  # the gateway's own toward the building's broker
    BROKER_CA = "broker_ca"

    @property
    def is_authority(self) -> bool:
        """Whether a file of it holds authorities, of which one that is good suffices."""
        return self in (Use.STATIONS_CA, Use.CLOUD_CA, Use.BROKER_CA)


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateFile:
    """A PEM file and what it is for."""

    use: Use
    path: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """``place``: the file, or the address of who showed it. ``problem``: why the file can't be read."""

    use: Use
    place: str
    expires_at: datetime | None
    problem: str | None = None


class CertificateWatch:
    """Looks at the files once an hour, and says in the log when one is about to expire.

    ``shown``: the ends of the certificates that clouds have shown, by their addresses.
    """

    def __init__(
        self, files: Iterable[CertificateFile], clock: Clock, shown: Callable[[], Mapping[str, datetime]]
    ) -> None:
        self._files = tuple(files)
        self._clock = clock
        self._shown = shown
        self._found: tuple[_Found, ...] = ()
        self._told: dict[tuple[Use, str], CertificateState] = {}
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Look now, and from now on."""
        self.look()
        self._task = asyncio.create_task(self._keep_looking(), name="certificates")

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    def look(self) -> None:
        """Read the files, and tell the log what has changed."""
        self._found = tuple(_read(each) for each in self._files)
        for found in self._all():
            self._tell(found)

    def report(self) -> list[dict[str, Any]]:
        """One for each file, and for each cloud that has shown one: plain values."""
        wall = self._clock.wall()
        return [
            {
                "use": found.use.value,
                "place": found.place,
                "state": self._state(found).value,
                "expires_at": _stamp(found.expires_at) if found.expires_at is not None else None,
                "days_left": self._days_left(found, wall),
                "problem": found.problem,
            }
            for found in self._all()
        ]

    async def _keep_looking(self) -> None:
        while True:
            await asyncio.sleep(LOOK_S)
            self.look()

    def _all(self) -> list[_Found]:
        shown = [
            _Found(use=Use.CLOUD_SERVER, place=address, expires_at=expires_at)
            for address, expires_at in sorted(self._shown().items())
        ]
        return [*self._found, *shown]

    def _state(self, found: _Found) -> CertificateState:
        if found.expires_at is None:
            return CertificateState.UNREADABLE
        if not self._clock.wall_is_trusted():
            return CertificateState.UNKNOWN
        left = found.expires_at - self._clock.wall()
        if left <= timedelta(0):
            return CertificateState.EXPIRED
        return CertificateState.EXPIRING if left <= AHEAD else CertificateState.GOOD

    def _days_left(self, found: _Found, wall: datetime) -> float | None:
        if found.expires_at is None or not self._clock.wall_is_trusted():
            return None
        return round((found.expires_at - wall).total_seconds() / DAY_S, 1)

    def _tell(self, found: _Found) -> None:
        state, key = self._state(found), (found.use, found.place)
        before, self._told[key] = self._told.get(key, CertificateState.GOOD), state
        if state is before or state is CertificateState.UNKNOWN:
            return
        ends = _stamp(found.expires_at) if found.expires_at is not None else None
        match state:
            case CertificateState.EXPIRING:
                log.warning("a certificate expires soon", use=found.use.value, place=found.place, at=ends)
            case CertificateState.EXPIRED:
                log.error("a certificate has expired", use=found.use.value, place=found.place, at=ends)
            case CertificateState.UNREADABLE:
                log.error("a certificate can't be read", place=found.place, problem=found.problem)
            case CertificateState.GOOD:
                log.info("a certificate is good again", use=found.use.value, place=found.place, until=ends)


def _read(file: CertificateFile) -> _Found:
    """When the file's certificates end: of a chain with the first that does, of authorities with the last."""
    try:
        with file.path.open("rb") as stream:
            # What is cut off there is of a certificate that can't be read.
            ends = [each.not_valid_after_utc for each in x509.load_pem_x509_certificates(stream.read(LARGEST))]
    except OSError as exc:
        return _Found(use=file.use, place=str(file.path), expires_at=None, problem=exc.strerror or str(exc))
    except ValueError as exc:
        return _Found(use=file.use, place=str(file.path), expires_at=None, problem=f"holds no PEM certificate ({exc})")
    return _Found(use=file.use, place=str(file.path), expires_at=max(ends) if file.use.is_authority else min(ends))


def _stamp(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")

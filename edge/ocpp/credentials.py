"""Whether a station is who it says it is (OCPP 1.6 security whitepaper §2, OCPP 2.x part 2 A00)."""

import asyncio
import hashlib
import hmac
import secrets
from collections import OrderedDict
from dataclasses import dataclass
from http import HTTPStatus

from edge.ocpp import keys
from edge.ocpp.keys import Credentials
from edge.ocpp.settings import OcppSettings, SecurityProfile

REMEMBERED = 1024  # stations whose key was right, so that a reconnect storm costs no hashing


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What a connection shows of itself. ``certificate_name`` is of a certificate that our CA has signed."""

    tls: bool
    certificate_name: str | None = None
    authorization: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Why a station isn't let in."""

    status: HTTPStatus
    why: str


class Gatekeeper:
    """Checks what stations show against what each must show; a higher profile is always welcome."""

    def __init__(self, settings: OcppSettings) -> None:
        self._settings = settings
        self._secret = secrets.token_bytes(32)
        self._right: OrderedDict[str, bytes] = OrderedDict()  # by station, a tag of the password that was right

    async def check(self, station: str, shown: Shown) -> Refusal | None:
        """None when the station may come in."""
        needed = self._settings.security_of(station)
        match needed.profile:
            case SecurityProfile.NONE:
                return None
            case SecurityProfile.MUTUAL:
                expected = needed.certificate_name or station
                if shown.certificate_name is None:
                    return Refusal(status=HTTPStatus.FORBIDDEN, why="the station shows no certificate")
                if shown.certificate_name != expected:
                    why = f"the station's certificate is of {shown.certificate_name!r}"
                    return Refusal(status=HTTPStatus.FORBIDDEN, why=why)
                return None
            case SecurityProfile.BASIC | SecurityProfile.TLS:
                if needed.profile is SecurityProfile.TLS and not shown.tls:
                    return Refusal(status=HTTPStatus.FORBIDDEN, why="the station comes without TLS")
                credentials = keys.basic(shown.authorization)
                if credentials is None:
                    return Refusal(status=HTTPStatus.UNAUTHORIZED, why="the station shows no credentials")
                if credentials.user != station:
                    why = "the station's user name isn't its identity"
                    return Refusal(status=HTTPStatus.UNAUTHORIZED, why=why)
                if not await self._is_key(station, needed.key_hash, credentials):
                    return Refusal(status=HTTPStatus.UNAUTHORIZED, why="the station's credentials are wrong")
                return None

    async def _is_key(self, station: str, key_hash: str | None, credentials: Credentials) -> bool:
        if key_hash is None:
            return False
        tag = hmac.digest(self._secret, key_hash.encode() + credentials.password, hashlib.sha256)
        if hmac.compare_digest(self._right.get(station, b""), tag):
            return True
        right = await asyncio.to_thread(keys.matches, credentials.password, key_hash)
        if right:
            self._right[station] = tag
            self._right.move_to_end(station)
            while len(self._right) > REMEMBERED:
                self._right.popitem(last=False)
        return right

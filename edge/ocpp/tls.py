"""TLS on both sides: contexts made of PEM files, and made anew when the files change.

TLS 1.2 at least (OCPP 1.6 security whitepaper §2.4, OCPP 2.x part 2 A00.FR.310). A connection keeps what it began with.
"""

import ssl
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

from edge.errors import StartError
from edge.ocpp.settings import TlsFiles

_OF_ANOTHER_TIME = (9, 10)  # OpenSSL's X509_V_ERR_CERT_NOT_YET_VALID and X509_V_ERR_CERT_HAS_EXPIRED
Stamps = tuple[tuple[int, int, int] | None, ...]


class Contexts:
    """One side's context, as fresh as its files. ``make`` builds one of them."""

    def __init__(self, files: TlsFiles, make: Callable[[TlsFiles], ssl.SSLContext]) -> None:
        self._files = files
        self._make = make
        self._stamps = _stamps(files)
        self._context = make(files)
        self.shown: dict[str, datetime] = {}  # when the certificates end that were last shown, by who showed them

    @property
    def current(self) -> ssl.SSLContext:
        """The context of the newest files that could be read."""
        return self._context

    def met(self, address: str, connection: ssl.SSLObject | None) -> None:
        """Who answers at this address has shown a certificate that was found good."""
        certificate = connection.getpeercert() if connection is not None else None
        ends = certificate.get("notAfter") if certificate else None
        if isinstance(ends, str):
            self.shown[address] = datetime.fromtimestamp(ssl.cert_time_to_seconds(ends), UTC)

    def refresh(self) -> str | None:
        """Look at the files again; None when nothing changed, "" when what changed was taken over, else the problem.

        Files that can't be used leave the old context in place, and are told once.
        """
        stamps = _stamps(self._files)
        if stamps == self._stamps:
            return None
        self._stamps = stamps
        try:
            self._context = self._make(self._files)
        except StartError as problem:
            return problem.what
        return ""


class Sides:
    """The contexts toward stations and toward the cloud, as far as there are any."""

    def __init__(self) -> None:
        self.stations: Contexts | None = None
        self.cloud: Contexts | None = None

    @property
    def shown(self) -> Mapping[str, datetime]:
        """When the certificates end that clouds have shown, by their addresses."""
        return self.cloud.shown if self.cloud is not None else {}

    def refresh(self) -> Iterator[tuple[str, str]]:
        """The sides whose files have changed, and what :meth:`Contexts.refresh` says of them."""
        for side, contexts in (("stations", self.stations), ("the cloud", self.cloud)):
            problem = contexts.refresh() if contexts is not None else None
            if problem is not None:
                yield side, problem


def server_contexts(files: TlsFiles, *, mutual: bool) -> Contexts:
    """What stations are met with. ``mutual``: each must have a certificate; else one that is shown is checked.

    Raises StartError when the files can't be used.
    """

    def make(used: TlsFiles) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        _load(context, used)
        if used.ca is not None:
            context.verify_mode = ssl.CERT_REQUIRED if mutual else ssl.CERT_OPTIONAL
        return context

    return Contexts(files, make)


def client_contexts(files: TlsFiles) -> Contexts:
    """What clouds are met with: their name is checked, ours is shown where we have a certificate.

    Raises StartError when the files can't be used.
    """

    def make(used: TlsFiles) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if used.ca is None:
            context.load_default_certs()
        _load(context, used)
        return context

    return Contexts(files, make)


def distrust(error: ssl.SSLCertVerificationError, now: datetime) -> str:
    """Why a certificate isn't trusted. Where that is for its dates, our own clock (``now``) may be what is wrong."""
    told = f"its certificate isn't trusted: {error.verify_message}"
    return f"{told} (this gateway's clock shows {now:%Y-%m-%d})" if error.verify_code in _OF_ANOTHER_TIME else told


# What OpenSSL calls the failures that a station's settings can cause, and what they mean.
_FAILURES: Mapping[str, str] = {
    "HTTP_REQUEST": "it speaks without TLS (ws://) at the port with TLS: give it wss://, or the address of listen",
    "PEER_DID_NOT_RETURN_A_CERTIFICATE": "it shows no certificate of its own",
    "UNSUPPORTED_PROTOCOL": "it speaks no TLS from 1.2 on",
    "NO_SHARED_CIPHER": "it speaks no cipher of TLS that this gateway does",
} | dict.fromkeys(
    (
        "SSLV3_ALERT_BAD_CERTIFICATE",
        "SSLV3_ALERT_CERTIFICATE_EXPIRED",
        "SSLV3_ALERT_CERTIFICATE_UNKNOWN",
        "TLSV1_ALERT_UNKNOWN_CA",
    ),
    "it doesn't trust this gateway's certificate: see its authorities, its clock, and the name that it dials",
)


def why_failed(error: ssl.SSLError) -> str:
    """Why there is no TLS with a station, and where its settings can be what is wrong, which."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate isn't trusted: {error.verify_message}"
    reason = error.reason or str(error)
    return _FAILURES.get(reason, f"no TLS with it: {reason.lower().replace('_', ' ')}")


def common_name(certificate: object) -> str | None:
    """The common name in what :meth:`ssl.SSLSocket.getpeercert` gives; None when there is none."""
    subject = certificate.get("subject", ()) if isinstance(certificate, dict) else ()
    names = (value for relative in subject for key, value in relative if key == "commonName")
    return next(names, None)


def _load(context: ssl.SSLContext, files: TlsFiles) -> None:
    try:
        if files.certificate is not None:
            context.load_cert_chain(files.certificate, files.private_key)
        if files.ca is not None:
            context.load_verify_locations(files.ca)
    except (OSError, ValueError) as exc:  # ssl.SSLError is an OSError
        names = ", ".join(str(path) for path in (files.certificate, files.private_key, files.ca) if path is not None)
        what = f"can't use the certificate files {names} ({getattr(exc, 'strerror', None) or exc})"
        raise StartError(what, remedy="give PEM files of a certificate with its key, readable by this program") from exc


def _stamps(files: TlsFiles) -> Stamps:
    return tuple(_stamp(path) for path in (files.certificate, files.private_key, files.ca))


def _stamp(path: Path | None) -> tuple[int, int, int] | None:
    if path is None:
        return None
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ino, found.st_size

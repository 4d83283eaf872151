"""Why a cloud can't be had, in words that say what to look at."""

import errno
import socket
import ssl
from urllib.parse import urlsplit

from websockets.exceptions import ConnectionClosed, InvalidMessage, InvalidStatus, InvalidURI, SecurityError
from websockets.http11 import Response

from edge.ocpp.trace import without_login

_NO_WAY = frozenset({errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN})
_PLAIN = "is it ws://, or another port"
_OWN = "does it ask for a certificate of this gateway's ([ocpp.cloud])"
# What OpenSSL calls the first words of a program that speaks no TLS.
_NO_TLS = frozenset({"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "PACKET_LENGTH_TOO_LONG", "RECORD_LAYER_FAILURE"})
_TARGET_SHOWN = 200  # characters of an address that a cloud has named


def cause(error: Exception, uri: str) -> str:
    """What has kept us from shaking hands with who listens at a ``ws://`` or ``wss://`` address."""
    parts = urlsplit(uri)
    with_tls, host = parts.scheme == "wss", parts.hostname or ""
    port = parts.port or (443 if with_tls else 80)
    place = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    match error:
        case InvalidURI() | SecurityError() | ValueError() if (redirect := _redirect(error)) is not None:
            status, target = redirect.status_code, _shown(redirect.headers["Location"])
            if isinstance(error, SecurityError):
                return (
                    f"{place} redirects (HTTP {status}) to {target}, which has no TLS: "
                    "is the cloud's address right, to the end of its path?"
                )
            return (
                f"{place} redirects (HTTP {status}) to {target}, which is no WebSocket's address (ws:// or wss://): "
                "is the cloud's address right, to the end of its path?"
            )
        case SecurityError():
            return f"{place} redirects again and again: is the cloud's address right, to the end of its path?"
        case socket.gaierror():
            return f"no address is found for {host}: is the name right, and is there a way to the Internet?"
        case ConnectionRefusedError():
            return f"{place} refuses the connection: is the port right?"
        case ConnectionError() if with_tls:
            return f"{place} hangs up before there is TLS: {_PLAIN}, or {_OWN}?"
        case ssl.SSLError():
            reason = error.reason or str(error)
            told = reason.lower().replace("_", " ")
            if reason in _NO_TLS:
                return f"{place} speaks no TLS ({told}): {_PLAIN}?"
            return f"{place} agrees to no TLS ({told})" + (f": {_OWN}?" if "ALERT" in reason else "")
        # The library asserts that nobody hangs up before it has asked, and on uvloop somebody may.
        case InvalidMessage() | ConnectionClosed() | AssertionError() | ConnectionError():
            hint = _OWN if with_tls else "is ws:// right for it"
            return f"{place} answers no WebSocket handshake: is that the cloud's port, and {hint}?"
        case OSError() if error.errno in _NO_WAY:
            return f"there is no way to {place}: is the network up, with a gateway?"
    return str(error) or type(error).__name__


def _shown(target: str) -> str:
    """An address that a cloud has named."""
    return repr(without_login(target[:_TARGET_SHOWN]))


def _redirect(error: Exception) -> Response | None:
    """The answer that has sent us on to where we can't go."""
    before = error.__cause__ or error.__context__
    is_one = isinstance(before, InvalidStatus) and "Location" in before.response.headers
    return before.response if isinstance(before, InvalidStatus) and is_one else None

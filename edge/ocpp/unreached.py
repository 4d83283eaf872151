"""Why a cloud can't be had, in words that say what to look at."""

import errno
import socket
import ssl
from urllib.parse import urlsplit

from websockets.exceptions import ConnectionClosed, InvalidMessage

_NO_WAY = frozenset({errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN})
_PLAIN = "is it ws://, or another port"
_OWN = "does it ask for a certificate of this gateway's ([ocpp.cloud])"
# What OpenSSL calls the first words of a program that speaks no TLS.
_NO_TLS = frozenset({"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "PACKET_LENGTH_TOO_LONG", "RECORD_LAYER_FAILURE"})


def cause(error: Exception, uri: str) -> str:
    """What has kept us from shaking hands with who listens at a ``ws://`` or ``wss://`` address."""
    parts = urlsplit(uri)
    with_tls, host = parts.scheme == "wss", parts.hostname or ""
    port = parts.port or (443 if with_tls else 80)
    place = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    match error:
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

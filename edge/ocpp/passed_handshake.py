"""An opening handshake as a wire passes it: what of either side's is for the other (RFC 6455 §4, RFC 7692 §7)."""

from collections.abc import Sequence
from dataclasses import dataclass

from websockets.datastructures import Headers
from websockets.exceptions import InvalidHeader
from websockets.extensions.base import ClientExtensionFactory
from websockets.extensions.permessage_deflate import (
    ClientPerMessageDeflateFactory,
    PerMessageDeflate,
    ServerPerMessageDeflateFactory,
)
from websockets.headers import parse_extension
from websockets.http11 import Response

# Of one connection each, or worked out anew (RFC 9110 §7.6.1); and those of the WebSocket handshake itself.
_HOP_BY_HOP = frozenset(
    {
        "connection",
        "content-length",
        "host",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
_WEBSOCKET = "sec-websocket-"
_DEFLATE = "permessage-deflate"
_WINDOW_BITS = 15  # where none are told
_COMPRESSION = {"memLevel": 5}  # 1 MiB of a hundred stations instead of 25


@dataclass(frozen=True, slots=True, kw_only=True)
class PassedRequest:
    """What the cloud is asked in the station's place: its headers, and the compression that it offers."""

    headers: Headers
    extensions: Sequence[ClientExtensionFactory]


def passed(headers: Headers) -> PassedRequest:
    """The station's request, for the cloud."""
    return PassedRequest(headers=end_to_end(headers), extensions=_offered(headers))


def end_to_end(headers: Headers) -> Headers:
    """The headers that are for whoever is at the other end."""
    found = Headers()
    for name, value in headers.raw_items():
        if name.lower() not in _HOP_BY_HOP and not name.lower().startswith(_WEBSOCKET):
            found[name] = value
    return found


def refusal(answer: Response) -> Response:
    """The cloud's refusal, for the station."""
    headers, body = end_to_end(answer.headers), answer.body or b""
    headers["Connection"] = "close"
    headers["Content-Length"] = str(len(body))
    return Response(answer.status_code, answer.reason_phrase, headers, body)


def _offered(headers: Headers) -> Sequence[ClientExtensionFactory]:
    """The compression that the station offers, for the cloud; of what can't be read, nothing."""
    factories = []
    for header in headers.get_all("Sec-WebSocket-Extensions"):
        try:
            for name, parameters in parse_extension(header):
                if name == _DEFLATE:
                    factories.append(_offer(dict(parameters)))
        except (InvalidHeader, ValueError):
            continue
    return factories


def agreed(with_cloud: PerMessageDeflate) -> ServerPerMessageDeflateFactory:
    """What makes the station the answer that the cloud gave."""
    server, client = with_cloud.remote_max_window_bits, with_cloud.local_max_window_bits
    return ServerPerMessageDeflateFactory(
        server_no_context_takeover=with_cloud.remote_no_context_takeover,
        client_no_context_takeover=with_cloud.local_no_context_takeover,
        server_max_window_bits=server if server != _WINDOW_BITS else None,
        client_max_window_bits=client if client != _WINDOW_BITS else None,
        compress_settings=_COMPRESSION,
    )


def _offer(parameters: dict[str, str | None]) -> ClientPerMessageDeflateFactory:
    """Raises ValueError for values that aren't allowed."""
    server, client = parameters.get("server_max_window_bits"), parameters.get("client_max_window_bits")
    bare = "client_max_window_bits" in parameters and client is None
    return ClientPerMessageDeflateFactory(
        server_no_context_takeover="server_no_context_takeover" in parameters,
        client_no_context_takeover="client_no_context_takeover" in parameters,
        server_max_window_bits=int(server) if server is not None else None,
        client_max_window_bits=True if bare else int(client) if client is not None else None,
        compress_settings=_COMPRESSION,
    )

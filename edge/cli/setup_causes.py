"""Why a machine that was tried can't be had, in the words of who sets up."""

import errno
import socket
from collections.abc import Mapping

from edge.language import Said

_NO_WAY = Said("cause.no_way")
_CAUSES: Mapping[int, Said] = {
    errno.ECONNREFUSED: Said("cause.refused"),
    errno.EHOSTUNREACH: _NO_WAY,
    errno.ENETUNREACH: _NO_WAY,
    errno.ENETDOWN: _NO_WAY,
    errno.ETIMEDOUT: Said("cause.silent"),
    errno.EADDRNOTAVAIL: Said("cause.not_ours"),
    errno.EACCES: Said("cause.forbidden"),
}


def cause(refusal: OSError) -> Said | str:
    """What the system's refusal means; what no text says is told as the system names it."""
    if isinstance(refusal, socket.gaierror):
        return Said("cause.no_name")
    if isinstance(refusal, TimeoutError):
        return Said("cause.silent")
    known = _CAUSES.get(refusal.errno or 0)
    return known if known is not None else refusal.strerror or str(refusal) or type(refusal).__name__

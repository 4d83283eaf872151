"""WebSocket frames (RFC 6455 §5.2) as they lie in what was read, and those of whole messages written.

The library reads and writes any frame, through a dozen objects and generators. Of the frames of OCPP nearly all are
alike, a whole text of some hundred bytes: those are read and written here at one go, and all others left to it.
"""

import os
import struct
from dataclasses import dataclass
from types import GeneratorType
from typing import cast

from websockets.protocol import Protocol
from websockets.speedups import apply_mask
from websockets.streams import StreamReader

FINAL = 0b1000_0000  # in the first byte: the message ends here
MASKED = 0b1000_0000  # in the second byte: by a client
TEXT, BINARY, PING, PONG = 0x1, 0x2, 0x9, 0xA
# First bytes, without an extension's bits.
WHOLE_TEXT, WHOLE_BINARY, WHOLE_PING, WHOLE_PONG = FINAL | TEXT, FINAL | BINARY, FINAL | PING, FINAL | PONG
MOST_CONTROL = 125  # bytes that a ping or a pong carries at most
_EXTENDED = 0b0100_0000  # the bit of an extension that has changed what the frame carries
# First bytes of frames without that bit: data frames and pieces of some, and whole close, ping and pong.
_SOUND = frozenset({0x00, 0x01, 0x02, 0x80, 0x81, 0x82, 0x88, 0x89, 0x8A})

_KEY_BYTES = 4
_KEYS_AT_ONCE = 1024  # a call of the operating system for each would take longer than all else here


@dataclass(slots=True)
class Head:
    """The head of a frame: its first byte, whether it is masked, where its payload begins and where it ends."""

    first: int
    masked: bool
    begins: int
    ends: int


def head(data: bytes, place: int) -> Head | None:
    """The head of the frame that begins at ``place``; None when not all of it is there."""
    begins = place + 2
    if begins > len(data):
        return None
    second = data[place + 1]
    length = second & 0x7F
    if length >= 126:
        field = 2 if length == 126 else 8
        if begins + field > len(data):
            return None
        length = int.from_bytes(data[begins : begins + field], "big")
        begins += field
    if second & MASKED:
        begins += _KEY_BYTES
        return Head(data[place], True, begins, begins + length)
    return Head(data[place], False, begins, begins + length)


def may_be_sound(data: bytes, *, masked: bool, extended: bool) -> bool:
    """Whether a frame may be sound by its first two bytes, as far as they are there."""
    if len(data) < 2:
        return True
    first = data[0] & ~_EXTENDED if extended else data[0]
    return first in _SOUND and (data[1] & MASKED != 0) is masked


def payload(data: bytes, found: Head) -> bytes:
    """What the frame carries. It is all there."""
    carried = data[found.begins : found.ends]
    return apply_mask(carried, data[found.begins - _KEY_BYTES : found.begins]) if found.masked else carried


def written(first: int, carried: bytes, key: bytes | None) -> bytes:
    """A frame; a client's with a masking key."""
    length = len(carried)
    mask = MASKED if key is not None else 0
    if length < 126:
        start = bytes((first, mask | length))
    elif length < 65536:
        start = struct.pack("!BBH", first, mask | 126, length)
    else:
        start = struct.pack("!BBQ", first, mask | 127, length)
    return start + carried if key is None else start + key + apply_mask(carried, key)


def is_between_frames(protocol: Protocol) -> bool:
    """Whether the library has read every frame to its end that it was given the beginning of."""
    waiting = cast("GeneratorType[None, None, None]", protocol.parser)
    while (inner := waiting.gi_yieldfrom) is not None:
        waiting = cast("GeneratorType[None, None, None]", inner)
    return waiting.gi_code is StreamReader.at_eof.__code__


class MaskingKeys:
    """Keys that nobody can foretell (RFC 6455 §10.3)."""

    def __init__(self) -> None:
        self._stock = b""
        self._place = 0

    def next(self) -> bytes:
        """A key that was never used."""
        if self._place >= len(self._stock):
            self._stock = os.urandom(_KEY_BYTES * _KEYS_AT_ONCE)
            self._place = 0
        key = self._stock[self._place : self._place + _KEY_BYTES]
        self._place += _KEY_BYTES
        return key

"""The last frames of each station, for people who look for a fault. Bounded; what could be used to charge is hidden.

Every frame of every station is noted, and hardly any is ever looked at: so nothing is worked out before somebody looks.
"""

import re
from collections import deque
from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import Enum
from typing import Any

from edge.units import Seconds

MOST_FRAMES = 200  # some minutes of a lively station
MOST_CHARACTERS = 64 * 1024  # of one station: 200 stations take 13 MB at most
LONGEST = 2048  # characters that are kept of a frame; a charging profile or a set of meter values has less

_HIDDEN = "***"
# What identifies a driver (idTag of 1.6, idToken of 2.x), in a JSON text however it is spaced.
_OF_A_DRIVER = "idTag|parentIdTag|idToken|additionalIdToken|vin|emaid|evccId"
_TOKENS = re.compile(rf'("(?:{_OF_A_DRIVER})"\s*:\s*)"(?:[^"\\]|\\.)*"?')
_INNER_TOKENS = re.compile(rf'(\\+"(?:{_OF_A_DRIVER})\\+"\s*:\s*\\+")[^"\\]*')  # JSON in a text: DataTransfer's data
# Where to upload or download with a login: GetDiagnostics, GetLog, UpdateFirmware.
_LOGINS = re.compile(r'(:(?:\\?/){2})[^\s"\'<>/]+@')
# Keys of stations on their way: in ChangeConfiguration, SetVariables and SetNetworkProfile.
_SECRET_NAMES = re.compile(r"AuthorizationKey|BasicAuthPassword|basicAuthPassword|apnPassword|password", re.IGNORECASE)
_VALUES = re.compile(
    r'("(?:value|attributeValue|basicAuthPassword|apnPassword|simPin|password|key)"\s*:\s*)"(?:[^"\\]|\\.)*"?'
)
_NOT_A_NAME = re.compile(r'"key"\s*:\s*"(AuthorizationKey)"')


class Way(Enum):
    """Between whom a frame went. The value is for people."""

    FROM_STATION = "station → gateway"
    TO_STATION = "gateway → station"
    FROM_CLOUD = "cloud → gateway"
    TO_CLOUD = "gateway → cloud"


# Monotonic time, way, where it was passed on to at once (or None), what is kept of the text, length of the whole: a
# plain tuple, as there is one for every frame.
_Entry = tuple[Seconds, Way, Way | None, str | bytes, int]


class Trace:
    """The last frames of one station."""

    def __init__(self) -> None:
        self._entries: deque[_Entry] = deque()
        self._characters = 0

    def add(self, way: Way, text: str | bytes, now: Seconds, onward: Way | None = None) -> None:
        """A frame went by; ``onward`` when the same text went on at once."""
        length = len(text)
        if length > LONGEST:
            text = text[:LONGEST]
        entries = self._entries
        entries.append((now, way, onward, text, length))
        self._characters += len(text)
        while self._characters > MOST_CHARACTERS or len(entries) > MOST_FRAMES:
            self._characters -= len(entries.popleft()[3])

    def shown(self, now: Seconds, wall: datetime) -> list[Mapping[str, Any]]:
        """The frames, oldest first, as plain JSON values: ``time``, ``way``, ``text``, ``length`` of the whole text.

        ``now`` and ``wall`` are the same moment, by which the frames' times are told.
        """
        frames: list[Mapping[str, Any]] = []
        for at, way, onward, kept, length in self._entries:
            time = (wall - timedelta(seconds=now - at)).isoformat(timespec="milliseconds").replace("+00:00", "Z")
            # What stands for bytes that are no UTF-8 can't be shown as text.
            readable = kept.encode(errors="backslashreplace").decode() if isinstance(kept, str) else repr(kept)
            text = redacted(readable)
            ways = (way,) if onward is None else (way, onward)
            frames += [{"time": time, "way": each.value, "text": text, "length": length} for each in ways]
        return frames[-MOST_FRAMES:]


def without_login(address: str) -> str:
    """An address for the log: who logs in there isn't told."""
    return _LOGINS.sub(rf"\1{_HIDDEN}@", address)


def redacted(text: str) -> str:
    """The text without drivers' tokens and stations' keys. Also where it is cut in the middle of one."""
    hidden = _TOKENS.sub(rf'\1"{_HIDDEN}"', text)
    hidden = without_login(_INNER_TOKENS.sub(rf"\1{_HIDDEN}", hidden))
    if _SECRET_NAMES.search(hidden) is None:
        return hidden
    named = _NOT_A_NAME.sub('"key" : <\\1>', hidden)
    return _VALUES.sub(rf'\1"{_HIDDEN}"', named).replace("<AuthorizationKey>", '"AuthorizationKey"')

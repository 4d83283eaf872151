"""Lets a station show itself to who stands before it: by its light, else by the lock of a socket. Sans-I/O.

The light is the key LightIntensity (OCPP 1.6 §9.1.10), a percentage; the lock moves with UnlockConnector (OCPP 1.6
§5.18, 2.0.1 part 2 F05), which is harmless where no car is plugged in. Both work while the station still waits (§4.2:
Pending).
"""

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from edge.chance import Chance
from edge.ocpp import wire
from edge.ocpp.versions import Version

BLINKS = 3
LIGHT = "LightIntensity"


class Shown(StrEnum):
    """How a station has shown itself."""

    BLINK = "blink"
    LOCK = "lock"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the station said to a CALL; the payload is None when it refused it."""

    payload: Mapping[str, Any] | None


_Walk = Generator[tuple[str, dict[str, Any]], Answer, Shown | None]


class Showing:
    """One attempt. ``done`` is called once: with how it was shown, or with a sentence why not. ``chance`` makes message
    ids.
    """

    def __init__(self, version: Version, done: Callable[[Shown | str], None], chance: Chance) -> None:
        self._walk: _Walk = _v2() if version.is_v2 else _v16()
        self._done = done
        self._chance = chance
        self._awaited: str | None = None
        self._over = False

    def awaits(self, identifier: str) -> bool:
        """Whether the CALL of that id is ours."""
        return identifier == self._awaited

    def next(self, answer: Answer | None) -> str | None:
        """The next CALL after the answer to the last; None when it is over."""
        try:
            action, payload = next(self._walk) if answer is None else self._walk.send(answer)
        except StopIteration as end:
            how: Shown | None = end.value
            self.give_up("it knows neither a light nor a lock") if how is None else self._end(how)
            return None
        self._awaited = f"edge-{self._chance.token(8)}"
        return wire.call_text(self._awaited, action, payload)

    def give_up(self, why: str) -> None:
        """It can't be gone on with."""
        self._end(why)

    def _end(self, how: Shown | str) -> None:
        if not self._over:
            self._over = True
            self._done(how)


def _v16() -> _Walk:
    answer = yield "GetConfiguration", {"key": [LIGHT]}
    before = _light(answer.payload)
    if before is not None:
        accepted = False
        for _ in range(BLINKS):
            for level in ("0", "100"):
                answer = yield "ChangeConfiguration", {"key": LIGHT, "value": level}
                accepted = answer.payload is not None and answer.payload.get("status") == "Accepted"
        yield "ChangeConfiguration", {"key": LIGHT, "value": before}
        if accepted:
            return Shown.BLINK
    answer = yield "UnlockConnector", {"connectorId": 1}
    return Shown.LOCK if _unlocked(answer) else None


def _v2() -> _Walk:
    answer = yield "UnlockConnector", {"evseId": 1, "connectorId": 1}
    return Shown.LOCK if _unlocked(answer) else None


def _light(payload: Mapping[str, Any] | None) -> str | None:
    keys = payload.get("configurationKey") if payload is not None else None
    for each in keys if isinstance(keys, list) else ():
        if isinstance(each, dict) and each.get("key") == LIGHT and not each.get("readonly"):
            return str(each.get("value", "100"))
    return None


def _unlocked(answer: Answer) -> bool:
    return answer.payload is not None and answer.payload.get("status") == "Unlocked"

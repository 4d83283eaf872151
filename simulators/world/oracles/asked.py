"""What the cloud asks of the stations: it comes to them as it was said, and their answer to the cloud, each once."""

import re
from dataclasses import dataclass
from typing import Final

from edge.ocpp.routing import FROM_CLOUD, Route, route
from edge.ocpp.versions import Version
from simulators.world.oracles.base import Oracle
from simulators.world.oracles.relayed import CALL, OWN, RESULT
from simulators.world.world import World

ANSWERED_S: Final = 90.0  # 30 s for the station, and two ways of 30 s on the slowest uplink
ERROR: Final = re.compile(r'\[\s*4\s*,\s*"([^"]*)"')
# These pass as they are; of others the gateway may take something away, answer for the station, or change a number.
AS_SAID: Final = frozenset({Route.RELAY, Route.OBSERVE})
PASSED: Final = frozenset({"ClearChargingProfile"})  # what it may clear is *cleared*'s
MAY_ANSWER: Final = frozenset({Route.OWN, Route.SCREEN, Route.GUARD, Route.REWRITE})


@dataclass(slots=True, kw_only=True)
class _Asked:
    """A CALL of the cloud. `connection`: the number of the one on which it was said."""

    action: str
    way: Route
    text: str
    at_s: float
    connection: int
    reached: int = 0
    answer: str | None = None  # the station's
    answers: int = 0  # that the cloud has got


class CloudIsHeard(Oracle):
    """A CALL of the cloud comes to its station once, byte for byte; the cloud gets one answer, byte for byte the
    station's own. Charging profiles are the gateway's, so the station hears nothing of these, but for a clear of what
    the gateway doesn't know.
    """

    name = "calls"
    promise = "what the cloud asks comes to the station as it was said, and its answer to the cloud, each once"
    every_s = 5.0

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self._asked: dict[tuple[str, str], _Asked] = {}
        self._connections: dict[str, int] = {}

    def cloud_met(self, identity: str) -> None:
        self._connections[identity] = self._connections.get(identity, 0) + 1

    def cloud_said(self, identity: str, text: str) -> None:
        call = CALL.match(text)
        if call is not None:
            self._asked[identity, call[1]] = _Asked(
                action=call[2],
                way=route(FROM_CLOUD[Version.V16], call[2]),
                text=text,
                at_s=self.world.now(),
                connection=self._connections.get(identity, 0),
            )

    def station_got(self, identity: str, text: str) -> None:
        call = CALL.match(text)
        if call is None or call[1].startswith(OWN):
            return
        asked = self._asked.get((identity, call[1]))
        is_ours = asked is not None and asked.way is Route.OWN and asked.action not in PASSED
        if asked is None or is_ours or (asked.way in AS_SAID and asked.text != text):
            self.fail(f"{identity} was asked what the cloud didn't ask of it: {text[:160]}")
            return
        asked.reached += 1
        if asked.reached > 1:
            self.fail(f"{identity} was asked twice what the cloud asked once: {text[:160]}")

    def station_said(self, identity: str, text: str) -> None:
        answer = RESULT.match(text) or ERROR.match(text)
        asked = self._asked.get((identity, answer[1])) if answer is not None else None
        if asked is not None and asked.answer is None:
            asked.answer = text

    def cloud_got(self, identity: str, text: str) -> None:
        answer = RESULT.match(text) or ERROR.match(text)
        asked = self._asked.get((identity, answer[1])) if answer is not None else None
        if asked is None:
            return
        asked.answers += 1
        if asked.answers > 1:
            self.fail(f"the cloud asked {identity} once, and is answered twice: {text[:160]}")
        elif asked.way not in MAY_ANSWER and text != asked.answer and not (text[1] == "4" and asked.answer is None):
            self.fail(
                f"the cloud asked {identity} for {asked.action}, and got another answer than it gave: {text[:160]}"
            )

    def look(self) -> None:
        """What was asked a while ago, over a connection that is still there, is done."""
        there = self.world.cloud.connected
        late = self.world.now() - ANSWERED_S - self.grace_s
        for (identity, number), asked in list(self._asked.items()):
            if identity not in there or self._connections.get(identity, 0) != asked.connection:
                del self._asked[identity, number]
            elif asked.at_s < late:
                del self._asked[identity, number]
                if not asked.answers and asked.answer is not None:
                    self.fail(f"{identity} has answered {asked.action}, and the cloud hasn't heard of it")
                elif not asked.answers and not asked.reached:
                    self.fail(f"the cloud has asked {identity} for {asked.action}, which was never passed on")

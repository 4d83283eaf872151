"""What stations are answered: the cloud's own words, each under the number of what was asked; and the right time."""

import re
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from edge.ocpp.routing import FROM_STATION, Route, route
from edge.ocpp.versions import Version
from simulators.world.oracles.asked import ERROR
from simulators.world.oracles.base import Oracle
from simulators.world.oracles.relayed import CALL, RESULT
from simulators.world.world import World

REMEMBERED: Final = 1000  # calls of a station
WRONG_S: Final = 60.0  # what a frame is on its way, at most, where nothing is wrong
TIME: Final = re.compile(r'"currentTime"\s*:\s*"([^"]*)"')


@dataclass(slots=True, kw_only=True)
class _Call:
    """What a station has asked. `said`: what the cloud has answered."""

    action: str
    said: str | None = None


class StationsAreAnswered(Oracle):
    """While nothing is wrong with the site: what answers a station's CALL is the cloud's own answer, byte for byte,
    where that was said by then; and a time in it is so. Nothing is answered that wasn't asked, whatever is wrong.

    Of a 2.x station an interpreter has changed both; only the time is judged.
    """

    name = "answers"
    promise = "a station is answered what it asked, by the cloud's own words, and with the right time"

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self._calls: dict[str, OrderedDict[str, _Call]] = {}
        self._others = frozenset(world.scenario.editions)

    def station_said(self, identity: str, text: str) -> None:
        call = CALL.match(text)
        if call is None:
            return
        calls = self._calls.setdefault(identity, OrderedDict())
        calls[call[1]] = _Call(action=call[2])
        calls.move_to_end(call[1])
        if len(calls) > REMEMBERED:
            calls.popitem(last=False)

    def cloud_said(self, identity: str, text: str) -> None:
        answer = _answer(text)
        call = self._call(identity, answer[1]) if answer is not None else None
        if call is not None and call.said is None:
            call.said = text

    def station_got(self, identity: str, text: str) -> None:
        answer = _answer(text)
        if answer is None:
            return
        call = self._call(identity, answer[1])
        if call is None:
            # What isn't even a CALL may be answered by an error.
            if identity not in self._others and answer.re is RESULT:
                self.fail(f"{identity} was answered what it hasn't asked: {text[:160]}")
            return
        if not self.world.is_sound:
            return
        relayed = route(FROM_STATION[Version.V16], call.action) in (Route.RELAY, Route.OBSERVE)
        if relayed and identity not in self._others and call.said not in (None, text):
            self.fail(f"{identity} was answered {text[:160]} where the cloud had said {call.said}")
        told = TIME.search(text)
        if told is not None:
            off_s = datetime.fromisoformat(told[1]).timestamp() - self.world.wall_s()
            if abs(off_s) > WRONG_S:
                self.fail(f"{identity} was told a time that is {off_s:.0f} s off: {told[1]}")

    def _call(self, identity: str, number: str) -> _Call | None:
        return self._calls.get(identity, OrderedDict()).get(number)


def _answer(text: str) -> re.Match[str] | None:
    return RESULT.match(text) or ERROR.match(text)

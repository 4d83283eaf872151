"""The line up to the cloud: the station's CALLs, and now and then one of our own between them. Sans-I/O.

One CALL is outstanding at a time where one is ours (OCPP 2.x part 4 §4.1.1): ours waits until the station's have been
answered, and the station's wait until ours has. The station's own are passed on as they come: it keeps to the rule by
itself, or its cloud is used to it.
"""

from collections import deque
from collections.abc import Mapping
from enum import Enum, auto
from typing import Any

from edge.ocpp import wire
from edge.ocpp.actions import Outbox
from edge.ocpp.figures import Answerer, Figures
from edge.units import Seconds

ANSWER_S = 30.0  # what a station waits for its cloud before it gives a CALL up, in common firmware
# Ours hold the station's up, whose desk gives a CALL up after 15 s: by then those must have gone out.
OWN_ANSWER_S = 10.0
OWN_MOST = 64  # reports of 64 profiles are 64 CALLs at most
LATE_KEPT = 64  # unanswered CALLs of the station whose late answers are still for it


class Asker(Enum):
    """Whose CALL the cloud has answered."""

    STATION = auto()
    GATEWAY = auto()
    NOBODY = auto()  # nothing of that id was asked, or it has been answered already


# CALLs of the station by id, the oldest first: since when, and how many of that id lack an answer.
_Asked = dict[str, tuple[Seconds, int]]


class Upline:
    """The CALLs toward the cloud of one station. ``nonce``: see :class:`edge.ocpp.arbiter.Arbiter`."""

    def __init__(self, nonce: str, outbox: Outbox, figures: Figures) -> None:
        self._out = outbox
        self._figures = figures
        self._prefix = f"edge-{nonce}-u"
        self._count = 0
        self._stations: _Asked = {}  # unanswered
        self._late: _Asked = {}  # unanswered for so long that they hold up nothing any more
        self._waiting: deque[tuple[str, str]] = deque()  # the station's, while ours is outstanding
        self._own: deque[tuple[str, Mapping[str, Any]]] = deque(maxlen=OWN_MOST)
        self._outstanding: tuple[str, Seconds] | None = None  # ours

    def station_call(self, identifier: str, text: str, now: Seconds) -> None:
        """Pass a CALL of the station on, at once unless one of ours is outstanding."""
        if self._outstanding is not None:
            self._waiting.append((identifier, text))
        else:
            self._pass_on(identifier, text, now)

    def own_call(self, action: str, payload: Mapping[str, Any], now: Seconds) -> None:
        """Make a CALL of our own as soon as the line is free."""
        self._own.append((action, payload))
        self._pump(now)

    def answered(self, identifier: str, now: Seconds) -> Asker:
        """The cloud has answered; whose CALL that was. Each CALL is answered once."""
        asked = self._stations.pop(identifier, None)
        if asked is not None:
            since, count = asked
            if count > 1:
                self._stations[identifier] = since, count - 1
            self._figures.answered(Answerer.CLOUD_TO_STATION, now - since)
            if self._own:
                self._pump(now)
            return Asker.STATION
        if self._outstanding is not None and self._outstanding[0] == identifier:
            self._release(now)
            return Asker.GATEWAY
        return self._answered_late(identifier)

    @property
    def is_idle(self) -> bool:
        """Whether nothing waits for the cloud's answer."""
        return self._outstanding is None and not (self._stations or self._own)

    def tick(self, now: Seconds) -> None:
        """Give up what stays unanswered."""
        if self._outstanding is not None and now - self._outstanding[1] >= OWN_ANSWER_S:
            self._out.note("debug", "the cloud didn't answer a call of the gateway", id=self._outstanding[0])
            self._release(now)
        while self._stations and now - self._stations[oldest := next(iter(self._stations))][0] >= ANSWER_S:
            self._keep_late(oldest, self._stations.pop(oldest))
        self._pump(now)

    def cloud_gone(self) -> None:
        """The cloud is gone: forget what it was to be asked. Should it come back with an answer, the station may yet
        wait for that."""
        for identifier, asked in self._stations.items():
            self._keep_late(identifier, asked)
        self._stations.clear()
        self._waiting.clear()
        self._own.clear()
        self._outstanding = None

    def station_gone(self) -> None:
        """The station is gone: forget everything."""
        self.cloud_gone()
        self._late.clear()

    def _answered_late(self, identifier: str) -> Asker:
        if identifier.startswith(self._prefix):
            return Asker.GATEWAY
        asked = self._late.pop(identifier, None)
        if asked is None:
            return Asker.NOBODY
        since, count = asked
        if count > 1:
            self._late[identifier] = since, count - 1
        return Asker.STATION

    def _keep_late(self, identifier: str, asked: tuple[Seconds, int]) -> None:
        self._late[identifier] = asked
        while len(self._late) > LATE_KEPT:
            del self._late[next(iter(self._late))]

    def _release(self, now: Seconds) -> None:
        self._outstanding = None
        while self._waiting:
            self._pass_on(*self._waiting.popleft(), now)
        self._pump(now)

    def _pass_on(self, identifier: str, text: str, now: Seconds) -> None:
        before = self._stations.get(identifier)
        self._stations[identifier] = now, (1 if before is None else before[1] + 1)
        self._out.to_cloud(text)

    def _pump(self, now: Seconds) -> None:
        if not self._own or self._outstanding is not None or self._stations:
            return
        action, payload = self._own.popleft()
        self._count += 1
        identifier = f"{self._prefix}{self._count:x}"
        self._outstanding = (identifier, now)
        self._out.to_cloud(wire.call_text(identifier, action, payload))

"""The line up to the cloud: the station's CALLs, and now and then one of our own between them. Sans-I/O.

One CALL is outstanding at a time where one is ours (OCPP 2.x part 4 §4.1.1): ours waits until the station's have been
answered, and the station's wait until ours has. The station's own are passed on as they come: it keeps to the rule by
itself, or its cloud is used to it.
"""

from collections import OrderedDict, deque
from collections.abc import Mapping
from typing import Any

from edge.ocpp import wire
from edge.ocpp.actions import Outbox
from edge.ocpp.figures import Answerer, Figures
from edge.units import Seconds

ANSWER_S = 30.0  # what a station waits for its cloud before it gives a CALL up, in common firmware
# Ours hold the station's up, whose desk gives a CALL up after 15 s: by then those must have gone out.
OWN_ANSWER_S = 10.0
OWN_MOST = 64  # reports of 64 profiles are 64 CALLs at most


class Upline:
    """The CALLs toward the cloud of one station. ``nonce``: see :class:`edge.ocpp.arbiter.Arbiter`."""

    def __init__(self, nonce: str, outbox: Outbox, figures: Figures) -> None:
        self._out = outbox
        self._figures = figures
        self._prefix = f"edge-{nonce}-u"
        self._count = 0
        self._stations: OrderedDict[str, Seconds] = OrderedDict()  # unanswered, and since when
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

    def answered(self, identifier: str, now: Seconds) -> bool:
        """The cloud has answered; whether that was ours, and so not for the station."""
        if self._outstanding is not None and self._outstanding[0] == identifier:
            self._release(now)
            return True
        since = self._stations.pop(identifier, None)
        if since is not None:
            self._figures.answered(Answerer.CLOUD_TO_STATION, now - since)
        if self._own:
            self._pump(now)
        return identifier.startswith(self._prefix)  # a late answer to one of ours

    @property
    def is_idle(self) -> bool:
        """Whether nothing waits for the cloud's answer."""
        return self._outstanding is None and not (self._stations or self._own)

    def tick(self, now: Seconds) -> None:
        """Give up what stays unanswered."""
        if self._outstanding is not None and now - self._outstanding[1] >= OWN_ANSWER_S:
            self._out.note("debug", "the cloud didn't answer a call of the gateway", id=self._outstanding[0])
            self._release(now)
        while self._stations and now - next(iter(self._stations.values())) >= ANSWER_S:
            self._stations.popitem(last=False)
        self._pump(now)

    def gone(self) -> None:
        """The cloud, or the station, is gone: forget everything."""
        self._stations.clear()
        self._waiting.clear()
        self._own.clear()
        self._outstanding = None

    def _release(self, now: Seconds) -> None:
        self._outstanding = None
        while self._waiting:
            self._pass_on(*self._waiting.popleft(), now)
        self._pump(now)

    def _pass_on(self, identifier: str, text: str, now: Seconds) -> None:
        self._stations[identifier] = now
        self._out.to_cloud(text)

    def _pump(self, now: Seconds) -> None:
        if not self._own or self._outstanding is not None or self._stations:
            return
        action, payload = self._own.popleft()
        self._count += 1
        identifier = f"{self._prefix}{self._count:x}"
        self._outstanding = (identifier, now)
        self._out.to_cloud(wire.call_text(identifier, action, payload))

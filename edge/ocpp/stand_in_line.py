"""Between a station's relay and whoever stands in for its cloud. Holds no rules."""

from collections.abc import Callable, Iterable
from datetime import datetime

from edge.clock import Clock
from edge.ocpp import signed
from edge.ocpp.actions import Action
from edge.ocpp.relay import Relay
from edge.ocpp.stand_in import StandIn
from edge.ocpp.wire import Call, CallError, CallResult


class StandInLine:
    """One station's. Implements :class:`edge.ocpp.stand_in.Line`. ``perform`` carries out what the relay wants done."""

    def __init__(
        self, stand_in: StandIn, relay: Relay, clock: Clock, perform: Callable[[Iterable[Action]], None]
    ) -> None:
        self._stand_in = stand_in
        self._relay = relay
        self._clock = clock
        self._perform = perform
        stand_in.attach(self)

    def hand_over(self, frame: Call | CallResult | CallError) -> None:
        """A CALL of the station, or an answer of the cloud."""
        match frame:
            case Call():
                plain = signed.plain(frame)
                is_signed = plain is not frame
                self._stand_in.station_calls(frame.id, plain.action, plain.payload, frame.text, signed=is_signed)
            case CallResult():
                self._stand_in.cloud_answers(frame.id, frame.text, payload=frame.payload)
            case CallError():
                self._stand_in.cloud_answers(frame.id, frame.text, error=(frame.code, frame.description))

    def reads(self, call: Call) -> None:
        """A CALL of the station that its cloud doesn't get."""
        self._stand_in.reads(call.action, call.payload, call.text)

    def to_station(self, text: str) -> None:
        """See :class:`edge.ocpp.stand_in.Line`."""
        self._perform(self._relay.answers_station(text, self._clock.monotonic(), self._clock.wall()))

    def to_cloud(self, identifier: str, text: str) -> None:
        """See :class:`edge.ocpp.stand_in.Line`."""
        self._perform(self._relay.calls_cloud(identifier, text, self._clock.monotonic()))

    def end_session(self, transaction: str) -> None:
        """See :class:`edge.ocpp.stand_in.Line`."""
        self._perform(self._relay.end_session(transaction, self._clock.monotonic(), self._clock.wall()))

    def time_said(self) -> datetime | None:
        """See :class:`edge.ocpp.stand_in.Line`."""
        return self._relay.time_said(self._clock.monotonic())

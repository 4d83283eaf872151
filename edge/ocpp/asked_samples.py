"""The samples of a 1.6 station that its cloud hasn't asked for: taken more often than it wants them, for control alone.

Sans-I/O. Where the site file wants that (``samples = "asked"``) they are answered here and don't go up: on a link that
is paid for by its bytes they would be most of these. The cloud gets what it would get of a station that takes its
samples at the interval that the cloud knows of.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from edge.domain.journal import PRECIOUS
from edge.domain.site import Station
from edge.ocpp.fields import elements, fields, whole_number
from edge.ocpp.station_clock import parse_timestamp
from edge.ocpp.stop_data import EARLY_S, is_periodic, kind_of
from edge.ocpp.wire import Call
from edge.units import Seconds

METER_VALUES = "MeterValues"
_TRIGGERS = frozenset({"TriggerMessage", "ExtendedTriggerMessage"})
KINDS_MOST = 64  # of samples that come apart, of one connector; a station that invents more has them passed


class _Connector:
    """The samples of one connector that have passed, of the transaction that runs there."""

    def __init__(self, transaction: int | None) -> None:
        self.transaction = transaction
        self.passed: dict[int, tuple[datetime, Seconds]] = {}  # by the hash of its kind: its stamp, and when it came

    def is_due(self, kind: int, at: datetime, now: Seconds, every_s: int) -> bool:
        """Whether a sample of this kind and stamp is the first, or that again, as its station had no answer; or the
        interval is over: by the station's clock, which may be set back, or by ours."""
        stamp, came_at = self.passed.get(kind, (at, now))
        if stamp == at:
            return True
        ago_s = max(abs((at - stamp).total_seconds()), now - came_at)
        return every_s > 0 and ago_s >= every_s - EARLY_S

    def has_passed(self, kinds: Mapping[int, datetime], now: Seconds) -> None:
        """These have."""
        self.passed |= {each: (at, now) for each, at in kinds.items()}
        if len(self.passed) > KINDS_MOST:
            self.passed.clear()


class AskedSamples:
    """One station's. It forgets with the connection what has passed: the first of a connection passes."""

    def __init__(self, station: Station) -> None:
        self._numbers = frozenset(evse.key.evse for evse in station.evses)
        self._connectors: dict[int, _Connector] = {}

    def is_spare(self, call: Call, every_s: int | None, now: Seconds) -> bool:
        """Whether a CALL of the station (OCPP 1.6 §4.7) has nothing but periodic samples that come before the cloud's
        interval of ``every_s`` is over; 0: it wants none. None: the interval is its own.

        What is signed, of the whole station, of another moment, or can't be dated, never is; nor the first of a
        transaction.
        """
        if call.action == "StartTransaction":
            self.forget(whole_number(fields(call.payload).get("connectorId")))
        if call.action != METER_VALUES or every_s is None or any(word in call.text for word in PRECIOUS):
            return False
        payload = fields(call.payload)
        number = whole_number(payload.get("connectorId"))
        samples = [fields(each) for each in elements(payload.get("meterValue"))]
        stamps = [parse_timestamp(each.get("timestamp")) for each in samples]
        dated = [(hash(kind_of(each)), at) for each, at in zip(samples, stamps, strict=True) if at is not None]
        if not number or number not in self._numbers or not samples or len(dated) < len(samples):
            return False
        if not all(map(is_periodic, samples)):
            return False
        here = self._at(number, payload)
        if not any(here.is_due(kind, at, now, every_s) for kind, at in dated):
            return True
        here.has_passed(dict(dated), now)
        return False

    def cloud_asks(self, call: Call) -> None:
        """The cloud calls: what it asks the station to tell now (TriggerMessage, §5.17) passes, also where that doesn't
        mark it as such."""
        payload = fields(call.payload)
        if call.action in _TRIGGERS and payload.get("requestedMessage") == METER_VALUES:
            self.forget(whole_number(payload.get("connectorId")))

    def forget(self, number: int | None = None) -> None:
        """The next samples of this connector pass; of all where none is told."""
        if number is None:
            self._connectors.clear()
        else:
            self._connectors.pop(number, None)

    def _at(self, number: int, payload: Mapping[str, Any]) -> _Connector:
        transaction = whole_number(payload.get("transactionId"))
        here = self._connectors.get(number)
        if here is None or transaction not in (None, here.transaction):  # not each sample of each station names it
            here = self._connectors[number] = _Connector(transaction)
        return here

"""Stations that nobody has configured: kept waiting, listed, made to show themselves, never relayed. Sans-I/O."""

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from edge.ocpp import signed, wire
from edge.ocpp.number_ids import NumberIds
from edge.ocpp.showing import Answer, Showing
from edge.ocpp.versions import Version
from edge.ocpp.wire import Call, CallError, CallResult, ErrorCode

MAX_LISTED = 32  # more unknown stations than a site ever gains in a day
MAX_CONNECTED = 16  # at a time: whatever they do, they can't crowd out the site's own
BOOT_INTERVAL_S = 60  # they ask again every minute (OCPP 1.6 §4.2)
MAX_DETAIL = 50  # characters; OCPP 1.6 §6.3 has 25 at most


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingStation:
    """An unknown station that has connected. ``since`` is the wall time at which it first came."""

    identity: str
    address: str
    since: datetime
    vendor: str | None = None
    model: str | None = None
    serial: str | None = None
    firmware: str | None = None
    speaks: Version | None = None
    also_at: str | None = None  # where another that is connected gives the same identity


class WaitingRoom:
    """The list of unknown stations, and what they are answered."""

    def __init__(self) -> None:
        self._listed: OrderedDict[str, WaitingStation] = OrderedDict()
        self._showing: dict[str, Showing] = {}

    @property
    def stations(self) -> tuple[WaitingStation, ...]:
        """Those that came, the longest unseen first."""
        return tuple(self._listed.values())

    def arrive(
        self,
        identity: str,
        address: str,
        wall: datetime,
        speaks: Version | None = None,
        *,
        also_at: str | None = None,
    ) -> None:
        """An unknown station has connected. The longest unseen make room.

        ``also_at``: where another is connected under that identity. What is known is of that one until this one boots.
        """
        known = self._listed.pop(identity, None)
        self._listed[identity] = (
            replace(known, address=address, speaks=speaks, also_at=also_at)
            if known is not None
            else WaitingStation(identity=identity, address=address, since=wall, speaks=speaks, also_at=also_at)
        )
        while len(self._listed) > MAX_LISTED:
            self._listed.popitem(last=False)

    def reply(
        self,
        identity: str,
        text: str | bytes,
        wall: datetime,
        version: Version = Version.V16,
        ids: NumberIds | None = None,
    ) -> str | None:
        """What the station is to be answered; None for what wants no answer. ``ids``: those of its connection.

        Raises FrameError for what is no frame of that edition.
        """
        ids = ids if ids is not None else NumberIds()
        frame = ids.read(text, version, wire.parse)
        if isinstance(frame, CallResult | CallError):
            return self._go_on(identity, frame)
        if not isinstance(frame, Call):
            return None
        return ids.as_written(self._answer(identity, signed.plain(frame), wall))

    def show(self, identity: str, showing: Showing) -> str | None:
        """Begin to let a station show itself; the first CALL, None where its edition has none for it."""
        self._showing[identity] = showing
        return showing.next(None)

    def leave(self, identity: str) -> None:
        """Its connection is over."""
        showing = self._showing.pop(identity, None)
        if showing is not None:
            showing.give_up("it has left")

    def _answer(self, identity: str, call: Call, wall: datetime) -> str:
        if call.action != "BootNotification":
            return wire.error_text(call.id, ErrorCode.SECURITY, "this station is not yet known here")
        self._describe(identity, call.payload)
        now = wall.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        return wire.result_text(call.id, {"status": "Pending", "currentTime": now, "interval": BOOT_INTERVAL_S})

    def _go_on(self, identity: str, frame: CallResult | CallError) -> str | None:
        showing = self._showing.get(identity)
        if showing is None or not showing.awaits(frame.id):
            return None
        payload = frame.payload if isinstance(frame, CallResult) and isinstance(frame.payload, dict) else None
        following = showing.next(Answer(payload=payload))
        if following is None:
            self._showing.pop(identity, None)
        return following

    def _describe(self, identity: str, payload: object) -> None:
        known = self._listed.get(identity)
        if known is None or not isinstance(payload, dict):
            return
        inner = payload.get("chargingStation")  # 2.x
        fields: Mapping[str, Any] = inner if isinstance(inner, dict) else payload

        def detail(*names: str) -> str | None:
            values = (fields.get(name) for name in names)
            return next((value[:MAX_DETAIL] for value in values if isinstance(value, str) and value), None)

        self._listed[identity] = replace(
            known,
            vendor=detail("chargePointVendor", "vendorName"),
            model=detail("chargePointModel", "model"),
            serial=detail("chargePointSerialNumber", "chargeBoxSerialNumber", "serialNumber"),
            firmware=detail("firmwareVersion"),
        )

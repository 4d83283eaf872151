"""What control needs of the adapters, and what it offers them.

Adapters hand facts in through :class:`FactSink` from the event loop's thread, as they happen. Nothing here blocks.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Protocol

from edge.domain.limit import EvseCapped, LimitStated
from edge.domain.opening import ClassHour
from edge.domain.reading import MeterFact
from edge.domain.setpoint import LimitCommand
from edge.domain.site import EvseKey
from edge.domain.station import StationFact
from edge.units import Amps, WattHours


class FactSink(Protocol):
    """Takes facts from meters and stations. Implemented by :class:`edge.control.board.Board`."""

    def take(self, fact: StationFact | MeterFact) -> None:
        """Remember the fact. Unknown stations, EVSEs and meters are ignored."""


class LimitSink(Protocol):
    """Takes the limits that outsiders set. Implemented by :class:`edge.control.board.Board`."""

    def take(self, fact: LimitStated) -> None:
        """Remember it in place of the last one of its source and circuit. Unknown circuits are ignored."""


class CapSink(Protocol):
    """Takes what single EVSEs may draw at most. Implemented by :class:`edge.control.board.Board`."""

    def take(self, fact: EvseCapped) -> None:
        """Remember it in place of the last one of its EVSE. Unknown EVSEs are ignored."""


class HourSink(Protocol):
    """Takes what the calendar says of classes. Implemented by :class:`edge.control.board.Board`."""

    def take(self, fact: ClassHour) -> None:
        """Remember it in place of the last one of its class."""


class LimitPort(Protocol):
    """Writes limits to stations. Implemented by the OCPP server."""

    def write_limit(self, command: LimitCommand) -> None:
        """Queue the limit ahead of everything else for its station, and return at once.

        A limit for the same EVSE and purpose that is still queued is replaced by this one (its outcome is NOT_SENT).
        What becomes of each command comes back as facts: LimitSent when its frame is handed to the socket, then exactly
        one LimitAnswered.
        """


class SiteLimitSink(Protocol):
    """Takes what the site allows, for the clouds to know. Implemented by :class:`edge.ocpp.site_limits.SiteLimits`."""

    def take(self, key: EvseKey, limit_a: Amps | None) -> None:
        """What the site allows the EVSE per phase; None: it sets no limit of its own."""


class MeterPort(Protocol):
    """All meters of the site."""

    async def sample(self) -> None:
        """Poll every meter once; return when each has delivered a MeterReading or a MeterFailed to the FactSink, or
        after a third of a second: what takes longer delivers when it has, and holds nobody up.

        Never raises for a meter's sake. The caller may stop waiting: the poll then goes on. A call while a poll of the
        same line still runs starts the next one as soon as that is over.
        """


class NeedPort(Protocol):
    """What drivers and their apps say of the cars that charge. Implemented by :class:`edge.control.needs.Needs`."""

    def state(self, key: EvseKey, energy_wanted_wh: WattHours, departure_at: datetime) -> None:
        """The session's car wants so much energy from now on, and leaves at a wall time (with its zone).

        :raises NeedError: one of its leaves, in a sentence.
        """

    def withdraw(self, key: EvseKey) -> None:
        """Nothing is known any more of what the car needs; where nothing was, nothing changes.

        :raises EvseUnknown: the site has no such EVSE.
        """


class Watchdog(Protocol):
    """The service manager."""

    def ready(self) -> None: ...
    def feed(self) -> None: ...
    def stopping(self) -> None: ...


StatusReport = Mapping[str, Any]  # what `edge status --json` and GET /api/v1/status show: plain JSON values

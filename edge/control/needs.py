"""What a driver or an app says of a car's need, checked and handed on as a fact in monotonic time."""

from datetime import datetime, timedelta

from edge.clock import Clock
from edge.control.board import Board
from edge.domain.site import EvseKey
from edge.domain.station import NeedStated
from edge.errors import EvseUnknown, NeedImplausible, NoSession, TimeUntrusted
from edge.units import WattHours

# More than the largest battery of a lorry holds, with its losses: catches Wh written as mWh, not as kWh.
MOST_WH: WattHours = 2_000_000.0
# A car that leaves later has no need that shapes a day; catches a slip in the month or the year.
LONGEST = timedelta(days=31)


class Needs:
    """Implements :class:`edge.control.ports.NeedPort`."""

    def __init__(self, board: Board, clock: Clock) -> None:
        self._board = board
        self._clock = clock

    def state(self, key: EvseKey, energy_wanted_wh: WattHours, departure_at: datetime) -> None:
        record = self._board.evses.get(key)
        if record is None:
            raise _unknown(key)
        if not 0 < energy_wanted_wh <= MOST_WH:
            raise NeedImplausible(
                f"the energy wanted is {energy_wanted_wh:.10g} Wh", remedy=f"give more than 0, up to {MOST_WH:.0f} Wh"
            )
        if record.transaction_id is None:
            raise NoSession(f"no session runs at {key}", remedy="state the need once the car charges")
        if not self._clock.wall_is_trusted():
            raise TimeUntrusted("the gateway's clock isn't set", remedy="state the need again once it is")
        left = departure_at - self._clock.wall()
        if not timedelta(0) < left <= LONGEST:
            when = "has passed" if left <= timedelta(0) else f"is more than {LONGEST.days} days ahead"
            raise NeedImplausible(
                f"the departure at {departure_at.isoformat(timespec='seconds')} {when}",
                remedy="give the time at which the car leaves",
            )
        self._board.take(
            NeedStated(
                key=key,
                at=self._clock.monotonic(),
                energy_wanted_wh=energy_wanted_wh,
                departs_in_s=left.total_seconds(),
                departure_s=departure_at.timestamp(),
            )
        )

    def withdraw(self, key: EvseKey) -> None:
        if key not in self._board.evses:
            raise _unknown(key)
        self._board.take(
            NeedStated(key=key, at=self._clock.monotonic(), energy_wanted_wh=0.0, departs_in_s=None),
        )


def _unknown(key: EvseKey) -> EvseUnknown:
    return EvseUnknown(f"the site has no EVSE {key.evse} of a station '{key.station}'", remedy="edge status lists them")

"""What an energy register has counted between two readings."""

from decimal import Decimal
from typing import TypeVar

_Energy = TypeVar("_Energy", float, Decimal)


def counted(rise: _Energy, fallen: _Energy) -> _Energy:
    """What a register counted that shows ``rise`` more than at its last reading, after falling by ``fallen`` before.

    Both in one unit of energy, ``fallen`` never negative. Some stations tell 0 now and then, and others the session's
    energy in samples and the meter's register in begin and end (lbbrhzn/ocpp issues 1756, 2093). So what has fallen
    and comes back in one leap hasn't counted that. A negative rise is returned as it is: the register fell.
    """
    return rise - min(rise, fallen) if 2 * rise > fallen > 0 else rise

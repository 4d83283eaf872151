"""Three-phase currents, and the way from an EVSE's own phases to the grid's."""

from collections.abc import Iterable
from typing import Final

Amps3 = tuple[float, float, float]
"""Amperes of L1, L2, L3: magnitudes at unity power factor, so that currents of one phase may be added."""

NO_AMPS: Final[Amps3] = (0.0, 0.0, 0.0)
PHASE_NAMES: Final = ("L1", "L2", "L3")


def total_a(currents: Iterable[Amps3]) -> Amps3:
    """The sum of the currents, phase by phase."""
    l1 = l2 = l3 = 0.0
    for each in currents:
        l1 += each[0]
        l2 += each[1]
        l3 += each[2]
    return (l1, l2, l3)


def on_grid_phases(own_a: Amps3, rotation: tuple[int, ...]) -> Amps3:
    """What an EVSE's own-phase currents load on the grid's L1, L2, L3.

    `rotation[k]` is the index (0..2) of the grid phase that is wired to the EVSE's own phase k; an EVSE with
    fewer than three phases wired can draw nothing on the others.
    """
    grid_a = [0.0, 0.0, 0.0]
    for own, grid in enumerate(rotation):
        grid_a[grid] += own_a[own]
    return (grid_a[0], grid_a[1], grid_a[2])

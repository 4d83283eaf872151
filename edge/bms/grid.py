"""The grid operator's dimming by §14a EnWG (BNetzA BK6-22-300): the power that is left, and who may ask for it."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from edge.bms.eebus_lpc import LpcSettings
from edge.bms.relay_contact import ContactSettings
from edge.control.ports import LimitSink
from edge.domain.limit import LimitSource, LimitStated
from edge.units import Seconds, Watts

MINIMUM_W: Watts = 4200.0  # for each controllable device, annex 1 no. 4.5
SIMULTANEITY: Mapping[int, float] = {2: 0.80, 3: 0.75, 4: 0.70, 5: 0.65, 6: 0.60, 7: 0.55, 8: 0.50}
SIMULTANEITY_OF_MANY = 0.45  # nine and more


class Steering(StrEnum):
    """How the grid operator steers."""

    EMS = "ems"  # one power for all devices behind an energy management system
    DIRECT = "direct"  # each device at its minimum


def dimmed_w(devices: int, steering: Steering) -> Watts:
    """The power that ``devices`` controllable devices may together take from the grid while dimmed.

    :raises ValueError: without a device there is nothing to dim.
    """
    if devices < 1:
        raise ValueError("no controllable device")
    if steering is Steering.DIRECT:
        return devices * MINIMUM_W
    return MINIMUM_W + (devices - 1) * SIMULTANEITY.get(devices, SIMULTANEITY_OF_MANY) * MINIMUM_W


class DimmedBy(StrEnum):
    """Where the grid operator's word comes in."""

    CONTACT = "contact"
    MODBUS = "modbus"
    MQTT = "mqtt"


@dataclass(frozen=True, slots=True, kw_only=True)
class GridSettings:
    """``limit_w`` is what ``circuit`` may carry while dimmed. ``contact`` is the relay's, None where there is none."""

    circuit: str
    limit_w: Watts
    contact: ContactSettings | None = None
    evidence: Path | None = None  # the file of the proofs
    dimming_file: Path | None = None  # where is kept who asks for dimming
    lpc: LpcSettings | None = None  # EEBUS, where a bridge tells us of it
    lpc_file: Path | None = None  # where what it remembers is kept
    openadr: bool = False
    openadr_file: Path | None = None  # where its events are kept


class Dimming:
    """Dims while any of those who may ask for it does. Its limit has no end: it holds until it is taken back."""

    def __init__(self, settings: GridSettings, sink: LimitSink) -> None:
        self._settings = settings
        self._sink = sink
        self._asked: set[DimmedBy] = set()
        self.by: DimmedBy | None = None  # who has begun or ended it last

    @property
    def dimmed(self) -> bool:
        return bool(self._asked)

    @property
    def asked(self) -> frozenset[DimmedBy]:
        """Who asks for it now."""
        return frozenset(self._asked)

    def ask(self, by: DimmedBy, *, dim: bool, now: Seconds) -> None:
        """``by`` asks to dim or takes that back."""
        before = self.dimmed
        (self._asked.add if dim else self._asked.discard)(by)
        if self.dimmed is before:
            return
        self.by = by
        self._sink.take(
            LimitStated(
                source=LimitSource.GRID,
                circuit=self._settings.circuit,
                at=now,
                limit_w=self._settings.limit_w if self.dimmed else None,
            )
        )


# A relay's contact bounces for some milliseconds; mains hum takes 20. Sampled once a tick it must say the same twice.
DEBOUNCE_S: Seconds = 0.1


class Contact:
    """A relay's contact that is sampled: what it says, once it has said the same for a while.

    ``closed_is_free``: closed loop, where a broken wire dims. Otherwise closed dims, as the FNN control box's relay W4
    does. A contact that can't be read (None) dims: what isn't known is taken for the worse.
    """

    def __init__(self, *, closed_is_free: bool) -> None:
        self._closed_is_free = closed_is_free
        self._candidate: bool | None = None
        self._since: Seconds = -math.inf
        self.dims: bool | None = None  # nothing is known yet

    def sample(self, closed: bool | None, now: Seconds) -> bool | None:
        """Whether it dims, None until it has held still for the first time."""
        dims = closed is None or closed is not self._closed_is_free
        if dims is not self._candidate:
            self._candidate, self._since = dims, now
        if now - self._since >= DEBOUNCE_S:
            self.dims = dims
        return self.dims

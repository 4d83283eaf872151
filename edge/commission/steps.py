"""The steps of a commissioning: what is done on site and looked at, and how what came of it is said.

Who drives a course does its steps and answers each.
"""

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias, TypeVar

from edge.commission.observed import Observation
from edge.domain.site import EvseKey
from edge.language import Said
from edge.units import Amps, Seconds

ARRIVE_S: Seconds = 120.0  # for a car to be plugged in, a card to be shown, and the charging to begin
OBEY_S: Seconds = 25.0  # 10 s to obey, 10 s to the next sample, and the way


@dataclass(frozen=True, slots=True, kw_only=True)
class Do:
    """Something to do on site; answered when it is done."""

    what: Said


@dataclass(frozen=True, slots=True, kw_only=True)
class Observe:
    """Look; answered with an :class:`Observation`. ``after_s``: wait so long before."""

    after_s: Seconds = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Try:
    """Limit an EVSE for a while."""

    key: EvseKey
    limit_a: Amps
    for_s: Seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class StopController:
    """Take the gateway's program away."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StartController:
    """Bring it back; answered once it controls again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadMeter:
    """Read the grid meter without the controller, after a wait; answered with currents, or None for no reading."""

    after_s: Seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Tell:
    """Say how far it is."""

    what: Said


Step: TypeAlias = Do | Observe | Try | StopController | StartController | ReadMeter | Tell
T = TypeVar("T")
Course: TypeAlias = Generator[Step, Any, T]


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """What was proved, or why it wasn't. ``figures`` are what was measured."""

    name: Said
    passed: bool
    finding: tuple[Said, ...]
    figures: Mapping[str, Any] = field(default_factory=dict)


def until(holds: Callable[[Observation], bool], *, most_s: Seconds, settled: bool = False) -> Course[Observation]:
    """Look each second until it holds; the last look. ``settled``: and once more a little later, when all follow."""
    seen: Observation = yield Observe(after_s=0.0)
    begun = seen.at
    while not holds(seen) and seen.at - begun < most_s:
        seen = yield Observe()
    if settled and holds(seen):
        seen = yield Observe(after_s=4.0)
    return seen

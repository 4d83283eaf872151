"""The copper of a scenario's site: its circuits, each with its protection."""

from collections.abc import Callable, Iterable
from statistics import median
from typing import Final

from simulators.breaker import Breaker, GgFuse
from simulators.errors import ScenarioError
from simulators.site import SiteSpec
from simulators.world.building import Recorded
from simulators.world.copper import Copper, Run
from simulators.world.scenario import WorldScenario

SHOWN: Final = 20


def laid(scenario: WorldScenario, site: SiteSpec, now: Callable[[], float]) -> Copper:
    """Raises ScenarioError for a recording that can't be of its circuit, and for drivers at posts that aren't there."""
    fuses = {circuit.id: circuit.fuse_a for circuit in site.circuits}
    for load in (each for each in scenario.loads if isinstance(each, Recorded)):
        half_a = median(max(map(abs, amps)) for _, amps in load.rows)
        if half_a > fuses[load.circuit]:
            raise ScenarioError(
                f"{load.file}: half of its time it is above the {fuses[load.circuit]:g} A of {load.circuit!r}: "
                f"which unit is it in? In half of its rows it is {half_a:g} A or more"
            )
    posts = {evse.station for evse in site.evses}
    for post in (post for each in scenario.drivers for post in sorted(each.posts)):
        if post not in posts:
            raise ScenarioError(f"{scenario.file}: drivers: post {post!r} isn't in its site; there are {_some(posts)}")
    return Copper(
        [
            Run(
                id=circuit.id,
                parent=circuit.parent,
                fuse_a=circuit.fuse_a,
                protection=(GgFuse if circuit.id in scenario.fuses else Breaker)(circuit.fuse_a),
            )
            for circuit in site.circuits
        ],
        volts=site.nominal_voltage_v,
        now=now,
    )


def _some(names: Iterable[str]) -> str:
    """The first of them."""
    known = sorted(names)
    return ", ".join(known[:SHOWN]) + (", ..." if len(known) > SHOWN else "")

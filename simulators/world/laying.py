"""The copper of a scenario's site: its circuits, each with its protection."""

from collections.abc import Callable

from simulators.breaker import Breaker, GgFuse
from simulators.site import SiteSpec
from simulators.world.copper import Copper, Run
from simulators.world.scenario import WorldScenario


def laid(scenario: WorldScenario, site: SiteSpec, now: Callable[[], float]) -> Copper:
    """As the scenario has it: with a breaker each, or a fuse."""
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

"""A scenario with other cars or other stations than its files have: to try on the command line what a file would say.

The gateway's own site file isn't changed by it, and may have to say the same.
"""

from collections.abc import Collection
from dataclasses import replace

from simulators.charger import Supply
from simulators.errors import ScenarioError
from simulators.phases import PHASE_NAMES
from simulators.scenario import Scenario
from simulators.site import DEFAULT_DC_MIN_W


def with_car_phases(scenario: Scenario, phases: int) -> Scenario:
    """Every AC car charges on so many phases, or on as many as its EVSE has.

    Raises ScenarioError.
    """
    if not 1 <= phases <= len(PHASE_NAMES):
        raise ScenarioError(f"--car-phases: must be 1, 2 or 3, not {phases}")
    wired = {(evse.station, evse.evse_id): len(evse.rotation) for evse in scenario.site.evses}
    cars = tuple(
        car if car.max_w is not None else replace(car, phases=min(phases, wired[car.station, car.evse_id]))
        for car in scenario.cars
    )
    return replace(scenario, cars=cars)


def with_phase_switching(scenario: Scenario) -> Scenario:
    """Every AC EVSE obeys numberPhases."""
    evses = tuple(replace(evse, switches_phases=evse.supply is Supply.AC) for evse in scenario.site.evses)
    return replace(scenario, site=replace(scenario.site, evses=evses))


def with_dc(scenario: Scenario, stations: Collection[str]) -> Scenario:
    """These stations are DC ones, and so are the cars that come to them: of the power that they had on three phases.

    Raises ScenarioError where there is no such station, or it has fewer phases.
    """
    site = scenario.site
    volts = site.nominal_voltage_v * len(PHASE_NAMES)
    for station in stations:
        if station not in site.station_ids():
            raise ScenarioError(f"--dc: there is no station {station!r}; there are {', '.join(site.station_ids())}")
        if any(evse.station == station and len(evse.rotation) < len(PHASE_NAMES) for evse in site.evses):
            raise ScenarioError(f"--dc: {station} has an EVSE with fewer than three phases")
    evses = tuple(
        replace(evse, supply=Supply.DC, min_a=DEFAULT_DC_MIN_W / volts, switches_phases=False)
        if evse.station in stations
        else evse
        for evse in site.evses
    )
    cars = tuple(
        replace(car, phases=len(PHASE_NAMES), max_w=car.max_a * volts) if car.station in stations else car
        for car in scenario.cars
    )
    return replace(scenario, site=replace(site, evses=evses), cars=cars)

"""What cars may draw by the true state of their posts."""

from simulators.phases import Amps3, on_grid_phases
from simulators.world.parking import Stay
from simulators.world.world import World


def may_draw_a(world: World, stay: Stay) -> Amps3:
    """What a car is offered, as far as it can use it, on the grid's phases; nothing while its post doesn't charge."""
    station = world.stations[stay.evse.station]
    if not station.charging():
        return (0.0, 0.0, 0.0)
    # Two cars never draw more than the one that could use all phases that it has.
    amps = min(station.offered_a(stay.evse.evse_id), stay.evse.max_a, stay.ev.max_a)
    used = min(stay.ev.phases, len(stay.evse.rotation), station.offered_phases(stay.evse.evse_id))
    return on_grid_phases((amps, amps if used > 1 else 0.0, amps if used > 2 else 0.0), stay.evse.rotation)


def most_of_cars_a(world: World) -> dict[str, list[float]]:
    """Of each circuit and phase: what all cars may draw, and no less than they draw, where one obeys late."""
    most: dict[str, list[float]] = {run.id: [0.0, 0.0, 0.0] for run in world.copper.runs.values()}
    for key, stay in world.parking.here.items():
        may, does = may_draw_a(world, stay), world.copper.drawn_a(key)
        for run in world.copper.path(stay.evse.circuit):
            for phase in range(3):
                most[run.id][phase] += max(may[phase], does[phase])
    return most

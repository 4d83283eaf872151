"""A site and a kind of bad day, all from one seed."""

from dataclasses import dataclass, replace
from random import Random

from edge.domain.site import Circuit, ControlSettings, Evse, EvseKey, IdlePolicy, Meter, Site, Station, Supply
from edge.units import PHASES, Amps, Phase, Seconds
from tests.scenario.hostile_link import Weather
from tests.scenario.hostile_station import Habits

ROTATIONS = ((Phase.L1, Phase.L2, Phase.L3), (Phase.L2, Phase.L3, Phase.L1), (Phase.L3, Phase.L1, Phase.L2))
VOLTAGE_V = 230.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What kind of bad day it is."""

    site: Site
    weather: Weather
    steps_every_s: Seconds | None
    meter_fails: bool
    habits: Habits
    stays_away: float = 0.0  # probability that a station is long in coming back after the gateway's restart


def plan(rng: Random, more: Random) -> Plan:
    """The safe currents fit beside the worst background, as `edge check` wants it.

    ``more``: the dice for what came into this world later, so that old seeds are still themselves.
    """
    count = rng.randint(2, 5)
    max_a = rng.choice([16.0, 32.0])
    evses = [
        Evse(
            key=EvseKey(station=f"CP-{number}", evse=1),
            circuit=rng.choice(["main", "sub"]),
            phases=rng.choice([*ROTATIONS, (rng.choice(PHASES),)]),
            min_a=6.0,
            max_a=max_a,
            fallback_a=rng.choice([0.0, 6.0, 6.0, 8.0]),
            rank=rng.randint(0, 1),
            weight=rng.choice([1.0, 2.0]),
        )
        for number in range(count)
    ]
    safe_a = sum(evse.fallback_a for evse in evses)
    reserve_a = rng.uniform(2, 20)
    site = Site(
        id="hostile",
        timezone="UTC",
        nominal_voltage_v=VOLTAGE_V,
        control=ControlSettings(
            lease_s=rng.choice([30.0, 60.0, 120.0]),
            idle=rng.choice([IdlePolicy.ZERO, IdlePolicy.ZERO, IdlePolicy.SAFE]),
        ),
        circuits=(
            Circuit(
                id="main",
                parent=None,
                fuse_a=safe_a + reserve_a + rng.uniform(1, 30),
                margin_a=1.0,
                meter="grid",
                background_reserve_a=reserve_a,
            ),
            Circuit(id="sub", parent="main", fuse_a=max(safe_a, 6.0) + rng.uniform(0, 20)),
        ),
        meters=(Meter(id="grid", model="sdm630", connection="tcp://127.0.0.1:1"),),
        stations=tuple(Station(id=evse.key.station, evses=(evse,)) for evse in evses),
    )
    weather = _weather(rng)
    steps_every_s = rng.choice([None, None, 150.0])
    meter_fails = rng.random() < 0.3
    capricious = rng.random() < 0.3
    peculiar = more.random() < 0.7  # the others are as they have always been
    site = _with_peculiar_evses(site, more) if peculiar else site
    refuses_idle = {site.stations[0].id} if peculiar and more.random() < 0.1 else set()
    return Plan(
        site=site,
        weather=weather,
        steps_every_s=steps_every_s,
        meter_fails=meter_fails,
        habits=Habits(
            capricious=capricious,
            few_phases=peculiar and more.random() < 0.6,
            refuses_idle=frozenset(refuses_idle),
        ),
        stays_away=more.choice([0.0, 0.3]) if peculiar else 0.0,
    )


def _with_peculiar_evses(site: Site, more: Random) -> Site:
    """Some EVSEs are told how many phases to use, some are DC, and circuits have limits in W."""
    stations = []
    for station in site.stations:
        evse = station.evses[0]
        if len(evse.phases) > 1 and more.random() < 0.3:
            evse = replace(evse, switches_phases=True)
        elif len(evse.phases) > 1 and more.random() < 0.2:
            evse = replace(evse, supply=Supply.DC, min_a=more.choice([1.0, 6.0]))
        stations.append(replace(station, evses=(evse,)))
    safe_a = sum(len(station.evses[0].phases) * station.evses[0].fallback_a for station in stations)
    circuits = tuple(_with_power_limit(circuit, safe_a, more) for circuit in site.circuits)
    return replace(site, stations=tuple(stations), circuits=circuits)


def _with_power_limit(circuit: Circuit, safe_a: Amps, more: Random) -> Circuit:
    """Perhaps with one: no less than the safe currents and the worst background take on all phases together."""
    if more.random() >= 0.4:
        return circuit
    least_a = safe_a + 3 * (circuit.background_reserve_a or 0.0)
    most_a = max(3 * circuit.rating_a, least_a)
    return replace(circuit, limit_w=more.uniform(least_a, most_a) * VOLTAGE_V)


def _weather(rng: Random) -> Weather:
    fair = rng.random() < 0.25
    return Weather(
        delay_s=rng.choice([0.01, 0.2, 1.0]),
        stall_s=20.0,
        stalls=0.0 if fair else rng.choice([0.0, 0.02]),
        refused=0.0 if fair else rng.choice([0.0, 0.0, 0.2]),
        ignored=0.0 if fair else rng.choice([0.0, 0.1]),
        unanswered=0.0 if fair else rng.choice([0.0, 0.1]),
        breaks_every_s=None if fair else rng.choice([None, 60.0, 200.0]),
        restarts_every_s=None if fair else rng.choice([None, 150.0]),
    )

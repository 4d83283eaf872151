"""Random small sites as the decision sees them, each made from a seed."""

from dataclasses import replace
from random import Random

from edge.allocation.exposure import Grant, Holdings
from edge.allocation.problem import Need
from edge.allocation.snapshot import Snapshot
from edge.allocation.state import CircuitState, EvseState, Reach
from edge.domain.site import ControlSettings, Evse
from edge.domain.station import EvseStatus
from edge.units import PHASES, Amps, PhaseAmps, Seconds
from tests.property.solve_problems import MIXED
from tests.site_builders import NOW, charging, circuit, evse, snapshot

LIMITS_A: tuple[Amps, ...] = (0.0, 6.0, 6.0, 7.3, 10.0, 16.0, 20.5, 32.0)
AGES_S: tuple[Seconds, ...] = (0.0, 0.5, 4.0, 9.9, 10.0, 30.0, 59.0, 90.5, 110.0, 125.0, 140.0, 250.0, 400.0)


def unit(rng: Random, number: int, circuits: tuple[CircuitState, ...]) -> Evse:
    max_a = rng.choice([16.0, 32.0, 32.0])
    return evse(
        number,
        circuit=rng.choice(circuits).circuit.id,
        phases=rng.choice(MIXED),
        min_a=rng.choice([6.0, 6.0, 6.0, 8.0]),
        max_a=max_a,
        fallback_a=rng.choice([6.0, 6.0, 8.0, 0.0, 3.0]),
        rank=rng.choice([0, 0, 0, 1]),
        weight=rng.choice([1.0, 1.0, 2.0]),
        step_a=rng.choice([0.1, 0.1, 1.0, 0.0]),
        guaranteed=rng.random() < 0.2,
        switches_phases=rng.random() < 0.4,
        never_zero=rng.random() < 0.1,
    )


def grant(rng: Random, identity: int, now: Seconds, safe_a: Amps, *, idle: bool = False) -> Grant:
    sent_at = now - rng.choice(AGES_S)
    accepted = rng.random() < 0.7
    return Grant(
        command=identity,
        limit_a=rng.choice([0.0, 0.0, safe_a]) if idle else rng.choice(LIMITS_A),
        safe_a=safe_a,
        lease_s=3600.0 if idle else rng.choice([120.0, 120.0, 60.0]),
        sent_at=sent_at,
        accepted_at=sent_at if accepted else None,
        replaced_at=rng.choice([None, now - 3.0]) if accepted else None,
    )


def state(rng: Random, place: Evse, now: Seconds = NOW) -> EvseState:
    """Anything that may be known of an EVSE, however unlikely."""
    in_session = rng.random() < 0.8
    session = tuple(grant(rng, number, now, place.fallback_a) for number in range(rng.choice([0, 1, 1, 2, 3])))
    if place.switches_phases:
        session = tuple(replace(each, phases=rng.choice([None, 1, len(place.phases)])) for each in session)
    idle = tuple(
        grant(rng, 10 + number, now, place.fallback_a, idle=True) for number in range(rng.choice([0, 1, 1, 2]))
    )
    governed = rng.random() < 0.8
    one_limit = rng.random() < 0.2
    told = (idle if one_limit else session)[-1:] if in_session else ()
    told_at = rng.choice([None, now - rng.choice(AGES_S)])
    sampled = rng.random() < 0.8
    return EvseState(
        evse=place,
        reach=rng.choice([Reach.OBEYING] * 6 + list(Reach)),
        status=rng.choice([EvseStatus.CHARGING] * 4 + list(EvseStatus)),
        in_session=in_session,
        holdings=Holdings(
            baseline_a=rng.choice([None, None, place.max_a]) if governed else place.max_a,
            governed_at=now - 5.0 if governed else None,
            idle=idle,
            session=session if in_session else (),
        ),
        paused=in_session and rng.random() < 0.15,
        waiting_since=now - rng.choice([1.0, 60.0, 1000.0, 2000.0]) if in_session else None,
        told_a=told[0].limit_a if told else 0.0,
        told_at=told_at,
        raised_at=rng.choice([None, told_at]),
        draw_a=PhaseAmps(*(rng.choice([0.0, *LIMITS_A]) for _ in PHASES)) if sampled else None,
        drawn_at=now - rng.choice(AGES_S) if sampled else None,
        told_phases=told[0].phases if told else None,
        one_limit=one_limit,
        need=rng.choice([None, None, Need(energy_wanted_wh=9000.0, time_left_s=rng.choice([-5.0, 3600.0]))]),
    )


def circuits(rng: Random, now: Seconds = NOW) -> tuple[CircuitState, ...]:
    """Up to four; some have a meter, which may be late or stale, some a power limit."""
    found = [circuit(0.0)]
    for number in range(rng.choice([0, 1, 2, 3])):
        found.append(circuit(0.0, f"sub-{number}", parent=rng.choice(found).circuit.id))
    return tuple(
        circuit(
            rng.choice([16.0, 25.0, 40.0, 63.0, 100.0]),
            each.circuit.id,
            parent=each.circuit.parent,
            margin_a=rng.choice([0.0, 2.0]),
            limit_w=rng.choice([None, None, 9000.0, 20000.0]),
            meter=f"meter of {each.circuit.id}",
            measured_a=PhaseAmps(*(rng.uniform(0.0, 40.0) for _ in PHASES)),
            measured_at=now - rng.choice([0.0, 0.0, 0.0, 3.0, 60.0]),
            reserve_a=rng.choice([None, 5.0]),
        )
        if rng.random() < 0.6
        else circuit(rng.choice([16.0, 25.0, 40.0, 63.0]), each.circuit.id, parent=each.circuit.parent)
        for each in found
    )


def site(rng: Random, now: Seconds = NOW) -> Snapshot:
    """Anything."""
    tree = circuits(rng, now)
    places = [unit(rng, number, tree) for number in range(rng.randint(1, 7))]
    return snapshot(
        tree,
        *(state(rng, place, now) for place in places),
        now=now,
        settings=ControlSettings(),
        imbalance_limit_a=rng.choice([None, None, None, 20.0]),
    )


def steady_site(rng: Random) -> Snapshot:
    """Three-phase cars that have charged with what they were told for a minute, on circuits whose meters are fresh."""
    tree = tuple(
        replace(each, circuit=replace(each.circuit, limit_w=None), measured_at=NOW if each.measured_a else None)
        for each in circuits(rng)
    )
    states = []
    for number in range(rng.randint(1, 6)):
        place = replace(unit(rng, number, tree), phases=PHASES, rank=0, switches_phases=False, step_a=0.1, min_a=6.0)
        told_a = rng.choice([6.0, 8.0, 10.0, 16.0])
        states.append(charging(place, told_a=told_a, draw_a=rng.choice([told_a, told_a, told_a / 2])))
    return snapshot(tree, *states)


def next_of(rng: Random, before: Snapshot, *, part: float = 0.5) -> Snapshot:
    """A second later, some EVSEs have changed."""
    now = before.now + 1.0
    states = tuple(state(rng, each.evse, now) if rng.random() < part else each for each in before.evses)
    meters = tuple(
        each if each.measured_at is None else replace(each, measured_at=each.measured_at + rng.choice([0.0, 1.0]))
        for each in before.circuits
    )
    return replace(before, now=now, evses=states, circuits=meters, before=before.fleet)

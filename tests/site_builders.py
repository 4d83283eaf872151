"""Sites, snapshots and what belongs to them, with defaults that no test depends on."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from edge.allocation.background import Background
from edge.allocation.cars import Cars
from edge.allocation.entitlement import Entitlement, entitle
from edge.allocation.exposure import Grant, Holdings
from edge.allocation.memory import Memory
from edge.allocation.plant import Plant
from edge.allocation.problem import Need
from edge.allocation.snapshot import Snapshot
from edge.allocation.state import CircuitState, EvseState, Reach
from edge.domain.setpoint import LimitCommand, Purpose
from edge.domain.site import Circuit, ControlSettings, Evse, EvseKey, Meter, Site, Station, Supply
from edge.domain.station import EvseStatus
from edge.units import PHASES, Amps, Phase, PhaseAmps, Seconds, Watts

NOW: Seconds = 1000.0


def key(number: int) -> EvseKey:
    """The only EVSE of station ``CP-<number>``."""
    return EvseKey(station=f"CP-{number}", evse=1)


def evse(
    number: int = 1,
    *,
    circuit: str = "main",
    phases: tuple[Phase, ...] = PHASES,
    min_a: Amps = 6.0,
    max_a: Amps = 32.0,
    fallback_a: Amps = 6.0,
    rank: int = 0,
    weight: float = 1.0,
    step_a: Amps = 0.1,
    guaranteed: bool = False,
    switches_phases: bool = False,
    never_zero: bool = False,
    supply: Supply = Supply.AC,
) -> Evse:
    return Evse(
        key=key(number),
        circuit=circuit,
        phases=phases,
        min_a=min_a,
        max_a=max_a,
        fallback_a=fallback_a,
        rank=rank,
        weight=weight,
        step_a=step_a,
        guaranteed=guaranteed,
        switches_phases=switches_phases,
        never_zero=never_zero,
        supply=supply,
    )


def grant(
    limit_a: Amps,
    *,
    command: int = 1,
    sent_at: Seconds = NOW - 60.0,
    accepted: bool = True,
    safe_a: Amps = 6.0,
    lease_s: Seconds = 120.0,
    phases: int | None = None,
) -> Grant:
    """A limit that was accepted at once when it was sent, or hasn't been answered."""
    return Grant(
        command=command,
        limit_a=limit_a,
        safe_a=safe_a,
        lease_s=lease_s,
        sent_at=sent_at,
        accepted_at=sent_at if accepted else None,
        phases=phases,
    )


def idle_grant(limit_a: Amps = 0.0, *, safe_a: Amps = 6.0) -> Grant:
    return grant(limit_a, command=0, safe_a=safe_a, lease_s=3600.0)


def charging(
    unit: Evse | None = None,
    *,
    told_a: Amps = 16.0,
    told_at: Seconds | None = NOW - 60.0,
    draw_a: Amps | None = None,
    drawn_at: Seconds | None = NOW - 1.0,
    reach: Reach = Reach.OBEYING,
    status: EvseStatus = EvseStatus.CHARGING,
    paused: bool = False,
    waiting_since: Seconds | None = 0.0,
    holdings: Holdings | None = None,
    told_phases: int | None = None,
    need: Need | None = None,
) -> EvseState:
    """An EVSE whose car charges: it holds what it was told a while ago, and draws it (``draw_a``: or draws this)."""
    unit = unit if unit is not None else evse()
    drawn = told_a if draw_a is None else draw_a
    phases = unit.single_phase if told_phases == 1 else unit.phases
    return EvseState(
        evse=unit,
        reach=reach,
        status=status,
        paused=paused,
        in_session=True,
        holdings=holdings
        or Holdings(
            baseline_a=None,
            idle=(idle_grant(safe_a=unit.fallback_a),),
            session=(grant(told_a, safe_a=unit.fallback_a, phases=told_phases),) if told_at is not None else (),
        ),
        waiting_since=waiting_since,
        told_a=told_a,
        told_at=told_at,
        draw_a=PhaseAmps.on(phases, drawn) if drawn_at is not None else None,
        drawn_at=drawn_at,
        told_phases=told_phases,
        need=need,
    )


def arrived(unit: Evse | None = None, *, waiting_since: Seconds = NOW) -> EvseState:
    """An EVSE at which a session has just begun: it holds its idle limit of 0 A, and nothing was sampled yet."""
    return charging(unit, told_a=0.0, told_at=None, drawn_at=None, waiting_since=waiting_since)


def idle(unit: Evse | None = None) -> EvseState:
    """An EVSE without a session, which has confirmed its idle limit of 0 A."""
    unit = unit if unit is not None else evse()
    return EvseState(
        evse=unit,
        reach=Reach.OBEYING,
        status=EvseStatus.AVAILABLE,
        in_session=False,
        holdings=Holdings(baseline_a=None, idle=(idle_grant(safe_a=unit.fallback_a),)),
    )


def circuit(
    fuse_a: Amps,
    identity: str = "main",
    *,
    parent: str | None = None,
    margin_a: Amps = 0.0,
    meter: str | None = None,
    measured_a: PhaseAmps | Amps | None = None,
    measured_at: Seconds | None = NOW,
    reserve_a: Amps | None = None,
    limit_w: Watts | None = None,
) -> CircuitState:
    """A circuit; with ``measured_a`` it has a meter that has just said so."""
    if measured_a is not None and meter is None:
        meter = "grid"
    return CircuitState(
        circuit=Circuit(
            id=identity,
            parent=parent,
            fuse_a=fuse_a,
            margin_a=margin_a,
            limit_w=limit_w,
            meter=meter,
            background_reserve_a=reserve_a,
        ),
        measured_a=PhaseAmps.same(measured_a) if isinstance(measured_a, float | int) else measured_a,
        measured_at=measured_at if measured_a is not None else None,
    )


def snapshot(
    circuits: CircuitState | Iterable[CircuitState],
    *evses: EvseState,
    now: Seconds = NOW,
    settings: ControlSettings | None = None,
    imbalance_limit_a: Amps | None = None,
) -> Snapshot:
    states = (circuits,) if isinstance(circuits, CircuitState) else tuple(circuits)
    return Snapshot(
        now=now,
        plant=Plant(
            circuits=tuple(state.circuit for state in states),
            evses=tuple(state.evse for state in evses),
            settings=settings or ControlSettings(),
            imbalance_limit_a=imbalance_limit_a,
        ),
        circuits=states,
        evses=evses,
    )


def entitled(site: Snapshot) -> Entitlement:
    """What the EVSEs may be drawing, by row; nothing is known of which phases their cars use."""
    return entitle(site.plant.grid, site.fleet, site.plant.grid.wired, site.now)


def exposure_a(state: EvseState, now: Seconds = NOW) -> Amps:
    """The most that one EVSE may be drawing on any phase."""
    return float(entitled(snapshot(circuit(63.0), state, now=now)).exposure_a.max())


def remembered(
    site: Snapshot, *, background: Mapping[str, Background] | None = None, **columns: Sequence[float]
) -> Memory:
    """The memory of a second ago: of the sessions that run, with some fields of :class:`Cars` in the EVSEs' order."""
    rows = site.plant.grid.layout.rows
    fleet = site.fleet
    given = {name: np.array(values, dtype=np.float64)[rows] for name, values in columns.items()}
    session = np.where(fleet.in_session, fleet.waiting_since, np.nan)
    cars = replace(Cars.none(len(rows)), **({"session": session} | given))
    return Memory(background=background or {}, cars=cars, decided_at=site.now - 1.0)


def site(
    *evses: Evse,
    circuits: Sequence[Circuit] | None = None,
    settings: ControlSettings | None = None,
    fuse_a: Amps = 32.0,
) -> Site:
    """A site with a station for each EVSE; by default on one circuit with one meter, named grid."""
    return Site(
        id="test",
        timezone="UTC",
        nominal_voltage_v=230.0,
        control=settings or ControlSettings(),
        circuits=tuple(circuits or (Circuit(id="main", parent=None, fuse_a=fuse_a, meter="grid"),)),
        meters=(Meter(id="grid", model="sdm630", connection="tcp://127.0.0.1:1"),),
        stations=tuple(Station(id=unit.key.station, evses=(unit,)) for unit in evses),
    )


def command(
    limit_a: Amps,
    *,
    number: int = 1,
    identity: int = 1,
    purpose: Purpose = Purpose.SESSION,
    safe_a: Amps = 6.0,
    lease_s: Seconds = 120.0,
    transaction_id: str | None = "7",
) -> LimitCommand:
    """A limit for :func:`evse` ``number``."""
    return LimitCommand(
        id=identity,
        key=key(number),
        purpose=purpose,
        limit_a=limit_a,
        safe_a=safe_a,
        lease_s=lease_s,
        transaction_id=transaction_id if purpose is Purpose.SESSION else None,
    )

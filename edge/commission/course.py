"""The course of a commissioning: what is done on site and looked at, step by step, and what each proof found.

A generator of steps; who drives it does them and answers. The judging is in :mod:`edge.commission.judge`.
"""

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias, TypeVar

from edge.commission.judge import (
    LEAST_DRAW_A,
    TRIAL_A,
    Change,
    judge_fallback,
    judge_limit,
    judge_wiring,
    misplaced,
)
from edge.commission.observed import Observation
from edge.domain.site import Evse, EvseKey, Site
from edge.setup.language import Said
from edge.units import Amps, PhaseAmps, Seconds

ARRIVE_S: Seconds = 120.0  # for a car to be plugged in, a card to be shown, and the charging to begin
OBEY_S: Seconds = 25.0  # 10 s to obey, 10 s to the next sample, and the way
NOTICE_S: Seconds = 15.0  # for what was cut off to be noticed, beside its own time
CLOUD_S: Seconds = 60.0  # for a dead cloud link to be noticed: pings are 20 s apart
STAY_S: Seconds = 12.0  # charging must have gone on for so long without the cloud
AFTER_LEASE_S: Seconds = 15.0  # beyond the lease: the car's own time, and the station's clock
TRIAL_S: Seconds = 120.0
SPARE_A: Amps = 3.0  # what the building may have risen meanwhile; a car that stays up shows 4 A and more


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


def commissioning(site: Site, fuses: Sequence[str], *, grid_meter: str | None) -> Course[list[Proof]]:
    """All proofs, one after the other. ``fuses``: the findings of the static proof, empty where the file is sound."""
    proofs = [_fuses(fuses)]
    present = yield from _present(site, grid_meter)
    proofs.append(present)
    if not present.passed:
        return proofs
    changes: list[Change] = []
    for evse in site.evses:
        limit, change = yield from _one_evse(evse, grid_meter)
        proofs.append(limit)
        if change is not None:
            changes.append(change)
    if grid_meter is not None:
        proofs += judge_all_wiring(changes)
        proofs.append((yield from _meter_lost(site, grid_meter)))
    proofs.append((yield from _cloud_lost(site)))
    proofs.append((yield from _controller_stopped(site, grid_meter)))
    return proofs


def judge_all_wiring(changes: Sequence[Change]) -> list[Proof]:
    """Meter and stations: where every station is seen in the same wrong way, it is the meter that is wired so."""
    meter = judge_wiring(changes)
    as_filed = (Said("found.as_in_file"),)
    proofs = [Proof(name=Said("proof.wiring"), passed=not meter, finding=tuple(meter) or as_filed)]
    for change in changes:
        wrong = misplaced(change) if not meter else None
        proofs.append(
            Proof(
                name=Said("proof.phases", {"key": str(change.key)}),
                passed=wrong is None,
                finding=(wrong,) if wrong is not None else as_filed,
                figures={"car_a": list(change.drawn_a), "meter_a": list(change.metered_a)},
            )
        )
    return proofs


def _fuses(findings: Sequence[str]) -> Proof:
    return Proof(
        name=Said("proof.fuses"),
        passed=not findings,
        finding=tuple(Said("found.fuse", {"finding": each}) for each in findings) or (Said("found.fuses_fit"),),
    )


def _present(site: Site, grid_meter: str | None) -> Course[Proof]:
    """Every station is connected, and the meter is read."""
    yield Tell(what=Said("tell.waiting"))

    def all_there(now: Observation) -> bool:
        return not _missing(site, grid_meter, now)

    seen = yield from _until(all_there, most_s=ARRIVE_S)
    missing = _missing(site, grid_meter, seen)
    figures = {"stations": {each.id: list(seen.describes(each.id)) for each in site.stations}}
    return Proof(
        name=Said("proof.present"),
        passed=not missing,
        finding=tuple(missing) or (Said("found.all_there"),),
        figures=figures,
    )


def _missing(site: Site, grid_meter: str | None, now: Observation) -> list[Said]:
    missing = []
    for station in site.stations:
        if not now.is_connected(station.id):
            why = now.refusal_of(station.id)
            text = "found.turned_away" if why else "found.not_connected"
            missing.append(Said(text, {"station": station.id, "why": why or ""}))
    if grid_meter is not None and now.metered_a is None:
        problem = now.meter_problem
        text = "found.no_reading_why" if problem else "found.no_reading"
        missing.append(Said(text, {"meter": grid_meter, "problem": problem or ""}))
    return missing


def _one_evse(evse: Evse, grid_meter: str | None) -> Course[tuple[Proof, Change | None]]:
    """A car at one EVSE: it must obey a limit, rise when that ends, and appear at the meter where it is wired."""
    key, name = evse.key, Said("proof.limit", {"key": str(evse.key)})
    wanted = "do.car_one_phase" if len(evse.phases) > 1 else "do.car"
    yield Do(what=Said(wanted, {"key": str(key), "least_a": evse.min_a + 4}))
    seen = yield from _until(lambda now: now.draw_of(key) >= LEAST_DRAW_A, most_s=ARRIVE_S)
    if seen.draw_of(key) < LEAST_DRAW_A:
        finding = Said("found.no_draw", {"key": str(key), "draw_a": seen.draw_of(key)})
        return Proof(name=name, passed=False, finding=(finding,)), None
    limit_a = max(TRIAL_A, evse.min_a)
    yield Try(key=key, limit_a=limit_a, for_s=TRIAL_S)
    low = yield from _until(lambda now: judge_limit(now, key, limit_a) is None, most_s=OBEY_S, settled=True)
    problem = judge_limit(low, key, limit_a)
    if problem is not None:
        return Proof(name=name, passed=False, finding=(problem,), figures={"draw_a": low.draw_of(key)}), None
    yield Try(key=key, limit_a=evse.max_a, for_s=TRIAL_S)
    high = yield from _until(
        lambda now: now.draw_of(key) >= low.draw_of(key) + LEAST_DRAW_A / 2, most_s=OBEY_S, settled=True
    )
    rise_a = high.draw_of(key) - low.draw_of(key)
    figures = {"limit_a": limit_a, "low_a": low.draw_of(key), "high_a": high.draw_of(key)}
    if rise_a < LEAST_DRAW_A / 2:
        finding = Said("found.no_rise", {"key": str(key)})
        return Proof(name=name, passed=False, finding=(finding,), figures=figures), None
    finding = Said("found.obeys", {"draw_a": low.draw_of(key), "limit_a": limit_a})
    proof = Proof(name=name, passed=True, finding=(finding,), figures=figures)
    if grid_meter is None or low.metered_a is None or high.metered_a is None:
        return proof, None
    drawn = PhaseAmps(*(b - a for a, b in zip(low.own_draw(key), high.own_draw(key), strict=True)))
    metered = PhaseAmps(*(high.metered_a)) - PhaseAmps(*(low.metered_a))
    return proof, Change(key=key, phases=evse.phases, drawn_a=drawn, metered_a=metered)


def _meter_lost(site: Site, grid_meter: str) -> Course[Proof]:
    name, stale_s = Said("proof.meter_lost"), site.control.meter_stale_s
    yield Do(what=Said("do.meter_away", {"meter": grid_meter}))
    seen = yield from _until(lambda now: now.is_meter_lost, most_s=stale_s + NOTICE_S)
    if not seen.is_meter_lost:
        yield Do(what=Said("do.put_back"))
        return Proof(name=name, passed=False, finding=(Said("found.old_values", {"wait_s": stale_s + NOTICE_S}),))
    began_s = seen.at
    seen = yield from _until(lambda now: not judge_fallback(site, now), most_s=OBEY_S)
    above = judge_fallback(site, seen)
    yield Do(what=Said("do.put_back"))
    back = yield from _until(lambda now: not now.is_meter_lost, most_s=CLOUD_S)
    if above:
        return Proof(name=name, passed=False, finding=tuple(above))
    if back.is_meter_lost:
        return Proof(name=name, passed=False, finding=(Said("found.not_read_again"),))
    figures = {"seconds_to_fallback": round(seen.at - began_s, 1)}
    return Proof(name=name, passed=True, finding=(Said("found.all_safe"),), figures=figures)


def _cloud_lost(site: Site) -> Course[Proof]:
    name = Said("proof.cloud_lost")
    before = yield Observe(after_s=0.0)
    charging = [evse.key for evse in site.evses if before.draw_of(evse.key) >= LEAST_DRAW_A]
    if not charging:
        return Proof(name=name, passed=False, finding=(Said("found.no_car"),))
    yield Do(what=Said("do.cloud_away"))
    seen = yield from _until(lambda now: not now.has_cloud, most_s=CLOUD_S)
    if seen.has_cloud:
        yield Do(what=Said("do.give_back"))
        return Proof(name=name, passed=False, finding=(Said("found.other_cable"),))
    seen = yield Observe(after_s=STAY_S)
    stopped = [str(key) for key in charging if seen.draw_of(key) < LEAST_DRAW_A]
    yield Do(what=Said("do.give_back"))
    if stopped:
        return Proof(name=name, passed=False, finding=(Said("found.stopped_charging", {"keys": ", ".join(stopped)}),))
    finding = Said("found.went_on", {"count": len(charging)})
    return Proof(name=name, passed=True, finding=(finding,), figures={"seconds": STAY_S})


def _controller_stopped(site: Site, grid_meter: str | None) -> Course[Proof]:
    name = Said("proof.stopped")
    before = yield Observe(after_s=0.0)
    charging = [evse for evse in site.evses if before.draw_of(evse.key) >= LEAST_DRAW_A]
    if not charging:
        return Proof(name=name, passed=False, finding=(Said("found.no_car"),))
    wait_s = site.control.lease_s + AFTER_LEASE_S
    yield Tell(what=Said("tell.silent", {"wait_s": wait_s}))
    yield StopController()
    metered = (yield ReadMeter(after_s=wait_s)) if grid_meter is not None else None
    yield StartController()
    after = yield from _until(lambda now: all(now.is_connected(each.id) for each in site.stations), most_s=ARRIVE_S)
    figures: dict[str, Any] = {"waited_s": wait_s}
    if metered is not None and before.metered_a is not None:
        background = before.background_a(site)
        most = _safe_sum(charging, before)
        figures |= {"meter_a": list(metered), "allowed_a": list(background + most)}
        over = [
            f"L{n}" for n, (m, b, s) in enumerate(zip(metered, background, most, strict=True), 1) if m > b + s + 2.0
        ]
        if over:
            names = ", ".join(str(each.key) for each in charging)
            finding = Said("found.no_dead_man", {"keys": names, "phases": ", ".join(over)})
            return Proof(name=name, passed=False, finding=(finding,), figures=figures)
    elif grid_meter is not None:
        return Proof(name=name, passed=False, finding=(Said("found.no_reading_meanwhile"),), figures=figures)
    gone = [each.id for each in site.stations if not after.is_connected(each.id)]
    if gone:
        missing = Said("found.not_back", {"stations": ", ".join(gone)})
        return Proof(name=name, passed=False, finding=(missing,), figures=figures)
    return Proof(name=name, passed=True, finding=(Said("found.all_back", {"wait_s": wait_s}),), figures=figures)


def _safe_sum(charging: Sequence[Evse], before: Observation) -> PhaseAmps:
    """What the cars may draw at their safe currents, on the phases on which they were seen to draw."""
    total = PhaseAmps.same(0.0)
    for evse in charging:
        total = total + PhaseAmps(*(min(amps, evse.fallback_a) for amps in before.own_draw(evse.key)))
    return total


def _until(holds: Callable[[Observation], bool], *, most_s: Seconds, settled: bool = False) -> Course[Observation]:
    """Look each second until it holds; the last look. ``settled``: and once more a little later, when all follow."""
    seen: Observation = yield Observe(after_s=0.0)
    begun = seen.at
    while not holds(seen) and seen.at - begun < most_s:
        seen = yield Observe()
    if settled and holds(seen):
        seen = yield Observe(after_s=4.0)
    return seen

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

    what: str


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

    what: str


Step: TypeAlias = Do | Observe | Try | StopController | StartController | ReadMeter | Tell
T = TypeVar("T")
Course: TypeAlias = Generator[Step, Any, T]


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """What was proved, or why it wasn't. ``figures`` are what was measured."""

    name: str
    passed: bool
    finding: str
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
    proofs = [Proof(name="meter direction and phases", passed=not meter, finding="; ".join(meter) or "as in the file")]
    for change in changes:
        wrong = misplaced(change) if not meter else None
        proofs.append(
            Proof(
                name=f"phases of {change.key}",
                passed=wrong is None,
                finding=wrong or "as in the file",
                figures={"car_a": list(change.drawn_a), "meter_a": list(change.metered_a)},
            )
        )
    return proofs


def _fuses(findings: Sequence[str]) -> Proof:
    return Proof(
        name="safe currents under every fuse",
        passed=not findings,
        finding="; ".join(findings) or "the sum of the safe currents fits under every fuse, beside the building",
    )


def _present(site: Site, grid_meter: str | None) -> Course[Proof]:
    """Every station is connected, and the meter is read."""
    yield Tell(what="Waiting for the stations and the meter")

    def all_there(now: Observation) -> bool:
        return not _missing(site, grid_meter, now)

    seen = yield from _until(all_there, most_s=ARRIVE_S)
    missing = _missing(site, grid_meter, seen)
    figures = {"stations": {each.id: list(seen.describes(each.id)) for each in site.stations}}
    return Proof(
        name="stations and meter are there",
        passed=not missing,
        finding="; ".join(missing) or "all connected, and the meter is read",
        figures=figures,
    )


def _missing(site: Site, grid_meter: str | None, now: Observation) -> list[str]:
    missing = []
    for station in site.stations:
        if not now.is_connected(station.id):
            why = now.refusal_of(station.id)
            missing.append(
                f"{station.id} isn't connected" + (f" (turned away: {why})" if why else "; check the address in it")
            )
    if grid_meter is not None and now.metered_a is None:
        missing.append(f"meter {grid_meter} gives no reading" + (f": {now.meter_problem}" if now.meter_problem else ""))
    return missing


def _one_evse(evse: Evse, grid_meter: str | None) -> Course[tuple[Proof, Change | None]]:
    """A car at one EVSE: it must obey a limit, rise when that ends, and appear at the meter where it is wired."""
    key, name = evse.key, f"limit obeyed by {evse.key}"
    used = f" that draws on one phase, {evse.min_a + 4:g} A or more" if len(evse.phases) > 1 else ""
    yield Do(what=f"Let a car or a test box{used} charge at {key}")
    seen = yield from _until(lambda now: now.draw_of(key) >= LEAST_DRAW_A, most_s=ARRIVE_S)
    if seen.draw_of(key) < LEAST_DRAW_A:
        finding = f"{key} draws {seen.draw_of(key):.1f} A: no car charges there, or its current isn't reported"
        return Proof(name=name, passed=False, finding=finding), None
    limit_a = max(TRIAL_A, evse.min_a)
    yield Try(key=key, limit_a=limit_a, for_s=TRIAL_S)
    low = yield from _until(lambda now: judge_limit(now, key, limit_a) is None, most_s=OBEY_S, settled=True)
    problem = judge_limit(low, key, limit_a)
    if problem is not None:
        return Proof(name=name, passed=False, finding=problem, figures={"draw_a": low.draw_of(key)}), None
    yield Try(key=key, limit_a=evse.max_a, for_s=TRIAL_S)
    high = yield from _until(
        lambda now: now.draw_of(key) >= low.draw_of(key) + LEAST_DRAW_A / 2, most_s=OBEY_S, settled=True
    )
    rise_a = high.draw_of(key) - low.draw_of(key)
    figures = {"limit_a": limit_a, "low_a": low.draw_of(key), "high_a": high.draw_of(key)}
    if rise_a < LEAST_DRAW_A / 2:
        return Proof(name=name, passed=False, finding=f"{key} doesn't rise when its limit does", figures=figures), None
    proof = Proof(name=name, passed=True, finding=f"{low.draw_of(key):.1f} A under a limit of {limit_a:g} A",
                  figures=figures)  # fmt: skip
    if grid_meter is None or low.metered_a is None or high.metered_a is None:
        return proof, None
    drawn = PhaseAmps(*(b - a for a, b in zip(low.own_draw(key), high.own_draw(key), strict=True)))
    metered = PhaseAmps(*(high.metered_a)) - PhaseAmps(*(low.metered_a))
    return proof, Change(key=key, phases=evse.phases, drawn_a=drawn, metered_a=metered)


def _meter_lost(site: Site, grid_meter: str) -> Course[Proof]:
    name, stale_s = "meter lost: fallback in its time", site.control.meter_stale_s
    yield Do(what=f"Pull the data cable of meter {grid_meter}")
    seen = yield from _until(lambda now: now.is_meter_lost, most_s=stale_s + NOTICE_S)
    if not seen.is_meter_lost:
        finding = f"{stale_s + NOTICE_S:g} s later there are still readings: another device repeats old values"
        yield Do(what="Put the cable back")
        return Proof(name=name, passed=False, finding=finding)
    began_s = seen.at
    seen = yield from _until(lambda now: not judge_fallback(site, now), most_s=OBEY_S)
    above = judge_fallback(site, seen)
    yield Do(what="Put the cable back")
    back = yield from _until(lambda now: not now.is_meter_lost, most_s=CLOUD_S)
    if above:
        return Proof(name=name, passed=False, finding="; ".join(above))
    if back.is_meter_lost:
        return Proof(name=name, passed=False, finding="the meter isn't read again after the cable is back")
    figures = {"seconds_to_fallback": round(seen.at - began_s, 1)}
    return Proof(name=name, passed=True, finding="every car went down to its safe current", figures=figures)


def _cloud_lost(site: Site) -> Course[Proof]:
    name = "cloud lost: charging goes on"
    before = yield Observe(after_s=0.0)
    charging = [evse.key for evse in site.evses if before.draw_of(evse.key) >= LEAST_DRAW_A]
    if not charging:
        return Proof(name=name, passed=False, finding="no car charges with which it could be shown")
    yield Do(what="Take the gateway's way to the cloud away (unplug the Internet)")
    seen = yield from _until(lambda now: not now.has_cloud, most_s=CLOUD_S)
    if seen.has_cloud:
        yield Do(what="Give it back")
        return Proof(name=name, passed=False, finding="the cloud is still there: it was another cable")
    seen = yield Observe(after_s=STAY_S)
    stopped = [str(key) for key in charging if seen.draw_of(key) < LEAST_DRAW_A]
    yield Do(what="Give it back")
    if stopped:
        finding = f"{', '.join(stopped)} stopped charging; check the station's behaviour offline, and [ocpp] mode"
        return Proof(name=name, passed=False, finding=finding)
    return Proof(name=name, passed=True, finding=f"{len(charging)} cars went on", figures={"seconds": STAY_S})


def _controller_stopped(site: Site, grid_meter: str | None) -> Course[Proof]:
    name = "controller stopped: every station at its safe current"
    before = yield Observe(after_s=0.0)
    charging = [evse for evse in site.evses if before.draw_of(evse.key) >= LEAST_DRAW_A]
    if not charging:
        return Proof(name=name, passed=False, finding="no car charges with which it could be shown")
    wait_s = site.control.lease_s + AFTER_LEASE_S
    yield Tell(what=f"The gateway is silent now for {wait_s:g} s")
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
            finding = (
                f"the meter shows more than the safe currents of {names} on {' and '.join(over)}: "
                "a station doesn't keep its dead-man limit"
            )
            return Proof(name=name, passed=False, finding=finding, figures=figures)
    elif grid_meter is not None:
        return Proof(name=name, passed=False, finding="the meter gave no reading meanwhile", figures=figures)
    gone = [each.id for each in site.stations if not after.is_connected(each.id)]
    if gone:
        return Proof(name=name, passed=False, finding=f"{', '.join(gone)} didn't come back", figures=figures)
    return Proof(name=name, passed=True, finding=f"within {wait_s:g} s, and all came back", figures=figures)


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

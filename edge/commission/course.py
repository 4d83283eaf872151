"""The course of a commissioning: what is done on site and looked at, step by step, and what each proof found.

The judging is in :mod:`edge.commission.judge`.
"""

from collections.abc import Sequence

from edge.commission.judge import (
    LEAST_DRAW_A,
    TRIAL_A,
    Change,
    judge_limit,
    judge_wiring,
    misplaced,
)
from edge.commission.losses import cloud_lost, controller_stopped, meter_lost
from edge.commission.observed import Observation
from edge.commission.steps import ARRIVE_S, OBEY_S, Course, Do, Proof, Tell, Try, until
from edge.domain.site import Evse, Site
from edge.language import Said
from edge.units import PHASES, PhaseAmps, Seconds

TRIAL_S: Seconds = 120.0


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
        proofs.append((yield from meter_lost(site, grid_meter)))
    proofs.append((yield from cloud_lost(site)))
    proofs.append((yield from controller_stopped(site, grid_meter)))
    return proofs


def judge_all_wiring(changes: Sequence[Change]) -> list[Proof]:
    """Meter and stations: where every station is seen in the same wrong way, it is the meter that is wired so."""
    if not changes:
        return [Proof(name=Said("proof.wiring"), passed=False, finding=(Said("found.no_car"),))]
    meter = judge_wiring(changes)
    as_filed = (Said("found.as_in_file"),)
    shown = {phase for change in changes for phase, _ in change.seen}
    wired = {phase for change in changes for phase in change.phases}
    seen = ", ".join(each for each in PHASES if each in shown)
    untried = ", ".join(each for each in PHASES if each in wired - shown)
    right = (Said("found.seen_on", {"seen": seen, "untried": untried}),) if untried else as_filed
    proofs = [Proof(name=Said("proof.wiring"), passed=not meter, finding=tuple(meter) or right)]
    for change in changes:
        wrong = misplaced(change) if not meter else None
        one_of_three = len(change.used) == 1 and len(change.phases) > 1
        first = (Said("found.first_seen_on", {"seen": ", ".join(change.used)}),)
        proofs.append(
            Proof(
                name=Said("proof.phases", {"key": str(change.key)}),
                passed=wrong is None,
                finding=(wrong,) if wrong is not None else first if one_of_three and not meter else as_filed,
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

    seen = yield from until(all_there, most_s=ARRIVE_S)
    missing = _missing(site, grid_meter, seen)
    figures = {
        "stations": {
            each.id: [seen.describes(each.id).get(key) for key in ("vendor", "model")] for each in site.stations
        }
    }
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
    seen = yield from until(lambda now: now.draw_of(key) >= LEAST_DRAW_A, most_s=ARRIVE_S)
    if seen.draw_of(key) < LEAST_DRAW_A:
        finding = Said("found.no_draw", {"key": str(key), "draw_a": seen.draw_of(key)})
        return Proof(name=name, passed=False, finding=(finding,)), None
    limit_a = max(TRIAL_A, evse.min_a)
    yield Try(key=key, limit_a=limit_a, for_s=TRIAL_S)
    low = yield from until(lambda now: judge_limit(now, key, limit_a) is None, most_s=OBEY_S, settled=True)
    problem = judge_limit(low, key, limit_a)
    if problem is not None:
        return Proof(name=name, passed=False, finding=(problem,), figures={"draw_a": low.draw_of(key)}), None
    yield Try(key=key, limit_a=evse.max_a, for_s=TRIAL_S)
    high = yield from until(
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

"""What must go on, or go down, when something is lost: the meter, the cloud, the gateway itself."""

from collections.abc import Sequence
from typing import Any

from edge.commission.judge import LEAST_DRAW_A, judge_fallback
from edge.commission.observed import Observation
from edge.commission.steps import (
    ARRIVE_S,
    OBEY_S,
    Course,
    Do,
    Observe,
    Proof,
    ReadMeter,
    StartController,
    StopController,
    Tell,
    until,
)
from edge.domain.site import Evse, Site
from edge.language import Said
from edge.units import Amps, PhaseAmps, Seconds

NOTICE_S: Seconds = 15.0  # for what was cut off to be noticed, beside its own time
CLOUD_S: Seconds = 60.0  # for a dead cloud link to be noticed: pings are 20 s apart
STAY_S: Seconds = 12.0  # charging must have gone on for so long without the cloud
AFTER_LEASE_S: Seconds = 15.0  # beyond the lease: the car's own time, and the station's clock
SPARE_A: Amps = 2.0  # what the building may have risen meanwhile; a car must be further above its safe current


def meter_lost(site: Site, grid_meter: str) -> Course[Proof]:
    """All cars go down to their safe currents, in the meter's time."""
    name, stale_s = Said("proof.meter_lost"), site.control.meter_stale_s
    _, cars, problem = yield from _cars_above(site)
    if problem:
        return Proof(name=name, passed=False, finding=problem)
    yield Do(what=Said("do.meter_away", {"meter": grid_meter}))
    seen = yield from until(lambda now: now.is_meter_lost, most_s=stale_s + NOTICE_S)
    if not seen.is_meter_lost:
        yield Do(what=Said("do.put_back"))
        return Proof(name=name, passed=False, finding=(Said("found.old_values", {"wait_s": stale_s + NOTICE_S}),))
    began_s = seen.at
    seen = yield from until(lambda now: not judge_fallback(site, now), most_s=OBEY_S)
    above = judge_fallback(site, seen)
    yield Do(what=Said("do.put_back"))
    back = yield from until(lambda now: not now.is_meter_lost, most_s=CLOUD_S)
    if above:
        return Proof(name=name, passed=False, finding=tuple(above))
    if back.is_meter_lost:
        return Proof(name=name, passed=False, finding=(Said("found.not_read_again"),))
    figures = {"seconds_to_fallback": round(seen.at - began_s, 1)}
    return Proof(name=name, passed=True, finding=(Said("found.all_safe", {"keys": cars}),), figures=figures)


def cloud_lost(site: Site) -> Course[Proof]:
    """The cars that charge go on. Where there is no cloud to be lost, nothing has to be proved."""
    name = Said("proof.cloud_lost")
    before = yield Observe(after_s=0.0)
    if before.is_cloudless:
        return Proof(name=name, passed=True, finding=(Said("found.cloudless"),))
    charging = [evse.key for evse in site.evses if before.draw_of(evse.key) >= LEAST_DRAW_A]
    if not charging:
        return Proof(name=name, passed=False, finding=(Said("found.no_car"),))
    if not before.has_cloud:
        return Proof(name=name, passed=False, finding=(Said("found.no_cloud"),))
    yield Do(what=Said("do.cloud_away"))
    seen = yield from until(lambda now: not now.has_cloud, most_s=CLOUD_S)
    if seen.has_cloud:
        yield Do(what=Said("do.give_back"))
        return Proof(name=name, passed=False, finding=(Said("found.other_cable"),))
    seen = yield Observe(after_s=STAY_S)
    stopped = [str(key) for key in charging if seen.draw_of(key) < LEAST_DRAW_A]
    yield Do(what=Said("do.give_back"))
    if stopped:
        return Proof(name=name, passed=False, finding=(Said("found.stopped_charging", {"keys": ", ".join(stopped)}),))
    finding = Said("found.went_on", {"keys": ", ".join(str(key) for key in charging)})
    return Proof(name=name, passed=True, finding=(finding,), figures={"seconds": STAY_S})


def controller_stopped(site: Site, grid_meter: str | None) -> Course[Proof]:
    """The cars go down by themselves at the end of their leases, as the meter shows, and the stations come back."""
    name = Said("proof.stopped")
    before, cars, problem = yield from _cars_above(site)
    if problem:
        return Proof(name=name, passed=False, finding=problem)
    charging = [evse for evse in site.evses if before.draw_of(evse.key) >= LEAST_DRAW_A]
    wait_s = site.control.lease_s + AFTER_LEASE_S
    yield Tell(what=Said("tell.silent", {"wait_s": wait_s}))
    yield StopController()
    metered = (yield ReadMeter(after_s=wait_s)) if grid_meter is not None else None
    yield StartController()
    after = yield from until(lambda now: all(now.is_connected(each.id) for each in site.stations), most_s=ARRIVE_S)
    figures: dict[str, Any] = {"waited_s": wait_s}
    if metered is not None and before.metered_a is not None:
        background = before.background_a(site)
        most = _safe_sum(charging, before)
        figures |= {"meter_a": list(metered), "allowed_a": list(background + most)}
        over = [
            f"L{n}" for n, (m, b, s) in enumerate(zip(metered, background, most, strict=True), 1) if m > b + s + SPARE_A
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
    shown = Said("found.all_back", {"wait_s": wait_s, "keys": cars})
    finding = shown if grid_meter is not None else Said("found.all_back_unseen")
    return Proof(name=name, passed=True, finding=(finding,), figures=figures)


def _safe_sum(charging: Sequence[Evse], before: Observation) -> PhaseAmps:
    """What the cars may draw at their safe currents, on the phases on which they were seen to draw."""
    total = PhaseAmps.same(0.0)
    for evse in charging:
        total = total + PhaseAmps(*(min(amps, evse.fallback_a) for amps in before.own_draw(evse.key)))
    return total


def _cars_above(site: Site) -> Course[tuple[Observation, str, tuple[Said, ...]]]:
    """The cars with which going down can be shown: charging, well above their safe currents; waited for.

    The last look, their names, and what is wrong where there is none. A site whose EVSEs never draw so much has none.
    """
    able = [evse for evse in site.evses if evse.max_a > evse.fallback_a + SPARE_A]

    def above(now: Observation) -> list[str]:
        return [str(evse.key) for evse in able if now.draw_of(evse.key) > evse.fallback_a + SPARE_A]

    seen = yield from until(lambda now: bool(above(now)), most_s=ARRIVE_S if able else 0.0)
    shown_by = above(seen)
    if able and not shown_by:
        return seen, "", (Said("found.no_car_above", {"spare_a": SPARE_A}),)
    if not any(seen.draw_of(evse.key) >= LEAST_DRAW_A for evse in site.evses):
        return seen, "", (Said("found.no_car"),)
    return seen, ", ".join(shown_by) or "-", ()

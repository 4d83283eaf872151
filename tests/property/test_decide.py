"""The decision on random small sites: what must hold whatever is known of them."""

from dataclasses import replace
from itertools import pairwise
from random import Random
from typing import TypeVar

import numpy as np
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from edge.allocation.decide import Decision, Memory, decide
from edge.allocation.snapshot import Snapshot
from edge.allocation.state import EvseState, Reach
from edge.control.replay import first_difference
from edge.units import Amps
from tests.property import random_sites
from tests.site_builders import NOW

TOLERANCE_A = 1e-6
Item = TypeVar("Item")

seeds = st.integers(0, 2**32 - 1)


def story(rng: Random) -> list[Decision]:
    """A few seconds of a site on which anything may happen."""
    site, memory = random_sites.site(rng), Memory()
    decisions = []
    for _ in range(rng.choice([1, 2, 3])):
        decisions.append(decide(site, memory))
        memory = decisions[-1].memory
        site = random_sites.next_of(rng, site)
    return decisions


@settings(max_examples=300)
@given(seed=seeds)
def test_what_is_told_is_nothing_or_something_to_charge_with(seed: int) -> None:
    """0, or whole steps from the minimum to the maximum; of one that isn't ours nothing that would be a raise."""
    for decision in story(Random(seed)):
        for number, (state, told_a) in enumerate(zip(decision.snapshot.evses, decision.told_a, strict=True)):
            unit, row = state.evse, int(decision.snapshot.plant.grid.layout.row_of[number])
            assert 0 <= told_a <= unit.max_a + TOLERANCE_A
            if decision.wishes.foreign[row]:
                assert told_a <= unit.fallback_a
                assert told_a <= decision.exposure_of(number) + TOLERANCE_A
                continue
            assert told_a == 0 or told_a >= unit.min_a - TOLERANCE_A
            step_a = unit.step_a or 0.1
            assert abs(told_a / step_a - round(told_a / step_a)) < TOLERANCE_A


@settings(max_examples=300)
@given(seed=seeds)
def test_no_raise_takes_room_that_isnt_there(seed: int) -> None:
    """On no line what may be drawn afterwards is more than is left, but where it was before; then it is no more."""
    for decision in story(Random(seed)):
        grid, exposure_a = decision.snapshot.plant.grid, decision.entitlement.exposure_a
        told_a = np.array(decision.told_a)[grid.layout.rows]
        single = decision.released.single & grid.switches & ~decision.snapshot.fleet.one_limit
        on = np.where(single[:, None], grid.single, decision.shares.counted)
        ours = ~decision.wishes.foreign
        afterwards_a = np.maximum(exposure_a, np.where(on & ours[:, None], told_a[:, None], 0.0))
        lines = slice(0, grid.layout.line_count)
        before_a, after_a = grid.on_lines(exposure_a)[lines], grid.on_lines(afterwards_a)[lines]
        assert (after_a <= np.maximum(decision.headroom.left_a[lines], before_a) + TOLERANCE_A).all()


@settings(max_examples=200)
@given(seed=seeds)
def test_what_all_should_have_fits_under_every_limit(seed: int) -> None:
    """Shares and what is kept free for those that aren't ours, unless the latter and the background alone don't fit."""
    for decision in story(Random(seed)):
        grid, shares = decision.snapshot.plant.grid, decision.shares
        share_a = np.where(shares.counted, shares.amps[:, None], 0.0)
        reserved_a = grid.on_lines(decision.reserved_a)
        lines = slice(0, grid.layout.line_count)
        free_a = np.maximum(decision.headroom.left_a - reserved_a, 0.0)[lines]
        assert (grid.on_lines(share_a)[lines] <= free_a + TOLERANCE_A).all()


@settings(max_examples=150)
@given(seed=seeds)
def test_the_order_in_which_the_site_names_its_parts_plays_no_part(seed: int) -> None:
    """Permuting EVSEs and circuits permutes what is told, to the last bit, sentence by sentence."""
    rng = Random(seed)
    decision = story(rng)[-1]
    site = decision.snapshot
    evses = rng.sample(range(len(site.evses)), len(site.evses))
    circuits = rng.sample(range(len(site.circuits)), len(site.circuits))
    plant = replace(
        site.plant,
        evses=tuple(site.plant.evses[number] for number in evses),
        circuits=tuple(site.plant.circuits[number] for number in circuits),
    )
    permuted = replace(
        site,
        plant=plant,
        evses=tuple(site.evses[number] for number in evses),
        circuits=tuple(site.circuits[number] for number in circuits),
        before=None,
    )
    # Memory is by row of the layout, which is sorted by name.
    other = decide(permuted, decision.made_with)
    assert other.told_a == tuple(decision.told_a[number] for number in evses)
    assert [point.text for point in other.setpoints] == [decision.setpoints[number].text for number in evses]
    assert other.headroom_a == decision.headroom_a
    assert other.precedence == decision.precedence


@settings(max_examples=150)
@given(seed=seeds)
def test_the_same_snapshot_and_memory_give_the_same_decision(seed: int) -> None:
    """Also where the arrays are made afresh."""
    for decision in story(Random(seed)):
        plant = replace(decision.snapshot.plant)
        again = decide(replace(decision.snapshot, plant=plant, before=None), decision.made_with)
        assert first_difference(decision.outcome, again.outcome) is None


@settings(max_examples=100)
@given(seed=seeds)
def test_equal_signatures_say_the_same(seed: int) -> None:
    """What is logged: where it is equal from one decision to the next, so is the setpoint but for what flows."""
    decisions = story(Random(seed))
    for before, now in pairwise(decisions):
        for number, (was, is_now) in enumerate(zip(before.setpoints, now.setpoints, strict=True)):
            if (before.signature[number] == now.signature[number]).all():
                told = [(point.limit_a, point.reason, point.circuit, point.phase) for point in (was, is_now)]
                assert told[0] == told[1]


def total_a(decision: Decision, held: Decision) -> Amps:
    """What may be drawn of all together after a decision: by what they hold until they obey, and by what they are told.

    What a lost station would rise to by itself is no matter of the decision: ``held`` is the one where nothing is lost.
    """
    return sum(max(held.exposure_of(number), point.limit_a or 0.0) for number, point in enumerate(decision.setpoints))


def away(state: EvseState) -> EvseState:
    return replace(state, reach=Reach.OFFLINE)


def unsampled(state: EvseState) -> EvseState:
    return replace(state, draw_a=None, drawn_at=None)


def a_second_later(site: Snapshot) -> Snapshot:
    meters = tuple(
        each if each.measured_at is None else replace(each, measured_at=each.measured_at + 1.0)
        for each in site.circuits
    )
    return replace(site, now=site.now + 1.0, circuits=meters)


@settings(max_examples=300)
@given(seed=seeds)
def test_losing_a_source_never_raises_the_total(seed: int) -> None:
    """On a steady site where all minima fit, whatever is lost: a meter, a station, the samples of an EVSE."""
    rng = Random(seed)
    site = random_sites.steady_site(rng)
    memory = decide(site, Memory()).memory
    later = a_second_later(site)
    sound = decide(later, memory)
    assume(sound.shares.admitted.all())  # else one that is put out may let in two others
    losses = [
        replace(later, circuits=_with(later.circuits, number, replace(state, measured_at=NOW - 60.0)))
        for number, state in enumerate(later.circuits)
        if state.measured_at is not None
    ]
    for number, state in enumerate(later.evses):
        losses += [replace(later, evses=_with(later.evses, number, lose(state))) for lose in (away, unsampled)]
    rounding_a = 0.1 * len(site.evses)
    for lost in losses:
        assert total_a(decide(lost, memory), sound) <= total_a(sound, sound) + rounding_a


def _with(items: tuple[Item, ...], number: int, item: Item) -> tuple[Item, ...]:
    return (*items[:number], item, *items[number + 1 :])


@settings(max_examples=150)
@given(seed=seeds)
def test_a_meter_that_is_lost_raises_nobody(seed: int) -> None:
    """On any site: below it nobody is told more than he has, but to begin with his minimum."""
    rng = Random(seed)
    decision = story(rng)[-1]
    site = decision.snapshot
    meters = tuple(
        each if each.measured_at is None else replace(each, measured_at=site.now - 60.0) for each in site.circuits
    )
    blind = decide(replace(site, circuits=meters), decision.made_with)
    grid = site.plant.grid
    below = grid.on_path(blind.headroom.stale)
    for number, told_a in enumerate(blind.told_a):
        row = int(grid.layout.row_of[number])
        if below[row]:
            assert told_a <= max(grid.fallback_a[row], grid.least_a[row], 0.0) + TOLERANCE_A

"""What is computed on arrays is what the rules say of each EVSE by itself."""

from dataclasses import fields
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.allocation.entitlement import SAMPLE_LIFE_S, entitle, most_by_grant
from edge.allocation.exposure import OBEY_S
from edge.allocation.fleet import Fleet, Grants
from edge.allocation.layout import BALANCE_LINES_PER_EVSE, LINES_PER_CIRCUIT, POWER, Bools, Layout
from edge.allocation.ranks import Case
from edge.allocation.solution import Terms
from edge.allocation.solve import solve, solved
from edge.allocation.state import EvseState, Reach
from edge.units import PHASES, Amps, Phase, Seconds
from tests.property import random_sites
from tests.property.solve_problems import problem
from tests.site_builders import NOW, charging, circuit, evse, snapshot

seeds = st.integers(0, 2**32 - 1)


@settings(max_examples=200)
@given(seed=seeds)
def test_the_most_by_each_grant(seed: int) -> None:
    """What the arrays allow is what the grant allows by itself, at any age, renewable or not."""
    rng = Random(seed)
    states = [random_sites.state(rng, evse(number)) for number in range(5)]
    renewable = np.array([rng.random() < 0.5 for _ in states])
    grants = Fleet.of(tuple(states)).grants
    found = most_by_grant(grants, renewable, NOW)
    for row, state in enumerate(states):
        each = (*state.holdings.idle, *state.holdings.session)
        assert grants.there[row].tolist() == [place < len(each) for place in range(grants.there.shape[1])]
        expected = [grant.most_a(NOW, renewable=bool(renewable[row])) for grant in each]
        assert found[row, : len(each)].tolist() == expected


def exposure_a(state: EvseState, in_use: set[Phase], now: Seconds) -> tuple[list[Amps], list[Amps]]:
    """The rules, in plain words; by phase: what its limits allow, and what it may be drawing."""
    unit, holdings = state.evse, state.holdings
    idle = [grant.most_a(now, renewable=state.reach.renewable) for grant in holdings.idle]
    session = [
        (grant.most_a(now, renewable=state.reach.renewable), unit.single_phase if grant.phases == 1 else in_use)
        for grant in holdings.session
        if state.in_session
    ]
    any_car = idle if holdings.baseline_a is None else [*idle, holdings.baseline_a]
    under_no_limit = not any_car and not session
    # A session that began unseen is bound by the idle limit, or by what bounded it before it first obeyed us.
    unseen = not state.reach.renewable and not idle and holdings.is_governed
    if state.reach is Reach.DISOBEYING or under_no_limit or unseen:
        any_car = [unit.max_a]
    allowed, found = [], []
    for phase in PHASES:
        amps = [0.0]
        if phase in unit.phases:
            amps += any_car
        amps += [most for most, on in session if phase in on]
        exposed = min(max(amps), unit.max_a)
        allowed.append(exposed)
        sampled = state.draw_a is not None and state.drawn_at is not None and now - state.drawn_at <= SAMPLE_LIFE_S
        if sampled and (state.told_at is None or (state.drawn_at or 0.0) >= state.told_at + OBEY_S):
            assert state.draw_a is not None
            exposed = max(exposed, state.draw_a[phase])
        found.append(exposed)
    return allowed, found


@settings(max_examples=400)
@given(seed=seeds)
def test_exposure(seed: int) -> None:
    """Of any EVSE, with any knowledge of the phases that its car uses."""
    rng = Random(seed)
    site = random_sites.site(rng)
    grid = site.plant.grid
    used = [{phase for phase in each.evse.phases if rng.random() < 0.6} for each in site.evses]
    by_row = [used[number] for number in grid.layout.rows.tolist()]
    in_use: Bools = np.array([[phase in phases for phase in PHASES] for phases in by_row], dtype=np.bool_)
    found = entitle(grid, site.fleet, in_use, site.now)
    for number, (state, phases) in enumerate(zip(site.evses, used, strict=True)):
        row = int(grid.layout.row_of[number])
        allowed, expected = exposure_a(state, phases, site.now)
        assert found.exposure_a[row].tolist() == pytest.approx(expected, abs=1e-12)
        told_on = state.evse.single_phase if state.told_phases == 1 else phases
        least_a = min((allowed[PHASES.index(phase)] for phase in told_on), default=max(allowed))
        assert found.held_a[row] == pytest.approx(min(state.told_a, least_a), abs=1e-12)
        assert (found.low_a[row] <= found.high_a[row] + 1e-12).all()


def same(one: object, other: object) -> bool:
    return np.array_equal(np.asarray(one, dtype=np.float64), np.asarray(other, dtype=np.float64), equal_nan=True)


def trimmed(grants: Grants, width: int) -> list[object]:
    """Without the places beyond, which are empty."""
    assert not grants.there[:, width:].any()
    return [getattr(grants, field.name)[:, :width] for field in fields(Grants)]


@settings(max_examples=200)
@given(seed=seeds)
def test_a_fleet_that_takes_over_what_is_the_same_is_that_fleet(seed: int) -> None:
    """Change after change, with more grants or fewer; and equal states that are other objects are looked at again."""
    rng = Random(seed)
    site = random_sites.site(rng)
    for _ in range(4):
        before, site = site, random_sites.next_of(rng, site, part=rng.choice([0.0, 0.3, 1.0]))
        taken_over, made = site.fleet, Fleet.of(site.fleet.states)
        for field in fields(Fleet):
            if field.name not in ("grants", "states"):
                assert same(getattr(taken_over, field.name), getattr(made, field.name)), field.name
        width = made.grants.there.shape[1]
        for one, other in zip(trimmed(taken_over.grants, width), trimmed(made.grants, width), strict=True):
            assert same(one, other)
        assert taken_over.states == made.states
        if all(one is other for one, other in zip(before.evses, site.evses, strict=True)):
            assert taken_over is before.fleet


def test_another_number_of_evses_is_made_anew() -> None:
    """A fleet is taken over row by row."""
    one = snapshot(circuit(63), charging(evse(1)))
    two = Fleet.of((one.evses[0], charging(evse(2))), one.fleet)
    assert two.told_a.tolist() == [16, 16]


@settings(max_examples=150)
@given(seed=seeds)
def test_a_layout_with_fewer_phases_is_the_one_made_of_those(seed: int) -> None:
    """Line by line, as far as current flows; and the solver finds the same on it, reasons and all."""
    rng = Random(seed)
    whole = problem(rng, steps_a=(0.0, 0.1, 1.0), imbalance=rng.random() < 0.4)
    outlets = whole.wiring.outlets
    kept = [tuple(phase for phase in outlet.phases if rng.random() < 0.7) or outlet.phases[:1] for outlet in outlets]
    made = Layout.of(
        [(branch.id, branch.parent) for branch in whole.wiring.branches],
        [(outlet.id, outlet.circuit, phases) for outlet, phases in zip(outlets, kept, strict=True)],
    )
    by_row = [kept[number] for number in made.rows.tolist()]
    derived = whole.wiring.layout.with_phases(
        np.array([[phase in phases for phase in PHASES] for phases in by_row], dtype=np.bool_)
    )
    assert derived.phase_count.tolist() == made.phase_count.tolist()
    for row in range(len(by_row)):
        assert flows(derived, row) == flows(made, row)
    case, other = (Case.on(each, Case.of(whole).columns, whole.nominal_voltage_v) for each in (derived, made))
    balanced = whole.imbalance_limit_a is not None
    one, two = (solved(each, Terms.of(whole, each), balanced=balanced) for each in (case, other))
    assert one.limits_a == two.limits_a
    assert one.headroom_a == two.headroom_a
    assert [one.binding(row) for row in range(len(kept))] == [two.binding(row) for row in range(len(kept))]


def flows(layout: Layout, row: int) -> dict[int, float]:
    """How much of each line a row takes."""
    uses = zip(layout.lines[row].tolist(), layout.uses[row].tolist(), strict=True)
    return {line: use for line, use in uses if use > 0}


def test_all_phases_in_use_is_the_same_layout() -> None:
    """Line by line, and solution by solution."""
    whole = problem(Random(1), evses=8)
    layout = whole.wiring.layout
    wired = np.array([[phase in whole.wiring.outlets[n].phases for phase in PHASES] for n in layout.rows.tolist()])
    again = layout.with_phases(wired)
    assert [flows(again, row) for row in range(len(wired))] == [flows(layout, row) for row in range(len(wired))]
    case = Case.on(again, Case.of(whole).columns, whole.nominal_voltage_v)
    assert solved(case, Terms.of(whole, case), balanced=False).limits_a == solve(whole).limits_a
    assert layout.line_count == LINES_PER_CIRCUIT * len(whole.wiring.branches)


def test_only_the_room_of_circuits_is_counted_on_more_phases() -> None:
    """The power of a car and what it unbalances are of the phases that it uses."""
    layout = problem(Random(1), evses=8).wiring.layout
    wired = layout.uses[:, :POWER] > 0
    one = wired & (wired.cumsum(axis=1) == 1)
    made, one_phase = layout.with_phases(one, wired), layout.with_phases(one)
    circuits, balance = slice(0, -BALANCE_LINES_PER_EVSE), slice(-BALANCE_LINES_PER_EVSE, None)
    assert (made.uses[:, circuits] == layout.uses[:, circuits]).all()
    assert (made.lines[:, circuits] == layout.lines[:, circuits]).all()
    assert (made.uses[:, balance] == one_phase.uses[:, balance]).all()
    assert (made.lines[:, balance] == one_phase.lines[:, balance]).all()
    assert made.phase_count.tolist() == [1] * len(layout.rows) != layout.phase_count.tolist()


def test_a_layout_is_made_once_for_the_same_phases() -> None:
    """Another for others and for another wiring; and nobody can write into what is shared."""
    layout, other = (problem(Random(1), evses=8).wiring.layout for _ in range(2))
    some = np.zeros((len(layout.rows), 3), dtype=np.bool_)
    some[:, 0] = True
    made = layout.with_phases(some)
    assert layout.with_phases(np.asfortranarray(some.copy())) is made
    assert other.with_phases(some) is not made
    assert layout.with_phases(~some).phase_count.tolist() == [2] * len(layout.rows)
    assert not any(each.flags.writeable for each in (made.lines, made.uses, made.phase_count))

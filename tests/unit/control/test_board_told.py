"""The board: how many phases an EVSE was told to use, what its car still needs, and which states stay the same."""

from edge.allocation.exposure import OBEY_S
from edge.allocation.problem import Need
from edge.control.board import Board
from edge.domain.reading import MeterReading
from edge.domain.setpoint import LimitCommand
from edge.domain.station import DrawSampled, EvseStatus, NeedStated, SessionBegan, StationOnline, StatusReported
from edge.units import PhaseAmps, Seconds, WattHours
from tests.site_builders import evse, key, site
from tests.unit.control.station_story import ACCEPTED, REFUSED, SILENT, START, Story


def told_phases(story: Story, limit_a: float, phases: int | None) -> LimitCommand:
    """A limit that says how many phases to use, and is sent."""
    command = story.issue(limit_a, phases=phases)
    story.sent(command)
    return command


def phases_of(story: Story) -> int | None:
    return story.state.told_phases


def test_what_is_on_its_way_was_told() -> None:
    """With its phases; when it is refused, what was confirmed last."""
    story = Story().charging_at(10)
    assert phases_of(story) is None
    story.answered(told_phases(story, 10, 3), ACCEPTED)
    assert phases_of(story) == 3
    change = told_phases(story, 10, 1)
    assert phases_of(story) == 1
    assert phases_of(story.answered(change, REFUSED)) == 3


def test_a_change_of_phases_has_its_time() -> None:
    """Though the limit is the same: to fewer as a change, to more as a raise. A renewal is neither."""
    story = Story().charging_at(10)
    told_at, raised_at = story.state.told_at, story.state.raised_at
    story.later(1).answered(told_phases(story, 10, 3), ACCEPTED)
    assert story.state.told_at == told_at, "3 are all there are"
    fewer_at = story.later(1).now
    story.answered(told_phases(story, 10, 1), ACCEPTED)
    assert (story.state.told_at, story.state.raised_at) == (fewer_at, raised_at)
    story.later(1).answered(told_phases(story, 10, 1), ACCEPTED)
    assert story.state.told_at == fewer_at
    story.later(1).answered(told_phases(story, 10, 3), ACCEPTED)
    assert (story.state.told_at, story.state.raised_at) == (story.now, story.now)


def test_a_change_of_phases_replaces_what_was_held() -> None:
    """When that had its time to be obeyed; where it wasn't answered, both may be in force."""
    for outcome, expected in ((ACCEPTED, [(16.0, 1)]), (SILENT, [(10.0, None), (16.0, 1)])):
        story = Story().charging_at(10)
        story.answered(told_phases(story, 16, 1), outcome).later(OBEY_S)
        assert [(grant.limit_a, grant.phases) for grant in story.state.holdings.session] == expected


def test_a_session_that_ends_forgets_its_phases() -> None:
    """The next one begins on all."""
    story = Story().charging_at(10)
    story.answered(told_phases(story, 10, 1), ACCEPTED)
    assert story.ended().began("8").state.told_phases is None


def needs(story: Story, energy_wh: WattHours, departs_in_s: Seconds | None) -> Story:
    return story.take(NeedStated(key=key(1), at=story.now, energy_wanted_wh=energy_wh, departs_in_s=departs_in_s))


def registers(story: Story, energy_wh: WattHours | None) -> Story:
    return story.take(DrawSampled(key=key(1), at=story.now, current_a=PhaseAmps.same(10), energy_wh=energy_wh))


def test_a_need_counts_down() -> None:
    """The time by the clock, the energy by the EVSE's register; never below 0."""
    story = registers(Story().charging_at(10), 5000)
    needs(story, 8000, 3600)
    assert story.state.need == Need(energy_wanted_wh=8000, time_left_s=3600)
    registers(story.later(600), 6500)
    assert story.state.need == Need(energy_wanted_wh=6500, time_left_s=3000)
    registers(story.later(600), None)
    assert story.state.need == Need(energy_wanted_wh=6500, time_left_s=2400)
    registers(story.later(3000), 14000)
    assert story.state.need == Need(energy_wanted_wh=0, time_left_s=-600)


def test_a_register_that_was_not_known_takes_nothing_off() -> None:
    """Nor does one that begins anew."""
    story = registers(needs(Story().charging_at(10), 8000, 3600), 5000)
    assert story.state.need == Need(energy_wanted_wh=8000, time_left_s=3600)
    story = needs(registers(Story().charging_at(10), 5000), 8000, 3600)
    assert registers(story, 10).state.need == Need(energy_wanted_wh=8000, time_left_s=3600)


def test_the_newest_need_counts_from_when_it_was_stated() -> None:
    """What was delivered before is in it."""
    story = registers(needs(registers(Story().charging_at(10), 5000), 8000, 3600), 7000)
    needs(story.later(60), 2000, 600)
    assert story.state.need == Need(energy_wanted_wh=2000, time_left_s=600)
    assert registers(story, 7500).state.need == Need(energy_wanted_wh=1500, time_left_s=600)


def test_without_a_departure_there_is_no_need() -> None:
    """It is withdrawn with it."""
    story = needs(Story().charging_at(10), 8000, 3600)
    assert needs(story, 8000, None).state.need is None


def test_a_need_ends_with_its_session() -> None:
    """The next car has its own."""
    story = needs(Story().charging_at(10), 8000, 3600)
    assert story.ended().state.need is None
    assert story.began("8").state.need is None


def test_a_state_in_which_nothing_changed_stays_the_same_object() -> None:
    """So that a decision needn't look at it again; and the arrays of one that did change are not those of before."""
    board = Board(site(evse(1), evse(2)), started_at=START)
    for number in (1, 2):
        board.take(StationOnline(station=f"CP-{number}", at=START))
        board.take(StatusReported(key=key(number), at=START, status=EvseStatus.AVAILABLE))
    first = board.snapshot(START)
    board.take(MeterReading(meter="grid", at=START + 1, current_a=PhaseAmps.same(5)))
    second = board.snapshot(START + 1)
    assert all(was is now for was, now in zip(first.evses, second.evses, strict=True))
    assert second.fleet is first.fleet
    board.take(SessionBegan(key=key(2), at=START + 2, transaction_id="7"))
    third = board.snapshot(START + 2)
    assert [was is now for was, now in zip(second.evses, third.evses, strict=True)] == [True, False]
    assert third.fleet.in_session.tolist() == [False, True]
    assert second.fleet.in_session.tolist() == [False, False]


def test_the_plant_stays_the_same_object() -> None:
    """Its arrays are made once."""
    board = Board(site(evse(1)), started_at=START)
    assert board.snapshot(START).plant is board.snapshot(START + 1).plant

"""The board: sessions, stations and meters."""

from dataclasses import replace

import pytest

from edge.allocation.state import Reach
from edge.control.board import Board
from edge.control.records import PAUSE_S
from edge.domain.reading import MeterFailed, MeterReading, Quality
from edge.domain.setpoint import Purpose
from edge.domain.site import Circuit, EvseKey, Priority
from edge.domain.station import (
    CloudLimit,
    CloudLink,
    DrawSampled,
    EnergySampled,
    EvseStatus,
    LimitAnswered,
    LimitSent,
    LimitsTaken,
    NeedStated,
    SessionBegan,
    SessionEnded,
    SessionJudged,
    StationDescribed,
    StationFact,
    StationOffline,
    StationOnline,
    StatusReported,
)
from edge.units import NO_CURRENT, PhaseAmps
from tests.site_builders import evse, key, site
from tests.unit.control.station_story import ACCEPTED, SESSION, START, Story


def test_a_session_that_ends_takes_its_limit_with_it() -> None:
    """What is told for it afterwards means nothing."""
    story = Story().charging_at(16)
    late = story.issue(20)
    story.ended()
    assert (story.state.in_session, story.state.draw_a, story.exposed_a) == (False, NO_CURRENT, 0)
    story.sent(late).answered(late, ACCEPTED)
    assert (story.exposed_a, story.state.told_a) == (0, 0)


def test_the_next_session_begins_with_the_idle_limit() -> None:
    """Nothing of the one before counts for it."""
    story = Story().charging_at(16).draws(16).ended().later(5).began("8")
    state = story.state
    assert (state.told_a, state.told_at, state.draw_a, state.drawn_at) == (0, None, None, None)
    assert state.waiting_since == story.now
    assert story.exposed_a == 0


def test_a_session_whose_end_was_missed_is_over_when_the_next_begins() -> None:
    """Its limit is not taken for the new one's."""
    story = Story().charging_at(16).began("8")
    assert (story.state.told_a, story.exposed_a) == (0, 0)
    record = story.board.evses[key(1)]
    assert record.holdings.in_force(SESSION) is None


def test_a_session_that_is_told_twice_is_one() -> None:
    """It keeps its limit and its place in the queue."""
    story = Story().charging_at(16).draws(16)
    before = story.state
    assert story.later(5).began().state == before


def test_a_session_that_was_found_running_may_be_under_an_unknown_limit() -> None:
    """Unless the EVSE was known to be free a moment before."""
    story = Story().idling().status(EvseStatus.CHARGING).began(observed=False)
    assert (story.reach, story.exposed_a) == (Reach.UNCONFIRMED, 32)
    assert Story().idling().began(observed=False).reach is Reach.OBEYING


@pytest.mark.parametrize("event", ["reconnect", "reboot"])
def test_after_a_reconnect_or_a_reboot_all_limits_are_told_again(event: str) -> None:
    """Some stations forget what they accepted."""
    story = Story().charging_at(16)
    if event == "reconnect":
        story.offline().online()
    else:
        story.take(StationDescribed(station="CP-1", at=story.now, vendor="V", model="M"))
    writing = story.board.evses[key(1)].writing
    assert all(writing[purpose].write_again for purpose in Purpose)


def test_what_a_station_says_of_itself_is_remembered() -> None:
    """Vendor, model, and whether its cloud is there."""
    story = Story().online().take(CloudLink(station="CP-1", at=START, connected=True))
    story.take(StationDescribed(station="CP-1", at=START, vendor="V", model="M", serial="S"))
    record = story.board.stations["CP-1"]
    assert (record.vendor, record.model, record.cloud_connected) == ("V", "M", True)
    story.offline()
    assert not record.cloud_connected


def test_a_car_that_takes_nothing_for_a_while_has_paused() -> None:
    """Not at once: stations call one suspended that is only slow to begin. It is awake when it charges."""
    story = Story().charging_at(6).status(EvseStatus.SUSPENDED_EV)
    assert not story.later(PAUSE_S - 0.1).state.paused
    assert story.later(0.1).state.paused
    assert story.status(EvseStatus.SUSPENDED_EVSE).state.paused, "its limit went to 0 for that"
    assert not story.status(EvseStatus.CHARGING).state.paused


def test_a_repeated_status_starts_nothing_anew() -> None:
    """Some stations say the same again and again."""
    story = Story().charging_at(6).status(EvseStatus.SUSPENDED_EV)
    assert story.later(PAUSE_S - 1).status(EvseStatus.SUSPENDED_EV).later(1).state.paused


def test_a_pause_ends_with_its_session() -> None:
    """The next car is awake until it shows otherwise."""
    story = Story().charging_at(6).status(EvseStatus.SUSPENDED_EV).later(PAUSE_S)
    assert story.state.paused
    assert not story.ended().status(EvseStatus.AVAILABLE).began("8").state.paused


def test_a_session_that_cannot_charge_yet_pauses() -> None:
    """From its first word on, until it says otherwise, or draws, or is over; Preparing alone says nothing of that."""
    story = Story().idling().began().waits()
    assert (story.state.paused, story.state.not_let_in) == (True, True)
    assert not story.status(EvseStatus.PREPARING).state.paused
    assert not story.waits().draws(6.0).state.paused
    assert not story.state.not_let_in
    assert story.draws(0.0).waits().state.paused
    assert not story.ended().began("8").state.paused


def test_the_newest_reading_counts() -> None:
    """A failed poll leaves it, with the problem beside it; the next reading clears that."""
    story = Story()
    assert story.board.snapshot(START).circuits[0].measured_a is None
    story.take(MeterReading(meter="grid", at=START, current_a=PhaseAmps.same(5)))
    story.take(MeterFailed(meter="grid", at=START + 1, problem="no answer"))
    circuit = story.board.snapshot(START + 2).circuits[0]
    assert (circuit.measured_a, circuit.measured_at) == (PhaseAmps.same(5), START)
    assert story.board.meters["grid"].problem == "no answer"
    story.take(MeterReading(meter="grid", at=START + 2, current_a=PhaseAmps.same(6)))
    assert story.board.meters["grid"].problem is None


def test_reactive_current_makes_no_room() -> None:
    """A phase at which sun and load are even carries reactive current whose direction is that of some watts: what is
    taken for fed in is what the power stands for. What is drawn counts whole."""
    story = Story()
    reading = MeterReading(
        meter="grid",
        at=START,
        current_a=PhaseAmps(-10.0, -10.0, 10.0),
        voltage_v=(230.0, 230.0, 230.0),
        phase_power_w=(-23.0, -2300.0, 23.0),
        quality=Quality.SUSPECT,
    )
    story.take(reading)
    assert story.board.snapshot(START).circuits[0].measured_a == PhaseAmps(-0.1, -10.0, 10.0)
    story.take(replace(reading, at=START + 1, voltage_v=None))
    assert story.board.snapshot(START + 1).circuits[0].measured_a == reading.current_a


def test_a_circuit_without_a_meter_has_no_reading() -> None:
    """Whatever others measure."""
    board = Board(site(evse(), circuits=[Circuit(id="main", parent=None, fuse_a=32)]), started_at=START)
    board.take(MeterReading(meter="grid", at=START, current_a=PhaseAmps.same(5)))
    assert board.snapshot(START).circuits[0].measured_a is None


def unknown(kind: type[StationFact]) -> StationFact:
    """A fact of that kind about a station that the site doesn't have."""
    stranger = EvseKey(station="CP-9", evse=1)
    facts: dict[type[StationFact], StationFact] = {
        StationOnline: StationOnline(station="CP-9", at=START),
        StationOffline: StationOffline(station="CP-9", at=START),
        StationDescribed: StationDescribed(station="CP-9", at=START, vendor="V", model="M"),
        LimitsTaken: LimitsTaken(station="CP-9", at=START, one_limit=True),
        CloudLink: CloudLink(station="CP-9", at=START, connected=True),
        StatusReported: StatusReported(key=stranger, at=START, status=EvseStatus.CHARGING),
        SessionBegan: SessionBegan(key=stranger, at=START, transaction_id="7"),
        SessionJudged: SessionJudged(station="CP-9", transaction_id="7", at=START, barred=True),
        SessionEnded: SessionEnded(key=stranger, at=START),
        DrawSampled: DrawSampled(key=stranger, at=START, current_a=NO_CURRENT),
        CloudLimit: CloudLimit(key=stranger, at=START, limit_a=6.0),
        EnergySampled: EnergySampled(key=stranger, at=START, energy_wh=1.0),
        NeedStated: NeedStated(key=stranger, at=START, energy_wanted_wh=1000.0, departs_in_s=60.0),
        LimitSent: LimitSent(key=stranger, at=START, command=1),
        LimitAnswered: LimitAnswered(key=stranger, at=START, command=1, outcome=ACCEPTED),
    }
    return facts[kind]


@pytest.mark.parametrize("kind", StationFact.__args__)
def test_facts_about_strangers_are_ignored(kind: type[StationFact]) -> None:
    """Each kind of fact, without an error."""
    story = Story()
    before = story.board.snapshot(START)
    assert story.take(unknown(kind)).board.snapshot(START) == before


def test_readings_of_strange_meters_are_ignored() -> None:
    """And their failures."""
    story = Story()
    story.take(MeterReading(meter="other", at=START, current_a=PhaseAmps.same(5)))
    story.take(MeterFailed(meter="other", at=START, problem="no answer"))
    assert set(story.board.meters) == {"grid"}
    assert story.board.meters["grid"].reading is None


@pytest.mark.parametrize("judged_first", [True, False])
def test_a_session_has_the_priority_of_its_token(judged_first: bool) -> None:
    """Whichever is known first, the token or the transaction; with the session it goes."""
    board = Board(site(evse()), started_at=START)
    key = board.site.evses[0].key
    priority = Priority(rank=3, weight=2.0, guaranteed=True)
    facts: list[StationFact] = [
        SessionBegan(key=key, at=START, transaction_id="7"),
        SessionJudged(station=key.station, transaction_id="7", at=START, priority=priority),
    ]
    for fact in reversed(facts) if judged_first else facts:
        board.take(fact)
    (state,) = board.snapshot(START).evses
    assert (state.priority, state.barred) == (priority, False)
    fleet = board.snapshot(START).fleet
    assert (fleet.rank.tolist(), fleet.weight.tolist(), fleet.guaranteed.tolist()) == ([3], [2.0], [True])
    board.take(SessionJudged(station=key.station, transaction_id="7", at=START, barred=True))
    (state,) = board.snapshot(START).evses
    assert (state.priority, state.barred) == (None, True)
    board.take(SessionEnded(key=key, at=START))
    (state,) = board.snapshot(START).evses
    assert (state.priority, state.barred) == (None, False)


def test_a_register_alone_tells_what_a_session_has_taken_and_what_it_needs() -> None:
    """It says nothing of the draw, which is as unknown as before."""
    board = Board(site(evse()), started_at=START)
    key = board.site.evses[0].key
    board.take(SessionBegan(key=key, at=START, transaction_id="7", register_wh=1000))
    board.take(NeedStated(key=key, at=START, energy_wanted_wh=10_000.0, departs_in_s=3600.0, register_wh=1000.0))
    before = board.snapshot(START).evses[0]
    board.take(EnergySampled(key=key, at=START, energy_wh=5000.0))
    assert board.evses[key].session_wh == 4000.0
    (state,) = board.snapshot(START).evses
    assert state.need is not None
    assert state.need.energy_wanted_wh == 6000.0
    assert (state.draw_a, state.drawn_at, state.holdings) == (before.draw_a, before.drawn_at, before.holdings)


def test_a_session_s_energy_counts_from_its_begin() -> None:
    """From the register that its begin told, else from its first sample; one that begins again counts on, and one that
    tells 0 for a moment counts once.
    """
    board = Board(site(evse()), started_at=START)
    key = board.site.evses[0].key

    def after(*registers_wh: float) -> float | None:
        for register_wh in registers_wh:
            board.take(DrawSampled(key=key, at=START, current_a=PhaseAmps.same(6), energy_wh=register_wh))
        return board.evses[key].session_wh

    assert after(900.0) is None
    board.take(SessionBegan(key=key, at=START, transaction_id="7", register_wh=1000))
    assert board.evses[key].session_wh == 0.0
    assert after(1000.0, 1250.0) == 250.0
    board.take(SessionEnded(key=key, at=START))
    assert board.evses[key].session_wh is None
    board.take(SessionBegan(key=key, at=START, transaction_id="8", observed_start=False))
    assert board.evses[key].session_wh is None
    assert after(1250.0, 1300.0) == 50.0
    assert after(3.0, 5.0) == 52.0
    assert after(0.0) == 52.0
    assert after(5.0, 8.0) == 55.0

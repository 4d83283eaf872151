"""A station's clock as learned from its time stamps."""

from datetime import UTC, datetime, timedelta

import pytest

from edge.ocpp.hearsay import Hearsay
from edge.ocpp.station_clock import EPOCH, StationClock, parse_timestamp
from tests.unit.ocpp.ocpp_bench import NOON


def wall(at: float) -> datetime:
    """Our wall clock at a monotonic time."""
    return NOON + timedelta(seconds=at)


def ahead(clock: StationClock, at: float) -> float:
    """How far the station's clock is ahead of ours, in s."""
    return (clock.time(at, wall(at)) - wall(at)).total_seconds()


def learn(clock: StationClock, at: float, ahead_s: float, delay_s: float = 0.0) -> None:
    """A stamp of a station that is ahead, and whose message took a while."""
    clock.learn(wall(at - delay_s) + timedelta(seconds=ahead_s), at, wall(at))


def witnessed() -> StationClock:
    """One of which nothing is known yet; a cloud says what our wall clock does."""
    hearsay = Hearsay()
    hearsay.says("cloud", wall(0.0), 0.0)
    return StationClock(hearsay)


def test_nothing_known_is_our_own_clock() -> None:
    """Without a sample the station is taken to have our time."""
    assert ahead(StationClock(), 5.0) == 0.0


def test_the_largest_sample_counts() -> None:
    """A delay can only make a sample smaller, so the one with the least delay wins."""
    clock = StationClock()
    learn(clock, 0.0, 30.0, delay_s=12.0)
    learn(clock, 10.0, 30.0, delay_s=0.2)
    learn(clock, 20.0, 30.0, delay_s=4.0)
    assert ahead(clock, 20.0) == pytest.approx(29.8)


def test_old_samples_leave_the_window() -> None:
    """What was true five minutes ago no longer outweighs what is said now."""
    clock = StationClock()
    learn(clock, 0.0, 15.0)
    learn(clock, 301.0, 3.0)
    assert ahead(clock, 301.0) == pytest.approx(3.0)


def test_a_quiet_station_keeps_its_offset() -> None:
    """No news doesn't make the estimate vanish."""
    clock = StationClock()
    learn(clock, 0.0, 7200.0)
    assert ahead(clock, 5000.0) == pytest.approx(7200.0)


def test_stored_samples_are_ignored() -> None:
    """A backlog that arrives in a burst says nothing of the clock, nor does the year 1970."""
    clock = StationClock()
    for number in range(20):
        clock.learn(wall(-7200.0 + 60.0 * number), 0.1 * number, wall(0.1 * number))
    clock.learn(datetime.fromisoformat("1970-01-01T00:00:10Z"), 3.0, wall(3.0))
    assert ahead(clock, 3.0) == 0.0


def test_a_clock_that_is_hours_behind_is_believed_when_it_runs() -> None:
    """Two samples that agree while time goes on are a running clock: a station that marks local time as UTC."""
    clock = StationClock()
    learn(clock, 0.0, -18_000.0)
    assert ahead(clock, 0.0) == 0.0
    learn(clock, 10.0, -18_000.0, delay_s=0.5)
    assert ahead(clock, 10.0) == pytest.approx(-18_000.5)


BEHIND_S = (NOON - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds()  # of a clock that began to count at noon


def test_a_clock_that_counts_from_1970_is_believed_when_it_runs() -> None:
    """Two stamps that agree; nobody else learns what time it is by it, and it is asked for a second one in time."""
    hearsay = Hearsay()
    clock, other = StationClock(hearsay), StationClock(hearsay)
    learn(clock, 0.0, -BEHIND_S)
    assert not clock.is_known
    assert [at for at in range(100) if clock.wants_another(at, wall(at))] == [5, 20, 35]
    learn(clock, 10.0, -BEHIND_S)
    assert clock.reached(20.0, wall(20.0)) == datetime(1970, 1, 1, 0, 0, 20, tzinfo=UTC)
    assert not clock.wants_another(50.0, wall(50.0))
    assert clock.age_s(datetime(1970, 1, 1, 0, 0, 5, tzinfo=UTC), 20.0, wall(20.0)) == pytest.approx(15.0)
    assert clock.taken_at(datetime(1970, 1, 1, 0, 0, 5, tzinfo=UTC), 20.0) == pytest.approx(5.0)
    assert clock.age_s(wall(5.0), 20.0, wall(20.0)) is None
    for departure in (wall(3620.0), datetime(1970, 1, 1, 1, 0, 20, tzinfo=UTC)):
        assert clock.until_s(departure, 20.0, wall(20.0)) == pytest.approx(3600.0)
    assert ahead(other, 20.0) == 0.0


def test_a_station_that_counted_from_1970_does_so_when_it_has_booted() -> None:
    """It begins anew, and its first stamp says where: until then its limits would begin in its future again."""
    clock = StationClock()
    for at in (0.0, 10.0):
        learn(clock, at, -BEHIND_S)
    clock.forget()
    assert not clock.is_known
    clock.hearsay.says("cloud", wall(95.0), 95.0)
    assert clock.reached(95.0, wall(95.0)) is None
    learn(clock, 100.0, -BEHIND_S - 90.0)
    assert clock.reached(110.0, wall(110.0)) == datetime(1970, 1, 1, 0, 0, 20, tzinfo=UTC)
    for at in (120.0, 130.0):
        learn(clock, at, 0.0)
    clock.forget()
    learn(clock, 200.0, -BEHIND_S)
    assert not clock.is_known


@pytest.mark.parametrize("behind_s", [10.0, 600.0])
def test_a_clock_that_stands_still_is_not_asked_for_ever(behind_s: float) -> None:
    """Whether its first stamp was believed or may have been stored: each answer has the same."""
    clock = witnessed()
    asked = 0
    for at in range(600):
        if at % 10 == 0:
            clock.learn(wall(-behind_s), float(at), wall(at))
        asked += clock.wants_another(float(at), wall(at))
    assert asked == 3


def test_a_clock_that_stands_still_in_1970_is_none() -> None:
    """The station writes that for want of a time: whether it has one nobody can tell, and it isn't asked for ever."""
    clock = witnessed()
    asked = 0
    for number in range(10):
        clock.learn(datetime(1970, 1, 1, 0, 1, tzinfo=UTC), 10.0 * number, wall(10.0 * number))
        asked += clock.wants_another(10.0 * number + 6.0, wall(10.0 * number + 6.0))
    assert not clock.is_known
    assert clock.reached(100.0, wall(100.0)) is None
    assert asked == 3


def test_a_clock_that_is_set_at_last_is_believed_at_the_second_stamp() -> None:
    """As after any step."""
    clock = StationClock()
    for at in (0.0, 10.0):
        learn(clock, at, -BEHIND_S)
    learn(clock, 20.0, 0.0)
    assert ahead(clock, 20.0) == pytest.approx(-BEHIND_S)
    learn(clock, 30.0, 0.0)
    assert ahead(clock, 30.0) == pytest.approx(0.0)
    learn(clock, 40.0, 0.0)
    assert ahead(clock, 40.0) == pytest.approx(0.0)


def test_stamps_of_1970_among_good_ones_are_none() -> None:
    """Some of a station's messages have them; where the good ones have ceased for five minutes, it was set back."""
    clock = StationClock()
    for number in range(20):
        learn(clock, 10.0 * number, 0.0)
        learn(clock, 10.0 * number + 1.0, -BEHIND_S)
        assert ahead(clock, 10.0 * number + 2.0) == pytest.approx(0.0)
    for number in range(20, 60):
        learn(clock, 10.0 * number, -BEHIND_S)
    assert ahead(clock, 600.0) == pytest.approx(-BEHIND_S)


def test_a_clock_that_is_set_back_is_believed_at_the_second_sample() -> None:
    """Otherwise profiles would begin in the station's future for five minutes."""
    clock = StationClock()
    learn(clock, 0.0, 7200.0)
    learn(clock, 10.0, 0.0)
    assert [at for at in range(10, 100) if clock.wants_another(at, wall(at))] == [15, 30, 45]
    learn(clock, 100.0, 0.0)
    assert ahead(clock, 100.0) == pytest.approx(0.0)
    assert not clock.wants_another(200.0, wall(200.0))


@pytest.mark.parametrize("stored", [1, 40])
def test_what_was_stored_while_it_was_cut_off_replaces_no_clock(stored: int) -> None:
    """Minutes later it delivers that before its first fresh stamp, in a burst: a limit that is written then begins by
    its clock, which goes on, and not in its past.
    """
    clock = StationClock()
    for at in (0.0, 10.0, 20.0):
        learn(clock, at, ahead_s=100.0)
    for number in range(stored):
        learn(clock, 900.0 + 0.1 * number, ahead_s=100.0 - 860.0 + 10.0 * number)
        assert ahead(clock, 900.0 + 0.1 * number) == pytest.approx(100.0)
    learn(clock, 905.0, ahead_s=100.0)
    assert ahead(clock, 905.0) == pytest.approx(100.0)


def test_a_clock_that_was_set_back_while_it_was_cut_off_is_believed_at_the_second_stamp() -> None:
    """Also if what it says comes late, now and then."""
    clock = StationClock()
    for at in (0.0, 10.0, 20.0):
        learn(clock, at, ahead_s=100.0)
    learn(clock, 900.0, ahead_s=-500.0)
    learn(clock, 910.0, ahead_s=-500.0, delay_s=3.0)
    assert ahead(clock, 910.0) == pytest.approx(-500.0, abs=3.0)


def test_a_lone_slip_forward_is_not_believed() -> None:
    """It would put the start of a profile into the station's future; a second stamp that agrees is a clock set anew."""
    clock = StationClock()
    learn(clock, 0.0, 0.0)
    learn(clock, 10.0, 3600.0)
    assert ahead(clock, 10.0) == pytest.approx(0.0)
    learn(clock, 20.0, 3600.0)
    assert ahead(clock, 20.0) == pytest.approx(3600.0)


def test_the_moment_of_a_stamp() -> None:
    """By the station's clock as learned, never later than now; now as long as nothing is known."""
    clock = StationClock()
    assert clock.taken_at(wall(3.0), 20.0) == 20.0
    learn(clock, 0.0, 60.0)
    assert clock.taken_at(wall(70.0), 20.0) == pytest.approx(10.0)
    assert clock.taken_at(wall(3600.0), 20.0) == 20.0
    assert clock.taken_at(datetime.fromisoformat("1970-01-01T00:00:10Z"), 20.0) == 20.0


def year_ahead(at: float) -> datetime:
    """Our wall clock, when it is wrong."""
    return wall(at) + timedelta(days=365)


@pytest.mark.parametrize("source", ["a cloud", "another station"])
def test_what_our_clock_and_another_say_is_the_time(source: str) -> None:
    """Of a station that hasn't shown any: the earlier of both."""
    hearsay = Hearsay()
    if source == "a cloud":
        hearsay.says("cloud", wall(-20.0), 0.0)
    else:
        learn(StationClock(hearsay), 0.0, -20.0)
    assert StationClock(hearsay).reached(10.0, wall(10.0)) == wall(-10.0)


@pytest.mark.parametrize("wrong", [timedelta(days=1), timedelta(minutes=-1), timedelta(days=-1), NOON - EPOCH])
def test_a_wall_clock_alone_is_no_witness(wrong: timedelta) -> None:
    """The gateway started with a wrong one: what must be in force at once begins neither by that, nor by what another
    says, before the station has shown its own time."""
    clock = StationClock()
    assert clock.reached(10.0, wall(10.0)) is None
    clock.hearsay.says("cloud", wall(10.0), 10.0)
    assert clock.reached(20.0, wall(20.0)) == wall(20.0)
    assert clock.reached(20.0, wall(20.0) + wrong) is None


def test_a_station_that_was_told_another_time_is_no_witness() -> None:
    """By a cloud that has been set right since: it may have that still."""
    clock = witnessed()
    clock.told(wall(-60.0), 0.0)
    assert clock.reached(10.0, wall(10.0)) is None
    clock.told(wall(20.0), 20.0)
    assert clock.reached(30.0, wall(30.0)) == wall(30.0)


@pytest.mark.parametrize("shown", [wall(9.9 - 7200.0), wall(-40.0), datetime(1970, 1, 1, 0, 1, tzinfo=UTC)])
def test_what_a_station_has_shown_contradicts_all_others(shown: datetime) -> None:
    """It may have been stored, or stand in place of a time: one more will tell."""
    clock = witnessed()
    clock.learn(shown, 10.0, wall(10.0))
    assert clock.reached(20.0, wall(20.0)) is None
    assert clock.wants_another(20.0, wall(20.0))
    clock.learn(wall(21.0), 21.0, wall(21.0))
    assert clock.reached(22.0, wall(22.0)) == wall(22.0)
    assert not clock.wants_another(60.0, wall(60.0))


@pytest.mark.parametrize("source", ["a cloud", "another station"])
def test_what_others_say_bounds_a_wall_clock_that_is_ahead(source: str) -> None:
    """So the first stamp is no stored one."""
    hearsay = Hearsay()
    if source == "a cloud":
        hearsay.says("cloud", wall(0.0), 0.0)
    else:
        other = StationClock(hearsay)
        other.learn(wall(0.0), 0.0, wall(0.0))
    clock = StationClock(hearsay)
    assert clock.time(10.0, year_ahead(10.0)) == wall(10.0)
    clock.learn(wall(9.5), 10.0, year_ahead(10.0))
    assert clock.is_known


def test_who_is_behind_moves_nobody() -> None:
    """A cloud or a station whose clock stands in the past is no reason for limits that are over when they come."""
    hearsay = Hearsay()
    hearsay.says("good", wall(0.0), 0.0)
    hearsay.says("bad", wall(0.0) - timedelta(days=900), 0.0)
    hearsay.says("unset", datetime.fromisoformat("1970-01-01T00:00:10Z"), 0.0)
    clock = StationClock(hearsay)
    assert clock.reached(10.0, wall(10.0)) == wall(10.0)


def test_nobody_is_his_own_witness() -> None:
    """What a station that was behind has said before it booted is no news of its time, nor is what we told it."""
    clock = StationClock()
    learn(clock, 0.0, -1000.0)
    clock.forget()
    clock.told(wall(20.0), 20.0)
    assert clock.reached(30.0, wall(30.0)) is None
    assert ahead(clock, 30.0) == 0.0


def test_a_step_of_our_own_clock_moves_nothing() -> None:
    """What was learned holds against the monotonic clock."""
    clock = StationClock()
    clock.learn(NOON, 100.0, NOON - timedelta(days=150))
    assert clock.time(160.0, NOON + timedelta(days=3)) == NOON + timedelta(seconds=60)


def test_booting_forgets() -> None:
    """The answer to a BootNotification sets the station's clock."""
    clock = StationClock()
    learn(clock, 0.0, 500.0)
    clock.forget()
    assert ahead(clock, 1.0) == 0.0


def test_age() -> None:
    """A stamp's age is by the station's clock; of a clock that isn't set it can't be told."""
    clock = StationClock()
    learn(clock, 0.0, 60.0)
    assert clock.age_s(wall(60.0), 90.0, wall(90.0)) == pytest.approx(90.0)
    assert clock.age_s(datetime.fromisoformat("1970-01-01T00:00:10Z"), 90.0, wall(90.0)) is None


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2026-06-01T12:00:00Z", NOON),
        ("2026-06-01T14:00:00+02:00", NOON),
        ("2026-06-01T12:00:00", NOON),
        (" 2026-06-01T12:00:00.000Z ", NOON),
        ("yesterday", None),
        ("0001-01-01T00:00:00+14:00", None),
        ("2" * 100, None),
        (17, None),
        (None, None),
    ],
)
def test_timestamps(value: object, expected: datetime | None) -> None:
    """With and without zone; whatever is no time is None."""
    assert parse_timestamp(value) == expected


def test_until_the_first_stamp_it_is_as_the_station_was_told() -> None:
    """A profile of a gateway whose clock is a year ahead would begin in the station's future, and bind it in a year."""
    clock = StationClock()
    clock.told(NOON, 100.0)
    year_ahead = NOON + timedelta(days=365)
    assert clock.time(160.0, year_ahead) == NOON + timedelta(seconds=60)
    clock.learn(NOON + timedelta(seconds=65), 165.0, year_ahead)  # no stored one: it is of the time it was told
    assert clock.time(170.0, year_ahead) == NOON + timedelta(seconds=70)


def test_a_cloud_that_tells_a_late_time_puts_no_profile_off() -> None:
    """Of what the station was told and our own clock the earlier counts: one of them may be wrong, or lie."""
    clock = StationClock()
    clock.told(NOON + timedelta(days=9000), 0.0)
    assert clock.time(5.0, NOON) == NOON
    clock.told(NOON.replace(year=1970), 0.0)  # no time at all
    assert clock.time(5.0, NOON) == NOON


def test_what_is_said_of_the_time_without_our_clock() -> None:
    """What a cloud has said comes first, then the station's own time, also of before it booted; then what it was told,
    then what others show."""
    hearsay = Hearsay()
    clock = StationClock(hearsay)
    assert clock.said(0.0) is None
    learn(StationClock(hearsay), 0.0, 0.0)
    assert clock.said(10.0) == wall(10.0)
    clock.told(NOON + timedelta(minutes=1), 0.0)
    assert clock.said(10.0) == wall(70.0)
    learn(clock, 10.0, 120.0)
    assert clock.said(20.0) == wall(140.0)
    clock.forget()
    assert clock.said(20.0) == wall(140.0)
    hearsay.says("cloud", NOON + timedelta(hours=1), 0.0)
    assert clock.said(20.0) == wall(3620.0)


def test_a_station_that_counts_from_1970_says_nothing_of_the_time() -> None:
    """What others say does."""
    hearsay = Hearsay()
    clock = StationClock(hearsay, counts_from_1970=True)
    clock.learn(EPOCH + timedelta(seconds=60), 0.0, EPOCH)
    assert clock.is_known
    assert clock.said(0.0) is None
    hearsay.says("cloud", NOON, 0.0)
    assert clock.said(10.0) == wall(10.0)

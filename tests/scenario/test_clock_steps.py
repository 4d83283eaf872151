"""The wall clock is set, back and forward, while all goes on: what lasts a time lasts as long, and nothing is lost."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from edge.bms.demand_watch import DemandWatch
from edge.bms.demand_window import MOST, STEP_S, DemandSettings
from edge.bms.eco import EcoMode
from edge.bms.modbus_control import ControlBlock
from edge.bms.month_peaks import MonthPeaks
from edge.bms.schedule import Rule, Schedule
from edge.bms.settings import Bounds, WritePolicy
from edge.clock import DAY_S, SteadyDay
from edge.domain.session import Session
from edge.domain.site import EvseKey
from edge.domain.station import CloudLimit, SessionBegan
from edge.domain.token import CachedToken, TokenInfo, TokenStatus
from edge.ocpp.profiles.answer import Answer
from edge.ocpp.profiles.desk import ProfileDesk
from edge.ocpp.shelf import Done
from edge.ocpp.station_clock import StationClock
from edge.ocpp.versions import Version
from edge.offline.accounts import counted
from edge.offline.authorise import CACHE_LIFE, Policy
from edge.offline.desk import DeskState
from edge.offline.registers import Reading
from edge.offline.token_book import REFRESH, TokenBook
from edge.offline.token_info import ShownToken
from tests.unit.bms.bms_site import Hands, Taken, report, site
from tests.unit.ocpp.ocpp_bench import ID, call, station
from tests.unit.ocpp.ocpp_bench import Bench as RelayBench
from tests.unit.offline.offline_bench import HASHER, NOON, STATION, Bench

STEPS = {
    "1 s back": timedelta(seconds=-1),
    "1 min back": timedelta(minutes=-1),
    "1 h back": timedelta(hours=-1),
    "1 day back": timedelta(days=-1),
    "1 h forward": timedelta(hours=1),
    "1 year forward": timedelta(days=365),
}
steps = pytest.mark.parametrize("step", STEPS.values(), ids=STEPS)
ACCEPTED = {"idTagInfo": {"status": "Accepted"}}
GOOD = TokenInfo(status=TokenStatus.ACCEPTED)
SHOWN = ShownToken(text="CARD-9")
LIMIT_W, WINDOW_S = 40_000.0, 900.0


@steps
def test_a_session_reaches_the_cloud_once_in_order_with_the_stations_times(step: timedelta) -> None:
    """Begun before the step and ended after it, with a restart between; the cloud comes last."""
    bench = Bench()
    bench.start()
    local = bench.answered[2]["transactionId"]
    bench.times.now += 60
    bench.times.stepped = step
    bench.tick()
    bench.meter(local)
    bench.restart()
    bench.do(bench.desk.station_connected(bench.edition))
    bench.times.now += 60
    bench.stop(local)
    stamps = [_stamp(json.loads(entry.text)[3]) for _, entry in sorted(bench.disk.entries.items())]
    bench.cloud_comes()
    for answer in ({"transactionId": 77, **ACCEPTED}, {}, {}):
        bench.cloud_answers(answer)
    told = [json.loads(text) for text in bench.to_cloud]
    assert [call[2] for call in told] == ["StartTransaction", "MeterValues", "StopTransaction"]
    assert [_stamp(call[3]) for call in told] == stamps
    assert stamps[0] == NOON.isoformat()
    assert (bench.state(), bench.disk.entries) == (DeskState.ONLINE, {})


@steps
def test_who_waits_for_the_cloud_is_answered_in_time(step: timedelta) -> None:
    """A step neither answers a station early nor late."""
    bench = Bench()
    bench.cloud_comes()
    bench.start()
    bench.times.stepped = step
    bench.tick(14.0)
    assert bench.to_station == []
    bench.tick(2.0)
    assert bench.answered[2]["idTagInfo"]["status"] == "Accepted"


@steps
def test_energy_is_counted_whatever_a_stations_clock_is_set_to(step: timedelta) -> None:
    """All that its register shows, also of a session that ends before the clock is where it was."""
    found = Session(id=1, station="CP-01", evse=1, transaction="7", token=None, began_at=NOON)
    for minute in range(5):
        found = counted(found, Reading(NOON + timedelta(minutes=minute), Decimal(1000 + 100 * minute)))
    for minute in range(5, 10):
        found = counted(found, Reading(NOON + timedelta(minutes=minute) + step, Decimal(1000 + 100 * minute)))
    assert found.energy_wh == 900
    assert sum(quarter.energy_wh for quarter in found.quarters) == 900


def test_a_reading_that_comes_late_counts_nothing() -> None:
    """It is of before the last, and shows less: no clock was set."""
    found = Session(id=1, station="CP-01", evse=1, transaction="7", token=None, began_at=NOON)
    for minute in (0, 5, 2):
        found = counted(found, Reading(NOON + timedelta(minutes=minute), Decimal(1000 + 100 * minute)))
    assert (found.energy_wh, found.register_wh) == (Decimal(500), Decimal(1500))


@steps
def test_a_lease_is_written_in_the_stations_time(step: timedelta) -> None:
    """Our own clock has no part in it once the station's is known, and stamps that come after go on teaching it."""
    clock = StationClock()
    for at in (0.0, 10.0, 20.0):
        clock.learn(NOON + timedelta(seconds=at), at, NOON + timedelta(seconds=at))
    for at in (30.0, 40.0):
        ours = NOON + timedelta(seconds=at) + step
        assert clock.time(at, ours) == NOON + timedelta(seconds=at)
        clock.learn(NOON + timedelta(seconds=at), at, ours)
    assert clock.time(50.0, NOON + step) == NOON + timedelta(seconds=50)


@steps
def test_a_limit_of_the_building_lasts_its_time(step: timedelta) -> None:
    """In seconds that have passed."""
    clock, taken = Hands(), Taken()
    block = ControlBlock(
        circuit="main",
        policy=WritePolicy(writable=True, limit_timeout_s=60.0, fallback_a=20.0),
        bounds=Bounds(most_a=63.0, most_w=43470.0),
        sink=taken,
        now=clock.monotonic,
        eco=EcoMode(possible=True),
    )
    block.write_holding(4, [160])
    clock.pass_s(30)
    clock.at += step
    (limit,) = taken.limits
    assert (limit.amps(clock.now + 29), limit.amps(clock.now + 30)) == (16.0, 20.0)


class Shelf:
    """Keeps what it is given."""

    def __init__(self) -> None:
        self.kept: str | None = None

    def load(self, station: str) -> str | None:  # noqa: ARG002 - there is one
        return self.kept

    def save(self, station: str, text: str, done: Done) -> None:  # noqa: ARG002
        self.kept = text
        done(None)

    def set_aside(self, station: str) -> None:
        raise AssertionError(f"{station}: what was kept is sound")


def desk(*profiles: Mapping[str, Any], shelf: Shelf | None = None) -> ProfileDesk:
    """A desk of a station that speaks 1.6, at noon, with a session that has just begun and these profiles of it."""
    made = ProfileDesk(station(), 230.0, shelf)
    made.speak(Version.V16)
    made.due(0.0, NOON, cloud_connected=True)
    made.station_called("StartTransaction", {"connectorId": 1, "idTag": "X"}, (), NOON)
    for each in profiles:
        answers: list[Answer] = []
        payload = {"connectorId": 1, "csChargingProfiles": each}
        made.answer("SetChargingProfile", payload, NOON, answers.append)
        assert [answer.reply for answer in answers] == [{"status": "Accepted"}]
    return made


def schedule(kind: str, *periods: tuple[int, float], **more: Any) -> dict[str, Any]:
    return {
        "chargingProfileId": 1,
        "stackLevel": 0,
        "chargingProfilePurpose": "TxDefaultProfile",
        "chargingProfileKind": kind,
        "chargingSchedule": {
            "chargingRateUnit": "A",
            "chargingSchedulePeriod": [{"startPeriod": start, "limit": limit} for start, limit in periods],
            **more,
        },
    }


@steps
def test_a_schedule_of_a_session_runs_as_long_as_the_session(step: timedelta) -> None:
    """Ten minutes at 10 A and then 6: by the time that the session has lasted, not by the clock."""
    at = desk(schedule("Relative", (0, 10), (600, 6)))
    told = []
    for second in range(0, 700, 10):
        wall = NOON + timedelta(seconds=second) + (step if second > 300 else timedelta(0))
        told += [(second, fact.limit_a) for fact in at.due(float(second), wall, cloud_connected=True) if fact.key.evse]
    assert told == [(0, 10.0), (600, 6.0)]


@pytest.mark.parametrize("boots_at", [datetime(1970, 1, 1, tzinfo=UTC), NOON - timedelta(minutes=30)])
def test_a_schedule_outlives_a_restart_with_a_wrong_clock(boots_at: datetime) -> None:
    """A board without a battery: after the power is back its clock is behind until it is set. What had begun before was
    stamped by the right clock, so it isn't moved with this one; meanwhile it isn't lifted."""
    kept = Shelf()
    session = schedule("Relative", (0, 10), (600, 6))
    before = desk(session, shelf=kept)
    before.learned([SessionBegan(key=EvseKey(station=ID, evse=1), at=0.0, transaction_id="7")], NOON)
    after = ProfileDesk(station(), 230.0, kept)
    told = []
    for second in range(0, 900, 10):
        right = NOON + timedelta(seconds=300 + second)
        wall = right if second > 200 else boots_at + timedelta(seconds=second)
        told += [(second, fact.limit_a) for fact in after.due(float(second), wall, cloud_connected=True)]
    assert [each for each in told if each[1] is not None] == [(0, 10.0), (300, 6.0)]
    assert told[0] == (0, 10.0)


@steps
def test_what_the_cloud_sets_just_after_a_step_is_not_moved_by_it(step: timedelta) -> None:
    """Before anybody has looked at the clock again."""
    bench = RelayBench()
    bench.connect()
    bench.wait(0.5)
    bench.stepped += step
    raw = schedule("Absolute", (0, 10), (600, 6)) | {"chargingProfilePurpose": "ChargePointMaxProfile"}
    bench.cloud_says(call("p", "SetChargingProfile", {"connectorId": 0, "csChargingProfiles": raw}))
    told = []
    for second in range(0, 700, 10):
        told += [(second, fact.limit_a) for fact in bench.wait(10.0).facts if isinstance(fact, CloudLimit)]
    assert next(each for each in told if each[1] == 10.0)[0] == 0
    assert [second for second, limit_a in told if limit_a == 6.0][:1] == [590]


@steps
def test_a_schedule_of_the_calendar_follows_the_clock(step: timedelta) -> None:
    """After a step it says what it would have said to who begins then, and says it at once."""
    rules = [
        Rule(begins=time(11, 30), ends=time(12, 30), limit_a=16.0),
        Rule(begins=time(13), ends=time(18), limit_a=8.0),
    ]
    clock = Hands(wall=datetime(2026, 11, 21, 12, 0, tzinfo=UTC))
    before = Schedule("main", rules, "UTC")
    before.observe(report(), clock)
    clock.at += step
    said = before.observe(report(), clock)
    fresh = Schedule("main", rules, "UTC").observe(report(), clock)
    assert fresh is not None
    assert (said.limit_a if said is not None else 16.0) == fresh.limit_a


@steps
@pytest.mark.parametrize("minute", [1, 7, 14])
def test_a_demand_window_is_never_given_more_than_it_has(step: timedelta, minute: int) -> None:
    """Whatever part of it the step leaves: the part that wasn't seen counts at the limit, and no peak is made of it."""
    settings = DemandSettings(circuit="main", limit_w=LIMIT_W, window_s=WINDOW_S)
    clock = Hands(wall=datetime(2026, 11, 21, 12, 0, tzinfo=UTC))
    watch = DemandWatch(site(), settings, folder=None)
    for _ in range(minute * 60):
        watch.observe(report(), clock)
        clock.pass_s(1)
    assert watch.state is not None
    clock.at += step
    for _ in range(1800):
        watch.observe(report(), clock)
        window = watch.state
        into_s = clock.at.timestamp() % WINDOW_S
        assert 0.0 <= window.allowed_w <= MOST * LIMIT_W
        left_s = WINDOW_S - into_s
        if left_s > 1:
            assert window.used_j + window.allowed_w * left_s <= WINDOW_S * LIMIT_W * (1 + 1e-9) or window.allowed_w == 0
        clock.pass_s(1)
        if clock.at.timestamp() % WINDOW_S < 1:
            break
    assert watch.state.peaks_w == {}
    for _ in range(int(WINDOW_S) + 5):
        watch.observe(report(), clock)
        clock.pass_s(1)
    (peak_w,) = watch.state.peaks_w.values()  # of a window that was seen whole, but for a step as small as a slew
    assert peak_w == pytest.approx(8650.4, rel=STEP_S / WINDOW_S)


def drawn(watch: DemandWatch, clock: Hands, seconds: int) -> None:
    """So long the building draws what it does."""
    for _ in range(seconds):
        watch.observe(report(), clock)
        clock.pass_s(1)


async def test_peaks_of_a_clock_that_was_a_year_ahead_are_booked_under_the_true_month(tmp_path: Path) -> None:
    """The gateway starts so, and is set right after an hour: nothing is left of the false month, in no file either; the
    peaks of earlier runs stay where they are."""
    settings = DemandSettings(circuit="main", limit_w=LIMIT_W, window_s=WINDOW_S)
    earlier = DemandWatch(site(), settings, folder=tmp_path)
    drawn(earlier, Hands(wall=datetime(2026, 10, 3, 12, 0, tzinfo=UTC)), 2 * int(WINDOW_S) + 5)
    await earlier.close()
    clock = Hands(wall=datetime(2027, 11, 21, 12, 0, tzinfo=UTC))
    watch = DemandWatch(site(), settings, folder=tmp_path)
    drawn(watch, clock, 3600)
    assert list(watch.report()["peaks_w"]) == ["2026-10", "2027-11"]
    clock.at -= timedelta(days=365)
    drawn(watch, clock, 60)
    assert watch.report()["peaks_w"] == {"2026-10": 8650.4, "2026-11": 8650.4}
    await watch.close()
    assert b"2027" not in (tmp_path / "demand-0.json").read_bytes()


async def test_a_month_to_come_counts_for_nothing_and_goes_when_the_clock_has_run_a_day(tmp_path: Path) -> None:
    """The run before was ahead, and ended so. The month isn't dropped at once: it may be this clock that is behind."""
    settings = DemandSettings(circuit="main", limit_w=LIMIT_W, window_s=WINDOW_S)
    ahead = DemandWatch(site(), settings, folder=tmp_path)
    drawn(ahead, Hands(wall=datetime(2027, 11, 21, 12, 0, tzinfo=UTC)), 2 * int(WINDOW_S) + 5)
    await ahead.close()
    clock = Hands(wall=datetime(2026, 11, 21, 12, 0, tzinfo=UTC))
    watch = DemandWatch(site(), settings, folder=tmp_path)
    drawn(watch, clock, 2 * int(WINDOW_S) + 5)
    assert list(watch.report()["peaks_w"]) == ["2026-11"]
    assert watch.state is not None
    assert "2027-11" in watch.state.peaks_w
    for _ in range(97):
        clock.pass_s(900)
        watch.observe(report(), clock)
    assert list(watch.state.peaks_w) == ["2026-11"]


def test_a_clock_that_is_behind_costs_no_month() -> None:
    """It wakes up in January, and is set within the day: no month is lost, and what was booked is of the true one."""
    peaks, clock = MonthPeaks({"2026-10": 9.0, "2026-11": 5.0}), Hands(wall=datetime(2026, 1, 1, 3, 0, tzinfo=UTC))

    def month(wall_s: float) -> str:
        return f"{datetime.fromtimestamp(wall_s, UTC):%Y-%m}"

    booked = peaks.revised({"2026-10": 9.0, "2026-11": 5.0, "2026-01": 7.0}, clock, month)
    assert set(booked) == {"2026-01", "2026-10", "2026-11"}
    clock.pass_s(3600)
    clock.at += timedelta(days=324)
    assert peaks.revised(booked, clock, month) == {"2026-10": 9.0, "2026-11": 7.0}


@pytest.mark.parametrize("minute", [2, 10])
def test_a_leap_within_a_window_counts_at_the_limit(minute: int) -> None:
    """What the clock passed over belongs to the window by the new time, and nobody saw it."""
    clock = Hands(wall=datetime(2026, 11, 21, 12, 0, tzinfo=UTC))
    watch = DemandWatch(site(), DemandSettings(circuit="main", limit_w=LIMIT_W, window_s=WINDOW_S), folder=None)
    for _ in range(minute * 60):
        watch.observe(report(), clock)
        clock.pass_s(1)
    assert watch.state is not None
    used_j = watch.state.used_j
    clock.at += timedelta(minutes=3)
    watch.observe(report(), clock)
    assert watch.state.used_j >= used_j + 180 * LIMIT_W


def book(*cached: CachedToken) -> TokenBook:
    made = TokenBook(HASHER, Policy(timezone=UTC))
    made.load(cached=cached)
    return made


@steps
def test_a_cached_token_is_believed_for_its_life_and_no_longer(step: timedelta) -> None:
    """One that was learned before the clock was set: at most a life from then on, however far ahead it was dated."""
    tokens = book()
    tokens.learn(STATION, SHOWN, GOOD, NOON)
    wall = NOON + step
    tokens.expire(wall)
    days = 0
    while tokens.judge(STATION, SHOWN, wall).verdict.accepted:
        wall += timedelta(days=1)
        days += 1
        tokens.expire(wall)
        assert days <= CACHE_LIFE.days + 1
    assert (days > 0) is (step < CACHE_LIFE)


def test_what_was_learned_in_the_future_is_dated_anew() -> None:
    """By the daily round, on the disk too; and the cloud's word of today isn't taken for known."""
    token = HASHER.hash("CARD-9")
    ahead = CachedToken(hash=token, info=GOOD, learned_at=NOON + timedelta(days=365))
    (write,) = book(ahead).expire(NOON)
    assert write.token.learned_at == NOON  # type: ignore[union-attr]
    assert book(ahead).learn(STATION, SHOWN, GOOD, NOON) != []
    assert book(CachedToken(hash=token, info=GOOD, learned_at=NOON)).learn(STATION, SHOWN, GOOD, NOON) == []
    assert timedelta(0) < REFRESH


def test_a_token_erased_by_a_person_is_forgotten_after_a_step_back() -> None:
    """It was learned an hour ahead of the clock as it is now."""
    tokens = book(CachedToken(hash=HASHER.hash("CARD-9"), info=GOOD, learned_at=NOON + timedelta(hours=1)))
    tokens.take_over(cached=(), listed=(), own=(), wall=NOON)
    assert not tokens.judge(STATION, SHOWN, NOON).verdict.accepted


@steps
def test_nothing_is_thrown_away_for_its_age_within_a_day_of_a_step(step: timedelta) -> None:
    """But for a step that NTP makes: the day after it, and each day from then on, it may be."""
    clock = Hands()
    steady = SteadyDay(clock)
    passed = []
    for day in range(4):
        clock.pass_s(DAY_S)
        if day == 1:
            clock.at += step
        passed.append(steady.has_passed())
    assert passed == [True, abs(step) <= timedelta(minutes=1), True, True]


def test_a_day_is_a_day() -> None:
    """Not sooner, and each one counts once; nor while the clock isn't set."""
    clock = Hands()
    steady = SteadyDay(clock)
    clock.pass_s(DAY_S - 1)
    assert not steady.has_passed()
    clock.pass_s(1)
    assert steady.has_passed()
    assert not steady.has_passed()
    clock.trusted = False
    clock.pass_s(DAY_S)
    assert not steady.has_passed()


def _stamp(payload: Mapping[str, Any]) -> str:
    """The station's own time of a message of a transaction."""
    found: str = payload["timestamp"] if "timestamp" in payload else payload["meterValue"][0]["timestamp"]
    return found

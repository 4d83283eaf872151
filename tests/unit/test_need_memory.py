"""What a car needs, over a restart of the gateway: kept for its session, by the time of day, less what it has had."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from edge.clock import DAY_S
from edge.control.board import Board
from edge.control.needs import Needs
from edge.domain.station import DrawSampled, NeedStated, SessionBegan, SessionEnded
from edge.need_memory import NeedMemory
from edge.units import PhaseAmps
from tests.site_builders import evse, key, site
from tests.unit.bms.bms_site import Hands

HOUR_S = 3600.0


class House:
    """A gateway with its disk and one post with a car, that is started anew."""

    def __init__(self, file: Path) -> None:
        self.file, self.clock = file, Hands()

    def start(self, *, transaction: str | None = "7") -> None:
        self.board = Board(site(evse()), started_at=self.clock.now)
        self.memory = NeedMemory(self.file, self.board, self.clock)
        self.memory.start()
        if transaction is not None:
            self.begin(transaction)

    def begin(self, transaction: str) -> None:
        self.board.take(SessionBegan(key=key(1), at=self.clock.now, transaction_id=transaction, observed_start=False))

    def state(self, wh: float, *, in_s: float) -> None:
        Needs(self.board, self.clock).state(key(1), wh, self.clock.wall() + timedelta(seconds=in_s))

    def sample(self, register_wh: float) -> None:
        at = self.clock.now
        self.board.take(DrawSampled(key=key(1), at=at, current_a=PhaseAmps.same(10.0), energy_wh=register_wh))

    async def restart(self, *, down_s: float = 0.0, transaction: str | None = "7") -> None:
        self.memory.look()
        await self.memory.stop()
        self.clock.pass_s(down_s)
        self.start(transaction=transaction)
        self.memory.look()

    def left(self) -> tuple[float, float] | None:
        need = self.board.evses[key(1)].need_left(self.clock.now)
        return None if need is None else (need.energy_wanted_wh, round(need.time_left_s))


@pytest.fixture
def house(tmp_path: Path) -> House:
    house = House(tmp_path / "store" / "needs.json")
    house.start()
    return house


async def test_a_need_goes_on_after_a_restart(house: House) -> None:
    """It leaves when it would have, and what it has had since the need was stated counts."""
    house.sample(50_000.0)
    house.state(20_000.0, in_s=8 * HOUR_S)
    house.sample(53_000.0)
    await house.restart(down_s=HOUR_S)
    house.sample(54_500.0)
    assert house.left() == (15_500.0, 7 * HOUR_S)


@pytest.mark.parametrize("step_s", [-DAY_S, DAY_S])
async def test_a_clock_that_is_set_before_it_is_written_moves_no_departure(house: House, step_s: float) -> None:
    """Between the moment at which somebody says it and the next tick; and set right again after the restart."""
    house.state(20_000.0, in_s=8 * HOUR_S)
    house.clock.at += timedelta(seconds=step_s)
    house.memory.look()
    house.clock.at -= timedelta(seconds=step_s)
    await house.restart(down_s=HOUR_S)
    assert house.left() == (20_000.0, 7 * HOUR_S)


async def test_it_goes_on_after_a_second_one(house: House) -> None:
    """Before its station was back after the first."""
    house.state(20_000.0, in_s=8 * HOUR_S)
    await house.restart(transaction=None)
    await house.restart(down_s=HOUR_S)
    assert house.left() == (20_000.0, 7 * HOUR_S)
    await house.restart(down_s=HOUR_S)
    assert house.left() == (20_000.0, 6 * HOUR_S)


async def test_a_need_stated_before_the_first_sample_counts_from_that(house: House) -> None:
    """The register isn't known any earlier."""
    house.state(20_000.0, in_s=8 * HOUR_S)
    house.sample(50_000.0)
    house.sample(51_000.0)
    await house.restart()
    house.sample(52_000.0)
    assert house.left() == (18_000.0, 8 * HOUR_S)


async def test_another_session_has_none_of_it(house: House) -> None:
    """The car left while nobody ran; nor does it come back with a third session."""
    house.state(20_000.0, in_s=8 * HOUR_S)
    await house.restart(transaction="8")
    assert house.left() is None
    await house.restart()
    assert house.left() is None


async def test_what_was_withdrawn_or_is_over_stays_so(house: House) -> None:
    """Over any number of restarts."""
    house.state(20_000.0, in_s=8 * HOUR_S)
    await house.restart()
    house.board.take(NeedStated(key=key(1), at=house.clock.now, energy_wanted_wh=0.0))
    await house.restart()
    assert house.left() is None
    house.state(9_000.0, in_s=HOUR_S)
    await house.restart()
    house.board.take(SessionEnded(key=key(1), at=house.clock.now))
    house.memory.look()
    house.begin("7")
    await house.restart()
    assert house.left() is None


async def test_what_is_stated_meanwhile_replaces_it(house: House) -> None:
    """Told by the car itself as its session is heard of again."""
    house.state(20_000.0, in_s=8 * HOUR_S)
    house.memory.look()
    await house.memory.stop()
    house.start()
    house.state(5_000.0, in_s=HOUR_S)
    house.memory.look()
    assert house.left() == (5_000.0, HOUR_S)


async def test_it_waits_for_the_clock(house: House) -> None:
    """A departure has a time of day; what was kept isn't lost meanwhile."""
    house.state(20_000.0, in_s=8 * HOUR_S)
    house.memory.look()
    await house.memory.stop()
    true = house.clock.at
    house.clock.at, house.clock.trusted = datetime(1970, 1, 1, tzinfo=UTC), False
    house.start()
    house.memory.look()
    assert house.left() is None
    house.clock.at, house.clock.trusted = true, True
    house.memory.look()
    assert house.left() == (20_000.0, 8 * HOUR_S)


async def test_it_follows_a_clock_that_is_set_after_the_start(house: House) -> None:
    """A board without a battery-backed clock starts with the time at which it stopped: three hours are missing then."""
    house.sample(50_000.0)
    house.state(20_000.0, in_s=8 * HOUR_S)
    house.memory.look()
    await house.memory.stop()
    house.clock.now += 3 * HOUR_S
    house.start()
    house.memory.look()
    assert house.left() == (20_000.0, 8 * HOUR_S)
    house.sample(51_000.0)
    house.clock.at += timedelta(hours=3)
    house.memory.look()
    assert house.left() == (19_000.0, 5 * HOUR_S)
    await house.restart(down_s=HOUR_S)
    house.sample(51_500.0)
    assert house.left() == (18_500.0, 4 * HOUR_S)


async def test_one_that_was_stated_anew_is_left_alone(house: House) -> None:
    """By who knows how long it still is."""
    house.state(20_000.0, in_s=8 * HOUR_S)
    await house.restart()
    house.state(5_000.0, in_s=HOUR_S)
    house.clock.at += timedelta(hours=3)
    house.memory.look()
    assert house.left() == (5_000.0, HOUR_S)


async def test_what_is_written_while_the_clock_is_wrong_is_right_after_it(house: House) -> None:
    """Of what was stated before."""
    house.state(20_000.0, in_s=8 * HOUR_S)
    house.memory.look()
    house.clock.at += timedelta(days=1)
    house.sample(50_000.0)  # the register that it counts from is known now
    house.memory.look()
    house.clock.at -= timedelta(days=1)
    await house.restart()
    assert house.left() == (20_000.0, 8 * HOUR_S)


async def test_a_departure_that_has_passed_for_a_day_is_forgotten(house: House) -> None:
    """Where its session isn't heard of any more; else it has all that the car can use, as without a restart."""
    house.state(20_000.0, in_s=HOUR_S)
    await house.restart(down_s=2 * HOUR_S)
    assert house.left() == (20_000.0, -HOUR_S)
    await house.restart(down_s=DAY_S, transaction=None)
    await house.restart()
    assert house.left() is None


@pytest.mark.parametrize("text", ["", "[]", '{"needs": [1]}', '{"needs": [{"station": "CP-1"}]}'])
async def test_what_cannot_be_read_is_nothing(house: House, text: str) -> None:
    """And is written anew with the next need."""
    house.file.parent.mkdir()
    house.file.write_text(text)
    house.start()
    house.memory.look()
    assert house.left() is None
    house.state(20_000.0, in_s=HOUR_S)
    await house.restart()
    assert house.left() == (20_000.0, HOUR_S)


async def test_a_post_that_was_taken_off_the_site_is_no_matter(house: House) -> None:
    """The others keep theirs."""
    house.state(20_000.0, in_s=HOUR_S)
    house.memory.look()
    await house.memory.stop()
    text = house.file.read_text()
    house.file.write_text(
        text.replace(
            "[{",
            '[{"station":"gone","evse":1,"transaction":"1","energy_wanted_wh":1,'
            '"departure_at":"2026-11-22T00:00:00+00:00","register_wh":null},{',
        )
    )
    house.start()
    house.memory.look()
    assert house.left() == (20_000.0, HOUR_S)

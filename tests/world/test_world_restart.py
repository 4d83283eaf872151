"""What a gateway tells and does after it was killed is what it told and did before."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from edge.control.records import EvseRecord
from edge.domain.site import EvseKey
from edge.ocpp.station_memory import StationMemory
from simulators.world.disk import Condition
from simulators.world.parking import NeedTold
from simulators.world.scenario import FaultSpec, WorldScenario
from simulators.world.world import World
from tests.world.worlds import failed_oracles, played, small

STATED_S, KILLED_S, SEEN_S = 260.0, 320.0, 500.0
POST = EvseKey(station="CP-1", evse=1)
Told = Mapping[str, Any]


def killed(
    scenario: WorldScenario, before: Callable[[World], None] = lambda _world: None, *, stated_s: float = STATED_S
) -> tuple[Told, Told]:
    """What the status told of CP-1 just before the kill, and three minutes later."""
    told: list[Told] = []

    def meddle(world: World) -> None:
        async def course() -> None:
            await world.until(stated_s)
            before(world)
            await world.until(KILLED_S)
            told.append(_told(world))
            await world.gateway.kill()
            await asyncio.sleep(5.0)
            world.gateway.start()
            await world.until(SEEN_S)
            told.append(_told(world))

        world.start(course())

    assert played(scenario, meddle=meddle).result.verdicts == ()
    first, second = told
    return first, second


def _told(world: World, station: str = POST.station) -> Told:
    status = world.gateway.status()
    assert status is not None
    found: Told = next(each for each in status["stations"] if each["id"] == station)
    return found


def state_need(world: World) -> None:
    """The car on CP-1 leaves in two hours."""
    assert world.gateway.state_need(POST, 22_000.0, world.wall() + timedelta(hours=2))
    station = world.stations[POST.station]
    session = station.session(POST.evse)
    assert session is not None
    world.parking.here[POST.station, POST.evse].need = NeedTold(
        at_s=world.now(),
        session=session,
        energy_wh=22_000.0,
        register_wh=station.register_wh(POST.evse),
        departs_s=world.now() + 7200.0,
    )


def test_a_need_outlives_a_kill() -> None:
    """It is the same departure, and less energy by what the car has had."""
    before, after = (told["evses"][0]["need"] for told in killed(small(minutes=9.0), state_need))
    assert before["time_left_s"] - after["time_left_s"] == SEEN_S - KILLED_S
    assert 0 < after["energy_wanted_wh"] < before["energy_wanted_wh"]


def test_a_need_that_was_told_in_the_last_moment_may_be_lost() -> None:
    """It is written down with the next tick; the oracle knows that for as long as it watches."""
    before, after = (told["evses"][0]["need"] for told in killed(small(minutes=9.0), state_need, stated_s=319.0))
    assert (before, after) == (None, None)


@pytest.mark.parametrize("edition", ["1.6", "2.0.1"])
def test_who_a_station_is_and_what_its_session_has_had_outlive_a_kill(edition: str) -> None:
    """It came back without a boot, and its session goes on."""
    scenario = small(minutes=9.0)
    posts = (replace(scenario.posts[0], edition=edition), *scenario.posts[1:])
    before, after = killed(replace(scenario, posts=posts))
    assert (after["vendor"], after["model"]) == (before["vendor"], before["model"]) == ("Simulated", "Post")
    assert after["evses"][0]["session_wh"] > before["evses"][0]["session_wh"] > 0


@pytest.mark.parametrize("seed", [2, 3])
def test_a_departure_is_right_again_when_the_clock_is(seed: int) -> None:
    """The gateway is killed while its clock is a day behind (or ahead), and starts by that."""
    scenario = small(minutes=9.0)
    drivers = tuple(replace(each, tells=1.0) for each in scenario.drivers)
    faults = [FaultSpec(number=43, at_s=240.0, for_s=100.0), FaultSpec(number=47, at_s=250.0, for_s=30.0)]
    assert played(replace(scenario, drivers=drivers), seed=seed, faults=faults).result.verdicts == ()


@pytest.mark.parametrize("seed", [2, 3, 5, 6, 7])
def test_a_limit_that_is_written_by_a_wrong_clock_binds_all_the_same(seed: int) -> None:
    """The gateway starts with its clock a day behind (2, 7) or ahead, and its station says nothing by itself: by that
    one's clock what it is told would be long over, or begin tomorrow.
    """
    scenario = small(minutes=9.0)
    drivers = tuple(replace(each, stay_h=(0.05, 0.06)) for each in scenario.drivers)
    faults = [FaultSpec(number=43, at_s=150.0, for_s=150.0), FaultSpec(number=26, at_s=160.0, for_s=45.0)]
    assert played(replace(scenario, drivers=drivers), seed=seed, faults=faults).result.verdicts == ()


def killed_on_a_disk_that_cannot_be_written(*, from_s: float) -> set[str]:
    """Which oracles have seen something. A post is cut off from 150 to 250 s, its driver plugs in anew meanwhile, and
    it tells of both sessions afterwards; the gateway is killed, and its disk is as it was before `from_s`.
    """

    def meddle(world: World) -> None:
        async def course() -> None:
            await world.until(from_s)
            world.gateway.disk.condition = Condition.READ_ONLY
            await world.until(KILLED_S + 110.0)
            await world.gateway.kill()
            await asyncio.sleep(5.0)
            world.gateway.start()
            await world.until(SEEN_S + 40.0)
            world.gateway.disk.condition = Condition.GOOD

        world.start(course())

    faults = [FaultSpec(number=20, at_s=150.0, for_s=100.0, target="CP-1")]
    return failed_oracles(played(small(minutes=9.0), faults=faults, meddle=meddle))


def test_what_was_told_when_nothing_could_be_written_is_forgotten() -> None:
    """From where the energy of that session counts; the oracle knows it."""
    assert "beliefs" not in killed_on_a_disk_that_cannot_be_written(from_s=230.0)


def test_what_was_written_before_the_disk_failed_has_to_be_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """A gateway that forgets it is seen."""
    assert "beliefs" not in killed_on_a_disk_that_cannot_be_written(from_s=300.0)
    monkeypatch.setattr(StationMemory, "began_at_wh", lambda _memory, _transaction: None)
    assert "beliefs" in killed_on_a_disk_that_cannot_be_written(from_s=300.0)


def test_a_need_is_told_of_a_session_that_the_gateway_knows() -> None:
    """A driver who plugs in anew while the post is cut off tells it when the post is back: until then it would be that
    of the session before, and end with it."""
    scenario = small(minutes=9.0)
    drivers = tuple(replace(each, tells=1.0, stay_h=(0.9, 0.95)) for each in scenario.drivers)
    told: list[tuple[float, Told]] = []

    def meddle(world: World) -> None:
        async def course() -> None:
            await world.until(120.0)
            await world.gateway.kill()
            await asyncio.sleep(5.0)
            world.gateway.start()
            await world.until(450.0)
            need = world.parking.here["CP-3", 1].need
            assert need is not None
            told.append((need.at_s, _told(world, "CP-3")))

        world.start(course())

    faults = [FaultSpec(number=20, at_s=170.0, for_s=130.0, target="CP-3")]
    posts = tuple(replace(each, edition="2.0.1") for each in scenario.posts)  # a session has its name from its post
    scenario = replace(scenario, drivers=drivers, posts=posts)
    assert played(scenario, faults=faults, meddle=meddle).result.verdicts == ()
    ((told_at, report),) = told
    assert told_at > 300.0
    assert report["evses"][0]["need"] is not None


def drawing_by_turns(*, from_s: float) -> set[str]:
    """Which oracles have seen something of cars that draw 6 and 9 A, of which each changes as often as it is sampled,
    after a kill."""
    scenario = small(minutes=6.0)
    drivers = tuple(replace(each, stay_h=(0.9, 0.95), phases=(1,)) for each in scenario.drivers)

    def meddle(world: World) -> None:
        async def course() -> None:
            await world.until(120.0)
            await world.gateway.kill()
            await asyncio.sleep(5.0)
            world.gateway.start()
            await world.until(from_s)
            for number in range(20):
                for (station, _), stay in world.parking.here.items():
                    stay.ev.max_a = (6.0, 9.0)[number % 2]
                    world.stations[station].settle()
                await asyncio.sleep(10.0)

        world.start(course())

    return failed_oracles(played(replace(scenario, drivers=drivers), meddle=meddle))


def test_what_changes_as_fast_as_it_is_sampled_is_known_late(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each time that the oracle looks it is of before; but a gateway that no sample reaches is seen."""
    assert drawing_by_turns(from_s=150.0) == set()
    monkeypatch.setattr(EvseRecord, "take_draw", lambda _record, _fact: None)
    assert "beliefs" in drawing_by_turns(from_s=150.0)

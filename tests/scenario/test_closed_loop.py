"""The closed loop: meter, decision, stations, cars, and the meter again."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator

import pytest
from structlog.testing import capture_logs

from edge.domain.setpoint import Purpose
from edge.units import Amps, Seconds
from tests import virtual_time
from tests.scenario.lively_site import LivelySite

SETTLED_S = 180.0  # from the start to a steady state
SEEDS = range(3)
OVER_A = 1e-9  # above the rating, and not by rounding


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """The log is of no interest here."""
    with capture_logs():
        yield


def lived(
    play: Callable[[LivelySite], Awaitable[None]], seed: int = 0, *, wish_a: Amps = 32.0, cars: int = 8
) -> LivelySite:
    """A site, what is done to it, and its end."""

    async def main() -> LivelySite:
        site = LivelySite(seed, wish_a=wish_a)
        await site.start(cars=cars)
        try:
            await play(site)
        finally:
            await site.stop()
        return site

    return virtual_time.run(main())


async def watched(site: LivelySite, seconds: Seconds, every_s: Seconds = 0.5) -> list[tuple[Seconds, Amps]]:
    """The overload, again and again."""
    begun = site.clock.monotonic()
    seen = []
    while site.clock.monotonic() < begun + seconds:
        await asyncio.sleep(every_s)
        seen.append((site.clock.monotonic() - begun, site.overload_a()))
    return seen


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(("cars", "full"), [(8, "main"), (6, "main"), (6, "garage"), (5, "garage"), (1, "")])
def test_the_headroom_is_used(seed: int, cars: int, full: str) -> None:
    """Hungry cars take more than 95 % of the circuit that binds them, or all that they can, and never too much."""

    async def play(site: LivelySite) -> None:
        assert max(overload_a for _, overload_a in await watched(site, SETTLED_S)) <= OVER_A
        if full:
            assert site.used(full) > 0.95
        else:
            assert site.cars[0].draw_a(site.clock.monotonic()) == site.cars[0].evse.max_a

    lived(play, seed, cars=cars)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("step_a", [5.0, 15.0, 30.0])
def test_after_a_load_step_the_site_is_back_under_its_rating(seed: int, step_a: float) -> None:
    """Within 8 s, though cars take up to 5 s to obey; and it stays there."""

    async def play(site: LivelySite) -> None:
        await asyncio.sleep(SETTLED_S)
        site.background_a += step_a
        overloads = await watched(site, 120.0)
        assert max(seconds for seconds, overload_a in overloads if overload_a > OVER_A) <= 8.0

    lived(play, seed)


@pytest.mark.parametrize("seed", SEEDS)
def test_what_a_load_leaves_is_used_again(seed: int) -> None:
    """A minute after it is gone."""

    async def play(site: LivelySite) -> None:
        site.background_a = 38.0
        await asyncio.sleep(SETTLED_S)
        assert site.used("main") > 0.9
        site.background_a = 8.0
        assert max(overload_a for _, overload_a in await watched(site, 60.0)) <= OVER_A
        assert site.used("main") > 0.9

    lived(play, seed)


@pytest.mark.parametrize("seed", SEEDS)
def test_at_a_steady_state_nothing_is_written_but_renewals(seed: int) -> None:
    """Two a minute at most for each EVSE's session; no limit moves."""

    async def play(site: LivelySite) -> None:
        await asyncio.sleep(SETTLED_S)
        before = {car.evse.key: car.draw_a(site.clock.monotonic()) for car in site.cars}
        site.written.clear()
        await asyncio.sleep(600.0)
        sessions = [command for _, command in site.written if command.purpose is Purpose.SESSION]
        assert len(sessions) <= 2 * 10 * len(site.cars)
        for car in site.cars:
            assert {command.limit_a for command in sessions if command.key == car.evse.key} == {before[car.evse.key]}

    lived(play, seed)


@pytest.mark.parametrize("seed", SEEDS)
def test_cars_that_want_little_leave_the_rest_alone(seed: int) -> None:
    """Cars near full are trimmed once; the limits don't swing after that."""

    async def play(site: LivelySite) -> None:
        await asyncio.sleep(SETTLED_S)
        site.written.clear()
        await asyncio.sleep(600.0)
        told: dict[object, set[Amps]] = {}
        for _, command in site.written:
            if command.purpose is Purpose.SESSION:
                told.setdefault(command.key, set()).add(command.limit_a)
        assert max(len(limits) for limits in told.values()) == 1

    lived(play, seed, wish_a=9.0)


def test_a_dead_meter_brings_all_to_their_safe_current_and_a_living_one_back() -> None:
    """Down within meter_stale_s, two ticks and the time to obey; up again within a minute, and never over."""

    async def play(site: LivelySite) -> None:
        await asyncio.sleep(SETTLED_S)
        site.meter_fails = True
        await asyncio.sleep(5.0 + 2.0 + 5.0 + 0.5)
        now = site.clock.monotonic()
        assert max(car.draw_a(now) for car in site.cars) <= 6.0
        await asyncio.sleep(300.0)
        assert max(car.draw_a(site.clock.monotonic()) for car in site.cars) <= 6.0
        site.meter_fails = False
        assert max(overload_a for _, overload_a in await watched(site, 60.0)) <= OVER_A
        assert site.used("main") > 0.9

    lived(play)


def test_a_load_that_rises_while_the_meter_is_dead_is_met_when_it_lives() -> None:
    """The reserve covered it meanwhile; then the reading counts."""

    async def play(site: LivelySite) -> None:
        await asyncio.sleep(SETTLED_S)
        site.meter_fails = True
        await asyncio.sleep(30.0)
        site.background_a = 30.0
        assert max(overload_a for _, overload_a in await watched(site, 10.0)) <= 17.0
        site.meter_fails = False
        overloads = await watched(site, 120.0)
        assert max((seconds for seconds, overload_a in overloads if overload_a > OVER_A), default=0.0) <= 8.0

    lived(play)

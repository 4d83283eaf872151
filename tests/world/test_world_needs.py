"""A need in the whole gateway, which is restarted: the car that leaves first goes on being served first."""

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from edge.control.needs import Needs
from simulators.world.world import World
from tests.world.worlds import played, small

STATED_S, KILLED_S, SEEN_S = 260.0, 320.0, 500.0


def test_a_need_outlives_a_kill() -> None:
    """CP-1's car leaves in two hours; after the kill that is still so, less the minutes that have passed."""
    seen: dict[str, Mapping[str, Any]] = {}

    def meddle(world: World) -> None:
        async def course() -> None:
            await world.until(STATED_S)
            daemon = world.gateway._daemon
            assert daemon is not None
            (key, *_) = (key for key, record in daemon._board.evses.items() if record.transaction_id is not None)
            clock = world.gateway.clock
            Needs(daemon._board, clock).state(key, 22_000.0, clock.wall() + timedelta(hours=2))
            await world.until(KILLED_S)
            seen["before"] = _need(world, key.station)
            await world.gateway.kill()
            await asyncio.sleep(5.0)
            world.gateway.start()
            await world.until(SEEN_S)
            seen["after"] = _need(world, key.station)

        world.start(course())

    assert played(small(minutes=9.0), meddle=meddle).result.verdicts == ()
    assert seen["before"]["time_left_s"] - seen["after"]["time_left_s"] == SEEN_S - KILLED_S
    assert 0 < seen["after"]["energy_wanted_wh"] < seen["before"]["energy_wanted_wh"]


def _need(world: World, station: str) -> Mapping[str, Any]:
    status = world.gateway.status()
    assert status is not None
    (evse,) = next(each["evses"] for each in status["stations"] if each["id"] == station)
    need: Mapping[str, Any] | None = evse["need"]
    assert need is not None
    return need

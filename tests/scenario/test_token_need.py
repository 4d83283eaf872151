"""A card that says what its car needs, from the file that the command line writes to the board, in virtual time."""

import asyncio
from datetime import time
from pathlib import Path

import pytest

from edge.domain.site import EvseKey
from edge.domain.station import NeedStated
from edge.domain.token import SiteToken, TokenNeed
from edge.ocpp.versions import Version
from edge.offline.hashing import TokenHasher, hint
from edge.storage.key import token_key
from edge.storage.token_file import TokenFile
from tests import virtual_time
from tests.scenario.offline_world import World, in_world

KEY = EvseKey(station="CP-01", evse=1)
NEED = TokenNeed(energy_wanted_wh=180_000.0, ready_by=time(9, 30))  # the world begins at 07:00


async def give(world: World, card: str, need: TokenNeed | None = NEED) -> None:
    """As ``edge token add`` does it."""
    text = TokenHasher(token_key(world.storage)).hash(card)
    TokenFile(world.storage).put([SiteToken(hash=text, hint=hint(card), need=need)])
    await asyncio.sleep(1.0)


async def meter(world: World, number: int, register_wh: int) -> None:
    """What the bus draws, and the register (1.6)."""
    sampled = [
        {"value": "16", "measurand": "Current.Import", "phase": "L1"},
        {"value": str(register_wh), "measurand": "Energy.Active.Import.Register"},
    ]
    values = [{"timestamp": world.seat.stamp(), "sampledValue": sampled}]
    await world.seat.result("MeterValues", {"connectorId": 1, "transactionId": number, "meterValue": values})


def left(world: World) -> tuple[float, float] | None:
    """What the decision is told: energy, and when the car leaves in seconds since 07:00."""
    need = world.board.snapshot(world.now).evses[0].need
    return None if need is None else (need.energy_wanted_wh, round(world.now + need.time_left_s, 3))


@pytest.mark.parametrize("with_cloud", [True, False])
def test_a_bus_of_1_6_is_known_by_its_card(tmp_path: Path, *, with_cloud: bool) -> None:
    """Whoever lets it in. What others change in the list of cards begins nothing anew; the next session does."""

    async def story(world: World) -> None:
        if with_cloud:
            world.cloud_comes()
        await give(world, "BUS-12")
        number = (await world.seat.start(tag="BUS-12", meter=5_000))["transactionId"]
        await asyncio.sleep(1.0)
        assert left(world) == (180_000.0, 2.5 * 3600)
        await meter(world, number, 15_000)
        await give(world, "BUS-13")
        await give(world, "BUS-12", None)
        assert left(world) == (170_000.0, 2.5 * 3600)
        world.board.take(NeedStated(key=KEY, at=world.now, energy_wanted_wh=0.0, departs_in_s=None))
        await give(world, "BUS-12")
        assert left(world) is None
        await world.seat.stop(number, 15_000)
        await asyncio.sleep(3 * 3600)
        await world.seat.start(tag="BUS-12", meter=15_000)
        await asyncio.sleep(1.0)
        assert left(world) == (180_000.0, 26.5 * 3600)

    virtual_time.run(in_world(story, tmp_path, "CP-01", offline='unknown_tokens = "refuse"'))


def test_a_car_of_2_x_whose_card_is_shown_after_it_was_plugged_in(tmp_path: Path) -> None:
    """It is judged when that is, and what the car has had by then counts."""

    async def story(world: World) -> None:
        await give(world, "BUS-12")
        await world.seat.event("Started", 0, "T1", 5_000)
        assert left(world) is None
        await world.seat.event("Updated", 1, "T1", 6_000, tag="BUS-12")
        await asyncio.sleep(1.0)
        assert left(world) == (179_000.0, 2.5 * 3600)

    virtual_time.run(in_world(story, tmp_path, "CP-01", editions=(Version.V201,)))


def test_after_a_restart_it_does_not_come_back_by_itself(tmp_path: Path) -> None:
    """Somebody may have replaced or withdrawn it, which the new gateway doesn't know."""

    async def story(world: World) -> None:
        await give(world, "BUS-12")
        number = (await world.seat.start(tag="BUS-12", meter=5_000))["transactionId"]
        await asyncio.sleep(1.0)
        assert left(world) is not None
        await world.restart()
        await meter(world, number, 15_000)
        await give(world, "BUS-13")
        assert world.board.evses[KEY].transaction_id == str(number)
        assert left(world) is None

    virtual_time.run(in_world(story, tmp_path, "CP-01"))


def test_without_the_time_a_time_of_day_means_nothing(tmp_path: Path) -> None:
    """A gateway that wakes up in 1970 would have the car ready at the wrong moment."""

    async def story(world: World) -> None:
        await give(world, "BUS-12")
        world.clock.trusted = False
        await world.seat.start(tag="BUS-12")
        await asyncio.sleep(1.0)
        assert world.board.evses[KEY].transaction_id is not None
        assert left(world) is None

    virtual_time.run(in_world(story, tmp_path, "CP-01"))

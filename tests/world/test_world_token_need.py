"""A card that says what its car needs, in a whole gateway: from the command line's file to the limit."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from datetime import time
from typing import Any

from edge.domain.token import SiteToken, TokenNeed
from edge.offline.hashing import TokenHasher, hint
from edge.storage.key import token_key
from edge.storage.token_file import TokenFile
from simulators.world.drivers import visits
from simulators.world.parking import NeedTold
from simulators.world.scenario import begins_s
from simulators.world.world import World
from tests.world.worlds import failed_oracles, played, small

SEED = 1
NEED = TokenNeed(energy_wanted_wh=13_000.0, ready_by=time(8, 55))  # 15 kW from 08:02 on: 21 or 22 A on three phases

READY_S = 55 * 60.0  # the world begins at 08:00


def test_the_bus_with_the_card_is_ready_in_time() -> None:
    """Two equal cars of 32 A on a connection of 31: whose card says so has the rate that makes it ready, though it came
    last, and the status says why; the other has what remains. Without the card they share alike."""
    scenario = small(minutes=9.0)
    scenario = replace(scenario, loads=(), drivers=(replace(scenario.drivers[0], per_day=2),))
    first, bus = visits(scenario.drivers, seed=SEED, begins_s=begins_s(scenario), for_s=scenario.for_s)
    assert first.id_tag != bus.id_tag
    seen: list[Mapping[str, Mapping[str, Any]]] = []

    def give(world: World) -> None:
        folder = world.gateway.disk.folder
        hashed = TokenHasher(token_key(folder)).hash(bus.id_tag)
        TokenFile(folder).put([SiteToken(hash=hashed, hint=hint(bus.id_tag), need=NEED)])

    def look(world: World) -> None:
        status = world.gateway.status()
        assert status is not None
        evses = {(station["id"], evse["id"]): evse for station in status["stations"] for evse in station["evses"]}
        seen.append({stay.visit.id_tag: evses[stay.evse.station, stay.evse.evse_id] for stay in world.parking.all()})

    def without_card(world: World) -> None:
        asyncio.get_running_loop().call_at(480.0, look, world)

    def tell_judges(world: World) -> None:
        (stay,) = (each for each in world.parking.all() if each.visit.id_tag == bus.id_tag)
        post = world.stations[stay.evse.station]
        stay.need = NeedTold(
            at_s=world.now(),
            session=post.session(stay.evse.evse_id) or "",
            energy_wh=NEED.energy_wanted_wh - (post.session_wh(stay.evse.evse_id) or 0.0),
            register_wh=post.register_wh(stay.evse.evse_id),
            departs_s=READY_S,
        )

    def with_card(world: World) -> None:
        asyncio.get_running_loop().call_at(30.0, give, world)
        asyncio.get_running_loop().call_at(240.0, tell_judges, world)  # all have come
        without_card(world)

    for meddle in (with_card, without_card):
        assert not failed_oracles(played(scenario, seed=SEED, meddle=meddle))
    known, unknown = seen
    assert known[bus.id_tag]["reason"] == "READY_IN_TIME"
    assert known[bus.id_tag]["text"].endswith(" A: the rate that makes the car ready in time")
    assert known[bus.id_tag]["limit_a"] > 20.0
    assert known[first.id_tag]["limit_a"] < 11.0
    assert abs(unknown[bus.id_tag]["limit_a"] - unknown[first.id_tag]["limit_a"]) < 2.0

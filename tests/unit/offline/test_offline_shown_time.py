"""What stations are told of the time while the gateway's own clock isn't set, and their cloud is away (fault 44)."""

import asyncio
import json
from collections.abc import Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from edge.clock import EARLIEST_PLAUSIBLE
from edge.offline.authorise import Policy
from edge.offline.clerk import Clerk
from edge.offline.desk import Desk
from edge.offline.edition import Edition
from edge.offline.message import stamp
from edge.offline.numbers import Numbers
from edge.offline.pace import Pace
from edge.offline.settings import OfflineSettings
from edge.offline.shown_time import ShownTime
from edge.offline.station import StationBook
from edge.offline.token_book import TokenBook
from tests import virtual_time
from tests.unit.offline.offline_bench import HASHER, STATION
from tests.unit.offline.test_offline_runner import Keeper

NOTED = datetime(2026, 6, 1, 12, tzinfo=UTC)


class Rig:
    """A clerk whose clock isn't set. ``said`` is what the station and others have said of the time."""

    def __init__(self, noted: datetime = NOTED) -> None:
        book = StationBook.opened(
            STATION,
            Edition.V16,
            tokens=TokenBook(HASHER, Policy(timezone=UTC)),
            numbers=Numbers(0, b"s" * 16),
            settings=OfflineSettings(),
            kept=None,
        )
        self.clock = virtual_time.VirtualClock()
        self.clock.trusted = False
        self.said: datetime | None = None
        shown = ShownTime(self.clock, noted)
        self.clerk = Clerk(Desk(book, Pace(0.0)), Keeper(), self.clock, lambda _step: None, shown)
        self.answers: list[Any] = []
        self.clerk.attach(self)
        self.clerk.station_connected(Edition.V16.value)
        self.clerk.cloud_lost()

    def to_station(self, text: str) -> None:
        self.answers.append(json.loads(text))

    def to_cloud(self, identifier: str, text: str) -> None:
        """There is no cloud."""

    def end_session(self, transaction: str) -> None:
        """Nobody is ended here."""

    def time_said(self) -> datetime | None:
        return self.said

    async def told(self, action: str) -> str:
        """The time that the station is told in the answer to its CALL."""
        payload = {"chargePointVendor": "V", "chargePointModel": "M"} if action == "BootNotification" else {}
        self.clerk.station_calls("1", action, payload, json.dumps([2, "1", action, payload]), signed=False)
        await self.clerk.runner.settled()
        told: str = self.answers[-1][2]["currentTime"]
        return told


def run(story: Coroutine[Any, Any, None]) -> None:
    virtual_time.run(story)


both = pytest.mark.parametrize("action", ["BootNotification", "Heartbeat"])


@both
def test_it_is_told_what_was_said(action: str) -> None:
    """By its cloud, by itself, or by others."""

    async def story() -> None:
        rig = Rig()
        rig.said = NOTED + timedelta(hours=3)
        assert await rig.told(action) == stamp(rig.said)

    run(story())


@both
def test_where_nobody_says_anything_time_goes_on_from_what_was_noted(action: str) -> None:
    """Never back into the year in which the gateway wakes up; nor is a station held at a time that is over."""

    async def story() -> None:
        rig = Rig()
        assert await rig.told(action) == stamp(NOTED)
        await asyncio.sleep(60.0)
        assert await rig.told(action) == stamp(NOTED + timedelta(seconds=60))
        rig.said = datetime(2021, 1, 1, tzinfo=UTC)
        assert await rig.told(action) == stamp(NOTED + timedelta(seconds=60))

    run(story())


def test_what_was_noted_in_1970_says_nothing() -> None:
    """A gateway that has never known the time begins where none can have been built before."""

    async def story() -> None:
        assert await Rig(datetime(1970, 1, 2, tzinfo=UTC)).told("Heartbeat") == stamp(EARLIEST_PLAUSIBLE)

    run(story())


def test_a_clock_that_is_set_says_it() -> None:
    """Whatever others say."""

    async def story() -> None:
        rig = Rig()
        rig.said = NOTED + timedelta(hours=3)
        rig.clock.trusted = True
        assert await rig.told("Heartbeat") == stamp(rig.clock.wall())

    run(story())

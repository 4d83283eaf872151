"""Lets the CSMS vanish and come back as the scenario says."""

import asyncio
from collections.abc import Callable
from typing import Protocol

from simulators.errors import PeerError
from simulators.pace import STEP_S, ScenarioClock
from simulators.scenario import Scenario


class Cloud(Protocol):
    """A CSMS of any edition."""

    @property
    def away(self) -> bool: ...
    async def go_away(self) -> None: ...
    async def come_back(self) -> None: ...


async def follow_outages(
    csms: Cloud,
    scenario: Scenario,
    clock: ScenarioClock,
    announce: Callable[[str], None],
    *,
    ends_s: float | None,
) -> None:
    """Run until cancelled; from scenario time `ends_s` on the cloud stays, so that queues can drain.

    Raises PeerError if the port was taken during an outage.
    """
    while True:
        time_s = clock.now_s()
        wanted_away = scenario.cloud_away(time_s) and (ends_s is None or time_s < ends_s)
        if wanted_away and not csms.away:
            await csms.go_away()
            announce("the cloud is gone")
        elif csms.away and not wanted_away:
            try:
                await csms.come_back()
            except OSError as exc:
                raise PeerError(f"the CSMS can't listen again after its outage: {exc.strerror or exc}") from exc
            announce("the cloud is back")
        await asyncio.sleep(STEP_S)

"""In the place of the connection to a cloud, where the site has none."""

import asyncio
from collections.abc import Callable

from edge.ocpp.sockets import Receiver
from edge.ocpp.upstream import Problem, Upstream


class NoCloud(Upstream):
    """Nobody is dialled, and nobody is missed: it is never open, and has no problem."""

    async def open(self) -> Problem | None:
        """What is told who wants the cloud's word: there is none to be had."""
        return Problem(what="this site has no cloud")

    async def run(
        self,
        _on_up: Callable[[], None],
        _on_text: Receiver,
        _on_down: Callable[[str], None],
        _on_missed: Callable[[], None] = lambda: None,
    ) -> str:
        """Until cancelled."""
        await asyncio.Event().wait()
        return "its station is gone"

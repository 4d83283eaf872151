"""What the building took lately: oracles judge by the worst of it, as the gateway learns of a change afterwards."""

from collections import deque
from collections.abc import Iterator

from simulators.phases import Amps3
from simulators.world.copper import Run
from simulators.world.world import World


class BuildingLately:
    """On each circuit, through the last `for_s` seconds."""

    def __init__(self, world: World, for_s: float) -> None:
        self._world = world
        self._for_s = for_s
        self._seen: deque[tuple[float, dict[str, Amps3]]] = deque()

    def look(self) -> None:
        """Remember what it takes now."""
        now = self._world.now()
        self._seen.append((now, {run.id: amps_of(run) for run in self._world.copper.runs.values()}))
        while self._seen[0][0] < now - self._for_s:
            self._seen.popleft()

    def of(self, circuit: str) -> Iterator[Amps3]:
        """What it took of that circuit, each time that was looked."""
        return (amps[circuit] for _, amps in self._seen)


def amps_of(run: Run) -> Amps3:
    """What the building takes of a circuit now."""
    l1, l2, l3 = run.other_a
    return l1, l2, l3

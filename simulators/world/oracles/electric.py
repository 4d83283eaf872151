"""What flows, and what may flow."""

from collections import deque
from typing import Final

from simulators.phases import PHASE_NAMES
from simulators.world.copper import TOLERANCE_A, Run
from simulators.world.oracles.base import Oracle
from simulators.world.oracles.entitled import may_draw_a
from simulators.world.world import World

# A reading (a second or a period), the hold of an overload (8 s), a cut, and 5 s of a car that obeys late; and a
# rest of
# it until a sample shows what came of that. No breaker minds: 1.13 In may flow for an hour.
FLOW_S: Final = 30.0
WINDOW_S: Final = 600.0
OFTEN_S: Final = 60.0  # more than a restless building brings about in that time
NOISE_A: Final = 0.5  # of the building, about a limit that has no margin
# After a step of the building's load a rise can hide behind cars that were just raised, until they are sampled.
ENTITLED_S: Final = 60.0


class FlowsUnderRating(Oracle):
    """I1: no phase over its rating for longer than the reaction budget, nor again and again."""

    name = "rating"
    promise = "no phase is over its rating longer than the reaction budget"

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self._told: dict[str, float] = {}
        self._over: dict[str, deque[tuple[float, float]]] = {}  # when, and the budget then

    def look(self) -> None:
        budget_s = FLOW_S + 2 * self.world.period_s + self.grace_s
        for run in self.world.copper.runs.values():
            since = run.over_since
            self._count(run, budget_s)
            if since is None or run.is_over_without_cars or self._told.get(run.id) == since:
                continue
            if self.world.now() - max(since, self.world.building_over_until(run.id)) > budget_s:
                self._told[run.id] = since
                worst = max(range(3), key=lambda phase: abs(run.total_a[phase]))
                self.fail(
                    f"{run.id} {PHASE_NAMES[worst]} has been over its rating for {self.world.now() - since:.0f} s: "
                    f"{abs(run.total_a[worst]):.1f} of {run.fuse_a:g} A"
                )

    def _count(self, run: Run, budget_s: float) -> None:
        """What is excused for good isn't counted, and the longest excuse of the window is one for all of it."""
        now, over = self.world.now(), self._over.setdefault(run.id, deque())
        if run.over_since is not None and not run.is_over_without_cars and budget_s < float("inf"):
            over.append((now, budget_s))
        while over and over[0][0] < now - WINDOW_S:
            over.popleft()
        over_s = len(over) * self.every_s
        if over_s > OFTEN_S + max((most_s for _, most_s in over), default=0.0):
            self.fail(f"{run.id} has been over its rating for {over_s:.0f} of {WINDOW_S:.0f} s, a little at a time")
            over.clear()


class ProtectionHolds(Oracle):
    """No breaker trips and no fuse melts, unless the building alone does it."""

    name = "breaker"
    promise = "no breaker trips"

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self._told: set[str] = set()

    def look(self) -> None:
        self.world.copper.advance()
        for run in self.world.copper.runs.values():
            if run.protection.tripped and run.id not in self._told:
                self._told.add(run.id)
                if not run.is_over_without_cars and self.grace_s < float("inf"):
                    amps = " / ".join(f"{abs(each):.1f}" for each in run.total_a)
                    self.fail(f"the protection of {run.id} ({run.fuse_a:g} A) has tripped at {amps} A")


class EntitledUnderRating(Oracle):
    """The exposure: what the chargers' true state lets cars draw, with the building, is under every rating."""

    name = "entitlement"
    promise = "what the chargers may draw by their true state is under every rating"
    every_s = 5.0

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self._since: dict[str, float] = {}

    def look(self) -> None:
        entitled: dict[str, list[float]] = {run.id: list(run.other_a) for run in self.world.copper.runs.values()}
        for stay in self.world.parking.here.values():
            grid_a = may_draw_a(self.world, stay)
            for run in self.world.copper.path(stay.evse.circuit):
                for phase in range(3):
                    entitled[run.id][phase] += grid_a[phase]
        for run in self.world.copper.runs.values():
            self._judge(run, max(entitled[run.id]))

    def _judge(self, run: Run, most_a: float) -> None:
        now = self.world.now()
        if most_a <= run.fuse_a + TOLERANCE_A or run.is_over_without_cars:
            self._since.pop(run.id, None)
        elif now - self._since.setdefault(run.id, now) > ENTITLED_S + 2 * self.world.period_s + self.grace_s:
            self.fail(
                f"for {now - self._since[run.id]:.0f} s the cars on {run.id} may have drawn, with the building, "
                f"{most_a:.1f} of {run.fuse_a:g} A"
            )
            self._since[run.id] = float("inf")

"""What a site with a gateway above draws, against what that has told it, and counts for it."""

from typing import Final

from simulators.phases import PHASE_NAMES
from simulators.world.copper import Run
from simulators.world.oracles.base import Oracle
from simulators.world.oracles.books import evses_said
from simulators.world.oracles.electric import ENTITLED_S, FLOW_S, NOISE_A
from simulators.world.world import World

EVSE: Final = 1  # of a controller, which has one


class BelowKeepsItsShare(Oracle):
    """No car of a site draws beyond what the gateway above has been confirmed, nor beyond what that counts for the site
    while it can't tell it anything: the site's building may take what it likes, but its cars stop.
    """

    name = "below"
    promise = "the cars of a site draw no more than the gateway above has told it, nor than that counts for it"

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self._since: dict[str, float] = {}

    def look(self) -> None:
        upper, above = self.world.upper, self.world.above
        if upper is None or above is None:
            return
        status = upper.status()
        said = {} if status is None or "stations" not in status else evses_said(status).get((above.identity, EVSE), {})
        run = self.world.copper.runs[self.world.root]
        # A rise of its building can hide behind its cars as long as one behind those of any other site.
        self._judge(run, said.get("accepted_a"), "was told", ENTITLED_S)
        self._judge(run, said.get("exposure_a"), "is counted for it", FLOW_S)

    def _judge(self, run: Run, most_a: float | None, what: str, within_s: float) -> None:
        now = self.world.now()
        for phase, name in enumerate(PHASE_NAMES):
            line = f"{what} {name}"
            if most_a is None or run.ev_a[phase] <= NOISE_A or run.total_a[phase] <= most_a + NOISE_A:
                self._since.pop(line, None)
                continue
            patience_s = within_s + 2 * self.world.period_s + self.grace_s
            if now - self._since.setdefault(line, now) > patience_s:
                self.fail(
                    f"for {now - self._since[line]:.0f} s cars have drawn {name} {run.ev_a[phase]:.1f} A of "
                    f"{run.total_a[phase]:.1f} below {run.id}, and {most_a:g} A {what}"
                )
                self._since[line] = float("inf")

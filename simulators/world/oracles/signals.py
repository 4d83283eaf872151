"""What the grid says beside §14a's dimming, and mode eco: it is held to, and it is known, over restarts too."""

from typing import Final

from simulators.world.oracles.base import Oracle
from simulators.world.oracles.building import LimitsHold
from simulators.world.oracles.electric import NOISE_A
from simulators.world.world import World

KNOWN_S: Final = 45.0  # a start, some ticks, and what a renewal adds that needn't be written down


class SignalsAreObeyed(LimitsHold):
    """What EEBUS LPC and OpenADR leave the circuit, as the gateway has taken it, by their own rules."""

    name = "signals"
    promise = "no car draws beyond what EEBUS LPC and OpenADR allow"
    whose = "the grid"

    def look(self) -> None:
        self.world.signals.advance()
        most_w = self.world.signals.allows_w()
        if most_w is None:
            self._since.clear()
            return
        run, volts = self.world.copper.runs[self.world.signals.circuit], self.world.site.nominal_voltage_v
        flows_w = sum(self._flows_a(run)) * volts
        over = sum(self._cars_a(run)) > NOISE_A and flows_w > most_w + self._slack_w(most_w)
        self._judge(run.id, f"{flows_w:.0f} of {most_w:.0f} W" if over else None)


class SignalsAreKnown(Oracle):
    """The report says which state of LPC, and which mode of the building, holds."""

    name = "signals known"
    promise = "the gateway's report has the state of EEBUS LPC and the mode that follow from what it has taken"

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self._since: dict[str, float] = {}
        bms = world.configuration.bms
        self._has_mode = bms.modbus is not None or bms.mqtt is not None  # else the report has none

    def look(self) -> None:
        if self.world.signals.lpc is None and not self._has_mode:
            return
        signals, status = self.world.signals, self.world.gateway.site_report()
        said = None if status is None or status["control"]["state"] == "STARTING" else status.get("bms")
        signals.advance()
        if said is None:
            self._since.clear()
            return
        if signals.lpc is not None:
            self._judge("LPC is in the state", said["lpc_state"], signals.lpc.state)
        if "mode" in said and "pause" not in said["mode"]:
            self._judge("the mode is", said["mode"], "eco" if signals.is_eco else "auto")

    def _judge(self, what: str, said: str, is_so: str) -> None:
        now = self.world.now()
        if said == is_so:
            self._since.pop(what, None)
        elif now - self._since.setdefault(what, now) > KNOWN_S + 2 * self.world.period_s + self.grace_s:
            self.fail(f"for {now - self._since[what]:.0f} s the report has said that {what} {said}, and it is {is_so}")
            self._since[what] = float("inf")

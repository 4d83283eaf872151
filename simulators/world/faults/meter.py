"""Rows 30 to 38: the meter."""

import asyncio
from collections.abc import Mapping
from typing import ClassVar, Final

from simulators.meter.faults import MeterFault
from simulators.world.faults.base import NOT_JUDGED, Fault
from simulators.world.gateway import Gateway
from simulators.world.site import meter_spots
from simulators.world.world import World

STALE_S: Final = 30.0  # until a meter that gives nothing is known as stale, and what follows is obeyed
TINY_V: Final = 0.003
SPIKE_A: Final = 10_000.0  # no site has so much, and the least that is 65,536 times too large is more
LOOK_S: Final = 5.0
STATES: Final = ("METER_STALE", "RECOVERING", "METER_LATE")


class OfMeter(Fault):
    """One of the site's meters."""

    about: str

    @classmethod
    def suits(cls, world: World) -> bool:
        return bool(world.meters.ids)

    def reader(self) -> Gateway:
        """The gateway whose meter it is."""
        own = {spot.id for spot in meter_spots(self.world.configuration)}
        upper = self.world.upper
        return self.world.gateway if upper is None or self.about in own else upper

    def believed(self, what: str) -> str | None:
        """Why the outcome isn't that the meter is known as one that gives nothing."""
        status = self.reader().status()
        if self.spec.for_s < STALE_S or status is None or status["control"]["state"] in STATES:
            return None
        return f"{what}, and the gateway says {status['control']['state']}"


class MeterAtFault(OfMeter):
    """A meter does what the simulated meter of that fault does."""

    what: ClassVar[MeterFault]

    async def begin(self) -> None:
        self.about = self.meter()
        self.world.meters.devices[self.about].fault = self.what

    async def end(self) -> None:
        """What else is wrong with the same meter goes on."""
        others = [
            each.what
            for each in self.world.faults
            if isinstance(each, MeterAtFault) and each is not self and each.is_under_way and each.about == self.about
        ]
        self.world.meters.devices[self.about].fault = others[-1] if others else MeterFault.NONE


class MeterSilent(MeterAtFault):
    number, row = 30, "Meter silent"
    outcome = "> 3 s warn, <= 10 s fallback mode; never last value for ever"
    how = "the meter answers nothing"
    what = MeterFault.SILENT
    grace: ClassVar[Mapping[str, float]] = {"rating": STALE_S, "entitlement": STALE_S, "raise": STALE_S}

    def judge(self) -> str | None:
        if self.world.meters.devices[self.about].fault is not self.what:
            return None  # another fault of the same meter has taken its place
        return self.believed("the meter is silent")


class MeterConstant(Fault):
    number, row = 31, "Meter constant but alive"
    outcome = "Fresh by sequence/time, not by change"
    how = "the building's load doesn't change any more"

    async def begin(self) -> None:
        self.world.loads_stand_still = True

    def judge(self) -> str | None:
        status = self.world.gateway.status()
        if status is None or all(meter["ok"] for meter in status["meters"]) or len(self.world.faults) > 1:
            return None
        return "a meter whose values don't change is taken for a dead one"

    async def end(self) -> None:
        self.world.loads_stand_still = False


class WordSpike(MeterAtFault):
    number, row = 32, "NaN/Inf/65536x word spike"
    outcome = "Rejected by plausibility; rate limit; conservative hold"
    how = "every fifth reading is 65,536 times too large"
    what = MeterFault.WORD_SPIKE
    grace: ClassVar[Mapping[str, float]] = {"rating": STALE_S, "entitlement": STALE_S, "raise": STALE_S}

    async def last(self) -> None:
        """What the gateway takes for a reading, meanwhile."""
        self.most_a = 0.0
        while self.world.now() < self.spec.at_s + self.spec.for_s:
            status = self.reader().status()
            for meter in status["meters"] if status is not None else ():
                self.most_a = max(self.most_a, *(abs(amps or 0.0) for amps in meter["current_a"] or (0.0, 0.0)))
            await asyncio.sleep(LOOK_S)

    def judge(self) -> str | None:
        if self.most_a < SPIKE_A:
            return None
        return f"the gateway believed {self.most_a:.0f} A"


class NotANumber(WordSpike):
    how = "currents and powers are marked as not available"
    what = MeterFault.NAN


class TinyVoltage(OfMeter):
    number, row = 33, "Voltage 0.003 V -> 857 kA budget"
    outcome = "Bounded inputs"
    how = "the meter shows 0.003 V"

    async def begin(self) -> None:
        self.about = self.meter()
        self.world.meters.volts[self.about] = TINY_V

    def judge(self) -> str | None:
        if self.world.meters.volts[self.about] != TINY_V:
            return None  # another of its kind has ended
        return self.believed(f"the meter shows {TINY_V:g} V")

    async def end(self) -> None:
        self.world.meters.volts[self.about] = self.world.site.nominal_voltage_v


class InvertedTransformer(MeterAtFault):
    number, row = 34, "Sign inverted CT"
    outcome = "Commissioning test + runtime correlation alarm"
    how = "the current transformer of L2 is turned round"
    what = MeterFault.INVERTED_CT
    # What flows can't be known then: it is the alarm that counts, and the proof before the site goes live.
    grace: ClassVar[Mapping[str, float]] = dict.fromkeys(
        ("rating", "breaker", "entitlement", "raise", "demand", "below"), NOT_JUDGED
    )


class SwappedPhases(MeterAtFault):
    number, row = 35, "Phases swapped/rotated"
    outcome = "Correlation test; refuse live"
    how = "the current transformers of L2 and L3 are swapped"
    what = MeterFault.SWAPPED_PHASES
    grace: ClassVar[Mapping[str, float]] = dict.fromkeys(
        ("rating", "breaker", "entitlement", "raise", "below"), NOT_JUDGED
    )


class Noise(MeterAtFault):
    number, row = 36, "CRC noise 20 %"
    outcome = "Retries inside tick budget"
    how = "every fifth frame arrives broken"
    what = MeterFault.CRC
    # Behind a converter a broken frame is silence, so a fifth of the readings is missing.
    grace: ClassVar[Mapping[str, float]] = {"rating": STALE_S, "entitlement": STALE_S, "raise": STALE_S}


class WrongSlave(MeterAtFault):
    number, row = 37, "Wrong slave answers/mixed registers"
    outcome = "Frame matched, else discarded"
    how = "half of the answers bear another unit's number"
    what = MeterFault.WRONG_SLAVE
    grace: ClassVar[Mapping[str, float]] = {"rating": STALE_S, "entitlement": STALE_S, "raise": STALE_S}


class RegisterReset(MeterAtFault):
    number, row = 38, "Meter reboot, register reset"
    outcome = "Energy monotonic, gap marked"
    how = "the energy register begins again at 0"
    what = MeterFault.REGISTER_RESET

"""`edge meter read`: for how long it listens to meters that tell by themselves, and what it says of a mute one."""

import asyncio
from dataclasses import dataclass, field

import pytest

from edge.cli.meter_choice import Choice, Opened
from edge.cli.meter_read import TELLS_S, Facts, sampled
from edge.clock import Clock
from edge.control.ports import FactSink
from edge.domain.reading import MeterFact, MeterFailed, MeterReading
from edge.domain.site import Meter
from edge.units import PhaseAmps, Seconds
from tests import virtual_time

P1 = "p1+tcp://10.0.0.9:8899"
READING = MeterReading(meter="grid", at=0.0, current_a=PhaseAmps(1.0, 2.0, 3.0))
NO_ANSWER = MeterFailed(meter="grid", at=0.0, problem="no answer")


@dataclass(frozen=True, slots=True, kw_only=True)
class Telling(Choice):
    """One meter that tells these facts at these times."""

    facts: dict[Seconds, MeterFact] = field(default_factory=dict)

    def opened(self, clock: Clock, sink: FactSink) -> Opened:
        return _Teller(dict(self.facts), clock, sink)


class _Teller:
    def __init__(self, facts: dict[Seconds, MeterFact], clock: Clock, sink: FactSink) -> None:
        self._facts = facts
        self._clock = clock
        self._sink = sink

    async def sample(self) -> None:
        for due in [each for each in self._facts if each <= self._clock.monotonic()]:
            self._sink.take(self._facts.pop(due))

    async def close(self) -> None:
        """Nothing to give up."""


def listened(facts: dict[Seconds, MeterFact], *, connection: str = P1) -> tuple[Facts, Seconds]:
    """What three samples a second apart give, with all patience; and when they were done."""

    async def read() -> tuple[Facts, Seconds]:
        meter = Meter(id="grid", model="dsmr_p1", connection=connection, unit=1)
        choice = Telling(meters=(meter,), families={}, ratings={}, facts=facts)
        found = await sampled(choice, 3, 1.0, lambda _: None, clock=virtual_time.VirtualClock())
        return found, asyncio.get_running_loop().time()

    return virtual_time.run(read())


def test_a_meter_that_tells_every_ten_seconds_is_waited_for() -> None:
    """DSMR 4: three samples a second apart hear nothing of it. No longer than until it has told, though."""
    assert listened({10.0: READING}) == ({"grid": READING}, 11.0)
    assert listened({0.0: READING}) == ({"grid": READING}, 3.0)


def test_what_it_had_kept_is_not_the_end() -> None:
    """A retained message, half a telegram: the next one may be whole."""
    assert listened({0.0: NO_ANSWER, 5.0: READING})[0] == {"grid": READING}
    assert listened({0.0: NO_ANSWER}) == ({"grid": NO_ANSWER}, TELLS_S)


def test_a_line_that_cannot_be_had_is_told_soon() -> None:
    """The port refuses each time it is dialled: nobody waits for the rest of the patience. Other words each time do."""
    again: dict[Seconds, MeterFact] = dict.fromkeys((0.0, 2.0, 4.0), NO_ANSWER)
    assert listened(again) == ({"grid": NO_ANSWER}, 5.0)
    assert listened({0.0: NO_ANSWER, 2.0: NO_ANSWER, 4.0: READING}) == ({"grid": READING}, 5.0)
    other = MeterFailed(meter="grid", at=0.0, problem="half a telegram")
    assert listened({0.0: NO_ANSWER, 2.0: other, 4.0: NO_ANSWER})[1] == TELLS_S


def test_one_that_is_asked_is_done_with_its_first_answer() -> None:
    """Whatever that is; but nothing at all is waited for, as of a slow line."""
    assert listened({1.0: NO_ANSWER}, connection="tcp://10.0.0.5:502") == ({"grid": NO_ANSWER}, 3.0)
    assert listened({6.0: READING}, connection="tcp://10.0.0.5:502") == ({"grid": READING}, 7.0)


@pytest.mark.parametrize("connection", [P1, "tcp://10.0.0.5:502"])
def test_a_mute_meter_is_no_success(connection: str) -> None:
    """It was an empty answer, and exit code 0."""
    facts, _ = listened({}, connection=connection)
    fact = facts["grid"]
    assert isinstance(fact, MeterFailed)
    assert fact.problem.startswith("nothing has come from it in 12 s")

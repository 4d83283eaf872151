"""One meter that is asked over a bus, with what is remembered of it between polls."""

import math
from collections.abc import Mapping
from dataclasses import replace

import structlog

from edge.clock import Clock
from edge.control.ports import FactSink
from edge.domain.reading import MeterFailed
from edge.domain.site import Meter
from edge.errors import MeterError, MeterImplausible, MeterRefused, MeterTimeout, RegistersRefused
from edge.metering.bus import Bus
from edge.metering.decode import decode
from edge.metering.edges import MeterEdges
from edge.metering.family import DISPENSABLE, Block, Family, Quantity, Read
from edge.metering.modbus import ReadRequest
from edge.metering.quality import Judge
from edge.metering.requests import fences, pieces, request
from edge.units import Amps, Phase, Seconds

ENERGY_PERIOD_S: Seconds = 5.0  # energies steer nothing; they cost bus time
# A device that doesn't answer takes its whole time from those that share its line: it is asked after 1 s, 2 s, 4 s, and
# then every LONGEST_BACKOFF_S.
FIRST_BACKOFF_S: Seconds = 1.0
LONGEST_BACKOFF_S: Seconds = 5.0
FORGIVEN_POLLS = 1  # what the next poll makes good is no loss

log = structlog.get_logger(__name__)


class PolledMeter:
    """Reads its blocks when told to, and delivers what comes of it. Raises nothing but cancellation.

    ``guarded``: the phases of which a circuit needs its current.
    """

    def __init__(
        self,
        *,
        meter: Meter,
        family: Family,
        bus: Bus,
        clock: Clock,
        sink: FactSink,
        rating_a: Amps | None,
        guarded: frozenset[Phase] = frozenset(),
    ) -> None:
        self.id = meter.id
        self._unit = meter.unit
        self._given = family
        self._follow(family)
        self._bus = bus
        self._clock = clock
        self._sink = sink
        self._judge = Judge(meter=meter.id, family=family, rating_a=rating_a, guarded=guarded)
        self._judged = family  # whose readings the judge knows
        self._rating_a = rating_a
        self._guarded = guarded
        self._edges = MeterEdges(
            meter.id, f"{family.name}, {meter.connection} unit {meter.unit}", forgiven=FORGIVEN_POLLS
        )
        self._found = family.discovery is None
        self._mute: set[Read] = set()  # what a discovery has asked it without an answer, and may have
        self.counted_at: Seconds = -math.inf  # when the slow blocks were last asked for
        self._answers = False
        self._silent = 0  # polls in a row without an answer
        self._next_try_at: Seconds = 0.0
        self._taken_apart: list[str] = []  # what is told of it once the smaller reads are answered

    @property
    def is_silent(self) -> bool:
        """Whether its last poll brought no answer."""
        return self._silent > 0

    def due(self, *, shares_line: bool) -> bool:
        """Whether it should be asked now."""
        return not (shares_line and self.is_silent) or self._clock.monotonic() >= self._next_try_at

    @property
    def is_overdue(self) -> bool:
        """Whether it has waited for its turn for so long that it comes before others."""
        return self._clock.monotonic() >= self._next_try_at + LONGEST_BACKOFF_S

    async def poll(self) -> None:
        """Read the fast blocks and deliver a MeterReading or a MeterFailed."""
        try:
            if not self._found:
                await self._discover()
            values, at = await self._read(self._family.fast)
            if all(value is None for value in values.values()):
                raise MeterImplausible("none of its values is available", remedy="check the meter's model")  # noqa: TRY301
            reading = self._judge.reading(values, at)
            self._sink.take(reading)
        except MeterError as exc:
            self._failed(str(exc), silent=isinstance(exc, MeterTimeout))
        except Exception as exc:
            # A bulkhead: a fault of ours in one meter's path must not stop the others, nor the control loop.
            log.exception(f"polling meter {self.id} ended in a fault of this program")
            self._failed(f"polling ended in a fault of this program: {type(exc).__name__}", silent=False)
        else:
            self._answers = True
            self._silent = 0
            self._edges.alive(reading)

    def energies_due(self) -> bool:
        """Whether the slow blocks should be read now: the meter answers, and the last try is long enough ago."""
        if not self._answers or not self._family.slow:
            return False
        return self._clock.monotonic() - self.counted_at >= ENERGY_PERIOD_S

    async def count(self) -> None:
        """Read the slow blocks. What fails here is tried again; the fast blocks tell whether the meter is lost."""
        self.counted_at = self._clock.monotonic()
        try:
            values, at = await self._read(self._family.slow)
            self._judge.take_slow(values, at)
        except MeterError as exc:
            log.debug(f"meter {self.id}: the energies could not be read: {exc}")
        except Exception:
            log.exception(f"reading the energies of meter {self.id} ended in a fault of this program")

    async def _read(self, blocks: tuple[Block, ...]) -> tuple[Mapping[Quantity, float | None], Seconds]:
        """The values, and when the first of them had come. What the device refuses to tell in one read is asked in
        smaller ones, from then on.

        :raises MeterError: something that isn't dispensable can't be had.
        """
        values: dict[Quantity, float | None] = {}
        first_at: Seconds | None = None
        left = list(blocks)
        while left:
            block = left.pop(0)
            try:
                answered = await self._bus.read(
                    request(self._unit, block), limits=self._family.limits, fences=self._fences
                )
            except RegistersRefused:
                parts = pieces(block)
                if not parts and not DISPENSABLE.issuperset(block.quantities):
                    raise
                self._take_apart(block, parts)
                left[:0] = parts
                continue
            values |= decode(self._family, block, answered.registers)
            first_at = answered.at if first_at is None else min(first_at, answered.at)
        for sentence in self._taken_apart:
            log.info(sentence)
        self._taken_apart.clear()
        return values, first_at if first_at is not None else self._clock.monotonic()

    def _take_apart(self, block: Block, parts: tuple[Block, ...]) -> None:
        """Read ``parts`` instead of the block until the meter is lost: it may come back as another."""
        if not parts:
            return
        fast, slow = (
            tuple(each for one in blocks for each in (parts if one is block else (one,)))
            for blocks in (self._family.fast, self._family.slow)
        )
        self._follow(replace(self._family, fast=fast, slow=slow))
        asked = request(self._unit, block)
        self._taken_apart.append(
            f"meter {self.id} refuses to be read in one piece, {asked}: it is read in {len(parts)}"
        )

    async def _discover(self) -> None:
        """Find out what registers this very device has.

        One silence costs a poll, as it does those that share the line: what may stay unanswered, and did, is passed
        over by the next polls, until they find no meter elsewhere.

        :raises MeterError: no answer, or no meter found.
        """
        assert self._given.discovery is not None  # noqa: S101 - found from the start otherwise
        walk = self._given.discovery()
        answers = False
        asked = next(walk)
        while True:
            sent: tuple[int, ...] | None = None
            if asked not in self._mute:
                sent = await self._told(asked)
                answers = True
            try:
                asked = walk.send(sent)
            except StopIteration as end:
                self._take_family(end.value)
                return
            except MeterImplausible:
                was_mute = bool(self._mute)
                self._mute.clear()
                if answers or not was_mute:
                    raise
                walk = self._given.discovery()  # it was silent everywhere: from the first on again
                asked = next(walk)

    async def _told(self, asked: Read) -> tuple[int, ...] | None:
        """The registers, None where the device refuses.

        :raises MeterError: no answer.
        """
        wanted = ReadRequest(
            unit=self._unit, register_type=asked.register_type, address=asked.address, count=asked.count
        )
        try:
            return (await self._bus.read(wanted, limits=self._given.limits)).registers
        except MeterRefused:
            return None
        except MeterTimeout:
            if asked.may_be_silent:
                self._mute.add(asked)
            raise

    def _take_family(self, family: Family) -> None:
        """:raises MeterImplausible: a circuit rests on it, and it doesn't tell all phases that EVSEs are on."""
        untold = sorted(self._guarded.difference(family.phases))
        if untold:
            raise MeterImplausible(
                f"the device is a {family.name}, which doesn't tell the current of {', '.join(untold)}",
                remedy="give its circuit a meter that does",
            )
        self._follow(family)
        if family != self._judged:  # one that was silent for a moment is the same: what was counted stays counted
            self._judge = Judge(meter=self.id, family=family, rating_a=self._rating_a, guarded=self._guarded)
            self._judged = family
        self._found = True

    def _follow(self, family: Family) -> None:
        """Read by this family's blocks from now on."""
        self._family = family
        self._fences = fences(family, self._unit)

    def _failed(self, problem: str, *, silent: bool) -> None:
        at = self._clock.monotonic()
        self._answers = False
        self._silent = self._silent + 1 if silent else 0
        # The places at which it may be silent are tried one after the other before it waits for longer.
        in_vain = max(self._silent - max(len(self._mute), 1), 0)
        self._next_try_at = at + min(FIRST_BACKOFF_S * 2.0 ** min(in_vain, 8), LONGEST_BACKOFF_S)
        # It may come back as another.
        self._found = self._found and self._given.discovery is None
        if self._found:
            self._follow(self._given)
        self._taken_apart.clear()
        self._sink.take(MeterFailed(meter=self.id, at=at, problem=problem))
        self._edges.failed(at, problem)

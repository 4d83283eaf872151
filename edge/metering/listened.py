"""One meter that tells by itself: a P1 port, an MQTT topic."""

import structlog

from edge.clock import Clock
from edge.control.ports import FactSink
from edge.domain.reading import MeterFailed
from edge.domain.site import Meter
from edge.errors import MeterError
from edge.metering.edges import MeterEdges
from edge.metering.family import Family, Values
from edge.metering.quality import Judge
from edge.metering.source import TellingSource
from edge.units import Amps, Phase

log = structlog.get_logger(__name__)


class ListenedMeter:
    """Judges and delivers what its source tells. A source that has fallen silent needs no word: its reading ages.

    ``guarded``: the phases of which a circuit needs its current.
    """

    def __init__(
        self,
        *,
        meter: Meter,
        family: Family,
        source: TellingSource,
        clock: Clock,
        sink: FactSink,
        rating_a: Amps | None,
        guarded: frozenset[Phase] = frozenset(),
    ) -> None:
        self.id = meter.id
        self._source = source
        self._clock = clock
        self._sink = sink
        self._judge = Judge(meter=meter.id, family=family, rating_a=rating_a, guarded=guarded)
        self._edges = MeterEdges(meter.id, f"{family.name}, {meter.connection}")

    async def start(self) -> None:
        """Begin to listen."""
        await self._source.start(self._deliver, self._failed)

    async def close(self) -> None:
        """End, and give the line up."""
        await self._source.close()

    def _deliver(self, values: Values) -> None:
        at = self._clock.monotonic()
        try:
            self._judge.take_slow(values, at)
            reading = self._judge.reading(values, at)
            self._sink.take(reading)
        except MeterError as exc:
            self._failed(str(exc))
        except Exception as exc:
            # A bulkhead: a fault of ours in one meter's path must not stop the others, nor the control loop.
            log.exception(f"reading meter {self.id} ended in a fault of this program")
            self._failed(f"reading ended in a fault of this program: {type(exc).__name__}")
        else:
            self._edges.alive(reading)

    def _failed(self, problem: str) -> None:
        at = self._clock.monotonic()
        self._sink.take(MeterFailed(meter=self.id, at=at, problem=problem))
        self._edges.failed(at, problem)

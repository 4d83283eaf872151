"""What is logged of a meter: that it is read, is lost, is back, is doubtful. Once each, not with every poll."""

from enum import StrEnum

import structlog

from edge.domain.reading import MeterReading, Quality
from edge.units import Seconds

log = structlog.get_logger(__name__)


class MeterState(StrEnum):
    """What the last polls have shown."""

    UNKNOWN = "UNKNOWN"
    ALIVE = "ALIVE"
    LOST = "LOST"


class MeterEdges:
    """Turns the outcome of each poll into the few lines that say something new.

    ``forgiven``: how many polls in a row may fail before a meter that was read is called lost. On a bus one frame in a
    thousand is broken, and the next poll makes it good; who tells by itself may say but once that it can't.
    """

    def __init__(self, meter: str, described: str, *, forgiven: int = 0) -> None:
        self._meter = meter
        self._described = described
        self._forgiven = forgiven
        self._failed = 0  # polls in a row
        self._lost_at: Seconds = 0.0
        self._quality = Quality.GOOD
        self.state = MeterState.UNKNOWN

    def alive(self, reading: MeterReading) -> None:
        """A poll gave a reading. One that is held is of before: it brings no lost meter back."""
        if self.state is MeterState.LOST and reading.quality is Quality.HELD:
            return
        if reading.quality is not Quality.HELD:
            self._failed = 0
        if self.state is MeterState.UNKNOWN:
            log.info(f"meter {self._meter} is read: {self._described}")
        elif self.state is MeterState.LOST:
            log.info(f"meter {self._meter} is back after {reading.at - self._lost_at:.0f} s")
        self.state = MeterState.ALIVE
        if reading.quality not in {self._quality, Quality.HELD}:  # a slip is no news
            self._quality = reading.quality
            if reading.quality is Quality.GOOD:
                log.info(f"meter {self._meter}: its values fit again")
            elif reading.quality is Quality.SUSPECT:
                log.warning(f"meter {self._meter} is doubtful: {'; '.join(reading.doubts)}")

    def failed(self, at: Seconds, problem: str) -> None:
        """A poll gave none."""
        if self.state is MeterState.LOST:
            return
        self._failed += 1
        if self._failed == 1:
            self._lost_at = at
        if self.state is MeterState.ALIVE and self._failed <= self._forgiven:
            return
        log.warning(f"meter {self._meter} is lost: it gives no reading: {problem}")
        self.state = MeterState.LOST

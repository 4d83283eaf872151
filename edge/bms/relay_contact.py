"""The grid operator's relay at a pin of the gateway: through libgpiod, once a tick."""

from dataclasses import dataclass
from typing import Protocol

import gpiod
import structlog
from gpiod.line import Bias, Direction, Value

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactSettings:
    """Which pin, and what it means. ``closed_is_free``: see :class:`edge.bms.grid.Contact`."""

    chip: str  # gpiochip0
    line: int
    closed_is_free: bool


class ContactInput(Protocol):
    """A contact that can be looked at."""

    def closed(self) -> bool | None:
        """Whether it is closed now; None when that can't be told. Doesn't wait."""


class GpioContact:
    """Implements :class:`ContactInput`: the contact lies between the pin and ground, and the pin is pulled up."""

    def __init__(self, settings: ContactSettings) -> None:
        self._settings = settings
        self._request: gpiod.LineRequest | None = None
        self._lost = False

    def closed(self) -> bool | None:
        line = self._settings.line
        try:
            if self._request is None:
                self._request = gpiod.request_lines(
                    f"/dev/{self._settings.chip}",
                    consumer="edge-controller",
                    config={line: gpiod.LineSettings(direction=Direction.INPUT, bias=Bias.PULL_UP)},
                )
            closed = self._request.get_value(line) is Value.INACTIVE
        except (OSError, ValueError) as exc:
            if not self._lost:
                log.warning("the grid operator's contact can't be read, which dims", chip=self._settings.chip,
                            line=line, problem=str(exc))  # fmt: skip
            self._lost, self._request = True, None
            return None
        if self._lost:
            log.info("the grid operator's contact is read again", chip=self._settings.chip, line=line)
        self._lost = False
        return closed

    def close(self) -> None:
        """Give the pin back."""
        if self._request is not None:
            self._request.release()
            self._request = None

"""A serial line with simulated meters on it: a pair of pseudo-terminals, at the speed of real characters.

The other end is a device file like a USB adapter's; a link with a name of one's own points to it, as
/dev/serial/by-id does. Its cable can be pulled and plugged in again, and then it has another number.
"""

import asyncio
import contextlib
import os
import termios
import tty
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from simulators.meter.device import Device
from simulators.meter.rtu import ANSWER_S, RtuBus

BAUDRATES: Final = (1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200)
_SPEEDS: Final = {getattr(termios, f"B{rate}"): rate for rate in BAUDRATES}
_CHUNK: Final = 4096
_PIECE: Final = 8  # characters that a driver hands over at once
_FRAME_GAP: Final = 3.5  # characters of silence before an answer (Modbus over Serial Line V1.02 §2.5.1.1)


@dataclass(frozen=True, slots=True, kw_only=True)
class LineSettings:
    """How the meters on the line are set; who talks at another speed isn't understood."""

    baudrate: int = 9600
    parity: str = "N"
    stopbits: int = 1

    @property
    def character_s(self) -> float:
        """Start bit, eight data bits, parity, stop bits."""
        return (1 + 8 + (self.parity != "N") + self.stopbits) / self.baudrate


class SerialLine:
    """The meters on one serial line, by unit id."""

    def __init__(
        self,
        meters: Mapping[int, Device],
        *,
        link: Path,
        settings: LineSettings | None = None,
        answer_s: float = ANSWER_S,
    ) -> None:
        """`link`: where the device file is to be found."""
        self._link = link
        self._settings = settings or LineSettings()
        self._bus = RtuBus(meters, self._write, answer_s=answer_s + _FRAME_GAP * self._settings.character_s)
        self._ours = self._theirs = -1
        self._serving: asyncio.Task[None] | None = None
        self.asked = self._bus.asked

    async def open(self) -> Self:
        """Plug the cable in."""
        self._ours, self._theirs = os.openpty()
        tty.setraw(self._ours)
        tty.setraw(self._theirs)
        os.set_blocking(self._ours, False)
        self._link.unlink(missing_ok=True)
        self._link.symlink_to(os.ttyname(self._theirs))
        asyncio.get_running_loop().add_reader(self._ours, self._readable)
        self._serving = asyncio.create_task(self._bus.serve())
        return self

    async def close(self) -> None:
        """Pull the cable out."""
        if self._serving is None:
            return
        self._serving.cancel()
        await asyncio.wait([self._serving])
        self._serving = None
        asyncio.get_running_loop().remove_reader(self._ours)
        self._link.unlink(missing_ok=True)
        os.close(self._ours)
        os.close(self._theirs)

    def _readable(self) -> None:
        with contextlib.suppress(BlockingIOError):
            data = os.read(self._ours, _CHUNK)
            if self._is_understood():
                self._bus.take(data)

    def _is_understood(self) -> bool:
        """Whether the other end talks at the meters' speed. A pseudo-terminal carries no parity."""
        return _SPEEDS.get(termios.tcgetattr(self._theirs)[4]) == self._settings.baudrate

    async def _write(self, data: bytes) -> None:
        """In pieces, each when its last character would have come."""
        loop = asyncio.get_running_loop()
        begun = loop.time()
        for start in range(0, len(data), _PIECE):
            piece = data[start : start + _PIECE]
            due = begun + (start + len(piece)) * self._settings.character_s
            await asyncio.sleep(max(due - loop.time(), 0.0))
            with contextlib.suppress(BlockingIOError, OSError):
                os.write(self._ours, piece)

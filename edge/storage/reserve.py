"""Room that is kept for transactions: a file that is given up when the disk is full."""

import os
import shutil
from pathlib import Path

# Some 20,000 messages: a site of 50 stations gets through three days with the meter values thinned.
RESERVE_BYTES = 16_000_000
# The reserve is taken again when so many times its size are free: not to fill the disk that was just emptied.
PLENTY = 4


class Reserve:
    """The file ``path``, of ``size`` bytes that are really on the disk."""

    def __init__(self, path: Path, size: int = RESERVE_BYTES) -> None:
        self._path = path
        self._size = size

    @property
    def held(self) -> bool:
        """Whether there is one to give up."""
        return self._path.exists()

    def take(self) -> bool:
        """Take the room, if there is plenty; says whether it is held. Never raises."""
        if self.held:
            return True
        try:
            if shutil.disk_usage(self._path.parent).free < PLENTY * self._size:
                return False
            with self._path.open("xb") as file:
                os.posix_fallocate(file.fileno(), 0, self._size)
        except OSError:
            self.give_up()
            return False
        return True

    def give_up(self) -> bool:
        """Free the room; says whether there was any."""
        try:
            self._path.unlink()
        except OSError:
            return False
        return True

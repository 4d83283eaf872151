"""Room that is kept for transactions: a file that is given up in three parts when the disk is full.

The first part is for new messages, the second for all but samples: a day of meter values doesn't keep a session from
being begun. The last is for what takes delivered ones away: without it a full disk could never be emptied by a cloud
that is back, as SQLite needs room to delete, too.
"""

import os
import shutil
from pathlib import Path

# 10 MB are some 12,000 messages: a site of 50 stations gets through three days with the meter values thinned.
RESERVE_BYTES = 16_000_000
_WITHOUT_SAMPLES = 5 / 8  # 10 MB, of which 4 MB are some 2,000 sessions that begin and end
_LAST = 3 / 8  # 6 MB: what the log may come to before it is written back (1,000 pages), and as much in the file
_LITTLE = 1_000_000  # a log, its index and what a new form of a file takes are some 100 kB each
# The reserve is taken when this is left beside it: not to fill the disk that was just emptied.
_PLENTY = 3  # times its size
_PART = 0.25  # of a disk on which that can't be


class Reserve:
    """The file ``path``, of ``size`` bytes that are really on the disk."""

    def __init__(self, path: Path, size: int = RESERVE_BYTES) -> None:
        self._path = path
        self._size = size
        self._without_samples = int(size * _WITHOUT_SAMPLES)
        self._last = int(size * _LAST)

    @property
    def held(self) -> bool:
        """Whether all of it is there."""
        return self._there() >= self._size

    @property
    def last_held(self) -> bool:
        """Whether the last part of it is there."""
        return self._last <= self._there() > 0

    @property
    def fits(self) -> bool:
        """Whether the disk has room for one, held or not."""
        try:
            return shutil.disk_usage(self._path.parent).free >= self._size
        except OSError:
            return False

    @property
    def is_needed(self) -> bool:
        """Whether the disk has no room for what the files want to be opened."""
        try:
            return shutil.disk_usage(self._path.parent).free < _LITTLE
        except OSError:
            return False

    def take(self) -> bool:
        """Take the room, if there is plenty; says whether it is held. Never raises."""
        if self.held:
            return True
        try:
            disk = shutil.disk_usage(self._path.parent)
            left = disk.free - (self._size - self._there())
            if left < min(_PLENTY * self._size, _PART * disk.total):
                return False
            with self._path.open("ab") as file:
                os.posix_fallocate(file.fileno(), 0, self._size)
        except OSError:
            return False
        return True

    @property
    def takes_samples(self) -> bool:
        """Whether the parts that are for all but samples are there yet."""
        return self._there() >= self._without_samples

    def give_up(self) -> bool:
        """Free the part that is for any new message; says whether it was there."""
        return self._cut(self._without_samples)

    def give_up_without_samples(self) -> bool:
        """Free all but the last part; says whether there was more than that."""
        return self._cut(self._last)

    def _cut(self, size: int) -> bool:
        if self._there() <= size:
            return False
        try:
            os.truncate(self._path, size)
        except OSError:
            return False
        return True

    def give_up_last(self) -> bool:
        """Free the rest; says whether there was any."""
        was_held = self.last_held
        try:
            self._path.unlink()
        except OSError:
            return False
        return was_held

    def _there(self) -> int:
        try:
            return self._path.stat().st_size
        except OSError:
            return 0

"""The frames of SQLite's write-ahead logs, and which of them are whole.

https://www.sqlite.org/fileformat2.html §4
"""

from dataclasses import dataclass
from typing import Any, BinaryIO, Final

import numpy as np
import numpy.typing as npt

_PAGE: Final = 4096  # bytes; SQLite's own, of all our files
_HEADER: Final = 32  # bytes of the log: its salts are at 16, the checksum at 24
_FRAME: Final = 24  # bytes before each page: its number, the file's size after a commit or 0, salts, checksum
_BIG_ENDIAN: Final = 1  # the last bit of the log's first word: how the words of a checksum are read
_SUMMED: Final = np.r_[0:8, _FRAME : _FRAME + _PAGE]  # of a frame


@dataclass(frozen=True, slots=True)
class Log:
    """``pages``: of each frame the page's number. ``sizes``: the file's size after a commit, else 0. ``are_whole``:
    whether its checksum follows from the frame before. ``bodies``: the frames, a row of bytes for each."""

    pages: npt.NDArray[np.uint32]
    sizes: npt.NDArray[np.uint32]
    are_whole: npt.NDArray[np.bool_]
    bodies: npt.NDArray[np.uint8]

    @property
    def leaves_out(self) -> bool:
        """Whether SQLite takes less of it than was confirmed."""
        read = int(np.argmin(self.are_whole)) if not self.are_whole.all() else len(self.are_whole)
        return bool((self.sizes[read:-1] > 0).any())

    def put_into(self, file: BinaryIO) -> None:
        """Write its pages into the file, up to the last commit. Raises OSError."""
        last = int(np.flatnonzero(self.sizes)[-1])
        size = int(self.sizes[last])
        for number, body in zip(self.pages[: last + 1].tolist(), self.bodies, strict=False):
            if 0 < number <= size:
                file.seek((number - 1) * _PAGE)
                file.write(body[_FRAME:].tobytes())
        file.truncate(size * _PAGE)


def frames(content: bytes) -> Log | None:
    """A log; None where there is nothing in it."""
    count = (len(content) - _HEADER) // (_FRAME + _PAGE)
    if count < 1:
        return None
    bodies = np.frombuffer(content, np.uint8, count * (_FRAME + _PAGE), _HEADER).reshape(count, -1)
    words = bodies.view(">u4")
    # What the log was before it began anew lies behind, under other salts; one salt may be what is damaged.
    salts = np.frombuffer(content, ">u4", 2, 16)
    mine = (words[:, 2] == salts[0]) | (words[:, 3] == salts[1])
    if not mine.any():
        return None
    count = int(np.flatnonzero(mine)[-1]) + 1
    bodies, words = bodies[:count], words[:count]
    order = ">u4" if content[3] & _BIG_ENDIAN else "<u4"
    head = np.frombuffer(content, np.uint8, _HEADER).reshape(1, -1)
    begin = head[:, 24:].view(">u4")
    before = np.vstack([begin, words[:-1, 4:6]])
    are_whole = (_sums(bodies[:, _SUMMED], order, before) == words[:, 4:6]).all(axis=1)
    are_whole &= (words[:, 2:4] == salts).all(axis=1)
    are_whole &= bool((_sums(head[:, :24], order, np.zeros((1, 2), np.uint32)) == begin).all())
    return Log(words[:, 0].astype(np.uint32), words[:, 1].astype(np.uint32), are_whole, bodies)


def _sums(bodies: npt.NDArray[np.uint8], order: str, before: npt.NDArray[Any]) -> npt.NDArray[np.uint32]:
    """The checksum of each row of bytes, all of them at once, that begins with ``before``."""
    summed = np.ascontiguousarray(bodies).view(order).astype(np.uint32)
    first, second = before[:, 0].astype(np.uint32), before[:, 1].astype(np.uint32)
    for at in range(0, summed.shape[1], 2):
        first = first + summed[:, at] + second
        second = second + summed[:, at + 1] + first
    return np.stack([first, second], axis=1)

"""A log of SQLite's with a changed byte: all behind it is left out without a word, though it was written and confirmed.

SQLite reads a write-ahead log up to the first frame whose checksum is wrong: that is where a power cut has torn it. A
frame is tied to the one before by that one's checksum, so those behind a damaged frame still show that they are whole.
A commit with more behind it was on the disk before that began: it was no power cut that took it.
https://www.sqlite.org/fileformat2.html §4
"""

import contextlib
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from edge.storage import damage

_PAGE: Final = 4096  # bytes; SQLite's own, of all our files
_HEADER: Final = 32  # bytes of the log: its salts are at 16, the checksum at 24
_FRAME: Final = 24  # bytes before each page: its number, the file's size after a commit or 0, salts, checksum
_BIG_ENDIAN: Final = 1  # the last bit of the log's first word: how the words of a checksum are read
_SUMMED: Final = np.r_[0:8, _FRAME : _FRAME + _PAGE]  # of a frame
_REPLAYED: Final = ".replayed"


@dataclass(frozen=True, slots=True)
class _Log:
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


def look(path: Path) -> None:
    """Raise for a file whose log is damaged, before SQLite sees it, which throws away what it doesn't read.

    :raises sqlite3.DatabaseError: with SQLITE_CORRUPT.
    """
    log = _read(path)
    if log is not None and log.leaves_out:
        raise damage.found("a byte of its log has changed")


@contextlib.contextmanager
def replayed(path: Path) -> Iterator[Path]:
    """A copy of the file with all of its log in it, where that is damaged; else the file itself, as where there is no
    room for a copy. What of the pages isn't what was written is for who reads them to find out."""
    log = _read(path)
    copy = path.with_name(path.name + _REPLAYED)
    try:
        yield copy if log is not None and log.leaves_out and _is_made(path, copy, log) else path
    finally:
        damage.remove(copy, "", *damage.LOGS)


def _is_made(path: Path, copy: Path, log: _Log) -> bool:
    last = int(np.flatnonzero(log.sizes)[-1])
    size = int(log.sizes[last])
    try:
        shutil.copyfile(path, copy)
        with copy.open("r+b") as stream:
            for number, body in zip(log.pages[: last + 1].tolist(), log.bodies, strict=False):
                if 0 < number <= size:
                    stream.seek((number - 1) * _PAGE)
                    stream.write(body[_FRAME:].tobytes())
            stream.truncate(size * _PAGE)
    except OSError:
        return False
    return True


def _read(path: Path) -> _Log | None:
    """The log of the file at ``path``; None where there is nothing in it."""
    log = path.with_name(path.name + damage.LOGS[0])
    content = log.read_bytes() if path.is_file() and log.is_file() else b""
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
    return _Log(words[:, 0].astype(np.uint32), words[:, 1].astype(np.uint32), are_whole, bodies)


def _sums(bodies: npt.NDArray[np.uint8], order: str, before: npt.NDArray[Any]) -> npt.NDArray[np.uint32]:
    """The checksum of each row of bytes, all of them at once, that begins with ``before``."""
    summed = np.ascontiguousarray(bodies).view(order).astype(np.uint32)
    first, second = before[:, 0].astype(np.uint32), before[:, 1].astype(np.uint32)
    for at in range(0, summed.shape[1], 2):
        first = first + summed[:, at] + second
        second = second + summed[:, at + 1] + first
    return np.stack([first, second], axis=1)

"""A process that keeps and drops messages as fast as the disk takes them, and says on stdout what it was told is kept.

``python journal_load.py FOLDER FIRST``: numbers from FIRST on. ``+n``: message n is on the disk. ``?n``: n is to go.
``-n``: it is gone.
"""

import sys
from collections import deque
from concurrent.futures import Future
from pathlib import Path

from edge.domain.journal import DropEntry
from edge.storage.store import Store
from edge.storage.writer import Writer
from tests.unit.storage.storage_bench import put

WAITING = 20  # as if so many stations waited for their answers
DROPPED_AFTER = 50  # messages later the cloud has it


def main(folder: str, first: int) -> None:
    store = Store(Path(folder), reserve_bytes=1)
    store.open()
    writer = Writer(store)
    writer.start()
    waiting: deque[tuple[str, Future[None]]] = deque()
    number = first
    while True:
        waiting.append((f"+{number}", writer.submit([put(number, size=number % 900)])))
        if number - first >= DROPPED_AFTER:
            gone = number - DROPPED_AFTER
            sys.stdout.write(f"?{gone}\n")
            sys.stdout.flush()
            waiting.append((f"-{gone}", writer.submit([DropEntry(seq=gone)])))
        number += 1
        while len(waiting) > WAITING:
            line, future = waiting.popleft()
            future.result()
            sys.stdout.write(line + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))

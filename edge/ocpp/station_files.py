"""What is kept of the stations in files, one for each. Implements :class:`edge.ocpp.shelf.Shelf`, in two ways."""

import asyncio
from pathlib import Path
from urllib.parse import quote

from edge.errors import ShelfUnusable
from edge.ocpp.shelf import Done
from edge.whole_file import DISK, Files, write_whole

_PREFIX = "station-"  # so that no identity makes a name that the file system has a meaning for
MOST_BYTES = 16 * 1024 * 1024  # 64 profiles of 512 periods are some 3 MiB


class StationFiles:
    """Files below ``folder``, which is made when the first one is written. A file is on the disk when :meth:`save`
    returns: for programs that have nothing else to do meanwhile.
    """

    def __init__(self, folder: Path, files: Files = DISK) -> None:
        self._folder = folder
        self._files = files

    def load(self, station: str) -> str | None:
        path = self._path(station)
        try:
            if path.stat().st_size > MOST_BYTES:
                raise ShelfUnusable(f"{path} has more than {MOST_BYTES} bytes")
            return path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return None
        except (OSError, UnicodeDecodeError) as exc:
            raise ShelfUnusable(f"{path} can't be read ({exc})") from exc

    def save(self, station: str, text: str, done: Done) -> None:
        done(self._written(station, text))

    def set_aside(self, station: str) -> None:
        path = self._path(station)
        try:
            path.replace(path.with_suffix(".damaged"))
        except OSError as exc:
            raise ShelfUnusable(f"{path} can't be renamed ({exc.strerror or exc})") from exc

    def _written(self, station: str, text: str) -> str | None:
        """Replace the station's file; what went wrong."""
        path = self._path(station)
        try:
            write_whole(path, text.encode(), self._files)
        except OSError as exc:
            return f"{path} can't be written ({exc.strerror or exc})"
        return None

    def _path(self, station: str) -> Path:
        return self._folder / f"{_PREFIX}{quote(station, safe='').replace('.', '%2E')}.json"


class StationFilesBeside(StationFiles):
    """The same, written by another thread, so that a card that hangs holds no control up. Wants a running loop."""

    def __init__(self, folder: Path, files: Files = DISK) -> None:
        super().__init__(folder, files)
        self._under_way: set[asyncio.Task[None]] = set()

    def save(self, station: str, text: str, done: Done) -> None:
        task = asyncio.get_running_loop().create_task(self._save(station, text, done), name=f"keeps {station}")
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    async def settled(self) -> None:
        """Return when all that was to be saved is on the disk, or can't be."""
        while self._under_way:
            await asyncio.wait(self._under_way)

    async def _save(self, station: str, text: str, done: Done) -> None:
        done(await asyncio.get_running_loop().run_in_executor(None, self._written, station, text))

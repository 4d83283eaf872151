"""What is kept of the stations in files, one for each. Implements :class:`edge.ocpp.shelf.Shelf`."""

import os
from pathlib import Path
from urllib.parse import quote

from edge.errors import ShelfUnusable

_PREFIX = "station-"  # so that no identity makes a name that the file system has a meaning for
MOST_BYTES = 16 * 1024 * 1024  # 64 profiles of 512 periods are some 3 MiB


class StationFiles:
    """Files below ``folder``, which is made when the first one is written.

    A file is replaced in one step, and both the new one and its name are on the disk before :meth:`save` returns.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

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

    def save(self, station: str, text: str) -> None:
        path = self._path(station)
        fresh = path.with_suffix(".new")
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            with fresh.open("w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            fresh.replace(path)
            self._sync_folder()
        except OSError as exc:
            raise ShelfUnusable(f"{path} can't be written ({exc.strerror or exc})") from exc

    def set_aside(self, station: str) -> None:
        path = self._path(station)
        try:
            path.replace(path.with_suffix(".damaged"))
        except OSError as exc:
            raise ShelfUnusable(f"{path} can't be renamed ({exc.strerror or exc})") from exc

    def _path(self, station: str) -> Path:
        return self._folder / f"{_PREFIX}{quote(station, safe='').replace('.', '%2E')}.json"

    def _sync_folder(self) -> None:
        """The new name is on the disk only when its folder is."""
        folder = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

"""The site's secret for the hashes of tokens: a file beside the database, so that a copy of one alone is of no use."""

import os
from pathlib import Path

from edge.errors import StorageFailed
from edge.ownership import as_its_folder
from edge.storage.database import sync_folder

KEY_BYTES = 32
_NAME = "token.key"


def token_key(folder: Path) -> bytes:
    """The key; made when there is none.

    :raises StorageFailed: it can't be read or made.
    """
    path = folder / _NAME
    try:
        if not path.exists():
            _make(path)
        key = path.read_bytes()
    except OSError as exc:
        raise StorageFailed(f"{path} can't be read ({exc.strerror})", remedy="is the folder there, and ours?") from exc
    if len(key) != KEY_BYTES:
        raise StorageFailed(
            f"{path} has {len(key)} bytes, not {KEY_BYTES}",
            remedy="restore it from a backup, or delete it and enter the site's tokens anew",
        )
    return key


def _make(path: Path) -> None:
    fresh = path.with_name(f"{path.name}.{os.getpid()}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        os.write(descriptor, os.urandom(KEY_BYTES))
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    as_its_folder(fresh)
    try:
        os.link(fresh, path)  # fails where another process was first: then its key holds
    except FileExistsError:
        pass
    finally:
        fresh.unlink()
    sync_folder(path.parent)

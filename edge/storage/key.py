"""The site's secret for the hashes of tokens: a file beside the database, so that a copy of one alone is of no use."""

import os
from pathlib import Path

import structlog

from edge.errors import StorageFailed
from edge.ownership import as_its_folder
from edge.storage.damage import set_aside, sync_folder

log = structlog.get_logger(__name__)

KEY_BYTES = 32
KEY_FILE = "token.key"


def token_key(folder: Path, *, heal: bool = False) -> bytes:
    """The key; made when there is none. ``heal``: a damaged one is set aside, and a new one made. That is for the
    controller alone, which may have the good one in its memory; the site's tokens have to be entered anew then.

    :raises StorageFailed: it can't be read or made, or is damaged.
    """
    path = folder / KEY_FILE
    try:
        if not path.exists():
            _make(path)
        key = path.read_bytes()
        if len(key) != KEY_BYTES and heal:
            kept_as = set_aside(path)
            log.error("a damaged key is set aside: the site's tokens have to be entered anew", kept_as=str(kept_as))
            _make(path)
            key = path.read_bytes()
    except OSError as exc:
        raise StorageFailed(f"{path} can't be read ({exc.strerror})", remedy="is the folder there, and ours?") from exc
    if len(key) != KEY_BYTES:
        raise StorageFailed(
            f"{path} has {len(key)} bytes, not {KEY_BYTES}",
            remedy="restore a backup; or restart the controller, and enter the site's tokens anew",
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

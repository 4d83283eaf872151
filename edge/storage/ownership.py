"""Files of a storage folder belong to whom the folder belongs: the command line is used by root, the service isn't."""

import os
from pathlib import Path

_ROOT = 0


def as_its_folder(path: Path) -> None:
    """Where root has made this, give it to the owner of its folder. Nobody else may give files away, nor needs to.

    :raises OSError: it isn't there.
    """
    if os.geteuid() == _ROOT:
        owner = path.parent.stat()
        os.chown(path, owner.st_uid, owner.st_gid, follow_symlinks=False)

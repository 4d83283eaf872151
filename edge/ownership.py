"""Whose the files are that root writes for the service, which runs under an account of its own and must read them."""

import contextlib
import os
import pwd
from dataclasses import dataclass
from pathlib import Path


def own_as(path: Path, model: Path) -> None:
    """Give ``path`` the owner and the group of ``model``; without effect where that is somebody else's to decide."""
    with contextlib.suppress(OSError):
        found, mine = model.stat(), path.lstat()
        if (found.st_uid, found.st_gid) != (mine.st_uid, mine.st_gid):
            os.chown(path, found.st_uid, found.st_gid, follow_symlinks=False)


def as_its_folder(path: Path) -> None:
    """Give ``path`` the owner and the group of the folder that it is in."""
    own_as(path, path.parent)


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Who a program runs as: what :class:`subprocess.Popen` takes."""

    user: int
    group: int
    extra_groups: tuple[int, ...]


def account_of(folder: Path) -> Account | None:
    """The account that ``folder`` belongs to; None where it is ours already, isn't there, or only root could be it."""
    try:
        owner = folder.stat().st_uid
    except OSError:
        return None
    if os.geteuid() != 0 or owner == 0:
        return None
    try:
        entry = pwd.getpwuid(owner)
    except KeyError:
        return None
    groups = os.getgrouplist(entry.pw_name, entry.pw_gid)
    return Account(user=owner, group=entry.pw_gid, extra_groups=tuple(groups))

"""Runs a command that dies with the process that started it, however that ends.

``python -m simulators.demo.leash PARENT_PID COMMAND ...`` asks the kernel to be killed when its parent is gone, and
becomes the command: the pid stays, and so does the request (prctl(2), PR_SET_PDEATHSIG; kept across execve). A parent
that died before the request was made is recognised by its pid. Linux alone knows this; elsewhere the command just runs.

The kernel means the parent's thread that forked. asyncio forks in the thread of its loop, which lives as long as all
that the parent does here.
"""

import ctypes
import os
import signal
import sys
from collections.abc import Sequence
from typing import Final

PR_SET_PDEATHSIG: Final = 1  # <linux/prctl.h>
ORPHANED: Final = 1


def command_on_leash(command: Sequence[str]) -> tuple[str, ...]:
    """What to start instead of `command`, as a child of this process and with this package in its path."""
    return (sys.executable, "-m", __spec__.name, str(os.getpid()), *command)


def main(parent: int, command: Sequence[str]) -> None:
    """Become `command`, or end where `parent` is gone already."""
    if sys.platform == "linux":
        libc = ctypes.CDLL(None, use_errno=True)
        # SIGKILL and not SIGTERM: nobody is left who would notice a command that doesn't obey.
        if libc.prctl(PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0) != 0:
            sys.exit(f"the kernel refuses PR_SET_PDEATHSIG: {os.strerror(ctypes.get_errno())}")
    if os.getppid() != parent:
        sys.exit(ORPHANED)
    os.execvp(command[0], tuple(command))  # noqa: S606 - no shell is wanted


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])

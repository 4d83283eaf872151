"""The terminal that a process belongs to."""

import os
import signal
from collections.abc import Callable


def watched_terminal() -> Callable[[], bool]:
    """Says whether the terminal that this process has now is gone: its window, or its ssh connection.

    Never of a process that has none (a service), or that is to outlive it (nohup).
    """
    lives_with_it = _has_terminal() and signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN
    return lambda: lives_with_it and not _has_terminal()


def _has_terminal() -> bool:
    try:
        descriptor = os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY)
    except OSError:  # ENXIO
        return False
    os.close(descriptor)
    return True

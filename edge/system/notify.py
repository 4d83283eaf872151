"""The service manager: sd_notify(3) without its library."""

import os
import socket
from collections.abc import Mapping

import structlog

log = structlog.get_logger(__name__)


class ServiceManager:
    """Tells systemd that the program is ready, alive and stopping; implements :class:`edge.control.ports.Watchdog`.

    Does nothing where no service manager listens. Never blocks and never raises: a full or missing socket costs a
    message, and one line in the log.
    """

    def __init__(self, environ: Mapping[str, str] | None = None) -> None:
        """``environ`` is the process's unless given: NOTIFY_SOCKET, WATCHDOG_USEC, WATCHDOG_PID."""
        env = os.environ if environ is None else environ
        self._address = _address(env.get("NOTIFY_SOCKET", ""))
        watched_pid = env.get("WATCHDOG_PID")
        self._is_watched = bool(env.get("WATCHDOG_USEC")) and watched_pid in {None, "", str(os.getpid())}
        self._is_lost = False

    def ready(self) -> None:
        """The program has started."""
        self._send("READY=1")

    def feed(self) -> None:
        """The program is alive."""
        if self._is_watched:
            self._send("WATCHDOG=1")

    def stopping(self) -> None:
        """The program is about to end."""
        self._send("STOPPING=1")

    def _send(self, message: str) -> None:
        if self._address is None:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender:
                sender.setblocking(False)
                sender.sendto(message.encode(), self._address)
        except OSError as exc:
            if not self._is_lost:
                log.warning(f"the service manager can't be told {message}: {exc.strerror or exc}")
            self._is_lost = True
        else:
            self._is_lost = False


def _address(name: str) -> bytes | None:
    """The socket's address: a path, or after ``@`` a name in the abstract name space."""
    if not name:
        return None
    if name.startswith("@"):
        return b"\0" + os.fsencode(name[1:])
    if name.startswith("/"):
        return os.fsencode(name)
    log.warning(f"NOTIFY_SOCKET is '{name}', neither a path nor an abstract name; the service manager is not told")
    return None

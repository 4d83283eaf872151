"""Asks the running controller over its control socket."""

import http.client
import socket
from collections.abc import Sequence
from pathlib import Path

from edge.errors import ControllerUnreachable, ProblemUnusable

TIMEOUT_S = 3.0  # a controller that is alive answers within a tick
_START_IT = "start it with edge run --config FILE, or give its --socket"


class _UnixConnection(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: Path) -> None:
        super().__init__("controller", timeout=TIMEOUT_S)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(TIMEOUT_S)
        self.sock.connect(str(self._path))


def get(paths: Sequence[Path], resource: str, *, missing: str | None = None) -> bytes:
    """The body of ``resource``, from the first of the sockets at which a controller answers.

    :raises ControllerUnreachable: when none does.
    :raises ProblemUnusable: when it has no such resource, and ``missing`` says what that means.
    """
    problems = []
    for path in paths:
        try:
            return _get(path, resource, missing)
        except (OSError, http.client.HTTPException) as exc:
            problems.append(f"{path}: {_reason(exc)}")
    if not problems:
        raise ControllerUnreachable("no controller runs here: there is no control socket", remedy=_START_IT)
    raise ControllerUnreachable(f"no controller answers ({', '.join(problems)})", remedy=_START_IT)


def _reason(exc: Exception) -> str:
    if isinstance(exc, TimeoutError):
        return f"no answer within {TIMEOUT_S:g} s"
    if isinstance(exc, OSError):
        return exc.strerror or str(exc) or type(exc).__name__
    return f"no HTTP answer ({type(exc).__name__})"


def _get(path: Path, resource: str, missing: str | None) -> bytes:
    connection = _UnixConnection(path)
    try:
        connection.request("GET", resource)
        response = connection.getresponse()
        body = response.read()
        if response.status == http.HTTPStatus.NOT_FOUND and missing is not None:
            raise ProblemUnusable(missing, remedy="see edge status for those that there are")
        if response.status != http.HTTPStatus.OK:
            raise ControllerUnreachable(
                f"the controller at {path} answers {resource} with {response.status} {response.reason}",
                remedy="check that edge status and the controller are of the same version",
            )
        return body
    finally:
        connection.close()

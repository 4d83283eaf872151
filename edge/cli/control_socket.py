"""Asks the running controller over its control socket."""

import http.client
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import orjson

from edge.errors import ControllerUnreachable, ProblemUnusable
from edge.system.paths import control_sockets_found

STATUS: Final = "/api/v1/status"
TIMEOUT_S = 3.0  # a controller that is alive answers within a tick
_START_IT = (
    "start it (the service: sudo systemctl start edge-controller; by hand: edge run --config FILE), "
    "or give its --socket"
)
ASK_AS_ROOT = "it is for root and the controller's own account: ask with sudo"


class _UnixConnection(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: Path) -> None:
        super().__init__("controller", timeout=TIMEOUT_S)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(TIMEOUT_S)
        self.sock.connect(str(self._path))


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a controller answered, on the socket at ``path``."""

    path: Path
    status: int
    reason: str
    body: bytes


def in_path(name: str) -> str:
    """A name as a part of a resource's path; what is no UTF-8 in it names nobody."""
    return quote(name, safe="", errors="replace")


def asked_at(told: Path | None) -> Sequence[Path]:
    """Where to ask: at the socket that was told, else at those that are found."""
    return (told,) if told is not None else control_sockets_found()


def report(told: Path | None) -> dict[str, Any]:
    """The controller's report.

    :raises ControllerUnreachable: there is none.
    """
    body = get(asked_at(told), STATUS)
    try:
        return dict(orjson.loads(body))
    except (orjson.JSONDecodeError, TypeError, ValueError) as exc:
        raise ControllerUnreachable("what answers on the control socket is no controller") from exc


def get(paths: Sequence[Path], resource: str, *, missing: str | None = None) -> bytes:
    """The body of ``resource``, from the first of the sockets at which a controller answers.

    :raises ControllerUnreachable: when none does.
    :raises ProblemUnusable: when it has no such resource, and ``missing`` says what that means.
    """
    answer = ask(paths, "GET", resource)
    if answer.status == http.HTTPStatus.NOT_FOUND and missing is not None:
        raise ProblemUnusable(missing, remedy="see edge status for those that there are")
    if answer.status != http.HTTPStatus.OK:
        raise ControllerUnreachable(
            f"the controller at {answer.path} answers {resource} with {answer.status} {answer.reason}",
            remedy="check that this command and the controller are of the same version",
        )
    return answer.body


def ask(paths: Sequence[Path], method: str, resource: str, body: bytes | None = None) -> Answer:
    """The answer of the controller at the first of the sockets at which one answers.

    :raises ControllerUnreachable: when none does.
    """
    problems, remedy = [], _START_IT
    for path in paths:
        try:
            return _ask(path, method, resource, body)
        except (OSError, http.client.HTTPException) as exc:
            problems.append(f"{path}: {_reason(exc)}")
            if isinstance(exc, PermissionError):
                remedy = ASK_AS_ROOT
    if not problems:
        raise ControllerUnreachable("no controller runs here: there is no control socket", remedy=_START_IT)
    raise ControllerUnreachable(f"no controller answers ({', '.join(problems)})", remedy=remedy)


def _reason(exc: Exception) -> str:
    if isinstance(exc, TimeoutError):
        return f"no answer within {TIMEOUT_S:g} s"
    if isinstance(exc, OSError):
        return exc.strerror or str(exc) or type(exc).__name__
    return f"no HTTP answer ({type(exc).__name__})"


def _ask(path: Path, method: str, resource: str, body: bytes | None) -> Answer:
    connection = _UnixConnection(path)
    try:
        connection.request(method, resource, body)
        response = connection.getresponse()
        return Answer(path=path, status=response.status, reason=response.reason, body=response.read())
    finally:
        connection.close()

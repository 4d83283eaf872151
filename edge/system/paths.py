"""Where the control socket is: the local one, over which the command line talks to the daemon."""

import os
import stat
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from edge.errors import StartError

VARIABLE = "EDGE_SOCKET"
SERVICE_FOLDER = Path("/run/edge-controller")  # made by the service's RuntimeDirectory=
_FOLDER_NAME = "edge-controller"
_SOCKET_NAME = "edge.sock"


def control_socket(environ: Mapping[str, str] | None = None, *, service_folder: Path = SERVICE_FOLDER) -> Path:
    """The path for the daemon's control socket, in a folder that exists and that only we can write to.

    $EDGE_SOCKET; else in the service's folder, if it may be written to; else in $XDG_RUNTIME_DIR; else in a folder of
    our own under the temporary folder.

    :raises StartError: when that last folder belongs to somebody else or is open to others.
    """
    env = os.environ if environ is None else environ
    if env.get(VARIABLE):
        return Path(env[VARIABLE])
    if service_folder.is_dir() and os.access(service_folder, os.W_OK | os.X_OK):
        return service_folder / _SOCKET_NAME
    runtime = env.get("XDG_RUNTIME_DIR")
    if runtime and os.access(runtime, os.W_OK | os.X_OK):
        return _own_folder(Path(runtime) / _FOLDER_NAME) / _SOCKET_NAME
    return _own_folder(_temporary_folder()) / _SOCKET_NAME


def control_sockets_found(
    environ: Mapping[str, str] | None = None, *, service_folder: Path = SERVICE_FOLDER
) -> tuple[Path, ...]:
    """The control sockets that exist, in the order in which :func:`control_socket` would choose them.

    $EDGE_SOCKET alone if it is set. A socket in a temporary folder that isn't ours alone is passed over: anybody could
    have put it there.
    """
    env = os.environ if environ is None else environ
    if env.get(VARIABLE):
        return (Path(env[VARIABLE]),)
    return tuple(path for path in _candidates(env, service_folder) if path.is_socket())


def _candidates(env: Mapping[str, str], service_folder: Path) -> Iterator[Path]:
    yield service_folder / _SOCKET_NAME
    if env.get("XDG_RUNTIME_DIR"):
        yield Path(env["XDG_RUNTIME_DIR"]) / _FOLDER_NAME / _SOCKET_NAME
    if _stranger(_temporary_folder()) is None:
        yield _temporary_folder() / _SOCKET_NAME


def _temporary_folder() -> Path:
    return Path(tempfile.gettempdir()) / f"{_FOLDER_NAME}-{os.getuid()}"


def _own_folder(folder: Path) -> Path:
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
    except OSError as exc:
        raise StartError(
            f"the folder {folder} for the control socket can't be made ({exc.strerror})",
            remedy=f"set {VARIABLE} or --socket",
        ) from exc
    problem = _stranger(folder)
    if problem is not None:
        raise StartError(
            f"the folder {folder} for the control socket {problem}", remedy=f"remove it, or set {VARIABLE} or --socket"
        )
    return folder


def _stranger(folder: Path) -> str | None:
    """Why ``folder`` isn't ours alone; None when it is, or isn't there."""
    try:
        status = folder.lstat()
    except OSError:
        return None
    if not stat.S_ISDIR(status.st_mode):
        return "is no folder"
    if status.st_uid != os.getuid():
        return "belongs to another user"
    if stat.S_IMODE(status.st_mode) & 0o022:
        return "can be written to by others"
    return None

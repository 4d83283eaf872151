"""Where the control socket is served, and where it is looked for."""

import os
import socket
import stat
import tempfile
from pathlib import Path

import pytest

from edge.errors import StartError
from edge.system.paths import control_socket, control_sockets_found


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A temporary folder of the test's own."""
    folder = tmp_path / "tmp"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def bound(path: Path) -> Path:
    """A socket at ``path``."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
    return path


def test_variable_wins(tmp_path: Path) -> None:
    """EDGE_SOCKET is taken as it is, by both sides."""
    environ = {"EDGE_SOCKET": "/x/y.sock", "XDG_RUNTIME_DIR": str(tmp_path)}
    assert control_socket(environ, service_folder=tmp_path) == Path("/x/y.sock")
    assert control_sockets_found(environ, service_folder=tmp_path) == (Path("/x/y.sock"),)


def test_service_folder_then_runtime_then_temporary(tmp_path: Path, temporary: Path) -> None:
    """The folders in their order; the ones that we make are open to nobody else."""
    service, runtime = tmp_path / "run", tmp_path / "xdg"
    runtime.mkdir()
    environ = {"XDG_RUNTIME_DIR": str(runtime)}
    own = f"edge-controller-{os.getuid()}"
    assert control_socket({}, service_folder=service) == temporary / own / "edge.sock"
    assert control_socket(environ, service_folder=service) == runtime / "edge-controller" / "edge.sock"
    for folder in (temporary / own, runtime / "edge-controller"):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    service.mkdir()
    assert control_socket(environ, service_folder=service) == service / "edge.sock"


def test_found_in_the_same_order(tmp_path: Path, temporary: Path) -> None:
    """Sockets that exist are found in the order in which they would be chosen; other files are not."""
    service, runtime = tmp_path / "run", tmp_path / "xdg"
    runtime.mkdir()
    environ = {"XDG_RUNTIME_DIR": str(runtime)}
    assert control_sockets_found(environ, service_folder=service) == ()
    last = bound(control_socket({}, service_folder=service))
    middle = bound(control_socket(environ, service_folder=service))
    service.mkdir()
    (service / "edge.sock").touch()
    assert control_sockets_found(environ, service_folder=service) == (middle, last)
    (service / "edge.sock").unlink()
    first = bound(service / "edge.sock")
    assert control_sockets_found(environ, service_folder=service) == (first, middle, last)
    assert last.is_relative_to(temporary)


def test_runtime_folder_that_is_not_there_is_passed_over(tmp_path: Path, temporary: Path) -> None:
    """A stale XDG_RUNTIME_DIR (after su, in a container) doesn't keep the daemon from starting."""
    path = control_socket({"XDG_RUNTIME_DIR": str(tmp_path / "gone")}, service_folder=tmp_path / "run")
    assert path.is_relative_to(temporary)


@pytest.mark.parametrize(
    ("spoil", "problem"),
    [
        (lambda folder: folder.mkdir(mode=0o777) or folder.chmod(0o777), "can be written to by others"),
        (lambda folder: folder.touch(), "can't be made"),
        (lambda folder: folder.symlink_to(folder.parent), "is no folder"),
    ],
)
def test_a_strangers_folder_is_refused(temporary: Path, spoil: object, problem: str) -> None:
    """A folder that others prepared in /tmp is neither served in nor asked."""
    assert callable(spoil)
    folder = temporary / f"edge-controller-{os.getuid()}"
    spoil(folder)
    with pytest.raises(StartError, match=problem):
        control_socket({}, service_folder=temporary / "none")
    if folder.is_dir():
        bound(folder / "edge.sock")
    assert control_sockets_found({}, service_folder=temporary / "none") == ()

"""Asking the running controller: what is told where nobody answers."""

import socket
from pathlib import Path

import pytest

from edge.cli.control_socket import report
from edge.errors import ControllerUnreachable
from tests.nobody import as_nobody


def test_a_socket_of_another_account(tmp_path: Path) -> None:
    """The service runs, and belongs to its account: sudo helps, another controller would not."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(str(tmp_path / "s"))
        (tmp_path / "s").chmod(0)
        listener.listen()
        with as_nobody(), pytest.raises(ControllerUnreachable) as unreachable:
            report(tmp_path / "s")
    assert str(unreachable.value) == (
        f"no controller answers ({tmp_path / 's'}: Permission denied); "
        "it is for root and the controller's own account: ask with sudo"
    )


def test_a_socket_that_nobody_listens_on(tmp_path: Path) -> None:
    """What a killed controller leaves behind: it has to be started."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as left:
        left.bind(str(tmp_path / "s"))
    with pytest.raises(ControllerUnreachable, match=r"Connection refused\); start it .*edge run"):
        report(tmp_path / "s")

"""What the service manager is told."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from edge.system.notify import ServiceManager


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[socket.socket]:
    """A service manager's socket."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(tmp_path / "notify"))
        listener.settimeout(2)
        yield listener


def told(manager: socket.socket) -> list[str]:
    """The messages so far."""
    manager.setblocking(False)
    messages = []
    while True:
        try:
            messages.append(manager.recv(256).decode())
        except BlockingIOError:
            return messages


def test_life_of_a_watched_service(manager: socket.socket) -> None:
    """Ready, alive, stopping: in the words of sd_notify(3)."""
    service = ServiceManager({"NOTIFY_SOCKET": manager.getsockname(), "WATCHDOG_USEC": "5000000"})
    service.ready()
    service.feed()
    service.stopping()
    assert told(manager) == ["READY=1", "WATCHDOG=1", "STOPPING=1"]


@pytest.mark.parametrize(
    ("watchdog", "fed"),
    [
        ({}, []),
        ({"WATCHDOG_USEC": "1", "WATCHDOG_PID": "1"}, []),
        ({"WATCHDOG_USEC": "1", "WATCHDOG_PID": str(os.getpid())}, ["WATCHDOG=1"]),
    ],
)
def test_only_a_watchdog_of_ours_is_fed(manager: socket.socket, watchdog: dict[str, str], fed: list[str]) -> None:
    """Without a watchdog, or with another process's, nothing is fed."""
    ServiceManager({"NOTIFY_SOCKET": manager.getsockname(), **watchdog}).feed()
    assert told(manager) == fed


def test_abstract_socket() -> None:
    """@name is a socket in the abstract name space."""
    name = f"edge-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(f"\0{name}")
        ServiceManager({"NOTIFY_SOCKET": f"@{name}"}).ready()
        assert told(listener) == ["READY=1"]


def test_no_service_manager_no_word() -> None:
    """Started by hand: nothing is sent, nothing logged."""
    with capture_logs() as logs:
        service = ServiceManager({})
        service.ready()
        service.feed()
    assert logs == []


def test_a_service_manager_that_is_gone_is_logged_once(tmp_path: Path) -> None:
    """A missing socket raises nothing; of any number of lost messages the first is told."""
    service = ServiceManager({"NOTIFY_SOCKET": str(tmp_path / "gone"), "WATCHDOG_USEC": "1"})
    with capture_logs() as logs:
        for _ in range(3):
            service.feed()
    assert [line["event"] for line in logs] == [
        "the service manager can't be told WATCHDOG=1: No such file or directory"
    ]


def test_an_address_of_another_kind_is_told() -> None:
    """vsock and the like aren't spoken; the log says so."""
    with capture_logs() as logs:
        ServiceManager({"NOTIFY_SOCKET": "vsock:2:1234"}).ready()
    assert "'vsock:2:1234', neither a path nor an abstract name" in logs[0]["event"]

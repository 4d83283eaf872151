"""How ``edge run`` ends: when its terminal is gone, and how little it does after the last thing that matters."""

import json
import os
import pty
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from edge.cli.control_socket import report
from simulators.ports import free_endpoints
from tests.system.test_cli_check import SITE

PATIENCE_S = 120.0  # on a machine that does much else

# What a shell on a terminal does: its child has the terminal as its controlling one.
ON_A_TERMINAL = """
import os, signal, sys
signal.signal(signal.SIGHUP, signal.SIG_DFL)  # who runs the tests by nohup has it ignored
terminal = os.open(sys.argv[1], os.O_RDWR)
for number in (0, 1):
    os.dup2(terminal, number)
os.execv(sys.executable, [sys.executable, "-m", "edge", *sys.argv[2:]])
"""
# Tells how much is beyond the reach of the collector when the interpreter begins to end.
COUNTED = """
import atexit, gc, sys
atexit.register(lambda: print(gc.get_freeze_count(), flush=True))
from edge.cli.main import main
main()
"""


@pytest.fixture
def arguments(tmp_path: Path) -> Sequence[str]:
    """Those of `edge run` on a site of its own."""
    ocpp, api = free_endpoints(2)
    site = tmp_path / "site.toml"
    tables = f'listen = "{ocpp}"\n[api]\nlisten = "{api}"\n[storage]\npath = "{tmp_path / "storage"}"\n'
    site.write_text(
        SITE.replace('timezone = "UTC"', 'timezone = "UTC"\n[control]\nperiod_s = 0.2') + tables, encoding="utf-8"
    )
    return ["run", "--config", str(site), "--socket", str(tmp_path / "s"), "--log-format", "json"]


@contextmanager
def running(command: Sequence[str], log: Path) -> Iterator[subprocess.Popen[str]]:
    """A gateway that has started; killed at the end if it still runs."""
    with (
        log.open("w") as stderr,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=stderr, text=True, start_new_session=True) as process,
    ):
        try:
            waits(process, log, "started")
            yield process
        finally:
            process.kill()


def waits(process: subprocess.Popen[str], log: Path, event: str) -> None:
    """Until the log has this event."""
    give_up = time.monotonic() + PATIENCE_S
    while event not in events(log):
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < give_up, log.read_text()
        time.sleep(0.05)  # another process's file: nothing tells


def ticks_on(socket: Path) -> None:
    """Until it has completed two ticks more."""
    give_up, first = time.monotonic() + PATIENCE_S, report(socket)["control"]["ticks"]
    while report(socket)["control"]["ticks"] < first + 2:
        assert time.monotonic() < give_up
        time.sleep(0.05)


def events(log: Path) -> list[str]:
    """What the log tells, line by line."""
    return [json.loads(line)["event"] for line in log.read_text().splitlines() if line.startswith("{")]


def test_a_gateway_whose_terminal_is_gone_ends(arguments: Sequence[str], tmp_path: Path) -> None:
    """The connection to the machine broke, or the window was closed: nobody sees it any more, and it would hold ports
    and folder against the service. While the terminal is there SIGHUP means what it means for a service."""
    master, slave = (os.fdopen(each, "rb", buffering=0) for each in pty.openpty())
    with master, slave:
        command = [sys.executable, "-c", ON_A_TERMINAL, os.ttyname(slave.fileno()), *arguments]
        with running(command, tmp_path / "log") as process:
            slave.close()
            process.send_signal(signal.SIGHUP)
            ticks_on(tmp_path / "s")
            master.close()
            assert process.wait(timeout=PATIENCE_S) == 0
            assert events(tmp_path / "log")[-1] == "stopped"


def test_what_has_ended_isn_t_looked_through_for_garbage(arguments: Sequence[str], tmp_path: Path) -> None:
    """The interpreter's walk through all that was there takes longer than all else of a stop, and nobody controls."""
    with running([sys.executable, "-c", COUNTED, *arguments], tmp_path / "log") as process:
        process.send_signal(signal.SIGTERM)
        told, _ = process.communicate(timeout=PATIENCE_S)
        assert process.returncode == 0
        assert int(told) > 0

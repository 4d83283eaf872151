"""What a gateway writes of what happened: kept where it matters, bounded where others could fill the card."""

from datetime import UTC, datetime
from pathlib import Path

from tests.debian_machine import Machine, tame_clock, until

WORD = "before the supply was pulled"
# A board without a battery-backed clock begins each boot at the day on which its systemd was built.
BUILT_US = int(datetime(2024, 1, 1, tzinfo=UTC).timestamp() * 1e6)
# Who speaks without TLS where the broker wants it, until it hangs up; of most it says nothing.
KNOCK = """
import socket
for _ in range(20):
    with socket.create_connection(("127.0.0.1", 8883)) as knocking:
        knocking.sendall(b"GET / HTTP/1.0" + bytes(100))
        try:
            while knocking.recv(100):
                pass
        except OSError:
            pass
"""


def test_the_log(gateway: Path) -> None:
    """What was said before a supply was pulled outlives the clock's first step; the broker's words are there alone.

    journald sets a file aside that wasn't closed, by the time of the boot that finds it, which may be years too old.
    """
    tame_clock(gateway)
    machine = Machine(gateway)
    try:
        machine.run("logger", WORD)
        until(lambda: _knocks(machine), within_s=60, what="the broker says that somebody knocked")
        # What is done again and again without end says nothing: it would push the rest out of a log that is bounded.
        machine.run("systemctl", "start", "edge-banner.service")
        assert _said(machine, "--unit=edge-banner") == ""
        assert "try: " not in _said(machine, "--unit=edge-clock-trust")
        machine.run("journalctl", "--sync")
    finally:
        machine.cut()
    assert [path for path in (gateway / "var/log/mosquitto").iterdir() if path.stat().st_size] == []
    [log] = (gateway / "var/log/journal").glob("*/system.journal")
    log.rename(log.with_name(f"system@{BUILT_US:016x}-{1:016x}.journal~"))
    machine = Machine(gateway)
    try:
        machine.run("systemctl", "restart", "systemd-journald")
        assert WORD in _said(machine, "--identifier=root")
    finally:
        machine.stop()


def _knocks(machine: Machine) -> bool:
    machine.run("python3", "-c", KNOCK)
    return "SSL" in _said(machine, "--unit=mosquitto")


def _said(machine: Machine, whose: str) -> str:
    return machine.run("journalctl", "--output=cat", whose).stdout

"""What chrony is given of the time servers that networkd was told of, by the script that a gateway has for it."""

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "firmware-config" / "time" / "edge-building-time"


@dataclass(frozen=True, slots=True)
class Gateway:
    """Its folders of links and of chrony's sources, and a chronyc that notes what it is asked."""

    folder: Path

    def told(self, link: str, *lines: str) -> None:
        """What networkd writes of a link."""
        (self.folder / "links" / link).write_text("\n".join(("ADMIN_STATE=configured", "DNS=192.0.2.1", *lines, "")))

    @property
    def sources(self) -> Path:
        """What chrony reads."""
        return self.folder / "edge-building.sources"

    def look(self) -> list[str]:
        """The sources after a look; none where there is no file."""
        path = f"{self.folder}:{os.environ['PATH']}"
        words = ["sh", str(SCRIPT), str(self.folder / "links"), str(self.folder)]
        done = subprocess.run(words, env={"PATH": path}, capture_output=True, text=True, timeout=60, check=True)
        assert done.stderr == ""
        return self.sources.read_text().split("\n")[:-1] if self.sources.exists() else []

    def reloads(self) -> int:
        """How often chrony was told to look."""
        asked = self.folder / "asked"
        return asked.read_text().count("reload sources\n") if asked.exists() else 0


@pytest.fixture
def gateway(tmp_path: Path) -> Gateway:
    (tmp_path / "links").mkdir()
    chronyc = tmp_path / "chronyc"
    chronyc.write_text(f'#!/bin/sh\necho "$@" >>{tmp_path}/asked\n')
    chronyc.chmod(0o755)
    return Gateway(tmp_path)


def test_what_the_building_names_becomes_a_source(gateway: Gateway) -> None:
    """Of all links, each once; chrony is told once, and again when they change or are gone."""
    gateway.told("2", "NTP=192.0.2.7 ntp.example.com")
    gateway.told("3", "NTP=192.0.2.7 2001:db8::7")
    servers = ["server 192.0.2.7 iburst", "server 2001:db8::7 iburst", "server ntp.example.com iburst"]
    assert gateway.look() == servers
    assert gateway.look() == servers
    assert gateway.reloads() == 1
    gateway.told("2", "NTP=192.0.2.8")
    gateway.told("3")
    assert gateway.look() == ["server 192.0.2.8 iburst"]
    gateway.told("2")
    assert gateway.look() == [""]
    assert gateway.reloads() == 3


def test_what_is_no_server_says_nothing_to_chrony(gateway: Gateway) -> None:
    """A DHCP server of a stranger can't say more than addresses, nor name hundreds."""
    gateway.told("2", "NTP=192.0.2.7;reboot $(id) -x 'a' /etc/shadow", *(f"NTP=192.0.2.{n}" for n in range(20, 90)))
    assert gateway.look() == [f"server 192.0.2.{n} iburst" for n in range(20, 24)]


def test_a_chrony_that_does_not_run_reads_it_later(gateway: Gateway) -> None:
    (gateway.folder / "chronyc").write_text("#!/bin/sh\nexit 1\n")
    gateway.told("2", "NTP=192.0.2.7")
    assert gateway.look() == ["server 192.0.2.7 iburst"]


def test_where_nothing_is_named_nothing_is_done(gateway: Gateway) -> None:
    """Nor where networkd has no link at all."""
    assert gateway.look() == []
    gateway.told("2")
    assert gateway.look() == []
    assert not gateway.sources.exists()

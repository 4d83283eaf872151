"""The gateway's own screen and keyboard: the banner, Enter, the menu, and what becomes of the service meanwhile."""

import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.debian_machine import ROOT, Machine, base, overlay, run, tame_clock, until
from tests.system.debian.screen import screen
from tests.system.debian.test_gateway import SERVICE, SITE
from tests.system.typist import Typist

CONSOLE = ROOT / "firmware-config/console/edge-console.conf"
ADDRESS = "192.0.2.1"
PASSPHRASE = "cold garage at seven"
MENU = r"1\) set up[^>]*4\) log in\s+> $"
BACK = r"Enter: back "
SITE_FILE = "/etc/edge-controller/site.toml"


@pytest.fixture(scope="module")
def machine(architecture: str, gateway_layer: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """The gateway as delivered, booted, on the building's network: no site, no owner."""
    with overlay(gateway_layer, base(architecture), folder=tmp_path_factory.mktemp("console") / "root") as tree:
        tame_clock(tree)
        machine = Machine(tree)
        try:
            run(*("ip", "link", "add", "building0", "netns", str(machine.pid), "type", "veth", "peer", "name", "far"))
            machine.run("ip", "address", "add", f"{ADDRESS}/24", "dev", "building0")
            machine.run("ip", "link", "set", "building0", "up")
            yield machine
        finally:
            machine.stop()


@pytest.fixture
def running(machine: Machine) -> Iterator[Machine]:
    """With a site that it controls."""
    machine.run("sh", "-c", f"cat >{SITE_FILE} <<'END'\n{SITE}\nEND\n")
    machine.run("systemctl", "restart", SERVICE)
    try:
        yield machine
    finally:
        machine.run("sh", "-c", f"systemctl stop {SERVICE}; : >{SITE_FILE}")


@asynccontextmanager
async def at_the_screen(machine: Machine) -> AsyncIterator[Typist]:
    """What getty@tty1 runs, on a terminal of its own, after the banner was drawn."""
    machine.run("systemctl", "start", "edge-banner.service")
    [line] = re.findall(r"^ExecStart=-(.+)$", CONSOLE.read_text(), re.MULTILINE)
    words = "exec " + line.replace("%I", "-").replace("$TERM", "dumb")  # it leads the session, as a unit does
    # A terminal of the machine's own: agetty and login ask what it is called.
    async with screen(machine, "script", "--quiet", "--return", "--command", words, "/dev/null") as typist:
        yield typist


# The terminal /dev/tty1 is a pseudo-terminal here, and what agetty shows there is shown on.
AS_TTY1 = "ln -sf $(tty) /dev/tty1; exec sleep infinity"
ON_A_PSEUDO_TERMINAL = """[Unit]
ConditionPathExists=
[Service]
StandardInput=tty-force
TTYReset=no
TTYVHangup=no
TTYVTDisallocate=no
"""
# As it was started before the gateway's packages were there.
OF_DEBIAN = """[Service]
ExecStart=
ExecStart=-/sbin/agetty -o '-p -- \\\\u' --noclear - dumb
"""


async def test_the_screen_of_a_first_boot(machine: Machine) -> None:
    """The packages come while Debian's own prompt is on the screen: the banner takes its place, as often as it changes;
    who has pressed Enter keeps what he sees."""
    folder = "/run/systemd/system/getty@tty1.service.d"
    async with screen(machine, "script", "--quiet", "--return", "--command", AS_TTY1, "/dev/null") as typist:
        until(lambda: machine.run("test", "-e", "/dev/tty1", check=False).returncode == 0, within_s=30, what="tty1")
        write = f"mkdir -p {folder}; cat >{folder}/z1.conf <<'END'\n{ON_A_PSEUDO_TERMINAL}END\n"
        machine.run("sh", "-c", f"{write}cat >{folder}/z2.conf <<'END'\n{OF_DEBIAN}END\n")
        machine.run("sh", "-c", "systemctl daemon-reload; rm -f /run/issue.d/edge.issue; systemctl start getty@tty1")
        try:
            await typist.sees(r"login: $")
            machine.run("sh", "-c", f"rm {folder}/z2.conf; systemctl daemon-reload")  # what the postinst does
            for name in ("harbour", "quay"):
                machine.run("sh", "-c", f"agetty --reload; hostname {name}; systemctl start edge-banner")
                await typist.sees(rf"Edge gateway {name}[\s\S]*press ENTER to login]\s+$")
            typist.types("")
            await typist.sees(MENU)
            machine.run("sh", "-c", "hostname mole; systemctl start edge-banner")
            typist.types("4")
            assert "Edge gateway mole" not in await typist.sees(r"login: $")
        finally:
            machine.run("sh", "-c", f"systemctl stop getty@tty1; rm -r {folder} /dev/tty1; systemctl daemon-reload")


async def test_a_gateway_that_is_not_set_up(machine: Machine) -> None:
    """The banner says so, and where it is; Enter and 1 lead to set-up, which the first who comes may do."""
    async with at_the_screen(machine) as typist:
        banner = await typist.sees(r"press ENTER to login]\s+$")
        assert "not set up yet: press Enter here" in banner
        assert f"building0   {ADDRESS}" in banner
        assert "http://" not in banner  # nothing listens there
        typist.types("")
        await typist.answers(MENU, "1")
        await typist.answers(r"\[1\]: $", "1")
        await typist.answers(r"Passphrase: $", PASSPHRASE)
        await typist.answers(r"Once more: $", PASSPHRASE)
        await typist.sees(r"Name of the site[^\n]*: $")
        await typist.hammers_until(BACK)
    assert (machine.shows(SERVICE, "ActiveState"), machine.shows(SERVICE, "Result")) == ("inactive", "success")


async def test_a_gateway_that_runs(running: Machine) -> None:
    """The banner has state, address, the chargers' URL and the API's as a QR code; the doctor is asked beside it."""
    before = running.shows(SERVICE, "MainPID")
    async with at_the_screen(running) as typist:
        banner = (await typist.sees(r"press ENTER to login]\s+$")).replace("\r", "")
        assert "controlling or observing" in banner
        assert "ws://10.77.0.1:9000/<station id>" in banner
        page = f"http://{ADDRESS}:8080/"
        assert running.run("qrencode", "--type=ASCII", "--margin=1", "--output=-", page).stdout in banner
        typist.types("")
        await typist.answers(MENU, "3")
        found = await typist.sees(BACK)
        assert "meter" in found
    assert running.shows(SERVICE, "MainPID") == before


@pytest.mark.parametrize("choice", ["1", "2"])
async def test_the_service_comes_back(running: Machine, choice: str) -> None:
    """Set-up and proof take its place; who leaves them by hammering Ctrl-C leaves a gateway that controls again."""
    async with at_the_screen(running) as typist:
        await typist.sees(r"press ENTER to login]\s+$")
        typist.types("")
        await typist.answers(MENU, choice)
        until(lambda: running.shows(SERVICE, "ActiveState") == "inactive", within_s=30, what="it makes room")
        await typist.hammers_until(BACK)
        typist.types("")
        assert await typist.ends() == 0
    assert running.shows(SERVICE, "ActiveState") == "active"


# console-setup, as far as the menu asks it: which layouts there are, and that one be in force.
CONSOLE_SETUP = """
printf '#!/bin/sh\\n[ "$1" = de ] || [ "$1" = us ]\\n' >/usr/bin/ckbcomp
printf '#!/bin/sh\\ngrep LAYOUT /etc/default/keyboard >/run/in-force\\n' >/usr/bin/setupcon
printf 'XKBMODEL="pc105"\\nXKBLAYOUT="us"\\nXKBVARIANT="dvorak"\\n' >/etc/default/keyboard
chmod +x /usr/bin/ckbcomp /usr/bin/setupcon
"""


async def test_the_layout_of_the_keyboard(machine: Machine) -> None:
    """It is what the passphrase is typed with: the menu shows and changes it, to one that there is."""
    machine.run("sh", "-c", CONSOLE_SETUP)
    try:
        for typed, told, kept in (
            ("de", r"de\s+Enter: back $", 'XKBMODEL="pc105"\nXKBLAYOUT="de"\nXKBVARIANT=""\n'),
            ("qq", r"'qq' is no layout of a keyboard", 'XKBMODEL="pc105"\nXKBLAYOUT="de"\nXKBVARIANT=""\n'),
            ("us; sh", BACK, 'XKBMODEL="pc105"\nXKBLAYOUT="de"\nXKBVARIANT=""\n'),
        ):
            async with at_the_screen(machine) as typist:
                await typist.sees(r"press ENTER to login]\s+$")
                typist.types("")
                await typist.answers(r"5\) keyboard: (us|de)\s+> $", "5")
                await typist.answers(r"no, se \.\.\. $", typed)
                await typist.sees(told)
            assert machine.run("cat", "/etc/default/keyboard").stdout == kept
        assert machine.run("cat", "/run/in-force").stdout == 'XKBLAYOUT="de"\n'
    finally:
        machine.run("rm", "/usr/bin/ckbcomp", "/usr/bin/setupcon", "/etc/default/keyboard")


async def test_the_screen_is_no_way_around_the_owner(running: Machine) -> None:
    """Once there is an owner, set-up asks for the passphrase before anything, and no key leads to a shell."""
    if running.run("test", "-e", "/var/lib/edge-controller/claim.json", check=False).returncode:
        pytest.skip("needs the owner of test_a_gateway_that_is_not_set_up")
    async with at_the_screen(running) as typist:
        await typist.sees(r"press ENTER to login]\s+$")
        typist.types("")
        await typist.answers(MENU, "1")
        await typist.answers(r"has an owner[^\n]*: $", "not the passphrase")
        assert "Name of the site" not in await typist.hammers_until(BACK)
    for choice, code in (("", 0), ("$(reboot)", 0), ("5; sh", 0)):
        async with at_the_screen(running) as typist:
            await typist.sees(r"press ENTER to login]\s+$")
            typist.types("")
            await typist.answers(MENU, choice)
            assert await typist.ends() == code
    async with at_the_screen(running) as typist:
        await typist.sees(r"press ENTER to login]\s+$")
        typist.types("")
        await typist.sees(MENU)
        typist.presses_ctrl_c()
        typist.types("4")
        await typist.sees(r"login: $")

"""An image of `make image` on an emulated arm64 machine (qemu); the part of the Raspberry Pi's firmware is played."""

import contextlib
import json
import re
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.debian_machine import run

SECTOR = 512
NORMAL, TRY = "config.txt", "tryboot.txt"
# What the kernel says of "reboot --reboot-argument='0 tryboot'": the firmware would find it in a register.
TRYBOOT = "Restarting system with command '0 tryboot'"
RESTARTED = "reboot: Restarting system"
EMULATOR = "qemu-system-aarch64"
OUTSIDE = "10.0.2.2"
PORT = 2222  # on the loopback of the board's name space: leads to its sshd
# What its services say is shown on the console, too: whoever waits for it needn't log in to ask, again and again.
SPEAKING = "console=ttyAMA0 systemd.journald.forward_to_console=1 systemd.journald.max_level_console=info"
# What the machine has written is written when this machine's kernel has it: killing the emulator loses nothing of it.
CARD = "format=raw,if=none,id=card,cache=unsafe"
# A login alone takes a minute where this machine does much else.
ANSWER_S = 600.0
DIAL_S = 120
USER_DATA = """#cloud-config
hostname: {host}
ssh_pwauth: false
users:
  - name: installer
    sudo: "ALL=(ALL) NOPASSWD:ALL"
    lock_passwd: true
    ssh_authorized_keys: ["{key}"]
"""


@dataclass
class Board:
    """``image`` is this board's own card; its networks are those of the name space ``space``.

    The tap ``far`` there is its charger LAN; the loopback it reaches at ``OUTSIDE``, through the building's network.
    """

    image: Path
    folder: Path
    space: str
    serial_adapters: int = 0  # on USB, all of one make and one serial number; nothing is wired to them
    stick: Path | None = None  # a further disk: a file system with what is brought along, /dev/vdb
    memory_mb: int = 1024
    tryboot: bool = False
    starts: list[str] = field(default_factory=list)  # the slots that were booted, in order
    _heard: int = 0  # of its console, in bytes
    _process: subprocess.Popen[bytes] | None = None

    def __post_init__(self) -> None:
        table = json.loads(run("sfdisk", "--json", self.image).stdout)["partitiontable"]
        self._boot_at = table["partitions"][0]["start"] * SECTOR
        self._stopping = threading.Event()
        self._keeper: threading.Thread | None = None

    @property
    def console(self) -> Path:
        """All that the machine has shown."""
        return self.folder / "console.log"

    @property
    def key(self) -> Path:
        """The installer's ssh key."""
        file = self.folder / "key"
        if not file.exists():
            run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", file)
        return file

    def boot_read(self, name: str) -> str:
        """A file of the boot partition; with the machine switched off."""
        return run("mtype", "-i", self._boot, f"::/{name}").stdout

    def boot_write(self, name: str, text: str) -> None:
        """Put a file onto the boot partition, as any computer can."""
        source = self.folder / "written"
        source.write_text(text)
        run("mcopy", "-D", "o", "-i", self._boot, source, f"::/{name}")

    @property
    def _boot(self) -> str:
        return f"{self.image}@@{self._boot_at}"

    def would_boot(self) -> str:
        """The slot that the firmware takes when nothing is on trial."""
        return self._prefix(NORMAL)[0].upper()

    def switch_on(self) -> None:
        """It starts, and starts again whenever it restarts, until :meth:`switch_off`."""
        self._keeper = threading.Thread(target=self._keep, name="board", daemon=True)
        self._keeper.start()

    def switch_off(self) -> None:
        """The supply is pulled."""
        self._stopping.set()
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(signal.SIGKILL)
        if self._keeper is not None:
            self._keeper.join(30)

    def _keep(self) -> None:
        while not self._stopping.is_set():
            shown = self.console.stat().st_size if self.console.exists() else 0
            with self.console.open("ab") as log:
                self._process = subprocess.Popen(
                    self._firmware(), stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT
                )
            self._process.wait()
            with self.console.open("rb") as log:
                log.seek(shown)
                said = log.read().decode(errors="replace")
            self.tryboot = TRYBOOT in said
            if RESTARTED not in said and not self._stopping.is_set():
                break  # switched off from inside, or the emulator failed

    def _firmware(self) -> list[str]:
        """What the Raspberry Pi's firmware does with config.txt or tryboot.txt: which kernel, with which parameters."""
        prefix = self._prefix(TRY if self.tryboot else NORMAL)
        self.starts.append(prefix[0].upper())
        for name in ("vmlinuz", "initrd.img"):
            run("mcopy", "-n", "-D", "o", "-i", self._boot, f"::/{prefix}{name}", self.folder / name)
        parameters = self.boot_read(f"{prefix}cmdline.txt").strip()
        network = f"user,id=building,hostfwd=tcp:127.0.0.1:{PORT}-:22"
        return [
            *self._enter,
            *(shutil.which(EMULATOR) or EMULATOR, "-nographic", "-no-reboot", "-nodefaults", "-serial", "stdio"),
            *("-M", "virt", "-cpu", "cortex-a72", "-smp", "2", "-m", str(self.memory_mb)),
            # Translated code is kept: with less room it is thrown away and made again, again and again.
            *("-accel", "tcg,thread=multi,tb-size=512"),
            *("-kernel", str(self.folder / "vmlinuz"), "-initrd", str(self.folder / "initrd.img")),
            *("-append", f"{parameters} {SPEAKING}"),
            *("-drive", f"file={self.image},{CARD}", "-device", "virtio-blk-device,drive=card"),
            *("-netdev", network, "-device", "virtio-net-device,netdev=building"),
            *("-device", "virtio-rng-device"),
            *("-device", "qemu-xhci"),
            # The emulator's own network would have a DHCP server, beside which the gateway gives no addresses.
            *("-netdev", "tap,id=chargers,ifname=far,script=no,downscript=no", "-device", "usb-net,netdev=chargers"),
            *self._serial_adapters(),
            *self._second_disk(),
        ]

    def _prefix(self, settings: str) -> str:
        [included] = re.findall(r"^include (slot\S*)$", self.boot_read(settings), re.MULTILINE)
        return self.boot_read(included).strip().removeprefix("os_prefix=")

    @property
    def _enter(self) -> tuple[str, ...]:
        return (shutil.which("ip") or "ip", "netns", "exec", self.space)

    def _serial_adapters(self) -> Iterator[str]:
        for number in range(self.serial_adapters):
            adapter = f"usb-serial,chardev=line{number},serial=A1,always-plugged=on"
            yield from ("-chardev", f"null,id=line{number}", "-device", adapter)

    def _second_disk(self) -> tuple[str, ...]:
        if self.stick is None:
            return ()
        drive = f"file={self.stick},format=raw,if=none,id=stick,readonly=on"
        return ("-drive", drive, "-device", "virtio-blk-device,drive=stick")

    def run(self, command: str, *, within_s: float = ANSWER_S, check: bool = True) -> subprocess.CompletedProcess[str]:
        """A command over ssh, as the installer, who may use sudo."""
        options = ("-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR")
        limits = ("-o", f"ConnectTimeout={DIAL_S}", "-o", "BatchMode=yes", "-i", str(self.key), "-p", str(PORT))
        return run(
            *self._enter, "ssh", *options, *limits, "installer@127.0.0.1", command, within_s=within_s, check=check
        )

    def says(self, text: str, *, within_s: float) -> str:
        """Wait until its console shows ``text``, after what was waited for before; all that was shown until then.

        :raises AssertionError: it doesn't, with the end of what it shows.
        """
        begun = time.monotonic()
        pause = threading.Event()
        while time.monotonic() - begun < within_s:
            shown = self.console.read_bytes()[self._heard :] if self.console.exists() else b""
            at = shown.find(text.encode())
            if at >= 0:
                end = at + len(text.encode())
                self._heard += end
                return shown[:end].decode(errors="replace")
            if self._over:
                break
            pause.wait(0.5)
        waited = time.monotonic() - begun
        raise AssertionError(f"never shown in {waited:.0f} s: {text!r}; its console ends with\n{self._last_words()}")

    @property
    def _over(self) -> bool:
        return self._keeper is not None and not self._keeper.is_alive()

    def _last_words(self) -> str:
        return self.console.read_text(errors="replace")[-3000:]

    def answers(self) -> bool:
        """Whether one can log in."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            return self.run("true", within_s=40, check=False).returncode == 0
        return False

    def until_it_answers(self, *, within_s: float) -> float:
        """Wait until one can log in; the seconds that it took.

        :raises AssertionError: it doesn't, with the end of what its console shows.
        """
        begun = time.monotonic()
        pause = threading.Event()
        while time.monotonic() - begun < within_s:
            if self.answers():
                return time.monotonic() - begun
            pause.wait(3)
        raise AssertionError(f"not within {within_s} s; its console ends with\n{self._last_words()}")

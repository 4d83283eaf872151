"""A machine of two slots without its hardware: its boot partition as a folder, and the part of the Pi's firmware."""

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.debian_machine import ROOT

SCRIPTS = ROOT / "firmware-config" / "slots"
NORMAL, TRY = "config.txt", "tryboot.txt"


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotMachine:
    """``folder`` has boot partition, state, the kernel's parameters, and programs that stand in for the gateway's."""

    folder: Path

    @classmethod
    def new(cls, folder: Path) -> "SlotMachine":
        """As an image has it: slot A boots and runs, B is empty."""
        machine = cls(folder=folder)
        for name in ("boot/a", "state", "bin"):
            (folder / name).mkdir(parents=True)
        (machine.boot / "slot.txt").write_text("os_prefix=a/\n")
        (machine.boot / "slot-try.txt").write_text("os_prefix=b/\n")
        for source, name in (("config.txt", NORMAL), ("tryboot.txt", TRY)):
            (machine.boot / name).write_text((SCRIPTS / source).read_text())
        machine.start()
        machine.fit(yes=True)
        machine.has_disks("/dev/mmcblk0")
        return machine

    @property
    def boot(self) -> Path:
        return self.folder / "boot"

    @property
    def state(self) -> Path:
        return self.folder / "state"

    def start(self, *, tryboot: bool = False) -> str:
        """What the firmware does: reads one of two files and what it includes; says which slot's kernel runs then."""
        text = (self.boot / (TRY if tryboot else NORMAL)).read_text()
        [included] = [line.split()[1] for line in text.splitlines() if line.startswith("include slot")]
        prefix = (self.boot / included).read_text().strip().removeprefix("os_prefix=")
        slot = {"a/": "A", "b/": "B"}[prefix]
        (self.folder / "cmdline").write_text(f"console=tty1 rauc.slot={slot} panic=10\n")
        return slot

    def fit(self, *, yes: bool) -> None:
        """Whether ``edge health`` finds the running release fit; remembering always succeeds."""
        stand_in = self.folder / "bin" / "edge"
        answer = 0 if yes else 1
        stand_in.write_text(f'#!/bin/sh\ncase $2 in --remember) echo "{{}}" >"$3" ;; *) exit {answer} ;; esac\n')
        stand_in.chmod(0o755)

    def has_disks(self, *disks: str) -> None:
        """What lsblk tells of these disks, each with an image on it."""
        lines = [f"{disk}{'p' if disk[-1].isdigit() else ''}{n} ed9e0001-0{n}" for disk in disks for n in range(1, 5)]
        stand_in = self.folder / "bin" / "lsblk"
        stand_in.write_text("#!/bin/sh\ncat <<'END'\n" + "\n".join(lines) + "\nEND\n")
        stand_in.chmod(0o755)

    @property
    def environment(self) -> dict[str, str]:
        return os.environ | {
            "PATH": f"{self.folder / 'bin'}:{os.environ['PATH']}",
            "EDGE_SLOT": str(SCRIPTS / "edge-slot"),
            "EDGE_SLOT_BOOT": str(self.boot),
            "EDGE_SLOT_STATE": str(self.state),
            "EDGE_SLOT_CMDLINE": str(self.folder / "cmdline"),
        }

    def run(self, script: str, *words: str) -> subprocess.CompletedProcess[str]:
        """One of the scripts of firmware-config/slots."""
        command = [str(SCRIPTS / script), *words]
        return subprocess.run(
            command, env=self.environment, capture_output=True, text=True, timeout=60, check=False, errors="replace"
        )

    def slot(self, *words: str) -> str:
        """What edge-slot answers.

        :raises AssertionError: when it refuses.
        """
        done = self.run("edge-slot", *words)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def installs(self, slot: str) -> None:
        """What RAUC asks of the scripts, and the kernel's parameters for all that an installation places."""
        self.slot("set-state", slot, "bad")
        folder = self.boot / slot.lower()
        folder.mkdir(exist_ok=True)
        (folder / "cmdline.txt").write_text(f"rauc.slot={slot}\n")
        self.slot("set-primary", slot)

    def stands_in_for_systemctl(self) -> None:
        """What it is asked for is in the file ``restarted``."""
        stand_in = self.folder / "bin" / "systemctl"
        stand_in.write_text(f'#!/bin/sh\necho "$*" >{self.folder / "restarted"}\n')
        stand_in.chmod(0o755)

    def restarts_for_trial(self) -> str:
        """``edge-update --try`` on a stand-in of systemctl, then the firmware; says which slot runs."""
        self.stands_in_for_systemctl()
        done = self.run("edge-update", "--try")
        assert done.returncode == 0, done.stderr
        assert (self.folder / "restarted").read_text().split(maxsplit=1)[1].strip() == "--reboot-argument=0 tryboot"
        return self.start(tryboot=True)

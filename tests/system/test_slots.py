"""Which slot boots: edge-slot, edge-slot-gate and edge-update, with the firmware played by the test."""

import re
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from tests.slot_machine import SCRIPTS, SlotMachine


@pytest.fixture
def machine(tmp_path: Path) -> SlotMachine:
    return SlotMachine.new(tmp_path)


@pytest.fixture
def on_trial(machine: SlotMachine) -> SlotMachine:
    """Slot B was installed, and runs on trial."""
    machine.installs("B")
    assert machine.restarts_for_trial() == "B"
    return machine


def test_a_fit_slot_is_kept(on_trial: SlotMachine) -> None:
    """It proved itself: from now on it boots, and the other is what is installed to next."""
    assert on_trial.slot("get-primary") == "A"
    done = on_trial.run("edge-slot-gate")
    assert (done.returncode, "slot B is kept" in done.stdout) == (0, True)
    assert [on_trial.start() for _ in range(3)] == ["B"] * 3
    assert on_trial.slot("get-primary") == "B"
    assert (on_trial.slot("get-state", "A"), on_trial.slot("get-state", "B")) == ("good", "good")
    assert on_trial.slot("trial") == ""


def test_an_unfit_slot_falls_back(on_trial: SlotMachine) -> None:
    """The gate fails, which restarts the machine: the old slot runs, and the new one is bad and isn't tried again."""
    on_trial.fit(yes=False)
    assert on_trial.run("edge-slot-gate").returncode == 1
    assert on_trial.start() == "A"
    assert on_trial.slot("get-state", "B") == "bad"
    assert on_trial.run("edge-slot-gate").returncode == 0
    assert on_trial.run("edge-update", "--try").returncode == 2


def test_one_that_hangs_falls_back(on_trial: SlotMachine) -> None:
    """A watchdog's reset, a panic or a power cut before the verdict: the old slot runs, and says what happened."""
    assert on_trial.start() == "A"
    done = on_trial.run("edge-slot-gate")
    assert (done.returncode, "slot B was tried and is not fit" in done.stderr) == (0, True)
    assert on_trial.slot("get-state", "B") == "bad"


def test_a_trial_that_never_began_is_still_to_come(machine: SlotMachine) -> None:
    """Installed, then the power failed before the restart: the old slot runs, the new one isn't blamed."""
    machine.installs("B")
    assert machine.start() == "A"
    assert machine.run("edge-slot-gate").returncode == 0
    assert (machine.slot("get-state", "B"), machine.slot("trial")) == ("good", "B")
    assert machine.restarts_for_trial() == "B"


def test_the_good_slot_is_not_judged(machine: SlotMachine) -> None:
    """A site that is broken restarts nothing: outside of a trial the gate lets it run."""
    machine.fit(yes=False)
    assert machine.run("edge-slot-gate").returncode == 0


def test_a_boot_partition_that_cannot_be_read_restarts_nothing(machine: SlotMachine) -> None:
    """The gate's failure restarts the machine, so a fault that a restart doesn't mend must not be its failure."""
    (machine.boot / "slot.txt").write_text("")
    assert machine.run("edge-slot-gate").returncode == 0


def test_one_on_trial_that_cannot_read_the_boot_partition_falls_back(on_trial: SlotMachine) -> None:
    """A release whose kernel can't mount it could never be kept: it restarts, and the firmware knows the other slot."""
    slot = on_trial.boot / "slot.txt"
    kept = slot.read_text()
    slot.unlink()
    assert on_trial.run("edge-slot-gate").returncode == 1
    slot.write_text(kept)
    assert on_trial.start() == "A"
    assert on_trial.run("edge-slot-gate").returncode == 0
    assert on_trial.slot("get-state", "B") == "bad"
    slot.unlink()
    assert on_trial.run("edge-slot-gate").returncode == 0  # the good slot goes on


def test_an_emergency_restarts_a_trial_alone(on_trial: SlotMachine) -> None:
    """A good slot that can't mount the boot partition waits for somebody; it restarted without end."""
    text = (SCRIPTS / "edge-emergency.conf").read_text()
    [command] = re.findall(r"^ExecStartPre=-/bin/sh -c '(.*)'$", text, re.MULTILINE)
    said = command.replace("/usr/lib/edge-gateway/edge-slot", "$EDGE_SLOT").replace(
        "systemctl reboot --force", "echo reboot"
    )

    def emergency() -> str:
        (on_trial.boot / "slot.txt").unlink(missing_ok=True)
        words = ["sh", "-c", said]
        return subprocess.run(words, env=on_trial.environment, capture_output=True, text=True, check=False).stdout

    kept = (on_trial.boot / "slot.txt").read_text()
    assert emergency() == "reboot\n"
    (on_trial.boot / "slot.txt").write_text(kept)
    on_trial.start()
    assert emergency() == ""


def test_the_choice_is_one_byte(on_trial: SlotMachine) -> None:
    """Keeping a slot changes one byte in place: there is no moment in which the firmware finds neither."""
    path = on_trial.boot / "slot.txt"
    before, inode = path.read_bytes(), path.stat().st_ino
    on_trial.slot("set-state", "B", "good")
    after = path.read_bytes()
    assert [at for at in range(len(before)) if before[at] != after[at]] == [10]
    assert (len(after), path.stat().st_ino) == (len(before), inode)


@pytest.mark.parametrize("lost", [("trial", "begun"), ("begun",)])
def test_a_supply_that_is_pulled_after_the_verdict(on_trial: SlotMachine, lost: tuple[str, ...]) -> None:
    """The byte was on the card, and what the trial left wasn't gone yet: the slot that is kept hasn't failed."""
    left = {name: (on_trial.state / name).read_bytes() for name in lost}
    assert on_trial.run("edge-slot-gate").returncode == 0
    for name, content in left.items():
        (on_trial.state / name).write_bytes(content)
    assert on_trial.start() == "B"
    done = on_trial.run("edge-slot-gate")
    assert (done.returncode, done.stderr) == (0, "")
    assert on_trial.run("edge-update", "--status").stdout == "slot A: good\nslot B: good, runs, boots\n"


def test_only_what_runs_can_be_kept(machine: SlotMachine) -> None:
    """Marking the other slot as good doesn't make it boot."""
    machine.slot("set-state", "B", "good")
    assert machine.start() == "A"


def test_a_slot_in_use_is_not_written_to(on_trial: SlotMachine, tmp_path: Path) -> None:
    """Neither the slot that runs nor the one to fall back to gets another kernel."""
    for slot in ("A", "B"):
        done = on_trial.run("edge-slot", "place", slot, str(tmp_path))
        assert (done.returncode, done.stderr.strip()) == (1, f"edge-slot: slot {slot} is in use")


def test_no_update_during_a_trial(on_trial: SlotMachine) -> None:
    """It would be written over the slot to fall back to, which is neither called bad nor given to RAUC."""
    done = on_trial.run("edge-update", "two.raucb")
    assert (done.returncode, "slot B is on trial" in done.stderr) == (1, True)
    assert on_trial.run("edge-slot", "set-state", "A", "bad").returncode == 1
    assert on_trial.run("edge-update", "--status").stdout == "slot A: good, boots\nslot B: good, runs, to be tried\n"


@pytest.mark.parametrize("words", [("two.raucb",), ("--try",)])
def test_no_update_beside_a_second_disk_of_an_image(machine: SlotMachine, words: tuple[str, ...]) -> None:
    """Its partitions have the same names: RAUC might write to it, and no restart would find its data."""
    machine.installs("B")
    machine.has_disks("/dev/mmcblk0", "/dev/sda")
    done = machine.run("edge-update", *words)
    assert (done.returncode, done.stdout) == (1, "")
    assert "/dev/mmcblk0p4 /dev/sda4" in done.stderr
    machine.has_disks("/dev/mmcblk0")
    assert machine.restarts_for_trial() == "B"


def test_what_was_cut_off_is_not_tried(machine: SlotMachine) -> None:
    """Not by RAUC's own command either: without a kernel a board stands still. One that is unfit may be tried again."""
    assert machine.run("edge-slot", "set-primary", "B").returncode == 1  # nothing was ever installed
    machine.installs("B")
    machine.slot("set-state", "B", "bad")  # the next one begins, over what was whole, and comes to no end
    done = machine.run("edge-slot", "set-primary", "B")
    assert (done.returncode, done.stderr) == (1, "edge-slot: slot B has no whole release; give edge-update a bundle\n")
    assert machine.run("edge-update", "--try").returncode == 2

    machine.installs("B")
    assert machine.restarts_for_trial() == "B"
    machine.fit(yes=False)
    assert machine.run("edge-slot-gate").returncode == 1
    assert machine.start() == "A"
    assert machine.run("edge-slot-gate").returncode == 0
    machine.slot("set-primary", "B")
    assert machine.restarts_for_trial() == "B"


# What RAUC and its hook call of an installation, up to the restart for the trial.
INSTALL = """
"$EDGE_SLOT" set-state B bad
"$EDGE_SLOT" place B "$1"
"$EDGE_SLOT" set-primary B
exec "$2/edge-update" --try
"""
JUDGE = 'exec "$2/edge-slot-gate"'


def test_a_supply_that_is_pulled_at_any_moment_of_an_installation(tmp_path: Path) -> None:
    """Before each command that changes anything: the old slot boots, and the new one is tried only when it is whole."""
    for moment in range(1, 100):
        machine = _with_a_release(tmp_path / str(moment))
        finished = _cut(machine, INSTALL, moment)
        assert machine.start() == "A"
        assert machine.run("edge-slot-gate").returncode == 0
        if machine.slot("trial") == "B":
            assert _is_whole(machine, "B")
        if finished:
            break
        _cut(machine, INSTALL, None)
        assert (machine.start(tryboot=True), _is_whole(machine, "B")) == ("B", True)
        assert machine.run("edge-slot-gate").returncode == 0
        assert machine.start() == "B"
    assert finished
    assert moment > 10


def test_a_supply_that_is_pulled_at_any_moment_of_the_verdict(tmp_path: Path) -> None:
    """A slot that is whole boots, and its gate comes to the same end: kept, or bad."""
    for moment in range(1, 100):
        machine = _with_a_release(tmp_path / str(moment))
        _cut(machine, INSTALL, None)
        assert machine.start(tryboot=True) == "B"
        finished = _cut(machine, JUDGE, moment)
        runs = machine.start()
        assert _is_whole(machine, runs)
        assert machine.run("edge-slot-gate").returncode == 0
        other = (
            "slot A: good\nslot B: good, runs, boots\n" if runs == "B" else "slot A: good, runs, boots\nslot B: bad\n"
        )
        assert machine.run("edge-update", "--status").stdout == other
        if finished:
            assert runs == "B"
            break
    assert finished
    assert moment > 2


def _with_a_release(folder: Path) -> SlotMachine:
    """Slot A boots release one; the tree of release two is there, to be installed into B."""
    machine = SlotMachine.new(folder)
    machine.stands_in_for_systemctl()
    (machine.boot / "a/vmlinuz").write_text("one")
    (machine.boot / "a/cmdline.txt").write_text("rauc.slot=A")
    tree = folder / "tree"
    for name, text in (
        ("usr/lib/edge-gateway/boot/initrd.img", "disk"),
        ("usr/lib/edge-gateway/boot/vmlinuz", "two"),
        ("usr/share/edge-gateway/cmdline.txt", (SCRIPTS / "cmdline.txt").read_text()),
    ):
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_text(text)
    return machine


def _is_whole(machine: SlotMachine, slot: str) -> bool:
    """Whether the folder that the firmware reads has the slot's kernel, and parameters that name the slot."""
    folder, release = (machine.boot / slot.lower(), {"A": "one", "B": "two"}[slot])
    parameters = (folder / "cmdline.txt").read_text().split()
    return (folder / "vmlinuz").read_text() == release and f"rauc.slot={slot}" in parameters


def _cut(machine: SlotMachine, script: str, moment: int | None) -> bool:
    """End ``script`` before its ``moment``-th command that changes anything; whether it came to its own end."""
    bin_folder, counted = machine.folder / "cut", machine.folder / "counted"
    shutil.rmtree(bin_folder, ignore_errors=True)
    bin_folder.mkdir()
    counted.write_text("")
    if moment is not None:
        for name in ("cp", "dd", "mkdir", "mv", "rm", "sed", "sync"):
            program = bin_folder / name
            program.write_text(
                f'#!/bin/sh\nprintf x >>"{counted}"\n[ "$(wc -c <"{counted}")" -lt {moment} ] || kill -9 0\n'
                f'exec {shutil.which(name)} "$@"\n'
            )
            program.chmod(0o755)
    surroundings = machine.environment
    surroundings["PATH"] = f"{bin_folder}:{surroundings['PATH']}"
    words = ["sh", "-ec", script, "cut", str(machine.folder / "tree"), str(SCRIPTS)]
    done = subprocess.run(words, env=surroundings, capture_output=True, timeout=60, check=False, start_new_session=True)
    assert done.returncode in (0, -signal.SIGKILL), done.stderr
    return done.returncode == 0


@pytest.mark.parametrize("words", [(), ("get-state", "C"), ("set-state", "A", "perhaps"), ("set-primary", "")])
def test_wrong_words(machine: SlotMachine, words: tuple[str, ...]) -> None:
    """What isn't a command of the slots is refused in a sentence, and changes nothing."""
    before = (machine.boot / "slot.txt").read_text()
    done = machine.run("edge-slot", *words)
    assert (done.returncode, len(done.stderr.splitlines())) == (1, 1)
    assert (machine.boot / "slot.txt").read_text() == before


def test_the_state_is_told(on_trial: SlotMachine) -> None:
    """edge-update --status says of both slots what runs, what boots and what is on trial."""
    told = on_trial.run("edge-update", "--status").stdout
    assert told == "slot A: good, boots\nslot B: good, runs, to be tried\n"

"""A Debian 12 tree on a disposable overlay, and the same tree booted under systemd-nspawn. Needs root on Linux."""

import os
import shutil
import signal
import subprocess
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parent.parent
WORK = ROOT / "build" / "system-test"
SUITE = "bookworm"
# What edge-controller and edge-gateway depend on, so that their tests need no network; and the init that boots it.
PACKAGES = (
    "ca-certificates,chrony,dbus,dnsmasq,iproute2,libgcc-s1,libstdc++6,logrotate,mosquitto,mosquitto-clients,nftables,"
    "openssl,procps,python3,qrencode,systemd,systemd-sysv,tzdata,udev,unattended-upgrades"
)
TOOLS = ("mmdebstrap", "dpkg-deb", "systemd-nspawn", "nsenter", "unshare", "ip", "nft")
# systemd-nspawn wants one cgroup tree of version 2. Where the layout is the old one it gets a view of its own.
BOOT = """
set -e
umount -R /sys/fs/cgroup 2>/dev/null || true
mount -t cgroup2 cgroup2 /sys/fs/cgroup
mkdir -p "/sys/fs/cgroup/$1/payload"
echo $$ > "/sys/fs/cgroup/$1/payload/cgroup.procs"
shift
exec systemd-nspawn --register=no --keep-unit --boot --private-network --console=pipe "$@"
"""


def missing() -> str | None:
    """Why Debian can't be booted here; None when it can."""
    if os.geteuid() != 0:
        return "needs root"
    absent = [tool for tool in TOOLS if shutil.which(tool) is None]
    return f"needs {', '.join(absent)}: packaging/system-tools installs them" if absent else None


def run(*command: str | Path, within_s: float = 120, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run to its end; what it says is in the error when it fails."""
    done = subprocess.run(
        [str(word) for word in command],
        capture_output=True,
        text=True,
        timeout=within_s,
        stdin=subprocess.DEVNULL,
        check=False,
    )
    if check and done.returncode:
        raise AssertionError(f"{command} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}")
    return done


def until(condition: Callable[[], bool], *, within_s: float, what: str) -> None:
    """Ask again and again, ten times a second at most: the other side is another name space and sends no event."""
    begun, pause = time.monotonic(), threading.Event()
    while not condition():
        if time.monotonic() - begun > within_s:
            raise AssertionError(f"not within {within_s} s: {what}")
        pause.wait(0.1)


def base(architecture: str, packages: str = PACKAGES) -> Path:
    """A Debian tree of ``architecture``, made once and kept; never to be written to."""
    tree = WORK / f"{SUITE}-{architecture}-{zlib.crc32(packages.encode()):08x}"
    if not tree.exists():
        WORK.mkdir(parents=True, exist_ok=True)
        making = tree.with_suffix(".making")
        shutil.rmtree(making, ignore_errors=True)
        options = ("--variant=minbase", f"--architectures={architecture}", f"--include={packages}")
        # What it mounts in the tree goes with it, also when it is killed.
        alone = ("unshare", "--mount", "--propagation=private")
        run(*alone, "mmdebstrap", "--quiet", *options, SUITE, making, within_s=1800)
        making.rename(tree)
    return tree


@contextmanager
def overlay(*lower: Path, folder: Path) -> Iterator[Path]:
    """``lower``, the topmost first, under a layer of its own, which stays in ``folder``/upper."""
    upper, work, merged = (folder / name for name in ("upper", "work", "merged"))
    for each in (upper, work, merged):
        each.mkdir(parents=True)
    layers = ":".join(str(each) for each in lower)
    run("mount", "-t", "overlay", "overlay", "-o", f"lowerdir={layers},upperdir={upper},workdir={work}", merged)
    try:
        yield merged
    finally:
        run("umount", merged)
        shutil.rmtree(work)


def inside(tree: Path, *command: str, within_s: float = 300, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run in ``tree`` as in an image that is being made: no service is started, and the network is loopback."""
    spaces = ("unshare", "--mount", "--pid", "--net", "--fork", f"--mount-proc={tree}/proc")
    clean = ("env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C", "DEBIAN_FRONTEND=noninteractive")
    loopback = ("sh", "-c", 'ip link set lo up && exec "$@"', "inside")
    return run(*spaces, *loopback, "chroot", tree, *clean, *command, within_s=within_s, check=check)


def tame_clock(tree: Path) -> None:
    """chrony runs in ``tree`` without touching the clock: a container has the clock of the whole machine."""
    (tree / "etc/default/chrony").write_text('DAEMON_OPTS="-x -F 1"\n')
    drop_in = tree / "etc/systemd/system/chrony.service.d/container.conf"
    drop_in.parent.mkdir(parents=True)
    drop_in.write_text("[Unit]\nConditionCapability=\n")


class Machine:
    """A booted tree; one that boots still, where nothing is said of how long that may take."""

    def __init__(self, tree: Path, *options: str, boots_within_s: float | None = 90) -> None:
        self._cgroup = f"edge-system-test-{os.getpid()}"
        self._log = (tree.parent / "console.log").open("wb")
        words = ["unshare", "--mount", "--propagation=private", "bash", "-c", BOOT, "boot", self._cgroup]
        self._process = subprocess.Popen(  # closed in stop()
            [*words, f"--directory={tree}", *options],
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=subprocess.STDOUT,
        )
        self.pid = 0
        try:
            until(self._is_there, within_s=30, what="systemd runs in the container")
            if boots_within_s is not None:
                until(self._is_up, within_s=boots_within_s, what="the container has booted")
        except BaseException:
            for child in run("pgrep", "--parent", str(self._process.pid), check=False).stdout.split():
                os.kill(int(child), signal.SIGKILL)  # the container's init, which would outlive systemd-nspawn
            self._process.kill()
            self._process.wait(20)
            self._log.close()
            raise

    def _is_there(self) -> bool:
        # Before its init systemd-nspawn has a child of its own name, which ends.
        found = run("pgrep", "--exact", "--parent", str(self._process.pid), "systemd", check=False).stdout.split()
        self.pid = int(found[0]) if found else 0
        return bool(found)

    def _is_up(self) -> bool:
        return self.run("systemctl", "is-system-running", check=False).stdout.strip() in {"running", "degraded"}

    def run(self, *command: str, within_s: float = 60, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run in the booted machine, as its root."""
        enter = ("nsenter", f"--target={self.pid}", "--all", "--root", "--wd=/", "--")
        path = "PATH=/usr/sbin:/usr/bin:/sbin:/bin"
        return run(*enter, "env", "-i", path, "LC_ALL=C", *command, within_s=within_s, check=check)

    def shows(self, unit: str, name: str) -> str:
        """A property of a unit."""
        return self.run("systemctl", "show", "--value", f"--property={name}", unit).stdout.strip()

    def cut(self) -> None:
        """Pull the supply."""
        os.kill(self.pid, signal.SIGKILL)
        self._process.wait(20)
        self._log.close()

    def stop(self) -> None:
        """Power it off."""
        self.run("systemctl", "poweroff", check=False)
        try:
            self._process.wait(40)
        except subprocess.TimeoutExpired:
            os.kill(self.pid, signal.SIGKILL)
            self._process.wait(20)
        self._log.close()

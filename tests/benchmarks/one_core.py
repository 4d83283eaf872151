"""A slow gateway on a fast machine: one core, and of its time a part. It stands for a Raspberry Pi 4, and isn't one.

A quarter is what a Pi 4 (Cortex-A72, 1.5 GHz) is taken to be beside a server's core; none was at hand to compare. Not
alike are its smaller caches, its slower memory and its card, and that it has four such cores.
"""

import contextlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

PART = 0.25
# The kernel gives no shorter turns than 1 ms: so the gateway runs 1 ms and stands still for 3 ms.
TURN_US = 1000
CORE = 0
VERSION_2 = Path("/sys/fs/cgroup")
VERSION_1 = VERSION_2 / "cpu"


class QuotaError(Exception):
    """No process can be limited here, in a sentence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Quota:
    """``launch``: what to put before a command, so that it and what it starts have no more than that."""

    launch: Sequence[str]

    @classmethod
    @contextlib.contextmanager
    def of(cls, part: float = PART) -> Iterator["Quota"]:
        """A control group (Linux, cgroups(7)). Raises QuotaError where none can be made."""
        is_first = (VERSION_1 / "cpu.cfs_quota_us").exists()
        group = (VERSION_1 if is_first else VERSION_2) / f"edge-bench-{os.getpid()}"
        period_us = int(TURN_US / part)
        # The weight is the largest that there is: whatever else the machine does takes little of that part.
        limits = (
            {"cpu.cfs_period_us": str(period_us), "cpu.cfs_quota_us": str(TURN_US), "cpu.shares": "262144"}
            if is_first
            else {"cpu.max": f"{TURN_US} {period_us}", "cpu.weight": "10000"}
        )
        try:
            group.mkdir()
        except OSError as exc:
            raise QuotaError(f"{group} can't be made ({exc.strerror}): that wants root and Linux's cgroups") from exc
        try:
            try:
                for name, value in limits.items():
                    (group / name).write_text(value, encoding="ascii")
            except OSError as exc:
                raise QuotaError(f"{group} takes no limit ({exc.strerror})") from exc
            enter = f'echo $$ > "{group}/cgroup.procs" && exec "$@"'
            yield cls(launch=("taskset", "--cpu-list", str(CORE), "sh", "-c", enter, "sh"))
        finally:
            group.rmdir()

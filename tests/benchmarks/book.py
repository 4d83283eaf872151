"""The file in which figures are kept: JSON, one entry for each benchmark, with where and when it was measured."""

import os
import platform
import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

from tests.benchmarks.figure import Figure


def keep(file: Path, name: str, figures: Sequence[Figure]) -> None:
    """Put these in the place of what the file had of this benchmark. ``load_1_min``: of the machine, by
    others too; ``by_priority``: it had the processor before them.
    """
    book: dict[str, Any] = orjson.loads(file.read_bytes()) if file.exists() else {}
    book[name] = {
        "commit": _commit(),
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "cores": os.cpu_count(),
        "machine": platform.machine(),
        "python": platform.python_version(),
        "load_1_min": round(os.getloadavg()[0], 1),
        "by_priority": os.sched_getscheduler(0) != os.SCHED_OTHER,
        "figures": {figure.what: figure.value for figure in figures},
    }
    file.write_bytes(orjson.dumps(book, option=orjson.OPT_INDENT_2) + b"\n")


def _commit() -> str:
    """Of the program that was measured, marked where it isn't just that commit; "unknown" outside of a clone."""
    asked = ("git", "describe", "--always", "--dirty", "--abbrev=8", "--exclude=*")
    try:
        told = subprocess.run(asked, cwd=Path(__file__).parent, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return told.stdout.strip()

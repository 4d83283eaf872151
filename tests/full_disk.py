"""A program whose output goes to a disk that is full."""

import os
import subprocess
import sys
from pathlib import Path


def written_to_a_full_disk(*words: str, timeout_s: float) -> tuple[int, str]:
    """Exit code and errors of ``python -m`` with these words; what it prints waits in Python's buffer first."""
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        done = subprocess.run(
            [sys.executable, "-m", *words],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=timeout_s,
            check=False,
            env={name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"},
        )
    return done.returncode, done.stderr

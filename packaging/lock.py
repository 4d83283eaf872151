"""Write requirements.lock: every package exactly, with hashes, for every platform; run by ``make lock``.

One file, two parts: what the program is built and runs with comes first; what only its development needs comes after
the marker line, so that ``make demo`` can install the first part alone. The resolver is uv (``python -m uv``).
"""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
LOCK = ROOT / "requirements.lock"
MARKER = "# ---- development: what follows is needed to test and build, not to run ----"
HEADER = """\
# Written by `make lock`; not to be edited by hand. Every version exactly, with the hashes of its files.
"""
OPTIONS = (
    "--universal",
    "--generate-hashes",
    "--python-version=3.11",
    "--no-emit-index-url",
    "--no-annotate",
    "--no-header",
)


def resolve(*arguments: str) -> dict[str, str]:
    """Package name and marker → its block of lines in requirements format."""
    command = [
        sys.executable,
        "-m",
        "uv",
        "pip",
        "compile",
        "--quiet",
        *OPTIONS,
        *arguments,
        str(ROOT / "pyproject.toml"),
    ]
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout  # noqa: S603 - our own words
    blocks = re.split(r"^(?=\S)", text, flags=re.MULTILINE)
    return {block.split("\\", 1)[0].strip(): block for block in blocks if block.strip()}


def main() -> None:
    development = resolve("--extra=build", "--extra=dev")
    # The same versions in both parts: the run-time part is resolved within the development one.
    pins = LOCK.with_suffix(".pins")
    pins.write_text("\n".join(development))
    try:
        runtime = resolve("--extra=build", f"--constraint={pins}")
    finally:
        pins.unlink()
    rest = [block for pin, block in development.items() if pin not in runtime]
    LOCK.write_text(HEADER + "".join(runtime.values()) + f"\n{MARKER}\n" + "".join(rest))


if __name__ == "__main__":
    main()

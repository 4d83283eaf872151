"""A signed update bundle (RAUC) of a slot's file system; run by ``make update-bundle``.

The key stays with who publishes updates, and never goes onto a gateway: the image has the certificate only. ``make
signing-key`` makes a pair to begin with.
"""

import argparse
import shutil
import subprocess
import tempfile
import tomllib
from pathlib import Path

from gateway_files import BUNDLE_FILES

ROOT = Path(__file__).parent.parent
# Blocks are checked while they are read (verity), so a card can't change between the check of a signature and its use.
# "plain" is for kernels without dm-verity; the image's refuses it.
FORMATS = ("verity", "plain")


def main() -> None:
    parser = argparse.ArgumentParser(description="Sign a slot's file system as an update bundle.")
    parser.add_argument("slot", type=Path, help="the file system that make image left beside the image (.ext4)")
    parser.add_argument("output", type=Path, help="the bundle (.raucb); one that is there is replaced")
    parser.add_argument("--signing", type=Path, required=True, metavar="FOLDER", help="with key.pem and cert.pem")
    parser.add_argument("--architecture", default="arm64")
    options = parser.parse_args()
    make(options.slot, options.output, options.signing, architecture=options.architecture)
    print(f"make update-bundle: {options.output} is signed")  # noqa: T201 - what this command is for


def compatible(architecture: str) -> str:
    """Which gateways take a bundle: RAUC compares it with its own settings."""
    return f"edge-gateway-{architecture}"


def make(slot: Path, output: Path, signing: Path, *, architecture: str, form: str = FORMATS[0]) -> None:
    """``slot``, an ext4 file system, becomes the bundle ``output``."""
    for path in (slot, signing / "key.pem", signing / "cert.pem"):
        if not path.is_file():
            raise SystemExit(f"make update-bundle: there is no {path}; make image and make signing-key make them")
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    output.parent.mkdir(parents=True, exist_ok=True)
    output.unlink(missing_ok=True)
    with tempfile.TemporaryDirectory(prefix="edge-bundle-", dir=output.parent) as name:
        content = Path(name) / "content"
        content.mkdir()
        (content / "rootfs.ext4").hardlink_to(slot.resolve())
        for file in BUNDLE_FILES:
            shutil.copy(ROOT / file.source, content / file.target)
            (content / file.target).chmod(file.mode)
        (content / "manifest.raucm").write_text(
            f"[update]\ncompatible={compatible(architecture)}\nversion={version}\n\n[bundle]\nformat={form}\n\n"
            "[hooks]\nfilename=hook\n\n[image.rootfs]\nfilename=rootfs.ext4\nhooks=post-install\n"
        )
        pair = (f"--cert={signing / 'cert.pem'}", f"--key={signing / 'key.pem'}")
        done = subprocess.run(  # noqa: S603 - our own words
            ["rauc", *pair, "bundle", str(content), str(output)],  # noqa: S607
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise SystemExit(f"make update-bundle: rauc failed: {done.stderr.strip()}")


if __name__ == "__main__":
    main()

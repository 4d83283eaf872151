"""A manifest of images for Raspberry Pi Imager ("Use custom repository"); run by ``make imager-manifest``.

For the image of ``make image`` and for a stock image that ``make card`` has filled, packed with xz or not.
"""

import argparse
import hashlib
import json
import lzma
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

BLOCK = 1024 * 1024
# Imager's names of boards. Debian 12's kernel has no support for the Pi 5; a stock Raspberry Pi OS has.
BOARDS = {"image": ["pi4-64bit"], "card": ["pi5-64bit", "pi4-64bit"]}
TEXTS = {
    "image": "Edge gateway: two slots, read-only, signed updates (Raspberry Pi 4, 400, CM4)",
    "card": "Edge gateway on the maker's OS, with its packages for a first boot without internet",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Weight:
    """Bytes, and their SHA-256."""

    size: int
    digest: str


def main() -> None:
    parser = argparse.ArgumentParser(description="Write a manifest for Raspberry Pi Imager.")
    parser.add_argument("--image", type=Path, action="append", default=[], help="of make image")
    parser.add_argument("--card", type=Path, action="append", default=[], help="of make card")
    parser.add_argument("--url", required=True, help="the folder that the images are served from")
    parser.add_argument("--output", type=Path, required=True)
    options = parser.parse_args()
    given = [("image", path) for path in options.image] + [("card", path) for path in options.card]
    if not given:
        raise SystemExit("make imager-manifest: which images? IMAGE=<file>, CARD=<file>, or both")
    entries = [entry(kind, path, options.url) for kind, path in given]
    options.output.write_text(json.dumps({"os_list": entries}, indent=1) + "\n")


def entry(kind: str, path: Path, url: str) -> dict[str, object]:
    """What Imager shows, fetches and checks of one image."""
    with path.open("rb") as file:
        packed = weigh(file)
    unpacked = packed
    if path.suffix == ".xz":
        with lzma.open(path) as stream:
            unpacked = weigh(stream)
    return {
        "name": TEXTS[kind],
        "description": path.name,
        "url": f"{url.rstrip('/')}/{path.name}",
        "release_date": datetime.fromtimestamp(path.stat().st_mtime, UTC).strftime("%Y-%m-%d"),
        "extract_size": unpacked.size,
        "extract_sha256": unpacked.digest,
        "image_download_size": packed.size,
        "image_download_sha256": packed.digest,
        "devices": BOARDS[kind],
        # Host name, account and ssh key of Imager's dialogue go into cloud-init's files.
        "init_format": "cloudinit",
    }


def weigh(stream: BinaryIO | lzma.LZMAFile) -> Weight:
    """Size and digest of what is left in ``stream``."""
    digest, size = hashlib.sha256(), 0
    while block := stream.read(BLOCK):
        digest.update(block)
        size += len(block)
    return Weight(size=size, digest=digest.hexdigest())


if __name__ == "__main__":
    main()

"""The manifest for Raspberry Pi Imager."""

import hashlib
import json
import lzma
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]
CONTENT = b"boot" * 5000


def _make(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "packaging" / "imager.py"), *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_image_and_card(tmp_path: Path) -> None:
    """Each has sizes and digests, packed and unpacked, its address, its boards, and the dialogue of cloud-init."""
    packed, plain = tmp_path / "gateway.img.xz", tmp_path / "card.img"
    packed.write_bytes(lzma.compress(CONTENT))
    plain.write_bytes(CONTENT)
    output = tmp_path / "imager.json"
    done = _make(f"--image={packed}", f"--card={plain}", "--url=https://example.com/os/", f"--output={output}")
    assert done.returncode == 0, done.stderr
    image, card = json.loads(output.read_text())["os_list"]
    digest = hashlib.sha256(CONTENT).hexdigest()
    assert (image["extract_size"], image["extract_sha256"]) == (len(CONTENT), digest)
    assert image["image_download_size"] == packed.stat().st_size
    assert image["image_download_sha256"] == hashlib.sha256(packed.read_bytes()).hexdigest()
    assert image["url"] == "https://example.com/os/gateway.img.xz"
    assert (image["devices"], "pi5-64bit" in card["devices"]) == (["pi4-64bit"], True)
    assert (card["image_download_sha256"], card["init_format"]) == (digest, "cloudinit")


def test_nothing_to_tell(tmp_path: Path) -> None:
    """Without an image there is no manifest, and it says what to give."""
    done = _make("--url=https://example.com", f"--output={tmp_path / 'imager.json'}")
    assert done.returncode == 1
    assert "IMAGE=<file>" in done.stderr
    assert not (tmp_path / "imager.json").exists()

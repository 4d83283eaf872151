"""The end of `edge commission`: who signs may mistype, leave, or run into a full disk; nothing goes live unsigned."""

import base64
import hashlib
import json
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from edge.cli.commission import commission
from edge.cli.findings import read
from edge.cli.signing import HandOver
from edge.cli.terminal import Terminal
from edge.commission.handover import content, document
from edge.commission.observed import Observation
from edge.errors import NotProven, SetupStopped, SiteFileUnwritable
from edge.language import Speaker
from edge.system.claim import Claim, is_signed, make_claim

ROOT = Path(__file__).parents[3]
PASSPHRASE = "cold garage at seven"
SITE = """
[site]
id = "proof"
[control]
mode = "observe" # as set up
[[circuit]]
id = "main"
fuse_a = 63
[[station]]
id = "CP-A"
circuit = "main"
[[station.evse]]
id = 1
phases = ["L1"]
max_a = 16
[ocpp]
listen = "127.0.0.1:9000"
upstream = "ws://127.0.0.1:9100/{station}"
security_profile = 0
"""


class Signer(Terminal):
    """Says these lines, one for each question; leaves by Ctrl-C when there are no more."""

    def __init__(self, *lines: str) -> None:
        super().__init__(Speaker("en"))
        self._lines: Iterator[str] = iter(lines)

    def line(self, prompt: str) -> str:
        said = next(self._lines, None)
        if said is None:
            raise KeyboardInterrupt(prompt)
        return said

    def secret(self, prompt: str) -> str:
        return self.line(prompt)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    file = tmp_path / "site.toml"
    file.write_text(SITE, encoding="utf-8")
    return file


@pytest.fixture
def owner(tmp_path: Path) -> Claim:
    return make_claim(tmp_path / "state", PASSPHRASE)


@pytest.fixture
def hand_over(config: Path, tmp_path: Path) -> HandOver:
    """Of a site where all is proven."""
    seen = Observation(at=0.0, report={"stations": [], "meters": []}, meter=None)
    at = "2026-03-01T07:00:00+00:00"
    paper = document(read(config), config.read_bytes(), (), seen, speaker=Speaker("en"), version="1", at=at, kept={})
    return HandOver(paper=paper, folder=tmp_path / "handover")


def kept(folder: Path) -> dict[str, Any]:
    [file] = (folder / "handover").glob("*.json")
    assert file.with_suffix(".pdf").read_bytes().startswith(b"%PDF")
    paper: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return paper


def mode(config: Path) -> str:
    return str(tomllib.loads(config.read_text(encoding="utf-8"))["control"]["mode"])


def test_a_mistyped_passphrase_is_asked_again(hand_over: HandOver, owner: Claim, config: Path, tmp_path: Path) -> None:
    """An hour of proofs isn't lost by it; what is signed tells the site file that is in force from then on."""
    hand_over.sign(owner, config, Signer("", "Jørgen Łukasz", "cold garage", "", PASSPHRASE))
    paper = kept(tmp_path)
    signature, key = (base64.b64decode(paper["signature"][name]) for name in ("signature", "public_key"))
    assert is_signed(content(paper), signature, key)
    assert paper["signature"]["name"] == "Jørgen Łukasz"
    assert (mode(config), paper["settings"]["mode"]) == ("control", "control")
    assert paper["site_file_sha256"] == hashlib.sha256(config.read_bytes()).hexdigest()
    assert "# as set up" in config.read_text(encoding="utf-8")


@pytest.mark.parametrize(("part", "other"), [("name", "Bo Berg"), ("signed_at", "2020-01-01T00:00:00+00:00")])
def test_who_signed_and_when_can_not_be_changed(
    hand_over: HandOver, owner: Claim, config: Path, tmp_path: Path, part: str, other: str
) -> None:
    """They stood outside of what was signed: another name fitted the signature, too. Nor by naming the form of then."""
    hand_over.sign(owner, config, Signer("Anna Jensen", PASSPHRASE))
    paper = kept(tmp_path)
    signature, key = (base64.b64decode(paper["signature"][name]) for name in ("signature", "public_key"))
    changed = paper | {"signature": paper["signature"] | {part: other}}
    assert is_signed(content(paper), signature, key)
    assert not is_signed(content(changed), signature, key)
    assert not is_signed(content(changed | {"form": "edge-handover/1"}), signature, key)


def test_whoever_has_the_document_can_verify_it(
    hand_over: HandOver, owner: Claim, config: Path, tmp_path: Path
) -> None:
    """By the lines in docs/security.md, which know nothing of this program; what was changed is refused."""
    hand_over.sign(owner, config, Signer("Anna Jensen", PASSPHRASE))
    guide = (ROOT / "docs/security.md").read_text(encoding="utf-8")
    lines = guide.partition("```python\n")[2].partition("```")[0]
    [file] = (tmp_path / "handover").glob("*.json")

    def verified() -> subprocess.CompletedProcess[str]:
        command = (sys.executable, "-c", lines, str(file))
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    assert verified().stdout.startswith("signed by Anna Jensen at 20")
    file.write_text(file.read_text(encoding="utf-8").replace("Anna", "Bo"), encoding="utf-8")
    assert "InvalidSignature" in verified().stderr


def test_a_document_of_before_is_verified_as_it_was_signed(owner: Claim) -> None:
    """Its signature is over the document without who signed."""
    before = {"form": "edge-handover/1", "passed": True}
    signature = owner.sign(b'{"form":"edge-handover/1","passed":true}', PASSPHRASE)
    signed = before | {"signature": {"name": "Anna", "signed_at": "then", "public_key": "k", "signature": "s"}}
    assert is_signed(content(signed), signature, owner.public_key)


@pytest.mark.parametrize("lines", [(), ("Anna Jensen",), ("Anna Jensen", "cold garage")])
def test_who_leaves_keeps_the_proofs(
    hand_over: HandOver, owner: Claim, config: Path, tmp_path: Path, lines: tuple[str, ...]
) -> None:
    """Ctrl-C at any question: the document has the proofs and no signature, and the gateway stays in observe."""
    hand_over.keep(Speaker("en"))
    with pytest.raises(SetupStopped, match="not signed: the gateway stays in mode observe"):
        hand_over.sign(owner, config, Signer(*lines))
    assert "signature" not in kept(tmp_path)
    assert mode(config) == "observe"


def test_a_file_that_was_changed_meanwhile_is_not_signed_for(hand_over: HandOver, owner: Claim, config: Path) -> None:
    """What was proven is another site than the one that would go live."""
    config.write_text(SITE.replace("63", "125"), encoding="utf-8")
    with pytest.raises(NotProven, match="was changed while it was proven"):
        hand_over.sign(owner, config, Signer("Anna Jensen", PASSPHRASE))
    assert mode(config) == "observe"


def test_without_its_document_nothing_goes_live(
    hand_over: HandOver, owner: Claim, config: Path, tmp_path: Path
) -> None:
    """Where the document can't be written the gateway stays in observe."""
    (tmp_path / "handover").write_text("no folder", encoding="utf-8")
    with pytest.raises(SiteFileUnwritable, match="can't be written"):
        hand_over.sign(owner, config, Signer("Anna Jensen", PASSPHRASE))
    assert mode(config) == "observe"


def test_what_cannot_be_written_is_told_before_the_proofs(config: Path, owner: Claim, tmp_path: Path) -> None:
    """Not after them: an hour with a car at each connector was lost by a mistyped folder."""
    assert owner.public_key
    with pytest.raises(SiteFileUnwritable, match=r"site\.toml/papers can't be written"):
        commission(config, tmp_path / "state", out=config / "papers")
    assert config.read_text(encoding="utf-8") == SITE

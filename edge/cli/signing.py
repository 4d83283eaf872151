"""The hand-over document on the disk, and the owner's signature under it, with which the gateway begins to control."""

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import typer

from edge.cli.terminal import Terminal, undisturbed
from edge.commission.handover import Signature, content
from edge.config.write import save, updated
from edge.domain.site import Mode
from edge.errors import ClaimError, NotProven, SetupLeft, SetupStopped
from edge.language import Speaker
from edge.system.claim import Claim


@dataclass(frozen=True, slots=True, kw_only=True)
class HandOver:
    """``paper`` is what was built and proved, without a signature; ``folder`` is where it goes, as JSON and PDF."""

    paper: Mapping[str, Any]
    folder: Path

    @property
    def file(self) -> Path:
        """The JSON; the PDF lies beside it. Each run has its own: a signed one is never written over."""
        at = self.paper["made_at"][:19].replace(":", "")
        return self.folder / f"handover-{self.paper['site']['id']}-{at}Z.json"

    def keep(self, speaker: Speaker) -> None:
        """Write it as it is.

        :raises SiteFileUnwritable: the folder can't be written to.
        """
        with undisturbed():
            self._write(self.paper, speaker)

    def sign(self, claim: Claim, config: Path, terminal: Terminal) -> None:
        """The signature, and what it is for: ``mode = "control"``. In this order, so that nothing is live unsigned.

        :raises NotProven: the site file isn't the one that was proved.
        :raises SetupStopped: who should sign has left; :class:`SetupLeft` by Ctrl-C.
        :raises SiteFileUnwritable: document or site file can't be written.
        """
        say = terminal.speaker.say
        before = config.read_bytes()
        if _digest(before) != self.paper["site_file_sha256"]:
            raise NotProven(say("commission.changed", {"path": str(config)}))
        live = updated(before.decode(), {"control": {"mode": Mode.CONTROL.value}})
        settings = {**self.paper["settings"], "mode": Mode.CONTROL.value}
        paper = {**self.paper, "settings": settings, "site_file_sha256": _digest(live.encode())}
        try:
            paper = _signed(paper, claim, terminal)
        except (KeyboardInterrupt, SetupStopped) as exc:
            left = SetupStopped if isinstance(exc, SetupStopped) else SetupLeft
            values = {"folder": str(self.folder), "mode": self.paper["settings"]["mode"]}
            raise left(say("commission.unsigned", values)) from None
        with undisturbed():
            self._write(paper, terminal.speaker)
            save(config, live)
        typer.echo(say("commission.live", {"path": str(config)}))

    def _write(self, paper: Mapping[str, Any], speaker: Speaker) -> None:
        from edge.commission.paper import pdf  # here, since no other verb should wait for it

        save(self.file, orjson.dumps(paper, option=orjson.OPT_INDENT_2))
        save(self.file.with_suffix(".pdf"), pdf(paper, speaker))


def _digest(text: bytes) -> str:
    return hashlib.sha256(text).hexdigest()


def _signed(paper: Mapping[str, Any], claim: Claim, terminal: Terminal) -> dict[str, Any]:
    """By whoever knows the owner's passphrase: asked until it is right, as the proofs took an hour."""
    say = terminal.speaker.say
    name = ""
    while not name:
        name = terminal.line(say("commission.signer")).strip()
    while True:
        passphrase = terminal.secret(say("commission.passphrase"))
        at = datetime.now(UTC).isoformat(timespec="seconds")
        by = Signature(name=name, signed_at=at, public_key=base64.b64encode(claim.public_key).decode())
        try:
            signed = claim.sign(content({**paper, "signature": asdict(by)}), passphrase)
        except ClaimError:
            typer.echo(say("claim.wrong"))
            continue
        return {**paper, "signature": asdict(replace(by, signature=base64.b64encode(signed).decode()))}

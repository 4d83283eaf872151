"""The installer's guide, executed line by line: what it shows is what is said."""

import asyncio
import os
import re
import shlex
from pathlib import Path

from tests.forked import as_text, forked
from tests.system.building import building
from tests.system.typist import ROOT, at_terminal

GUIDE = (ROOT / "docs" / "installer.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(dialogue|console|toml)\n(.*?)^```$", GUIDE, re.DOTALL | re.MULTILINE)
PATIENT = "..."  # in the guide: whatever stands there
PROMPT = "$ sudo edge "
BY_SUDO = {"SUDO_USER": "installer"}


def pattern(line: str) -> str:
    """What matches a line of the guide; ``...`` within it stands for anything."""
    shown = re.escape(line).replace(re.escape(PATIENT), ".*?")
    return shown.replace("\\ ", " ")


async def test_the_guide_is_what_happens(tmp_path: Path) -> None:
    """Its dialogue on a terminal, then its commands one after the other, on the file that came of it."""
    async with building() as site:
        site.add("CP-01", (1, 2, 0))
        told = {
            "192.168.1.50:502": str(site.meter_at),
            "192.168.10.1:9000": str(site.gateway),
            "wss://csms.example.com": f"ws://{site.cloud_at}",
            # The package's state folder isn't told: that of this test is.
            "--config /etc/edge-controller/site.toml": f"--config {tmp_path}/site.toml --state {tmp_path}/state",
            "/etc/edge-controller/site.toml": str(tmp_path / "site.toml"),
        }

        def here(text: str) -> str:
            for guide, true in told.items():
                text = text.replace(guide, true)
            return text

        places = ["--config", str(tmp_path / "site.toml"), "--state", str(tmp_path / "state")]
        (dialogue,) = [here(body) for kind, body in BLOCKS if kind == "dialogue"]
        command, *lines = dialogue.splitlines()
        async with at_terminal(*shlex.split(command.removeprefix(PROMPT)), *places, environment=BY_SUDO) as typist:
            for line in lines:
                if not line.strip() or line == PATIENT:
                    continue
                asked = re.fullmatch(r"(.*: )<([^<>]*)>", line)
                if asked is None:
                    await typist.sees(pattern(line) + r"\s*\n")
                else:
                    await typist.answers(pattern(asked[1]) + "$", asked[2])
            assert await typist.ends() == 0
        (tmp_path / "answers.toml").write_text(
            next(here(body) for kind, body in BLOCKS if kind == "toml"), encoding="utf-8"
        )
        for block in (here(body) for kind, body in BLOCKS if kind == "console"):
            await executed(block, tmp_path)


async def executed(block: str, folder: Path) -> None:
    """One command, and what it shows."""
    command, *expected = block.splitlines()
    arguments = [each.replace("answers.toml", str(folder / "answers.toml")) for each in shlex.split(command)[3:]]
    arguments = [str(folder / each) if each == "many.toml" else each for each in arguments]
    if arguments[0] in ("doctor", "station") or "--answers" in arguments:
        state = ["--state", str(folder / "state")] if arguments[0] != "station" else []
        config = [] if "--config" in arguments else ["--config", str(folder / "site.toml")]
        quiet = ["--socket", str(folder / "none")] if arguments[0] == "doctor" else []
        arguments += [*config, *state, *quiet]
    told = as_text(await asyncio.to_thread(forked, "edge", *arguments, env={**os.environ, **BY_SUDO}))
    wanted = r"\n".join(r"[\s\S]*?" if line == PATIENT else pattern(line) for line in expected)
    shown = told.stdout.replace(f"{folder}/many.toml", "many.toml").replace(f" --state {folder}/state", "")
    assert re.match(wanted.replace(r"[\s\S]*?\n", r"(?:[\s\S]*?\n)?"), shown), (command, shown, told.stderr)

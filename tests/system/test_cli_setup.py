"""`edge setup` on a pseudo-terminal, from nothing to a running simulated site."""

import asyncio
import http.client
import re
import socket
import sys
import tomllib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import orjson
import pytest

from edge.language import LANGUAGES, texts
from simulators.meter import MeterFault
from simulators.site import Endpoint
from tests.forked import as_text, forked
from tests.system.building import Building, building
from tests.system.typist import PATIENCE_S, ROOT, Typist, at_terminal
from tests.unit.setup.test_setup_interview import WRONG

PASSPHRASE = "cold garage at seven"
INTERRUPTED = 130  # exit code: 128 + SIGINT


def options(folder: Path, language: str | None = "en") -> list[str]:
    """Of every run in these tests."""
    told = ["--language", language] if language is not None else []
    return ["setup", "--config", str(folder / "site.toml"), "--state", str(folder / "state"), *told]


class Installer:
    """Answers by the names of the questions, in any language."""

    def __init__(self, typist: Typist, language: str = "en") -> None:
        self.typist = typist
        self._texts = texts(language)

    def pattern(self, name: str) -> str:
        """What matches a text, whatever is filled in."""
        parts = re.split(r"\{[^{}]*\}", self._texts[name].replace("{{", "\0").replace("}}", "\1"))
        return ".*?".join(re.escape(part.replace("\0", "{").replace("\1", "}")) for part in parts)

    async def answers(self, name: str, line: str) -> str:
        """Wait for that question and answer it."""
        return await self.typist.answers(self.pattern(name) + r"[^\n]*: $", line)

    async def sees(self, name: str) -> str:
        """Wait for that text."""
        return await self.typist.sees(self.pattern(name))

    async def claims(self) -> None:
        """The first who comes becomes the owner."""
        await self.sees("claim.new")
        await self.answers("claim.passphrase", PASSPHRASE)
        await self.answers("claim.again", PASSPHRASE)

    async def tells_the_site(self) -> None:
        """Site, grid connection, one circuit."""
        await self.answers("site.id", "harbour-3")
        await self.answers("site.timezone", "Europe/Copenhagen")
        await self.answers("grid.fuse_a", "63")
        await self.answers("grid.margin_a", "")
        await self.answers("grid.background_reserve_a", "20")
        await self.answers("circuit.id", "garage")
        await self.answers("circuit.fuse_a", "40 A")
        await self.answers("circuit.id", "")

    async def finds_the_meter(self, site: Building) -> None:
        """By its address on the network; what it shows is what flows."""
        await self.answers("meter.way", "1")
        await self.answers("meter.where.network", str(site.meter_at))
        found = await self.typist.sees(self.pattern("meter.which") + r"[^\n]*: $")
        number = next(line for line in found.splitlines() if "eastron_sdm630 " in line).strip().partition(")")[0]
        self.typist.types(number)
        await self.typist.sees(r"L1 4[.,]0 A, L2 5[.,]0 A, L3 6[.,]0 A")
        await self.answers("meter.right", "y")

    async def takes_in(self, site: Building, name: str) -> None:
        """The station that has connected."""
        site.add(name, (1, 2, 0))
        while name not in await self.typist.sees(self.pattern("station.which") + r"[^\n]*: $"):
            self.typist.types("")
        self.typist.types("1")
        await self.answers("stations.identify", "y")
        await self.sees("identify.lock")
        await self.answers("stations.identify", "n")
        await self.answers("station.circuit", "")
        await self.answers("station.max_a", "16")
        await self.answers("station.fallback_a", "")
        await self.answers("station.location", "bay 12")
        await self.answers("station.evses", "")

    async def measures(self, site: Building, name: str) -> None:
        """The installer's load on the station's own L1, then L2."""
        await self.answers("station.way", "2")
        await self.pauses("phases.off")
        for own in (0, 1):
            await self.sees("phases.on")
            site.load_on = (name, own)
            self.typist.types("")
        await self.sees("phases.measured")
        site.load_on = None

    async def pauses(self, name: str) -> None:
        """Wait until that is to be done, and press Enter."""
        await self.sees(name)
        self.typist.types("")

    async def ends(self, site: Building, *, without_cloud: str | None = None) -> None:
        """Cloud, or the word for none; no BMS, and the file is written."""
        await self.answers("ocpp.upstream", without_cloud or f"ws://{site.cloud_at}")
        await self.sees("cloud.there" if without_cloud is None else "cloud.none")
        await self.answers("bms.broker", "")
        await self.answers("bms.modbus", "")
        await self.sees("proved")
        await self.answers("write", "")
        await self.sees("written")
        assert await self.typist.ends() == 0


class Clumsy(Installer):
    """Answers each question wrongly once, sees it refused with what would be right, and then answers it."""

    def __init__(self, typist: Typist, language: str = "en") -> None:
        super().__init__(typist, language)
        self.refused: set[str] = set()

    async def answers(self, name: str, line: str) -> str:
        if name in WRONG and name not in self.refused:
            await super().answers(name, WRONG[name])
            await self.sees(f"help.{name}")
            self.refused.add(name)
        return await super().answers(name, line)


async def whole(installer: Installer, site: Building) -> None:
    """Everything after the claim."""
    await installer.tells_the_site()
    await installer.finds_the_meter(site)
    await installer.answers("ocpp.listen", str(site.gateway))
    await installer.answers("ocpp.security", "1")
    await installer.sees("stations.url")
    await installer.takes_in(site, "CP-A")
    await installer.measures(site, "CP-A")
    await installer.answers("station.which", "0")
    await installer.ends(site)


@asynccontextmanager
async def running(folder: Path, site: Building) -> AsyncIterator[None]:
    """`edge run` on the file that was written; its API where no other test has one."""
    file = folder / "site.toml"
    file.write_text(file.read_text(encoding="utf-8") + f'\n[api]\nlisten = "{site.api}"\n', encoding="utf-8")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "edge", "run", "--config", str(file), "--socket", str(folder / "edge.sock")),
        cwd=ROOT,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        yield
    finally:
        process.terminate()
        await process.wait()


def status_at(api: Endpoint) -> dict[str, Any]:
    """What the gateway tells of itself; empty while nothing answers."""
    connection = http.client.HTTPConnection(api.host, api.port, timeout=2.0)
    try:
        connection.request("GET", "/api/v1/status")
        return dict(orjson.loads(connection.getresponse().read()))
    except (OSError, http.client.HTTPException):
        return {}
    finally:
        connection.close()


async def until(site: Building, condition: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """Wait for a status that fulfils the condition."""
    told: dict[str, Any] = {}
    try:
        async with asyncio.timeout(PATIENCE_S):
            # Another process's state: nothing here is told when it changes.
            while not (told := await asyncio.to_thread(status_at, site.api)) or not condition(told):  # noqa: ASYNC110
                await asyncio.sleep(0.2)
    except TimeoutError:
        raise AssertionError(f"never so: {told}") from None
    return told


@pytest.mark.parametrize(
    "language", [pytest.param(each, marks=() if each == "en" else pytest.mark.minutes) for each in LANGUAGES]
)
async def test_from_nothing_to_a_running_site(language: str, tmp_path: Path) -> None:
    """Claimed, asked, measured, written; the gateway runs on it, and a car charges in observe mode."""
    async with building() as site:
        async with at_terminal(*options(tmp_path, language)) as typist:
            installer = Installer(typist, language)
            await installer.claims()
            await whole(installer, site)
        written = tomllib.loads((tmp_path / "site.toml").read_text(encoding="utf-8"))
        assert written["control"] == {"mode": "observe"}
        assert written["station"][0]["evse"][0]["phases"] == ["L2", "L3", "L1"]
        assert not (tmp_path / ".site.toml.setup").exists()
        state = tmp_path / "state"  # not where the package has it: the next command must be told
        assert f"edge commission --config {tmp_path}/site.toml --state {state}" in re.sub(r"\r?\n", "", typist.shown)
        await site.restart("CP-A")
        async with running(tmp_path, site):
            told = await until(site, lambda told: bool(told["meters"]) and told["meters"][0]["ok"])
            assert told["mode"] == "observe"
            await until(site, lambda told: told["stations"][0]["evses"][0]["status"] == "Available")
            site.plug_in("CP-A")
            told = await until(site, lambda told: bool((told["stations"][0]["evses"][0]["draw_a"] or [0])[0] > 10))
            assert told["stations"][0]["vendor"] == "Simulated"


async def test_a_site_without_a_cloud_from_nothing(tmp_path: Path) -> None:
    """The word for none in the installer's language; the gateway that runs on it has none, and no trouble for that."""
    async with building() as site:
        async with at_terminal(*options(tmp_path, "nl")) as typist:
            installer = Installer(typist, "nl")
            await installer.claims()
            await installer.tells_the_site()
            await installer.answers("meter.way", "4")
            await installer.answers("ocpp.listen", str(site.gateway))
            await installer.answers("ocpp.security", "1")
            await installer.answers("station.which", "0")
            await installer.ends(site, without_cloud="geen")
        assert "upstream" not in tomllib.loads((tmp_path / "site.toml").read_text(encoding="utf-8"))["ocpp"]
        async with running(tmp_path, site):
            told = await until(site, lambda told: told["control"]["state"] == "NORMAL")
        assert (told["has_cloud"], told["storage"]["state"]) == (False, "GOOD")


async def test_two_who_set_up_at_once(tmp_path: Path) -> None:
    """The second is told, and can go on once the first has left."""
    second = [*options(tmp_path), "--config", str(tmp_path / "site.toml")]
    async with at_terminal(*options(tmp_path)) as typist:
        await typist.sees("Passphrase: $")
        code, _, errors = await edge(*second)
        assert (code, "is being set up in another terminal" in errors) == (2, True), errors
        await typist.interrupts()
    async with at_terminal(*second) as typist:
        await typist.sees("Passphrase: $")


async def test_a_passphrase_of_a_terminal_without_utf_8(tmp_path: Path) -> None:
    """It would be another one at the next terminal: told in a sentence, and asked again."""
    async with at_terminal(*options(tmp_path, "da")) as typist:
        installer = Installer(typist, "da")
        await installer.sees("claim.passphrase")
        typist.types("kold garage på Køge", encoding="latin-1")
        await installer.sees("unreadable")
        await installer.answers("claim.passphrase", "kold garage på Køge")
        await installer.answers("claim.again", "kold garage på Køge")
        await installer.sees("part.site")


async def test_a_wrong_answer_to_every_question_that_is_asked(tmp_path: Path) -> None:
    """Each is refused in words and asked again; the file is as if nothing had been wrong."""
    async with building() as site, at_terminal(*options(tmp_path, "de")) as typist:
        clumsy = Clumsy(typist, "de")
        await clumsy.claims()
        await whole(clumsy, site)
    # The others belong to ways that this installer doesn't go; the interview's own tests have them.
    untried = {"meter.connection", "meter.model", "meter.unit", "station.phases", "bms.password", "bms.fallback_a"}
    assert set(WRONG) - clumsy.refused == untried
    written = tomllib.loads((tmp_path / "site.toml").read_text(encoding="utf-8"))
    assert written["circuit"][0]["fuse_a"] == 63
    assert written["station"][0]["evse"][0]["phases"] == ["L2", "L3", "L1"]


async def test_left_before_and_after_the_first_answer(tmp_path: Path) -> None:
    """Nothing is said to be kept of a site of which nothing was said; by Ctrl-C as by the end of the input."""
    said = texts("de")
    async with at_terminal(*options(tmp_path, "de")) as typist:
        await typist.sees(said["claim.passphrase"])
        assert await typist.interrupts(leaves=said["left.early"]) == INTERRUPTED
    async with at_terminal(*options(tmp_path, "de")) as typist:
        installer = Installer(typist, "de")
        await installer.claims()
        await typist.sees(said["site.id"])
        typist.hangs_up()
        assert await typist.ends() == 2
        assert said["left.early"] in typist.shown
    async with at_terminal(*options(tmp_path, "de")) as typist:
        installer = Installer(typist, "de")
        await installer.answers("claim.known", PASSPHRASE)
        await installer.answers("site.id", "hafen-3")
        await typist.sees(said["site.timezone"])
        assert await typist.interrupts(leaves=said["left"]) == INTERRUPTED


@pytest.mark.minutes
async def test_left_half_way_and_resumed_with_a_mute_meter(tmp_path: Path) -> None:
    """Ctrl-C keeps what was answered; the owner goes on, in the language chosen; a meter that is mute is told."""
    async with building() as site:
        async with at_terminal(*options(tmp_path, None)) as typist:
            installer = Installer(typist, "da")
            await typist.answers(r"Sprache \[1\]: $", "2")
            await installer.claims()
            await installer.tells_the_site()
            await installer.sees("part.meter")
            assert await typist.interrupts(leaves=texts("da")["left"]) == INTERRUPTED
            assert texts("da")["left"] in typist.shown
        assert not (tmp_path / "site.toml").exists()
        site.meter.fault = MeterFault.SILENT
        async with at_terminal(*options(tmp_path, None)) as typist:
            installer = Installer(typist, "da")
            await installer.answers("claim.known", "not the passphrase")
            await installer.sees("claim.wrong")
            await installer.answers("claim.known", PASSPHRASE)
            await installer.sees("resumed")
            await installer.answers("meter.way", "3")
            await installer.answers("meter.connection", f"tcp://{site.meter_at}")
            await installer.answers("meter.model", "eastron_sdm630")
            await installer.answers("meter.unit", "")
            await installer.sees("meter.mute")
            await installer.answers("meter.mute.title", "2")
            await installer.answers("ocpp.listen", str(site.gateway))
            await installer.answers("ocpp.security", "1")
            await installer.answers("station.which", "0")
            await installer.ends(site)
            assert "warning" not in typist.shown  # no line of the log between the questions: it says the same again
    written = tomllib.loads((tmp_path / "site.toml").read_text(encoding="utf-8"))
    assert (written["site"]["id"], written["meter"][0]["model"]) == ("harbour-3", "eastron_sdm630")


ANSWERS = """
site.id = "{hostname}"
[grid]
fuse_a = 63
background_reserve_a = 20
[meter]
connection = "tcp://192.0.2.50:502"
model = "eastron_sdm630"
[[station]]
id = "CP-01"
max_a = 16
[ocpp]
listen = "192.168.10.1:9000"
upstream = "wss://csms.example.com/ocpp"
"""


async def edge(*arguments: str, largest_file: int | None = None) -> tuple[int, str, str]:
    """Exit code, output, errors. ``largest_file`` in bytes: what the disk has room for."""
    if largest_file is None:
        ended = as_text(await asyncio.to_thread(forked, "edge", *arguments))
        return ended.returncode, ended.stdout, ended.stderr
    process = await asyncio.create_subprocess_exec(
        # -B: or what it compiles for the first time would be cut off at that, and stay so.
        *("prlimit", f"--fsize={largest_file}", sys.executable, "-B", "-m", "edge", *arguments),
        cwd=ROOT,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    output, errors = await process.communicate()
    assert process.returncode is not None
    return process.returncode, output.decode(), errors.decode()


async def test_many_gateways_alike(tmp_path: Path) -> None:
    """A file of answers asks nothing: what it lacks has its default, a key is made; a sound file in observe mode."""
    answers = tmp_path / "answers.toml"
    answers.write_text(ANSWERS, encoding="utf-8")
    code, output, errors = await edge(*options(tmp_path), "--answers", str(answers))
    assert (code, errors) == (0, "")
    assert "CP-01" in output
    written = tomllib.loads((tmp_path / "site.toml").read_text(encoding="utf-8"))
    assert written["control"] == {"mode": "observe"}
    assert written["site"]["id"] == socket.gethostname()
    assert written["station"][0]["key_hash"].startswith("pbkdf2")
    code, output, errors = await edge("check", str(tmp_path / "site.toml"))
    assert (code, errors) == (0, "")


async def test_a_gateway_without_a_cloud(tmp_path: Path) -> None:
    """The file of answers says none; what is written is sound, and its reader is told who may charge."""
    answers = tmp_path / "answers.toml"
    answers.write_text(ANSWERS.replace('"wss://csms.example.com/ocpp"', '"none"'), encoding="utf-8")
    code, _, errors = await edge(*options(tmp_path), "--answers", str(answers))
    assert (code, errors) == (0, "")
    assert "upstream" not in tomllib.loads((tmp_path / "site.toml").read_text(encoding="utf-8"))["ocpp"]
    code, output, errors = await edge("check", str(tmp_path / "site.toml"))
    assert (code, errors) == (0, "")
    assert "the site has no cloud: its own tokens" in output


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("fuse_a = 63", "fuse_a = 0", "grid.fuse_a: '0' doesn't fit"),
        ("fuse_a = 63", "", "grid.fuse_a: is missing"),
        ("fuse_a = 63", "fuse_a = 25", "has no room for the fallback currents"),
        ("[grid]", "[gird]", "gird: is asked by no question"),
        (
            "[meter]",
            '[meter]\nway = "no"',
            "meter.way: 'no' doesn't fit. Choose by the number. (network, serial, typed, later)",
        ),
        ("upstream =", "#", "ocpp.upstream: is missing; Begins with wss:// or ws://"),
        ("site.id", 'language = "fr"\nsite.id', "language: is none that this speaks; there are: en, da, nl, de"),
        ('"CP-01"', f'"{"x" * 5000}"', f"station[0].id: '{'x' * 60}...' doesn't fit"),
        (  # a line of a file that isn't written is nobody's help
            "[ocpp]",
            '[[station]]\nid = "CP-01"\nmax_a = 16\n[ocpp]',
            "station[1].id: is 'CP-01', which another station has already; give each",
        ),
    ],
)
async def test_a_file_of_answers_that_is_wrong(old: str, new: str, words: str, tmp_path: Path) -> None:
    """One sentence names the key; nothing is written."""
    answers = tmp_path / "answers.toml"
    answers.write_text(ANSWERS.replace(old, new, 1), encoding="utf-8")
    code, _, errors = await edge(*options(tmp_path), "--answers", str(answers))
    assert code == 2
    assert words in errors
    assert not (tmp_path / "site.toml").exists()


async def test_answers_for_a_disk_that_is_full(tmp_path: Path) -> None:
    """The disk is what is wrong, and not this program: nothing is written. It was a fault of this program."""
    (tmp_path / "answers.toml").write_text(ANSWERS, encoding="utf-8")
    code, _, errors = await edge(*options(tmp_path), "--answers", str(tmp_path / "answers.toml"), largest_file=50)
    assert code == 1
    assert errors == f"edge: {tmp_path} can't be written (File too large); make room on its disk first (df -h)\n"
    assert not (tmp_path / "site.toml").exists()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[circuit]\nid = 'main'", "[[circuit]] is not of its form"),
        ("circuit = [1]", "[[circuit]] is not of its form"),
        ("[[station]]\ncircuit = 'x'", "[[station]] is not of its form"),
        ("[bms]\nmqtt = 3", "[bms.mqtt] is not of its form"),
        ("bms = 3", "[bms] is not of its form"),
        ("site = 3", "[site] is not of its form"),
    ],
)
async def test_a_site_file_by_hand_that_is_none(text: str, words: str, tmp_path: Path) -> None:
    """What can't be asked about is told before anything is asked; the file stays."""
    (tmp_path / "site.toml").write_text(text, encoding="utf-8")
    (tmp_path / "answers.toml").write_text(ANSWERS, encoding="utf-8")
    code, _, errors = await edge(*options(tmp_path), "--answers", str(tmp_path / "answers.toml"))
    assert (code, words in errors, "edge check names the line" in errors) == (2, True, True), errors
    assert (tmp_path / "site.toml").read_text(encoding="utf-8") == text


@pytest.mark.parametrize("place", ["", "/", "."])
async def test_a_site_file_that_is_a_folder(place: str, tmp_path: Path) -> None:
    """Said before anything is asked: no owner is made."""
    code, _, errors = await edge("setup", "--language", "en", "--config", place, "--state", str(tmp_path / "state"))
    assert code == 2
    assert "is a folder; name the site file in it, for example site.toml" in errors
    assert not (tmp_path / "state").exists()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (ANSWERS.encode("utf-16"), "is not UTF-8; save it as UTF-8"),
        (b"\xef\xbb\xbf" + ANSWERS.encode(), "begins with a byte order mark; save it as UTF-8 without BOM"),
        (ANSWERS.encode()[:120], "is no TOML: "),
    ],
    ids=["another encoding", "a mark", "cut off"],
)
async def test_a_file_of_answers_that_is_damaged(content: bytes, words: str, tmp_path: Path) -> None:
    """One sentence, and nothing is written."""
    answers = tmp_path / "answers.toml"
    answers.write_bytes(content)
    code, _, errors = await edge(*options(tmp_path), "--answers", str(answers))
    assert code == 2
    assert words in errors
    assert errors.count("\n") == 1
    assert not (tmp_path / "site.toml").exists()

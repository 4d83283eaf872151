"""`edge backup`, `restore`, `factory-reset`, `support-bundle`, `doctor` and `station` as processes."""
# ruff: noqa: ASYNC240 - small files of the tests' own

import asyncio
import contextlib
import os
import shutil
import socket
import sqlite3
import subprocess
import sys
import tarfile
import tomllib
from pathlib import Path

import pytest

from edge.cli.hiding import secrets_of, without_secrets
from edge.storage.database import schemas
from edge.storage.lock import locked
from edge.storage.reading import entries
from edge.storage.store import Store
from edge.system.claim import RESET_FILE, make_claim, read_claim, reset_by_presence
from tests.system.building import building
from tests.system.test_cli_commission import written
from tests.system.test_cli_setup import edge, running, until
from tests.system.typist import at_terminal
from tests.unit.storage.storage_bench import put

PASSPHRASE = "cold garage at seven"
SERVICE = 4711  # the service's account
SITE = """
# by hand
[site]
id = "x"
[control]
mode = "observe"
[[circuit]]
id = "main" # 63 A as on the plan
fuse_a = 63
background_reserve_a = 20
[[station]]
id = "CP-01"
circuit = "main"
key_hash = "{hash}"
[[station.evse]]
id = 1
max_a = 16
[ocpp]
listen = "192.168.10.1:9000"
upstream = "wss://csms.example.com/ocpp/{station}"
security_profile = 1
""".replace("{hash}", "pbkdf2-sha256$10000$" + "0" * 32 + "$" + "0" * 64)


@pytest.fixture(autouse=True)
def no_other_gateway(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """One that runs on this machine for others is none of these tests' business."""
    monkeypatch.setenv("EDGE_SOCKET", str(tmp_path / "edge.sock"))


@pytest.fixture
def site_file(tmp_path: Path) -> Path:
    """A sound site file beside a state folder with something in it."""
    file = tmp_path / "site.toml"
    file.write_text(SITE, encoding="utf-8")
    (tmp_path / "state" / "profiles").mkdir(parents=True)
    (tmp_path / "state" / "profiles" / "CP-01.json").write_text("{}", encoding="utf-8")
    (tmp_path / "passphrase").write_text(PASSPHRASE + "\n", encoding="utf-8")
    return file


def places(file: Path) -> list[str]:
    """The options that name them."""
    return ["--config", str(file), "--state", str(file.parent / "state")]


async def test_a_backup_comes_back(site_file: Path, tmp_path: Path) -> None:
    """Encrypted: nothing of it can be read; with the passphrase all is as it was, with another nothing happens."""
    sealed = tmp_path / "gateway.edgebackup"
    secret = ["--passphrase-file", str(tmp_path / "passphrase")]
    assert (await edge("backup", str(sealed), *places(site_file), *secret))[0] == 0
    assert b"CP-01" not in sealed.read_bytes()
    site_file.unlink()
    (tmp_path / "state" / "profiles" / "CP-01.json").unlink()
    wrong = tmp_path / "wrong"
    wrong.write_text("another passphrase\n", encoding="utf-8")
    code, _, errors = await edge("restore", str(sealed), *places(site_file), "--passphrase-file", str(wrong))
    assert (code, site_file.exists()) == (1, False)
    assert f"{sealed}: the passphrase is wrong" in errors
    code, _, errors = await edge("restore", str(wrong), *places(site_file), *secret)
    assert (code, site_file.exists()) == (1, False)
    assert f"{wrong}: this is no sealed file of the gateway; give a file that edge backup wrote" in errors
    wrong.write_bytes(b"\xff\xfe no text")
    code, _, errors = await edge("restore", str(sealed), *places(site_file), "--passphrase-file", str(wrong))
    assert (code, site_file.exists()) == (2, False)
    assert "is no text" in errors
    code, output, _ = await edge("restore", str(sealed), *places(site_file), *secret)
    assert (code, output) == (0, "restored 2 files\n")
    assert site_file.read_text(encoding="utf-8") == SITE
    assert (tmp_path / "state" / "profiles" / "CP-01.json").exists()


async def test_a_restore_that_is_cut_off_sets_nothing_up(site_file: Path, tmp_path: Path) -> None:
    """The site file comes last: with it, and without the claim and the cards, a gateway controlled as nobody's."""
    secret = ["--passphrase-file", str(tmp_path / "passphrase")]
    assert (await edge("backup", str(tmp_path / "b"), *places(site_file), *secret))[0] == 0
    new = tmp_path / "new" / "site.toml"
    (new.parent / "state/profiles/CP-01.json/in-the-way").mkdir(parents=True)
    new.write_text("")
    code, _, errors = await edge("restore", str(tmp_path / "b"), *places(new), *secret)
    assert code == 1, errors
    assert new.read_text() == ""


async def test_a_backup_of_a_running_gateways_journal_comes_back(site_file: Path, tmp_path: Path) -> None:
    """What is in its log alone is in it; old files of the machine that it comes to don't mix with it."""
    state, sealed = tmp_path / "state", tmp_path / "gateway.edgebackup"
    secret = ["--passphrase-file", str(tmp_path / "passphrase")]
    store = Store(state)
    store.open()
    store.commit([[put(7)]])
    code, _, errors = await edge("backup", str(sealed), *places(site_file), *secret)
    assert (code, errors) == (0, "")
    assert sealed.stat().st_size < 1_000_000  # the room that is reserved is no part of it
    store.commit([[put(8)]])
    with locked(state):  # as the gateway holds it
        code, _, errors = await edge("restore", str(sealed), *places(site_file), *secret)
    assert (code, "is in use by another edge run" in errors) == (1, True)
    left = {path: path.read_bytes() for path in state.iterdir() if path.name.startswith("journal.db")}
    store.close()
    for path, content in left.items():  # what a kill would have left
        path.write_bytes(content)
    code, output, errors = await edge("restore", str(sealed), *places(site_file), *secret)
    assert (code, output, errors) == (0, "restored 6 files\n", "")
    store = Store(state)
    store.open()
    assert ([entry.seq for entry in entries(store)], store.healed) == ([7], ())
    store.close()


@pytest.mark.parametrize(("readable_from", "is_restored"), [(99, False), (1, True)])
async def test_a_backup_of_a_later_release(
    site_file: Path, tmp_path: Path, readable_from: int, is_restored: bool
) -> None:
    """A new card has an older release than the gateway that died: where that can't read the journal, it says so before
    anything is replaced."""
    state, sealed = tmp_path / "state", tmp_path / "gateway.edgebackup"
    secret = ["--passphrase-file", str(tmp_path / "passphrase")]
    store = Store(state)
    store.open()
    store.close()
    with contextlib.closing(sqlite3.connect(state / "journal.db")) as later:
        later.execute("PRAGMA user_version = 99")
        later.execute("UPDATE form SET readable_from = ?", (readable_from,))
        later.commit()
    assert (await edge("backup", str(sealed), *places(site_file), *secret))[0] == 0
    (state / "journal.db").unlink()
    site_file.write_text(SITE.replace("63", "80"), encoding="utf-8")
    code, _, errors = await edge("restore", str(sealed), *places(site_file), *secret)
    if is_restored:
        assert (code, errors) == (0, "")
        assert site_file.read_text(encoding="utf-8") == SITE
    else:
        assert (code, "80" in site_file.read_text(encoding="utf-8"), (state / "journal.db").exists()) == (
            1,
            True,
            False,
        )
        ours = schemas()["journal"].version
        assert f"journal.db has form 99, this release reads up to {ours}; install the release that wrote it" in errors


async def test_a_full_disk_spoils_nothing(site_file: Path, tmp_path: Path) -> None:
    """The backup and the site file that were there stay whole; the disk is named as what is wrong."""
    sealed = tmp_path / "gateway.edgebackup"
    secret = ["--passphrase-file", str(tmp_path / "passphrase")]
    assert (await edge("backup", str(sealed), *places(site_file), *secret))[0] == 0
    site_file.write_text(SITE.replace("63", "80"), encoding="utf-8")

    def files() -> dict[Path, bytes]:
        return {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file() and path.name != "lock"}

    before = files()
    bundle = ("support-bundle", str(tmp_path / "bundle.tar.gz"), "--config", str(site_file))
    for command in (
        ("backup", str(sealed), *places(site_file), *secret),
        ("restore", str(sealed), *places(site_file), *secret),
        bundle,  # an empty one stayed, and the disk had no name
    ):
        code, _, errors = await edge(*command, largest_file=100)
        assert (code, "make room on its disk" in errors) == (1, True), errors
        assert files() == before


async def test_nobody_is_adopted_onto_a_full_disk(site_file: Path, tmp_path: Path) -> None:
    """The folder is named, and no file that nobody knows; neither here nor by the proof of the site."""
    adopted = ("station", "adopt", "CP-09", "--circuit", "main", "--max-a", "16", "--config", str(site_file))
    why = f"edge: {tmp_path} can't be written (File too large); make room on its disk first (df -h)\n"
    assert await edge(*adopted, largest_file=100) == (1, "", why)
    proof = ("commission", "--no-sign", "--config", str(site_file), "--state", str(tmp_path / "state"))
    assert await edge(*proof, largest_file=100) == (1, "", why)
    assert site_file.read_text(encoding="utf-8") == SITE


async def test_a_factory_reset_needs_the_owner(site_file: Path, tmp_path: Path) -> None:
    """Without the passphrase nothing is deleted; an unclaimed gateway is reset at once."""
    state = tmp_path / "state"
    make_claim(state, PASSPHRASE)
    code, _, errors = await edge("factory-reset", *places(site_file), "--yes")
    assert (code, site_file.exists()) == (2, True), errors
    (state / "claim.json").unlink()
    assert (await edge("factory-reset", *places(site_file), "--yes"))[0] == 0
    assert site_file.read_bytes() == b""  # as the package brings it: it keeps its owner and mode
    assert list(state.iterdir()) == []


async def test_a_gateway_that_does_not_answer_is_not_reset_under_its_feet(site_file: Path, tmp_path: Path) -> None:
    """One with a socket of its own, or too busy to answer: it holds its folder, and nothing is deleted there."""
    with locked(tmp_path / "state"):
        code, _, errors = await edge("factory-reset", *places(site_file), "--yes")
    assert (code, "is in use by another edge run" in errors) == (1, True), errors
    assert site_file.read_text(encoding="utf-8") == SITE
    assert (tmp_path / "state" / "profiles" / "CP-01.json").exists()


@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("setpriv"), reason="only root may give files away")
async def test_who_may_not_ask_the_gateway_is_told_to_be_root(site_file: Path, tmp_path: Path) -> None:
    """That it doesn't run isn't known, and nobody is sent to look for the cause."""
    with socket.socket(socket.AF_UNIX) as door:
        door.bind(str(tmp_path / "edge.sock"))
        os.chown(tmp_path / "edge.sock", SERVICE, SERVICE)
        powerless = ("setpriv", "--bounding-set", "-dac_override,-dac_read_search", sys.executable, "-m", "edge")
        arguments = (*powerless, "doctor", *places(site_file), "--language", "en")
        found = await asyncio.to_thread(subprocess.run, arguments, capture_output=True, text=True, check=False)
    assert found.stdout.splitlines()[:2] == [
        "1. only root and the gateway's own account may ask the gateway",
        "   -> sudo edge doctor",
    ]
    assert "systemctl" not in found.stdout


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away")
async def test_what_root_writes_is_the_services(site_file: Path, tmp_path: Path) -> None:
    """A restored state belongs to whom its folder belongs; a site file that is changed or restored keeps its group."""
    state, sealed = tmp_path / "state", tmp_path / "gateway.edgebackup"
    secret = ["--passphrase-file", str(tmp_path / "passphrase")]
    assert (await edge("backup", str(sealed), *places(site_file), *secret))[0] == 0
    shutil.rmtree(state / "profiles")
    os.chown(state, SERVICE, SERVICE)
    os.chown(site_file, 0, SERVICE)
    site_file.chmod(0o640)
    assert (await edge("restore", str(sealed), *places(site_file), *secret))[0] == 0
    assert {(each.stat().st_uid, each.stat().st_gid) for each in state.rglob("*")} == {(SERVICE, SERVICE)}
    adopted = ("station", "adopt", "CP-02", "--circuit", "main", "--max-a", "16", "--config", str(site_file))
    code, _, errors = await edge(*adopted)
    assert code == 0, errors
    assert "CP-02" in site_file.read_text(encoding="utf-8")
    found = site_file.stat()
    assert (found.st_uid, found.st_gid, found.st_mode & 0o777) == (0, SERVICE, 0o640)


async def test_a_file_that_is_not_there_is_named(site_file: Path) -> None:
    """The backup, the passphrase's file, a folder that can't be written to: which of them, in one sentence."""
    there, gone = site_file.with_name("passphrase"), site_file.with_name("gone")
    for command in (
        ("restore", str(gone), *places(site_file), "--passphrase-file", str(there)),
        ("backup", str(site_file.with_name("b")), *places(site_file), "--passphrase-file", str(gone)),
    ):
        code, _, errors = await edge(*command)
        assert (code, errors) == (2, f"edge: {gone}: can't be read (No such file or directory)\n")
    code, _, errors = await edge("backup", str(there / "b"), *places(site_file), "--passphrase-file", str(there))
    assert code == 1
    assert errors.startswith(f"edge: {there}")


async def test_a_question_that_nobody_answers_does_nothing(site_file: Path) -> None:
    """At the end of the input: said as it is, and nothing is written or deleted."""
    target = site_file.with_name("b")
    for command in (("backup", str(target), *places(site_file)), ("factory-reset", *places(site_file))):
        code, _, errors = await edge(*command)
        assert (code, errors) == (2, "edge: nothing was typed, and nothing was done\n")
    assert site_file.read_text(encoding="utf-8") == SITE
    assert not target.exists()


async def test_a_station_s_current_is_a_number(site_file: Path) -> None:
    """What a site file can't have isn't written into it."""
    before = site_file.read_bytes()
    command = ("station", "adopt", "CP-02", "--circuit", "main", "--config", str(site_file), "--max-a")
    for said in ("nan", "16.125", "2000", "-6"):
        code, _, errors = await edge(*command, said)
        assert (code, site_file.read_bytes()) == (2, before)
        assert f"'{said}' is no current from 0 to 1000 A; give for example 16 or 12.5" in errors
    assert (await edge(*command, "12,5 A"))[0] == 0
    assert tomllib.loads(site_file.read_text(encoding="utf-8"))["station"][-1]["evse"][0]["max_a"] == 12.5


def test_presence_resets_the_claim_once(tmp_path: Path) -> None:
    """A file on the boot partition takes the claim away, and is taken away itself."""
    state, boot = tmp_path / "state", tmp_path / "boot"
    boot.mkdir()
    make_claim(state, PASSPHRASE)
    assert not reset_by_presence(state, [boot])
    for name in (RESET_FILE, f"{RESET_FILE}.txt"):  # Windows hides what it appends
        (boot / name).touch()
        assert reset_by_presence(state, [boot])
        assert read_claim(state) is None
        assert list(boot.iterdir()) == []
        assert not reset_by_presence(state, [boot])
        make_claim(state, PASSPHRASE)


def test_nothing_secret_is_in_a_bundle() -> None:
    """Keys, logins and drivers' tokens are hidden."""
    text = SITE + 'broker = "mqtt://user:word@host"\n{"idTag": "04A1B2C3D4"}\nAuthorization: Basic QUJD\n'
    hidden = without_secrets(text)
    assert not any(secret in hidden for secret in ("pbkdf2-sha256$10000", "user:word", "04A1B2C3D4", "QUJD"))
    assert tomllib.loads(hidden.partition("broker")[0])["station"][0]["id"] == "CP-01"


@pytest.mark.parametrize(
    "line",
    [
        'password = "s3cret, word"',
        "password = 's3cret'",
        'password = "s3cret \\" s3cret"',
        'password = """\nof two lines\ns3cret"""',
        'bms.mqtt.password = "s3cret"',
        '"password" = "s3cret"',
        'bms = { mqtt = { broker = "mqtt://h", username = "s3cret", password = "s3cret" } }',
        '# password = "s3cret"   # the old one',
        'password = "s3cret',  # no TOML: somebody is looking for why
        "password = s3cret",
        'upstream = "wss://user:p@s3cret@host/{station}"',
        'upstream = "wss://user:pass/s3cret@host/{station}"',
    ],
)
def test_a_login_however_it_is_written(line: str) -> None:
    """In every form that TOML has, and in those that it hasn't."""
    hidden = without_secrets(f'[bms]\n{line}\n[site]\nid = "x"\n')
    assert "s3cret" not in hidden
    assert 'id = "x"' in hidden or '"""' in line


def test_what_the_site_file_knows_is_hidden_everywhere() -> None:
    """A password of it that a log line or a broker's answer repeats."""
    known = secrets_of('[bms.mqtt]\nusername = "edge"\npassword = "s3cret"\n')
    assert "s3cret" not in without_secrets('{"event": "refused", "why": "bad login s3cret"}', known)
    assert secrets_of("no TOML") == ()


async def test_a_gateway_that_is_not_set_up(site_file: Path, tmp_path: Path) -> None:
    """As delivered: one sentence says what to do, not a list of what an empty file lacks."""
    told = [*places(site_file), "--socket", str(tmp_path / "none")]
    for empty in (lambda: site_file.write_bytes(b"\n"), site_file.unlink):
        empty()
        code, output, errors = await edge("doctor", *told)
        assert (code, errors) == (1, "")
        assert output == "1. the gateway isn't set up yet\n   -> sudo edge setup\n"


async def test_an_empty_site_file_is_told_as_one(site_file: Path) -> None:
    """As the package brings it: whoever proves it first is sent to the set-up, not to three tables."""
    site_file.write_bytes(b"\n")
    code, _, errors = await edge("commission", *places(site_file))
    told = f"{site_file}: error: the file: is empty; set the site up: sudo edge setup (by hand: docs/configuration.md)"
    assert (code, errors) == (2, f"{told}\n{site_file}: 1 error\n")


async def test_an_address_that_no_network_has(site_file: Path, tmp_path: Path) -> None:
    """Mistyped, or its cable is out (RFC 5737's addresses here): named with its key; loopback's aren't."""
    site_file.write_text(f'{SITE}[bms.modbus]\nlisten = "192.0.2.1:5502"\nfallback_a = 6\n', encoding="utf-8")
    _, output, errors = await edge("doctor", *places(site_file), "--socket", str(tmp_path / "none"))
    assert errors == ""
    assert "no network that is up has 192.0.2.1:5502 ([bms.modbus] listen)\n   -> see that its network" in output
    assert "no network that is up has 192.168.10.1:9000 ([ocpp] listen)" in output
    assert output.count("no network that is up") == 2


async def test_a_storage_folder_of_the_site_file(site_file: Path, tmp_path: Path) -> None:
    """Where the journal is elsewhere, a backup without it isn't made; a reset says what it leaves."""
    other = tmp_path / "other"
    site_file.write_text(f'{SITE}[storage]\npath = "{other}"\n', encoding="utf-8")
    sealed, secret = tmp_path / "gateway.edgebackup", ["--passphrase-file", str(tmp_path / "passphrase")]
    code, _, errors = await edge("backup", str(sealed), *places(site_file), *secret)
    assert (code, sealed.exists()) == (2, False)
    assert f"keeps its state in {other}" in errors
    assert f"--state {other}" in errors
    assert (await edge("backup", str(sealed), "--config", str(site_file), "--state", str(other), *secret))[0] == 0
    code, _, errors = await edge("restore", str(sealed), *places(site_file), *secret)
    assert (code, f"--state {other}" in errors) == (2, True)
    other.mkdir()
    code, output, _ = await edge("factory-reset", *places(site_file), "--yes")
    assert code == 0
    assert f"{other} is as it was" in output


async def test_a_bundle_without_a_gateway(site_file: Path, tmp_path: Path) -> None:
    """It has what there is, and says that the gateway doesn't answer."""
    bundle = tmp_path / "support.tar.gz"
    socket = ["--socket", str(tmp_path / "none")]
    assert (await edge("support-bundle", str(bundle), "--config", str(site_file), *socket))[0] == 0
    with tarfile.open(bundle) as archive:
        assert {"versions.txt", "site.toml", "status.txt", "journal.txt"} <= set(archive.getnames())
        member = archive.extractfile("site.toml")
        assert member is not None
        assert b"pbkdf2" not in member.read()


async def test_a_station_is_adopted(site_file: Path) -> None:
    """The file keeps its comments, the key is shown once; what wouldn't be sound isn't written."""
    told = ["--circuit", "main", "--max-a", "16", "--phases", "L2 L3 L1", "--config", str(site_file)]
    code, output, errors = await edge("station", "adopt", "CP-02", *told)
    assert (code, errors) == (0, "")
    assert "AuthorizationKey of the station, shown only now: " in output
    text = site_file.read_text(encoding="utf-8")
    assert 'id = "main" # 63 A as on the plan' in text
    assert tomllib.loads(text)["station"][1]["evse"] == [
        {"id": 1, "phases": ["L2", "L3", "L1"], "max_a": 16.0, "fallback_a": 6.0}
    ]
    code, _, errors = await edge("station", "adopt", "CP-02", *told)
    assert (code, "has station 'CP-02' already" in errors) == (2, True)
    wrong = ["--circuit", "garden", "--max-a", "16", "--config", str(site_file)]
    code, _, errors = await edge("station", "adopt", "CP-03", *wrong)
    assert code == 2  # told with lines of a file that isn't there, it had nowhere to be put right
    assert errors == (
        f"edge: {site_file} wouldn't be sound with station 'CP-03', and is as it was:\nstation[2].circuit: of station "
        "'CP-03' is 'garden', and there is no such circuit; circuits are: main\n"
    )
    assert site_file.read_text(encoding="utf-8") == text


async def test_what_cannot_be_undone_is_asked(site_file: Path, tmp_path: Path) -> None:
    """Another site isn't written over, nor a claim taken away by presence, before somebody has said so."""
    sealed, secret = tmp_path / "gateway.edgebackup", ["--passphrase-file", str(tmp_path / "passphrase")]
    assert (await edge("backup", str(sealed), *places(site_file), *secret))[0] == 0
    site_file.write_text(SITE.replace("63", "80"), encoding="utf-8")
    for said, restored in (("no", False), ("RESTORE", True)):
        async with at_terminal("restore", str(sealed), *places(site_file)) as typist:
            await typist.answers(r"Passphrase of the backup: $", PASSPHRASE)
            await typist.answers(r"Type RESTORE to replace them: $", said)
            assert await typist.ends() == (0 if restored else 2)
        assert (site_file.read_text(encoding="utf-8") == SITE) is restored
    make_claim(tmp_path / "state", PASSPHRASE)
    async with at_terminal("factory-reset", *places(site_file)) as typist:
        await typist.answers(r"Type RESET: $", "reset")
        assert await typist.ends() == 2
    assert read_claim(tmp_path / "state") is not None
    assert site_file.read_text(encoding="utf-8") == SITE


async def test_what_a_station_is_outlives_a_restart(tmp_path: Path) -> None:
    """Serial and version of one that was never waiting, for the papers: it doesn't boot whenever the gateway does."""
    async with building() as site:
        file = written(tmp_path, site)
        text = file.read_text(encoding="utf-8").partition("[api]")[0]
        site.add("CP-A")
        for _ in range(2):
            file.write_text(text, encoding="utf-8")
            async with running(tmp_path, site):
                told = await until(site, lambda told: bool(told["stations"]) and bool(told["stations"][0]["connected"]))
                assert told["stations"][0]["address"] == "127.0.0.1"
                told = await until(site, lambda told: bool(told["stations"][0]["serial"]))
            described = [told["stations"][0][key] for key in ("vendor", "model", "serial", "firmware")]
            assert described == ["Simulated", "Post", "SN-CP-A", "1.4.2"]


async def test_who_waits_who_was_refused_and_what_is_wrong(tmp_path: Path) -> None:
    """The list has the exact addresses, what a waiting station says of itself, and the causes; the doctor the order."""
    async with building() as site:
        file = written(tmp_path, site)
        text = file.read_text(encoding="utf-8").partition("[api]")[0]
        file.write_text(text.replace("security_profile = 0", "security_profile = 1").replace(
            'id = "CP-A"', 'id = "CP-A"\nkey_hash = "pbkdf2-sha256$10000$' + "0" * 32 + "$" + "0" * 64 + '"'
        ), encoding="utf-8")  # fmt: skip
        site.add("CP-A")
        site.add("CP-B")
        site.add("cp_a")
        async with running(tmp_path, site):
            await until(site, lambda told: bool(told["refused_handshakes"]) and {
                each["id"] for each in told["waiting_stations"] if each["serial"]} == {"CP-B", "cp_a"})  # fmt: skip
            socket = ["--socket", str(tmp_path / "edge.sock")]
            code, output, _ = await edge("station", "list", *socket)
            assert code == 0
            for words in (
                f"ws://{site.gateway}/CP-A",
                "SN-CP-B",
                "1.4.2",
                "ocpp1.6",
                "the station shows no credentials",
            ):
                assert words in output
            code, output, _ = await edge("station", "identify", "CP-B", *socket)
            assert (code, output) == (0, "CP-B moves the lock of its first socket now.\n")
            code, _, errors = await edge("station", "identify", "CP-X", *socket)
            assert (code, "isn't connected and waiting" in errors) == (1, True)
            code, output, _ = await edge("doctor", "--config", str(file), "--state", str(tmp_path), *socket)
            assert code == 1
            lines = output.splitlines()
            assert lines[0] == "1. station CP-A isn't connected; last turned away: the station shows no credentials"
            assert "edge key" in lines[1]
            assert "2. station CP-B waits to be adopted" in lines
            assert "3. station 'cp_a' waits, and CP-A isn't connected: one identity may be mistyped" in lines
    doctor = ("doctor", "--config", str(file), "--state", str(tmp_path), *socket)
    told = {"en": "the gateway's program isn't running", "nl": "het programma van de gateway draait niet"}
    for language, words in told.items():
        code, output, _ = await edge(*doctor, "--language", language)
        assert (code, output.splitlines()[0]) == (1, f"1. {words}")

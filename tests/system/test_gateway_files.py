"""The files of firmware-config/ before the programs that read them, where these are on this machine."""

import ast
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "firmware-config"
TEMPLATES = ROOT / "packaging" / "debian"
COMMENTS = ("#", "//")
# What gives a unit a mount name space of its own (systemd.exec).
OWN_VIEW = (
    *("ProtectSystem=", "ProtectHome=", "ProtectControlGroups=", "ProtectKernel", "ProtectProc=", "ProcSubset="),
    *("PrivateTmp=", "PrivateDevices=", "PrivateMounts=", "PrivateUsers=", "ReadWritePaths=", "ReadOnlyPaths="),
    *("InaccessiblePaths=", "BindPaths=", "BindReadOnlyPaths=", "TemporaryFileSystem=", "MountAPIVFS=", "Root"),
)
# One line is all that it may have: the boot loader takes the whole file as parameters.
WITHOUT_COMMENT = {"edge-cmdline.txt", "cmdline.txt"}


def _tool(name: str) -> str:
    path = shutil.which(name, path=os.environ["PATH"] + ":/usr/sbin:/sbin")
    if path is None:
        pytest.skip(f"needs {name}: make system-tools installs it")
    return path


def _run(*command: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=60, check=False)


def _placed() -> list[list[str]]:
    """The sources in each table of packaging/gateway_files.py, read as text: packaging is no package."""
    tree = ast.parse((ROOT / "packaging" / "gateway_files.py").read_text())
    tables = [node.value for node in tree.body if isinstance(node, ast.Assign)]
    calls = [[node for node in ast.walk(table) if isinstance(node, ast.Call)] for table in tables]
    return [[ast.literal_eval(call.args[0]) for call in table] for table in calls]


def _files() -> list[Path]:
    return [path for path in FOLDER.rglob("*") if path.is_file() and path.name != "README.md"]


def test_every_file_has_its_place() -> None:
    """Nothing lies in firmware-config that isn't installed, nothing is missing, and no table has a file twice."""
    tables = _placed()
    ours = {source for table in tables for source in table if source.startswith("firmware-config/")}
    assert sorted(ours) == sorted(str(path.relative_to(ROOT)) for path in _files())
    assert all(len(table) == len(set(table)) for table in tables)


def test_what_is_pointed_to_on_a_gateway_is_there() -> None:
    """The program's texts, the site file and the installed guides name pages: nobody has the repository on site."""
    placed = {source for table in _placed() for source in table if source.startswith("docs/")}
    program = [*(ROOT / "edge" / "texts").glob("*.toml"), *(ROOT / "edge" / "cli").glob("*.py")]
    program += [ROOT / "edge" / "config" / "write.py", ROOT / "edge" / "system" / "claim.py"]
    named = {page for file in program for page in re.findall(r"docs/[a-z-]+\.md", file.read_text(encoding="utf-8"))}
    assert {"docs/installer.md", "docs/configuration.md", "docs/bms.md"} <= named <= placed


def test_every_file_says_why() -> None:
    """Each file has comments of its own, so that who finds it on a gateway knows what it is for."""
    silent = [
        path.name
        for path in _files()
        if path.name not in WITHOUT_COMMENT
        and not any(line.lstrip().startswith(COMMENTS) for line in path.read_text().splitlines() if "#!" not in line)
    ]
    assert silent == []


def test_the_site_file_of_the_package_never_changes() -> None:
    """It is empty, for ever: dpkg asks about a conffile only when the package's version of it changed."""
    assert (TEMPLATES / "edge-controller" / "site.toml").read_bytes() == b""


def test_shell_scripts() -> None:
    """shellcheck has nothing to say about any shell script of the repository."""
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout  # noqa: S607
    scripts = [
        ROOT / name
        for name in listed.splitlines()
        if (ROOT / name).is_file() and (ROOT / name).read_bytes().startswith((b"#!/bin/sh", b"#!/usr/bin/env bash"))
    ]
    assert len(scripts) > 5
    found = _run(_tool("shellcheck"), *scripts)
    assert (found.returncode, found.stdout) == (0, "")


def test_exposure_of_the_units() -> None:
    """The controller's exposure is 2.0 at most by `systemd-analyze security`, that of the other units 5."""
    analyze = _tool("systemd-analyze")
    for path in FOLDER.rglob("*.service"):
        threshold = 20 if path.name == "edge-controller.service" else 50
        found = _run(analyze, "security", "--offline=true", f"--threshold={threshold}", path)
        assert found.returncode == 0, (path.name, found.stdout.splitlines()[-1])


def test_what_starts_early_mounts_nothing() -> None:
    """While systemd-tmpfiles has its credentials mounted, a unit's own view of the files may fail: one boot in many."""
    for path in FOLDER.rglob("*.service"):
        lines = path.read_text().splitlines()
        if "DefaultDependencies=no" in lines:
            assert [line for line in lines if line.startswith(OWN_VIEW)] == [], path.name


def test_names_and_addresses_of_the_charger_network() -> None:
    """dnsmasq accepts its file."""
    found = _run(_tool("dnsmasq"), "--test", f"--conf-file={FOLDER / 'network' / 'edge-dnsmasq.conf'}")
    assert found.returncode == 0, found.stderr


def test_firewall(tmp_path: Path) -> None:
    """nft accepts the rules with the ports as they are shipped."""
    tool = _tool("nft")
    if os.geteuid() != 0:
        pytest.skip("nft --check needs root")
    ports = FOLDER / "firewall" / "firewall-ports.nft"
    rules = (FOLDER / "firewall" / "edge-firewall.nft").read_text()
    assert '"/etc/edge-controller/firewall-ports.nft"' in rules
    (tmp_path / "rules.nft").write_text(rules.replace("/etc/edge-controller/firewall-ports.nft", str(ports)))
    found = _run("unshare", "--net", tool, "--check", "--file", tmp_path / "rules.nft")
    assert found.returncode == 0, found.stderr


@pytest.mark.parametrize(
    ("before", "ports", "code", "opened"),
    [
        (None, "shipped", 0, {22, 8080, 9000}),
        (None, "define charger_lan = ", 1, {22, 9000}),
        (None, "", 1, {22, 9000}),
        (None, None, 1, {22, 9000}),
        ("shipped", "", 1, {22, 8080, 9000}),  # what is in force stays
    ],
)
def test_a_list_of_ports_that_cannot_be_read_opens_nothing(
    tmp_path: Path, before: str | None, ports: str | None, code: int, opened: set[int]
) -> None:
    """At a boot nothing is in force yet: with a slip in the owner's file the gateway had no firewall at all."""
    tool = _tool("nft")
    if os.geteuid() != 0:
        pytest.skip("nft needs root")
    folder = FOLDER / "firewall"
    own = tmp_path / "firewall-ports.nft"
    rules = (folder / "edge-firewall.nft").read_text().replace("/etc/edge-controller/firewall-ports.nft", str(own))
    (tmp_path / "edge-firewall.nft").write_text(rules)
    shutil.copy(folder / "emergency-ports.nft", tmp_path)
    for number, text in enumerate((before, ports)):
        if text is not None:
            (tmp_path / f"list-{number}").write_text((folder / own.name).read_text() if text == "shipped" else text)
    load = f"rm -f {own}; cp {tmp_path}/list-$1 {own} 2>/dev/null; sh {folder / 'edge-firewall'} 2>/dev/null"
    steps = 'set -- 0; eval "$LOAD"; ' if before else ""
    script = f'{steps}set -- 1; eval "$LOAD"; echo $?; {tool} list table inet edge_gateway'
    environment = os.environ | {"LOAD": load, "EDGE_GATEWAY_SHARE": str(tmp_path)}
    words = ("unshare", "--net", "sh", "-c", script)
    shown = subprocess.run(words, env=environment, capture_output=True, text=True, timeout=60, check=False).stdout
    said, _, table = shown.partition("\n")
    assert int(said) == code
    assert table.count("policy drop") == 2
    found = {int(port) for line in table.splitlines() if "tcp dport" in line for port in re.findall(r"\d+", line)}
    assert {port for port in (22, 8080, 9000) if port in found} == opened


def test_time(tmp_path: Path) -> None:
    """chronyd accepts its file."""
    found = _run(_tool("chronyd"), "-p", "-f", FOLDER / "time" / "edge-chrony.conf")
    assert found.returncode == 0, found.stdout + found.stderr
    assert tmp_path.is_dir()


@pytest.mark.parametrize(
    ("name", "schema"),
    [
        ("cloud-init/user-data", "cloud-config"),
        ("slots/user-data", "cloud-config"),
        ("slots/cloud.cfg", "cloud-config"),
        ("cloud-init/network-config", "network-config"),
        ("slots/network-config", "network-config"),
    ],
)
def test_first_boot(name: str, schema: str) -> None:
    """cloud-init's own schema accepts what the card tells it."""
    tool = _tool("cloud-init")
    words = _run(tool, "schema", "--help").stdout
    if schema != "cloud-config" and "--schema-type" not in words:
        pytest.skip("this cloud-init has a schema for user-data only")
    kind = ("--schema-type", schema) if "--schema-type" in words else ()
    found = _run(tool, "schema", "--config-file", FOLDER / name, *kind)
    assert found.returncode == 0, found.stdout + found.stderr


@pytest.mark.parametrize(
    ("left", "again"),
    [
        ({"sem/config_users_groups"}, True),
        ({"sem/config_users_groups", "sem/config_scripts_user"}, False),  # a later boot was cut off
        ({"sem/config_users_groups", "boot-finished"}, False),  # its owner's settings leave the last part out
        (set(), False),
        (None, False),  # nothing was begun
    ],
)
def test_a_first_boot_that_was_cut_off(tmp_path: Path, left: set[str] | None, again: bool) -> None:
    """What cloud-init noted as done is forgotten where it never came to its end, and only there."""
    for name in left or ():
        (tmp_path / "instance" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "instance" / name).touch()
    if left is not None:
        (tmp_path / "instance").mkdir(exist_ok=True)
    command = ["sh", str(FOLDER / "first-boot/edge-accounts-again")]
    subprocess.run(command, env=os.environ | {"EDGE_CLOUD": str(tmp_path)}, check=True, timeout=60)
    found = {str(path.relative_to(tmp_path / "instance")) for path in tmp_path.rglob("*") if path.is_file()}
    assert found == (set() if again else left or set())


def test_secrets_are_made_once(tmp_path: Path) -> None:
    """The first boot makes accounts, certificate and rules; the next leaves every byte as it is."""
    _tool("mosquitto_passwd")
    _tool("openssl")
    share = tmp_path / "share"
    share.mkdir()
    shutil.copy(FOLDER / "broker" / "acl", share / "broker-acl")
    environment = os.environ | {"EDGE_GATEWAY_STATE": str(tmp_path / "state"), "EDGE_GATEWAY_SHARE": str(share)}

    def boot() -> dict[str, bytes]:
        script = FOLDER / "first-boot" / "edge-first-boot"
        subprocess.run(["sh", str(script)], env=environment, check=True, timeout=60)  # noqa: S607
        return {str(path): path.read_bytes() for path in (tmp_path / "state").rglob("*") if path.is_file()}

    first = boot()
    assert {Path(name).name for name in first} == {"accounts", "passwords", "acl", "server.key", "server.pem"}
    assert boot() == first
    # Power that goes soon after a file was made may leave it empty: what belongs together is made together.
    broker = tmp_path / "state" / "broker"
    for lost, pair in (
        (broker / "server.pem", {"server.pem", "server.key"}),
        (broker / "server.key", {"server.pem", "server.key"}),
        (broker / "passwords", {"accounts", "passwords"}),
        (tmp_path / "state" / "accounts", {"accounts", "passwords"}),
        (broker / "acl", set()),
    ):
        before = boot()
        lost.write_bytes(b"")
        renewed = boot()
        assert {Path(name).name for name in before if renewed[name] != before[name]} == pair
        assert all(renewed.values())


LAN = "   (on the charger LAN)"
INLINE = 'ocpp = { listen = "0.0.0.0:9001", upstream = "wss://x/{station}" }'


@pytest.mark.parametrize(
    ("ocpp", "lines"),
    [
        (None, [f"ws://10.77.0.1:9000/<station id>{LAN}"]),
        ('listen = "10.77.0.1:9001"', [f"ws://10.77.0.1:9001/<station id>{LAN}"]),
        ("  listen = '0.0.0.0:9000'  # all", [f"ws://10.77.0.1:9000/<station id>{LAN}"]),
        ('listen="192.168.10.1:9000"\npath="/ocpp/{station}"', ["ws://192.168.10.1:9000/ocpp/<station id>"]),
        (r'listen = "\\d\n:9000"', ["ws://dn:9000/<station id>"]),  # nothing that agetty would take for an escape
        (INLINE, ["their address: sudo edge station list"]),
        ("", ["none: the site file's listen is 127.0.0.1:9000, which no charger reaches"]),
        (
            'listen = "10.77.0.1:9000"\ntls_listen = "10.77.0.1:9443"',
            [f"ws://10.77.0.1:9000/<station id>{LAN}", f"wss://10.77.0.1:9443/<station id>{LAN}"],
        ),
        (
            'listen = "10.77.0.1:9000"\nsecurity_profile = 2\ntls_listen = "10.77.0.1:9443"',
            [f"wss://10.77.0.1:9443/<station id>{LAN}"],
        ),
    ],
)
def test_the_banner_has_the_address_of_the_site_file(tmp_path: Path, ocpp: str | None, lines: list[str]) -> None:
    """It said 10.77.0.1:9000 whatever that had: the installer copies it into each charger."""
    site, issue = tmp_path / "site.toml", tmp_path / "edge.issue"
    site.touch()
    cloud = 'upstream = "wss://x/{station}"'
    table = f'[site]\nid = "x"\n[ocpp]\n{ocpp}\n{cloud}\n[api]\nlisten = "0.0.0.0:8080"\n'
    if ocpp is not None:
        site.write_text(table if ocpp != INLINE else f"{INLINE}\n")
    assert _charger_lines(site, issue) == lines
    if ocpp:  # a site without a cloud has the same addresses
        site.write_text(site.read_text().replace(f"{cloud}\n", ""))
        assert _charger_lines(site, issue) == lines


def _charger_lines(site: Path, issue: Path) -> list[str]:
    """What the banner says of the chargers' addresses."""
    environment = os.environ | {"EDGE_ISSUE": str(issue), "EDGE_SITE": str(site), "EDGE_BOOT_FILES": "/nonexistent"}
    environment["EDGE_SCREEN"] = "none.service"  # not the screen of whoever runs this
    command = ["sh", str(FOLDER / "banner/edge-banner")]
    subprocess.run(command, env=environment, check=True, capture_output=True, timeout=60)
    return [line.removeprefix("  chargers    ") for line in issue.read_text().splitlines() if "  chargers " in line]

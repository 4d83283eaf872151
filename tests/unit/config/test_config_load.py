"""Reading a site file: what a sound one becomes, and how one that can't be read is told."""

from pathlib import Path

import pytest

from edge.config import Configuration, MeterModel, load
from edge.domain.site import EvseKey, IdlePolicy, Mode
from edge.errors import ConfigurationError, Finding, Severity
from edge.units import Phase
from tests.nobody import as_nobody
from tests.own_maps import no_map

MODELS = {"eastron_sdm630": MeterModel()}

MINIMAL = """
[site]
id = "x"
[[circuit]]
id = "main"
fuse_a = 63
background_reserve_a = 20
[ocpp]
upstream = "wss://csms.example.com/{station}"
"""

FULL = """
[site]
id = "harbour-3"
timezone = "Europe/Copenhagen"
nominal_voltage_v = 230

[control]
mode = "control"
period_s = 1.0
lease_s = 120
idle = "zero"
meter_stale_s = 5

[[circuit]]
id = "main"
fuse_a = 63
margin_a = 2
meter = "grid"
demand_limit_kw = 40
background_reserve_a = 20

[[circuit]]
id = "garage"
parent = "main"
fuse_a = 40

[[meter]]
id = "grid"
model = "eastron_sdm630"
connection = "tcp://127.0.0.1:5020"
unit = 1

[[class]]
id = "staff"
rank = 0
weight = 1.0

[[class]]
id = "visitor"
rank = 1

[[station]]
id = "CP-01"
circuit = "garage"
class = "visitor"
[[station.evse]]
id = 1
phases = ["L2", "L3", "L1"]
min_a = 6
max_a = 32
fallback_a = 6

[ocpp]
listen = "127.0.0.1:9000"
upstream = "ws://127.0.0.1:9100/{station}"
mode = "autonomous"
unknown_stations = "wait"

[bms.mqtt]
broker = "mqtt://127.0.0.1:1883"
[bms.modbus]
listen = "127.0.0.1:5502"
writable = true
limit_timeout_s = 60
fallback_a = 20

[api]
listen = "127.0.0.1:8080"

[storage]
path = "/var/lib/edge-controller"
"""


def read(tmp_path: Path, text: str) -> Configuration:
    file = tmp_path / "site.toml"
    file.write_bytes(text.encode())
    return load(file, meter_models=MODELS, read_map=no_map)


def findings(tmp_path: Path, content: str | bytes) -> tuple[Finding, ...]:
    file = tmp_path / "site.toml"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(ConfigurationError) as refused:
        load(file, meter_models=MODELS, read_map=no_map)
    return refused.value.findings


def test_full_example_becomes_the_site(tmp_path: Path) -> None:
    """Every key of the contract's example reaches the domain, the station's class as rank and weight."""
    configuration = read(tmp_path, FULL)
    site = configuration.site
    assert (site.id, site.timezone, site.nominal_voltage_v) == ("harbour-3", "Europe/Copenhagen", 230)
    assert site.control.mode is Mode.CONTROL
    assert site.control.idle is IdlePolicy.ZERO
    assert [circuit.id for circuit in site.circuits] == ["main", "garage"]
    assert site.circuit_by_id["main"].rating_a == 61
    evse = site.evse_by_key[EvseKey(station="CP-01", evse=1)]
    assert evse.phases == (Phase.L2, Phase.L3, Phase.L1)
    assert (evse.min_a, evse.max_a, evse.fallback_a, evse.rank, evse.weight) == (6, 32, 6, 1, 1.0)
    assert site.meters[0].connection == "tcp://127.0.0.1:5020"
    assert configuration.ocpp.listen == ("127.0.0.1", 9000)
    assert configuration.api.listen == ("127.0.0.1", 8080)


def test_every_key_of_the_example_has_an_effect(tmp_path: Path) -> None:
    """Nothing in it is read and left."""
    assert read(tmp_path, FULL).notes == ()


def test_minimal_file_has_the_defaults(tmp_path: Path) -> None:
    """A file with only what can't be guessed is sound and takes the contract's defaults."""
    configuration = read(tmp_path, MINIMAL)
    assert configuration.notes == ()
    assert configuration.site.control.lease_s == 120
    assert configuration.site.control.meter_stale_s == 5
    assert configuration.ocpp.listen == ("127.0.0.1", 9000)
    assert configuration.ocpp.unknown_stations == "wait"
    assert configuration.storage.path == "/var/lib/edge-controller"


def test_a_relative_storage_folder_is_one_of_the_files_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever the command is called, and however the site file is named; a whole path is as it is written."""
    folder = tmp_path / "conf"
    folder.mkdir()
    monkeypatch.chdir(tmp_path)
    site = folder / "site.toml"
    site.write_text(f'{MINIMAL}[storage]\npath = "state"\n', encoding="utf-8")
    for name in (site, Path("conf/site.toml")):
        read = load(name, meter_models=MODELS, read_map=no_map)
        assert (read.storage.path, read.relative_storage) == (str(folder / "state"), "state")
    site.write_text(f'{MINIMAL}[storage]\npath = "{tmp_path}/else"\n', encoding="utf-8")
    read = load(site, meter_models=MODELS, read_map=no_map)
    assert (read.storage.path, read.relative_storage) == (f"{tmp_path}/else", None)


def test_evse_defaults(tmp_path: Path) -> None:
    """An EVSE without phases has all three, min_a is 6 A and fallback_a is min_a; rank 0 where there are no classes."""
    station = '\n[[station]]\nid = "A"\ncircuit = "main"\n[[station.evse]]\nid = 1\nmax_a = 16\n'
    evse = read(tmp_path, MINIMAL + station).site.evses[0]
    assert evse.phases == (Phase.L1, Phase.L2, Phase.L3)
    assert (evse.min_a, evse.fallback_a, evse.rank, evse.weight) == (6, 6, 0, 1)


def test_station_without_class_gets_the_first_served(tmp_path: Path) -> None:
    """A station that names no class is in the class of the lowest rank, wherever that stands in the file."""
    text = (
        MINIMAL
        + """
[[class]]
id = "late"
rank = 3
[[class]]
id = "early"
rank = 1
weight = 2.5
[[station]]
id = "A"
circuit = "main"
[[station.evse]]
id = 1
max_a = 16
"""
    )
    evse = read(tmp_path, text).site.evses[0]
    assert (evse.rank, evse.weight) == (1, 2.5)


def test_all_findings_come_at_once_in_file_order(tmp_path: Path) -> None:
    """Faults of the schema and of the rules are told together, sorted by line."""
    text = FULL.replace("fuse_a = 63", "fuse_a = 0\nfuze_a = 63").replace('circuit = "garage"', 'circuit = "garagr"')
    found = [each for each in findings(tmp_path, text) if each.severity is Severity.ERROR]
    assert [each.key for each in found] == ["circuit[0].fuse_a", "circuit[0].fuze_a", "station[0].circuit"]
    assert [each.line for each in found] == sorted(each.line or 0 for each in found)


@pytest.mark.parametrize(
    ("content", "line", "problem"),
    [
        (b'[site]\nid = "\xff"\n', 2, "is not UTF-8 (byte 0xff)"),
        (b"\xef\xbb\xbf[site]\n", 1, "begins with a byte order mark"),
        (b"[site]\nid = \n", 2, "is not valid TOML at column 6"),
        (b"[site]\nid = 'a'\nid = 'b'\n", 3, "this key is given twice in its table"),
        (b"a = " + b"[" * 2000, None, "is nested too deeply"),
        (b"a = " + b"9" * 5000, None, "thousands of digits"),
        (b"#" * (4 * 1024 * 1024 + 1), None, "is larger than 4 MiB"),
    ],
)
def test_unreadable_content_is_one_finding(tmp_path: Path, content: bytes, line: int | None, problem: str) -> None:
    """What isn't TOML in UTF-8 is told in one finding, with the line where there is one."""
    (found,) = findings(tmp_path, content)
    assert found.line == line
    assert problem in found.problem
    assert found.remedy


@pytest.mark.parametrize("name", ["missing.toml", ".", "nul\0.toml"])
def test_unreadable_file_is_a_finding(tmp_path: Path, name: str) -> None:
    """A file that isn't there, is a folder or can't have that name is a configuration error, not an OSError."""
    with pytest.raises(ConfigurationError, match="the file: "):
        load(tmp_path / name, meter_models=MODELS, read_map=no_map)


def test_a_file_that_is_not_everybodys_wants_sudo(tmp_path: Path) -> None:
    """The package's is for root and the service; whoever forgot sudo looked for a fault in the path."""
    path = tmp_path / "site.toml"
    path.touch(0)
    with as_nobody(), pytest.raises(ConfigurationError) as refused:
        load(path, meter_models=MODELS, read_map=no_map)
    (finding,) = refused.value.findings
    assert finding.remedy == "use sudo, or give the path of a readable site file"


@pytest.mark.parametrize(
    ("old", "new", "key", "words"),
    [
        ("fuse_a = 63", 'fuse_a = "63"', "circuit[0].fuse_a", 'is "63"; write it without quotes: fuse_a = 63'),
        ("fuse_a = 63", 'fuse_a = "063,5 A"', "circuit[0].fuse_a", "; write it without quotes: fuse_a = 63.5"),
        ("fuse_a = 63", 'fuse_a = "0.063 kA"', "circuit[0].fuse_a", "; give the fuse's rating"),
        ("fuse_a = 63", 'fuse_a = "big"', "circuit[0].fuse_a", "of circuit 'main' is \"big\"; give the fuse"),
        ("unit = 1", 'unit = "1"', "meter[0].unit", "; write it without quotes: unit = 1"),
        ("unit = 1", 'unit = "1.5"', "meter[0].unit", "; give the Modbus unit id"),
        ("writable = true", 'writable = "True"', "bms.modbus.writable", "; write it without quotes: writable = true"),
        ("fuse_a = 63", "fuse_a = true", "circuit[0].fuse_a", "is true"),
        ("fuse_a = 63", "fuse_a = nan", "circuit[0].fuse_a", "is nan"),
        ("fuse_a = 63", "fuse_a = inf", "circuit[0].fuse_a", "is inf"),
        ("fuse_a = 63", "fuse_a = 0", "circuit[0].fuse_a", "is 0, not above 0; give the fuse's rating"),
        ("fuse_a = 63", "fuse_a = -1", "circuit[0].fuse_a", "is -1, not above 0"),
        ("fuse_a = 63", "fuse_a = 1979-05-27", "circuit[0].fuse_a", "is the date or time 1979-05-27"),
        ("fuse_a = 63", "fuse_a = [63]", "circuit[0].fuse_a", "is [63]"),
        ("fuse_a = 63", "", "circuit[0].fuse_a", "is missing"),
        ("period_s = 1.0", "period_s = 0.1", "control.period_s", "is 0.1, below 0.2"),
        ("period_s = 1.0", "period_s = 11", "control.period_s", "is 11, above 10"),
        ("lease_s = 120", "lease_s = 29", "control.lease_s", "is 29, below 30"),
        ('mode = "control"', 'mode = "drive"', "control.mode", 'is "drive"; give "control" or "observe"'),
        ("unit = 1", "unit = 1.5", "meter[0].unit", "is 1.5; give the Modbus unit id"),
        ("id = 1\nphases", "id = 0\nphases", "station[0].evse[0].id", "is 0, below 1"),
        ('["L2", "L3", "L1"]', '["L2", "N"]', "station[0].evse[0].phases[1]", 'is "N"'),
        ('["L2", "L3", "L1"]', "[]", "station[0].evse[0].phases", "is empty"),
        ('id = "CP-01"', 'id = "CP:01"', "station[0].id", 'is "CP:01"; give the station\'s OCPP identity'),
        ('id = "CP-01"', f'id = "{"x" * 49}"', "station[0].id", "longer than 48 characters"),
        ('id = "CP-01"', 'id = "CP\\u0007"', "station[0].id", "without a colon"),
        ("[ocpp]", "[ocpp]\nlisten_on = 1", "ocpp.listen_on", "did you mean 'listen'? the keys of [ocpp] are: listen"),
        ("[storage]", "[zebra]", "zebra", "is an unknown key; the tables are: site, control"),
        ('"127.0.0.1:8080"', '"127.0.0.1"', "api.listen", "has no port"),
        ('"127.0.0.1:8080"', "8080", "api.listen", "is 8080, no text"),
    ],
)
def test_schema_faults_say_what_and_what_would_be_right(
    tmp_path: Path, old: str, new: str, key: str, words: str
) -> None:
    """A value of the wrong type or out of range is named with its key, itself, and what would be right."""
    assert old in FULL
    errors = [each for each in findings(tmp_path, FULL.replace(old, new)) if each.severity is Severity.ERROR]
    assert [each.key for each in errors] == [key]
    assert words in f"{errors[0].problem}; {errors[0].remedy}"


def test_missing_tables_are_named(tmp_path: Path) -> None:
    """A file of comments lacks three tables; each is told once, without a line. An empty one is told as that."""
    assert [(each.key, each.problem) for each in findings(tmp_path, "\n")] == [("the file", "is empty")]
    assert {(each.key, each.line) for each in findings(tmp_path, "# ours\n")} == {
        ("site", None),
        ("circuit", None),
        ("ocpp", None),
    }


def test_single_brackets_are_recognised(tmp_path: Path) -> None:
    """[circuit] instead of [[circuit]] is told as such, and what is in it is checked all the same."""
    text = MINIMAL.replace("[[circuit]]", "[circuit]").replace("fuse_a = 63", "fuse_a = 0")
    found = findings(tmp_path, text)
    assert [each.key for each in found] == ["circuit", "circuit[0].fuse_a"]
    assert "write [[circuit]] with double brackets" in found[0].remedy


def test_single_brackets_of_a_station_s_evse(tmp_path: Path) -> None:
    """[station.evse] once is told in the same way."""
    (found,) = (
        each
        for each in findings(tmp_path, FULL.replace("[[station.evse]]", "[station.evse]"))
        if each.severity is Severity.ERROR
    )
    assert found.key == "station[0].evse"
    assert found.remedy == "write [[station.evse]] with double brackets, once for each"


def test_wrong_kind_of_table_is_one_finding(tmp_path: Path) -> None:
    """A number where a table belongs is told without anything made up from it."""
    text = 'circuit = [5]\n[site]\nid = "x"\n[ocpp]\nupstream = "ws://cloud/{station}"\n'
    (found,) = findings(tmp_path, text)
    assert (found.key, found.line, found.problem) == ("circuit[0]", 1, "is 5")
    assert found.remedy == "give at least one [[circuit]] with id and fuse_a"


@pytest.mark.parametrize("line", ['upstream = ""', 'upstream = "none"'])
def test_who_writes_that_there_is_no_cloud_is_told_how_to_say_so(tmp_path: Path, line: str) -> None:
    """An empty address, or a word, is none: the key is left out."""
    file = tmp_path / "site.toml"
    file.write_text(MINIMAL.replace('upstream = "wss://csms.example.com/{station}"', line), encoding="utf-8")
    with pytest.raises(ConfigurationError) as caught:
        load(file, meter_models=MODELS, read_map=no_map)
    (found,) = caught.value.findings
    assert (found.key, found.remedy.partition("; ")[2]) == ("ocpp.upstream", "leave it out where the site has no cloud")

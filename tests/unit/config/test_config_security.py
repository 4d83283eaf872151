"""The rules of security profiles, one by one, and what the proxy is told."""

from pathlib import Path

import pytest

from edge.config import load
from edge.errors import ConfigurationError, StartError
from edge.ocpp.keys import hashed
from edge.ocpp.settings import CloudLoss, Listener, SecurityProfile, Verdict
from edge.ocpp_set_up import ocpp_settings
from tests.own_maps import no_map

HASH = hashed(bytes(16))
SITE = """
[site]
id = "x"
[[circuit]]
id = "main"
fuse_a = 63
background_reserve_a = 20
[[station]]
id = "CP-01"
circuit = "main"
{station}
[[station.evse]]
id = 1
max_a = 16
[ocpp]
{ocpp}
"""
CLOUD = 'upstream = "wss://cloud/{station}"\n'
TLS = 'tls_listen = "127.0.0.1:9443"\ncertificate = "/c"\nprivate_key = "/k"\n'


def written(tmp_path: Path, ocpp: str = "", station: str = "") -> Path:
    """A site file with one station."""
    file = tmp_path / "site.toml"
    file.write_text(SITE.replace("{station}", station, 1).replace("{ocpp}", CLOUD + ocpp), encoding="utf-8")
    return file


@pytest.mark.parametrize(
    ("ocpp", "station", "key", "words"),
    [
        ('listen = "0.0.0.0:9000"', "", "ocpp.security_profile", "is missing, and any host that reaches 0.0.0.0:9000"),
        ("security_profile = 1", "", "station[0].key_hash", "security profile 1 asks station 'CP-01' for a key"),
        ("security_profile = 4", "", "ocpp.security_profile", "0 to 3"),
        ("", "security_profile = 2", "station[0].key_hash", "security profile 2"),
        ("", f'security_profile = 2\nkey_hash = "{HASH}"', "ocpp.certificate", "station[0].security_profile is 2"),
        (TLS + "security_profile = 3", "", "ocpp.station_ca", "is missing, and ocpp.security_profile is 3"),
        ('tls_listen = "127.0.0.1:9443"', "", "ocpp.tls_listen", "has no certificate and private_key beside it"),
        (TLS.replace("9443", "9000"), "", "ocpp.tls_listen", "whose port ocpp.listen has already"),
        ("", 'key_hash = "secret"', "station[0].key_hash", "edge key"),
        ('path = "/ocpp"', "", "ocpp.path", "is no path with one segment {station}"),
        ('path = "/a?b/{station}"', "", "ocpp.path", "has a character"),
        ('[ocpp.cloud]\ncertificate = "/c"', "", "ocpp.cloud.private_key", "is missing beside certificate"),
    ],
)
def test_each_rule_names_its_fault(tmp_path: Path, ocpp: str, station: str, key: str, words: str) -> None:
    """Key, problem and remedy."""
    with pytest.raises(ConfigurationError) as refused:
        load(written(tmp_path, ocpp, station), meter_models={}, read_map=no_map)
    told = {each.key: f"{each.problem}; {each.remedy}" for each in refused.value.findings}
    assert words in told[key]


@pytest.mark.parametrize(("ocpp", "station"), [('security_profile = "0"', ""), ("", "security_profile = 4")])
def test_what_is_no_profile_asks_for_nothing(tmp_path: Path, ocpp: str, station: str) -> None:
    """In its place stood the example of the reference, 2: who wrote "0" was asked for keys and certificates."""
    with pytest.raises(ConfigurationError) as refused:
        load(written(tmp_path, ocpp, station), meter_models={}, read_map=no_map)
    (finding,) = refused.value.findings
    assert finding.key.endswith("security_profile")


def test_a_ca_for_a_cloud_without_tls(tmp_path: Path) -> None:
    """It would check nothing."""
    file = written(tmp_path, '[ocpp.cloud]\nca = "/ca"')
    file.write_text(file.read_text().replace("wss://cloud", "ws://cloud"))
    with pytest.raises(ConfigurationError, match=r"ocpp\.cloud\.ca: is given, but ws://cloud/.* is no wss:// address"):
        load(file, meter_models={}, read_map=no_map)


def test_what_the_proxy_is_told(tmp_path: Path) -> None:
    """Profiles, files and keys; no address without TLS where every station has it."""
    key = tmp_path / "key"
    key.write_text("00112233445566778899AABBCCDDEEFF\n")
    station = f'key_hash = "{HASH}"\ncloud_key_file = "{key}"\ncertificate_name = "SN"'
    settings = ocpp_settings(
        load(
            written(tmp_path, TLS + 'security_profile = 2\nverdict = "cloud"', station),
            meter_models={},
            read_map=no_map,
        )
    )
    assert settings.plain_listen is None
    assert settings.tls_listen == Listener(host="127.0.0.1", port=9443)
    assert settings.verdict is Verdict.CLOUD
    security = settings.security_of("CP-01")
    assert (security.profile, security.key_hash, security.certificate_name) == (SecurityProfile.TLS, HASH, "SN")
    assert security.cloud_key == bytes.fromhex("00112233445566778899aabbccddeeff")
    assert settings.security_of("stranger").profile is SecurityProfile.TLS


def test_without_a_word_stations_on_loopback_need_prove_nothing(tmp_path: Path) -> None:
    """As in the demo."""
    settings = ocpp_settings(load(written(tmp_path), meter_models={}, read_map=no_map))
    assert settings.plain_listen == Listener(host="127.0.0.1", port=9000)
    assert settings.security_of("CP-01").profile is SecurityProfile.NONE


@pytest.mark.parametrize(
    ("content", "problem"), [(None, "No such file"), (b"short", "has 5 bytes"), (b"\xff" * 20, "no text")]
)
def test_a_key_file_that_is_none(tmp_path: Path, content: bytes | None, problem: str) -> None:
    """One sentence with the file's name."""
    key = tmp_path / "key"
    if content is not None:
        key.write_bytes(content)
    configuration = load(written(tmp_path, "", f'cloud_key_file = "{key}"'), meter_models={}, read_map=no_map)
    with pytest.raises(StartError, match=problem):
        ocpp_settings(configuration)


def test_mirrors(tmp_path: Path) -> None:
    """Further addresses like the cloud's."""
    tables = '[[ocpp.mirror]]\nurl = "ws://archive/{station}"\n'
    assert ocpp_settings(load(written(tmp_path, tables), meter_models={}, read_map=no_map)).mirrors == (
        "ws://archive/{station}",
    )


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("http://archive/{station}", "ws:// or wss://"),
        ("ws://archive/", "{station}"),
        ("wss://cloud/{station}", "is the upstream itself"),
    ],
)
def test_a_mirror_that_can_not_be(tmp_path: Path, url: str, problem: str) -> None:
    """Each with its place and a remedy."""
    with pytest.raises(ConfigurationError) as refused:
        load(written(tmp_path, f'[[ocpp.mirror]]\nurl = "{url}"\n'), meter_models={}, read_map=no_map)
    assert problem in str(refused.value)
    assert "ocpp.mirror" in str(refused.value)


@pytest.mark.parametrize(
    ("own", "station", "key", "words"),
    [
        ('id = "CP-01"', "", "ocpp.self.id", "which a station has already"),
        ('id = "GW:1"', "", "ocpp.self.id", "without a colon"),
        ('id = "GW"\nversion = "2.2"', "", "ocpp.self.version", '"2.0.1" or "2.1"'),
        ('id = "GW"\nupstream = "http://x/{station}"', "", "ocpp.self.upstream", "ws://"),
        ('id = "GW"', "controller = true\n[[station.evse]]\nid = 2\nmax_a = 16", "station[0].controller", "2 EVSEs"),
    ],
)
def test_the_gateways_own_identity(tmp_path: Path, own: str, station: str, key: str, words: str) -> None:
    """Its identity is its own, its cloud's address is one; a controller's site is one EVSE."""
    with pytest.raises(ConfigurationError) as refused:
        load(written(tmp_path, f"[ocpp.self]\n{own}\n", station), meter_models={}, read_map=no_map)
    assert key in str(refused.value)
    assert words in str(refused.value)


def test_a_controller_that_only_observes_is_a_wire(tmp_path: Path) -> None:
    """Whatever the site file has for a controller that controls: the cloud decides, and no link outlives the other."""
    observing = '[ocpp.cloud]\nca = "/ca"\n[control]\nmode = "observe"'
    station = 'mode = "autonomous"'
    settings = ocpp_settings(load(written(tmp_path, observing, station), meter_models={}, read_map=no_map))
    assert (settings.is_wire, settings.verdict) == (True, Verdict.CLOUD)
    assert settings.mode_of("CP-01") is CloudLoss.TRANSPARENT
    controlling = ocpp_settings(load(written(tmp_path, "", station), meter_models={}, read_map=no_map))
    assert (controlling.is_wire, controlling.verdict) == (False, Verdict.LOCAL)
    assert controlling.mode_of("CP-01") is CloudLoss.AUTONOMOUS

"""The file of a site without a cloud: what it may say, what its reader is told, and what in it is for a cloud."""

from pathlib import Path

import pytest

from edge.config import Configuration, MeterModel, load
from edge.errors import ConfigurationError, Finding, Severity
from tests.own_maps import no_map
from tests.unit.config.test_config_security import SITE


def read(folder: Path, ocpp: str = "", station: str = "", more: str = "") -> Configuration:
    """The file, read."""
    file = folder / "site.toml"
    file.write_text(SITE.format(ocpp=ocpp, station=station) + more, encoding="utf-8")
    return load(file, meter_models={"eastron_sdm630": MeterModel()}, read_map=no_map)


def faults(folder: Path, ocpp: str = "", station: str = "") -> list[Finding]:
    """What is refused."""
    with pytest.raises(ConfigurationError) as caught:
        read(folder, ocpp, station)
    return [each for each in caught.value.findings if each.severity is Severity.ERROR]


def test_it_is_sound_and_says_who_may_charge(tmp_path: Path) -> None:
    """Its one note names the decision that is left: who forgot the address sees that, too."""
    configuration = read(tmp_path)
    assert not configuration.ocpp.has_cloud
    (note,) = configuration.notes
    assert (note.severity, note.key) == (Severity.NOTE, "ocpp.upstream")
    assert note.problem == (
        "is left out, so the site has no cloud: its own tokens, and those on a station's local list, may charge, and "
        "no other; sessions are in edge report alone"
    )


def test_it_says_what_others_may_take(tmp_path: Path) -> None:
    """By the policy for unknown tokens."""
    configuration = read(tmp_path, more='[offline]\nunknown_tokens = "limit"\nunknown_energy_wh = 7500\n')
    (note,) = configuration.notes
    assert "and any other up to 7.5 kWh;" in note.problem


@pytest.mark.parametrize(
    ("ocpp", "station", "key"),
    [
        ('mode = "transparent"', "", "ocpp.mode"),
        ('verdict = "cloud"', "", "ocpp.verdict"),
        ('samples = "asked"', "", "ocpp.samples"),
        ('[[ocpp.mirror]]\nurl = "ws://mirror/{station}"', "", "ocpp.mirror[0].url"),
        ('[ocpp.cloud]\nca = "/ca.pem"', "", "ocpp.cloud.ca"),
        ('[ocpp.self]\nid = "GW"', "", "ocpp.self.upstream"),
        ("", 'mode = "transparent"', "station[0].mode"),
        ("", 'cloud_key_file = "/key"', "station[0].cloud_key_file"),
    ],
)
def test_what_is_for_a_cloud_is_refused(tmp_path: Path, ocpp: str, station: str, key: str) -> None:
    """Each by itself, and each says why: a setting that does nothing is none."""
    (found,) = faults(tmp_path, ocpp, station)
    assert found.key == key
    assert (
        "the site has no cloud" in found.problem or found.problem == "is missing, and [ocpp] has none that it could be"
    )


def test_stations_rules_hold_while_a_cloud_is_away(tmp_path: Path) -> None:
    """So where there is none they do nothing."""
    with pytest.raises(ConfigurationError) as caught:
        read(tmp_path, more='[offline]\nstation_rules = "follow"\n')
    (found,) = [each for each in caught.value.findings if each.severity is Severity.ERROR]
    assert found.key == "offline.station_rules"
    assert found.problem == 'is "follow", which holds while a cloud is away, and the site has no cloud'


@pytest.mark.parametrize(
    ("ocpp", "more", "said"),
    [
        ("", "", "factory), and refused"),
        ("", 'unknown_tokens = "limit"\n', "factory), and let in up to 5 kWh"),
        ('mode = "transparent"', "", "binds nobody: all stations are dropped with their cloud"),
    ],
)
def test_whom_stations_rules_refuse_is_told(tmp_path: Path, ocpp: str, more: str, said: str) -> None:
    """Before a driver finds out: many stations come so that they let nobody in without their cloud."""
    upstream = 'upstream = "wss://cloud/{station}"\n'
    follow = f'[offline]\nstation_rules = "follow"\n{more}'
    (note,) = read(tmp_path, ocpp=upstream + ocpp, more=follow).notes
    assert (note.severity, note.key) == (Severity.NOTE, "offline.station_rules")
    assert said in note.problem
    assert not read(tmp_path, ocpp=upstream + ocpp, more=f"[offline]\n{more}").notes


def test_of_stations_some_may_be_answered_here(tmp_path: Path) -> None:
    """Where one of them isn't dropped with its cloud, its rules hold."""
    upstream = 'upstream = "wss://cloud/{station}"\nmode = "transparent"\n'
    (note,) = read(
        tmp_path, ocpp=upstream, station='mode = "autonomous"', more='[offline]\nstation_rules = "follow"\n'
    ).notes
    assert "and refused" in note.problem


def test_the_gateway_itself_may_have_a_cloud(tmp_path: Path) -> None:
    """Of its own, with what that wants to see: an upper gateway that limits the whole site."""
    more = '[ocpp.self]\nid = "GW"\nupstream = "wss://upper/{station}"\n[ocpp.cloud]\nca = "/ca.pem"\n'
    configuration = read(tmp_path, more)
    assert not configuration.ocpp.has_cloud
    assert configuration.ocpp.self_ is not None
    assert configuration.ocpp.self_.upstream == "wss://upper/{station}"


def test_certificates_are_for_the_clouds_that_are_dialled_with_tls(tmp_path: Path) -> None:
    """That of the stations, or the gateway's own."""
    ocpp = (
        'upstream = "ws://cloud/{station}"\n[ocpp.cloud]\nca = "/ca.pem"\n[ocpp.self]\nid = "GW"\n'
        'upstream = "%s://upper/{station}"'
    )
    assert read(tmp_path, ocpp % "wss").notes == ()
    assert [each.key for each in faults(tmp_path, ocpp % "ws")] == ["ocpp.cloud.ca"]


def test_a_missing_table_needs_no_upstream(tmp_path: Path) -> None:
    """Who has no cloud would make one up, were the table told to need its address."""
    file = tmp_path / "site.toml"
    file.write_text(SITE.format(ocpp="", station="").replace("[ocpp]", ""), encoding="utf-8")
    with pytest.raises(ConfigurationError) as caught:
        load(file, meter_models={}, read_map=no_map)
    (finding,) = (each for each in caught.value.findings if each.key == "ocpp")
    assert finding.remedy == "give the table [ocpp]; its upstream is the cloud's address, left out where there is none"

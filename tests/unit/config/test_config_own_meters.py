"""Meters that the site file describes itself: a map file of its own, the messages of an MQTT topic, a P1 port."""

from importlib import resources
from pathlib import Path

import pytest

from edge.cli.findings import read
from edge.config.locate import locate
from edge.domain.site import BrokerAccess
from edge.domain.topic import TopicValue
from edge.errors import ConfigurationError
from edge.metering.family import Confidence, Quantity
from edge.metering.user_map import families_of, read_map

JANITZA = resources.files("edge.metering.catalog").joinpath("janitza_umg.toml").read_text(encoding="utf-8")
OWN_MAP = "".join(line for line in JANITZA.splitlines(keepends=True) if not line.startswith("confidence"))
SITE = """
[site]
id = "s"
[[circuit]]
id = "main"
fuse_a = 63
meter = "grid"
background_reserve_a = 20
[[meter]]
id = "grid"
{meter}
[[station]]
id = "CP-01"
circuit = "main"
[[station.evse]]
id = 1
max_a = 16
[ocpp]
listen = "127.0.0.1:9000"
upstream = "ws://127.0.0.1:9100/{{station}}"
[bms.modbus]
listen = "127.0.0.1:5502"
limit_timeout_s = 60
fallback_a = 20
[api]
listen = "127.0.0.1:8080"
[storage]
path = "/tmp/edge"
"""
TCP = 'connection = "tcp://10.0.0.5:502"'
MQTT = 'connection = "mqtt://10.0.0.5/building/meter"\n'


def value(quantity: str, path: str = "x", scale: float = 1) -> str:
    return f'[[meter.value]]\nquantity = "{quantity}"\npath = "{path}"\nscale = {scale}\n'


CURRENTS = value("current_l1_a", "i[0]") + value("current_l2_a", "i[1]") + value("current_l3_a", "i[2]")


def site_file(folder: Path, meter: str) -> Path:
    """A site file in the folder, with that [[meter]]."""
    file = folder / "site.toml"
    file.write_text(SITE.format(meter=meter), encoding="utf-8")
    return file


def refusal(folder: Path, meter: str) -> str:
    """What is said of a site file with that [[meter]]."""
    with pytest.raises(ConfigurationError) as caught:
        read(site_file(folder, meter))
    return "\n".join(finding.sentence("site.toml") for finding in caught.value.findings if finding.severity == "error")


def test_a_device_on_the_network_may_have_unit_0(tmp_path: Path) -> None:
    """Some know no other (node-red-contrib-modbus issue 188, pymodbus issue 2571)."""
    (meter,) = read(site_file(tmp_path, f'model = "eastron_sdm630"\nunit = 0\n{TCP}')).site.meters
    assert meter.unit == 0


def test_one_topic_may_tell_of_several_meters(tmp_path: Path) -> None:
    """An energy management system publishes grid and battery in one message; the same values twice are a slip."""
    battery = f'[[meter]]\nid = "battery"\nmodel = "mqtt"\n{MQTT}'
    both = f'model = "mqtt"\n{MQTT}{CURRENTS}{battery}{value("power_w", "battery.power")}'
    assert [meter.id for meter in read(site_file(tmp_path, both)).site.meters] == ["grid", "battery"]
    twice = f'model = "mqtt"\n{MQTT}{CURRENTS}{battery}{CURRENTS}'
    assert "of meter 'battery' is that of 'grid' too" in refusal(tmp_path, twice)


@pytest.mark.parametrize(
    ("meter", "words"),
    [
        (f'model = "eastron_sdm630"\nusername = "edge"\n{TCP}', "is for a broker, and the connection is tcp://"),
        (f'model = "mqtt"\npassword = "secret"\n{MQTT}{CURRENTS}', "is given without username"),
        (f'model = "mqtt"\nca_file = "/etc/ca.pem"\n{MQTT}{CURRENTS}', "is for a broker with TLS"),
        (
            f'model = "mqtt"\n{MQTT.replace("10.0", "edge:secret@10.0")}{CURRENTS}',
            "has a user in it, who belongs into username and password",
        ),
    ],
)
def test_a_login_belongs_to_a_broker(tmp_path: Path, meter: str, words: str) -> None:
    """It is given whole, with keys of its own: a password in an address would be shown wherever that is."""
    assert words in refusal(tmp_path, meter)


def test_a_login_beside_what_is_no_connection(tmp_path: Path) -> None:
    """The connection is what is wrong; of the login it was said that ``the connection is 192.168.1.20://``."""
    said = refusal(tmp_path, f'model = "mqtt"\nusername = "edge"\nconnection = "192.168.1.20"\n{CURRENTS}')
    assert "does not begin with one of tcp://" in said
    assert "is for a broker" not in said


def test_a_broker_with_a_login(tmp_path: Path) -> None:
    """Who lets nobody in without a password is asked with one, and the password isn't shown with the meter."""
    login = 'username = "edge"\npassword = "secret"\nca_file = "/etc/ca.pem"\n'
    configuration = read(site_file(tmp_path, f'model = "mqtt"\n{login}{MQTT.replace("mqtt:", "mqtts:")}{CURRENTS}'))
    (meter,) = configuration.site.meters
    assert meter.access == BrokerAccess(username="edge", password="secret", ca_file="/etc/ca.pem")
    assert "secret" not in repr(meter)


def test_a_map_file_of_the_sites_own(tmp_path: Path) -> None:
    """It lies beside the site file, needs no sources, and becomes the meter's family."""
    (tmp_path / "my-meter.toml").write_text(OWN_MAP, encoding="utf-8")
    configuration = read(site_file(tmp_path, f'map = "my-meter.toml"\n{TCP}'))
    (meter,) = configuration.site.meters
    family = families_of([meter], locate=locate)[meter.model]
    assert family.confidence is Confidence.USER
    assert family.quantities >= {Quantity.CURRENT_L1, Quantity.POWER_L3, Quantity.IMPORT_WH}
    assert not [note for note in configuration.notes if note.key.startswith("meter")]


def test_every_fault_of_a_map_file_is_told_with_its_line(tmp_path: Path) -> None:
    """Its faults appear among those of the site file, with the line in the map and what would be right there."""
    broken = OWN_MAP.replace('address = 19012, type = "float32"', 'address = 19012, type = "float"').replace(
        "count = 52", "count = 152"
    )
    (tmp_path / "my-meter.toml").write_text(broken, encoding="utf-8")
    said = refusal(tmp_path, f'map = "my-meter.toml"\n{TCP}').splitlines()
    of_count = broken[: broken.index("count = 152")].count("\n") + 1
    of_type = broken[: broken.index('"float"')].count("\n") + 1
    assert said[0].endswith(
        f"meter[0].map: of meter 'grid' is 'my-meter.toml', in whose line {of_count} block[0].count is 152, above 125; "
        "give how many registers to read, 1 to 125, for example 6"
    )
    assert f'in whose line {of_type} quantity.current_l1_a.type is "float"; give one of int16, uint16,' in said[1]
    assert len(said) == 2


def test_a_map_without_currents_guards_no_circuit(tmp_path: Path) -> None:
    """A map file's family is held to the same: it must tell the currents of the circuit that it measures."""
    poor = "".join(line for line in OWN_MAP.splitlines(keepends=True) if "_l3_" not in line)
    (tmp_path / "my-meter.toml").write_text(poor, encoding="utf-8")
    said = refusal(tmp_path, f'map = "my-meter.toml"\n{TCP}')
    assert "circuit[0].meter: of circuit 'main' is 'grid', a 'my-meter.toml', which doesn't tell" in said


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "is 'my-meter.toml', which can't be read (No such file or directory); give the path"),
        (b"name = ", "is 'my-meter.toml', which is not valid TOML at column 8: invalid value in line 1; correct"),
        (b"\xff", "which is not UTF-8 (byte 0xff) in line 1; save it as UTF-8"),
        (b"#" * 300_000, "is larger than 256 KiB"),
        (b"", "in which name is missing; give the make and what it is"),
    ],
)
def test_what_is_no_map_file(tmp_path: Path, content: bytes | None, said: str) -> None:
    """A map file that isn't there, isn't text, or is something else."""
    if content is not None:
        (tmp_path / "my-meter.toml").write_bytes(content)
    assert said in refusal(tmp_path, f'map = "my-meter.toml"\n{TCP}')


def test_a_path_with_a_nul_is_no_path() -> None:
    """What no file can be named is refused in a sentence."""
    with pytest.raises(ConfigurationError, match="has no valid name"):
        read_map(Path("a\0b"), named="a", locate=locate)


@pytest.mark.parametrize(
    ("meter", "said"),
    [
        (TCP, "meter[0].model: of meter 'grid' is missing; give a meter family of the catalogue, or map ="),
        (f'model = "janitza_umg"\nmap = "my-meter.toml"\n{TCP}', "meter[0].map: of meter 'grid' stands beside a model"),
        (f'model = "mqtt"\n{MQTT}', "meter[0].value: of meter 'grid' is missing: nobody knows where"),
        (f'model = "janitza_umg"\n{TCP}\n{CURRENTS}', "has its own places for the quantities"),
        (f'model = "mqtt"\n{TCP}\n{CURRENTS}', "is tcp://, which 'mqtt' doesn't speak; give one of mqtt://, mqtts://"),
        (f'model = "janitza_umg"\n{MQTT}', "is mqtt://, which 'janitza_umg' doesn't speak"),
        (f'model = "dsmr_p1"\n{TCP}', "is tcp://, which 'dsmr_p1' doesn't speak; give one of p1://, p1+tcp://"),
        (
            f'model = "mqtt"\n{MQTT}{CURRENTS}{value("currrent_l1_a")}',
            "which is no quantity; did you mean 'current_l1_a'?",
        ),
        (
            f'model = "mqtt"\n{MQTT}{CURRENTS}{value("current_l1_a")}',
            "is 'current_l1_a' once more; name each quantity once",
        ),
        (
            f'model = "mqtt"\n{MQTT}{CURRENTS}{value("power_w", "a..b")}',
            "can't be read from '..b' on; give a JSON path",
        ),
        (
            f'model = "mqtt"\n{MQTT}{CURRENTS}{value("power_w", "a", 0)}',
            "scale: of meter 'grid' is 0, which makes every",
        ),
        (
            f'model = "mqtt"\n{MQTT}{value("current_l1_a")}',
            "is 'grid', whose messages tell no current of L2, L3; add a",
        ),
    ],
)
def test_what_does_not_fit_is_refused(tmp_path: Path, meter: str, said: str) -> None:
    """A meter is of the catalogue or of the site's own, and its values are named where they must be, and only there."""
    assert said in refusal(tmp_path, meter)


def test_an_mqtt_topic_is_a_meter(tmp_path: Path) -> None:
    """Its values arrive in the site with their paths read."""
    configuration = read(site_file(tmp_path, f'model = "mqtt"\n{MQTT}{CURRENTS}{value("power_w", "$.total.kW", 1000)}'))
    (meter,) = configuration.site.meters
    assert meter.values[0] == TopicValue(quantity="current_l1_a", path=("i", 0))
    assert meter.values[3] == TopicValue(quantity="power_w", path=("total", "kW"), scale=1000.0)


def test_two_phases_at_one_place_are_noted(tmp_path: Path) -> None:
    """A line that was copied and not changed: the load of L2 would be nobody's. However the place is written."""
    currents = value("current_l1_a", "i[0]") + value("current_l2_a", "$.i[0]") + value("current_l3_a", "i[2]")
    notes = read(site_file(tmp_path, f'model = "mqtt"\n{MQTT}{currents}')).notes
    (note,) = [note for note in notes if "value" in note.key]
    assert note.key == "meter[0].value[1].path"
    assert "'$.i[0]', where current_l1_a stands too" in note.problem


def test_one_voltage_for_all_phases_is_no_news(tmp_path: Path) -> None:
    """Nor that the total is the power of the only phase."""
    powers = "".join(
        value(f"power_l{phase}_w", f"p[{phase}]") + value(f"voltage_l{phase}_v", "u") for phase in (1, 2, 3)
    )
    notes = read(site_file(tmp_path, f'model = "mqtt"\n{MQTT}{powers}{value("power_w", "p[1]")}')).notes
    assert not [note for note in notes if "value" in note.key]


def test_power_and_voltage_do_for_a_current(tmp_path: Path) -> None:
    """A topic without currents guards its circuit if it tells each phase's power and voltage."""
    names = [f"{kind}_l{phase}_{unit}" for kind, unit in (("power", "w"), ("voltage", "v")) for phase in (1, 2, 3)]
    meter = f'model = "mqtt"\n{MQTT}' + "".join(value(name, name) for name in names)
    assert len(read(site_file(tmp_path, meter)).site.meters[0].values) == 6


def test_a_p1_port_is_a_meter(tmp_path: Path) -> None:
    """A smart meter on a serial cable is named by its model and its port."""
    configuration = read(site_file(tmp_path, 'model = "dsmr_p1"\nconnection = "p1:///dev/ttyUSB0"'))
    assert configuration.site.meters[0].model == "dsmr_p1"


def test_a_model_of_one_source_is_noted(tmp_path: Path) -> None:
    """A family of the catalogue that only one source knows is used, and its author told so."""
    notes = read(site_file(tmp_path, f'model = "lovato_dmg610"\n{TCP}')).notes
    (note,) = (note for note in notes if note.key == "meter[0].model")
    assert "known from one source only" in note.problem
    assert not [
        note for note in read(site_file(tmp_path, f'model = "janitza_umg"\n{TCP}')).notes if "model" in note.key
    ]


@pytest.mark.parametrize("model", ["eastron_sdm72d_v1", "phoenix_eem_em3xx"])
def test_a_meter_without_currents_guards_no_circuit(tmp_path: Path, model: str) -> None:
    """The two families that tell no currents are refused where a circuit would rest on them."""
    assert "which doesn't tell the current of L1, L2, L3" in refusal(tmp_path, f'model = "{model}"\n{TCP}')


def test_a_meter_of_one_phase_guards_a_connection_of_one_phase(tmp_path: Path) -> None:
    """Where all EVSEs below are on the phases that it tells, and with a note; else it is refused."""
    topic = f'model = "mqtt"\n{MQTT}{value("current_l1_a", "i")}'
    for meter, said in (
        (f'model = "eastron_sdm120_230"\n{TCP}', "doesn't tell the current of L2, L3"),
        ('model = "dsmr_p1_single_phase"\nconnection = "p1:///dev/ttyUSB0"', "doesn't tell the current of L2, L3"),
        (topic, "messages tell no current of L2, L3; add a [[meter.value]] for current_l2_a and current_l3_a"),
    ):
        assert said in refusal(tmp_path, meter)
        file = site_file(tmp_path, meter)
        wired = file.read_text(encoding="utf-8").replace("max_a = 16", 'max_a = 16\nphases = ["L1"]')
        file.write_text(wired, encoding="utf-8")
        notes = [note.problem for note in read(file).notes if note.key == "circuit[0].meter"]
        assert ["tells L1 alone" in note for note in notes] == [True] * (meter != topic)
    with_power = topic + value("power_l2_w", "p")
    assert "messages tell no current of L2" in refusal(tmp_path, with_power)

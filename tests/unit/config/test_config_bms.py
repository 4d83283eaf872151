"""The building's interface, the grid and schedules in the site file: what is refused, and what becomes of the rest."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from edge.bms.class_schedule import ClassSchedule
from edge.bms.demand_watch import DemandWatch
from edge.bms.eco import EcoMode
from edge.bms.eebus_lpc import LpcSettings
from edge.bms.grid import GridSettings
from edge.bms.relay_contact import ContactSettings
from edge.bms.schedule import Schedule
from edge.bms.surplus_watch import SurplusWatch
from edge.bms_set_up import facility_settings, watches
from edge.chance import SystemChance
from edge.config import Configuration, load
from edge.domain.limit import EvseCapped, LimitStated
from edge.domain.opening import AtClose, ClassHour
from edge.errors import ConfigurationError
from tests.own_maps import no_map
from tests.unit.bms.bms_site import Hands
from tests.unit.config.spoiled_site import MODELS

SITE = """
[site]
id = "harbour-3"
timezone = "Europe/Copenhagen"
[[circuit]]
id = "main"
fuse_a = 63
meter = "grid"
background_reserve_a = 20
[[circuit]]
id = "garage"
parent = "main"
fuse_a = 40
[[meter]]
id = "grid"
model = "eastron_sdm630"
connection = "tcp://127.0.0.1:5020"
[[station]]
id = "CP-01"
circuit = "garage"
[[station.evse]]
id = 1
max_a = 32
[[station.evse]]
id = 2
max_a = 32
[ocpp]
upstream = "ws://127.0.0.1:9100/{station}"
"""


class Caps:
    """Keeps nothing."""

    def take(self, fact: LimitStated | EvseCapped | ClassHour) -> None: ...


def read(folder: Path, more: str, site: str = SITE) -> Configuration:
    file = folder / "site.toml"
    file.write_text(f"{site}\n{more}", encoding="utf-8")
    return load(file, meter_models=MODELS, read_map=no_map)


@pytest.mark.parametrize(
    ("more", "key", "words"),
    [
        (
            "[grid]\nfailsafe_kw = 4200",
            "grid.failsafe_kw",
            "is 4200 kW, and the fuse of 'main' (63 A per phase) lets 43.47",
        ),
        (
            '[grid]\ncircuit = "garage"\nfailsafe_kw = 28',
            "grid.failsafe_kw",
            "the fuse of 'garage' (40 A per phase) lets 27.6 kW",
        ),
        ('[[schedule]]\nfrom = "07:00"\nto = "08:00"\nlimit_a = 160', "schedule[0].limit_a", "lets 63 A through"),
        ('[[schedule]]\nfrom = "07:00"\nto = "08:00"\nlimit_kw = 1100', "schedule[0].limit_kw", "it limits nothing"),
    ],
)
def test_a_limit_above_the_fuse_is_noted(tmp_path: Path, more: str, key: str, words: str) -> None:
    """Watts where kilowatts belong: it would never limit, and nobody would see it."""
    (note,) = read(tmp_path, more).notes
    assert note.key == key
    assert words in note.problem


@pytest.mark.parametrize("key", ["limit_w = 50000", "demand_limit_kw = 50"])
def test_a_circuit_s_own_limit_above_its_fuse_is_noted(tmp_path: Path, key: str) -> None:
    """As those of others; just at the fuse it is one."""
    (note,) = read(tmp_path, "", SITE.replace("fuse_a = 63", f"fuse_a = 63\n{key}")).notes
    assert note.key == f"circuit[0].{key.partition(' ')[0]}"
    assert read(tmp_path, "", SITE.replace("fuse_a = 63", "fuse_a = 63\nlimit_w = 43470")).notes == ()


def test_no_demand_limit_is_more_than_the_largest_fuse_carries(tmp_path: Path) -> None:
    """It is in watts, or would be infinite as watts."""
    for value in ("40000", "1e306"):
        with pytest.raises(ConfigurationError) as refused:
            read(tmp_path, "", SITE.replace("fuse_a = 63", f"fuse_a = 63\ndemand_limit_kw = {value}"))
        (finding,) = refused.value.findings
        assert finding.key == "circuit[0].demand_limit_kw"
        assert "up to 10000" in f"{finding.problem}; {finding.remedy}"


CLASS_A = '[[class]]\nid = "a"\nrank = 0\n'
RULE_A = '[[schedule]]\nclass = "a"\nfrom = "07:00"\nto = "08:00"\n'


@pytest.mark.parametrize(
    ("more", "key", "words"),
    [
        ('[bms.mqtt]\nbroker = "tcp://x"', "bms.mqtt.broker", "begins with tcp:, not with mqtt:// or mqtts://"),
        ('[bms.mqtt]\nbroker = "mqtt://me:pw@x"', "bms.mqtt.broker", "belongs into username and password"),
        ('[bms.mqtt]\nbroker = "mqtt://x/topic"', "bms.mqtt.broker", "more than a host and a port"),
        ('[bms.mqtt]\nca_file = "/ca.pem"', "bms.mqtt.ca_file", "give the broker as mqtts://"),
        ('[bms.mqtt]\nversion = "3.1"', "bms.mqtt.version", '"5" or "3.1.1"'),
        ('[bms.mqtt]\npassword = "x"', "bms.mqtt.password", "is given without username"),
        ("[bms.mqtt]\nwritable = true", "bms.mqtt.fallback_a", "is missing, and writable is true"),
        ("[bms.mqtt]\nfallback_a = 64", "bms.mqtt.fallback_a", "above the grid connection's fuse of 63 A"),
        ("[bms.modbus]\nwritable = true", "bms.modbus.fallback_a", "is missing"),
        ("[bms.modbus]\nfallback_a = 64", "bms.modbus.fallback_a", "above the grid connection's fuse"),
        ('[bms.modbus]\nfallback_a = 6\nallow = ["10.0.0.300"]', "bms.modbus.allow[0]", "neither an address nor"),
        ("[bms.modbus]\nfallback_a = 6\nallow = []", "bms.modbus.allow", "is empty"),
        ("[bms.modbus]\nfallback_a = 6\nidle_timeout_s = 0", "bms.modbus.idle_timeout_s", "not above 0"),
        ('[grid]\ncircuit = "garag"', "grid.circuit", "did you mean 'garage'"),
        ("[grid]\ndevices = 0", "grid.devices", "below 1"),
        ('[grid]\nsteering = "x"', "grid.steering", '"ems" or "direct"'),
        ('[grid]\ncontact = "GPIO17"', "grid.contact", 'for example "gpiochip0/17"'),
        ("[grid]\ndemand_window_min = 10", "grid.demand_window_min", "give 5, 15, 30 or 60"),
        ('[[schedule]]\nfrom = "07:00"\nto = "8:00"\nlimit_a = 6', "schedule[0].to", "is '8:00', no time of day"),
        ('[[schedule]]\nfrom = "07:00"\nto = "24:00"\nlimit_a = 6', "schedule[0].to", "no time of day"),
        ('[[schedule]]\nfrom = "07:00"\nto = "08:00"', "schedule[0].limit_a", "is missing, and so is limit_kw"),
        (
            '[[schedule]]\nfrom = "07:00"\nto = "08:00"\nlimit_a = 6\ndays = ["Monday"]',
            "schedule[0].days[0]",
            "mon, tue, wed",
        ),
        (
            '[[schedule]]\nfrom = "07:00"\nto = "08:00"\nlimit_a = 6\ndates = ["24.12."]',
            "schedule[0].dates[0]",
            "which is no date",
        ),
        ('[[schedule]]\nfrom = "07:00"\nto = "08:00"\nrank = 0', "schedule[0].rank", "is given without class"),
        (
            CLASS_A + RULE_A.replace('"a"', '"b"') + "rank = 0",
            "schedule[0].class",
            "is 'b', and there is no such class; ",
        ),
        (CLASS_A + RULE_A, "schedule[0].at_close", "is missing, and so is rank"),
        (
            f"{CLASS_A}{RULE_A}rank = 1\nlimit_a = 6",
            "schedule[0].limit_a",
            "for a circuit, and the rule is for a class",
        ),
        (f'{CLASS_A}{RULE_A}rank = 1\nat_close = "finish"', "schedule[0].rank", "is given beside at_close"),
        (f'{CLASS_A}{RULE_A}at_close = "stop"', "schedule[0].at_close", '"refuse", "reduce" or "finish"'),
        (
            f'{CLASS_A}{RULE_A}at_close = "refuse"\n{RULE_A}at_close = "finish"',
            "schedule[1].at_close",
            "and class 'a' has 'refuse' already",
        ),
        (
            '[[schedule]]\ncircuit = "x"\nfrom = "07:00"\nto = "08:00"\nlimit_a = 6',
            "schedule[0].circuit",
            "which is no circuit",
        ),
        (
            '[[schedule]]\nfrom = "07:00"\nto = "08:00"\nlimit_a = 6\nholidays = "off"',
            "schedule[0].holidays",
            "whose holidays isn't known; give [site] its holidays",
        ),
        ("[grid]\neebus_lpc = true", "grid.eebus_lpc", "give [bms.mqtt] with writable = true"),
        ("[grid]\nopenadr = true\n[bms.mqtt]", "grid.openadr", "give [bms.mqtt] with writable = true"),
        ("[grid]\nfailsafe_h = 1", "grid.failsafe_h", "2 to 24"),
        ("[grid]\nrandom_delay_s = 3600", "grid.random_delay_s", "1 to 1800"),
        ("[grid]\nfailsafe_kw = 10001", "grid.failsafe_kw", "0 to 10000"),
        ("[surplus]\nstart_kw = 10001", "surplus.start_kw", "0 to 10000"),
        ('[[schedule]]\nfrom = "07:00"\nto = "08:00"\nlimit_kw = 1e306', "schedule[0].limit_kw", "0 to 10000"),
    ],
)
def test_each_fault_is_named(tmp_path: Path, more: str, key: str, words: str) -> None:
    """One error, at its key, in words that say what would be right."""
    with pytest.raises(ConfigurationError) as refused:
        read(tmp_path, more)
    (finding,) = refused.value.findings
    assert finding.key == key
    assert words in f"{finding.problem}; {finding.remedy}"


def test_a_demand_limit_needs_a_meter(tmp_path: Path) -> None:
    """What isn't measured can't be kept under a mean."""
    with pytest.raises(ConfigurationError) as refused:
        read(tmp_path, "", SITE.replace("fuse_a = 40", "fuse_a = 40\ndemand_limit_kw = 10"))
    assert [finding.key for finding in refused.value.findings] == ["circuit[1].demand_limit_kw"]


def test_writing_is_off_by_default(tmp_path: Path) -> None:
    """A table alone lets the building read."""
    found = facility_settings(read(tmp_path, "[bms.mqtt]\n[bms.modbus]\nfallback_a = 20"))
    assert found.modbus is not None
    assert found.mqtt is not None
    assert (found.modbus.policy.writable, found.mqtt.policy.writable, found.mqtt.discovery) == (False, False, False)
    assert (found.mqtt.host, found.mqtt.port, found.mqtt.tls) == ("127.0.0.1", 1883, False)


def test_everything_reaches_its_part(tmp_path: Path) -> None:
    """Settings, one schedule for each circuit that has rules, a demand window for each that has a limit."""
    more = """
[bms.mqtt]
broker = "mqtts://broker.example"
username = "edge"
password = "secret"
ca_file = "/ca.pem"
version = "3.1.1"
home_assistant = true
[bms.modbus]
fallback_a = 20
writable = true
allow = ["192.168.1.20", "10.0.0.0/24"]
[grid]
circuit = "garage"
demand_window_min = 30
contact = "gpiochip0/17"
contact_closed = "frees"
[[schedule]]
from = "07:00"
to = "18:30"
days = ["mon", "fri"]
limit_kw = 11
[[schedule]]
circuit = "garage"
from = "22:00"
to = "06:00"
limit_a = 16
"""
    configuration = read(tmp_path, more, SITE.replace("fuse_a = 63", "fuse_a = 63\ndemand_limit_kw = 40"))
    found = facility_settings(configuration)
    assert found.mqtt is not None
    assert (found.mqtt.port, found.mqtt.tls, found.mqtt.ca_file) == (8883, True, Path("/ca.pem"))
    assert found.modbus is not None
    assert [str(each) for each in found.modbus.allow or ()] == ["192.168.1.20/32", "10.0.0.0/24"]
    contact = ContactSettings(chip="gpiochip0", line=17, closed_is_free=True)
    storage = Path("/var/lib/edge-controller")
    assert found.grid == GridSettings(
        circuit="garage",
        limit_w=7560.0,
        contact=contact,
        evidence=storage / "grid-events.csv",
        dimming_file=storage / "grid-dimming.json",
    )
    assert found.limits_file == storage / "bms-limits.json"
    found_watches = watches(configuration, Caps(), SystemChance(), EcoMode(possible=True))
    assert [type(watch) for watch in found_watches] == [Schedule, Schedule, DemandWatch, SurplusWatch]
    nothing_shows_it = watches(configuration, Caps(), SystemChance(), EcoMode(possible=False))
    assert SurplusWatch not in map(type, nothing_shows_it)


def test_holidays_of_a_place_that_is_not_known_are_refused(tmp_path: Path) -> None:
    """Rather than none of them counting."""
    with pytest.raises(ConfigurationError) as refused:
        read(tmp_path, "", SITE.replace('id = "harbour-3"', 'id = "harbour-3"\nholidays = "DE-XX"'))
    (finding,) = refused.value.findings
    assert (finding.key, finding.problem) == ("site.holidays", "is 'DE-XX', whose public holidays aren't known")


def test_the_grid_operator_s_ways_reach_their_parts(tmp_path: Path) -> None:
    """EEBUS with its failsafe values, OpenADR, and a schedule that knows holidays and is delayed by chance."""
    more = """
[bms.mqtt]
writable = true
fallback_a = 20
[grid]
eebus_lpc = true
failsafe_kw = 10
failsafe_h = 3
openadr = true
random_delay_s = 600
[[schedule]]
from = "00:00"
to = "00:00"
holidays = "off"
limit_a = 16
"""
    configuration = read(tmp_path, more, SITE.replace('id = "harbour-3"', 'id = "harbour-3"\nholidays = "DE"'))
    grid = facility_settings(configuration).grid
    assert grid is not None
    assert (grid.lpc, grid.openadr) == (LpcSettings(failsafe_w=10_000.0, failsafe_duration_s=10_800.0), True)
    (schedule,) = watches(configuration, Caps(), SystemChance(), EcoMode(possible=False))
    assert isinstance(schedule, Schedule)
    clock = Hands(wall=datetime(2026, 12, 25, 12, tzinfo=UTC))
    assert schedule.allowed(clock).limit_a is None
    clock.at = datetime(2026, 12, 24, 12, tzinfo=UTC)
    assert schedule.allowed(clock).limit_a == 16


def test_the_hours_of_classes_reach_their_parts(tmp_path: Path) -> None:
    """One watch a class, with its ranks and its opening hours; a station without a class has the first served."""
    more = """
[[class]]
id = "vans"
rank = 3
[[class]]
id = "guests"
rank = 4
[[schedule]]
class = "vans"
from = "05:00"
to = "09:00"
rank = 0
[[schedule]]
class = "guests"
from = "07:00"
to = "18:30"
at_close = "reduce"
"""
    configuration = read(tmp_path, more)
    vans, guests = watches(configuration, Caps(), SystemChance(), EcoMode(possible=True))
    assert isinstance(vans, ClassSchedule)
    assert isinstance(guests, ClassSchedule)
    early, late = (Hands(wall=datetime(2026, 11, 23, hour, tzinfo=UTC)) for hour in (5, 20))
    assert (vans.holds(early), vans.holds(late)) == ((0, None), (None, None))
    assert (guests.holds(early), guests.holds(late)) == ((None, AtClose.REDUCE), (None, AtClose.REDUCE))
    assert {evse.class_id for evse in configuration.site.evses} == {"vans"}
    assert {name: priority.class_id for name, priority in configuration.classes.items()} == {
        "vans": "vans",
        "guests": "guests",
    }

"""The rules between the keys of a site file, one by one."""

from pathlib import Path

import pytest

from edge.errors import Severity
from tests.unit.config.spoiled_site import findings, told

METER_B = '[[meter]]\nid = "b"\nmodel = "{}"\nconnection = "{}"\n'
SERIAL_METERS = (
    '[[meter]]\nid = "b"\nmodel = "janitza_umg"\nunit = 2\nconnection = "rtu:///dev/ttyUSB0?{}"\n'
    '[[meter]]\nid = "c"\nmodel = "janitza_umg"\nunit = 3\nconnection = "rtu:///dev/ttyUSB0?{}"\n'
)


def test_the_example_is_sound(tmp_path: Path) -> None:
    """Nothing is found in the file that the other tests spoil."""
    assert findings(tmp_path) == []


@pytest.mark.parametrize(
    ("parts", "key", "words"),
    [
        (
            {"garage": '[[circuit]]\nid = "garage"\nparent = "main"\nfuse_a = 20'},
            "circuit[2].id",
            "is 'garage', which the circuit in line 13 has already",
        ),
        (
            {"meters": '[[meter]]\nid = "grid"\nmodel = "eastron_sdm630"\nconnection = "tcp://10.0.0.6:502"'},
            "meter[1].id",
            "is 'grid', which the meter in",
        ),
        ({"classes": '[[class]]\nid = "staff"\nrank = 1'}, "class[1].id", "is 'staff', which the class in"),
        (
            {"stations": '[[station]]\nid = "CP-01"\ncircuit = "main"\n[[station.evse]]\nid = 1\nmax_a = 16'},
            "station[1].id",
            "is 'CP-01', which the station in line 27 has already; give each station the OCPP identity",
        ),
        (
            {"evse": "[[station.evse]]\nid = 1\nmax_a = 16"},
            "station[0].evse[1].id",
            "is 1, which another EVSE of station 'CP-01' has already",
        ),
        (
            {"garage": '[[circuit]]\nid = "spare"\nfuse_a = 20\nbackground_reserve_a = 0'},
            "circuit[2].parent",
            "of circuit 'spare' is missing, as it is of 'main': only the grid connection has no parent",
        ),
        (
            {"garage": '[[circuit]]\nid = "deck"\nparent = "garrage"\nfuse_a = 20'},
            "circuit[2].parent",
            "is 'garrage', and there is no such circuit; did you mean 'garage'? circuits are: main, garage",
        ),
        (
            {"main": 'meter = "grid"\nparent = "garage"'},
            "circuit[0].parent",
            "closes a cycle: main -> garage -> main",
        ),
        (
            {"garage": '[[circuit]]\nid = "deck"\nparent = "deck"\nfuse_a = 20'},
            "circuit[2].parent",
            "closes a cycle: deck -> deck",
        ),
        ({"garage": "margin_a = 40"}, "circuit[1].margin_a", "leaves nothing of the fuse of 40 A; give less than 40"),
        ({"garage": 'meter = "gird"'}, "circuit[1].meter", "there is no such meter; did you mean 'grid'?"),
        (
            {"garage": 'meter = "grid"'},
            "circuit[1].meter",
            "is 'grid', which measures 'main' already; a meter stands in one circuit",
        ),
        ({"station": 'class = "stuff"'}, "station[0].class", "there is no such class; did you mean 'staff'?"),
        ({"evse": "min_a = 33\nfallback_a = 0"}, "station[0].evse[0].min_a", "is 33, above max_a, which is 32"),
        ({"evse": "fallback_a = 33"}, "station[0].evse[0].fallback_a", "is 33, above max_a, which is 32"),
        (
            {"evse": "fallback_a = 3"},
            "station[0].evse[0].fallback_a",
            "is 3, with which no car charges: min_a is 6; give 0 (no charging without the controller) or at least 6",
        ),
        (
            {"evse": 'phases = ["L1", "L2", "L1"]'},
            "station[0].evse[0].phases",
            "of EVSE 1 of station 'CP-01' names a phase twice: L1, L2, L1",
        ),
        ({"site": 'timezone = "Europe/Copenhage"'}, "site.timezone", "did you mean 'Europe/Copenhagen'?"),
        ({"site": 'timezone = "../../etc/passwd"'}, "site.timezone", "for example Europe/Copenhagen"),
        (
            {"control": "period_s = 4"},
            "control.meter_stale_s",
            "is 5, so that one lost poll (period_s is 4) would make the meter stale; give at least 8",
        ),
        (
            {"more": '[api]\nlisten = "0.0.0.0:9000"'},
            "api.listen",
            "is 0.0.0.0:9000, whose port ocpp.listen has already; give each its own port",
        ),
        ({"ocpp": 'upstream = "http://cloud/{station}"'}, "ocpp.upstream", "begins with http:, not with ws:// or"),
        ({"ocpp": 'upstream = "ws://cloud/"'}, "ocpp.upstream", "has no {station} in its path; give ws:// or wss://"),
        (
            {"ocpp": 'upstream = "ws://127.0.0.1:9000/{station}"'},
            "ocpp.upstream",
            "leads to 127.0.0.1:9000, where this gateway itself listens (ocpp.listen); give the cloud's own address",
        ),
        (
            {"ocpp": 'listen = "0.0.0.0:9000"\nsecurity_profile = 0\nupstream = "ws://localhost:9000/{station}"'},
            "ocpp.upstream",
            "leads to 0.0.0.0:9000, where this gateway itself listens (ocpp.listen)",
        ),
        (
            {"ocpp": 'listen = "Gate:80"\nsecurity_profile = 0\nupstream = "ws://gate/ocpp/{station}"'},
            "ocpp.upstream",
            "leads to Gate:80, where this gateway itself listens (ocpp.listen)",
        ),
        (
            {"ocpp": 'listen = "0.0.0.0:9000"\nsecurity_profile = 0\nupstream = "ws://127.0.1.1:9000/{station}"'},
            "ocpp.upstream",
            "leads to 127.0.1.1:9000, an address of this machine, where this gateway itself listens (ocpp.listen)",
        ),
        (
            {"more": '[[ocpp.mirror]]\nurl = "ws://[::1]:8080/{station}"'},
            "ocpp.mirror[0].url",
            "leads to 127.0.0.1:8080, where this gateway itself listens (api.listen)",
        ),
        (
            {"more": '[ocpp.self]\nid = "GW"\nupstream = "ws://127.0.0.1:9000/{station}"'},
            "ocpp.self.upstream",
            "leads to 127.0.0.1:9000, where this gateway itself listens",
        ),
        (
            {"more": '[storage]\npath = "~/edge"'},
            "storage.path",
            "whose ~ is the home of whoever runs the program, and a service has none; give the folder for what must",
        ),
        ({"more": '[bms.mqtt]\nusername = "e"\npassword = 7'}, "bms.mqtt.password", "is no text; write it in quotes"),
        ({"more": '[bms.mqtt]\nca_file = "~root/ca.pem"'}, "bms.mqtt.ca_file", "a service has none; give the file of"),
        (
            {"more": '[bms.mqtt]\nca_file = "ca.pem"'},
            "bms.mqtt.ca_file",
            'is "ca.pem", which depends on where the program is started; give the file of the broker',
        ),
        (
            {"meters": '[[meter]]\nid = "b"\nmap = "~/my.toml"\nconnection = "tcp://10.0.0.6:502"'},
            "meter[1].map",
            "a service has none; give the path of a map file of your own",
        ),
        ({"more": '[bms.mqtt]\nbroker = "tcp://x"'}, "bms.mqtt.broker", "begins with tcp:, not with mqtt://"),
        (
            {"meters": '[[meter]]\nid = "b"\nmodel = "eastron_sdm360"\nconnection = "tcp://10.0.0.6:502"'},
            "meter[1].model",
            "is not in the meter catalogue; did you mean 'eastron_sdm630'? models are: eastron_sdm630, guessed, janit",
        ),
        (
            {"meters": '[[meter]]\nid = "b"\nmodel = "janitza_umg"\nconnection = "tcp://10.0.0.5:502"'},
            "meter[1].connection",
            "and unit 1 are those of 'grid' too",
        ),
        (
            {"meters": SERIAL_METERS.format("baudrate=9600", "baudrate=19200")},
            "meter[2].connection",
            "sets /dev/ttyUSB0 to rtu 19200 8N1, and 'b' in line",
        ),
        (
            {"meters": SERIAL_METERS.format("parity=E", "parity=X")},
            "meter[2].connection",
            "has the parity 'X', which is none of N, E, O; give tcp://host:port",
        ),
        (
            {
                "meters": METER_B.format("total_only", "tcp://10.0.0.6:502") + '[[circuit]]\nid = "yard"\n'
                'parent = "main"\nfuse_a = 16\nmeter = "b"\nbackground_reserve_a = 0'
            },
            "circuit[2].meter",
            "is 'b', a 'total_only', which doesn't tell the current of L1, L2, L3",
        ),
        (
            {"meters": METER_B.format("janitza_umg", "mqtt://broker/a/#")},
            "meter[1].connection",
            "has a wildcard (+ or #) in its topic; give mqtt://host/topic or mqtts://host/topic, for example mqtt://",
        ),
        (
            {"meters": METER_B.format("janitza_umg", "p1+tcp://adapter")},
            "meter[1].connection",
            "has no port; give p1:///dev/serial/by-id/... or p1+tcp://host:port, for example p1+tcp://",
        ),
        (
            {"meters": METER_B.format("janitza_umg", "p1:///dev/ttyUSB0")},
            "meter[1].connection",
            "is p1://, which 'janitza_umg' doesn't speak; give one of tcp://, rtu+tcp://, rtu://",
        ),
        (
            {"meters": METER_B.format("janitza_umg", "rtu:///dev/ttyUSB0") + "unit = 250"},
            "meter[1].unit",
            "is 250, which no device on a serial line can have; give 1 to 247",
        ),
        (
            {"meters": METER_B.format("janitza_umg", "rtu+tcp://10.0.0.5:4196") + "unit = 0"},
            "meter[1].unit",
            "is 0, which no device on a serial line can have; give 1 to 247",
        ),
    ],
)
def test_each_rule_names_its_fault(tmp_path: Path, parts: dict[str, str], key: str, words: str) -> None:
    """A file spoiled in one place gets one error, at that key, in words that say what would be right."""
    ((found_key, found_words),) = told(tmp_path, **parts)
    assert found_key == key
    assert words in found_words


@pytest.mark.parametrize(
    ("second", "third", "is_refused"),
    [
        ("sunspec_inverter", "sunspec_meter", False),
        ("sunspec_meter", "sunspec_meter", True),
        ("sunspec_meter", "janitza_umg", True),
    ],
)
def test_an_inverter_and_the_meter_behind_it_have_one_address(
    tmp_path: Path, second: str, third: str, is_refused: bool
) -> None:
    """SolarEdge has both in one map, under one unit id; nothing else may be there twice."""
    address = "tcp://10.0.0.6:1502"
    meters = METER_B.format(second, address) + METER_B.format(third, address).replace('"b"', '"c"')
    errors = [each.key for each in findings(tmp_path, meters=meters) if each.severity is Severity.ERROR]
    assert errors == (["meter[2].connection"] if is_refused else [])


def test_station_on_a_missing_circuit(tmp_path: Path) -> None:
    """The missing circuit is named with the ones that are there."""
    stations = '[[station]]\nid = "B"\ncircuit = "garag"\n[[station.evse]]\nid = 1\nmax_a = 16'
    ((key, words),) = told(tmp_path, stations=stations)
    assert key == "station[1].circuit"
    assert words == (
        "of station 'B' is 'garag', and there is no such circuit; did you mean 'garage'? circuits are: main, garage"
    )


def stations(*evses: str) -> str:
    """Stations on the garage circuit, one for each EVSE."""
    return "\n".join(
        f'[[station]]\nid = "S{number}"\ncircuit = "garage"\n[[station.evse]]\nid = 1\nmax_a = 32\n{evse}'
        for number, evse in enumerate(evses)
    )


def test_safe_currents_are_summed_per_phase_with_rotation(tmp_path: Path) -> None:
    """One-phase EVSEs count on the grid phase of their wire: 6 (three-phase) + 3 times 12 on L2 is over 40 A."""
    one_phase = 'phases = ["L2"]\nfallback_a = 12'
    assert told(tmp_path, stations=stations(one_phase, one_phase, 'phases = ["L3"]\nfallback_a = 12')) == []
    ((key, words),) = told(tmp_path, stations=stations(one_phase, one_phase, one_phase))
    assert key == "circuit[1].fuse_a"
    assert "of circuit 'garage' has no room for the fallback currents below it: they come to 42 A on L2," in words
    assert "the room is 40 A (fuse 40 - margin 0 - background reserve 0)" in words


def test_safe_currents_fit_exactly(tmp_path: Path) -> None:
    """A sum that equals the room fits, binary fractions notwithstanding."""
    assert told(tmp_path, stations=stations(*["fallback_a = 6.8"] * 5)) == []


def test_safe_currents_count_up_the_whole_tree(tmp_path: Path) -> None:
    """EVSEs of a sub-circuit count at the grid connection too, against its rating less the building's reserve."""
    main = 'meter = "grid"\nmargin_a = 3\nbackground_reserve_a = 30'
    ((key, words),) = told(tmp_path, main=main, stations=stations(*["fallback_a = 13"] * 2))
    assert key == "circuit[0].fuse_a"
    assert "32 A on L1 and 32 A on L2 and 32 A on L3, the room is 30 A" in words


def test_reserve_above_the_fuse_leaves_no_room(tmp_path: Path) -> None:
    """It is the reserve that is wrong then, and no safe current: who lowers these gets nowhere."""
    main = 'meter = "grid"\nmargin_a = 3\nbackground_reserve_a = {}'
    ((key, words),) = told(tmp_path, main=main.format(61))
    assert key == "circuit[0].background_reserve_a"
    assert "is 61 A, above the 60 A that can be planned with (fuse 63 - margin 3)" in words
    ((key, words),) = told(tmp_path, main=main.format(60))
    assert key == "circuit[0].fuse_a"
    assert "the room is 0 A" in words


@pytest.mark.parametrize(
    ("parts", "key", "words"),
    [
        ({"garage": '[[circuit]]\nid = "deck"\nparent = "main"\nfuse_a = 80'}, "circuit[2].fuse_a", "is 80 A, more"),
        ({"main": "", "garage": 'meter = "grid"'}, "circuit[0].meter", "all 63 A go to the chargers"),
        ({"main": "background_reserve_a = 20"}, "meter[0].id", "which no circuit names"),
        (
            {"main": 'meter = "grid"'},
            "circuit[0].background_reserve_a",
            "of circuit 'main' is missing: the proof that the safe currents fit takes the building's load as 0 A",
        ),
        (
            {"evse": "min_a = 5.5\nfallback_a = 6"},
            "station[0].evse[0].min_a",
            "of EVSE 1 of station 'CP-01' is 5.5: below 6 A no car charges (IEC 61851-1)",
        ),
        (
            {"more": '[bms.modbus]\nlisten = "127.0.0.1:502"\nfallback_a = 20'},
            "bms.modbus.listen",
            "is 127.0.0.1:502, a port that the service may not open",
        ),
    ],
)
def test_notes_leave_the_file_sound(tmp_path: Path, parts: dict[str, str], key: str, words: str) -> None:
    """What is allowed but worth knowing is a note."""
    (note,) = findings(tmp_path, **parts)
    assert note.severity is Severity.NOTE
    assert note.key == key
    assert words in note.problem


@pytest.mark.parametrize(("identity", "shown"), [("CP-02 ", '"CP-02 "'), ("CP-\\u200b02", '"CP-\\u200b02"')])
def test_an_identity_with_something_unseen_is_noted(tmp_path: Path, identity: str, shown: str) -> None:
    """Copied from a web page or a table: the station without it waits for ever, and the two look alike."""
    station = '[[station]]\nid = "{}"\ncircuit = "main"\n[[station.evse]]\nid = 1\nmax_a = 16'
    (note,) = findings(tmp_path, stations=station.format(identity))
    assert (note.severity, note.key) == (Severity.NOTE, "station[1].id")
    assert f"is {shown}: a space at its begin or end, or a character that isn't shown" in note.problem
    assert findings(tmp_path, stations=station.format("Post 2 Ø")) == []


def test_the_building_s_load_is_noted_at_its_circuit(tmp_path: Path) -> None:
    """What isn't in the file is noted at the line of the circuit that lacks it, while observing too."""
    (note,) = findings(tmp_path, main='meter = "grid"', control='mode = "observe"')
    assert (note.key, note.line) == ("circuit[0].background_reserve_a", 7)


def test_observing_needs_no_knowledge_of_the_building(tmp_path: Path) -> None:
    """A controller that commands nothing isn't told that it doesn't know the building's load."""
    assert findings(tmp_path, main="", garage='meter = "grid"', control='mode = "observe"') == []


@pytest.mark.parametrize(
    ("parts", "keys"),
    [
        ({"garage": 'margin_a = "x"'}, {"circuit[1].margin_a"}),
        ({"evse": "fallback_a = -1\nmin_a = 40"}, {"station[0].evse[0].fallback_a", "station[0].evse[0].min_a"}),
        ({"garage": "[[circuit]]\nfuse_a = 10"}, {"circuit[2].id", "circuit[2].parent"}),
        ({"control": "period_s = 20"}, {"control.period_s"}),
        ({"more": '[api]\nlisten = "x:99999"'}, {"api.listen"}),
    ],
)
def test_no_verdict_rests_on_a_refused_value(tmp_path: Path, parts: dict[str, str], keys: set[str]) -> None:
    """A value that the schema refuses causes no further findings about what it might have been."""
    assert {key for key, _ in told(tmp_path, **parts)} == keys


def test_no_note_rests_on_a_refused_value(tmp_path: Path) -> None:
    """The amperes that a note speaks of are the file's, not those of the example in its place."""
    assert [each.key for each in findings(tmp_path, main='margin_a = "x"', garage='meter = "grid"')] == [
        "circuit[0].margin_a"
    ]

"""The meter catalogue: each file is sound, and an unsound one is refused with what would be right."""

from importlib import resources
from typing import Any

import pytest
import tomlkit

from edge.config.locate import locate
from edge.errors import ConfigurationError
from edge.metering.catalogue import FAMILIES, parse
from edge.metering.decode import decode
from edge.metering.family import CURRENTS, POWERS, VOLTAGES, Confidence, RegisterType
from edge.metering.sample import tells_currents, tells_direction

FOLDER = resources.files("edge.metering.catalog")
SDM630 = FOLDER.joinpath("eastron_sdm630.toml").read_text(encoding="utf-8")
KSEM = FOLDER.joinpath("kostal_ksem_tq.toml").read_text(encoding="utf-8")

ONE_SOURCE = {
    "acrel_adw300",
    "chint_dtsu666",
    "dsmr_p1_v2",
    "dzg_dvh4013",
    "eastron_sdm72d_v1",
    "lovato_dmg610",
    "phoenix_eem_em3xx",
    "schneider_pm5110_pm3255",
    "socomec_diris_b30",
}


def changed(text: str, path: tuple[str | int, ...], value: object) -> str:
    """The file with one value put in place of another, or a new key."""
    document = tomlkit.parse(text).unwrap()
    holder: Any = document
    for part in path[:-1]:
        holder = holder[part]
    holder[path[-1]] = value
    return tomlkit.dumps(document)


def refusal(text: str) -> str:
    """What is said of an unsound file."""
    with pytest.raises(ConfigurationError) as caught:
        parse(text, family_id="tried", file="tried.toml", locate=locate)
    return str(caught.value)


def test_every_file_is_a_family() -> None:
    """The file's name is the model's name in the site file; those without a file have no registers of their own."""
    files = {file.name.removesuffix(".toml") for file in FOLDER.iterdir() if file.name.endswith(".toml")}
    without = {"sunspec_inverter", "sunspec_meter", "dsmr_p1", "dsmr_p1_single_phase", "dsmr_p1_v2", "mqtt"}
    assert files | without == set(FAMILIES)
    assert all(each.id == name for name, each in FAMILIES.items())


def test_single_sources_are_marked() -> None:
    """A family that only one source knows says so; one of two sources names both."""
    assert {name for name, each in FAMILIES.items() if each.confidence is Confidence.ONE_SOURCE} == ONE_SOURCE
    for name, each in FAMILIES.items():
        least = 2 if each.confidence is Confidence.TWO_SOURCES else 1
        assert len(each.sources) >= least, name


def test_which_families_guard_a_fuse() -> None:
    """Only those that tell the current of each of their phases may be a circuit's meter."""
    assert {name for name, each in FAMILIES.items() if not (each.discovery or tells_currents(each))} == {
        "dsmr_p1_v2",
        "eastron_sdm72d_v1",
        "phoenix_eem_em3xx",
    }


def test_which_families_show_what_is_fed_in() -> None:
    """All but one that tells currents without their direction, and no power."""
    assert {name for name, each in FAMILIES.items() if not tells_direction(each)} == {"phoenix_eem_em3xx"}


@pytest.mark.parametrize("name", sorted(FAMILIES))
def test_blocks_keep_to_the_devices_limits(name: str) -> None:
    """No read is longer than the device allows, and what a fuse depends on is read in each period."""
    tested = FAMILIES[name]
    assert all(block.count <= tested.limits.max_registers for block in (*tested.fast, *tested.slow))
    slow = {quantity for block in tested.slow for quantity in block.quantities}
    assert not slow & {*CURRENTS, *VOLTAGES, *POWERS}


@pytest.mark.parametrize("family_id", ["abb_b23_b24", "socomec_countis_e24_e44"])
def test_all_ones_are_no_number(family_id: str) -> None:
    """What these meters don't have reads so: an energy that isn't counted is no 42,949,672 kWh."""
    family = FAMILIES[family_id]
    for block in family.slow:
        told = decode(family, block, [0xFFFF] * block.count)
        assert set(told.values()) == {None}


def test_a_family_has_its_facts() -> None:
    """What the file says of the device arrives in the family."""
    meter = FAMILIES["eastron_sdm630"]
    assert (meter.limits.max_registers, meter.limits.min_gap_s) == (80, 0.1)
    assert (meter.serial.baudrates, meter.serial.parity, meter.serial.stopbits) == ((9600,), "N", 1)
    assert {block.register_type for block in meter.fast} == {RegisterType.INPUT}
    assert meter.port is None
    assert FAMILIES["carlo_gavazzi_em24_e1"].identification is not None
    assert FAMILIES["siemens_pac2200_3200"].port == 502
    assert FAMILIES["socomec_countis_e24_e44"].serial.unit == 5


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        (
            ("limits", "max_registers"),
            20,
            "block[1].count: is 24, more than limits.max_registers allows; read at most 20",
        ),
        (("block", 0, "count"), 17, "block[0].count: is 17, and limits.even_only is true; give an even number"),
        (("block", 0, "address"), 65_530, "is 18, which from address 65530 goes beyond 65535; give at most 6"),
        (("quantity", "power_w", "address"), 76, "quantity.power_w.address: needs registers 76 to 77, which no block"),
        (("quantity", "power_w", "address"), 17, "needs registers 17 to 18, which no block holds whole"),
        (("quantity", "power_w", "address"), 13, "is 13, whose registers power_l1_w has already"),
        (("block", 1, "address"), 16, "puts registers 16 to 17 whole into 2 blocks; make exactly one [[block]]"),
        (("block", 0, "read"), "slow", "quantity.voltage_l1_v: is in a slow block"),
        (
            ("quantity", "power_w", "scale"),
            float("nan"),
            "quantity.power_w.scale: is nan, not a finite number; give what",
        ),
        (("quantity", "power_w", "scale"), 0, "quantity.power_w.scale: is 0, which makes every value 0"),
        (("quantity", "power_w", "type"), "float16", 'quantity.power_w.type: is "float16"; give one of int16, uint16'),
        (("quantity", "power_w", "adress"), 52, "quantity.power_w.adress: is an unknown key; did you mean 'address'?"),
        (
            ("quantity", "power"),
            {"address": 30, "type": "int16"},
            "quantity.power: is no quantity; did you mean 'power_w'",
        ),
        (("phases",), ["L1", "L2"], "quantity.voltage_l3_v: is of L3, which is not among the file's phases"),
        (("phases",), ["L1", "L1"], "phases: names a phase twice"),
        (("absent",), {"float32": ["7FC0"]}, 'absent.float32[0]: is "7FC0", with 4 digits; give 8 hexadecimal digits'),
        (("absent",), {"float32": ["nothing."]}, 'absent.float32[0]: is "nothing."'),
        (("absent",), {"float": ["7FC0"]}, "absent.float: is no type; did you mean 'float64'?"),
        (("registers",), "coils", 'registers: is "coils"; give "input" or "holding", for example "input"'),
        (("confidence",), "user", 'confidence: is missing; give "two sources" or "one source"'),
        (("sources",), ["a rumour"], "sources: names 1 of 2; name where the registers are from"),
        (("surprise",), 1, "surprise: is an unknown key; there are name, models"),
        (("block",), [], "block: is empty; give each read as a table [[block]]"),
        (
            ("limits", "max_registers"),
            "80",
            'limits.max_registers: is "80"; give the most registers in one read, 1 to 125',
        ),
        (("name",), 7, "name: is 7; give the make and what it is"),
    ],
)
def test_unsound_files_are_refused(path: tuple[str | int, ...], value: object, said: str) -> None:
    """Each mistake is told with file, key, what is wrong and what would be right."""
    words = refusal(changed(SDM630, path, value))
    assert words.startswith("tried.toml")
    assert said in words


def test_a_block_that_reads_nothing_is_refused() -> None:
    """A read without a quantity would cost the line's time for nothing."""
    document = tomlkit.parse(SDM630).unwrap()
    document["block"].append({"read": "slow", "address": 200, "count": 2})
    assert "block[2]: holds no quantity" in refusal(tomlkit.dumps(document))


def test_what_belongs_together_is_read_together() -> None:
    """The parts of a difference must stand in one block, or they would be of two instants."""
    document = tomlkit.parse(KSEM).unwrap()
    document["block"][0]["count"] = 2
    assert "quantity.power_w.address: needs registers 0 to 1 and 2 to 3, which no block holds whole" in refusal(
        tomlkit.dumps(document)
    )


def test_a_total_that_nobody_would_look_at_is_refused() -> None:
    """A slow total is none where the phases tell no power: it came with no reading, and no check said so."""
    document = tomlkit.parse(SDM630).unwrap()
    for phase in (1, 2, 3):
        del document["quantity"][f"power_l{phase}_w"]
    assert (
        "quantity.power_w: is in a slow block, and the power of each phase isn't told; put it into a fast one"
        in refusal(tomlkit.dumps(document))
    )


def test_every_fault_at_once_with_its_line() -> None:
    """All mistakes of a file are told together, each with its line, in the file's order."""
    text = SDM630.replace("address = 6, type", "address = -6, type").replace(
        "max_registers = 80", "max_registers = 800"
    )
    findings = refusal(text).splitlines()
    line_of_limit = text[: text.index("max_registers = 800")].count("\n") + 1
    line_of_current = text[: text.index("address = -6")].count("\n") + 1
    assert findings[0].startswith(f"tried.toml:{line_of_limit}: error: limits.max_registers: is 800, above 125")
    assert findings[1].startswith(f"tried.toml:{line_of_current}: error: quantity.current_l1_a.address: is -6, below 0")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("name = ", "tried.toml:1: error: the file: is not valid TOML at column 8: invalid value"),
        ("n = " + "[" * 5000, "tried.toml: error: the file: is nested too deeply"),
        (
            "n = " + "9" * 9000,
            "tried.toml: error: the file: is nested too deeply, or has a number with thousands of digits",
        ),
        ("", "tried.toml: error: name: is missing; give the make and what it is, for example"),
    ],
)
def test_what_is_no_family_file_is_refused(text: str, said: str) -> None:
    """Broken TOML and an empty file give a sentence, not a traceback."""
    assert said in refusal(text)

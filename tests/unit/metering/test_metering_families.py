"""The meter catalogue: each file is sound, and an unsound one is refused."""

from importlib import resources
from typing import Any

import pytest
import tomlkit

from edge.metering.families import FAMILIES, Cadence, family

SDM630 = resources.files("edge.metering.catalog").joinpath("eastron_sdm630.toml").read_text(encoding="utf-8")


def test_every_file_of_the_catalogue_is_a_family() -> None:
    """The file's name is the model's name in the site file, and each family names its sources."""
    files = {file.name for file in resources.files("edge.metering.catalog").iterdir() if file.name.endswith(".toml")}
    assert {f"{name}.toml" for name in FAMILIES} == files
    assert "eastron_sdm630" in FAMILIES
    for each in FAMILIES.values():
        assert each.sources
        assert each.models
        assert each.blocks(Cadence.FAST)


@pytest.mark.parametrize("name", sorted(FAMILIES))
def test_blocks_keep_to_the_meters_limits(name: str) -> None:
    """No read is longer than the meter allows; SDM630: even start and count, at most 80 registers."""
    tested = FAMILIES[name]
    for block in tested.block:
        assert block.count <= tested.max_registers
        assert not tested.even_only or block.first % 2 == block.count % 2 == 0


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        (("max_registers",), 40, "72 registers, above 40"),
        (("block", 0, "count"), 71, "start and count must be even"),
        (("quantity", "power_w", "address"), 76, "in 0 blocks"),
        (("quantity", "power_w", "address"), 71, "in 0 blocks"),
        (("block", 1, "first"), 70, "in 2 blocks"),
        (("quantity", "current_l1_a", "address"), 72, "belongs in a fast block"),
        (("quantity", "power_w", "scale"), float("nan"), "finite"),
        (("quantity", "power_w", "type"), "float16", "float16"),
        (("function",), 6, "less than or equal to 4"),
        (("surprise",), 1, "Extra inputs"),
    ],
)
def test_unsound_files_are_refused(path: tuple[str | int, ...], value: object, words: str) -> None:
    """A block too long, a quantity outside its block, a wrong type: refused when the file is read."""
    document = tomlkit.parse(SDM630).unwrap()
    holder: Any = document
    for part in path[:-1]:
        holder = holder[part]
    holder[path[-1]] = value
    with pytest.raises(ValueError, match=words):
        family(tomlkit.dumps(document))


@pytest.mark.parametrize("name", ["current_l2_a", "power_l3_w"])
def test_a_family_must_be_able_to_guard_a_fuse(name: str) -> None:
    """Without a phase's current, or without the power that gives a magnitude its sign, there is no family."""
    document = tomlkit.parse(SDM630).unwrap()
    del document["quantity"][name]
    with pytest.raises(ValueError, match=f"without {name} the family can't guard a fuse"):
        family(tomlkit.dumps(document))

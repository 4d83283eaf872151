"""The tables of docs/meters-catalogue.md, made from the catalogue: ``python -m tests.catalogue_tables`` renews them."""

import re
from pathlib import Path

from edge.domain.connection import MODBUS
from edge.metering.catalogue import FAMILIES
from edge.metering.family import CURRENTS, POWERS, VOLTAGES, Family, Quantity
from edge.metering.sample import tells_currents
from edge.units import PHASES

PAGE = Path(__file__).parent.parent / "docs" / "meters-catalogue.md"
BEGIN, END = "<!-- made from the catalogue: begin -->\n", "<!-- made from the catalogue: end -->\n"

_GROUPS = (("U", VOLTAGES), ("I", CURRENTS), ("P", POWERS))
_SINGLES = (
    ("ΣP", Quantity.POWER),
    ("ΣP", Quantity.POWER_DRAWN),
    ("f", Quantity.FREQUENCY),
    ("E+", Quantity.IMPORT_WH),
    ("E-", Quantity.EXPORT_WH),
)


def tables() -> str:
    """The overview, then each family with its models, sources and notes."""
    rows = ["| `model` | what it is | usual line | phases | tells | confidence |", "|---|---|---|---|---|---|"]
    rows += [_row(family) for family in FAMILIES.values()]
    return "\n".join(rows) + "\n\n" + "\n".join(_section(family) for family in FAMILIES.values())


def replaced(page: str) -> str:
    """The page with its tables renewed."""
    head, rest = page.split(BEGIN)
    return head + BEGIN + "\n" + tables() + "\n" + END + rest.split(END)[1]


def _row(family: Family) -> str:
    phases = "as found" if family.discovery is not None else str(len(family.phases))
    cells = (f"`{family.id}`", family.name, _line(family), phases, _tells(family), family.confidence.value)
    return f"| {' | '.join(cells)} |"


def _line(family: Family) -> str:
    """How a device of the family is usually reached, as far as that is known."""
    usual = [] if family.port is None else [f"TCP {family.port}"]
    factory = family.serial
    usual += [f"{baudrate} 8{factory.parity}{factory.stopbits}" for baudrate in factory.baudrates]
    if family.transports != MODBUS:
        usual = sorted(f"`{each}://`" for each in family.transports)
    return ", ".join(usual) or "as set in the meter"


def _tells(family: Family) -> str:
    if family.discovery is not None:
        return "what its model has"
    if family.told >= set(Quantity):
        return "what the site file names"
    known = family.quantities
    of = [PHASES.index(phase) for phase in family.phases]
    named = [name for name, group in _GROUPS if all(group[index] in known for index in of)]
    named += [name for name, quantity in _SINGLES if quantity in known]
    return " ".join(named) + ("" if tells_currents(family) else " (**guards no fuse**)")


def _section(family: Family) -> str:
    lines = [f"### `{family.id}`", "", f"{', '.join(family.models)}.", ""]
    lines += [f"- {note}" for note in family.notes]
    lines += ["- Sources: " + re.sub(r"\s+", " ", "; ".join(family.sources)) + ".", ""]
    return "\n".join(lines)


if __name__ == "__main__":
    PAGE.write_text(replaced(PAGE.read_text(encoding="utf-8")), encoding="utf-8")

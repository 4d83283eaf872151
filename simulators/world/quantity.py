"""What the numbers of a recorded load are of: amperes, watts or watt-hours, and how many amperes they come to."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

PHASES: Final = 3
PREFIXES: Final = {"": 1.0, "m": 1e-3, "k": 1e3, "M": 1e6, "G": 1e9}
UNIT: Final = re.compile(r"(?P<prefix>[kKMGm]?)(?P<kind>Wh|WH|wh|VA|va|W|w|A|a|V|v|Hz|var|VAr|varh|kvarh)")
BRACKETS: Final = re.compile(r"[\[(]\s*([^\])]+?)\s*[\])]")
WORDS: Final = re.compile(r"[\s_;:,]+|-(?=\D)")
NO_LOAD: Final = frozenset(("V", "Hz", "var", "varh"))
SPELT: Final = {
    "kilowatt-hours": "kWh",
    "kilowatt hours": "kWh",
    "kilowattstunden": "kWh",
    "watt-hours": "Wh",
    "wattstunden": "Wh",
    "kilowatt": "kW",
    "kilowatts": "kW",
    "watt": "W",
    "watts": "W",
    "ampere": "A",
    "amperes": "A",
    "amps": "A",
    "amp": "A",
    "milliampere": "mA",
    "volt": "V",
    "volts": "V",
}
POWER_OR_ENERGY: Final = re.compile(
    r"energ|power|leistung|arbeit|verbrauch|bezug|puissance|consum|consom|usage|demand|lastgang|potenc|potenza|effekt"
    r"|vermogen|zählerstand|zaehlerstand|(^|_)p([1-3]|_|$)",
    re.IGNORECASE,
)
CURRENT: Final = re.compile(r"current|courant|corrente|intensit|amp[eè]re|strom(?!verbrauch|bezug)", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """`factor` of it make one A, W or Wh, whichever is its `kind`; "V" and the like are none of a load."""

    text: str
    kind: str
    factor: float

    @property
    def is_energy(self) -> bool:
        return self.kind == "Wh"

    @property
    def is_of_a_load(self) -> bool:
        return self.kind not in NO_LOAD


AMPERES: Final = Unit(text="A", kind="A", factor=1.0)


def unit_of(text: str) -> Unit | None:
    """A, mA, kW, Wh and so on; apparent power counts as power, which makes it the current that flows. None: no unit."""
    found = UNIT.fullmatch(SPELT.get(text.casefold(), text))
    if found is None:
        return None
    prefix, kind = found["prefix"], found["kind"]
    kind = {"wh": "Wh", "va": "W", "w": "W", "a": "A", "v": "V", "hz": "Hz", "var": "var", "varh": "varh"}[kind.lower()]
    prefix = (
        "k" if prefix == "K" else "M" if prefix == "m" and kind == "Wh" else "m" if kind == "A" and prefix else prefix
    )
    return Unit(text=text, kind=kind, factor=PREFIXES[prefix])


def named(words: Iterable[str]) -> Unit | None:
    """The unit that the first of these says, a column's name above all: `Leistung [kW]`, `USAGE (kWh)`, `power_w`."""
    for text in words:
        for inside in (text, *BRACKETS.findall(text)):
            if (unit := _of_words(inside)) is not None:
                return unit
    return None


def _of_words(text: str) -> Unit | None:
    whole = text.strip("[]() ")
    if (unit := unit_of(whole)) is not None:
        return unit
    lowered = whole.casefold()
    for spelt in ("kilowatt-hours", "kilowatt hours", "kilowattstunden", "watt-hours"):
        if spelt in lowered:
            return unit_of(spelt)
    for word in (each.strip("[]()") for each in WORDS.split(text)):
        found = unit_of(word)
        # A letter alone is the phase A, or V of U, V, W; those of a quantity stand at the end.
        if found is not None and (len(word) > 1 or (found.kind == "W" and text.endswith((word, f"{word})")))):
            return found
    return None


def sounds_like_power(name: str) -> bool:
    """Whether a column's name speaks of power or energy, and of no current."""
    return POWER_OR_ENERGY.search(name) is not None and CURRENT.search(name) is None


def amperes_of_one(unit: Unit, *, columns: int, volts: float, step_s: float) -> float:
    """What one of that unit is in A of each phase; of one column of power or energy all three phases take a third.
    Energy is that of `step_s`.
    """
    if unit.kind == "A":
        return unit.factor
    share = 1.0 if columns == PHASES else 1.0 / PHASES
    watts = unit.factor * (3600.0 / step_s if unit.is_energy else 1.0)
    return watts * share / volts

"""What must be known of a station before it says it again: what it is, how it takes its limits, and what the cloud has
set in it.

A station that merely reconnects sends no BootNotification, and may have booted before the gateway last started.
"""

from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import orjson

from edge.domain.station import StationDescribed
from edge.errors import ShelfUnusable
from edge.ocpp.fields import elements, fields, text
from edge.ocpp.profiles.ladder import Rung
from edge.ocpp.profiles.model import RateUnit
from edge.ocpp.shelf import Shelf
from edge.ocpp.versions import Version, version_of

FORMAT = 1

Variable = tuple[str, str]  # component, empty in OCPP 1.6, and name


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """What a station says it is, in its BootNotification."""

    vendor: str
    model: str
    firmware: str | None
    serial: str | None = None

    @classmethod
    def of(cls, fact: StationDescribed) -> "Description":
        """As it says it now."""
        return cls(vendor=fact.vendor, model=fact.model, firmware=fact.firmware, serial=fact.serial)


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """How a station was told the last limit that it accepted."""

    rung: Rung
    unit: RateUnit
    lowest: bool = False  # on the lowest stack level, though it has told a higher one


class Dossier:
    """That of one station. Without a shelf it lives as long as the program.

    ``cloud_wrote`` are the guarded variables, in lower case, by what the cloud has written, or what was there before
    we wrote.
    ``problem`` says what is wrong with the shelf, None while all is well.
    """

    def __init__(self, station: str, shelf: Shelf | None = None) -> None:
        self._station = station
        self._shelf = shelf
        self.problem: str | None = None
        self.description: Description | None = None
        self.taken: Taken | None = None
        self.cloud_wrote: dict[Variable, str] = {}
        self.edition: Version | None = None  # the one that its cloud has chosen last
        self.counts_from_1970 = False  # its clock, which takes no time from anybody
        self._is_saving = False
        self._saved = self._text()
        self._load()

    def describe(self, description: Description) -> None:
        """The station has said what it is. What another one took says nothing of it, by any of the four."""
        if self.description is not None and self.description != description:
            self.taken = None
        self.description = description
        self.keep()

    def chosen(self, edition: Version) -> None:
        """The cloud has chosen what the station is to speak."""
        self.edition = edition
        self.keep()

    def keep(self) -> None:
        """Have it put on the disk, if it isn't there."""
        now = self._text()
        if self._shelf is not None and now != self._saved and not self._is_saving:
            self._is_saving = True
            self._shelf.save(self._station, now, partial(self._was_saved, now))

    def _was_saved(self, text: str, problem: str | None) -> None:
        self._is_saving = False
        if problem is not None:
            self.problem = f"what is known of the station can't be stored: {problem}"
            return
        self._saved, self.problem = text, None
        self.keep()  # what has come meanwhile

    def _text(self) -> str:
        description = asdict(self.description) if self.description is not None else None
        written = [[*variable, value] for variable, value in sorted(self.cloud_wrote.items())]
        taken = [self.taken.rung.name, self.taken.unit.name] if self.taken is not None else None
        kept: dict[str, Any] = {
            "format": FORMAT,
            "description": description,
            "cloud_wrote": written,
            "taken": taken,
        }
        if self.edition is not None:
            kept["edition"] = self.edition.value
        if self.counts_from_1970:
            kept["counts_from_1970"] = True
        if self.taken is not None and self.taken.lowest:
            kept["lowest_level"] = True
        return orjson.dumps(kept).decode()

    def _load(self) -> None:
        if self._shelf is None:
            return
        try:
            kept = self._shelf.load(self._station)
            if kept is not None:
                self._take(orjson.loads(kept))
        except (ShelfUnusable, orjson.JSONDecodeError) as error:
            self.problem = f"what was known of the station is lost: {error}"
        self._saved = self._text()

    def _take(self, kept: Any) -> None:
        """What isn't as it was written is left out: the station will say it again."""
        told = fields(fields(kept).get("description"))
        vendor, model = text(told.get("vendor")), text(told.get("model"))
        if vendor is not None and model is not None:
            firmware, serial = text(told.get("firmware")), text(told.get("serial"))
            self.description = Description(vendor=vendor, model=model, firmware=firmware, serial=serial)
        match fields(kept).get("taken"):
            case [str(rung), str(unit)] if rung in Rung.__members__ and unit in RateUnit.__members__:
                lowest = fields(kept).get("lowest_level") is True
                self.taken = Taken(rung=Rung[rung], unit=RateUnit[unit], lowest=lowest)
        self.edition = version_of(text(fields(kept).get("edition")) or "")
        self.counts_from_1970 = fields(kept).get("counts_from_1970") is True
        for entry in elements(fields(kept).get("cloud_wrote")):
            if isinstance(entry, list) and len(entry) == 3 and all(isinstance(part, str) for part in entry):
                self.cloud_wrote[entry[0].casefold(), entry[1].casefold()] = entry[2]

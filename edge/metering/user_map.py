"""A site's own map file: a family that the catalogue doesn't have, read and checked with the same care."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from edge.domain.site import Meter
from edge.metering.catalogue import FAMILIES, Locate, parse
from edge.metering.family import Confidence, Family
from edge.metering.family_faults import refusal

_LARGEST: Final = 256 * 1024  # bytes: a hundred times the longest of the catalogue; a device file has no end
_RIGHT: Final = "give the path of a map file, written as the catalogue's files are"


def read_map(path: Path, *, named: str, locate: Locate) -> Family:
    """The family that the file at ``path`` describes; ``named`` is how the site file names it.

    :raises ConfigurationError: the file can't be read, or every fault that is in it, each with its line.
    """
    try:
        with path.open("rb") as stream:
            content = stream.read(_LARGEST + 1)
    except OSError as exc:
        raise refusal(named, None, f"can't be read ({exc.strerror or exc})", _RIGHT) from exc
    except ValueError as exc:  # a NUL in the path
        raise refusal(named, None, "has no valid name", _RIGHT) from exc
    if len(content) > _LARGEST:
        raise refusal(named, None, f"is larger than {_LARGEST // 1024} KiB", _RIGHT)
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as exc:
        line = content.count(b"\n", 0, exc.start) + 1
        raise refusal(named, line, f"is not UTF-8 (byte 0x{content[exc.start]:02x})", "save it as UTF-8") from exc
    return parse(text, family_id=named, file=named, confidence=Confidence.USER, locate=locate)


def families_of(meters: Iterable[Meter], *, locate: Locate) -> Mapping[str, Family]:
    """The catalogue's families, and those of the meters that have a map file of their own, by the meters' models.

    :raises ConfigurationError: a map file can't be used (any more; the site file's check has read it before).
    """
    own = {meter.model for meter in meters} - set(FAMILIES)
    return {**FAMILIES, **{path: read_map(Path(path), named=path, locate=locate) for path in sorted(own)}}

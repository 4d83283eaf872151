"""Reads a site file, with what only the other rooms know about it."""

import re
from pathlib import Path

from edge.config import Configuration, MeterModel, load
from edge.config.locate import locate
from edge.config.write import beside
from edge.errors import ConfigurationError, Finding
from edge.metering.catalogue import FAMILIES
from edge.metering.family import Confidence, Family, Quantity
from edge.metering.mqtt_topic import MODEL
from edge.metering.sample import tells_currents
from edge.metering.user_map import read_map

_OTHER = re.compile(r"\bthe (\w+) in line \d+")
_LINE = re.compile(r" in line \d+")
_DOUBTS = {Confidence.ONE_SOURCE: "is known from one source only: no second one confirms its registers"}


def read(path: Path) -> Configuration:
    """The configuration in the site file at ``path``.

    :raises ConfigurationError: with every finding.
    """
    return load(path, meter_models={name: _model(family) for name, family in FAMILIES.items()}, read_map=_read_map)


def read_draft(text: str, path: Path) -> Configuration:
    """The configuration that ``text`` would be in place of the site file at ``path``: read beside it, so that the paths
    in it mean the same.

    :raises ConfigurationError: with every finding, as of ``path``.
    :raises SiteFileUnwritable: its folder can't be written to.
    """
    with beside(path, text) as draft:
        try:
            return read(draft)
        except ConfigurationError as exc:
            raise ConfigurationError(path, exc.findings) from exc


def of_draft(finding: Finding) -> str:
    """The finding in a text that isn't written: without its line, and the other lines that its words name."""
    problem = _OTHER.sub(r"another \1", finding.problem)
    return f"{finding.key}: {_LINE.sub('', problem)}; {_LINE.sub('', finding.remedy)}"


def _read_map(path: Path, named: str) -> MeterModel:
    return _model(read_map(path, named=named, locate=locate))


def _model(family: Family) -> MeterModel:
    return MeterModel(
        transports=family.transports,
        guards=frozenset(family.phases if family.discovery is not None or tells_currents(family) else ()),
        doubt=_DOUBTS.get(family.confidence),
        places=frozenset(map(str, Quantity)) if family.id == MODEL else frozenset(),
        part=family.id if family.discovery is not None else None,
    )

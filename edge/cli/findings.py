"""Reads a site file, with what only the other rooms know about it."""

from pathlib import Path

from edge.config import Configuration, MeterModel, load
from edge.config.locate import locate
from edge.config.write import beside
from edge.errors import ConfigurationError
from edge.metering.catalogue import FAMILIES
from edge.metering.family import Confidence, Family, Quantity
from edge.metering.mqtt_topic import MODEL
from edge.metering.sample import tells_currents
from edge.metering.user_map import read_map

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

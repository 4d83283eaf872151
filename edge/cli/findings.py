"""How the findings in a site file are told: the same lines wherever the file is refused."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from edge.config import Configuration, MeterModel, load
from edge.config.locate import locate
from edge.errors import Finding, Severity
from edge.metering.catalogue import FAMILIES
from edge.metering.family import Confidence, Family, Quantity
from edge.metering.mqtt_topic import MODEL
from edge.metering.sample import tells_currents
from edge.metering.user_map import read_map
from edge.units import PHASES

_DOUBTS = {Confidence.ONE_SOURCE: "is known from one source only: no second one confirms its registers"}


def read(path: Path) -> Configuration:
    """The configuration in the site file at ``path``.

    :raises ConfigurationError: with every finding.
    """
    return load(path, meter_models={name: _model(family) for name, family in FAMILIES.items()}, read_map=_read_map)


def _read_map(path: Path, named: str) -> MeterModel:
    return _model(read_map(path, named=named, locate=locate))


def _model(family: Family) -> MeterModel:
    return MeterModel(
        transports=family.transports,
        guards=family.discovery is not None or (family.phases == PHASES and tells_currents(family)),
        doubt=_DOUBTS.get(family.confidence),
        places=frozenset(map(str, Quantity)) if family.id == MODEL else frozenset(),
    )


def lines(path: Path | str, findings: Sequence[Finding]) -> Iterator[str]:
    """One line for each finding (below it the place, where it needs to be shown), then the verdict: ``site.toml: 3
    errors``, ``site.toml: sound (2 notes)``.
    """
    for finding in findings:
        yield finding.sentence(path)
        yield from finding.excerpt
    errors = sum(1 for finding in findings if finding.severity is Severity.ERROR)
    notes = len(findings) - errors
    verdict = _count(errors, "error") if errors else "sound"
    beside = f" ({_count(notes, 'note')})" if notes else ""
    yield f"{path}: {verdict}{beside}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"

"""A reader of map files for tests of the site file that aren't about them."""

from pathlib import Path

from edge.config import MeterModel
from edge.errors import ConfigurationError, Finding, Severity


def no_map(_path: Path, named: str) -> MeterModel:
    """There is none."""
    found = Finding(
        severity=Severity.ERROR,
        line=None,
        key="the file",
        problem="can't be read",
        remedy="give the path of a map file",
    )
    raise ConfigurationError(named, [found])

"""docs/meters-catalogue.md says what the catalogue says, and its examples work."""

import re

import tomli

from edge.domain.connection import parse_connection
from edge.domain.topic import parse_json_path
from edge.metering.catalogue import FAMILIES, parse
from edge.metering.family import Confidence, Quantity
from edge.metering.sample import tells_currents
from tests.catalogue_tables import PAGE, replaced

EXAMPLES = re.findall(r"```toml\n(.*?)```", PAGE.read_text(encoding="utf-8"), flags=re.DOTALL)


def test_the_page_is_of_this_catalogue() -> None:
    """Every family with its quantities, confidence and sources; ``python -m tests.catalogue_tables`` renews it."""
    page = PAGE.read_text(encoding="utf-8")
    assert page == replaced(page)


def test_the_pages_map_file_works() -> None:
    """What the manual shows as a map file is one, and guards a fuse."""
    (example,) = (each for each in EXAMPLES if each.startswith("# my-meter.toml"))
    assert tells_currents(parse(example, family_id="own", file="my-meter.toml", confidence=Confidence.USER))


def test_the_pages_meters_can_be_reached() -> None:
    """Each [[meter]] that the manual shows has a connection, a model and paths that are right."""
    meters = [meter for each in EXAMPLES for meter in tomli.loads(each).get("meter", ())]
    assert len(meters) == 3
    for meter in meters:
        reached = parse_connection(meter["connection"]).transport
        assert "map" in meter or reached in FAMILIES[meter["model"]].transports
        for value in meter.get("value", ()):
            assert parse_json_path(value["path"])
            assert value["quantity"] in set(Quantity)

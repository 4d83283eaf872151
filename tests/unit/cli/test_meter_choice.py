"""Which meters a verb is about."""

from pathlib import Path

import pytest
import typer

from edge.cli.meter_choice import chosen

SITE = """
[site]
id = "x"
[[circuit]]
id = "main"
fuse_a = 63
meter = "grid"
background_reserve_a = 20
[[meter]]
id = "grid"
model = "eastron_sdm630"
connection = "tcp://127.0.0.1:502"
[ocpp]
upstream = "ws://127.0.0.1:9100/{station}"
"""


def test_without_options_it_is_the_installed_site(tmp_path: Path) -> None:
    """`edge meter read`, as the doctor tells it; where nothing is installed, something has to be named."""
    installed = tmp_path / "site.toml"
    with pytest.raises(typer.BadParameter, match="give either --config"):
        chosen(None, None, None, None, 1, installed=installed)
    installed.write_text(SITE, encoding="utf-8")
    assert [each.id for each in chosen(None, None, None, None, 1, installed=installed).meters] == ["grid"]
    by_hand = chosen(None, None, "tcp://127.0.0.1:502", "eastron_sdm630", 7, installed=installed)
    assert [(each.id, each.unit) for each in by_hand.meters] == [("meter", 7)]

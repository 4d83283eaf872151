"""Home Assistant's discovery payloads against what its documentation allows."""

import json
import re
from typing import Any

import pytest

from edge.bms.home_assistant import Discovery
from edge.bms.image import image
from edge.bms.mqtt_topics import Topics
from tests.unit.bms.bms_site import report, site

# From home-assistant.io: device classes of sensor, binary_sensor and number with the units that each allows.
UNITS = {
    "current": {"A", "mA"},
    "voltage": {"V", "mV", "µV", "kV", "MV"},
    "power": {"mW", "W", "kW", "MW", "GW", "TW"},
    "energy": {"J", "kJ", "MJ", "GJ", "mWh", "Wh", "kWh", "MWh", "GWh", "TWh", "cal", "kcal", "Mcal", "Gcal"},
    "frequency": {"Hz", "kHz", "MHz", "GHz"},
    "duration": {"d", "h", "min", "s", "ms", "µs"},
}
STATE_CLASSES = {"current": {"measurement"}, "energy": {"total", "total_increasing"}}
KEYS = {
    "sensor": {
        "p", "unique_id", "name", "state_topic", "device_class", "unit_of_measurement", "state_class",
        "suggested_display_precision", "options", "value_template",
    },
    "binary_sensor": {
        "p", "unique_id", "name", "state_topic", "device_class", "payload_on", "payload_off", "value_template",
    },
    "number": {
        "p", "unique_id", "name", "state_topic", "device_class", "unit_of_measurement", "min", "max", "step", "mode",
        "command_topic", "command_template", "qos", "value_template",
    },
    "select": {
        "p", "unique_id", "name", "options", "state_topic", "value_template", "command_topic", "command_template",
        "qos",
    },
}  # fmt: skip


def devices(*, most_a: float | None = 61.0, eco: bool = True) -> dict[str, dict[str, Any]]:
    discovery = Discovery(
        site=site(), base="edge/harbour-3", prefix="homeassistant", version="1", most_a=most_a, eco=eco
    )
    messages = list(discovery.messages())
    assert all(message.retain and message.qos == 1 for message in messages)
    return {message.topic: json.loads(message.payload) for message in messages}


def components() -> list[dict[str, Any]]:
    return [component for device in devices().values() for component in device["cmps"].values()]


def test_a_device_for_the_site_each_circuit_and_each_evse() -> None:
    """Each with one retained configuration under an object id that Home Assistant accepts."""
    found = devices()
    assert [device["dev"]["name"] for device in found.values()] == [
        "Site harbour-3",
        "Circuit main",
        "Circuit garage",
        "Charge point CP-01/1",
        "Charge point hall/2/1",
    ]
    for topic, device in found.items():
        assert re.fullmatch(r"homeassistant/device/[A-Za-z0-9_-]+/config", topic)
        assert device["dev"]["ids"] == [topic.split("/")[2]]
        assert {"name"} <= device["o"].keys()
        assert device["availability_topic"] == "edge/harbour-3/status"
        assert (device["payload_available"], device["payload_not_available"]) == ("online", "offline")


def test_unique_ids_are_unique() -> None:
    """Over all devices, and equal to the component's key."""
    found = [key for device in devices().values() for key in device["cmps"]]
    assert len(set(found)) == len(found)
    assert found == [component["unique_id"] for component in components()]


@pytest.mark.parametrize("component", components(), ids=lambda component: str(component["unique_id"]))
def test_each_component_is_well_formed(component: dict[str, Any]) -> None:
    """Only keys of its platform, a unit that its device class allows, a state class that fits."""
    assert set(component) <= KEYS[component["p"]]
    device_class = component.get("device_class")
    if device_class in UNITS:
        assert component["unit_of_measurement"] in UNITS[device_class]
    else:
        assert "unit_of_measurement" not in component
        assert device_class in (None, "enum", "plug")
    if device_class == "enum":
        assert component["options"]
        assert "state_class" not in component
    elif component["p"] == "sensor":
        assert component["state_class"] in STATE_CLASSES.get(device_class or "", {"measurement"})


def test_every_state_topic_is_published() -> None:
    """And what is published there is a state that the component knows."""
    said = {message.topic: message.payload for message in Topics("harbour-3").tick(image(report(), site()), time=None)}
    for component in components():
        payload = said[component["state_topic"]].decode()
        if component.get("device_class") == "enum" or component["p"] == "select":
            assert payload in component["options"]
        elif component["p"] == "binary_sensor":
            assert payload in ("true", "false", "")
        else:
            assert payload == "" or float(payload) is not None


def test_what_is_not_available_is_unknown() -> None:
    """Home Assistant ignores an empty payload and goes on showing the last value; the word for "unknown" is None
    (home-assistant/core pull request 117813)."""
    for component in components():
        if component["p"] != "select":
            assert component["value_template"] == "{{ value if value else 'None' }}", component["unique_id"]


def test_the_limit_is_a_number_only_where_commands_are_on() -> None:
    """From 0 to the site's rating; its command is what cmd/limit takes."""
    (number,) = (component for component in components() if component["p"] == "number")
    assert (number["min"], number["max"], number["command_topic"]) == (0, 61.0, "edge/harbour-3/cmd/limit")
    rendered = re.sub(r"\{\{ *value *\}\}", "16", number["command_template"])
    assert json.loads(rendered)["max_a"] == 16
    assert json.loads(rendered).keys() == {"id", "max_a", "valid_s", "ts"}
    silent = [each for device in devices(most_a=None).values() for each in device["cmps"].values()]
    assert all(component["p"] != "number" for component in silent)


def test_the_mode_is_a_choice_only_where_it_can_be_had() -> None:
    """Auto or eco; its command is what cmd/mode takes, and a pause over Modbus is no state of it."""
    (select,) = (component for component in components() if component["p"] == "select")
    assert (select["options"], select["command_topic"]) == (["auto", "eco"], "edge/harbour-3/cmd/mode")
    assert select["value_template"] == "{{ value if value in ['auto', 'eco'] else 'None' }}"
    rendered = re.sub(r"\{\{ *value *\}\}", "eco", select["command_template"])
    assert json.loads(rendered)["mode"] == "eco"
    assert json.loads(rendered).keys() == {"id", "mode", "valid_s", "ts"}
    without = [each for device in devices(eco=False).values() for each in device["cmps"].values()]
    assert all(component["p"] != "select" for component in without)

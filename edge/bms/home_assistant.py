"""Home Assistant's MQTT discovery: one retained configuration for each device, with its components.

Source: home-assistant.io, MQTT integration, "Device discovery payload": ``<prefix>/device/<object id>/config`` with
``dev``, ``o``, ``cmps``; device and state classes as the sensor, binary_sensor and number integrations list them.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import orjson

from edge.bms.eco import BmsMode
from edge.bms.mqtt_commands import LONGEST_VALID_S
from edge.bms.mqtt_topics import OFFLINE, ONLINE, Message, topic_of
from edge.bms.point import Point, V
from edge.bms.points import CIRCUIT_POINTS, EVSE_POINTS, SITE_POINTS
from edge.domain.site import EvseKey, Site
from edge.units import Amps

UNFIT = frozenset({"magic", "map_version", "status_bits"})  # of use to a Modbus master only
BINARY = {"vehicle_connected": "plug"}  # point → device class
DEVICE_CLASSES = {"A": "current", "V": "voltage", "W": "power", "Wh": "energy", "Hz": "frequency", "s": "duration"}
TOTALS = frozenset({"import_wh", "export_wh", "session_wh"})
PRECISION = {"A": 1, "V": 0, "W": 0, "Wh": 0, "Hz": 2, "s": 0}  # digits shown
MANUFACTURER = "edge controller"
# An empty payload (a value that isn't available) it ignores, and shows the last one for ever; "None" is unknown.
KNOWN_OR_NONE = "{{ value if value else 'None' }}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Discovery:
    """What is told to Home Assistant about ``site``, whose topics begin with ``base``.

    ``most_a``: the top of the number that limits the site; None where nobody may. ``eco``: that mode can be asked for.
    """

    site: Site
    base: str
    prefix: str
    version: str
    most_a: Amps | None
    eco: bool = False

    def messages(self) -> Iterator[Message]:
        """One retained configuration for the site, each circuit and each EVSE."""
        site = self._id()
        components = self._components(site, SITE_POINTS)
        if self.most_a is not None:
            components[f"{site}_limit"] = self._number(site, self.most_a)
        if self.eco:
            components[f"{site}_select_mode"] = self._select(site)
        yield self._device(site, f"Site {self.site.id}", components)
        for circuit in self.site.circuits:
            identity = self._id("circuit", circuit.id)
            components = self._components(identity, CIRCUIT_POINTS, circuit=circuit.id)
            yield self._device(identity, f"Circuit {circuit.id}", components, via=site)
        for evse in self.site.evses:
            identity = self._id("cp", evse.key.station, str(evse.key.evse))
            components = self._components(identity, EVSE_POINTS, evse=evse.key)
            yield self._device(identity, f"Charge point {evse.key}", components, via=site)

    def _id(self, *parts: str) -> str:
        """An object id: letters, digits, ``_`` and ``-``; others as their code, so that no two names become one."""
        return re.sub(r"[^A-Za-z0-9-]", lambda match: f"_{ord(match[0]):x}_", ":".join(("edge", self.site.id, *parts)))

    def _device(self, identity: str, name: str, components: dict[str, Any], via: str | None = None) -> Message:
        device = {"ids": [identity], "name": name, "mf": MANUFACTURER, "sw": self.version}
        body = {
            "dev": device | ({"via_device": via} if via is not None else {}),
            "o": {"name": MANUFACTURER, "sw": self.version},
            "cmps": components,
            "availability_topic": f"{self.base}/status",
            "payload_available": ONLINE.decode(),
            "payload_not_available": OFFLINE.decode(),
        }
        return Message(topic=f"{self.prefix}/device/{identity}/config", payload=orjson.dumps(body), qos=1, retain=True)

    def _components(
        self,
        identity: str,
        points: tuple[Point[V], ...],
        *,
        evse: EvseKey | None = None,
        circuit: str | None = None,
    ) -> dict[str, Any]:
        return {
            f"{identity}_{point.name}": component(
                point, f"{identity}_{point.name}", topic_of(self.base, point, evse=evse, circuit=circuit)
            )
            for point in points
            if point.name not in UNFIT
        }

    def _number(self, identity: str, most_a: Amps) -> dict[str, Any]:
        """The site's limit, per phase. It holds for an hour: then the fallback does, unless it is set again."""
        return {
            "p": "number",
            "unique_id": f"{identity}_limit",
            "name": "Site limit",
            "device_class": "current",
            "unit_of_measurement": "A",
            "min": 0,
            "max": most_a,
            "step": 0.1,
            "mode": "box",
            "state_topic": f"{self.base}/site/limit_l1_a",
            "value_template": KNOWN_OR_NONE,
            "command_topic": f"{self.base}/cmd/limit",
            "command_template": _command('"max_a": {{ value }}'),
            "qos": 1,
        }

    def _select(self, identity: str) -> dict[str, Any]:
        """Mode eco, for an hour unless it is set again. While a Modbus master pauses the site the choice is unknown."""
        options = [BmsMode.AUTO.value, BmsMode.ECO.value]
        return {
            "p": "select",
            "unique_id": f"{identity}_select_mode",
            "name": "Charging mode",
            "options": options,
            "state_topic": f"{self.base}/site/mode",
            "value_template": f"{{{{ value if value in {options} else 'None' }}}}",
            "command_topic": f"{self.base}/cmd/mode",
            "command_template": _command('"mode": "{{ value }}"'),
            "qos": 1,
        }


def _command(demand: str) -> str:
    """The template of a command that holds for an hour."""
    return (
        f'{{"id": "ha-{{{{ as_timestamp(utcnow()) }}}}", {demand}, '
        f'"valid_s": {LONGEST_VALID_S:.0f}, "ts": "{{{{ utcnow().isoformat() }}}}"}}'
    )


def component(point: Point[V], unique_id: str, topic: str) -> dict[str, Any]:
    """One point as a sensor."""
    body: dict[str, Any] = {
        "p": "sensor",
        "unique_id": unique_id,
        "name": point.name.removesuffix(f"_{point.unit.lower()}").replace("_", " "),
        "state_topic": topic,
        "value_template": KNOWN_OR_NONE,
    }
    if point.name in BINARY:
        return body | {
            "p": "binary_sensor",
            "device_class": BINARY[point.name],
            "payload_on": "true",
            "payload_off": "false",
        }
    if point.codes is not None:
        return body | {"device_class": "enum", "options": list(point.codes)}
    if point.unit:
        body |= {
            "device_class": DEVICE_CLASSES[point.unit],
            "unit_of_measurement": point.unit,
            "suggested_display_precision": PRECISION[point.unit],
        }
    return body | {"state_class": "total_increasing" if point.name in TOTALS else "measurement"}

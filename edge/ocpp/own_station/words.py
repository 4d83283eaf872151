"""What the gateway says of itself to its cloud, in the words of each edition."""

from datetime import datetime
from typing import Any

from edge import __version__
from edge.domain.reading import MeterReading
from edge.ocpp.guarded import MEASURANDS
from edge.ocpp.profiles.fields import moment_text
from edge.ocpp.versions import Version

Payload = dict[str, Any]

VENDOR, MODEL = "Edge controller", "Site gateway"
STATION = 0  # the connector or EVSE that stands for the whole
_MAX_FIRMWARE = 50  # characters (OCPP 1.6 §6.3, 2.x part 2 §2.13)


def boot(version: Version) -> Payload:
    """BootNotification."""
    firmware = __version__[:_MAX_FIRMWARE]
    if version.is_v2:
        unit = {"vendorName": VENDOR, "model": MODEL, "firmwareVersion": firmware}
        return {"reason": "PowerUp", "chargingStation": unit}
    return {"chargePointVendor": VENDOR, "chargePointModel": MODEL, "firmwareVersion": firmware}


def status(version: Version) -> Payload | None:
    """StatusNotification of the station as a whole; 2.x has none, there they are of connectors (G01)."""
    if version.is_v2:
        return None
    return {"connectorId": STATION, "errorCode": "NoError", "status": "Available"}


def meter_values(version: Version, reading: MeterReading, taken: datetime) -> Payload:
    """MeterValues of the site's meter, as far as it tells them; what flows out of the site counts as 0 imported."""
    samples: list[Payload] = []
    current, power, energy = MEASURANDS
    if reading.current_a is not None:
        for phase, amps in zip(("L1", "L2", "L3"), reading.current_a, strict=True):
            samples.append(_sample(version, max(amps, 0.0), current, "A") | {"phase": phase})
    if reading.power_w is not None:
        samples.append(_sample(version, max(reading.power_w, 0.0), power, "W"))
    if reading.import_wh is not None:
        samples.append(_sample(version, reading.import_wh, energy, "Wh"))
    values = [{"timestamp": moment_text(taken.timestamp()), "sampledValue": samples}]
    return {"evseId" if version.is_v2 else "connectorId": STATION, "meterValue": values}


def _sample(version: Version, value: float, measurand: str, unit: str) -> Payload:
    rounded = round(value, 1)
    if version.is_v2:
        return {"value": rounded, "measurand": measurand, "unitOfMeasure": {"unit": unit}}
    return {"value": f"{rounded:.1f}", "measurand": measurand, "unit": unit}

"""The certificate files that the site file names: part of joining the rooms."""

from collections.abc import Iterator
from pathlib import Path

from edge.config import Configuration
from edge.system.certificates import CertificateFile, Use


def certificate_files(configuration: Configuration) -> Iterator[CertificateFile]:
    """Those whose end would end a connection."""
    ocpp, mqtt = configuration.ocpp, configuration.bms.mqtt
    named = [
        (Use.STATIONS, ocpp.certificate),
        (Use.STATIONS_CA, ocpp.station_ca),
        (Use.CLOUD, ocpp.cloud.certificate),
        (Use.CLOUD_CA, ocpp.cloud.ca),
        (Use.BROKER, mqtt.certificate_file if mqtt is not None else None),
        (Use.BROKER_CA, mqtt.ca_file if mqtt is not None else None),
    ]
    for use, name in named:
        if name is not None:
            yield CertificateFile(use=use, path=Path(name))

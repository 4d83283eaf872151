"""The tables of the OCPP proxy: where stations connect, what they must show, where their cloud is."""

from typing import Annotated

from pydantic import Field, PlainValidator

from edge.config.addresses import HostPort, host_port
from edge.config.faults import shown
from edge.config.schema_site import FileName, Table
from edge.config.schema_station import STATION_ID_LENGTH, STATION_ID_PATTERN


def _listen(value: object) -> HostPort:
    if not isinstance(value, str):
        raise ValueError(f"is {shown(value)}, no text")  # noqa: TRY004 - pydantic collects ValueErrors only
    return host_port(value)


Listen = Annotated[HostPort, PlainValidator(_listen)]


class CloudTable(Table):
    """``[ocpp.cloud]``: how a cloud behind wss:// is met."""

    ca: Annotated[
        FileName | None,
        Field(
            description="the PEM file of the authority that signed the cloud's certificate",
            examples=["/etc/edge/tls/csms-ca.pem"],
        ),
    ] = None
    certificate: Annotated[
        FileName | None,
        Field(
            description="the PEM file of the gateway's own certificate as a station",
            examples=["/etc/edge/tls/gateway.pem"],
        ),
    ] = None
    private_key: Annotated[
        FileName | None,
        Field(description="the PEM file of that certificate's key", examples=["/etc/edge/tls/gateway.key"]),
    ] = None


class SelfTable(Table):
    """``[ocpp.self]``: the gateway as a station of its own."""

    id: Annotated[
        str,
        Field(
            min_length=1,
            max_length=STATION_ID_LENGTH,
            pattern=STATION_ID_PATTERN,
            description=f"the gateway's own OCPP identity, 1 to {STATION_ID_LENGTH} characters without a colon",
            examples=["GW-01"],
        ),
    ]
    upstream: Annotated[
        str | None,
        Field(
            description="the address of its own cloud with {station} where its identity goes",
            examples=["wss://csms.example.com/ocpp/{station}"],
        ),
    ] = None
    version: Annotated[
        str,
        Field(pattern=r"^(1\.6|2\.0\.1|2\.1)$", description='"1.6", "2.0.1" or "2.1"', examples=["2.1"]),
    ] = "2.0.1"
    key_file: Annotated[
        FileName | None,
        Field(description="a file with the key that the cloud knows it by", examples=["/etc/edge/keys/GW-01"]),
    ] = None


class MirrorTable(Table):
    """``[[ocpp.mirror]]``: a further CSMS that gets copies and can command nothing."""

    url: Annotated[
        str,
        Field(
            description="the mirror's address with {station} where the station's identity goes",
            examples=["wss://archive.example.com/ocpp/{station}"],
        ),
    ]


class OcppTable(Table):
    """``[ocpp]``"""

    listen: Annotated[
        Listen,
        Field(
            description="the address for the stations as host:port with a port from 1 to 65535",
            examples=["127.0.0.1:9000"],
        ),
    ] = HostPort("127.0.0.1", 9000)
    tls_listen: Annotated[
        Listen | None,
        Field(
            description="the address for the stations with TLS as host:port with a port from 1 to 65535",
            examples=["0.0.0.0:9443"],
        ),
    ] = None
    path: Annotated[
        str | None,
        Field(description="the path by which stations come, with {station} in it", examples=["/ocpp/{station}"]),
    ] = None
    upstream: Annotated[
        str | None,
        Field(
            description="the cloud's address with {station} where the station's identity goes",
            examples=["wss://csms.example.com/ocpp/{station}"],
        ),
    ] = None
    mode: Annotated[
        str,
        Field(
            pattern="^(autonomous|transparent)$",
            description='"autonomous" or "transparent"',
            examples=["autonomous"],
        ),
    ] = "autonomous"
    verdict: Annotated[
        str,
        Field(
            pattern="^(local|cloud)$",
            description='who decides on a handshake, "local" or "cloud"',
            examples=["local"],
        ),
    ] = "local"
    unknown_stations: Annotated[
        str, Field(pattern="^(wait|refuse)$", description='"wait" or "refuse"', examples=["wait"])
    ] = "wait"
    samples: Annotated[
        str,
        Field(
            pattern="^(all|asked)$",
            description='which samples of stations the cloud gets, "all" or "asked"',
            examples=["asked"],
        ),
    ] = "all"
    security_profile: Annotated[
        int | None,
        Field(ge=0, le=3, description="the least security profile of a station, 0 to 3", examples=[2]),
    ] = None
    certificate: Annotated[
        FileName | None,
        Field(description="the PEM file of the certificate that stations see", examples=["/etc/edge/tls/server.pem"]),
    ] = None
    private_key: Annotated[
        FileName | None,
        Field(description="the PEM file of that certificate's key", examples=["/etc/edge/tls/server.key"]),
    ] = None
    station_ca: Annotated[
        FileName | None,
        Field(
            description="the PEM file of the authority that signed the stations' certificates",
            examples=["/etc/edge/tls/stations-ca.pem"],
        ),
    ] = None
    cloud: Annotated[CloudTable, Field(description="the table [ocpp.cloud]", examples=[{}])] = CloudTable()
    self_: Annotated[
        SelfTable | None,
        Field(alias="self", description="the table [ocpp.self] with an id", examples=[{"id": "GW-01"}]),
    ] = None
    mirror: Annotated[
        tuple[MirrorTable, ...],
        Field(
            strict=False,
            max_length=4,
            description="a list of at most 4 tables [[ocpp.mirror]]",
            examples=[[{"url": "wss://archive.example.com/ocpp/{station}"}]],
        ),
    ] = ()

    @property
    def has_cloud(self) -> bool:
        """Whether the stations have a cloud, away or not. Where they have none the site alone decides who charges."""
        return self.upstream is not None

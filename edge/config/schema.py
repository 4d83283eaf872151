"""The site file's tables, as pydantic models: its keys, their types, ranges and defaults.

Here: the whole file and the adapters' tables. The site's own are in :mod:`edge.config.schema_site`, where it is also
told how a field's description and example become the remedy of an error.
"""

from typing import Annotated

from pydantic import Field

from edge.config.addresses import HostPort
from edge.config.schema_bms import BmsTable, GridTable, ScheduleTable, SurplusTable
from edge.config.schema_ocpp import Listen, OcppTable
from edge.config.schema_offline import OfflineTable
from edge.config.schema_site import (
    ID_PATTERN,
    CircuitTable,
    ClassTable,
    ControlTable,
    MeterTable,
    NoHome,
    SiteTable,
    Table,
)
from edge.config.schema_station import StationTable


class ApiTable(Table):
    """``[api]``"""

    listen: Annotated[
        Listen,
        Field(
            description="the local API's address as host:port with a port from 1 to 65535", examples=["127.0.0.1:8080"]
        ),
    ] = HostPort("127.0.0.1", 8080)


class StorageTable(Table):
    """``[storage]``"""

    path: Annotated[
        str,
        Field(
            min_length=1,
            pattern=ID_PATTERN,
            description="the folder for what must outlive a restart",
            examples=["/var/lib/edge-controller"],
        ),
        NoHome,
    ] = "/var/lib/edge-controller"


class SiteFile(Table):
    """The whole file."""

    site: Annotated[SiteTable, Field(description="the table [site] with an id", examples=[{"id": "harbour-3"}])]
    control: Annotated[ControlTable, Field(description="the table [control]", examples=[{}])] = ControlTable()
    circuit: Annotated[
        tuple[CircuitTable, ...],
        Field(
            strict=False,
            min_length=1,
            description="at least one [[circuit]] with id and fuse_a",
            examples=[[{"id": "main", "fuse_a": 63}]],
        ),
    ]
    meter: Annotated[
        tuple[MeterTable, ...],
        Field(strict=False, description="each meter as a table [[meter]]", examples=[[]]),
    ] = ()
    class_: Annotated[
        tuple[ClassTable, ...],
        Field(strict=False, alias="class", description="each class as a table [[class]]", examples=[[]]),
    ] = ()
    station: Annotated[
        tuple[StationTable, ...],
        Field(strict=False, description="each station as a table [[station]]", examples=[[]]),
    ] = ()
    ocpp: Annotated[
        OcppTable,
        Field(
            description="the table [ocpp]; its upstream is the cloud's address, left out where there is none",
            examples=[{"upstream": "wss://csms.example.com/{station}"}],
        ),
    ]
    bms: Annotated[BmsTable, Field(description="the table [bms]", examples=[{}])] = BmsTable()
    grid: Annotated[GridTable | None, Field(description="the table [grid]")] = None
    surplus: Annotated[SurplusTable, Field(description="the table [surplus]", examples=[{}])] = SurplusTable()
    schedule: Annotated[
        tuple[ScheduleTable, ...],
        Field(strict=False, description="each rule as a table [[schedule]]", examples=[[]]),
    ] = ()
    api: Annotated[ApiTable, Field(description="the table [api]", examples=[{}])] = ApiTable()
    offline: Annotated[OfflineTable, Field(description="the table [offline]", examples=[{}])] = OfflineTable()
    storage: Annotated[StorageTable, Field(description="the table [storage]", examples=[{}])] = StorageTable()

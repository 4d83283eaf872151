"""The tables that describe the site itself: circuits, meters, classes, stations.

Each field's ``description`` completes the sentence "give ..." of an error, and its first example is shown beside it, so
a key that is refused names what would be right. What holds between keys is checked in :mod:`edge.config.rules`.
"""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from edge.domain.site import IdlePolicy, Mode
from edge.units import Phase

MAX_FUSE_A = 6300.0  # the largest standard rating of an air circuit breaker (IEC 60947-2)
MAX_EVSE_A = 1000.0  # beyond any connector; catches mA written as A
STATION_ID_LENGTH = 48  # OCPP 2.0.1 part 2 §2.33, identifierString of the station's identity
# Neither a colon (the identity is the user name of HTTP Basic, RFC 7617 §2) nor a control character.
STATION_ID_PATTERN = r"^[^:\x00-\x1f\x7f-\x9f]+$"
# The site's id is a level of an MQTT topic, so neither a separator nor a wildcard may be in it.
SITE_ID_PATTERN = r"^[^/+#\x00-\x1f\x7f-\x9f]+$"
# What `edge key` prints: iterations, salt, hash.
KEY_HASH_PATTERN = r"^pbkdf2-sha256\$[0-9]{1,8}\$[0-9a-f]{32}\$[0-9a-f]{64}$"
ID_PATTERN = r"^[^\x00-\x1f\x7f-\x9f]+$"


class Table(BaseModel):
    """A table of the site file: unknown keys are errors, and a string is no number."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


Id = Annotated[str, Field(min_length=1, max_length=64, pattern=ID_PATTERN)]
FileName = Annotated[str, Field(min_length=1, max_length=4096, pattern=ID_PATTERN)]  # PATH_MAX of Linux


class SiteTable(Table):
    """``[site]``"""

    id: Annotated[
        str,
        Field(
            min_length=1,
            max_length=64,
            pattern=SITE_ID_PATTERN,
            description="a name of the site, up to 64 characters without / + #",
            examples=["harbour-3"],
        ),
    ]
    timezone: Annotated[str, Field(description="a time zone of the tz database", examples=["Europe/Copenhagen"])] = (
        "UTC"
    )
    nominal_voltage_v: Annotated[
        float,
        Field(ge=90, le=300, description="the voltage from phase to neutral in V, 90 to 300", examples=[230]),
    ] = 230.0


class ControlTable(Table):
    """``[control]``"""

    mode: Annotated[Mode, Field(strict=False, description='"control" or "observe"', examples=["observe"])] = (
        Mode.CONTROL
    )
    period_s: Annotated[
        float, Field(ge=0.2, le=10, description="the control period in s, 0.2 to 10", examples=[1.0])
    ] = 1.0
    lease_s: Annotated[
        float,
        Field(
            ge=30,
            le=86_400,
            description="how long a limit holds without renewal in s, 30 to 86400",
            examples=[120],
        ),
    ] = 120.0
    idle: Annotated[IdlePolicy, Field(strict=False, description='"zero" or "safe"', examples=["zero"])] = (
        IdlePolicy.ZERO
    )
    meter_stale_s: Annotated[
        float,
        Field(gt=0, le=60, description="the age in s from which a reading is stale, up to 60", examples=[5]),
    ] = 5.0


class CircuitTable(Table):
    """``[[circuit]]``: the one without a parent is the grid connection."""

    id: Annotated[Id, Field(description="a name that no other circuit has", examples=["garage"])]
    parent: Annotated[Id | None, Field(description="the id of the circuit that feeds this one", examples=["main"])] = (
        None
    )
    fuse_a: Annotated[
        float,
        Field(
            gt=0,
            le=MAX_FUSE_A,
            description=f"the fuse's rating per phase in A, above 0 and up to {MAX_FUSE_A:g}",
            examples=[63],
        ),
    ]
    margin_a: Annotated[
        float,
        Field(ge=0, description="what to stay below the fuse in A, 0 or more", examples=[2]),
    ] = 0.0
    meter: Annotated[
        Id | None,
        Field(description="the id of the meter that measures all of this circuit", examples=["grid"]),
    ] = None
    demand_limit_kw: Annotated[
        float | None,
        Field(gt=0, description="the limit of the quarter-hour mean in kW, above 0", examples=[40]),
    ] = None
    background_reserve_a: Annotated[
        float | None,
        Field(ge=0, description="the worst load besides the EVSEs per phase in A, 0 or more", examples=[20]),
    ] = None


class MeterTable(Table):
    """``[[meter]]``"""

    id: Annotated[Id, Field(description="a name that no other meter has", examples=["grid"])]
    model: Annotated[Id, Field(description="a meter family of the catalogue", examples=["eastron_sdm630"])]
    connection: Annotated[str, Field(description="how to reach the meter", examples=["tcp://192.168.1.50:502"])]
    unit: Annotated[int, Field(ge=1, le=255, description="the Modbus unit id, 1 to 255", examples=[1])] = 1


class ClassTable(Table):
    """``[[class]]``: a priority class."""

    id: Annotated[Id, Field(description="a name that no other class has", examples=["staff"])]
    rank: Annotated[int, Field(ge=0, le=1000, description="the rank, a whole number; 0 is served first", examples=[0])]
    weight: Annotated[float, Field(gt=0, le=1000, description="the share inside the rank, above 0", examples=[1.0])] = (
        1.0
    )


class EvseTable(Table):
    """``[[station.evse]]``"""

    id: Annotated[
        int,
        Field(
            ge=1,
            le=100_000,
            description="the EVSE's number at its station (in OCPP 1.6 the connector id), 1 or more",
            examples=[1],
        ),
    ]
    phases: Annotated[
        tuple[Annotated[Phase, Field(strict=False)], ...],
        Field(
            strict=False,
            min_length=1,
            max_length=3,
            description="the grid phases on the EVSE's own L1, L2, L3: one to three of L1, L2, L3",
            examples=[["L1", "L2", "L3"]],
        ),
    ] = (Phase.L1, Phase.L2, Phase.L3)
    min_a: Annotated[
        float,
        Field(
            gt=0,
            le=MAX_EVSE_A,
            description="the least current the EVSE can charge with in A, above 0",
            examples=[6],
        ),
    ] = 6.0  # IEC 61851-1: the pilot signal can't ask for less
    max_a: Annotated[
        float,
        Field(
            gt=0,
            le=MAX_EVSE_A,
            description=f"the EVSE's rated current in A, above 0 and up to {MAX_EVSE_A:g}",
            examples=[32],
        ),
    ]
    fallback_a: Annotated[
        float | None,
        Field(
            ge=0,
            le=MAX_EVSE_A,
            description="what the EVSE draws at most in A when it can't hear the controller, 0 or more",
            examples=[6],
        ),
    ] = None

    @property
    def safe_a(self) -> float:
        """The fallback current, by default the minimum current."""
        return self.min_a if self.fallback_a is None else self.fallback_a


class StationTable(Table):
    """``[[station]]``"""

    id: Annotated[
        str,
        Field(
            min_length=1,
            max_length=STATION_ID_LENGTH,
            pattern=STATION_ID_PATTERN,
            description=f"the station's OCPP identity, 1 to {STATION_ID_LENGTH} characters without a colon",
            examples=["CP-01"],
        ),
    ]
    circuit: Annotated[Id, Field(description="the id of the circuit that feeds the station", examples=["garage"])]
    class_: Annotated[Id | None, Field(alias="class", description="the id of a priority class", examples=["staff"])] = (
        None
    )
    security_profile: Annotated[
        int | None,
        Field(ge=0, le=3, description="the least security profile that it must have, 0 to 3", examples=[2]),
    ] = None
    key_hash: Annotated[
        str | None,
        Field(
            pattern=KEY_HASH_PATTERN,
            description='the hash of its key as "edge key" prints it',
            examples=["pbkdf2-sha256$10000$" + 32 * "0" + "$" + 64 * "0"],
        ),
    ] = None
    certificate_name: Annotated[
        Id | None,
        Field(description="the common name in its certificate, where that isn't its id", examples=["SN-0042"]),
    ] = None
    cloud_key_file: Annotated[
        FileName | None,
        Field(description="a file with the key that the cloud knows it by", examples=["/etc/edge/keys/CP-01"]),
    ] = None
    evse: Annotated[
        tuple[EvseTable, ...],
        Field(
            strict=False,
            min_length=1,
            description="at least one [[station.evse]] with id and max_a",
            examples=[[{"id": 1, "max_a": 32}]],
        ),
    ]

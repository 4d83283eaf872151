"""The tables of the stations and their EVSEs; told of as in :mod:`edge.config.schema_site`."""

from typing import Annotated

from pydantic import Field

from edge.config.schema_site import FileName, Id, Table
from edge.domain.site import Supply
from edge.units import Phase

MAX_EVSE_A = 1000.0  # beyond any connector; catches mA written as A
MAX_EVSE_W = 4_000_000.0  # the megawatt charging system's 3.75 MW, rounded up
PILOT_MIN_A = 6.0  # IEC 61851-1 annex A: the pilot signal can't ask for less
STATION_ID_LENGTH = 48  # OCPP 2.0.1 part 2 §2.33, identifierString of the station's identity
# Neither a colon (the identity is the user name of HTTP Basic, RFC 7617 §2) nor a control character.
STATION_ID_PATTERN = r"^[^:\x00-\x1f\x7f-\x9f]+$"
# What `edge key` prints: iterations, salt, hash.
KEY_HASH_PATTERN = r"^pbkdf2-sha256\$[0-9]{1,8}\$[0-9a-f]{32}\$[0-9a-f]{64}$"


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
    supply: Annotated[
        Supply,
        Field(strict=False, description='"ac", or "dc" for an EVSE that is limited in W', examples=["ac"]),
    ] = Supply.AC
    min_a: Annotated[
        float | None,
        Field(
            gt=0,
            le=MAX_EVSE_A,
            description="the least current the EVSE can charge with in A, above 0",
            examples=[6],
        ),
    ] = None
    max_a: Annotated[
        float | None,
        Field(
            gt=0,
            le=MAX_EVSE_A,
            description=f"the EVSE's rated current in A, above 0 and up to {MAX_EVSE_A:g}",
            examples=[32],
        ),
    ] = None
    fallback_a: Annotated[
        float | None,
        Field(
            ge=0,
            le=MAX_EVSE_A,
            description="what the EVSE draws at most in A when it can't hear the controller, 0 or more",
            examples=[6],
        ),
    ] = None
    min_w: Annotated[
        float | None,
        Field(
            gt=0,
            le=MAX_EVSE_W,
            description="the least power a DC EVSE can charge with in W, above 0",
            examples=[5000],
        ),
    ] = None
    max_w: Annotated[
        float | None,
        Field(
            gt=0,
            le=MAX_EVSE_W,
            description="a DC EVSE's rated power in W as it draws it from the grid, above 0",
            examples=[150000],
        ),
    ] = None
    fallback_w: Annotated[
        float | None,
        Field(
            ge=0,
            le=MAX_EVSE_W,
            description="what a DC EVSE draws at most in W when it can't hear the controller, 0 or more",
            examples=[5000],
        ),
    ] = None
    step_a: Annotated[
        float,
        Field(gt=0, le=10, description="the steps in which the EVSE's limit can be set in A, 0.1 to 10", examples=[1]),
    ] = 0.1  # OCPP 1.6 §7.13: at most one fraction digit
    switches_phases: Annotated[
        bool,
        Field(description="whether it can be told to use one phase or all, true or false", examples=[True]),
    ] = False
    surplus: Annotated[
        bool | None,
        Field(description="whether it charges on the sun's surplus alone, true or false", examples=[True]),
    ] = None
    never_zero: Annotated[
        bool,
        Field(
            description="whether its cars fail to wake from 0 A, so that a session keeps its minimum, true or false",
            examples=[True],
        ),
    ] = False


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
    mode: Annotated[
        str | None,
        Field(
            pattern="^(autonomous|transparent)$",
            description='"autonomous" or "transparent", where it differs from [ocpp] mode',
            examples=["transparent"],
        ),
    ] = None
    controller: Annotated[
        bool,
        Field(
            description="whether it is a controller with a site below it, true or false",
            examples=[True],
        ),
    ] = False
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

"""The tables that describe the site itself: circuits, meters, classes, stations.

Each field's ``description`` completes the sentence "give ..." of an error, and its first example is shown beside it, so
a key that is refused names what would be right. What holds between keys is checked in :mod:`edge.config.rules`.
"""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from edge.domain.site import IdlePolicy, Mode, Supply
from edge.units import Phase

MAX_FUSE_A = 6300.0  # the largest standard rating of an air circuit breaker (IEC 60947-2)
MAX_EVSE_A = 1000.0  # beyond any connector; catches mA written as A
MAX_EVSE_W = 4_000_000.0  # the megawatt charging system's 3.75 MW, rounded up
MAX_CIRCUIT_W = 10_000_000.0  # more than the largest fuse carries at 230 V
PILOT_MIN_A = 6.0  # IEC 61851-1 annex A: the pilot signal can't ask for less
STATION_ID_LENGTH = 48  # OCPP 2.0.1 part 2 §2.33, identifierString of the station's identity
# Neither a colon (the identity is the user name of HTTP Basic, RFC 7617 §2) nor a control character.
STATION_ID_PATTERN = r"^[^:\x00-\x1f\x7f-\x9f]+$"
# The site's id is a level of an MQTT topic, so neither a separator nor a wildcard may be in it.
SITE_ID_PATTERN = r"^[^/+#\x00-\x1f\x7f-\x9f]+$"
ID_PATTERN = r"^[^\x00-\x1f\x7f-\x9f]+$"


class Table(BaseModel):
    """A table of the site file: unknown keys are errors, and a string is no number."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


Id = Annotated[str, Field(min_length=1, max_length=64, pattern=ID_PATTERN)]


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
    imbalance_limit_a: Annotated[
        float | None,
        Field(
            ge=0,
            le=MAX_FUSE_A,
            description="by how much two phases of the grid connection may differ in A, where the grid code says so",
            examples=[20],
        ),
    ] = None


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
    turn_s: Annotated[
        float,
        Field(
            ge=60,
            le=86_400,
            description="how long a car charges before one that waits takes its place in s, 60 to 86400",
            examples=[900],
        ),
    ] = 900.0
    min_off_s: Annotated[
        float,
        Field(ge=0, le=3600, description="how long a car that was stopped stays off in s, 0 to 3600", examples=[60]),
    ] = 60.0
    raises_per_hour: Annotated[
        float,
        Field(ge=1, le=3600, description="how often a station's limits may rise in an hour, 1 to 3600", examples=[240]),
    ] = 240.0


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
    limit_w: Annotated[
        float | None,
        Field(
            gt=0,
            le=MAX_CIRCUIT_W,
            description="the most over all three phases in W, where there is one",
            examples=[22000],
        ),
    ] = None
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


class MeterValueTable(Table):
    """``[[meter.value]]``: where a quantity stands in the messages of an MQTT topic."""

    quantity: Annotated[str, Field(description="the name of a quantity", examples=["current_l1_a"])]
    path: Annotated[
        str,
        Field(
            min_length=1,
            max_length=400,
            description="the JSON path of its number in the message",
            examples=["phases[0].current"],
        ),
    ]
    scale: Annotated[
        float,
        Field(description="what turns the number into the unit that the quantity's name ends with", examples=[1000]),
    ] = 1.0


class MeterTable(Table):
    """``[[meter]]``"""

    id: Annotated[Id, Field(description="a name that no other meter has", examples=["grid"])]
    model: Annotated[Id | None, Field(description="a meter family of the catalogue", examples=["eastron_sdm630"])] = (
        None
    )
    map: Annotated[
        str | None,
        Field(
            min_length=1,
            max_length=400,
            description="the path of a map file of your own, relative to this file",
            examples=["my-meter.toml"],
        ),
    ] = None  # instead of a model
    connection: Annotated[str, Field(description="how to reach the meter", examples=["tcp://192.168.1.50:502"])]
    unit: Annotated[int, Field(ge=1, le=255, description="the Modbus unit id, 1 to 255", examples=[1])] = 1
    value: Annotated[
        tuple[MeterValueTable, ...],
        Field(strict=False, description="each quantity of an MQTT topic as a table [[meter.value]]", examples=[[]]),
    ] = ()

    @property
    def family(self) -> str | None:
        """What names the meter's family: its model, or its own map file."""
        return self.map if self.map is not None else self.model


class ClassTable(Table):
    """``[[class]]``: a priority class."""

    id: Annotated[Id, Field(description="a name that no other class has", examples=["staff"])]
    rank: Annotated[int, Field(ge=0, le=1000, description="the rank, a whole number; 0 is served first", examples=[0])]
    weight: Annotated[float, Field(gt=0, le=1000, description="the share inside the rank, above 0", examples=[1.0])] = (
        1.0
    )
    guaranteed: Annotated[
        bool,
        Field(
            description="whether its cars' minima come before those of others of the rank, true or false",
            examples=[True],
        ),
    ] = False


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
    evse: Annotated[
        tuple[EvseTable, ...],
        Field(
            strict=False,
            min_length=1,
            description="at least one [[station.evse]] with id and max_a",
            examples=[[{"id": 1, "max_a": 32}]],
        ),
    ]

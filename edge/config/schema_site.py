"""The tables that describe the site itself: circuits, meters, classes. Stations are in
:mod:`edge.config.schema_station`.

Each field's ``description`` completes the sentence "give ..." of an error, and its first example is shown beside it, so
a key that is refused names what would be right. What holds between keys is checked in :mod:`edge.config.rules`.
"""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from edge.config.faults import shown
from edge.domain.site import IdlePolicy, Mode

MAX_FUSE_A = 6300.0  # the largest standard rating of an air circuit breaker (IEC 60947-2)
MAX_CIRCUIT_W = 10_000_000.0  # more than the largest fuse carries at 230 V
MAX_CIRCUIT_KW = MAX_CIRCUIT_W / 1000
# The site's id is a level of an MQTT topic, so neither a separator nor a wildcard may be in it.
SITE_ID_PATTERN = r"^[^/+#\x00-\x1f\x7f-\x9f]+$"
ID_PATTERN = r"^[^\x00-\x1f\x7f-\x9f]+$"


class Table(BaseModel):
    """A table of the site file: unknown keys are errors, and a string is no number."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


Id = Annotated[str, Field(min_length=1, max_length=64, pattern=ID_PATTERN)]


def _no_home(path: str) -> str:
    """Refuses ``~/x``: nothing expands it, and what a shell would make of it is another folder for each who asks."""
    if path.startswith("~"):
        home = "whose ~ is the home of whoever runs the program, and a service has none"
        raise ValueError(f"is {shown(path)}, {home}")
    return path


def _whole(path: str) -> str:
    """Refuses ``ca.pem``: it would be another file for who checks the site file here, and for the service."""
    if not path.startswith("/"):
        raise ValueError(f"is {shown(path)}, which depends on where the program is started")
    return path


NoHome = AfterValidator(_no_home)
FileName = Annotated[  # PATH_MAX of Linux
    str, Field(min_length=1, max_length=4096, pattern=ID_PATTERN), NoHome, AfterValidator(_whole)
]


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
    holidays: Annotated[
        str | None,
        Field(
            pattern=r"^[A-Z]{2}(-[A-Z0-9]{1,3})?$",
            description="the country, or a part of it, whose public holidays count (ISO 3166)",
            examples=["DE-BY"],
        ),
    ] = None
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
        Field(
            gt=0,
            le=MAX_CIRCUIT_KW,
            description=f"the limit of the quarter-hour mean in kW, above 0 and up to {MAX_CIRCUIT_KW:g}",
            examples=[40],
        ),
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
        Annotated[str, NoHome] | None,
        Field(
            min_length=1,
            max_length=400,
            description="the path of a map file of your own, relative to this file",
            examples=["my-meter.toml"],
        ),
    ] = None  # instead of a model
    connection: Annotated[str, Field(description="how to reach the meter", examples=["tcp://192.168.1.50:502"])]
    unit: Annotated[int, Field(ge=0, le=255, description="the Modbus unit id, 0 to 255", examples=[1])] = 1
    username: Annotated[
        str | None, Field(min_length=1, description="the user's name at the broker", examples=["edge"])
    ] = None
    password: Annotated[str | None, Field(min_length=1, description="the user's password", examples=["secret"])] = None
    ca_file: Annotated[
        FileName | None,
        Field(description="the file of the broker's certificate authority", examples=["/etc/edge-controller/ca.pem"]),
    ] = None
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
    surplus: Annotated[
        bool, Field(description="whether its cars charge on the sun's surplus alone, true or false", examples=[True])
    ] = False

"""The JSON of ``edge allocate``: the fields of a problem, each with what would be right in it.

Each field's ``description`` completes the sentence "give ..." of an error. What holds between fields is checked in
:mod:`edge.cli.allocation_file`.
"""

from datetime import datetime
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from edge.units import PHASES, Phase

# Beyond any installation: what is larger is another unit, or a mistake.
MOST_A = 1e6
MOST_W = 1e9
# Shares a thousand times apart either way; beyond that a share is nothing or all, which is what a rank is for.
LEAST_WEIGHT, MOST_WEIGHT = 0.001, 1000.0
# A car's battery is below 1 MWh, ships and trains included.
MOST_WH = 1e9


def _on_each_phase(value: Any) -> Any:
    """One number stands for all three phases."""
    return value if value is None or isinstance(value, list) else [value] * len(PHASES)


def _moment(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return datetime.fromisoformat(value)
    except ValueError:
        return value  # refused by its type


def _with_zone(value: datetime) -> datetime:
    if value.tzinfo is None:
        raise ValueError("has no time zone")
    return value


def _step(step: float) -> float:
    if 0 < step < 0.001:  # the resolution of a float must be far finer than a step
        raise ValueError(f"is {step:g}, above 0 and below 0.001")
    return step


class _Fields(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


Id = Annotated[str, Field(min_length=1, max_length=255)]
Moment = Annotated[datetime, BeforeValidator(_moment), AfterValidator(_with_zone)]
Limit = Annotated[float, Field(ge=0, le=MOST_A)]
Background = Annotated[float, Field(ge=-MOST_A, le=MOST_A)]
_MOMENT = "a moment in ISO 8601 with its zone"


class CircuitFields(_Fields):
    """A circuit. The one without a parent is the grid connection."""

    id: Annotated[Id, Field(description="a name that no other circuit has")]
    parent: Annotated[Id | None, Field(description="the id of the circuit that feeds this one, or null")] = None
    limit_a: Annotated[
        Annotated[list[Limit | None], Field(min_length=3, max_length=3)] | None,
        BeforeValidator(_on_each_phase),
        Field(description=f"the limit per phase in A, 0 to {MOST_A:.0f}, one number or a list of three, or null"),
    ] = None
    limit_w: Annotated[
        float | None,
        Field(ge=0, le=MOST_W, description=f"the limit of the total power in W, 0 to {MOST_W:.0f}, or null"),
    ] = None
    background_a: Annotated[
        Annotated[list[Background], Field(min_length=3, max_length=3)] | None,
        BeforeValidator(_on_each_phase),
        Field(description="the current besides the EVSEs in A, one number or a list of three (negative = export)"),
    ] = None


class EvseFields(_Fields):
    """An EVSE and what its car can use."""

    id: Annotated[Id, Field(description="a name that no other EVSE has")]
    circuit: Annotated[Id, Field(description="the id of the circuit that the EVSE is connected to")]
    phases: Annotated[
        list[Annotated[Phase, Field(strict=False)]],
        Field(min_length=1, max_length=3, description='the grid phases in use, each once, of "L1", "L2", "L3"'),
    ] = Field(default_factory=lambda: list(PHASES))
    min_a: Annotated[float, Field(ge=0, le=MOST_A, description="the least current in A, 0 or more")] = 6.0
    max_a: Annotated[float, Field(ge=0, le=MOST_A, description=f"the most current in A, 0 to {MOST_A:.0f}")]
    demand_a: Annotated[
        float | None, Field(ge=0, le=MOST_A, description="the most that the car can use in A, 0 or more")
    ] = None
    step_a: Annotated[
        float,
        Field(ge=0, le=MOST_A, description="the step in A, 0 for continuous, else 0.001 or more"),
        AfterValidator(_step),
    ] = 0.0
    rank: Annotated[int, Field(ge=0, le=1_000_000, description="the rank, a whole number; 0 is served first")] = 0
    weight: Annotated[
        float,
        Field(
            ge=LEAST_WEIGHT,
            le=MOST_WEIGHT,
            description=f"the share inside the rank, {LEAST_WEIGHT:g} to {MOST_WEIGHT:g}",
        ),
    ] = 1.0
    charging: Annotated[bool, Field(description="true or false")] = False
    waiting_since: Annotated[Moment | None, Field(description=_MOMENT)] = None
    energy_wanted_wh: Annotated[
        float | None, Field(ge=0, le=MOST_WH, description=f"the energy wanted in Wh, 0 to {MOST_WH:.0f}")
    ] = None
    departure_at: Annotated[Moment | None, Field(description=_MOMENT)] = None


class ProblemFields(_Fields):
    """A whole problem."""

    nominal_voltage_v: Annotated[
        float, Field(ge=1, le=100_000, description="the voltage from phase to neutral in V, 1 to 100000")
    ] = 230.0
    imbalance_limit_a: Annotated[
        float | None,
        Field(ge=0, le=MOST_A, description="by how much two phases may differ in A, 0 or more, or null"),
    ] = None
    now: Annotated[Moment | None, Field(description=_MOMENT)] = None
    circuits: Annotated[list[CircuitFields], Field(min_length=1, description="a list of one circuit or more")]
    evses: Annotated[list[EvseFields], Field(description="a list of EVSEs, empty if there are none")]

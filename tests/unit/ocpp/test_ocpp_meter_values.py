"""What an EVSE draws, out of sampled values."""

from dataclasses import replace
from typing import Any

import pytest

from edge.domain.site import Supply
from edge.ocpp.meter_values import Draw, newest_draw, stamps
from edge.units import Phase, PhaseAmps
from tests.unit.ocpp.ocpp_bench import THREE_PHASES, evse

ROTATED = (Phase.L2, Phase.L3, Phase.L1)
SINGLE = (Phase.L2,)


def amps(value: object, phase: str | None = None, **fields: Any) -> dict[str, Any]:
    """One sampledValue of Current.Import."""
    sample = {"value": value, "measurand": "Current.Import", **fields}
    return sample if phase is None else sample | {"phase": phase}


def power(value: object, phase: str | None = None, **fields: Any) -> dict[str, Any]:
    """One sampledValue of Power.Active.Import."""
    return amps(value, phase, **fields) | {"measurand": fields.get("measurand", "Power.Active.Import")}


def draw(*samples: dict[str, Any], phases: tuple[Phase, ...] = THREE_PHASES) -> Draw | None:
    """The draw that one set of samples tells."""
    return newest_draw([{"sampledValue": list(samples)}], evse(phases=phases), 230.0)


def current(*samples: dict[str, Any], phases: tuple[Phase, ...] = THREE_PHASES) -> tuple[float, float, float] | None:
    """The current of that draw on the grid's phases."""
    found = draw(*samples, phases=phases)
    return None if found is None else (found.current_a.l1, found.current_a.l2, found.current_a.l3)


@pytest.mark.parametrize(
    ("phases", "expected"),
    [(THREE_PHASES, (1.0, 2.0, 3.0)), (ROTATED, (3.0, 1.0, 2.0)), ((Phase.L3, Phase.L2, Phase.L1), (3.0, 2.0, 1.0))],
)
def test_own_phases_are_turned_onto_the_grid(phases: tuple[Phase, ...], expected: tuple[float, float, float]) -> None:
    """The EVSE's own L1 is the first of its wired phases."""
    assert current(amps("1", "L1"), amps("2", "L2"), amps("3", "L3"), phases=phases) == expected


@pytest.mark.parametrize(
    ("samples", "phases", "expected"),
    [
        ([amps("9.6")], THREE_PHASES, (9.6, 9.6, 9.6)),  # one current for three phases (evcc pull 16523)
        ([amps("9.6")], SINGLE, (0.0, 9.6, 0.0)),
        ([amps("9.6", "N")], SINGLE, (0.0, 9.6, 0.0)),  # on the neutral only (lbbrhzn/ocpp issue 1311)
        ([amps("9", "L1-N"), amps("8", "L2-N"), amps("0", "L3-N")], THREE_PHASES, (9.0, 8.0, 0.0)),  # evcc issue 16966
        ([amps("7", "L2")], SINGLE, (0.0, 7.0, 0.0)),  # names its phase as the grid does
        ([amps("7", "L1"), amps("0", "L2"), amps("0", "L3")], SINGLE, (0.0, 7.0, 0.0)),
        ([amps("5", "L1"), amps("20")], THREE_PHASES[:1], (5.0, 0.0, 0.0)),  # phases beat the whole
        ([amps("5", "L1"), amps("6", "L1", location="Inlet")], THREE_PHASES[:1], (6.0, 0.0, 0.0)),
        ([amps("5", "L1"), amps("60", "L1", location="Body")], THREE_PHASES[:1], (5.0, 0.0, 0.0)),
    ],
)
def test_phases_as_stations_name_them(
    samples: list[dict[str, Any]], phases: tuple[Phase, ...], expected: tuple[float, float, float]
) -> None:
    """Each way of naming phases that is seen in the field."""
    assert current(*samples, phases=phases) == expected


@pytest.mark.parametrize(
    ("samples", "phases", "expected"),
    [
        ([amps("16", "L1")], THREE_PHASES, (16.0, 16.0, 16.0)),
        ([amps("16", "L1")], ROTATED, (16.0, 16.0, 16.0)),
        ([amps("16", "L1")], (Phase.L3, Phase.L1), (16.0, 0.0, 16.0)),
        ([amps("9", "L1"), amps("8", "L2")], THREE_PHASES, (9.0, 8.0, 9.0)),
        ([power("3680", "L1")], THREE_PHASES, (16.0, 16.0, 16.0)),
        ([amps("16", "L1"), power("11040")], THREE_PHASES, (16.0, 16.0, 16.0)),
        ([amps("16", "L1"), power("7360")], THREE_PHASES, (16.0, 8.0, 8.0)),
        ([amps("16", "L1"), power("3680")], THREE_PHASES, (16.0, 0.0, 0.0)),
        ([amps("16", "L1"), power("4048")], THREE_PHASES, (16.0, 0.0, 0.0)),  # at 253 V (EN 50160)
        ([amps("16", "L1"), power("3100")], THREE_PHASES, (16.0, 0.0, 0.0)),
        ([amps("0", "L1"), power("0")], THREE_PHASES, (0.0, 0.0, 0.0)),
        ([power("3680", "L1"), power("11040")], THREE_PHASES, (16.0, 16.0, 16.0)),
    ],
)
def test_phases_of_which_nothing_is_told(
    samples: list[dict[str, Any]], phases: tuple[Phase, ...], expected: tuple[float, float, float]
) -> None:
    """A station that measures one phase of three mustn't pass for a car on one phase, or nobody cuts what flows on the
    others. One that leaves out the phases that carry nothing is told from it by the power, where there is one."""
    assert current(*samples, phases=phases) == pytest.approx(expected)


def test_one_quantity_in_each_element() -> None:
    """Elements of one time are one set: the last alone would be one phase of three."""
    at = "2026-11-21T07:00:00Z"
    values = [{"timestamp": at, "sampledValue": [amps(str(number), f"L{number}")]} for number in (1, 2, 3)]
    earlier = [{"timestamp": "2026-11-21T06:00:00Z", "sampledValue": [amps("30", "L1")]}]
    found = newest_draw([*earlier, *values], evse(phases=THREE_PHASES), 230.0)
    assert found is not None
    assert found.current_a == PhaseAmps(1.0, 2.0, 3.0)


@pytest.mark.parametrize(
    ("samples", "phases", "spread"),
    [
        ([power("3680")], THREE_PHASES, True),
        ([power("3680")], SINGLE, False),
        ([power("3680", "L1"), power("0", "L2"), power("0", "L3")], THREE_PHASES, False),
        ([power("3680"), amps("16", "L1")], THREE_PHASES, False),
        ([power("3680"), amps("16")], THREE_PHASES, False),
    ],
)
def test_a_power_alone_says_nothing_of_phases(
    samples: list[dict[str, Any]], phases: tuple[Phase, ...], spread: bool
) -> None:
    """It is taken as even, and told so: one car may draw it all on one phase."""
    found = draw(*samples, phases=phases)
    assert found is not None
    assert found.spread is spread


@pytest.mark.parametrize(
    ("sample", "expected"),
    [
        (amps(" 9.6 "), 9.6),
        (amps(9.6), 9.6),
        (amps("1e1"), 10.0),
        (amps("9.6", unit="A"), 9.6),
        (amps("9.6", unit="a"), 9.6),
        (amps("-3"), 0.0),
        (amps("9600", unit="mA"), None),  # no unit of OCPP 1.6 for a current
        (amps("nan"), None),
        (amps("1e400"), None),
        (amps("1" * 400), None),
        (amps(""), None),
        (amps(None), None),
        (amps(True), None),
        (amps(["9"]), None),
        (amps("9", context="Transaction.Begin"), None),
        (amps("9", context="Transaction.End"), None),
        (amps("9", context="Sample.Clock"), 9.0),
        (amps("9", context="whatever"), 9.0),
        (amps("9", context=7), 9.0),
        (amps(0.96, unitOfMeasure={"unit": "A", "multiplier": 1}), 9.6),
        (amps(0.96, unitOfMeasure={"multiplier": 1.0}), 9.6),
        (amps(0.96, unitOfMeasure={"multiplier": "1"}), 9.6),
        (amps(9.6, unitOfMeasure={"unit": "A", "multiplier": None}), 9.6),
        (amps(9.6, unitOfMeasure={}), 9.6),
        (amps(9.6, unitOfMeasure={"multiplier": 0.5}), None),
        (amps(9.6, unitOfMeasure={"multiplier": "milli"}), None),
        (amps(9.6, unitOfMeasure={"multiplier": 400}), None),
        (amps(9.6, unitOfMeasure={"multiplier": True}), None),
        ({"value": "9", "measurand": "Current.Offered"}, None),
        ({"value": "9", "measurand": "Current.Export"}, None),
    ],
)
def test_values_as_stations_write_them(sample: dict[str, Any], expected: float | None) -> None:
    """Numbers with blanks, odd units and contexts: understood or left out, never an error."""
    found = current(sample)
    assert found == (None if expected is None else (expected, expected, expected))


@pytest.mark.parametrize(
    ("samples", "phases", "expected"),
    [
        ([power("6900")], THREE_PHASES, (10.0, 10.0, 10.0)),
        ([power("6.9", unit="kW")], THREE_PHASES, (10.0, 10.0, 10.0)),
        ([power("2300")], SINGLE, (0.0, 10.0, 0.0)),
        ([power("2300", measurand="power")], SINGLE, (0.0, 10.0, 0.0)),  # lbbrhzn/ocpp issue 1635
        ([power("2300", "L1"), power("0", "L2"), power("0", "L3")], ROTATED, (0.0, 10.0, 0.0)),
        ([power("2300"), amps("4")], THREE_PHASES, (4.0, 4.0, 4.0)),  # a current beats a power
        ([power("2300", unit="VA")], THREE_PHASES, None),
    ],
)
def test_power_alone_gives_a_current(
    samples: list[dict[str, Any]], phases: tuple[Phase, ...], expected: tuple[float, float, float] | None
) -> None:
    """Stations that tell W only (evcc issue 9838): at nominal voltage, over the EVSE's phases."""
    found = current(*samples, phases=phases)
    assert found == (None if expected is None else pytest.approx(expected))


@pytest.mark.parametrize(
    ("samples", "expected"),
    [
        # 125 A at 400 V, 62.5 A at 800 V: the cable's, of which the grid knows nothing
        ([amps("125"), power("49680")], (72.0, 72.0, 72.0)),
        ([amps("62.5", location="Outlet"), power("49.68", unit="kW")], (72.0, 72.0, 72.0)),
        ([amps("125", "L1"), power("49680")], (72.0, 72.0, 72.0)),
        ([amps("125", location="Outlet"), power("46000"), power("49680", location="Inlet")], (72.0, 72.0, 72.0)),
        ([amps("0"), power("0")], (0.0, 0.0, 0.0)),
        ([amps("71", "L1"), amps("72", "L2"), amps("73", "L3")], (71.0, 72.0, 73.0)),  # its own grid side
        ([amps("125")], None),
    ],
)
def test_what_a_dc_station_draws_is_its_power(
    samples: list[dict[str, Any]], expected: tuple[float, float, float] | None
) -> None:
    """Amperes at the battery's voltage are none of the grid's."""
    fast = replace(evse(), supply=Supply.DC, max_a=80.0)
    found = newest_draw([{"sampledValue": samples}], fast, 230.0)
    assert (None if found is None else tuple(found.current_a)) == (
        None if expected is None else pytest.approx(expected)
    )


@pytest.mark.parametrize(
    ("samples", "expected"),
    [
        # A station whose meter is "inside" and nowhere else: evcc issue 16966, mobilityhouse/ocpp issue 353.
        ([amps("9", "L1", location="Body"), amps("8", "L2", location="Body"), amps("7", "L3", location="Body")],
         (9.0, 8.0, 7.0)),
        ([power("6.9", unit="kW", location="Body")], (10.0, 10.0, 10.0)),
        # What is told of the outlet, or of the supply, is the car's; the inside is something else then.
        ([amps("9", location="Outlet"), amps("30", location="Body")], (9.0, 9.0, 9.0)),
        ([amps("9", location="Inlet"), amps("30", location="Body")], (9.0, 9.0, 9.0)),
        ([power("6900", location="Outlet"), amps("0", location="Body")], (10.0, 10.0, 10.0)),
    ],
)  # fmt: skip
def test_a_meter_inside_the_station_counts_where_there_is_no_other(
    samples: list[dict[str, Any]], expected: tuple[float, float, float]
) -> None:
    """The location Body is for sensors of the housing; a station that has its car's meter there tells nothing else."""
    assert current(*samples) == pytest.approx(expected)


def test_power_and_energy_come_along() -> None:
    """In W and Wh; a register without measurand or with a phase (evcc pull 19405) is the energy register."""
    found = draw(amps("10"), power("6.9", unit="kW"), {"value": "12.5", "unit": "kWh", "phase": "L1"})
    assert found == Draw(
        stamp=None, current_a=PhaseAmps.same(10.0), power_w=6900.0, energy_wh=12500.0, whole_a=(10.0, 30.0)
    )
    found = draw(amps("10"), {"value": "100", "measurand": "Energy.Active.Import.Register"})
    assert found == Draw(stamp=None, current_a=PhaseAmps.same(10.0), power_w=None, energy_wh=100.0)


def test_energy_alone_is_no_draw() -> None:
    """Without current and power nothing is known of what is drawn."""
    assert draw({"value": "100"}) is None


def test_the_newest_set_that_tells_a_draw_counts() -> None:
    """Of several sets the last one with a current, by order."""
    sets = [{"sampledValue": [amps("5")]}, {"sampledValue": [amps("7")]}, {"sampledValue": [{"value": "1"}]}, "rubbish"]
    found = newest_draw(sets, evse(), 230.0)
    assert found is not None
    assert found.current_a == PhaseAmps.same(7.0)


@pytest.mark.parametrize(
    "values",
    [
        {"sampledValue": [amps("7")]},  # an object instead of a list (lbbrhzn/ocpp issue 1144)
        [{"sampledValue": amps("7")}],
    ],
)
def test_an_object_passes_for_a_list_of_one(values: object) -> None:
    """Huawei's way of writing a list."""
    found = newest_draw(values, evse(), 230.0)
    assert found is not None
    assert found.current_a == PhaseAmps.same(7.0)


@pytest.mark.parametrize("values", [None, [], "x", 7, [None], [{}], [{"sampledValue": 3}], [{"sampledValue": [None]}]])
def test_rubbish_is_no_draw(values: object) -> None:
    """Whatever stands there, there is an answer."""
    assert newest_draw(values, evse(), 230.0) is None


@pytest.mark.parametrize(
    ("samples", "expected"),
    [
        ([amps(16), power(3700)], (16.0, 0.0, 0.0)),
        ([amps(16), power("4.1", unit="kW")], (16.0, 0.0, 0.0)),
        ([amps(16), power(11_040)], (16.0, 16.0, 16.0)),
        ([amps(16), power(7400)], (16.0, 16.0, 16.0)),
        ([amps(16)], (16.0, 16.0, 16.0)),  # nobody knows
        ([amps(16, "L1"), amps(0, "L2"), amps(0, "L3"), power(11_040)], (16.0, 0.0, 0.0)),
    ],
)
def test_one_current_of_an_evse_that_switches(samples: list[dict[str, Any]], expected: tuple[float, ...]) -> None:
    """Told without its phase: that it uses one only is seen by the power, and the one is its own L1."""
    found = newest_draw([{"sampledValue": samples}], replace(evse(), switches_phases=True), 230.0)
    assert found is not None
    assert tuple(found.current_a) == expected
    plain = newest_draw([{"sampledValue": samples}], evse(), 230.0)
    assert plain is not None
    assert tuple(plain.current_a) == (expected if len(samples) > 2 else (16.0, 16.0, 16.0))


def test_of_a_message_of_very_many_sets_the_last_are_looked_at() -> None:
    """One that means harm has a hundred thousand that say nothing: each look takes its time."""
    told = {"timestamp": "2026-06-01T12:00:00Z", "sampledValue": [{"value": "9", "measurand": "Current.Import"}]}
    nothing: list[dict[str, object]] = [{}] * 100_000
    assert newest_draw([*nothing, told], evse(), 230.0) is not None
    assert newest_draw([told, *nothing], evse(), 230.0) is None
    assert stamps([told, *nothing]) == []

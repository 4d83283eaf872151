"""Connectors that can be told how many phases to use, and connectors that give DC."""

from typing import Any

import pytest

from simulators.charger.spec import ConnectorSpec, Obedience, Supply
from tests.unit.simulators.sim_charger_bench import Bench, limit_profile

SWITCHING = (ConnectorSpec(connector_id=1, max_a=32.0, switches_phases=True),)
FAST_A = 50_000 / 690  # 50 kW on three phases of 230 V
LEAST_A = 5_000 / 690
FAST = (ConnectorSpec(connector_id=1, max_a=FAST_A, min_a=LEAST_A, supply=Supply.DC),)


def on_phases(limit: float, phases: int | None, **changes: Any) -> dict[str, Any]:
    """A profile whose only period names a number of phases, or none."""
    period = {"startPeriod": 0, "limit": limit} | ({} if phases is None else {"numberPhases": phases})
    return limit_profile(limit, schedule={"chargingSchedulePeriod": [period], **changes})


def in_watts(limit: float) -> dict[str, Any]:
    return limit_profile(limit, schedule={"chargingRateUnit": "W"})


@pytest.mark.parametrize(
    ("phases", "draw_a"), [(1, (10.0, 0.0, 0.0)), (2, (10.0, 10.0, 0.0)), (3, (10.0,) * 3), (None, (10.0,) * 3)]
)
def test_a_switching_connector_uses_as_many_phases_as_it_is_told(
    phases: int | None, draw_a: tuple[float, float, float]
) -> None:
    """numberPhases 1 leaves its own L1 only; without it there are three (OCPP 1.6 §7.14)."""
    bench = Bench(connectors=SWITCHING).connect()
    bench.plug_in()
    assert bench.set_profile(1, on_phases(10.0, phases)) == "Accepted"
    bench.advance(5)
    assert bench.core.sessions.connectors[1].draw_a == draw_a


def test_a_one_phase_car_gains_nothing_from_more_phases() -> None:
    """It draws on its own L1 whatever is closed."""
    bench = Bench(connectors=SWITCHING).connect()
    bench.plug_in(phases=1)
    bench.set_profile(1, on_phases(10.0, 3))
    bench.advance(5)
    assert bench.core.sessions.connectors[1].draw_a == (10.0, 0.0, 0.0)


def test_a_change_of_phases_interrupts_the_charging() -> None:
    """The contactor opens first: nothing flows until the car has followed its offer anew."""
    bench = Bench(connectors=SWITCHING).connect()
    bench.plug_in(obey_s=3.0)
    bench.set_profile(1, on_phases(10.0, 3))
    bench.advance(10)
    bench.set_profile(1, on_phases(10.0, 1))
    bench.advance(1)
    assert bench.core.sessions.connectors[1].draw_a == (0.0, 0.0, 0.0)
    bench.advance(5)
    assert bench.core.sessions.connectors[1].draw_a == (10.0, 0.0, 0.0)


def test_all_phases_are_back_when_the_session_is_over() -> None:
    """What a session was told doesn't bind the next."""
    bench = Bench(connectors=SWITCHING).connect()
    bench.plug_in()
    tx = on_phases(10.0, 1) | {"chargingProfilePurpose": "TxProfile", "transactionId": 1001}
    assert bench.set_profile(1, tx) == "Accepted"
    bench.advance(5)
    bench.unplug()
    bench.plug_in()
    bench.advance(5)
    assert bench.core.sessions.connectors[1].draw_a == (16.0, 16.0, 16.0)


@pytest.mark.parametrize(
    "changes", [{}, {"connectors": SWITCHING, "obedience": Obedience.IGNORES}], ids=["fixed wiring", "ignores"]
)
def test_others_leave_the_number_of_phases_aside(changes: dict[str, Any]) -> None:
    """A connector that can't switch, and one that only says yes, use all phases."""
    bench = Bench(**changes).connect()
    bench.plug_in(max_a=10.0)
    assert bench.set_profile(1, on_phases(10.0, 1)) == "Accepted"
    bench.advance(5)
    assert bench.core.sessions.connectors[1].draw_a == (10.0, 10.0, 10.0)


def test_a_dc_connector_draws_its_power_from_three_phases() -> None:
    """A limit in W is what it takes of the grid, evenly; power and the current of each phase are reported."""
    bench = Bench(connectors=FAST, nominal_voltage_v=230.0).connect()
    bench.plug_in(max_a=FAST_A, min_a=LEAST_A, battery_wh=1e6)
    assert bench.set_profile(1, in_watts(27_600.0)) == "Accepted"
    bench.advance(12)
    assert bench.core.sessions.connectors[1].draw_a == pytest.approx((40.0, 40.0, 40.0))
    samples = bench.made("MeterValues")[-1]["meterValue"][0]["sampledValue"]
    told = {(each["measurand"], each.get("phase")): float(each["value"]) for each in samples}
    assert told["Power.Active.Import", None] == 27_600.0
    assert [told["Current.Import", phase] for phase in ("L1", "L2", "L3")] == [40.0, 40.0, 40.0]


def test_a_dc_connector_pauses_below_its_least_power() -> None:
    """4 kW are too little for one that needs 5."""
    bench = Bench(connectors=FAST).connect()
    bench.plug_in(max_a=FAST_A, min_a=LEAST_A)
    bench.set_profile(1, in_watts(4_000.0))
    bench.advance(5)
    assert bench.core.sessions.connectors[1].draw_a == (0.0, 0.0, 0.0)
    assert bench.statuses()[-1] == "SuspendedEVSE"
    bench.set_profile(1, in_watts(5_000.0))
    bench.advance(5)
    assert bench.statuses()[-1] == "Charging"


@pytest.mark.parametrize("connector", [0, 1])
def test_a_dc_connector_refuses_amperes(connector: int) -> None:
    """It is limited in W only, and says so."""
    bench = Bench(connectors=FAST).connect()
    assert bench.set_profile(connector, limit_profile(16.0)) == "Rejected"
    started = {"idTag": "CARD", "chargingProfile": limit_profile(16.0) | {"chargingProfilePurpose": "TxProfile"}}
    assert bench.call("RemoteStartTransaction", started) == {"status": "Rejected"}
    (unit,) = bench.call("GetConfiguration", {"key": ["ChargingScheduleAllowedChargingRateUnit"]})["configurationKey"]
    assert unit["value"] == "Power"


@pytest.mark.parametrize(("connectors", "value"), [(SWITCHING, "true"), (FAST, "false")])
def test_a_station_says_whether_it_switches(connectors: tuple[ConnectorSpec, ...], value: str) -> None:
    """ConnectorSwitch3to1PhaseSupported (OCPP 1.6 §9.4) is what its connectors can do."""
    bench = Bench(connectors=connectors).connect()
    (found,) = bench.call("GetConfiguration", {"key": ["ConnectorSwitch3to1PhaseSupported"]})["configurationKey"]
    assert found["value"] == value


@pytest.mark.parametrize("changes", [{"phases": 1}, {"switches_phases": True}])
def test_a_dc_connector_has_three_phases_and_switches_none(changes: dict[str, Any]) -> None:
    """Another is refused when it is made."""
    with pytest.raises(ValueError, match="a DC connector draws from three phases and switches none"):
        ConnectorSpec(connector_id=1, max_a=FAST_A, supply=Supply.DC, **changes)

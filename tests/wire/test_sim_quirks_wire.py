"""Stations with habits of the field behind the gateway, on real sockets."""

import pytest

from edge.domain.site import Mode
from edge.domain.station import DrawSampled
from simulators.charger.ev import ElectricVehicle
from simulators.charger.quirks import WRITERS
from simulators.charger.spec import Quirk
from simulators.charger_v2 import EvseV2, StationV2
from simulators.csms_v2 import CsmsV2
from tests.wire.ocpp_site import eventually, running


@pytest.mark.parametrize("quirk", WRITERS)
async def test_a_station_with_a_habit_is_understood(quirk: Quirk) -> None:
    """What it draws is known to the control, and its cloud gets it as it was sent."""
    csms = CsmsV2("2.0.1")
    await csms.start()
    upstream = f"ws://127.0.0.1:{csms.port}/{{station}}"
    async with running("CP-01", mode=Mode.CONTROL, upstream=upstream) as (gateway, _):
        station = StationV2("CP-01", [EvseV2(1, 16.0)], quirks=frozenset({quirk}))
        await station.connect(gateway.address(""))
        measurands = ("SampledDataCtrlr", "TxUpdatedMeasurands")
        await eventually(lambda: "Current.Import" in station.variables[measurands])
        await station.plug(1, ElectricVehicle(phases=3, max_a=16, battery_wh=60_000, soc=0.2, obey_s=0))
        await station.step(60.0)
        await eventually(lambda: any(max(fact.current_a) == 16.0 for fact in gateway.sink.of(DrawSampled)))
        await station.disconnect()
    await csms.stop()

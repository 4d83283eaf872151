"""A 2.x station, the gateway in control, and a 2.x CSMS on real sockets."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from edge.domain.setpoint import Purpose
from edge.domain.site import Mode
from edge.domain.station import (
    CloudLimit,
    DrawSampled,
    EvseStatus,
    LimitAnswered,
    LimitOutcome,
    SessionBegan,
    StatusReported,
)
from simulators.charger.ev import ElectricVehicle
from simulators.charger_v2 import EvseV2, StationV2
from simulators.csms_v2 import CsmsV2
from tests.unit.ocpp.ocpp_bench import limit
from tests.wire.ocpp_site import eventually, running


class StationTime:
    """The station's clock: true time, and what is added to it."""

    def __init__(self) -> None:
        self.ahead_s = 0.0

    def wall(self) -> datetime:
        """What it shows."""
        return datetime.now(UTC) + timedelta(seconds=self.ahead_s)


@pytest.mark.parametrize("edition", ["2.0.1", "2.1"])
async def test_a_2_x_station_charges_under_our_limits(edition: str) -> None:
    """From its boot through the session's limit to its end; the cloud hears all of it, valid, and nothing of ours."""
    csms, time = CsmsV2(), StationTime()
    await csms.start()
    upstream = f"ws://127.0.0.1:{csms.port}/{{station}}"
    async with running("CP-01", mode=Mode.CONTROL, upstream=upstream) as (gateway, _):
        station = StationV2("CP-01", [EvseV2(1, 32.0)], edition, wall=time.wall)
        await station.connect(gateway.address(""))
        assert station.subprotocol == f"ocpp{edition}"
        await eventually(lambda: station.variables["SampledDataCtrlr", "TxUpdatedInterval"] == "10")
        measurands = ("SampledDataCtrlr", "TxUpdatedMeasurands")
        await eventually(lambda: "Current.Import" in station.variables[measurands])

        gateway.server.write_limit(limit(1, limit_a=0.0))
        await eventually(lambda: len(gateway.sink.of(LimitAnswered)) == 1)
        transaction = await station.plug(1, ElectricVehicle(phases=3, max_a=32, battery_wh=60_000, soc=0.2, obey_s=0))
        await eventually(lambda: gateway.sink.of(SessionBegan))
        (began,) = gateway.sink.of(SessionBegan)
        assert (began.transaction_id, began.observed_start) == (transaction, True)
        assert station.offer_a(station.evse(1)) == 0.0

        gateway.server.write_limit(limit(2, limit_a=13.0, purpose=Purpose.SESSION, transaction_id=transaction))
        await eventually(lambda: len(gateway.sink.of(LimitAnswered)) == 2)
        assert {fact.outcome for fact in gateway.sink.of(LimitAnswered)} == {LimitOutcome.ACCEPTED}
        await station.step(10.0)
        await eventually(lambda: any(max(fact.current_a) == 13.0 for fact in gateway.sink.of(DrawSampled)))
        time.ahead_s = 121.0  # nobody renews the lease
        assert station.offer_a(station.evse(1)) == 6.0

        await station.unplug(1)
        await eventually(lambda: gateway.sink.of(StatusReported)[-1].status is EvseStatus.AVAILABLE)
        kinds = [payload["eventType"] for _, action, payload in csms.heard if action == "TransactionEvent"]
        assert (kinds[0], kinds[-1]) == ("Started", "Ended")
        assert csms.invalid == []
        await station.disconnect()
    await csms.stop()


@pytest.mark.parametrize("edition", ["2.0.1", "2.1"])
async def test_what_a_2_x_station_holds_of_its_cloud_becomes_the_gateways(edition: str) -> None:
    """It was set before the gateway: the cloud reads it from there, and it is no longer in the way of our limit."""
    csms = CsmsV2(edition)
    await csms.start()
    schedule = {"id": 1, "chargingRateUnit": "A", "startSchedule": "2026-06-01T00:00:00Z"}
    before = {
        "id": 11,
        "stackLevel": 9,
        "chargingProfilePurpose": "TxDefaultProfile",
        "chargingProfileKind": "Absolute",
        "chargingSchedule": [{**schedule, "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 12.0}]}],
    }
    upstream = f"ws://127.0.0.1:{csms.port}/{{station}}"
    async with running("CP-01", mode=Mode.CONTROL, upstream=upstream) as (gateway, _):
        station = StationV2("CP-01", [EvseV2(1, 32.0)], edition)
        station.profiles.install(1, before, None)
        await station.connect(gateway.address(""))
        await eventually(lambda: not station.profiles.installed)
        gateway.server.write_limit(limit(1, limit_a=0.0))
        await eventually(lambda: gateway.sink.of(LimitAnswered))
        assert gateway.sink.of(LimitAnswered)[0].outcome is LimitOutcome.ACCEPTED
        await eventually(lambda: 12.0 in [fact.limit_a for fact in gateway.sink.of(CloudLimit)])
        asked = {"requestId": 5, "chargingProfile": {"chargingProfileId": [11]}}
        assert (await csms.call("CP-01", "GetChargingProfiles", asked))["status"] == "Accepted"
        await eventually(lambda: [action for _, action, _ in csms.heard].count("ReportChargingProfiles") == 1)
        assert csms.invalid == []
        await station.disconnect()
    await csms.stop()


async def test_the_cloud_of_a_2_x_station_commands_it() -> None:
    """Its CALLs get through and back; it reads back what it wrote, and its SetNetworkProfile is refused."""
    csms = CsmsV2("2.0.1")
    await csms.start()
    upstream = f"ws://127.0.0.1:{csms.port}/{{station}}"
    async with running("CP-01", mode=Mode.CONTROL, upstream=upstream) as (gateway, _):
        station = StationV2("CP-01", [EvseV2(1, 32.0)])
        await station.connect(gateway.address(""))
        await eventually(lambda: len(station.heard) >= 5)
        assert await csms.call("CP-01", "Reset", {"type": "OnIdle"}) == {"status": "Scheduled"}
        switch = {
            "component": {"name": "SmartChargingCtrlr"},
            "variable": {"name": "Enabled"},
            "attributeValue": "false",
        }
        (off,) = (await csms.call("CP-01", "SetVariables", {"setVariableData": [switch]}))["setVariableResult"]
        assert off["attributeStatus"] == "Rejected"
        trace = [entry for entry in gateway.server.trace("CP-01") or [] if "SmartChargingCtrlr" in entry["text"]]
        assert [entry["way"] for entry in trace[-2:]] == ["cloud → gateway", "gateway → cloud"]
        variable = {"component": {"name": "SampledDataCtrlr"}, "variable": {"name": "TxUpdatedInterval"}}
        await csms.call("CP-01", "SetVariables", {"setVariableData": [{**variable, "attributeValue": "300"}]})
        await eventually(lambda: station.variables["SampledDataCtrlr", "TxUpdatedInterval"] == "10")
        (read,) = (await csms.call("CP-01", "GetVariables", {"getVariableData": [variable]}))["getVariableResult"]
        assert read["attributeValue"] == "300"
        network = {"configurationSlot": 1, "connectionData": {}}
        assert (await csms.call("CP-01", "SetNetworkProfile", network))["status"] == "Rejected"
        await station.disconnect()
    await csms.stop()


async def test_a_stream_of_2_1() -> None:
    """SEND reaches the cloud between the CALLs (N11 to N15)."""
    csms = CsmsV2("2.1")
    await csms.start()
    upstream = f"ws://127.0.0.1:{csms.port}/{{station}}"
    async with running("CP-01", mode=Mode.CONTROL, upstream=upstream) as (gateway, _):
        station = StationV2("CP-01", [EvseV2(1, 32.0)], "2.1")
        await station.connect(gateway.address(""))
        payload = {"id": 1, "pending": 0, "basetime": station.stamp(), "data": [{"t": 0.0, "v": "1"}]}
        await asyncio.gather(station.send("NotifyPeriodicEventStream", payload), station.call("Heartbeat", {}))
        await eventually(lambda: csms.sends)
        assert csms.sends == [("CP-01", "NotifyPeriodicEventStream", payload)]
        await station.disconnect()
    await csms.stop()

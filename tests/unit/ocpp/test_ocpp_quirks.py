"""Quirks of real stations that are handled by rule, each by its number in docs/ocpp.md."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from websockets.datastructures import Headers

from edge.domain.setpoint import Purpose
from edge.domain.station import DrawSampled, SessionBegan, SessionEnded, StatusReported
from edge.ocpp import handshake, keys
from edge.ocpp.profiles import writer
from edge.ocpp.station_clock import EPOCH
from edge.ocpp.versions import Version
from tests.unit.ocpp.ocpp_bench import Bench, call, evse, limit, meter_values, result, stamp

AMPS = {"value": "9", "measurand": "Current.Import"}


@pytest.fixture
def bench() -> Bench:
    """A 1.6 station of one EVSE, relayed to its cloud."""
    bench = Bench(evse(1))
    bench.connect()
    return bench


def draws(bench: Bench, payload: dict[str, Any]) -> list[DrawSampled]:
    """The draws in a MeterValues, which is passed on as it is."""
    text = call("m", "MeterValues", payload)
    step = bench.station_says(text)
    assert step.up == [text]
    return [fact for fact in step.facts if isinstance(fact, DrawSampled)]


def start_of_profile(bench: Bench) -> datetime:
    """The startSchedule of a limit that is written now."""
    _, _, payload = bench.write(limit()).own_call
    return datetime.fromisoformat(payload["csChargingProfiles"]["chargingSchedule"]["startSchedule"])


def test_quirk_1_no_subprotocol() -> None:
    """steve issues 135 and 1109: who offers nothing speaks 1.6."""
    assert handshake.offer_in(Headers()).versions == (Version.V16,)


def test_quirk_3_no_connection_header() -> None:
    """lbbrhzn/ocpp pull 1984: supplied."""
    headers = Headers([("Upgrade", "websocket")])
    assert handshake.tolerate(headers)
    assert headers["Connection"] == "Upgrade"


def test_quirk_4_a_probe_of_1_6_then_2_0_1(bench: Bench) -> None:
    """FoxESS (lbbrhzn/ocpp issue 2008): each connection has its own edition."""
    bench.lose_station()
    bench.version = Version.V201
    bench.connect()
    assert bench.write(limit()).own_call[2]["evseId"] == 1


def test_quirk_7_calls_unanswered(bench: Bench) -> None:
    """mobilityhouse/ocpp issue 626: a station that answers no CALL blocks neither limits nor the cloud for ever."""
    bench.write(limit(1))
    assert bench.wait(10.0).outcomes == [(1, "silent")]
    assert bench.write(limit(2)).own_call[1] == "SetChargingProfile"


def test_quirk_10_no_zone(bench: Bench) -> None:
    """Growatt (evcc issue 10399): a time without zone is UTC."""
    payload = meter_values(AMPS)
    payload["meterValue"][0]["timestamp"] = bench.wall.strftime("%Y-%m-%dT%H:%M:%S")
    assert [fact.at for fact in draws(bench, payload)] == [bench.now]


def test_quirk_11_local_time_called_utc(bench: Bench) -> None:
    """steve issue 136: profiles begin by the station's own clock, wrong as it is."""
    for _ in range(2):
        ahead = stamp(bench.wall + timedelta(hours=2))
        bench.station_says(call("s", "StatusNotification", {"connectorId": 1, "timestamp": ahead}))
        bench.now += 10
    assert start_of_profile(bench) == bench.wall + timedelta(hours=2)


def test_quirk_12_the_year_1970(bench: Bench) -> None:
    """MicroOcpp issue 311: a station without time is told limits that hold by any; its samples count as they come."""
    payload = meter_values(AMPS)
    payload["meterValue"][0]["timestamp"] = "1970-01-01T00:01:00Z"
    assert [fact.at for fact in draws(bench, payload)] == [bench.now]
    assert start_of_profile(bench) == EPOCH


def test_quirk_13_an_error_code_of_its_own(bench: Bench) -> None:
    """lbbrhzn/ocpp issue 1248: errorCode Error is passed on, told, and its status counts."""
    payload = {"connectorId": 1, "status": "Charging", "errorCode": "Error"}
    (fact,) = bench.station_says(call("n", "StatusNotification", payload)).facts
    assert isinstance(fact, StatusReported)
    news: list[str] = []
    while (looked := bench.relay.diagnosis.look()) is not None:
        news += looked[1]
    assert "StatusNotification: errorCode: breaks enum ('Error')" in news


def test_quirk_14_an_object_for_a_list(bench: Bench) -> None:
    """Huawei (lbbrhzn/ocpp issue 1144): meterValue is one object."""
    payload = meter_values(AMPS)
    payload["meterValue"] = payload["meterValue"][0]
    assert len(draws(bench, payload)) == 1


def test_quirk_15_units_that_no_schema_knows(bench: Bench) -> None:
    """lbbrhzn/ocpp issue 1576: Hz beside a current."""
    assert len(draws(bench, meter_values({"value": "50", "measurand": "Frequency", "unit": "Hz"}, AMPS))) == 1


def test_quirk_16_a_backlog_of_months(bench: Bench) -> None:
    """Alfen (lbbrhzn/ocpp issue 361): passed on, and no draw of now."""
    bench.station_says(call("s", "StatusNotification", {"connectorId": 1, "timestamp": stamp(bench.wall)}))
    assert draws(bench, meter_values(AMPS, at=bench.wall - timedelta(days=60))) == []
    odd = meter_values({**AMPS, "context": "Sample"}, at=bench.wall)
    assert len(draws(bench, odd)) == 1


def test_quirk_17_celsius_in_two_spellings(bench: Bench) -> None:
    """OCPP-J errata 2.1: neither hurts."""
    for unit in ("Celsius", "Celcius"):
        assert len(draws(bench, meter_values({"value": "40", "measurand": "Temperature", "unit": unit}, AMPS))) == 1


@pytest.mark.parametrize(
    "samples",
    [
        [{**AMPS, "phase": "N"}],  # lbbrhzn/ocpp issue 1311
        [{**AMPS, "phase": phase} for phase in ("L1-N", "L2-N", "L3-N")],  # evcc issue 16966
        [{**AMPS, "value": " 9.0"}],  # evcc pull 16523
    ],
)
def test_quirk_18_phases_of_their_own_invention(bench: Bench, samples: list[dict[str, Any]]) -> None:
    """Each is a current on all three."""
    (fact,) = draws(bench, meter_values(*samples))
    assert list(fact.current_a) == [9.0, 9.0, 9.0]


def test_quirk_19_tenths_that_no_float_has() -> None:
    """citrineos-core pull 959: what we write is in tenths, and read back as the same tenths."""
    assert [writer.round_down(value) for value in (8.1, 8.19, 16.3)] == [8.1, 8.1, 16.3]


@pytest.mark.parametrize("measurand", ["Power.Active.Import", "power"])
def test_quirk_20_watts_only(bench: Bench, measurand: str) -> None:
    """evcc issue 9838, lbbrhzn/ocpp issue 1635: a current is reckoned from the power."""
    (fact,) = draws(bench, meter_values({"value": "6900", "measurand": measurand, "unit": "W"}))
    assert list(fact.current_a) == pytest.approx([10.0, 10.0, 10.0])


def test_quirk_23_the_transaction_of_a_profile(bench: Bench) -> None:
    """ABB (evcc issue 15493): a session's limit names it."""
    _, _, payload = bench.write(limit(purpose=Purpose.SESSION, transaction_id="7")).own_call
    assert payload["csChargingProfiles"]["transactionId"] == 7


def test_quirk_26_profiles_that_begin_late(bench: Bench) -> None:
    """Autel (lbbrhzn/ocpp issue 1643): startSchedule is by the station's clock, so that it begins now."""
    for _ in range(2):
        behind = stamp(bench.wall - timedelta(hours=2))
        bench.station_says(call("s", "StatusNotification", {"connectorId": 1, "timestamp": behind}))
        bench.now += 10
    assert start_of_profile(bench) == bench.wall - timedelta(hours=2)


def test_quirk_27_nothing_is_cleared_before_it_is_set(bench: Bench) -> None:
    """lbbrhzn/ocpp pull 1718: a new limit replaces the old one under the same id."""
    found = []
    for number in (1, 2):
        identifier, action, payload = bench.write(limit(number, limit_a=10.0 + number)).own_call
        bench.station_says(result(identifier, {"status": "Accepted"}))
        found.append((action, payload["csChargingProfiles"]["chargingProfileId"]))
    assert found[0] == found[1]
    assert found[0][0] == "SetChargingProfile"


@pytest.mark.parametrize("transaction", [-1, 0])
def test_quirk_30_a_stop_without_a_start(bench: Bench, transaction: int) -> None:
    """libocpp issue 495: its id means none, nothing ends but what a status ends."""
    bench.station_says(call("m", "MeterValues", meter_values(AMPS, transactionId=7)))
    assert bench.station_says(call("s", "StopTransaction", {"transactionId": transaction})).facts == []
    facts = bench.station_says(call("n", "StatusNotification", {"connectorId": 1, "status": "Available"})).facts
    assert isinstance(facts[-1], SessionEnded)


def test_quirk_31_a_start_with_an_old_time(bench: Bench) -> None:
    """ABB (mobilityhouse/ocpp issue 186): it moves the station's clock by nothing."""
    bench.station_says(call("s", "StatusNotification", {"connectorId": 1, "timestamp": stamp(bench.wall)}))
    old = {"connectorId": 1, "timestamp": stamp(bench.wall - timedelta(hours=5))}
    bench.station_says(call("t", "StartTransaction", old))
    assert start_of_profile(bench) == bench.wall


def test_quirk_32_a_refused_stop(bench: Bench) -> None:
    """steve issue 156: a CALLERROR makes it repeat for ever, so none is ever made up: the cloud's answer passes."""
    for number in range(3):
        text = call(f"s{number}", "StopTransaction", {"transactionId": 7})
        step = bench.station_says(text)
        assert (step.up, step.down) == ([text], [])


def test_quirk_33_a_key_in_digits() -> None:
    """shiv3/ocpp-cp-simulator issue 260: the digits are as good as the bytes."""
    key = bytes(range(20))
    kept = keys.hashed(key)
    assert keys.matches(key, kept)
    assert keys.matches(key.hex().encode(), kept)
    assert not keys.matches(key[::-1], kept)


def test_quirk_34_the_transaction_of_before(bench: Bench) -> None:
    """EN+ (evcc issue 14673): after our restart the station's own meter values say which it is."""
    facts = bench.station_says(call("m", "MeterValues", meter_values(AMPS, transactionId=3))).facts
    assert isinstance(facts[0], SessionBegan)
    assert (facts[0].transaction_id, facts[0].observed_start) == ("3", False)

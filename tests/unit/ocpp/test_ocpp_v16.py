"""Facts out of OCPP 1.6 frames, as the relay reports them."""

import json
from datetime import datetime, timedelta
from typing import Any

import pytest

from edge.domain.setpoint import Purpose
from edge.domain.site import EvseKey, Mode
from edge.domain.station import (
    DrawSampled,
    EvseStatus,
    SessionBegan,
    SessionEnded,
    StationDescribed,
    StationFact,
    StatusReported,
)
from edge.units import PhaseAmps
from tests.unit.ocpp.ocpp_bench import ID, NOON, Bench, call, evse, limit, meter_values, result, stamp
from tests.unit.ocpp.slow_disk import SlowDisk

KEY = EvseKey(station=ID, evse=1)
AMPS = {"value": "9", "measurand": "Current.Import"}


@pytest.fixture
def bench() -> Bench:
    """A station of two EVSEs, relayed to its cloud."""
    bench = Bench(evse(1), evse(2))
    bench.connect()
    return bench


def started(bench: Bench, transaction: object = 7, status: str = "Accepted", connector: int = 1) -> list[StationFact]:
    """A StartTransaction and its answer; the facts of both."""
    request = {"connectorId": connector, "idTag": "X", "meterStart": 0, "timestamp": stamp(bench.wall)}
    facts = bench.station_says(call("s", "StartTransaction", request)).facts
    answer = {"transactionId": transaction, "idTagInfo": {"status": status}}
    return [*facts, *bench.cloud_says(result("s", answer)).facts]


def began(transaction: int = 7, *, observed: bool, at: float) -> SessionBegan:
    """A session on the first EVSE."""
    return SessionBegan(key=KEY, at=at, transaction_id=str(transaction), observed_start=observed)


def test_boot_describes_the_station(bench: Bench) -> None:
    """Vendor, model, serial and firmware."""
    payload = {"chargePointVendor": "V", "chargePointModel": "M", "chargeBoxSerialNumber": "S", "firmwareVersion": "1"}
    facts = bench.station_says(call("b", "BootNotification", payload)).facts
    assert facts == [
        StationDescribed(station=ID, at=bench.now, vendor="V", model="M", serial="S", firmware="1"),
    ]


def test_a_poor_boot_still_describes(bench: Bench) -> None:
    """Missing and mistyped fields are empty."""
    facts = bench.station_says(call("b", "BootNotification", {"chargePointVendor": 5})).facts
    assert facts == [StationDescribed(station=ID, at=bench.now, vendor="", model="")]


@pytest.mark.parametrize(
    ("payload", "status", "error"),
    [
        ({"status": "Charging", "errorCode": "NoError"}, EvseStatus.CHARGING, None),
        ({"status": "Faulted", "errorCode": "GroundFailure"}, EvseStatus.FAULTED, "GroundFailure"),
        ({"status": "Occupied", "errorCode": "Error"}, EvseStatus.OCCUPIED, "Error"),  # 1.5's, and lbbrhzn issue 1248
        ({}, EvseStatus.UNKNOWN, None),
    ],
)
def test_status(bench: Bench, payload: dict[str, str], status: EvseStatus, error: str | None) -> None:
    """Of one EVSE, with its error unless there is none."""
    facts = bench.station_says(call("n", "StatusNotification", {"connectorId": 1, **payload})).facts
    assert facts == [StatusReported(key=KEY, at=bench.now, status=status, error_code=error)]


@pytest.mark.parametrize("connector", [0, 3, -1, None, True, "x", 1.5, [1]])
def test_status_of_no_evse_of_ours(bench: Bench, connector: object) -> None:
    """Connector 0 is the station as a whole; what isn't configured is nobody's."""
    step = bench.station_says(call("n", "StatusNotification", {"connectorId": connector, "status": "Available"}))
    assert step.facts == []
    assert len(step.up) == 1


def test_a_session_begins_with_the_clouds_answer(bench: Bench) -> None:
    """The transaction has its id from StartTransaction.conf, on the connector of the request."""
    assert started(bench, connector=2) == [
        SessionBegan(key=EvseKey(station=ID, evse=2), at=bench.now, transaction_id="7", register_wh=0)
    ]


@pytest.mark.parametrize(
    ("transaction", "status", "begins"),
    [
        (7, "Invalid", True),  # it may charge all the same (StopTransactionOnInvalidId)
        (7, "Blocked", True),
        (0, "Invalid", False),
        (-1, "Invalid", False),
        (0, "Accepted", True),
        ("7", "Accepted", True),
        (None, "Accepted", False),
        ("seven", "Accepted", False),
    ],
)
def test_which_answers_begin_a_session(bench: Bench, transaction: object, status: str, begins: bool) -> None:
    """Any answer with a usable transaction id, whatever becomes of the idTag."""
    assert bool(started(bench, transaction, status)) is begins


def test_a_refused_start_is_no_session(bench: Bench) -> None:
    """A CALLERROR begins nothing, and neither does a second answer."""
    bench.station_says(call("s", "StartTransaction", {"connectorId": 1}))
    assert bench.cloud_says('[4,"s","InternalError","",{}]').facts == []
    assert bench.cloud_says(result("s", {"transactionId": 7, "idTagInfo": {"status": "Accepted"}})).facts == []


def test_stop_ends_the_session(bench: Bench) -> None:
    """When the station says so, not when the cloud agrees; an unknown transaction ends nothing."""
    started(bench)
    assert bench.station_says(call("1", "StopTransaction", {"transactionId": 8})).facts == []
    facts = bench.station_says(call("2", "StopTransaction", {"transactionId": 7})).facts
    assert facts == [SessionEnded(key=KEY, at=bench.now)]
    assert bench.station_says(call("3", "StopTransaction", {"transactionId": 7})).facts == []


def test_available_ends_the_session(bench: Bench) -> None:
    """A lost StopTransaction doesn't keep a session alive."""
    started(bench)
    facts = bench.station_says(call("n", "StatusNotification", {"connectorId": 1, "status": "Available"})).facts
    assert facts[1:] == [SessionEnded(key=KEY, at=bench.now)]


def statuses(bench: Bench, *words: str) -> list[StationFact]:
    """Of connector 1, one after the other; the facts of the last."""
    facts: list[StationFact] = []
    for number, word in enumerate(words):
        payload = {"connectorId": 1, "errorCode": "NoError", "status": word}
        facts = bench.station_says(call(f"status{number}", "StatusNotification", payload)).facts
    return facts


@pytest.mark.parametrize("last", ["Preparing", "Reserved"])
def test_a_connector_that_finishes_and_prepares_has_ended_its_session(bench: Bench, last: str) -> None:
    """Its StopTransaction was lost: behind Finishing the next one begins (OCPP 1.6 §4.9, F2)."""
    started(bench)
    facts = statuses(bench, "Charging", "SuspendedEV", "Finishing", last)
    assert facts[1:] == [SessionEnded(key=KEY, at=bench.now)]


@pytest.mark.parametrize("before", [(), ("Preparing",), ("Charging",), ("Preparing", "Charging", "SuspendedEV")])
def test_preparing_alone_ends_no_session(bench: Bench, before: tuple[str, ...]) -> None:
    """It may come late; and behind Charging it is no way that a connector goes, so that its meter is asked first."""
    statuses(bench, "Finishing")
    started(bench)
    assert [type(fact) for fact in statuses(bench, *before, "Preparing")] == [StatusReported]


@pytest.mark.parametrize("names_it", [True, False])
def test_the_meter_is_asked_where_a_connector_prepares_in_the_midst_of_a_session(bench: Bench, names_it: bool) -> None:
    """A transaction that its values don't name any more is over, if they have named it before."""
    started(bench)
    statuses(bench, "Charging")
    values = meter_values(AMPS) | ({"transactionId": 7} if names_it else {})
    bench.station_says(call("m", "MeterValues", values))
    payload = {"connectorId": 1, "errorCode": "NoError", "status": "Preparing"}
    step = bench.station_says(call("p", "StatusNotification", payload))
    asked = [json.loads(text)[2:] for text in step.down]
    if names_it:
        assert asked == [["TriggerMessage", {"requestedMessage": "MeterValues", "connectorId": 1}]]
    else:
        assert asked == []
    idle = {"value": "0", "measurand": "Current.Import"}
    facts = bench.station_says(call("n", "MeterValues", meter_values(idle))).facts
    assert (SessionEnded(key=KEY, at=bench.now) in facts) is names_it


def test_a_session_that_its_values_still_name_goes_on(bench: Bench) -> None:
    """Some stations call a car that has paused so."""
    started(bench)
    statuses(bench, "Charging")
    for _ in range(2):
        bench.station_says(call("m", "MeterValues", meter_values(AMPS, transactionId=7)))
        statuses(bench, "Preparing")
    facts = bench.station_says(call("n", "MeterValues", meter_values(AMPS, transactionId=7))).facts
    assert [type(fact) for fact in facts] == [DrawSampled]
    facts = bench.station_says(call("o", "MeterValues", meter_values(AMPS))).facts  # it draws: it is no idle one's
    assert [type(fact) for fact in facts] == [DrawSampled]
    statuses(bench, "Charging")
    idle = {"value": "0", "measurand": "Current.Import"}
    facts = bench.station_says(call("q", "MeterValues", meter_values(idle))).facts
    assert [type(fact) for fact in facts] == [DrawSampled]


def test_the_meter_is_asked_once_at_a_time(bench: Bench) -> None:
    """However often a station that answers nothing says so: what waits for it is bounded."""
    started(bench)
    down = []
    for number in range(50):
        statuses(bench, "Charging")
        bench.station_says(call(f"m{number}", "MeterValues", meter_values(AMPS, transactionId=7)))
        payload = {"connectorId": 1, "errorCode": "NoError", "status": "Preparing"}
        down += bench.station_says(call(f"p{number}", "StatusNotification", payload)).down
    assert len(down) == 1
    assert bench.wait(11.0).down == []


def test_a_wire_asks_nothing() -> None:
    """Whoever only observes originates no message."""
    bench = Bench(mode=Mode.OBSERVE)
    bench.connect()
    started(bench)
    bench.station_says(call("m", "MeterValues", meter_values(AMPS, transactionId=7)))
    payload = {"connectorId": 1, "errorCode": "NoError", "status": "Charging"}
    for word in ("Charging", "Preparing"):
        assert bench.station_says(call(word, "StatusNotification", payload | {"status": word})).down == []


def test_meter_values_give_the_draw(bench: Bench) -> None:
    """On grid phases, at the time it reached us."""
    facts = bench.station_says(call("m", "MeterValues", meter_values(AMPS, at=bench.wall))).facts
    assert facts == [DrawSampled(key=KEY, at=bench.now, current_a=PhaseAmps.same(9.0))]


def test_meter_values_reveal_a_running_session(bench: Bench) -> None:
    """After a restart of the gateway: once, and what it holds from before is unknown."""
    payload = meter_values(AMPS, transactionId=7)
    facts = bench.station_says(call("m", "MeterValues", payload)).facts
    assert facts[0] == began(observed=False, at=bench.now)
    assert len(bench.station_says(call("m", "MeterValues", payload)).facts) == 1


def test_meter_values_of_the_known_session_reveal_nothing(bench: Bench) -> None:
    """The session that began before our eyes stays that."""
    started(bench)
    facts = bench.station_says(call("m", "MeterValues", meter_values(AMPS, transactionId=7))).facts
    assert [type(fact) for fact in facts] == [DrawSampled]


def test_meter_values_of_another_session_replace_the_known_one(bench: Bench) -> None:
    """The station knows best which transaction it runs."""
    started(bench)
    facts = bench.station_says(call("m", "MeterValues", meter_values(transactionId=9))).facts
    assert facts == [SessionEnded(key=KEY, at=bench.now), began(9, observed=False, at=bench.now)]


def test_meter_values_after_the_stop_reveal_nothing(bench: Bench) -> None:
    """The last samples of a transaction may follow its end."""
    started(bench)
    bench.station_says(call("1", "StopTransaction", {"transactionId": 7}))
    assert bench.station_says(call("m", "MeterValues", meter_values(transactionId=7))).facts == []


@pytest.mark.parametrize("transaction", [0, -1])
def test_an_end_without_a_number_ends_the_only_session(bench: Bench, transaction: int) -> None:
    """Its station never had the number. It had told the connector's state before, and says nothing of it again."""
    started(bench)
    facts = bench.station_says(call("1", "StopTransaction", {"transactionId": transaction})).facts
    assert facts == [SessionEnded(key=KEY, at=bench.now)]
    # It was another's: this one goes on.
    again = bench.station_says(call("m", "MeterValues", meter_values(transactionId=7))).facts
    assert [type(fact) for fact in again][:1] == [SessionBegan]


@pytest.mark.parametrize("transaction", [0, -1, None, "x"])
def test_meter_values_without_a_transaction_reveal_none(bench: Bench, transaction: object) -> None:
    """Ids that mean none."""
    assert bench.station_says(call("m", "MeterValues", meter_values(transactionId=transaction))).facts == []


def says_status(bench: Bench, status: str) -> None:
    """Of connector 1."""
    payload = {"connectorId": 1, "errorCode": "NoError", "status": status}
    bench.station_says(call("status", "StatusNotification", payload))


@pytest.mark.parametrize("status", ["Charging", "SuspendedEV", "SuspendedEVSE"])
def test_a_session_whose_begin_was_given_up_is_one_all_the_same(bench: Bench, status: str) -> None:
    """The station calls it -1 (errata 3.18), and so the next one, too; its car isn't left at the idle limit."""
    for number in range(2):
        says_status(bench, status)
        facts = bench.station_says(call(f"m{number}", "MeterValues", meter_values(transactionId=-1))).facts
        assert facts == [SessionBegan(key=KEY, at=bench.now, transaction_id="-1", observed_start=False)]
        assert bench.station_says(call(f"n{number}", "MeterValues", meter_values(transactionId=-1))).facts == []
        facts = bench.station_says(call(f"s{number}", "StopTransaction", {"transactionId": -1})).facts
        assert facts == [SessionEnded(key=KEY, at=bench.now)]


@pytest.mark.parametrize("status", ["Preparing", "Finishing", "Available", "Faulted"])
def test_where_no_session_runs_by_its_status_there_is_none_without_a_number(bench: Bench, status: str) -> None:
    """Samples of an idle connector may say -1, too."""
    says_status(bench, status)
    assert bench.station_says(call("m", "MeterValues", meter_values(transactionId=-1))).facts == []


def test_a_start_that_was_refused_without_a_number_stays_refused(bench: Bench) -> None:
    """Its station may keep the car without energy (StopTransactionOnInvalidId), and call that -1."""
    started(bench, -1, "Invalid")
    says_status(bench, "SuspendedEVSE")
    assert bench.station_says(call("m", "MeterValues", meter_values(transactionId=-1))).facts == []
    says_status(bench, "Available")
    says_status(bench, "Charging")
    assert len(bench.station_says(call("n", "MeterValues", meter_values(transactionId=-1))).facts) == 1


def test_stored_meter_values_are_no_draw_of_now(bench: Bench) -> None:
    """A backlog on reconnect (lbbrhzn/ocpp issue 361) is passed on and otherwise ignored."""
    for age_s in (90_000, 89_990, 600):
        payload = meter_values(AMPS, at=bench.wall - timedelta(seconds=age_s), transactionId=5)
        bench.station_says(call("fresh", "StatusNotification", {"connectorId": 2, "timestamp": stamp(bench.wall)}))
        step = bench.station_says(call("m", "MeterValues", payload))
        assert step.facts == []
        assert len(step.up) == 1


def start_of(bench: Bench) -> datetime:
    """The startSchedule of a limit that is written now."""
    step = bench.write(limit(99, purpose=Purpose.IDLE, connector=2))
    identifier, _, payload = step.own_call
    bench.station_says(result(identifier, {"status": "Accepted"}))
    text: str = payload["csChargingProfiles"]["chargingSchedule"]["startSchedule"]
    return datetime.fromisoformat(text)


@pytest.mark.parametrize("action", ["MeterValues", "StatusNotification", "StartTransaction"])
def test_the_stations_clock_is_learned(bench: Bench, action: str) -> None:
    """A profile begins by the station's clock, learned from any time stamp that passes; a boot forgets it."""
    assert start_of(bench) == bench.wall
    ahead = stamp(bench.wall + timedelta(minutes=7))
    payload: dict[str, Any] = {"connectorId": 1, "timestamp": ahead, "meterValue": [{"timestamp": ahead}]}
    step = bench.station_says(call("x", action, payload))
    # What was told before began seven minutes ago by that clock.
    (again,) = (text for text in step.down if "SetChargingProfile" in text)
    bench.station_says(result(json.loads(again)[1], {"status": "Accepted"}))
    bench.now += 10
    assert start_of(bench) == bench.wall + timedelta(minutes=7)
    bench.station_says(call("b", "BootNotification"))
    assert start_of(bench) == bench.wall


def test_the_bench_starts_at_noon(bench: Bench) -> None:
    """The helper's clocks agree: one second has passed for the station's questions."""
    assert bench.wall == NOON + timedelta(seconds=1)


@pytest.mark.parametrize("payload", [None, [], "x", 7, {"connectorId": {}}, {"meterValue": 3, "connectorId": 1}])
@pytest.mark.parametrize(
    "action", ["BootNotification", "MeterValues", "StartTransaction", "StatusNotification", "StopTransaction"]
)
def test_rubbish_is_forwarded(bench: Bench, action: str, payload: object) -> None:
    """A payload that makes no sense is the cloud's to judge."""
    text = json.dumps([2, "r", action, payload])
    assert bench.station_says(text).up == [text]
    answer = json.dumps([3, "r", payload])
    assert bench.cloud_says(answer).down == [answer]


def test_a_session_that_had_ended_before_our_start_is_none() -> None:
    """A station that names its last transaction in all samples: an empty EVSE would get a session, or one whose car
    stands there yet, of which nobody knows what it may draw. It is one if something flows."""
    disk = SlowDisk()
    disk.ended = {"41"}
    kept = Bench(stand_in=disk)
    kept.connect()
    said = {"connectorId": 1, "errorCode": "NoError", "status": "Finishing"}
    kept.station_says(call("s", "StatusNotification", said))
    for number, amps, begins in ((41, "0.0", None), (42, "0.0", 42), (41, "9.0", 41), (41, "0.0", None)):
        payload = meter_values(AMPS | {"value": amps}, transactionId=number)
        facts = kept.station_says(call(f"{kept.now}", "MeterValues", payload)).facts
        expected = [began(begins, observed=False, at=kept.now)] if begins is not None else []
        assert [fact for fact in facts if isinstance(fact, SessionBegan)] == expected
        assert any(isinstance(fact, SessionEnded) for fact in facts) == (number == 41 and begins is not None)


def test_a_session_from_before_our_start_that_no_meter_value_names() -> None:
    """A station that leaves the transactionId out of its MeterValues: its car was held at the safe current, or at 0, to
    its end. Its status tells, or what it draws; an idle EVSE begins nothing."""
    said = {"connectorId": 1, "errorCode": "NoError"}
    values = {"connectorId": 1, "meterValue": [{"timestamp": stamp(NOON), "sampledValue": [AMPS]}]}
    idle = {"connectorId": 1, "meterValue": [{"timestamp": stamp(NOON), "sampledValue": [AMPS | {"value": "0.3"}]}]}
    for action, payload, begins in (
        ("StatusNotification", said | {"status": "SuspendedEVSE"}, True),
        ("StatusNotification", said | {"status": "Finishing"}, False),
        ("StatusNotification", said | {"status": "Charging", "connectorId": 2}, False),
        ("MeterValues", values, True),
        ("MeterValues", idle, False),
    ):
        kept = Bench(evse(1), evse(2), stand_in=SlowDisk(**{"41": 1}))
        kept.connect()
        facts = kept.station_says(call("x", action, payload)).facts
        found = [fact for fact in facts if isinstance(fact, SessionBegan)]
        assert found == ([began(41, observed=False, at=kept.now)] if begins else [])

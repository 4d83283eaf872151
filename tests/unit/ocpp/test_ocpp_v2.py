"""Facts out of OCPP 2.x frames, and limits into them."""

import base64
import json
from datetime import timedelta
from typing import Any, TypeAlias

import pytest

from edge.domain.setpoint import Purpose
from edge.domain.site import EvseKey, Mode
from edge.domain.station import (
    DrawSampled,
    EvseStatus,
    LimitAnswered,
    LimitOutcome,
    LimitSent,
    NeedStated,
    SessionBegan,
    SessionEnded,
    StationDescribed,
    StationFact,
    StatusReported,
)
from edge.ocpp.versions import Version
from edge.units import PhaseAmps
from tests.unit.ocpp.ocpp_bench import ID, Bench, call, evse, is_valid, limit, result, stamp
from tests.unit.ocpp.slow_disk import SlowDisk

KEY = EvseKey(station=ID, evse=1)
OTHER = EvseKey(station=ID, evse=2)
TX = "4f0c0a3e-5a0e-4f0e-9f5b-8a6f9a3f2f11"
AMPS = {"value": 9.0, "measurand": "Current.Import"}


@pytest.fixture(params=[Version.V201, Version.V21])
def bench(request: pytest.FixtureRequest) -> Bench:
    """A station of two EVSEs, relayed to its cloud."""
    bench = Bench(evse(1), evse(2), version=request.param)
    bench.connect()
    return bench


def meter(bench: Bench, *samples: dict[str, Any], ago_s: float = 0) -> list[dict[str, Any]]:
    """A meterValue list with one set of samples."""
    return [{"timestamp": stamp(bench.wall - timedelta(seconds=ago_s)), "sampledValue": list(samples)}]


def event(bench: Bench, kind: str, *, state: str | None = None, transaction: str = TX, **fields: Any) -> dict[str, Any]:
    """A TransactionEventRequest."""
    info: dict[str, Any] = {"transactionId": transaction}
    if state is not None:
        info["chargingState"] = state
    common = {"eventType": kind, "triggerReason": "ChargingStateChanged", "seqNo": 1, "timestamp": stamp(bench.wall)}
    return {**common, "transactionInfo": info, **fields}


def told(bench: Bench, kind: str, **fields: Any) -> list[StationFact]:
    """The facts of a transaction event, which is valid and goes up as it is."""
    payload = event(bench, kind, **fields)
    assert is_valid("TransactionEvent", payload, bench.version)
    text = call("e", "TransactionEvent", payload)
    step = bench.station_says(text)
    assert step.up == [text]
    return list(step.facts)


def status(bench: Bench, word: str, connector: int = 1) -> list[StationFact]:
    """The facts of a StatusNotification of the first EVSE."""
    payload = {"timestamp": stamp(bench.wall), "connectorStatus": word, "evseId": 1, "connectorId": connector}
    return list(bench.station_says(call("n", "StatusNotification", payload)).facts)


def running(bench: Bench) -> None:
    """A session that began before our eyes."""
    told(bench, "Started", state="Charging", evse={"id": 1, "connectorId": 1})


def test_boot_describes_the_station(bench: Bench) -> None:
    """Vendor, model, serial and firmware of the chargingStation."""
    unit = {"vendorName": "V", "model": "M", "serialNumber": "S", "firmwareVersion": "1"}
    facts = bench.station_says(call("b", "BootNotification", {"reason": "PowerUp", "chargingStation": unit})).facts
    assert facts == [StationDescribed(station=ID, at=bench.now, vendor="V", model="M", serial="S", firmware="1")]


def test_a_session_begins_with_its_first_event(bench: Bench) -> None:
    """The station names the transaction itself; what charges is told at once."""
    facts = told(bench, "Started", state="Charging", evse={"id": 2}, meterValue=meter(bench, AMPS))
    assert facts == [
        SessionBegan(key=OTHER, at=bench.now, transaction_id=TX, observed_start=True),
        StatusReported(key=OTHER, at=bench.now, status=EvseStatus.CHARGING),
        DrawSampled(key=OTHER, at=bench.now, current_a=PhaseAmps.same(9.0)),
    ]


def test_later_events_need_not_say_where(bench: Bench) -> None:
    """The EVSE is known from the first event; each brings its sample."""
    running(bench)
    bench.now += 10
    facts = told(bench, "Updated", state="SuspendedEV", meterValue=meter(bench, AMPS, ago_s=3))
    assert facts == [
        StatusReported(key=KEY, at=bench.now, status=EvseStatus.SUSPENDED_EV),
        DrawSampled(key=KEY, at=bench.now - 3, current_a=PhaseAmps.same(9.0)),
    ]


def test_an_event_reveals_a_running_session(bench: Bench) -> None:
    """After a restart of the gateway: what it holds from before is unknown."""
    facts = told(bench, "Updated", evse={"id": 1})
    assert facts == [SessionBegan(key=KEY, at=bench.now, transaction_id=TX, observed_start=False)]
    assert told(bench, "Updated", evse={"id": 1}) == []


def test_an_id_that_is_used_again_is_another_session(bench: Bench) -> None:
    """By a station that has lost count of its transactions, in a power cut say: else its session held the idle limit of
    0 A to its end. A begin that is told once more has the time that it had."""
    begin = event(bench, "Started", state="Charging", evse={"id": 1})
    bench.station_says(call("e", "TransactionEvent", begin))
    bench.now += 600
    told(bench, "Ended")
    bench.now += 600
    assert bench.station_says(call("e", "TransactionEvent", begin)).facts == []
    facts = told(bench, "Started", state="Charging", evse={"id": 1})
    assert facts[0] == SessionBegan(key=KEY, at=bench.now, transaction_id=TX, observed_start=True)
    bench.now += 10
    assert told(bench, "Ended")[0] == SessionEnded(key=KEY, at=bench.now)


def test_a_session_of_nobody_knows_where(bench: Bench) -> None:
    """Of two EVSEs none is guessed."""
    assert told(bench, "Updated") == []


def test_a_session_of_the_only_evse() -> None:
    """Where there is one EVSE nothing need be said."""
    bench = Bench(evse(2), version=Version.V201)
    bench.connect()
    assert told(bench, "Updated")[0] == SessionBegan(key=OTHER, at=bench.now, transaction_id=TX, observed_start=False)


def test_the_event_that_was_asked_for_says_where() -> None:
    """The station is asked for the transaction of each EVSE in turn; its event is of that EVSE (F06)."""
    bench = Bench(evse(1), evse(2), version=Version.V21)
    bench.connect(settled=False)
    step = bench.wait(1.0)
    found = []
    while step.down:
        identifier, action, payload = step.own_call
        assert is_valid(action, payload, Version.V21)
        asked_second = payload.get("requestedMessage") == "TransactionEvent" and payload["evse"] == {"id": 2}
        step = bench.station_says(result(identifier, {"status": "Accepted" if asked_second else "Rejected"}))
        if asked_second:
            found = told(bench, "Updated", triggerReason="Trigger")
    assert found == [SessionBegan(key=OTHER, at=bench.now, transaction_id=TX, observed_start=False)]


def test_events_that_were_asked_for_come_behind_all_questions() -> None:
    """A station that has more to say tells of neither transaction before it was asked for both: each is of its own
    EVSE, and no session ends for the sake of the other's.
    """
    bench = Bench(evse(1), evse(2), version=Version.V201)
    bench.connect(settled=False)
    step = bench.wait(1.0)
    while step.down:
        identifier, _, payload = step.own_call
        about = payload.get("requestedMessage") == "TransactionEvent"
        step = bench.station_says(result(identifier, {"status": "Accepted" if about else "Rejected"}))
    found = told(bench, "Updated", triggerReason="Trigger")
    found += told(bench, "Updated", triggerReason="Trigger", transaction="another")
    assert found == [
        SessionBegan(key=KEY, at=bench.now, transaction_id=TX, observed_start=False),
        SessionBegan(key=OTHER, at=bench.now, transaction_id="another", observed_start=False),
    ]


def asked(bench: Bench, answer: str) -> None:
    """A station of one EVSE connects, at which a car stands; it answers so when it is asked for its transaction."""
    bench.connect(settled=False)
    step = bench.wait(1.0)
    while step.down:
        identifier, _, payload = step.own_call
        about = payload.get("requestedMessage") == "TransactionEvent"
        step = bench.station_says(result(identifier, {"status": answer if about else "Rejected"}))
    status(bench, "Occupied")


def drawing(bench: Bench, amps: float) -> list[StationFact]:
    """The states that follow from MeterValues of the EVSE."""
    values = meter(bench, {"value": amps, "measurand": "Current.Import"})
    facts = bench.station_says(call(f"m{bench.now}", "MeterValues", {"evseId": 1, "meterValue": values})).facts
    return [fact for fact in facts if isinstance(fact, StatusReported)]


@pytest.mark.parametrize(
    ("answer", "amps", "shows"),
    [("Rejected", 0.0, True), ("Rejected", 9.0, False), ("NotImplemented", 0.0, False), ("Accepted", 0.0, False)],
)
def test_a_car_that_stands_there_without_a_session(answer: str, amps: float, *, shows: bool) -> None:
    """A station that doesn't tell of its transaction, and that nothing flows, has none: what was held before our start
    needn't be kept free as long as the car stands there. Else nobody knows.
    """
    bench = Bench(evse(1), version=Version.V201)
    asked(bench, answer)
    preparing = [StatusReported(key=KEY, at=bench.now, status=EvseStatus.PREPARING)]
    assert drawing(bench, amps) == (preparing if shows else [])
    bench.now += 10
    assert drawing(bench, 0.0) == []


def test_a_session_that_runs_where_there_was_none() -> None:
    """The station hadn't wanted to tell: nobody knows what it holds, as of any that ran before our start."""
    bench = Bench(evse(1), version=Version.V201)
    asked(bench, "Rejected")
    drawing(bench, 0.0)
    assert told(bench, "Updated", evse={"id": 1}) == [
        StatusReported(key=KEY, at=bench.now, status=EvseStatus.OCCUPIED),
        SessionBegan(key=KEY, at=bench.now, transaction_id=TX, observed_start=False),
    ]


def test_the_end_ends_the_session(bench: Bench) -> None:
    """Once; an event that comes late begins nothing anew."""
    status(bench, "Occupied")
    running(bench)
    assert told(bench, "Ended") == [
        SessionEnded(key=KEY, at=bench.now),
        StatusReported(key=KEY, at=bench.now, status=EvseStatus.FINISHING),
    ]
    assert told(bench, "Ended") == []
    assert told(bench, "Updated", evse={"id": 1}) == []


def test_another_transaction_replaces_the_known_one(bench: Bench) -> None:
    """The station knows best which transaction it runs."""
    running(bench)
    facts = told(bench, "Started", transaction="second", evse={"id": 1})
    assert facts == [
        SessionEnded(key=KEY, at=bench.now),
        SessionBegan(key=KEY, at=bench.now, transaction_id="second", observed_start=True),
    ]


def test_a_stored_event_tells_no_draw(bench: Bench) -> None:
    """What happened offline is history, but the session it tells of is real (E04)."""
    facts = told(bench, "Started", evse={"id": 1}, offline=True, meterValue=meter(bench, AMPS))
    assert facts == [SessionBegan(key=KEY, at=bench.now, transaction_id=TX, observed_start=True)]


def test_a_session_counts_from_the_register_of_its_first_event(bench: Bench) -> None:
    """However late that comes: a station that was cut off tells of it minutes afterwards, and the next sample of its
    register has counted what the car took meanwhile.
    """
    register = {"value": 2934.0, "measurand": "Energy.Active.Import.Register", "context": "Transaction.Begin"}
    values = meter(bench, register, ago_s=300)
    assert told(bench, "Started", evse={"id": 1}, offline=True, meterValue=values) == [
        SessionBegan(key=KEY, at=bench.now, transaction_id=TX, observed_start=True, register_wh=2934.0)
    ]


@pytest.mark.parametrize("samples", [[], [AMPS], [{"value": 0.0, "context": "Transaction.Begin"}]])
def test_a_first_event_without_a_register_begins_at_none(bench: Bench, samples: list[dict[str, Any]]) -> None:
    """Nor does one that tells 0: the samples of such a station may be of a meter that has long counted."""
    values = meter(bench, *(samples or [{"value": 7.0, "measurand": "Voltage"}]))
    (began, *_) = told(bench, "Started", evse={"id": 1}, meterValue=values)
    assert began == SessionBegan(key=KEY, at=bench.now, transaction_id=TX, observed_start=True)


def test_an_occupied_connector_says_nothing_of_a_transaction(bench: Bench) -> None:
    """It is no status that excludes one; while one runs its own events tell more."""
    assert status(bench, "Occupied") == [StatusReported(key=KEY, at=bench.now, status=EvseStatus.OCCUPIED)]
    running(bench)
    assert status(bench, "Occupied") == []


def test_a_car_that_left_ends_the_session(bench: Bench) -> None:
    """A lost Ended doesn't keep a session alive, but one that began before the car came stays."""
    told(bench, "Started", evse={"id": 1})  # TxStartPoint Authorized
    assert [type(fact) for fact in status(bench, "Available")] == [StatusReported]
    status(bench, "Occupied")
    assert status(bench, "Available")[1:] == [SessionEnded(key=KEY, at=bench.now)]


def test_a_car_that_left_a_place_that_is_reserved_ends_the_session(bench: Bench) -> None:
    """Where any EVSE of the station was reserved, the last that becomes free is (H01): no car is there."""
    running(bench)
    status(bench, "Occupied")
    assert status(bench, "Reserved") == [
        StatusReported(key=KEY, at=bench.now, status=EvseStatus.RESERVED),
        SessionEnded(key=KEY, at=bench.now),
    ]


def test_a_session_that_begins_before_its_car_at_a_reserved_place_stays(bench: Bench) -> None:
    """Who has reserved it has shown the card; the connector is reserved until the cable is in."""
    told(bench, "Started", evse={"id": 1})
    assert [type(fact) for fact in status(bench, "Reserved")] == [StatusReported]


def asked_after(bench: Bench, answers: dict[str, Any] | None) -> list[StationFact]:
    """The station is back, its connector occupied: what follows from its answer about the session that is known."""
    running(bench)
    status(bench, "Occupied")
    bench.lose_station()
    bench.connect(settled=False)
    step, found = bench.wait(1.0), []
    while step.down:
        identifier, action, payload = step.own_call
        assert is_valid(action, payload, bench.version)
        is_it = action == "GetTransactionStatus"
        assert not is_it or payload == {"transactionId": TX}
        refusal = f'[4, "{identifier}", "NotImplemented", "", {{}}]'
        step = bench.station_says(result(identifier, answers) if is_it and answers is not None else refusal)
        found += step.facts if is_it else []
    return found


def test_an_end_that_was_told_while_nobody_listened(bench: Bench) -> None:
    """A station that is back says of the session that is known that it is over, and that no event of it is to come: it
    holds no share until its car leaves. Later events would say that it runs all the same. (OCPP 2.x part 2 E14.)
    """
    assert asked_after(bench, {"ongoingIndicator": False, "messagesInQueue": False}) == [
        SessionEnded(key=KEY, at=bench.now),
        StatusReported(key=KEY, at=bench.now, status=EvseStatus.FINISHING),
    ]
    again = told(bench, "Updated", evse={"id": 1})
    assert again == [SessionBegan(key=KEY, at=bench.now, transaction_id=TX, observed_start=False)]


@pytest.mark.parametrize(
    "answers",
    [
        {"ongoingIndicator": True, "messagesInQueue": False},
        {"ongoingIndicator": False, "messagesInQueue": True},  # its end comes yet, with its own time
        {"messagesInQueue": False},
        None,  # not every station knows the question
    ],
)
def test_a_session_that_may_run_on(bench: Bench, answers: dict[str, Any] | None) -> None:
    """Nothing follows from these."""
    assert asked_after(bench, answers) == []


def test_a_session_that_falls_silent_is_asked_after(bench: Bench) -> None:
    """Its end was lost, and its car stays: after five minutes without a word or a sample of it the station says."""
    running(bench)
    status(bench, "Occupied")
    assert bench.wait(250.0).down == []
    assert told(bench, "Updated") == []
    assert bench.wait(250.0).down == []
    bench.station_says(call("m", "MeterValues", {"evseId": 1, "meterValue": meter(bench, AMPS)}))
    assert bench.wait(299.0).down == []
    identifier, action, payload = bench.wait(1.0).own_call
    assert is_valid(action, payload, bench.version)
    assert (action, payload) == ("GetTransactionStatus", {"transactionId": TX})
    runs = {"ongoingIndicator": True, "messagesInQueue": False}
    assert bench.station_says(result(identifier, runs)).facts == []
    assert bench.wait(299.0).down == []
    identifier, _, _ = bench.wait(1.0).own_call
    step = bench.station_says(result(identifier, {"ongoingIndicator": False, "messagesInQueue": False}))
    assert step.facts == [
        SessionEnded(key=KEY, at=bench.now),
        StatusReported(key=KEY, at=bench.now, status=EvseStatus.FINISHING),
    ]
    assert bench.wait(1000.0).down == []


def test_who_is_away_is_asked_after_no_session(bench: Bench) -> None:
    """Nor before it is asked all else when it is back."""
    running(bench)
    bench.lose_station()
    assert bench.wait(1000.0).down == []
    bench.connect(settled=False)
    assert bench.wait(0.5).down == []


def test_who_observes_asks_after_no_session() -> None:
    """Whatever falls silent."""
    bench = Bench(evse(1), version=Version.V201, mode=Mode.OBSERVE)
    bench.connect(settled=False)
    running(bench)
    assert bench.wait(1000.0).down == []


def test_an_evse_of_two_connectors(bench: Bench) -> None:
    """It is occupied as long as one of them is."""
    status(bench, "Occupied", connector=2)
    (fact,) = status(bench, "Available", connector=1)
    assert fact == StatusReported(key=KEY, at=bench.now, status=EvseStatus.OCCUPIED)


@pytest.mark.parametrize("place", [1, 2, 3])
def test_a_car_at_another_connector_is_not_overlooked(place: int) -> None:
    """After a restart of the gateway. The first connector is Available, and that says nothing of the EVSE: the others
    are asked before, so that it doesn't count as idle in the end, and its session isn't taken for over."""
    bench = Bench(evse(1), version=Version.V201)
    bench.connect(settled=False)
    step, found = bench.wait(1.0), list[StationFact]()
    while step.down:
        identifier, action, payload = step.own_call
        assert is_valid(action, payload, Version.V201)
        step = bench.station_says(result(identifier, {"status": "Accepted"}))
        match payload:
            case {"requestedMessage": "StatusNotification", "evse": {"connectorId": connector}}:
                found += status(bench, "Occupied" if connector == place else "Available", connector)
            case {"requestedMessage": "TransactionEvent"}:
                found += told(bench, "Updated", triggerReason="Trigger", state="Charging")
    assert found[-3:] == [
        StatusReported(key=KEY, at=bench.now, status=EvseStatus.OCCUPIED),
        SessionBegan(key=KEY, at=bench.now, transaction_id=TX, observed_start=False),
        StatusReported(key=KEY, at=bench.now, status=EvseStatus.CHARGING),
    ]
    assert len([each for each in found if not isinstance(each, StatusReported)]) == 1
    assert status(bench, "Available", connector=1 + place % 3) == []


@pytest.mark.parametrize("named", [True, False])
def test_a_free_connector_ends_no_session_of_another(bench: Bench, named: bool) -> None:
    """Nothing was heard yet of the connector with the car; the other one says that it is Available."""
    place = {"id": 1, "connectorId": 1} if named else {"id": 1}
    told(bench, "Updated", state="Charging", evse=place)
    assert SessionEnded(key=KEY, at=bench.now) not in status(bench, "Available", connector=2)
    assert SessionEnded(key=KEY, at=bench.now) in status(bench, "Available", connector=1)


def test_a_stored_event_of_a_session_before_is_history(bench: Bench) -> None:
    """A station that was cut off tells first what is, and then what was: the session that runs stays the one, or its
    limit would count for nothing while its car draws by it."""
    running(bench)
    bench.now += 10
    told(bench, "Updated", state="Charging")
    before = {"transaction": "before", "evse": {"id": 1}, "offline": True}
    at = stamp(bench.wall - timedelta(hours=1))
    assert told(bench, "Started", timestamp=at, state="Charging", **before) == []
    assert told(bench, "Updated", timestamp=at, state="SuspendedEV", **before) == []
    assert told(bench, "Ended", timestamp=at, **before) == []
    (fact,) = told(bench, "Updated", state="Charging")
    assert isinstance(fact, StatusReported)


def test_a_stored_event_of_a_session_after_is_news(bench: Bench) -> None:
    """The session before ended while the station was cut off, and its end is lost."""
    running(bench)
    bench.now += 600
    facts = told(bench, "Started", transaction="after", evse={"id": 1}, offline=True)
    assert facts == [
        SessionEnded(key=KEY, at=bench.now),
        SessionBegan(key=KEY, at=bench.now, transaction_id="after", observed_start=True),
    ]


def test_a_session_that_begins_before_its_place_is_known(bench: Bench) -> None:
    """TxStartPoint Authorized at a station where the driver chooses the EVSE by plugging in: its begin was seen."""
    assert told(bench, "Started") == []
    facts = told(bench, "Updated", state="EVConnected", evse={"id": 2, "connectorId": 1})
    assert facts[0] == SessionBegan(key=OTHER, at=bench.now, transaction_id=TX, observed_start=True)


CARD = {"idToken": "CARD", "type": "ISO14443"}
Event: TypeAlias = tuple[str, str, str | None, dict[str, Any]]  # kind, reason, state, and further fields
AT_1: dict[str, Any] = {"evse": {"id": 1, "connectorId": 1}}


def states(bench: Bench, *events: Event) -> list[tuple[str, bool]]:
    """What is reported of the session by these events, and whether its car can't charge yet."""
    facts = [
        fact
        for kind, reason, state, more in events
        for fact in told(bench, kind, state=state, **more | {"triggerReason": reason})
    ]
    return [(fact.status.value, fact.waits) for fact in facts if isinstance(fact, StatusReported)]


PLUGGED: Event = ("Started", "CablePluggedIn", "EVConnected", AT_1)


@pytest.mark.parametrize(
    "let_in",
    [
        ("Updated", "Authorized", None, {"idToken": CARD}),
        ("Updated", "RemoteStart", "EVConnected", {}),
        ("Updated", "ChargingStateChanged", None, {"idToken": CARD}),
    ],
)
def test_a_session_that_begins_with_the_cable_waits_until_somebody_is_let_in(bench: Bench, let_in: Event) -> None:
    """TxStartPoint EVConnected: its car can't charge before, and may at once from then on, whatever its state."""
    again: Event = ("Updated", "MeterValuePeriodic", "EVConnected", {})
    assert states(bench, PLUGGED, again) == [("Preparing", True), ("Preparing", True)]
    assert states(bench, let_in, again) == [("Preparing", False), ("Preparing", False)]


@pytest.mark.parametrize("reason", ["StopAuthorized", "RemoteStop", "Deauthorized"])
def test_a_session_that_ends_with_the_cable_waits_when_its_driver_has_stopped_it(bench: Bench, reason: str) -> None:
    """TxStopPoint EVConnected: until somebody is let in again."""
    charging = ("Started", "Authorized", "Charging", {"idToken": CARD, **AT_1})
    stopped = ("Updated", reason, "EVConnected", {"idToken": CARD})
    assert states(bench, charging, stopped) == [("Charging", False), ("Preparing", True)]
    assert states(bench, ("Updated", "Authorized", None, {"idToken": CARD})) == [("Preparing", False)]


@pytest.mark.parametrize("state", ["Charging", "SuspendedEV", "SuspendedEVSE"])
def test_a_session_with_another_state_waits_for_nobody(bench: Bench, state: str) -> None:
    """However it came to that: nor when it goes back."""
    moved: Event = ("Updated", "ChargingStateChanged", state, {})
    back: Event = ("Updated", "ChargingStateChanged", "EVConnected", {})
    assert states(bench, PLUGGED, moved, back) == [("Preparing", True), (state, False), ("Preparing", False)]


def test_a_session_whose_begin_was_not_heard_waits_for_nobody(bench: Bench) -> None:
    """After a restart of the gateway, or where the begin didn't say where: somebody may have been let in."""
    heard = ("Updated", "MeterValuePeriodic", "EVConnected", AT_1)
    assert states(bench, heard) == [("Preparing", False)]
    assert states(bench, ("Started", "Authorized", None, {"idToken": CARD, "transaction": "next"})) == []
    plugged = ("Updated", "CablePluggedIn", "EVConnected", {"evse": {"id": 2}, "transaction": "next"})
    assert states(bench, plugged) == [("Preparing", False)]


def test_after_a_restart_a_session_waits_to_which_nobody_was_let_in(bench: Bench) -> None:
    """What was kept of it says so: it holds no share until somebody is, be it told with an event that was stored."""
    disk = SlowDisk(**{TX: 1, "another": 2})
    disk.nobodys.add(TX)
    bench = Bench(evse(1), evse(2), version=bench.version, stand_in=disk)
    bench.connect()

    def heard(reason: str, **more: Any) -> list[tuple[str, bool]]:
        payload = event(bench, "Updated", **{"triggerReason": reason, "state": "EVConnected", **AT_1, **more})
        facts = bench.station_says(call("e", "TransactionEvent", payload)).facts
        return [(fact.status.value, fact.waits) for fact in facts if isinstance(fact, StatusReported)]

    assert heard("Trigger") == [("Preparing", True)]
    assert heard("Trigger", transaction="another", evse={"id": 2}) == [("Preparing", False)]
    assert heard("Authorized", idToken=CARD, offline=True) == [("Preparing", False)]


def test_the_next_session_waits_anew(bench: Bench) -> None:
    """Who was let in for the one before is gone."""
    charging = ("Started", "Authorized", "Charging", {"idToken": CARD, **AT_1})
    assert states(bench, charging, ("Ended", "EVDeparted", None, {}))[-1][1] is False
    next_one = ("Started", "CablePluggedIn", "EVConnected", AT_1 | {"transaction": "next"})
    assert states(bench, next_one) == [("Preparing", True)]


def test_status_as_an_event(bench: Bench) -> None:
    """NotifyEvent of a connector's AvailabilityState stands for StatusNotification (2.1 G01)."""
    data = {
        "eventId": 1,
        "timestamp": stamp(bench.wall),
        "trigger": "Delta",
        "actualValue": "Faulted",
        "eventNotificationType": "HardWiredNotification",
        "component": {"name": "Connector", "evse": {"id": 1, "connectorId": 1}},
        "variable": {"name": "AvailabilityState"},
    }
    payload = {"generatedAt": stamp(bench.wall), "seqNo": 0, "eventData": [data]}
    assert is_valid("NotifyEvent", payload, bench.version)
    facts = bench.station_says(call("v", "NotifyEvent", payload)).facts
    assert facts == [StatusReported(key=KEY, at=bench.now, status=EvseStatus.FAULTED, error_code="Faulted")]


def test_meter_values_give_the_draw(bench: Bench) -> None:
    """With the unit of measure of 2.x: kW, or W and a power of ten; EVSE 0 is the station's own meter."""
    for unit in ({"unit": "kW"}, {"unit": "W", "multiplier": 3}):
        sample = {"value": 6.9, "measurand": "Power.Active.Import", "unitOfMeasure": unit}
        payload = {"evseId": 1, "meterValue": meter(bench, sample)}
        assert is_valid("MeterValues", payload, bench.version)
        (fact,) = bench.station_says(call("m", "MeterValues", payload)).facts
        assert isinstance(fact, DrawSampled)
        assert fact.power_w == pytest.approx(6900.0)
        assert fact.current_a.l1 == pytest.approx(10.0)
    assert bench.station_says(call("m", "MeterValues", {**payload, "evseId": 0})).facts == []


@pytest.mark.parametrize(
    ("needs", "energy_wh"),
    [
        ({"acChargingParameters": {"energyAmount": 20000}}, 20000.0),
        ({"dcChargingParameters": {"energyAmount": 30000, "stateOfCharge": 10}}, 30000.0),
        ({"dcChargingParameters": {"evEnergyCapacity": 60000, "stateOfCharge": 50, "fullSoC": 80}}, 18000.0),
        ({"v2xChargingParameters": {"evTargetEnergyRequest": 5000}}, 5000.0),
    ],
)
def test_what_the_car_wants(bench: Bench, needs: dict[str, Any], energy_wh: float) -> None:
    """Energy, and the time of departure by the station's clock."""
    leaves = stamp(bench.wall + timedelta(hours=2))
    payload = {"evseId": 1, "chargingNeeds": {"requestedEnergyTransfer": "AC_three_phase", "departureTime": leaves}}
    payload["chargingNeeds"].update(needs)  # type: ignore[attr-defined]
    (fact,) = bench.station_says(call("c", "NotifyEVChargingNeeds", payload)).facts
    assert fact == NeedStated(key=KEY, at=bench.now, energy_wanted_wh=energy_wh, departs_in_s=7200.0)


@pytest.mark.parametrize(
    "needs",
    [
        {},
        {"acChargingParameters": {"energyAmount": -5}},
        {"dcChargingParameters": 7},
        {"acChargingParameters": {"energyAmount": 20000}},  # by when it doesn't say, which somebody else may have
    ],
)
def test_a_car_that_wants_nothing_sensible(bench: Bench, needs: dict[str, Any]) -> None:
    """No fact."""
    payload = {"evseId": 1, "chargingNeeds": needs}
    assert bench.station_says(call("c", "NotifyEVChargingNeeds", payload)).facts == []


@pytest.mark.parametrize("purpose", Purpose)
def test_a_limit_is_a_valid_profile(bench: Bench, purpose: Purpose) -> None:
    """With the dead-man periods, the stack level of the station, and the transaction's own id for a session."""
    transaction = TX if purpose is Purpose.SESSION else None
    step = bench.write(limit(5, limit_a=13.0, purpose=purpose, transaction_id=transaction))
    identifier, action, payload = step.own_call
    assert action == "SetChargingProfile"
    assert is_valid(action, payload, bench.version)
    profile = payload["chargingProfile"]
    (schedule,) = profile["chargingSchedule"]
    assert schedule["startSchedule"] == stamp(bench.wall)
    assert [(each["startPeriod"], each["limit"]) for each in schedule["chargingSchedulePeriod"]] == [(0, 13), (120, 6)]
    assert profile.get("transactionId") == transaction
    assert profile["chargingProfilePurpose"] == {"session": "TxProfile", "idle": "TxDefaultProfile"}[purpose]
    assert payload["evseId"] == 1
    assert [type(fact) for fact in step.facts] == [LimitSent]
    refusal = {"status": "Rejected", "statusInfo": {"reasonCode": "TxNotFound", "additionalInfo": "gone"}}
    (fact,) = bench.station_says(result(identifier, refusal)).facts
    assert fact == LimitAnswered(
        key=KEY, at=bench.now, command=5, outcome=LimitOutcome.REFUSED, detail="Rejected TxNotFound gone"
    )


def test_a_limit_for_no_transaction_is_not_sent(bench: Bench) -> None:
    """It has no id, or one that is too long."""
    for transaction in (None, "x" * 37):
        step = bench.write(limit(6, purpose=Purpose.SESSION, transaction_id=transaction))
        assert step.outcomes == [(6, "not sent")]
        assert step.down == []


def test_the_stack_level_is_asked_for() -> None:
    """Our profiles are on the highest level that the station has."""
    bench = Bench(version=Version.V201)
    bench.connect(settled=False)
    identifier, action, _ = bench.wait(1.0).own_call
    assert action == "GetVariables"
    answer = {
        "attributeStatus": "Accepted",
        "attributeValue": "8",
        "component": {"name": "SmartChargingCtrlr"},
        "variable": {"name": "ProfileStackLevel"},
    }
    step = bench.station_says(result(identifier, {"getVariableResult": [answer]}))
    while step.down:
        step = bench.station_says(result(step.own_call[0]))
    assert bench.write(limit()).own_call[2]["chargingProfile"]["stackLevel"] == 8


def test_signed_events_are_read_and_passed(bench: Bench) -> None:
    """The facts are in the JWS payload; the text goes up as it came (part 4 §7)."""
    inner = json.dumps(event(bench, "Started", evse={"id": 1})).encode()
    encoded = base64.urlsafe_b64encode(inner).decode().rstrip("=")
    text = call("e", "TransactionEvent-Signed", {"protected": "e30", "payload": encoded, "signature": "AA"})
    step = bench.station_says(text)
    assert step.up == [text]
    assert [type(fact) for fact in step.facts] == [SessionBegan]
    broken = call("f", "TransactionEvent-Signed", {"payload": "*"})
    assert bench.station_says(broken).up == [broken]


@pytest.mark.parametrize("payload", [None, [], "x", 7, {"evseId": {}}, {"meterValue": 3, "evseId": 1, "evse": 1}])
@pytest.mark.parametrize(
    "action",
    [
        "BootNotification",
        "MeterValues",
        "NotifyEVChargingNeeds",
        "NotifyEvent",
        "StatusNotification",
        "TransactionEvent",
        "TransactionEvent-Signed",
    ],
)
def test_rubbish_is_forwarded(bench: Bench, action: str, payload: object) -> None:
    """A payload that makes no sense is the cloud's to judge."""
    text = json.dumps([2, "r", action, payload])
    assert bench.station_says(text).up == [text]
    answer = json.dumps([3, "r", payload])
    assert bench.cloud_says(answer).down == [answer]

"""Session records: registers, quarter-hours, and what they come to."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.domain.journal import PutSession
from edge.domain.session import Session
from edge.offline import registers, session_report
from edge.offline.accounts import QUARTER, QUARTERS_MOST, Accounts, counted
from edge.offline.authorise import UnknownTokens
from edge.offline.charges import read
from edge.offline.edition import Edition
from edge.offline.message import Request
from edge.offline.registers import Reading
from edge.offline.session_report import By
from tests.unit.offline.offline_bench import NOON, Bench, token


def session(**changes: Any) -> Session:
    """A session that began at noon."""
    return replace(Session(id=1, station="CP-01", evse=1, transaction="7", token=None, began_at=NOON), **changes)


def message(action: str, payload: dict[str, Any]) -> Request:
    """A CALL of a station."""
    return Request(id="m", action=action, payload=payload, text=json.dumps([2, "m", action, payload]))


def written(bench: Bench) -> list[Session]:
    """The records in the order in which they were written."""
    return [write.session for write in bench.disk.others if isinstance(write, PutSession)]


@pytest.mark.parametrize(
    ("sample", "wh"),
    [
        ({"value": "1234"}, "1234.000"),
        ({"value": " 1.2345 ", "unit": "kWh"}, "1234.500"),
        ({"value": 8.1, "unitOfMeasure": {"unit": "Wh", "multiplier": 3}}, "8100.000"),
        ({"value": 8.1, "unitOfMeasure": {"unit": "Wh", "multiplier": 3.0}}, "8100.000"),
        ({"value": 8.1, "unitOfMeasure": {"unit": "Wh", "multiplier": None}}, "8.100"),
        ({"value": 8.1, "unitOfMeasure": {"unit": "Wh", "multiplier": 0.5}}, None),
        ({"value": "5", "measurand": "Energy.Active.Import.Register", "location": "Outlet"}, "5.000"),
        ({"value": "5", "measurand": "Power.Active.Import"}, None),
        ({"value": "5", "phase": "L1"}, "5.000"),  # of a station with one phase
        ({"value": "5", "phase": "L1-L2"}, None),
        ({"value": "5", "location": "Body"}, "5.000"),
        ({"value": "5", "location": "Inlet"}, None),
        ({"value": "5", "format": "SignedData"}, None),
        ({"value": "5", "unit": "varh"}, None),
        ({"value": "-5"}, None),
        ({"value": "NaN"}, None),
        ({"value": "1e400"}, None),
        ({"value": "9e999999", "unit": "kWh"}, None),
        ({"value": True}, None),
        ({"value": None}, None),
        ("rubbish", None),
    ],
)
def test_what_is_a_reading_of_the_register(sample: Any, wh: str | None) -> None:
    """To the last digit; what is something else or nothing is left out."""
    request = message("MeterValues", {"meterValue": [{"timestamp": NOON.isoformat(), "sampledValue": [sample]}]})
    expected = [Reading(NOON, Decimal(wh))] if wh is not None else []
    assert registers.readings(request) == expected


def test_energy_is_spread_over_the_quarter_hours_between_two_readings() -> None:
    """An hour from five past: ten minutes, three quarters, five minutes; the sum is exact."""
    start = NOON + timedelta(minutes=5)
    found = counted(session(), Reading(start, Decimal(100)))
    found = counted(found, Reading(start + timedelta(hours=1), Decimal(1100)))
    minutes = [(quarter.since - NOON) // timedelta(minutes=1) for quarter in found.quarters]
    assert minutes == [0, 15, 30, 45, 60]
    assert [f"{quarter.energy_wh:.3f}" for quarter in found.quarters] == [
        "166.667", "250.000", "250.000", "250.000", "83.333"
    ]  # fmt: skip
    assert sum(quarter.energy_wh for quarter in found.quarters) == found.energy_wh == 1000


@pytest.mark.parametrize(
    ("course", "wh"),
    [
        ([16_000_000, 16_000_100, 0, 16_000_200, 16_000_300], 300),  # a sample that tells nothing
        ([895, 0, 0, 900, 0, 910], 15),
        ([4_076_000, 104, 228, 5_000, 4_081_000], 5_000),  # begin and end by the meter, samples of the session
        ([3_000, 100, 600, 10_000, 13_000], 10_000),
        ([269_456, 269_460, 269_455, 269_470], 14),  # rounded otherwise in samples
        ([5_000, 6_000, 7_000, 0, 1_000, 4_000, 7_200], 9_200),  # after a restart of the station it counts anew
        ([0, 2_000, 4_000, 0, 1_500, 3_000, 4_500], 8_500),
        ([5_000, 6_000, 0], 1_000),
    ],
)
def test_a_register_that_fell_and_comes_back_has_not_counted_that(course: list[int], wh: int) -> None:
    """One that goes on from where it fell to begins anew there."""
    found = session()
    for minute, register in enumerate(course):
        found = counted(found, Reading(NOON + timedelta(minutes=minute), Decimal(register)))
    assert found.energy_wh == wh == sum(quarter.energy_wh for quarter in found.quarters)


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ([("163.63", "Sample.Periodic"), ("157.44", "Transaction.Begin")], ["163630.000"]),
        ([("157.44", "Transaction.Begin"), ("163.63", None)], ["163630.000"]),
        ([("157.44", "Transaction.Begin")], ["157440.000"]),  # of OCPP 2.x
    ],
)
def test_the_register_of_the_begin_is_not_that_of_now(told: list[tuple[str, str | None]], expected: list[str]) -> None:
    """Some stations repeat it in each message, under the time of that."""
    samples = [{"value": value, "context": context, "unit": "kWh"} for value, context in told]
    values = [{"timestamp": NOON.isoformat(), "sampledValue": samples}]
    found = registers.readings(message("MeterValues", {"connectorId": 1, "transactionId": 7, "meterValue": values}))
    assert [str(reading.wh) for reading in found] == expected


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ([("9", "L1", None), ("7", "L2", None), ("1", "L3", None)], "17.000"),
        ([("9", "L1-N", "Body"), ("7", "L2-N", "Body")], "16.000"),
        ([("9", "L1", None), ("20", None, None), ("7", "L2", None)], "20.000"),
        ([("30", None, "Body"), ("20", None, "Outlet")], "20.000"),
        ([("30", None, "Body"), ("9", "L1", "Outlet"), ("7", "L2", "Outlet")], "16.000"),
        ([("30", None, "Body"), ("0", "L1", "Inlet")], "30.000"),
    ],
)
def test_one_register_of_many(told: list[tuple[str, str | None, str | None]], expected: str) -> None:
    """The outlet's as a whole, else its phases together, else that of the station's inside."""
    samples = [{"value": value, "phase": phase, "location": location} for value, phase, location in told]
    values = [{"timestamp": NOON.isoformat(), "sampledValue": [sample]} for sample in samples]
    for meter_values in (values, [values[0] | {"sampledValue": samples}]):
        found = registers.readings(message("MeterValues", {"connectorId": 1, "meterValue": meter_values}))
        assert [str(reading.wh) for reading in found] == [expected]


@given(
    st.lists(st.tuples(st.integers(-900, 40_000), st.decimals(0, 10**7, places=3)), max_size=20),
)
def test_quarter_hours_add_up_whatever_the_register_does(course: list[tuple[int, Decimal]]) -> None:
    """Clocks that go back, registers that fall, readings far apart."""
    found, at = session(), NOON
    for seconds, wh in course:
        at += timedelta(seconds=seconds)
        found = counted(found, Reading(at, wh))
    assert sum((quarter.energy_wh for quarter in found.quarters), Decimal(0)) == found.energy_wh
    assert found.energy_wh >= 0
    assert [quarter.since for quarter in found.quarters] == sorted({quarter.since for quarter in found.quarters})


@given(
    st.lists(st.tuples(st.sampled_from([0, 1, 2, 5, 16, 40, -1]), st.integers(-2, 6), st.booleans()), max_size=30),
    st.sampled_from([None, Decimal(5), Decimal(12)]),
)
def test_samples_that_need_no_writing_count_as_all_others_do(
    course: list[tuple[int, int, bool]], limit_wh: Decimal | None
) -> None:
    """Whenever the session is asked for it is what counting each reading by itself makes of it."""
    expected = session(energy_limit_wh=limit_wh)
    accounts = Accounts("CP-01", Bench().tokens, kept=[expected])
    at, tenths = NOON, 1000
    for minutes, more, asks in course:
        at, tenths = at + timedelta(minutes=minutes), tenths + more * 10
        sample = {"timestamp": at.isoformat(), "sampledValue": [{"value": f"{tenths / 10:.1f}"}]}
        request = message("MeterValues", {"connectorId": 1, "transactionId": 7, "meterValue": [sample]})
        after = counted(expected, Reading(at, Decimal(tenths).scaleb(-1)))
        reading = read(Edition.V16, request)
        is_only_noted = len(after.quarters) == len(expected.quarters)
        is_only_noted &= limit_wh is None or after.energy_wh < limit_wh
        assert accounts.noted_only(Edition.V16, request, reading, "7") is is_only_noted
        if not is_only_noted:
            accounts.noted(Edition.V16, request, reading, "7", 1, at)
        expected = after
        if asks:
            assert accounts.get("7") == expected
    assert accounts.get("7") == expected


@pytest.mark.parametrize("apart", [timedelta(seconds=10), QUARTER, timedelta(days=30)])
def test_a_message_of_many_readings_takes_no_more_than_so_many(apart: timedelta) -> None:
    """A station that means harm says in one that its register rose in each quarter-hour of a century. What it says it
    has delivered counts all the same."""
    many = 50 * registers.READINGS_MOST
    start = datetime(1926, 6, 1, tzinfo=UTC)
    samples = [
        {"timestamp": (start + (number * apart) % timedelta(days=36_500)).isoformat(), "sampledValue": [
            {"value": "5", "measurand": "Voltage"}, {"value": f"{100 + number}"}]}
        for number in range(many)
    ]  # fmt: skip
    payload = {"transactionId": 7, "transactionData": samples}
    request = Request(id="s", action="StopTransaction", payload=payload, text="")
    found = registers.readings(request)
    assert len(found) <= registers.READINGS_MOST + 2
    assert {Decimal(100), Decimal(100 + many - 1)} <= {reading.wh for reading in found}
    told = session()
    for reading in found:
        told = counted(told, reading, len(found))
    assert len(told.quarters) <= QUARTERS_MOST
    assert sum((quarter.energy_wh for quarter in told.quarters), Decimal(0)) == told.energy_wh
    assert told.energy_wh >= many - 1


@pytest.mark.parametrize("lines", range(4))
def test_a_message_of_many_readings_tells_each_quarter_hour_whatever_is_beside_the_register(lines: int) -> None:
    """Ten hours each 10 s, with the energy of each line before the register's: those aren't taken in its stead."""
    phases = [{"value": "7", "phase": f"L{line + 1}"} for line in range(lines)]
    samples = [
        {"timestamp": (NOON + number * timedelta(seconds=10)).isoformat(), "sampledValue": [
            *phases, {"value": f"{number}"}]}
        for number in range(3600)
    ]  # fmt: skip
    request = Request(id="s", action="StopTransaction", payload={"transactionData": samples}, text="")
    found = registers.readings(request)
    assert registers.READINGS_MOST * 3 / 4 < len(found) <= registers.READINGS_MOST
    told = session()
    for reading in found:
        told = counted(told, reading, len(found))
    assert {quarter.energy_wh for quarter in told.quarters[:-1]} == {90}


def test_a_session_of_a_year_keeps_its_last_quarter_hours() -> None:
    """What was drawn in those before is in the oldest that is kept."""
    found, at = session(), NOON
    for number in range(QUARTERS_MOST + 500):
        found = counted(found, Reading(at + number * QUARTER, Decimal(number)))
    assert len(found.quarters) == QUARTERS_MOST
    assert sum((quarter.energy_wh for quarter in found.quarters), Decimal(0)) == found.energy_wh
    assert [quarter.energy_wh for quarter in found.quarters[1:-1]] == [1] * (QUARTERS_MOST - 2)


@pytest.mark.parametrize("online", [True, False])
def test_a_session_is_one_record(online: bool) -> None:
    """Who, where, when, how much and why it ended; the same with and without the cloud."""
    bench = Bench(own=(token("CARD-1", class_id="staff", cost_centre="4711"),))
    if online:
        bench.cloud_comes()
    bench.start(meter=100)
    if online:
        bench.cloud_answers({"transactionId": 9, "idTagInfo": {"status": "Accepted"}})
    number = bench.answered[2]["transactionId"]
    bench.times.now += 1200
    bench.meter(number, "600")
    if online:
        bench.cloud_answers({})
    bench.times.now += 600
    bench.stop(number, meter=1100)
    last = written(bench)[-1]
    assert (last.station, last.evse, last.transaction) == ("CP-01", 1, str(number))
    assert (last.class_id, last.cost_centre, last.internal, last.hint) == ("staff", "4711", True, "-1")
    assert [last.register_begin_wh, last.register_wh, last.energy_wh] == [Decimal(100), Decimal(1100), Decimal(1000)]
    assert (last.began_at, last.ended_at) == (NOON, NOON + timedelta(seconds=1800))
    assert last.end_reason == "Local"
    assert len({record.id for record in written(bench)}) == 1


def test_a_session_of_2x_is_one_record() -> None:
    """With the reason in the transaction's info, and the message that carried a signed value."""
    bench = Bench(Edition.V201)
    values = [{"timestamp": NOON.isoformat(), "sampledValue": [{"value": 100.5}]}]
    bench.event("Started", 0, "CARD-1", meterValue=values, evse={"id": 2})
    more = [{"timestamp": (NOON + timedelta(minutes=1)).isoformat(), "sampledValue": [
        {"value": 101.75, "signedMeterValue": {"signedMeterData": "x"}}]}]  # fmt: skip
    signed = bench.event("Updated", 1, meterValue=more)
    info = {"transactionId": "tx-1", "stoppedReason": "EVDisconnected"}
    bench.event("Ended", 2, transactionInfo=info)
    last = written(bench)[-1]
    assert (last.evse, last.energy_wh, last.end_reason) == (2, Decimal("1.25"), "EVDisconnected")
    assert last.signed == (signed,)


def test_a_start_that_the_cloud_refuses_to_take_is_no_session() -> None:
    """A CALLERROR: the station has no transaction."""
    bench = Bench()
    bench.cloud_comes()
    bench.start()
    bench.cloud_refuses("FormationViolation")
    assert bench.desk.book.charges.running() == []
    (begun,) = written(bench)
    assert bench.desk.book.accounts.get(begun.transaction) is None


def test_an_unknown_card_is_stopped_when_it_has_taken_what_it_was_given() -> None:
    """MaxEnergyOnInvalidId: 5 kWh by default; once the cloud has accepted the token, as much as it likes."""
    for accepted in (False, True):
        bench = Bench(own=(), unknown=UnknownTokens.LIMIT)
        bench.start(meter=0)
        number = bench.answered[2]["transactionId"]
        if accepted:
            bench.cloud_comes()
            bench.cloud_answers({"transactionId": 9, "idTagInfo": {"status": "Accepted"}})
            bench.cloud_goes()
        bench.times.now += 60
        bench.meter(number, "4999")
        assert bench.ended == []
        bench.times.now += 60
        bench.meter(number, "5000")
        assert [(end.transaction, end.stop) for end in bench.ended] == ([] if accepted else [(str(number), True)])


def test_sums_add_up_and_know_the_sites_days() -> None:
    """By each key: the total is the sum of the rows; a session after midnight local time is the next day's."""
    zone = ZoneInfo("Europe/Copenhagen")
    late = datetime(2026, 6, 1, 22, 30, tzinfo=UTC)  # half past midnight on site
    sessions = [
        session(energy_wh=Decimal("1.1"), internal=True, token="a" * 64, class_id="staff"),
        session(energy_wh=Decimal("2.2"), began_at=late, station="CP-02"),
        session(energy_wh=Decimal("3.3"), began_at=late, cost_centre="4711", token="b" * 64),
    ]
    whole = session_report.total(sessions)
    assert (whole.energy_wh, whole.internal_wh, whole.public_wh) == (Decimal("6.6"), Decimal("1.1"), Decimal("5.5"))
    for by in By:
        rows = session_report.sums(sessions, by, zone, {"a" * 64: "Director"})
        assert sum(row.energy_wh for row in rows) == whole.energy_wh
        assert sum(row.sessions for row in rows) == 3
    days = session_report.sums(sessions, By.DAY, zone, {})
    assert [(row.name, row.sessions) for row in days] == [("2026-06-01", 1), ("2026-06-02", 2)]
    tokens = session_report.sums(sessions, By.TOKEN, zone, {"a" * 64: "Director"})
    assert [row.name for row in tokens] == ["(none)", "Director", "token bbbbbbbb"]
    assert len(session_report.within(sessions, NOON + timedelta(hours=1), late)) == 0

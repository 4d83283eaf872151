"""``samples = "asked"``: what a 1.6 station's cloud hasn't asked for is answered here, and control sees all of it."""

import json
from datetime import timedelta
from typing import Any

import pytest

from edge.domain.station import DrawSampled
from edge.ocpp.actions import HandOver, KeepBack
from edge.ocpp.dossier import Dossier
from edge.ocpp.guarded import SAMPLE_INTERVAL
from edge.ocpp.settings import OcppSettings, Samples
from edge.ocpp.versions import Version
from tests.unit.ocpp.ocpp_bench import ID, NOON, START, Bench, Step, call, evse, result, stamp
from tests.unit.ocpp.slow_disk import SlowDisk

CURRENT = {"value": "9.5", "measurand": "Current.Import", "unit": "A"}


class Asked(Bench):
    """A station whose cloud wants a sample each so many seconds, and which takes them as often as control needs."""

    def __init__(self, every_s: int | None = 60, *, samples: Samples = Samples.ASKED, **more: Any) -> None:
        dossier = more.pop("dossier", Dossier(ID))
        if every_s is not None:
            dossier.cloud_wrote[SAMPLE_INTERVAL] = str(every_s)
        super().__init__(evse(1), evse(2), dossier=dossier, samples=samples, **more)
        self.connect()
        self.at = 0
        self.now = START

    def sample(self, at: int, *, number: int | None = None, **fields: Any) -> Step:
        """Meter values that the station takes, and tells, so many seconds after noon."""
        self.now = START + at
        element = {"timestamp": stamp(NOON + timedelta(seconds=at)), "sampledValue": [CURRENT]}
        payload = {"connectorId": 1, "transactionId": 7, "meterValue": [element], **fields}
        return self.station_says(call(f"m{at}" if number is None else f"m{number}", "MeterValues", payload))

    def passed(self, *moments: int, **fields: Any) -> list[int]:
        """Those of these moments whose samples reach the cloud, to the letter; the others are answered."""
        found = []
        for at in moments:
            step = self.sample(at, **fields)
            if step.up:
                found.append(at)
                assert step.down == []
            else:
                assert [json.loads(text) for text in step.down] == [[3, f"m{at}", {}]]
        return found


def test_the_cloud_gets_a_sample_each_interval_of_its_own() -> None:
    """The first of a transaction, then one each minute, though one is early; control sees each."""
    bench = Asked()
    step = bench.sample(0)
    assert step.up == [call("m0", "MeterValues", json.loads(step.up[0])[3])]
    assert bench.passed(*range(10, 190, 10)) == [60, 120, 180]
    step = bench.sample(190)
    assert step.up == []
    assert [fact.at for fact in step.facts if isinstance(fact, DrawSampled)] == [START + 190]


def test_by_default_all_pass() -> None:
    """The relay is transparent unless the site file says otherwise, and always while it only observes."""
    assert Asked(samples=Samples.ALL).passed(0, 10, 20) == [0, 10, 20]
    settings = OcppSettings(plain_listen=None, upstream="ws://cloud/{station}", samples=Samples.ASKED)
    assert settings.as_wire().samples is Samples.ALL


def test_of_a_station_whose_interval_is_the_clouds_all_pass() -> None:
    """The gateway has changed nothing in it; nor in one of 2.x, whose MeterValues are none of a transaction's."""
    assert Asked(None).passed(0, 10, 20) == [0, 10, 20]
    bench = Asked(version=Version.V201)
    assert bench.passed(0, 10, 20, evseId=1) == [0, 10, 20]


def test_the_interval_is_the_one_that_the_cloud_sets() -> None:
    """From the moment on at which the station has taken it over."""
    bench = Asked(None)
    bench.cloud_says(call("w", "ChangeConfiguration", {"key": "MeterValueSampleInterval", "value": "30"}))
    step = bench.station_says(result("w", {"status": "Accepted"}))
    while step.down:
        step = bench.station_says(result(step.own_call[0], {"status": "Accepted"}))
    assert bench.passed(*range(0, 70, 10)) == [0, 30, 60]


@pytest.mark.parametrize(("told", "passed"), [("60.0", [0, 60]), (" 60", [0, 60]), ("a minute", [0, 20, 40, 60])])
def test_an_interval_as_stations_write_it(told: str, passed: list[int]) -> None:
    """Some write it as a decimal. Where it can't be understood all pass."""
    dossier = Dossier(ID)
    dossier.cloud_wrote[SAMPLE_INTERVAL] = told
    assert Asked(None, dossier=dossier).passed(0, 20, 40, 60) == passed


def test_a_cloud_that_wants_none_gets_the_first() -> None:
    """MeterValueSampleInterval 0 (OCPP 1.6 §9.1.14): no samples."""
    assert Asked(0).passed(*range(0, 3600, 300)) == [0]


@pytest.mark.parametrize(
    "fields",
    [
        {"connectorId": 0},
        {"connectorId": 9},
        {"connectorId": None},
        {"meterValue": []},
        {"meterValue": [{"timestamp": "2026-06-01T12:00:00Z", "sampledValue": []}]},
        {"meterValue": [{"timestamp": "noon", "sampledValue": [CURRENT]}]},
        {"meterValue": [{"sampledValue": [CURRENT]}]},
        *(
            {"meterValue": [{"timestamp": "2026-06-01T12:00:00Z", "sampledValue": [CURRENT, CURRENT | more]}]}
            for more in (
                {"context": "Transaction.Begin"},
                {"context": "Transaction.End"},
                {"context": "Sample.Clock"},
                {"context": "Trigger"},
                {"context": "Interruption.End"},
                {"context": "Other"},
                {"format": "SignedData"},
                {"value": "OCMF|{}", "context": 7},
                {"value": 'OCMF|{"FV":"1.0"}|{"SD":"30"}'},
            )
        ),
    ],
)
def test_whatever_else_it_is_passes(fields: dict[str, Any]) -> None:
    """Other moments, signed data, the whole station's values, and what can't be dated, however often."""
    bench = Asked()
    bench.sample(0)
    assert bench.passed(1, 2, 3, **fields) == [1, 2, 3]


def test_what_is_signed_anywhere_in_it_passes() -> None:
    """Stations put the signed set beside one that isn't."""
    bench = Asked()
    bench.sample(0)
    times = {"timestamp": stamp(NOON)}
    signed = {"meterValue": [times | {"sampledValue": [CURRENT]}, times | {"sampledValue": [{"format": "SignedData"}]}]}
    assert bench.passed(5, **signed) == [5]


def test_the_first_of_each_transaction_passes() -> None:
    """By its number, or by the begin where samples don't name it; each connector by itself."""
    bench = Asked()
    assert bench.passed(0, 10) == [0]
    assert bench.passed(20, transactionId=8) == [20]
    assert bench.passed(30, connectorId=2, transactionId=9) == [30]
    assert bench.passed(40, connectorId=1, transactionId=None) == []
    begin = {"connectorId": 1, "idTag": "CARD", "meterStart": 0, "timestamp": stamp(NOON)}
    bench.station_says(call("s", "StartTransaction", begin))
    assert bench.passed(50, connectorId=1, transactionId=None) == [50]
    assert bench.passed(60, connectorId=2, transactionId=9) == []


def test_kinds_that_are_told_apart_are_counted_apart() -> None:
    """Some stations tell each measurand in a message of its own; and some in an element of its own."""
    bench = Asked()
    power = CURRENT | {"measurand": "Power.Active.Import", "unit": "W"}

    def told(at: int, *samples: dict[str, Any]) -> bool:
        elements = [{"timestamp": stamp(NOON + timedelta(seconds=at)), "sampledValue": [each]} for each in samples]
        return bool(bench.sample(at, meterValue=elements).up)

    assert [told(0, CURRENT), told(0, power), told(10, CURRENT), told(10, power)] == [True, True, False, False]
    assert told(20, CURRENT, power) is False
    voltage = CURRENT | {"measurand": "Voltage", "unit": "V"}
    assert told(30, CURRENT, voltage) is True  # the first of its kind
    assert [told(60, power), told(90, CURRENT)] == [True, True]


def test_what_passed_and_is_said_again_goes_the_same_way() -> None:
    """The station had no answer: that is the cloud's to give, or the desk's. One that didn't pass is answered again."""
    bench = Asked()
    first = bench.sample(0)
    bench.now += 5
    assert bench.station_says(first.up[0]).up == first.up
    assert [bool(bench.sample(30, number=number).up) for number in (1, 2)] == [False, False]


def test_a_clock_that_is_slow_or_stands_still_hides_nothing() -> None:
    """Nor one that is set back: the interval is over by the gateway's clock, or by the station's."""
    bench = Asked()
    slow = [stamp(NOON + timedelta(seconds=number)) for number in range(13)]
    elements: list[dict[str, Any]] = [{"meterValue": [{"timestamp": each, "sampledValue": [CURRENT]}]} for each in slow]
    assert [bool(bench.sample(10 * place, **each).up) for place, each in enumerate(elements)].count(True) == 3
    assert bench.passed(200, 210, **elements[-1]) == [200, 210]
    bench = Asked()
    bench.sample(0)
    bench.now += 10
    back = {"timestamp": stamp(NOON - timedelta(hours=1)), "sampledValue": [CURRENT]}
    assert bench.sample(10, meterValue=[back]).up != []


def test_what_was_stored_is_thinned_by_its_own_time() -> None:
    """A station that was cut off tells an hour of samples within a second."""
    bench = Asked()
    found = 0
    for number in range(360):
        element = {"timestamp": stamp(NOON - timedelta(seconds=3600 - 10 * number)), "sampledValue": [CURRENT]}
        found += bool(bench.sample(0, number=number, meterValue=[element]).up)
    assert found == 60


@pytest.mark.parametrize(("asked", "passes"), [({"connectorId": 1}, True), ({}, True), ({"connectorId": 2}, False)])
def test_what_the_cloud_asks_for_passes(asked: dict[str, Any], passes: bool) -> None:
    """Though the station doesn't mark it as triggered; it passes once."""
    bench = Asked()
    bench.sample(0)
    bench.cloud_says(call("t", "TriggerMessage", {"requestedMessage": "MeterValues", **asked}))
    bench.station_says(result("t", {"status": "Accepted"}))
    assert bool(bench.sample(10).up) is passes
    assert bench.passed(20) == []
    bench.cloud_says(call("u", "TriggerMessage", {"requestedMessage": "Heartbeat", **asked}))
    assert bench.passed(30) == []


def test_the_first_of_a_connection_passes() -> None:
    """Whether the cloud has had the last one before, nobody knows."""
    bench = Asked()
    bench.sample(0)
    bench.lose_station()
    bench.connect()
    assert bench.passed(20, 30) == [20]


def test_a_station_that_invents_kinds_takes_no_memory() -> None:
    """They pass, each of them, and what is remembered of them stays small."""
    bench = Asked()
    for number in range(1000):
        sample = CURRENT | {"measurand": f"x{number}"}
        element = {"timestamp": stamp(NOON), "sampledValue": [sample]}
        assert bench.sample(0, number=number, meterValue=[element]).up


def test_what_is_kept_back_is_read_by_who_stands_in() -> None:
    """And isn't handed over: what is kept for a cloud that is away is as much as it asked for, too."""
    bench = Asked(stand_in=SlowDisk())
    bench.lose_cloud()
    first, second = bench.sample(0), bench.sample(10)
    assert [type(each) for each in first.actions if isinstance(each, HandOver | KeepBack)] == [HandOver]
    (kept,) = [each for each in second.actions if isinstance(each, HandOver | KeepBack)]
    assert isinstance(kept, KeepBack)
    assert kept.call.id == "m10"
    assert len(second.down) == 1

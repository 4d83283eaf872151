"""Messages of 1.6 that call their transaction -1 or 0, as its begin was never answered (errata 3.18)."""

import json
from datetime import timedelta
from typing import Any

import pytest

from edge.domain.journal import EntryKind
from tests.unit.offline.offline_bench import NOON, Bench

ACCEPTED = {"idTagInfo": {"status": "Accepted"}}
ASIDE = "it names no transaction (-1 or 0), and there is none that it can mean"


def at(minutes: float) -> str:
    """A time of the station's."""
    return (NOON + timedelta(minutes=minutes)).isoformat()


def sample(bench: Bench, number: int, minutes: float, wh: int, connector: int = 1) -> None:
    """MeterValues of that time."""
    value = {"timestamp": at(minutes), "sampledValue": [{"value": f"{wh}"}]}
    bench.call("MeterValues", {"connectorId": connector, "transactionId": number, "meterValue": [value]})


def stop(bench: Bench, number: int, minutes: float, wh: int, **more: Any) -> None:
    """A StopTransaction of that time."""
    bench.call("StopTransaction", {"transactionId": number, "meterStop": wh, "timestamp": at(minutes), **more})


def told(bench: Bench) -> list[list[Any]]:
    """What a cloud that has come gets of begins and ends; it accepts all."""
    bench.cloud_comes()
    seen = 0
    while seen < len(bench.to_cloud):
        seen = len(bench.to_cloud)
        begins = bench.asked[2] == "StartTransaction"
        bench.cloud_answers({"transactionId": 9, **ACCEPTED} if begins else {})
    calls = [json.loads(text) for text in bench.to_cloud]
    return [call for call in calls if call[2] in ("StartTransaction", "StopTransaction")]


@pytest.mark.parametrize("number", [-1, 0, 2**63 - 1])
@pytest.mark.parametrize("is_there", [True, False])
def test_an_end_whose_begin_was_lost_has_one_made_anew(number: int, *, is_there: bool) -> None:
    """A disk that was full refused the begin as long as its station tried, and a power cut took it out of memory. The
    cloud gets a pair: the end's card, and the first register that was sampled. It is told as an error.
    """
    bench = Bench()
    if is_there:
        bench.cloud_comes()
    for minutes, wh in ((11.0, 1000), (12.0, 1500)):
        sample(bench, number, minutes, wh)
        if is_there:
            bench.cloud_answers({})
    stop(bench, number, 40.0, 5000, idTag="CARD-1", reason="Local")
    assert bench.answered[2]["idTagInfo"]["status"] == "Accepted"
    begin, end = told(bench)[-2:]
    started = {"connectorId": 1, "idTag": "CARD-1", "meterStart": 1000, "timestamp": "2026-06-01T12:11:00.000Z"}
    assert (begin[2], begin[3]) == ("StartTransaction", started)
    assert (end[2], end[3]["transactionId"], end[3]["meterStop"]) == ("StopTransaction", 9, 5000)
    assert [note.fields["meter_start_wh"] for note in bench.notes if note.level == "error"] == [1000]
    stop(bench, number, 40.0, 5000, idTag="CARD-1", reason="Local")  # its answer was lost
    assert len(told(bench)) == 2


def test_what_the_end_tells_of_its_begin_is_exact() -> None:
    """Transaction.Begin, where a station sends it with the end, goes before the first sample."""
    bench = Bench()
    sample(bench, -1, 11.0, 1000)
    data = [
        {"timestamp": at(10.0), "sampledValue": [{"value": "0.95", "unit": "kWh", "context": "Transaction.Begin"}]},
        {"timestamp": at(40.0), "sampledValue": [{"value": "5", "unit": "kWh", "context": "Transaction.End"}]},
    ]
    stop(bench, -1, 40.0, 5000, idTag="CARD-1", transactionData=data)
    begin = told(bench)[0][3]
    assert (begin["meterStart"], begin["timestamp"]) == (950, "2026-06-01T12:10:00.000Z")


def test_what_is_sampled_while_nobody_charges_is_no_begin() -> None:
    """Some stations sample under 0 all the time: it began when the register was last seen to stand."""
    bench = Bench()
    for minutes, wh in ((1.0, 1000), (2.0, 1000), (10.0, 1000), (11.0, 1100)):
        sample(bench, 0, minutes, wh)
    stop(bench, 0, 40.0, 5000, idTag="CARD-1")
    begin = told(bench)[0][3]
    assert (begin["meterStart"], begin["timestamp"]) == (1000, "2026-06-01T12:10:00.000Z")


@pytest.mark.parametrize(
    ("sampled", "more"),
    [
        ((), {"idTag": "CARD-1"}),  # nobody knows where, nor from which register on
        (((1, 1000),), {}),  # nor whose it was
        (((1, 1000), (2, 800)), {"idTag": "CARD-1"}),  # which of both
        (((1, 6000),), {"idTag": "CARD-1"}),  # a meter doesn't run backwards
    ],
)
@pytest.mark.parametrize("is_there", [True, False])
def test_an_end_of_nothing_that_is_known_is_set_aside(
    sampled: tuple[tuple[int, int], ...], more: dict[str, str], *, is_there: bool
) -> None:
    """The station has its answer, the cloud isn't told of the end of nothing, and a person sees it. Said again it is
    answered again.
    """
    bench = Bench()
    if is_there:
        bench.cloud_comes()
    for connector, wh in sampled:
        sample(bench, -1, 11.0, wh, connector)
        if is_there:
            bench.cloud_answers({})
    for _ in range(2):
        stop(bench, -1, 40.0, 5000, **more)
        assert bench.answered[0] == 3
    assert [(entry.kind, entry.reason) for entry in bench.disk.set_aside] == [(EntryKind.END, ASIDE)]
    assert told(bench) == []
    assert [note.level for note in bench.notes if note.event == "a message is set aside"] == ["error"]


@pytest.mark.parametrize("is_there", [True, False])
def test_an_end_without_a_register_is_of_the_only_session(*, is_there: bool) -> None:
    """Some stations tell -1 where they don't know it."""
    bench = Bench()
    if is_there:
        bench.cloud_comes()
    bench.start(meter=1000)
    if is_there:
        bench.cloud_answers({"transactionId": 41, **ACCEPTED})
    stop(bench, -1, 40.0, -1)
    if not is_there:
        bench.cloud_comes()
        bench.cloud_answers({"transactionId": 41, **ACCEPTED})
    assert bench.asked[2:] == ["StopTransaction", {"transactionId": 41, "meterStop": -1, "timestamp": at(40.0)}]
    assert not bench.disk.set_aside


def test_of_several_sessions_the_one_of_the_card_is_meant() -> None:
    """Both fit by their registers; the card that ended it began one of them."""
    bench = Bench()
    for connector, card in ((1, "CARD-1"), (2, "CARD-2")):
        bench.start(meter=100, tag=card, connector=connector)
    stop(bench, -1, 40.0, 5000, idTag="CARD-2")
    running = [each.connector for each in bench.disk.transactions.values() if each.ended is None]
    assert running == [1]


def test_of_several_sessions_one_whose_id_the_station_never_had_is_meant() -> None:
    """It samples under the number of the first; and the register of the third has passed the end's."""
    bench = Bench()
    for connector in (1, 2, 3):
        bench.start(meter=100, connector=connector)
        if connector == 1:
            sample(bench, bench.answered[2]["transactionId"], 11.0, 200)
    sample(bench, -1, 12.0, 9000, connector=3)
    stop(bench, -1, 40.0, 5000)
    running = [each.connector for each in bench.disk.transactions.values() if each.ended is None]
    assert running == [1, 3]


def test_a_session_whose_id_the_station_knows_is_not_ended_for_one_whose_begin_was_lost() -> None:
    """It samples under -1 at a connector at which nobody knows of a session: that one has a begin made anew."""
    bench = Bench()
    bench.start(meter=100, connector=1)
    sample(bench, bench.answered[2]["transactionId"], 11.0, 200)
    sample(bench, -1, 12.0, 3000, connector=2)
    stop(bench, -1, 40.0, 5000, idTag="CARD-2")
    running = [each.connector for each in bench.disk.transactions.values() if each.ended is None]
    assert running == [1]
    assert [call[3].get("meterStart") for call in told(bench)] == [100, 3000, None]


def test_no_begin_is_made_anew_where_one_is_known() -> None:
    """The station never had the number of the session at the first connector: the end may be of either."""
    bench = Bench()
    for connector in (1, 3):
        bench.start(meter=100, connector=connector)
    sample(bench, -1, 12.0, 3000, connector=2)
    stop(bench, -1, 40.0, 5000, idTag="CARD-2")
    assert [entry.reason for entry in bench.disk.set_aside] == [ASIDE]
    assert [call[2] for call in told(bench)] == ["StartTransaction"] * 2


class TestAnEndToldOtherwise:
    """A station that isn't answered says its end again, and some with another time."""

    def ended_and_begun(self, *, begins_wh: int = 5000, card: str = "CARD-2") -> Bench:
        """One session has ended under -1, another begins at the same connector."""
        bench = Bench()
        bench.start(meter=100, tag="CARD-1")
        stop(bench, -1, 40.0, 5000, idTag="CARD-1")
        bench.tick(5.0)
        bench.start(meter=begins_wh, tag=card)
        return bench

    def runs(self, bench: Bench) -> bool:
        """Whether the second does."""
        return [each.meter_start_wh for each in bench.disk.transactions.values() if each.ended is None] != []

    def test_is_not_that_of_one_whose_id_the_station_knows(self) -> None:
        """It has sampled under it."""
        bench = self.ended_and_begun(card="CARD-1")
        sample(bench, bench.answered[2]["transactionId"], 41.0, 5000)
        stop(bench, -1, 42.0, 5000, idTag="CARD-1")
        assert self.runs(bench)
        assert bench.answered[0] == 3

    def test_is_not_that_of_one_whose_register_is_further(self) -> None:
        """At its begin, or since."""
        bench = self.ended_and_begun(card="CARD-1", begins_wh=5100)
        stop(bench, -1, 42.0, 5000, idTag="CARD-1")
        assert self.runs(bench)
        bench = self.ended_and_begun(card="CARD-1")
        sample(bench, -1, 42.0, 5500)
        stop(bench, -1, 43.0, 5000, idTag="CARD-1")
        assert self.runs(bench)

    def test_is_not_that_of_another_card(self) -> None:
        """Whose session has just begun."""
        bench = self.ended_and_begun()
        stop(bench, -1, 42.0, 5000, idTag="CARD-1")
        assert self.runs(bench)

    def test_an_end_that_is_another_is_taken(self) -> None:
        """With its own register, or where nothing tells it from the one that runs."""
        bench = self.ended_and_begun()
        stop(bench, -1, 60.0, 9000, idTag="CARD-2")
        assert not self.runs(bench)
        bench = self.ended_and_begun(card="CARD-1")
        stop(bench, -1, 60.0, 5000, idTag="CARD-1")
        assert not self.runs(bench)

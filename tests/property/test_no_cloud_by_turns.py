"""A site that has a cloud and has none by turns, in the midst of sessions: each is the cloud's or the site's, whole."""

import itertools
import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from edge.offline.edition import Edition
from tests.unit.offline.offline_bench import Bench, token

OWN = (token("CARD-1"),)
EVENTS = st.sampled_from(
    ["begin", "begin", "sample", "end", "end", "cloud comes", "cloud goes", "given", "taken", "kill"]
)


class Site:
    """One station at the desk, and the cloud that answers at once while it is there."""

    def __init__(self, edition: Edition) -> None:
        self.bench = Bench(edition, own=OWN)
        self.edition = edition
        self.is_there = False
        self.runs: str | None = None  # what the station calls the transaction that runs
        self.order = 0
        self.register = 0
        self.clouds: dict[str, bool] = {}  # of each transaction whether it began for a cloud
        self.took: dict[str, int] = {}
        self.began_at: dict[str, int] = {}
        self.told: list[tuple[str, str]] = []  # begins and ends, by what the cloud calls the transaction
        self._names = itertools.count(1)
        self._answered = 0
        self.bench.do(self.bench.desk.station_connected(edition))

    def does(self, what: str) -> None:
        """One thing happens."""
        bench = self.bench
        bench.times.now += 60
        match what:
            case "begin" if self.runs is None:
                self._begins()
            case "sample" if self.runs is not None:
                self.register += 100
                self._says("sample")
            case "end" if self.runs is not None:
                self.register += 100
                self._says("end")
                self.took[self.runs] = self.register - self.began_at[self.runs]
                self.runs = None
            case "cloud comes" if bench.settings.has_cloud and not self.is_there:
                self.is_there = True
                bench.cloud_comes()
            case "cloud goes" if self.is_there:
                self.is_there = False
                bench.cloud_goes()
            case "given" | "taken" | "kill":
                self.is_there = False
                bench.restart(has_cloud={"given": True, "taken": False}.get(what, bench.settings.has_cloud), own=OWN)
                bench.do(bench.desk.station_connected(self.edition))
        self._cloud_answers()

    def _begins(self) -> None:
        self.register += 10
        self.order = 0
        if self.edition.is_v2:
            self.runs = f"tx-{next(self._names)}"
            self._says("begin")
        else:
            self.bench.start(meter=self.register)
            self._cloud_answers()
            self.runs = str(self.bench.answered[2]["transactionId"])
        self.clouds[self.runs] = self.bench.settings.has_cloud
        self.began_at[self.runs] = self.register

    def _says(self, what: str) -> None:
        assert self.runs is not None
        if not self.edition.is_v2:
            number = int(self.runs)
            _ = (
                self.bench.stop(number, self.register)
                if what == "end"
                else self.bench.meter(number, str(self.register))
            )
            return
        kind = {"begin": "Started", "sample": "Updated", "end": "Ended"}[what]
        sample = {"timestamp": self.bench.times.wall.isoformat(), "sampledValue": [{"value": self.register}]}
        tag = "CARD-1" if what == "begin" else None
        self.bench.event(kind, self.order, tag, self.runs, evse={"id": 1}, meterValue=[sample])
        self.order += 1

    def _cloud_answers(self) -> None:
        """All that it was asked since, as long as it is there."""
        while self.is_there and self._answered < len(self.bench.to_cloud):
            call: list[Any] = json.loads(self.bench.to_cloud[self._answered])
            self._answered += 1
            self.bench.cloud_answers(self._books(call[2], call[3]), call[1])
        self._answered = len(self.bench.to_cloud)

    def _books(self, action: str, payload: dict[str, Any]) -> dict[str, Any]:
        accepted = {"status": "Accepted"}
        match action:
            case "StartTransaction":
                number = next(self._names)
                self.told.append(("begin", str(number)))
                return {"transactionId": number, "idTagInfo": accepted}
            case "StopTransaction":
                self.told.append(("end", str(payload["transactionId"])))
            case "TransactionEvent" if payload["eventType"] != "Updated":
                kind = {"Started": "begin", "Ended": "end"}[payload["eventType"]]
                self.told.append((kind, payload["transactionInfo"]["transactionId"]))
        return {}


@given(edition=st.sampled_from([Edition.V16, Edition.V201]), course=st.lists(EVENTS, max_size=40))
@settings(max_examples=150, deadline=None)
def test_each_session_is_told_whole_or_not_at_all(edition: Edition, course: list[str]) -> None:
    """In the end there is a cloud: it has begin and end of each that began for one, once and in order, and nothing of
    the others; the registry has all, with what they took; and nothing is kept any more."""
    site = Site(edition)
    for what in [*course, "end", "given", "cloud comes"]:
        site.does(what)
    site.bench.tick(100.0)
    site.does("wait")
    numbers = [number for kind, number in site.told if kind == "begin"]
    assert len(numbers) == len(set(numbers)) == sum(site.clouds.values())
    assert site.told == [(kind, number) for number in numbers for kind in ("begin", "end")]
    if edition.is_v2:
        assert numbers == [name for name, is_clouds in site.clouds.items() if is_clouds]
    records = {each.transaction: each for each in site.bench.disk.sessions.values()}
    assert {name: int(each.energy_wh) for name, each in records.items()} == site.took
    assert all(each.ended_at is not None for each in records.values())
    assert site.bench.disk.entries == {}

"""Whatever crashes in between: the cloud has each transaction once in effect, in order, with the station's own figures.

A station with a few sessions, a gateway that is killed at any moment (what isn't on the disk is gone), a cloud that
comes, goes, and loses answers. Each run ends with everybody well for long enough.
"""

import json
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.offline.edition import Edition
from edge.offline.settings import OfflineSettings
from tests.unit.offline.offline_bench import Bench

OPERATIONS = ("station", "cloud", "cloud loses answer", "commit", "commit all", "kill", "up", "down", "late", "tick")


@dataclass
class Station:
    """Sends its messages one by one, each until it is answered, under a new id each time."""

    edition: Edition
    sessions: int
    given: dict[int, int] = field(default_factory=dict)  # 1.6: session -> transaction id
    position: int = 0
    asked: str | None = None
    tries: int = 0

    @property
    def script(self) -> list[tuple[int, str, int]]:
        steps = ("begin", "meter", "meter", "end")
        return [(n, step, 4 * n + place) for n in range(self.sessions) for place, step in enumerate(steps)]

    @property
    def done(self) -> bool:
        return self.position >= len(self.script)

    def message(self) -> tuple[str, dict[str, Any]]:
        session, step, number = self.script[self.position]
        stamp = f"2026-06-01T12:{number:02}:00Z"
        if self.edition.is_v2:
            kind = {"begin": "Started", "meter": "Updated", "end": "Ended"}[step]
            info = {"transactionId": f"tx-{session}"}
            return "TransactionEvent", {
                "eventType": kind, "timestamp": stamp, "seqNo": number % 4, "transactionInfo": info
            }  # fmt: skip
        match step:
            case "begin":
                return "StartTransaction", {
                    "connectorId": 1, "idTag": "CARD-1", "meterStart": number, "timestamp": stamp
                }  # fmt: skip
            case "end":
                return "StopTransaction", {
                    "transactionId": self.given[session], "meterStop": number, "timestamp": stamp
                }  # fmt: skip
            case _:
                values = [{"timestamp": stamp, "sampledValue": [{"value": str(number)}]}]
                return "MeterValues", {
                    "connectorId": 1, "transactionId": self.given[session], "meterValue": values
                }  # fmt: skip

    def hear(self, answer: list[Any]) -> None:
        if answer[1] != self.asked:
            return
        if answer[0] == 4:  # of a sample alone: it is the station's to repeat
            self.asked = None
            return
        assert answer[0] == 3, answer
        session, step, _ = self.script[self.position]
        if not self.edition.is_v2 and step == "begin":
            self.given[session] = answer[2]["transactionId"]
        self.position += 1
        self.asked = None


@dataclass
class Cloud:
    """Knows a Start that it has had by its content, as clouds do; numbers transactions from 1."""

    begun: dict[str, int] = field(default_factory=dict)
    account: list[tuple[str, Any, int]] = field(default_factory=list)  # step, transaction, figure
    again: int = 0  # messages that it had before

    def handle(self, action: str, payload: dict[str, Any]) -> dict[str, Any]:
        match action:
            case "StartTransaction":
                content = json.dumps(payload)
                if content not in self.begun:
                    self.begun[content] = len(self.begun) + 1
                self._note("begin", self.begun[content], payload["meterStart"])
                return {"transactionId": self.begun[content], "idTagInfo": {"status": "Accepted"}}
            case "StopTransaction":
                self._note("end", payload["transactionId"], payload["meterStop"])
            case "MeterValues":
                figure = int(payload["meterValue"][0]["sampledValue"][0]["value"])
                self._note("meter", payload["transactionId"], figure)
            case "TransactionEvent":
                step = {"Started": "begin", "Updated": "meter", "Ended": "end"}[payload["eventType"]]
                self._note(step, payload["transactionInfo"]["transactionId"], payload["seqNo"])
        return {}

    def _note(self, step: str, transaction: Any, figure: int) -> None:
        if (step, transaction, figure) in self.account:
            self.again += 1
        else:
            self.account.append((step, transaction, figure))


class Story:
    """The three of them."""

    def __init__(self, edition: Edition, sessions: int, attempts: int = 3) -> None:
        self.bench = Bench(edition, settings=OfflineSettings(drain_interval_s=0.0, attempts=attempts))
        self.bench.hold = True
        self.station = Station(edition, sessions)
        self.cloud = Cloud()
        self.up = False
        self.heard = 0  # of what the gateway sent to the station
        self.handled = 0  # of what it sent to the cloud
        self.doubts = 0  # events after which the gateway can't know what the cloud has

    def do(self, operation: str) -> None:
        waits = self.handled < len(self.bench.to_cloud)
        if operation in ("kill", "down", "cloud loses answer", "late", "cloud takes and fails") or (
            operation == "tick" and waits
        ):
            self.doubts += 1
        match operation:
            case "station":
                self.speak()
            case "cloud" | "cloud loses answer" | "late" | "cloud fails" | "cloud takes and fails":
                self.cloud_handles(operation)
            case "commit":
                self.bench.commit(1)
            case "commit all":
                self.bench.commit()
            case "kill":
                self.bench.restart()
                self.up = False
                self.station.asked = None
                self.heard, self.handled = len(self.bench.to_station), len(self.bench.to_cloud)
            case "up" if not self.up:
                self.up = True
                self.bench.cloud_comes()
            case "down" if self.up:
                self.up = False
                self.bench.cloud_goes()
                self.handled = len(self.bench.to_cloud)
            case "tick":
                self.bench.tick(20.0)
        while self.heard < len(self.bench.to_station):
            self.station.hear(self.bench.to_station[self.heard])
            self.heard += 1

    def speak(self) -> None:
        if self.station.done:
            return
        action, payload = self.station.message()
        self.station.tries += 1
        self.station.asked = f"s{self.station.tries}"
        self.bench.call(action, payload, self.station.asked)

    def cloud_handles(self, operation: str) -> None:
        if not self.up:
            self.handled = len(self.bench.to_cloud)
        if self.handled == len(self.bench.to_cloud):
            return
        frame = json.loads(self.bench.to_cloud[self.handled])
        self.handled += 1
        fails = "fails" in operation
        answer = self.cloud.handle(frame[2], frame[3]) if operation != "cloud fails" else {}
        if operation == "late":
            self.bench.tick(20.0)
        if operation != "cloud loses answer" and self.up:
            if fails:
                self.bench.cloud_refuses(identifier=frame[1])
            else:
                self.bench.cloud_answers(answer, frame[1])

    def settle(self) -> None:
        for _ in range(40 * self.station.sessions + 200):
            for operation in ("up", "commit all", "cloud", "commit all", "tick", "commit all", "cloud", "commit all"):
                self.do(operation)
            self.do("station")
            if self.station.done and not self.bench.disk.entries and self.handled == len(self.bench.to_cloud):
                return
        raise AssertionError("it doesn't settle")


@pytest.mark.parametrize("edition", [Edition.V16, Edition.V201])
@settings(max_examples=300, deadline=None)
@given(operations=st.lists(st.sampled_from(OPERATIONS), max_size=60), sessions=st.integers(1, 3))
def test_each_transaction_is_there_once_and_in_order(edition: Edition, operations: list[str], sessions: int) -> None:
    """Invariant I2, for both ways of numbering transactions."""
    story = Story(edition, sessions)
    for operation in operations:
        story.do(operation)
    story.settle()
    names = {n: f"tx-{n}" if edition.is_v2 else n + 1 for n in range(sessions)}
    expected = [(step, names[n], number % 4 if edition.is_v2 else number) for n, step, number in story.station.script]
    assert story.cloud.account == expected
    assert not story.bench.disk.set_aside
    assert story.cloud.again <= story.doubts


@pytest.mark.parametrize("edition", [Edition.V16, Edition.V201])
@settings(max_examples=300, deadline=None)
@given(
    operations=st.lists(st.sampled_from((*OPERATIONS, *["cloud fails"] * 4, "cloud takes and fails")), max_size=80),
    sessions=st.integers(1, 3),
    attempts=st.integers(1, 2),
)
def test_a_cloud_that_fails_now_and_then_has_each_transaction_once(
    edition: Edition, operations: list[str], sessions: int, attempts: int
) -> None:
    """InternalError at any message, whether the cloud has taken it or not, besides all the rest: what is deferred comes
    later than what was behind it, but never before its begin, and nobody has to do anything."""
    story = Story(edition, sessions, attempts)
    for operation in operations:
        story.do(operation)
    story.settle()
    by_start = {json.loads(content)["meterStart"]: number for content, number in story.cloud.begun.items()}
    names = {n: f"tx-{n}" if edition.is_v2 else by_start[4 * n] for n in range(sessions)}
    expected = [(step, names[n], number % 4 if edition.is_v2 else number) for n, step, number in story.station.script]
    assert sorted(story.cloud.account, key=str) == sorted(expected, key=str)
    assert not story.bench.disk.set_aside
    if not edition.is_v2:
        for name in names.values():
            assert next(step for step, of, _ in story.cloud.account if of == name) == "begin"
    assert story.cloud.again <= story.doubts

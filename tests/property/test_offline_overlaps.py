"""Sessions that overlap as they shouldn't: whatever a station gets an answer for, its cloud has once, and in order.

Stations lose ends with their power, or tell them behind the begin of the next session there; and samples between. The
gateway is killed, and the cloud comes and goes, as in the other story.
"""

from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.offline.edition import Edition
from tests.property.test_offline_crashes import OPERATIONS, Station, Story

PLACES = (1, 2)
Step = tuple[int, str, int]  # session, what is told of it, and a figure


@dataclass
class Careless(Station):
    """``wishes``: pairs of what to tell next and of which session, as far as that can be."""

    wishes: list[tuple[str, int]] = field(default_factory=list)
    places: dict[int, int] = field(default_factory=dict)  # session -> connector or EVSE

    def __post_init__(self) -> None:
        self.plan: list[Step] = []
        going: list[int] = []
        for wish, which in self.wishes:
            if wish == "begin":
                session = len(self.places)
                self.places[session] = PLACES[which % len(PLACES)]
                going.append(session)
            elif going:
                session = going[which % len(going)]
                if wish == "end":
                    going.remove(session)
            else:
                continue
            self.plan.append((session, wish, len(self.plan)))

    @property
    def script(self) -> list[Step]:
        return self.plan

    def number(self, place: int) -> int:
        """The seqNo of a message."""
        session = self.plan[place][0]
        return sum(each[0] == session for each in self.plan[:place])

    def message(self) -> tuple[str, dict[str, Any]]:
        action, payload = super().message()
        place = self.places[self.plan[self.position][0]]
        if action == "TransactionEvent":
            return action, payload | {"seqNo": self.number(self.position), "evse": {"id": place}}
        return action, payload | ({"connectorId": place} if "connectorId" in payload else {})


WISHES = st.tuples(st.sampled_from(("begin", "meter", "end")), st.integers(0, 3))


@pytest.mark.parametrize("edition", [Edition.V16, Edition.V201])
@settings(max_examples=200, deadline=None)
@given(operations=st.lists(st.sampled_from(OPERATIONS), max_size=60), wishes=st.lists(WISHES, max_size=12))
def test_what_is_answered_is_told_once(edition: Edition, operations: list[str], wishes: list[tuple[str, int]]) -> None:
    """Also of sessions that were taken for lost."""
    story = Story(edition, 3)
    story.station = station = Careless(edition, 3, wishes=wishes)
    for operation in operations:
        story.do(operation)
    story.settle()
    names: dict[int, int | str] = {n: f"tx-{n}" for n in station.places}
    if not edition.is_v2:
        begins = [session for session, step, _ in station.script if step == "begin"]
        names = {session: place + 1 for place, session in enumerate(begins)}
    expected = [
        (step, names[session], station.number(place) if edition.is_v2 else number)
        for place, (session, step, number) in enumerate(station.script)
    ]
    assert story.cloud.account == expected
    assert not story.bench.disk.set_aside
    assert story.cloud.again <= story.doubts

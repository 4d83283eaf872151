"""Who calls the station next."""

from collections.abc import Callable

import pytest

from edge.domain.setpoint import Purpose
from edge.ocpp.arbiter import CLOUD_QUEUE, LATE_KEPT, Arbiter, CloudCall, LimitCall, Outstanding, OwnCall
from edge.ocpp.wire import Call
from tests.unit.ocpp.ocpp_bench import limit


def cloud(identifier: str, since: float = 0.0) -> CloudCall:
    """A CALL of the cloud."""
    return CloudCall(call=Call(id=identifier, action="Reset", payload={}, text=""), epoch=1, since=since)


def took(arbiter: Arbiter, now: float = 0.0) -> Outstanding:
    """What goes onto the line; there must be something."""
    outstanding = arbiter.take(now)
    assert outstanding is not None
    return outstanding


@pytest.fixture
def arbiter() -> Arbiter:
    """With nothing on the line."""
    return Arbiter("nonce")


OWN = OwnCall(action="GetConfiguration", payload={})


def test_limits_first_then_the_cloud_then_our_questions(arbiter: Arbiter) -> None:
    """Whatever the order of arrival."""
    arbiter.add_own(OWN)
    arbiter.add_cloud(cloud("c1"))
    arbiter.add_cloud(cloud("c2"))
    arbiter.add_limit(limit(1))
    order = []
    while (outstanding := arbiter.take(0.0)) is not None:
        order.append(outstanding.work)
        arbiter.answered(outstanding.id)
    assert order == [LimitCall(command=limit(1)), cloud("c1"), cloud("c2"), OWN]


def test_one_at_a_time(arbiter: Arbiter) -> None:
    """Not even a limit goes out while a CALL is unanswered."""
    arbiter.add_cloud(cloud("c1"))
    first = took(arbiter)
    arbiter.add_limit(limit(1))
    assert arbiter.take(1.0) is None
    assert arbiter.answered("c1") is not None
    assert took(arbiter).work == LimitCall(command=limit(1))
    assert first.id == "c1"


def test_a_newer_limit_replaces_the_one_that_waits(arbiter: Arbiter) -> None:
    """Of the same EVSE and purpose only, and it keeps the older one's place."""
    assert arbiter.add_limit(limit(1)) is None
    assert arbiter.add_limit(limit(2, connector=2)) is None
    assert arbiter.add_limit(limit(3, purpose=Purpose.SESSION)) is None
    assert arbiter.add_limit(limit(4, limit_a=0.0)) == limit(1)
    assert took(arbiter).work == LimitCall(command=limit(4, limit_a=0.0))


@pytest.mark.parametrize(
    ("add", "patience_s"),
    [
        (lambda arbiter: arbiter.add_cloud(cloud("c")), 30.0),
        (lambda arbiter: arbiter.add_limit(limit()), 10.0),
        (lambda arbiter: arbiter.add_own(OWN), 10.0),
    ],
    ids=["cloud", "limit", "own"],
)
def test_an_unanswered_call_frees_the_line(
    arbiter: Arbiter, add: Callable[[Arbiter], object], patience_s: float
) -> None:
    """At its deadline, not before; its answer is recognised as late."""
    add(arbiter)
    outstanding = took(arbiter, 5.0)
    assert arbiter.expire(5.0 + patience_s - 0.1) is None
    assert arbiter.expire(5.0 + patience_s) == outstanding.work
    assert arbiter.outstanding is None
    answered = arbiter.answered(outstanding.id)
    assert answered is not None
    assert (answered.work, answered.late) == (outstanding.work, True)
    assert arbiter.answered(outstanding.id) is None


def test_a_late_answer_leaves_the_line_to_whom_it_is(arbiter: Arbiter) -> None:
    """The CALL that is on the line now still waits for its own answer."""
    arbiter.add_cloud(cloud("c1"))
    arbiter.add_cloud(cloud("c2", since=29.0))
    took(arbiter)
    arbiter.expire(30.0)
    second = took(arbiter, 30.0)
    assert arbiter.answered("c1") is not None
    assert arbiter.outstanding == second


def test_only_the_last_late_ones_are_remembered(arbiter: Arbiter) -> None:
    """A station that never answers doesn't fill the memory."""
    now = 0.0
    ids = []
    for _ in range(LATE_KEPT + 1):
        arbiter.add_limit(limit())
        ids.append(took(arbiter, now).id)
        now += 10.0
        assert arbiter.expire(now) is not None
    assert arbiter.answered(ids[0]) is None
    assert arbiter.answered(ids[1]) is not None


def test_the_clouds_queue_is_bounded(arbiter: Arbiter) -> None:
    """A cloud that floods is told so."""
    for number in range(CLOUD_QUEUE):
        assert arbiter.add_cloud(cloud(str(number)))
    assert not arbiter.add_cloud(cloud("one too many"))


def test_cloud_calls_that_waited_too_long_are_given_back(arbiter: Arbiter) -> None:
    """The cloud has given them up by then: a remote start minutes later would surprise everyone."""
    for since in (0.0, 1.0, 20.0):
        arbiter.add_cloud(cloud(f"c{since:g}", since))
    assert [work.call.id for work in arbiter.stale_cloud(31.0)] == ["c0", "c1"]
    assert arbiter.stale_cloud(31.0) == []
    assert took(arbiter, 31.0).id == "c20"


def test_own_ids_are_short_and_unlike_the_clouds() -> None:
    """At most 36 characters even after years, new at every start; and never one that the cloud uses just now."""
    own = Arbiter("0123456789abcdef")
    own.add_own(OWN)
    first = took(own).id
    assert len(first) + 11 <= 36
    other = Arbiter("another")
    other.add_own(OWN)
    assert took(other).id != first
    own = Arbiter("0123456789abcdef")
    assert own.add_cloud(cloud(first))
    own.add_limit(limit())
    assert took(own).id != first
    with pytest.raises(ValueError, match="no room"):
        Arbiter("0123456789abcdef0")


def test_own_ids_avoid_the_clouds_late_ones(arbiter: Arbiter) -> None:
    """A late answer must not pass for one of ours."""
    probe = Arbiter("nonce")
    probe.add_own(OWN)
    taken = took(probe).id
    arbiter.add_cloud(cloud(taken))
    took(arbiter)
    arbiter.expire(30.0)
    arbiter.add_limit(limit())
    assert took(arbiter, 30.0).id != taken


def test_an_id_of_ours_in_the_clouds_hands_is_harmless(arbiter: Arbiter) -> None:
    """If the cloud uses the very id that is on the line, its CALL waits for its turn and goes out under another."""
    arbiter.add_limit(limit())
    identifier = took(arbiter).id
    arbiter.add_cloud(cloud(identifier))
    first = arbiter.answered(identifier)
    assert first is not None
    assert first.work == LimitCall(command=limit())
    asked = took(arbiter)
    assert asked.work == cloud(identifier)
    assert asked.id != identifier
    assert arbiter.answered(identifier) is None
    second = arbiter.answered(asked.id)
    assert second is not None
    assert second.work == cloud(identifier)


def test_losing_the_cloud_forgets_what_waits_of_it(arbiter: Arbiter) -> None:
    """What is on the line stays there; limits stay."""
    for name in ("c1", "c2", "c3"):
        arbiter.add_cloud(cloud(name))
    took(arbiter)
    arbiter.add_limit(limit())
    assert arbiter.drop_cloud() == [cloud("c2"), cloud("c3")]
    assert arbiter.answered("c1") is not None
    assert took(arbiter).work == LimitCall(command=limit())


def test_losing_the_station_gives_everything_back(arbiter: Arbiter) -> None:
    """What was on the line is told apart from what never went out, and nothing stays."""
    arbiter.add_limit(limit(1))
    late = took(arbiter).id
    arbiter.expire(10.0)
    arbiter.add_limit(limit(2))
    took(arbiter, 10.0)
    arbiter.add_limit(limit(3))
    arbiter.add_cloud(cloud("c"))
    arbiter.add_own(OWN)
    abandoned = arbiter.clear()
    assert abandoned.outstanding == LimitCall(command=limit(2))
    assert abandoned.queued == (LimitCall(command=limit(3)), cloud("c"), OWN)
    assert arbiter.take(11.0) is None
    assert arbiter.answered(late) is None

"""EEBUS LPC: each transition of the use case's state table, and those that must not happen."""

import math
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.bms.eebus_lpc import FAILSAFE_S, FIRST_LIMIT_S, HEARTBEAT_LOST_S, INIT_S, Lpc, LpcSettings, LpcState

FAILSAFE_W = 4200.0


class Box:
    """A grid operator's box, its clock, and what it steers."""

    def __init__(self) -> None:
        self.now = 100.0
        self.lpc = Lpc(LpcSettings(failsafe_w=FAILSAFE_W), now=self.now)

    def beat(self) -> "Box":
        self.lpc.heartbeat(self.now)
        return self

    def limit(self, limit_w: float = 8000.0, *, active: bool = True, duration_s: float | None = None) -> "Box":
        self.lpc.write_limit(limit_w, active=active, duration_s=duration_s, now=self.now)
        return self

    def wait(self, seconds: float) -> "Box":
        self.now += seconds
        self.lpc.tick(self.now)
        return self

    def wait_beating(self, seconds: float) -> "Box":
        """With a heartbeat a minute."""
        for _ in range(int(seconds // 60)):
            self.wait(60).beat()
        return self.wait(seconds % 60)


def init() -> Box:
    return Box()


def limited() -> Box:
    return init().beat().limit()


def controlled() -> Box:
    return init().beat().limit(active=False)


def failsafe() -> Box:
    return limited().wait(HEARTBEAT_LOST_S)


def autonomous() -> Box:
    return init().wait(INIT_S)


TRANSITIONS: dict[str, tuple[Callable[[], Box], Callable[[Box], Box], LpcState, float | None]] = {
    "init -> unlimited/controlled: heartbeat, limit not active": (
        init,
        lambda box: box.beat().limit(active=False),
        LpcState.UNLIMITED_CONTROLLED,
        None,
    ),
    "init -> limited: heartbeat, active limit": (init, lambda box: box.beat().limit(), LpcState.LIMITED, 8000.0),
    "init -> unlimited/autonomous: nothing for 120 s": (
        init,
        lambda box: box.wait(INIT_S),
        LpcState.UNLIMITED_AUTONOMOUS,
        None,
    ),
    "init -> unlimited/autonomous: heartbeats without a limit": (
        init,
        lambda box: box.wait_beating(INIT_S),
        LpcState.UNLIMITED_AUTONOMOUS,
        None,
    ),
    "unlimited/controlled -> limited: active limit": (
        controlled,
        lambda box: box.limit(5000.0),
        LpcState.LIMITED,
        5000.0,
    ),
    "unlimited/controlled -> failsafe: no heartbeat for 120 s": (
        controlled,
        lambda box: box.wait(HEARTBEAT_LOST_S),
        LpcState.FAILSAFE,
        FAILSAFE_W,
    ),
    "limited -> unlimited/controlled: limit taken back": (
        limited,
        lambda box: box.limit(active=False),
        LpcState.UNLIMITED_CONTROLLED,
        None,
    ),
    "limited -> unlimited/controlled: its time is over": (
        lambda: init().beat().limit(duration_s=90.0),
        lambda box: box.wait_beating(90.0),
        LpcState.UNLIMITED_CONTROLLED,
        None,
    ),
    "limited -> limited: another value": (limited, lambda box: box.limit(3000.0), LpcState.LIMITED, 3000.0),
    "limited -> failsafe: no heartbeat for 120 s": (
        limited,
        lambda box: box.wait(HEARTBEAT_LOST_S),
        LpcState.FAILSAFE,
        FAILSAFE_W,
    ),
    "failsafe -> limited: heartbeat, then active limit": (
        failsafe,
        lambda box: box.beat().limit(2000.0),
        LpcState.LIMITED,
        2000.0,
    ),
    "failsafe -> unlimited/controlled: heartbeat, then limit not active": (
        failsafe,
        lambda box: box.beat().limit(active=False),
        LpcState.UNLIMITED_CONTROLLED,
        None,
    ),
    "failsafe -> unlimited/autonomous: heartbeat, and no limit for 120 s": (
        failsafe,
        lambda box: box.beat().wait_beating(FIRST_LIMIT_S),
        LpcState.UNLIMITED_AUTONOMOUS,
        None,
    ),
    "failsafe -> unlimited/autonomous: its least duration is over": (
        failsafe,
        lambda box: box.wait(FAILSAFE_S[0]),
        LpcState.UNLIMITED_AUTONOMOUS,
        None,
    ),
    "unlimited/autonomous -> limited: heartbeat, active limit": (
        autonomous,
        lambda box: box.beat().limit(),
        LpcState.LIMITED,
        8000.0,
    ),
    "unlimited/autonomous -> unlimited/controlled: heartbeat, limit not active": (
        autonomous,
        lambda box: box.beat().limit(active=False),
        LpcState.UNLIMITED_CONTROLLED,
        None,
    ),
}
STAYS: dict[str, tuple[Callable[[], Box], Callable[[Box], Box], LpcState, float | None]] = {
    "init: short of 120 s": (init, lambda box: box.wait(INIT_S - 1), LpcState.INIT, FAILSAFE_W),
    "limited: heartbeats come": (limited, lambda box: box.wait_beating(7200.0), LpcState.LIMITED, 8000.0),
    "limited: without a duration it has no end": (
        lambda: init().beat().limit(duration_s=90.0).limit(6000.0),
        lambda box: box.wait_beating(3600.0),
        LpcState.LIMITED,
        6000.0,
    ),
    "failsafe: a heartbeat alone": (failsafe, lambda box: box.beat().wait(60), LpcState.FAILSAFE, FAILSAFE_W),
    "failsafe: a heartbeat that is lost again": (
        failsafe,
        lambda box: box.beat().wait(HEARTBEAT_LOST_S),
        LpcState.FAILSAFE,
        FAILSAFE_W,
    ),
    "failsafe: short of its least duration": (
        failsafe,
        lambda box: box.wait(FAILSAFE_S[0] - 1),
        LpcState.FAILSAFE,
        FAILSAFE_W,
    ),
    "unlimited/autonomous: heartbeats alone": (
        autonomous,
        lambda box: box.wait_beating(3600.0),
        LpcState.UNLIMITED_AUTONOMOUS,
        None,
    ),
}


@pytest.mark.parametrize("name", [*TRANSITIONS, *STAYS])
def test_each_transition(name: str) -> None:
    """From a state by an event or by time to the next, with what may be consumed there; and what changes nothing."""
    begin, event, state, allowed_w = (TRANSITIONS | STAYS)[name]
    box = event(begin())
    assert (box.lpc.state, box.lpc.allowed_w) == (state, allowed_w)


@pytest.mark.parametrize("begin", [init, failsafe, autonomous])
def test_without_a_heartbeat_no_limit_is_taken(begin: Callable[[], Box]) -> None:
    """It is refused, and the state stays."""
    box = begin()
    state = box.lpc.state
    with pytest.raises(ValueError, match="no heartbeat"):
        box.limit()
    assert box.lpc.state is state


def test_what_holds_without_the_box_can_be_written() -> None:
    """Value and duration count from then on, also while the failsafe state lasts."""
    box = failsafe()
    box.lpc.write_failsafe(value_w=3000.0, duration_s=FAILSAFE_S[1])
    assert box.lpc.allowed_w == 3000.0
    assert box.wait(FAILSAFE_S[1] - 1).lpc.state is LpcState.FAILSAFE
    assert box.wait(1).lpc.state is LpcState.UNLIMITED_AUTONOMOUS


@pytest.mark.parametrize("value_w", [-1.0, math.nan, math.inf])
def test_what_is_no_power_is_refused(value_w: float) -> None:
    """As a limit and as the failsafe value; nothing changes."""
    box = limited()
    with pytest.raises(ValueError, match="no power"):
        box.limit(value_w)
    with pytest.raises(ValueError, match="no power"):
        box.lpc.write_failsafe(value_w=value_w)
    assert box.lpc.allowed_w == 8000.0
    assert box.wait(HEARTBEAT_LOST_S).lpc.allowed_w == FAILSAFE_W


@pytest.mark.parametrize("duration_s", [0.0, FAILSAFE_S[0] - 1, FAILSAFE_S[1] + 1, math.nan])
def test_the_failsafe_duration_is_two_to_twenty_four_hours(duration_s: float) -> None:
    """Others are refused."""
    with pytest.raises(ValueError, match="2 to 24 h"):
        limited().lpc.write_failsafe(duration_s=duration_s)


@pytest.mark.parametrize("duration_s", [0.0, -1.0, math.inf, math.nan])
def test_a_limit_lasts_for_some_time(duration_s: float) -> None:
    """One of no time at all is refused."""
    with pytest.raises(ValueError, match="duration"):
        limited().limit(duration_s=duration_s)


steps = st.lists(
    st.one_of(
        st.tuples(st.just("wait"), st.floats(0, 9000)),
        st.tuples(st.just("beat"), st.just(0.0)),
        st.tuples(st.sampled_from(["limit", "free"]), st.floats(0, 50_000)),
    ),
    max_size=30,
)


@given(course=steps)
def test_who_is_lost_never_limits_by_its_old_word(course: list[tuple[str, float]]) -> None:
    """Over any course: 120 s after the last heartbeat the limit of the box has given way to the failsafe value, or to
    nobody's.
    """
    box, beat_at = Box(), -math.inf
    for step, value in course:
        if step == "wait":
            box.wait(value)
        elif step == "beat":
            box.beat()
            beat_at = box.now
        elif box.now - beat_at < HEARTBEAT_LOST_S:
            box.limit(value, active=step == "limit")
        if box.now - beat_at >= HEARTBEAT_LOST_S:
            assert box.lpc.state not in (LpcState.LIMITED, LpcState.UNLIMITED_CONTROLLED)
            assert box.lpc.allowed_w in (FAILSAFE_W, None)

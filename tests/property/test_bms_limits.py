"""Limits of all sources over time: the lowest that is valid holds, and silence leads to the fallback."""

from hypothesis import given
from hypothesis import strategies as st

from edge.domain.effective import Binding, effective
from edge.domain.limit import LimitSource, LimitStated
from edge.domain.site import Circuit
from edge.units import PhaseAmps, Seconds
from edge.units import watts as power
from tests.unit.bms.bms_site import Taken

RATING_A = 61.0
VOLTAGE_V = 230.0
MAIN = Circuit(id="main", parent=None, fuse_a=RATING_A)
RATING_W = power(PhaseAmps.same(RATING_A), VOLTAGE_V)

amps = st.none() | st.floats(0, 100)
watts = st.none() | st.floats(0, 70_000)
stated = st.builds(
    lambda source, limit_a, limit_w, valid_s, fallback_a, wait_s: (
        LimitStated(
            source=source,
            circuit="main",
            at=0.0,
            limit_a=limit_a,
            limit_w=limit_w,
            ends_at=valid_s,
            fallback_a=fallback_a,
        ),
        wait_s,
    ),
    st.sampled_from(LimitSource),
    amps,
    watts,
    st.none() | st.floats(1, 100),
    amps,
    st.floats(0, 60),
)


def at(limit: LimitStated, now: Seconds) -> LimitStated:
    """The same, stated at ``now``."""
    return LimitStated(
        source=limit.source,
        circuit=limit.circuit,
        at=now,
        limit_a=limit.limit_a,
        limit_w=limit.limit_w,
        ends_at=now + limit.ends_at if limit.ends_at is not None else None,
        fallback_a=limit.fallback_a,
    )


@given(course=st.lists(stated, max_size=12))
def test_the_lowest_that_is_valid_holds(course: list[tuple[LimitStated, Seconds]]) -> None:
    """Over any course: never above the rating, never above anything valid, and no lower than the lowest of them."""
    now, newest = 0.0, dict[LimitSource, LimitStated]()
    for limit, wait_s in course:
        newest[limit.source] = at(limit, now)
        now += wait_s
        found = effective(MAIN, newest.values(), now=now, voltage_v=VOLTAGE_V)
        valid_a = [value for each in newest.values() if (value := each.amps(now)) is not None]
        valid_w = [value for each in newest.values() if (value := each.watts(now)) is not None]
        lowest_w = min([RATING_W, *valid_w, *(power(PhaseAmps.same(value), VOLTAGE_V) for value in valid_a)])
        assert found.limit_w == lowest_w
        assert abs(found.limit_a - min([RATING_A, *valid_a, lowest_w / VOLTAGE_V])) < 1e-9
        assert (found.binding is Binding.FUSE) == (lowest_w >= RATING_W)
        if found.source is not None:
            assert (found.binding is Binding.FALLBACK) == newest[found.source].is_over(now)
        assert found.ends_in_s is None or found.ends_in_s >= 0


@given(limit_a=st.floats(0, 61), fallback_a=st.floats(0, 61), valid_s=st.floats(1, 3600), late_s=st.floats(0, 1))
def test_silence_leads_to_the_fallback(limit_a: float, fallback_a: float, valid_s: float, late_s: float) -> None:
    """At the end of its time and from then on, whatever the limit was: within a tick whoever looks sees it."""
    limit = LimitStated(
        source=LimitSource.BMS_MQTT, circuit="main", at=0.0, limit_a=limit_a, ends_at=valid_s, fallback_a=fallback_a
    )
    before = effective(MAIN, [limit], now=valid_s * 0.999, voltage_v=VOLTAGE_V)
    after = effective(MAIN, [limit], now=valid_s + late_s, voltage_v=VOLTAGE_V)
    assert before.limit_a == min(limit_a, RATING_A)
    assert after.limit_a == min(fallback_a, RATING_A)


def test_another_circuit_s_limit_is_not_this_one_s() -> None:
    """Each circuit has its own."""
    taken = Taken()
    taken.take(LimitStated(source=LimitSource.SCHEDULE, circuit="garage", at=0.0, limit_a=1.0))
    assert effective(MAIN, taken.limits, now=0.0, voltage_v=VOLTAGE_V).limit_a == RATING_A

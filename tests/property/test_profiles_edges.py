"""When a profile of the cloud may say something else: found by halves, against all of its edges."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from edge.ocpp.profiles.model import ChargingProfile, ProfilePurpose, RateUnit, SchedulePeriod
from edge.ocpp.versions import Version

DAY_S = 86_400
BEGAN = 1_780_315_200.0


@st.composite
def profiles(draw: st.DrawFn) -> ChargingProfile:
    """Of any kind, with starts and bounds at fractions of a second, which floats only have about."""
    fraction = draw(st.floats(0, 1, exclude_max=True))
    starts = draw(st.sets(st.integers(1, 2 * DAY_S), max_size=6))
    daily = draw(st.booleans())
    ahead_s = st.none() | st.floats(-DAY_S, 2 * DAY_S)
    bounds = [None if (each := draw(ahead_s)) is None else BEGAN + each for _ in range(2)]
    return ChargingProfile(
        version=Version.V16,
        id=1,
        stack_level=0,
        purpose=ProfilePurpose.TX_DEFAULT,
        unit=RateUnit.AMPERES,
        periods=tuple(SchedulePeriod(start_s=start, limit=10.0) for start in sorted({0, *starts})),
        start=BEGAN + fraction if daily or draw(st.booleans()) else None,
        duration_s=draw(st.none() | st.integers(0, 2 * DAY_S)),
        recurrence_s=DAY_S if daily else None,
        valid_from=bounds[0],
        valid_to=bounds[1],
        given="{}",
    )


def all_edges(profile: ChargingProfile, anchor: float, days: int) -> list[float]:
    """Each moment at which one of its periods begins or ends, and its bounds."""
    start = anchor if profile.start is None else profile.start
    offsets = [period.start_s for period in profile.periods]
    offsets += [] if profile.duration_s is None else [profile.duration_s]
    if profile.recurrence_s is not None:
        every_s = profile.recurrence_s
        offsets = [day * every_s + offset for day in range(days) for offset in offsets if offset < every_s]
    bounds = [bound for bound in (profile.valid_from, profile.valid_to) if bound is not None]
    return sorted({*bounds, *(start + offset for offset in offsets)})


@given(profiles(), st.floats(0, 1))
def test_the_next_edge_is_the_first_of_all_that_come(profile: ChargingProfile, fraction: float) -> None:
    """From before the first on, from each edge, and from between two."""
    anchor = BEGAN + fraction
    edges = all_edges(profile, anchor, 5)
    until = BEGAN + 4 * DAY_S
    moments = [edges[0] - 1.0, *edges, *((one + other) / 2 for one, other in pairwise(edges))]
    for after in (each for each in moments if each < until):
        found, expected = profile.next_edge(after, anchor), min((edge for edge in edges if edge > after), default=None)
        assert (found is None) == (expected is None)
        # Two ways to add the same may differ by the last digit that a float of this size has.
        assert found is None or (found > after and expected is not None and abs(found - expected) < 1e-6)


@given(profiles(), st.floats(0, 1))
def test_each_edge_comes_once_and_in_order(profile: ChargingProfile, fraction: float) -> None:
    """Who goes from one to the next reaches the end."""
    found = list(profile.edges(BEGAN - 10.0, BEGAN + 3 * DAY_S, BEGAN + fraction))
    assert found == sorted(set(found))
    assert len(found) <= 40

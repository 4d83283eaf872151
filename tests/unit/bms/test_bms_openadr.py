"""OpenADR 3: from the events of a VEN to what the site may take."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.bms.openadr import EventsUnfit, OpenAdr, Span, allowed_w, spans_of
from edge.domain.limit import LimitSource
from tests.unit.bms.bms_site import NOON, Hands

LIMIT = "IMPORT_CAPACITY_LIMIT"


def event(
    *limits_kw: float, start: str = "2026-11-21T12:00:00Z", duration: str = "PT1H", **more: Any
) -> dict[str, Any]:
    """One that begins at noon, an hour for each limit."""
    return {
        "id": "4711",
        "eventName": "evening peak",
        "intervalPeriod": {"start": start, "duration": duration},
        "intervals": [
            {"id": number, "payloads": [{"type": LIMIT, "values": [limit_kw]}]}
            for number, limit_kw in enumerate(limits_kw)
        ],
    } | more


def course(events: object, hours: tuple[float, ...]) -> list[float | None]:
    """What may be taken so many hours after noon, in W."""
    spans = spans_of(events, site="x")
    return [allowed_w(spans, NOON + timedelta(hours=each)) for each in hours]


def test_intervals_follow_each_other() -> None:
    """Each holds from its begin until before its end; before and after nothing does."""
    assert course([event(10, 20.5)], (-0.01, 0, 0.99, 1, 1.99, 2)) == [None, 10_000, 10_000, 20_500, 20_500, None]


def test_of_several_events_the_lowest_holds() -> None:
    """Whatever their order and priority."""
    events = [event(10, priority=0), event(5, priority=9, start="2026-11-21T13:30:00+01:00")]
    assert course(events, (0.25, 0.75, 1.25)) == [10_000, 5_000, 5_000]


def test_an_interval_s_own_period_counts() -> None:
    """Instead of the event's; what follows it follows its end."""
    intervals = event(10, 20)["intervals"]
    intervals[0]["intervalPeriod"] = {"start": "2026-11-21T14:00:00Z", "duration": "PT15M"}
    assert course([event(intervals=intervals)], (0, 2, 2.25, 3.3)) == [None, 10_000, 20_000, None]


def test_what_has_no_end_is_followed_by_nothing() -> None:
    """A second interval without a period of its own would begin after "for ever"; one with its own begins by that."""
    endless = event(10, 0, duration="P9999Y")
    assert course([endless], (-1, 0, 9999)) == [None, 10_000, 10_000]
    endless["intervals"][1]["intervalPeriod"] = {"start": "2026-11-21T14:00:00Z", "duration": "PT1H"}
    assert course([endless], (-1, 1, 2, 3)) == [None, 10_000, 0, 10_000]


@pytest.mark.parametrize("period", [{"start": "0001-01-01T00:00:00Z", "duration": "P9999Y"}, None])
def test_without_a_begin_it_holds_now_and_until_it_is_withdrawn(period: dict[str, str] | None) -> None:
    """The standard's way to write "now" and "for ever"; and an event without any period."""
    assert course([event(7, intervalPeriod=period)], (-9999, 0, 9999)) == [7000, 7000, 7000]


@pytest.mark.parametrize(
    "unsaid",
    [
        {"start": "2026-11-21T12:00:00Z", "duration": None, "randomizeStart": None},
        {"start": "2026-11-21T12:00:00Z", "duration": "PT0S", "randomizeStart": "PT0S"},
        {"start": "2026-11-21T12:00:00Z", "randomizeStart": "P0S"},
    ],
)
def test_a_duration_that_is_not_given_has_no_end(unsaid: dict[str, str | None]) -> None:
    """Clients of 3.0 write out what isn't given: null, or the schema's default of 0 ("instantaneous or infinity,
    depending on payloadType"). A limit of no length would limit nothing."""
    assert course([event(7, intervalPeriod=unsaid)], (-1, 0, 9999)) == [None, 7000, 7000]


def test_the_begin_of_time_as_the_schema_of_3_0_0_writes_it() -> None:
    """0000-00-00, which is no date of the calendar."""
    assert course([event(7, start="0000-00-00")], (-9999, 9999)) == [7000, 7000]


@pytest.mark.parametrize("start", [{}, {"start": None}, {"start": "0001-01-01"}, {"start": "0001-01-01T00:00:00"}])
def test_an_interval_of_its_own_length_follows_the_one_before(start: dict[str, str | None]) -> None:
    """User Guide, example 7.4-1: the second of three lasts two hours, and the third begins after it."""
    intervals = event(10, 20, 30)["intervals"]
    intervals[1]["intervalPeriod"] = start | {"duration": "PT2H"}
    assert course([event(intervals=intervals)], (-1, 0, 1, 2.9, 3, 3.9, 4)) == [
        None,
        10_000,
        20_000,
        20_000,
        30_000,
        30_000,
        None,
    ]


def test_an_interval_of_its_own_begin_lasts_as_long_as_the_event_says() -> None:
    """The event's period is the default of each part of an interval's own."""
    intervals = event(10)["intervals"]
    intervals[0]["intervalPeriod"] = {"start": "2026-11-21T14:00:00Z"}
    assert course([event(intervals=intervals)], (0, 2, 2.9, 3)) == [None, 10_000, 10_000, None]


def test_the_event_s_own_duration_repeats_its_intervals() -> None:
    """User Guide §7.3: 24 hours with "P9999Y" are each day's, with "P7D" a week's; the first begins with the event."""
    hours = [5.0] * 4 + [50.0] * 20
    for_ever = event(*hours, duration="PT1H") | {"duration": "P9999Y"}
    assert course([for_ever], (-1, 0, 4, 24, 27.9, 28, 24 * 400 + 1)) == [
        None,
        5000,
        50_000,
        5000,
        5000,
        50_000,
        5000,
    ]
    a_week = event(*hours, duration="PT1H") | {"duration": "P7D"}
    assert course([a_week], (24 * 6, 24 * 7 - 1, 24 * 7)) == [5000, 50_000, None]


def test_the_event_s_own_duration_ends_it_early() -> None:
    """User Guide §7.3: of 24 hours with "PT12H" the last twelve are omitted; also what had no end."""
    assert course([event(10, 20) | {"duration": "PT90M"}], (1, 1.4, 1.5)) == [20_000, 20_000, None]
    assert course([event(10, duration="P9999Y") | {"duration": "PT2H"}], (0, 1.9, 2)) == [10_000, 10_000, None]
    assert course([event(10) | {"duration": None}], (0, 1)) == [10_000, None]


def test_a_request_for_reports_is_no_limit_and_in_no_limit_s_way() -> None:
    """User Guide §7.5: an event without intervals, or with intervals without payloads."""
    asks = [event() | {"intervals": None}, event(), event(intervals=[{"id": 0, "payloads": []}])]
    assert course([*asks, event(10)], (0, 1)) == [10_000, None]


def test_months_and_years_are_the_longest() -> None:
    """A limit that holds too long is the smaller harm."""
    assert course([event(10, duration="P1M")], (24 * 31 - 1, 24 * 31)) == [10_000, None]
    assert course([event(10, duration="P1Y")], (24 * 366 - 1, 24 * 366)) == [10_000, None]


def test_units_are_those_of_the_descriptor() -> None:
    """W where it says so, kW without."""
    described = event(4200, payloadDescriptors=[{"payloadType": LIMIT, "units": "W"}])
    assert course([described], (0,)) == [4200]
    with pytest.raises(EventsUnfit, match="unit of"):
        spans_of([event(1, payloadDescriptors=[{"payloadType": LIMIT, "units": "A"}])], site="x")


def test_prices_and_alerts_limit_nothing() -> None:
    """Only limits of import do."""
    intervals = [{"id": 0, "payloads": [{"type": "PRICE", "values": [0.3]}]}]
    assert course([event(intervals=intervals)], (0,)) == [None]


@pytest.mark.parametrize("bound", ["PT10M", "-PT10M"])
def test_a_random_start_is_the_same_whenever_it_is_read(bound: str) -> None:
    """Within its bound, another one at another site, and the whole event moves by it."""
    period = {"start": "2026-11-21T12:00:00Z", "duration": "PT1H", "randomizeStart": bound}
    events = [event(10, intervalPeriod=period)]
    (one,), (again,), (other,) = (spans_of(events, site=site) for site in ("x", "x", "y"))
    assert one == again != other
    for span in (one, other):
        assert span.begins is not None
        assert span.ends is not None
        assert abs(span.begins - NOON) <= timedelta(minutes=10)
        assert span.ends - span.begins == timedelta(hours=1)


def test_random_starts_are_as_often_early_as_late() -> None:
    """User Guide §7.3: "increment or decrement start times, with uniform probability distribution". Sites that only
    ever begin late leave the grid without the relief that it asked for at the begin, and shift the whole event."""
    period = {"start": "2026-11-21T12:00:00Z", "duration": "PT1H", "randomizeStart": "PT10M"}
    spans = [spans_of([event(10, intervalPeriod=period)], site=str(site))[0] for site in range(1000)]
    shifts_s = sorted((span.begins - NOON).total_seconds() for span in spans if span.begins is not None)
    assert [round(shifts_s[at] / 60) for at in (5, 250, 500, 750, 995)] == [-10, -5, 0, 5, 10]


def test_an_interval_s_random_start_moves_what_follows() -> None:
    """User Guide §7.3: by its own bound, and those that follow it by as much."""
    intervals = event(10, 20, 30)["intervals"]
    intervals[1]["intervalPeriod"] = {"start": "2026-11-21T14:00:00Z", "randomizeStart": "PT10M"}
    first, second, third = spans_of([event(intervals=intervals)], site="x")
    assert first.begins == NOON
    assert second.begins is not None
    assert second.begins != NOON + timedelta(hours=2)
    assert abs(second.begins - NOON - timedelta(hours=2)) <= timedelta(minutes=10)
    assert third.begins == second.ends == second.begins + timedelta(hours=1)


@pytest.mark.parametrize(
    ("events", "words"),
    [
        ({}, "no list"),
        ([1], "an event is no object"),
        ([event(intervals={})], "no list of at most"),
        ([event(1, intervalPeriod={"randomizeStart": "P9999Y"})], "randomizeStart has no end"),
        ([event(-1)], "no power of 0 or more"),
        ([event(float("nan"))], "no power of 0 or more"),
        ([event(1, start="noon")], "no date and time"),
        ([event(1, start="2026-11-21T12:00:00")], "no date and time"),
        ([event(1, duration="PT")], "a duration is none of"),
        ([event(1, duration="-PT1H")], "a duration is none of"),
        ([event(1, duration="P999999999D")], "a hundred years"),
        ([event(1, intervals=[{"payloads": [{"type": LIMIT, "values": [1, 2]}]}])], "not just one value"),
    ],
)
def test_what_is_wrong_is_told(events: object, words: str) -> None:
    """In a sentence, and nothing of it is taken."""
    with pytest.raises(EventsUnfit, match=words):
        spans_of(events, site="x")


junk = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=30) | st.just(LIMIT),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                ["intervals", "intervalPeriod", "payloads", "type", "values", "start", "duration", "randomizeStart"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=20,
)


@given(events=junk)
def test_any_events_are_read_or_refused(events: object) -> None:
    """Never another error, and never a limit below 0."""
    try:
        spans = spans_of(events, site="x")
    except EventsUnfit:
        return
    assert all(span.limit_w >= 0 for span in spans)


@given(
    starts=st.datetimes(min_value=datetime(1, 1, 2), max_value=datetime(9000, 12, 31), timezones=st.just(UTC)),  # noqa: DTZ001 - hypothesis adds the zone
    lasts=st.integers(1, 36_500),
)
def test_no_date_falls_off_the_calendar(starts: datetime, lasts: int) -> None:
    """However early or late."""
    text = starts.strftime("%Y").zfill(4) + starts.strftime("-%m-%dT%H:%M:%S+00:00")
    spans = spans_of([event(1, 1, 1, start=text, duration=f"P{lasts}D")], site="x")
    assert len(spans) == 3


def test_it_is_stated_when_it_changes() -> None:
    """At the begin, at the change, at the end; bad events leave those known before."""
    clock, adr, stated = Hands(), OpenAdr("main", site="x"), []
    adr.accept([event(10, 20)])
    with pytest.raises(EventsUnfit):
        adr.accept([1])
    for _ in range(10):
        limit = adr.observe({}, clock)
        if limit is not None:
            assert (limit.source, limit.circuit) == (LimitSource.OPENADR, "main")
            stated.append(limit.limit_w)
        clock.pass_s(1200)
    assert stated == [10_000, 20_000, None]


def test_while_the_clock_is_not_set_the_lowest_holds() -> None:
    """What isn't known is taken for the worse."""
    far = datetime(2030, 1, 1, tzinfo=UTC)
    assert (
        allowed_w([Span(begins=far, ends=None, limit_w=9.0), Span(begins=None, ends=None, limit_w=10.0)], None) == 9.0
    )

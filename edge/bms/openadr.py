"""OpenADR 3: what the events of a VEN allow a site to take from the grid. No transport: who polls the VTN hands in what
it got (``GET /events``), and this says what follows.

Read are payloads of the types :data:`LIMITS`, in kW unless the event says W. Of what holds the lowest counts: a limit
that is too low is the smaller harm. Other payload types (prices, alerts) limit nothing.

Times are as the User Guide of 3.1 has them in §7.3 and §7.4, and the schemas of 3.0, whose clients write out defaults:
a duration of ``null`` or ``PT0S`` is none that is given, a start of 0000-00-00 is "now".
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from hashlib import blake2s
from typing import Any

from edge.clock import Clock
from edge.domain.limit import LimitSource, LimitStated
from edge.units import Watts

LIMITS = frozenset({"IMPORT_CAPACITY_LIMIT", "IMPORT_CAPACITY_SUBSCRIPTION"})
UNITS: Mapping[str, float] = {"W": 1.0, "KW": 1000.0}
MOST_EVENTS = 200
MOST_INTERVALS = 1000  # of an event: ten days of quarter-hours
MOST_DAYS = 36_500  # of a duration
MOST_POWER = 1_000_000_000  # in W or kW: more than any grid carries, and a number in either
LAST_YEAR = 9000  # of a start: what follows it stays in the calendar
NOW = ("0001-01-01", "0000-00-00")  # starts that stand for "now" (definition §7; the latter of 3.0.0)
FOR_EVER = "P9999Y"
ENDLESS = timedelta.max
NONE_GIVEN = (None, "P0S")  # beside PT0S: the default of randomizeStart, as the User Guide spells it (§7.3)
DURATION = re.compile(r"P(?:(\d+)Y)?(?:(\d+)M)?(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?")
YEAR_DAYS, MONTH_DAYS = 366, 31  # the longest: a limit that holds too long is the smaller harm


class EventsUnfit(ValueError):
    """The events aren't as the specification has them. The text says what is wrong."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A limit from ``begins`` until before ``ends``; None: from always on, for ever. It comes again ``every`` so long
    (None: never), and is over ``until`` then at the latest.
    """

    begins: datetime | None
    ends: datetime | None
    limit_w: Watts
    every: timedelta | None = None
    until: datetime | None = None

    def holds(self, at: datetime) -> bool:
        if (self.begins is not None and at < self.begins) or (self.until is not None and at >= self.until):
            return False
        if self.begins is None or self.ends is None or self.every is None:
            return self.ends is None or at < self.ends
        return (at - self.begins) % self.every < self.ends - self.begins


def spans_of(events: object, *, site: str) -> tuple[Span, ...]:
    """The limits in the events of a programme.

    ``randomizeStart`` shifts an event, to earlier or later, by a part of it that is chance, and the same for the same
    event at the same ``site`` whenever it is read.

    :raises EventsUnfit: they can't be read.
    """
    if not isinstance(events, list) or len(events) > MOST_EVENTS:
        raise EventsUnfit(f"events is no list of at most {MOST_EVENTS} events")
    return tuple(span for event in events for span in _of_event(event, site))


def allowed_w(spans: Iterable[Span], at: datetime | None) -> Watts | None:
    """The lowest limit that holds; while the time isn't known (None) the lowest of all. None: no limit."""
    return min((span.limit_w for span in spans if at is None or span.holds(at)), default=None)


class OpenAdr:
    """The events known now. Implements :class:`edge.bms.watches.Watch`."""

    def __init__(self, circuit: str, *, site: str) -> None:
        self._circuit = circuit
        self._site = site
        self._spans: tuple[Span, ...] = ()
        self.events: object = []  # as they were handed in
        self._last: Watts | None = None

    def accept(self, events: object) -> None:
        """Replace all events by these.

        :raises EventsUnfit: see :func:`spans_of`; then those known before stay.
        """
        self._spans = spans_of(events, site=self._site)
        self.events = events

    def observe(self, report: Mapping[str, Any], clock: Clock) -> LimitStated | None:  # noqa: ARG002 - a watch's
        limit_w = allowed_w(self._spans, clock.wall() if clock.wall_is_trusted() else None)
        if limit_w == self._last:
            return None
        self._last = limit_w
        return LimitStated(source=LimitSource.OPENADR, circuit=self._circuit, at=clock.monotonic(), limit_w=limit_w)


def _of_event(event: object, site: str) -> Iterable[Span]:
    if not isinstance(event, dict):
        raise EventsUnfit("an event is no object")
    intervals = event.get("intervals")
    if intervals is None:  # it asks for reports alone (§7.5)
        return ()
    if not isinstance(intervals, list) or len(intervals) > MOST_INTERVALS:
        raise EventsUnfit(f"an event has no list of at most {MOST_INTERVALS} intervals")
    scale = _scales(event)
    default = _period(event.get("intervalPeriod"))
    spans: list[Span] = []
    cycle: list[tuple[datetime | None, datetime | None]] = []
    follows, is_endless, shift = default.start, False, _chance(event, default, site)
    for interval in intervals:
        if not isinstance(interval, dict):
            raise EventsUnfit("an interval is no object")
        own = _period(interval.get("intervalPeriod"))
        limits_w = tuple(_limits(interval, scale))
        if own.start is None and is_endless:  # what would follow never comes
            continue
        shift = _chance(event, own, site) if own.randomize else shift
        start = own.start or follows
        follows = _after(start, own.duration or default.duration or ENDLESS)
        is_endless = start is not None and follows is None
        begins, ends = _after(start, shift), _after(follows, shift)
        cycle.append((begins, ends))
        spans += [Span(begins=begins, ends=ends, limit_w=limit_w) for limit_w in limits_w]
    return _lasting(spans, cycle, _duration(event.get("duration")))


def _lasting(
    spans: Iterable[Span],
    cycle: Sequence[tuple[datetime | None, datetime | None]],
    lasts: timedelta | None,
) -> Iterable[Span]:
    """An event's own duration has its intervals, which take up ``cycle``, come again until it is over, or ends them
    early (§7.3 event.duration)."""
    begins = [begin for begin, _ in cycle if begin is not None]
    if lasts is None or len(begins) < len(cycle) or not begins:  # what has no begin holds until it is withdrawn
        return spans
    until = _after(min(begins), lasts)
    ends = [end for _, end in cycle if end is not None]
    every = max(ends) - min(begins) if len(ends) == len(cycle) else None
    if every is not None and lasts <= every:
        every = None
    return (replace(span, every=every, until=until) for span in spans)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Period:
    """What an intervalPeriod says; None of what it doesn't. A start that stands for "now" says none: what has none
    begins with the event, or follows the interval before (§7.3)."""

    start: datetime | None = None
    duration: timedelta | None = None
    randomize: timedelta | None = None


def _period(period: object) -> _Period:
    if period is None:
        return _Period()
    if not isinstance(period, dict):
        raise EventsUnfit("an intervalPeriod is no object")
    return _Period(
        start=_start(period.get("start")),
        duration=_duration(period.get("duration")),
        randomize=_bound(period.get("randomizeStart")),
    )


def _bound(text: object) -> timedelta | None:
    """A duration of either sign: its absolute value counts (User Guide §7.3)."""
    return _duration(text.removeprefix("-") if isinstance(text, str) else text)


def _start(text: object) -> datetime | None:
    if text is None:
        return None
    if isinstance(text, str):
        if text.startswith(NOW):
            return None
        try:
            at = datetime.fromisoformat(text)
        except ValueError:
            pass
        else:
            if at.tzinfo is not None and at.year <= LAST_YEAR:
                return at.astimezone(UTC)
    raise EventsUnfit("a start is no date and time with its offset")


def _duration(text: object) -> timedelta | None:
    """None where none is given, as which a schema's default of 0 counts."""
    if text in NONE_GIVEN:
        return None
    if text == FOR_EVER:
        return ENDLESS
    found = DURATION.fullmatch(text) if isinstance(text, str) else None
    if found is None or not any(found.groups()):
        raise EventsUnfit(
            "a duration is none of years, months, weeks, days, hours, minutes and seconds (PT15M), nor P9999Y"
        )
    years, months, weeks, days, hours, minutes, seconds = (float(each or 0) for each in found.groups())
    days += years * YEAR_DAYS + months * MONTH_DAYS + weeks * 7
    if days + hours / 24 + minutes / 1440 + seconds / 86_400 > MOST_DAYS:
        raise EventsUnfit("a duration is longer than a hundred years")
    return timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds) or None


def _after(start: datetime | None, lasts: timedelta) -> datetime | None:
    """None where either is open: what has no start is there now, and ends with the event."""
    if start is None or lasts is ENDLESS:
        return None
    try:
        return start + lasts
    except OverflowError:
        return None


def _chance(event: Mapping[str, Any], period: _Period, site: str) -> timedelta:
    """By how much a start is shifted: "some amount, positive or negative", evenly spread (User Guide §7.3)."""
    if period.randomize is None:
        return timedelta()
    if period.randomize is ENDLESS:
        raise EventsUnfit("randomizeStart has no end")
    return period.randomize * (2 * _fraction(f"{site} {event.get('id') or event.get('eventName')}") - 1)


def _fraction(text: str) -> float:
    """A number of 0 to 1 that is chance, and this text's for ever."""
    return int.from_bytes(blake2s(text.encode(), digest_size=4).digest(), "big") / 2**32


def _scales(event: Mapping[str, Any]) -> Mapping[str, float]:
    """Watts in a unit of each payload type: kW, unless a descriptor says otherwise."""
    found = {}
    descriptors = event.get("payloadDescriptors") or ()
    if not isinstance(descriptors, list | tuple):
        raise EventsUnfit("payloadDescriptors is no list")
    for descriptor in descriptors:
        if not isinstance(descriptor, dict):
            continue
        kind, unit = descriptor.get("payloadType"), descriptor.get("units")
        if not isinstance(kind, str) or kind not in LIMITS or not unit:
            continue
        if not isinstance(unit, str) or unit not in UNITS:
            raise EventsUnfit(f"the unit of {kind} is none of {', '.join(UNITS)}")
        found[kind] = UNITS[unit]
    return found


def _limits(interval: Mapping[str, Any], scales: Mapping[str, float]) -> Iterable[Watts]:
    payloads = interval.get("payloads")
    if not isinstance(payloads, list):
        raise EventsUnfit("an interval has no list of payloads")
    for payload in payloads:
        if not isinstance(payload, dict) or not isinstance(payload.get("type"), str):
            raise EventsUnfit("a payload has no type")
        if payload["type"] not in LIMITS:
            continue
        values = payload.get("values")
        if not isinstance(values, list) or len(values) != 1:
            raise EventsUnfit(f"{payload['type']} has not just one value")
        (value,) = values
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= MOST_POWER:
            raise EventsUnfit(f"{payload['type']} is no power of 0 or more, up to {MOST_POWER}")
        yield float(value) * scales.get(payload["type"], UNITS["KW"])

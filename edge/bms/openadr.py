"""OpenADR 3: what the events of a VEN allow a site to take from the grid. No transport: who polls the VTN hands in what
it got (``GET /events``), and this says what follows.

Read are payloads of the types :data:`LIMITS`, in kW unless the event says W. Of what holds the lowest counts: a limit
that is too low is the smaller harm. Other payload types (prices, alerts) limit nothing.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
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
NOW = "0001-01-01"  # a start that stands for "now" (definition §7)
FOR_EVER = "P9999Y"
DURATION = re.compile(r"P(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?")


class EventsUnfit(ValueError):
    """The events aren't as the specification has them. The text says what is wrong."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A limit from ``begins`` until before ``ends``; None: from always on, for ever."""

    begins: datetime | None
    ends: datetime | None
    limit_w: Watts

    def holds(self, at: datetime) -> bool:
        return (self.begins is None or self.begins <= at) and (self.ends is None or at < self.ends)


def spans_of(events: object, *, site: str) -> tuple[Span, ...]:
    """The limits in the events of a programme.

    ``randomizeStart`` delays an event by a part of it that is chance, and the same for the same event at the same
    ``site`` whenever it is read.

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
    if not isinstance(intervals, list) or not 1 <= len(intervals) <= MOST_INTERVALS:
        raise EventsUnfit(f"an event has no list of 1 to {MOST_INTERVALS} intervals")
    scale = _scales(event)
    period = event.get("intervalPeriod")
    begins, duration = _period(period) if period is not None else (None, None)
    late = _chance(period, site, event.get("id") or event.get("eventName"))
    follows, is_endless = begins, False
    for interval in intervals:
        if not isinstance(interval, dict):
            raise EventsUnfit("an interval is no object")
        own = interval.get("intervalPeriod")
        limits_w = tuple(_limits(interval, scale))
        if own is None and is_endless:  # what would follow never comes
            continue
        start, lasts = _period(own) if own is not None else (follows, duration)
        follows, is_endless = _after(start, lasts), start is not None and lasts is None
        for limit_w in limits_w:
            yield Span(begins=_after(start, late) if start else None, ends=_after(follows, late), limit_w=limit_w)


def _period(period: object) -> tuple[datetime | None, timedelta | None]:
    if not isinstance(period, dict):
        raise EventsUnfit("an intervalPeriod is no object")
    return _start(period.get("start")), _duration(period.get("duration", FOR_EVER))


def _start(text: object) -> datetime | None:
    """None: at once."""
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
    """None: for ever."""
    if text == FOR_EVER:
        return None
    found = DURATION.fullmatch(text) if isinstance(text, str) else None
    if found is None or not any(found.groups()):
        raise EventsUnfit("a duration is none of weeks, days, hours, minutes and seconds (PT15M), nor P9999Y")
    weeks, days, hours, minutes, seconds = (float(each or 0) for each in found.groups())
    if weeks * 7 + days + hours / 24 + minutes / 1440 + seconds / 86_400 > MOST_DAYS:
        raise EventsUnfit("a duration is longer than a hundred years")
    return timedelta(weeks=weeks, days=days, hours=hours, minutes=minutes, seconds=seconds)


def _after(start: datetime | None, lasts: timedelta | None) -> datetime | None:
    """None where either is open: what has no start is there now, and ends with the event."""
    if start is None or lasts is None:
        return None
    try:
        return start + lasts
    except OverflowError:
        return None


def _chance(period: object, site: str, identity: object) -> timedelta:
    most = _duration(period["randomizeStart"]) if isinstance(period, dict) and "randomizeStart" in period else None
    return most * _fraction(f"{site} {identity}") if most is not None else timedelta()


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

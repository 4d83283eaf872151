"""Commands that come over MQTT: what is accepted, what it means, and what is answered. No socket, no clock."""

import math
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import blake2s
from typing import Any

import orjson

from edge.bms.limits_memory import Demanded
from edge.bms.mqtt_topics import Message
from edge.bms.settings import Bounds, WritePolicy
from edge.domain.limit import LimitSource, LimitStated
from edge.units import Seconds

OLDEST_S = 60.0  # a command older than this was meant for a site that has changed since
NEWEST_S = 60.0  # clocks differ; further ahead is a clock that is set wrong
LONGEST_VALID_S = 3600.0  # as over Modbus
MILLISECONDS_FROM = 1e11  # as seconds since 1970 the year 5138; as milliseconds 1973
AGAIN = "carried out when it first came; the same message once more renews nothing: give it a new id and ts"
LARGEST = 4096  # bytes of a command: ten times what one takes
LARGEST_EVENTS = 64_000  # of the events of OpenADR: a day of quarter-hours takes 10,000
EVENTS = "cmd/openadr"
LONGEST_ID = 128  # characters
REMEMBERED = 256  # commands carried out that are kept, as they may be delivered twice (QoS 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Now:
    """The time at which a command arrives; ``wall`` is None while the wall clock isn't to be believed."""

    monotonic: Seconds
    wall: datetime | None


class Rejected(Exception):
    """The command isn't carried out. The text is the reason that is answered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """``state`` is the limit that the command states, None when it is rejected or was carried out before."""

    state: LimitStated | None = None
    dim: bool | None = None
    id: str | None = None
    accepted: bool = False
    reason: str = ""


# Carries out a command at a monotonic time; raises Rejected or ValueError with the reason when it doesn't.
Handler = Callable[[Mapping[str, Any], Seconds], None]


class Commands:
    """Judges the messages of the command topics: ``cmd/limit``, ``cmd/grid``, and those of ``handlers``."""

    def __init__(
        self,
        *,
        base: str,
        circuit: str,
        policy: WritePolicy,
        bounds: Bounds,
        grid: bool,
        handlers: Mapping[str, Handler] | None = None,
    ) -> None:
        self.limit_topic = f"{base}/cmd/limit"
        self.grid_topic = f"{base}/cmd/grid"
        self._circuit = circuit
        self._policy = policy
        self._bounds = bounds
        self._grid = grid
        self._handlers = {f"{base}/{topic}": handler for topic, handler in (handlers or {}).items()}
        self._events_topic = f"{base}/{EVENTS}"
        self._carried_out: OrderedDict[tuple[str, str], bytes] = OrderedDict()  # and a digest of what it said
        self._newest: dict[str, datetime] = {}

    @property
    def topics(self) -> tuple[str, ...]:
        """What is to be subscribed to."""
        return (self.limit_topic, *((self.grid_topic,) if self._grid else ()), *self._handlers)

    def first(self, now: Seconds, before: Demanded | None = None) -> LimitStated | None:
        """What holds of a BMS that may write and hasn't yet: what it had demanded before the start, or the time of its
        silence runs from there. None where it may write nothing.
        """
        if not self._policy.writable:
            return None
        if before is None:
            return self._limit(now, {}, self._policy.limit_timeout_s)
        return self._limit(now, {"limit_a": before.limit_a, "limit_w": before.limit_w}, before.left_s)

    def receive(self, topic: str, payload: bytes, *, retained: bool, now: Now) -> Outcome | None:
        """Judge one message; None for one that isn't answered: retained, or not a command at all."""
        if topic not in self.topics or retained:
            return None
        identity: str | None = None
        try:
            document = self._document(topic, payload)
            identity = _identity(document)
            before = self._carried_out.get((topic, identity))
            if before == blake2s(payload).digest():
                return Outcome(id=identity, accepted=True, reason=AGAIN)
            outcome = self._judge(topic, document, identity, now)
        except Rejected as reason:
            outcome = Outcome(id=identity, reason=str(reason))
        if identity is not None and outcome.accepted:  # what was refused has done nothing, and may fit the next time
            self._carried_out[topic, identity] = blake2s(payload).digest()
            while len(self._carried_out) > REMEMBERED:
                self._carried_out.popitem(last=False)
        return outcome

    def may_count(self, topic: str, payload: bytes, *, retained: bool, now: Now) -> bool:
        """Whether :meth:`receive` may carry it out: a command, from now. Does nothing, and takes microseconds."""
        if retained or not self._policy.writable or payload.lstrip()[:1] != b"{":
            return False
        try:
            document = self._document(topic, payload)
            _identity(document)
            _stamp(document, now)
        except Rejected:
            return False
        return True

    def _document(self, topic: str, payload: bytes) -> Mapping[str, Any]:
        return _document(payload, most=LARGEST_EVENTS if topic == self._events_topic else LARGEST)

    def acknowledgement(self, topic: str, outcome: Outcome, effective: Mapping[str, Any]) -> Message:
        """The answer to a command. ``effective`` is what holds now for the grid connection."""
        body = {
            "id": outcome.id,
            "accepted": outcome.accepted,
            "reason": outcome.reason,
            "effective": dict(effective),
        }
        return Message(topic=f"{topic}/ack", payload=orjson.dumps(body), qos=1)

    def _judge(self, topic: str, document: Mapping[str, Any], identity: str, now: Now) -> Outcome:
        if not self._policy.writable:
            raise Rejected("commands are switched off: writable = true in [bms.mqtt] switches them on")
        at, wall = _stamp(document, now)
        newest = self._newest.get(topic, at)
        # One far ahead of now is of before the clock was set back: nothing follows from it.
        if at < newest and (newest - wall).total_seconds() <= NEWEST_S:
            raise Rejected("a newer command was carried out already")
        if topic == self.grid_topic:
            dim = document.get("dim")
            if not isinstance(dim, bool):
                raise Rejected("dim is missing: true or false")
            self._newest[topic] = at
            return Outcome(dim=dim, id=identity, accepted=True, reason="carried out")
        if topic in self._handlers:
            try:
                self._handlers[topic](document, now.monotonic)
            except ValueError as exc:
                raise Rejected(str(exc)) from exc
            self._newest[topic] = at
            return Outcome(id=identity, accepted=True, reason="carried out")
        return self._demand(document, identity, at, now)

    def _demand(self, document: Mapping[str, Any], identity: str, at: datetime, now: Now) -> Outcome:
        """A command of the building's."""
        demanded = {
            "limit_w": number(document, "max_w", most=self._bounds.most_w),
            "limit_a": number(document, "max_a", most=self._bounds.most_a),
        }
        if not {"max_w", "max_a"} & document.keys():
            raise Rejected("neither max_w nor max_a is given; null stands for no limit")
        valid_s = holds_for(document, self._policy.limit_timeout_s)
        self._newest[self.limit_topic] = at
        state = self._limit(now.monotonic, demanded, valid_s)
        return Outcome(state=state, id=identity, accepted=True, reason="carried out")

    def _limit(self, now: Seconds, demanded: Mapping[str, float | None], valid_s: Seconds) -> LimitStated:
        return LimitStated(
            source=LimitSource.BMS_MQTT,
            circuit=self._circuit,
            at=now,
            limit_a=demanded.get("limit_a"),
            limit_w=demanded.get("limit_w"),
            ends_at=now + valid_s,
            fallback_a=self._policy.fallback_a,
        )


def _document(payload: bytes, *, most: int) -> Mapping[str, Any]:
    if len(payload) > most:
        raise Rejected(f"longer than {most} bytes")
    try:
        document = orjson.loads(payload)
    except orjson.JSONDecodeError:
        raise Rejected("no JSON") from None
    if not isinstance(document, dict):
        raise Rejected("no JSON object")
    return document


def _identity(document: Mapping[str, Any]) -> str:
    identity = document.get("id")
    if isinstance(identity, int) and not isinstance(identity, bool):
        identity = str(identity)
    if not isinstance(identity, str) or not 1 <= len(identity) <= LONGEST_ID:
        raise Rejected(f"id is missing: a text of 1 to {LONGEST_ID} characters")
    return identity


def number(document: Mapping[str, Any], name: str, *, most: float) -> float | None:
    """The number, 0 to ``most``; None where it is absent or null."""
    value = document.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise Rejected(f"{name} is no number")
    if not 0 <= value <= most:
        raise Rejected(f"{name} is out of range: 0 to {most:g}")
    return float(value)


def holds_for(document: Mapping[str, Any], configured_s: Seconds) -> Seconds:
    """How long the command holds: its ``valid_s``, or what is configured where it names none.

    :raises Rejected: it names a time that is none, 0, or too long.
    """
    value = document.get("valid_s")
    if value is None:
        return configured_s
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise Rejected("valid_s is no number")
    if not 0 < value <= LONGEST_VALID_S:
        raise Rejected(f"valid_s is {value:g}: above 0, up to {LONGEST_VALID_S:g}; left out, the configured time holds")
    return float(value)


def _stamp(document: Mapping[str, Any], now: Now) -> tuple[datetime, datetime]:
    """When the command was given, which must be now within bounds; and what the gateway's clock says."""
    if now.wall is None:
        raise Rejected("the gateway's clock is not set, so that nothing can be said of the command's age")
    at = _moment(document.get("ts"))
    age_s = (now.wall - at).total_seconds()
    if age_s > OLDEST_S:
        raise Rejected(f"ts is {age_s:.0f} s old, more than {OLDEST_S:g}")
    if age_s < -NEWEST_S:
        raise Rejected(f"ts is {-age_s:.0f} s ahead, more than {NEWEST_S:g}")
    return at, now.wall


def _moment(value: object) -> datetime:
    """A time stamp: ISO 8601 with its offset, or since 1970 seconds or milliseconds (what Node-RED's "timestamp" and
    Java's clock give)."""
    try:
        if isinstance(value, str):
            at = datetime.fromisoformat(value)
            if at.tzinfo is not None:
                return at.astimezone(UTC)
        elif isinstance(value, int | float) and not isinstance(value, bool):
            return datetime.fromtimestamp(value if value < MILLISECONDS_FROM else value / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        pass
    raise Rejected("ts is missing or can't be read: ISO 8601 with its offset, or seconds or milliseconds since 1970")

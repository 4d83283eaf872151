"""Who may call the station next: the cloud and the gateway share one line (OCPP-J 1.6 §4.1.1). Sans-I/O.

At most one CALL is outstanding. The gateway's limits overtake whatever waits, then come the cloud's CALLs, then the
gateway's own questions. A CALL that stays unanswered frees the line when its time is up; should its answer come after
all, it is still recognised.
"""

from collections import OrderedDict, deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, assert_never

from edge.domain.setpoint import LimitCommand, Purpose
from edge.domain.site import EvseKey
from edge.ocpp.wire import Call
from edge.units import Seconds

CLOUD_TIMEOUT_S = 30.0  # what common CSMS allow a station; UnlockConnector and GetDiagnostics need many seconds
OWN_TIMEOUT_S = 10.0  # a station that takes longer to confirm a limit counts as silent (design, exposure)
CLOUD_QUEUE = 64  # a cloud that keeps to the one-CALL rule never has two waiting
LATE_KEPT = 16  # unanswered CALLs whose late answers are still recognised
MAX_NONCE = 16  # of the 36 characters of a message id (OCPP-J 1.6 §4.1.4), it leaves 14 for the counter


@dataclass(frozen=True, slots=True, kw_only=True)
class CloudCall:
    """A CALL of the cloud; ``epoch`` tells the upstream connections apart."""

    call: Call
    epoch: int
    since: Seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitCall:
    """A limit of ours."""

    command: LimitCommand


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnCall:
    """A question of ours that can wait."""

    action: str
    payload: Mapping[str, Any]


Work = CloudCall | LimitCall | OwnCall


@dataclass(frozen=True, slots=True, kw_only=True)
class Outstanding:
    """A CALL that the station has not answered yet.

    ``id`` is the one it went out under: the cloud's own, unless an answer to that could be taken for another's.
    """

    id: str
    work: Work
    sent: Seconds
    deadline: Seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """The CALL that an answer belongs to. ``late``: its time was up, and the line may be another's by now.

    ``overtaken``: the cloud has made another CALL under the id of this one since, whose answer it would be taken for.
    """

    work: Work
    sent: Seconds
    late: bool
    overtaken: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Abandoned:
    """What :meth:`Arbiter.clear` gives up: the CALL on the line, and what never went out."""

    outstanding: Work | None
    queued: tuple[Work, ...]


class Arbiter:
    """The line toward one station.

    ``nonce`` makes the gateway's message ids unpredictable and new at each start of the program: 16 characters at most.
    """

    def __init__(self, nonce: str) -> None:
        if len(nonce) > MAX_NONCE:
            raise ValueError(f"nonce {nonce!r} has more than {MAX_NONCE} characters: no room for a counter")
        self._prefix = f"edge-{nonce}-"
        self._count = 0
        self._outstanding: Outstanding | None = None
        self._limits: OrderedDict[tuple[EvseKey, Purpose], LimitCall] = OrderedDict()
        self._cloud: deque[CloudCall] = deque()
        self._own: deque[OwnCall] = deque()
        self._late: OrderedDict[str, Outstanding] = OrderedDict()
        self._overtaken: set[str] = set()  # of the late ones

    @property
    def outstanding(self) -> Outstanding | None:
        """The CALL on the line."""
        return self._outstanding

    @property
    def is_idle(self) -> bool:
        """Whether nothing is on the line and nothing waits for it."""
        return self._outstanding is None and not (self._limits or self._cloud or self._own)

    def add_cloud(self, work: CloudCall) -> bool:
        """Queue a CALL of the cloud; False when the queue is full."""
        if len(self._cloud) >= CLOUD_QUEUE:
            return False
        self._cloud.append(work)
        self._overtaken.update(known for known, late in self._late.items() if _is_under_id_of(late, work))
        return True

    def repeats(self, work: CloudCall) -> bool:
        """Whether this very message of the cloud waits or is on the line already: one answer serves both."""
        on_line = [self._outstanding.work] if self._outstanding is not None else []
        return any(
            isinstance(other, CloudCall) and other.epoch == work.epoch and other.call.text == work.call.text
            for other in (*on_line, *self._cloud)
        )

    def add_limit(self, command: LimitCommand) -> LimitCommand | None:
        """Queue a limit; return the one that waited for the same EVSE and purpose and is now replaced."""
        key = (command.key, command.purpose)
        replaced = self._limits.get(key)
        self._limits[key] = LimitCall(command=command)
        return replaced.command if replaced else None

    def has_limit(self, slot: tuple[EvseKey, Purpose]) -> bool:
        """Whether one for this EVSE and purpose waits, or is on the line."""
        on_line = self._outstanding.work if self._outstanding is not None else None
        is_out = isinstance(on_line, LimitCall) and (on_line.command.key, on_line.command.purpose) == slot
        return is_out or slot in self._limits

    def add_own(self, work: OwnCall) -> None:
        """Queue a question of ours."""
        self._own.append(work)

    def has_own(self, work: OwnCall) -> bool:
        """Whether this very question waits, or is on the line."""
        return work in self._own or (self._outstanding is not None and self._outstanding.work == work)

    def take(self, now: Seconds) -> Outstanding | None:
        """Put the next CALL on the line and return it; None when the line is taken or nothing waits."""
        if self._outstanding is not None:
            return None
        work: Work
        if self._limits:
            _, work = self._limits.popitem(last=False)
        elif self._cloud:
            work = self._cloud.popleft()
        elif self._own:
            work = self._own.popleft()
        else:
            return None
        if isinstance(work, CloudCall):
            # Under the id of a CALL that was never answered, its late answer would be taken for this one's.
            ambiguous = work.call.id in self._late or work.call.id.startswith(self._prefix)
            identifier = self._fresh_id() if ambiguous else work.call.id
            self._outstanding = Outstanding(id=identifier, work=work, sent=now, deadline=now + CLOUD_TIMEOUT_S)
        else:
            deadline = now + OWN_TIMEOUT_S
            self._outstanding = Outstanding(id=self._fresh_id(), work=work, sent=now, deadline=deadline)
        return self._outstanding

    def answered(self, identifier: str) -> Answered | None:
        """Match an answer of the station and free the line; None when nothing of that id was asked."""
        if self._outstanding is not None and self._outstanding.id == identifier:
            answered, self._outstanding = self._outstanding, None
            return Answered(work=answered.work, sent=answered.sent, late=False)
        late = self._late.pop(identifier, None)
        if late is None:
            return None
        overtaken = identifier in self._overtaken
        self._overtaken.discard(identifier)
        return Answered(work=late.work, sent=late.sent, late=True, overtaken=overtaken)

    def expire(self, now: Seconds) -> Work | None:
        """Free the line of a CALL whose time is up, and return it."""
        expired = self._outstanding
        if expired is None or now < expired.deadline:
            return None
        self._outstanding = None
        self._late[expired.id] = expired
        self._late.move_to_end(expired.id)
        if any(_is_under_id_of(expired, work) for work in self._cloud):
            self._overtaken.add(expired.id)
        while len(self._late) > LATE_KEPT:
            self._overtaken.discard(self._late.popitem(last=False)[0])
        return expired.work

    def stale_cloud(self, now: Seconds) -> list[CloudCall]:
        """Take out the cloud's CALLs that waited so long for the line that the cloud no longer expects them done."""
        stale = []
        while self._cloud and now - self._cloud[0].since >= CLOUD_TIMEOUT_S:
            stale.append(self._cloud.popleft())
        return stale

    def drop_cloud(self) -> list[CloudCall]:
        """The cloud is gone: forget its CALLs that never went out, and return them."""
        dropped = list(self._cloud)
        self._cloud.clear()
        return dropped

    def clear(self) -> Abandoned:
        """The station is gone: forget everything."""
        outstanding = self._outstanding.work if self._outstanding else None
        abandoned = Abandoned(outstanding=outstanding, queued=(*self._limits.values(), *self._cloud, *self._own))
        self._outstanding = None
        self._limits.clear()
        self._cloud.clear()
        self._own.clear()
        self._late.clear()
        self._overtaken.clear()
        return abandoned

    def _fresh_id(self) -> str:
        """An id of ours that the cloud isn't using at this moment."""
        taken = {work.call.id for work in self._cloud} | self._late.keys()
        while True:
            self._count += 1
            identifier = f"{self._prefix}{self._count:x}"
            if identifier not in taken:
                return identifier


def _is_under_id_of(late: Outstanding, work: CloudCall) -> bool:
    """Whether a CALL of the cloud bears the id of one that the station hasn't answered."""
    return isinstance(late.work, CloudCall) and late.work.call.id == work.call.id


def action_of(work: Work) -> str:
    """The action of its CALL."""
    match work:
        case CloudCall():
            return work.call.action
        case LimitCall():
            return "SetChargingProfile"
        case OwnCall():
            return work.action
        case _:
            assert_never(work)

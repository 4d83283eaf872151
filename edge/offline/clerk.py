"""Who sits at a station's desk: takes what the proxy hands over, and hands back what the desk (or the witness, where a
station is always answered by its cloud) wants done.

Satisfies the proxy's port for standing in for a cloud (``StandIn`` in the room of the proxy).
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Protocol, TypeAlias

from edge.clock import Clock
from edge.domain.journal import PUT_OFF
from edge.domain.token import LocalRules
from edge.offline import delivery, local_list
from edge.offline.charges import has_told_end
from edge.offline.desk import Desk
from edge.offline.edition import Edition
from edge.offline.message import Request, mapping
from edge.offline.runner import Keeper, Ports, Runner
from edge.offline.shown_time import ShownTime
from edge.offline.steps import EndSession, Judged, Keep, Note
from edge.offline.thinning import Slip
from edge.offline.token_info import token_in
from edge.offline.witness import Witness
from edge.units import WattHours

Listener: TypeAlias = Callable[[Judged | EndSession], None]


class Line(Protocol):
    """The station's sockets. None of these blocks or fails."""

    def to_station(self, text: str) -> None: ...
    def to_cloud(self, identifier: str, text: str) -> None: ...
    def end_session(self, transaction: str) -> None: ...
    def time_said(self) -> datetime | None: ...


class Clerk:
    """One station's. ``listener`` hears who is let in and whose session is to end: for the control. ``shown``: what
    time it is where our clock doesn't say."""

    def __init__(
        self,
        desk: Desk | Witness,
        keeper: Keeper,
        clock: Clock,
        listener: Listener,
        shown: ShownTime | None = None,
    ) -> None:
        self.desk = desk
        self._clock = clock
        self._listener = listener
        self._line: Line | None = None
        self._shown = shown if shown is not None else ShownTime(clock)
        if isinstance(desk, Desk):
            desk.time_shown = self._time_shown
        ports = Ports(
            to_station=self._to_station, to_cloud=self._to_cloud, judged=listener, end_session=self._end_session
        )
        self.runner = Runner(desk, ports, keeper, clock)

    def attach(self, line: Line) -> None:
        """From now on this line leads to station and cloud."""
        self._line = line

    def station_connected(self, subprotocol: str) -> None:
        """The station is there, and speaks this edition."""
        self.runner.do(self.desk.station_connected(Edition(subprotocol)))

    def station_gone(self) -> None:
        """It is gone, and its cloud connection with it: what was to be sent on either is void."""
        self.runner.line_broken(station=True, cloud=True)
        self.runner.do(self.desk.station_gone())

    def cloud_connected(self) -> None:
        """The station's upstream connection is up."""
        if isinstance(self.desk, Witness):
            self.runner.do(self.desk.cloud_connected(self._clock.wall()))
        else:
            self.runner.do(self.desk.cloud_connected(self._clock.monotonic()))

    @property
    def owed(self) -> int:
        """How many messages wait for the cloud; a witness keeps none."""
        return len(self.desk.book.backlog) if isinstance(self.desk, Desk) else 0

    @property
    def speaks(self) -> str:
        """The station's edition, as far as it is known."""
        return self.desk.book.edition.value

    def courier_connected(self, subprotocol: str) -> None:
        """There is a cloud, and no station."""
        if isinstance(self.desk, Desk):
            self.desk.book.edition = Edition(subprotocol)
            self.runner.do(self.desk.cloud_connected(self._clock.monotonic()))

    def cloud_lost(self) -> None:
        """It is lost, or couldn't be had: who waits for the cloud is answered here."""
        self.runner.line_broken(cloud=True)
        wall = self._clock.wall()
        self.runner.do(self.desk.cloud_lost() if isinstance(self.desk, Witness) else self.desk.cloud_lost(wall))

    def passes(self, identifier: str, action: str, payload: Any, text: str, *, signed: bool) -> bool:
        """Whether this CALL of the station just goes to the cloud; if so, it counts as sent."""
        if not self.runner.idle or not self.desk.may_pass(action):
            return False
        request = Request(id=identifier, action=action, payload=payload, text=text, signed=signed)
        if isinstance(self.desk, Witness):
            return self.desk.passes(request)
        return self.desk.passes(request, self._clock.monotonic())

    def passed(self, identifier: str) -> bool:
        """Whether the cloud's answer to this CALL just goes to the station."""
        return self.runner.idle and self.desk.passed(identifier)

    def station_calls(self, identifier: str, action: str, payload: Any, text: str, *, signed: bool) -> None:
        """The station makes a CALL."""
        request = Request(id=identifier, action=action, payload=payload, text=text, signed=signed)
        now, wall = self._clock.monotonic(), self._clock.wall()
        if isinstance(self.desk, Witness):
            self.runner.do(self.desk.from_station(request, wall))
        else:
            self.runner.do(self.desk.from_station(request, now, wall))

    def reads(self, action: str, payload: Any, text: str) -> None:
        """The station has made a CALL that its cloud doesn't get, and been answered."""
        request = Request(id="", action=action, payload=payload, text=text)
        self.runner.do(self.desk.reads(request, self._clock.wall()))

    def came_as(self, identifier: str) -> str:
        """Under which id the cloud gave the answer that the station got under this one."""
        return self.desk.book.came_as.of(identifier)

    def cloud_answers(
        self, identifier: str, text: str, *, payload: Any = None, error: tuple[str, str] | None = None
    ) -> None:
        """The cloud answers."""
        now, wall = self._clock.monotonic(), self._clock.wall()
        if isinstance(self.desk, Witness):
            self.runner.do(self.desk.from_cloud(identifier, text, wall, answer=payload, error=error))
        else:
            self.runner.do(self.desk.from_cloud(identifier, text, now, wall, answer=payload, error=error))

    @property
    def cloud_listens(self) -> bool:
        """Whether the cloud has heard of the station's boot, and taken it in; a witness doesn't know."""
        boot = self.desk.book.boot
        return isinstance(self.desk, Witness) or not (boot.owed or boot.status in PUT_OFF)

    @property
    def rests(self) -> bool:
        """Whether time has nothing to change."""
        return self.desk.rests

    def tick(self) -> None:
        """Time passes."""
        self.runner.do(self.desk.tick(self._clock.monotonic(), self._clock.wall()))

    def to_station(self, identifier: str, action: str, payload: Any, text: str) -> str:
        """A CALL of the cloud as the station is to get it."""
        if isinstance(self.desk, Witness):
            return text
        return self.desk.to_station(Request(id=identifier, action=action, payload=payload, text=text))

    def evse_of(self, transaction: str) -> int | None:
        """The EVSE (connector) on which a transaction of the station runs, as far as that is known."""
        record = self.desk.book.charges.get(transaction)
        return record.connector if record is not None and record.ended is None else None

    def began_at_wh(self, transaction: str) -> WattHours | None:
        """The register of its EVSE at the begin of a transaction that runs, as far as that is known."""
        session = self.desk.book.accounts.get(transaction)
        return (
            float(session.register_begin_wh) if session is not None and session.register_begin_wh is not None else None
        )

    def was_let_in(self, transaction: str) -> bool | None:
        """Whether a token was shown for a transaction that runs and whose begin was heard, or something has been drawn
        in it: a session may need no token. None of any other."""
        record, session = self.desk.book.charges.get(transaction), self.desk.book.accounts.get(transaction)
        if record is None or record.began is None or record.ended is not None:
            return None
        has_begun = session is not None and (session.token is not None or session.energy_wh > 0)
        return record.token is not None or has_begun

    def running_on(self, evse: int) -> str | None:
        """The newest transaction that runs there and whose begin was answered, as far as that is known."""
        running = [record for record in self.desk.book.charges.running() if record.connector == evse]
        return running[-1].key if running and running[-1].answer is not None else None

    def has_ended(self, transaction: str) -> bool:
        """Whether the end of this transaction was told, as far as that is known."""
        record = self.desk.book.charges.get(transaction)
        return record is not None and has_told_end(record)

    @property
    def wants_rules(self) -> bool:
        """Whether what a station's configuration lets be judged without its cloud binds here."""
        return not isinstance(self.desk, Witness) and self.desk.book.tokens.follows_stations

    def allows(self, rules: LocalRules) -> None:
        """The station's configuration lets so much be judged without its cloud."""
        book = self.desk.book
        if book.tokens.bind(book.id, rules) and self.wants_rules:
            what = "a station's configuration says who is let in without its cloud"
            lets_in = book.tokens.lets_in(book.id)
            named = "list and cache" if lets_in is None else "the site's own alone" if lets_in == "own" else lets_in
            self.runner.do([Note("info", what, {"station": book.id, "lets_in": named})])

    def list_answered(
        self, action: str, payload: Any, *, answer: Any = None, error: str | None = None
    ) -> Mapping[str, Any] | None:
        """The station has answered the cloud's CALL about tokens, or about what it hasn't delivered."""
        if isinstance(self.desk, Witness):
            return None  # the station's own list is its own and the cloud's
        book = self.desk.book
        request = Request(id="", action=action, payload=payload, text="")
        if action in ("RemoteStartTransaction", "RequestStartTransaction"):
            shown = token_in(book.edition, request.fields)
            if shown is not None and mapping(answer).get("status") == "Accepted":
                book.tokens.asked_to_start(book.id, shown, self._clock.wall())
            return None
        if action in ("ReserveNow", "CancelReservation"):
            if mapping(answer).get("status") == "Accepted":
                local_list.reserve(book.tokens, book.id, book.edition, request, self._clock.wall())
            return None
        if action == "GetTransactionStatus":
            return delivery.transaction_status(book, request, answer)
        found = local_list.settle(book.tokens, book.id, book.edition, request, answer, error)
        if found.writes:
            self.runner.do([Keep(found.writes)])
        return found.payload

    def sent_again(self, slip: Slip, *, deferred: bool = False) -> None:
        """A message is on the disk to be delivered; of a station with a witness that is done after the next start."""
        if isinstance(self.desk, Desk):
            self.desk.sent_again(slip, deferred=deferred)

    def recheck(self) -> None:
        """What is known of tokens has changed."""
        self.runner.do(self.desk.recheck(self._clock.wall()))

    def forget_old(self) -> None:
        """To be called once a day."""
        self.runner.do(self.desk.forget_old(self._clock.wall()))

    def _time_shown(self, wall: datetime) -> datetime:
        return self._shown.at(wall, self._line.time_said() if self._line is not None else None)

    def _to_station(self, text: str) -> None:
        if self._line is not None:
            self._line.to_station(text)

    def _to_cloud(self, identifier: str, text: str) -> None:
        if self._line is not None:
            self._line.to_cloud(identifier, text)

    def _end_session(self, step: EndSession) -> None:
        self._listener(step)
        if self._line is not None and step.stop:
            self._line.end_session(step.transaction)
